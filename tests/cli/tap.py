# SPDX-License-Identifier: Apache-2.0
"""Runs the test functions of a module and prints TAP; a test's name is a sentence that is true."""
import json
import os
import subprocess
import sys
import tempfile
import traceback

FLOWCHECK = os.environ.get("FLOWCHECK", "flowcheck")
ROOT = os.environ.get("SOURCE_ROOT", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
EXAMPLE = os.path.join(ROOT, "examples", "tre")


class Skip(Exception):
    """Raised by a test that cannot run here, with the reason."""


class Result:
    """What a run of flowcheck gave."""

    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout.decode("utf-8", "replace")
        self.err = done.stderr.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.out)

    def rows(self):
        return [json.loads(line) for line in self.out.splitlines()]


def flowcheck(*args, stdin=b"", env=None, timeout=120):
    """Runs flowcheck; a crash of it (or a report of a sanitizer) fails the test that runs it."""
    done = subprocess.run([FLOWCHECK, *map(str, args)], input=stdin, capture_output=True,
                          timeout=timeout, env=dict(os.environ, **(env or {})), check=False)
    result = Result(done)
    assert result.code >= 0, "flowcheck ended by signal %d\n%s" % (-result.code, result.err)
    assert "Sanitizer" not in result.err and "runtime error" not in result.err, result.err
    return result


def equal(found, expected):
    assert found == expected, "expected %r, found %r" % (expected, found)


def contains(text, part):
    assert part in text, "expected %r in %r" % (part, text[-2000:])


def pod(namespace, name, local=False, **labels):
    """An endpoint as the exporter writes it."""
    listed = ["k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=" + namespace,
              "k8s:io.cilium.k8s.policy.cluster=default",
              "k8s:io.kubernetes.pod.namespace=" + namespace]
    listed += ["k8s:%s=%s" % item for item in labels.items()]
    end = {"identity": 4000 + len(name), "namespace": namespace, "labels": sorted(listed),
           "pod_name": name}
    return dict(end, ID=17) if local else end


WORLD = {"identity": 2, "labels": ["reserved:world"]}


def flow(uuid, source, destination, port=443, verdict="FORWARDED", direction="EGRESS", **members):
    """An exporter line: a policy verdict unless the members say otherwise."""
    record = {
        "time": "2026-09-01T10:00:00.000000001Z", "uuid": uuid, "verdict": verdict,
        "IP": {"source": "10.0.0.1", "destination": "10.0.0.2", "ipVersion": "IPv4"},
        "l4": {"TCP": {"source_port": 40000, "destination_port": port, "flags": {"SYN": True}}},
        "source": source, "destination": destination, "Type": "L3_L4", "node_name": "node-1",
        "event_type": {"type": 5}, "traffic_direction": direction, "is_reply": False,
    }
    if verdict == "DROPPED":
        record.update(drop_reason=133, drop_reason_desc="POLICY_DENIED")
        del record["is_reply"]
    record.update(members)
    return json.dumps({"flow": record, "node_name": "node-1", "time": record["time"]},
                      separators=(",", ":"))


DENY_ALL = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: a}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
"""

ALLOW_443 = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow, namespace: a}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
  - ports: [{port: 443}]
"""


def run(module):
    tests = [(name, test) for name, test in vars(module).items()
             if callable(test) and getattr(test, "__module__", "") == module.__name__
             and not name.startswith("_")]
    print("1..%d" % len(tests), flush=True)
    failed = 0
    for number, (name, test) in enumerate(tests, 1):
        try:
            with tempfile.TemporaryDirectory(prefix="flowcheck-") as folder:
                test(folder)
            print("ok %d - %s" % (number, name), flush=True)
        except Skip as reason:
            print("ok %d - %s # SKIP %s" % (number, name, reason), flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            for line in traceback.format_exc().splitlines():
                print("# " + line)
            print("not ok %d - %s" % (number, name), flush=True)
    sys.exit(1 if failed else 0)


def write(folder, name, content):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    return path
