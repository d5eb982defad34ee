#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The speed targets in one table: what is measured, beside which peer, and whether the target is met.

    table.py --build DIR [--flows N] [--repeat R] [--python BIN] [--json FILE] [--last FILE] [--short]

Each row is measured in turns, the peer beside it, and its figure is the median of what the turns gave; with the least and
the greatest. --json keeps the figures, --last compares them with such a file. --short takes few flows and one turn, and
ends with 1 when reports differ that must be the same: by threads, by compression, by how the input is cut. It never
fails on time.
"""
import argparse
import datetime
import filecmp
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "cli"), HERE]
import scale  # noqa: E402
from bench import CHECKED, run  # noqa: E402
from bench_sources import make_capture  # noqa: E402

INTENT = """apiVersion: libflow.dev/v1alpha1
kind: FlowIntent
metadata: {name: bench}
spec:
  cluster: {cidrs: {pods: [10.42.0.0/16], services: [10.43.0.0/16], nodes: [10.0.0.0/16]}}
  egress:
    default: deny
    approved:
    - {id: names, to: {fqdns: ["*.example.com", "*.example.org"]}, ports: [443/TCP], expires: 2027-03-01}
  eastWest: {projects: {namespaceLabel: tenant, isolate: true, shared: [kube-system]}}
  dns: {resolvers: [{namespace: kube-system, labels: {k8s-app: kube-dns}}]}
  coverage: {minimum: 0.99}
"""
DUCKDB = """
import duckdb, sys
duckdb.sql("SET threads = 2")
from bench_python import COLUMNS
duckdb.sql("CREATE TABLE t AS SELECT * FROM read_json('%s', format='newline_delimited', columns=%s)" % (sys.argv[1], COLUMNS))
"""
MIB = 1 << 20
FINDINGS_MAX = 200000  # that a tally tells apart


class Bench:
    """The tools, the files they are run on, and the rows so far."""

    def __init__(self, options, folder):
        self.options, self.folder, self.rows = options, folder, []
        self.tool = lambda name: os.path.join(options.build, "tests", "bench", name)
        self.flowcheck = os.path.join(options.build, "flowcheck")
        self.intent = self.path("intent.yaml")
        with open(self.intent, "w", encoding="utf-8") as out:
            out.write(INTENT)
        self.peaks = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def check(self, log, threads=1, out="text=/dev/null", policies=None, intent=True):
        command = [self.flowcheck, "check", "--threads", str(threads), "-f", policies or self.path("policies"), "-o", out]
        return command + (["--intent", self.intent] if intent else []) + [log]

    def seconds(self, command, fine=CHECKED):
        took, peak = run(command, fine)
        if command[0] == self.flowcheck:
            self.peaks.append((peak, " ".join(command[-1:])))
        return took

    def ratios(self, over, under):
        """Time of one over that of the other, turn by turn."""
        return [self.seconds(over) / self.seconds(under) for _ in range(self.options.repeat)]

    def row(self, work, values, target, most, unit=""):
        """A row; most: the target is the most that may be, else the least. No values: it could not be measured."""
        if not values:
            self.rows.append({"work": work, "target": target, "most": most, "unit": unit, "figure": None})
            return
        figure = statistics.median(values)
        self.rows.append({"work": work, "target": target, "most": most, "unit": unit, "figure": figure,
                          "least": min(values), "greatest": max(values),
                          "met": figure <= target if most else figure >= target})
        print(text_of(self.rows[-1], judged=not self.options.short), flush=True)


def text_of(row, last=None, judged=True):
    target = "%s %g%s" % ("at most" if row["most"] else "at least", row["target"], row["unit"])
    if row["figure"] is None:
        return f"{row['work']:74} {target:>17}   not measured here"
    spread = f"{row['figure']:.2f} ({row['least']:.2f}-{row['greatest']:.2f})"
    before = f"   before {last['figure']:.2f}" if last and last.get("figure") is not None else ""
    met = ("met" if row["met"] else "NOT MET") if judged else "of too few flows"
    return f"{row['work']:74} {target:>17} {spread:>22}  {met}{before}"


def make_log(bench, name, flows):
    plain = bench.path(name)
    with open(plain, "wb") as out:
        run([bench.tool("generate"), "--flows", str(flows), "--seed", "1", "--policies", bench.path("policies")], out=out)
    run(["zstd", "-q", "-f", "-3", plain, "-o", plain + ".zst"])
    return plain


def json_rows(bench, plain, flows):
    packed, size = plain + ".zst", os.path.getsize(plain)
    zstd, repeat = ["zstd", "-dc", packed], bench.options.repeat
    bench.row("check .jsonl.zst, 2 threads: time over zstd -dc", bench.ratios(bench.check(packed, 2), zstd), 1.0, True)
    bench.row("check .jsonl.zst, 1 thread: time over zstd -dc", bench.ratios(bench.check(packed), zstd), 1.6, True)
    with open(plain + ".gz", "wb") as out:
        run(["gzip", "-c", plain], out=out)
    bench.row("check .jsonl.gz, 2 threads: times as fast as gzip -dc",
              bench.ratios(["gzip", "-dc", plain + ".gz"], bench.check(plain + ".gz", 2)), 3.5, False)
    read = [bench.tool("bench_read"), "reader", plain]
    bench.row("read plain .jsonl, 1 thread", [size / 1e9 / bench.seconds(read) for _ in range(repeat)], 1.2, False, " GB/s")
    simdjson = bench.tool("bench_simdjson")
    bench.row("read plain .jsonl, 1 thread: times as fast as simdjson on-demand",
              bench.ratios([simdjson, plain], read) if os.path.exists(simdjson) else [], 1.3, False)
    bench.row("check .jsonl.zst, 2 threads: times as fast as DuckDB's read_json",
              duckdb_ratios(bench, packed), 3.5, False)
    os.mkdir(bench.path("many"))
    part = flows // 8
    for i in range(8):
        with open(bench.path("part"), "wb") as out:
            run([bench.tool("generate"), "--flows", str(part), "--seed", str(i + 1), "--policies", bench.path("none")], out=out)
        run(["zstd", "-q", "-3", bench.path("part"), "-o", bench.path("many/%d.zst" % i)])
    bench.row("check eight .zst files: 2 threads, times as fast as 1",
              bench.ratios(bench.check(bench.path("many")), bench.check(bench.path("many"), 2)), 1.8, False)


def duckdb_ratios(bench, packed):
    python = bench.options.python
    if python is None or subprocess.run([python, "-c", "import duckdb"], capture_output=True, check=False).returncode:
        return []
    script = bench.path("duckdb_read.py")
    with open(script, "w", encoding="utf-8") as out:
        out.write("import sys\nsys.path.insert(0, %r)\n%s" % (HERE, DUCKDB))
    return bench.ratios([python, script, packed], bench.check(packed, 2))


def protobuf_rows(bench, plain, flows):
    archive, proto = plain + ".archive", plain + ".pb"
    repeat = bench.options.repeat
    run([bench.flowcheck, "convert", "-o", "protobuf=" + proto, plain])
    # messages come to a recorder as they are in this file
    convert = [bench.flowcheck, "convert", "-o", "archive=" + archive, proto]
    speeds = [flows / bench.seconds(convert) for _ in range(repeat)]
    run(["zstd", "-q", "-3", "-f", proto, "-o", proto + ".zst"])
    zstd = ["zstd", "-dc", proto + ".zst"]
    bench.row("check protobuf .zst, 2 threads: time over zstd -dc", bench.ratios(bench.check(proto + ".zst", 2), zstd), 1.3, True)
    read = [bench.tool("bench_read"), "reader", proto]
    bench.row("read plain protobuf, 1 thread: times as fast as protobuf-c with an arena",
              bench.ratios([bench.tool("bench_read"), "arena", proto], read), 4, False)
    share = os.path.getsize(archive) / os.path.getsize(plain + ".zst")
    bench.row("archive: size over the exporter's JSON at zstd -3", [share], 0.7, True)
    bench.row("archive: recorded on one core", speeds, 60000, False, " flows/s")


def capture_rows(bench, packets):
    capture, small = bench.path("big.pcap"), bench.path("small.pcap")
    make_capture(capture, max(1, packets // 28000))
    make_capture(small, max(1, packets // 560000))
    loop = [bench.tool("bench_read"), "pcap", capture]
    bench.row("check a capture: time over a bare loop of libpcap", bench.ratios(bench.check(capture, intent=False), loop), 1.5, True)
    tshark = ["tshark", "-r", small, "-q", "-z", "conv,ip"]
    bench.row("check a capture: times as fast as tshark -z conv,ip",
              bench.ratios(tshark, bench.check(small, intent=False)) if shutil.which("tshark") else [], 30, False)


def figures_of(bench, manifests, log):
    """What bench_decide says, by name."""
    out = subprocess.run([bench.tool("bench_decide"), manifests, log], check=True, capture_output=True, text=True).stdout
    return {line.split()[0]: float(line.split()[1]) for line in out.splitlines()}


class Cluster:
    """What scale.py makes clusters by."""

    def __init__(self, policies, pods, endpoints, flows):
        self.policies, self.pods, self.endpoints, self.flows = policies, pods, endpoints, flows


def make_cluster(bench, name, cluster):
    manifests, log = bench.path(name), bench.path(name + ".jsonl")
    scale.make_manifests(cluster, manifests)
    scale.make_log(cluster, log)
    return manifests, log


def decision_rows(bench, plain, flows):
    head = bench.path("head.jsonl")
    with open(plain, "rb") as log, open(head, "wb") as out:
        lines = [next(log) for _ in range(min(20000, flows))]
        # requests are judged each by itself
        out.writelines(line for line in lines if b'"l7"' not in line)
    values = [figures_of(bench, bench.path("policies"), head)["seen_ns"] for _ in range(bench.options.repeat)]
    bench.row("decide a flow that was seen", values, 60, True, " ns")
    manifests, log = make_cluster(bench, "thousand", Cluster(1000, 50000, 2000, min(flows, 100000)))
    values = []
    for _ in range(bench.options.repeat):
        figures = figures_of(bench, manifests, log)
        values.append(figures["first_seconds"] * 1e6 / figures["flows"])
    bench.row("decide a new key against 1,000 policies", values, 5, True, " us")


def growth_rows(bench, plain, flows):
    repeat, peaks = bench.options.repeat, bench.peaks
    quarter = make_log(bench, "quarter.jsonl", flows // 4)
    values = [bench.seconds(bench.check(plain)) / flows / (bench.seconds(bench.check(quarter)) / (flows // 4))
              for _ in range(repeat)]
    bench.row("time a flow, four times as many flows", values, 1.1, True, "x")
    many = min(300000, flows)
    logs = {}
    bench.peaks = []
    for count in (300, many):
        logs[count] = make_cluster(bench, "ends-%d" % count, Cluster(10, count, count, flows // 2))[1]
    values = [bench.seconds(bench.check(logs[many], intent=False)) / bench.seconds(bench.check(logs[300], intent=False))
              for _ in range(repeat)]
    bench.row("time a flow, from 300 to %d endpoints" % many, values, 1.5, True, "x")
    # each pod is told of in two ways, as the one that is seen and as a peer
    things = 2 * many + min(flows // 2, FINDINGS_MAX)
    grown = (max(bench.peaks)[0] - min(bench.peaks)[0]) / things
    bench.row("memory of an endpoint or a finding", [grown / 1024], 1, True, " KiB")
    manifests = {}
    for count in (10, 10000):
        manifests[count], log = make_cluster(bench, "policies-%d" % count, Cluster(count, 2000, 300, flows // 2))
    values = []
    for _ in range(repeat):
        times = []
        for count in (10, 10000):
            with open(bench.path("one"), "wb") as out, open(log, "rb") as text:
                out.write(next(text))
            load = bench.seconds(bench.check(bench.path("one"), policies=manifests[count], intent=False))
            times.append(bench.seconds(bench.check(log, policies=manifests[count], intent=False)) - load)
        values.append(times[1] / times[0])
    bench.row("time a flow without loading, from 10 to 10,000 policies", values, 1.2, True, "x")
    # of clusters that are larger than the limit is for, and of what is found in them
    bench.peaks = peaks


def rest_rows(bench, plain):
    one = bench.path("one.jsonl")
    with open(plain, "rb") as log, open(one, "wb") as out:
        out.write(next(log))
    manifests = bench.path("hundred")
    scale.make_manifests(Cluster(100, 0, 1, 1), manifests)
    values = [1000 * bench.seconds(bench.check(one, policies=manifests)) for _ in range(max(5, bench.options.repeat))]
    bench.row("start-up: one flow and 100 policies", values, 15, True, " ms")
    peak, what = max(bench.peaks)
    bench.row("peak memory, of " + os.path.basename(what), [peak / MIB], 64, True, " MiB")


def reports_of(bench, logs):
    """Reports that must be one, as paths."""
    paths = []
    for name, log in logs:
        for threads in (1, 2, 8):
            path = bench.path("report-%s-%d" % (name, threads))
            run(bench.check(log, threads, "json=" + path), CHECKED)
            paths.append(path)
    return paths


def without_inputs(path):
    with open(path, encoding="utf-8") as file:
        return {key: value for key, value in json.load(file).items() if key != "inputs"}


def same_reports(bench, plain):
    """Whether threads, compression and a cut into files leave the report as it is."""
    half = bench.path("halves")
    os.mkdir(half)
    with open(plain, "rb") as log:
        lines = log.readlines()
    for i in range(2):
        with open(os.path.join(half, "%d.jsonl" % i), "wb") as out:
            out.writelines(lines[i * len(lines) // 2:(i + 1) * len(lines) // 2])
    good = True
    reports = reports_of(bench, [("plain", plain), ("zst", plain + ".zst"), ("halves", half)])
    for i in range(0, len(reports), 3):
        for other in reports[i + 1:i + 3]:
            if not filecmp.cmp(reports[i], other, shallow=False):
                print(f"{os.path.basename(other)} differs from {os.path.basename(reports[i])}")
                good = False
        if without_inputs(reports[i]) != without_inputs(reports[0]):
            print(f"{os.path.basename(reports[i])} differs from {os.path.basename(reports[0])}")
            good = False
    return good


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return f"{len(names)} x {names[0] if names else platform.machine()}"


def main():
    parser = argparse.ArgumentParser(description="Measure all that has a target.")
    parser.add_argument("--build", required=True, metavar="DIR", help="a release build with tests")
    parser.add_argument("--flows", type=int, default=1000000)
    parser.add_argument("--packets", type=int, default=3000000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--python", help="one that has duckdb")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--last", metavar="FILE", default=os.path.join(HERE, "table.json"))
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--folder", help="where the temporary folder goes")
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    if options.short:
        options.flows, options.packets, options.repeat = 20000, 56000, 1
    with tempfile.TemporaryDirectory(prefix="libflow-table-", dir=options.folder) as folder:
        bench = Bench(options, folder)
        plain = make_log(bench, "flows.jsonl", options.flows)
        good = same_reports(bench, plain) if options.short else True
        json_rows(bench, plain, options.flows)
        protobuf_rows(bench, plain, options.flows)
        capture_rows(bench, options.packets)
        if not options.short:
            decision_rows(bench, plain, options.flows)
            growth_rows(bench, plain, options.flows)
        rest_rows(bench, plain)
    last = {}
    if os.path.exists(options.last):
        with open(options.last, encoding="utf-8") as file:
            last = {row["work"]: row for row in json.load(file)["rows"]}
    print(f"\n{options.flows:,} flows, {options.repeat} turns, {machine()}; median (least-greatest)")
    for row in bench.rows:
        print(text_of(row, last.get(row["work"]), not options.short))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump({"date": datetime.date.today().isoformat(), "machine": machine(), "flows": options.flows,
                       "turns": options.repeat, "rows": bench.rows}, out, indent=1)
            out.write("\n")
    if options.short:
        print("1 passed, 0 failed" if good else "0 passed, 1 failed")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
