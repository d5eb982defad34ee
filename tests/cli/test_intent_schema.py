#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema of intents says what the code says, as far as a schema can."""
import glob
import json
import os
import re
import sys

from tap import ROOT, Skip, flowcheck, run, write

try:
    import jsonschema
    import yaml
except ImportError as reason:
    jsonschema = yaml = None
    _MISSING = str(reason)

_INTENTS = os.path.join(ROOT, "examples", "intents")
_PAGE = os.path.join(ROOT, "tools", "man", "flowcheck-intent.5")
_GROUPS = """{"security_groups": [{"id": "sg-1", "name": "nodes", "security_group_rules": [
  {"direction": "egress", "ethertype": "IPv4"}]}]}
"""

# Every field there is, most of them once.
_FULL = """apiVersion: libflow.dev/v1alpha1
kind: FlowIntent
metadata: {name: full, labels: {a: b}, annotations: {c: [d]}}
spec:
  engine: cilium-1.20
  variables: {SITE: harbour, PORT: 443, ON: true}
  cluster:
    name: "${SITE}"
    cidrs: {pods: [10.42.0.0/16, "fd00:42::/56"], services: 10.43.0.0/16, nodes: [192.0.2.0/26]}
  phases:
  - {name: build, from: 2026-08-01, until: 2026-08-31}
  - {name: use, from: 2026-09-01T06:00:00+02:00}
  zones:
  - {name: tre, clusters: ["${SITE}"]}
  - {name: storage, cidrs: [198.51.100.0/24, 198.51.101.7]}
  zonePairs:
  - from: tre
    to: storage
    ports: [2049/TCP]
    source: {entities: [host, remote-node]}
    destination: {cidrs: 198.51.100.9}
    purpose: project shares
    phases: [use]
  gateways:
  - name: door
    namespace: edge
    namespaceLabels: {tier: edge}
    labels: {app: gateway, example.org/part: door}
    entities: ingress
    identities: [8]
    cidrs: 192.0.2.80
    zone: tre
    ports: [443, 8000-8010/TCP, ANY/UDP, ICMP]
    clients: {cidrs: [203.0.113.0/24]}
    purpose: the only way in
    phases: [build, use]
  egress:
    default: deny
    phases: [build, use]
    approved:
    - id: licences
      purpose: licence server
      from: {namespace: ["project-*"], labels: {app: desktop}}
      to: {fqdns: ["*.licences.example.org", "**.example.net"], cidrs: [203.0.113.0/28],
           ips: [203.0.113.20, "2001:db8::1"]}
      ports: [1947/TCP, 27000-27010/TCP]
      owner: research computing
      reason: asks for a licence when it starts
      mitigation: these ports alone
      approvedBy: information governance
      approvedOn: 2026-08-20
      validFrom: 2026-09-01T00:00:00Z
      expires: 2027-08-31
      reference: "4711"
      byteBudget: 500MiB
      phases: use
  eastWest:
    default: deny
    phases: use
    projects:
      isolate: true
      namespaceLabel: example.org/project
      namespacePattern: ["project-*", study-*]
      podLabel: project
      cidrs: [{name: legacy, cidrs: [10.99.0.0/24]}]
      shared: [monitoring, {namespace: kube-system, labels: {k8s-app: kube-dns}, ports: 53}]
    allowed:
    - {name: metrics, from: {namespace: monitoring}, to: {entities: cluster}, ports: 9100/TCP,
       purpose: metrics, phases: use}
    internal:
    - {name: administration, to: {namespace: edge}, ports: 443/TCP, paths: [/admin/*], phases: use}
  controlPlane:
    allowed:
    - {name: operators, namespaceLabels: {role: operator}, ports: 6443/TCP, purpose: p, phases: use}
    endpoints:
    - {name: admission, namespace: admission, ports: 8443/TCP, phases: use}
    phases: use
  dns:
    resolvers:
    - {name: dns, namespace: kube-system, labels: {k8s-app: kube-dns}, ports: 53, purpose: p,
       phases: use}
    phases: use
  layers:
  - name: cloud
    type: openstack-security-groups
    file: security-groups.json
    variables: {storage addresses: 198.51.100.0/24, nobody: ""}
    members: [{group: nodes, cidrs: [192.0.2.0/26]}]
    phases: [use]
  coverage: {minimum: 0.99, nodes: [node-1, harbour/node-2], silence: 10m}
"""


def _loader():
    """Keeps dates as the texts they are."""
    class Loader(yaml.SafeLoader):  # pylint: disable=too-many-ancestors
        pass

    Loader.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()}
    return Loader


def _schema():
    if jsonschema is None:
        raise Skip(_MISSING)
    with open(os.path.join(_INTENTS, "flowintent.schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def _complaints(schema, text):
    return ["%s: %s" % (error.json_path, error.message[:300])
            for error in schema.iter_errors(yaml.load(text, Loader=_loader()))]


def _takes(folder, text):
    """Whether the code loads a document, and what it says of it."""
    done = flowcheck("approvals", "list", write(folder, "intent.yaml", text))
    assert done.code in (0, 2), done.err
    return done.code == 0, done.err


def _spec(text):
    return "apiVersion: libflow.dev/v1alpha1\nkind: FlowIntent\nmetadata: {name: x}\nspec:\n" + text


def _both(folder, schema, text, good):
    complaints = _complaints(schema, text)
    loads, err = _takes(folder, text)
    assert loads == good, "expected the code to %s\n%s\n%s" % (
        "take" if good else "refuse", text, err)
    assert (not complaints) == good, "expected the schema to %s\n%s\n%s" % (
        "take" if good else "refuse", text, complaints)


def every_example_validates_and_loads(folder):
    schema = _schema()
    for path in sorted(glob.glob(os.path.join(_INTENTS, "*.yaml"))):
        with open(path, encoding="utf-8") as file:
            complaints = _complaints(schema, file.read())
        assert not complaints, "%s: %s" % (path, complaints)
        done = flowcheck("approvals", "list", path)
        assert done.code == 0, done.err
    del folder


def the_example_of_the_man_page_validates_and_loads(folder):
    schema = _schema()
    with open(_PAGE, encoding="utf-8") as file:
        examples = file.read().split("\n.Sh EXAMPLES\n", 1)[1]
    text = re.search(r"^\.Bd[^\n]*\n(.*?)^\.Ed$", examples, re.S | re.M).group(1)
    write(folder, "security-groups.json", _GROUPS)
    _both(folder, schema, text.replace("\\e", "\\").replace("\\&", ""), True)


def the_example_of_the_readme_validates_and_loads(folder):
    schema = _schema()
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        text = re.search(r"^```yaml\n(.*?)^```$", file.read(), re.S | re.M).group(1)
    _both(folder, schema, text, True)


def a_document_with_every_field_validates_and_loads(folder):
    schema = _schema()
    write(folder, "security-groups.json", _GROUPS)
    _both(folder, schema, _FULL, True)


def the_full_document_has_every_field_of_the_schema(_):
    schema = _schema().schema
    names = set(re.findall(r"(\w+):\s", _FULL))

    def fields(part):
        if isinstance(part, dict):
            for key, value in part.items():
                if key == "properties":
                    yield from value
                yield from fields(value)
        elif isinstance(part, list):
            for value in part:
                yield from fields(value)

    assert not set(fields(schema)) - names, set(fields(schema)) - names


def a_document_that_is_wrong_in_one_place_is_refused_by_both(folder):
    schema = _schema()
    write(folder, "security-groups.json", _GROUPS)
    for old, new in (
            ("libflow.dev/v1alpha1", "libflow.dev/v1"), ("kind: FlowIntent", "kind: Intent"),
            ("kind: FlowIntent\n", ""), ("{name: full, ", "{"), ("name: full,", "name: 7,"),
            ("annotations:", "annotation:"), ("spec:", "specs:"),
            ("engine: cilium-1.20", "engine: cilium-1.2"), ("ON: true", "ON: "),
            ("ON: true", "ON: [true]"), ("services: 10.43.0.0/16", "service: 10.43.0.0/16"),
            ("pods: [10.42.0.0/16", "pods: [10.42.0.0/33"), ("10.43.0.0/16", "10.43.0/16"),
            ("fd00:42::/56", "fd00:42:::/56"), ("fd00:42::/56", "fd00:42::/129"),
            ("from: 2026-08-01, until: 2026-08-31", "since: 2026-08-01"),
            ("from: 2026-08-01, until: 2026-08-31", "from: "),
            ("- {name: build, from", "- {from"), ("{name: tre, clusters: [\"${SITE}\"]}", "{name: tre}"),
            ("clusters: [\"${SITE}\"]", "clusters: []"), ("    to: storage\n", ""),
            ("source: {entities: [host, remote-node]}", "source: {}"),
            ("source: {entities: [host, remote-node]}", "source: {entities: []}"),
            ("source: {entities: [host, remote-node]}", "source: {entities: host, ports: 443}"),
            ("[host, remote-node]", "[host, all]"), ("- name: door\n", "- title: door\n"),
            ("namespace: edge\n", "namespace: Edge\n"), ("labels: {app: gateway,", "labels: {app: 7,"),
            ("labels: {app: gateway,", "labels: {app gate: way,"),
            ("labels: {app: gateway,", "labels: {app: -way,"),
            ("namespaceLabels: {tier: edge}", "namespaceLabels: {}"),
            ("identities: [8]", "identities: [\"8\"]"), ("identities: [8]", "identities: [0]"),
            ("identities: [8]", "identities: [4294967296]"), ("zone: tre\n", "zone: [tre]\n"),
            ("[443, 8000-8010/TCP, ANY/UDP, ICMP]", "[]"), ("ANY/UDP, ICMP]", "ANY/UDP, icmp]"),
            ("purpose: the only way in", "purpose: \"\""),
            ("purpose: the only way in", "purpose: \"{{ a }}\""),
            ("phases: [build, use]\n  egress", "phases: []\n  egress"),
            ("    default: deny\n    phases: [build, use]", "    phases: [build, use]"),
            ("    default: deny\n    phases: [build, use]", "    default: no\n    phases: use"),
            ("- id: licences\n      purpose: licence server", "- purpose: licence server"),
            ("*.licences.example.org", "*.licences example.org"),
            ("ips: [203.0.113.20,", "ips: [203.0.113.0/24,"), ("      ports: [1947", "      port: [1947"),
            ("owner: research computing", "owner: [research, computing]"),
            ("approvedOn: 2026-08-20", "approvedOn: 20 August"),
            ("reference: \"4711\"", "reference: 4711"), ("byteBudget: 500MiB", "byteBudget: 0"),
            ("byteBudget: 500MiB", "byteBudget: 1.5GB"), ("isolate: true", "isolate: \"true\""),
            ("[{name: legacy, cidrs: [10.99.0.0/24]}]", "[{name: legacy, cidrs: []}]"),
            ("[{name: legacy, cidrs: [10.99.0.0/24]}]", "[{cidrs: [10.99.0.0/24]}]"),
            ("shared: [monitoring,", "shared: [monitoring, {ports: 53},"),
            ("shared: [monitoring,", "shared: [monitoring, null,"),
            ("from: {namespace: monitoring}, to: {entities: cluster}, ports", "ports"),
            ("to: {namespace: edge}, ports: 443/TCP, paths: [/admin/*],", "ports: 443/TCP,"),
            ("{name: administration, ", "{"), ("{name: admission, namespace: admission,", "{name: admission,"),
            ("    resolvers:\n", "    resolver:\n"),
            ("type: openstack-security-groups", "type: openstack"),
            ("    file: security-groups.json\n", ""), ("nobody: \"\"", "nobody: 7"),
            ("[{group: nodes, cidrs: [192.0.2.0/26]}]", "[{group: nodes}]"),
            ("    members: [{group: nodes, cidrs: [192.0.2.0/26]}]\n", ""),
            ("minimum: 0.99", "minimum: 1.01"), ("minimum: 0.99", "minimum: \"0.99\""),
            ("silence: 10m", "silence: 600"), ("silence: 10m", "quiet: 10m"),
            ("  coverage:", "  cover: {}\n  coverage:"), ("  dns:\n", "  dns: {}\n  x:\n")):
        assert old in _FULL, old
        _both(folder, schema, _FULL.replace(old, new, 1), False)


# Where a value stands, good values and bad ones.
_VALUES = {
    "gateways: [{name: a, namespace: b, ports: [%s]}]": (
        ["443", '"443"', "443/TCP", "1", "65535", "65535/SCTP", "1-65535/UDP", "5-5/TCP", "ANY",
         "ANY/UDP", "ANY/ICMP", "ICMP", "00443"],
        ["0", "0/TCP", "65536", "70000/TCP", "-1", "443/tcp", "443/ANY", "443/ICMP", "any", "ANY/",
         "ICMPv6", "443/", "80-/TCP", "-80/TCP", "80-90-99", "http", '""', "4.5", "true", "null", "[443]",
         '"443 /TCP"']),
    "phases: [{name: a, from: %s}]": (
        ["2026-09-01", '"2026-09-01"', "2026-09-01T10:00:00Z", "2026-09-01t10:00:00z",
         "2026-09-01T10:00:00.123456789Z", "2026-09-01T10:00:00+02:00", "2026-12-31T23:59:60Z",
         "2024-02-29", "1678-01-01", "2261-12-31"],
        ["2026-13-01", "2026-00-01", "2026-04-31", "2026-02-30", "2026-9-1", "soon", "2026",
         "2026-09-01T10:00Z", "2026-09-01T10:00:00", "2026-09-01 10:00:00Z", "2026-09-01T24:00:00Z",
         "2026-09-01T10:00:00.Z", "2026-09-01T10:00:00+0200", "1677-12-31", "2262-01-01", "20260901",
         "[2026-09-01]", '""']),
    "egress: {default: deny, approved: [{id: a, to: {ips: 192.0.2.1}, byteBudget: %s}]}": (
        ["1", "1024", '"1024"', "500MiB", "10GB", "1kB", "1B", "3TiB", "007MB", "null"],
        ["0", "0GB", "-1", "500Mi", "500mb", "10 GB", "1KB", "1.5GB", "1.5", "GB", '""', "true",
         "[1]"]),
    "coverage: {silence: %s}": (
        ["30s", "5m", "1h", "2d", '"5m"', "null"],
        ["0s", "300", "5min", "5M", "1h30m", "-5m", "1.5h", "m", '""', "[5m]"]),
    "coverage: {minimum: %s}": (
        ["0", "1", "0.5", "1.0", "null"], ["-0.1", "1.1", '"1"', "all", "[1]", "true"]),
    "coverage: {nodes: %s}": (
        ["a", "[a, b]", "[]", "null"], ["7", "[7]", '[""]', "{a: b}", "[[a]]"]),
    "gateways: [{name: a, namespace: %s}]": (
        ["a", "[a, b]", '"*"', "project-*", "'*-a-*'", '"7"'],
        ["A", "a_b", "a.b", '"a?"', "a/b", "7", "[]", "null", '""', "[a, 7]", "{a: b}"]),
    "gateways: [{name: a, entities: %s}]": (
        ["host", "remote-node", "kube-apiserver", "ingress", "health", "init", "unmanaged", "world",
         "cluster", "[host, world]"],
        ["all", "none", "Host", "world-ipv4", "[]", "null", "7"]),
    "gateways: [{name: a, identities: %s}]": (
        ["1", "4294967295", "[1, 2]", "0x10"], ["0", "-1", "4294967296", '"1"', "1.5", "a", "[]"]),
    "gateways: [{name: a, cidrs: %s}]": (
        ["10.0.0.0/8", "10.0.0.1", "10.1.2.3/8", "0.0.0.0/0", '"::/0"', '"2001:db8::1"',
         '"2001:DB8::/32"', '"::ffff:192.0.2.1"', '"1:2:3:4:5:6:7:8/128"', "[10.0.0.1, '::1']"],
        ["10.0.0.0/33", "10.0.0/8", "010.0.0.1", "256.0.0.1", "10.0.0.0/08", "10.0.0.0/", "10.0.0.0/a",
         '"::/129"', '"1::2::3"', '"1:2:3:4:5:6:7"', '"fe80::1%eth0"', "localhost", "[]", "7"]),
    "gateways: [{name: a, labels: %s}]": (
        ["{a: b}", '{a: ""}', "{a: }", '{a: "7"}', "{example.org/a: b.c_d-e}"],
        ["{}", "null", "{a: 7}", "{a: yes}", "{a: -b}", '{a: "b c"}', '{"": b}', "{/a: b}", "[a]",
         "{a: [b]}", "{x/y/z: b}"]),
    "egress: {default: allow, approved: [{id: a, to: {fqdns: %s}}]}": (
        ["example.org", '"*"', '"*.example.org"', '"**.example.org"', "a*b.example.org", "EXAMPLE.ORG",
         "example.org.", "_srv.example.org", "[a, b]"],
        ["a b", "a/b", ".example.org", "a..b", "https://a", "7", "[]", "null", '""', '"a?b"']),
    "eastWest: {projects: %s}": (
        ["{podLabel: a}", "{isolate: false}", "{isolate: no}", "{cidrs: [{name: a, cidrs: 10.0.0.1}]}",
         "{namespacePattern: a-*}", "{podLabel: a, shared: []}", "null"],
        ["{}", "{namespacePattern: A_*}", "{isolate: true}", "{isolate: true, cidrs: []}", "{namespacePattern: []}",
         "{shared: [a]}", "{podLabel: a, isolate: 1}", "{podLabel: a, shared: a}",
         "{podLabel: a, shared: [{namespace: b, purpose: c}]}", "[]"]),
    "eastWest: %s": (["{}", "null", "{default: policies}", "{default: deny}", "{default: null}"],
                     ["[]", "{default: allow}", "{default: [deny]}", "deny"]),
    "egress: %s": (["null", "{default: deny}", "{default: allow, approved: []}"],
                   ["{}", "{default: null}", "{default: policies}", "[]"]),
    "dns: %s": (["null", "{resolvers: []}"], ["{}", "{resolvers: null}", "{resolvers: {}}", "[]"]),
    "%s: []": (["phases", "zones", "zonePairs", "gateways", "layers"],
               ["cluster", "egress", "eastWest", "controlPlane", "dns", "coverage", "variables"]),
    "%s: {}": (["cluster", "eastWest", "controlPlane", "coverage", "variables"],
               ["phases", "zones", "zonePairs", "gateways", "layers", "egress", "dns"]),
    "%s: null": (["engine", "cluster", "phases", "zones", "layers", "egress",
                  "eastWest", "controlPlane", "dns", "coverage", "variables"], ["metadata", "x", "gateways", "zonePairs"]),
    "engine: %s": (["cilium-1.17", "cilium-1.18", "cilium-1.19", "cilium-1.20", "kubernetes"],
                   ["cilium", "cilium-1.16", "cilium-1.21", "calico", "1.20", '""']),
}


def both_agree_on_values_at_the_edge(folder):
    schema = _schema()
    for place, (good, bad) in _VALUES.items():
        for value in good:
            _both(folder, schema, _spec("  " + place % value + "\n"), True)
        for value in bad:
            _both(folder, schema, _spec("  " + place % value + "\n"), False)


def both_take_variables_in_texts_alone(folder):
    schema = _schema()
    for place, good in (
            ("gateways: [{name: a, namespace: '%s'}]", True), ("cluster: {name: '%s'}", True),
            ("gateways: [{name: a, labels: {b: '%s'}}]", True),
            ("gateways: [{name: '%s', zone: '%s'}]\n  zones: [{name: v, clusters: v}]", True),
            ("gateways: [{name: a, namespace: b, ports: '%s'}]", False),
            ("gateways: [{name: a, identities: '%s'}]", False), ("coverage: {silence: '%s'}", False),
            ("coverage: {minimum: '%s'}", False), ("gateways: [{name: a, labels: {'%s': b}}]", False),
            ("eastWest: {default: '%s'}", False)):
        text = "  variables: {V: v}\n  " + place.replace("%s", "${V}") + "\n"
        _both(folder, schema, _spec(text), good)
    for name in ("A", "T", "N"):
        text = {"A": "zones: [{name: z, cidrs: '${A}/8'}]",
                "T": "phases: [{name: p, from: '${T}'}]",
                "N": "gateways: [{name: g, entities: '${N}'}]"}[name]
        _both(folder, schema, _spec("  variables: {A: 10.0.0.0, T: 2026-09-01, N: host}\n  %s\n" % text),
              True)
    for value in ("${}", "${a-b}", "${", "{{", "a ${V"):
        _both(folder, schema, _spec("  cluster: {name: '%s'}\n" % value), False)


def the_code_alone_refuses_what_no_schema_can(folder):
    schema = _schema()
    for text in ("  gateways: [{name: a, namespace: b, ports: 5-3/TCP}]\n",
                 "  gateways: [{name: a, zone: nowhere}]\n",
                 "  gateways: [{name: a, namespace: b, phases: never}]\n",
                 "  gateways: [{name: a, namespace: b}, {name: a, namespace: c}]\n",
                 "  gateways: [{name: '${V}', namespace: b}]\n",
                 "  zones: [{name: a, clusters: b}, {name: a, clusters: c}]\n",
                 "  phases: [{name: a, from: 2026-09-02, until: 2026-09-01}]\n",
                 "  phases: [{name: a, from: 2025-02-29}]\n",
                 "  coverage: {silence: 99999999999d}\n",
                 "  layers: [{name: a, type: azure-nsg, file: nowhere.json,"
                 " members: [{group: a, cidrs: 10.0.0.1}]}]\n",
                 "  egress: {default: deny, approved: [{id: a, to: {ips: 192.0.2.1},"
                 " validFrom: 2026-09-02, expires: 2026-09-01}]}\n"):
        complaints = _complaints(schema, _spec(text))
        assert not complaints, (text, complaints)
        loads, _ = _takes(folder, _spec(text))
        assert not loads, text


def the_schema_is_for_documents_in_json_too(folder):
    schema = _schema()
    write(folder, "security-groups.json", _GROUPS)
    document = yaml.load(_FULL, Loader=_loader())
    assert not list(schema.iter_errors(document))
    loads, err = _takes(folder, json.dumps(document))
    assert loads, err


if __name__ == "__main__":
    run(sys.modules[__name__])
