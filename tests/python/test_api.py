# SPDX-License-Identifier: Apache-2.0
"""The package as a user meets it, without any optional one."""
import datetime
import os
import pathlib
import pickle
import subprocess
import sys

import here
from here import ASKED, DECLARED, EXAMPLE, FLOWS, fails, flowcheck, report_of
from tap import WORLD, contains, equal, flow, pod, run, write

import libflow

POLICY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: %s, namespace: a}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
  - ports: [{port: %d}]
"""

DENIES = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: denies, namespace: a}
spec: {endpointSelector: {}, egressDeny: [{toEntities: [all]}]}
"""


def the_report_is_flowchecks_byte_for_byte(_):
    report = libflow.check(FLOWS, **DECLARED)
    equal(report.to_json(), report_of(FLOWS))
    text = flowcheck("check", *ASKED, "-o", "text", "--limit", "0", FLOWS)
    equal(report.to_text(), text.out)
    equal(report.exit_code(), text.code)
    equal(report.exit_code(fail_on="critical"), 0)
    equal(report.summary()["flows"], sum(report.raw["results"].values()))
    equal(report.summary()["findings"], {"high": 8, "medium": 1, "low": 4, "info": 5})


def threads_and_paths_change_nothing(_):
    report = libflow.check([pathlib.Path(FLOWS)], policies=pathlib.Path(DECLARED["policies"]),
                           snapshot=[pathlib.Path(DECLARED["snapshot"])],
                           intent=pathlib.Path(DECLARED["intent"]), threads=2)
    equal(report.to_json(), report_of(FLOWS))


def findings_are_picked_by_rule_and_severity(_):
    report = libflow.check(FLOWS, **DECLARED)
    every = report.findings()
    equal(len(every), len(report.raw["findings"]))
    high = report.findings(severity="high")
    equal({finding.severity for finding in high}, {"high"})
    one = report.findings(rule="FC101")
    equal({finding.rule for finding in one}, {"FC101"})
    contains(one[0].explanation, "denied by default")
    equal(report.coverage["lost"], 37)
    assert report.controls and report.approvals and report.inputs
    fails(libflow.ArgumentError, report.findings, severity="loud")


def flows_are_read_as_jsonl_has_them(_):
    rows = flowcheck("check", *ASKED, "-o", "jsonl", FLOWS).rows()
    flows = list(libflow.check(FLOWS, **DECLARED).flows())
    equal(len(flows), len(rows))
    for found, row in zip(flows, rows):
        equal(found.uuid, row["uuid"])
        equal(found.result, row["result"])
        equal(found.expected, row["expected"])
        equal(found.observed, row["observed"])
        equal(found.intent, row["intent"])
        equal(list(found.findings), row["findings"])
        equal(list(found.undecided), row["undecided"])
        equal(found.source_ip, row["source"]["ip"])
        equal(found.source.pod, row["source"].get("pod"))
        equal(found.destination.pod, row["destination"].get("pod"))
        equal(found.policy.name if found.policy else None, row["policy"] and row["policy"]["name"])
        equal(found.rule, row["policy"] and row["policy"]["rule"])


def reading_judges_nothing_and_can_be_done_again(_):
    stream = libflow.read(FLOWS)
    first = next(iter(stream))
    equal(first.result, None)
    equal(first.time, datetime.datetime(2026, 9, 14, 10, 0, 0, 982220, datetime.timezone.utc))
    equal(first.time_ns % 1000, 232)
    equal(len(list(stream)), 4664)
    equal(len(list(stream)), 4664)
    with libflow.read(FLOWS, batch_rows=1000) as again:
        sizes = [len(batch) for batch in again.batches()]
    equal(sum(sizes), 4664)
    assert len(sizes) > 3, sizes


def filters_and_times_are_hubbles(folder):
    dropped = list(libflow.read(FLOWS, filter={"verdict": "DROPPED"}))
    assert dropped and {found.verdict for found in dropped} == {"DROPPED"}
    two = list(libflow.read(FLOWS, filter={"from_pod": ["project-asthma/notebook-0", "shared/"]}))
    assert 0 < len(two) < 4664
    noon = datetime.datetime(2026, 9, 14, 10, 10, tzinfo=datetime.timezone.utc)
    late = list(libflow.read(FLOWS, since=noon))
    assert late and min(found.time for found in late) >= noon
    early = list(libflow.read(FLOWS, until="2026-09-14T10:10:00Z"))
    equal(len(early) + len(late), 4664)
    fails(libflow.ArgumentError, libflow.read, FLOWS, filter={"colour": "red"})
    error = fails(libflow.ParseError, libflow.read, FLOWS, filter={"verdict": "GREEN"})
    contains(str(error), "GREEN")
    fails(libflow.ArgumentError, libflow.read, FLOWS, since=datetime.datetime(2026, 1, 1))
    report = libflow.check(FLOWS, policies=DECLARED["policies"], filter={"verdict": "DROPPED"})
    equal(report.raw["coverage"]["flows"], len(dropped))
    del folder


def patterns_are_expanded_sorted(folder):
    for name in ("b", "a", "c"):
        write(folder, name + ".jsonl", flow("uuid-" + name, pod("a", "one"), WORLD) + "\n")
    found = [one.uuid for one in libflow.read(os.path.join(folder, "*.jsonl"))]
    equal(found, ["uuid-a", "uuid-b", "uuid-c"])
    equal(len(list(libflow.read([folder, os.path.join(folder, "a.jsonl")]))), 4)
    error = fails(libflow.InputError, libflow.read, os.path.join(folder, "*.none"))
    contains(str(error), "*.none")
    odd = write(folder, "x[1].jsonl", flow("odd", pod("a", "one"), WORLD) + "\n")
    equal([one.uuid for one in libflow.read(odd)], ["odd"])


def every_cause_has_its_class_and_its_place(folder):
    missing = os.path.join(folder, "missing")
    for call in (lambda: list(libflow.read(missing)), lambda: libflow.check(missing),
                 lambda: next(libflow.read(missing).batches())):
        error = fails(libflow.InputError, call)
        equal((error.errno, error.file), (2, missing))
        assert isinstance(error, OSError)
    bad = write(folder, "bad.yaml", "apiVersion: libflow.dev/v1alpha1\nkind: FlowIntent\nmetadata: {name: x}\n"
                                    "spec:\n  colour: red\n")
    error = fails(libflow.InvalidError, libflow.Intent.load, bad)
    equal((error.file, error.line), (bad, 5))
    assert error.column > 0 and isinstance(error, ValueError)
    contains(str(error), bad + ":5:")
    error = fails(libflow.ParseError, libflow.Intent.load, write(folder, "no.yaml", "a: [1\n"))
    assert error.line
    error = fails(libflow.TruncatedError, libflow.merge, [b'{"schema":"libflow.dev/state/v1","version":"0.1.0",'
                                                          b'"unreadable":false,"aggregated":0}\n'])
    contains(error.message, "expected the end of a partial state")
    fails(libflow.Error, libflow.merge, [b"nonsense"])
    fails(libflow.ArgumentError, libflow.merge, [])
    fails(libflow.ArgumentError, libflow.PolicySet.load, DECLARED["policies"], engine="cilium-9")
    again = pickle.loads(pickle.dumps(error))
    equal((type(again), str(again)), (type(error), str(error)))


def what_is_wrong_with_an_input_has_its_class(folder):
    line = flow("u", pod("a", "one"), WORLD).encode() + b"\n"
    packed = subprocess.run(["zstd", "-qc", "--check"], input=line * 5000, capture_output=True, check=True).stdout
    broken = packed[:len(packed) // 2] + bytes([packed[len(packed) // 2] ^ 0xff]) + packed[len(packed) // 2 + 1:]
    for name, content, kind, builtin, words in (
            ("broken.zst", broken, libflow.CorruptError, ValueError, "zstd frame is damaged"),
            ("short.jsonl", line[:-9], libflow.TruncatedError, EOFError, "found the end of the record"),
            ("short.zst", packed[:-30], libflow.TruncatedError, EOFError, "zstd"),
            ("deep.jsonl", b'{"flow":{"x":' + b"[" * 600 + b"\n" + line, libflow.LimitError, ValueError, "512 open brackets"),
            ("odd.bin", b"PK\3\4" + b"\0" * 600, libflow.UnsupportedError, NotImplementedError, "does not read"),
            ("bad.jsonl", line + b'{"flow": 3}\n', libflow.ParseError, ValueError, "expected an object")):
        path = write(folder, name, content)
        stream = libflow.read(path)
        list(stream)
        found = [problem for problem in stream.problems if isinstance(problem, kind)]
        assert found, (name, stream.problems)
        equal(found[0].file, path)
        contains(found[0].message, words)
        assert isinstance(found[0], builtin) and isinstance(found[0], libflow.Error)
    equal((found[0].line, found[0].column, found[0].offset), (2, 10, len(line) + 9))


def what_is_not_there_is_told_of_an_intent(folder):
    intent = libflow.Intent.load(DECLARED["intent"])
    whole = libflow.PolicySet.load(DECLARED["policies"], snapshot=DECLARED["snapshot"], intent=intent)
    equal(intent.unmatched(whole), [])
    other = write(folder, "pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: one, namespace: elsewhere}\n")
    told = intent.unmatched(libflow.PolicySet.load(snapshot=other, intent=intent))
    assert told and {type(error) for error in told} == {libflow.NotFoundError}
    assert isinstance(told[0], LookupError)
    equal(told[0].file, DECLARED["intent"])
    assert told[0].line > 0


def memory_that_is_not_there_is_an_error(folder):
    path = write(folder, "big.json", '{"apiVersion":"v1","kind":"List","items":[' + ",".join(
        '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n%d"}}' % i for i in range(400000)) + "]}")
    code = ("import libflow, resource, sys\n"
            "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
            "resource.setrlimit(resource.RLIMIT_AS, (used + (48 << 20),) * 2)\n"
            "try:\n    libflow.PolicySet.load(snapshot=sys.argv[1])\n"
            "except MemoryError as error:\n    print(type(error).__name__, error.message)\n")
    done = subprocess.run([sys.executable, "-c", code, path], cwd="/", capture_output=True, text=True, check=False)
    equal((done.stdout, done.stderr), ("OutOfMemoryError out of memory\n", ""))


def damage_is_told_and_the_rest_is_read(folder):
    lines = [flow("u%d" % i, pod("a", "one"), WORLD) for i in range(5)]
    lines[2] = lines[2][:40]
    path = write(folder, "flows.jsonl", "\n".join(lines) + "\n")
    stream = libflow.read(path)
    equal([one.uuid for one in stream], ["u0", "u1", "u3", "u4"])
    equal(len(stream.problems), 1)
    equal((stream.problems[0].file, stream.problems[0].line), (path, 3))
    stream = libflow.read(path)
    equal(sum(len(batch) for batch in stream.batches()), 4)
    equal(len(stream.problems), 1)
    report = libflow.check([path, os.path.join(folder, "missing")], policies=DECLARED["policies"])
    equal(report.exit_code(), 3)
    equal(len(report.problems), 2)


def policies_tell_what_they_are(_):
    policies = libflow.PolicySet.load(DECLARED["policies"], snapshot=DECLARED["snapshot"])
    equal(len(policies), 27)
    equal({policy.kind for policy in policies} >= {"KNP", "CNP", "CCNP"}, True)
    equal(policies.engine, "cilium-1.19")
    assert policies.inventory > 0
    empty = libflow.PolicySet.load()
    equal(len(empty), 0)
    assert empty


def notes_and_settings_come_through(folder):
    bad = write(folder, "bad.yaml", "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
                                    "metadata: {name: x, namespace: a}\nspec: {podSelector: 3}\n")
    policies = libflow.PolicySet.load(bad, settings={"enable-policy": "always"}, variables={"A": 1})
    equal(len(policies.errors), 1)
    equal(policies.errors[0].file, bad)
    assert policies.errors[0].line


def a_decision_is_what_explain_says(_):
    policies = libflow.PolicySet.load(DECLARED["policies"], snapshot=DECLARED["snapshot"])
    ends = ("project-asthma/notebook-0", "shared/keycloak")
    decision = policies.decide(*ends, 8080)
    told = flowcheck("explain", "-f", DECLARED["policies"], "--snapshot", DECLARED["snapshot"],
                     "--from", ends[0], "--to", ends[1], "--port", "8080/TCP")
    equal(decision.explain(), told.out)
    denied = policies.decide("project-asthma/notebook-0", "198.51.100.77", 443)
    equal(denied.allowed, False)
    equal((denied.egress.expected, denied.ingress.expected), ("deny_default", "not_applicable"))
    equal(denied.egress.policy.kind, "CCNP")
    assert denied.egress.file and denied.egress.line
    by_labels = policies.decide({"namespace": "project-asthma", "labels": {"app": "notebook"}},
                                {"namespace": "shared", "labels": ["app=keycloak"]}, 8080)
    equal(by_labels.allowed, True)
    equal(by_labels.egress.policy.name, "shared-services")
    outside = policies.decide({"namespace": "project-asthma", "labels": {"app": "notebook"}}, "world", 443)
    equal(outside.allowed, None)  # rules for addresses may match it or not


def a_decision_asks_the_intent_too(_):
    intent = libflow.Intent.load(DECLARED["intent"])
    policies = libflow.PolicySet.load(DECLARED["policies"], snapshot=DECLARED["snapshot"], intent=intent)
    decision = policies.decide("project-asthma/notebook-0", "198.51.100.77", 443, intent=intent)
    equal((decision.intent, decision.violations), ("unapproved", ("FC203",)))
    time = datetime.datetime(2026, 9, 14, tzinfo=datetime.timezone.utc)
    decision = policies.decide("project-asthma/notebook-0", "192.0.2.5", 443, intent=intent, time=time)
    equal((decision.intent, decision.approval), ("approved", "package-mirror"))


def an_explanation_with_an_intent_is_flowchecks(_):
    intent = libflow.Intent.load(DECLARED["intent"])
    policies = libflow.PolicySet.load(DECLARED["policies"], snapshot=DECLARED["snapshot"], intent=intent)
    told = flowcheck("explain", *ASKED, "--from", "project-asthma/notebook-0", "--to", "198.51.100.77", "--port", "443/TCP")
    equal(policies.decide("project-asthma/notebook-0", "198.51.100.77", 443, intent=intent).explain(), told.out)


def what_is_given_goes_before_the_intents_own(folder):
    intent = libflow.Intent.load(write(folder, "intent.yaml", (
        "apiVersion: libflow.dev/v1alpha1\nkind: FlowIntent\nmetadata: {name: x}\n"
        "spec:\n  engine: kubernetes\n  variables: {NAME: intents}\n")))
    path = write(folder, "policy.yaml", POLICY % ('"${NAME}"', 443))
    equal([policy.name for policy in libflow.PolicySet.load(path, intent=intent)], ["intents"])
    given = libflow.PolicySet.load(path, intent=intent, variables={"NAME": "given"}, engine="cilium-1.18")
    equal([policy.name for policy in given], ["given"])
    equal(given.engine, "cilium-1.18")
    equal(libflow.PolicySet.load(path, intent=intent).engine, "kubernetes")


def what_would_not_be_heeded_is_refused(_):
    policies = libflow.PolicySet.load(DECLARED["policies"])
    fails(libflow.ArgumentError, libflow.check, FLOWS, policies=policies, snapshot=DECLARED["snapshot"])
    fails(libflow.ArgumentError, libflow.check, FLOWS, policies=policies, engine="kubernetes")
    fails(libflow.ArgumentError, libflow.columns, "rows")


def odd_questions_are_refused(_):
    policies = libflow.PolicySet.load(DECLARED["policies"])
    for src, dst, port, proto in (("nonsense", "world", 1, "TCP"), ("a/b", "world", 70000, "TCP"),
                                  ("a/b", {"colour": 1}, 1, "TCP"), ("a/b", {}, 1, "TCP"),
                                  ("a/b", {"ip": "1.2.3"}, 1, "TCP"), ("a/b", "world", 1, "SMTP"),
                                  ("a/b", {"entity": "moon"}, 1, "TCP"), ("a/b", "world", 300, "ICMPv4")):
        fails(libflow.ArgumentError, policies.decide, src, dst, port, proto)


def a_difference_tells_which_flows_change(folder):
    before = libflow.PolicySet.load(write(folder, "before.yaml", POLICY % ("egress", 443)))
    after = libflow.PolicySet.load(write(folder, "after.yaml", POLICY % ("egress", 53)))
    lines = [flow("u%d" % i, pod("a", "one", local=True), WORLD) for i in range(3)]
    path = write(folder, "flows.jsonl", "\n".join(lines) + "\n")
    changes = before.diff(after).on(path)
    equal([(c.source, c.port, c.before, c.after, c.count) for c in changes],
          [("a/one", 443, "permitted", "escaped", 3)])
    equal(changes.flows, 3)
    assert not before.diff(before).on(path)
    equal(changes.problems, [])
    missing = os.path.join(folder, "missing")
    equal([problem.file for problem in before.diff(after).on([path, missing]).problems], [missing])
    # denied in another way is denied: no result changes
    denies = libflow.PolicySet.load(write(folder, "denies.yaml", DENIES))
    equal(list(denies.decide("a/one", "192.0.2.1", 443).egress[:1]), ["deny_explicit"])
    equal(list(after.decide("a/one", "192.0.2.1", 443).egress[:1]), ["deny_default"])
    assert not after.diff(denies).on(path)
    back = after.diff(before).on(path)
    equal([(c.before, c.after) for c in back], [("escaped", "permitted")])


def what_is_sent_as_bytes_is_the_same(_):
    intent = libflow.Intent.load(DECLARED["intent"])
    policies = libflow.PolicySet.load(DECLARED["policies"], snapshot=DECLARED["snapshot"], intent=intent)
    sent = pickle.loads(pickle.dumps((policies, intent)))
    equal([tuple(policy) for policy in sent[0]], [tuple(policy) for policy in policies])
    equal(sent[1].approvals, intent.approvals)
    equal(libflow.check(FLOWS, policies=sent[0], intent=sent[1]).to_json(), report_of(FLOWS))
    equal(sent[0].to_bytes(), policies.to_bytes())
    fails(libflow.Error, libflow.PolicySet.from_bytes, b"{}")
    fails(libflow.Error, libflow.PolicySet.from_bytes, policies.to_bytes()[:-20])
    fails(libflow.Error, libflow.Intent.from_bytes, libflow.PolicySet.load().to_bytes())


def states_merge_to_the_same_report(folder):
    report = libflow.check(FLOWS, **DECLARED, state=True)
    equal(libflow.merge([report.state()]).to_json(), report_of(FLOWS))
    path = write(folder, "one.state", report.state())
    merged = libflow.merge([path], state=True)
    equal(merged.to_json(), report_of(FLOWS))
    equal(libflow.merge([merged.state()]).to_json(), report_of(FLOWS))
    fails(libflow.ArgumentError, libflow.check(FLOWS, **DECLARED).state)
    fails(libflow.ArgumentError, merged.flows)


def hostile_names_are_escaped_in_notebooks(folder):
    evil = pod("a", "<script>alert(1)</script>")
    path = write(folder, "flows.jsonl", flow("u", evil, WORLD) + "\n")
    policies = libflow.PolicySet.load(write(folder, "p.yaml", POLICY % ("x", 53)))
    report = libflow.check(path, policies=policies)
    for shown in (report._repr_html_(), report.flows()._repr_html_(), report.findings()._repr_html_(),
                  policies._repr_html_(), policies.decide("a/<b>", "world", 1)._repr_html_()):
        assert "<script>" not in shown and "<b>" not in shown
        contains(shown, "<table")


def columns_are_told_once(_):
    names = [column.name for column in libflow.columns("results")]
    equal(len(names), len(set(names)))
    equal([column.name for column in libflow.columns("flows")], names[:len(libflow.columns("flows"))])
    with open(os.path.join(here.ROOT, "tools", "man", "flowcheck-arrow.5"), encoding="utf-8") as file:
        page = file.read()
    told = set(libflow.columns("flows"))
    for table in ("flows", "results", "findings", "decisions"):
        section = page.split(".Sh TABLE " + table + "\n")[1].split(".El")[0]
        for column in libflow.columns(table):
            if table == "results" and column in told:
                continue
            about = ".It Li %s\n%s%s%s.\n%s.\n" % (
                column.name, column.type, " [%s]" % column.unit if column.unit else "",
                ", ECS " + column.ecs if column.ecs else "", column.summary)
            assert about in section, "the manual page does not say: " + about


def annotations_hold_in_strict_mode(folder):
    here.need("mypy")
    use = write(folder, "use.py", "import libflow\n"
                "answer: bool | None = libflow.PolicySet.load('p').decide('a/b', 'world', 443).allowed\n"
                "changes: libflow.Changes = libflow.PolicySet.load('p').diff(libflow.PolicySet.load()).on('x')\n"
                "wrong: int = libflow.PolicySet.load('p').decide('a/b', 'world').explain()\n")
    options = ["--strict", "--no-error-summary", "--cache-dir", os.path.join(folder, "cache"), "--config-file",
               os.path.join(here.ROOT, "bindings", "python", "pyproject.toml")]
    whole = subprocess.run([sys.executable, "-m", "mypy", *options, "-p", "libflow"], cwd=folder,
                           capture_output=True, text=True, check=False)
    equal(whole.stdout + whole.stderr, "")
    done = subprocess.run([sys.executable, "-m", "mypy", *options, use], capture_output=True, text=True, check=False)
    contains(done.stdout, 'use.py:4: error: Incompatible types in assignment (expression has type "str"')
    equal(len(done.stdout.splitlines()), 1)


def the_package_needs_nothing_but_cffi(_):
    code = ("import sys, libflow; sys.exit(any(name in sys.modules for name in "
            "('numpy', 'pyarrow', 'pandas', 'polars', 'duckdb')))")
    # not where the build folder's libflow.so could be taken for it
    equal(subprocess.run([sys.executable, "-c", code], cwd="/", check=False).returncode, 0)
    contains(flowcheck("--version").out, libflow.__version__)


if __name__ == "__main__":
    run(sys.modules[__name__])
