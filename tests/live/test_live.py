#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""flowcheck against a Hubble observer that works, and one that fails in each way there is."""
import glob
import json
import os
import resource
import signal
import subprocess
import sys
import time
import urllib.request

from harness import FLOWCHECK, Proxy, Running, Server, certificates

from tap import ROOT, Skip, contains, equal, flow, flowcheck, pod, run, write

CORPUS = os.path.join(ROOT, "..", "shared", "corpus", "flows")
A, B = pod("a", "client", local=True, app="client"), pod("b", "server", app="server")
DENY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: a}
spec: {podSelector: {}, policyTypes: [Egress]}
"""


def _flows(count, first=0, node="node-1", start=0, uuids=True):
    """Exporter lines a millisecond apart."""
    lines = []
    for i in range(first, first + count):
        stamp = "2026-09-01T10:%02d:%02d.%03dZ" % ((start + i) // 60000, (start + i) // 1000 % 60,
                                                    (start + i) % 1000)
        value = json.loads(flow("u-%d" % i, A, B, time=stamp, node_name=node))
        value["flow"]["l4"]["TCP"]["source_port"] = 20000 + i % 40000
        value["time"] = stamp
        if not uuids:
            del value["flow"]["uuid"]
        lines.append(json.dumps(value))
    return lines


def _log(folder, name, lines):
    return write(folder, name, "\n".join(lines) + "\n")


def _rows(text):
    rows = [json.loads(line) for line in text.splitlines()]
    for row in rows:
        del row["record"]
    return rows


def _coverage(folder):
    with open(os.path.join(folder, "report.json"), encoding="utf-8") as file:
        return json.load(file)["coverage"]


def _watch(folder, server, *args, env=None, out="json"):
    """A watch whose report goes to a file, or whose rows to standard output."""
    output = "json=" + os.path.join(folder, "report.json") if out == "json" else out
    return Running("watch", "--server", server, "-o", output, "--interval", "300ms", *args, env=env)


def _wait_flows(folder, count, timeout=60, member="flows"):
    end = time.monotonic() + timeout
    path = os.path.join(folder, "report.json")
    while time.monotonic() < end:
        try:
            found = _coverage(folder)
            if found[member] >= count:
                return found
        except (OSError, ValueError):
            pass
        time.sleep(0.1)
    raise AssertionError("%d flows did not come: %s" % (count, open(path, encoding="utf-8").read()))


def the_same_flows_give_the_same_rows_by_json_protobuf_archive_and_grpc(folder):
    logs = sorted(glob.glob(os.path.join(CORPUS, "*.json*"))) + [_log(folder, "own", _flows(500))]
    for log in logs:
        reference = _rows(flowcheck("check", "-o", "jsonl", log).out)
        assert reference
        for form in ("protobuf", "archive"):
            path = os.path.join(folder, form)
            equal(flowcheck("convert", "-o", form + "=" + path, log).code, 0)
            equal(_rows(flowcheck("check", "-o", "jsonl", path).out), reference)
        with Server("--flows", log, listen="unix:" + folder + "/hubble.sock") as server:
            equal(_rows(flowcheck("check", "-o", "jsonl", "unix://" + folder + "/hubble.sock").out), reference)
            equal(_rows(flowcheck("watch", "--no-follow", "-o", "jsonl", "--server", server.address).out),
                  reference)


def a_request_asks_for_what_the_options_say(folder):
    requests = os.path.join(folder, "requests")
    log = _log(folder, "log", _flows(50))
    with Server("--flows", log, "--requests", requests) as server:
        address = "tcp://" + server.address
        equal(len(flowcheck("watch", "-o", "jsonl", "--server", address, "--first", "7").rows()), 7)
        equal(len(flowcheck("watch", "-o", "jsonl", "--server", address, "--last", "5", "--no-follow").rows()), 5)
        rows = flowcheck("watch", "-o", "jsonl", "--server", address, "--since", "2026-09-01T10:00:00.020Z",
                         "--until", "2026-09-01T10:00:00.029Z", "--namespace", "a", "--verdict", "forwarded",
                         "--protocol", "TCP", "--port", "443").rows()
        equal(len(rows), 10)
    with open(requests, encoding="utf-8") as file:
        found = [json.loads(line)["request"] for line in file]
    equal(found[0], {"number": "7", "first": True})
    equal(found[1], {"number": "5"})
    equal((found[2]["since"], found[2]["until"]), ("2026-09-01T10:00:00.020Z", "2026-09-01T10:00:00.029Z"))
    equal(len(found[2]["whitelist"]), 4)  # either end, of two filters
    contains(found[2]["whitelist"], {"source_pod": ["a/"], "destination_port": ["443"],
                                     "verdict": ["FORWARDED"], "protocol": ["tcp"]})


def tls_and_client_certificates_work_by_options_and_environment(folder):
    cert = certificates(folder)
    log = _log(folder, "log", _flows(20))
    tls = ("--tls-cert", cert("server.crt"), "--tls-key", cert("server.key"))
    with Server("--flows", log, *tls) as server:
        for options in (("--server", "tls://" + server.address, "--tls-ca-cert-files", cert("ca.crt")),
                        ("--server", server.address, "--tls", "--tls-ca-cert-files", cert("ca.crt"),
                         "--tls-server-name", "instance.hubble-relay.cilium.io"),
                        ("--server", server.address, "--tls", "--tls-allow-insecure")):
            equal(len(flowcheck("watch", "--no-follow", "-o", "jsonl", *options).rows()), 20)
    with Server("--flows", log, *tls, "--client-ca", cert("ca.crt")) as server:
        env = {"HUBBLE_SERVER": server.address, "HUBBLE_TLS": "true", "HUBBLE_TLS_CA_CERT_FILES": cert("ca.crt"),
               "HUBBLE_TLS_CLIENT_CERT_FILE": cert("client.crt"), "HUBBLE_TLS_CLIENT_KEY_FILE": cert("client.key")}
        equal(len(flowcheck("watch", "--no-follow", "-o", "jsonl", env=env).rows()), 20)
        equal(flowcheck("watch", "--status", env=env).code, 0)


def certificates_that_do_not_fit_end_the_watch_and_say_why(folder):
    cert = certificates(folder)
    log = _log(folder, "log", _flows(20))
    tls = ("--tls", "--timeout", "3s")
    with Server("--flows", log, "--tls-cert", cert("server.crt"), "--tls-key", cert("server.key")) as server:
        for options, words in ((("--tls-ca-cert-files", cert("other-ca.crt")), "ertificate"),
                               (("--tls-ca-cert-files", cert("ca.crt"), "--tls-server-name", "wrong.example"),
                                "wrong.example")):
            result = flowcheck("watch", "--server", server.address, *tls, *options)
            equal(result.code, 3)
            contains(result.err, words)
    with Server("--flows", log, "--tls-cert", cert("expired.crt"), "--tls-key", cert("expired.key")) as server:
        result = flowcheck("watch", "--server", server.address, *tls, "--tls-ca-cert-files", cert("ca.crt"))
        equal(result.code, 3)
        contains(result.err, "ertificate")
    with Server("--flows", log, "--tls-cert", cert("server.crt"), "--tls-key", cert("server.key"),
                "--client-ca", cert("ca.crt")) as server:
        for options in ((), ("--tls-client-cert-file", cert("foreign.crt"),
                             "--tls-client-key-file", cert("foreign.key"))):
            result = flowcheck("watch", "--no-follow", "--server", server.address, *tls,
                               "--tls-ca-cert-files", cert("ca.crt"), *options)
            equal(result.code, 3)
            contains(result.err, "GetFlows: UNAVAILABLE")
        result = flowcheck("watch", "--no-follow", "--server", server.address, "--timeout", "1s")
        equal(result.code, 3)


def what_does_not_go_together_is_a_usage_error(folder):
    for options, words in ((("--first", "3", "--follow"), "both"), (("--tls-client-cert-file", "x"), "its key"),
                           (("--basic-auth-username", "u"), "expected TLS"), (("--timeout", "soon"), "duration"),
                           (("--tls", "--tls-ca-cert-files", folder + "/none"), "cannot open"),
                           (("file",), "--server")):
        result = flowcheck("watch", *options)
        equal((options, result.code in (2, 3)), (options, True))
        contains(result.err, words)


def a_server_that_is_not_there_is_told_and_waited_for(folder):
    socket = folder + "/later.sock"
    result = flowcheck("watch", "--no-follow", "--server", "unix://" + socket, "--timeout", "1s")
    equal(result.code, 3)
    contains(result.err, "No such file or directory")
    with _watch(folder, "unix://" + socket, "--last", "30") as watch:
        watch.wait_for("No such file or directory", "err")
        with Server("--flows", _log(folder, "log", _flows(30)), listen="unix:" + socket):
            equal(_wait_flows(folder, 30)["flows"], 30)
            equal(watch.finish(), 4)


def a_server_that_is_killed_and_comes_back_loses_nothing_and_counts_nothing_twice(folder):
    socket = "unix:" + folder + "/hubble.sock"
    for uuids in (True, False):
        early = _log(folder, "early", _flows(600, uuids=uuids))
        late = _log(folder, "late", _flows(1000, uuids=uuids))
        with _watch(folder, socket, "--last", "9999") as watch:
            with Server("--flows", early, listen=socket) as server:
                _wait_flows(folder, 600)
                server.kill()
            with Server("--flows", late, listen=socket):
                _wait_flows(folder, 1000)
                time.sleep(0.5)
                watch.finish()
        found = _coverage(folder)
        equal((found["flows"], found["came_again"], found["reconnects"], found["gaps"]), (1000, 600, 1, 0))
        contains(watch.err, "connected again")


def many_flows_of_a_moment_and_lost_events_are_known_when_they_come_again(folder):
    lost = [json.dumps({"lost_events": {"source": "PERF_EVENT_RING_BUFFER", "num_events_lost": "7", "cpu": cpu},
                        "node_name": "node-1", "time": "2026-09-01T10:00:05Z"}) for cpu in (1, 2)]
    lines = [line.replace('"u-', '"%d-' % i) for i in range(140) for line in _flows(1000)] + lost
    with Server("--flows", _log(folder, "log", lines)) as server:
        proxy = Proxy(("127.0.0.1", server.port))
        with _watch(folder, proxy.address, "--last", "999999") as watch:
            _wait_flows(folder, 140000)
            proxy.cut()
            _wait_flows(folder, 140000, member="came_again")
            watch.finish()
        proxy.close()
    found = _coverage(folder)
    equal((found["flows"], found["came_again"], found["gaps"], found["lost"]), (140000, 140000, 0, 14))


def flows_that_cannot_have_been_seen_are_a_gap(folder):
    socket = "unix:" + folder + "/hubble.sock"
    with _watch(folder, socket, "--last", "9999") as watch:
        with Server("--flows", _log(folder, "early", _flows(100)), listen=socket) as server:
            _wait_flows(folder, 100)
            server.kill()
        with Server("--flows", _log(folder, "late", _flows(50, first=5000)), listen=socket):
            _wait_flows(folder, 150)
            watch.finish()
    found = _coverage(folder)
    equal((found["flows"], found["came_again"], found["gaps"]), (150, 0, 1))


def nodes_whose_clocks_differ_are_each_asked_from_their_own_time(folder):
    socket = "unix:" + folder + "/hubble.sock"
    ahead = _flows(100, first=10000, node="ahead", start=600000)
    behind = _flows(100, node="behind")
    more = _flows(50, first=100, node="behind")
    with _watch(folder, socket, "--last", "9999") as watch:
        with Server("--flows", _log(folder, "early", behind + ahead), listen=socket) as server:
            _wait_flows(folder, 200)
            server.kill()
        with Server("--flows", _log(folder, "late", behind + more + ahead), listen=socket):
            equal(_wait_flows(folder, 250)["flows"], 250)
            watch.finish()


def a_clock_that_runs_backwards_hides_no_flow(folder):
    socket = "unix:" + folder + "/hubble.sock"
    before = _flows(100, start=900000)
    after = _flows(100, first=100)  # a quarter of an hour earlier
    more = _flows(50, first=200)
    with _watch(folder, socket, "--last", "9999") as watch:
        with Server("--flows", _log(folder, "early", before + after), listen=socket) as server:
            _wait_flows(folder, 200)
            server.kill()
        with Server("--flows", _log(folder, "late", before + after + more), listen=socket):
            equal(_wait_flows(folder, 250)["flows"], 250)
            watch.finish()


def a_connection_that_is_half_open_is_noticed_and_made_anew(folder):
    with Server("--flows", _log(folder, "log", _flows(40))) as server:
        proxy = Proxy(("127.0.0.1", server.port))
        with _watch(folder, proxy.address, "--last", "99", "--idle-check", "500ms",
                    "--request-timeout", "500ms") as watch:
            _wait_flows(folder, 40)
            proxy.freeze()
            watch.wait_for("the server is silent, and does not answer", "err")
            watch.wait_for("connected again", "err")
            watch.finish()
        proxy.close()
    equal(_coverage(folder)["flows"], 40)


def a_stream_without_flows_stays_open_while_the_server_answers(folder):
    with Server("--flows", _log(folder, "log", _flows(5))) as server:
        with _watch(folder, server.address, "--last", "9", "--idle-check", "200ms") as watch:
            _wait_flows(folder, 5)
            time.sleep(1.5)
            watch.finish()
    equal(_coverage(folder)["reconnects"], 0)


def what_trying_again_cannot_help_ends_the_watch(folder):
    for mode, words in (("unimplemented", "GetFlows: UNIMPLEMENTED, unknown method GetFlows"),
                        ("denied", "GetFlows: PERMISSION_DENIED, not for you")):
        with Server("--mode", mode) as server:
            result = flowcheck("watch", "--server", server.address)
            equal(result.code, 3)
            contains(result.err, words)
    with Server("--mode", "exhausted") as server:
        with _watch(folder, server.address) as watch:
            watch.wait_for("GetFlows: RESOURCE_EXHAUSTED, too many watchers", "err")
            equal(watch.process.poll(), None)
            watch.finish()


def a_message_over_the_limit_is_counted_and_the_stream_goes_on_behind_it(folder):
    log = _log(folder, "log", _flows(20))
    with Server("--flows", log, "--mode", "broken-once", "--from-start") as server:
        with _watch(folder, server.address, "--last", "99") as watch:
            watch.wait_for("RESOURCE_EXHAUSTED", "err")
            time.sleep(2)
            watch.finish()
    found = _coverage(folder)
    equal((found["flows"], found["lost_here"]), (20, 1))


def messages_that_are_no_flows_are_told_and_the_others_read(folder):
    with Server("--flows", _log(folder, "log", _flows(20)), "--mode", "garbage") as server:
        with _watch(folder, server.address, "--last", "99") as watch:
            found = _wait_flows(folder, 21)
            equal(watch.finish(), 3)
    equal((found["flows"], found["lost_here"]), (21, 2))


def lost_events_are_counted_by_node_with_their_time(folder):
    lost = [json.dumps({"lost_events": {"source": source, "num_events_lost": "7", **more},
                        "node_name": node, "time": "2026-09-01T10:00:05Z"})
            for source, node, more in (("PERF_EVENT_RING_BUFFER", "node-1", {"cpu": 3}),
                                       ("OBSERVER_EVENTS_QUEUE", "node-1", {}),
                                       ("HUBBLE_RING_BUFFER", "node-2", {"first": "2026-09-01T10:00:04Z"}))]
    status = json.dumps({"node_status": {"state_change": "NODE_UNAVAILABLE", "node_names": ["node-9"]},
                         "node_name": "relay", "time": "2026-09-01T10:00:06Z"})
    with Server("--flows", _log(folder, "log", _flows(10) + lost + [status])) as server:
        with _watch(folder, server.address, "--last", "99") as watch:
            _wait_flows(folder, 10)
            watch.finish()
    found = _coverage(folder)
    equal((found["lost"], found["lost_reports"]), (21, 3))
    nodes = {node["name"]: node for node in found["nodes"]}
    equal((nodes["node-1"]["lost"], nodes["node-2"]["lost"]), (14, 7))
    equal(nodes["node-1"]["lost_last"], "2026-09-01T10:00:05Z")
    equal((nodes["node-9"]["state"], nodes["node-9"]["state_since"], nodes["node-9"]["outages"]),
          ("unavailable", "2026-09-01T10:00:06Z", 1))


def a_signal_ends_it_with_a_report_and_findings_are_the_exit_code(folder):
    policy = write(folder, "deny.yaml", DENY)
    with Server("--flows", _log(folder, "log", _flows(10))) as server:
        with Running("watch", "--server", server.address, "--last", "99", "-f", policy) as watch:
            watch.wait_for("escaped", count=10)
            equal(watch.finish(signal.SIGTERM), 1)
    contains(watch.out, "high     escaped-east-west (FC102)  10 flows")
    contains(watch.out, "lost by the server: 0, lost here: 0")
    equal(len([line for line in watch.out.splitlines() if " -> b/server:443 TCP" in line]), 10)


def rows_are_streamed_and_reports_stay_apart_from_them(folder):
    with Server("--flows", _log(folder, "log", _flows(10))) as server:
        with _watch(folder, server.address, "--last", "99", out="jsonl") as watch:
            watch.wait_for('"uuid":"u-9"')
            watch.wait_for("seen\n", "err", count=2)
            watch.finish()
    equal(len(_rows(watch.out)), 10)


def policies_are_read_again_when_they_change_and_on_a_signal(folder):
    policy = write(folder, "p.yaml", DENY.replace("namespace: a", "namespace: other"))
    socket = "unix:" + folder + "/hubble.sock"
    with Running("watch", "--server", socket, "--last", "9999", "-f", policy) as watch:
        with Server("--flows", _log(folder, "early", _flows(5)), listen=socket) as server:
            watch.wait_for("unprotected", count=5)
            write(folder, "p.yaml", DENY)
            watch.wait_for("read 1 policies anew", "err")
            write(folder, "p.yaml", "kind: [")
            watch.wait_for("stay in force", "err")
            server.kill()
        with Server("--flows", _log(folder, "late", _flows(5, first=50)), listen=socket):
            watch.wait_for("escaped", count=5)
            write(folder, "p.yaml", DENY)
            watch.send(signal.SIGHUP)
            watch.wait_for("read 1 policies anew", "err", count=2)
            watch.finish()


_INTENT = """apiVersion: libflow.dev/v1alpha1
kind: FlowIntent
metadata: {name: live}
spec:
  eastWest: {default: %s}
"""


def an_intent_is_asked_and_read_again_when_it_changes(folder):
    intent = write(folder, "intent.yaml", _INTENT % "policies")
    socket = "unix:" + folder + "/hubble.sock"
    with _watch(folder, socket, "--last", "9999", "--intent", intent) as watch:
        with Server("--flows", _log(folder, "early", _flows(5)), listen=socket) as server:
            _wait_flows(folder, 5)
            write(folder, "intent.yaml", _INTENT % "deny")
            watch.wait_for("policies anew", "err")
            write(folder, "intent.yaml", _INTENT % "no")
            watch.wait_for("stay in force", "err")
            server.kill()
        with Server("--flows", _log(folder, "late", _flows(7, first=50)), listen=socket):
            _wait_flows(folder, 12)
            watch.finish()
    with open(os.path.join(folder, "report.json"), encoding="utf-8") as file:
        report = json.load(file)
    equal([(f["id"], f["count"]) for f in report["findings"] if f["id"] == "FC211"], [("FC211", 7)])
    equal(report["intent"]["flows"]["unapproved"], 7)


def a_reader_of_the_report_finds_it_whole(folder):
    path = os.path.join(folder, "report.json")
    with Server("--flows", _log(folder, "log", _flows(3000))) as server:
        with Running("watch", "--server", server.address, "-o", "json=" + path, "--interval", "1ms",
                     "--last", "9999") as watch:
            _wait_flows(folder, 3000)
            end = time.monotonic() + 2
            while time.monotonic() < end:
                with open(path, encoding="utf-8") as file:
                    json.load(file)
            watch.finish()
    equal(sorted(os.listdir(folder)), ["log", "report.json"])


def metrics_are_served(folder):
    with Server("--flows", _log(folder, "log", _flows(10))) as server:
        with _watch(folder, server.address, "--last", "99", "--metrics-listen", "127.0.0.1:0") as watch:
            watch.wait_for("metrics on port ", "err")
            port = int(watch.err.split("metrics on port ")[1].split(",")[0])
            _wait_flows(folder, 10)
            with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % port, timeout=10) as answer:
                kind, text = answer.headers["Content-Type"], answer.read().decode()
            watch.finish()
    contains(kind, "application/openmetrics-text")
    contains(text, 'libflow_flows_total{result="undecided"} 10\n')
    contains(text, "libflow_reconnects_total 0\n")
    equal(text.endswith("# EOF\n"), True)


def the_server_says_what_it_is(folder):
    del folder
    with Server("--nodes", "3") as server:
        result = flowcheck("watch", "--status", "--server", server.address)
    contains(result.out, "version 1.19.1, up 7 s")
    contains(result.out, "3 nodes connected")
    contains(result.out, "node node-2: connected, 192.0.2.2:4244")
    with Server() as server:
        equal(flowcheck("watch", "--status", "--server", server.address).code, 0)


def a_recording_is_an_archive_that_others_read_too(folder):
    out = os.path.join(folder, "flows.pb.zst")
    log = _log(folder, "log", _flows(3000))
    with Server("--flows", log) as server:
        with Running("record", "--server", server.address, "--last", "9999", "-o", out,
                     "--frame-interval", "200ms") as record:
            end = time.monotonic() + 30
            while not (os.path.exists(out) and os.path.getsize(out)) and time.monotonic() < end:
                time.sleep(0.05)
            time.sleep(0.5)
            equal(record.finish(), 0)
    contains(record.err, "3000 flows seen, 0 events lost by the server")
    equal(_rows(flowcheck("check", "-o", "jsonl", out).out), _rows(flowcheck("check", "-o", "jsonl", log).out))
    plain = os.path.join(folder, "plain")
    with open(plain, "wb") as file:
        subprocess.run(["zstd", "-dc", out], stdout=file, check=True)
    equal(_rows(flowcheck("check", "-o", "jsonl", plain).out), _rows(flowcheck("check", "-o", "jsonl", log).out))


def a_recorder_that_is_killed_leaves_every_whole_frame(folder):
    out = os.path.join(folder, "flows.pb.zst")
    with Server("--flows", _log(folder, "log", _flows(2000))) as server:
        with Running("record", "--server", server.address, "--last", "9999", "-o", out,
                     "--frame-interval", "100ms") as record:
            end = time.monotonic() + 30
            while not (os.path.exists(out) and os.path.getsize(out)) and time.monotonic() < end:
                time.sleep(0.05)
            time.sleep(1)
            record.process.kill()
            record.process.wait()
    result = flowcheck("check", "-o", "json", out)
    equal((result.code, result.json()["coverage"]["flows"]), (4, 2000))
    # another recording does not write over it
    with Server("--flows", _log(folder, "log2", _flows(10))) as server:
        equal(flowcheck("record", "--no-follow", "--server", server.address, "-o", out).code, 0)
    files = glob.glob(os.path.join(folder, "flows*.pb.zst"))
    equal(len(files), 2)
    equal(flowcheck("check", "-o", "json", *files).json()["coverage"]["flows"], 2010)


def a_disk_that_is_full_costs_the_open_frame_alone(folder):
    out = os.path.join(folder, "flows.json")
    limit = 200000
    log = _log(folder, "log", _flows(2000))

    def small():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    done = subprocess.run([FLOWCHECK, "record", "-o", "protobuf=" + out, log], preexec_fn=small,
                          capture_output=True, check=False)
    equal(done.returncode, 3)
    contains(done.stderr.decode(), "File too large")
    result = flowcheck("check", "-o", "json", out)
    assert 0 < result.json()["coverage"]["flows"] < 2000
    equal(result.json()["coverage"]["damaged"], 0)


def a_recording_is_rotated_by_size_and_age(folder):
    out = os.path.join(folder, "flows.pb.zst")
    log = _log(folder, "log", _flows(4000))
    equal(flowcheck("record", "-o", out, "--rotate-size", "1", "--level", "1", log).code, 0)
    files = glob.glob(os.path.join(folder, "flows*.pb.zst"))
    assert len(files) > 1, files
    equal(flowcheck("check", "-o", "json", *files).json()["coverage"]["flows"], 4000)


def frames_that_a_filter_leaves_out_are_passed_over(folder):
    out = os.path.join(folder, "flows.pb.zst")
    lines = _flows(6000)
    log = _log(folder, "log", lines)
    equal(flowcheck("convert", "-o", "archive=" + out, log).code, 0)
    for options in (("--since", "2026-09-01T10:00:05.900Z"), ("--until", "2026-09-01T10:00:00.099Z"),
                    ("--namespace", "nowhere"), ("--namespace", "a")):
        reference = _rows(flowcheck("check", "-o", "jsonl", *options, log).out)
        equal(_rows(flowcheck("check", "-o", "jsonl", *options, out).out), reference)
        own = flowcheck("check", "-o", "json", *options, out).json()["inputs"][0]
        equal((options, own["skipped"] > 0), (options, options[1] != "a"))
        equal(own["records"] + own["skipped"], 6000)
    # numbers of records stay those of the whole archive
    row = json.loads(flowcheck("check", "-o", "jsonl", "--since", "2026-09-01T10:00:05.999Z", out).out)
    equal(row["record"]["number"], 6000)


def the_example_programs_do_what_they_say(folder):
    build = os.environ.get("BUILD_ROOT", os.path.dirname(FLOWCHECK))
    program = lambda name, *args, stdin=b"": subprocess.run(
        [os.path.join(build, "example_" + name), *args], input=stdin, capture_output=True, timeout=60,
        check=False)
    log = _log(folder, "log", _flows(3000))
    with Server("--flows", log) as server:
        done = program("live", server.address, "7")
        equal((done.returncode, len(done.stdout.splitlines())), (0, 7))
        contains(done.stderr.decode(), "1 connections, 0 gaps")
    archive = os.path.join(folder, "archive")
    with open(log, "rb") as file:
        equal(program("push", archive, stdin=file.read()).returncode, 0)
    done = program("archive", archive, "2026-09-01T10:00:02.900Z")
    contains(done.stdout.decode(), "100 flows since 2026-09-01T10:00:02.900Z")
    assert b" 0 records passed over" not in done.stdout, done.stdout
    import packets  # pylint: disable=import-outside-toplevel
    frames = packets.handshake("10.0.0.1", "10.0.0.2", 40000, 443, data=[packets.client_hello("a.example")])
    answer = packets.ethernet(packets.ip("10.0.0.2", "10.0.0.1", 17, packets.udp(
        53, 5000, packets.dns_answer("b.example", ["192.0.2.7"]))))
    done = program("capture", write(folder, "c.pcap", packets.pcap([(0, answer)] + frames)))
    equal(done.returncode, 0)
    contains(done.stdout.decode(), "192.0.2.7 is b.example.")
    contains(done.stdout.decode(), "10.0.0.1:40000 -> 10.0.0.2:443 TCP, answered")
    contains(done.stdout.decode(), "TLS to a.example")


def memory_stays_bounded_under_load_and_every_flow_is_accounted_for(folder):
    log = _log(folder, "log", _flows(2000))
    with Server("--flows", log, "--repeat", "50") as server:
        with Running("watch", "--server", server.address, "--last", "9999", "--no-follow", "--quiet") as watch:
            watch.process.wait(timeout=120)
            watch.finish(None)
    contains(watch.out, "100,000 records, 0 damaged, 0 events lost")


if __name__ == "__main__":
    run(sys.modules[__name__])
