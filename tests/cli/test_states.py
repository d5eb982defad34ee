# SPDX-License-Identifier: Apache-2.0
"""Partial states: any split of the evidence, merged in any order, is the report of one run."""
import gzip
import json
import os
import random
import sys

import packets as p
from intents import (A, ADMIN, API, B, DNS, DOOR, HOOK, INTENT, NODE, OTHER, POLICIES, SHARED,
                     WORLD, between, changed, into, ips, out)
from tap import EXAMPLE, contains, equal, flow, flowcheck, run, write

_FQDN = """---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: mirror, namespace: project-a}
spec:
  endpointSelector: {}
  egress:
  - toFQDNs: [{matchName: mirror.example.org}]
    toPorts: [{ports: [{port: "443", protocol: TCP}]}]
"""

_PHASES = """  phases: [{name: set-up, from: 2026-09-01}, {name: lockdown, from: 2026-09-01T10:04:00Z}]
  coverage: {minimum: 0.5, nodes: [node-1, node-2, node-3], silence: 20s}
"""


def _answer(address, ttl=120):
    return between(A, DNS, 53, Type="L7", event_type={"type": 129}, is_reply=True,
                   l7={"type": "RESPONSE", "dns": {"query": "mirror.example.org.", "ttl": ttl,
                                                   "ips": [address]}})


def _lines(rng, count):
    """A log of several nodes: every kind of record, in a mixed order."""
    kinds = [
        lambda: out("203.0.113.%d" % rng.randrange(4)),
        lambda: out("203.0.113.%d" % rng.randrange(4), port=rng.choice((443, 80, 53))),
        lambda: out(destination_names=[rng.choice(("mirror.example.org", "x.example.org"))]),
        lambda: out("198.51.100.%d" % rng.randrange(5, 10)),
        lambda: into(rng.choice((DOOR, SHARED, B)), rng.choice(("203.0.113.9", "10.0.0.7"))),
        lambda: into(SHARED, "10.42.9.9", source=NODE),
        lambda: between(rng.choice((A, B, SHARED, OTHER)), rng.choice((A, B, SHARED, HOOK)),
                        rng.choice((80, 8080, 9443))),
        lambda: changed(between(A, B), verdict="DROPPED", drop_reason=133, is_reply=None,
                        event_type={"type": rng.choice((1, 5))}),
        lambda: changed(between(B, A), is_reply=None, event_type={"type": 4}, l4={"TCP": {
            "source_port": rng.choice((443, 50000)), "destination_port": rng.choice((443, 50001)),
            "flags": rng.choice(({"SYN": True}, {"ACK": True}, {"SYN": True, "ACK": True}))}}),
        lambda: changed(between(A, B), l4={"ICMPv4": {"type": rng.choice((0, 8))}}),
        lambda: changed(between(A, ADMIN, 80), Type="L7", event_type={"type": 129}, l7={
            "type": "REQUEST", "http": {"method": "GET", "url": "http://x/tre/api/%d"
                                        % rng.randrange(3)}}),
        lambda: flow("u", dict(DNS, ID=3), API, 6443, **ips("10.42.0.1", "10.0.0.2")),
        lambda: changed(out(), IP={"source": "2001:db8::1", "destination": "2001:db8:9::9",
                                   "ipVersion": "IPv6"}),
        lambda: changed(between(A, B), source={}, destination={}),
        lambda: _answer("203.0.113.%d" % rng.randrange(4), rng.choice((0, 30, 300))),
    ]
    lines = []
    for number in range(count):
        line = changed(rng.choice(kinds)(), uuid="u%d" % number,
                       node_name=rng.choice(("node-1", "node-2", "other/node-3")),
                       time="2026-09-01T10:%02d:%02d.%09dZ"
                            % (rng.randrange(8), rng.randrange(60), rng.randrange(10**9)))
        if rng.random() < 0.03:
            line = changed(line, time=None)
        lines.append(line)
    time = "2026-09-01T10:03:00Z"
    for node in ("node-1", "node-2"):
        lines.insert(rng.randrange(len(lines)), json.dumps(
            {"lost_events": {"source": "HUBBLE_RING_BUFFER", "num_events_lost": "3"},
             "node_name": node, "time": time}))
        lines.insert(rng.randrange(len(lines)), json.dumps(
            {"agent_event": {"type": "AGENT_STARTED"}, "node_name": node, "time": time}))
    lines.insert(rng.randrange(len(lines)), json.dumps(
        {"node_status": {"state_change": "NODE_GONE", "node_names": ["node-2"]}, "time": time}))
    return lines


def _same_by_parts(folder, names, rng, options):
    """Holds the report of the parts together against that of their states."""
    whole = flowcheck("check", *options, "-o", "json", *names)
    states = []
    for name in names:
        states.append(name + ".state")
        part = flowcheck("check", *options, "--partial-out", states[-1], "-o",
                         "json=" + os.devnull, name)
        assert part.code != 2, part.err
    for _ in range(2):
        rng.shuffle(states)
        merged = flowcheck("merge", "-o", "json", *states)
        equal((merged.code, merged.out == whole.out), (whole.code, True))
    half = os.path.join(folder, "half.state")
    flowcheck("merge", "--partial-out", half, "-o", "json=" + os.devnull, *states[1:])
    merged = flowcheck("merge", "-o", "json", half, states[0])
    equal((merged.code, merged.out == whole.out), (whole.code, True))
    return whole


def any_split_in_any_order_is_the_report_of_one_run(folder):
    options = ["-f", write(folder, "p.yaml", POLICIES + _FQDN), "--intent",
               write(folder, "intent.yaml", INTENT + _PHASES)]
    for seed in range(6):
        rng = random.Random(seed)
        lines = _lines(rng, 120)
        if seed % 2 == 0:
            lines.sort(key=lambda line: json.loads(line).get("time") or "")
        parts = rng.randrange(2, 7)
        cuts = sorted(rng.randrange(len(lines) + 1) for _ in range(parts - 1))
        names = []
        for number, (start, end) in enumerate(zip([0] + cuts, cuts + [len(lines)])):
            text = "".join(line + "\n" for line in lines[start:end]).encode()
            names.append(write(folder, "s%d-%d.jsonl" % (seed, number),
                               gzip.compress(text) if number % 2 else text))
        report = _same_by_parts(folder, names, rng, options).json()
        equal(report["balance"]["read"], 120)


def the_example_is_the_same_by_its_lines(folder):
    whole = os.path.join(folder, "all.jsonl")
    flowcheck("convert", "-o", "json=" + whole, EXAMPLE + "/flows.jsonl.zst")
    with open(whole, "rb") as file:
        lines = file.readlines()
    names = [write(folder, "part-%d" % n, b"".join(lines[n::3])) for n in range(3)]
    options = ["-f", EXAMPLE + "/policies", "--snapshot", EXAMPLE + "/snapshot"]
    split = _same_by_parts(folder, names, random.Random(1), options).json()
    report = flowcheck("check", *options, "-o", "json", whole).json()
    for member in ("coverage", "results", "balance", "controls", "findings"):
        equal((member, split[member] == report[member]), (member, True))


def a_name_of_one_part_is_known_in_another(folder):
    options = ["-f", write(folder, "p.yaml", POLICIES + _FQDN), "--intent",
               write(folder, "intent.yaml", INTENT)]
    asked = changed(_answer("203.0.113.9"), time="2026-09-01T09:59:00Z")
    names = [write(folder, "one", out() + "\n"), write(folder, "two", asked + "\n")]
    report = _same_by_parts(folder, names, random.Random(2), options).json()
    equal(report["intent"]["flows"]["undecidable"], 0)
    alone = flowcheck("check", *options, "-o", "json", names[0]).json()
    equal(alone["intent"]["flows"]["undecidable"], 1)


def protobuf_and_captures_split_by_file(folder):
    rng = random.Random(3)
    log = write(folder, "log", "".join(line + "\n" for line in _lines(rng, 60)))
    names = [os.path.join(folder, "log.pb"), write(folder, "log.jsonl", out(uuid="x") + "\n")]
    flowcheck("convert", "-o", "protobuf=" + names[0], log)
    for number in range(2):
        frames = p.handshake("10.42.0.1", "203.0.113.%d" % number, 40000 + number, 443,
                             data=[b"x" * 10])
        names.append(write(folder, "c%d.pcap" % number, p.pcap(frames)))
    snapshot = write(folder, "s.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: notebook-1, "
                     "namespace: project-a}\nstatus: {podIP: 10.42.0.1, "
                     "startTime: '1970-01-01T00:00:00Z'}\n")
    options = ["-f", write(folder, "p.yaml", POLICIES), "--snapshot", snapshot, "--intent",
               write(folder, "intent.yaml", INTENT)]
    report = _same_by_parts(folder, names, rng, options).json()
    assert any(f["bytes"] for f in report["findings"]), "no finding has bytes"


def _captured(folder, name, frames):
    return write(folder, name + ".pcap", p.pcap(frames))


def a_connection_that_a_cut_leaves_open_is_one(folder):
    options = ["-f", write(folder, "p.yaml", POLICIES), "--intent",
               write(folder, "intent.yaml", INTENT)]
    client = "10.42.0.1"
    frames = p.handshake(client, "203.0.113.9", 40000, 80, data=[b"x" * 10] * 5)
    frames += p.handshake("10.42.7.7", "198.51.100.7", 40001, 443, start=0.0005, data=[b"y"] * 4)
    query = lambda here, there, sport, dport: p.ethernet(p.ip(here, there, 17, p.udp(sport, dport, b"q")))
    for number in range(8):
        ends = (client, "192.0.2.1", 50000, 500)
        back = ("192.0.2.1", client, 500, 50000)
        frames.append((number / 500, query(*(ends if number % 2 == 0 else back))))
    frames.sort(key=lambda frame: frame[0])
    whole = flowcheck("check", *options, "-o", "json", _captured(folder, "whole", frames)).json()
    equal(whole["balance"]["read"], 3)
    for cut in range(1, len(frames), 3):
        names = [_captured(folder, "a", frames[:cut]), _captured(folder, "b", frames[cut:])]
        split = _same_by_parts(folder, names, random.Random(cut), options).json()
        equal((cut, split["results"]), (cut, whole["results"]))
        equal((cut, split["approvals"]), (cut, whole["approvals"]))
        kept = lambda report: [(f["id"], f["fingerprint"], f["count"], f["bytes"], f["first"], f["last"])
                               for f in report["findings"]]
        equal((cut, kept(split)), (cut, kept(whole)))
        equal(split["balance"]["told_twice"], split["balance"]["read"] - 3)


def what_another_capture_holds_of_the_same_ends_is_not_always_the_same(folder):
    options = ["-f", write(folder, "p.yaml", POLICIES)]
    whole = p.handshake("10.42.0.1", "203.0.113.9", 40000, 80, data=[b"x"])
    late = p.handshake("10.42.0.1", "203.0.113.9", 40000, 80, start=601, data=[b"x"])
    for first, second in ((whole, whole), (whole[:4], late), (whole[:4], late[4:]), (whole, whole[4:])):
        names = [_captured(folder, "a", first), _captured(folder, "b", second)]
        report = _same_by_parts(folder, names, random.Random(1), options).json()
        equal((report["balance"]["read"], report["balance"]["told_twice"]), (2, 0))


def states_of_other_policies_or_cut_short_are_refused(folder):
    log = write(folder, "log", out() + "\n")
    states = []
    for name, text in (("p", POLICIES), ("q", POLICIES + _FQDN)):
        states.append(os.path.join(folder, name + ".state"))
        flowcheck("check", "-f", write(folder, "policies.yaml", text), "--partial-out", states[-1],
                  log)
    result = flowcheck("merge", *states)
    equal(result.code, 2)
    contains(result.err, "policies.yaml differs")
    with open(states[0], "rb") as file:
        good = file.read()
    lines = good.splitlines(keepends=True)
    for bad in (b"", good[:len(good) // 2], b"".join(lines[:-1]), b"".join(lines[1:]),
                good.replace(b"state/v1", b"state/v9"), b"".join(lines[:-2] + lines[-1:]),
                good.replace(b'"message":"', b'"message":"!'),
                good.replace(b'"flow":', b'"flow":9'), b"[]", out().encode()):
        result = flowcheck("merge", write(folder, "bad.state", bad))
        equal((bad[:60], result.code), (bad[:60], 3))
        contains(result.err, "expected")
    equal(flowcheck("merge").code, 2)


def a_part_that_could_not_be_read_counts_in_the_whole(folder):
    options = ["-f", write(folder, "p.yaml", POLICIES), "--intent",
               write(folder, "intent.yaml", INTENT)]
    good = write(folder, "good", out("198.51.100.7") + "\n")
    for name, inputs in (("a", [good]), ("b", [os.path.join(folder, "none")])):
        flowcheck("check", *options, "--partial-out", os.path.join(folder, name), *inputs)
    equal(flowcheck("merge", os.path.join(folder, "a")).code, 0)
    equal(flowcheck("merge", os.path.join(folder, "a"), os.path.join(folder, "b")).code, 3)


if __name__ == "__main__":
    run(sys.modules[__name__])
