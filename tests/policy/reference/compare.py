# SPDX-License-Identifier: Apache-2.0
"""Compares flowcheck with the reference evaluator on random clusters.

    compare.py --flowcheck BIN [--seed S] [--decisions N] [--engine E]... [--keep DIR] [--jobs N]

One run of flowcheck a cluster and engine, since policies of different clusters would mix.  Every disagreement is
printed and its cluster kept under --keep (manifests.json, flows.jsonl, answers.json).  A disagreement in which one
side says undecidable is listed as 'softer'.  Exit code 1 if there is any.
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


def ask_flowcheck(binary, engine, directory):
    """{uuid: expected} as flowcheck sees it, and what it said where it failed."""
    command = [binary, "check", "--engine", engine, "-f", os.path.join(directory, "manifests.json"), "-o", "jsonl",
               os.path.join(directory, "flows.jsonl")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    answers = {}
    for line in run.stdout.splitlines():
        if line.startswith("{"):
            flow = json.loads(line)
            answers[flow["uuid"]] = flow["expected"]
    return answers, None if run.returncode in OK_EXITS else "exit %d: %s" % (run.returncode, run.stderr.strip()[-300:])


def ask_reference(engine, objects, events):
    """{uuid: possible outcomes}"""
    cluster = evaluate.load(objects)
    answers = {}
    for event in events:
        connection, direction = evaluate.connection_of(event["flow"])
        answers[event["flow"]["uuid"]] = evaluate.outcomes_of(cluster, connection, direction, engine)
    return answers


def known_to(engine, obj):
    """Cilium's own policies mean nothing under another engine; the sheet does not say what to do with them there."""
    return engine != "kubernetes" or obj["kind"] not in ("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy")


def skipped(engine, event):
    """A pod of another cluster of a mesh means something to Cilium only."""
    return engine == "kubernetes" and "other" in [event["flow"][side].get("cluster_name")
                                                  for side in ("source", "destination")]


def compare_cluster(work):
    """One cluster under every engine: decisions made, disagreements, failures of the program."""
    options, seed = work
    everything, events = generate.make_cluster(seed, options.connections)
    decisions, found, errors = 0, [], []
    with tempfile.TemporaryDirectory() as scratch:
        for engine in options.engine:
            objects = [obj for obj in everything if known_to(engine, obj)]
            generate.write_cluster(scratch, objects, events)
            theirs, error = ask_flowcheck(options.flowcheck, engine, scratch)
            if error:
                errors.append("seed %s, %s: %s" % (seed, engine, error))
            asked = [event for event in events if not skipped(engine, event)]
            ours = ask_reference(engine, objects, asked)
            decisions += len(asked)
            found += [{"engine": engine, "seed": seed, "uuid": uuid, "reference": evaluate.answer(outcomes),
                       "flowcheck": theirs.get(uuid, "no answer")}
                      for uuid, outcomes in ours.items() if not evaluate.agrees(outcomes, theirs.get(uuid))]
    if (found or errors) and options.keep:
        keep_cluster(options.keep, seed, everything, events, found)
    return decisions, found, errors


def keep_cluster(keep, seed, objects, events, found):
    directory = os.path.join(keep, seed)
    generate.write_cluster(directory, objects, events)
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
