# SPDX-License-Identifier: Apache-2.0
"""
Apache Spark with a standalone master and two workers on this machine: however the archives are
spread, and whoever is killed, the report is flowcheck's own.
"""
import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import here
from here import ASKED, DECLARED, FLOWCHECK, FLOWS, ROOT, generate, need, report_of
from tap import Skip, contains, equal, flowcheck, run, write

STATE = {}


def _spark():
    """One session for all tests, over a cluster of processes."""
    if "spark" in STATE:
        return STATE["spark"]
    need("pyarrow", "pandas")
    sql = need("pyspark.sql")
    if shutil.which("java") is None:
        raise Skip("java is not installed")
    os.environ.update(SPARK_LOCAL_IP="127.0.0.1", SPARK_LOCAL_HOSTNAME="localhost", PYSPARK_PYTHON=sys.executable)
    builder = sql.SparkSession.builder.master("local-cluster[2,1,1024]").appName("libflow-test")
    for name, value in (("spark.ui.enabled", "false"), ("spark.executor.memory", "512m"), ("spark.driver.host", "127.0.0.1"),
                        ("spark.driver.bindAddress", "127.0.0.1"), ("spark.ui.showConsoleProgress", "false"),
                        ("spark.log.level", "OFF"), ("spark.task.maxFailures", "8")):
        builder = builder.config(name, value)
    STATE["spark"] = builder.getOrCreate()
    STATE["spark"].sparkContext.setLogLevel("OFF")
    atexit.register(STATE["spark"].stop)
    return STATE["spark"]


def _parts(folder, count):
    """The example's flows in so many archives."""
    plain = subprocess.run(["zstd", "-dcq", FLOWS], capture_output=True, check=True).stdout.splitlines(True)
    where = os.path.join(folder, "parts")
    os.mkdir(where)
    for i in range(count):
        lines = plain[len(plain) * i // count:len(plain) * (i + 1) // count]
        done = subprocess.run(["zstd", "-qc"], input=b"".join(lines), capture_output=True, check=True)
        write(where, "%03d.jsonl.zst" % i, done.stdout)
    return where


def _executors():
    done = subprocess.run(["pgrep", "-f", "CoarseGrainedExecutorBackend.*localhost"], capture_output=True, text=True,
                          check=False)
    return sorted({int(word) for word in done.stdout.split()})


def any_number_of_partitions_gives_one_report(folder):
    spark = _spark()
    import libflow.spark
    until = time.monotonic() + 60
    while len(_executors()) < 2 and time.monotonic() < until:
        time.sleep(0.1)
    equal(len(_executors()), 2)
    parts = _parts(folder, 70)
    expected = report_of(parts)
    for partitions in (2, 7, 64):
        report = libflow.spark.check(spark, parts, partitions=partitions, **DECLARED)
        equal(report.to_json(), expected)


def a_damaged_and_a_missing_file_are_told(folder):
    spark = _spark()
    import libflow.spark
    parts = _parts(folder, 9)
    with open(os.path.join(parts, "004.jsonl.zst"), "r+b") as file:
        file.seek(os.path.getsize(file.name) // 2)
        file.write(b"\0" * 64)
    with open(os.path.join(parts, "007.jsonl.zst"), "r+b") as file:
        file.truncate(os.path.getsize(file.name) // 2)
    report = libflow.spark.check(spark, parts, partitions=3, **DECLARED)
    equal(report.to_json(), report_of(parts))
    equal(report.exit_code(), 3)
    assert report.raw["coverage"]["damaged"] > 0
    missing = libflow.spark.check(spark, [os.path.join(parts, "000.jsonl.zst"), os.path.join(parts, "none")], **DECLARED)
    equal(missing.exit_code(), 3)


def a_killed_worker_changes_nothing(folder):
    spark = _spark()
    import libflow.spark
    policies = os.path.join(folder, "policies")
    log = generate(os.path.join(folder, "log"), 400000, "--policies", policies)
    parts = os.path.join(folder, "parts")
    os.mkdir(parts)
    subprocess.run(["split", "-n", "l/64", log, os.path.join(parts, "part-")], check=True)
    expected = subprocess.run([FLOWCHECK, "check", "-f", policies, "-o", "json", parts], capture_output=True,
                              check=False).stdout
    before = _executors()
    equal(len(before), 2)
    killed = []

    def kill():
        tracker = spark.sparkContext.statusTracker()
        until = time.monotonic() + 60
        while time.monotonic() < until and not killed:
            for stage in tracker.getActiveStageIds():
                info = tracker.getStageInfo(stage)
                if info and info.numTasks == 64 and info.numCompletedTasks >= 4:
                    os.kill(before[0], signal.SIGKILL)
                    killed.append(info.numCompletedTasks)
            time.sleep(0.02)

    killer = threading.Thread(target=kill)
    killer.start()
    report = libflow.spark.check(spark, parts, policies=policies, partitions=64)
    killer.join()
    assert killed and killed[0] < 64, killed
    assert before[0] not in _executors()
    equal(report.to_json(), expected)


def a_table_of_flows_is_judged_too(folder):
    spark = _spark()
    import libflow.spark
    plain = os.path.join(folder, "flows.jsonl")
    subprocess.run(["zstd", "-dcq", FLOWS, "-o", plain], check=True)
    table = spark.read.text(plain).repartition(5)
    report = libflow.spark.check_table(table, **DECLARED)
    expected = json.loads(report_of(FLOWS))
    found = report.raw
    for member in ("results", "findings", "approvals", "controls", "coverage"):
        equal(found[member], expected[member])
    none = libflow.spark.check_table(table.limit(0), **DECLARED)
    equal(none.raw["coverage"]["flows"], 0)


def the_job_of_the_examples_runs(folder):
    need("pyspark", "pyarrow", "pandas")
    if shutil.which("java") is None:
        raise Skip("java is not installed")
    parts = _parts(folder, 5)
    out = os.path.join(folder, "report.json")
    job = os.path.join(ROOT, "examples", "engines", "spark_job.py")
    env = dict(os.environ, SPARK_LOCAL_IP="127.0.0.1", SPARK_LOCAL_HOSTNAME="localhost", PYSPARK_PYTHON=sys.executable,
               PYSPARK_SUBMIT_ARGS="--master local-cluster[2,1,1024] --conf spark.executor.memory=512m "
                                   "--conf spark.ui.enabled=false pyspark-shell")
    done = subprocess.run([sys.executable, job, "--policies", DECLARED["policies"], "--snapshot", DECLARED["snapshot"],
                           "--intent", DECLARED["intent"], "--report", out, parts], env=env, capture_output=True, text=True,
                          check=False)
    equal(done.returncode, 1)
    contains(done.stdout, "18 findings")
    with open(out, "rb") as file:
        equal(file.read(), report_of(parts))


if __name__ == "__main__":
    assert ASKED and here and flowcheck and tempfile
    run(sys.modules[__name__])
