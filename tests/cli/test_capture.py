#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Captures: packets into connections into flows, held against what was put in and against tshark."""
import glob
import gzip
import os
import re
import shutil
import struct
import subprocess
import sys

import packets as p
from tap import ROOT, Skip, contains, equal, flowcheck, run, write

CORPUS = os.path.join(ROOT, "..", "shared", "corpus", "pcaps")
A, B = "10.0.0.1", "10.0.0.2"


def _rows(folder, data, *options, name="c.pcap"):
    path = write(folder, name, data)
    result = flowcheck("check", "-o", "jsonl", *options, path)
    return result, result.rows()


def _ends(row):
    return (row["source"]["ip"], row["destination"]["ip"], row["protocol"], row["port"])


def _traffic(row):
    traffic = row["traffic"]
    return (traffic["packets_sent"], traffic["packets_received"], traffic["opener"],
            traffic["answer"])


def a_connection_is_one_flow_from_who_opened_it(folder):
    result, rows = _rows(folder, p.pcap(p.handshake(A, B, 40000, 443, data=[b"x" * 10])))
    equal(result.code, 4)  # without policies nothing is decided
    equal([_ends(row) for row in rows], [(A, B, "TCP", 443)])
    equal(_traffic(rows[0]), (5, 3, "seen", "answered"))
    equal(rows[0]["observed"], "forwarded")
    equal(rows[0]["traffic"]["bytes_sent"], 5 * 54 + 10)
    equal(rows[0]["verdict"], "VERDICT_UNKNOWN")


def a_connection_whose_answer_comes_first_in_the_file_is_still_from_who_opened_it(folder):
    frames = p.handshake(A, B, 40000, 443)
    _, rows = _rows(folder, p.pcap([(0, frames[1][1]), (1, frames[2][1])]))
    equal([_ends(row) for row in rows], [(A, B, "TCP", 443)])
    equal(_traffic(rows[0]), (1, 1, "seen", "answered"))


def what_is_refused_or_not_answered_says_so_and_is_not_forwarded(folder):
    syn = lambda port: p.ethernet(p.ip(A, B, 6, p.tcp(40000, port, p.SYN)))
    reset = p.ethernet(p.ip(B, A, 6, p.tcp(81, 40000, p.RST | p.ACK)))
    lost = p.ip(A, B, 17, p.udp(40000, 5000, b"hello"))
    unreachable = p.ethernet(p.ip(B, A, 1, struct.pack(">BBHI", 3, 3, 0, 0) + lost))
    _, rows = _rows(folder, p.pcap([(0, syn(81)), (1, reset), (2, syn(82)), (3, syn(82)),
                                    (4, p.ethernet(lost)), (5, unreachable)]))
    found = {(row["protocol"], row["port"]): (row["traffic"]["answer"], row["observed"]) for row in rows}
    equal(found[("TCP", 81)], ("refused", "unknown"))
    equal(found[("TCP", 82)], ("unanswered", "unknown"))
    equal(found[("UDP", 5000)], ("refused", "unknown"))


def a_connection_that_begins_before_the_capture_is_inferred_from_its_ports(folder):
    there = p.ethernet(p.ip(A, B, 6, p.tcp(443, 50000, p.ACK)))
    back = p.ethernet(p.ip(B, A, 6, p.tcp(50000, 443, p.ACK)))
    _, rows = _rows(folder, p.pcap([(0, there), (1, back)]))
    equal([_ends(row) for row in rows], [(B, A, "TCP", 443)])
    equal(_traffic(rows[0]), (1, 1, "inferred", "answered"))
    _, rows = _rows(folder, p.pcap([(0, p.ethernet(p.ip(A, B, 6, p.tcp(50001, 50000, p.ACK))))]))
    equal(_traffic(rows[0]), (1, 0, "unknown", "unknown"))


def a_port_that_is_used_again_is_another_connection(folder):
    frames = p.handshake(A, B, 40000, 443) + p.handshake(A, B, 40000, 443, start=5)
    _, rows = _rows(folder, p.pcap(frames))
    equal([_traffic(row)[:2] for row in rows], [(4, 2), (4, 2)])


def link_types_and_tags_lead_to_the_same_flow(folder):
    inner = [packet for _, packet in p.handshake(A, B, 40000, 443, wrap=lambda x: x)]
    sll = lambda x: struct.pack(">HHH8sH", 0, 1, 6, b"", 0x0800) + x
    sll2 = lambda x: struct.pack(">HHIHBB8s", 0x0800, 0, 1, 1, 0, 6, b"") + x
    nflog = lambda x: (struct.pack(">BBH", 2, 0, 1) + struct.pack("<HHI", 8, 1, 0) +
                       struct.pack("<HH", len(x) + 4, 9) + x)
    for name, link, wrap in (
            ("ethernet", 1, p.ethernet),
            ("vlan", 1, lambda x: p.ethernet(x, tags=[(0x8100, 5)])),
            ("qinq", 1, lambda x: p.ethernet(x, tags=[(0x88a8, 5), (0x8100, 6)])),
            ("sll", 113, sll), ("sll2", 276, sll2), ("raw", 101, lambda x: x),
            ("ipv4", 228, lambda x: x), ("null", 0, lambda x: struct.pack("<I", 2) + x),
            ("loop", 108, lambda x: struct.pack(">I", 2) + x), ("nflog", 239, nflog)):
        _, rows = _rows(folder, p.pcap([(i, wrap(x)) for i, x in enumerate(inner)], link))
        equal((name, [_ends(row) for row in rows]), (name, [(A, B, "TCP", 443)]))
        equal((name, _traffic(rows[0])), (name, (4, 2, "seen", "answered")))


def byte_orders_precisions_and_pcapng_are_the_same(folder):
    frames = p.handshake(A, B, 40000, 443)
    reference = _rows(folder, p.pcap(frames))[1]
    for data in (p.pcap(frames, order=">"), p.pcapng(frames)):
        equal(_rows(folder, data)[1], reference)
    nano = [(0, frames[0][1])]
    _, rows = _rows(folder, p.pcap(nano, magic=0xa1b23c4d))
    equal(rows[0]["time"], "1970-01-01T00:00:00Z")


def pcapng_of_several_interfaces_sections_and_byte_orders_is_read(folder):
    inner = [packet for _, packet in p.handshake(A, B, 40000, 443, wrap=lambda x: x)]
    block = lambda order, kind, body: (struct.pack(order + "II", kind, len(body) + 12) + body +
                                       struct.pack(order + "I", len(body) + 12))
    data = b""
    for order in ("<", ">"):
        data += block(order, 0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1))
        # an Ethernet interface of microseconds, and one of raw IP that counts nanoseconds
        data += block(order, 1, struct.pack(order + "HHI", 1, 0, 0))
        data += block(order, 1, struct.pack(order + "HHI", 101, 0, 0) +
                      struct.pack(order + "HHB3xHH", 9, 1, 9, 0, 0))
        data += block(order, 4, bytes(8))  # names
        for i, packet in enumerate(inner):
            link, ticks = (p.ethernet(packet), 1000000 + i) if i % 2 == 0 else (packet, 1000000000 + i * 1000)
            data += block(order, 6, struct.pack(order + "IIIII", i % 2, 0, ticks, len(link), len(link)) +
                          link + bytes(-len(link) % 4))
    _, rows = _rows(folder, data)
    equal([_traffic(row) for row in rows], [(4, 2, "seen", "answered")] * 2)
    equal(rows[0]["traffic"]["first"], "1970-01-01T00:00:01Z")
    equal(rows[0]["traffic"]["last"], "1970-01-01T00:00:01.000005Z")


def a_compressed_capture_is_the_same(folder):
    data = p.pcap(p.handshake(A, B, 40000, 443))
    reference = _rows(folder, data)[1]
    equal(_rows(folder, gzip.compress(data))[1], reference)
    if shutil.which("zstd") is None:
        raise Skip("zstd is not installed")
    packed = subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout
    equal(_rows(folder, packed)[1], reference)


def tunnels_are_unwrapped_and_ciliums_carry_identities(folder):
    outer = lambda port, payload, back=False: p.ethernet(
        p.ip(*(("192.0.2.2", "192.0.2.1") if back else ("192.0.2.1", "192.0.2.2")), 17,
             p.udp(50000, port, payload)))
    inner = [frame for _, frame in p.handshake(A, B, 40000, 443)]
    vni = lambda frame: 7001 if frame[26:30] == bytes([10, 0, 0, 1]) else 7002
    for port, wrap, tunnel, identities in (
            (8472, p.vxlan, "VXLAN", (7001, 7002)), (6081, p.geneve, "GENEVE", (7001, 7002)),
            (4789, p.vxlan, "VXLAN", (0, 0))):
        frames = [(i, outer(port, wrap(vni(frame), frame))) for i, frame in enumerate(inner)]
        _, rows = _rows(folder, p.pcap(frames))
        equal([_ends(row) for row in rows], [(A, B, "TCP", 443)])
        equal((rows[0]["source"]["identity"], rows[0]["destination"]["identity"]), identities)
        equal((rows[0]["traffic"]["tunnel"], rows[0]["traffic"]["vni"]), (tunnel, 7001))


def fragments_belong_to_the_connection_of_the_first(folder):
    whole = p.udp(40000, 5000, bytes(2000))
    first = p.ethernet(p.ipv4(A, B, 17, whole[:1024], ident=77, more=True))
    second = p.ethernet(p.ipv4(A, B, 17, whole[1024:], ident=77, offset=1024))
    _, rows = _rows(folder, p.pcap([(0, first), (1, second)]))
    equal([_ends(row) for row in rows], [(A, B, "UDP", 5000)])
    equal(rows[0]["traffic"]["packets_sent"], 2)
    six = ("2001:db8::1", "2001:db8::2")
    head = lambda offset, more: struct.pack(">BBHI", 17, 0, offset | more, 99)
    frames = [(0, p.ethernet(p.ipv6(*six, 44, head(0, 1) + whole[:1024]))),
              (1, p.ethernet(p.ipv6(*six, 44, head(1024, 0) + whole[1024:])))]
    _, rows = _rows(folder, p.pcap(frames))
    equal([(row["port"], row["traffic"]["packets_sent"]) for row in rows], [(5000, 2)])


def extension_headers_are_passed(folder):
    six = ("2001:db8::1", "2001:db8::2")
    extensions = bytes([60, 0]) + bytes(6) + bytes([43, 0]) + bytes(6) + bytes([6, 0]) + bytes(6)
    frame = p.ethernet(p.ipv6(*six, 0, extensions + p.tcp(40000, 443, p.SYN)))
    _, rows = _rows(folder, p.pcap([(0, frame)]))
    equal([(row["protocol"], row["port"]) for row in rows], [("TCP", 443)])


def echoes_are_paired_by_their_identifier(folder):
    frames = [(0, p.ethernet(p.ip(A, B, 1, p.echo(8, 7)))), (1, p.ethernet(p.ip(A, B, 1, p.echo(8, 8)))),
              (2, p.ethernet(p.ip(B, A, 1, p.echo(0, 7))))]
    _, rows = _rows(folder, p.pcap(frames))
    equal([_traffic(row) for row in rows], [(1, 1, "seen", "answered"), (1, 0, "seen", "unanswered")])


def names_of_clients_and_servers_are_read(folder):
    hello = p.client_hello("licence.example.com")
    request = b"GET /x HTTP/1.1\r\nUser-Agent: t\r\nHost: mirror.example.org\r\n\r\n"
    for pieces in ([hello], [hello[:20], hello[20:70], hello[70:]]):
        _, rows = _rows(folder, p.pcap(p.handshake(A, B, 40000, 443, data=pieces)))
        equal(rows[0]["traffic"]["server_name"], "licence.example.com")
    for pieces in ([request], [request[:3], request[3:30], request[30:]]):
        _, rows = _rows(folder, p.pcap(p.handshake(A, B, 40000, 80, data=pieces)))
        equal((rows[0]["traffic"]["http_host"], rows[0]["traffic"]["http_method"]),
              ("mirror.example.org", "GET"))


POLICY = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: licence, namespace: lab}
spec:
  endpointSelector: {matchLabels: {app: matlab}}
  egress:
  - toFQDNs: [{matchName: licence.example.com}]
    toPorts: [{ports: [{port: "443", protocol: TCP}]}]
"""

POD = """apiVersion: v1
kind: Pod
metadata: {name: matlab-0, namespace: lab, labels: {app: matlab}}
spec: {containers: []}
status: {podIP: 10.0.0.1, phase: Running, startTime: "%s"}
"""


NODE = """apiVersion: v1
kind: Node
metadata: {name: node-1}
spec: {podCIDRs: [10.0.0.0/24]}
status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}
"""


def dns_answers_name_addresses_and_the_inventory_names_pods(folder):
    policy = write(folder, "policy.yaml", POLICY)
    snapshot = write(folder, "snapshot.yaml", POD % "1969-01-01T00:00:00Z" + "---\n" + NODE)
    resolver = "10.0.0.53"
    frames = [(0, p.ethernet(p.ip(A, resolver, 17, p.udp(5353, 53, p.dns_query("licence.example.com"))))),
              (1, p.ethernet(p.ip(resolver, A, 17, p.udp(53, 5353, p.dns_answer(
                  "licence.example.com", ["203.0.113.7"], alias="edge.example.net")))))]
    frames += p.handshake(A, "203.0.113.7", 40000, 443, start=2)
    frames += p.handshake(A, "203.0.113.9", 40001, 443, start=3)
    path = write(folder, "c.pcap", p.pcap(frames))
    result = flowcheck("check", "-f", policy, "--snapshot", snapshot, "-o", "jsonl", path)
    rows = {row["destination"]["ip"]: row for row in result.rows()}
    equal((rows["203.0.113.7"]["result"], rows["203.0.113.7"]["source"]["pod"]),
          ("permitted", "matlab-0"))
    # no answer told a name for that address
    equal(rows["203.0.113.9"]["expected"], "undecidable")
    equal(rows["203.0.113.9"]["scope"], "egress")
    report = flowcheck("check", "-f", policy, "--snapshot", snapshot, path).out
    contains(report, "lab/matlab")


def an_address_is_no_pods_before_the_pod_was_there(folder):
    policy = write(folder, "policy.yaml", POLICY)
    snapshot = write(folder, "snapshot.yaml", POD % "2030-01-01T00:00:00Z")
    _, rows = _rows(folder, p.pcap(p.handshake(A, "203.0.113.9", 40001, 80)), "-f", policy,
                    "--snapshot", snapshot)
    equal(("pod" in rows[0]["source"], rows[0]["expected"]), (False, "undecidable"))


DENY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: lab}
spec: {podSelector: {}, policyTypes: [%s]}
"""


def a_capture_is_judged_by_both_sides(folder):
    other = POD.replace("matlab-0", "other-0").replace("10.0.0.1", "10.0.0.2") % "1969-01-01T00:00:00Z"
    snapshot = write(folder, "snapshot.yaml", POD % "1969-01-01T00:00:00Z" + "---\n" + other +
                     "---\n{apiVersion: v1, kind: Namespace, metadata: {name: lab}}\n")
    frames = p.pcap(p.handshake(A, B, 40000, 443))
    for direction in ("Ingress", "Egress"):
        policy = write(folder, "policy.yaml", DENY % direction)
        _, rows = _rows(folder, frames, "-f", policy, "--snapshot", snapshot)
        equal((rows[0]["result"], rows[0]["direction"]), ("escaped", direction.lower()))


def a_capture_cut_anywhere_gives_its_whole_packets_and_then_one_problem(folder):
    data = p.pcap([(i, frame) for i, (_, frame) in enumerate(p.handshake(A, B, 40000, 443))])
    ends = [24]
    for frame in p.handshake(A, B, 40000, 443):
        ends.append(ends[-1] + 16 + len(frame[1]))
    for cut in range(0, len(data), 7):
        path = write(folder, "cut.pcap", data[:cut])
        result = flowcheck("check", "-o", "jsonl", path)
        whole = sum(1 for end in ends[1:] if end <= cut)
        equal((cut, sum(row["traffic"]["packets_sent"] + row["traffic"]["packets_received"]
                        for row in result.rows())), (cut, whole))
        if cut >= 4 and cut not in ends:
            equal((cut, result.code), (cut, 3))
            contains(result.err, "cut.pcap: byte ")


def flows_of_a_capture_are_converted_and_read_again(folder):
    path = write(folder, "c.pcap", p.pcap(p.handshake(A, B, 40000, 443)))
    archive = os.path.join(folder, "c.archive")
    equal(flowcheck("convert", "-o", "archive=" + archive, path).code, 0)
    rows = flowcheck("convert", archive).rows()
    equal((rows[0]["flow"]["IP"]["source"], rows[0]["flow"]["l4"]["TCP"]["destination_port"]), (A, 443))
    equal("verdict" in rows[0]["flow"], False)


def _tshark(*args):
    if shutil.which("tshark") is None:
        raise Skip("tshark is not installed")
    return subprocess.run(["tshark", *args], capture_output=True, check=False).stdout.decode()


def _conversations(path, kind):
    """(end, end, packets) by tshark, ends in an order of their own."""
    found = {}
    for line in _tshark("-r", path, "-q", "-z", "conv," + kind).splitlines():
        match = re.match(r"(\S+)\s+<->\s+(\S+)\s+(.*)", line)
        if match:
            numbers = re.findall(r"(\d+) (\d+(?: kB| MB)?)(?: bytes)?", match.group(3))
            found[frozenset(match.group(1, 2))] = int(numbers[2][0])
    return found


def _own_conversations(rows, kind):
    found = {}
    for row in rows:
        if row["protocol"].lower() != kind or row["port"] is None:
            continue
        ends = frozenset((row["source"]["ip"], row["destination"]["ip"]))
        found[ends] = (found.get(ends, 0) + row["traffic"]["packets_sent"] +
                       row["traffic"]["packets_received"])
    return found


def _by_addresses(conversations):
    found = {}
    for ends, packets in conversations.items():
        addresses = frozenset(end.rsplit(":", 1)[0] for end in ends)
        found[addresses] = found.get(addresses, 0) + packets
    return found


def packets_of_connections_agree_with_tshark(folder):
    del folder
    files = sorted(glob.glob(os.path.join(CORPUS, "*.pcap*")))
    if not files:
        raise Skip("../shared is not here")
    compared = 0
    for path in files:
        name = os.path.basename(path)
        # fragments are counted where they are, by tshark where they are put together
        if name.startswith("bad-") or "fragmented" in name:
            continue
        rows = flowcheck("check", "-o", "jsonl", path).rows()
        # tshark does not look into VXLAN on Cilium's port, and counts what is around it
        for kind in ("tcp",) if "8472" in name else ("tcp", "udp"):
            expected = _by_addresses(_conversations(path, kind))
            own = _own_conversations(rows, kind)
            for ends, packets in own.items():
                equal((name, kind, sorted(ends), packets),
                      (name, kind, sorted(ends), expected.get(ends)))
                compared += 1
            if kind == "tcp":
                equal((name, set(expected) - set(own)), (name, set()))
    assert compared >= 10, compared


def bad_captures_say_where_behind_the_packets_that_can_be_read(folder):
    del folder
    files = sorted(glob.glob(os.path.join(CORPUS, "bad-*")))
    if not files:
        raise Skip("../shared is not here")
    for path in files:
        result = flowcheck("check", "-o", "json", path)
        equal((path, result.code), (path, 3))
        contains(result.err, os.path.basename(path) + ": byte ")
        if "suricata" in path:
            equal(result.json()["coverage"]["flows"], 1)


if __name__ == "__main__":
    run(sys.modules[__name__])
