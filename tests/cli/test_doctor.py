# SPDX-License-Identifier: Apache-2.0
"""What the doctor says of archives and exporters, held against what a check then decides."""
import json
import os
import sys

from intents import A, B, INTENT, POLICIES, SHARED, between, changed, into, out
from tap import EXAMPLE, contains, equal, flowcheck, run, write

_SNAPSHOT = ["--snapshot", EXAMPLE + "/snapshot", "-f", EXAMPLE + "/policies"]

_INTENT = """apiVersion: libflow.dev/v1alpha1
kind: FlowIntent
metadata: {name: example}
spec:
  cluster: {cidrs: {pods: [10.42.0.0/16], services: [10.43.0.0/16], nodes: [10.0.0.0/16]}}
  gateways: [{name: door, entities: [ingress]}]
  egress:
    default: deny
    approved:
    - {id: mirror, to: {fqdns: [mirror.example.org]}, ports: [443/TCP]}
  eastWest: {projects: {namespacePattern: project-*}}
"""


def _example(folder):
    path = os.path.join(folder, "all.jsonl")
    flowcheck("convert", "-o", "json=" + path, EXAMPLE + "/flows.jsonl.zst")
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _masked(records, mask):
    """What an exporter with that mask would have written."""
    lines = []
    for record in records:
        if "flow" in record:
            flow, kept = record["flow"], {}
            for path in mask:
                head, _, tail = path.partition(".")
                if head in flow and tail:
                    kept.setdefault(head, {})
                    if tail in flow[head]:
                        kept[head][tail] = flow[head][tail]
                elif head in flow:
                    kept[head] = flow[head]
            record = {"flow": kept}
            record.update({key: kept[key] for key in ("node_name", "time") if key in kept})
        lines.append(json.dumps(record) + "\n")
    return "".join(lines)


def _report(folder, text, options):
    report = flowcheck("check", *options, "-o", "json", write(folder, "log", text)).json()
    return {member: report[member] for member in ("coverage", "results", "balance", "intent",
                                                  "controls", "findings", "approvals")}


def the_smallest_mask_decides_what_the_whole_record_does(folder):
    options = _SNAPSHOT + ["--intent", write(folder, "intent.yaml", _INTENT)]
    records = _example(folder)
    mask = flowcheck("doctor", *options, "-o", "json", EXAMPLE + "/flows.jsonl.zst").json()
    mask = mask["field_mask"]
    whole = _report(folder, "".join(json.dumps(r) + "\n" for r in records), options)
    equal(_report(folder, _masked(records, mask), options) == whole, True)
    # each of them is needed; what two fields tell of is tried in the tests of decoding
    spare = {"trace_observation_point", "source.workloads",
             "destination.workloads"}
    for path in mask:
        less = _report(folder, _masked(records, [p for p in mask if p != path]), options)
        equal((path, less == whole), (path, path in spare))


def what_is_missing_is_told_and_is_undecidable(folder):
    options = ["-f", write(folder, "p.yaml", POLICIES), "--intent",
               write(folder, "intent.yaml", INTENT)]
    whole = write(folder, "whole", between(A, SHARED) + "\n")
    equal(flowcheck("doctor", *options, whole).code, 0)
    for member, check, path in (("time", "dates", "time"), ("IP", "place", "IP"),
                                ("l4", "policy-decision", "l4"), ("verdict", "observed", "verdict"),
                                ("event_type", "observed", "event_type")):
        log = write(folder, "log", changed(between(A, SHARED), **{member: None}) + "\n")
        result = flowcheck("doctor", *options, "-o", "json", log)
        equal((member, result.code), (member, 4))
        found = {c["id"]: c for c in result.json()["checks"]}[check]
        equal((member, found["decidable"], path in found["missing"]), (member, "no", True))
    half = write(folder, "log", between(A, SHARED) + "\n"
                 + changed(between(A, SHARED), source={}) + "\n")
    found = flowcheck("doctor", *options, "-o", "json", half).json()["checks"]
    equal({c["id"]: c["decidable"] for c in found}["policy-decision"], "in part")


def the_mask_has_nothing_that_nobody_asks_for(folder):
    plain = write(folder, "p.yaml", POLICIES)
    log = write(folder, "log", between(A, SHARED) + "\n")
    mask = flowcheck("doctor", "-f", plain, "-o", "json", log).json()["field_mask"]
    assert "l7" not in mask and "destination_names" not in mask, mask
    mask = flowcheck("doctor", "-o", "json", log).json()["field_mask"]
    assert "l7" in mask and "destination_names" in mask, mask


_STATIC = "hubble: {export: {static: {enabled: true, fieldMask: %s}}}\n"


def an_exporter_is_judged_by_its_mask(folder):
    mask = flowcheck("doctor", "-o", "json", write(folder, "log", out() + "\n")).json()["field_mask"]
    whole = [_STATIC % json.dumps(mask), _STATIC % "[]", "hubble: {export: {static: {}}}\n",
             "flowLogs: [{name: a, fieldMask: %s}, {name: b, fieldMask: %s}]\n"
             % (json.dumps(mask[:9]), json.dumps(mask[9:])),
             "apiVersion: v1\nkind: ConfigMap\ndata: {hubble-export-file-path: x, "
             "hubble-export-fieldmask: '%s'}\n" % " ".join(mask),
             "hubble: {export: {dynamic: {enabled: true, config: {content: [{name: a, "
             "fieldMask: %s}]}}}}\n" % json.dumps(sorted({p.split(".")[0] for p in mask})),
             "apiVersion: v1\nkind: ConfigMap\ndata:\n  flowlogs.yaml: |\n    flowLogs: "
             "[{name: a, fieldMask: %s}]\n" % json.dumps(mask)]
    for text in whole:
        result = flowcheck("doctor", "--exporter", write(folder, "e.yaml", text))
        equal((text[:60], result.code), (text[:60], 0))
    result = flowcheck("doctor", "-o", "json", "--exporter",
                       write(folder, "e.yaml", _STATIC % "[time, verdict, source.pod_name]"))
    equal(result.code, 4)
    checks = {c["id"]: c for c in result.json()["checks"]}
    equal((checks["dates"]["decidable"], checks["policy-decision"]["decidable"]), ("yes", "no"))
    assert "source.labels" in checks["policy-decision"]["missing"]


def what_an_exporter_keeps_out_is_told(folder):
    text = 'hubble: {export: {static: {denyList: [\'{"source_pod":["a/"]}\']}}}\n'
    result = flowcheck("doctor", "--exporter", write(folder, "e.yaml", text))
    equal(result.code, 4)
    contains(result.out, "keeps flows out of the log")


def a_configuration_without_an_exporter_is_refused(folder):
    for text in ("", "hubble: {relay: {enabled: true}}\n", "[1, 2]\n",
                 "hubble: {export: {static: {enabled: false}}}\n", _STATIC % "{a: b}",
                 "flowLogs: [1]\n"):
        result = flowcheck("doctor", "--exporter", write(folder, "e.yaml", text))
        equal((text, result.code), (text, 2))
        contains(result.err, "expected")
    equal(flowcheck("doctor").code, 2)
    equal(flowcheck("doctor", os.path.join(folder, "none")).code, 3)


if __name__ == "__main__":
    run(sys.modules[__name__])
