# SPDX-License-Identifier: Apache-2.0
"""Every disagreement that was ever found, as a small test of both sides.

    found.py --flowcheck BIN [--only NAME]...        FLOWCHECK in the environment names the program as well

found.json is a list of cases:

    name                the cause, in a few words
    engine, settings    as flowcheck takes them
    objects, events     manifests and lines of Hubble's log, as few as show it
    uuid                of the event that is judged
    answer              the right one
    wrong, was          the side that was wrong, "flowcheck" or "reference", and what it answered
    why                 the rule that settles it, with its section in the fact sheet

Both sides are to give the answer now.  Where two kinds of one verdict are possible the reference evaluator has both,
and the answer need only be one of them.
"""
import argparse
import json
import os
import re
import sys
import tempfile

import compare
import evaluate
import generate

FIELDS = {"name": str, "engine": str, "settings": dict, "objects": list, "events": list, "uuid": str, "answer": str,
          "wrong": str, "was": str, "why": str}
ANSWERS = evaluate.ALLOWS + evaluate.DENIES + ("not_applicable", "undecidable")


def read_cases(path):
    with open(path, encoding="utf-8") as stream:
        cases = json.load(stream)
    for case in cases:
        name = case.get("name")
        assert {key: type(value) for key, value in case.items()} == FIELDS, "%s: not the fields of a case" % name
        assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", name), "%s: not lower case with hyphens" % name
        assert case["engine"] in evaluate.ENGINES, "%s: unknown engine" % name
        assert case["wrong"] in ("flowcheck", "reference"), "%s: unknown side" % name
        assert {case["answer"], case["was"]} <= set(ANSWERS), "%s: unknown answer" % name
        assert case["answer"] != case["was"], "%s: nobody was wrong" % name
        assert re.search(r"\([0-9].*\)\.$", case["why"]), "%s: which section settles it?" % name
    names = [case["name"] for case in cases]
    assert len(set(names)) == len(names), "a name is taken twice"
    return cases


def failures_of(case, flowcheck):
    """What is wrong now, a text for each side that does not give the answer."""
    engine, settings, objects, events = (case[key] for key in ("engine", "settings", "objects", "events"))
    with tempfile.TemporaryDirectory() as scratch:
        generate.write_cluster(scratch, objects, events, settings)
        theirs, error = compare.ask_flowcheck(flowcheck, engine, scratch, settings)
    outcomes = compare.ask_reference(engine, objects, events, settings)[case["uuid"]]
    failures = []
    if error or theirs.get(case["uuid"]) != case["answer"]:
        failures.append("flowcheck says " + (error or theirs.get(case["uuid"], "nothing")))
    if not evaluate.agrees(outcomes, case["answer"]):
        failures.append("reference says " + evaluate.answer(outcomes))
    return failures


def main():
    parser = argparse.ArgumentParser(description="gives every disagreement ever found to both sides again")
    parser.add_argument("--flowcheck", default=os.environ.get("FLOWCHECK"), metavar="BIN")
    parser.add_argument("--cases", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "found.json"))
    parser.add_argument("--only", action="append", metavar="NAME", help="this case only; may be repeated")
    options = parser.parse_args()
    if not options.flowcheck:
        parser.error("no flowcheck: --flowcheck or FLOWCHECK names it")
    passed = failed = 0
    for case in read_cases(options.cases):
        if options.only and case["name"] not in options.only:
            continue
        failures = failures_of(case, options.flowcheck)
        for failure in failures:
            print("%s: expected %s, %s\n    %s" % (case["name"], case["answer"], failure, case["why"]))
        passed, failed = passed + (not failures), failed + bool(failures)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
