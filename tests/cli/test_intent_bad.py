# SPDX-License-Identifier: Apache-2.0
"""Bad intents: every field of a FlowIntent made wrong in turn; exit code 2 and a message with the right line."""
import json
import os
import re
import shutil
import sys

from tap import ALLOW_443, ROOT, WORLD, contains, equal, flow, flowcheck, pod, run, write

# Every field once, one a line. What a test makes wrong it finds by its path, such as spec.egress.approved.id.
FULL = """apiVersion: libflow.dev/v1alpha1
kind: FlowIntent
metadata:
  name: full
  labels:
    tier: tre
  annotations:
    note: passed over
spec:
  engine: cilium-1.19
  variables:
    DOMAIN: tre.example.org
  cluster:
    name: tre
    cidrs:
      pods: [10.42.0.0/16, "2001:db8:42::/56"]
      services: [10.43.0.0/16]
      nodes: [10.0.0.0/24]
  phases:
  - name: deployment
    from: 2026-06-01
    until: 2026-07-01T12:00:00Z
  - name: lockdown
    from: 2026-07-02
  zones:
  - name: access
    cidrs: [10.10.0.0/16]
    clusters: [fridge-access]
  - name: isolated
    cidrs: [10.20.0.0/16]
    clusters: [tre]
  zonePairs:
  - from: access
    to: isolated
    ports: [443/TCP, 27000-27010/TCP]
    source:
      cidrs: [10.10.0.7/32]
    destination:
      namespace: api
    purpose: the proxy
    phases: [lockdown]
  gateways:
  - name: ingress
    entities: [ingress]
    ports: [80/TCP, 443]
    clients:
      cidrs: [203.0.113.0/24]
    purpose: web
    phases: [deployment, lockdown]
  - name: bastion
    namespace: [access, bastion-*]
    namespaceLabels:
      zone: access
    labels:
      app: ssh
    identities: [4242]
    ports: [2222/TCP]
    clients:
      zone: access
  egress:
    default: deny
    phases: [lockdown]
    approved:
    - id: licence
      purpose: telemetry
      from:
        namespace: project-*
        labels:
          app: matlab
      to:
        fqdns: ["licence.${DOMAIN}", "*.licence.example.com", "**.licence.example.net"]
        cidrs: [198.51.100.0/28]
        ips: [198.51.100.77]
      ports: [27000/TCP, ANY/UDP, ICMP]
      owner: research-it
      reason: licence check-out
      mitigation: licence data only
      approvedBy: information-governance
      reference: RISK-1
      approvedOn: 2026-06-01
      validFrom: 2026-06-02
      expires: 2027-03-01
      byteBudget: 500MiB
      phases: [lockdown]
  eastWest:
    default: policies
    phases: [lockdown]
    projects:
      isolate: true
      namespaceLabel: tre.example.org/project
      namespacePattern: [project-*]
      podLabel: tre.example.org/project
      cidrs:
      - name: vm-project
        cidrs: [10.61.1.0/24]
      shared:
      - keycloak
      - namespace: hub
        ports: [8081/TCP]
    allowed:
    - from:
        namespace: backend
      to:
        namespace: storage
      ports: [8333/TCP]
      purpose: files
      phases: [lockdown]
    internal:
    - name: tre-api
      to:
        namespace: portal
      ports: [8080/TCP]
      paths: [/tre/api/*]
  controlPlane:
    allowed:
    - namespace: argocd
      ports: [6443/TCP]
    endpoints:
    - name: etcd
      cidrs: [10.0.0.10/32]
      ports: [2379-2380/TCP]
    phases: [lockdown]
  dns:
    resolvers:
    - namespace: kube-system
      labels:
        k8s-app: kube-dns
    phases: [lockdown]
  layers:
  - name: security-groups
    type: aws-security-groups
    file: groups.json
    variables:
      REGION: eu-west-2
    members:
    - group: project-a
      cidrs: [10.61.1.0/24]
    phases: [lockdown]
  coverage:
    minimum: 0.5
    nodes: [node-1]
    silence: 10m
"""

# Values that are wrong, by what a field holds. A list also has wrong elements.
TEXT = ["[]", "{a: b}"]
NAMES = ["{a: b}", "[[]]", "[{a: b}]"]
CIDRS = ["{a: b}", "[10.0.0.0/33]", "[10.0.0/8]", "[pods]", "[\"2001:db8::/129\"]", "[[]]"]
IPS = ["{a: b}", "[10.0.0.256]", "[host]", "[[]]"]
PORTS = ["{a: b}", "[443/TPC]", "[70000/TCP]", "[27010-27000/TCP]", "[443/]", "[https]", "[-1]", "[[]]"]
TIME = ["[]", "yesterday", "2026-13-01", "2026-02-30", "2026-09-01T25:00:00Z"]
PHASES = ["{a: b}", "[holiday]", "[[]]"]
ZONE = ["[]", "nowhere"]
MAP = ["text", "[a, b]"]
LIST = ["text", "{a: b}"]
LABELS = ["text", "[a, b]", "{a: []}"]
KINDS = {
    "apiVersion": TEXT + ["libflow.dev/v2", "v1"], "kind": TEXT + ["FlowIntents", "NetworkPolicy"],
    "metadata": MAP, "metadata.name": TEXT, "metadata.labels": None, "metadata.annotations": None,
    "spec": MAP, "spec.engine": TEXT + ["cilium-9", "calico"],
    "spec.variables": LABELS,
    "spec.cluster": MAP, "spec.cluster.name": TEXT, "spec.cluster.cidrs": MAP, "spec.cluster.cidrs.pods": CIDRS,
    "spec.cluster.cidrs.services": CIDRS, "spec.cluster.cidrs.nodes": CIDRS,
    "spec.phases": LIST, "spec.phases.name": TEXT, "spec.phases.from": TIME, "spec.phases.until": TIME,
    "spec.zones": LIST, "spec.zones.name": TEXT, "spec.zones.cidrs": CIDRS, "spec.zones.clusters": NAMES,
    "spec.zonePairs": LIST, "spec.zonePairs.from": ZONE, "spec.zonePairs.to": ZONE, "spec.zonePairs.ports": PORTS,
    "spec.zonePairs.source": MAP + ["{}"], "spec.zonePairs.source.cidrs": CIDRS,
    "spec.zonePairs.destination": MAP + ["{}"], "spec.zonePairs.destination.namespace": NAMES,
    "spec.zonePairs.purpose": TEXT, "spec.zonePairs.phases": PHASES,
    "spec.gateways": LIST, "spec.gateways.name": TEXT,
    "spec.gateways.entities": ["{a: b}", "[everyone]", "[[]]"],
    "spec.gateways.ports": PORTS, "spec.gateways.clients": MAP + ["{}"], "spec.gateways.clients.cidrs": CIDRS,
    "spec.gateways.purpose": TEXT, "spec.gateways.phases": PHASES, "spec.gateways.namespace": NAMES,
    "spec.gateways.namespaceLabels": LABELS, "spec.gateways.labels": LABELS,
    "spec.gateways.identities": ["{a: b}", "[many]", "[-1]", "[4294967296]", "[[]]"],
    "spec.gateways.clients.zone": ZONE,
    "spec.egress": MAP, "spec.egress.default": TEXT + ["drop", "policies"], "spec.egress.phases": PHASES,
    "spec.egress.approved": LIST, "spec.egress.approved.id": TEXT, "spec.egress.approved.purpose": TEXT,
    "spec.egress.approved.from": MAP + ["{}"], "spec.egress.approved.from.namespace": NAMES,
    "spec.egress.approved.from.labels": LABELS, "spec.egress.approved.to": MAP + ["{}"],
    "spec.egress.approved.to.fqdns": ["{a: b}", "[\"https://x.io/a\"]", "[\"a b.io\"]", "[\"x..io\"]", "[[]]"],
    "spec.egress.approved.to.cidrs": CIDRS, "spec.egress.approved.to.ips": IPS,
    "spec.egress.approved.ports": PORTS, "spec.egress.approved.owner": TEXT, "spec.egress.approved.reason": TEXT,
    "spec.egress.approved.mitigation": TEXT, "spec.egress.approved.approvedBy": TEXT,
    "spec.egress.approved.reference": TEXT, "spec.egress.approved.approvedOn": TIME,
    "spec.egress.approved.validFrom": TIME, "spec.egress.approved.expires": TIME,
    "spec.egress.approved.byteBudget": TEXT + ["many", "10XB", "-1", "MiB"], "spec.egress.approved.phases": PHASES,
    "spec.eastWest": MAP, "spec.eastWest.default": TEXT + ["allow"], "spec.eastWest.phases": PHASES,
    "spec.eastWest.projects": MAP, "spec.eastWest.projects.isolate": TEXT + ["perhaps", "1.5"],
    "spec.eastWest.projects.namespaceLabel": TEXT, "spec.eastWest.projects.namespacePattern": NAMES,
    "spec.eastWest.projects.podLabel": TEXT, "spec.eastWest.projects.cidrs": LIST,
    "spec.eastWest.projects.cidrs.name": TEXT, "spec.eastWest.projects.cidrs.cidrs": CIDRS,
    "spec.eastWest.projects.shared": ["{a: b}", "[[]]", "[{}]"],
    "spec.eastWest.projects.shared.namespace": NAMES, "spec.eastWest.projects.shared.ports": PORTS,
    "spec.eastWest.allowed": LIST, "spec.eastWest.allowed.from": MAP + ["{}"],
    "spec.eastWest.allowed.from.namespace": NAMES, "spec.eastWest.allowed.to": MAP + ["{}"],
    "spec.eastWest.allowed.to.namespace": NAMES, "spec.eastWest.allowed.ports": PORTS,
    "spec.eastWest.allowed.purpose": TEXT, "spec.eastWest.allowed.phases": PHASES,
    "spec.eastWest.internal": LIST, "spec.eastWest.internal.name": TEXT, "spec.eastWest.internal.to": MAP + ["{}"],
    "spec.eastWest.internal.to.namespace": NAMES, "spec.eastWest.internal.ports": PORTS,
    "spec.eastWest.internal.paths": NAMES,
    "spec.controlPlane": MAP, "spec.controlPlane.allowed": LIST, "spec.controlPlane.allowed.namespace": NAMES,
    "spec.controlPlane.allowed.ports": PORTS, "spec.controlPlane.endpoints": LIST,
    "spec.controlPlane.endpoints.name": TEXT, "spec.controlPlane.endpoints.cidrs": CIDRS,
    "spec.controlPlane.endpoints.ports": PORTS, "spec.controlPlane.phases": PHASES,
    "spec.dns": MAP, "spec.dns.resolvers": LIST, "spec.dns.resolvers.namespace": NAMES,
    "spec.dns.resolvers.labels": LABELS, "spec.dns.phases": PHASES,
    "spec.layers": LIST, "spec.layers.name": TEXT, "spec.layers.type": TEXT + ["iptables"],
    "spec.layers.file": TEXT, "spec.layers.variables": LABELS, "spec.layers.members": LIST,
    "spec.layers.members.group": TEXT, "spec.layers.members.cidrs": CIDRS, "spec.layers.phases": PHASES,
    "spec.coverage": MAP, "spec.coverage.minimum": TEXT + ["2", "-0.1", "most"], "spec.coverage.nodes": NAMES,
    "spec.coverage.silence": TEXT + ["soon", "10 parsecs", "-5m"],
}
# Maps whose keys are the operator's own: nothing in them is an unknown field.
OWN_KEYS = ("metadata.labels", "metadata.annotations", "spec.variables", "spec.gateways.namespaceLabels",
            "spec.gateways.labels", "spec.egress.approved.from.labels", "spec.dns.resolvers.labels",
            "spec.layers.variables")
REQUIRED = ["apiVersion", "kind", "spec.phases.name", "spec.zones.name", "spec.zonePairs.from",
            "spec.zonePairs.to", "spec.egress.default", "spec.egress.approved.id", "spec.egress.approved.to",
            "spec.layers.type", "spec.layers.file", "spec.layers.members.group",
            "spec.layers.members.cidrs", "spec.eastWest.projects.cidrs.cidrs"]


class _Field:
    """A line of FULL: where it is, its path without indices, and the lines that hold its value."""

    def __init__(self, number, line, path, lines):
        self.number, self.line, self.path = number, line, path
        self.column = len(re.match(r"[- ]*", line).group())      # of the key, from 0
        self.item = line.lstrip().startswith("- ")
        self.key = line[self.column:line.index(":", self.column)]
        self.end = number + 1
        while self.end < len(lines) and _inside(lines[self.end], self.column):
            self.end += 1


def _inside(line, column):
    indent = len(line) - len(line.lstrip())
    # items of a list stand at the column of its key
    return indent > column or (indent == column and line.lstrip().startswith("- "))


def _fields():
    lines, path, found = FULL.splitlines(), [], []
    for number, line in enumerate(lines):
        match = re.match(r"([- ]*)([\w.-]+):", line)
        if match is None:
            continue                                             # a plain item, such as "- keycloak"
        column = len(match.group(1))
        path = [(c, k) for c, k in path if c < column] + [(column, match.group(2))]
        found.append(_Field(number, line, ".".join(k for _, k in path), lines))
    return lines, found


def _own(field):
    return any(field.path.startswith(parent + ".") for parent in OWN_KEYS)


def _check(folder, text, *args, name="intent.yaml"):
    shutil.copy(os.path.join(ROOT, "examples", "intents", "treu-security-groups.json"),
                os.path.join(folder, "groups.json"))
    policy = write(folder, "p.yaml", ALLOW_443)
    log = write(folder, "log", flow("u", pod("a", "client", local=True), WORLD) + "\n")
    intent = text if text is None or os.path.isabs(text) else write(folder, name, text)
    return intent, flowcheck("check", "-f", policy, "--intent", intent, *args, log)


def _refused(folder, text, lines, case, name="intent.yaml"):
    """Exit code 2, and a message that names one of these lines (from 1); what is wrong otherwise, as text."""
    intent, result = _check(folder, text, name=name)
    places = re.findall(r"^(?:.*?)%s:(\d+):(\d+): .*expected.*found" % re.escape(intent), result.err, flags=re.M)
    if result.code != 2 or not any(int(line) in lines and int(column) > 0 for line, column in places):
        return "%s: expected exit code 2 and a message at line %s, found %d and %r" % (
            case, sorted(lines), result.code, result.err[:300])
    return None


def _none(wrong):
    wrong = [text for text in wrong if text is not None]
    assert not wrong, "%d cases\n%s" % (len(wrong), "\n".join(wrong))


def the_full_document_is_good(folder):
    intent, result = _check(folder, FULL)
    assert result.code in (0, 1, 4), (result.code, result.err)
    assert not re.search(re.escape(intent) + r":\d+:\d+: .*expected", result.err), result.err


def every_field_has_its_wrong_twins(_):
    _, fields = _fields()
    equal({f.path for f in fields if not _own(f)} ^ set(KINDS), set())


def a_wrong_value_is_refused_with_its_line(folder):
    lines, fields = _fields()
    wrong = []
    for field in fields:
        for value in (KINDS.get(field.path) or []) if not _own(field) else []:
            text = lines[:field.number] + ["%s%s: %s" % (field.line[:field.column], field.key, value)]
            text += lines[field.end:]
            wrong.append(_refused(folder, "\n".join(text) + "\n", {field.number + 1},
                                  "%s: %s" % (field.path, value)))
    _none(wrong)


def an_unknown_field_beside_each_is_refused_with_its_line(folder):
    lines, fields = _fields()
    wrong = []
    for field in fields:
        if _own(field):
            continue
        text = lines[:field.number] + [field.line[:field.column] + "surprise: 1"]
        text += [" " * field.column + field.line[field.column:]] + lines[field.number + 1:]
        wrong.append(_refused(folder, "\n".join(text) + "\n", {field.number + 1}, "beside " + field.path))
    _none(wrong)


def a_misspelt_field_is_refused_and_not_passed_over(folder):
    lines, fields = _fields()
    wrong = []
    for field in fields:
        if _own(field):
            continue
        spelt = field.key[:-1] if len(field.key) > 2 else field.key + "x"
        text = lines[:field.number] + [field.line.replace(field.key + ":", spelt + ":", 1)]
        text += lines[field.number + 1:]
        # where the field is required, the message may be about its absence: the map begins at most at its parent
        parent = max([f.number for f in fields if f.number < field.number and f.column < field.column], default=0)
        allowed = {field.number + 1} | (set(range(parent + 1, field.end + 1)) if field.path in REQUIRED else set())
        wrong.append(_refused(folder, "\n".join(text) + "\n", allowed, "%s as %s" % (field.path, spelt)))
    _none(wrong)


def a_missing_required_field_is_refused_with_the_place_of_its_map(folder):
    lines, fields = _fields()
    wrong = []
    for path in REQUIRED:
        field = next(f for f in fields if f.path == path)
        text = lines[:field.number]
        rest = lines[field.end:]
        if field.item:                                           # the dash goes to the next field
            rest[0] = field.line[:field.column] + rest[0].lstrip()
        parent = max([f.number for f in fields if f.number < field.number and f.column < field.column], default=0)
        wrong.append(_refused(folder, "\n".join(text + rest) + "\n", set(range(parent + 1, field.number + 3)),
                              "without " + path))
    _none(wrong)


BASE = """apiVersion: libflow.dev/v1alpha1
kind: FlowIntent
metadata: {name: base}
spec:
"""
APPROVAL = ("    - {id: %s, to: {cidrs: [198.51.100.0/28]}, ports: [443/TCP], owner: o, reason: r, mitigation: m, "
            "approvedBy: b, expires: 2027-05-31%s}\n")


def what_contradicts_itself_is_refused(folder):
    phases = "  phases: [{name: lockdown, from: 2026-07-01}]\n"
    zones = "  zones:\n  - {name: a, cidrs: [10.10.0.0/16]}\n  - {name: b, cidrs: [10.20.0.0/16]}\n"
    egress = "  egress:\n    default: deny\n    approved:\n"
    cases = [
        ("expires before validFrom", egress + APPROVAL % ("x", ", validFrom: 2027-06-02"), {8}),
        ("a phase that ends before it begins",
         "  phases:\n  - {name: lockdown, from: 2026-07-01, until: 2026-06-01}\n", {6}),
        ("a zone that there is none of, from", zones + "  zonePairs:\n  - {from: c, to: b}\n", {9}),
        ("a zone that there is none of, to", zones + "  zonePairs:\n  - {from: a, to: c}\n", {9}),
        ("a zone that there is none of, in who", zones + "  dns:\n    resolvers:\n    - {zone: c}\n", {10}),
        ("a phase that there is none of, egress", phases + "  egress:\n    default: deny\n    phases: [l]\n", {8}),
        ("a phase that there is none of, approval", phases + egress + APPROVAL % ("x", ", phases: [l]"), {9}),
        ("a phase without any declared", "  egress:\n    default: deny\n    phases: [lockdown]\n", {7}),
        ("an id twice", egress + APPROVAL % ("x", "") + APPROVAL % ("x", ""), {8, 9}),
        ("a zone twice", zones + "  - {name: a, cidrs: [10.30.0.0/16]}\n", {8}),
        ("a phase twice", "  phases:\n  - {name: p, from: 2026-07-01}\n  - {name: p, from: 2026-08-01}\n", {7}),
        ("nowhere to go", egress + "    - {id: x, to: {}}\n", {8}),
        ("nobody at all", "  gateways:\n  - {name: g, ports: [443/TCP]}\n", {6}),
    ]
    _none([_refused(folder, BASE + text, lines, case) for case, text, lines in cases])


def a_doubtful_intent_is_warned_of_and_used(folder):
    egress = "  egress:\n    default: deny\n    approved:\n"
    # the second approves what the first did
    text = BASE + egress + APPROVAL % ("first", "") + APPROVAL % ("second", "")
    intent, result = _check(folder, text)
    assert result.code in (0, 1, 4), (result.code, result.err)
    assert re.search(re.escape(intent) + r":[89]:(\d+:)? ", result.err), result.err
    contains(result.err, "second")
    # two that share neither destination nor port do not overlap
    apart = BASE + egress + APPROVAL % ("first", "") + (APPROVAL % ("second", "")).replace("198.51.100", "192.0.2")
    intent, result = _check(folder, apart)
    assert not re.search(re.escape(intent) + r":\d+:(\d+:)? ", result.err), result.err


def a_selector_of_nobody_in_the_snapshot_is_warned_of(folder):
    snapshot = write(folder, "pods.yaml", """apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: a}}
- apiVersion: v1
  kind: Pod
  metadata: {name: client, namespace: a, labels: {app: client}}
  spec: {containers: [{name: c}]}
  status: {podIP: 10.42.1.1}
""")
    for namespace, warned in (("nowhere", True), ("a", False)):
        text = BASE + "  dns:\n    resolvers:\n    - {namespace: %s}\n" % namespace
        intent, result = _check(folder, text, "--snapshot", snapshot)
        assert result.code in (0, 1, 4), (result.code, result.err)
        found = re.search(re.escape(intent) + r":7:(\d+:)? ", result.err) is not None
        equal((namespace, found, result.err), (namespace, warned, result.err))


def a_file_that_is_no_intent_is_refused(folder):
    good = BASE + "  egress: {default: deny}\n"
    cases = [
        ("two documents", good + "---\n" + good, {6, 7}),
        ("a list", "- " + good.replace("\n", "\n  ").rstrip() + "\n", {1}),
        ("a text", "FlowIntent\n", {1}),
        ("a policy", ALLOW_443, {1, 2}), ("another kind", good.replace("FlowIntent", "FlowPolicy"), {2}),
        ("another version", good.replace("v1alpha1", "v1"), {1}),
        ("no YAML", good + "  zones: [{name: a\n", {6, 7}), ("a tab", good + "\tzones: []\n", {6}),
    ]
    wrong = []
    for case, text, lines in cases:
        intent, result = _check(folder, text)
        places = [int(n) for n in re.findall(re.escape(intent) + r":(\d+):\d+: ", result.err)]
        if result.code != 2 or not set(places) & lines:
            wrong.append("%s: expected exit code 2 and line %r, found %d and %r" % (
                case, lines, result.code, result.err[:300]))
    _none(wrong)


def a_file_without_a_document_is_refused(folder):
    for text in ("", "# nothing\n", "---\n"):
        intent, result = _check(folder, text)
        equal((text, result.code), (text, 2))
        assert re.search(re.escape(intent) + r":.* expected .*found", result.err), result.err


def an_intent_that_is_not_there_is_refused(folder):
    for path in (folder + "/none.yaml", folder):
        _, result = _check(folder, path)
        equal((path, result.code), (path, 2))
        contains(result.err, path)


def a_layer_whose_file_is_missing_or_another_is_refused(folder):
    write(folder, "text.json", "no JSON\n")
    write(folder, "other.json", '{"flow": {}}\n')
    for name in ("none.json", "text.json", "other.json"):
        _, result = _check(folder, FULL.replace("groups.json", name))
        equal((name, result.code, result.err), (name, 2, result.err))
        contains(result.err, name)


def json_is_refused_with_its_line_as_yaml_is(folder):
    intent = {"apiVersion": "libflow.dev/v1alpha1", "kind": "FlowIntent", "metadata": {"name": "json"},
              "spec": {"egress": {"default": "deny", "approved": [
                  {"id": "x", "to": {"ips": ["198.51.100.7"]}, "ports": ["443/TCP"]}]}}}
    text = json.dumps(intent, indent=1)
    _, result = _check(folder, text, name="intent.json")
    assert result.code in (0, 1, 4), (result.code, result.err)
    wrong = []
    for old, new in (("198.51.100.7", "198.51.100.777"), ("443/TCP", "443/TPC"), ('"deny"', '"drop"'),
                     ('"ips"', '"addresses"'), ('"id": "x"', '"id": []'), ("v1alpha1", "v1alpha9")):
        line = text[:text.index(old)].count("\n") + 1
        wrong.append(_refused(folder, text.replace(old, new), {line}, new, name="intent.json"))
    _none(wrong)


if __name__ == "__main__":
    run(sys.modules[__name__])
