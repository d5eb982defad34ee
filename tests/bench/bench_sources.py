#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures reading beside the peers of each source, in turn, as ratios of the same run.

    bench_sources.py --generate BIN --flowcheck BIN --read BIN [--live BIN] [--flows N] [--repeat R]

Protobuf: the reader against protobuf-c that builds each message, and hopping from length to length;
an archive against `zstd -dc` of the same file. Captures: judged by flowcheck, against a bare loop of
libpcap, and tshark where it is installed (on a tenth of the packets). Live: watched and judged,
against a client that counts bytes, from the same server. Figures are medians with the least and the
greatest; ratios are taken within one turn.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"),
                os.path.dirname(os.path.abspath(__file__))]
import packets  # noqa: E402
from bench import run, spread  # noqa: E402

CHECKED = (0, 1, 4)


def turns_of(commands, repeat):
    turns = {name: [] for name in commands}
    for _ in range(repeat):
        for name, (command, fine) in commands.items():
            turns[name].append(run(command, fine))
    return turns


def show(title, turns, count, unit):
    print(title)
    for name, turn in turns.items():
        rate = spread([count / seconds for seconds, _ in turn], ",.0f")
        peak = statistics.median([peak for _, peak in turn]) / (1 << 20)
        print(f"  {name:34} {rate:>36} {unit}/s   peak {peak:.0f} MiB")


def ratio(turns, over, under):
    values = [a[0] / b[0] for a, b in zip(turns[over], turns[under])]
    print(f"  time, {over} over {under}: {spread(values, '.2f')}")


def make_capture(path, rounds):
    """Connections of fourteen packets, interleaved as on a busy node."""
    connections = []
    for i in range(2000):
        client = "10.%d.%d.%d" % (i % 50, i // 250 % 250, i % 250 + 1)
        server = "10.200.0.%d" % (i % 200 + 1)
        frames = packets.handshake(client, server, 30000 + i % 20000, 443, data=[b"x" * 400] * 4)
        connections.append([frame for _, frame in frames])
    count = 0
    with open(path, "wb") as file:
        file.write(packets.pcap([]))
        for turn in range(rounds):
            for i in range(len(connections[0])):
                file.write(packets.pcap([(turn * 10 + i, frames[i]) for frames in connections])[24:])
                count += len(connections)
    return count


def bench_protobuf(options, folder):
    log, policies = os.path.join(folder, "log"), os.path.join(folder, "policies")
    with open(log, "wb") as out:
        run([options.generate, "--flows", str(options.flows), "--seed", "1", "--policies", policies], out=out)
    plain, archive = os.path.join(folder, "log.pb"), os.path.join(folder, "log.pb.zst")
    run([options.flowcheck, "convert", "-o", "protobuf=" + plain, log])
    run([options.flowcheck, "convert", "-o", "archive=" + archive, log])
    turns = turns_of({
        "reader, plain": ([options.read, "reader", plain], (0,)),
        "reader, archive": ([options.read, "reader", archive], (0,)),
        "zstd -dc": (["zstd", "-dc", archive], (0,)),
        "protobuf-c": ([options.read, "unpack", plain], (0,)),
        "from length to length": ([options.read, "hop", plain], (0,)),
        "reader, JSON": ([options.read, "reader", log], (0,)),
        "flowcheck check, plain": ([options.flowcheck, "check", "-f", policies, "-o", "text=/dev/null", plain],
                                   CHECKED),
    }, options.repeat)
    show(f"protobuf: {options.flows:,} flows, {os.path.getsize(plain) / options.flows:.0f} bytes each, "
         f"{os.path.getsize(archive) / options.flows:.1f} in the archive", turns, options.flows, "flows")
    ratio(turns, "reader, archive", "zstd -dc")
    ratio(turns, "protobuf-c", "reader, plain")
    return plain, policies


def bench_capture(options, folder):
    path = os.path.join(folder, "big.pcap")
    count = make_capture(path, options.flows // 5000)
    commands = {
        "flowcheck check": ([options.flowcheck, "check", "-o", "text=/dev/null", path], CHECKED),
        "reader": ([options.read, "reader", path], (0,)),
        "libpcap loop": ([options.read, "pcap", path], (0,)),
    }
    turns = turns_of(commands, options.repeat)
    show(f"captures: {count:,} packets", turns, count, "packets")
    ratio(turns, "reader", "libpcap loop")
    ratio(turns, "flowcheck check", "libpcap loop")
    if shutil.which("tshark") is not None:
        small = os.path.join(folder, "small.pcap")
        count = make_capture(small, max(1, options.flows // 50000))
        turns = turns_of({"flowcheck check": ([options.flowcheck, "check", "-o", "text=/dev/null", small], CHECKED),
                          "tshark conv": (["tshark", "-r", small, "-q", "-z", "conv,tcp"], (0,))}, 1)
        show(f"captures: {count:,} packets", turns, count, "packets")
        ratio(turns, "tshark conv", "flowcheck check")


def bench_live(options, folder, log, policies):
    address = "unix:" + os.path.join(folder, "hubble.sock")
    times = 5
    server = subprocess.Popen([options.live, "serve", address, log, str(times)], stdout=subprocess.PIPE)
    try:
        server.stdout.readline()
        turns = turns_of({
            "watched and judged": ([options.flowcheck, "watch", "--no-follow", "--quiet", "-f", policies, "-o",
                                    "text=/dev/null", "--server", address], CHECKED),
            "bytes counted": ([options.live, "count", address], (0,)),
        }, options.repeat)
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
    show(f"live: {options.flows * times:,} flows, server and client on the same machine", turns,
         options.flows * times, "flows")
    ratio(turns, "watched and judged", "bytes counted")


def main():
    parser = argparse.ArgumentParser(description="Measure each source beside its peers.")
    for name in ("generate", "flowcheck", "read"):
        parser.add_argument("--" + name, required=True, metavar="BIN")
    parser.add_argument("--live", metavar="BIN")
    parser.add_argument("--flows", type=int, default=200000, metavar="N")
    parser.add_argument("--repeat", type=int, default=3, metavar="R")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="libflow-bench-") as folder:
        log, policies = bench_protobuf(options, folder)
        if options.live:
            bench_live(options, folder, log, policies)
        bench_capture(options, folder)
    print(f"measured in {time.process_time():.0f} s of this script's own time")


if __name__ == "__main__":
    main()
