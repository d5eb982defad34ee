/* SPDX-License-Identifier: Apache-2.0 */
/* Ends of connections in words: workloads rather than pods, names rather than addresses. */
#include "base/str.h"
#include "check/builder.h"
#include "model/pod_name.h"

static bool
pod_key(struct flow_buf *key, const struct flow_endpoint *endpoint)
{
    flow_buf_reset(key);
    flow_buf_add_str(key, endpoint->namespace_name);
    flow_buf_add_char(key, '/');
    flow_buf_add_str(key, endpoint->pod_name);
    return !key->failed;
}

/* Only the node that runs a pod tells its workload; remember it for records of other nodes. */
bool
flow_builder_learn(struct flow_builder *builder, const struct flow_endpoint *endpoint)
{
    if (endpoint->workload_name.len == 0 || endpoint->pod_name.len == 0) {
        return true;
    }
    return pod_key(&builder->text, endpoint) &&
           flow_cache_put(&builder->workloads, flow_buf_str(&builder->text), endpoint);
}

static void
add_pod(struct flow_builder *builder, struct flow_buf *out, const struct flow_endpoint *endpoint)
{
    const struct flow_endpoint *teller = endpoint;

    if (endpoint->workload_name.len == 0 && pod_key(&builder->text, endpoint)) {
        teller = flow_cache_find(&builder->workloads, flow_buf_str(&builder->text));
    }
    flow_buf_add_str(out, endpoint->namespace_name);
    flow_buf_add_char(out, '/');
    if (teller != NULL && teller->workload_name.len > 0) {
        flow_buf_add_str(out, teller->workload_name);
    } else {
        flow_buf_add_str(out, flow_pod_name_stem(endpoint->pod_name));
    }
}

struct flow_str
flow_first_name(const struct flow_text_list *names)
{
    struct flow_str best = { NULL, 0 };

    for (uint32_t i = 0; names != NULL && i < names->count; i++) {
        if (best.len == 0 || flow_str_compare(names->texts[i], best) < 0) {
            best = names->texts[i];
        }
    }
    if (best.len > 0 && best.ptr[best.len - 1] == '.') {
        best.len--;
    }
    return best;
}

/* Reserved labels that name an end better than its address does. */
static bool
add_reserved(struct flow_buf *out, const struct flow_endpoint *endpoint)
{
    static const char *const names[] = { "kube-apiserver", "host", "remote-node", "ingress",
                                         "health",         "init", "unmanaged" };

    for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
        for (uint32_t i = 0; i < endpoint->labels->count; i++) {
            const struct flow_label *label = &endpoint->labels->labels[i];

            if (flow_str_is(label->source, "reserved") && flow_str_is(label->key, names[n])) {
                flow_buf_add_text(out, names[n]);
                return true;
            }
        }
    }
    return false;
}

static void
add_end(struct flow_builder *builder, struct flow_buf *out, const struct flow_endpoint *endpoint,
        const struct flow_address *address, const struct flow_text_list *names)
{
    const struct flow_str name = flow_first_name(names);
    char text[FLOW_ADDRESS_TEXT_MAX];

    if (endpoint->pod_name.len > 0) {
        add_pod(builder, out, endpoint);
    } else if (add_reserved(out, endpoint)) {
        return;
    } else if (name.len > 0) {
        flow_buf_add_str(out, name);
    } else if (address->family != 0) {
        flow_buf_add_text(out, flow_address_format(address, text));
    } else {
        flow_buf_add_text(out, "unknown");
    }
}

struct flow_str
flow_builder_end(struct flow_builder *builder, const struct flow_endpoint *endpoint,
                 const struct flow_address *address, const struct flow_text_list *names)
{
    struct flow_buf out = { 0 };
    struct flow_str kept = { NULL, 0 };

    add_end(builder, &out, endpoint, address, names);
    if (!out.failed) {
        kept = flow_arena_str(&builder->tally->finding_arena, flow_buf_str(&out));
    }
    flow_buf_free(&out);
    return kept;
}

struct flow_str
flow_builder_pod(struct flow_builder *builder, const struct flow_endpoint *endpoint,
                 const struct flow_address *address)
{
    char text[FLOW_ADDRESS_TEXT_MAX];
    struct flow_buf out = { 0 };
    struct flow_str kept = { NULL, 0 };

    if (endpoint->pod_name.len > 0) {
        flow_buf_add_str(&out, endpoint->namespace_name);
        flow_buf_add_char(&out, '/');
        flow_buf_add_str(&out, endpoint->pod_name);
    } else {
        flow_buf_add_text(&out, flow_address_format(address, text));
    }
    if (!out.failed) {
        kept = flow_arena_str(&builder->tally->finding_arena, flow_buf_str(&out));
    }
    flow_buf_free(&out);
    return kept;
}
