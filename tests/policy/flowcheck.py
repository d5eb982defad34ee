# SPDX-License-Identifier: Apache-2.0
"""What the tests that ask flowcheck from outside share: random clusters, runs, kept failures.

It knows how the tool is called and how a List of objects stands in its file; it knows no policy
semantics.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from json.decoder import scanstring
from typing import NamedTuple

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference"))
import generate  # noqa: E402  (lies in a folder of its own)

PROGRAM = os.environ.get("FLOWCHECK", "flowcheck")
ENGINES = ["cilium-1.17", "cilium-1.18", "cilium-1.19", "cilium-1.20", "kubernetes"]
SHORT = {"NetworkPolicy": "KNP", "CiliumNetworkPolicy": "CNP",
         "CiliumClusterwideNetworkPolicy": "CCNP", "AdminNetworkPolicy": "ANP",
         "BaselineAdminNetworkPolicy": "BANP", "ClusterNetworkPolicy": "KCNP"}
CILIUM = ("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy")
TIERED = ("AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy")
ALLOW, DENY = ("allow", "allow_default"), ("deny_explicit", "deny_default")
GOOD_CODES = (0, 1, 2, 4)       # 2: an object was refused, the others are judged all the same
SHOWN = 25                      # failures printed in full
KEPT = 25                       # failures kept in files


class Broken(Exception):
    """The tool did not answer at all."""


class Cluster(NamedTuple):
    objects: list
    events: list
    settings: dict


class Answers(NamedTuple):
    flows: dict                 # what was printed of each flow, by uuid
    talk: str                   # stderr


def make_cluster(seed):
    return Cluster(*generate.make_cluster(seed)[:3])


def identity(obj):
    """What makes two objects the same one; an object without namespace lies in "default"."""
    meta = obj.get("metadata") or {}
    group = obj.get("apiVersion", "").rpartition("/")[0]
    return group, obj.get("kind"), meta.get("namespace") or "default", meta.get("name")


def object_name(obj):
    """A policy as the tool names it: (short kind, namespace or None, name)."""
    meta, kind = obj.get("metadata") or {}, SHORT.get(obj.get("kind"))
    spaced = kind in ("KNP", "CNP")
    return kind, (meta.get("namespace") or "default") if spaced else None, meta.get("name")


def step_name(step):
    return step["kind"], step["namespace"], step["name"]


def drop_earlier_twins(objects):
    """The objects without those that a later one of the same name replaces."""
    last = {identity(obj): number for number, obj in enumerate(objects)}
    return [obj for number, obj in enumerate(objects) if last[identity(obj)] == number]


# Runs -------------------------------------------------------------------------------------------


def run(command, engine, directory, settings, files=("-f", "manifests.json"),
        inputs=("flows.jsonl",)):
    """Asks flowcheck in a directory; the answers by uuid."""
    call = [PROGRAM, command, "--engine", engine, *files, "-o", "jsonl"]
    for name, value in sorted(settings.items()):
        call += ["--set", "%s=%s" % (name, value)]
    try:
        done = subprocess.run(call + list(inputs), cwd=directory, capture_output=True, timeout=300,
                              check=False)
    except OSError as problem:
        sys.exit("cannot run %s: %s" % (PROGRAM, problem.strerror))
    except subprocess.TimeoutExpired as problem:
        raise Broken(str(problem)) from problem
    talk = done.stderr.decode("utf-8", "replace")
    if done.returncode not in GOOD_CODES:
        raise Broken("exit code %d: %s" % (done.returncode, talk.strip()[-300:]))
    flows = {}
    for line in done.stdout.decode("utf-8").splitlines():
        answer = json.loads(line)
        if answer["uuid"] in flows:
            raise Broken("two answers of the flow %s" % answer["uuid"])
        flows[answer["uuid"]] = answer
    return Answers(flows, talk)


def ask(command, engine, cluster):
    """Writes the cluster and asks; complains when a flow has no answer."""
    with tempfile.TemporaryDirectory() as directory:
        generate.write_cluster(directory, *cluster)
        answers = run(command, engine, directory, cluster.settings)
    require_all(answers, cluster.events)
    return answers


def require_all(answers, events):
    missing = [e["flow"]["uuid"] for e in events if e["flow"]["uuid"] not in answers.flows]
    if missing:
        raise Broken("no answer of %d of %d flows, %s first: %s" % (
            len(missing), len(events), missing[0], answers.talk.strip()[-300:]))


# Positions --------------------------------------------------------------------------------------


def line_numbers(text):
    """The line each value of a JSON text begins in, by its path such as ("items", 0, "spec")."""
    lines, line, seen = {}, 1, 0
    scan = json.JSONDecoder().scan_once

    def skip(at):
        while text[at] in " \t\r\n,:":
            at += 1
        return at

    def value(at, path):
        nonlocal line, seen
        at = skip(at)
        line, seen = line + text.count("\n", seen, at), at
        lines[path] = line
        if text[at] == "{":
            at = skip(at + 1)
            while text[at] != "}":
                key, at = scanstring(text, at + 1, True)
                at = skip(value(at, path + (key,)))
            return at + 1
        if text[at] == "[":
            at, number = skip(at + 1), 0
            while text[at] != "]":
                at, number = skip(value(at, path + (number,))), number + 1
            return at + 1
        return scan(text, at)[1]

    value(0, ())
    return lines


def manifest_lines(objects):
    """The same of the file that a cluster's objects are written to."""
    whole = {"apiVersion": "v1", "kind": "List", "items": objects}
    return line_numbers(json.dumps(whole, indent=1) + "\n")


def refused(talk, objects, lines=None):
    """The numbers of the objects that stderr calls refused."""
    told = []
    for text in talk.splitlines():
        parts = text.split("flowcheck: error: manifests.json:")
        if len(parts) == 2:
            told.append(int(parts[1].split(":")[0]))
    if not told:
        return set()
    lines = lines or manifest_lines(objects)
    starts = [lines["items", number] for number in range(len(objects))]
    return {sum(start <= line for start in starts) - 1 for line in told}


# Failures ---------------------------------------------------------------------------------------


class Failures:
    """Prints the first failures and keeps what they need in files."""

    def __init__(self, keep):
        self.keep, self.count = keep, 0

    def add(self, name, told, clusters=(), **files):
        """told: lines; clusters: (folder, cluster) pairs; files: JSON by name."""
        self.count += 1
        if self.count <= SHOWN:
            print("%s: %s" % (name, told[0] if told else "failed"))
            for line in told[1:6]:
                print("    " + line)
        if not self.keep or self.count > KEPT:
            return
        place = os.path.join(self.keep, name.replace(" ", "-").replace("/", "-"))
        os.makedirs(place, exist_ok=True)
        for folder, cluster in clusters:
            generate.write_cluster(os.path.join(place, folder), *cluster)
        for file, content in dict(files, told=told).items():
            with open(os.path.join(place, file + ".json"), "w", encoding="utf-8") as out:
                json.dump(content, out, indent=1)
                out.write("\n")


def options(description, clusters):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seed", type=int, default=1, help="the first cluster (default 1)")
    parser.add_argument("--clusters", type=int, default=clusters, metavar="N",
                        help="how many (default %d)" % clusters)
    parser.add_argument("--engine", choices=ENGINES,
                        help="one engine for all clusters (default: in turn)")
    parser.add_argument("--keep", metavar="DIR", help="write what failed there")
    return parser.parse_args()


def rounds(chosen):
    """(seed, engine) of each cluster to try."""
    for number in range(chosen.clusters):
        seed = chosen.seed + number
        yield seed, chosen.engine or ENGINES[seed % len(ENGINES)]
