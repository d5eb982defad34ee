#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures loading and deciding on a cluster of many policies and pods.

    scale.py --decide BIN [--policies N] [--pods N] [--endpoints N] [--flows N] [--folder DIR]

Makes a cluster in a temporary folder: namespaces with NetworkPolicies and CiliumNetworkPolicies (deny rules, names,
prefixes and filters of requests among them), a few clusterwide ones, pods as kubectl prints them, and a log of flows
between some of the pods. Prints what bench_decide measured and its peak memory.
"""
import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import tempfile

NAMESPACES = 250
APPS = 40


def labels_of(number):
    return {"app": "app-%d" % (number % APPS), "tier": "t%d" % (number % 5), "release": "r%d" % (number % 3)}


def pod(number):
    labels = dict(labels_of(number), **{"pod-template-hash": "%08x" % (number * 2654435761 % 2**32)})
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "app-%d-%08x-%05d" % (number % APPS, number % 977, number),
                         "namespace": "ns-%d" % (number % NAMESPACES), "labels": labels},
            "spec": {"nodeName": "node-%d" % (number % 50), "serviceAccountName": "default",
                     "containers": [{"name": "main", "image": "example.org/app:1",
                                     "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]}]},
            "status": {"phase": "Running", "podIP": address(number), "podIPs": [{"ip": address(number)}]}}


def address(number):
    return "10.%d.%d.%d" % (100 + number // 65536, number // 256 % 256, number % 256)


def knp(number, space, chance):
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": "p%d" % number, "namespace": space},
            "spec": {"podSelector": {"matchLabels": {"app": "app-%d" % chance.randrange(APPS)}},
                     "policyTypes": ["Ingress", "Egress"],
                     "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "app-%d" % chance.randrange(APPS)}}},
                                           {"namespaceSelector": {"matchLabels": {
                                               "kubernetes.io/metadata.name": "ns-%d" % chance.randrange(NAMESPACES)}}}],
                                  "ports": [{"port": 8080}, {"port": "http"}]}],
                     "egress": [{"to": [{"ipBlock": {"cidr": "198.51.%d.0/24" % chance.randrange(256)}}]}]}}


def cnp(number, space, chance):
    app = lambda: {"matchLabels": {"app": "app-%d" % chance.randrange(APPS)}}
    return {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy",
            "metadata": {"name": "p%d" % number, "namespace": space},
            "spec": {"endpointSelector": app(),
                     "ingress": [{"fromEndpoints": [app()], "toPorts": [{
                         "ports": [{"port": "8080", "protocol": "TCP"}],
                         "rules": {"http": [{"method": "GET", "path": "/v%d/.*" % (number % 20)}]}}]},
                                 {"fromEntities": ["host"]}],
                     "egress": [{"toFQDNs": [{"matchPattern": "*.example%d.org" % (number % 50)}],
                                 "toPorts": [{"ports": [{"port": "443", "protocol": "TCP"}]}]},
                                {"toCIDRSet": [{"cidr": "203.0.%d.0/24" % chance.randrange(256)}]}],
                     "egressDeny": [{"toCIDR": ["169.254.169.254/32"]}]}}


def clusterwide(number):
    return {"apiVersion": "cilium.io/v2", "kind": "CiliumClusterwideNetworkPolicy",
            "metadata": {"name": "c%d" % number},
            "spec": {"endpointSelector": {"matchLabels": {"tier": "t%d" % (number % 5)}},
                     "enableDefaultDeny": {"egress": False, "ingress": False},
                     "egressDeny": [{"toCIDR": ["100.64.%d.0/24" % (number % 256)]}]}}


def make_manifests(options, folder):
    chance = random.Random(1)
    os.mkdir(folder)
    with open(os.path.join(folder, "pods.json"), "w", encoding="utf-8") as out:
        for number in range(NAMESPACES):
            out.write(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {
                "name": "ns-%d" % number, "labels": {"team": "team-%d" % (number % 9)}}}) + "\n")
        for number in range(options.pods):
            out.write(json.dumps(pod(number)) + "\n")
    with open(os.path.join(folder, "policies.json"), "w", encoding="utf-8") as out:
        for number in range(options.policies):
            space = "ns-%d" % (number % NAMESPACES)
            made = clusterwide(number) if number % 100 == 99 else (knp, cnp)[number % 2](number, space, chance)
            out.write(json.dumps(made) + "\n")


def end(number, local):
    space = "ns-%d" % (number % NAMESPACES)
    labels = ["k8s:%s=%s" % pair for pair in labels_of(number).items()]
    labels += ["k8s:io.kubernetes.pod.namespace=" + space, "k8s:io.cilium.k8s.policy.cluster=default",
               "k8s:io.cilium.k8s.policy.serviceaccount=default",
               "k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=" + space,
               "k8s:io.cilium.k8s.namespace.labels.team=team-%d" % (number % NAMESPACES % 9)]
    about = {"identity": 10000 + number % 50000, "cluster_name": "default", "namespace": space,
             "labels": sorted(labels), "pod_name": pod(number)["metadata"]["name"]}
    return dict(about, ID=number % 65000 + 1) if local else about


def make_log(options, path):
    chance = random.Random(2)
    spread = max(1, options.pods // options.endpoints)
    with open(path, "w", encoding="utf-8") as out:
        for number in range(options.flows):
            source, destination = (spread * chance.randrange(options.endpoints) for _ in range(2))
            ingress = number % 2 == 0
            flow = {"time": "2026-01-01T00:%02d:%02d.%09dZ" % (number // 60 % 60, number % 60, number),
                    "uuid": "%036d" % number, "verdict": "FORWARDED",
                    "IP": {"source": address(source), "destination": address(destination), "ipVersion": "IPv4"},
                    "l4": {"TCP": {"source_port": 32768 + number % 28000,
                                   "destination_port": chance.choice((80, 443, 8080)), "flags": {"SYN": True}}},
                    "source": end(source, not ingress), "destination": end(destination, ingress), "Type": "L3_L4",
                    "node_name": "default/node-%d" % (number % 50), "event_type": {"type": 5},
                    "traffic_direction": "INGRESS" if ingress else "EGRESS", "is_reply": False}
            out.write(json.dumps({"flow": flow}, separators=(",", ":")) + "\n")


def main():
    parser = argparse.ArgumentParser(description="Measures a large cluster.")
    parser.add_argument("--decide", required=True, metavar="BIN")
    parser.add_argument("--policies", type=int, default=10000)
    parser.add_argument("--pods", type=int, default=50000)
    parser.add_argument("--endpoints", type=int, default=2000)
    parser.add_argument("--flows", type=int, default=200000)
    parser.add_argument("--folder", help="where the temporary folder goes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="libflow-scale-", dir=options.folder) as folder:
        manifests, log = os.path.join(folder, "manifests"), os.path.join(folder, "flows.jsonl")
        make_manifests(options, manifests)
        make_log(options, log)
        out = subprocess.run([options.decide, manifests, log], check=True, capture_output=True, text=True).stdout
        figures = [line.split() for line in out.splitlines()]
        turns = [float(value) for name, value in figures if name == "turn_ns"]
        for name, value in figures:
            if name != "turn_ns":
                print("%-14s %s" % (name, value))
        print("%-14s %.1f (%.1f-%.1f)" % ("hot_ns", statistics.median(turns), min(turns), max(turns)))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print("%-14s %.0f (the log of %.0f MiB held in memory among it)" % (
            "peak_mib", peak, os.path.getsize(log) / 2**20))


if __name__ == "__main__":
    main()
