# SPDX-License-Identifier: Apache-2.0
"""What an intent document makes of flows: findings, coverage, controls, approvals."""
import json
import os
import sys

from intents import (A, ADMIN, API, B, DNS, DOOR, HOOK, INTENT, NODE, OTHER, POLICIES, SHARED,
                     WORLD, between, changed, into, ips, out)
from tap import contains, equal, flow, flowcheck, run, write


def _check(folder, lines, intent=INTENT, *more, code=None, policies=POLICIES):
    log = write(folder, "log", "".join(line + "\n" for line in lines))
    result = flowcheck("check", "-f", write(folder, "p.yaml", policies), "--intent",
                       write(folder, "intent.yaml", intent), *more, "-o", "json", log)
    if code is not None:
        equal(result.code, code)
    return result.json()


def _rows(folder, lines, intent=INTENT):
    log = write(folder, "log", "".join(line + "\n" for line in lines))
    return flowcheck("check", "-f", write(folder, "p.yaml", POLICIES), "--intent",
                     write(folder, "intent.yaml", intent), "-o", "jsonl", log).rows()


def _rules(row):
    return [rule for rule in row["findings"] if rule.startswith("FC2")]


_HTTP = {"Type": "L7", "event_type": {"type": 129}, "l7": {
    "type": "REQUEST", "http": {"method": "GET", "url": "http://admin.shared/tre/api/x?y=1",
                                "protocol": "HTTP/1.1"}}}

# what passes -> the value of intent, and the rules it is found under
_CASES = [
    (out(), "undecidable", []),
    (out(destination_names=["mirror.example.org"]), "approved", []),
    (out(destination_names=["elsewhere.example.org"]), "unapproved", ["FC203"]),
    (out(port=80), "unapproved", ["FC203"]),
    (out("198.51.100.7"), "approved", []),
    (out("198.51.100.8", destination_names=["x.example.org"]), "expired", ["FC204"]),
    (out("198.51.100.9", destination_names=["x.example.org"]), "not_yet_valid", ["FC217"]),
    (out("10.43.0.10"), "undecidable", []),             # a Service, and whose is not told
    (out("10.42.7.7"), "undecidable", []),              # world, and in the pods' prefix
    (out("10.9.0.1"), "approved", []),                  # the zone that may be reached
    (out("10.9.0.1", port=22), "forbidden", ["FC213"]),
    (into(DOOR), "approved", []),
    (into(DOOR, port=80), "forbidden", ["FC201"]),
    (into(SHARED), "forbidden", ["FC201"]),
    (into(SHARED, "10.0.0.7"), "no_statement", []),     # world, and a node by its address
    (into(SHARED, "203.0.113.7", source=NODE), "forbidden", ["FC201"]),
    (into(SHARED, "10.0.0.7", source=NODE), "no_statement", []),
    (into(SHARED, "10.42.9.9"), "undecidable", ["FC210"]),
    (between(A, B), "forbidden", ["FC202"]),
    (between(A, dict(A, pod_name="notebook-2")), "approved", []),
    (between(A, SHARED), "approved", []),
    (between(SHARED, B), "approved", []),
    (between(A, OTHER), "unapproved", ["FC211"]),
    (between(OTHER, SHARED), "no_statement", []),
    (between(A, DNS, 53), "approved", []),
    (between(A, OTHER, 53), "forbidden", ["FC208", "FC211"]),
    (between(DOOR, A), "no_statement", []),
    (flow("u", dict(A, ID=3), API, 6443, **ips("10.42.0.1", "10.0.0.2")), "forbidden", ["FC209"]),
    (flow("u", dict(DNS, ID=3), API, 6443, **ips("10.42.0.1", "10.0.0.2")), "approved", []),
    (flow("u", dict(OTHER, ID=3), NODE, 10250, **ips("10.42.0.1", "10.0.0.2")), "forbidden",
     ["FC209"]),
    (between(SHARED, HOOK, 9443), "forbidden", ["FC209"]),
    (flow("u", API, dict(HOOK, ID=4), 9443, direction="INGRESS", **ips("10.0.0.2", "10.42.0.2")),
     "no_statement", []),
    (between(DOOR, ADMIN, 80, **_HTTP), "forbidden", ["FC218"]),
    (between(OTHER, ADMIN, 80, **_HTTP), "no_statement", []),
]


def each_statement_gives_its_answer_and_its_finding(folder):
    for line, intent, rules in _CASES:
        row = _rows(folder, [line])[0]
        equal((line, row["intent"], sorted(_rules(row))), (line, intent, sorted(rules)))


def what_was_dropped_is_no_finding_of_the_intent(folder):
    for line, intent, _ in _CASES:
        dropped = changed(line, verdict="DROPPED", drop_reason=133,
                          drop_reason_desc="POLICY_DENIED")
        row = _rows(folder, [dropped])[0]
        equal((line, row["intent"], _rules(row)), (line, intent, []))


def a_bare_address_is_told_of_where_names_are_seen(folder):
    named = out(destination_names=["mirror.example.org"], uuid="named")
    answer = between(A, DNS, 53, Type="L7", event_type={"type": 129}, is_reply=True,
                     l7={"type": "RESPONSE", "dns": {"query": "mirror.example.org.", "ttl": 60,
                                                     "ips": ["203.0.113.1"]}})
    rows = _rows(folder, [out(), answer, named])
    equal((rows[0]["intent"], rows[0]["findings"]), ("undecidable", ["FC207"]))
    contains(rows[0]["undecided"], "no-dns-evidence")


def both_ends_of_a_connection_count_once(folder):
    egress = [between(A, B, uuid="e%d" % i) for i in range(3)]
    ingress = [flow("i%d" % i, dict(A, ID=0), dict(B, ID=7), 8080, direction="INGRESS",
                    **dict(ips("10.42.0.1", "10.42.0.2"), node_name="node-2")) for i in range(4)]
    report = _check(folder, egress + ingress, code=1)
    found = [f for f in report["findings"] if f["id"] == "FC202"]
    equal([(f["count"], f["source"], f["destination"]) for f in found],
          [(4, "project-a/notebook-1", "project-b/store-1")])
    equal(found[0]["statement"]["name"], "eastWest.projects")
    equal(found[0]["policy"]["name"], "allow-all")
    contains(found[0]["explanation"], "declared isolated")


def a_finding_is_the_same_in_whatever_order_its_flows_come(folder):
    lines = [line for line, _, _ in _CASES]
    reports = [_check(folder, order) for order in (lines, lines[::-1])]
    for report in reports:
        report["inputs"] = None
    equal(reports[0], reports[1])


def before_the_first_phase_nothing_is_in_force(folder):
    phased = INTENT + "  phases: [{name: lockdown, from: 2026-09-01T10:00:00.000000001Z}]\n"
    before = changed(out(port=80), time="2026-09-01T10:00:00Z")
    rows = _rows(folder, [before, out(port=80)], phased)
    equal([row["intent"] for row in rows], ["no_statement", "unapproved"])
    report = _check(folder, [before], phased)
    equal(report["intent"]["before_phases"], 1)


def a_statement_of_a_phase_is_in_force_in_it_alone(folder):
    phased = INTENT.replace("default: deny\n", "default: deny\n    phases: [closed]\n", 1) + (
        "  phases: [{name: open, from: 2026-01-01}, {name: closed, from: 2026-09-02},\n"
        "           {name: after, from: 2026-09-03}]\n")
    times = ["2026-09-01T23:59:59.999999999Z", "2026-09-02T00:00:00Z",
             "2026-09-02T23:59:59.999999999Z", "2026-09-03T00:00:00Z"]
    rows = _rows(folder, [changed(out(port=80), time=time) for time in times], phased)
    equal([row["intent"] for row in rows],
          ["no_statement", "unapproved", "unapproved", "no_statement"])


def an_approval_holds_from_its_first_to_its_last_nanosecond(folder):
    dated = INTENT.replace("expires: 2026-08-31", "expires: 2026-08-31T12:00:00Z")
    times = ["2025-12-31T23:59:59.999999999Z", "2026-01-01T00:00:00Z", "2026-08-31T12:00:00Z",
             "2026-08-31T12:00:00.000000001Z"]
    lines = [changed(out("198.51.100.8", destination_names=["x.example.org"]), time=time)
             for time in times]
    equal([row["intent"] for row in _rows(folder, lines, dated)],
          ["not_yet_valid", "approved", "approved", "expired"])
    undated = changed(lines[0], time=None)
    row = _rows(folder, [undated], dated)[0]
    equal((row["intent"], row["undecided"]), ("undecidable", ["no-time"]))


def approvals_tell_of_their_use(folder):
    broad = INTENT.replace("to: {cidrs: [198.51.100.7/32]}", "to: {cidrs: [198.51.100.0/29]}")
    lines = [out("198.51.100.%d" % (i % 2), uuid="u%d" % i) for i in range(5)]
    lines.append(out("198.51.100.8", destination_names=["x.example.org"], uuid="old"))
    report = _check(folder, lines, broad)
    uses = {use["id"]: use for use in report["approvals"]}
    equal(list(uses), ["mirror", "by-address", "old", "early"])
    use = uses["by-address"]
    equal((use["flows"], use["users"], use["destinations"], use["used_ports"], use["state"]),
          (5, "project-a/notebook-1", "198.51.100.0, 198.51.100.1", "443/TCP", "in-force"))
    equal(use["tight"], "to 198.51.100.0, 198.51.100.1; from project-a/notebook-1")
    equal((uses["old"]["state"], uses["old"]["flows"], uses["old"]["flows_outside_force"]),
          ("expired", 1, 1))
    equal((uses["early"]["state"], uses["mirror"]["flows"]), ("not-yet", 0))
    found = sorted((f["id"], f["statement"]["name"]) for f in report["findings"]
                   if f["id"] in ("FC205", "FC206", "FC214"))
    equal(found, [("FC205", "egress.approved mirror"), ("FC206", "egress.approved by-address")])


def a_record_that_is_not_whole_is_told_of(folder):
    bare = INTENT.replace("    - <<: *whole\n      id: early\n",
                          "    - id: early\n      owner: someone\n")
    report = _check(folder, [out("198.51.100.7")], bare)
    found = [f for f in report["findings"] if f["id"] == "FC214"]
    equal(len(found), 1)
    contains(found[0]["explanation"], "lacks reason, mitigation, approvedBy, expires")


def _coverage(report):
    return report["coverage"]["share"], {n["name"]: n["gaps"] for n in report["coverage"]["nodes"]}


def coverage_is_of_the_nodes_that_are_declared(folder):
    nodes = INTENT + "  coverage: {minimum: 0.9, nodes: [node-1, node-2], silence: 1m}\n"
    times = ["2026-09-01T10:%02d:%02dZ" % (s // 60, s % 60) for s in range(0, 601, 30)]
    both = [changed(out("198.51.100.7"), time=time, node_name=node)
            for time in times for node in ("node-1", "c/node-2")]
    report = _check(folder, both, nodes, code=0)
    equal(_coverage(report), (1, {"node-1": 0, "c/node-2": 0}))
    one = [line for line in both if "c/node-2" not in line]
    report = _check(folder, one, nodes, code=4)
    equal(_coverage(report), (0.5, {"node-1": 0, "node-2": 1}))
    equal([f["source"] for f in report["findings"] if f["id"] == "FC502"], ["node-2"])
    holes = [line for line in both if not ("c/node-2" in line and ":04:" in line)]
    report = _check(folder, holes, nodes)
    equal(report["coverage"]["share"], 0.925)
    _check(folder, one, nodes, "--min-coverage", "0.5", code=0)
    _check(folder, both, INTENT, "--min-coverage", "1", code=0)


def lost_events_are_time_that_was_not_seen(folder):
    nodes = INTENT + "  coverage: {minimum: 0.9}\n"
    lines = [changed(out("198.51.100.7"), time="2026-09-01T10:00:0%dZ" % s) for s in range(9)]
    lost = {"lost_events": {"source": "HUBBLE_RING_BUFFER", "num_events_lost": "5",
                            "first": "2026-09-01T10:00:02Z", "last": "2026-09-01T10:00:05Z"},
            "node_name": "node-1", "time": "2026-09-01T10:00:05Z"}
    report = _check(folder, lines + [json.dumps(lost)], nodes, code=4)
    equal(report["coverage"]["share"], 0.5)
    contains([c["answer"] for c in report["controls"]], "not shown")


def a_clock_that_is_off_is_told_of(folder):
    nodes = INTENT + "  coverage: {minimum: 0}\n"
    lines = [changed(out("198.51.100.7"), time="2026-09-01T%d:00:0%dZ" % (hour, s), node_name=node)
             for s in range(3) for hour, node in ((10, "one"), (10, "two"), (15, "three"))]
    report = _check(folder, lines, nodes)
    equal([f["source"] for f in report["findings"] if f["id"] == "FC505"], ["three"])


def _answers(report):
    return {control["id"]: control["answer"] for control in report["controls"]}


def controls_are_met_not_met_or_not_shown(folder):
    good = [out("198.51.100.7"), into(DOOR), between(A, SHARED), between(A, DNS, 53)]
    report = _check(folder, good, code=0)
    answers = _answers(report)
    equal({answers[name] for name in ("gateway-only", "outbound-approved", "projects-isolated",
                                      "cluster-cidr-private", "control-plane-declared",
                                      "exceptions-recorded", "zones-separate")}, {"met"})
    # nothing that is denied was tried, and no outer control is declared
    equal((answers["cni-enforces"], answers["two-controls"]), ("not shown", "not shown"))
    for line, control in ((into(SHARED), "gateway-only"), (between(A, B), "projects-isolated"),
                          (out(port=80), "outbound-approved"),
                          (out("10.9.0.1", port=22), "zones-separate"),
                          (into(SHARED, "10.42.9.9"), "cluster-cidr-private")):
        answers = _answers(_check(folder, good + [line], code=None))
        equal((control, answers[control]), (control, "not met"))
    answers = _answers(_check(folder, good + ["{damaged"], code=3))
    assert "met" not in answers.values(), answers
    answers = _answers(_check(folder, [], code=None))
    assert set(answers.values()) == {"not shown"}, answers


def enforcement_is_shown_by_what_was_dropped(folder):
    dropped = changed(between(A, SHARED), verdict="DROPPED", drop_reason=133,
                      drop_reason_desc="POLICY_DENIED", is_reply=None)
    policies = POLICIES.replace("egress: [{}]", "egress: []", 1)
    report = _check(folder, [dropped], policies=policies)
    control = [c for c in report["controls"] if c["id"] == "cni-enforces"][0]
    equal(control["answer"], "met")
    contains(control["evidence"], "put to the test: KNP egress default deny")
    contains(control["evidence"], "never put to the test: KNP ingress default deny")
    report = _check(folder, [dropped, between(A, SHARED, uuid="escaped")], policies=policies)
    equal(_answers(report)["cni-enforces"], "not met")


def every_flow_read_is_accounted_for(folder):
    lines = [line for line, _, _ in _CASES]
    lines.append(changed(between(A, SHARED), is_reply=True, event_type={"type": 4, "sub_type": 3},
                         traffic_direction="EGRESS"))
    denied = changed(between(A, SHARED), verdict="DROPPED", drop_reason=133, is_reply=None)
    lines += [denied, changed(denied, event_type={"type": 1}), "{damaged",
              changed(between(A, SHARED), event_type={"type": 7}, Type="SOCK")]
    report = _check(folder, lines)
    balance = report["balance"]
    equal(balance["read"], len(lines))
    equal(balance["read"], sum(balance[name] for name in ("results", "replies", "no_verdict",
                                                          "told_twice", "damaged")))
    equal((balance["replies"], balance["no_verdict"], balance["damaged"]), (1, 1, 1))
    equal(sum(report["results"].values()),
          balance["results"] + balance["replies"] + balance["no_verdict"])
    equal(sum(report["intent"]["flows"].values()), len(lines) - 2)


def fields_that_a_mask_took_away_are_told(folder):
    lines = [changed(between(A, SHARED), **{name: None}) for name in
             ("time", "node_name", "verdict", "event_type", "IP", "l4")]
    lines += [changed(between(A, SHARED), source={}), between(A, SHARED)]
    report = _check(folder, lines)
    equal(report["coverage"]["missing_fields"],
          {"time": 1, "node_name": 1, "verdict": 1, "event_type": 1, "IP": 1, "l4": 1, "labels": 1})
    whole = _check(folder, [between(A, SHARED)])
    equal(whole["coverage"]["missing_fields"], {})


def a_baseline_tells_what_is_new_and_what_is_gone(folder):
    old = write(folder, "old.json", json.dumps(_check(folder, [out(port=80), between(A, B)])))
    report = _check(folder, [out(port=80), into(SHARED)], INTENT, "--baseline", old)
    states = {f["id"]: f["baseline"] for f in report["findings"] if f["id"] > "FC200"}
    equal((states["FC203"], states["FC201"]), ("unchanged", "new"))
    contains([gone["id"] for gone in report["baseline"]["gone"]], "FC202")
    equal(report["baseline"]["new"] + report["baseline"]["unchanged"], len(report["findings"]))
    for content in ("", "[]", "{}", '{"schema": "libflow.dev/report/v1", "findings": [{}]}'):
        result = flowcheck("check", "-f", write(folder, "p.yaml", POLICIES), "--baseline",
                           write(folder, "bad.json", content), write(folder, "log", out() + "\n"))
        equal((content, result.code), (content, 2))
        contains(result.err, "expected")


def approvals_are_listed_and_validated(folder):
    path = write(folder, "intent.yaml", INTENT)
    result = flowcheck("approvals", "list", "-o", "json", "--at", "2026-12-15T00:00:00Z", path)
    equal(result.code, 0)
    equal({use["id"]: use["state"] for use in result.json()["approvals"]},
          {"mirror": "expiring", "by-address": "expiring", "old": "expired", "early": "expiring"})
    equal(flowcheck("approvals", "validate", "--at", "2026-12-15T00:00:00Z", path).code, 1)
    equal(flowcheck("approvals", "validate", "--at", "2026-08-01T00:00:00Z", path).code, 0)
    bare = write(folder, "bare.yaml", INTENT.replace("owner: research-it", "reference: R-1"))
    result = flowcheck("approvals", "validate", "--at", "2026-08-01T00:00:00Z", bare)
    equal(result.code, 1)
    contains(result.err, 'approval "mirror" lacks owner')
    equal(flowcheck("approvals", "validate", write(folder, "x.yaml", "kind: x")).code, 2)
    log = write(folder, "log", out("198.51.100.7") + "\n")
    result = flowcheck("approvals", "usage", "--intent", path, "-f",
                       write(folder, "p.yaml", POLICIES), "-o", "json", log)
    equal([use["flows"] for use in result.json()["approvals"]], [0, 1, 0, 0])
    text = flowcheck("approvals", "usage", path, log).out
    contains(text, "used by      1 flow")
    equal(flowcheck("approvals", "usage", log).code, 2)


def explaining_a_flow_tells_what_the_intent_says_of_it(folder):
    log = write(folder, "log", out(port=80) + "\n" + out("198.51.100.7") + "\n")
    options = ["-f", write(folder, "p.yaml", POLICIES), "--intent",
               write(folder, "intent.yaml", INTENT)]
    text = flowcheck("explain", *options, log).out
    contains(text, "intent: unapproved, unapproved-egress (FC203) by egress (")
    contains(text, "intent: approved by egress.approved by-address (")
    found = flowcheck("explain", *options, "-o", "json", log).json()
    equal([(f["intent"], [s["rule"] for s in f["statements"]]) for f in found],
          [("unapproved", ["FC203"]), ("approved", [])])


def a_zone_hides_nothing_that_no_pair_speaks_of(folder):
    # the cluster in no zone, an end in the cluster's own zone: gateways and egress have their say
    homeless = INTENT.replace("{name: own, cidrs: [10.0.0.0/24]}", "{name: own, cidrs: [10.8.0.0/16]}")
    rows = _rows(folder, [out("10.9.0.1", port=22, destination_names=["x.example.org"]),
                          into(SHARED, "10.9.0.1")], homeless)
    equal([_rules(row) for row in rows], [["FC203"], ["FC201"]])
    wide = INTENT.replace("{name: own, cidrs: [10.0.0.0/24]}", "{name: own, cidrs: [10.0.0.0/20]}")
    rows = _rows(folder, [out("10.0.9.1", port=22, destination_names=["x.example.org"]),
                          into(SHARED, "10.0.9.1")], wide)
    equal([_rules(row) for row in rows], [["FC203"], ["FC201"]])


def the_default_speaks_of_a_project_where_nothing_is_shared(folder):
    bare = INTENT.replace("    projects: {namespacePattern: project-*, shared: [shared]}\n",
                          "    default: deny\n    projects: {namespacePattern: project-*}\n")
    rows = _rows(folder, [between(A, OTHER), between(A, B), between(OTHER, SHARED)], bare)
    equal([(row["intent"], _rules(row)) for row in rows],
          [("unapproved", ["FC211"]), ("forbidden", ["FC202"]), ("unapproved", ["FC211"])])


def a_connection_falls_under_each_rule_once(folder):
    many = INTENT.replace("internal: [", "internal: [" + "".join(
        "{name: n%d, to: {namespace: shared}}, " % n for n in range(9)))
    row = _rows(folder, [into(ADMIN)], many)[0]
    equal(sorted(_rules(row)), ["FC201", "FC218"])


def a_missing_fact_is_no_silence(folder):
    unknown = {}
    inner = INTENT.replace("internal: [", "internal: [{name: in, to: {namespace: shared}}, ")
    nodes = inner.replace("nodes: [10.0.0.0/24]", "nodes: []")
    row = _rows(folder, [into(SHARED, source=unknown)], nodes)[0]
    equal((row["intent"], row["undecided"]), ("undecidable", ["no-labels"]))
    hook = between(dict(SHARED), unknown, 9443)
    row = _rows(folder, [hook])[0]
    equal(row["intent"], "undecidable")


def controls_need_statements_in_force_and_facts(folder):
    later = INTENT.replace("default: deny\n", "default: deny\n    phases: [late]\n", 1) + (
        "  phases: [{name: early, from: 2026-01-01}, {name: late, from: 2026-12-01}]\n")
    answers = _answers(_check(folder, [between(A, SHARED)], later))
    equal((answers["outbound-approved"], answers["projects-isolated"]), ("not shown", "met"))
    nodes = INTENT.replace("nodes: [10.0.0.0/24]", "nodes: []")
    answers = _answers(_check(folder, [into(SHARED, source={})], nodes))
    equal(answers["gateway-only"], "not shown")
    empty = INTENT.replace("cidrs: {pods: [10.42.0.0/16], services: [10.43.0.0/16], "
                           "nodes: [10.0.0.0/24]}", "cidrs: {}")
    equal(_answers(_check(folder, [between(A, SHARED)], empty))["cluster-cidr-private"],
          "not shown")
    answers = _answers(_check(folder, [between(A, OTHER)]))
    equal(answers["projects-isolated"], "not met")


def without_policies_the_intent_alone_decides(folder):
    log = write(folder, "log", out("198.51.100.7") + "\n")
    path = write(folder, "intent.yaml", INTENT)
    equal(flowcheck("check", "--intent", path, log).code, 0)
    log = write(folder, "log", out(port=80) + "\n")
    result = flowcheck("check", "--intent", path, "-o", "json", log)
    equal((result.code, [f["id"] for f in result.json()["findings"] if f["id"] > "FC3"]), (1, []))
    log = write(folder, "log", out() + "\n")
    equal(flowcheck("check", "--intent", path, log).code, 4)


def variables_and_the_engine_count_for_policies_too(folder):
    intent = INTENT.replace("spec:\n", "spec:\n  engine: kubernetes\n  variables: {NS: project-a}\n"
                            "", 1)
    policy = POLICIES.replace("namespace: project-a", "namespace: \"${NS}\"", 1)
    report = _check(folder, [between(A, SHARED)], intent, policies=policy)
    equal((report["engine"], report["results"]["permitted"]), ("kubernetes", 1))
    report = _check(folder, [between(A, SHARED)], intent, "--engine", "cilium-1.18", "--var",
                    "NS=elsewhere", policies=policy)
    equal((report["engine"], report["results"]["unprotected"]), ("cilium-1.18", 1))


def a_selector_that_is_no_pod_of_the_snapshot_is_warned_of(folder):
    snapshot = write(folder, "s.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: "
                     "project-a, labels: {app: notebook}}\nstatus: {podIP: 10.42.0.1}\n")
    result = flowcheck("check", "-f", write(folder, "p.yaml", POLICIES), "--snapshot", snapshot,
                       "--intent", write(folder, "intent.yaml", INTENT),
                       write(folder, "log", out("198.51.100.7") + "\n"))
    contains(result.err, "no pod of the snapshot is one that gateways door selects")
    assert "egress.approved" not in result.err, result.err


def a_stranger_is_known_by_the_pods_of_the_snapshot(folder):
    pods = "---\n".join("apiVersion: v1\nkind: Pod\nmetadata: {name: p%d, namespace: shared}\n"
                        "status: {podIP: 10.42.9.%d}\n" % (n, n) for n in (1, 2))
    log = write(folder, "log", into(SHARED, "10.42.9.9") + "\n" + into(SHARED, "10.42.9.1") + "\n")
    rows = flowcheck("check", "-f", write(folder, "p.yaml", POLICIES), "--snapshot",
                     write(folder, "s.yaml", pods), "--intent",
                     write(folder, "intent.yaml", INTENT), "-o", "jsonl", log).rows()
    equal([(row["intent"], _rules(row)) for row in rows],
          [("forbidden", ["FC210"]), ("approved", [])])


def a_layer_must_allow_it_too(folder):
    write(folder, "sg.json", json.dumps({"SecurityGroups": [{
        "GroupId": "sg-1", "GroupName": "pods", "IpPermissions": [],
        "IpPermissionsEgress": [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
                                 "IpRanges": [{"CidrIp": "198.51.100.0/24"}]}]}]}))
    intent = INTENT + ("  layers: [{name: aws, type: aws-security-groups, file: sg.json,\n"
                       "            members: [{group: sg-1, cidrs: [10.42.0.0/16]}]}]\n")
    rows = _rows(folder, [out("198.51.100.7"), out(destination_names=["mirror.example.org"])],
                 intent)
    equal([(row["intent"], _rules(row)) for row in rows],
          [("approved", []), ("forbidden", ["FC212"])])
    equal(rows[1]["statement"]["file"], os.path.join(folder, "sg.json"))
    equal(_answers(_check(folder, [out("198.51.100.7")], intent))["two-controls"], "met")
    missing = intent.replace("file: sg.json", "file: none.json")
    result = flowcheck("check", "--intent", write(folder, "intent.yaml", missing),
                       write(folder, "log", out() + "\n"))
    equal(result.code, 2)
    contains(result.err, "none.json")


if __name__ == "__main__":
    run(sys.modules[__name__])
