# SPDX-License-Identifier: Apache-2.0
"""A reference evaluator of network policies, written from the policy semantics fact sheet alone.

It is slow and obvious on purpose: every function names the section of the sheet it is to be compared with, nothing
is cached or compiled.  It shares no code with the library.

    cluster = load(objects)                                      manifests as Python dicts
    decide(cluster, connection, "cilium-1.19", settings)         {"egress": answer, "ingress": answer}

An answer is one of allow, allow_default, deny_explicit, deny_default, not_applicable, undecidable (design, section 2).
A connection is {"source": end, "destination": end, "protocol": "TCP|UDP|SCTP|ICMPv4|ICMPv6", "port": number, "names":
[...], "node": the node that reports it, "l7": the request of a proxy's record}, the port of ICMP being its type; an
end is {"ip", "labels", "identity", "namespace", "pod", "cluster", "local": an endpoint of that node}, as far as known.
Settings are {name: text} as in SETTINGS.

Not modelled: what cloud groups hold, SNI, custom listeners, l7proto parsers, mutual authentication.
"""
import argparse
import calendar
import datetime
import ipaddress
import json
import os
import re
import sys

ENGINES = ("kubernetes", "cilium-1.17", "cilium-1.18", "cilium-1.19", "cilium-1.20")

# Section 6.3: Kleene logic.  "and" is min, "or" is max, both of a list that may be empty.
FALSE, UNKNOWN, TRUE = 0, 1, 2


def both(*values):
    return min(values, default=TRUE)


def either(values):
    return max(values, default=FALSE)


def known(truth):
    return TRUE if truth else FALSE


class Invalid(Exception):
    """The object would be refused by the API server or by the agent: it contributes nothing."""


def need(condition, why):
    if not condition:
        raise Invalid(why)


# ---------------------------------------------------------------------------------------------------------------------
# What Cilium's ConfigMap says, as far as it changes an answer

SETTINGS = {"enable-policy": ("default", "always", "never"), "policy-cidr-match-mode": ("nodes", "pods"),
            "policy-default-local-cluster": ("true", "false"), "fqdn-double-star": ("true", "false"),
            "enable-non-default-deny-policies": ("true", "false"), "enable-node-selector-labels": ("true", "false"),
            "enable-host-firewall": ("true", "false"), "fqdn-evidence": ("names", "identity")}


class Settings:
    """Each with its default; all are Cilium's, so that they mean nothing under another engine."""

    def __init__(self, engine, given):
        for name, value in given.items():
            values = [v for v in value.split(",") if v] if name == "policy-cidr-match-mode" else [value]
            need(name in SETTINGS and set(values) <= set(SETTINGS[name]), "bad setting %s=%s" % (name, value))
        recent = engine in ("cilium-1.19", "cilium-1.20")

        def flag(name, default):
            return given[name] == "true" if name in given else default
        self.enable_policy = given.get("enable-policy", "default")                              # 3.11
        modes = set(given.get("policy-cidr-match-mode", "").split(","))
        self.cidrs_match_nodes = "nodes" in modes                                               # 3.7
        self.cidrs_match_pods = "pods" in modes and engine == "cilium-1.20"                     # 3.7
        self.local_cluster_only = flag("policy-default-local-cluster", recent)                  # 3.4, step 5
        self.double_star = flag("fqdn-double-star", recent)                                     # 3.8
        self.non_default_deny = flag("enable-non-default-deny-policies", True)                  # 3.11
        self.node_selectors = flag("enable-node-selector-labels", False)                        # 3.4, end
        self.host_firewall = flag("enable-host-firewall", None)                                 # 3.14, None: not told
        self.identity_is_evidence = given.get("fqdn-evidence") == "identity"                    # 3.8


# ---------------------------------------------------------------------------------------------------------------------
# Section 5: inventory and policies out of manifests

CILIUM_NAMESPACE = "io.kubernetes.pod.namespace"
CILIUM_NAMESPACE_LABELS = "io.cilium.k8s.namespace.labels."
CILIUM_SERVICE_ACCOUNT = "io.cilium.k8s.policy.serviceaccount"
CILIUM_CLUSTER = "io.cilium.k8s.policy.cluster"
LOCAL_CLUSTER = "default"
METADATA_NAME = "kubernetes.io/metadata.name"


class Cluster:
    def __init__(self):
        self.namespaces = {}    # name: labels
        self.pods = {}          # (namespace, name): Pod object
        self.pods_by_ip = {}    # address: Pod object
        self.workloads = {}     # (kind, namespace, name): pod template
        self.cidr_groups = {}   # name: (labels, CIDRs)
        self.services = {}      # (namespace, name): Service object
        self.backends = {}      # (namespace, name of the service): addresses
        self.nodes = {}         # name: Node object
        self.nodes_by_ip = {}   # address: Node object
        self.policies = {}      # (kind, namespace, name): every version of it that its family accepts, in order
        self.invalid = []       # (kind, namespace, name, why)

    def of_kind(self, kind, side):
        """Section 5.1: of an object written twice the later counts, if the engine takes it."""
        found = [[p for p in versions if accepted(p, side)] for k, versions in self.policies.items() if k[0] == kind]
        return [versions[-1] for versions in found if versions]


def accepted(policy, side):
    """Sections 3.2 and 3.4: objects that are refused by the agent's version or settings only."""
    uses = policy.get("uses", ())
    return not ("nodes" in uses and not side.settings.node_selectors
                or "requires" in uses and side.engine in ("cilium-1.19", "cilium-1.20"))


POLICY_KINDS = {
    ("networking.k8s.io", "NetworkPolicy"): ("KNP", True),
    ("extensions", "NetworkPolicy"): ("KNP", True),             # 5.1: legacy, the same schema
    ("cilium.io", "CiliumNetworkPolicy"): ("CNP", True),
    ("cilium.io", "CiliumClusterwideNetworkPolicy"): ("CCNP", False),
    ("policy.networking.k8s.io", "AdminNetworkPolicy"): ("ANP", False),
    ("policy.networking.k8s.io", "BaselineAdminNetworkPolicy"): ("BANP", False),
    ("policy.networking.k8s.io", "ClusterNetworkPolicy"): ("KCNP", False),
}


def load(objects):
    """Section 5.1: lists are walked into; of the same object written twice the later valid one counts."""
    cluster = Cluster()
    for obj in flatten(objects):
        group = str(obj.get("apiVersion", "")).rpartition("/")[0]
        kind = obj.get("kind")
        meta = obj.get("metadata") or {}
        name, namespace = meta.get("name"), meta.get("namespace") or "default"
        if (group, kind) == ("", "Namespace"):
            # 5.3: kubernetes.io/metadata.name is always there
            cluster.namespaces[name] = {**(meta.get("labels") or {}), METADATA_NAME: name}
        elif (group, kind) == ("", "Pod"):
            load_pod(cluster, namespace, name, obj)
        elif kind in POD_NAME_SUFFIXES:
            spec = obj.get("spec") or {}
            if kind == "CronJob":
                spec = (spec.get("jobTemplate") or {}).get("spec") or {}
            cluster.workloads[kind, namespace, name] = spec.get("template") or {}
        elif (group, kind) == ("cilium.io", "CiliumCIDRGroup"):
            cidrs = (obj.get("spec") or {}).get("externalCIDRs") or []
            try:
                cluster.cidr_groups[name] = (meta.get("labels") or {}, [network(c) for c in cidrs])
            except Invalid as why:
                cluster.invalid.append(("CIDRGroup", None, name, str(why)))
        elif (group, kind) == ("", "Service"):
            cluster.services[namespace, name] = obj
        elif (group, kind) == ("", "Endpoints"):
            load_backends(cluster, namespace, name, [
                a.get("ip") for part in obj.get("subsets") or [] for a in part.get("addresses") or []])
        elif (group, kind) == ("discovery.k8s.io", "EndpointSlice"):
            load_backends(cluster, namespace, (meta.get("labels") or {}).get("kubernetes.io/service-name"), [
                ip for e in obj.get("endpoints") or [] for ip in e.get("addresses") or []])
        elif (group, kind) == ("", "Node"):
            load_node(cluster, name, obj)
        elif (group, kind) in POLICY_KINDS:
            short, namespaced = POLICY_KINDS[group, kind]
            load_policy(cluster, short, namespace if namespaced else None, name, obj)
    return cluster


def flatten(objects):
    """Section 5.1: the items of a typed list may leave out what the list says."""
    for obj in objects:
        if isinstance(obj, dict) and str(obj.get("kind", "")).endswith("List") and "items" in obj:
            said = {} if obj["kind"] == "List" else {"apiVersion": obj.get("apiVersion"), "kind": obj["kind"][:-4]}
            yield from flatten({**said, **item} for item in obj["items"] or [] if item)
        elif isinstance(obj, dict):
            yield obj


def load_pod(cluster, namespace, name, obj):
    """Section 5.2: a finished pod's address is reused; a hostNetwork pod's is that of its node."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    cluster.pods[namespace, name] = obj
    if spec.get("hostNetwork") or status.get("phase") in ("Succeeded", "Failed"):
        return
    addresses = [status.get("podIP")] + [a.get("ip") for a in status.get("podIPs") or []]
    for address in filter(None, addresses):
        cluster.pods_by_ip[ipaddress.ip_address(address)] = obj


def load_backends(cluster, namespace, service, addresses):
    """Section 5.4: a service may have Endpoints and several EndpointSlices."""
    cluster.backends.setdefault((namespace, service), []).extend(network(a) for a in addresses if a)


def load_node(cluster, name, obj):
    """Sections 5.6, 2.2: a node has the addresses of its status; the type Hostname is none."""
    cluster.nodes[name] = obj
    for item in (obj.get("status") or {}).get("addresses") or []:
        try:
            cluster.nodes_by_ip[ipaddress.ip_address(item.get("address"))] = obj
        except ValueError:
            pass


# Section 5.2: how the names of a workload's pods go on, and the labels that are added at run time
POD_NAME_SUFFIXES = {"Deployment": r"-[a-z0-9]{5,10}-[a-z0-9]{5}", "ReplicaSet": r"-[a-z0-9]{5}",
                     "ReplicationController": r"-[a-z0-9]{5}", "StatefulSet": r"-[0-9]+", "DaemonSet": r"-[a-z0-9]{5}",
                     "Job": r"-[a-z0-9]{5}", "CronJob": r"-[0-9]{8,10}-[a-z0-9]{5}"}
RUN_TIME_KEYS = ("pod-template-hash", "controller-revision-hash", "statefulset.kubernetes.io/pod-name",
                 "apps.kubernetes.io/pod-index", "batch.kubernetes.io/job-name", "job-name", "controller-uid")


def template_of(cluster, namespace, pod):
    """The pod template of the workload that a pod's name speaks of; the longest workload name wins."""
    found = [(len(name), template) for (kind, space, name), template in cluster.workloads.items()
             if space == namespace and re.fullmatch(re.escape(name) + "(" + POD_NAME_SUFFIXES[kind] + ")?", pod)]
    return max(found, key=lambda f: f[0], default=(0, None))[1]


def load_policy(cluster, kind, namespace, name, obj):
    check = {"KNP": check_np, "CNP": check_cilium, "CCNP": check_cilium, "ANP": check_anp, "BANP": check_anp,
             "KCNP": check_kcnp}[kind]
    key = (kind, namespace, name)
    try:
        cluster.policies.setdefault(key, []).append(check(kind, namespace, name, obj))
    except Invalid as why:
        cluster.invalid.append(key + (str(why),))


def network(text):
    """A CIDR or a bare address; host bits are masked (3.7)."""
    need(isinstance(text, str), "a CIDR is a string")
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as why:
        raise Invalid(str(why))


def prefix(text):
    need(isinstance(text, str) and "/" in text, "a CIDR needs a prefix length")
    return network(text)


def a_list(value, what):
    """A list field; null is absent (3.1) and both read as None, so that [] stays apart."""
    need(value is None or isinstance(value, list), what + " is not a list")
    return value


def a_map(value, what):
    need(isinstance(value, dict), what + " is not an object")
    return value


# ---------------------------------------------------------------------------------------------------------------------
# Section 6.2: what is known of an end of a connection

ABSENT, MISSING_FACT = object(), object()      # the label is not there; nobody knows whether it is

RESERVED_NUMBERS = {1: "host", 2: "world", 3: "unmanaged", 4: "health", 5: "init", 6: "remote-node",
                    7: "kube-apiserver", 8: "ingress", 9: "world-ipv4", 10: "world-ipv6"}
WORLD_LABELS = ("world", "world-ipv4", "world-ipv6")

# Section 3.5, in the order of the sheet: the longest match wins; what nothing matches is kept.
KEPT_KEYS = (r"reserved:.*", r"io\.kubernetes\.pod\.namespace", r"io\.cilium\.k8s\.namespace\.labels",
             r"app\.kubernetes\.io", r"io\.cilium\.k8s\.policy\.(cluster|serviceaccount)")
DROPPED_KEYS = (r"io\.kubernetes", r"kubernetes\.io", r"statefulset\.kubernetes\.io/pod-name",
                r"apps\.kubernetes\.io/pod-index", r"batch\.kubernetes\.io/job-completion-index",
                r"batch\.kubernetes\.io/controller-uid", r".*beta\.kubernetes\.io", r"k8s\.io",
                r"pod-template-generation", r"pod-template-hash", r"controller-revision-hash", r"controller-uid",
                r"annotation", r"etcd_node", r"topology\.kubernetes\.io")


def stripped(key):
    """Section 3.5: Cilium leaves this pod label out of the identity."""
    def longest(patterns):
        return max((m.end() for m in (re.match(p, key) for p in patterns) if m), default=-1)
    if key.startswith("io.cilium.k8s."):
        return True
    return longest(DROPPED_KEYS) > longest(KEPT_KEYS)


def is_derived(key):
    """Section 3.4: the keys of the labels that every pod identity carries."""
    return key in (CILIUM_NAMESPACE, CILIUM_SERVICE_ACCOUNT, CILIUM_CLUSTER) or key.startswith(CILIUM_NAMESPACE_LABELS)


class End:
    """One end of a connection: what the record says, completed from the inventory (6.2)."""

    def __init__(self, cluster, end, node, cilium):
        self.cluster, self.cilium = cluster, cilium
        self.local = bool(end.get("local"))
        # all labels of the identity are known: as the record gives them, or those of a number that is world alone (3.6)
        self.identity_known = bool(end.get("labels")) or end.get("identity") in (2, 9, 10)
        self.ip = ipaddress.ip_address(end["ip"]) if end.get("ip") else None
        self.labels = {split_label(text) for text in end.get("labels") or []}
        self.identity = end.get("identity") or 0
        self.namespace = end.get("namespace") or None
        self.cluster_name = end.get("cluster") or LOCAL_CLUSTER
        self.maybe_apiserver = False
        self.object = self.template = None      # the Pod object; or the template of its workload
        if self.namespace and end.get("pod"):
            self.object = cluster.pods.get((self.namespace, end["pod"]))
            self.template = template_of(cluster, self.namespace, end["pod"])
        self.kind = self.find_kind(end, node)
        if self.kind == "pod":
            self.complete_pod()

    def find_kind(self, end, node):
        """pod, world, host, remote-node, health, ingress, init, unmanaged, or None when nobody knows (3.6, 6.2).

        And hostnetwork: a pod whose labels the record lacks and that has the network of its node (1.6, 6.3).
        """
        if not self.labels:
            number = self.identity
            name = (RESERVED_NUMBERS.get(number) or ("remote-node" if number >= 0x02000000 else None)
                    or ("world" if number >= 0x01000000 else None))
            self.labels = {("reserved", name, "")} if name else set()
            if name == "kube-apiserver":
                # the number is that of API servers on nodes, and records with labels have both; those outside have a
                # number of their own (3.6)
                self.labels.add(("reserved", "remote-node", ""))
            # 3.6: kube-apiserver may sit beside these; the number does not tell
            self.maybe_apiserver = number in (1, 6) or number >= 0x01000000
        reserved = {key for source, key, _ in self.labels if source == "reserved"}
        for kind in ("host", "remote-node", "health", "ingress", "init", "unmanaged"):
            if kind in reserved:
                return kind
        if reserved & set(WORLD_LABELS):
            return "world"
        if "kube-apiserver" in reserved:
            return "remote-node"
        on_node = ((self.object or self.template or {}).get("spec") or {}).get("hostNetwork")
        there = ((self.object or {}).get("spec") or {}).get("nodeName") if on_node else None
        if not self.labels and on_node and not (self.cilium and not self.identity
                                                and (there or self.ip in self.cluster.nodes_by_ip)):
            return "hostnetwork"
        if self.labels or self.identity or ((self.object or self.template) and not on_node):
            return "pod"
        if there or self.ip in self.cluster.nodes_by_ip:
            # 6.2: the address of a node, of the reporting one or of another; it may be the API server's too
            own = (node_named(self.cluster, node) is self.cluster.nodes_by_ip[self.ip]
                   if self.ip in self.cluster.nodes_by_ip else there == (node or "").rpartition("/")[2])
            kind = "host" if own else "remote-node"
            self.labels, self.maybe_apiserver = {("reserved", kind, "")}, True
            return kind
        if self.ip in self.cluster.pods_by_ip or end.get("pod"):
            return "pod"
        return None

    def complete_pod(self):
        self.object = self.object or self.cluster.pods_by_ip.get(self.ip)
        for source, key, value in self.labels:
            if (source, key) == ("k8s", CILIUM_NAMESPACE):
                self.namespace = value
        if self.object and not self.namespace:
            self.namespace = (self.object.get("metadata") or {}).get("namespace") or "default"

    def is_managed_pod(self):
        return self.kind == "pod"

    def is_node(self):
        return self.kind in ("host", "remote-node", "hostnetwork")

    def runs_elsewhere(self, node):
        """Section 6.2, which node: the Pod object names another node than the one that reports."""
        there = ((self.object or {}).get("spec") or {}).get("nodeName")
        return bool(there) and there != (node or "").rpartition("/")[2]

    # What Kubernetes sees -------------------------------------------------------------------------------------------

    def pod_label(self, key):
        """The pod's own label.  Keys that Cilium strips are known from the Pod object only (6.2)."""
        for source, name, value in self.labels:
            if source == "k8s" and name == key:
                return value
        if self.object:
            return own_labels(self.object).get(key, ABSENT)
        if self.labels and not stripped(key):
            return ABSENT
        return self.template_label(key)

    def template_label(self, key):
        """Section 5.2: from a template, a key that is added at run time may be there or not."""
        if not self.template:
            return MISSING_FACT
        added = key in RUN_TIME_KEYS or key.startswith("topology.kubernetes.io/")
        return own_labels(self.template).get(key, MISSING_FACT if added else ABSENT)

    def namespace_label(self, key):
        """Section 6.2: the record's namespace labels, then the Namespace object, then the name alone."""
        recorded = {name[len(CILIUM_NAMESPACE_LABELS):]: value for source, name, value in self.labels
                    if source == "k8s" and name.startswith(CILIUM_NAMESPACE_LABELS)}
        if recorded:
            return recorded.get(key, ABSENT)
        if self.namespace in self.cluster.namespaces:
            return self.cluster.namespaces[self.namespace].get(key, ABSENT)
        if self.namespace and key == METADATA_NAME:
            return self.namespace
        return MISSING_FACT

    # What Cilium sees -----------------------------------------------------------------------------------------------

    def identity_label(self, source, key):
        """A label of the Cilium identity; source "any" is any source (3.4)."""
        for label_source, name, value in sorted(self.labels):
            if name == key and source in ("any", label_source):
                return value
        if self.maybe_apiserver and (source, key) == ("reserved", "kube-apiserver"):
            return MISSING_FACT
        if self.labels:
            return ABSENT
        if self.kind is None:
            # 3.5: whatever it is, such a key is in no identity, but for those that Cilium adds itself (3.4)
            return ABSENT if source in ("any", "k8s") and stripped(key) and not is_derived(key) else MISSING_FACT
        if self.kind == "hostnetwork":
            # 1.6: it is a node, but which one nobody tells; it has no labels of a pod
            maybe = source == "node" or (source in ("any", "reserved") and key in (
                "host", "remote-node", "kube-apiserver"))
            return MISSING_FACT if maybe else ABSENT
        if source not in ("any", "k8s"):
            return ABSENT
        return self.derived_label(key)

    def derived_label(self, key):
        """Section 3.4: the labels every pod identity carries, here from Pod and Namespace objects."""
        if key == CILIUM_NAMESPACE:
            return self.namespace or MISSING_FACT
        if key.startswith(CILIUM_NAMESPACE_LABELS):
            return self.namespace_label(key[len(CILIUM_NAMESPACE_LABELS):])
        if key == CILIUM_CLUSTER:
            return self.cluster_name
        pod = self.object or self.template
        if stripped(key) and key != CILIUM_SERVICE_ACCOUNT:
            return ABSENT
        if not pod:
            return MISSING_FACT
        if key == CILIUM_SERVICE_ACCOUNT:
            return (pod.get("spec") or {}).get("serviceAccountName") or "default"
        return own_labels(pod).get(key, ABSENT) if self.object else self.template_label(key)

    def named_port(self, name, protocol, number):
        """Sections 1.5, 3.9: is this number the pod's port of that name?  protocol None: any."""
        if self.kind is None:
            return UNKNOWN
        if self.kind == "hostnetwork" and not self.cilium:
            return both(UNKNOWN, self.declares_port(name, protocol, number))      # 1.6: like a pod, or not
        return self.declares_port(name, protocol, number) if self.is_managed_pod() else FALSE

    def declares_port(self, name, protocol, number):
        pod = self.object or self.template
        if not pod:
            return UNKNOWN
        spec = pod.get("spec") or {}
        sidecars = [c for c in spec.get("initContainers") or [] if c.get("restartPolicy") == "Always"]

        def declared(containers):
            return [p for c in containers for p in c.get("ports") or []
                    if p.get("name") == name and (p.get("protocol") or "TCP") == protocol]
        if declared(spec.get("containers") or []):
            return known(any(p["containerPort"] == number for p in declared(spec["containers"])))
        # 1.5: a name that only a sidecar declares may count or not
        return UNKNOWN if any(p["containerPort"] == number for p in declared(sidecars)) else FALSE


def node_named(cluster, text):
    """The Node object of a record's node_name, which is node or cluster/node."""
    return cluster.nodes.get((text or "").rpartition("/")[2])


def own_labels(pod):
    return (pod.get("metadata") or {}).get("labels") or {}


def split_label(text):
    """Section 3.4: source at the first ':', value at the first '=' after it."""
    name, _, value = text.partition("=")
    source, colon, key = name.partition(":")
    return (source, key, value) if colon else ("unspec", name, value)


# ---------------------------------------------------------------------------------------------------------------------
# Section 1.4: label selectors

def check_selector(selector, what):
    a_map(selector, what)
    labels = selector.get("matchLabels")
    need(labels is None or isinstance(labels, dict), what + ".matchLabels is not an object")
    need(all(isinstance(v, str) for v in (labels or {}).values()), what + ": a label value is a string")
    for item in a_list(selector.get("matchExpressions"), what + ".matchExpressions") or []:
        values = a_list(item.get("values"), what + ".values") or []
        need(isinstance(item.get("key"), str) and item["key"], what + ": an expression needs a key")
        need(item.get("operator") in ("In", "NotIn", "Exists", "DoesNotExist"), what + ": bad operator")
        need(bool(values) == (item["operator"] in ("In", "NotIn")), what + ": values do not fit the operator")


def requirements(selector):
    """All pairs and expressions as (key, operator, values)."""
    for key, value in (selector.get("matchLabels") or {}).items():
        yield key, "In", [value]
    for item in selector.get("matchExpressions") or []:
        yield item["key"], item["operator"], item.get("values") or []


def requirement_holds(operator, values, found):
    """Sections 1.4 and 6.3: a present key decides; a key that may be absent is UNKNOWN for all four operators."""
    if found is MISSING_FACT:
        return UNKNOWN
    if found is ABSENT:
        return known(operator in ("NotIn", "DoesNotExist"))
    return known({"In": found in values, "NotIn": found not in values, "Exists": True,
                  "DoesNotExist": False}[operator])


def selector_matches(selector, lookup):
    return both(*(requirement_holds(op, values, lookup(key)) for key, op, values in requirements(selector)))


# ---------------------------------------------------------------------------------------------------------------------
# One side of a connection

class Side:
    """The question put to every policy: may `subject` have this connection with `peer`, in this direction?"""

    def __init__(self, cluster, connection, direction, engine, settings):
        self.cluster, self.direction, self.engine, self.settings = cluster, direction, engine, settings
        self.cilium = engine.startswith("cilium")
        self.node = connection.get("node")
        ends = {name: End(cluster, connection[name], self.node, self.cilium) for name in ("source", "destination")}
        self.request = connection.get("l7") if self.cilium else None
        self.subject = ends["source" if direction == "egress" else "destination"]
        self.peer = ends["destination" if direction == "egress" else "source"]
        self.destination = ends["destination"]
        self.protocol, self.port = connection["protocol"], connection["port"]
        self.names = [n.lower().rstrip(".") for n in connection.get("names") or []]

    def is_icmp(self):
        return self.protocol.startswith("ICMP")

    def in_range(self, first, last):
        return known(first <= self.port <= last)

    def peer_in(self, net):
        return self.peer.ip is not None and self.peer.ip in net


def decide(cluster, connection, engine, settings=None):
    return {direction: answer(outcomes_of(cluster, connection, direction, engine, settings))
            for direction in ("egress", "ingress")}


def outcomes_of(cluster, connection, direction, engine, settings=None):
    """Every outcome that the facts leave possible."""
    need(engine in ENGINES, "unknown engine")
    return outcomes_of_side(Side(cluster, connection, direction, engine, Settings(engine, settings or {})))


def outcomes_of_side(side):
    """Sections 0 (rule 2), 6.1: who has no policy; 3.10: a request is judged where the connection is allowed."""
    subject, peer = side.subject, side.peer
    if subject.ip is not None and subject.ip == peer.ip:
        return {"not_applicable"}               # 1.6, 6.1: a pod to itself
    if subject.kind in ("host", "hostnetwork"):
        return host_outcomes(side) if side.cilium else hostnetwork_outcomes(side)
    if subject.kind not in ("pod", None) and not (side.cilium and subject.kind in ("health", "ingress", "init")):
        return {"not_applicable"}
    outcomes = connection_and_request(side)
    if side.cilium and subject.kind is None:
        as_host = host_outcomes(side)           # whoever it is, it may be the host
        outcomes |= as_host if (outcomes | as_host) & set(DENIES) else set()
    return outcomes


def connection_and_request(side):
    outcomes = tiers(side, normal_tier)
    if side.request is None or not outcomes & set(ALLOWS):
        return outcomes
    if answer(outcomes) in ALLOWS:
        return tiers(side, request_tier)
    # where the connection may be denied, its request is refused all the same if every way in refuses it
    return outcomes - set(ALLOWS) | tiers(side, request_tier)


def host_outcomes(side):
    """Sections 3.11, 3.14: the host has a policy where the host firewall is on.

    Where nobody tells whether it is, or whether the subject is this host (1.6: a pod with the network of its node),
    an answer that lets pass is not_applicable, as nothing else comes of it.
    """
    if side.settings.host_firewall is False:
        return {"not_applicable"}
    local_pod = side.peer.is_managed_pod() and side.peer.local
    outcomes = {"not_applicable"} if local_pod else connection_and_request(side)
    if side.peer.local and side.peer.kind is None:              # it may be a pod of this node
        outcomes = outcomes - set(ALLOWS) | {"not_applicable"}
    if side.settings.host_firewall and side.subject.kind == "host":
        return outcomes
    if outcomes <= set(ALLOWS) | {"not_applicable"}:
        return {"not_applicable"}
    return outcomes | {"not_applicable"}


def hostnetwork_outcomes(side):
    """Sections 1.6 and 6.3: without Cilium nobody knows what a NetworkPolicy means to it; 2.2: the other kinds nothing.

    The host itself has no labels, so that nothing selects it (0, rule 2).
    """
    outcomes = allow_list([np_says(p, side) for p in side.cluster.of_kind("KNP", side)], local_host(side), always=False)
    if side.subject.kind == "host" or outcomes == {"next"}:
        return {"not_applicable"}
    return {"allow_default" if outcome == "next" else outcome for outcome in outcomes} | {"not_applicable"}


def tiers(side, normal):
    """Sections 2.2, 2.3: the order of the tiers.  3.11: enable-policy=never enforces nothing."""
    if side.cilium and side.settings.enable_policy == "never":
        return {"allow_default"}
    # 2.2: the admin kinds are about pods, which a host is not
    admin = side.engine in ("kubernetes", "cilium-1.20") and not side.subject.is_node()
    outcomes = set()
    for tier in (admin_tier if admin else no_tier, normal, baseline_tier if admin else no_tier):
        found = tier(side)
        outcomes |= found - {"next"}
        if "next" not in found:
            break
    else:
        outcomes.add("allow_default")
    return outcomes


def no_tier(_side):
    return {"next"}


ALLOWS, DENIES = ("allow", "allow_default"), ("deny_default", "deny_explicit")


def answer(outcomes):
    """The possible outcomes as one answer (6.3); of two kinds of one verdict the first, as the sheet leaves it open."""
    verdicts = [kinds for kinds in (ALLOWS, DENIES, ("not_applicable",)) if outcomes & set(kinds)]
    if len(verdicts) > 1:
        return "undecidable"
    return next(kind for kind in verdicts[0] if kind in outcomes)


def agrees(outcomes, other):
    """Is this answer right?  Where both kinds of one verdict are possible, either is."""
    passes = outcomes <= set(ALLOWS) | {"not_applicable"}        # it passes either way, so no fact is missing
    return other == answer(outcomes) or ((passes or answer(outcomes) != "undecidable") and other in outcomes)


# ---------------------------------------------------------------------------------------------------------------------
# Section 6.3: allow-list engines

class Said:
    """What one policy says of a side: selects it, allows it, denies it (three-valued), isolates it."""

    def __init__(self, selects, allows, denies, isolates):
        self.selects, self.allows, self.denies, self.isolates = selects, allows, denies, isolates


def allow_list(said, local_host, always):
    """The outcomes that are possible; "next" is "nothing isolates".

    local_host: the allowance of 3.11; always: enforced even if nothing selects.
    """
    maybe = [p for p in said if p.selects >= UNKNOWN]
    sure = [p for p in said if p.selects == TRUE]
    out = set()
    if any(p.denies >= UNKNOWN for p in maybe):
        out.add("deny_explicit")
    if any(p.denies == TRUE for p in sure):
        return out
    if any(p.allows >= UNKNOWN for p in maybe):
        out.add("allow")
    if any(p.allows == TRUE for p in sure):
        return out
    isolated = always or any(p.isolates for p in sure)
    if isolated or any(p.isolates and p.allows != TRUE for p in maybe):
        # 3.11: the host line comes last; without isolation it would change nothing
        out |= {TRUE: {"allow"}, UNKNOWN: {"allow", "deny_default"}, FALSE: {"deny_default"}}[local_host]
    if not isolated:
        out.add("next")
    return out


def normal_tier(side):
    """NetworkPolicy and, under Cilium, CNP and CCNP with it: one union (2.2 step 2, 2.3, 3.11, 3.13)."""
    return allow_list(all_say(side), local_host(side), always_isolated(side))


def all_say(side):
    policies = [np_says(p, side) for p in side.cluster.of_kind("KNP", side)]
    return policies + [rule_says(rule, side) for rule in cilium_rules(side)]


def cilium_rules(side):
    """Cilium's own kinds are Cilium's alone."""
    kinds = ("CNP", "CCNP") if side.cilium else ()
    return [rule for kind in kinds for p in side.cluster.of_kind(kind, side) for rule in p["rules"]]


def always_isolated(side):
    """Section 3.11: enable-policy=always; and an endpoint whose labels are not known yet is always enforced."""
    return side.cilium and (side.subject.kind == "init" or side.settings.enable_policy == "always")


def local_host(side):
    """Sections 1.6 and 3.11: the node's own traffic to its pods is allowed, unless a deny says otherwise.

    The regression of 1.20.0 under enable-policy=always (3.11, #48527) is not followed: the engine is the 1.20 line.
    """
    if side.direction != "ingress" or side.subject.kind == "host":
        return FALSE
    if side.peer.kind == "hostnetwork" and not side.cilium and side.peer.runs_elsewhere(side.node):
        return FALSE
    if side.peer.kind in (None, "hostnetwork"):
        return UNKNOWN
    return known(("reserved", "host", "") in side.peer.labels)


# ---------------------------------------------------------------------------------------------------------------------
# Section 1: NetworkPolicy

def check_np(_kind, namespace, _name, obj):
    """Sections 1.1 to 1.3: what the API server refuses, and its defaults."""
    spec = obj.get("spec") or {}
    out = {"namespace": namespace, "subject": spec.get("podSelector") or {}}
    check_selector(out["subject"], "podSelector")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        out[direction] = [check_np_rule(r or {}, peers) for r in a_list(spec.get(direction), direction) or []]
    types = a_list(spec.get("policyTypes"), "policyTypes") or []
    need(set(types) <= {"Ingress", "Egress"}, "bad policyTypes")
    # 1.2: defaulted when absent or empty
    out["types"] = set(types) or ({"Ingress", "Egress"} if out["egress"] else {"Ingress"})
    return out


def check_np_rule(rule, peers):
    a_map(rule, "rule")
    out = {"peers": a_list(rule.get(peers), peers) or [], "ports": a_list(rule.get("ports"), "ports") or []}
    for peer in out["peers"]:
        given = {k for k in ("podSelector", "namespaceSelector", "ipBlock") if (peer or {}).get(k) is not None}
        need(given, "must specify a peer")
        need("ipBlock" not in given or len(given) == 1, "ipBlock may not be combined")
        for key in given - {"ipBlock"}:
            check_selector(peer[key], key)
        if "ipBlock" in given:
            whole = prefix(peer["ipBlock"].get("cidr"))
            for hole in peer["ipBlock"].get("except") or []:
                need(prefix(hole).version == whole.version and prefix(hole) != whole
                     and prefix(hole).subnet_of(whole), "except must lie strictly inside cidr")
    for port in out["ports"]:
        check_np_port(port or {})
    return out


def check_np_port(item):
    port, end = item.get("port"), item.get("endPort")
    need(item.get("protocol") in (None, "TCP", "UDP", "SCTP"), "bad protocol")
    need(port is None or isinstance(port, (int, str)), "bad port")
    need(not isinstance(port, int) or 1 <= port <= 65535, "port out of range")
    need(not isinstance(port, str) or re.search("[a-z]", port), "a port name has a letter")
    if end is not None:
        need(isinstance(port, int) and isinstance(end, int) and port <= end <= 65535, "bad endPort")


def np_says(policy, side):
    """Section 1.7, with Cilium's reading of policyTypes (1.2) and of the labels (3.13)."""
    rules = np_rules(policy, side)
    isolates = side.direction.capitalize() in policy["types"] or bool(rules)
    allows = either(both(either([np_peer_matches(p, policy["namespace"], side.peer, side) for p in rule["peers"]])
                         if rule["peers"] else TRUE,
                         either([np_port_matches(p or {}, side) for p in rule["ports"]])
                         if rule["ports"] else TRUE)
                    for rule in rules)
    if side.is_icmp() and not side.cilium and isolates:
        allows = UNKNOWN                        # 1.5: neither "deny all" nor "allow all" is sure to hold ICMP
    return Said(np_selects(policy, side), allows, FALSE, isolates)


def np_rules(policy, side):
    """Section 1.2: rules of a direction that is not listed have no effect upstream; Cilium converts what it finds."""
    listed = side.direction.capitalize() in policy["types"]
    return policy[side.direction] if listed or side.cilium else []


def np_selects(policy, side):
    return both(in_namespace(side.subject, policy["namespace"]),
                np_pod_selector(policy["subject"], side.subject, side.cilium))


def in_namespace(end, namespace):
    if is_pod(end) == FALSE or end.kind is None:
        return is_pod(end)
    return both(is_pod(end), UNKNOWN if end.namespace is None else known(end.namespace == namespace))


def np_pod_selector(selector, end, cilium):
    """Keys that Cilium strips are absent for it and real for Kubernetes (1.8, 6.2)."""
    if cilium:
        return selector_matches(selector, lambda key: end.identity_label("k8s", key))
    return selector_matches(selector, end.pod_label)


def np_peer_matches(item, namespace, peer, side):
    """Sections 1.1, 1.3."""
    if item.get("ipBlock") is not None:
        return ip_block_matches(item["ipBlock"], side)
    pods, namespaces = item.get("podSelector"), item.get("namespaceSelector")
    if namespaces is None:
        where = in_namespace(peer, namespace)
    else:
        where = both(is_pod(peer), selector_matches(namespaces, peer.namespace_label))
    return where if where == FALSE else both(where, np_pod_selector(pods or {}, peer, side.cilium))


def is_pod(end):
    """Section 6.3: pod selectors are FALSE, not UNKNOWN, for world, host and remote-node.

    1.6: a pod with the network of its node is that node to Cilium; to others nobody knows.
    """
    if end.kind is None or (end.kind == "hostnetwork" and not end.cilium):
        return UNKNOWN
    return known(end.is_managed_pod())


def ip_block_matches(block, side):
    """Sections 1.6, 1.8, 6.3."""
    holes = [prefix(hole) for hole in block.get("except") or []]
    if side.cilium:
        return cilium_cidr_matches([prefix(block["cidr"])], holes, side)        # 3.13
    if not side.peer_in(prefix(block["cidr"])) or any(side.peer_in(hole) for hole in holes):
        return FALSE
    # 1.6: nodes are matched by ipBlock; pods, and what else has an address of the cluster, are undefined
    return TRUE if side.peer.kind == "world" or side.peer.is_node() else UNKNOWN


def cilium_cidr_matches(nets, holes, side):
    """Section 3.7: Cilium's CIDRs match what carries a world label, and not pods or nodes unless a setting says so.

    Nodes are missed by a prefix of length 0 even then (#47827); of pods the sheet says no such thing.
    """
    if side.peer.is_node():
        nets = [net for net in nets if net.prefixlen > 0]
    inside = any(side.peer_in(net) for net in nets) and not any(side.peer_in(hole) for hole in holes)
    return both(known(inside), has_cidr_identity(side))


def has_cidr_identity(side):
    """Section 3.7: the peers that a CIDR may hold at all."""
    kind = side.peer.kind
    if kind is None:
        return UNKNOWN
    return known(kind == "world" or side.settings.cidrs_match_nodes and side.peer.is_node()
                 or side.settings.cidrs_match_pods and kind == "pod")


def np_port_matches(item, side):
    """Section 1.5.  Ports do not match ICMP in Cilium; what they do elsewhere, nobody asks."""
    if side.is_icmp():
        return FALSE
    protocol, port = item.get("protocol") or "TCP", item.get("port")
    if protocol != side.protocol:
        return FALSE
    if port is None:
        return TRUE
    if isinstance(port, str):
        return side.destination.named_port(port, protocol, side.port)
    return side.in_range(port, item.get("endPort") or port)


# ---------------------------------------------------------------------------------------------------------------------
# Section 2: AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy

def check_anp(kind, _namespace, name, obj):
    """Section 2.1, v1alpha1."""
    spec = a_map(obj.get("spec"), "spec")
    need(kind == "ANP" or name == "default", "a BaselineAdminNetworkPolicy is named default")
    priority = spec.get("priority") if kind == "ANP" else 0
    need(isinstance(priority, int) and 0 <= priority <= 1000, "bad priority")
    actions = {"Allow", "Deny"} | ({"Pass"} if kind == "ANP" else set())
    tier = "Admin" if kind == "ANP" else "Baseline"
    return check_tiered(spec, tier, priority, actions, 100, 100, check_anp_ports)


def check_kcnp(_kind, _namespace, _name, obj):
    """Section 2.1, v1alpha2."""
    spec = a_map(obj.get("spec"), "spec")
    need(spec.get("tier") in ("Admin", "Baseline"), "bad tier")
    need(isinstance(spec.get("priority"), int) and 0 <= spec["priority"] <= 1000, "bad priority")
    return check_tiered(spec, spec["tier"], spec["priority"], {"Accept", "Deny", "Pass"}, 25, 25, check_kcnp_ports)


def check_tiered(spec, tier, priority, actions, max_rules, max_peers, check_ports):
    out = {"tier": tier, "priority": priority, "subject": check_subject(spec.get("subject"))}
    for direction, field in (("ingress", "from"), ("egress", "to")):
        rules = a_list(spec.get(direction), direction) or []
        need(len(rules) <= max_rules, "too many rules")
        out[direction] = []
        for rule in rules:
            need(a_map(rule, "rule").get("action") in actions, "bad action")
            peers = a_list(rule.get(field), field) or []
            need(1 <= len(peers) <= max_peers, "from or to needs a peer")
            peers = [check_admin_peer(p, direction, rule["action"]) for p in peers]
            ports = check_ports(rule)
            named = any(p["name"] for p in ports or [])
            need(not named or not any(p and p[0] in ("networks", "nodes", "domainNames") for p in peers),
                 "a named port may not be combined with networks, nodes or domainNames")
            action = "Allow" if rule["action"] == "Accept" else rule["action"]
            out[direction].append({"action": action, "peers": peers, "ports": ports})
    return out


def check_subject(subject):
    a_map(subject, "subject")
    given = {k: v for k, v in subject.items() if k in ("namespaces", "pods") and v is not None}
    need(len(given) == 1, "a subject is namespaces or pods")
    peer = check_admin_peer(given, "ingress", "Allow")
    need(peer is not None, "the subject is not understood")
    return peer


def check_admin_peer(peer, direction, action):
    """(kind, content), or None for an empty or unknown peer, which fails closed (2.1 history, 2.2)."""
    fields = ("namespaces", "pods") if direction == "ingress" else ("namespaces", "pods", "nodes", "networks",
                                                                    "domainNames")
    given = {k: v for k, v in a_map(peer, "peer").items() if k in fields}
    need(len(given) <= 1, "a peer has exactly one key")
    if not given:
        return None
    kind, content = next(iter(given.items()))
    if kind == "networks":
        need(1 <= len(a_list(content, kind) or []) <= 25, "bad networks")
        return kind, [prefix(c) for c in content]
    if kind == "domainNames":
        need(1 <= len(a_list(content, kind) or []) <= 25, "bad domainNames")
        need(action in ("Allow", "Accept"), "domainNames only allow")
        return kind, content
    a_map(content, kind)
    if kind == "pods":
        if set(content) - {"namespaceSelector", "podSelector"}:
            return None
        parts = {k: v for k, v in content.items() if v is not None}     # 1.4: null is not given
        for part in parts.values():
            check_selector(part, kind)
        return kind, parts
    if set(content) - {"matchLabels", "matchExpressions"}:
        return None                             # 2.1 history: sameLabels and wrappers
    check_selector(content, kind)
    return kind, content


def check_anp_ports(rule):
    """None: every protocol.  Else a list of {protocol, first, last, name}."""
    ports = a_list(rule.get("ports"), "ports") or []
    need(len(ports) <= 100, "too many ports")
    out = []
    for item in ports:
        a_map(item, "port")
        need(len(item) == 1, "a port has exactly one key")
        if "namedPort" in item:
            out.append({"name": item["namedPort"]})
        elif "portNumber" in item:
            number = item["portNumber"]
            out.append(check_numbers(number.get("protocol"), number.get("port"), number.get("port")))
        else:
            span = item["portRange"]
            out.append(check_numbers(span.get("protocol"), span.get("start"), span.get("end")))
    return out or None


def check_numbers(protocol, first, last):
    need(protocol in (None, "", "TCP", "UDP", "SCTP"), "bad protocol")
    need(isinstance(first, int) and isinstance(last, int) and 1 <= first <= last <= 65535, "bad port")
    return {"name": None, "protocol": protocol or "TCP", "first": first, "last": last}


def check_kcnp_ports(rule):
    protocols = a_list(rule.get("protocols"), "protocols")
    if protocols is None:
        return None
    need(1 <= len(protocols) <= 25, "bad protocols")
    out = []
    for item in protocols:
        a_map(item, "protocol")
        need(len(item) == 1, "a protocol has exactly one key")
        key, content = next(iter(item.items()))
        if key == "destinationNamedPort":
            out.append({"name": content})
            continue
        need(key in ("tcp", "udp", "sctp"), "bad protocol")
        if a_map(content, key).get("destinationPort") is None:
            out.append(check_numbers(key.upper(), 1, 65535))       # not in the sheet; from the shared vectors
            continue
        port = a_map(content["destinationPort"], "destinationPort")
        need(len(port) == 1, "a port is number or range")
        span = port.get("range") or {"start": port.get("number"), "end": port.get("number")}
        need("number" in port or span.get("start", 0) < span.get("end", 0), "start must be below end")
        out.append(check_numbers(key.upper(), span.get("start"), span.get("end")))
    return out


def admin_tier(side):
    return first_match(side, "Admin")


def baseline_tier(side):
    return first_match(side, "Baseline")


def first_match(side, tier):
    """Sections 2.2 and 6.3: by priority, and of equal priority in every order; Pass and falling off are "next"."""
    kinds = ("KCNP",) if side.cilium else ("ANP", "BANP", "KCNP")
    policies = [p for kind in kinds for p in side.cluster.of_kind(kind, side) if p["tier"] == tier]
    outcomes = set()
    for priority in sorted({p["priority"] for p in policies}):
        results = [policy_results(p, side) for p in policies if p["priority"] == priority]
        # whichever policy of the group comes first, its match counts; all must miss for the group to miss
        for result in results:
            outcomes |= result - {"miss"}
        if any("miss" not in result for result in results):
            return outcomes
    return outcomes | {"next"}


def policy_results(policy, side):
    """The possible results of one policy: walk its rules in order (6.3); "miss" too where it may not select."""
    selects = admin_peer_matches(policy["subject"], side.subject, side)
    if selects == FALSE:
        return {"miss"}
    results = {"miss"} if selects == UNKNOWN else set()
    for rule in policy[side.direction]:
        action, peers = fail_closed(rule, side)
        matches = both(peers, admin_ports_match(rule["ports"], side))
        if matches >= UNKNOWN:
            results.add({"Allow": "allow", "Deny": "deny_explicit", "Pass": "next"}[action])
        if matches == TRUE:
            return results
    return results | {"miss"}


def fail_closed(rule, side):
    """Section 2.2: with a peer that is not understood, Allow matches nothing by it, Deny and Pass deny all."""
    if None in rule["peers"] and rule["action"] != "Allow":
        return "Deny", TRUE
    return rule["action"], either(admin_peer_matches(p, side.peer, side, rule["action"]) for p in rule["peers"] if p)


def admin_peer_matches(peer, end, side, action="Allow"):
    """Section 2.2; under Cilium (2.3) labels are those of the identity and networks never hold pods."""
    kind, content = peer
    if kind == "networks":
        if side.cilium:
            return cilium_cidr_matches(content, [], side)
        return known(any(side.peer_in(net) for net in content))
    if kind == "domainNames":
        return either(domain_matches(name, side) for name in content)
    if kind == "nodes":
        return nodes_match(content, side, action)
    namespaces = content if kind == "namespaces" else content.get("namespaceSelector") or {}
    pods = {} if kind == "namespaces" else content.get("podSelector") or {}
    if is_pod(end) == FALSE or end.kind == "hostnetwork":
        return FALSE
    return both(is_pod(end), selector_matches(namespaces, end.namespace_label),
                np_pod_selector(pods, end, side.cilium))


def nodes_match(selector, side, action):
    """Section 2.2: nodes are the addresses in Node.status.addresses; labels of the record come first (5.6).

    2.3: Cilium needs enable-node-selector-labels; what it does without, the sheet does not say.
    """
    if side.cilium and not side.settings.node_selectors:
        # fail closed, or the rule is refused: either way an Allow matches no pod
        return UNKNOWN if action != "Allow" or side.peer.is_node() or side.peer.kind is None else FALSE
    node = side.cluster.nodes_by_ip.get(side.peer.ip)
    labels = recorded_node_labels(side.peer) or (own_labels(node) if node else None)
    if labels is not None:
        return selector_matches(selector, lambda key: labels.get(key, ABSENT))
    if side.peer.is_node():
        return UNKNOWN if list(requirements(selector)) else TRUE
    return UNKNOWN if side.peer.kind is None else FALSE


def recorded_node_labels(end):
    return {key: value for source, key, value in end.labels if source == "node"}


def domain_matches(pattern, side):
    """Section 2.2: "*." is one or more labels."""
    pattern = pattern.lower().rstrip(".")
    if pattern.startswith("*."):
        found = any(n.endswith(pattern[1:]) and len(n) > len(pattern) - 1 for n in known_names(side))
    else:
        found = pattern in known_names(side)
    return by_name(found, side)


def known_names(side):
    """Section 3.8: names the record gives, and the fqdn: labels of the peer that are names."""
    labels = [key.lower().rstrip(".") for source, key, _ in side.peer.labels if source == "fqdn"]
    return side.names + [name for name in labels if "*" not in name]


def by_name(found, side):
    """Section 3.8, last lines: names are evidence for world peers only; without it nobody knows."""
    if side.peer.kind not in ("world", None):
        return FALSE
    return TRUE if found and side.peer.kind == "world" else UNKNOWN


def admin_ports_match(ports, side):
    """Absent is every protocol including ICMP; a named port is of any protocol (2.1)."""
    if ports is None:
        return TRUE
    if side.is_icmp():
        return FALSE
    return either(side.destination.named_port(p["name"], side.protocol, side.port) if p["name"]
                  else both(known(p["protocol"] == side.protocol), side.in_range(p["first"], p["last"]))
                  for p in ports)


# ---------------------------------------------------------------------------------------------------------------------
# Section 3: CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy

INGRESS_L3 = ("fromEndpoints", "fromEntities", "fromCIDR", "fromCIDRSet", "fromNodes", "fromGroups")
EGRESS_L3 = ("toEndpoints", "toEntities", "toCIDR", "toCIDRSet", "toNodes", "toGroups", "toServices", "toFQDNs")
ENTITIES = ("all", "world", "host", "remote-node", "kube-apiserver", "ingress", "health", "init", "unmanaged", "none",
            "cluster")
SECTIONS = ("ingress", "ingressDeny", "egress", "egressDeny")
PROTOCOLS = ("", "ANY", "TCP", "UDP", "SCTP")
ICMP_TYPES = {
    "IPv4": {"EchoReply": 0, "DestinationUnreachable": 3, "Redirect": 5, "Echo": 8, "EchoRequest": 8,
             "RouterAdvertisement": 9, "RouterSelection": 10, "TimeExceeded": 11, "ParameterProblem": 12,
             "Timestamp": 13, "TimestampReply": 14, "Photuris": 40, "ExtendedEchoRequest": 42,
             "ExtendedEchoReply": 43},
    "IPv6": {"DestinationUnreachable": 1, "PacketTooBig": 2, "TimeExceeded": 3, "ParameterProblem": 4,
             "EchoRequest": 128, "EchoReply": 129, "RouterSolicitation": 133, "RouterAdvertisement": 134,
             "NeighborSolicitation": 135, "NeighborAdvertisement": 136, "RedirectMessage": 137},
}


def check_cilium(kind, namespace, _name, obj):
    """Section 3.1: spec and specs; one bad rule refuses the whole object."""
    rules = [obj["spec"]] if "spec" in obj else []
    rules += a_list(obj.get("specs"), "specs") or []
    need(rules, "no rule")
    rules = [check_rule(kind, namespace, rule) for rule in rules]
    return {"rules": rules, "uses": set().union(*(rule["uses"] for rule in rules))}


def check_rule(kind, namespace, rule):
    a_map(rule, "rule")
    given = [k for k in ("endpointSelector", "nodeSelector") if k in rule]
    need(len(given) == 1, "exactly one of endpointSelector and nodeSelector")
    need(kind == "CCNP" or given == ["endpointSelector"], "nodeSelector in a CiliumNetworkPolicy")
    check_selector(rule[given[0]], given[0])
    out = {"kind": kind, "namespace": namespace, "subject": rule[given[0]], "nodes": given == ["nodeSelector"]}
    for section in SECTIONS:
        out[section] = a_list(rule.get(section), section) or []
        for item in out[section]:
            check_item(a_map(item, section), section, out["nodes"])
    items = [item for section in SECTIONS for item in out[section]]
    out["requires"] = any(item.get("fromRequires") or item.get("toRequires") for item in items)
    out["uses"] = {"requires"} if out["requires"] else set()
    if any(item.get("fromNodes") or item.get("toNodes") for item in items):
        out["uses"].add("nodes")
    need(any(out[section] for section in SECTIONS), "a rule needs at least one of " + ", ".join(SECTIONS))
    default_deny = a_map(rule.get("enableDefaultDeny", {}), "enableDefaultDeny")
    need(all(default_deny.get(d) in (None, True, False) for d in ("ingress", "egress")), "bad enableDefaultDeny")
    out["default_deny"] = {d: default_deny.get(d) is not False for d in ("ingress", "egress")}
    return out


def l3_members(item, section):
    """The L3 members given: [] is given, null is not (3.1, 3.3).  Denies have no toFQDNs (3.2): pruned (5.1)."""
    names = INGRESS_L3 if section.startswith("ingress") else EGRESS_L3
    names = [n for n in names if (n, section) != ("toFQDNs", "egressDeny")]
    return {n: item[n] for n in names if a_list(item.get(n), n) is not None}


def check_item(item, section, host):
    members = l3_members(item, section)
    need(sum(1 for m in members.values() if m) <= 1, "combining two L3 members is not supported yet")
    if not section.endswith("Deny"):
        mode = (item.get("authentication") or {}).get("mode")
        need(mode in (None, "required", "disabled", "test-always-fail"), "bad authentication.mode")     # 3.10
    for name, values in members.items():
        for value in values:
            check_peer(name, value)
    ports, icmps = a_list(item.get("toPorts"), "toPorts") or [], a_list(item.get("icmps"), "icmps") or []
    need(not ports or not icmps, "icmps may not be combined with toPorts")
    for entry in ports:
        listed = a_list(a_map(entry, "toPorts").get("ports"), "ports") or []
        need(len(listed) <= 40, "too many ports, the max is 40")
        for port in listed:
            check_port(a_map(port, "port"))
        check_l7(entry, listed, section, host)
    for entry in icmps:
        listed = a_list(a_map(entry, "icmps").get("fields"), "fields") or []
        need(len(listed) <= 40, "too many types, the max is 40")
        for field in listed:
            need(field.get("family") in (None, "IPv4", "IPv6"), "wrong family")


def check_peer(name, value):
    if name.endswith("Endpoints") or name.endswith("Nodes"):
        check_selector(value, name)
    elif name == "toServices":
        chosen = a_map(value, name).get("k8sServiceSelector")
        if chosen is not None:
            check_selector(a_map(chosen, name).get("selector"), name)
    elif name.endswith("Entities"):
        need(value in ENTITIES, "unknown entity")
    elif name.endswith("CIDR"):
        network(value)
    elif name.endswith("CIDRSet"):
        given = [k for k in ("cidr", "cidrGroupRef", "cidrGroupSelector") if a_map(value, name).get(k) is not None]
        need(len(given) == 1, "one of cidr, cidrGroupRef, or cidrGroupSelector is required")
        if given == ["cidrGroupSelector"]:
            check_selector(value["cidrGroupSelector"], "cidrGroupSelector")
        for hole in a_list(value.get("except"), "except") or []:
            address = ipaddress.ip_address(prefix(hole).network_address)
            need(given != ["cidr"] or address in prefix(value["cidr"]), "except must lie in cidr")
        if given == ["cidr"]:
            prefix(value["cidr"])
    elif name == "toFQDNs":
        a_map(value, name)
        for key, allowed in (("matchName", r"[-a-zA-Z0-9_.]*"), ("matchPattern", r"[-a-zA-Z0-9_.*]*")):
            text = value.get(key) or ""
            need(len(text) <= 255 and re.fullmatch(allowed, text.strip()), "bad characters in " + key)


def check_port(item):
    """Section 3.9."""
    port = item.get("port")
    need(isinstance(port, str) and port, "a port is a string")
    if port.isdigit():
        need(int(port) <= 65535, "port out of range")
    else:
        need(len(port) <= 15 and re.fullmatch(r"[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*", port) and re.search("[a-zA-Z]", port),
             "bad port name")
    need((item.get("protocol") or "").upper() in PROTOCOLS, "bad protocol")
    end = item.get("endPort")
    need(end is None or (isinstance(end, int) and 0 <= end <= 65535), "bad endPort")


L7_PARSERS = ("http", "kafka", "dns", "l7proto")


def l7_rules(entry):
    """Section 3.3: what is not empty of an entry's rules; an empty list is no L7 enforcement."""
    rules = entry.get("rules") or {}
    return {name: rules[name] for name in L7_PARSERS + ("l7",) if rules.get(name)}


def check_l7(entry, ports, section, host):
    """Section 3.10.  The ports of a rule for DNS are said one by one: without ranges and, by 3.9, endPort.

    The lists of denies have no such fields (3.2), and what the schema lacks is pruned (5.1): the entry denies at L4.
    """
    rules = l7_rules(a_map(entry, "toPorts"))
    if section.endswith("Deny"):
        return
    need(not entry.get("listener") or section == "egress", "a listener is for egress")
    if not rules:
        return
    parsers = [name for name in L7_PARSERS if name in rules]
    need(len(parsers) == 1, "exactly one of http, kafka, dns and l7proto")
    need(not entry.get("serverNames") or entry.get("terminatingTLS"), "serverNames with L7 rules need terminatingTLS")
    protocols = ("TCP", "UDP", "ANY", "") if parsers == ["dns"] else ("TCP",)
    for port in ports:
        need((port.get("protocol") or "").upper() in protocols, "L7 rules are for TCP")
        need(not port["port"].isdigit() or int(port["port"]) > 0, "L7 rules need a port other than 0")
    if parsers == ["dns"]:
        need(section == "egress", "dns rules are for egress")
        need(ports, "dns rules need ports")
        need(not any(port.get("endPort") for port in ports), "dns rules take no range")
    need(not host or parsers == ["dns"], "host policies take dns rules only")
    for item in rules[parsers[0]] if parsers != ["l7proto"] else []:
        check_l7_item(parsers[0], a_map(item, "rule"))


KAFKA_ROLES = {"produce": ("produce", "metadata", "apiversions"),
               "consume": ("fetch", "offsets", "metadata", "offsetcommit", "offsetfetch", "findcoordinator",
                           "joingroup", "heartbeat", "leavegroup", "syncgroup", "apiversions")}
KAFKA_TOPIC_KINDS = ("produce", "fetch", "offsets", "metadata", "leaderandisr", "stopreplica", "updatemetadata",
                     "offsetcommit", "offsetfetch", "createtopics", "deletetopics", "deleterecords",
                     "offsetforleaderepoch", "addpartitionstotxn", "writetxnmarkers", "txnoffsetcommit",
                     "alterreplicalogdirs", "describelogdirs", "createpartitions")


def check_l7_item(parser, item):
    if parser == "dns":
        check_peer("toFQDNs", item)
    elif parser == "kafka":
        need(not (item.get("apiKey") and item.get("role")), "apiKey or role, not both")
        need(not item.get("role") or item["role"].lower() in KAFKA_ROLES, "bad role")
        need(not item.get("apiVersion") or item["apiVersion"].isdigit(), "apiVersion is a number")
    else:
        for match in a_list(item.get("headerMatches"), "headerMatches") or []:
            need(a_map(match, "headerMatches").get("name"), "a header needs a name")
            need(match.get("mismatch") in (None, "", "LOG", "ADD", "DELETE", "REPLACE"), "bad mismatch")


def rule_says(rule, side):
    """Section 3.11: a rule isolates by its items, allowing or denying, unless enableDefaultDeny says false."""
    allow, deny = rule[side.direction], rule[side.direction + "Deny"]
    isolates = bool(allow or deny) and (rule["default_deny"][side.direction] or not side.settings.non_default_deny)
    if rule["requires"]:
        return Said(subject_matches(rule, side), UNKNOWN, UNKNOWN, isolates)        # 3.2: in the whole rule
    return Said(subject_matches(rule, side),
                either(item_matches(i, side.direction, rule, side) for i in allow),
                either(item_matches(i, side.direction + "Deny", rule, side) for i in deny),
                isolates)


def subject_matches(rule, side):
    """Sections 3.2, 3.4, 3.14: a CNP's subject is bound to its namespace; the host is a nodeSelector's alone."""
    subject = side.subject
    if rule["nodes"] != subject.is_node():
        return FALSE
    if rule["nodes"]:
        return both(*(requirement_holds(op, values, host_label(side, *selector_key(key)))
                      for key, op, values in requirements(rule["subject"])))
    wanted = [r for r in requirements(rule["subject"])]
    if rule["kind"] == "CNP":
        bound = set((rule["subject"].get("matchLabels") or {})) & {"k8s:" + CILIUM_NAMESPACE}
        wanted = [r for r in wanted if r[0] not in bound]
        wanted.append(("k8s:" + CILIUM_NAMESPACE, "In", [rule["namespace"]]))
    return cilium_selector(wanted, subject)


def selector_key(key):
    """Section 3.4: (source, key)."""
    if key.startswith("$"):
        return "reserved", key[1:]
    source, colon, rest = key.partition(":")
    return (source, rest) if colon else ("any", key)


def cilium_selector(wanted, end):
    return both(*(requirement_holds(op, values, end.identity_label(*selector_key(key))) for key, op, values in wanted))


def host_label(side, source, key):
    """Section 3.4 of the host: reserved:host, and the labels of the Node that reports."""
    if source == "reserved" or (source == "any" and key == "host"):
        return side.subject.identity_label(source, key)
    node = node_named(side.cluster, side.node)
    if source not in ("any", "k8s") or stripped(key):
        return ABSENT           # 3.5: the filter of identities is that of the host's labels too
    return own_labels(node).get(key, ABSENT) if node else MISSING_FACT


def endpoint_peer_matches(selector, rule, side):
    """Section 3.4, implicit scope of peer selectors, steps 1 to 5."""
    wanted = list(requirements(selector))
    keys = [selector_key(key) for key, _, _ in wanted]
    if not any(source == "reserved" for source, _ in keys):
        pod_keys = [key for source, key in keys if source in ("any", "k8s")]
        by_labels = any(key.startswith(CILIUM_NAMESPACE_LABELS) for key in pod_keys)
        if CILIUM_NAMESPACE in pod_keys:
            pass
        elif rule["kind"] == "CNP":
            if not by_labels:
                wanted.append(("k8s:" + CILIUM_NAMESPACE, "In", [rule["namespace"]]))
        elif not any(selector_key(k) == ("reserved", "init") for k, _, _ in requirements(rule["subject"])):
            wanted.append((CILIUM_NAMESPACE, "Exists", []))
        if CILIUM_CLUSTER not in pod_keys and side.settings.local_cluster_only:
            wanted.append(("k8s:" + CILIUM_CLUSTER, "In", [LOCAL_CLUSTER]))
    return cilium_selector(wanted, side.peer)


def item_matches(item, section, rule, side):
    """Section 3.2: any peer of the L3 member and any port or ICMP type."""
    peers = either(truth for _, truth in item_peers(item, section, rule, side))
    return both(peers, l4_matches(item, side))


ANY_PEER = "any peer"


def item_peers(item, section, rule, side):
    """Section 3.3, the nil and empty matrix: (the peer as it is written, does it match) of each."""
    members = l3_members(item, section)
    members = {n: m for n, m in members.items() if n != "toFQDNs" or m}     # toFQDNs: [] is not special-cased
    l4 = (item.get("toPorts") or []) + (item.get("icmps") or [])
    if not members:
        return [(ANY_PEER, TRUE)] if l4 else []                             # - {} is nothing
    services = members.get("toServices") or []
    if services and l4 and all(service_meaning(s, side) == NOTHING for s in services):
        return [(ANY_PEER, TRUE)]
    return [(written(name, value, rule), peer_matches(name, value, rule, side))
            for name, values in members.items() for value in values]


def written(name, value, rule):
    """Two peers are the same if this is: a selector also means its policy's namespace (3.4)."""
    return json.dumps([name, value, rule["namespace"] if name.endswith("Endpoints") else None], sort_keys=True)


def peer_matches(name, value, rule, side):
    if name.endswith("Endpoints"):
        return endpoint_peer_matches(value, rule, side)
    if name.endswith("Entities"):
        return entity_matches(value, side.peer)
    if name.endswith("CIDR"):
        return cilium_cidr_matches([network(value)], [], side)
    if name.endswith("CIDRSet"):
        return cidr_set_matches(value, side)
    if name.endswith("Nodes"):
        return node_peer_matches(value, side)
    if name == "toFQDNs":
        return fqdn_matches(value, side)
    if name == "toServices":
        return service_matches(value, rule, side)
    return both(UNKNOWN, has_cidr_identity(side))       # 3.2: groups are CIDRs that nobody here knows


def node_peer_matches(selector, side):
    """Section 3.4, end: remote nodes only, by the labels of the record or else of the Node object."""
    peer = side.peer
    recorded = recorded_node_labels(peer)
    node = side.cluster.nodes_by_ip.get(peer.ip)

    def label(key):
        if recorded:
            return recorded.get(key, ABSENT)
        return own_labels(node).get(key, ABSENT) if node else MISSING_FACT
    return both(requirement_holds("Exists", [], peer.identity_label("reserved", "remote-node")),
                *(requirement_holds(op, values, label(selector_key(key)[1]))
                  for key, op, values in requirements(selector)))


# Section 3.12: what an entry of toServices comes to, beside a list of services
NOTHING, NOT_KNOWN = "nothing", "not known"


def services_meant(item, side):
    """The Service objects that an entry of toServices speaks of, or NOTHING, or NOT_KNOWN (6.3, inventory)."""
    inventory = side.cluster.services
    by_name, by_selector = item.get("k8sService"), item.get("k8sServiceSelector")

    def within(entry, space):
        return entry.get("namespace") in (None, "", space)          # empty: any namespace
    found = [key for key in inventory if by_name and key[1] == by_name.get("serviceName") and within(by_name, key[0])]
    if by_selector:
        found += [key for key, obj in inventory.items() if within(by_selector, key[0]) and selector_matches(
            by_selector["selector"], lambda name, obj=obj: own_labels(obj).get(selector_key(name)[1], ABSENT)) == TRUE]
    if found:
        return found
    return NOTHING if by_selector and not by_name and inventory else NOT_KNOWN


def service_selector(cluster, key):
    return (cluster.services[key].get("spec") or {}).get("selector") or {}


def service_meaning(item, side):
    """NOTHING also where no service that is meant selects pods or has an address, as the list of peers is empty then.

    A service without selector of which there are neither Endpoints nor EndpointSlices is a gap in the inventory.
    """
    meant = services_meant(item, side)
    if isinstance(meant, str):
        return meant
    bare = [key for key in meant if not service_selector(side.cluster, key)]
    if any(key not in side.cluster.backends for key in bare):
        return NOT_KNOWN
    return NOTHING if len(bare) == len(meant) and not any(side.cluster.backends[key] for key in bare) else meant


def service_matches(item, rule, side):
    """Section 3.12: the pods that a service selects, in its namespace; or the addresses of its backends."""
    meant = services_meant(item, side)
    if meant == NOTHING:
        return FALSE
    if meant == NOT_KNOWN:
        return UNKNOWN
    truths = []
    for key in meant:
        labels = service_selector(side.cluster, key)
        if labels:
            selector = {"matchLabels": {**labels, "k8s:" + CILIUM_NAMESPACE: key[0]}}
            truths.append(endpoint_peer_matches(selector, rule, side))
        elif key in side.cluster.backends:
            truths += [cilium_cidr_matches([net], [], side) for net in side.cluster.backends[key]]
        else:
            truths.append(UNKNOWN)
    return either(truths)


def entity_matches(entity, peer):
    """Section 3.6."""
    if entity == "all":
        return TRUE
    if entity == "none":
        return FALSE

    def reserved(name):
        found = peer.identity_label("reserved", name)
        return UNKNOWN if found is MISSING_FACT else known(found is not ABSENT)
    if entity == "world":
        return either(reserved(name) for name in WORLD_LABELS)
    if entity == "cluster" and peer.kind == "hostnetwork":
        return TRUE                     # 1.6: one of the nodes
    if entity == "cluster":
        names = ("host", "remote-node", "init", "ingress", "health", "unmanaged", "kube-apiserver")
        local = requirement_holds("In", [LOCAL_CLUSTER], peer.identity_label("k8s", CILIUM_CLUSTER))
        return either([local] + [reserved(name) for name in names])
    return reserved(entity)


def cidr_set_matches(item, side):
    """Section 3.7: except removes from its own entry only; an empty group matches nothing.

    A group that the manifests lack: 3.7 says it matches nothing, 6.3 says UNKNOWN.  This follows 6.3.
    """
    if item.get("cidr") is not None:
        nets = [prefix(item["cidr"])]
    else:
        groups = [cidrs for name, (labels, cidrs) in side.cluster.cidr_groups.items()
                  if name == item.get("cidrGroupRef") or item.get("cidrGroupSelector") is not None
                  and selector_matches(item["cidrGroupSelector"], lambda key: labels.get(key, ABSENT)) == TRUE]
        if not groups:
            return both(UNKNOWN, has_cidr_identity(side))
        nets = [net for cidrs in groups for net in cidrs]
    return cilium_cidr_matches(nets, [prefix(hole) for hole in item.get("except") or []], side)


def fqdn_pattern(pattern, double_star):
    """Section 3.8: the conversion of a matchPattern; before 1.19 a leading "**." is as any other run of stars."""
    pattern = pattern.strip().lower()
    if re.fullmatch(r"[*]+[.]?", pattern):
        return r"(([-a-zA-Z0-9_]+[.])+)|([.])"
    if not pattern.endswith("."):
        pattern += "."
    lead = re.match(r"[*]{2,}[.]", pattern) if double_star else None
    rest = pattern[lead.end():] if lead else pattern
    rest = re.sub(r"[*]+", r"[-a-zA-Z0-9_]*", rest.replace(".", "[.]"))
    return (r"([-a-zA-Z0-9_]+([.][-a-zA-Z0-9_]+){0,})[.]" if lead else "") + rest


def fqdn_matches(item, side):
    """Section 3.8: by the names the record knows, or by fqdn: labels of the peer."""
    patterns = [item[k] for k in ("matchName", "matchPattern") if item.get(k)]
    labels = [key for source, key, _ in side.peer.labels if source == "fqdn"]
    found = any(re.fullmatch(fqdn_pattern(p, side.settings.double_star), name + ".")
                for p in patterns for name in known_names(side))
    found = found or any(p.lower().rstrip(".") == key.lower().rstrip(".") for p in patterns for key in labels)
    if not found and side.settings.identity_is_evidence and side.peer.identity_known and side.cilium:
        return FALSE                    # the identity would carry the label of this rule
    return by_name(found, side)


def l4_matches(item, side):
    """Section 3.9; no L4 at all is every protocol, an L4 list without ports is none (3.3)."""
    ports, icmps = item.get("toPorts") or [], item.get("icmps") or []
    if not ports and not icmps:
        return TRUE
    return either([port_matches(p, side) for entry in ports for p in entry.get("ports") or []]
                  + [icmp_matches(f, side) for entry in icmps for f in entry.get("fields") or []])


def port_matches(item, side):
    protocol = (item.get("protocol") or "ANY").upper()
    if side.protocol not in ("TCP", "UDP", "SCTP") or protocol not in ("ANY", side.protocol):
        return FALSE
    if not item["port"].isdigit():
        return side.destination.named_port(item["port"].lower(), side.protocol, side.port)
    first = int(item["port"])
    if first == 0:
        return TRUE
    return side.in_range(first, max(first, item.get("endPort") or 0))


def icmp_matches(field, side):
    """Section 3.9: the type counts, the code does not."""
    family = field.get("family") or "IPv4"
    number = field.get("type")
    if isinstance(number, str):
        number = int(number) if number.isdigit() else ICMP_TYPES[family].get(number)
    return known(side.protocol == family.replace("IP", "ICMP") and side.port == number)


# ---------------------------------------------------------------------------------------------------------------------
# Section 3.10: requests

class Grant:
    """One peer and one port entry of an allow item: does it hold for the connection, and with which L7 rules."""

    def __init__(self, holds, peer, port, rules, server_names):
        self.holds, self.peer, self.port, self.rules, self.server_names = holds, peer, port, rules, server_names

    def same_key(self, other):
        """3.10, merging: the same peer selector and port; the protocol is the connection's in both."""
        return (self.peer, self.port) == (other.peer, other.port)

    def parser(self):
        return next((name for name in L7_PARSERS if name in self.rules), None)


def grants(side):
    """Every grant that may hold of the policies that may select the subject."""
    out = []
    for policy in side.cluster.of_kind("KNP", side):
        selects = np_selects(policy, side)
        for rule in np_rules(policy, side):
            peers = [(json.dumps(["np", p, policy["namespace"]], sort_keys=True),
                      np_peer_matches(p, policy["namespace"], side.peer, side)) for p in rule["peers"]]
            ports = [(port_key(p or {}), np_port_matches(p or {}, side)) for p in rule["ports"]]
            for name, peer in peers or [(ANY_PEER, TRUE)]:
                out += [Grant(both(selects, peer, truth), name, port, {}, False) for port, truth in ports or [
                    (None, TRUE)]]
    for rule in cilium_rules(side):
        selects = both(subject_matches(rule, side), UNKNOWN if rule["requires"] else TRUE)
        for item in rule[side.direction]:
            for name, peer in item_peers(item, side.direction, rule, side):
                for port, truth, entry in l4_parts(item, side):
                    out.append(Grant(both(selects, peer, truth), name, port, l7_rules(entry),
                                     bool(entry.get("serverNames"))))
    return [grant for grant in out if grant.holds >= UNKNOWN]


def l4_parts(item, side):
    """(port as it counts, does it match, its toPorts entry); ICMP has no requests."""
    if not item.get("toPorts"):
        return [] if item.get("icmps") else [(None, TRUE, {})]
    return [(port_key(port), port_matches(port, side), entry)
            for entry in item["toPorts"] for port in entry.get("ports") or []]


def port_key(item):
    """A port item that matches the connection, without its protocol: ANY is each of them (3.9)."""
    port, end = str(item.get("port") or "0").lower(), item.get("endPort") or 0
    if not port.isdigit():
        return port
    return (int(port), max(int(port), end)) if int(port) else (0, 0)


def request_tier(side):
    """Section 3.10: the normal tier of a request on a connection that is allowed.

    Its rules are an allow-list within the grants that carry them.  A grant of the same key without rules wildcards
    them; one of another key leaves it unknown, as the sheet has it that versions disagree.  Names of servers are a
    condition too, of which a record tells nothing, and one that no other grant takes away.
    """
    connection = normal_tier(side)
    found = grants(side)
    ruled = [g for g in found if g.rules or g.server_names]
    plain = [g for g in found if g not in ruled]
    if not ruled:
        return connection
    if any(a.rules and b.rules and a.parser() != b.parser() and a.same_key(b) for a in ruled for b in ruled):
        return {"allow", "deny_default"}        # conflicting parsers: the policy's calculation fails
    host = local_host(side)                     # 3.11: L7 is wildcarded for it
    admitted = either(both(g.holds, admits(g, side)) for g in ruled)
    wildcarded = either(both(g.holds, p.holds, UNKNOWN if g.server_names else TRUE)
                        for g in ruled for p in plain if g.same_key(p))
    if TRUE in (host, admitted, wildcarded):
        return {"allow"}
    outcomes = {"allow"} if UNKNOWN in (host, admitted, wildcarded) else set()
    if all(g.holds == UNKNOWN for g in ruled):
        outcomes |= connection if plain else connection - {"allow"}     # allowed by nothing but these
    if all(admits(g, side) == TRUE for g in ruled):
        return outcomes                         # whichever of them holds lets it pass
    said = [p for p in all_say(side) if p.selects >= UNKNOWN and p.isolates]
    if always_isolated(side) or any(p.selects == TRUE for p in said):
        return outcomes | {"deny_default"} | ({"allow"} if plain else set())
    # 3.11: where only policies without default deny select, everything is allowed and L7 rules are wildcarded
    return outcomes | {"allow_default"} | ({"deny_default"} if said else set())


def admits(grant, side):
    """Do these L7 rules let the request pass?  A request of another protocol they do not."""
    parser = grant.parser()
    if parser in ("l7proto", None):
        return UNKNOWN
    if parser not in side.request:
        return FALSE
    judge = {"http": http_admits, "dns": dns_admits, "kafka": kafka_admits}[parser]
    truth = either(judge(rule, side.request[parser] or {}, side) for rule in grant.rules[parser])
    return both(truth, UNKNOWN if grant.server_names else TRUE)


def dns_admits(rule, request, side):
    """Section 3.8: the lower-cased query with its dot, by matchName or matchPattern."""
    query = (request.get("query") or "").lower().rstrip(".") + "."
    patterns = [rule[key] for key in ("matchName", "matchPattern") if rule.get(key)]
    return known(any(re.fullmatch(fqdn_pattern(p, side.settings.double_star), query) for p in patterns))


def http_admits(rule, request, _side):
    """Section 3.10: the fields of a rule are AND; regular expressions match the whole string."""
    url = re.fullmatch(r"(?:[a-zA-Z][-+.a-zA-Z0-9]*://([^/?#]*))?([^#]*)(?:#.*)?", request.get("url") or "")
    host, path = url.group(1), url.group(2) or "/"
    headers = request.get("headers")

    def values(name):
        """None where the record does not tell headers."""
        return None if headers is None else [h.get("value") or "" for h in headers
                                             if (h.get("key") or "").lower() == name.lower()]

    def header(name, value):
        found = values(name)
        if found is None:
            return UNKNOWN
        if value is None:
            return known(found)
        return either([known(value in found), UNKNOWN if "HUBBLE_REDACTED" in found else FALSE])
    if not host:
        hosts = (values("Host") or []) + (values(":authority") or [])
        host = hosts[0] if hosts and hosts[0] != "HUBBLE_REDACTED" else None
    truths = []
    if rule.get("path"):
        truths.append(known(re.fullmatch(rule["path"], path)))
    if rule.get("method"):
        truths.append(known(re.fullmatch(rule["method"], request.get("method") or "")))
    if rule.get("host"):
        truths.append(UNKNOWN if host is None else known(re.fullmatch(rule["host"], host)))
    for text in rule.get("headers") or []:
        name, space, value = text.partition(" ")
        truths.append(header(name[:-1] if name.endswith(":") else name, value if space else None))
    for match in rule.get("headerMatches") or []:
        if match.get("mismatch"):
            continue                            # still allowed
        if match.get("secret"):
            truths.append(both(header(match["name"], None), UNKNOWN))
        else:
            truths.append(header(match["name"], match.get("value") or None))
    return both(*truths)


def kafka_admits(rule, request, _side):
    """Section 3.10 names Kafka rules; what they mean is not in the sheet but in Cilium's own documentation."""
    kind = (request.get("api_key") or "").lower()
    truths = []
    if rule.get("apiKey"):
        truths.append(known(rule["apiKey"].lower() == kind))
    if rule.get("role"):
        truths.append(known(kind in KAFKA_ROLES[rule["role"].lower()]))
    if rule.get("apiVersion"):
        truths.append(known(int(rule["apiVersion"]) == (request.get("api_version") or 0)))
    if rule.get("topic") and kind in KAFKA_TOPIC_KINDS:
        topic = request.get("topic")
        truths.append(known(topic == rule["topic"]) if topic else UNKNOWN)
    if rule.get("clientID"):
        truths.append(UNKNOWN)
    return both(*truths)


# ---------------------------------------------------------------------------------------------------------------------
# Section 6.1: what a Hubble event asks

def connection_of(flow, answers=()):
    """The connection of one flow as Hubble's exporter writes it, and the direction it speaks about.

    A reply is its connection, turned round (6.1, step 1).
    """
    (name, layer), = flow["l4"].items()
    ip = flow.get("IP") or {}
    source, destination = ("destination", "source") if flow.get("is_reply") else ("source", "destination")

    def end(side):
        about = flow.get(side) or {}
        return {"ip": ip.get(side), "labels": about.get("labels"), "identity": about.get("identity"),
                "namespace": about.get("namespace"), "pod": about.get("pod_name"), "local": about.get("ID"),
                "cluster": about.get("cluster_name")}
    port = layer.get("type", 0) if name.startswith("ICMP") else layer[destination + "_port"]
    names = list(flow.get(destination + "_names") or [])
    if ip.get(destination):
        names += names_at(answers, flow, ipaddress.ip_address(ip[destination]))
    return {"source": end(source), "destination": end(destination), "protocol": name, "port": port, "names": names,
            "node": flow.get("node_name"), "l7": flow.get("l7")}, flow["traffic_direction"].lower()


def dns_answers(flows):
    """Section 3.8: (node, name asked for, address, first and last instant) of every answer that a proxy saw.

    An address counts for the node, whoever asked, until the answer's time to live is over.
    """
    out = []
    for flow in flows:
        l7 = flow.get("l7") or {}
        dns = l7.get("dns") or {}
        if l7.get("type") != "RESPONSE" or dns.get("rcode") or not dns.get("query"):
            continue
        start = instant(flow["time"])
        out += [(flow.get("node_name"), dns["query"].lower().rstrip("."), ipaddress.ip_address(address), start,
                 start + (dns.get("ttl") or 0) * 10**9) for address in dns.get("ips") or []]
    return out


def names_at(answers, flow, address):
    now = instant(flow["time"])
    return [name for node, name, known_address, first, last in answers
            if node == flow.get("node_name") and known_address == address and first <= now <= last]


def instant(text):
    """RFC 3339 in UTC, as nanoseconds."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    then = datetime.datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc)
    return calendar.timegm(then.timetuple()) * 10**9 + int(fraction.ljust(9, "0") or "0")


def read_manifests(path):
    """Objects of a file or directory: JSON, or YAML where PyYAML is there."""
    if os.path.isdir(path):
        names = sorted(os.path.join(d, f) for d, _, files in os.walk(path) for f in files)
        return [obj for name in names for obj in read_manifests(name)]
    with open(path, encoding="utf-8") as stream:
        if path.endswith(".json"):
            return [json.load(stream)]
        import yaml
        return list(yaml.load_all(stream, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def main():
    parser = argparse.ArgumentParser(description="prints {uuid, expected} for every flow, as flowcheck's jsonl does")
    parser.add_argument("--engine", choices=ENGINES, default="cilium-1.19")
    parser.add_argument("-f", dest="manifests", action="append", default=[])
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="NAME=VALUE",
                        help="of Cilium: " + ", ".join(SETTINGS))
    parser.add_argument("flows")
    options = parser.parse_args()
    settings = dict(text.split("=", 1) for text in options.settings)
    cluster = load([obj for path in options.manifests for obj in read_manifests(path)])
    for kind, namespace, name, why in cluster.invalid:
        print("invalid: %s %s/%s: %s" % (kind, namespace, name, why), file=sys.stderr)
    with open(options.flows, encoding="utf-8") as lines:
        flows = [json.loads(line)["flow"] for line in lines]
    answers = dns_answers(flows)
    for flow in flows:
        connection, direction = connection_of(flow, answers)
        expected = answer(outcomes_of(cluster, connection, direction, options.engine, settings))
        print(json.dumps({"uuid": flow["uuid"], "expected": expected}))


if __name__ == "__main__":
    main()
