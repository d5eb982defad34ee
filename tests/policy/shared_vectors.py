# SPDX-License-Identifier: Apache-2.0
"""Runs what ../shared holds through flowcheck: vectors made from other projects' tests, recorded
flows, and the manifests of real systems.

For NetworkPolicy every answer has to be the expected one. For Cilium's policies and the ordered
ones none may be wrong: an answer that differs has to be "unknown". Exit 77 (skipped) where
../shared is not there.
"""
import glob
import json
import os
import re
import subprocess
import sys

FLOWCHECK = os.environ.get("FLOWCHECK", "flowcheck")
ROOT = os.environ.get("SOURCE_ROOT", os.path.join(os.path.dirname(__file__), "..", ".."))
SHARED = os.path.join(ROOT, "..", "shared")
CORPUS = os.path.join(SHARED, "corpus")

ADMIN = ["AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy"]
EXACT = [(["cyclonus", "recipes"], []), (["npguard", "policy-assistant"], ADMIN)]
NEVER_WRONG = ["cilium-cli-policies", "cilium-connectivity", "cilium-k8s-tests", "cilium-examples",
               "real-fridge", "real-k8tre", "cilium-random", "conformance-anp",
               "conformance-cnp"]

# Manifests with an error note that is right, and why; none so far.
RIGHT_ERRORS = {}
# Bad input that is good for us, and why.
GOOD_FOR_US = {
    "cilium-bad/fqdn-pattern-bad-chars": "a placeholder in the pattern makes it open, not refused",
    "npguard-bad/bad_netpols__subdir6": "the API takes a named port beside an ipBlock",
}


def run(*args, stdin=b""):
    """A run of flowcheck; one that ends by a signal or a sanitizer's report ends this one too."""
    done = subprocess.run([FLOWCHECK, *args], input=stdin, capture_output=True, timeout=300,
                          check=False)
    err = done.stderr.decode("utf-8", "replace")
    if done.returncode < 0 or "Sanitizer" in err or "runtime error" in err:
        sys.exit("flowcheck %s: exit %d\n%s" % (" ".join(args), done.returncode, err))
    return done.returncode, done.stdout, err


def vectors(suites, without):
    """Runs suites of vectors: (lines of totals, lines of mismatches)."""
    args = [sys.executable, os.path.join(SHARED, "tools", "run_vectors.py"), "--flowcheck",
            FLOWCHECK, os.path.join(CORPUS, "vectors", "cases"), "--show", "100000", "--jobs", "2"]
    for suite in suites:
        args += ["--suite", suite]
    for feature in without:
        args += ["--not-feature", feature]
    lines = subprocess.run(args, capture_output=True, check=False).stdout.decode().splitlines()
    totals = [line for line in lines if line.startswith("suite ")]
    if len(totals) != len(suites):
        sys.exit("\n".join(lines[-20:]) + "\nexpected %d suites" % len(suites))
    return totals, [line for line in lines if line.startswith(("mismatch:", "error:"))]


def check_vectors():
    failures = []
    for suites, without in EXACT:
        totals, mismatches = vectors(suites, without)
        print("\n".join(totals))
        failures += mismatches
    totals, mismatches = vectors(NEVER_WRONG, [])
    print("\n".join(totals))
    failures += [line for line in mismatches if "got unknown" not in line]
    return failures


def check_bad():
    """What Cilium, or np-guard of NetworkPolicies, refuses has to be told of, and nothing else."""
    failures = []
    paths = glob.glob(os.path.join(CORPUS, "vectors", "cases", "cilium-bad", "*"))
    paths += glob.glob(os.path.join(CORPUS, "vectors", "cases", "npguard-bad", "bad_netpols*"))
    paths += glob.glob(os.path.join(CORPUS, "vectors", "cases", "npguard-bad", "np_bad*"))
    for path in sorted(paths):
        name = "/".join(path.split(os.sep)[-2:])
        with open(os.path.join(path, "case.json"), encoding="utf-8") as file:
            refused = "accepted" not in json.load(file)["expected"]["kind"]
        _, _, err = run("check", "-f", os.path.join(path, "manifests"), "-")
        # the API server drops a field that it does not know, a strict decoder refuses the object
        told = "flowcheck: error:" in err or "unknown field" in err
        if told != (refused and name not in GOOD_FOR_US):
            failures.append("%s: expected %s\n%s" % (name, "an error" if refused else "none", err))
    print("%d bad policies" % len(paths))
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
    failures = check_vectors() + check_bad() + check_flows() + check_manifests()
    for failure in failures[:50]:
        print(failure)
    print("%d failures" % len(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
