# SPDX-License-Identifier: Apache-2.0
"""Makes a case for found.json of a disagreement that compare.py kept: as few objects, fields and events as show it.

    found_shrink.py --flowcheck BIN DIR...           a directory under compare.py --keep

One case for each pair of answers in a directory.  Whatever can go without changing either answer goes.  Another cause
may slip in on the way, where it gives the same two answers: look at what is left before saying why.  Name, answer,
wrong, was and why are for a person to fill in.
"""
import argparse
import copy
import json
import os
import sys
import tempfile

import compare
import evaluate
import generate

KEPT = {"objects": ("apiVersion", "kind", "metadata", "name", "namespace"), "settings": (),
        "events": ("flow", "time", "uuid", "verdict", "IP", "l4", "source", "destination", "Type", "node_name",
                   "event_type", "traffic_direction", "is_reply", "labels", "identity", "ID", "namespace", "pod_name",
                   "source_port", "destination_port", "type")}
KEPT_LABELS = ("reserved:", "k8s:io.kubernetes.pod.namespace=", "k8s:io.cilium.k8s.policy.cluster=")


def answers(case, flowcheck):
    """What both say of the judged event, and which policies are refused; None where they agree or one fails."""
    engine, settings, objects, events = (case[key] for key in ("engine", "settings", "objects", "events"))
    try:
        outcomes = compare.ask_reference(engine, objects, events, settings)[case["uuid"]]
        refused = evaluate.load(objects).invalid
    except (AttributeError, KeyError, StopIteration, TypeError, ValueError, evaluate.Invalid):
        return None                             # cut too deep
    with tempfile.TemporaryDirectory() as scratch:
        generate.write_cluster(scratch, objects, events, settings)
        theirs = compare.ask_flowcheck(flowcheck, engine, scratch, settings)[0].get(case["uuid"])
    if theirs is None or evaluate.agrees(outcomes, theirs):
        return None
    return {"reference": evaluate.answer(outcomes), "flowcheck": theirs}, {policy[:3] for policy in refused}


def without(case, which, path, key):
    """The case with one thing less, or None where it has to stay.

    An empty list means something of its own, and so does an empty item of a list.
    """
    smaller = copy.deepcopy(case)
    parent = smaller[which]
    for step in path:
        parent = parent[step]
    kept = str(parent[key]).startswith(KEPT_LABELS) if isinstance(parent, list) else key in KEPT[which]
    del parent[key]
    emptied = not parent and path and (isinstance(parent, list) or isinstance(path[-1], int))
    return None if kept or emptied else smaller


def shrink(case, flowcheck):
    wanted, refused = answers(case, flowcheck)

    def attempt(smaller):
        found = answers(smaller, flowcheck)
        return bool(found) and found[0] == wanted and found[1] <= refused

    def cut(which, path):
        """Cuts what it can below this path of case[which], lists from their end."""
        nonlocal case
        node = case[which]
        for step in path:
            node = node[step]
        keys = list(node) if isinstance(node, dict) else range(len(node))[::-1] if isinstance(node, list) else ()
        for key in keys:
            smaller = without(case, which, path, key)
            if smaller and attempt(smaller):
                case = smaller
            else:
                cut(which, path + [key])

    size = len(case["objects"])
    while size > 1:                             # halves, quarters and so on before one by one
        size = (size + 1) // 2
        for start in range(len(case["objects"]) - size, -1, -size):
            smaller = dict(case, objects=case["objects"][:start] + case["objects"][start + size:])
            if attempt(smaller):
                case = smaller
    for _ in range(2):
        for which in ("objects", "events", "settings"):
            cut(which, [])
    return case, wanted


def cases_of(directory):
    """The disagreements of a kept cluster, the first of each engine and pair of answers."""
    def read(name):
        with open(os.path.join(directory, name), encoding="utf-8") as stream:
            return [json.loads(line) for line in stream] if name.endswith("l") else json.load(stream)
    settings = read("settings.json") if os.path.exists(os.path.join(directory, "settings.json")) else {}
    seen = set()
    for item in read("answers.json"):
        if (item["reference"], item["flowcheck"]) not in seen:
            seen.add((item["reference"], item["flowcheck"]))
            yield {"engine": item["engine"], "settings": settings, "objects": read("manifests.json")["items"],
                   "events": read("flows.jsonl"), "uuid": item["uuid"]}


def text_of(case):
    """As found.json has it."""
    def lines(values):
        return "[%s]" % ",".join("\n   " + json.dumps(value) for value in values)
    return """ {
  "name": "", "engine": %s, "settings": %s,
  "objects": %s,
  "events": %s,
  "uuid": %s, "answer": "", "wrong": "", "was": "",
  "why": ""
 }""" % (json.dumps(case["engine"]), json.dumps(case["settings"]), lines(case["objects"]), lines(case["events"]),
        json.dumps(case["uuid"]))


def main():
    parser = argparse.ArgumentParser(description="makes small cases of disagreements that compare.py kept")
    parser.add_argument("--flowcheck", required=True, metavar="BIN")
    parser.add_argument("directories", nargs="+", metavar="DIR")
    options = parser.parse_args()
    for directory in options.directories:
        for case in cases_of(directory):
            if answers(case, options.flowcheck) is None:
                print("%s %s: no disagreement any more" % (directory, case["uuid"]), file=sys.stderr)
                continue
            smaller, said = shrink(case, options.flowcheck)
            print("%s: %s" % (directory, ", ".join("%s %s" % pair for pair in said.items())), file=sys.stderr)
            print(text_of(smaller))


if __name__ == "__main__":
    main()
