# SPDX-License-Identifier: Apache-2.0
"""Small random clusters: namespaces, pods, policies of every kind, and connections as Hubble events.

    generate.py [--seed N] DIRECTORY       writes manifests.json, flows.jsonl, and settings.json where there are any
    make_cluster(seed)                     the same as (objects, events, settings)

The same seed gives the same cluster.  Values come from small pools so that selectors, addresses and ports meet; empty
and null forms, and forms that an API server refuses, come up with real weight.
"""
import argparse
import ipaddress
import json
import os
import random

POD_LABELS = {"app": ["web", "api", ""], "role": ["x", "y"], "app.kubernetes.io/name": ["web", "db"],
              "pod-template-hash": ["5f6c"], "statefulset.kubernetes.io/pod-name": ["web-0"],
              "topology.kubernetes.io/zone": ["z1"], "beta.kubernetes.io/os": ["linux"]}
COMMON_KEYS = ["app", "app", "app", "role", "role", "app.kubernetes.io/name", "pod-template-hash",
               "statefulset.kubernetes.io/pod-name", "topology.kubernetes.io/zone", "beta.kubernetes.io/os", "none"]
NAMESPACE_LABELS = {"team": ["a", "b"], "env": ["prod", "dev", ""], "app": ["web"]}
NAMESPACE_KEYS = ["team", "team", "env", "env", "app", "kubernetes.io/metadata.name", "none"]
NAMESPACES = ["shop", "pay", "default", "kube-system"]
PORT_NAMES = {"http": [("TCP", 80), ("TCP", 8080)], "dns": [("UDP", 53), ("TCP", 53), ("UDP", 5353)],
              "metrics": [("TCP", 9090), ("TCP", 80)], "sig": [("SCTP", 3868)]}
PORTS = [53, 79, 80, 81, 443, 3868, 5353, 8080, 9090]
WORLD = {4: ["1.1.1.1", "192.0.2.5", "192.0.2.130", "198.51.100.7", "203.0.113.9", "10.1.2.3", "10.244.9.9"],
         6: ["2001:db8::1", "2001:db8:1::5", "fd00:9::9"]}
CIDRS = ["0.0.0.0/0", "::/0", "192.0.2.0/24", "192.0.2.0/25", "192.0.2.128/25", "192.0.2.77/24", "198.51.100.7/32",
         "10.0.0.0/8", "10.244.0.0/16", "172.16.0.0/12", "203.0.113.0/24", "2001:db8::/32", "2001:db8:1::/48",
         "fd00::/8"]
HOLES = {"0.0.0.0/0": ["192.0.2.0/24", "10.0.0.0/8", "1.1.1.1/32"], "192.0.2.0/24": ["192.0.2.128/25", "192.0.2.5/32"],
         "10.0.0.0/8": ["10.244.0.0/16", "10.1.2.0/24"], "::/0": ["2001:db8:1::/48"],
         "2001:db8::/32": ["2001:db8:1::/48"], "fd00::/8": ["fd00:9::/32"]}
NAMES = ["api.example.org", "www.example.net", "a.b.example.org", "example.org", "WWW1.example.net"]
PATTERNS = ["*.example.org", "**.example.org", "*example.org", "*", "www*.example.net", "a.*.example.org", "API.*.org"]
# The nodes that the manifests may know, node-1 being the one that reports, and a third address that they never do
NODES = {4: ["172.16.0.1", "172.16.0.2", "172.16.9.9"], 6: ["fd00:16::1", "fd00:16::2", "fd00:16::99"]}
PER_NODE = {4: ["10.244.0.200", "10.244.0.201"], 6: ["fd00:244::200", "fd00:244::201"]}      # health and ingress
NODE_LABELS = {"zone": ["a", "b"], "pool": ["x", ""], "kubernetes.io/os": ["linux"]}
NODE_KEYS = ["zone", "zone", "pool", "pool", "kubernetes.io/os", "none"]
SERVICES = ["front", "back", "bare", "outside"]
SERVICE_LABELS = {"tier": ["a", "b"], "app": ["web", "api"]}
SETTINGS = {"enable-policy": ["default", "always", "always", "never"],
            "policy-cidr-match-mode": ["nodes", "nodes", "pods", "nodes,pods"],
            "policy-default-local-cluster": ["true", "false"], "fqdn-double-star": ["true", "false"],
            "enable-non-default-deny-policies": ["true", "false"],
            "enable-node-selector-labels": ["true", "true", "false"],
            "enable-host-firewall": ["true", "true", "false"], "fqdn-evidence": ["names", "identity"]}
METHODS = ["GET", "GET", "HEAD", "POST"]
URLS = ["http://api.example.org/v1/x", "http://api.example.org:8080/v1/x?y=1", "http://www.example.net/a12", "/v1/x",
        "/a1?q=2", "/v1/", "https://api.example.org/v2"]
PATHS = ["/v1/.*", "/a[0-9]+", "/v1/x", "/.*", "/v[12]"]
HOSTS = ["api[.]example[.]org(:[0-9]+)?", "www.example.net", ".*[.]org"]
ENTITIES = ["all", "world", "host", "remote-node", "kube-apiserver", "ingress", "health", "cluster", "cluster",
            "init", "unmanaged", "none"]
ABSENT = object()


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.chance = lambda share: self.random.random() < share
        self.pick = self.random.choice
        self.pods, self.namespaces, self.objects, self.events, self.queries = [], {}, [], [], 0
        self.host_pods, self.settings, self.host = [], {}, False
        # what the cluster is about, so that rules and events of one matter meet
        self.theme = self.one_of((10, "anything"), (4, "requests"), (2, "host"), (2, "services"), (2, "nodes"),
                                 (2, "names"))

    def about(self, theme, weight, otherwise):
        return weight if self.theme == theme else otherwise

    def make_settings(self):
        if self.chance(0.4):
            names = self.random.sample(sorted(SETTINGS), self.pick([1, 1, 2, 3]))
            self.settings = {name: self.pick(SETTINGS[name]) for name in names}
        for theme, name in (("host", "enable-host-firewall"), ("nodes", "enable-node-selector-labels"),
                            ("nodes", "policy-cidr-match-mode"), ("names", "fqdn-evidence")):
            if self.theme == theme and self.chance(0.5):
                self.settings[name] = self.pick(SETTINGS[name])

    def one_of(self, *weighted):
        """one_of((weight, value or function), ...)"""
        values = [v for _, v in weighted]
        value = self.random.choices(values, [w for w, _ in weighted])[0]
        return value() if callable(value) else value

    def some(self, low, high, make):
        return [make() for _ in range(self.random.randint(low, high))]

    def fields(self, **given):
        return {key: value for key, value in given.items() if value is not ABSENT}

    # Inventory ------------------------------------------------------------------------------------------------------

    def labels_from(self, pool, share):
        return {k: self.pick(v) for k, v in pool.items() if self.chance(share)}

    def make_inventory(self):
        for name in self.random.sample(NAMESPACES, self.random.randint(1, 4)):
            self.namespaces[name] = self.labels_from(NAMESPACE_LABELS, 0.5)
            if self.chance(0.9):
                labels = dict(self.namespaces[name])
                if self.chance(0.5):
                    labels["kubernetes.io/metadata.name"] = name
                self.objects.append({"apiVersion": "v1", "kind": "Namespace",
                                     "metadata": {"name": name, "labels": labels}})
        for number in range(self.random.randint(2, 6)):
            self.make_pod(number)
        for number in (1, 2):
            if self.chance(0.8):
                self.make_node(number)
        for number in range(self.pick([0, 0, 1, 2])):
            self.make_host_pod(number)
        for name in self.random.sample(SERVICES, self.about("services", 4, self.pick([0, 1, 2, 3]))):
            self.make_service(name)
        for name in ("partners", "offices"):
            if self.chance(0.7):
                self.objects.append({
                    "apiVersion": self.pick(["cilium.io/v2", "cilium.io/v2alpha1"]), "kind": "CiliumCIDRGroup",
                    "metadata": {"name": name, "labels": self.labels_from({"kind": ["p", "o"], "env": ["prod"]}, 0.5)},
                    "spec": {"externalCIDRs": self.some(0, 3, lambda: self.pick(CIDRS))}})

    def make_node(self, number):
        self.objects.append({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": "node-%d" % number, "labels": self.labels_from(NODE_LABELS, 0.6)},
            "status": {"addresses": [{"type": "InternalIP", "address": NODES[4][number - 1]},
                                     {"type": "InternalIP", "address": NODES[6][number - 1]},
                                     {"type": "Hostname", "address": "node-%d" % number}]}})

    def make_host_pod(self, number):
        """A pod with the network of its node."""
        node = self.pick([0, 1])
        pod = {"namespace": self.pick(list(self.namespaces)), "name": "h%d" % number, "node": node}
        self.objects.append({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": pod["name"], "namespace": pod["namespace"],
                         "labels": self.labels_from(POD_LABELS, 0.5)},
            "spec": {"hostNetwork": True, "nodeName": "node-%d" % (node + 1),
                     "containers": [{"name": "main", "image": "pause", "ports": self.container_ports()}]},
            "status": {"podIP": NODES[4][node]}})
        self.host_pods.append(pod)

    def make_service(self, name):
        namespace = self.pick(list(self.namespaces))
        labels = self.labels_from(SERVICE_LABELS, 0.6)
        meta = {"name": name, "namespace": namespace, "labels": labels}
        spec = {"ports": [{"port": 80}]}
        selects = name in ("front", "back")
        if selects:
            keys = self.some(1, 2, lambda: self.pick(COMMON_KEYS[:6]))
            spec["selector"] = {k: self.pick(POD_LABELS[k]) for k in keys}
        elif self.chance(0.3):
            spec["selector"] = {}
        self.objects.append({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
        if selects:
            return
        addresses = lambda: self.some(0, 3, lambda: self.pick(
            WORLD[4] * 2 + NODES[4][:2] + [pod["ip"][4] for pod in self.pods]))
        if self.chance(0.5):
            ips = sorted(set(addresses()))
            self.objects.append({
                "apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": name, "namespace": namespace},
                "subsets": [{"addresses": [{"ip": ip} for ip in ips], "ports": [{"port": 80}]}] if ips else []})
        for number in range(self.pick([0, 1, 2])):
            ips = sorted(set(addresses()))
            self.objects.append({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                "metadata": {"name": "%s-%d" % (name, number), "namespace": namespace,
                             "labels": {"kubernetes.io/service-name": name}},
                "endpoints": [{"addresses": [ip]} for ip in ips], "ports": [{"port": 80}]})

    def make_pod(self, number):
        namespace = self.pick(list(self.namespaces))
        pod = {"namespace": namespace, "labels": self.labels_from(POD_LABELS, 0.4), "number": number,
               "account": self.pick(["default", "default", "robot"]), "cluster": "default",
               "ip": {4: "10.244.%d.%d" % (number % 2, 10 + number), 6: "fd00:244::%x" % (16 + number)},
               "kept": self.one_of((15, "pod"), (2, "deployment"), (3, "nothing"))}
        pod["name"] = "p%d" % number + ("-5f6c7d8b9-abc%dz" % number if pod["kept"] == "deployment" else "")
        pod["workload"] = {"name": "p%d" % number, "kind": "Deployment" if pod["kept"] == "deployment" else "Pod"}
        if self.chance(0.07):
            pod.update(kept="nothing", cluster="other")
        spec = {"serviceAccountName": pod["account"],
                "containers": [{"name": "main", "image": "pause", "ports": self.container_ports()}]}
        if self.chance(0.25):
            taken = {port["name"] for port in spec["containers"][0]["ports"]}
            spec["initContainers"] = [{"name": "side", "image": "pause", "restartPolicy": "Always",
                                       "ports": [p for p in self.container_ports() if p["name"] not in taken]}]
        if pod["kept"] == "pod":
            ips = [pod["ip"][4], pod["ip"][6]]
            self.objects.append({
                "apiVersion": "v1", "kind": "Pod", "spec": spec,
                "metadata": {"name": pod["name"], "namespace": namespace, "labels": pod["labels"]},
                "status": {"podIP": ips[0], "podIPs": [{"ip": ip} for ip in ips]}})
        elif pod["kept"] == "deployment":
            labels = {k: v for k, v in pod["labels"].items() if k != "pod-template-hash"}
            self.objects.append({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": pod["workload"]["name"], "namespace": namespace, "labels": {"app": "web"}},
                "spec": {"template": {"metadata": {"labels": labels}, "spec": spec}}})
        self.pods.append(pod)

    def container_ports(self):
        ports, numbers = [], set()
        for name, choices in PORT_NAMES.items():
            for protocol, number in self.random.sample(choices, len(choices))[:self.pick([0, 1, 1, 2])]:
                if (name, protocol) not in numbers:
                    numbers.add((name, protocol))
                    ports.append(self.fields(name=name, containerPort=number, protocol=(
                        ABSENT if protocol == "TCP" and self.chance(0.5) else protocol)))
        return ports

    # Selectors ------------------------------------------------------------------------------------------------------

    def values_of(self, key):
        pool = {**NAMESPACE_LABELS, **POD_LABELS, **NODE_LABELS, **SERVICE_LABELS, "kind": ["p", "o"],
                "kubernetes.io/metadata.name": NAMESPACES,
                "io.kubernetes.pod.namespace": NAMESPACES, "io.cilium.k8s.policy.serviceaccount": ["default", "robot"],
                "io.cilium.k8s.policy.cluster": ["default", "other"]}
        plain = key.split(":")[-1].replace("io.cilium.k8s.namespace.labels.", "")
        found = pool.get(plain, ["v"])
        return found + NAMESPACE_LABELS.get(plain, [])

    def selector(self, keys, empty=0.3, bad=0.01):
        """A label selector over these keys: {}, matchLabels, matchExpressions, both, and forms that are empty."""
        if self.chance(empty):
            return self.one_of((6, {}), (1, {"matchLabels": {}}), (1, {"matchExpressions": []}))
        out = {}
        if self.chance(0.65):
            out["matchLabels"] = {k: self.pick(self.values_of(k)) for k in self.some(1, 2, lambda: self.pick(keys))}
        if self.chance(0.4) or not out:
            out["matchExpressions"] = self.some(1, 2, lambda: self.expression(keys))
        if self.chance(bad):
            out["matchExpressions"] = [self.one_of((1, {"key": "app", "operator": "In", "values": []}),
                                                   (1, {"key": "app", "operator": "Equals", "values": ["web"]}),
                                                   (1, {"key": "app", "operator": "Exists", "values": ["web"]}))]
        return out

    def expression(self, keys):
        key = self.pick(keys)
        operator = self.pick(["In", "NotIn", "NotIn", "Exists", "DoesNotExist"])
        if operator in ("In", "NotIn"):
            return {"key": key, "operator": operator, "values": sorted(set(self.some(
                1, 2, lambda: self.pick(self.values_of(key)))))}
        return self.fields(key=key, operator=operator, values=self.one_of((8, ABSENT), (1, []), (1, None)))

    def cilium_keys(self):
        keys = COMMON_KEYS + ["any:app", "k8s:app", "k8s:role", "k8s.app", "io.cilium.k8s.policy.serviceaccount"]
        return keys + ["k8s:io.kubernetes.pod.namespace", "io.kubernetes.pod.namespace",
                       "k8s:io.cilium.k8s.namespace.labels.team", "io.cilium.k8s.namespace.labels.env",
                       "io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name", "kubernetes.io/metadata.name",
                       "k8s:io.cilium.k8s.policy.cluster"]

    # NetworkPolicy --------------------------------------------------------------------------------------------------

    def maybe_list(self, rules, nulls=1, empties=1, absents=1):
        """A list, or one of the forms that look like none."""
        return self.one_of((8, rules), (absents, lambda: ABSENT), (nulls, None), (empties, lambda: []))

    def make_knp(self, name):
        spec = self.fields(
            podSelector=self.one_of((12, lambda: self.selector(COMMON_KEYS)), (1, lambda: ABSENT), (1, None)),
            policyTypes=self.one_of((4, lambda: ABSENT), (1, None), (1, lambda: []), (3, lambda: ["Ingress"]),
                                    (3, lambda: ["Egress"]), (3, lambda: ["Ingress", "Egress"])),
            ingress=self.maybe_list(lambda: self.some(1, 3, lambda: self.np_rule("from")), absents=2),
            egress=self.maybe_list(lambda: self.some(1, 3, lambda: self.np_rule("to")), absents=4))
        return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": self.metadata(name),
                "spec": spec}

    def metadata(self, name):
        """Without a namespace now and then, which is "default"."""
        namespace = self.pick(list(self.namespaces))
        return self.fields(name=name, namespace=ABSENT if namespace == "default" and self.chance(0.2) else namespace)

    def np_rule(self, peers):
        if self.chance(0.12):
            return {}
        rule = self.fields(ports=self.one_of((4, lambda: ABSENT), (1, None), (1, lambda: []),
                                             (8, lambda: self.some(1, 3, self.np_port))))
        listed = self.one_of((2, lambda: ABSENT), (1, None), (1, lambda: []),
                             (10, lambda: self.some(1, 3, self.np_peer)))
        if listed is not ABSENT:
            rule[peers] = listed
        return rule

    def np_peer(self):
        pods = lambda: self.selector(COMMON_KEYS)
        namespaces = lambda: self.selector(NAMESPACE_KEYS)
        return self.one_of(
            (4, lambda: {"podSelector": pods()}), (4, lambda: {"namespaceSelector": namespaces()}),
            (4, lambda: {"podSelector": pods(), "namespaceSelector": namespaces()}),
            (1, lambda: {"podSelector": pods(), "namespaceSelector": None}),
            (3, lambda: {"ipBlock": self.ip_block()}), (0.15, lambda: {}),
            (0.15, lambda: {"podSelector": {}, "ipBlock": self.ip_block()}))

    def ip_block(self):
        cidr = self.pick(CIDRS)
        holes = HOLES.get(cidr)
        return self.fields(cidr=cidr, **{"except": self.one_of(
            (6, lambda: ABSENT), (1, lambda: []), (1, None), (0.1, lambda: ["8.0.0.0/8"]), (0.1, lambda: [cidr]),
            (6, lambda: [self.pick(holes)] if holes else ABSENT))})

    def np_port(self):
        port = self.one_of((3, lambda: ABSENT), (1, None), (8, lambda: self.pick(PORTS)),
                           (4, lambda: self.pick(list(PORT_NAMES))))
        end = ABSENT
        if isinstance(port, int) and self.chance(0.3):
            end = port + self.pick([0, 1, 1000, 50000]) - (2 if self.chance(0.03) else 0)
        elif self.chance(0.01):
            end = 9000
        return self.fields(port=port, endPort=end if end is ABSENT else min(end, 65535),
                           protocol=self.one_of((3, lambda: ABSENT), (4, "TCP"), (3, "UDP"), (2, "SCTP"),
                                                (0.1, "ICMP"), (0.1, "tcp")))

    # AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy -------------------------------------------

    def make_anp(self, name):
        return self.tiered("AdminNetworkPolicy", "v1alpha1", name, {"priority": self.priority()},
                           ["Allow", "Deny", "Pass"])

    def make_banp(self, _name):
        name = "default" if self.chance(0.95) else "other"
        return self.tiered("BaselineAdminNetworkPolicy", "v1alpha1", name, {}, ["Allow", "Deny"])

    def make_kcnp(self, name):
        head = {"tier": self.one_of((6, "Admin"), (6, "Baseline"), (0.1, "admin")), "priority": self.priority()}
        return self.tiered("ClusterNetworkPolicy", "v1alpha2", name, head, ["Accept", "Deny", "Pass"])

    def priority(self):
        return self.one_of((6, lambda: self.random.randint(0, 3)), (1, 1000), (0.1, 1001))

    def tiered(self, kind, version, name, head, actions):
        v2 = version == "v1alpha2"
        spec = dict(head, subject=self.one_of(
            (3, lambda: {"namespaces": self.selector(NAMESPACE_KEYS)}),
            (3, lambda: {"pods": self.pods_peer()}), (0.05, lambda: {})))
        for direction, field in (("ingress", "from"), ("egress", "to")):
            rules = self.maybe_list(lambda: self.some(1, 4, lambda: self.tiered_rule(direction, field, actions, v2)))
            if rules is not ABSENT:
                spec[direction] = rules
        return {"apiVersion": "policy.networking.k8s.io/" + version, "kind": kind, "metadata": {"name": name},
                "spec": spec}

    def pods_peer(self):
        return {"namespaceSelector": self.selector(NAMESPACE_KEYS), "podSelector": self.selector(COMMON_KEYS)}

    def tiered_rule(self, direction, field, actions, v2):
        action = self.pick(actions) if self.chance(0.995) else "Log"
        plain = self.chance(0.6)        # without peers by address, so that named ports may be used
        peers = [(4, lambda: {"namespaces": self.selector(NAMESPACE_KEYS)}), (4, lambda: {"pods": self.pods_peer()}),
                 (0.05, {"namespaces": {"sameLabels": ["team"]}}),      # forms of v1alpha1 that are gone
                 (0.05, lambda: {"namespaces": {"namespaceSelector": self.selector(NAMESPACE_KEYS, bad=0)}})]
        if direction == "egress" and not plain:
            peers.append((5, lambda: {"networks": self.some(1, 3, lambda: self.pick(CIDRS))}))
            peers.append((self.about("nodes", 10, 2), lambda: {"nodes": self.selector(NODE_KEYS)}))
            if v2 and action == "Accept":
                peers.append((2, lambda: {"domainNames": self.some(1, 2, self.domain_name)}))
        rule = self.fields(action=action, name=self.one_of((1, lambda: ABSENT), (1, "rule")))
        rule[field] = self.some(1 if self.chance(0.995) else 0, 2, lambda: self.one_of(*peers))
        named = plain or self.chance(0.03)
        ports = self.one_of((5, lambda: ABSENT), (1, None), (0.2, lambda: []),
                            (7, lambda: self.some(1, 3, lambda: self.tiered_port(v2, named))))
        if ports is not ABSENT:
            rule["protocols" if v2 else "ports"] = ports
        return rule

    def domain_name(self):
        return self.one_of((1, lambda: self.pick(NAMES)), (1, "*.example.org"), (1, "*.example.net"))

    def tiered_port(self, v2, named):
        number, span = self.pick(PORTS), self.pick([1, 10, 1000])
        protocol = self.pick(["TCP", "UDP", "SCTP"])
        form = self.one_of((4, "number"), (3, "range"), (3 if named else 0, "name"), (1 if v2 else 0, "all"))
        name = self.pick(list(PORT_NAMES))
        if not v2:
            return {"number": {"portNumber": {"protocol": protocol, "port": number}}, "name": {"namedPort": name},
                    "range": {"portRange": {"protocol": protocol, "start": number, "end": number + span}}}[form]
        key = protocol.lower()
        return {"number": {key: {"destinationPort": {"number": number}}}, "name": {"destinationNamedPort": name},
                "range": {key: {"destinationPort": {"range": {"start": number, "end": number + span}}}},
                "all": {key: {}}}[form]

    # CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy -------------------------------------------------------------

    def make_cnp(self, name):
        return self.cilium("CiliumNetworkPolicy", self.metadata(name))

    def make_ccnp(self, name):
        return self.cilium("CiliumClusterwideNetworkPolicy", {"name": name})

    def cilium(self, kind, meta):
        obj = {"apiVersion": "cilium.io/v2", "kind": kind, "metadata": meta}
        if self.chance(0.85):
            obj["spec"] = self.cilium_rule(kind)
        else:
            obj["specs"] = self.some(1, 3, lambda: self.cilium_rule(kind))
            if self.chance(0.2):
                obj["spec"] = self.cilium_rule(kind)
        return obj

    def cilium_rule(self, kind):
        subject_keys = COMMON_KEYS + ["k8s:app", "any:role", "io.kubernetes.pod.namespace",
                                      "k8s:io.cilium.k8s.namespace.labels.team", "io.cilium.k8s.policy.serviceaccount"]
        rule = {"endpointSelector": self.selector(subject_keys, empty=self.about("anything", 0.45, 0.75))}
        if self.chance(0.01):
            refused = [{}, {"endpointSelector": None}]
            rule = self.pick(refused + [{"nodeSelector": {}}] if kind == "CiliumNetworkPolicy" else refused)
        elif kind == "CiliumClusterwideNetworkPolicy" and self.chance(self.about("host", 0.8, 0.1)):
            rule = {"nodeSelector": self.selector(NODE_KEYS, empty=0.5)}
        self.host = "nodeSelector" in rule
        for section, share in (("ingress", 0.55), ("egress", 0.55), ("ingressDeny", self.about("requests", 0.03, 0.25)),
                               ("egressDeny", self.about("requests", 0.03, 0.25))):
            if self.chance(share):
                rule[section] = self.one_of((12, lambda: self.some(1, 3, lambda: self.cilium_item(section))),
                                            (1, lambda: []), (1, None), (1, lambda: [{}]))
        if not any(section in rule for section in ("ingress", "egress", "ingressDeny", "egressDeny")):
            if self.chance(0.9):
                rule["ingress"] = [self.cilium_item("ingress")]
        flag = lambda: self.one_of((3, lambda: ABSENT), (3, False), (3, True), (0.5, None))
        default_deny = self.one_of((6, lambda: ABSENT), (1, lambda: {}), (0.1, None),
                                   (5, lambda: self.fields(ingress=flag(), egress=flag())))
        if default_deny is not ABSENT:
            rule["enableDefaultDeny"] = default_deny
        return rule

    def cilium_item(self, section):
        way = "from" if section.startswith("ingress") else "to"
        item = {}
        if self.chance(self.about("requests", 0.6, 0.78)):
            nodes = 0.06
            if self.settings.get("enable-node-selector-labels") == "true":
                nodes = self.about("nodes", 12, 2)
            names = {"egress": self.about("names", 12, 3), "egressDeny": 0.2}.get(section, 0)
            name = self.one_of((6, "Endpoints"), (4, "Entities"), (2, "CIDR"), (3, "CIDRSet"), (0.3, "Groups"),
                               (nodes, "Nodes"), (names, "FQDNs"),
                               (self.about("services", 16, 2) if way == "to" else 0, "Services"))
            peers = {"Endpoints": self.endpoints, "Entities": lambda: self.pick(ENTITIES), "CIDR": self.cidr,
                     "CIDRSet": self.cidr_set, "FQDNs": self.fqdn, "Services": self.to_service,
                     "Nodes": lambda: self.selector(NODE_KEYS),
                     "Groups": lambda: {"aws": {"securityGroupsIds": ["sg-1"]}}}[name]
            item[way + name] = self.one_of((10, lambda: self.some(1, 2, peers)), (1, lambda: []), (1, None))
            if self.chance(0.01):
                item[way + "Entities"], item[way + "CIDR"] = ["world"], ["192.0.2.0/24"]
        item.update(self.one_of((5, {}), (1, {"toPorts": []}), (1, {"toPorts": None}),
                                (8, lambda: {"toPorts": self.some(1, 2, lambda: self.to_ports(section))}),
                                (2, lambda: {"icmps": self.some(1, 2, self.icmps)}), (0.3, {"icmps": []}),
                                (0.1, {"toPorts": [{"ports": [{"port": "80"}]}], "icmps": [{"fields": []}]})))
        if not section.endswith("Deny") and self.chance(0.05):
            item["authentication"] = {"mode": self.one_of((6, "required"), (3, "disabled"), (2, "test-always-fail"),
                                                          (0.3, "sometimes"))}
        if self.chance(0.01):
            item[way + "Requires"] = self.some(0, 1, lambda: self.selector(COMMON_KEYS))
        return item

    def to_service(self):
        space = self.one_of((3, lambda: self.pick(list(self.namespaces))), (2, lambda: ABSENT), (1, ""))
        if self.chance(0.6):
            return {"k8sService": self.fields(serviceName=self.pick(SERVICES), namespace=space)}
        return {"k8sServiceSelector": self.fields(selector=self.selector(["tier", "tier", "app"]), namespace=space)}

    def endpoints(self):
        if self.chance(self.about("requests", 0.7, 0.25)):
            return {}
        if self.chance(0.05):
            return {"matchLabels": {"reserved:" + self.pick(["host", "remote-node", "world", "health", "ingress"]): ""}}
        return self.selector(self.cilium_keys(), empty=0.05)

    def cidr(self):
        return self.one_of((10, lambda: self.pick(CIDRS)), (1, "203.0.113.9"), (1, "2001:db8::1"),
                           (0.05, "10.0.0.0/33"))

    def cidr_set(self):
        cidr = self.pick(CIDRS)
        holes = HOLES.get(cidr)
        return self.one_of(
            (8, lambda: self.fields(cidr=cidr, **{"except": self.one_of(
                (4, lambda: ABSENT), (1, lambda: []), (1, None), (0.1, lambda: ["8.8.0.0/16"]),
                (6, lambda: self.random.sample(holes, self.random.randint(1, len(holes))) if holes else ABSENT))})),
            (2, lambda: {"cidrGroupRef": self.pick(["partners", "offices"])}),
            (2, lambda: {"cidrGroupSelector": {"matchLabels": {"kind": self.pick(["p", "o"])}}}),
            (1, lambda: {"cidrGroupSelector": {"matchExpressions": [
                {"key": self.pick(["kind", "env"]), "operator": self.pick(["Exists", "In"]), "values": ["p"]}]}}),
            (0.05, lambda: {}), (0.05, lambda: {"cidr": cidr, "cidrGroupRef": "partners"}))

    def fqdn(self):
        return self.one_of((4, lambda: {"matchName": self.pick(NAMES)}),
                           (4, lambda: {"matchPattern": self.pick(PATTERNS)}),
                           (0.05, lambda: {"matchName": "*.example.org"}))

    def to_ports(self, section):
        ruled = self.about("requests", 40, 4)
        if section.endswith("Deny") or (self.host and section == "ingress"):
            ruled = 0
        return self.one_of((12, lambda: {"ports": self.some(1, 3, self.cilium_port)}), (1, {}), (1, {"ports": []}),
                           (1, {"ports": None}), (ruled, lambda: self.l7_ports(section)),
                           (self.about("requests", 6, 2), lambda: {"ports": [self.l7_port("http")]}),
                           (0.5, lambda: self.odd_ports(section)))

    def l7_port(self, parser):
        """Few ports, so that rules of one port meet."""
        if parser == "dns":
            return self.fields(port="53", protocol=self.one_of((3, "ANY"), (3, "UDP"), (1, "TCP"), (1, lambda: ABSENT)))
        port = self.one_of((6, "80"), (3, "8080"), (1, "http"), (1, "9090")) if parser == "http" else self.pick(
            ["9090", "9090", "9090", "80"])
        return {"port": port, "protocol": "TCP"}

    def l7_ports(self, section):
        parser = "dns" if self.host else self.one_of((6, "http"), (2, "kafka"),
                                                     (3 if section == "egress" else 0, "dns"))
        make = {"http": self.http_rule, "dns": self.dns_rule, "kafka": self.kafka_rule}[parser]
        entry = {"ports": self.some(1, 2, lambda: self.l7_port(parser)),
                 "rules": {parser: self.one_of((10, lambda: self.some(1, 2, make)), (1, lambda: []))}}
        if parser == "http" and self.chance(0.05):
            entry["terminatingTLS"] = {"secret": {"namespace": "default", "name": "cert"}}
            if self.chance(0.5):
                entry["serverNames"] = ["api.example.org"]
        return entry

    def odd_ports(self, section):
        """Entries that the agent refuses, most of them; and what changes nothing at L4."""
        port = self.l7_port("http")
        any_name = {"dns": [{"matchPattern": "*"}]}
        odd = [{"ports": [port], "serverNames": ["api.example.org"]},
               {"ports": [port], "rules": {"l7proto": "cassandra", "l7": [{"query_action": "select"}]}},
               {"ports": [port], "rules": {}}, {"ports": [port], "rules": {"http": [], "kafka": []}},
               {"ports": [port], "originatingTLS": {"secret": {"name": "cert"}}}]
        refused = [{"ports": [{"port": "80", "protocol": "UDP"}], "rules": {"http": [{}]}},
                   {"ports": [{"port": "0", "protocol": "TCP"}], "rules": {"http": [{}]}},
                   {"ports": [port], "rules": {"http": [{}], "kafka": [{"topic": "orders"}]}},
                   {"ports": [port], "rules": {"http": [{}]}, "serverNames": ["api.example.org"]},
                   {"ports": [{"port": "53", "protocol": "ANY", "endPort": 60}], "rules": any_name},
                   {"rules": any_name},
                   {"ports": [{"port": "9090", "protocol": "TCP"}],
                    "rules": {"kafka": [{"apiKey": "produce", "role": "produce"}]}}]
        if section.startswith("ingress"):
            refused.append({"ports": [{"port": "53", "protocol": "UDP"}], "rules": any_name})
        listener = {"envoyConfig": {"kind": "CiliumEnvoyConfig", "name": "c"}, "name": "l"}
        listener = {"ports": [port], "listener": listener}
        (odd if section == "egress" else refused).append(listener)
        if section.endswith("Deny"):
            return self.pick([{"ports": [port], "rules": {"http": []}}, {"ports": [port], "rules": {"http": [{}]}}])
        return self.pick(odd if self.chance(0.6) else refused)

    def http_rule(self):
        rule = self.fields(
            method=self.one_of((3, lambda: ABSENT), (3, "GET"), (1, "GET|HEAD"), (1, "P.*")),
            path=self.one_of((3, lambda: ABSENT), (4, lambda: self.pick(PATHS))),
            host=self.one_of((6, lambda: ABSENT), (2, lambda: self.pick(HOSTS))),
            headers=self.one_of((6, lambda: ABSENT), (1, lambda: ["X-K: v"]), (1, lambda: ["X-K"]),
                                (0.5, lambda: ["x-k v", "X-L"])))
        if self.chance(0.15):
            rule["headerMatches"] = self.some(1, 2, lambda: self.fields(
                name=self.pick(["X-K", "x-l"]), value=self.one_of((1, lambda: ABSENT), (2, "v"), (1, "w")),
                mismatch=self.one_of((3, lambda: ABSENT), (1, lambda: self.pick(["LOG", "ADD", "DELETE", "REPLACE"])))))
            if self.chance(0.2):
                rule["headerMatches"][0].pop("value", None)
                rule["headerMatches"][0]["secret"] = {"name": "s", "namespace": "default"}
        return rule

    def dns_rule(self):
        return self.one_of((3, lambda: {"matchName": self.pick(NAMES)}),
                           (4, lambda: {"matchPattern": self.pick(PATTERNS)}),
                           (0.5, lambda: {"matchName": self.pick(NAMES), "matchPattern": self.pick(PATTERNS)}))

    def kafka_rule(self):
        kind = self.one_of((2, {}), (3, lambda: {"apiKey": self.pick(["produce", "Fetch", "metadata", "heartbeat"])}),
                           (3, lambda: {"role": self.pick(["produce", "consume"])}))
        return dict(kind, **self.fields(apiVersion=self.one_of((5, lambda: ABSENT), (1, "0"), (1, "3")),
                                        topic=self.one_of((2, lambda: ABSENT), (2, "orders"), (1, "logs")),
                                        clientID=self.one_of((9, lambda: ABSENT), (1, "c1"))))

    def cilium_port(self):
        port = self.one_of((8, lambda: str(self.pick(PORTS))), (2, "0"), (4, lambda: self.pick(list(PORT_NAMES))),
                           (0.4, "HTTP"), (0.06, 80), (0.06, lambda: ABSENT), (0.06, "70000"))
        end = self.one_of((8, lambda: ABSENT), (2, lambda: self.pick([1, 80, 443, 8080, 65535])), (0.5, 0))
        if port == "0":
            end = ABSENT
        return self.fields(port=port, endPort=end, protocol=self.one_of(
            (3, lambda: ABSENT), (1, ""), (3, "ANY"), (4, "TCP"), (3, "UDP"), (2, "SCTP"), (0.5, "tcp"),
            (0.06, "ICMP")))

    def icmps(self):
        field = lambda: self.fields(
            type=self.one_of((3, 8), (2, 128), (1, 13), (1, 135), (3, "EchoRequest")),
            family=self.one_of((2, lambda: ABSENT), (2, "IPv4"), (3, "IPv6")))
        return self.one_of((12, lambda: {"fields": self.some(1, 2, field)}), (1, {"fields": []}))

    # Policies -------------------------------------------------------------------------------------------------------

    def make_policies(self):
        kinds = self.one_of(
            (4, ["knp", "cnp", "ccnp", "anp", "banp", "kcnp"]), (3, ["knp"]), (4, ["cnp", "ccnp"]),
            (3, ["knp", "anp", "banp"]), (3, ["knp", "kcnp"]), (2, ["kcnp", "cnp", "ccnp"]),
            (2, ["knp", "cnp", "ccnp"]))
        if self.theme != "anything":
            kinds = self.one_of((6, ["cnp", "ccnp"]), (2, ["ccnp"]), (1, ["cnp", "ccnp", "knp"]),
                                (self.about("nodes", 3, 1), ["cnp", "ccnp", "kcnp"]),
                                (self.about("nodes", 2, 0), ["anp", "banp", "kcnp"]))
        count = self.random.randint(0 if self.theme == "anything" else 1, 6)
        for number in range(count):
            kind = self.pick(kinds)
            if kind == "banp" and any(o["kind"] == "BaselineAdminNetworkPolicy" for o in self.objects):
                continue
            # now and then an object that is written twice: the later counts
            name = "%s-%d" % (kind, 0 if self.chance(0.03) else number)
            self.objects.append(getattr(self, "make_" + kind)(name))

    # Connections ----------------------------------------------------------------------------------------------------

    def make_events(self, connections):
        for _ in range(connections):
            self.queries += 1
            self.one_of((20, self.pod_to_pod),
                        (self.about("names", 40, 10), lambda: self.outside("egress", self.world)),
                        (7, lambda: self.outside("ingress", self.world)),
                        (self.about("nodes", 20, 4), lambda: self.outside("egress", self.node)),
                        (self.about("nodes", 20, 7), lambda: self.outside("ingress", self.node)),
                        (1, self.not_a_pod), (0.5, self.to_itself), (self.about("host", 70, 1), self.host_subject),
                        (self.about("requests", 100, 4), self.request), (2, self.host_pod_event),
                        (self.about("names", 20, 1), self.dns_answer))

    def family(self):
        return 4 if self.chance(0.8) else 6

    def pod_end(self, pod, family, near):
        """A pod as the event writes it: the near side has an ID and workloads, the far side may lack its labels."""
        labels = {"k8s:" + k: v for k, v in pod["labels"].items() if k in ("app", "role", "app.kubernetes.io/name")}
        space = {**self.namespaces[pod["namespace"]], "kubernetes.io/metadata.name": pod["namespace"]}
        labels.update({"k8s:io.cilium.k8s.namespace.labels." + k: v for k, v in space.items()})
        labels.update({"k8s:io.kubernetes.pod.namespace": pod["namespace"],
                       "k8s:io.cilium.k8s.policy.cluster": pod["cluster"],
                       "k8s:io.cilium.k8s.policy.serviceaccount": pod["account"]})
        identity = 20001 + pod["number"] + (0x10000 if pod["cluster"] == "other" else 0)
        end = {"identity": identity, "cluster_name": pod["cluster"], "namespace": pod["namespace"],
               "labels": sorted(k + "=" + v for k, v in labels.items()), "pod_name": pod["name"]}
        if near:
            end["ID"], end["workloads"] = 101 + pod["number"], [pod["workload"]]
        if self.chance(0.02 if near else 0.08) and pod["cluster"] == "default":
            del end["labels"]
            if not near:
                for key in self.one_of((1, []), (1, ["pod_name", "namespace"]),
                                       (1, ["pod_name", "namespace", "identity", "cluster_name"]), (1, ["identity"])):
                    del end[key]
        return end, pod["ip"][family]

    def world(self, family):
        address = self.pick(WORLD[family])
        names, labels = [], ["reserved:world"]
        if self.chance(0.5):
            names = self.some(1, 2, lambda: self.pick(NAMES))
        identity = 2
        if self.chance(0.3):
            matching = [c for c in CIDRS if address_in(address, c)]
            labels += ["cidr:" + network_text(self.pick(matching))] if matching else []
            identity = 16777217 + self.random.randint(0, 50)
        elif self.chance(0.15):
            labels += ["fqdn:" + self.pick(["api.example.org", "*.example.org", "www.example.net"])]
            identity = 16777300
        if self.chance(0.06):
            labels.append("reserved:kube-apiserver")
            identity = 16777400
        end = {"identity": identity, "labels": sorted(set(labels))}
        if self.chance(0.06):
            end = self.one_of((1, {"identity": identity}), (1, {}), (1, {"identity": 0, "labels": []}))
        return end, address, names

    def node(self, family):
        """Peers that are neither pods nor the world."""
        host = {"identity": 1, "labels": ["reserved:host"]}
        if self.chance(0.15):
            zone = ["node:%s=%s" % item for item in sorted(self.labels_from(NODE_LABELS, 0.6).items())]
            end = {"identity": 0x02000001, "labels": sorted(["reserved:remote-node"] + zone)}
            return end, self.pick(NODES[family][1:]), []
        if self.chance(0.04):
            return {}, self.pick(NODES[family][:2]), []         # known by its address, if at all
        end = self.one_of(
            (4, host), (3, {"identity": 6, "labels": ["reserved:remote-node"]}),
            (2, {"identity": 7, "labels": ["reserved:kube-apiserver", "reserved:remote-node"]}),
            (1, {"identity": 1, "labels": ["reserved:host", "reserved:kube-apiserver"]}),
            (2, {"identity": 8, "labels": ["reserved:ingress"]}), (2, {"identity": 4, "labels": ["reserved:health"]}),
            (0.2, {"identity": 7, "labels": ["reserved:kube-apiserver"]}), (0.1, {"identity": 7}),
            (0.3, {"identity": 1}), (0.3, {"identity": 6}), (0.2, {"identity": 8}), (0.2, {"identity": 4}))
        number = end.get("identity")
        addresses = {1: [NODES[family][0], NODES[family][2]], 4: PER_NODE[family][:1], 8: PER_NODE[family][1:]}
        return dict(end), self.pick(addresses.get(number, NODES[family][1:])), []

    def pod_to_pod(self):
        source, destination = self.random.sample(self.pods, 2)
        family, layer = self.layer()
        for direction in ("EGRESS", "INGRESS"):
            near_source = direction == "EGRESS"
            if (source if near_source else destination)["cluster"] == "other":
                continue                # another cluster's events are in another cluster's log
            src, src_ip = self.pod_end(source, family, near_source)
            dst, dst_ip = self.pod_end(destination, family, not near_source)
            self.event(direction, src, src_ip, dst, dst_ip, layer, family, [])

    def local_pod(self):
        return self.pick([p for p in self.pods if p["cluster"] == "default"] or [dict(self.pods[0], cluster="default")])

    def outside(self, direction, make):
        family, layer = self.layer()
        near, near_ip = self.pod_end(self.local_pod(), family, True)
        far, far_ip, names = make(family)
        if direction == "egress":
            self.event("EGRESS", near, near_ip, far, far_ip, layer, family, names)
        else:
            self.event("INGRESS", far, far_ip, near, near_ip, layer, family, [])

    def not_a_pod(self):
        """Events of endpoints that are no pods: the host, the health and the ingress endpoint."""
        family, layer = self.layer()
        near, near_ip, _ = self.node(family)
        far, far_ip = self.pod_end(self.pick(self.pods), family, False)
        self.event("EGRESS", near, near_ip, far, far_ip, layer, family, [])

    def far_end(self, family):
        """The other end of an event of a node, a pod of that node now and then."""
        def pod(near):
            return self.pod_end(self.pick(self.pods), family, near) + ([],)
        far = self.one_of((4, lambda: pod(False)), (2, lambda: pod(True)), (4, lambda: self.world(family)),
                          (4, lambda: self.node(family)))
        return self.world(family) if far[0].get("identity") == 1 else far       # what a host says to itself is not seen

    def host_subject(self):
        """Events of the host endpoint."""
        family, layer = self.layer()
        host = {"ID": 7, "identity": 1, "labels": ["reserved:host"]}
        far, far_ip, names = self.far_end(family)
        self.either_way(host, NODES[family][0], far, far_ip, layer, family, names)

    def either_way(self, near, near_ip, far, far_ip, layer, family, names, **more):
        if self.chance(0.5):
            self.event("EGRESS", near, near_ip, far, far_ip, layer, family, names, **more)
        else:
            self.event("INGRESS", far, far_ip, near, near_ip, layer, family, [], **more)

    def host_pod_event(self):
        """A pod with the network of its node, by its name alone: as the other end, or as the subject."""
        if not self.host_pods:
            return
        family, layer = self.layer()
        pod = self.pick(self.host_pods)
        end, ip = {"namespace": pod["namespace"], "pod_name": pod["name"]}, NODES[family][pod["node"]]
        if self.chance(0.8):
            near, near_ip = self.pod_end(self.local_pod(), family, True)
            self.either_way(near, near_ip, end, ip, layer, family, [])
        else:
            far, far_ip, names = self.far_end(family)
            self.either_way(end, ip, far, far_ip, layer, family, names)

    # Records of proxies

    def request(self):
        parser = self.one_of((6, "http"), (4, "dns"), (2, "kafka"))
        family, port = self.family(), {"http": [80, 80, 80, 8080, 9090], "dns": [53], "kafka": [9090, 9090, 80]}[parser]
        protocol = "UDP" if parser == "dns" and self.chance(0.7) else "TCP"
        layer = {protocol: {"source_port": self.random.randint(32768, 60999), "destination_port": self.pick(port)}}
        l7 = {"type": "REQUEST", parser: {"http": self.http_request, "dns": self.dns_request,
                                          "kafka": self.kafka_request}[parser]()}
        near, near_ip = self.pod_end(self.local_pod(), family, True)
        far, far_ip, names = self.one_of((8, lambda: self.pod_end(self.pick(self.pods), family, False) + ([],)),
                                         (2, lambda: self.world(family)), (1, lambda: self.node(family)))
        if parser == "dns":
            if self.chance(self.about("host", 0.7, 0.03)):
                near, near_ip = {"ID": 7, "identity": 1, "labels": ["reserved:host"]}, NODES[family][0]
            self.event("EGRESS", near, near_ip, far, far_ip, layer, family, names, l7=l7)
        else:
            self.either_way(near, near_ip, far, far_ip, layer, family, names, l7=l7)

    def http_request(self):
        def value():
            return self.one_of((4, "v"), (2, "w"), (1, "HUBBLE_REDACTED"))
        headers = [{"key": "Accept", "value": "*/*"}]
        headers += [{"key": key, "value": value()} for key in ("X-K", "X-L") if self.chance(0.5)]
        if self.chance(0.4):
            headers.append({"key": self.pick(["Host", ":authority"]),
                            "value": self.pick(["api.example.org", "www.example.net:80", "HUBBLE_REDACTED"])})
        return self.fields(method=self.pick(METHODS), url=self.pick(URLS), protocol="HTTP/1.1",
                           headers=ABSENT if self.chance(0.15) else sorted(headers, key=lambda h: h["key"]))

    def dns_request(self):
        return {"query": self.pick(NAMES) + ".", "qtypes": ["A"], "observation_source": "proxy"}

    def kafka_request(self):
        kind = self.pick(["produce", "fetch", "metadata", "heartbeat", "apiversions", "createtopics"])
        return self.fields(api_key=kind, api_version=self.one_of((1, lambda: ABSENT), (1, 3), (1, 5)),
                           topic=self.one_of((3, "orders"), (1, "logs"), (1, lambda: ABSENT)))

    def dns_answer(self):
        """What a proxy saw answered: a reply, its ends and ports turned round."""
        family = self.family()
        near, near_ip = self.pod_end(self.local_pod(), family, True)
        server, server_ip = self.pod_end(self.pick(self.pods), family, False)
        dns = dict(self.dns_request(), **self.fields(
            ips=sorted(set(self.some(1, 3, lambda: self.pick(WORLD[family])))),
            ttl=self.one_of((1, lambda: ABSENT), (3, 5), (3, 20), (3, 3600)),
            rcode=self.one_of((9, lambda: ABSENT), (1, 3))))
        layer = {"UDP": {"source_port": 53, "destination_port": self.random.randint(32768, 60999)}}
        self.event("EGRESS", server, server_ip, near, near_ip, layer, family, [], reply=True,
                   l7={"type": "RESPONSE", "dns": dns}, second=self.random.randint(0, 59))

    def to_itself(self):
        family, layer = self.layer()
        end, ip = self.pod_end(self.local_pod(), family, True)
        self.event(self.pick(["EGRESS", "INGRESS"]), end, ip, end, ip, layer, family, [])

    def layer(self):
        family = self.family()
        protocol = self.one_of((10, "TCP"), (6, "UDP"), (3, "SCTP"), (4, "ICMP"))
        if protocol == "ICMP":
            types = [8, 8, 8, 13] if family == 4 else [128, 128, 128, 135]
            return family, {"ICMPv%d" % family: {"type": self.pick(types)}}
        layer = {"source_port": self.random.randint(32768, 60999), "destination_port": self.pick(PORTS)}
        if protocol == "TCP":
            layer["flags"] = {"SYN": True}
        return family, {protocol: layer}

    def event(self, direction, source, source_ip, destination, destination_ip, layer, family, names, l7=None,
              reply=False, second=None):
        # whole seconds now and then, so that an answer's time to live ends right there
        fraction = 0 if self.chance(0.3) else len(self.events) + 1
        time = "2026-01-01T00:00:%02d.%09dZ" % (self.queries % 60 if second is None else second, fraction)
        node = "default/node-2" if self.chance(0.08) else "default/node-1"
        flow = {"time": time, "uuid": "q%d-%s" % (self.queries, direction.lower()), "verdict": "FORWARDED",
                "IP": {"source": source_ip, "destination": destination_ip, "ipVersion": "IPv%d" % family},
                "l4": layer, "source": source, "destination": destination, "Type": "L3_L4",
                "node_name": node, "event_type": {"type": 5}, "traffic_direction": direction,
                "policy_match_type": 2, "is_reply": reply, "Summary": next(iter(layer))}
        if l7:
            del flow["policy_match_type"]
            flow.update(Type="L7", l7=l7, event_type={"type": 129})
        if names:
            flow["destination_names"] = names
        self.events.append({"flow": flow, "node_name": node, "time": time})


def address_in(address, cidr):
    return ipaddress.ip_address(address) in ipaddress.ip_network(cidr, strict=False)


def network_text(cidr):
    return str(ipaddress.ip_network(cidr, strict=False)).replace("::/", "--0/" if cidr.startswith("::/") else "::/")


def make_cluster(seed, connections=40):
    generator = Generator(seed)
    generator.make_settings()
    generator.make_inventory()
    generator.make_policies()
    generator.make_events(connections)
    return generator.objects, generator.events, generator.settings


def write_cluster(directory, objects, events, settings):
    os.makedirs(directory, exist_ok=True)
    told = os.path.join(directory, "settings.json")
    if os.path.exists(told):
        os.remove(told)
    if settings:
        with open(told, "w", encoding="utf-8") as out:
            json.dump(settings, out, indent=1)
            out.write("\n")
    with open(os.path.join(directory, "manifests.json"), "w", encoding="utf-8") as out:
        json.dump({"apiVersion": "v1", "kind": "List", "items": objects}, out, indent=1)
        out.write("\n")
    with open(os.path.join(directory, "flows.jsonl"), "w", encoding="utf-8") as out:
        for event in events:
            out.write(json.dumps(event, separators=(",", ":")) + "\n")


def main():
    parser = argparse.ArgumentParser(description="writes one random cluster: manifests.json and flows.jsonl")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--connections", type=int, default=40)
    parser.add_argument("directory")
    options = parser.parse_args()
    write_cluster(options.directory, *make_cluster(options.seed, options.connections))


if __name__ == "__main__":
    main()
