# SPDX-License-Identifier: Apache-2.0
"""Compares flowcheck with the reference evaluator on random clusters.

    compare.py --flowcheck BIN [--seed S] [--decisions N] [--engine E]... [--keep DIR] [--jobs N]

One run of flowcheck a cluster and engine, since policies of different clusters would mix.  Every disagreement is
printed and its cluster kept under --keep (manifests.json, flows.jsonl, settings.json, answers.json).  A disagreement
in which one side says undecidable is listed as 'softer'.  Exit code 1 if there is any.  Some clusters come with
settings, which flowcheck is given as --set NAME=VALUE; --no-settings leaves those clusters out.
"""
import argparse
import collections
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile

import evaluate
import generate

OK_EXITS = (0, 1, 2, 4)


def ask_flowcheck(binary, engine, directory, settings):
    """{uuid: expected} as flowcheck sees it, and what it said where it failed."""
    command = [binary, "check", "--engine", engine, "-f", os.path.join(directory, "manifests.json"), "-o", "jsonl",
               os.path.join(directory, "flows.jsonl")]
    for name, value in sorted(settings.items()):
        command += ["--set", name + "=" + value]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    answers = {}
    for line in run.stdout.splitlines():
        if line.startswith("{"):
            flow = json.loads(line)
            answers[flow["uuid"]] = flow["expected"]
    fine = run.returncode in OK_EXITS and answers
    return answers, None if fine else "exit %d: %s" % (run.returncode, run.stderr.strip()[-300:])


def ask_reference(engine, objects, events, settings):
    """{uuid: possible outcomes}"""
    cluster = evaluate.load(objects)
    answers, known = {}, evaluate.dns_answers(event["flow"] for event in events)
    for event in events:
        connection, direction = evaluate.connection_of(event["flow"], known)
        answers[event["flow"]["uuid"]] = evaluate.outcomes_of(cluster, connection, direction, engine, settings)
    return answers


def skipped(engine, event):
    """A pod of another cluster of a mesh means something to Cilium only."""
    return engine == "kubernetes" and "other" in [event["flow"][side].get("cluster_name")
                                                  for side in ("source", "destination")]


def compare_cluster(work):
    """One cluster under every engine: decisions made, disagreements, failures of the program."""
    options, seed = work
    objects, events, settings = generate.make_cluster(seed, options.connections)
    decisions, found, errors = 0, [], []
    if settings and options.no_settings:
        return decisions, found, errors
    with tempfile.TemporaryDirectory() as scratch:
        for engine in options.engine:
            generate.write_cluster(scratch, objects, events, settings)
            theirs, error = ask_flowcheck(options.flowcheck, engine, scratch, settings)
            if error:
                errors.append("seed %s, %s: %s" % (seed, engine, error))
            skip = {event["flow"]["uuid"] for event in events if skipped(engine, event)}
            ours = {uuid: outcomes for uuid, outcomes in ask_reference(engine, objects, events, settings).items()
                    if uuid not in skip}
            decisions += len(ours)
            found += [{"engine": engine, "seed": seed, "uuid": uuid, "reference": evaluate.answer(outcomes),
                       "flowcheck": theirs.get(uuid, "no answer")}
                      for uuid, outcomes in ours.items() if not evaluate.agrees(outcomes, theirs.get(uuid))]
    if (found or errors) and options.keep:
        keep_cluster(os.path.join(options.keep, seed), objects, events, settings, found)
    return decisions, found, errors


def keep_cluster(directory, objects, events, settings, found):
    generate.write_cluster(directory, objects, events, settings)
    with open(os.path.join(directory, "answers.json"), "w", encoding="utf-8") as out:
        json.dump(found, out, indent=1)
        out.write("\n")


def softer(item):
    return "undecidable" in (item["reference"], item["flowcheck"])


def results(options):
    """The clusters' results in the order of their seeds, until enough decisions are made."""
    work = ((options, "%s-%d" % (options.seed, number)) for number in range(options.decisions))
    if options.jobs == 1:
        yield from map(compare_cluster, work)
        return
    with multiprocessing.Pool(options.jobs) as pool:
        yield from pool.imap(compare_cluster, work, chunksize=4)


def main():
    parser = argparse.ArgumentParser(description="compares flowcheck with the reference evaluator")
    parser.add_argument("--flowcheck", required=True, metavar="BIN")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--decisions", type=int, default=10000, metavar="N", help="stop after N (default %(default)s)")
    parser.add_argument("--engine", action="append", choices=evaluate.ENGINES, help="default: all of them")
    parser.add_argument("--keep", metavar="DIR", help="where clusters with disagreements go")
    parser.add_argument("--connections", type=int, default=40, help="of a cluster (default %(default)s)")
    parser.add_argument("--no-settings", action="store_true", help="only clusters with the default settings")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--softer-ok", action="store_true", help="succeed when no disagreement is a harder one")
    options = parser.parse_args()
    options.engine = options.engine or list(evaluate.ENGINES)
    decisions, counts, failures = 0, collections.Counter(), 0
    for made, found, errors in results(options):
        decisions += made
        failures += len(errors)
        for error in errors:
            print("error: " + error)
        for item in found:
            counts["softer" if softer(item) else "harder"] += 1
            print("%s: seed %s %s %s: reference %s, flowcheck %s" % (
                "softer" if softer(item) else "disagreement", item["seed"], item["engine"], item["uuid"],
                item["reference"], item["flowcheck"]))
        if decisions >= options.decisions:
            break
    print("%d decisions, %d disagreements (%d of them softer)" % (decisions, sum(counts.values()), counts["softer"]))
    return 1 if failures or counts["harder"] or (counts["softer"] and not options.softer_ok) else 0


if __name__ == "__main__":
    sys.exit(main())
