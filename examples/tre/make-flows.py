#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a quarter of an hour of the example TRE, as Cilium 1.19 exports it, to stdout; what is in it, to stderr.

    ./make-flows.py | zstd -19 -o flows.jsonl.zst

The same seed gives the same bytes. Pods and labels are those of snapshot/; what is right and what is wrong follows
from policies/.
"""
import argparse
import collections
import json
import random
import sys
import time

START = 1789380000  # 2026-09-14T10:00:00Z
SECONDS = 900
SILENT = ("tre-node-3", 780)  # says nothing more from this second on

NAMESPACES = {
    "gateway": {"tre.example.org/zone": "access"},
    "kube-system": {},
    "monitoring": {"tre.example.org/zone": "platform"},
    "project-asthma": {"tre.example.org/project": "asthma", "tre.example.org/zone": "project"},
    "project-diabetes": {"tre.example.org/project": "diabetes", "tre.example.org/zone": "project"},
    "sandbox": {},
    "shared": {"tre.example.org/zone": "shared"},
}
PODS = """
gateway          auth-proxy  Deployment  auth-proxy-6c9d8f7b5d-k4x2p 10.42.1.21  4180 44180
gateway          auth-proxy  Deployment  auth-proxy-6c9d8f7b5d-z7m9q 10.42.2.21  4180 44180
kube-system      coredns     Deployment  coredns-7f9c4d8b66-h5wqt    10.42.2.10  8181 9153
kube-system      coredns     Deployment  coredns-7f9c4d8b66-t8rbz    10.42.3.10  8181 9153
monitoring       prometheus  StatefulSet prometheus-0                10.42.2.60  9090 0
project-asthma   notebook    StatefulSet notebook-0                  10.42.1.31  8888 9100
project-asthma   notebook    StatefulSet notebook-1                  10.42.2.31  8888 9100
project-asthma   notebook    StatefulSet notebook-2                  10.42.3.31  8888 9100
project-asthma   postgres    StatefulSet postgres-0                  10.42.3.32  5432 9187
project-asthma   trainer     Deployment  trainer-5b8f6c9d47-q2vkx    10.42.2.33  0    9100
project-diabetes notebook    StatefulSet notebook-0                  10.42.1.41  8888 9100
project-diabetes notebook    StatefulSet notebook-1                  10.42.2.41  8888 9100
project-diabetes postgres    StatefulSet postgres-0                  10.42.1.42  5432 9187
project-diabetes matlab      Deployment  matlab-84d7c6f59b-n6jcd     10.42.2.43  0    9100
sandbox          toolbox     Deployment  toolbox-69f5d4c8bb-x9gvm    10.42.3.90  0    0
shared           keycloak    Deployment  keycloak-74c9b8d6f5-2lmsp   10.42.2.51  8080 9000
shared           keycloak    Deployment  keycloak-74c9b8d6f5-8hdwk   10.42.3.51  8080 9000
shared           registry    StatefulSet registry-0                  10.42.1.52  5000 5001
"""
# What an agent calls an address that no pod has; the CIDRs are those the policies speak of.
OUTSIDE = [
    ("192.0.2.53", 16777217, ["cidr:192.0.2.53/32", "reserved:world"]),
    ("192.0.2.", 16777218, ["cidr:192.0.2.0/28", "reserved:world"]),
    ("198.51.100.7", 16777219, ["cidr:198.51.100.7/32", "reserved:world"]),
    ("169.254.169.254", 16777220, ["cidr:169.254.169.254/32", "reserved:world"]),
    ("203.0.113.", 2, ["reserved:world"]),
    ("10.0.0.11", 7, ["reserved:kube-apiserver", "reserved:remote-node"]),
    ("10.0.0.", 1, ["reserved:host"]),
    ("10.42.", 8, ["reserved:ingress"]),
]
KINDS = {"KNP": "NetworkPolicy", "CNP": "CiliumNetworkPolicy", "CCNP": "CiliumClusterwideNetworkPolicy"}
POINTS = {"TO_ENDPOINT": 0, "TO_PROXY": 1, "TO_STACK": 3, "TO_OVERLAY": 4}
FLAGS = {"SYN": "SYN", "SYNACK": "SYN, ACK", "PSH": "ACK, PSH", "FIN": "ACK, FIN"}

# Steps: whose node tells, what, TCP flags; "<" marks a packet of the reply.
FAR = """S VERDICT SYN|S TO_OVERLAY SYN|D VERDICT SYN|D TO_ENDPOINT SYN|D< TO_OVERLAY SYNACK|S< TO_ENDPOINT SYNACK
         |S TO_OVERLAY FIN|D TO_ENDPOINT FIN|D< TO_OVERLAY FIN|S< TO_ENDPOINT FIN"""
NEAR = """S VERDICT SYN|D VERDICT SYN|D TO_ENDPOINT SYN|S< TO_ENDPOINT SYNACK|D TO_ENDPOINT FIN|S< TO_ENDPOINT FIN"""
OUT = """S VERDICT SYN|S TO_STACK SYN|S< TO_ENDPOINT SYNACK|S TO_STACK PSH|S< TO_ENDPOINT PSH|S TO_STACK FIN
         |S< TO_ENDPOINT FIN"""
IN = """D VERDICT SYN|D TO_ENDPOINT SYN|D< TO_STACK SYNACK|D TO_ENDPOINT PSH|D< TO_STACK PSH|D TO_ENDPOINT FIN
        |D< TO_STACK FIN"""
PROBE = "D VERDICT SYN|D TO_ENDPOINT SYN|D< TO_STACK SYNACK|D TO_ENDPOINT FIN|D< TO_STACK FIN"
DNS_FAR = """S REDIRECT SYN|S TO_PROXY SYN|S DNS SYN|D VERDICT SYN|D TO_ENDPOINT SYN|D< TO_OVERLAY SYN|S< DNS SYN
             |S< TO_ENDPOINT SYN"""
DNS_NEAR = """S REDIRECT SYN|S TO_PROXY SYN|S DNS SYN|D VERDICT SYN|D TO_ENDPOINT SYN|S< TO_PROXY SYN|S< DNS SYN
              |S< TO_ENDPOINT SYN"""
UDP_FAR = "S VERDICT SYN|S TO_OVERLAY SYN|D VERDICT SYN|D TO_ENDPOINT SYN|D< TO_OVERLAY SYN|S< TO_ENDPOINT SYN"
UDP_OUT = "S VERDICT SYN|S TO_STACK SYN|S< TO_ENDPOINT SYN"
DENY_OUT = "S DENY SYN|S DROP SYN"
DENY_IN = "D DENY SYN|D DROP SYN"
DENY_FAR = "S VERDICT SYN|S TO_OVERLAY SYN|D DENY SYN|D DROP SYN"
DENY_AGAIN = "S TO_OVERLAY SYN|D DENY SYN|D DROP SYN"


class Endpoint:
    """A pod, or an address that none has."""

    def __init__(self, ip, ns=None, app=None, kind=None, pod=None, port=0, metrics=0):
        self.ip, self.ns, self.app, self.kind, self.pod = ip, ns, app, kind, pod
        self.port, self.metrics = int(port), int(metrics)
        last = [int(part) for part in ip.split(".")]
        self.node = f"tre-node-{last[2]}" if pod else None
        self.id = 1000 + 7 * last[3]
        self.mac, self.gate = (f"{first}:42:{last[2]:02x}:{last[3]:02x}:7e:01" for first in ("0a", "da"))
        self.link = f"lxc{last[2]:02x}{last[3]:02x}c0ffee{last[3] ^ 0x5a:02x}"[:15]
        if not pod:
            self.identity, self.labels = next((i, labels) for start, i, labels in OUTSIDE if ip.startswith(start))
            return
        self.identity = 20000 + 100 * list(NAMESPACES).index(ns) + sum(map(ord, app)) % 97
        namespace = {"kubernetes.io/metadata.name": ns, **NAMESPACES[ns]}
        self.labels = sorted(
            ["k8s:k8s-app=kube-dns" if app == "coredns" else f"k8s:app={app}",
             "k8s:io.cilium.k8s.policy.cluster=default", f"k8s:io.cilium.k8s.policy.serviceaccount={app}",
             f"k8s:io.kubernetes.pod.namespace={ns}"] +
            [f"k8s:io.cilium.k8s.namespace.labels.{key}={value}" for key, value in namespace.items()])

    def seen_from(self, node):
        """The JSON object; ID and workloads on the endpoint's own node only."""
        if not self.pod:
            return {"identity": self.identity, "labels": self.labels} if self.labels else {"identity": self.identity}
        told = {"ID": self.id} if node == self.node else {}
        told |= {"identity": self.identity, "cluster_name": "default", "namespace": self.ns, "labels": self.labels,
                 "pod_name": self.pod}
        return told | {"workloads": [{"name": self.app, "kind": self.kind}]} if node == self.node else told


def stamp(ns):
    fraction = f"{ns % 10**9:09d}"
    while fraction.endswith("000"):
        fraction = fraction[:-3]
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(START + ns // 10**9))
    return text + (f".{fraction}Z" if fraction else "Z")


class Log:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lines = []  # (ns since START, node, record)
        self.made = collections.Counter()

    def between(self, low, high):
        return low + int(self.random.random() * (high - low))

    def uuid(self):
        bits = f"{self.random.getrandbits(128):032x}"
        return f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-{'89ab'[int(bits[16], 16) & 3]}{bits[17:20]}-{bits[20:]}"

    def connect(self, second, a, b, port, shape, what="ordinary", udp=False, allowed=("", ""), denied="", query="",
                sport=0, match=2):
        """One connection from a to b; allowed and denied name the policies as "KIND name"."""
        at = int(second * 10**9) + self.between(0, 10**9)
        sport = sport or self.between(32768, 60999)
        for step in shape.split("|"):
            side, event, flags = step.split()
            at += self.between(8000, 90000) if event != "TO_PROXY" else self.between(90000, 900000)
            flow = self.event(at, a, b, sport, port, side, event, flags, udp, query, match)
            subject = a if side[0] == "S" else b
            by = denied if event == "DENY" else allowed[side[0] == "D"] if event in ("VERDICT", "REDIRECT") else ""
            if by:
                if event != "DENY":
                    flow["policy_match_type"] = 2
                self.add_policy(flow, by, subject, "egress" if side[0] == "S" else "ingress",
                                "denied" if event == "DENY" else "allowed")
            self.lines.append((at, subject.node, what, {"flow": flow}))
        return sport

    def event(self, at, a, b, sport, port, side, event, flags, udp, query, match):
        reply, subject = side.endswith("<"), a if side[0] == "S" else b
        src, dst, ports = (b, a, (port, sport)) if reply else (a, b, (sport, port))
        reason = 181 if b.ip == "169.254.169.254" else 133
        dropped, l7, trace = event in ("DENY", "DROP"), event == "DNS", event in POINTS
        verdict = "DROPPED" if dropped else "REDIRECTED" if event == "REDIRECT" else "FORWARDED"
        flow = {"time": stamp(at), "uuid": self.uuid(), "emitter": {"name": "Hubble", "version": "1.19.4"},
                "verdict": verdict}
        if dropped:
            flow["drop_reason"] = reason
        if not l7:
            macs = (subject.mac, subject.gate) if src is subject else (subject.gate, subject.mac)
            flow["ethernet"] = dict(zip(("source", "destination"), macs))
        flow["IP"] = {"source": src.ip, "destination": dst.ip, "ipVersion": "IPv4"}
        l4 = dict(zip(("source_port", "destination_port"), ports))
        if not udp and not l7:
            l4["flags"] = {"SYN": {"SYN": True}, "SYNACK": {"SYN": True, "ACK": True},
                           "PSH": {"PSH": True, "ACK": True}, "FIN": {"FIN": True, "ACK": True}}[flags]
        flow["l4"] = {"UDP" if udp else "TCP": l4}
        flow |= {"source": src.seen_from(subject.node), "destination": dst.seen_from(subject.node),
                 "Type": "L7" if l7 else "L3_L4", "node_name": subject.node,
                 "node_labels": [f"kubernetes.io/hostname={subject.node}", "kubernetes.io/os=linux"]}
        if not l7 and b.ip in NAMES and a.pod:
            flow["source_names" if reply else "destination_names"] = [NAMES[b.ip]]
        if l7:
            flow["l7"] = self.dns(query, reply)
        if reply:
            flow["reply"] = True
        number = 129 if l7 else 1 if event == "DROP" else 4 if trace else 5
        sub_type = reason if event == "DROP" else POINTS.get(event, 0)
        flow["event_type"] = {"type": number, "sub_type": sub_type} if sub_type else {"type": number}
        # From 1.16 on a forward packet that reaches its endpoint says EGRESS there too.
        delivered = event == "TO_ENDPOINT" and not reply
        flow["traffic_direction"] = "EGRESS" if side[0] == "S" or delivered else "INGRESS"
        if event in ("VERDICT", "REDIRECT"):
            flow["policy_match_type"] = match
        if trace:
            flow["trace_observation_point"] = event
            flow["trace_reason"] = "REPLY" if reply else "NEW" if flags == "SYN" else "ESTABLISHED"
        if event == "DROP":
            flow["file"] = {"name": "bpf_lxc.c", "line": 1294}
        if dropped:
            flow["drop_reason_desc"] = "POLICY_DENY" if reason == 181 else "POLICY_DENIED"
        else:
            flow["is_reply"] = reply
        if event == "TO_OVERLAY":
            flow["interface"] = {"index": 4, "name": "cilium_vxlan"}
        elif event == "TO_ENDPOINT":
            flow["interface"] = {"index": subject.id % 97 + 10, "name": subject.link}
        elif event == "TO_PROXY":
            flow["proxy_port"] = 43211
        flow["Summary"] = self.dns_summary(query, reply) if l7 else "UDP" if udp else "TCP Flags: " + FLAGS[flags]
        return flow

    def dns(self, query, reply):
        if not reply:
            return {"type": "REQUEST",
                    "dns": {"query": query + ".", "observation_source": "proxy", "qtypes": ["A"]}}
        return {"type": "RESPONSE", "latency_ns": str(self.between(300000, 4000000)),
                "dns": {"query": query + ".", "ips": ADDRESSES[query], "ttl": 30, "observation_source": "proxy",
                        "qtypes": ["A"], "rrtypes": ["A"]}}

    @staticmethod
    def dns_summary(query, reply):
        if not reply:
            return f"DNS Query {query}. A"
        return f"DNS Answer \"{','.join(ADDRESSES[query])}\" TTL: 30 (Proxy {query}. A)"

    @staticmethod
    def add_policy(flow, by, subject, direction, what):
        kind, name = by.split()
        labels = [f"k8s:io.cilium.k8s.policy.derived-from={KINDS[kind]}", f"k8s:io.cilium.k8s.policy.name={name}"]
        policy = {"name": name}
        if kind != "CCNP":
            policy["namespace"] = subject.ns
            labels.append(f"k8s:io.cilium.k8s.policy.namespace={subject.ns}")
        flow[f"{direction}_{what}_by"] = [policy | {"labels": labels, "revision": "118", "kind": KINDS[kind]}]
        flow["policy_log"] = [""]

    def refuse(self, second, a, b, port, shape, what, again=None, **more):
        """A connection that is dropped: the packet and its two repetitions, one and three seconds later."""
        sport = self.connect(second, a, b, port, shape, what, **more)
        for later in (1, 3):
            self.connect(second + later, a, b, port, again or shape, what, sport=sport, **more)

    def every(self, period, do):
        """Calls do(second) over the whole time, starting anywhere in the first period."""
        second = self.between(0, period)
        while second < SECONDS - 2:
            do(second)
            second += period + self.between(-period // 8, period // 8 + 1)


ADDRESSES = {
    "mirror.example.org": ["192.0.2.10", "192.0.2.11"],
    "licence.example.org": ["198.51.100.7"],
    "keycloak.shared.svc.cluster.local": ["10.43.0.51"],
    "registry.shared.svc.cluster.local": ["10.43.0.52"],
}
NAMES = {"192.0.2.10": "mirror.example.org", "192.0.2.11": "mirror.example.org", "198.51.100.7": "licence.example.org"}


class Tre:
    def __init__(self, log):
        self.log = log
        rows = [row.split() for row in PODS.strip().splitlines()]
        self.pods = [Endpoint(ip, ns, app, kind, pod, port, metrics) for ns, app, kind, pod, ip, port, metrics in rows]

    def of(self, ns, app):
        return [pod for pod in self.pods if pod.ns == ns and pod.app == app]

    def inside(self, second, a, b, port, allowed):
        self.log.connect(second, a, b, port, NEAR if a.node == b.node else FAR, allowed=allowed)

    def lookup(self, second, pod, name):
        server = self.of("kube-system", "coredns")[self.log.between(0, 2)]
        self.log.connect(second, pod, server, 53, DNS_NEAR if pod.node == server.node else DNS_FAR, udp=True,
                         allowed=("CCNP zones-baseline", "CNP coredns"), query=name)

    def to_mirror(self, second, pod, policy="CNP package-mirror"):
        self.lookup(second - 0.9, pod, "mirror.example.org")
        self.log.connect(second, pod, Endpoint(f"192.0.2.{self.log.between(10, 12)}"), 443, OUT, allowed=(policy, ""))

    def projects(self):
        """What researchers do all day."""
        log, keycloaks, registry = self.log, self.of("shared", "keycloak"), self.of("shared", "registry")[0]
        for ns in ("project-asthma", "project-diabetes"):
            database = self.of(ns, "postgres")[0]
            for pod in self.of(ns, "notebook"):
                gateway = Endpoint(f"10.42.{pod.node[-1]}.8")
                log.every(30, lambda s: log.connect(s, gateway, pod, 8888, IN,
                                                    allowed=("", "CNP notebook-from-gateway")))
                log.every(60, lambda s: self.inside(s, pod, database, 5432, ("KNP to-postgres", "KNP postgres")))
                log.every(180, lambda s: self.inside(s, pod, keycloaks[log.between(0, 2)], 8080,
                                                     ("CNP shared-services", "CNP keycloak")))
                log.every(240, lambda s: self.inside(s, pod, registry, 5000, ("CNP shared-services", "KNP registry")))
                log.every(300, lambda s: self.lookup(s, pod, "registry.shared.svc.cluster.local"))
            for pod in self.of(ns, "notebook") + self.of(ns, "trainer"):
                stuck = (ns, pod.pod) == ("project-diabetes", "notebook-1")  # see misdropped
                log.every(150, lambda s: stuck and 330 < s < 600 or self.to_mirror(s + 1, pod))
        for pod in self.of("project-asthma", "trainer"):
            log.every(60, lambda s: self.inside(s, pod, self.of("project-asthma", "postgres")[0], 5432,
                                                ("KNP to-postgres", "KNP postgres")))
        licence, matlab = Endpoint("198.51.100.7"), self.of("project-diabetes", "matlab")[0]
        log.every(300, lambda s: self.lookup(s, matlab, "licence.example.org"))
        log.every(75, lambda s: log.connect(s + 1, matlab, licence, 27000, OUT, allowed=("CNP licence-server", "")))

    def platform(self):
        """What the cluster does by itself."""
        log, prometheus = self.log, self.of("monitoring", "prometheus")[0]
        keycloaks, registry = self.of("shared", "keycloak"), self.of("shared", "registry")[0]
        for pod in self.of("gateway", "auth-proxy"):
            gateway = Endpoint(f"10.42.{pod.node[-1]}.8")
            log.every(75, lambda s: log.connect(s, gateway, pod, 4180, IN, allowed=("", "CNP auth-proxy")))
            log.every(90, lambda s: self.inside(s, pod, keycloaks[log.between(0, 2)], 8080,
                                                ("CNP auth-proxy", "CNP keycloak")))
            log.every(300, lambda s: self.lookup(s, pod, "keycloak.shared.svc.cluster.local"))
        log.every(200, lambda s: self.to_mirror(s + 1, registry, "CNP registry-mirror"))
        for pod in self.of("kube-system", "coredns"):
            log.every(120, lambda s: log.connect(s, pod, Endpoint("10.0.0.11"), 6443, OUT, allowed=("CNP coredns", "")))
            log.every(45, lambda s: log.connect(s, pod, Endpoint("192.0.2.53"), 53, UDP_OUT, udp=True,
                                                allowed=("CNP coredns", "")))
        for pod in self.pods:
            if pod.metrics:
                admits = "CNP coredns" if pod.app == "coredns" else "KNP metrics"
                log.every(240, lambda s: self.inside(s, prometheus, pod, pod.metrics, ("KNP scrape", admits)))
            if pod.port:
                kubelet = Endpoint(f"10.0.0.1{pod.node[-1]}")
                kubelet.identity = 1
                kubelet.labels = ["reserved:host"] + (["reserved:kube-apiserver"] if pod.node[-1] == "1" else [])
                log.every(200, lambda s: log.connect(s, kubelet, pod, pod.port, PROBE, match=1))

    def rejected(self):
        """Policies at work: dropped, and rightly."""
        log, toolbox = self.log, self.of("sandbox", "toolbox")[0]
        notebooks, others = self.of("project-asthma", "notebook"), self.of("project-diabetes", "notebook")
        for second in (95, 210, 470, 700):
            log.refuse(second, notebooks[1], self.of("project-diabetes", "postgres")[0], 5432, DENY_OUT, "rejected")
        for second in (60, 190, 395, 560, 730):
            log.refuse(second, others[0], Endpoint("203.0.113.99"), 443, DENY_OUT, "rejected")
        for second in (15, 405, 810):
            log.refuse(second, self.of("project-asthma", "trainer")[0], Endpoint("169.254.169.254"), 80, DENY_OUT,
                       "rejected", denied="CCNP zones-baseline")
        for second in (150, 620):
            log.refuse(second, Endpoint("203.0.113.77"), notebooks[2], 22, DENY_IN, "rejected")
        for second in (180, 350, 540):
            log.refuse(second, toolbox, self.of("shared", "keycloak")[0], 8080, DENY_FAR, "sandbox to keycloak",
                       again=DENY_AGAIN, match=4)

    def wrong(self):
        """What a report must name; match type 4 is an endpoint that let everything pass."""
        log, toolbox = self.log, self.of("sandbox", "toolbox")[0]
        notebooks, others = self.of("project-asthma", "notebook"), self.of("project-diabetes", "notebook")
        for second in (300, 312, 325, 341, 366, 404):
            log.connect(second, notebooks[0], Endpoint("203.0.113.50"), 443, OUT, "a: escaped egress", match=4)
        for second in (430, 433, 437, 455):
            log.connect(second, others[1], self.of("project-asthma", "postgres")[0], 5432, FAR, "b: escaped east-west",
                        match=4)
        for second in (500, 506, 519, 533, 561):
            log.connect(second, Endpoint("203.0.113.77"), notebooks[2], 8888, IN, "c: escaped ingress", match=4)
        for second in (360, 420, 480, 540):
            log.refuse(second, others[1], Endpoint("192.0.2.10"), 443, DENY_OUT, "d: misdropped")
        for second in (120, 260, 400, 600, 720):
            log.connect(second - 0.5, toolbox, self.of("kube-system", "coredns")[0], 53, UDP_FAR, "e: unprotected, DNS",
                        udp=True, match=4, allowed=("", "CNP coredns"))
            log.connect(second + 0.7, toolbox, Endpoint("203.0.113.80"), 443, OUT, "e: unprotected, egress", match=4)
        stranger = Endpoint("10.42.2.99")
        stranger.identity, stranger.labels = 51177, None
        log.connect(650, stranger, self.of("project-asthma", "postgres")[0], 5432, "D VERDICT SYN",
                    "g: without labels")
        lost = {"source": "HUBBLE_RING_BUFFER", "num_events_lost": "37", "first": stamp(453 * 10**9 + 118204311),
                "last": stamp(453 * 10**9 + 954410027)}
        log.lines.append((454 * 10**9 + 2714, "tre-node-2", "f: lost_events", {"lost_events": lost}))
        status = {"state_change": "NODE_UNAVAILABLE", "node_names": [SILENT[0]]}
        log.lines.append((SILENT[1] * 10**9 + 31007, "hubble-relay-5d8f7c6b94-w3kzn", "f: node_status",
                          {"node_status": status}))


def main():
    parser = argparse.ArgumentParser(description="Write the flows of the example TRE to stdout.")
    parser.add_argument("--seed", type=int, default=1)
    log = Log(parser.parse_args().seed)
    tre = Tre(log)
    tre.projects()
    tre.platform()
    tre.rejected()
    tre.wrong()
    for at, node, what, record in sorted(log.lines, key=lambda line: line[0]):
        if node == SILENT[0] and at >= SILENT[1] * 10**9:
            continue
        record |= {"node_name": node, "time": stamp(at)}
        print(json.dumps(record, separators=(",", ":"), ensure_ascii=False))
        log.made[what] += 1
    for what, count in sorted(log.made.items()):
        print(f"{count:6} {what}", file=sys.stderr)


if __name__ == "__main__":
    main()
