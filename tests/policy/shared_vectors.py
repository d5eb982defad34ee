# SPDX-License-Identifier: Apache-2.0
"""Runs what ../shared holds through flowcheck: vectors made from other projects' tests, recorded
flows, and the manifests of real systems.

Every answer has to be the expected one, but for those of waivers.json: there the vector differs
from the policy facts, each with the reason and the section. A waived query has to give the answer
that is told there, so a change is seen, and where the waiver names settings the expected one with
them. The score is printed as passed/waived/total of each suite. In cni-dependent, where the answer
hangs on the plugin, none may be the opposite. Exit 77 (skipped) where ../shared is not there.
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

FLOWCHECK = os.environ.get("FLOWCHECK", "flowcheck")
ROOT = os.environ.get("SOURCE_ROOT", os.path.join(os.path.dirname(__file__), "..", ".."))
SHARED = os.path.join(ROOT, "..", "shared")
CORPUS = os.path.join(SHARED, "corpus")

# Manifests with an error note that is right, and why; none so far.
RIGHT_ERRORS = {}

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "waivers.json"),
          encoding="utf-8") as _file:
    WAIVERS = json.load(_file)


def run(*args, stdin=b""):
    """A run of flowcheck; one that ends by a signal or a sanitizer's report ends this one too."""
    done = subprocess.run([FLOWCHECK, *args], input=stdin, capture_output=True, timeout=300,
                          check=False)
    err = done.stderr.decode("utf-8", "replace")
    if done.returncode < 0 or "Sanitizer" in err or "runtime error" in err:
        sys.exit("flowcheck %s: exit %d\n%s" % (" ".join(args), done.returncode, err))
    return done.returncode, done.stdout, err


def vectors(folder, settings=(), only=None):
    """Runs vectors: {suite: (cases, passed, failed)}, {(suite/case, query): answer that differs}."""
    command = "{flowcheck} check --engine {engine} %s -f {manifests} -o jsonl {flows}" % " ".join(
        "--set " + setting for setting in settings)
    args = [sys.executable, os.path.join(SHARED, "tools", "run_vectors.py"), "--flowcheck",
            FLOWCHECK, "--command", command, os.path.join(CORPUS, "vectors", folder), "--show",
            "100000", "--jobs", "2", "--ok-status", "0,1,2,4"]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as names:
        if only is not None:
            names.write("\n".join(sorted(only)) + "\n")
            names.flush()
            args += ["--list", names.name]
        out = subprocess.run(args, capture_output=True, check=False).stdout.decode()
    errors = re.findall(r"^error: .*", out, flags=re.M)
    if errors:
        sys.exit("\n".join(errors))
    totals = {suite: (int(cases), int(passed), int(failed)) for suite, cases, passed, failed in
              re.findall(r"^suite (\S+) +(\d+) cases +(\d+) passed +(\d+) failed", out, flags=re.M)}
    differing = {(case, query): answer for case, query, answer in
                 re.findall(r"^mismatch: (\S+) (q\d+):.*, got (\w+)", out, flags=re.M)}
    return totals, differing


def waived_queries():
    """{(suite/case, query): answer that it gives}"""
    means = {"undecidable": "unknown"}
    return {(waiver["case"], query): means.get(waiver["answer"], waiver["answer"])
            for waiver in WAIVERS["queries"] for query in waiver["queries"]}


def check_vectors():
    totals, differing = vectors("cases")
    waived = waived_queries()
    failures = ["%s %s: expected another answer, found %s" % (*query, answer)
                for query, answer in differing.items() if waived.get(query) != answer]
    failures += ["%s %s: waived, and right" % query for query in waived if query not in differing]
    print("%-20s passed waived  total" % "suite")
    for suite, (_, passed, failed) in sorted(totals.items()):
        count = sum(query[0].startswith(suite + "/") and query in differing for query in waived)
        print("%-20s %6d %6d %6d" % (suite, passed, count, passed + failed))
    print("%-20s %6d %6d %6d" % ("all", sum(t[1] for t in totals.values()), len(waived),
                                 sum(t[1] + t[2] for t in totals.values())))
    return failures + check_settings()


def check_settings():
    """A waiver that names settings is about what is taken for evidence, not about the meaning."""
    failures = []
    for settings in {tuple(w["set"]) for w in WAIVERS["queries"] if "set" in w}:
        cases = {w["case"] for w in WAIVERS["queries"] if tuple(w.get("set", ())) == settings}
        _, differing = vectors("cases", settings, cases)
        failures += ["%s %s with %s: found %s" % (*query, " ".join(settings), answer)
                     for query, answer in differing.items()]
    return failures


def check_cni_dependent():
    totals, differing = vectors("cni-dependent")
    print("cni-dependent: %d queries, %d undecidable" % (
        sum(t[1] + t[2] for t in totals.values()), len(differing)))
    return ["%s %s: found %s" % (*query, answer) for query, answer in differing.items()
            if answer != "unknown"]


def check_bad():
    """What the cluster, or the project the vector is from, refuses has to be told of."""
    failures, counts = [], {}
    waived = {waiver["case"] for waiver in WAIVERS["bad"]}
    for path in sorted(glob.glob(os.path.join(CORPUS, "vectors", "cases", "*-bad", "*"))):
        name = "/".join(path.split(os.sep)[-2:])
        with open(os.path.join(path, "case.json"), encoding="utf-8") as file:
            kind = json.load(file)["expected"]["kind"]
        engine = "cilium-1.20" if name.startswith("cilium") else "kubernetes"
        _, _, err = run("check", "--engine", engine, "-f", os.path.join(path, "manifests"), "-")
        # the API server drops a field that it does not know, a strict decoder refuses the object;
        # what only gets a warning there goes on here too
        told = "flowcheck: error:" in err or "unknown field" in err
        fine = told == ("accepted" not in kind) or (kind.startswith("warning") and err != "")
        count = counts.setdefault(name.split("/")[0], [0, 0, 0])
        count[2] += 1
        count[0] += fine
        count[1] += not fine and name in waived
        if fine == (name in waived):
            failures.append("%s: %s\n%s" % (name, "waived, and told of" if fine else kind, err))
    for suite, count in sorted(counts.items()):
        print("%-20s %6d %6d %6d" % (suite, *count))
    return failures


def check_flows():
    """Every file of flows reads whole, with as many flows as its index says."""
    failures, count = [], 0
    with open(os.path.join(CORPUS, "flows", "INDEX.md"), encoding="utf-8") as file:
        index = dict(re.findall(r"^\| (\S+\.jsonl?) \| (\d+) \|", file.read(), flags=re.M))
    for path in sorted(glob.glob(os.path.join(CORPUS, "flows", "*.json*"))):
        code, out, err = run("check", "-o", "json", path)
        name = os.path.basename(path)
        if code == 3 or not out:
            failures.append("%s: exit %d\n%s" % (name, code, err))
            continue
        read = json.loads(out)["inputs"][0]
        if read["damaged"] or read["cut_short"] or str(read["flows"]) != index[name]:
            failures.append("%s: expected %s flows, found %s" % (name, index[name], read))
        count += read["flows"]
    print("%d files of flows, %d flows" % (len(index), count))
    return failures


def check_manifests():
    """A cluster takes every real manifest, so none gives an error."""
    failures, count = [], 0
    for path in sorted(glob.glob(os.path.join(CORPUS, "policies", "**"), recursive=True)):
        if not path.endswith((".yaml", ".yml", ".json")):
            continue
        name = os.path.relpath(path, os.path.join(CORPUS, "policies"))
        code, _, err = run("check", "-f", path, "-")
        count += 1
        errors = [line for line in err.splitlines() if line.startswith("flowcheck: error:")]
        if code in (2, 3) or (errors and name not in RIGHT_ERRORS):
            failures.append("%s: exit %d: %s" % (name, code, errors))
        elif errors:
            print("%s\n  %s" % (errors[0], RIGHT_ERRORS[name]))
    print("%d manifests" % count)
    return failures


def main():
    if not os.path.isdir(CORPUS):
        print("../shared is not here")
        return 77
    failures = (check_vectors() + check_bad() + check_cni_dependent() + check_flows()
                + check_manifests())
    for failure in failures[:50]:
        print(failure)
    print("%d failures" % len(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
