/* SPDX-License-Identifier: Apache-2.0 */
/* Tables only: what a choice of fuzz_policy.c stands for. The first of each is good and common. */
#include "fuzz_fragments.h"

#define TABLE(name, ...)                                                                           \
    static const char *const name##_texts[] = { __VA_ARGS__ };                                     \
    static const struct fuzz_fragments name = { name##_texts,                                      \
                                                sizeof(name##_texts) / sizeof(name##_texts[0]) }
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

TABLE(cilium_selectors, "{matchLabels: {app: web}}", "{}", "{matchLabels: {app: db}}",
      "{matchLabels: {app: web, tier: front}}",
      "{matchExpressions: [{key: app, operator: In, values: [web, api]}]}",
      "{matchExpressions: [{key: app, operator: NotIn, values: [web]}]}",
      "{matchExpressions: [{key: team, operator: Exists}]}",
      "{matchExpressions: [{key: team, operator: DoesNotExist}]}", "{matchLabels: {app: '${APP}'}}",
      "{matchLabels: {app: '${UNSET}'}}", "{matchLabels: {pod-template-hash: abc}}",
      "{matchLabels: {app: web}, matchExpressions: [{key: app, operator: NotIn, values: [web]}]}",
      "{matchExpressions: [{key: app, operator: In, values: []}]}",
      "{matchExpressions: [{key: app, operator: Exists, values: [web]}]}",
      "{matchExpressions: [{key: app, operator: Near}]}", "{matchLabels: [app]}",
      "{matchLabels: {app: [web]}}", "{matchLabel: {app: web}}", "null", "[]", "{matchLabels: }",
      "{matchLabels: {'k8s:app': web}}", "{matchLabels: {'any:app': web}}",
      "{matchLabels: {'reserved:host': ''}}", "{matchLabels: {'reserved:init': ''}}",
      "{matchLabels: {'reserved:kube-apiserver': ''}}",
      "{matchLabels: {'k8s:io.kubernetes.pod.namespace': shop}}",
      "{matchLabels: {io.kubernetes.pod.namespace: data}}",
      "{matchLabels: {io.cilium.k8s.namespace.labels.team: shop}}",
      "{matchLabels: {'k8s:io.cilium.k8s.policy.cluster': default}}",
      "{matchLabels: {'k8s:io.cilium.k8s.policy.cluster': other}}",
      "{matchExpressions: [{key: 'k8s:io.kubernetes.pod.namespace', operator: Exists}]}",
      "{matchExpressions: [{key: 'reserved:host', operator: NotIn, values: ['']}]}",
      "{matchLabels: {'cidr:192.0.2.0/24': ''}}", "{matchLabels: {':app': web}}");

TABLE(knp_subjects, "podSelector: {}", "podSelector: {matchLabels: {app: web}}",
      "podSelector: {matchLabels: {app: db}}",
      "podSelector: {matchExpressions: [{key: app, operator: In, values: [web, db]}]}",
      "podSelector: {matchLabels: {app: '${APP}'}}", "podSelector: {matchLabels: {a: '${UNSET}'}}",
      "podSelector: {matchExpressions: [{key: x, operator: DoesNotExist}]}", "podSelector: null",
      "podSelector: []", "podselector: {}");
TABLE(knp_extras, "", ", policyTypes: [Ingress]", ", policyTypes: [Egress]",
      ", policyTypes: [Ingress, Egress]", ", policyTypes: []", ", policyTypes: [Neither]",
      ", policyTypes: Ingress", ", ingress: null", ", egress: [{}]", ", priority: 1");
TABLE(knp_peers, "{podSelector: {}}", "{podSelector: {matchLabels: {app: web}}}",
      "{namespaceSelector: {}}", "{namespaceSelector: {matchLabels: {team: shop}}}",
      "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: data}}}",
      "{namespaceSelector: {matchExpressions: [{key: team, operator: DoesNotExist}]}}",
      "{namespaceSelector: {}, podSelector: {matchLabels: {app: api}}}",
      "{ipBlock: {cidr: 192.0.2.0/24}}", "{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}",
      "{ipBlock: {cidr: 10.0.0.0/8}}", "{ipBlock: {cidr: '2001:db8::/32'}}",
      "{ipBlock: {cidr: '${NET}'}}", "{ipBlock: {cidr: '${UNSET}'}}",
      "{ipBlock: {cidr: 10.0.0.0/8, except: [192.0.2.0/24]}}", "{ipBlock: {cidr: 10.0.0.1}}",
      "{ipBlock: {cidr: 10.0.0.1/33}}", "{ipBlock: {}}",
      "{ipBlock: {cidr: 10.0.0.0/8}, "
      "podSelector: {}}",
      "{}", "null", "web", "{podSelector: []}");
TABLE(knp_ports, "{port: 80}", "{protocol: UDP, port: 53}", "{protocol: TCP}", "{}",
      "{port: 1, endPort: 65535}", "{port: http}", "{port: metrics, protocol: TCP}",
      "{protocol: SCTP, port: 80}", "{port: '80'}", "{port: '${PORT}'}", "{port: '${UNSET}'}",
      "{port: 5432}", "{port: 90, endPort: 80}", "{port: 70000}", "{port: 0}", "{endPort: 80}",
      "{port: http, endPort: 90}", "{protocol: ICMP}", "{port: -1}", "{port: 8e1}", "80", "null");

TABLE(cilium_subjects, "endpointSelector: {}", "endpointSelector: {matchLabels: {app: web}}",
      "endpointSelector: {matchLabels: {app: db}}",
      "endpointSelector: {matchLabels: "
      "{'k8s:io.kubernetes.pod.namespace': data}}",
      "endpointSelector: {matchLabels: {io.kubernetes.pod.namespace: data}}",
      "endpointSelector: {matchLabels: {'reserved:init': ''}}",
      "endpointSelector: {matchLabels: {'reserved:ingress': ''}}",
      "endpointSelector: {matchLabels: {'reserved:health': ''}}",
      "endpointSelector: {matchExpressions: [{key: app, operator: Exists}]}",
      "endpointSelector: {matchLabels: {app: '${UNSET}'}}", "nodeSelector: {}",
      "nodeSelector: {matchLabels: {role: worker}}", "endpointSelector: null",
      "endpointSelector: {}, nodeSelector: {}", "description: nothing");
TABLE(cilium_extras, "", ", enableDefaultDeny: {ingress: false}",
      ", enableDefaultDeny: {egress: false}", ", enableDefaultDeny: {ingress: true, egress: true}",
      ", enableDefaultDeny: {}", ", enableDefaultDeny: {egress: maybe}", ", description: text",
      ", labels: [{key: a, value: b}]", ", log: {value: x}", ", ingress: [{}]", ", egress: [{}]",
      ", egress: []", ", ingress: [{toPorts: []}]", ", bogus: 1");
TABLE(entities, "world", "all", "cluster", "host", "remote-node", "kube-apiserver", "world-ipv4",
      "world-ipv6", "ingress", "health", "init", "unmanaged", "none", "moon", "'${UNSET}'", "{}");
TABLE(cidrs, "192.0.2.0/24", "0.0.0.0/0", "'::/0'", "10.0.0.0/8", "192.0.2.9", "'2001:db8::/32'",
      "'${NET}'", "'${UNSET}'", "192.0.2.9/33", "nowhere", "null", "{}");
TABLE(cidr_sets, "{cidr: 192.0.2.0/24}", "{cidr: 0.0.0.0/0, except: [192.0.2.0/28]}",
      "{cidrGroupRef: partners}", "{cidrGroupRef: unknown}",
      "{cidrGroupSelector: {matchLabels: {side: out}}}", "{cidrGroupSelector: {}}",
      "{cidr: '${UNSET}'}", "{cidr: 192.0.2.9}", "{cidr: 10.0.0.0/8, cidrGroupRef: partners}",
      "{cidr: 10.0.0.0/8, except: [192.0.2.0/24]}",
      "{cidrGroupRef: partners, except: "
      "[192.0.2.0/25]}",
      "{cidrGroupRef: '${UNSET}'}", "{}", "192.0.2.0/24");
TABLE(names, "{matchName: www.example.org}", "{matchPattern: '*.example.org'}",
      "{matchPattern: '*'}", "{matchPattern: '**.example.org'}", "{matchName: WWW.EXAMPLE.ORG.}",
      "{matchName: '${UNSET}'}", "{matchName: 'a b'}", "{matchPattern: 'a.*.b'}", "{}",
      "{matchName: '', matchPattern: ''}", "www.example.org");
TABLE(open_peers, "{k8sService: {serviceName: db, namespace: data}}",
      "{matchLabels: {role: worker}}", "{aws: {labels: {a: b}}}", "{}", "null");
TABLE(requires, "{matchLabels: {app: web}}");
TABLE(port_entries, "{ports: [{port: '80', protocol: TCP}]}", "{ports: [{port: '53'}]}",
      "{ports: [{port: '53', protocol: ANY}, {port: '443', protocol: tcp}]}",
      "{ports: [{port: '1', endPort: 65535, protocol: UDP}]}", "{ports: [{port: '0'}]}",
      "{ports: [{port: metrics, protocol: TCP}]}", "{ports: [{port: 80}]}",
      "{ports: [{protocol: VRRP}]}", "{ports: [{protocol: GRE, port: '0'}]}",
      "{ports: [{port: '80', protocol: TCP}], rules: {http: [{method: GET}]}}",
      "{ports: [{port: '53'}], rules: {dns: [{matchPattern: '*'}]}}",
      "{ports: [{port: '443'}], serverNames: [www.example.org]}",
      "{ports: [{port: '80'}], listener: {name: l, envoyConfig: {name: e}}}",
      "{ports: [{port: '${PORT}'}]}", "{ports: [{port: '${UNSET}'}]}", "{ports: []}", "{}",
      "{ports: [{port: '99999'}]}", "{ports: [{port: '0x50'}]}", "{ports: [{port: '080'}]}",
      "{ports: [{port: a--b}]}", "{ports: [{port: '80', endPort: 99999}]}",
      "{ports: [{port: '80', protocol: ICMP}]}", "{ports: {port: '80'}}", "null",
      "{ports: [{port: '5432', protocol: SCTP}], rules: []}");
TABLE(icmp_entries, "{fields: [{type: 8}]}", "{fields: [{family: IPv6, type: 128}]}",
      "{fields: [{family: IPv4, type: EchoRequest}]}", "{fields: [{type: Bogus}]}",
      "{fields: [{type: 256}]}", "{fields: [{family: IPv5, type: 8}]}", "{fields: []}", "{}",
      "{fields: [{}]}", "{fields: [8]}");
TABLE(authentications, "{mode: disabled}", "{mode: required}", "{mode: other}", "{}", "null");

TABLE(admin_subjects, "priority: 10, subject: {namespaces: {}}",
      "priority: 20, subject: {namespaces: {matchLabels: {team: shop}}}",
      "priority: 10, subject: {pods: {namespaceSelector: {}, podSelector: {}}}",
      "priority: 10, subject: {pods: {podSelector: {matchLabels: {app: web}}}}",
      "priority: 0, subject: {pods: {namespaceSelector: {matchLabels: "
      "{kubernetes.io/metadata.name: data}}, podSelector: {matchLabels: {app: db}}}}",
      "priority: 1001, subject: {namespaces: {}}", "priority: '10', subject: {namespaces: {}}",
      "priority: 10, subject: {}", "priority: 10, subject: {namespaces: {}, pods: {}}",
      "subject: {namespaces: {}}", "priority: 10");
TABLE(cluster_subjects, "tier: Admin, priority: 10, subject: {namespaces: {}}",
      "tier: Baseline, priority: 10, subject: {namespaces: {}}",
      "tier: Admin, priority: 10, subject: {pods: {podSelector: {matchLabels: {app: web}}}}",
      "tier: Admin, priority: 20, subject: {namespaces: {matchLabels: {team: data}}}",
      "tier: Baseline, priority: 5, subject: {pods: {podSelector: {matchLabels: {app: db}}}}",
      "tier: Other, priority: 10, subject: {namespaces: {}}", "priority: 10, subject: {pods: {}}");
TABLE(admin_starts, "action: Allow", "action: Deny", "action: Pass", "action: Accept",
      "action: Allow, name: first", "action: Deny, name: ''", "name: x", "action: [Deny]");
TABLE(cluster_starts, "action: Accept", "action: Deny", "action: Pass", "action: Allow",
      "action: accept", "name: x");
TABLE(admin_peers, "{namespaces: {}}", "{namespaces: {matchLabels: {team: shop}}}",
      "{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}}",
      "{pods: {podSelector: {matchLabels: {app: db}}}}", "{nodes: {}}",
      "{nodes: {matchLabels: {role: worker}}}", "{networks: [192.0.2.0/24, '2001:db8::/32']}",
      "{networks: [0.0.0.0/0]}", "{domainNames: ['*.example.org', www.example.org]}",
      "{networks: ['${UNSET}']}", "{namespaces: {sameLabels: [team]}}", "{networks: []}",
      "{networks: [10.0.0.1]}", "{}", "{namespaces: {}, nodes: {}}", "null", "{pods: {}}");
TABLE(admin_ports, "{portNumber: {port: 80}}", "{portNumber: {protocol: UDP, port: 53}}",
      "{portRange: {start: 1, end: 65535}}", "{namedPort: http}", "{namedPort: metrics}",
      "{portRange: {protocol: SCTP, start: 9, end: 8}}", "{portNumber: {}}", "{portRange: {}}",
      "{portNumber: {port: 0}}", "{portNumber: {protocol: ICMP, port: 1}}", "{}", "80",
      "{namedPort: '${UNSET}'}", "{portNumber: {port: 80}, namedPort: http}");
TABLE(cluster_ports, "{tcp: {destinationPort: {number: 80}}}",
      "{udp: {destinationPort: {range: {start: 1, end: 65535}}}}", "{sctp: {}}",
      "{destinationNamedPort: http}", "{tcp: {destinationPort: {range: {start: 80, end: 80}}}}",
      "{tcp: {destinationPort: {}}}", "{tcp: null}", "{}", "{icmp: {}}");

static const struct fuzz_member knp_ingress[] = {
    { "from", true, &knp_peers },
    { "ports", true, &knp_ports },
};

static const struct fuzz_member knp_egress[] = {
    { "to", true, &knp_peers },
    { "ports", true, &knp_ports },
};

static const struct fuzz_section knp_sections[] = {
    { "ingress", NULL, knp_ingress, COUNT(knp_ingress) },
    { "egress", NULL, knp_egress, COUNT(knp_egress) },
};

static const struct fuzz_member from_members[] = {
    { "fromEndpoints", true, &cilium_selectors },  { "toPorts", true, &port_entries },
    { "fromEntities", true, &entities },           { "fromCIDR", true, &cidrs },
    { "fromCIDRSet", true, &cidr_sets },           { "icmps", true, &icmp_entries },
    { "authentication", false, &authentications }, { "fromNodes", true, &open_peers },
    { "fromGroups", true, &open_peers },           { "fromRequires", true, &requires },
};

static const struct fuzz_member to_members[] = {
    { "toEndpoints", true, &cilium_selectors }, { "toPorts", true, &port_entries },
    { "toEntities", true, &entities },          { "toCIDR", true, &cidrs },
    { "toCIDRSet", true, &cidr_sets },          { "toFQDNs", true, &names },
    { "icmps", true, &icmp_entries },           { "authentication", false, &authentications },
    { "toServices", true, &open_peers },        { "toNodes", true, &open_peers },
    { "toGroups", true, &open_peers },          { "toRequires", true, &requires },
};

static const struct fuzz_section cilium_sections[] = {
    { "ingress", NULL, from_members, COUNT(from_members) },
    { "egress", NULL, to_members, COUNT(to_members) },
    { "ingressDeny", NULL, from_members, COUNT(from_members) },
    { "egressDeny", NULL, to_members, COUNT(to_members) },
};

static const struct fuzz_member admin_from[] = {
    { "from", true, &admin_peers },
    { "ports", true, &admin_ports },
};

static const struct fuzz_member admin_to[] = {
    { "to", true, &admin_peers },
    { "ports", true, &admin_ports },
};

static const struct fuzz_section admin_sections[] = {
    { "ingress", &admin_starts, admin_from, COUNT(admin_from) },
    { "egress", &admin_starts, admin_to, COUNT(admin_to) },
};

static const struct fuzz_member cluster_from[] = {
    { "from", true, &admin_peers },
    { "protocols", true, &cluster_ports },
};

static const struct fuzz_member cluster_to[] = {
    { "to", true, &admin_peers },
    { "protocols", true, &cluster_ports },
};

static const struct fuzz_section cluster_sections[] = {
    { "ingress", &cluster_starts, cluster_from, COUNT(cluster_from) },
    { "egress", &cluster_starts, cluster_to, COUNT(cluster_to) },
};

TABLE(no_extras, "", ", bogus: 1", ", egress: null");

static const struct fuzz_family families[] = {
    { "networking.k8s.io/v1", "NetworkPolicy", false, NULL, &knp_subjects, knp_sections,
      COUNT(knp_sections), &knp_extras, NULL },
    { "cilium.io/v2", "CiliumNetworkPolicy", false, NULL, &cilium_subjects, cilium_sections,
      COUNT(cilium_sections), &cilium_extras, NULL },
    { "cilium.io/v2", "CiliumClusterwideNetworkPolicy", true, NULL, &cilium_subjects,
      cilium_sections, COUNT(cilium_sections), &cilium_extras, NULL },
    { "policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy", true, NULL, &admin_subjects,
      admin_sections, COUNT(admin_sections), &no_extras, NULL },
    { "policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy", true, NULL, &cluster_subjects,
      cluster_sections, COUNT(cluster_sections), &no_extras, NULL },
    { "policy.networking.k8s.io/v1alpha1", "BaselineAdminNetworkPolicy", true, "default",
      &admin_subjects, admin_sections, COUNT(admin_sections), &no_extras, NULL },
    { "crd.projectcalico.org/v1", "NetworkPolicy", false, NULL, &knp_subjects, knp_sections,
      COUNT(knp_sections), &knp_extras, NULL },
};

static const char *const inventory[] = {
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: shop}}\n",
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: data, labels: {team: data}}\n",
    "apiVersion: v1\nkind: Pod\n"
    "metadata: {name: web-1, namespace: shop, labels: {app: web, tier: front}}\n"
    "spec: {containers: [{name: c, ports: [{name: metrics, containerPort: 9090}, "
    "{name: http, containerPort: 80}]}]}\n"
    "status: {podIP: 10.0.0.1}\n",
    "apiVersion: v1\nkind: Pod\nmetadata: {name: db-1, namespace: data, labels: {app: db}}\n"
    "spec: {containers: [{name: c, ports: [{name: sql, containerPort: 5432}]}]}\n"
    "status: {podIP: 10.0.0.2, podIPs: [{ip: 10.0.0.2}, {ip: '2001:db8::2'}]}\n",
    "apiVersion: cilium.io/v2\nkind: CiliumEndpoint\nmetadata: {name: db-1, namespace: data}\n"
    "status: {identity: {id: 1002, labels: ['k8s:app=db', "
    "'k8s:io.kubernetes.pod.namespace=data', 'k8s:io.cilium.k8s.policy.cluster=default']}, "
    "networking: {addressing: [{ipv4: 10.0.0.2}]}}\n",
    "apiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: data}\n"
    "spec: {clusterIP: 10.96.0.10}\n",
    "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n"
    "status: {addresses: [{type: InternalIP, address: 172.18.0.2}]}\n",
    "apiVersion: cilium.io/v2\nkind: CiliumCIDRGroup\n"
    "metadata: {name: partners, labels: {side: out}}\n"
    "spec: {externalCIDRs: [192.0.2.0/24, '2001:db8::/32']}\n",
    "apiVersion: v1\nkind: Pod\nmetadata: {name: x-1, namespace: shop, labels: {app: api}}\n"
    "status: {podIP: 10.0.0.7}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api, namespace: shop}\n"
    "spec: {template: {metadata: {labels: {app: api, team: shop}}}}\n",
};

/* Rules of requests, and flows that carry some. */
TABLE(request_entries, "{ports: [{port: '80', protocol: TCP}], rules: {http: [{method: GET}]}}",
      "{ports: [{port: '80'}], rules: {http: [{path: '/a.*', host: 'a[.]example'}]}}",
      "{ports: [{port: '80'}], rules: {http: [{headers: ['x-key: v']}, {method: 'P(OS|U)T'}]}}",
      "{ports: [{port: '80'}], rules: {http: [{headerMatches: [{name: x-key, value: v}]}]}}",
      "{ports: [{port: '80'}], rules: {http: [{headerMatches: [{name: x-key, mismatch: LOG, "
      "secret: {name: s}}]}]}}",
      "{ports: [{port: '80'}], rules: {http: []}}", "{ports: [{port: '80'}], rules: {http: [{}]}}",
      "{ports: [{port: '80'}], rules: {http: [{method: '(?=G)GET'}]}}",
      "{ports: [{port: '80'}], rules: {http: [{path: '(a*)*b'}]}}",
      "{ports: [{port: '80'}], rules: {http: [{path: '['}]}}",
      "{ports: [{port: '80'}], rules: {http: [{path: '${APP}'}, {host: '${UNSET}'}]}}",
      "{ports: [{port: '53', protocol: UDP}], rules: {dns: [{matchPattern: '*.example.org'}]}}",
      "{ports: [{port: '53'}], rules: {dns: [{matchName: www.example.org}, {matchPattern: '*'}]}}",
      "{ports: [{port: '53'}], rules: {dns: [{matchPattern: '**.org'}]}}",
      "{ports: [{port: '53'}], rules: {dns: [{}]}}", "{ports: [{port: '53'}], rules: {dns: []}}",
      "{ports: [{port: '9092'}], rules: {kafka: [{role: produce, topic: logs}]}}",
      "{ports: [{port: '9092'}], rules: {kafka: [{apiKey: fetch, apiVersion: '5', clientID: c}]}}",
      "{ports: [{port: '9092'}], rules: {kafka: [{role: consume, apiKey: fetch}]}}",
      "{ports: [{port: '9092'}], rules: {kafka: [{apiVersion: five}]}}",
      "{ports: [{port: '80'}], rules: {l7proto: own, l7: [{a: b}]}}",
      "{ports: [{port: '80'}], rules: {http: [{}], dns: [{}]}}", "{ports: [{port: '80'}]}",
      "{ports: [{port: '443'}], serverNames: [www.example.org]}",
      "{ports: [{port: '80', protocol: UDP}], rules: {http: [{}]}}", "{ports: [{port: '53'}]}");

static const struct fuzz_member from_requests[] = {
    { "fromEndpoints", true, &cilium_selectors },
    { "toPorts", true, &request_entries },
    { "fromEntities", true, &entities },
    { "fromCIDRSet", true, &cidr_sets },
    { "icmps", true, &icmp_entries },
    { "fromNodes", true, &open_peers },
    { "authentication", false, &authentications },
    { "toPorts", true, &port_entries },
};

static const struct fuzz_member to_requests[] = {
    { "toEndpoints", true, &cilium_selectors },
    { "toPorts", true, &request_entries },
    { "toEntities", true, &entities },
    { "toCIDRSet", true, &cidr_sets },
    { "toFQDNs", true, &names },
    { "toServices", true, &open_peers },
    { "toNodes", true, &open_peers },
    { "toGroups", true, &open_peers },
    { "icmps", true, &icmp_entries },
    { "toPorts", true, &port_entries },
};

static const struct fuzz_section request_sections[] = {
    { "ingress", NULL, from_requests, COUNT(from_requests) },
    { "egress", NULL, to_requests, COUNT(to_requests) },
    { "ingressDeny", NULL, from_members, COUNT(from_members) },
    { "egressDeny", NULL, to_members, COUNT(to_members) },
};

static const struct fuzz_family request_families[] = {
    { "cilium.io/v2", "CiliumNetworkPolicy", false, NULL, &cilium_subjects, request_sections,
      COUNT(request_sections), &cilium_extras, NULL },
    { "cilium.io/v2", "CiliumClusterwideNetworkPolicy", true, NULL, &cilium_subjects,
      request_sections, COUNT(request_sections), &cilium_extras, NULL },
};

#define POD(namespace_name, app)                                                                   \
    "{\"ID\":12,\"identity\":1001,\"namespace\":\"" namespace_name "\",\"pod_name\":\"" app        \
    "-1\",\"labels\":[\"k8s:app=" app "\",\"k8s:io.kubernetes.pod.namespace=" namespace_name       \
    "\",\"k8s:io.cilium.k8s.policy.cluster=default\"]}"
#define SEEN(direction, reply, type)                                                               \
    "\"is_reply\":" reply ",\"traffic_direction\":\"" direction                                    \
    "\",\"event_type\":{\"type\":" type "},\"node_name\":\"default/n1\""
#define FLOW(from, to, l4, source, destination, rest)                                              \
    "{\"verdict\":\"FORWARDED\",\"time\":\"2026-01-01T00:00:00Z\",\"IP\":{\"source\":\"" from      \
    "\",\"destination\":\"" to "\"},\"l4\":{" l4 "},\"source\":" source                            \
    ",\"destination\":" destination "," rest "}\n"
#define PORTS(protocol, from, to)                                                                  \
    "\"" protocol "\":{\"source_port\":" from ",\"destination_port\":" to "}"
#define REQUEST(direction, what)                                                                   \
    SEEN(direction, "false", "129") ",\"Type\":\"L7\",\"l7\":{\"type\":\"REQUEST\"," what "}"
#define WORLD "{\"identity\":2,\"labels\":[\"reserved:world\"]}"

static const char *const requests[] = {
    FLOW("10.0.0.1", "10.0.0.2", PORTS("TCP", "4000", "80"), POD("shop", "web"), POD("data", "db"),
         REQUEST("EGRESS", "\"http\":{\"method\":\"GET\",\"url\":\"http://a.example/a/b?c\","
                           "\"protocol\":\"HTTP/1.1\",\"headers\":[{\"key\":\"X-Key\",\"value\":"
                           "\"v\"}]}")),
    FLOW("10.0.0.2", "10.0.0.1", PORTS("TCP", "4000", "80"), POD("data", "db"), POD("shop", "web"),
         REQUEST("INGRESS", "\"http\":{\"method\":\"PUT\",\"url\":\"/aaaaaaaaaaaaaaaaaaaaaac\"}")),
    FLOW("10.0.0.1", "10.96.0.10", PORTS("UDP", "4000", "53"), POD("shop", "web"), "{}",
         REQUEST("EGRESS", "\"dns\":{\"query\":\"www.example.org.\",\"qtypes\":[\"A\"]}")),
    FLOW("10.96.0.10", "10.0.0.1", PORTS("UDP", "53", "4000"), "{}", POD("shop", "web"),
         SEEN("INGRESS", "true",
              "129") ",\"Type\":\"L7\",\"l7\":{\"type\":\"RESPONSE\",\"dns\":{\"query\":"
                     "\"www.example.org.\",\"ips\":[\"192.0.2.9\"],\"ttl\":60,"
                     "\"rrtypes\":[\"A\"]}}"),
    FLOW("10.0.0.1", "192.0.2.9", PORTS("TCP", "4000", "80"), POD("shop", "web"), WORLD,
         SEEN("EGRESS", "false", "5")),
    FLOW("10.0.0.1", "10.0.0.2", PORTS("TCP", "4000", "9092"), POD("shop", "web"),
         POD("data", "db"),
         REQUEST("EGRESS", "\"kafka\":{\"api_key\":\"produce\",\"api_version\":5,\"topic\":"
                           "\"logs\"}")),
    FLOW("172.18.0.3", "10.0.0.1", PORTS("TCP", "4000", "80"), "{}", POD("shop", "web"),
         SEEN("INGRESS", "false", "5")),
    FLOW("172.18.0.2", "10.0.0.2", PORTS("TCP", "4000", "80"),
         "{\"identity\":1,\"labels\":[\"reserved:host\"]}", POD("data", "db"),
         SEEN("EGRESS", "false", "5")),
    FLOW("172.18.0.3", "172.18.0.2", PORTS("UDP", "4000", "53"), "{\"identity\":6}",
         "{\"identity\":1}", REQUEST("INGRESS", "\"dns\":{\"query\":\"x.org\"}")),
};

/* Objects of the inventory and the agent's settings, and policies that go by them. */
#define META(name) "metadata: {name: " name ", namespace: data, labels: {tier: store}}\n"
#define SLICE(labels, rest)                                                                        \
    "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: s#, namespace: data, " \
    "labels: {" labels "}}\n" rest "\n"
#define V1(kind, rest) "apiVersion: v1\nkind: " kind "\n" rest "\n"
#define NODE(kind, rest) "kind: " kind "\nmetadata: {name: m#, labels: {role: worker}}\n" rest "\n"
#define CNP(spec)                                                                                  \
    "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p#, namespace: "        \
    "shop}\nspec: {endpointSelector: {}, " spec "}\n"
#define CCNP(spec)                                                                                 \
    "apiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\nmetadata: {name: p#}\n"       \
    "spec: {" spec "}\n"
TABLE(objects, V1("Service", META("v#") "spec: {selector: {app: db}, ports: [{port: 80}]}"),
      V1("Service", META("v#") "spec: {clusterIP: 10.96.0.9, ports: [{port: 80}]}"),
      V1("Service", META("v#") "spec: {selector: [app]}"),
      V1("Service", META("v#") "spec: {type: ExternalName, externalName: www.example.org}"),
      V1("Service", META("v#") "spec: {clusterIP: None, clusterIPs: ['10.96.0.9', nowhere]}"),
      V1("Service", "metadata: {name: v#}"), V1("Service", "metadata: {}"),
      V1("Endpoints", META("v1") "subsets: [{addresses: [{ip: 192.0.2.9}, {ip: '2001:db8::9'}]}]"),
      V1("Endpoints", META("v2") "subsets: []"), V1("Endpoints", META("w#") "subsets: {}"),
      V1("Endpoints", META("w#") "subsets: [{addresses: [{ip: 300.1.1.1}]}]"),
      SLICE("kubernetes.io/service-name: v1", "endpoints: [{addresses: [192.0.2.9, 10.0.0.2]}]"),
      SLICE("kubernetes.io/service-name: v2", "endpoints: [{addresses: 7}]"),
      SLICE("a: b", "endpoints: []"), SLICE("kubernetes.io/service-name: ''", "endpoints: null"),
      NODE("Node\napiVersion: v1",
           "status: {addresses: [{type: InternalIP, address: 172.18.0.3}]}"),
      NODE("Node\napiVersion: v1", "status: {addresses: [{type: Hostname, address: n1}]}"),
      NODE("Node\napiVersion: v1", "status: {addresses: {}}"),
      NODE("CiliumNode\napiVersion: cilium.io/v2",
           "spec: {addresses: [{type: InternalIP, ip: 172.18.0.2}], health: {ipv4: 10.0.0.99}}"),
      NODE("CiliumNode\napiVersion: cilium.io/v2", "spec: {ingress: {ipv4: 10.0.0.98}, "
                                                   "addresses: [{ip: x}]}"),
      NODE("CiliumCIDRGroup\napiVersion: cilium.io/v2", "spec: {externalCIDRs: [192.0.2.0/24]}"),
      NODE("CiliumCIDRGroup\napiVersion: cilium.io/v2alpha1", "spec: {externalCIDRs: [a, 1]}"),
      NODE("CiliumIdentity\napiVersion: cilium.io/v2", "security-labels: {'k8s:app': web}"),
      NODE("Namespace\napiVersion: v1", "spec: {finalizers: [kubernetes]}"),
      V1("Pod", "metadata: {name: h#, namespace: shop, labels: {app: web}}\n"
                "spec: {hostNetwork: true}\nstatus: {podIP: 172.18.0.3}"),
      V1("Pod", "metadata: {name: h#, namespace: shop}\nspec: {hostNetwork: maybe}"),
      "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: web, namespace: shop}\n"
      "spec: {template: {metadata: {labels: {app: web}}, spec: {hostNetwork: true}}}\n",
      V1("List", "items: [{apiVersion: v1, kind: Namespace, metadata: {name: l#}}, 7]"),
      CNP("egress: [{toServices: [{k8sService: {serviceName: v1, namespace: data}}]}]"),
      CNP("egress: [{toServices: [{k8sServiceSelector: {selector: {matchLabels: {tier: store}}}}], "
          "toPorts: [{ports: [{port: '80'}]}]}]"),
      CNP("egressDeny: [{toServices: [{k8sService: {serviceName: v2}}]}]"),
      CNP("egress: [{toNodes: [{matchLabels: {role: worker}}]}], ingress: [{fromNodes: [{}]}]"),
      CNP("egress: [{toGroups: [{aws: {region: x}}]}]"),
      CNP("egress: [{toFQDNs: [{matchName: www.example.org}]}, {toEntities: [kube-apiserver]}]"),
      CNP("egress: [{toFQDNs: [{matchPattern: '**.org'}]}], ingress: [{fromEntities: [host]}]"),
      CCNP("nodeSelector: {}, ingress: [{fromEndpoints: [{}]}], egress: [{toEntities: [world]}]"),
      CCNP("nodeSelector: {matchLabels: {role: worker}}, ingress: [{toPorts: [{ports: [{port: "
           "'53'}], rules: {dns: [{matchPattern: '*'}]}}]}]"),
      CCNP("endpointSelector: {}, ingress: [{fromCIDR: [172.18.0.0/16]}], egress: [{toCIDRSet: "
           "[{cidrGroupSelector: {matchLabels: {role: worker}}}]}]"),
      "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: "
      "p#}\nspec: {tier: Admin, priority: 5, subject: {namespaces: {}}, egress: [{action: Deny, "
      "to: [{nodes: {matchLabels: {role: worker}}}]}]}\n");

static const struct fuzz_family object_families[] = {
    { NULL, NULL, false, NULL, NULL, NULL, 0, NULL, &objects },
};

#define CONFIG(data)                                                                               \
    V1("ConfigMap", "metadata: {name: cilium-config, namespace: kube-system}\ndata: {" data "}")

/* None, or one: of two the later counts, which is an order. */
TABLE(maps, "",
      CONFIG("enable-policy: always, enable-host-firewall: 'true', enable-node-selector-labels: "
             "'true', policy-cidr-match-mode: nodes, cluster-name: default"),
      CONFIG("enable-policy: never, fqdn-evidence: identity"),
      CONFIG("enable-host-firewall: 'true', labels: 'app !role k8s:io.kubernetes.pod.namespace'"),
      CONFIG("enable-host-firewall: 'false', policy-default-local-cluster: 'true'"),
      CONFIG("labels: '[', enable-policy: sometimes, policy-cidr-match-mode: 7"),
      CONFIG("labels: '', enable-non-default-deny-policies: 'false', policy-cidr-match-mode: ''"),
      CONFIG("policy-cidr-match-mode: 'nodes pods', fqdn-double-star: 'true'"), CONFIG("a: [b]"),
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cilium-config, namespace: kube-system}\n"
      "data: [a]\n");

enum { KNP = 0, CILIUM = 1, ADMIN = 3, BEHIND_ADMIN = 6 };

#define SET(from, to)                                                                              \
    {                                                                                              \
        families + (from), (to) - (from), inventory, COUNT(inventory), NULL, NULL, 0               \
    }

const struct fuzz_set fuzz_set_policy = SET(KNP, COUNT(families));
const struct fuzz_set fuzz_set_knp = SET(KNP, CILIUM);
const struct fuzz_set fuzz_set_admin = SET(ADMIN, BEHIND_ADMIN);
const struct fuzz_set fuzz_set_cilium = {
    request_families, COUNT(request_families), inventory, COUNT(inventory), &maps,
    requests,         COUNT(requests)
};
const struct fuzz_set fuzz_set_inventory = { object_families, COUNT(object_families),
                                             inventory,       COUNT(inventory),
                                             &maps,           requests,
                                             COUNT(requests) };
