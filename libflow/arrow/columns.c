/* SPDX-License-Identifier: Apache-2.0 */
/* The columns: names, types, units and what they are in the Elastic Common Schema 8. */
#include "arrow/columns.h"

#include <stddef.h>

/* clang-format off: a line a column */
#define FLAG(name, ecs, summary)                                                                   \
    {                                                                                              \
        { name, "bool", "", ecs, summary }, FLOW_COLUMN_BOOL, 0                                    \
    }
#define U8(name, ecs, summary)                                                                     \
    {                                                                                              \
        { name, "uint8", "", ecs, summary }, FLOW_COLUMN_U8, 0                                     \
    }
#define U16(name, ecs, summary)                                                                    \
    {                                                                                              \
        { name, "uint16", "", ecs, summary }, FLOW_COLUMN_U16, 0                                   \
    }
#define U32(name, ecs, summary)                                                                    \
    {                                                                                              \
        { name, "uint32", "", ecs, summary }, FLOW_COLUMN_U32, 0                                   \
    }
#define U64(name, unit, ecs, summary)                                                              \
    {                                                                                              \
        { name, "uint64", unit, ecs, summary }, FLOW_COLUMN_U64, 0                                 \
    }
#define TIME(name, ecs, summary)                                                                   \
    {                                                                                              \
        { name, "timestamp[ns, UTC]", "", ecs, summary }, FLOW_COLUMN_TIME, 0                      \
    }
#define BYTES(name, ecs, summary)                                                                  \
    {                                                                                              \
        { name, "fixed_size_binary[16]", "", ecs, summary }, FLOW_COLUMN_ADDRESS, 0                \
    }
#define TEXT(name, ecs, summary)                                                                   \
    {                                                                                              \
        { name, "utf8", "", ecs, summary }, FLOW_COLUMN_TEXT, 0                                    \
    }
#define TEXTS(name, ecs, summary)                                                                  \
    {                                                                                              \
        { name, "list<utf8>", "", ecs, summary }, FLOW_COLUMN_TEXTS, 0                             \
    }
#define WORD(name, words, ecs, summary)                                                            \
    {                                                                                              \
        { name, "dictionary<int32, utf8>", "", ecs, summary }, FLOW_COLUMN_WORD,                   \
            FLOW_WORDS_##words                                                                     \
    }

#define END(end, ecs)                                                                              \
    WORD(end "_ip", ADDRESS, ecs ".ip", "Address as text"),                                        \
        BYTES(end "_address", "", "Address as 16 bytes, an IPv4 one as ::ffff:a.b.c.d"),           \
        U16(end "_port", ecs ".port", "Port, null for ICMP"),                                      \
        WORD(end "_namespace", NAMESPACE, "", "Kubernetes namespace"),                             \
        WORD(end "_pod", POD, "", "Pod"),                                                          \
        WORD(end "_workload", WORKLOAD, "", "Workload that the pod belongs to, the first told"),   \
        WORD(end "_workload_kind", WORKLOAD_KIND, "", "Kind of that workload"),                    \
        WORD(end "_cluster", CLUSTER, "", "Cluster"),                                              \
        WORD(end "_labels", LABELS, "", "Security labels, sorted, with commas between"),           \
        U32(end "_identity", "", "Security identity"),                                             \
        WORD(end "_service", SERVICE, "", "Service of that address and port, namespace/name"),     \
        TEXTS(end "_names", ecs ".domain", "DNS names of the address, as the record has them")

/* A policy, whatever is in front of its name. */
#define POLICY(prefix, ecs)                                                                        \
    WORD(prefix "policy_kind", POLICY_KIND, "", "KNP, CNP, CCNP, ANP, BANP or KCNP"),              \
        WORD(prefix "policy_namespace", POLICY_NAMESPACE, "",                                      \
             "Its namespace, null when cluster-wide"),                                             \
        WORD(prefix "policy_name", POLICY_NAME, ecs, "The policy that decided"),                   \
        WORD(prefix "policy_rule", POLICY_RULE, "",                                                \
             "Its rule, null when it decided by isolating"),                                       \
        WORD(prefix "policy_file", FILE, "", "The file it was read from"),                         \
        U32(prefix "policy_line", "", "The line of the rule, or of the policy")

#define SIDE(side)                                                                                 \
    WORD(side "_expected", EXPECTED, "", "What the policies say at this end"),                     \
        POLICY(side "_", ""), TEXTS(side "_undecided", "", "Facts that are missing at this end")

static const struct flow_column_spec flows[] = {
    TEXT("uuid", "event.id", "Identifier that the exporter gave the flow"),
    TIME("time", "@timestamp", "When it was observed"),
    WORD("node", NODE, "observer.name", "Node that reports, node or cluster/node"),
    WORD("input", INPUT, "log.file.path", "Input that it was read from"),
    U64("number", "", "event.sequence", "Its place among the records of that input, from 1"),
    WORD("verdict", VERDICT, "event.action", "Verdict of the datapath, as Hubble names it"),
    WORD("drop_reason", DROP_REASON, "event.reason", "Why it was dropped: a name, or a number"),
    WORD("type", TYPE, "", "L3_L4, L7 or SOCK"),
    U32("event_type", "event.code", "Kind of monitor event, by Hubble's number"),
    U32("event_subtype", "", "Kind within that kind, by Hubble's number"),
    WORD("traffic_direction", DIRECTION, "", "Direction at the observed end, as the record says"),
    FLAG("is_reply", "", "Whether the record says that it is a reply; null when it does not say"),
    FLAG("encrypted", "", "IPsec or WireGuard"),
    WORD("protocol", PROTOCOL, "network.transport", "Transport"),
    WORD("tcp_flags", TCP_FLAGS, "", "Flags that are set, with commas between"),
    U8("icmp_type", "", "Type of the ICMP message"),
    U8("icmp_code", "", "Code of the ICMP message"),
    END("source", "source"),
    END("destination", "destination"),
    WORD("source_translated_ip", ADDRESS, "source.nat.ip", "Source behind address translation"),
    WORD("l7_type", L7_TYPE, "", "REQUEST, RESPONSE or SAMPLE, of a proxy's record"),
    WORD("l7_protocol", L7_PROTOCOL, "network.protocol", "dns, http or kafka"),
    U64("l7_latency", "ns", "event.duration", "How long the answer took"),
    WORD("dns_query", DNS_NAME, "dns.question.name", "Name that was asked for"),
    U32("dns_rcode", "", "Response code of a DNS answer"),
    WORD("http_method", METHOD, "http.request.method", "Method"),
    TEXT("http_url", "url.original", "URL"),
    U32("http_code", "http.response.status_code", "Status code of an HTTP answer"),
    WORD("server_name", SERVER_NAME, "tls.client.server_name", "Name in the TLS ClientHello"),
    U64("packets_sent", "packets", "source.packets", "Captured, from the source"),
    U64("packets_received", "packets", "destination.packets", "Captured, to the source"),
    U64("bytes_sent", "bytes", "source.bytes", "Captured, from the source"),
    U64("bytes_received", "bytes", "destination.bytes", "Captured, to the source"),
    TIME("last", "event.end", "Last packet of a captured connection"),
    FLAG("reply", "", "Whether the connection goes from destination to source"),
    U16("port", "", "Port that the connection was opened to, or the ICMP type"),
    FLAG("dns", "", "Port 53"),
    WORD("direction", DIRECTION, "network.direction", "The end whose policies were asked"),
    WORD("scope", SCOPE, "", "east-west, ingress, egress, host or control-plane"),
    WORD("observed", OBSERVED, "", "What happened"),
    WORD("expected", EXPECTED, "", "What the declared policies say"),
    WORD("result", RESULT, "event.outcome", "The two put together"),
    WORD("intent", INTENT, "", "What the organisation approved"),
    TEXTS("findings", "rule.id", "Rules that it falls under"),
    POLICY("", "rule.name"),
    WORD("statement", STATEMENT, "", "Statement of the intent document"),
    WORD("approval", APPROVAL, "", "Approval that admits it, or did"),
    TEXTS("undecided", "", "Facts that are missing"),
};

static const struct flow_column_spec findings[] = {
    TEXT("rule", "rule.id", "Rule, FC101"),
    TEXT("name", "rule.name", "Its name"),
    TEXT("fingerprint", "event.id", "The same for the same cause in every run"),
    TEXT("severity", "event.severity", "info, low, medium, high or critical"),
    WORD("scope", SCOPE, "", "east-west, ingress, egress, host or control-plane"),
    WORD("direction", DIRECTION, "network.direction", "The end whose policies it is about"),
    TEXT("source", "source.address", "Workload, name or address"),
    TEXT("destination", "destination.address", "Workload, name or address"),
    WORD("protocol", PROTOCOL, "network.transport", "Transport"),
    U16("port", "destination.port", "Port of the server, or the ICMP type"),
    U64("flows", "flows", "", "Flows; the event of a drop and its verdict count once"),
    U64("bytes", "bytes", "network.bytes", "Of captured connections, both ways"),
    TIME("first", "event.start", "First flow"),
    TIME("last", "event.end", "Last flow"),
    POLICY("", "rule.ruleset"),
    TEXT("statement", "", "Statement of the intent document that it is against"),
    WORD("statement_file", FILE, "", "File of that statement"),
    U32("statement_line", "", "Line of that statement"),
    TEXTS("undecided", "", "Facts that are missing"),
    TEXT("baseline", "", "new or unchanged, against an earlier report"),
    TEXT("explanation", "message", "One sentence"),
};

static const struct flow_column_spec decisions[] = {
    FLAG("allowed", "", "Whether both ends let it through; null when that is undecidable"),
    SIDE("egress"),
    SIDE("ingress"),
    WORD("scope", SCOPE, "", "east-west, ingress, egress, host or control-plane"),
    WORD("intent", INTENT, "", "What the organisation approved"),
    TEXTS("violations", "rule.id", "Rules of the intent document that it is against"),
    WORD("statement", STATEMENT, "", "Statement of the intent document"),
    WORD("approval", APPROVAL, "", "Approval that admits it, or did"),
    TEXTS("undecided", "", "Facts that are missing for the intent document"),
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

_Static_assert(COUNT(flows) == FLOW_COLUMN_COUNT, "a column is missing");
_Static_assert(COUNT(findings) == FLOW_FINDING_COUNT, "a column is missing");
_Static_assert(COUNT(decisions) == FLOW_DECIDED_COUNT, "a column is missing");

const struct flow_column_spec *
flow_columns_of(uint8_t table, size_t *count)
{
    static const struct {
        const struct flow_column_spec *specs;
        size_t count;
    } tables[FLOW_ARROW_TABLE_COUNT] = {
        [FLOW_ARROW_FLOWS] = { flows, FLOW_COLUMN_REPLY },
        [FLOW_ARROW_RESULTS] = { flows, FLOW_COLUMN_COUNT },
        [FLOW_ARROW_FINDINGS] = { findings, FLOW_FINDING_COUNT },
        [FLOW_ARROW_DECISIONS] = { decisions, FLOW_DECIDED_COUNT },
    };

    *count = table < FLOW_ARROW_TABLE_COUNT ? tables[table].count : 0;
    return table < FLOW_ARROW_TABLE_COUNT ? tables[table].specs : NULL;
}

const char *
flow_arrow_table_name(uint8_t table)
{
    static const char *const names[FLOW_ARROW_TABLE_COUNT] = { "flows", "results", "findings",
                                                               "decisions" };

    return table < FLOW_ARROW_TABLE_COUNT ? names[table] : "unknown";
}

const struct flow_arrow_column *
flow_arrow_column_at(uint8_t table, size_t i)
{
    size_t count;
    const struct flow_column_spec *specs = flow_columns_of(table, &count);

    return i < count ? &specs[i].told : NULL;
}
