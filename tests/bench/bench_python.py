#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the Python package against json.loads and DuckDB's read_json, on a generated log in a .zst.

    bench_python.py --generate BIN --read BIN [--flows N] [--repeat R]

Run it with the Python that has libflow, pyarrow and duckdb (tests/python/prepare.sh and extras.sh make one). Each
measurement is a process of its own, one after the other, R times over; ratios are taken within one turn.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

END = ("STRUCT(identity UBIGINT, cluster_name VARCHAR, namespace VARCHAR, labels VARCHAR[], pod_name VARCHAR, "
       "workloads STRUCT(name VARCHAR, kind VARCHAR)[])")
COLUMNS = """{flow: 'STRUCT("time" TIMESTAMP, uuid VARCHAR, verdict VARCHAR, drop_reason_desc VARCHAR, "Type" VARCHAR,
    event_type STRUCT("type" INT, sub_type INT), traffic_direction VARCHAR, is_reply BOOLEAN, node_name VARCHAR,
    IP STRUCT(source VARCHAR, destination VARCHAR, encrypted BOOLEAN),
    l4 STRUCT(TCP STRUCT(source_port INT, destination_port INT, flags STRUCT(SYN BOOLEAN, ACK BOOLEAN)),
              UDP STRUCT(source_port INT, destination_port INT), ICMPv4 STRUCT("type" INT, code INT)),
    source %s, destination %s, source_names VARCHAR[], destination_names VARCHAR[])'}""" % (END, END)

WAYS = {
    "libflow, table, 2 threads": """
table = libflow.read(path, threads=2).to_arrow()
assert table.num_rows == flows""",
    "libflow, table, 1 thread": """
table = libflow.read(path).to_arrow()
assert table.num_rows == flows""",
    "libflow, batches, 1 thread": """
assert sum(len(batch) for batch in libflow.read(path).batches()) == flows""",
    "DuckDB, all it finds, 2 threads": """
found = duckdb.sql("SELECT * FROM read_json('%s')" % path).arrow()
found = found.read_all() if hasattr(found, "read_all") else found
assert found.num_rows == flows""",
    "DuckDB, our columns, 2 threads": """
found = duckdb.sql('''SELECT flow.* FROM read_json('%%s', format='newline_delimited', columns=%s)''' %% path).arrow()
found = found.read_all() if hasattr(found, "read_all") else found
assert found.num_rows == flows""" % COLUMNS,
    "json.loads, list": """
rows = [json.loads(line) for line in subprocess.Popen(["zstd", "-dcq", path], stdout=subprocess.PIPE).stdout]
assert len(rows) == flows""",
}

HEAD = """
import json, subprocess, sys, time
import duckdb, pyarrow, libflow
path, flows = sys.argv[1], int(sys.argv[2])
duckdb.sql("SET enable_progress_bar = false")
start = time.monotonic()
"""


def seconds(code, path, flows):
    script = HEAD + code + "\nprint(time.monotonic() - start)"
    done = subprocess.run([sys.executable, "-c", script, path, str(flows)], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def timed(command):
    start = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - start


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--generate", required=True)
    parser.add_argument("--read", required=True)
    parser.add_argument("--flows", type=int, default=1000000)
    parser.add_argument("--json-flows", type=int, default=200000, help="json.loads in a list needs much memory")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    try:
        import duckdb, pyarrow, libflow  # noqa: F401,E401  pylint: disable=all
    except ImportError as reason:
        print("skipped: %s" % reason)
        return
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for flows in {options.flows, options.json_flows}:
            paths[flows] = os.path.join(folder, "%d.jsonl.zst" % flows)
            made = subprocess.Popen([options.generate, "--flows", str(flows), "--seed", "1"], stdout=subprocess.PIPE)
            subprocess.run(["zstd", "-q", "-3", "-o", paths[flows]], stdin=made.stdout, check=True)
            made.wait()
        turns = {name: [] for name in [*WAYS, "the C library alone, 1 thread", "zstd -dc"]}
        for _ in range(options.repeat):
            for name, code in WAYS.items():
                flows = options.json_flows if name.startswith("json") else options.flows
                turns[name].append(seconds(code, paths[flows], flows) / flows * 1e6)
            turns["the C library alone, 1 thread"].append(
                timed([options.read, "arrow", paths[options.flows]]) / options.flows * 1e6)
            turns["zstd -dc"].append(timed(["zstd", "-dcq", paths[options.flows]]) / options.flows * 1e6)
    print("%-32s %10s %26s" % ("", "us/flow", "over libflow, table, 2 threads"))
    for name, found in turns.items():
        ratios = [one / base for one, base in zip(found, turns["libflow, table, 2 threads"])]
        print("%-32s %10.3f %14.2f (%.2f-%.2f)" % (name, statistics.median(found), statistics.median(ratios), min(ratios),
                                                   max(ratios)))
    ratios = [one / alone for one, alone in zip(turns["libflow, batches, 1 thread"],
                                                turns["the C library alone, 1 thread"])]
    print("batches in Python over the C library alone: %.3f (%.3f-%.3f)" % (
        statistics.median(ratios), min(ratios), max(ratios)))


if __name__ == "__main__":
    main()
