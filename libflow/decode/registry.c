/* SPDX-License-Identifier: Apache-2.0 */
/* Every decoder there is, and what to say of bytes that none of them reads. */
#include <string.h>

#include "base/error.h"
#include "decode/decoder.h"

static const struct flow_decoder_ops *const decoders[] = {
    &flow_decoder_capture,
    &flow_decoder_hubble_proto, /* before JSON, which takes any text */
    &flow_decoder_hubble_json,
    &flow_decoder_hubble_grpc,
};

/* Formats known by their first bytes that this version does not read. */
static const struct {
    uint8_t magic[4];
    const char *what;
} others[] = {
    { { 'B', 'Z', 'h', '9' }, "bzip2 data" },
    { { 0xfd, '7', 'z', 'X' }, "xz data" },
    { { 'P', 'K', 3, 4 }, "a zip archive" },
    { { 0x7f, 'E', 'L', 'F' }, "a program" },
};

const struct flow_decoder_ops *
flow_decoder_named(const char *name)
{
    for (size_t i = 0; i < sizeof(decoders) / sizeof(decoders[0]); i++) {
        if (strcmp(decoders[i]->name, name) == 0) {
            return decoders[i];
        }
    }
    return NULL;
}

int
flow_decoder_find(const struct flow_decoder_ops **ops, const uint8_t *head, size_t len,
                  struct flow_error *err)
{
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (len >= 4 && memcmp(head, others[i].magic, 4) == 0) {
            return flow_fail(err, FLOW_E_UNSUPPORTED,
                             "expected Hubble JSON, protobuf or a capture, found %s, which this "
                             "version does not read",
                             others[i].what);
        }
    }
    for (size_t i = 0; i < sizeof(decoders) / sizeof(decoders[0]); i++) {
        if (decoders[i]->detect(head, len)) {
            *ops = decoders[i];
            return FLOW_OK;
        }
    }
    return flow_fail(err, FLOW_E_UNSUPPORTED,
                     "expected Hubble JSON, protobuf or a capture, found other binary data");
}
