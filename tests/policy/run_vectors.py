# SPDX-License-Identifier: Apache-2.0
"""Runs our own policy vectors: manifests, flows, and the decision that each flow should get.

    vectors/<suite>/<case>/manifests/      policies, namespaces, pods
                           flows.jsonl     Hubble exporter lines
                           expected.jsonl  one query a line: its events, and the answer of each direction
                           case.json       the engine, and what the case is about

run_vectors.py [SUITE/CASE]... runs those cases alone.
"""
import json
import os
import subprocess
import sys

FLOWCHECK = os.environ.get("FLOWCHECK", "flowcheck")
VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vectors")
MEANS = {"allow": True, "allow_default": True, "not_applicable": True, "deny_default": False,
         "deny_explicit": False}


def rows(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def ask(folder, engine):
    """The answer to every event of a case, by its uuid."""
    done = subprocess.run(
        [FLOWCHECK, "check", "--engine", engine, "-f", os.path.join(folder, "manifests"), "-o",
         "jsonl", os.path.join(folder, "flows.jsonl")],
        capture_output=True, timeout=120, check=False)
    if done.returncode not in (0, 1, 4):
        sys.exit("%s: exit %d\n%s" % (folder, done.returncode, done.stderr.decode()))
    return {row["uuid"]: row for row in map(json.loads, done.stdout.decode().splitlines())}


def check(suite, case):
    """The queries of a case, and a line for each answer that is not the expected one."""
    folder = os.path.join(VECTORS, suite, case)
    with open(os.path.join(folder, "case.json"), encoding="utf-8") as file:
        told = json.load(file)
    queries, wrong = rows(os.path.join(folder, "expected.jsonl")), []
    answers = ask(folder, told["engine"])
    assert told["queries"] == len(queries), folder
    assert told["allowed"] == sum(query["allowed"] for query in queries), folder
    for query in queries:
        assert query["allowed"] == all(query["directions"].values()), query
        for event, expected in zip(query["events"], query["directions"].values()):
            answer = answers.pop(event)
            if MEANS.get(answer["expected"]) is not expected:
                wrong.append("%s/%s %s: %s -> %s %s %s: expected %s (%s), found %s" % (
                    suite, case, event, query["src"], query["dst"], query["protocol"],
                    query["port"], "allow" if expected else "deny", query["source"],
                    answer["expected"]))
    assert not answers, "events that no query asks for: %s" % sorted(answers)
    return len(queries), wrong


def main(only):
    wrong, asked = [], 0
    for suite in sorted(os.listdir(VECTORS)):
        counts = [0, 0]
        for case in sorted(os.listdir(os.path.join(VECTORS, suite))):
            if only and suite + "/" + case not in only:
                continue
            queries, found = check(suite, case)
            counts[0] += 1
            counts[1] += queries
            wrong += found
        print("%s: %d cases, %d queries" % (suite, *counts))
        asked += counts[1]
    for line in wrong:
        print(line)
    print("%d queries, %d answers differ" % (asked, len(wrong)))
    return 1 if wrong or not asked else 0


if __name__ == "__main__":
    sys.exit(main(set(sys.argv[1:])))
