# SPDX-License-Identifier: Apache-2.0
"""Data frames and query engines that take the streams; each is skipped where it is not installed."""
import json
import os
import subprocess
import sys

import here
from here import ASKED, DECLARED, EXAMPLE, FLOWCHECK, FLOWS, ROOT, fails, flowcheck, need
from tap import WORLD, contains, equal, flow, pod, run, write

import libflow


def _rows():
    return flowcheck("check", *ASKED, "-o", "jsonl", FLOWS).rows()


def _report():
    return libflow.check(FLOWS, **DECLARED)


def _counts(pairs):
    return {str(key): int(count) for key, count in pairs}


def _expected():
    found = {}
    for row in _rows():
        found[row["result"]] = found.get(row["result"], 0) + 1
    return found


def pyarrow_has_every_value_of_jsonl(_):
    pyarrow = need("pyarrow")
    table = pyarrow.RecordBatchReader.from_stream(_report().flows()).read_all()
    table.validate(full=True)
    rows = _rows()
    equal(table.num_rows, len(rows))
    for found, row in zip(table.to_pylist(), rows):
        policy = row["policy"] or {}
        expected = {
            "uuid": row["uuid"], "node": row["node"], "verdict": row["verdict"], "protocol": row["protocol"],
            "input": row["record"]["input"], "number": row["record"]["number"], "port": row["port"],
            "reply": row["reply"], "dns": row["dns"], "direction": row["direction"], "scope": row["scope"],
            "observed": row["observed"], "expected": row["expected"], "result": row["result"],
            "intent": row["intent"], "findings": row["findings"] or None, "undecided": row["undecided"] or None,
            "source_ip": row["source"]["ip"], "destination_ip": row["destination"]["ip"],
            "source_pod": row["source"].get("pod"), "destination_pod": row["destination"].get("pod"),
            "source_workload": row["source"].get("workload"),
            "source_identity": row["source"]["identity"] or None,
            "policy_kind": policy.get("kind"), "policy_namespace": policy.get("namespace"),
            "policy_name": policy.get("name"), "policy_rule": policy.get("rule"), "policy_file": policy.get("file"),
            "policy_line": policy.get("line"), "approval": row["approval"],
            "statement": row["statement"] and row["statement"]["name"],
        }
        equal({name: found[name] for name in expected}, expected)
        # nanoseconds, to the last digit
        equal(found["time"].isoformat().replace("+00:00", "Z"), row["time"])


def addresses_are_there_as_bytes(_):
    pyarrow = need("pyarrow")
    import ipaddress
    table = pyarrow.table(libflow.read(FLOWS)).select(["source_ip", "source_address"])
    for row in table.to_pylist():
        address = ipaddress.ip_address(row["source_ip"])
        packed = address.packed if address.version == 6 else b"\0" * 10 + b"\xff\xff" + address.packed
        equal(row["source_address"], packed)


def the_ipc_stream_is_the_same_table(folder):
    pyarrow = need("pyarrow")
    path = os.path.join(folder, "flows.arrows")
    flowcheck("check", *ASKED, "-o", "arrow=" + path, FLOWS)
    with pyarrow.OSFile(path) as file:
        table = pyarrow.ipc.open_stream(file).read_all()
    table.validate(full=True)
    equal(table.to_pylist(), _report().flows().to_arrow().to_pylist())
    empty = os.path.join(folder, "empty.arrows")
    flowcheck("check", *ASKED, "-o", "arrow=" + empty, write(folder, "none.jsonl", ""))
    with pyarrow.OSFile(empty) as file:
        none = pyarrow.ipc.open_stream(file).read_all()
    equal((none.num_rows, none.schema), (0, table.schema))


def many_batches_and_dictionaries_that_begin_anew(folder):
    pyarrow = need("pyarrow")
    lines = []
    for i in range(150000):
        lines.append(flow("u%d" % i, pod("ns%d" % (i % 100), "pod-%d" % i), WORLD,
                          IP={"source": "10.%d.%d.%d" % (i >> 16 & 255, i >> 8 & 255, i & 255), "destination": "192.0.2.1"}))
    path = write(folder, "flows.jsonl", "\n".join(lines) + "\n")
    out = os.path.join(folder, "flows.arrows")
    flowcheck("check", "-f", DECLARED["policies"], "-o", "arrow=" + out, path)
    with pyarrow.OSFile(out) as file:
        table = pyarrow.ipc.open_stream(file).read_all()
    table.validate(full=True)
    equal(table.num_rows, 150000)
    pods = table.column("source_pod")
    assert pods.num_chunks >= 3
    for i in (0, 65535, 65536, 70000, 131073, 149999):
        equal(pods[i].as_py(), "pod-%d" % i)
        equal(table.column("source_ip")[i].as_py(), "10.%d.%d.%d" % (i >> 16 & 255, i >> 8 & 255, i & 255))
    # the last dictionary does not hold all pods of the log
    assert len(pods.chunk(pods.num_chunks - 1).dictionary) < 100000
    equal(libflow.read(path).to_arrow().column("source_pod").to_pylist(), pods.to_pylist())


def text_that_is_not_utf8_stays_a_table(folder):
    pyarrow = need("pyarrow")
    line = flow("u", pod("a", "one"), WORLD).encode().replace(b'"one"', b'"o\xffe"')
    path = write(folder, "flows.jsonl", line + b"\n")
    table = pyarrow.table(libflow.read(path))
    table.validate(full=True)
    equal(table.column("source_pod").to_pylist(), [one.source.pod for one in libflow.read(path)])


def a_table_costs_what_its_columns_do(_):
    pyarrow = need("pyarrow")
    table = libflow.read(FLOWS).to_arrow()
    held = {}
    for column in table.columns:
        for chunk in column.chunks:
            for array in [chunk] + ([chunk.dictionary] if pyarrow.types.is_dictionary(chunk.type) else []):
                for buffer in array.buffers():
                    if buffer is not None:
                        held[buffer.address] = buffer.size
    assert sum(held.values()) <= 1.5 * table.nbytes, (sum(held.values()), table.nbytes)


def pandas_and_polars_take_it(_):
    need("pyarrow", "pandas")
    equal(_counts(_report().flows().to_pandas().result.value_counts().items()), _expected())
    polars = need("polars")
    frame = polars.DataFrame(_report().flows())
    equal(_counts(frame.group_by("result").len().rows()), _expected())
    equal(frame["time"].dtype, polars.Datetime("ns", "UTC"))


def duckdb_takes_it(_):
    duckdb = need("duckdb")
    need("pyarrow")
    flows = _report().flows()
    found = duckdb.connect().execute("SELECT result, count(*) FROM flows GROUP BY result").fetchall()
    equal(_counts(found), _expected())
    del flows


def nanoarrow_takes_it(_):
    nanoarrow = need("nanoarrow")
    stream = nanoarrow.ArrayStream(_report().flows())
    equal(sum(len(chunk) for chunk in stream.read_all().iter_chunks()), 4664)
    schema = nanoarrow.Schema(libflow.read(FLOWS))
    equal([field.name for field in schema.fields], libflow.read(FLOWS).columns)


def clickhouse_takes_the_ipc_stream(folder):
    chdb = need("chdb")
    path = os.path.join(folder, "flows.arrows")
    flowcheck("check", *ASKED, "-o", "arrow=" + path, FLOWS)
    with open(os.path.join(ROOT, "examples", "engines", "clickhouse.sql"), encoding="utf-8") as file:
        table = file.read()
    for column in libflow.columns("results"):
        contains(table, "\n    %s " % column.name)
    session = chdb.session.Session(os.path.join(folder, "db"))
    session.query("CREATE DATABASE tre")
    session.query(table.replace("CREATE TABLE results", "CREATE TABLE tre.results"))
    session.query("INSERT INTO tre.results SELECT * FROM file('%s', ArrowStream)" % path)
    rows = str(session.query("SELECT result, count() FROM tre.results GROUP BY result", "JSONCompactEachRow"))
    equal(_counts(json.loads(line) for line in rows.splitlines()), _expected())
    rows = str(session.query("SELECT DISTINCT IPv6NumToString(source_address), source_ip FROM tre.results "
                             "WHERE source_ip LIKE '10.42.1.31'", "JSONCompactEachRow"))
    equal(json.loads(rows.splitlines()[0]), ["::ffff:10.42.1.31", "10.42.1.31"])
    session.close()


def connections_are_decided_as_columns(_):
    pyarrow = need("pyarrow")
    intent = libflow.Intent.load(DECLARED["intent"])
    policies = libflow.PolicySet.load(DECLARED["policies"], snapshot=DECLARED["snapshot"], intent=intent)
    asked = [("project-asthma", "notebook-0", None, None, "198.51.100.77", 443),
             ("project-asthma", "notebook-0", "shared", "keycloak-74c9b8d6f5-8hdwk", None, 8080),
             ("project-diabetes", "notebook-1", "project-asthma", "postgres-0", None, 5432),
             ("project-asthma", None, None, None, "192.0.2.5", 443), (None, None, None, None, None, None)]
    names = ["source_namespace", "source_pod", "destination_namespace", "destination_pod", "destination_ip", "port"]
    columns = dict(zip(names, map(list, zip(*asked))), protocol=["TCP"] * 5, other=[1.5] * 5)
    table = pyarrow.table(columns)
    found = policies.decide_batch(table, intent=intent).to_arrow().to_pylist()
    for row, told in zip(asked[:3], found):
        dst = row[4] or "%s/%s" % (row[2], row[3])
        one = policies.decide("%s/%s" % (row[0], row[1]), dst, row[5], intent=intent)
        equal((told["allowed"], told["egress_expected"], told["ingress_expected"], told["intent"]),
              (one.allowed, one.egress.expected, one.ingress.expected, one.intent))
        equal(told["violations"] or [], list(one.violations))
        equal(told["egress_policy_name"], one.egress.policy and one.egress.policy.name)
    equal([told["allowed"] for told in found], [False, True, False, None, None])
    contains(found[3]["egress_undecided"], "no-labels")
    # whatever types the columns come in
    dressed = table.set_column(0, "source_namespace", table.column(0).dictionary_encode())
    dressed = dressed.set_column(5, "port", table.column("port").cast(pyarrow.uint16()))
    dressed = dressed.append_column("time", pyarrow.array([1789380000] * 5, pyarrow.timestamp("s", "UTC")))
    equal(policies.decide_batch(dressed.slice(0), intent=intent).to_arrow().column("allowed").to_pylist(),
          [False, True, False, None, None])
    equal(policies.decide_batch(dressed.slice(1, 2)).to_arrow().column("allowed").to_pylist(), [True, False])
    equal(policies.decide_batch(table.to_batches()[0]).to_arrow().num_rows, 5)
    many = pyarrow.concat_tables([table] * 300)
    equal(policies.decide_batch(many).to_arrow().num_rows, 1500)


def labels_are_taken_as_lists_or_text(_):
    pyarrow = need("pyarrow")
    policies = libflow.PolicySet.load(DECLARED["policies"], snapshot=DECLARED["snapshot"])
    for labels in (pyarrow.array([["app=notebook"], ["app=other"]]), pyarrow.array(["app=notebook", "k8s:app=other"]),
                   pyarrow.array([["app=notebook"], ["app=other"]], pyarrow.large_list(pyarrow.large_string()))):
        table = pyarrow.table({"source_namespace": ["project-asthma"] * 2, "source_labels": labels,
                               "destination_namespace": ["shared"] * 2, "destination_labels": ["app=keycloak"] * 2,
                               "protocol": ["TCP", "tcp"], "port": [8080, 8080]})
        equal(policies.decide_batch(table).to_arrow().column("allowed").to_pylist(), [True, True])
    polars = need("polars")
    frame = polars.DataFrame({"source_namespace": ["project-asthma"], "source_labels": [["app=notebook"]],
                              "destination_ip": ["198.51.100.200"], "protocol": ["TCP"], "port": [443]})
    equal(policies.decide_batch(frame).to_arrow().column("allowed").to_pylist(), [False])


def bad_columns_are_refused_with_their_row(_):
    pyarrow = need("pyarrow")
    policies = libflow.PolicySet.load(DECLARED["policies"])
    good = {"source_pod": ["a", "b"], "destination_ip": ["192.0.2.1", "192.0.2.2"], "protocol": ["TCP", "TCP"], "port": [1, 2]}
    for change, row, words in (({"destination_ip": ["192.0.2.1", "nonsense"]}, 2, "an address"),
                               ({"port": [1, 70000]}, 2, "a port"), ({"protocol": ["TCQ", "TCP"]}, 1, "a protocol"),
                               ({"source_entity": [None, "moon"]}, 2, "an entity")):
        error = fails(libflow.ParseError, policies.decide_batch, pyarrow.table({**good, **change}))
        equal(error.line, row)
        contains(error.message, words)
    for change, words in (({"port": ["1", "2"]}, "whole numbers"), ({"source_pod": [1, 2]}, "text in column source_pod"),
                          ({"time": [1, 2]}, "timestamps")):
        contains(fails(libflow.InvalidError, policies.decide_batch, pyarrow.table({**good, **change})).message, words)
    error = fails(libflow.InvalidError, policies.decide_batch, pyarrow.table({"port": [1]}))
    contains(error.message, "the source")
    fails(libflow.ArgumentError, policies.decide_batch, [1, 2])


def a_bad_row_is_counted_over_all_batches(_):
    pyarrow = need("pyarrow")
    policies = libflow.PolicySet.load(DECLARED["policies"])
    many = 70000  # more than are decided at a time
    good = pyarrow.table({"source_pod": ["a"] * many, "source_namespace": ["b"] * many, "port": [1] * many,
                          "destination_ip": ["192.0.2.1"] * many, "protocol": ["TCP"] * many})
    bad = good.slice(0, 3).set_column(3, "destination_ip", pyarrow.array(["192.0.2.1", "nonsense", "192.0.2.1"]))
    for table, row in ((pyarrow.concat_tables([good.slice(5), bad]), many - 5 + 2),
                       (pyarrow.concat_tables([good, bad]).combine_chunks(), many + 2)):
        equal(fails(libflow.ParseError, policies.decide_batch, table).line, row)
    equal(policies.decide_batch(good.slice(0, 0)).to_arrow().num_rows, 0)


def rows_are_decided_in_their_order(_):
    pyarrow = need("pyarrow")
    policies = libflow.PolicySet.load(DECLARED["policies"], snapshot=DECLARED["snapshot"])
    many = 150000
    ports = [8080 if i % 7 else 8081 for i in range(many)]
    names = [["app=notebook"] if i % 5 else None for i in range(many)]
    table = pyarrow.table({
        "source_namespace": pyarrow.array(["project-asthma"] * many).dictionary_encode(),
        "source_pod": ["nobody"] * many, "source_labels": names, "destination_namespace": ["shared"] * many,
        "destination_labels": ["app=keycloak"] * many, "protocol": ["TCP"] * many, "port": ports}).slice(11)
    found = policies.decide_batch(table.combine_chunks()).to_arrow().column("allowed").to_pylist()
    cases = {}
    for i in range(len(found)):
        cases.setdefault((ports[i + 11], names[i + 11] is None), set()).add(found[i])
    equal(sorted(cases), [(8080, False), (8080, True), (8081, False), (8081, True)])
    for answers in cases.values():
        equal(len(answers), 1)
    equal((cases[8080, False], cases[8081, False]), ({True}, {False}))


def the_session_with_duckdb_runs(_):
    need("duckdb", "pyarrow")
    script = os.path.join(ROOT, "examples", "engines", "duckdb_session.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    contains(done.stdout, "project-asthma notebook-0 203.0.113.50 443 zones-baseline 24")


if __name__ == "__main__":
    assert FLOWCHECK and EXAMPLE and here
    run(sys.modules[__name__])
