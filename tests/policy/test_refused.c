/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects that a cluster would refuse: each gives one error note with its place, contributes
 * nothing, and leaves the other documents of its file alone. Then every field of a policy with
 * every wrong type in its place.
 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "manifest/node.h"
#include "world.h"

/* An '@' in an object stands in front of the place that the note should name. */
#define BAD_KNP(spec) KNP("bad", "bad", spec)
#define BAD_CNP(spec) CNP("bad", "bad", spec)
#define BAD_CCNP(spec) CCNP("bad", spec)
#define BAD_KCNP(rules)                                                                            \
    OBJECT("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy", "{name: bad}",             \
           "{tier: Admin, priority: 1, subject: {namespaces: {}}, " rules "}")
#define RULES(section) BAD_CNP("{endpointSelector: {}, " section "}")
#define EGRESS(item) RULES("egress: [" item "]")
#define TO_PORTS(entry) EGRESS("{toPorts: [" entry "]}")

#define BEFORE KNP("web", "before", "{podSelector: {}}")
#define BEHIND CNP("ops", "behind", "{endpointSelector: {}, egress: [{}]}")

struct refusal {
    const char *object, *message;
};

/* The text without its marker, and where that stood. */
static void
take_marker(struct flow_buf *out, const char *text, uint32_t *line, uint32_t *column)
{
    const char *start = text;

    *line = *column = 0;
    for (; *text != '\0'; text++) {
        if (*text == '@') {
            assert_int_equal(*line, 0);
            *column = (uint32_t)(text - start) + 1;
            *line = 1;
            for (const char *at = out->ptr; at < out->ptr + out->len; at++) {
                *line += *at == '\n';
            }
            continue;
        }
        start = *text == '\n' ? text + 1 : start;
        flow_buf_add_char(out, *text);
    }
}

static unsigned
differs(const struct refusal *refusal, const char *what, const char *found, const char *expected)
{
    print_message("# expected %s \"%s\", found \"%s\"\n# of %s", what, expected, found,
                  refusal->object);
    return 1;
}

/* The one error note, against what it should be. */
static unsigned
compare_note(const struct refusal *refusal, const struct flow_error *error, uint32_t line,
             uint32_t column)
{
    const char *slash = strrchr(error->input, '/');
    char found[64], expected[64];
    unsigned wrong = 0;

    snprintf(found, sizeof(found), "%u:%u", error->line, error->column);
    snprintf(expected, sizeof(expected), "%u:%u", line, column);
    if (strcmp(found, expected) != 0) {
        wrong += differs(refusal, "place", found, expected);
    }
    if (strcmp(error->message, refusal->message) != 0) {
        wrong += differs(refusal, "message", error->message, refusal->message);
    }
    if (strncmp(error->message, "expected ", 9) != 0 ||
        strstr(error->message, ", found ") == NULL) {
        wrong += differs(refusal, "form", error->message, "expected ..., found ...");
    }
    if (slash == NULL || strcmp(slash + 1, WORLD_FILE) != 0) {
        wrong += differs(refusal, "file", error->input, WORLD_FILE);
    }
    assert_int_equal(error->status, FLOW_E_INVALID);
    return wrong;
}

static unsigned
compare_notes(const struct refusal *refusal, const struct flow_policies *policies, uint32_t line,
              uint32_t column)
{
    unsigned wrong = 0;
    size_t errors = 0;

    for (size_t i = 0; i < flow_policies_note_count(policies); i++) {
        const struct flow_note *note = flow_policies_note_at(policies, i);

        if (note->level == FLOW_NOTE_ERROR) {
            errors++;
            wrong += compare_note(refusal, &note->error, line, column);
        }
    }
    assert_int_equal(flow_policies_error_count(policies), errors);
    if (errors != 1) {
        print_message("# expected 1 error, found %zu\n# of %s", errors, refusal->object);
        wrong++;
    }
    return wrong;
}

static unsigned
check_refusals(const char *engine, const struct refusal *refusals, size_t count)
{
    static const struct world_flow flows[] = {
        { "world", "bad/x", "TCP 80", 'i', "allow_default" },
        { "bad/x", "world", "TCP 80", 'e', "allow_default" },
        { "world", "web/x", "TCP 80", 'i', "deny_default", .by = "before" },
        { "ops/x", "world", "TCP 80", 'e', "deny_default", .by = "behind" },
    };
    const struct world_options options = { .engine = engine };
    unsigned wrong = 0;

    for (size_t i = 0; i < count; i++) {
        struct flow_policies *policies;
        struct flow_buf text = { 0 };
        uint32_t line, column;
        unsigned found;

        flow_buf_add_text(&text, BEFORE);
        take_marker(&text, refusals[i].object, &line, &column);
        flow_buf_add(&text, BEHIND, sizeof(BEHIND));
        assert_false(text.failed);
        policies = world_load(&options, text.ptr);
        found = compare_notes(&refusals[i], policies, line, column);
        found += flow_policies_count(policies) != 2;
        found += world_check(policies, flows, COUNT(flows));
        if (found > 0) {
            print_message("# in %s", refusals[i].object);
        }
        wrong += found;
        flow_policies_free(policies);
        flow_buf_free(&text);
    }
    return wrong;
}

static const struct refusal network_policies[] = {
    { BAD_KNP("{podSelector: {}, policyTypes: [@Both]}"),
      "expected Ingress or Egress at policyTypes[], found \"Both\"" },
    { BAD_KNP("{podSelector: {}, policyTypes: [Ingress, @egress]}"),
      "expected Ingress or Egress at policyTypes[], found \"egress\"" },
    { BAD_KNP("{podSelector: {}, ingress: [{from: [@{}]}]}"),
      "expected podSelector, namespaceSelector or ipBlock in a peer, found none" },
    { BAD_KNP("{podSelector: {}, egress: [{to: [@{podSelector: null}]}]}"),
      "expected podSelector, namespaceSelector or ipBlock in a peer, found none" },
    { BAD_KNP("{podSelector: {}, ingress: [{from: [{podSelector: {}, ipBlock: @{cidr: "
              "10.0.0.0/8}}]}]}"),
      "expected ipBlock alone in its peer, found a selector beside it" },
    { BAD_KNP("{podSelector: {}, ingress: [{from: [{namespaceSelector: {}, ipBlock: @{cidr: "
              "10.0.0.0/8}}]}]}"),
      "expected ipBlock alone in its peer, found a selector beside it" },
    { BAD_KNP("{podSelector: {}, ingress: [{from: [{ipBlock: @{}}]}]}"),
      "expected a string at ipBlock.cidr, found nothing" },
    { BAD_KNP("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: @10.0.0.0/33}}]}]}"),
      "expected a CIDR prefix at ipBlock.cidr, found \"10.0.0.0/33\"" },
    { BAD_KNP("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: @10.0.0.1}}]}]}"),
      "expected a CIDR prefix at ipBlock.cidr, found \"10.0.0.1\"" },
    { BAD_KNP("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: @'2001:db8::/129'}}]}]}"),
      "expected a CIDR prefix at ipBlock.cidr, found \"2001:db8::/129\"" },
    { BAD_KNP("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: "
              "[@10.1.2.3]}}]}]}"),
      "expected a CIDR prefix at except[], found \"10.1.2.3\"" },
    { BAD_KNP("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: "
              "[10.1.0.0/16, @11.0.0.0/16]}}]}]}"),
      "expected an exception inside cidr, found \"11.0.0.0/16\"" },
    /* strictly inside */
    { BAD_KNP("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: "
              "[@10.0.0.0/8]}}]}]}"),
      "expected an exception inside cidr, found \"10.0.0.0/8\"" },
    { BAD_KNP("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: "
              "[@10.0.0.0/7]}}]}]}"),
      "expected an exception inside cidr, found \"10.0.0.0/7\"" },
    { BAD_KNP("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: "
              "[@'2001:db8::/32']}}]}]}"),
      "expected an exception inside cidr, found \"2001:db8::/32\"" },
    { BAD_KNP("{podSelector: {}, ingress: [{ports: [{port: @0}]}]}"),
      "expected a number from 1 to 65535 at port, found \"0\"" },
    { BAD_KNP("{podSelector: {}, ingress: [{ports: [{port: @65536}]}]}"),
      "expected a number from 1 to 65535 at port, found \"65536\"" },
    { BAD_KNP("{podSelector: {}, ingress: [{ports: [{port: @-1}]}]}"),
      "expected a number from 1 to 65535 at port, found \"-1\"" },
    { BAD_KNP("{podSelector: {}, ingress: [{ports: [{port: @'80'}]}]}"),
      "expected a port's number or name, found \"80\"" },
    { BAD_KNP("{podSelector: {}, ingress: [{ports: [{port: @Http}]}]}"),
      "expected a port's number or name, found \"Http\"" },
    { BAD_KNP("{podSelector: {}, ingress: [{ports: [{port: @a-name-of-16-byt}]}]}"),
      "expected a port's number or name, found \"a-name-of-16-byt\"" },
    { BAD_KNP("{podSelector: {}, ingress: [{ports: [{port: @a--b}]}]}"),
      "expected a port's number or name, found \"a--b\"" },
    { BAD_KNP("{podSelector: {}, ingress: [{ports: [{port: @''}]}]}"),
      "expected a port's number or name, found \"\"" },
    { BAD_KNP("{podSelector: {}, ingress: [{ports: [{endPort: @90}]}]}"),
      "expected a numeric port beside endPort, found none" },
    { BAD_KNP("{podSelector: {}, ingress: [{ports: [{port: http, endPort: @90}]}]}"),
      "expected a numeric port beside endPort, found a name" },
    { BAD_KNP("{podSelector: {}, ingress: [{ports: [{port: 80, endPort: @79}]}]}"),
      "expected endPort not below port, found \"79\"" },
    { BAD_KNP("{podSelector: {}, ingress: [{ports: [{port: 80, endPort: @65536}]}]}"),
      "expected a number from 1 to 65535 at endPort, found \"65536\"" },
    { BAD_KNP("{podSelector: {}, ingress: [{ports: [{protocol: @ICMP}]}]}"),
      "expected TCP, UDP or SCTP at protocol, found \"ICMP\"" },
    { BAD_KNP("{podSelector: {}, ingress: [{ports: [{protocol: @tcp}]}]}"),
      "expected TCP, UDP or SCTP at protocol, found \"tcp\"" },
    /* rules that have no effect are checked too */
    { BAD_KNP("{podSelector: {}, policyTypes: [Ingress], egress: [{to: [@{}]}]}"),
      "expected podSelector, namespaceSelector or ipBlock in a peer, found none" },
    { BAD_KNP("{podSelector: {matchLabels: {app: @1}}}"),
      "expected a string in quotes at a label's value, found \"1\"" },
    { BAD_KNP("{podSelector: {matchLabels: {app: @on}}}"),
      "expected a string in quotes at a label's value, found \"on\"" },
    { BAD_KNP("{podSelector: {matchLabels: {app: @'b c'}}}"),
      "expected a label value, found \"b c\"" },
    { BAD_KNP("{podSelector: {matchLabels: {app: @-x}}}"), "expected a label value, found \"-x\"" },
    { BAD_KNP("{podSelector: {matchLabels: {@a b: c}}}"), "expected a label key, found \"a b\"" },
    { BAD_KNP("{podSelector: {matchLabels: {@'k8s:app': c}}}"),
      "expected a label key, found \"k8s:app\"" },
    { BAD_KNP("{podSelector: {matchExpressions: [{key: app, operator: @Equals, values: [a]}]}}"),
      "expected In, NotIn, Exists or DoesNotExist at operator, found \"Equals\"" },
    { BAD_KNP("{podSelector: {matchExpressions: [@{key: app, values: [a]}]}}"),
      "expected In, NotIn, Exists or DoesNotExist at operator, found nothing" },
    { BAD_KNP("{podSelector: {matchExpressions: [@{operator: Exists}]}}"),
      "expected a string at matchExpressions[].key, found nothing" },
    { BAD_KNP("{podSelector: {matchExpressions: [{key: app, operator: @In}]}}"),
      "expected values for operator In, found none" },
    { BAD_KNP("{podSelector: {matchExpressions: [{key: app, operator: NotIn, values: @[]}]}}"),
      "expected values for operator NotIn, found none" },
    { BAD_KNP("{podSelector: {matchExpressions: [{key: app, operator: Exists, values: @[a]}]}}"),
      "expected no values for operator Exists, found some" },
    { BAD_KNP("{podSelector: {matchExpressions: [{key: app, operator: DoesNotExist, values: "
              "@[a]}]}}"),
      "expected no values for operator DoesNotExist, found some" },
    { OBJECT("networking.k8s.io/v1", "NetworkPolicy", "@{namespace: bad}", "{podSelector: {}}"),
      "expected metadata.name, found none" },
};

static void
network_policies_that_the_api_refuses_contribute_nothing(void **state)
{
    (void)state;
    assert_int_equal(check_refusals(ENGINE_CILIUM, network_policies, COUNT(network_policies)), 0);
}

static void
cluster_network_policies_without_their_parts_contribute_nothing(void **state)
{
    static const struct refusal refusals[] = {
        { BAD_KCNP("ingress: [{action: Deny, from: [{namespaces: {}}], protocols: @[]}]"),
          "expected 1 to 25 protocols, found none" },
    };

    (void)state;
    assert_int_equal(check_refusals("cilium-1.20", refusals, COUNT(refusals)), 0);
}

static const struct refusal objects[] = {
    { BAD_CNP("@{endpointSelector: {}}"),
      "expected a rule in ingress, ingressDeny, egress or egressDeny, found none" },
    { BAD_CNP("@{endpointSelector: {}, ingress: []}"),
      "expected a rule in ingress, ingressDeny, egress or egressDeny, found none" },
    { BAD_CNP("@{endpointSelector: {}, ingress: [], egress: [], enableDefaultDeny: {ingress: "
              "true}}"),
      "expected a rule in ingress, ingressDeny, egress or egressDeny, found none" },
    { BAD_CNP("@{endpointSelector: {}, ingress: null, ingressDeny: [], egress: null, egressDeny: "
              "[]}"),
      "expected a rule in ingress, ingressDeny, egress or egressDeny, found none" },
    { BAD_CNP("@{ingress: [{}]}"),
      "expected one of endpointSelector and nodeSelector, found none" },
    { BAD_CNP("{endpointSelector: {}, nodeSelector: @{}, ingress: [{}]}"),
      "expected endpointSelector in a CiliumNetworkPolicy, found nodeSelector" },
    { BAD_CNP("{nodeSelector: @{}, ingress: [{}]}"),
      "expected endpointSelector in a CiliumNetworkPolicy, found nodeSelector" },
    { BAD_CCNP("@{endpointSelector: {}, nodeSelector: {}, ingress: [{}]}"),
      "expected one of endpointSelector and nodeSelector, found both" },
    { BAD_CCNP("@{ingress: [{}]}"),
      "expected one of endpointSelector and nodeSelector, found none" },
    /* null is no map for a custom resource */
    { BAD_CNP("{endpointSelector: @null, ingress: [{}]}"),
      "expected a map at endpointSelector, found null" },
    { BAD_CNP("{endpointSelector: {}, nodeSelector: @null, ingress: [{}]}"),
      "expected a map at nodeSelector, found null" },
    { BAD_CNP("{endpointSelector: {}, enableDefaultDeny: @null, ingress: [{}]}"),
      "expected a map at enableDefaultDeny, found null" },
    { BAD_CNP("{endpointSelector: {matchLabels: @null}, ingress: [{}]}"),
      "expected a map at matchLabels, found null" },
    { "@apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: bad, namespace: "
      "bad}\n---\n",
      "expected spec or specs, found none" },
    { "@apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: bad, namespace: "
      "bad}\nspecs: []\n---\n",
      "expected spec or specs, found none" },
    /* one bad rule refuses the whole object */
    { "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: bad, namespace: bad}\n"
      "spec: {endpointSelector: {}, ingress: [{}], egress: [{}]}\n"
      "specs:\n- {endpointSelector: {}, ingress: [{}]}\n- @{endpointSelector: {}}\n---\n",
      "expected a rule in ingress, ingressDeny, egress or egressDeny, found none" },
    { BAD_CNP("{endpointSelector: {}, ingress: [{}], egress: [{}, {toEntities: [@nobody]}]}"),
      "expected an entity such as world or cluster, found \"nobody\"" },
    { BAD_CNP("{endpointSelector: {}, ingress: [{}], log: {value: "
              "@123456789-123456789-123456789-123}}"),
      "expected at most 32 characters at log.value, found \"123456789-123456789-123456789-123\"" },
    { BAD_CNP("{endpointSelector: {}, ingress: [{}], enableDefaultDeny: {ingress: @'true'}}"),
      "expected true or false at enableDefaultDeny, found \"true\"" },
    { BAD_CNP("{endpointSelector: {}, ingress: [{fromEntities: [all], authentication: {mode: "
              "@always}}]}"),
      "expected disabled, required or test-always-fail at mode, found \"always\"" },
    { BAD_CNP("{endpointSelector: {matchLabels: {app: @1}}, ingress: [{}]}"),
      "expected a string in quotes at a label's value, found \"1\"" },
    { BAD_CNP("{endpointSelector: {matchExpressions: [{key: app, operator: @Equals}]}, ingress: "
              "[{}]}"),
      "expected In, NotIn, Exists or DoesNotExist at operator, found \"Equals\"" },
};

static void
cilium_policies_without_their_parts_contribute_nothing(void **state)
{
    (void)state;
    assert_int_equal(check_refusals(ENGINE_CILIUM, objects, COUNT(objects)), 0);
}

#define COMBINED(second, first)                                                                    \
    "expected one kind of peer in a rule, found " second " beside " first
#define REQUIRES(name) "expected no " name ", which Cilium has removed, found some"

static const struct refusal peers[] = {
    { RULES("ingress: [{fromEndpoints: [{}], fromEntities: @[world]}]"),
      COMBINED("fromEntities", "fromEndpoints") },
    { RULES("ingress: [{fromCIDR: [10.0.0.0/8], fromCIDRSet: @[{cidr: 11.0.0.0/8}]}]"),
      COMBINED("fromCIDRSet", "fromCIDR") },
    { RULES("ingress: [{fromEndpoints: [{}], fromCIDR: @[10.0.0.0/8], toPorts: [{ports: [{port: "
            "'80'}]}]}]"),
      COMBINED("fromCIDR", "fromEndpoints") },
    { RULES("ingress: [{fromNodes: [{}], fromGroups: @[{aws: {region: x}}]}]"),
      COMBINED("fromGroups", "fromNodes") },
    { RULES("ingressDeny: [{fromEntities: [world], fromCIDR: @[10.0.0.0/8]}]"),
      COMBINED("fromCIDR", "fromEntities") },
    { EGRESS("{toEndpoints: [{}], toFQDNs: @[{matchName: a.x.io}]}"),
      COMBINED("toFQDNs", "toEndpoints") },
    { EGRESS("{toEntities: [world], toServices: @[{k8sService: {serviceName: s}}]}"),
      COMBINED("toServices", "toEntities") },
    { EGRESS("{toCIDR: [10.0.0.0/8], toEndpoints: [], toGroups: @[{aws: {region: x}}]}"),
      COMBINED("toGroups", "toCIDR") },
    { RULES("egressDeny: [{toEndpoints: [{}], toNodes: @[{}]}]"),
      COMBINED("toNodes", "toEndpoints") },
    { RULES("ingress: [{fromEntities: [@World]}]"),
      "expected an entity such as world or cluster, found \"World\"" },
    { EGRESS("{toCIDR: [@10.0.0.0/33]}"),
      "expected a CIDR prefix or an address, found \"10.0.0.0/33\"" },
    { EGRESS("{toCIDR: [10.0.0.0/8, @10.0.0]}"),
      "expected a CIDR prefix or an address, found \"10.0.0\"" },
    { EGRESS("{toCIDRSet: [@{}]}"),
      "expected one of cidr, cidrGroupRef and cidrGroupSelector, found none" },
    { EGRESS("{toCIDRSet: [@{except: [10.0.0.0/8]}]}"),
      "expected one of cidr, cidrGroupRef and cidrGroupSelector, found none" },
    { EGRESS("{toCIDRSet: [@{cidr: 10.0.0.0/8, cidrGroupRef: g}]}"),
      "expected one of cidr, cidrGroupRef and cidrGroupSelector, found several" },
    { EGRESS("{toCIDRSet: [@{cidrGroupRef: g, cidrGroupSelector: {}}]}"),
      "expected one of cidr, cidrGroupRef and cidrGroupSelector, found several" },
    { EGRESS("{toCIDRSet: [{cidr: @10.0.0.1}]}"), "expected a CIDR prefix, found \"10.0.0.1\"" },
    { EGRESS("{toCIDRSet: [{cidr: 10.0.0.0/8, except: [@11.0.0.0/16]}]}"),
      "expected an exception inside cidr, found \"11.0.0.0/16\"" },
    { EGRESS("{toCIDRSet: [{cidr: 10.0.0.0/8, except: [@10.0.0.1]}]}"),
      "expected a CIDR prefix at except[], found \"10.0.0.1\"" },
    { EGRESS("{toFQDNs: [{matchName: @'*.x.io'}]}"), "expected a DNS name, found \"*.x.io\"" },
    { EGRESS("{toFQDNs: [{matchName: @a b.x.io}]}"), "expected a DNS name, found \"a b.x.io\"" },
    { EGRESS("{toFQDNs: [{matchPattern: @'*.x.io/'}]}"),
      "expected a DNS name pattern, found \"*.x.io/\"" },
    { EGRESS("{toFQDNs: [@{matchName: a.x.io, matchPattern: '*'}]}"),
      "expected one of matchName and matchPattern, found both" },
    { RULES("ingress: [{fromRequires: @[{matchLabels: {a: b}}]}]"), REQUIRES("fromRequires") },
    { EGRESS("{toRequires: @[{}], toEndpoints: [{}]}"), REQUIRES("toRequires") },
};

static void
peers_that_the_agent_refuses_contribute_nothing(void **state)
{
    (void)state;
    assert_int_equal(check_refusals(ENGINE_CILIUM, peers, COUNT(peers)), 0);
}

static const struct refusal ports[] = {
    { EGRESS("{toPorts: [{ports: [{port: '80'}]}], icmps: @[{fields: [{type: 8}]}]}"),
      "expected icmps or toPorts in a rule, found both" },
    { TO_PORTS("{ports: [@{protocol: TCP}]}"), "expected a port, found none" },
    { TO_PORTS("{ports: [{port: @''}]}"), "expected a port, found none" },
    { TO_PORTS("{ports: [{port: @80}]}"), "expected a string in quotes at port, found \"80\"" },
    { TO_PORTS("{ports: [{port: @'65536'}]}"), "expected a port from 0 to 65535, found \"65536\"" },
    { TO_PORTS("{ports: [{port: @'99999999999999999999'}]}"),
      "expected a port from 0 to 65535, found \"99999999999999999999\"" },
    /* a zero in front is for octal digits */
    { TO_PORTS("{ports: [{port: @'08'}]}"), "expected a port from 0 to 65535, found \"08\"" },
    { TO_PORTS("{ports: [{port: @not a port}]}"),
      "expected a port's number or name, found \"not a port\"" },
    { TO_PORTS("{ports: [{port: @'-80'}]}"), "expected a port's number or name, found \"-80\"" },
    { TO_PORTS("{ports: [{port: @a-name-of-16-byt}]}"),
      "expected a port's number or name, found \"a-name-of-16-byt\"" },
    { TO_PORTS("{ports: [{port: '80', protocol: @TPC}]}"),
      "expected TCP, UDP, SCTP or ANY at protocol, found \"TPC\"" },
    { TO_PORTS("{ports: [{port: '0', protocol: @ICMP}]}"),
      "expected TCP, UDP, SCTP or ANY at protocol, found \"ICMP\"" },
    { TO_PORTS("{ports: [{port: '80', endPort: @'90'}]}"),
      "expected a whole number at endPort, found \"90\"" },
    { EGRESS("{icmps: [{fields: [{family: @IPv5, type: 8}]}]}"),
      "expected IPv4 or IPv6 at family, found \"IPv5\"" },
    { EGRESS("{icmps: [{fields: [@{family: IPv4}]}]}"),
      "expected a type in icmps[].fields[], found none" },
    { EGRESS("{icmps: [{fields: [{type: @256}]}]}"),
      "expected a number from 0 to 255 at type, found \"256\"" },
    { EGRESS("{icmps: [{fields: [{type: @Ping}]}]}"),
      "expected an ICMP type's number or name, found \"Ping\"" },
    { EGRESS("{icmps: [{fields: [{type: @PacketTooBig}]}]}"),
      "expected an ICMP type's number or name, found \"PacketTooBig\"" },
};

static void
ports_that_the_agent_refuses_contribute_nothing(void **state)
{
    (void)state;
    assert_int_equal(check_refusals(ENGINE_CILIUM, ports, COUNT(ports)), 0);
}

#define TCP_80 "ports: [{port: '80', protocol: TCP}]"
#define DNS_RULE "rules: {dns: [{matchPattern: '*'}]}"

static const struct refusal requests[] = {
    { TO_PORTS("{" TCP_80 ", rules: @{http: [{}], dns: [{matchPattern: '*'}]}}"),
      "expected rules of one protocol in an entry, found 2" },
    { TO_PORTS("{" TCP_80 ", rules: @{http: [{}], kafka: [{topic: a}]}}"),
      "expected rules of one protocol in an entry, found 2" },
    { TO_PORTS("{" TCP_80 ", rules: @{l7: [{a: b}]}}"), "expected l7proto beside l7, found none" },
    { RULES("ingress: [{toPorts: [{ports: [{port: '53', protocol: UDP}], rules: {dns: "
            "@[{matchPattern: '*'}]}}]}]"),
      "expected DNS rules in egress alone, found some in ingress" },
    { TO_PORTS("{ports: [@{port: '80', protocol: UDP}], rules: {http: [{}]}}"),
      "expected protocol TCP beside rules for requests, found another" },
    { TO_PORTS("{ports: [{port: '80', protocol: TCP}, @{port: '81'}], rules: {http: [{}]}}"),
      "expected protocol TCP beside rules for requests, found another" },
    { TO_PORTS("{ports: [@{port: '0', protocol: TCP}], rules: {http: [{}]}}"),
      "expected a port beside rules for requests, found all of them" },
    { TO_PORTS("{ports: [@{port: '0'}], " DNS_RULE "}"),
      "expected a port beside rules for requests, found all of them" },
    { TO_PORTS("@{" DNS_RULE "}"), "expected a port beside DNS rules, found none" },
    { TO_PORTS("{ports: [@{port: '53', endPort: 54}], " DNS_RULE "}"),
      "expected one port beside DNS rules, found a range" },
    { TO_PORTS("{" TCP_80 ", serverNames: @[a.x.io], rules: {http: [{}]}}"),
      "expected terminatingTLS beside serverNames and rules, found none" },
    { RULES("ingress: [{toPorts: [{" TCP_80 ", listener: @{name: l, envoyConfig: {name: e}}}]}]"),
      "expected a listener in egress alone, found one in ingress" },
};

static void
filters_of_requests_that_the_agent_refuses_contribute_nothing(void **state)
{
    (void)state;
    assert_int_equal(check_refusals(ENGINE_CILIUM, requests, COUNT(requests)), 0);
}

/* "item, item, ..." so many times, in the place of %s. */
static unsigned
count_errors_of_many(const char *object, const char *item, size_t times)
{
    const struct world_options options = { .engine = ENGINE_CILIUM };
    const char *place = strstr(object, "%s");
    struct flow_policies *policies;
    struct flow_buf text = { 0 };
    unsigned errors;

    flow_buf_add(&text, object, (size_t)(place - object));
    for (size_t i = 0; i < times; i++) {
        flow_buf_add_text(&text, i > 0 ? ", " : "");
        flow_buf_add_text(&text, item);
    }
    flow_buf_add(&text, place + 2, strlen(place + 2) + 1);
    assert_false(text.failed);
    policies = world_load(&options, text.ptr);
    errors = (unsigned)flow_policies_error_count(policies);
    assert_int_equal(flow_policies_count(policies), 1 - errors);
    flow_policies_free(policies);
    flow_buf_free(&text);
    return errors;
}

static void
forty_ports_are_fine_and_one_more_is_not(void **state)
{
    static const char ports_of[] = TO_PORTS("{ports: [%s]}");
    static const char fields_of[] = EGRESS("{icmps: [{fields: [%s]}]}");

    (void)state;
    assert_int_equal(count_errors_of_many(ports_of, "{port: '80'}", 40), 0);
    assert_int_equal(count_errors_of_many(ports_of, "{port: '80'}", 41), 1);
    assert_int_equal(count_errors_of_many(fields_of, "{type: 8}", 40), 0);
    assert_int_equal(count_errors_of_many(fields_of, "{type: 8}", 41), 1);
}

static void
what_only_looks_wrong_is_taken(void **state)
{
    static const char *const taken[] = {
        BAD_KNP("{podSelector: {matchLabels: {app: 'on'}}, ingress: null}"),
        BAD_KNP("{podSelector: {}, policyTypes: [Ingress, Ingress]}"),
        BAD_KNP("{podSelector: {}, ingress: [{ports: [{port: 80, endPort: 80}]}]}"),
        BAD_KNP("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: "
                "[10.0.0.0/9]}}]}]}"),
        RULES("ingress: [{fromEndpoints: [], fromEntities: [world]}]"),
        RULES("ingress: [{fromRequires: []}]"),
        RULES("egressDeny: [{toEndpoints: [{}], toFQDNs: [{matchName: a.x.io}]}]"),
        RULES("ingress: [{toEndpoint: [{}]}], engress: [{}]"),
        RULES("ingress: [{toPorts: [{" TCP_80 ", rules: {http: [], dns: []}}]}]"),
        RULES("ingressDeny: [{toPorts: [{" TCP_80 ", rules: {http: [{}]}}]}]"),
        EGRESS("{toFQDNs: [{}]}"),
        EGRESS("{toPorts: [{ports: [{port: http, endPort: 90}]}]}"),
        EGRESS("{toPorts: [{ports: [{port: '80', endPort: 70000}]}]}"),
        EGRESS("{toPorts: [{ports: [{port: '53'}], " DNS_RULE "}]}"),
        EGRESS("{toPorts: [{ports: [{port: '53', protocol: UDP}], rules: {dns: [{}]}}]}"),
        EGRESS("{toPorts: [{" TCP_80
               ", serverNames: [a.x.io], terminatingTLS: {secret: {name: s}}, "
               "rules: {http: [{}]}}]}"),
        EGRESS("{toPorts: [], icmps: [{fields: [{type: 8}]}]}"),
        EGRESS("{toCIDRSet: [{cidr: 10.0.0.0/8, except: [10.0.0.0/8]}]}"),
    };
    unsigned wrong = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(taken); i++) {
        wrong += world_ask(ENGINE_CILIUM, taken[i], NULL, 0);
    }
    assert_int_equal(wrong, 0);
}

/*
 * Policies with every field there is. Of members that need each other the one whose absence is told
 * stands first, so that its line is that of their map.
 */
static const char every_field_of_knp[] =
    "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: swept, namespace: "
    "web, labels: {a: b}, annotations: {c: d}}, spec: {podSelector: {matchLabels: {app: api, tier: "
    "''}, matchExpressions: [{operator: In, key: app, values: [api, ui]}, {operator: NotIn, key: "
    "x, "
    "values: [yes1]}, {operator: Exists, key: app}, {operator: DoesNotExist, key: z}]}, "
    "policyTypes: "
    "[Ingress, Egress], ingress: [{from: [{podSelector: {matchLabels: {app: ui}}}, "
    "{namespaceSelector: {matchLabels: {team: ops}}, podSelector: {matchExpressions: [{operator: "
    "Exists, key: app}]}}, {ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.2.0.0/16]}}], "
    "ports: [{port: 80, protocol: TCP}, {port: http}, {endPort: 4010, port: 4000, protocol: "
    "UDP}]}, "
    "{}], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}, {namespaceSelector: {}}], ports: "
    "[{protocol: SCTP}, {port: 53, protocol: UDP}]}]}, status: {conditions: []}}";

#define SWEPT_SELECTOR                                                                             \
    "{matchLabels: {app: api, 'k8s:tier': x, 'reserved:none': ''}, matchExpressions: [{operator: " \
    "In, key: app, values: [api]}, {operator: Exists, key: 'any:app'}, {operator: DoesNotExist, "  \
    "key: $host}]}"
#define SWEPT_INGRESS                                                                              \
    "{fromEndpoints: [{}, {matchLabels: {app: ui}}], toPorts: [{ports: [{port: '80', endPort: "    \
    "90, "                                                                                         \
    "protocol: TCP}, {port: http}]}]}, {fromEntities: [world, cluster], icmps: [{fields: [{type: " \
    "8, family: IPv4}, {type: EchoReply}]}]}, {fromCIDR: [10.0.0.0/8, 10.0.0.1]}, {fromCIDRSet: "  \
    "[{cidr: 10.0.0.0/8, except: [10.1.0.0/16]}, {cidrGroupRef: g}, {cidrGroupSelector: "          \
    "{matchLabels: {a: b}}}]}, {fromGroups: [{aws: {region: x, labels: {a: b}, "                   \
    "securityGroupsIds: "                                                                          \
    "[i], securityGroupsNames: [sg]}}]}, {fromNodes: [{matchLabels: {a: b}}]}, {fromRequires: "    \
    "[]}, "                                                                                        \
    "{}"
#define SWEPT_EGRESS                                                                               \
    "{toEndpoints: [{matchLabels: {io.kubernetes.pod.namespace: ops}}], toPorts: [{ports: "        \
    "[{port: "                                                                                     \
    "'443', protocol: TCP}], serverNames: [a.x.io], terminatingTLS: {secret: {name: s, "           \
    "namespace: "                                                                                  \
    "t}, trustedCA: a, certificate: b, privateKey: c}, originatingTLS: {secret: {name: s, "        \
    "namespace: t}}, listener: {name: l, envoyConfig: {name: e, kind: k}, priority: 1}}]}, "       \
    "{toEntities: [host]}, {toCIDR: ['2001:db8::/32']}, {toCIDRSet: [{cidr: 0.0.0.0/0, except: "   \
    "[10.0.0.0/8]}]}, {toServices: [{k8sService: {serviceName: s, namespace: t}}, "                \
    "{k8sServiceSelector: {selector: {matchLabels: {a: b}}, namespace: t}}]}, {toGroups: [{aws: "  \
    "{region: x}}]}, {toNodes: [{}]}, {toRequires: []}"

static const char every_field_of_cnp[] =
    "{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: swept, namespace: web, "
    "labels: {a: b}}, specs: [{endpointSelector: " SWEPT_SELECTOR ", ingress: [" SWEPT_INGRESS
    ", {fromEntities: [all], toPorts: [{ports: [{port: '80', protocol: TCP}], rules: {http: "
    "[{path: /a, method: GET, host: h, headers: [X], headerMatches: [{name: h, value: v, mismatch: "
    "LOG}]}]}}, {ports: [{port: '9092', protocol: TCP}], rules: {kafka: [{role: produce, topic: "
    "t}]}}, {ports: [{port: '81', protocol: TCP}], rules: {l7: [{a: b}], l7proto: p}}], "
    "authentication: {mode: required}}], enableDefaultDeny: {ingress: true, egress: false}}], "
    "spec: "
    "{endpointSelector: {}, description: text, labels: [{key: a, value: b, source: c}], log: "
    "{value: text}, egress: [" SWEPT_EGRESS ", {toFQDNs: [{matchName: a.x.io}, {matchPattern: "
    "'*.x.io'}], authentication: {mode: disabled}}, {toPorts: [{ports: [{port: '53', protocol: "
    "ANY}], rules: {dns: [{matchName: a.x.io, matchPattern: '*'}]}}]}]}, status: {conditions: "
    "[]}}";

static const char every_field_of_ccnp[] =
    "{apiVersion: cilium.io/v2, kind: CiliumClusterwideNetworkPolicy, metadata: {name: swept}, "
    "specs: [{nodeSelector: {matchLabels: {a: b}}, ingress: [{fromEntities: [cluster]}]}], spec: "
    "{endpointSelector: " SWEPT_SELECTOR ", ingressDeny: [" SWEPT_INGRESS "], egressDeny: "
    "[{toEndpoints: [{}], toPorts: [{ports: [{port: '1', endPort: 2, protocol: UDP}]}]}, "
    "{toEntities: [world], icmps: [{fields: [{type: 128, family: IPv6}]}]}, {toCIDR: "
    "[10.0.0.0/8]}, {toCIDRSet: [{cidrGroupRef: g}]}, {toServices: [{k8sService: {serviceName: "
    "s}}]}, {toGroups: [{}]}, {toNodes: [{}]}, {toRequires: []}], enableDefaultDeny: {egress: "
    "false}}}";

/* A tree written as block YAML, one node changed for a text; knows the lines it writes to. */
struct sweep {
    struct flow_buf out;
    uint32_t line;
    size_t nodes, target; /* nodes met so far, and the one to change */
    const char *instead;
    uint32_t target_line, parent_line;
    bool target_nests; /* it is a list or a map */
    char path[200];
};

static void
end_line(struct sweep *sweep)
{
    flow_buf_add_char(&sweep->out, '\n');
    sweep->line++;
}

static void
write_scalar(struct flow_buf *out, const struct flow_node *node)
{
    const bool quoted = node->quoted || memchr(node->text.ptr, ':', node->text.len) != NULL;

    flow_buf_add_text(out, quoted ? " '" : " ");
    flow_buf_add_str(out, node->text);
    flow_buf_add_text(out, quoted ? "'" : "");
}

/* Writes a node behind "key:" or "-", children on lines of their own. */
static void
write_tree(struct sweep *sweep, const struct flow_node *node, unsigned indent, uint32_t parent_line)
{
    const size_t path_len = strlen(sweep->path);
    const bool target = sweep->nodes++ == sweep->target;
    uint32_t own_line;

    if (target) {
        sweep->target_line = sweep->line;
        sweep->target_nests = node->type == FLOW_NODE_LIST || node->type == FLOW_NODE_MAP;
        sweep->parent_line = parent_line;
        flow_buf_add_format(&sweep->out, " %s", sweep->instead);
        end_line(sweep);
        return;
    }
    if (node->type == FLOW_NODE_SCALAR || node->count == 0) {
        if (node->type == FLOW_NODE_SCALAR) {
            write_scalar(&sweep->out, node);
        } else {
            flow_buf_add_text(&sweep->out, node->type == FLOW_NODE_LIST ? " []" : " {}");
        }
        end_line(sweep);
        return;
    }
    if (indent > 0) {
        end_line(sweep);
    }
    own_line = sweep->line;
    for (size_t i = 0; i < node->count; i++) {
        const bool map = node->type == FLOW_NODE_MAP;
        const char *name = map ? node->pairs[i].key->text.ptr : "[]";

        flow_buf_add_format(&sweep->out, "%*s", (int)indent, "");
        if (map) {
            flow_buf_add_format(&sweep->out, "'%s':", name);
        } else {
            flow_buf_add_char(&sweep->out, '-');
        }
        if (sweep->nodes <= sweep->target) {
            snprintf(sweep->path + path_len, sizeof(sweep->path) - path_len, ".%s", name);
        }
        write_tree(sweep, map ? node->pairs[i].value : node->items[i], indent + 2, own_line);
        if (sweep->nodes <= sweep->target) {
            sweep->path[path_len] = '\0';
        }
    }
}

static bool
is_text(const char *instead)
{
    return strchr("[{", instead[0]) == NULL && strcmp(instead, "null") != 0;
}

/* Whether somebody looks at the type of a list or map; parts that are not modelled are passed over.
 */
static bool
is_read(const char *path)
{
    static const char *const passed_over[] = { ".metadata.", ".status",  ".labels.[]",
                                               ".l7.[]",     "TLS.",     ".listener.",
                                               "Groups.[].", ".secret.", ".l7proto" };

    for (size_t i = 0; i < COUNT(passed_over); i++) {
        if (strstr(path, passed_over[i]) != NULL) {
            return false;
        }
    }
    return path[0] != '\0';
}

/* Loads the tree with one change, and compares what was told of it. */
static unsigned
check_change(struct sweep *sweep, const struct flow_node *root)
{
    const struct world_options options = { .engine =
                                               ENGINE_CILIUM " enable-node-selector-labels=true" };
    struct flow_policies *policies;
    unsigned wrong = 0;
    size_t errors = 0;
    bool behind = false;

    sweep->line = 1;
    sweep->nodes = 0;
    sweep->path[0] = '\0';
    flow_buf_reset(&sweep->out);
    write_tree(sweep, root, 0, 1);
    flow_buf_add_text(&sweep->out, "---\n");
    flow_buf_add(&sweep->out, BEHIND, sizeof(BEHIND));
    assert_false(sweep->out.failed);
    policies = world_load(&options, sweep->out.ptr);
    for (size_t i = 0; i < flow_policies_note_count(policies); i++) {
        const struct flow_note *note = flow_policies_note_at(policies, i);

        if (note->level != FLOW_NOTE_ERROR) {
            continue;
        }
        errors++;
        if (note->error.line != sweep->target_line && note->error.line != sweep->parent_line) {
            print_message("# %s for %s: expected line %u or %u, found %u: %s\n", sweep->instead,
                          sweep->path, sweep->target_line, sweep->parent_line, note->error.line,
                          note->error.message);
            wrong++;
        }
    }
    for (size_t i = 0; i < flow_policies_count(policies); i++) {
        behind |= strcmp(flow_policies_at(policies, i)->name, "behind") == 0;
    }
    if (errors > 1 || !behind) {
        print_message("# %s for %s: %zu errors\n", sweep->instead, sweep->path, errors);
        wrong++;
    }
    if (errors == 0 && sweep->target_nests && is_text(sweep->instead) && is_read(sweep->path)) {
        print_message("# %s for %s: no error\n", sweep->instead, sweep->path);
        wrong++;
    }
    flow_policies_free(policies);
    return wrong;
}

static size_t
count_nodes(const struct flow_node *node)
{
    size_t count = 1;

    for (size_t i = 0; node->type != FLOW_NODE_SCALAR && i < node->count; i++) {
        count += count_nodes(node->type == FLOW_NODE_MAP ? node->pairs[i].value : node->items[i]);
    }
    return count;
}

static unsigned
sweep_object(const char *text)
{
    static const char *const wrong_types[] = { "7",    "text", "[7]",   "{a: 7}",
                                               "null", "true", "-1.5e3" };
    struct flow_document_reader *reader;
    struct flow_arena arena = { 0 };
    const struct flow_node *root;
    struct sweep sweep = { .line = 1 };
    unsigned wrong = 0;
    size_t count;

    assert_int_equal(
        flow_document_reader_open(&reader, "every field", flow_str_of(text), NULL, NULL), FLOW_OK);
    assert_int_equal(flow_document_reader_next(reader, &arena, &root, NULL), FLOW_OK);
    count = count_nodes(root);
    assert_true(count > 50);
    /* the object as it is has no error; its root is not a member of anything */
    for (sweep.target = count; sweep.target > 0; sweep.target--) {
        for (size_t i = 0; i < COUNT(wrong_types); i++) {
            sweep.instead = wrong_types[i];
            wrong += check_change(&sweep, root);
        }
    }
    flow_buf_free(&sweep.out);
    flow_document_reader_close(reader);
    flow_arena_free(&arena);
    return wrong;
}

static void
a_wrong_type_anywhere_costs_one_object_and_is_told_where_it_is(void **state)
{
    (void)state;
    assert_int_equal(sweep_object(every_field_of_knp), 0);
    assert_int_equal(sweep_object(every_field_of_cnp), 0);
    assert_int_equal(sweep_object(every_field_of_ccnp), 0);
}

static void
a_policy_with_every_field_is_taken(void **state)
{
    (void)state;
    assert_int_equal(
        world_ask(ENGINE_CILIUM " enable-node-selector-labels=true", every_field_of_knp, NULL, 0),
        0);
    assert_int_equal(
        world_ask(ENGINE_CILIUM " enable-node-selector-labels=true", every_field_of_cnp, NULL, 0),
        0);
    assert_int_equal(
        world_ask(ENGINE_CILIUM " enable-node-selector-labels=true", every_field_of_ccnp, NULL, 0),
        0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(network_policies_that_the_api_refuses_contribute_nothing),
        cmocka_unit_test(cluster_network_policies_without_their_parts_contribute_nothing),
        cmocka_unit_test(cilium_policies_without_their_parts_contribute_nothing),
        cmocka_unit_test(peers_that_the_agent_refuses_contribute_nothing),
        cmocka_unit_test(ports_that_the_agent_refuses_contribute_nothing),
        cmocka_unit_test(filters_of_requests_that_the_agent_refuses_contribute_nothing),
        cmocka_unit_test(forty_ports_are_fine_and_one_more_is_not),
        cmocka_unit_test(what_only_looks_wrong_is_taken),
        cmocka_unit_test(a_policy_with_every_field_is_taken),
        cmocka_unit_test(a_wrong_type_anywhere_costs_one_object_and_is_told_where_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
