# SPDX-License-Identifier: Apache-2.0
"""The contract of `flowcheck check`: fields, values, exit codes, outputs."""
import gzip
import json
import os
import subprocess
import sys

from tap import (ALLOW_443, DENY_ALL, EXAMPLE, WORLD, Skip, contains, equal, flow, flowcheck, pod,
                 run, write)

A = pod("a", "client", local=True, app="client")
B = pod("b", "server", app="server")


def the_example_gives_what_its_readme_says(_):
    result = flowcheck("check", "--snapshot", EXAMPLE + "/snapshot", "-f", EXAMPLE + "/policies",
                       "-o", "json", EXAMPLE + "/flows.jsonl.zst")
    report = result.json()
    equal(result.code, 1)
    equal(report["coverage"]["flows"], 4664)
    equal(report["results"]["escaped"], 117)
    equal(report["results"]["misdropped"], 12)
    equal(report["results"]["rejected"], 51)
    equal(report["results"]["unprotected"], 62)
    equal(report["coverage"]["lost"], 37)
    equal({f["id"] for f in report["findings"]},
          {"FC101", "FC102", "FC103", "FC104", "FC105", "FC501", "FC503"})


def the_example_has_an_intent_that_finds_what_its_readme_says(_):
    result = flowcheck("check", "--snapshot", EXAMPLE + "/snapshot", "-f", EXAMPLE + "/policies",
                       "--intent", EXAMPLE + "/intent.yaml", "-o", "json",
                       EXAMPLE + "/flows.jsonl.zst")
    report = result.json()
    equal(result.code, 1)
    assert "warning" not in result.err, result.err
    found = sorted((f["id"], f["source"], f["count"]) for f in report["findings"]
                   if "FC200" < f["id"] < "FC206" or f["id"] in ("FC211", "FC216"))
    equal(found, [("FC201", "203.0.113.77", 35), ("FC202", "project-diabetes/notebook", 20),
                  ("FC203", "project-asthma/notebook", 42), ("FC203", "sandbox/toolbox", 35),
                  ("FC216", "project-diabetes app=matlab", 84)])
    answers = {control["id"]: control["answer"] for control in report["controls"]}
    equal((answers["gateway-only"], answers["control-plane-declared"], answers["two-controls"]),
          ("not met", "met", "not shown"))


def a_report_has_the_members_of_the_contract(folder):
    log = write(folder, "log", flow("u1", A, WORLD) + "\n")
    report = flowcheck("check", "-f", write(folder, "p.yaml", DENY_ALL), "-o", "json", log).json()
    for member in ("schema", "inputs", "coverage", "results", "findings"):
        assert member in report, member
    for member in ("name", "sha256", "records", "damaged", "lost"):
        assert member in report["inputs"][0], member
    for member in ("id", "fingerprint", "severity", "count", "first", "last", "source",
                   "destination", "protocol", "port", "policy", "explanation"):
        assert member in report["findings"][0], member
    with open(log, "rb") as file:
        import hashlib
        equal(report["inputs"][0]["sha256"], hashlib.sha256(file.read()).hexdigest())


def a_row_has_the_members_of_the_contract(folder):
    log = write(folder, "log", flow("u1", A, WORLD) + "\n")
    policy = write(folder, "p.yaml", DENY_ALL)
    row = flowcheck("check", "-f", policy, "-o", "jsonl", log).rows()[0]
    equal(row["uuid"], "u1")
    equal(row["record"], {"input": log, "number": 1})
    equal(row["time"], "2026-09-01T10:00:00.000000001Z")
    equal((row["direction"], row["scope"], row["observed"], row["expected"], row["result"]),
          ("egress", "egress", "forwarded", "deny_default", "escaped"))
    equal((row["intent"], row["findings"], row["undecided"]), ("no_statement", ["FC101"], []))
    equal(row["policy"], {"kind": "KNP", "namespace": "a", "name": "deny", "rule": None,
                          "file": policy, "line": 1})


def rows_come_in_the_order_of_the_input_and_only_for_flows(folder):
    lost = ('{"lost_events":{"source":"HUBBLE_RING_BUFFER","num_events_lost":"3"},'
            '"node_name":"node-1","time":"2026-09-01T10:00:00Z"}')
    lines = [flow("u%d" % i, A, WORLD) for i in range(3000)]
    lines.insert(7, lost)
    rows = flowcheck("check", "-o", "jsonl", write(folder, "log", "\n".join(lines))).rows()
    equal([row["uuid"] for row in rows], ["u%d" % i for i in range(3000)])
    equal(rows[7]["record"]["number"], 9)


def a_record_without_uuid_has_null(folder):
    line = json.loads(flow("x", A, WORLD))
    del line["flow"]["uuid"]
    row = flowcheck("check", "-o", "jsonl", write(folder, "log", json.dumps(line))).rows()[0]
    equal(row["uuid"], None)


def without_policies_everything_is_undecidable_for_want_of_a_policy_set(folder):
    row = flowcheck("check", "-o", "jsonl", write(folder, "log", flow("u", A, WORLD))).rows()[0]
    equal((row["expected"], row["result"], row["undecided"]),
          ("undecidable", "undecided", ["policy-set"]))


def a_partial_policy_set_leaves_unselected_subjects_undecidable(folder):
    log = write(folder, "log", flow("u", B, WORLD))
    policy = write(folder, "p.yaml", DENY_ALL)
    equal(flowcheck("check", "-f", policy, "-o", "jsonl", log).rows()[0]["expected"],
          "allow_default")
    equal(flowcheck("check", "--partial", "-f", policy, "-o", "jsonl", log).rows()[0]["undecided"],
          ["policy-set"])


def each_exit_code_is_the_same_for_every_format(folder):
    deny = write(folder, "deny.yaml", DENY_ALL)
    allow = write(folder, "allow.yaml", ALLOW_443)
    bad = write(folder, "bad.yaml", DENY_ALL.replace("[Ingress, Egress]", "[Sideways]"))
    good = write(folder, "good", flow("u", A, WORLD) + "\n")
    cut = write(folder, "cut", flow("u", A, WORLD) + "\n" + flow("v", A, WORLD)[:300])
    for output in ("text", "json", "jsonl"):
        for code, args in ((0, ["-f", allow, good]), (1, ["-f", deny, good]),
                           (2, ["-f", allow, "-f", bad, good]), (3, ["-f", allow, cut]),
                           (4, ["--max-undecided", "0.5", good])):
            equal((output, args, flowcheck("check", "-o", output, *args).code),
                  (output, args, code))


def exit_codes_take_precedence_2_3_1_4(folder):
    deny = write(folder, "deny.yaml", DENY_ALL)
    bad = write(folder, "bad.yaml", DENY_ALL.replace("[Ingress, Egress]", "[Sideways]"))
    cut = write(folder, "cut", flow("u", A, WORLD) + "\n" + flow("v", A, WORLD)[:300])
    undecided = write(folder, "unknown", flow("u", A, WORLD) + "\n" +
                      flow("v", {"identity": 9999}, WORLD) + "\n")
    equal(flowcheck("check", "-f", deny, "-f", bad, cut).code, 2)
    equal(flowcheck("check", "-f", deny, cut).code, 3)
    equal(flowcheck("check", "-f", deny, "--max-undecided", "0", undecided).code, 1)


def fail_on_moves_the_border(folder):
    deny = write(folder, "deny.yaml", DENY_ALL)
    log = write(folder, "log", flow("u", A, WORLD))
    unprotected = write(folder, "open", flow("u", B, WORLD))
    equal(flowcheck("check", "-f", deny, "--fail-on", "critical", log).code, 0)
    equal(flowcheck("check", "-f", deny, unprotected).code, 0)
    equal(flowcheck("check", "-f", deny, "--fail-on", "low", unprotected).code, 1)


def several_outputs_are_written_at_once(folder):
    deny = write(folder, "deny.yaml", DENY_ALL)
    log = write(folder, "log", flow("u", A, WORLD))
    report, rows = os.path.join(folder, "r.json"), os.path.join(folder, "r.jsonl")
    result = flowcheck("check", "-f", deny, "-o", "text", "-o", "json=" + report,
                       "-o", "jsonl=" + rows, log)
    contains(result.out, "escaped-egress (FC101)")
    with open(report, encoding="utf-8") as file:
        equal(json.load(file)["results"]["escaped"], 1)
    with open(rows, encoding="utf-8") as file:
        equal(json.loads(file.read())["result"], "escaped")


def a_denied_packet_is_counted_once_though_it_has_two_records(folder):
    allow = write(folder, "allow.yaml", ALLOW_443)
    pairs = []
    for i in range(5):
        pairs.append(flow("v%d" % i, A, WORLD, verdict="DROPPED"))
        pairs.append(flow("d%d" % i, A, WORLD, verdict="DROPPED",
                          event_type={"type": 1, "sub_type": 133}))
    log = write(folder, "log", "\n".join(pairs))
    result = flowcheck("check", "-f", allow, "-o", "json", log)
    report = result.json()
    equal(report["results"]["misdropped"], 5)
    equal(report["coverage"]["duplicates"], 5)
    equal([(f["id"], f["count"]) for f in report["findings"]], [("FC104", 5)])
    equal(len(flowcheck("check", "-f", allow, "-o", "jsonl", log).rows()), 10)


def input_comes_from_files_directories_and_standard_input_in_any_packing(folder):
    lines = "\n".join(flow("u%d" % i, A, WORLD) for i in range(50)).encode()
    plain = write(folder, "plain", lines)
    os.mkdir(os.path.join(folder, "logs"))
    write(folder, "logs/a", lines)
    write(folder, "logs/b", gzip.compress(lines[:1000]) + gzip.compress(lines[1000:]))
    equal(flowcheck("check", "-o", "json", plain).json()["coverage"]["flows"], 50)
    equal(flowcheck("check", "-o", "json", folder + "/logs").json()["coverage"]["flows"], 100)
    equal(flowcheck("check", "-o", "json", "-", stdin=gzip.compress(lines)).json()
          ["coverage"]["flows"], 50)
    try:
        packed = subprocess.run(["zstd", "-q", "-c"], input=lines, capture_output=True, check=True)
    except FileNotFoundError as reason:
        raise Skip("zstd is not installed") from reason
    skippable = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
    both = packed.stdout + skippable + packed.stdout
    equal(flowcheck("check", "-o", "json", "-", stdin=both).json()["coverage"]["flows"], 100)


def variables_fill_in_manifests_and_without_value_the_answer_is_undecidable(folder):
    policy = write(folder, "p.yaml", ALLOW_443.replace(
        "- ports: [{port: 443}]", "- to: [{ipBlock: {cidr: \"${NET}\"}}]"))
    log = write(folder, "log", flow("u", A, WORLD))
    def expected(*args):
        row = flowcheck("check", "-f", policy, *args, "-o", "jsonl", log).rows()[0]
        return row["expected"], row["undecided"]
    equal(expected("--var", "NET=10.0.0.0/8"), ("allow", []))
    equal(expected("--var", "NET=192.0.2.0/24"), ("deny_default", []))
    equal(expected(), ("undecidable", ["placeholder"]))


def the_same_flows_in_any_shape_give_the_same_report(folder):
    policy = write(folder, "p.yaml", DENY_ALL)
    records = [json.loads(flow("u%d" % i, A, WORLD, port=440 + i % 5)) for i in range(200)]
    shapes = {
        "lines": "\n".join(json.dumps(r) for r in records),
        "bare": "\n".join(json.dumps(r["flow"]) for r in records),
        "array": json.dumps(records),
        "indented": json.dumps(records, indent=4),
        "behind each other": "".join(json.dumps(r) for r in records),
        "indented objects": "\n".join(json.dumps(r, indent=2) for r in records),
        "sorted": "\n".join(json.dumps(r, sort_keys=True) for r in records),
    }
    reports = []
    for shape in shapes.values():
        report = flowcheck("check", "-f", policy, "-o", "json", "-", stdin=shape.encode()).json()
        del report["inputs"]
        reports.append(report)
    for name, report in zip(shapes, reports):
        equal((name, report), (name, reports[0]))


def filters_are_spelled_as_in_hubble_observe(folder):
    lines = [
        flow("ext", A, WORLD, port=443),
        flow("in", WORLD, pod("a", "client"), port=8080, direction="INGRESS"),
        flow("drop", A, B, port=22, verdict="DROPPED"),
        flow("late", A, B, port=443, time="2026-09-02T00:00:00Z", node_name="prod/node-9",
             IP={"source": "192.0.2.7", "destination": "192.0.2.9"}),
    ]
    log = write(folder, "log", "\n".join(lines))
    def passed(*args):
        return [row["uuid"] for row in flowcheck("check", *args, "-o", "jsonl", log).rows()]
    for args, expected in (
            (["--namespace", "b"], ["drop", "late"]), (["--from-namespace", "b"], []),
            (["--to-namespace", "b"], ["drop", "late"]), (["--verdict", "dropped"], ["drop"]),
            (["--verdict", "DROPPED", "--verdict", "FORWARDED"], ["ext", "in", "drop", "late"]),
            (["--port", "443"], ["ext", "late"]),
            (["--port", "443", "--namespace", "b"], ["late"]),
            (["--since", "2026-09-01T12:00:00Z"], ["late"]),
            (["--until", "2026-09-01T12:00:00Z"], ["ext", "in", "drop"]),
            (["--ip", "192.0.2.0/24"], ["late"]), (["--to-ip", "10.0.0.2"], ["ext", "in", "drop"]),
            (["--pod", "a/cl"], ["ext", "in", "drop", "late"]), (["--from-pod", "/server"], []),
            (["--to-pod", "b/"], ["drop", "late"]), (["--pod", "client"], []),
            (["--node-name", "node-9"], ["late"]), (["--node-name", "*/node-*"], ["late"]),
            (["--traffic-direction", "ingress"], ["in"]), (["--uuid", "in"], ["in"]),
            (["--protocol", "udp"], []), (["--type", "policy-verdict", "--port", "22"], ["drop"]),
            (["--identity", "2"], ["ext", "in"]), (["--from-identity", "2"], ["in"])):
        equal((args, passed(*args)), (args, expected))
    for args in (["--since", "yesterday"], ["--verdict", "maybe"], ["--ip", "x"],
                 ["--port", "http"]):
        result = flowcheck("check", *args, log)
        equal((args, result.code), (args, 2))
        contains(result.err, "expected")


def two_outputs_on_standard_output_are_a_usage_error(_):
    result = flowcheck("check", "-o", "json", "-o", "text", "x")
    equal(result.code, 2)
    contains(result.err, "expected one output on standard output")


def usage_errors_exit_2_and_name_what_was_expected(folder):
    log = write(folder, "log", flow("u", A, WORLD))
    for args, message in (
            ([], "expected a command"), (["sniff"], "found \"sniff\""),
            (["check"], "expected an input"), (["check", "--nonsense", log], "nonsense"),
            (["check", "-o", "pdf", log], "expected format"),
            (["check", "--fail-on", "bad", log], "expected info, low"),
            (["check", "--engine", "cilium-9", log], "expected engine"),
            (["check", "--var", "X", log], "expected NAME=VALUE"),
            (["check", "--max-undecided", "2", log], "from 0 to 1"),
            (["check", "-f", folder + "/none.yaml", log], "none.yaml"),
            (["check", "-o", "json=/nonexistent/x", log], "/nonexistent/x"),
            (["explain", "--from", "a/b"], "expected --from, --to and --port"),
            (["explain"], "expected inputs"),
            (["explain", "--from", "a/b", "--to", "c/d", "--port", "x"], "expected a port")):
        result = flowcheck(*args)
        equal((args, result.code), (args, 2))
        contains(result.err, message)


def help_and_version_go_to_standard_output(_):
    for args in (["--help"], ["check", "--help"], ["explain", "--help"], ["--version"]):
        result = flowcheck(*args)
        equal((args, result.code, result.err), (args, 0, ""))
        assert result.out


def no_progress_shows_in_a_pipe(folder):
    log = write(folder, "log", "\n".join(flow("u", A, WORLD) for _ in range(20000)))
    equal(flowcheck("check", "-f", write(folder, "p.yaml", ALLOW_443), log).err, "")


def what_makes_a_clean_result_worthless_is_told(folder):
    log = write(folder, "log", flow("u", A, WORLD))
    os.mkdir(folder + "/none")
    contains(flowcheck("check", log).err, "no policies are given")
    equal(flowcheck("check", log).code, 4)
    contains(flowcheck("check", "-f", folder + "/none", log).err, "no policy was loaded")
    contains(flowcheck("check", "-f", folder + "/none", folder + "/none").err, "no flow was read")


def explain_tells_every_policy_that_selects_and_the_one_that_decides(folder):
    policies = write(folder, "p.yaml", DENY_ALL + "---\n" + ALLOW_443)
    log = write(folder, "log", flow("want", A, WORLD, port=80) + "\n" + flow("other", A, WORLD))
    result = flowcheck("explain", "-f", policies, "--uuid", "want", "-o", "json", log)
    report = result.json()[0]
    equal(result.code, 0)
    equal((report["uuid"], report["result"]), ("want", "escaped"))
    side = report["sides"][0]
    equal((side["direction"], side["expected"]), ("egress", "deny_default"))
    equal([(s["name"], s["admits"], s["decides"]) for s in side["steps"]],
          [("deny", "no", True), ("allow", "no", False)])
    equal(flowcheck("explain", "-f", policies, "--uuid", "none", log).code, 3)


def explain_judges_a_connection_that_never_was(folder):
    pods = """apiVersion: v1
kind: Pod
metadata: {name: client, namespace: a, labels: {app: client}}
spec: {containers: [{name: c}]}
status: {podIP: 10.1.1.1}
"""
    policies = write(folder, "p.yaml", ALLOW_443 + "---\n" + pods)
    for source in ("a/client", "10.1.1.1"):
        for port, expected in (("443/TCP", "allow"), ("443/udp", "deny_default"),
                               ("80/TCP", "deny_default")):
            report = flowcheck("explain", "-f", policies, "--from", source, "--to", "203.0.113.5",
                               "--port", port, "-o", "json").json()[0]
            equal((source, port, report["sides"][0]["expected"], report["sides"][1]["expected"]),
                  (source, port, expected, "not_applicable"))


def names_are_those_that_the_log_answered_before_on_that_node(folder):
    policy = write(folder, "p.yaml", """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: p, namespace: a}
spec: {endpointSelector: {}, egress: [{toFQDNs: [{matchName: a.x.io}]}]}
""")
    answer = json.loads(flow("dns", A, WORLD))
    answer["flow"].update({
        "time": "2026-09-01T10:00:04Z", "Type": "L7", "event_type": {"type": 129},
        "l7": {"type": "RESPONSE", "dns": {"query": "a.x.io.", "ips": ["203.0.113.5"],
                                           "ttl": 20, "rrtypes": ["A"]}}})
    lines = []
    for second in (1, 5, 20, 40):
        for node in ("node-1", "node-2"):
            line = json.loads(flow("%d %s" % (second, node), A, WORLD))
            line["flow"]["time"] = line["time"] = "2026-09-01T10:00:%02dZ" % second
            line["flow"]["node_name"] = line["node_name"] = node
            line["flow"]["IP"]["destination"] = "203.0.113.5"
            lines.append(json.dumps(line))
    answer["flow"]["node_name"] = answer["node_name"] = "node-1"
    # where the answer stands in the log does not matter, only when it was given
    for log in (lines + [json.dumps(answer)], [json.dumps(answer)] + lines):
        rows = flowcheck("check", "-f", policy, "-o", "jsonl",
                         write(folder, "log", "\n".join(log))).rows()
        equal({row["uuid"] for row in rows if row["expected"] == "allow"},
              {"5 node-1", "20 node-1"})
        equal({tuple(row["undecided"]) for row in rows
               if row["uuid"] not in ("dns", "5 node-1", "20 node-1")}, {("no-dns-evidence",)})


def a_request_is_told_apart_from_its_connection(folder):
    policy = write(folder, "p.yaml", """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: p, namespace: a}
spec:
  endpointSelector: {}
  egress: [{toPorts: [{ports: [{port: '80', protocol: TCP}], rules: {http: [{method: GET}]}}]}]
""")
    lines = []
    for method in ("GET", "PUT"):
        line = json.loads(flow(method, A, B, port=80))
        line["flow"].update({"Type": "L7", "event_type": {"type": 129}, "l7": {
            "type": "REQUEST", "http": {"method": method, "url": "http://x.io/"}}})
        lines.append(json.dumps(line))
    log = write(folder, "log", "\n".join(lines))
    rows = flowcheck("check", "-f", policy, "-o", "jsonl", log).rows()
    equal([(row["expected"], row["l7"]) for row in rows],
          [("allow", {"protocol": "http", "connection": "allow", "request": "allow"}),
           ("deny_default", {"protocol": "http", "connection": "allow",
                             "request": "deny_default"})])


def explain_without_uuid_explains_every_flow_with_its_chain(folder):
    policies = write(folder, "p.yaml", DENY_ALL + "---\n" + ALLOW_443)
    log = write(folder, "log", flow("one", A, WORLD, port=80) + "\n" + flow("two", A, WORLD))
    rows = flowcheck("explain", "-f", policies, "-o", "jsonl", log).rows()
    equal([row["uuid"] for row in rows], ["one", "two"])
    equal([row["sides"][0]["chain"] for row in rows],
          ["[KNP] does_not_admit (a/deny) -> [KNP] does_not_admit (a/allow egress[0]) -> "
           "deny_default",
           "[KNP] admits (a/allow egress[0]) -> allow"])
    step = rows[1]["sides"][0]["steps"][1]
    equal((step["name"], step["verb"], step["decides"], step["file"]),
          ("allow", "admits", True, policies))
    contains(flowcheck("explain", "-f", policies, "--uuid", "two", log).out,
             "[KNP] admits (a/allow egress[0]) -> allow\n")


def an_output_is_none_of_what_is_read(folder):
    log = write(folder, "log", flow("u", A, WORLD) + "\n")
    policy = write(folder, "p.yaml", DENY_ALL)
    os.symlink(log, folder + "/link")
    os.link(log, folder + "/again")
    with open(log, "rb") as file:
        before = file.read()
    for out, inputs in ((log, [log]), (folder + "/link", [log]), (folder + "/again", [log]),
                        (folder + "/report", [folder]), (policy, [log])):
        for command in (["check", "-f", policy, "-o", "jsonl=" + out],
                        ["explain", "-f", policy, "-o", "jsonl=" + out]):
            result = flowcheck(*command, *inputs)
            equal((out, result.code), (out, 2))
            contains(result.err, "expected an output apart from what is read, found " + out)
    with open(log, "rb") as file:
        equal(file.read(), before)
    assert not os.path.exists(folder + "/report")
    result = flowcheck("check", "-o", "json=" + folder + "/x", "-o", "jsonl=" + folder + "/x", log)
    equal(result.code, 2)
    contains(result.err, "expected a file for each output")
    for args in (["-f", "-", "-"], ["-", "-"], ["-f", "-", "--snapshot", "-", log]):
        result = flowcheck("check", *args)
        equal(result.code, 2)
        contains(result.err, "expected \"-\" once")


def a_pipe_is_judged_alike_however_its_bytes_arrive(folder):
    policy = write(folder, "p.yaml", """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: p, namespace: a}
spec: {endpointSelector: {}, egress: [{toFQDNs: [{matchName: a.x.io}]}]}
""")
    answer = json.loads(flow("dns", A, WORLD))
    answer["flow"].update({"time": "2026-09-01T09:59:59Z", "Type": "L7", "event_type": {
        "type": 129}, "l7": {"type": "RESPONSE", "dns": {
            "query": "a.x.io.", "ips": ["10.0.0.2"], "ttl": 20, "rrtypes": ["A"]}}})
    lines = [flow("before", A, WORLD), json.dumps(answer), flow("behind", A, WORLD)]
    rows = flowcheck("check", "-f", policy, "-o", "jsonl", "-",
                     stdin="\n".join(lines).encode()).rows()
    equal([(row["uuid"], row["expected"]) for row in rows if row["uuid"] != "dns"],
          [("before", "undecidable"), ("behind", "allow")])
    rows = flowcheck("explain", "-f", policy, "-o", "jsonl", "-",
                     stdin="\n".join(lines).encode()).rows()
    equal([(row["uuid"], row["expected"]) for row in rows if row["uuid"] != "dns"],
          [("before", "undecidable"), ("behind", "allow")])


def text_does_not_steer_a_terminal(folder):
    bad = "x\x1b[31m\x07\x7f\u0085\u202e\n=> [KNP] admits"
    log = write(folder, "log", flow("u", dict(A, pod_name=bad), WORLD))
    policy = write(folder, "p.yaml", DENY_ALL)
    for command in ("check", "explain"):
        out = flowcheck(command, "-f", policy, "-o", "text", log).out
        for sign in "\x1b\x07\x7f\u0085\u202e":
            assert sign not in out, (command, out)
        contains(out, "x?[31m?????=> [KNP] admits")


def the_example_program_does_the_same_through_the_library(_):
    program = os.path.join(os.environ["BUILD_ROOT"], "example_check")
    done = subprocess.run([program, EXAMPLE + "/policies", EXAMPLE + "/flows.jsonl.zst"],
                          capture_output=True, check=True)
    contains(done.stdout.decode(), "117  escaped")


if __name__ == "__main__":
    run(sys.modules[__name__])
