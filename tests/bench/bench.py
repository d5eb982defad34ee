#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures flowcheck against zstd -dc and jansson on a generated log.

    bench.py --generate BIN --flowcheck BIN --jansson BIN [--flows N] [--repeat R] [--lengths]

Makes the log (plain, and .zst at -3) and its policies in a temporary folder, then runs the commands in turn, R times
over, so that a busy machine hurts them alike. Figures are medians with the least and the greatest; ratios are taken
within one turn. Compare ratios, not figures. MB/s counts the plain log, whatever was read.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

CHECKED = (0, 1, 4)  # findings and an inconclusive result are no failure here
MIB = 1 << 20


def run(command, fine=(0,), out=subprocess.DEVNULL):
    """Seconds and peak bytes of one child; the kernel counts our own pages until exec, so there is a floor."""
    with tempfile.TemporaryFile() as err:
        start = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in fine:
            err.seek(0)
            said = err.read(2000).decode(errors="replace")
            sys.exit(f"bench: {' '.join(command)}: exit code {child.returncode}\n{said}")
    return seconds, usage.ru_maxrss * 1024


def make_log(options, folder, flows):
    """The plain log, the same as .zst, and the folder of policies."""
    plain = os.path.join(folder, f"flows-{flows}.jsonl")
    policies = os.path.join(folder, "policies")
    command = [options.generate, "--flows", str(flows), "--seed", str(options.seed), "--policies", policies]
    with open(plain, "wb") as out:
        run(command, out=out)
    run(["zstd", "-q", "-f", "-3", plain, "-o", plain + ".zst"])
    return plain, plain + ".zst", policies


def check(options, policies, log):
    return [options.flowcheck, "check", *options.flag, "-f", policies, "-o", "json=/dev/null", log]


def measure(options, folder):
    """Per command, its (seconds, peak bytes) of every turn; and the plain log's length."""
    plain, packed, policies = make_log(options, folder, options.flows)
    commands = {
        "flowcheck plain": (check(options, policies, plain), CHECKED),
        "flowcheck zst": (check(options, policies, packed), CHECKED),
        "zstd -dc": (["zstd", "-dc", packed], (0,)),
        "jansson": ([options.jansson, plain], (0,)),
    }
    turns = {name: [] for name in commands}
    for _ in range(options.repeat):
        for name, (command, fine) in commands.items():
            turns[name].append(run(command, fine))
    return turns, os.path.getsize(plain), os.path.getsize(packed)


def spread(values, form):
    low, mid, high = min(values), statistics.median(values), max(values)
    return f"{format(mid, form)} ({format(low, form)}-{format(high, form)})"


def print_table(turns, flows, size):
    print(f"{'':16} {'flows/s':>31} {'MB/s':>22} {'peak MiB':>22}")
    for name, turn in turns.items():
        rate = spread([flows / seconds for seconds, _ in turn], ",.0f")
        speed = spread([size / 1e6 / seconds for seconds, _ in turn], ".0f")
        peak = spread([peak / MIB for _, peak in turn], ".1f")
        print(f"{name:16} {rate:>31} {speed:>22} {peak:>22}")


def print_ratios(turns):
    def ratio(over, under):
        return spread([a[0] / b[0] for a, b in zip(turns[over], turns[under])], ".2f")

    print(f"time, flowcheck zst over zstd -dc     {ratio('flowcheck zst', 'zstd -dc')}")
    print(f"flows/s, flowcheck plain over jansson {ratio('jansson', 'flowcheck plain')}")


def print_lengths(options, folder):
    """Peak memory on the log and on one twice as long; it must not grow with the log."""
    peaks = []
    for flows in (options.flows, 2 * options.flows):
        plain, packed, policies = make_log(options, folder, flows)
        peaks.append([max(run(check(options, policies, log), CHECKED)[1] for _ in range(options.repeat))
                      for log in (plain, packed)])
    for i, name in enumerate(("plain", "zst")):
        once, twice = peaks[0][i] / MIB, peaks[1][i] / MIB
        print(f"peak MiB, flowcheck {name:5}  {once:.1f} on {options.flows:,} flows, "
              f"{twice:.1f} on twice as many: {twice / once:.2f}")


def main():
    parser = argparse.ArgumentParser(description="Measure flowcheck on a generated log.")
    for name in ("generate", "flowcheck", "jansson"):
        parser.add_argument("--" + name, required=True, metavar="BIN")
    parser.add_argument("--flows", type=int, default=500000, metavar="N")
    parser.add_argument("--repeat", type=int, default=5, metavar="R")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lengths", action="store_true", help="peak memory on twice the length too")
    parser.add_argument("--flag", action="append", default=[], metavar="FLAG",
                        help="one more for flowcheck check, such as --flag=--threads=2")
    parser.add_argument("--folder", help="where the temporary folder goes")
    options = parser.parse_args()
    if options.flows < 1 or options.repeat < 1:
        parser.error("--flows and --repeat start at 1")

    with tempfile.TemporaryDirectory(prefix="libflow-bench-", dir=options.folder) as folder:
        floor = run(["true"])[1] / MIB
        turns, size, packed = measure(options, folder)
        print(f"{options.flows:,} flows, {size / options.flows:.0f} bytes a line, {packed / options.flows:.1f} "
              f"as .zst; {options.repeat} turns; median (min-max)")
        print_table(turns, options.flows, size)
        print_ratios(turns)
        if options.lengths:
            print_lengths(options, folder)
        print(f"no child can show a peak below {floor:.1f} MiB, this script's own")


if __name__ == "__main__":
    main()
