/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live flows: the Observer service of Cilium's agents and of Hubble Relay, over gRPC. The reader
 * reconnects, asks again for what it may have missed, drops what it had already, and says where
 * something may be missing. A build without gRPC has these functions too; they fail with
 * FLOW_E_UNSUPPORTED.
 *
 * The gRPC library starts threads of its own and writes to standard error when something is wrong,
 * unless the environment says GRPC_VERBOSITY=NONE.
 */
#ifndef LIBFLOW_LIVE_H
#define LIBFLOW_LIVE_H

#include "libflow/filter.h"
#include "libflow/reader.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Everything is borrowed while the call it is given to runs, but for what says otherwise. */
struct flow_live_options {
    size_t size; /**< sizeof(struct flow_live_options) */
    /**
     * "host:port", "unix:///path", "tcp://host:port", "tls://host:port", or another target that
     * gRPC knows; NULL: "localhost:4245", where Relay is reached through a port-forward
     */
    const char *server;
    bool tls;                    /**< as the prefix tls:// */
    bool tls_allow_insecure;     /**< believe any certificate */
    const char *const *ca_files; /**< PEM; none (default): the system's */
    size_t ca_file_count;
    const char *client_cert_file, *client_key_file; /**< PEM; both or none */
    const char *server_name;                        /**< in the certificate; NULL: the host */
    const char *username, *password;                /**< basic authentication, over TLS alone */
    int64_t timeout;         /**< nanoseconds to connect within; default 5 s */
    int64_t request_timeout; /**< nanoseconds for an answer that is no stream; default 12 s */
    int64_t idle_check;      /**< nanoseconds of silence after which the server is asked whether it
                                  is there; default 30 s, 0: never */
    bool follow;             /**< go on with what comes, reconnecting; default true */
    uint64_t last;           /**< begin that many flows back, a node */
    uint64_t first;          /**< that many of the oldest, a node; not with follow */
    int64_t since, until;    /**< FLOW_TIME_NONE: not given; until not with follow */
    /** What the server need not send. It may send it all the same: filter the batches too. */
    const struct flow_filter *filter;
    /**
     * Called for what is no damage but worth telling: a lost connection, a new one. From
     * flow_reader_next alone; the context must live until flow_reader_close.
     */
    void (*note)(void *context, const struct flow_error *note);
    void *note_context;
};

/** Fills in the defaults. @return FLOW_OK, or FLOW_E_ARGUMENT for a size it does not know */
FLOW_API int flow_live_options_init(struct flow_live_options *options, size_t size);

/**
 * A reader of live flows. It connects at the first flow_reader_next, which waits no longer than
 * flow_reader_options.wait. What ends the stream for good (a certificate that is refused, a method
 * that is not there) is a problem of the batch and ends the input as cut short.
 *
 * @return FLOW_OK; FLOW_E_ARGUMENT for options that do not go together; FLOW_E_SYSTEM for files
 * that cannot be read; FLOW_E_UNSUPPORTED in a build without gRPC; FLOW_E_MEMORY
 */
FLOW_API int flow_reader_open_live(struct flow_reader **out,
                                   const struct flow_live_options *options,
                                   const struct flow_reader_options *reader_options,
                                   struct flow_error *err);

/** What became of a connection, by flow_reader_live_stats. */
struct flow_live_stats {
    uint64_t connections; /**< made, the first one too */
    uint64_t duplicates;  /**< flows that came again behind a new connection, and were dropped */
    uint64_t gaps; /**< new connections behind which nothing came again: flows may be missing */
    int64_t gap_first, gap_last; /**< from when to when, over all of them; or FLOW_TIME_NONE */
    uint64_t refused;            /**< messages over the size limit, which were not received */
    int64_t lag;                 /**< nanoseconds between the last flow's time and its arrival */
    bool connected;
};

/** @return FLOW_OK, or FLOW_E_ARGUMENT for a reader that is not live */
FLOW_API int flow_reader_live_stats(const struct flow_reader *reader,
                                    struct flow_live_stats *stats);

/** A node as Relay sees it (observer.Node). */
struct flow_live_node {
    const char *name, *version, *address;
    uint32_t state; /**< relay.NodeState: 1 connected, 2 unavailable, 3 gone, 4 error */
    bool tls;
    uint64_t uptime_ns, num_flows, max_flows, seen_flows;
};

/** What a server says of itself (observer.ServerStatusResponse and GetNodesResponse). */
struct flow_live_status {
    const char *version;
    uint64_t num_flows, max_flows, seen_flows, uptime_ns;
    double flows_rate;
    bool counts_nodes; /**< the two below were told; an agent does not */
    uint32_t connected_nodes, unavailable_nodes;
    bool lists_nodes; /**< GetNodes is known there; an agent does not know it */
    const struct flow_live_node *nodes;
    size_t node_count;
};

/**
 * Asks for ServerStatus and GetNodes.
 *
 * @param[out] out  owned; end with flow_live_status_free
 * @return FLOW_OK; FLOW_E_SYSTEM with the server's or the transport's words; as
 *         flow_reader_open_live
 */
FLOW_API int flow_live_status_get(struct flow_live_status **out,
                                  const struct flow_live_options *options, struct flow_error *err);
FLOW_API void flow_live_status_free(struct flow_live_status *status);

#ifdef __cplusplus
}
#endif

#endif
