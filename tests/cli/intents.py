# SPDX-License-Identifier: Apache-2.0
"""An intent, policies and ends of flows that several tests use."""
import json

from tap import flow, pod

ALLOW_ALL = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow-all, namespace: %s}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}
"""

POLICIES = "---\n".join(ALLOW_ALL % name for name in
                        ("project-a", "project-b", "shared", "gateway", "kube-system", "other"))

INTENT = """apiVersion: libflow.dev/v1alpha1
kind: FlowIntent
metadata: {name: test}
spec:
  cluster:
    cidrs: {pods: [10.42.0.0/16], services: [10.43.0.0/16], nodes: [10.0.0.0/24]}
  zones: [{name: own, cidrs: [10.0.0.0/24]}, {name: lab, cidrs: [10.9.0.0/16]}]
  zonePairs: [{from: own, to: lab, ports: [443/TCP]}]
  gateways: [{name: door, namespace: gateway, ports: [443/TCP]}]
  egress:
    default: deny
    approved:
    - &whole
      id: mirror
      purpose: packages
      from: {namespace: project-*}
      to: {fqdns: [mirror.example.org]}
      ports: [443/TCP]
      owner: research-it
      reason: packages
      mitigation: read only
      approvedBy: governance
      approvedOn: 2026-01-01
      expires: 2027-01-01
    - <<: *whole
      id: by-address
      to: {cidrs: [198.51.100.7/32]}
    - <<: *whole
      id: old
      to: {ips: [198.51.100.8]}
      expires: 2026-08-31
    - <<: *whole
      id: early
      to: {ips: [198.51.100.9]}
      validFrom: 2026-10-01
  eastWest:
    projects: {namespacePattern: project-*, shared: [shared]}
    internal: [{name: admin, to: {namespace: shared, labels: {app: admin}}, paths: [/tre/api*]}]
  controlPlane:
    allowed: [{namespace: kube-system}]
    endpoints: [{name: hook, namespace: other, labels: {app: hook}, ports: [9443/TCP]}]
  dns: {resolvers: [{namespace: kube-system, labels: {k8s-app: kube-dns}}]}
"""

A = pod("project-a", "notebook-1", local=True, app="notebook")
B = pod("project-b", "store-1", app="store")
SHARED = pod("shared", "login-1", app="login")
ADMIN = pod("shared", "admin-1", app="admin")
DOOR = pod("gateway", "door-1", app="door")
DNS = pod("kube-system", "dns-1", **{"k8s-app": "kube-dns"})
OTHER = pod("other", "thing-1", app="thing")
HOOK = pod("other", "hook-1", app="hook")
NODE = {"identity": 6, "labels": ["reserved:remote-node"]}
API = {"identity": 7, "labels": ["reserved:kube-apiserver", "reserved:remote-node"]}
WORLD = {"identity": 2, "labels": ["reserved:world"]}


def ips(source, destination):
    return {"IP": {"source": source, "destination": destination, "ipVersion": "IPv4"}}


def out(address="203.0.113.9", port=443, uuid="u", **members):
    """A pod of project-a reaches an address outside."""
    return flow(uuid, A, WORLD, port, **dict(ips("10.42.0.1", address), **members))


def into(destination, address="203.0.113.9", port=443, uuid="u", source=None, **members):
    """Somebody outside reaches a pod."""
    end = dict(destination, ID=9)
    return flow(uuid, WORLD if source is None else source, end, port, direction="INGRESS",
                **dict(ips(address, "10.42.0.2"), **members))


def between(source, destination, port=8080, uuid="u", **members):
    return flow(uuid, dict(source, ID=3), destination, port,
                **dict(ips("10.42.0.1", "10.42.0.2"), **members))


def changed(line, **members):
    """The same record with other members of its flow; None takes one away."""
    record = json.loads(line)
    for name, value in members.items():
        if value is None:
            record["flow"].pop(name, None)
        else:
            record["flow"][name] = value
    record["time"] = record["flow"].get("time")
    record["node_name"] = record["flow"].get("node_name")
    return json.dumps({key: value for key, value in record.items() if value is not None})
