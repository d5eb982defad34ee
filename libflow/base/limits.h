/* SPDX-License-Identifier: Apache-2.0 */
/* Every limit of the library by name. Each has a test at its edge. */
#ifndef FLOW_BASE_LIMITS_H
#define FLOW_BASE_LIMITS_H

/* Bytes in one Hubble JSON record; a longer one is a damaged record and reading goes on after it.
 */
#define FLOW_RECORD_BYTES_MAX ((size_t)16 << 20)

/* Flows of a live stream that are known when they come again behind a new connection. */
#define FLOW_SEEN_MAX 1048576u

/* Connections of a capture that are open at a time; beyond it the idlest is a record early. */
#define FLOW_CONNECTIONS_MAX 262144u

/* Fragmented packets of a capture that are known at a time. */
#define FLOW_FRAGMENTS_MAX 4096u

/* Bytes of a captured connection that are kept to find a server's name in. */
#define FLOW_HELLO_BYTES_MAX 4096u

/* Open brackets in one JSON record. */
#define FLOW_JSON_DEPTH_MAX 512

/* Flows in one batch. */
#define FLOW_BATCH_RECORDS_MAX 1024

/* Problems kept for one batch; further ones are only counted. */
#define FLOW_BATCH_PROBLEMS_MAX 64

/* Open collections in one manifest. */
#define FLOW_MANIFEST_DEPTH_MAX 128

/* Nodes of one manifest document, aliases followed. */
#define FLOW_MANIFEST_NODES_MAX 20000000u

/* Nodes among them that aliases brought; a "YAML bomb" ends here. */
#define FLOW_MANIFEST_ALIASED_MAX 1000000u

/* Bytes in one manifest file. */
#define FLOW_MANIFEST_BYTES_MAX ((size_t)1 << 30)

/* Directories inside directories, for inputs and manifests. */
#define FLOW_DIRECTORY_DEPTH_MAX 64

/* Bytes of user text quoted in a message. */
#define FLOW_QUOTE_BYTES_MAX 60

/* Bytes in one regular expression of a policy. */
#define FLOW_REGEX_BYTES_MAX 4096u

/* DNS names of one address that are known at a time; further ones are not looked at. */
#define FLOW_NAMES_AT_MAX 64

/* DNS names that are remembered of one address on one node; others are as if not known. */
#define FLOW_NAMES_OF_ADDRESS_MAX 1024

/* Connections whose decision is remembered; beyond it the memory starts anew. */
#define FLOW_MEMO_MAX 1000000u

/* Nanoseconds between packets of one connection at most; conntrack forgets most of them earlier. */
#define FLOW_CONNECTION_IDLE ((int64_t)600 * 1000000000)

/* Stretches of time that are told apart of one node; beyond it shorter gaps are as if seen. */
#define FLOW_SPANS_MAX 16384u

/* Groups of flows that a tally tells apart; the rest share one group a result. */
#define FLOW_TALLY_MAX 200000u

#endif
