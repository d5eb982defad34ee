# SPDX-License-Identifier: Apache-2.0
"""Packets and capture files, built from nothing but their formats."""
import ipaddress
import struct


def pcap(packets, link=1, order="<", magic=0xa1b2c3d4):
    """A capture of (seconds, bytes) or (seconds, bytes, length on the wire)."""
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link)
    for packet in packets:
        time, data = packet[0], packet[1]
        wire = packet[2] if len(packet) > 2 else len(data)
        out += struct.pack(order + "IIII", int(time), round(time % 1 * 1e6), len(data), wire) + data
    return out


def _block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def pcapng(packets, link=1):
    out = _block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))
    out += _block(1, struct.pack("<HHI", link, 0, 262144))
    for time, data in packets:
        ticks = round(time * 1e6)
        out += _block(6, struct.pack("<IIIII", 0, ticks >> 32, ticks & 0xffffffff, len(data),
                                     len(data)) + data)
    return out


def ethernet(payload, kind=None, tags=()):
    head = bytes.fromhex("020000000002020000000001")
    for protocol, tag in tags:
        head += struct.pack(">HH", protocol, tag)
    if kind is None:
        kind = 0x0800 if payload[0] >> 4 == 4 else 0x86dd
    return head + struct.pack(">H", kind) + payload


def ipv4(source, destination, number, payload, ident=1, offset=0, more=False, options=b""):
    head = struct.pack(">BBHHHBBH4s4s", 0x40 | (20 + len(options)) // 4, 0,
                       20 + len(options) + len(payload), ident, (0x2000 if more else 0) | offset // 8,
                       64, number, 0, ipaddress.ip_address(source).packed,
                       ipaddress.ip_address(destination).packed)
    return head + options + payload


def ipv6(source, destination, number, payload):
    return struct.pack(">IHBB16s16s", 0x60000000, len(payload), number, 64,
                       ipaddress.ip_address(source).packed,
                       ipaddress.ip_address(destination).packed) + payload


def ip(source, destination, number, payload, **more):
    make = ipv4 if "." in source else ipv6
    return make(source, destination, number, payload, **more)


FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def tcp(sport, dport, flags, payload=b"", seq=1000, ack=0):
    return struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 65535, 0, 0) + payload


def udp(sport, dport, payload=b""):
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


def echo(kind, ident=7, six=False):
    del six
    return struct.pack(">BBHHH", kind, 0, 0, ident, 1) + b"ping"


def vxlan(vni, frame):
    return struct.pack(">II", 0x08000000, vni << 8) + frame


def geneve(vni, frame, options=b""):
    return struct.pack(">BBHI", len(options) // 4, 0, 0x6558, vni << 8) + options + frame


def dns_name(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.strip(".").split(".")) + b"\0"


def dns_query(name, kind=1):
    return struct.pack(">HHHHHH", 9, 0x0100, 1, 0, 0, 0) + dns_name(name) + struct.pack(">HH", kind, 1)


def dns_answer(name, addresses, ttl=300, rcode=0, alias=None):
    """The answer's names point back at the question, as servers write them."""
    out = struct.pack(">HHHHHH", 9, 0x8180 | rcode, 1, len(addresses) + (alias is not None), 0, 0)
    out += dns_name(name) + struct.pack(">HH", 1, 1)
    owner = struct.pack(">H", 0xc00c)
    if alias is not None:
        target = dns_name(alias)
        out += owner + struct.pack(">HHIH", 5, 1, ttl, len(target)) + target
        owner = dns_name(alias)
    for address in addresses:
        packed = ipaddress.ip_address(address).packed
        out += owner + struct.pack(">HHIH", 1 if len(packed) == 4 else 28, 1, ttl, len(packed)) + packed
    return out


def client_hello(name):
    server = struct.pack(">HBH", len(name) + 3, 0, len(name)) + name.encode()
    extensions = struct.pack(">HH", 10, 4) + b"\0\2\0\x1d" + struct.pack(">HH", 0, len(server)) + server
    body = b"\3\3" + bytes(32) + b"\0" + struct.pack(">H", 2) + b"\x13\1" + b"\1\0"
    body += struct.pack(">H", len(extensions)) + extensions
    hand = b"\1" + struct.pack(">I", len(body))[1:] + body
    return b"\x16\3\1" + struct.pack(">H", len(hand)) + hand


def handshake(client, server, sport, dport, start=0.0, wrap=ethernet, data=(), close=True):
    """A whole connection: opened, data of the client answered, closed."""
    there = lambda flags, payload=b"", seq=1000: wrap(ip(client, server, 6, tcp(sport, dport, flags, payload, seq)))
    back = lambda flags, payload=b"", seq=5000: wrap(ip(server, client, 6, tcp(dport, sport, flags, payload, seq)))
    frames = [there(SYN), back(SYN | ACK), there(ACK, seq=1001)]
    seq = 1001
    for piece in data:
        frames += [there(PSH | ACK, piece, seq), back(ACK, b"ok", 5001)]
        seq += len(piece)
    if close:
        frames += [there(FIN | ACK, seq=seq), back(FIN | ACK, seq=5003), there(ACK, seq=seq + 1)]
    return [(start + i / 1000, frame) for i, frame in enumerate(frames)]
