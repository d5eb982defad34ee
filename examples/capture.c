/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the connections of a packet capture, and what DNS answers in it say: example_capture FILE
 */
#include <libflow/libflow.h>
#include <stdio.h>

static void
print_names(const struct flow_l7 *l7)
{
    for (uint32_t i = 0; i < l7->dns_ips.count; i++) {
        printf("%.*s is %.*s\n", (int)l7->dns_ips.texts[i].len, l7->dns_ips.texts[i].ptr,
               (int)l7->dns_query.len, l7->dns_query.ptr);
    }
}

static void
print_connection(const struct flow_record *record)
{
    static const char *const answers[] = { "unknown", "answered", "refused", "unanswered" };
    const struct flow_traffic *traffic = record->traffic;
    char from[FLOW_ADDRESS_TEXT_MAX], to[FLOW_ADDRESS_TEXT_MAX];

    printf("%s:%u -> %s:%u %s, %s, %llu and %llu bytes",
           flow_address_format(&record->source_address, from), record->source_port,
           flow_address_format(&record->destination_address, to), record->destination_port,
           flow_protocol_name(record->protocol), answers[traffic->answer],
           (unsigned long long)traffic->bytes[0], (unsigned long long)traffic->bytes[1]);
    if (traffic->server_name.len > 0) {
        printf(", TLS to %.*s", (int)traffic->server_name.len, traffic->server_name.ptr);
    }
    putchar('\n');
}

int
main(int argc, char **argv)
{
    struct flow_reader *reader = NULL;
    struct flow_batch *batch = NULL;
    struct flow_error err;
    int rc;

    if (argc != 2) {
        fprintf(stderr, "usage: %s FILE\n", argv[0]);
        return 2;
    }
    if ((rc = flow_reader_open(&reader, argv[1], NULL, &err)) == FLOW_OK &&
        (rc = flow_batch_new(&batch, &err)) == FLOW_OK) {
        while ((rc = flow_reader_next(reader, batch, &err)) == FLOW_OK) {
            for (size_t i = 0; i < flow_batch_count(batch); i++) {
                const struct flow_record *record = flow_batch_at(batch, i);

                if (record->kind == FLOW_KIND_NAMES) {
                    print_names(record->l7);
                } else if (record->traffic != NULL) {
                    print_connection(record);
                }
            }
            for (size_t i = 0; i < flow_batch_problem_count(batch); i++) {
                const struct flow_error *problem = flow_batch_problem_at(batch, i);

                fprintf(stderr, "%s: byte %llu: %s\n", problem->input,
                        (unsigned long long)problem->offset, problem->message);
            }
        }
    }
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", err.input, err.message);
    }
    flow_batch_free(batch);
    flow_reader_close(reader);
    return rc == FLOW_END ? 0 : 1;
}
