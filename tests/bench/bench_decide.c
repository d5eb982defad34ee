/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times deciding alone: loads manifests, reads a log into memory, and judges its flows, first with
 * nothing remembered and then again and again. Prints "name value" lines for scale.py.
 *
 *     bench_decide MANIFESTS LOG [ENGINE]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "libflow/libflow.h"

enum { BATCHES_MAX = 400, TURNS = 25, SEEN_TURNS = 2000 };

static double
now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void
stop(const struct flow_error *err)
{
    char text[512];

    flow_error_format(err, text, sizeof(text));
    fprintf(stderr, "bench_decide: %s\n", text);
    exit(1);
}

static struct flow_policies *
load(const char *manifests, const char *engine)
{
    struct flow_policies_options options;
    struct flow_policies *policies;
    struct flow_error err;

    flow_policies_options_init(&options, sizeof(options));
    options.manifests = &manifests;
    options.manifest_count = 1;
    options.engine = engine;
    if (flow_policies_load(&policies, &options, &err) != FLOW_OK) {
        stop(&err);
    }
    return policies;
}

/* Every batch of the log, as far as there is room. */
static size_t
read_all(const char *path, struct flow_batch *batches[BATCHES_MAX], struct flow_reader **reader,
         size_t *flows)
{
    struct flow_error err;
    size_t count = 0;

    *flows = 0;
    if (flow_reader_open(reader, path, NULL, &err) != FLOW_OK) {
        stop(&err);
    }
    for (; count < BATCHES_MAX; count++) {
        if (flow_batch_new(&batches[count], &err) != FLOW_OK) {
            stop(&err);
        }
        if (flow_reader_next(*reader, batches[count], &err) != FLOW_OK) {
            flow_batch_free(batches[count]);
            break;
        }
        *flows += flow_batch_count(batches[count]);
    }
    return count;
}

static double
judge(struct flow_classifier *classifier, struct flow_batch *batches[], size_t count)
{
    const double start = now();
    struct flow_error err;

    for (size_t i = 0; i < count; i++) {
        if (flow_classifier_run(classifier, batches[i], &err) != FLOW_OK) {
            stop(&err);
        }
    }
    return now() - start;
}

/* Nanoseconds a flow of one batch over and over, as its records are in the cache when they are
 * judged. */
static double
judge_seen(struct flow_classifier *classifier, struct flow_batch *batch)
{
    double least = 1e9;

    for (unsigned turn = 0; turn < TURNS; turn++) {
        const double start = now();
        double seconds;

        for (unsigned i = 0; i < SEEN_TURNS / TURNS; i++) {
            (void)judge(classifier, &batch, 1);
        }
        seconds = now() - start;
        least = seconds < least ? seconds : least;
    }
    return least * 1e9 / ((double)flow_batch_count(batch) * (SEEN_TURNS / TURNS));
}

int
main(int argc, char **argv)
{
    static struct flow_batch *batches[BATCHES_MAX];
    struct flow_classifier *classifier;
    struct flow_policies *policies;
    struct flow_reader *reader;
    struct flow_error err;
    double start = now(), least = 1e9;
    size_t count, flows;

    if (argc < 3) {
        fprintf(stderr, "usage: bench_decide MANIFESTS LOG [ENGINE]\n");
        return 2;
    }
    policies = load(argv[1], argc > 3 ? argv[3] : NULL);
    printf("load_seconds %.3f\n", now() - start);
    printf("policies %zu\n", flow_policies_count(policies));
    printf("inventory %zu\n", flow_policies_inventory_count(policies));
    count = read_all(argv[2], batches, &reader, &flows);
    if (flow_classifier_new(&classifier, policies, &err) != FLOW_OK) {
        stop(&err);
    }
    printf("flows %zu\n", flows);
    printf("endpoints %u\n", flow_dict_endpoint_count(flow_reader_dict(reader)));
    printf("first_seconds %.3f\n", judge(classifier, batches, count));
    for (unsigned i = 0; i < TURNS; i++) {
        const double seconds = judge(classifier, batches, count);

        least = seconds < least ? seconds : least;
        printf("turn_ns %.1f\n", seconds * 1e9 / (double)flows);
    }
    printf("least_ns %.1f\n", least * 1e9 / (double)flows);
    printf("seen_ns %.1f\n", judge_seen(classifier, batches[0]));
    flow_classifier_free(classifier);
    for (size_t i = 0; i < count; i++) {
        flow_batch_free(batches[i]);
    }
    flow_reader_close(reader);
    flow_policies_free(policies);
    return 0;
}
