# SPDX-License-Identifier: Apache-2.0
"""Ways that are quick against ways that are plain: reports must not tell which one was taken."""
import os
import random
import sys

from tap import WORLD, equal, flow, flowcheck, pod, run, write

_POLICY = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: names, namespace: a}
spec:
  endpointSelector: {}
  egress:
  - toFQDNs: [{matchPattern: "*.example.org"}]
    toPorts: [{ports: [{port: "443", protocol: TCP}]}]
  - toEndpoints: [{}]
"""

_INTENT = """apiVersion: libflow.dev/v1alpha1
kind: FlowIntent
metadata: {name: example}
spec:
  cluster: {cidrs: {pods: [10.0.0.0/16]}}
  egress:
    default: deny
    approved:
    - {id: mirror, to: {fqdns: [mirror.example.org]}, ports: [443/TCP]}
    - {id: late, to: {fqdns: [late.example.org]}, ports: [443/TCP], expires: 2026-09-02}
"""


def _time(second):
    return "2026-09-01T10:%02d:%02d.5Z" % (second // 60, second % 60)


def _answer(second, node, name, address, ttl):
    client, server = pod("a", "web-1", app="web"), pod("kube-system", "dns-1")
    l7 = {"type": "RESPONSE", "dns": {"query": name + ".", "ips": [address], "ttl": ttl, "rcode": 0}}
    return flow("u", server, client, 53, node_name=node, time=_time(second), l7=l7, Type="L7",
                event_type={"type": 129}, is_reply=True)


def _connection(second, node, address, verdict, port=443):
    ip = {"source": "10.0.0.1", "destination": address, "ipVersion": "IPv4"}
    return flow("c", pod("a", "web-1", local=True, app="web"), WORLD, port, verdict=verdict, node_name=node,
                time=_time(second), IP=ip)


def _log(chance):
    """Answers and connections, mostly in the order of time, of few nodes, names and addresses."""
    addresses = ["192.0.2.%d" % i for i in range(4)]
    records = []
    for _ in range(chance.randrange(2, 40)):
        second, node = chance.randrange(1200), chance.choice(["n1", "n2"])
        address = chance.choice(addresses)
        if chance.random() < 0.3:
            name = chance.choice(["mirror.example.org", "late.example.org", "evil.example.com"])
            records.append((second, _answer(second, node, name, address, chance.choice([1, 30, 600]))))
        else:
            verdict = chance.choice(["FORWARDED", "FORWARDED", "DROPPED"])
            records.append((second, _connection(second, node, address, verdict)))
    if chance.random() < 0.6:
        records.sort()
    lines = [line for _, line in records]
    if chance.random() < 0.3:
        lines.insert(chance.randrange(len(lines)), '{"flow":')
    return "\n".join(lines) + "\n"


def one_reading_gives_what_two_give(folder):
    chance = random.Random(5)
    options = ["-f", write(folder, "policy.yaml", _POLICY)]
    intent = ["--intent", write(folder, "intent.yaml", _INTENT)]
    rows = os.path.join(folder, "rows")
    for turn in range(80):
        logs = [write(folder, "log-%d" % i, _log(chance)) for i in range(chance.choice([1, 1, 2]))]
        asked = options + (intent if turn % 2 else [])
        once = flowcheck("check", *asked, "-o", "json", *logs)
        # rows are written as they are judged, which only a second reading can do
        twice = flowcheck("check", *asked, "-o", "json", "-o", "jsonl=" + rows, *logs)
        equal(once.json(), twice.json())
        equal(once.err, twice.err)
        equal(once.code, twice.code)


def an_answer_that_comes_late_is_known_from_its_time_on(folder):
    """What was judged before the answer was read is judged again, and problems are told once."""
    lines = [_connection(20, "n1", "192.0.2.1", "FORWARDED"), "{", _answer(10, "n1", "mirror.example.org",
                                                                          "192.0.2.1", 60)]
    log = write(folder, "log", "\n".join(lines) + "\n")
    found = flowcheck("check", "-f", write(folder, "policy.yaml", _POLICY), "-o", "json", log)
    equal(found.json()["results"]["permitted"], 1)
    equal(found.err.count("expected"), 1)


if __name__ == "__main__":
    run(sys.modules[__name__])
