# SPDX-License-Identifier: Apache-2.0
"""Whether what explain says is so: each step against the manifests, the answer against the steps.

    derivations.py [--seed N] [--clusters N] [--engine NAME] [--keep DIR]

For every flow of random clusters it checks that

  - each step names an object that exists, and the lines of the object and of its rules,
  - what a step says of subjects, peers, ports, matches and isolation is what a plain matcher finds,
  - no policy that selects the subject and speaks of the direction is missing,
  - the answer follows from the steps, and the deciding step and the chain say the same.

The matcher reads the manifests and the record alone.  What it cannot judge (services, names,
groups, nodes, ends without labels, forms of which the facts say nothing) it counts and lets pass.
Numbers in brackets are sections of the facts about policies.

FLOWCHECK names the program; by default it is flowcheck from the PATH.
"""
import collections
import ipaddress
import re
import sys

import flowcheck as tool

YES = {True: "yes", False: "no", None: "unknown"}
TRUTH = {"yes": True, "no": False, "unknown": None}
POD_NAMESPACE = "io.kubernetes.pod.namespace"
CLUSTER = "io.cilium.k8s.policy.cluster"
ACCOUNT = "io.cilium.k8s.policy.serviceaccount"
NAMESPACE_LABEL = "io.cilium.k8s.namespace.labels."
PLACES = ("host", "remote-node", "init", "ingress", "health", "unmanaged", "kube-apiserver")
DROPPED = ("io.kubernetes", "kubernetes.io", "statefulset.kubernetes.io/pod-name",
           "apps.kubernetes.io/pod-index", "batch.kubernetes.io/job-completion-index",
           "batch.kubernetes.io/controller-uid", "k8s.io", "pod-template-generation",
           "pod-template-hash", "controller-revision-hash", "controller-uid", "annotation",
           "etcd_node", "topology.kubernetes.io", "io.cilium.k8s.")
TIERS = ["admin", "normal", "baseline"]
ACTIONS = {"Allow": "allow", "Accept": "allow", "Deny": "deny", "Pass": "pass"}
PEERS = {"ingress": "from", "egress": "to"}
ECHO = {"EchoRequest": {"IPv4": 8, "IPv6": 128}}


# Three values: True, False, and None for what cannot be judged ----------------------------------


def both(*values):
    return False if False in values else None if None in values else True


def either(*values):
    return True if True in values else None if None in values else False


# Ends of a record -------------------------------------------------------------------------------


def dropped(key):
    """Whether an identity has no such label unless an agent is told to keep it (3.5)."""
    return key.startswith(DROPPED) or "beta.kubernetes.io" in key


class Inventory:
    def __init__(self, cluster, engine):
        self.engine, self.settings = engine, cluster.settings
        self.cilium = engine != "kubernetes"
        of_kind = collections.defaultdict(list)
        for obj in cluster.objects:
            of_kind[obj["kind"]].append(obj)
        self.pods = {self.place(pod): pod for pod in of_kind["Pod"]}
        self.namespaces = {obj["metadata"]["name"]: obj["metadata"].get("labels") or {}
                           for obj in of_kind["Namespace"]}

    @staticmethod
    def place(obj):
        return obj["metadata"].get("namespace") or "default", obj["metadata"]["name"]

    def on(self, name, default):
        return self.settings.get(name, default) == "true"

    def local_only(self):
        """Whether peer selectors mean pods of the own cluster alone."""
        new = "true" if self.engine in ("cilium-1.19", "cilium-1.20") else "false"
        return self.on("policy-default-local-cluster", new)

    def cidr_modes(self):
        return "policy-cidr-match-mode" in self.settings


class End:
    """What is said of one end: a pod, the world, a node, another place, or nothing sure."""

    def __init__(self, record, address, inventory):
        self.kind, self.address, self.object = None, ipaddress.ip_address(address), None
        self.labels, self.namespace, self.spaces = [], None, None
        texts = record.get("labels") or []
        if texts:
            self.from_labels([self.label(text) for text in texts], record, inventory)
        else:
            self.from_name(record, inventory)
        self.reserved = {key for source, key, _ in self.labels if source == "reserved"}

    @staticmethod
    def label(text):
        source, _, rest = text.partition(":")
        key, _, value = rest.partition("=")
        return source, key, value

    def from_labels(self, labels, record, inventory):
        self.labels = labels
        k8s = {key: value for source, key, value in labels if source == "k8s"}
        reserved = {key for source, key, _ in labels if source == "reserved"}
        if POD_NAMESPACE in k8s:
            self.kind, self.namespace = "pod", k8s[POD_NAMESPACE]
            self.spaces = {key[len(NAMESPACE_LABEL):]: value for key, value in k8s.items()
                           if key.startswith(NAMESPACE_LABEL)}
            self.local = k8s.get(CLUSTER, "default") == "default"
            if self.local:
                self.object = inventory.pods.get((self.namespace, record.get("pod_name")))
        elif reserved & {"host", "remote-node"}:
            self.kind = "node"
        elif any(name.startswith("world") for name in reserved):
            self.kind = "world"
        elif reserved & {"ingress", "health"}:
            self.kind = "place"

    def from_name(self, record, inventory):
        """A pod that its name leads to, with everything it is made of."""
        place = record.get("namespace"), record.get("pod_name")
        pod = inventory.pods.get(place)
        if not pod or place[0] not in inventory.namespaces or pod["spec"].get("hostNetwork"):
            return
        self.kind, self.namespace, self.object, self.local = "pod", place[0], pod, True
        self.spaces = {**inventory.namespaces[place[0]], "kubernetes.io/metadata.name": place[0]}
        own = {key: value for key, value in (pod["metadata"].get("labels") or {}).items()
               if not dropped(key)}
        own.update({NAMESPACE_LABEL + key: value for key, value in self.spaces.items()})
        own.update({POD_NAMESPACE: place[0], CLUSTER: "default",
                    ACCOUNT: pod["spec"].get("serviceAccountName") or "default"})
        self.labels = [("k8s", key, value) for key, value in own.items()]

    def pod_labels(self, cilium):
        """(labels, known): what a NetworkPolicy looks at, and whether no such key is known."""
        special = (POD_NAMESPACE, "io.cilium.k8s.")
        own = {key: value for source, key, value in self.labels
               if source == "k8s" and not key.startswith(special)}
        if cilium:
            return own, lambda key: True
        if self.object:
            return self.object["metadata"].get("labels") or {}, lambda key: True
        return own, lambda key: not dropped(key)

    def named_port(self, name, protocols):
        """The numbers of a container port by (protocol, number); None where they are not known."""
        if not self.object:
            return None
        spec = self.object["spec"]
        sidecars = [port for c in spec.get("initContainers") or [] for port in c.get("ports") or []]
        if any(port.get("name") == name for port in sidecars):
            return None
        ports = [port for c in spec["containers"] for port in c.get("ports") or []]
        return {(port.get("protocol") or "TCP", port["containerPort"]) for port in ports
                if port.get("name") == name and (port.get("protocol") or "TCP") in protocols}


class Flow:
    """The connection a record is about, from who opened it."""

    def __init__(self, record, inventory):
        ends = {name: End(record.get(name) or {}, record["IP"][name], inventory)
                for name in ("source", "destination")}
        self.source, self.destination = ends["source"], ends["destination"]
        self.protocol, fields = next(iter(record["l4"].items()))
        self.port, self.type = fields.get("destination_port"), fields.get("type")
        self.request, self.record = "l7" in record, record
        if record.get("is_reply"):
            self.source, self.destination = self.destination, self.source
            self.port = fields.get("source_port")

    def icmp(self):
        return self.protocol.startswith("ICMP")

    def subject(self, direction):
        return self.source if direction == "egress" else self.destination

    def peer(self, direction):
        return self.destination if direction == "egress" else self.source


# Label selectors --------------------------------------------------------------------------------


def requirements(selector):
    """(key, operator, values) of a selector's both parts."""
    for key, value in (selector.get("matchLabels") or {}).items():
        yield key, "In", [value]
    for item in selector.get("matchExpressions") or []:
        yield item["key"], item["operator"], item.get("values") or []


def holds(found, operator, values):
    """found: the value, or None where the key is absent."""
    if operator == "Exists":
        return found is not None
    if operator == "DoesNotExist":
        return found is None
    return (found is not None and found in values) == (operator == "In")


def selects(selector, labels, known):
    return both(*[holds(labels.get(key), operator, values) if key in labels or known(key) else None
                  for key, operator, values in requirements(selector or {})])


def source_of(key):
    """A key of a Cilium selector as (source or "any", key)."""
    source, colon, rest = key.partition(":")
    return (source, rest) if colon else ("any", key)


def cilium_selects(selector, labels, more=()):
    """A Cilium selector over an identity's labels; more: requirements that are implied."""
    def found(key):
        source, name = source_of(key)
        return next((value for kind, other, value in labels
                     if other == name and source in ("any", kind)), None)
    return all(holds(found(key), operator, values)
               for key, operator, values in [*requirements(selector or {}), *more])


def peer_scope(selector, policy, inventory):
    """What a selector of peers asks beyond what it says (3.4)."""
    keys = [source_of(key) for key, _, _ in requirements(selector)]
    if any(source == "reserved" for source, _ in keys):
        return []
    more, names = [], [name for source, name in keys if source in ("any", "k8s")]
    if POD_NAMESPACE not in names:
        if policy.kind == "CCNP":
            more.append((POD_NAMESPACE, "Exists", []))
        elif not any(name.startswith(NAMESPACE_LABEL) for name in names):
            more.append(("k8s:" + POD_NAMESPACE, "In", [policy.namespace]))
    if inventory.local_only() and CLUSTER not in names:
        more.append(("k8s:" + CLUSTER, "In", ["default"]))
    return more


# Policies ---------------------------------------------------------------------------------------


class Policy:
    """One object, or one of the rules of a CNP or CCNP, which stand for themselves."""

    def __init__(self, obj, path, rule, prefix):
        self.kind, self.namespace, self.name = tool.object_name(obj)
        self.path, self.rule, self.prefix, self.object = path, rule, prefix, obj

    def tier(self):
        if self.kind in ("KNP", "CNP", "CCNP"):
            return "normal"
        baseline = self.kind == "BANP" or self.rule.get("tier") == "Baseline"
        return "baseline" if baseline else "admin"

    def items(self, direction):
        """(name, action, item, path) of the rules of a direction in their order."""
        found = []
        sections = [(direction, None)]
        if self.kind in ("CNP", "CCNP"):
            sections.append((direction + "Deny", "deny"))
        for section, action in sections:
            for number, item in enumerate(self.rule.get(section) or []):
                done = action or ACTIONS.get(item.get("action"), "allow")
                if done == "pass" and any(gone(peer) for peer in item.get(PEERS[direction])):
                    done = "deny"
                found.append(("%s%s[%d]" % (self.prefix, section, number), done, item,
                              self.path + (section, number)))
        return found

    def isolates(self, direction, inventory):
        if self.kind == "KNP":
            return self.isolates_np(direction, inventory.cilium)
        if self.kind not in ("CNP", "CCNP") or not self.items(direction):
            return False
        flag = (self.rule.get("enableDefaultDeny") or {}).get(direction)
        return flag is not False or not inventory.on("enable-non-default-deny-policies", "true")

    def isolates_np(self, direction, cilium):
        types = self.rule.get("policyTypes") or []
        if not types:
            types = ["Ingress", "Egress"] if self.rule.get("egress") else ["Ingress"]
        # Cilium converts the rules it finds, whatever the types are
        return direction.capitalize() in types or cilium and bool(self.rule.get(direction))

    def speaks(self, direction, inventory):
        """Whether it is one to tell of: by rules that count, or by isolating."""
        if self.kind == "KNP":
            return self.isolates_np(direction, inventory.cilium)
        return bool(self.items(direction))

    def older(self):
        """Whether the object has a removed field, of which the facts do not say what it did."""
        rules = [self.object.get("spec") or {}] + (self.object.get("specs") or [])
        items = [item for rule in rules for section in rule.values() if isinstance(section, list)
                 for item in section if isinstance(item, dict)]
        return any(item.get(key) for item in items for key in ("fromRequires", "toRequires"))

    def selects(self, end, inventory):
        if end.kind != "pod" or "nodeSelector" in self.rule or self.older():
            return None
        if self.kind in ("CNP", "CCNP"):
            return self.selects_identity(end)
        if self.kind == "KNP":
            own = selects(self.rule.get("podSelector"), *end.pod_labels(inventory.cilium))
            return both(end.namespace == self.namespace, own)
        return peers_of_tier(self.rule["subject"], end, inventory)

    def selects_identity(self, end):
        selector = self.rule["endpointSelector"]
        if self.kind == "CCNP":
            return cilium_selects(selector, end.labels)
        if any(key in ("k8s:" + POD_NAMESPACE, "any:" + POD_NAMESPACE)
               for key, _, _ in requirements(selector)):
            return None
        return cilium_selects(selector, end.labels,
                              [("k8s:" + POD_NAMESPACE, "In", [self.namespace])])


def enforced(engine):
    """The kinds an engine acts on."""
    if engine == "kubernetes":
        return ("KNP", "ANP", "BANP", "KCNP")
    return ("KNP", "CNP", "CCNP") + (("KCNP",) if engine == "cilium-1.20" else ())


def policies_of(cluster, engine, refused):
    found = []
    for number, obj in enumerate(cluster.objects):
        if number in refused or tool.SHORT.get(obj["kind"]) not in enforced(engine):
            continue
        path = ("items", number)
        if isinstance(obj.get("spec"), dict):
            found.append(Policy(obj, path + ("spec",), obj["spec"], ""))
        for place, rule in enumerate(obj.get("specs") or []):
            found.append(Policy(obj, path + ("specs", place), rule, "specs[%d]." % place))
    return found


# Peers ------------------------------------------------------------------------------------------


def in_cidr(address, cidr, holes=()):
    network = ipaddress.ip_network(cidr, strict=False)
    return (address.version == network.version and address in network
            and not any(in_cidr(address, hole) for hole in holes or []))


def identity_in_cidr(end, inventory, *cidr):
    """A CIDR of Cilium: what lies outside of the cluster, and what a setting adds (3.7)."""
    if end.kind == "world":
        return in_cidr(end.address, *cidr)
    if end.kind is None or inventory.cidr_modes() or (
            end.kind == "node" and "kube-apiserver" in end.reserved):
        return None
    return False


def gone(peer):
    """Whether a peer of the ordered tiers has a removed form: its rule fails closed (2.1)."""
    return bool({"sameLabels", "notSameLabels", "namespaceSelector"} & set(
        peer.get("namespaces") or {}))


def peers_of_tier(peer, end, inventory):
    """namespaces or pods of the ordered tiers; anything else is not judged."""
    if set(peer) - {"namespaces", "pods"} or len(peer) != 1 or end.kind is None or gone(peer):
        return None
    if end.kind != "pod":
        return False
    if not end.local:
        return None
    pods = peer.get("pods") or {"namespaceSelector": peer.get("namespaces") or {}}
    return both(selects(pods.get("namespaceSelector"), end.spaces, lambda key: True),
                selects(pods.get("podSelector"), *end.pod_labels(inventory.cilium)))


def tier_peer(peer, end, inventory):
    if "networks" not in peer:
        return peers_of_tier(peer, end, inventory)
    if inventory.cilium:
        return either(*[identity_in_cidr(end, inventory, cidr) for cidr in peer["networks"]])
    return any(in_cidr(end.address, cidr) for cidr in peer["networks"])


def np_peer(peer, policy, end, inventory):
    block = peer.get("ipBlock")
    if block:
        if inventory.cilium:
            return identity_in_cidr(end, inventory, block["cidr"], block.get("except"))
        if end.kind != "world":
            return None
        return in_cidr(end.address, block["cidr"], block.get("except"))
    if end.kind != "pod":
        return None if end.kind is None else False
    spaces, pods = peer.get("namespaceSelector"), peer.get("podSelector")
    near = end.namespace == policy.namespace if spaces is None else selects(
        spaces, end.spaces, lambda key: True)
    found = both(near, selects(pods, *end.pod_labels(inventory.cilium)))
    return found if end.local or found is False else None


def entity(name, end):
    if name in ("all", "none"):
        return name == "all"
    if end.kind is None:
        return None
    if name == "cluster":
        return bool(end.reserved & set(PLACES)) or end.kind == "pod" and end.local
    if name == "world":
        return end.kind == "world"
    return name in end.reserved


def cidr_entry(entry, end, inventory):
    if isinstance(entry, str):
        return identity_in_cidr(end, inventory, entry)
    if "cidr" in entry:
        return identity_in_cidr(end, inventory, entry["cidr"], entry.get("except"))
    return False if identity_in_cidr(end, inventory, "0.0.0.0/0") is False and \
        end.kind != "world" else None


def member(name, value, policy, end, inventory):
    """One entry of a rule's L3 member."""
    if name == "Endpoints":
        if end.kind is None:
            return None
        return cilium_selects(value, end.labels, peer_scope(value, policy, inventory))
    if name == "Entities":
        return entity(value, end)
    if name in ("CIDR", "CIDRSet"):
        return cidr_entry(value, end, inventory)
    if name == "FQDNs" and end.kind in ("pod", "node", "place"):
        return False
    if name == "Nodes" and end.kind in ("pod", "world", "place"):
        return False
    return None


def members(item, action):
    """The L3 members of a rule of a CNP or CCNP that are given: {"Endpoints": [...]}."""
    found = {}
    for key, value in item.items():
        name = re.sub("^(from|to)", "", key)
        unknown = name in ("Ports", "Requires") or action == "deny" and name == "FQDNs"
        if name != key and not unknown and value is not None:
            found[name] = value
    return found


def cilium_peer(policy, item, action, end, inventory):
    given = members(item, action)
    if not given:
        return True if item.get("toPorts") or item.get("icmps") else False
    name, values = next(iter(given.items()))
    if not values:
        return None if name in ("FQDNs", "Services", "Groups") else False
    return either(*[member(name, value, policy, end, inventory) for value in values])


# Ports ------------------------------------------------------------------------------------------


def named(name, protocols, flow):
    """A port by its name at the end that is connected to."""
    if flow.protocol not in protocols:
        return False
    numbers = flow.destination.named_port(name, protocols)
    return None if numbers is None else (flow.protocol, flow.port) in numbers


def in_range(flow, protocol, first, last):
    return flow.protocol == protocol and first <= flow.port <= last


def np_port(port, flow, cilium):
    protocol, number = port.get("protocol") or "TCP", port.get("port")
    if flow.icmp():
        return False if cilium else None
    if number is None:
        return flow.protocol == protocol
    if isinstance(number, int):
        return in_range(flow, protocol, number, port.get("endPort") or number)
    if flow.destination.kind == "world":
        return False
    return named(number, [protocol], flow)


def tier_port(port, flow):
    name = port.get("namedPort") or port.get("destinationNamedPort")
    if name:
        return named(name, ["TCP", "UDP", "SCTP"], flow)
    if flow.icmp():
        return False
    if "portNumber" in port:
        number = port["portNumber"]
        return in_range(flow, number.get("protocol") or "TCP", number["port"], number["port"])
    if "portRange" in port:
        span = port["portRange"]
        return in_range(flow, span.get("protocol") or "TCP", span["start"], span["end"])
    protocol, fields = next(iter(port.items()))
    target = (fields or {}).get("destinationPort")
    if protocol.upper() != flow.protocol or not target:
        return protocol.upper() == flow.protocol
    span = target.get("range") or {"start": target.get("number"), "end": target.get("number")}
    return in_range(flow, flow.protocol, span["start"], span["end"])


def cilium_port(port, flow, direction):
    protocol = (port.get("protocol") or "ANY").upper()
    protocols = ["TCP", "UDP", "SCTP"] if protocol == "ANY" else [protocol]
    text = str(port.get("port"))
    if flow.protocol not in protocols:
        return False
    if text == "0":
        return True
    if text.isdigit():
        first = int(text)
        return first <= flow.port <= max(first, port.get("endPort") or 0)
    if direction == "egress" and flow.destination.kind != "pod":
        return None
    return named(text.lower(), protocols, flow)


def icmp_field(field, flow):
    family, kind = field.get("family") or "IPv4", field.get("type")
    if isinstance(kind, str) and not kind.isdigit():
        if kind not in ECHO:
            return None
        kind = ECHO[kind][family]
    return flow.protocol == "ICMPv" + family[-1] and flow.type == int(kind)


def cilium_ports(item, flow, direction):
    entries, icmps = item.get("toPorts") or [], item.get("icmps") or []
    if not entries and not icmps:
        return True
    found = [cilium_port(port, flow, direction) for entry in entries
             for port in entry.get("ports") or []]
    found += [icmp_field(field, flow) for entry in icmps for field in entry.get("fields") or []]
    if icmps and not found:
        return None
    return either(*found) if found else False


# One rule ---------------------------------------------------------------------------------------


def empty_rule(item, action):
    """A rule with neither peers nor ports admits nothing; which of the two lacks is not said."""
    return not members(item, action) and not item.get("toPorts") and not item.get("icmps")


def judge_peer(policy, item, action, flow, direction, inventory):
    end = flow.peer(direction)
    if policy.kind in ("CNP", "CCNP"):
        return cilium_peer(policy, item, action, end, inventory)
    listed = item.get(PEERS[direction])
    if policy.kind == "KNP":
        return either(*[np_peer(peer, policy, end, inventory) for peer in listed]) \
            if listed else True
    if any(gone(peer) for peer in listed):
        return item["action"] not in ("Allow", "Accept")    # deny all, allow nothing
    return either(*[tier_peer(peer, end, inventory) for peer in listed])


def judge_port(policy, item, flow, direction, inventory):
    if policy.kind in ("CNP", "CCNP"):
        return cilium_ports(item, flow, direction)
    listed = item.get("ports") if policy.kind != "KCNP" else item.get("protocols")
    if policy.kind == "KNP":
        if not listed:
            return None if flow.icmp() and not inventory.cilium else True
        return either(*[np_port(port, flow, inventory.cilium) for port in listed])
    if not listed:
        return True if listed is None else None
    return either(*[tier_port(port, flow) for port in listed])


# The check --------------------------------------------------------------------------------------


class Check:
    """One explained flow against the manifests."""

    def __init__(self, case, record, answer, counts):
        self.case, self.counts, self.told = case, counts, []
        self.flow = Flow(record, case.inventory)
        for side in answer["sides"]:
            self.side(side)

    def fail(self, side, text, *values):
        self.told.append("%s %s: %s" % (self.flow.record["uuid"], side["direction"], text % values))

    def same(self, side, what, claimed, found):
        """A claim against what the matcher found, which is None where it cannot judge."""
        if found is None:
            self.counts["not judged"] += 1
            return
        self.counts["judged"] += 1
        if claimed != YES[found]:
            self.fail(side, "%s is said to be %s, found %s", what, claimed, YES[found])

    def side(self, side):
        self.counts["sides"] += 1
        seen = []
        for step in side["steps"]:
            policy = self.policy_of(side, step)
            if policy:
                self.step(side, step, policy)
                seen.append(policy)
        if side["expected"] != "not_applicable":
            self.missing(side, seen)
            self.answer(side)
        self.order(side)
        self.words(side)

    def order(self, side):
        """Tiers in their order, and the ordered ones by priority."""
        places = [(TIERS.index(step["tier"]), step["tier"] != "normal" and self.case.priority(step)
                   or 0) for step in side["steps"]]
        if places != sorted(places):
            self.fail(side, "the steps stand in the order %s", places)

    # A step and the manifests

    def policy_of(self, side, step):
        """The policy of a step, found by its name and by its rules."""
        names = [rule["rule"] for rule in step["rules"]]
        named_so = [p for p in self.case.policies
                    if (p.kind, p.namespace, p.name) == tool.step_name(step)]
        for policy in named_so:
            if [name for name, _, _, _ in policy.items(side["direction"])] == names:
                return policy
        self.fail(side, "no object is %s with the rules %s", tool.step_name(step), names)
        return None

    def step(self, side, step, policy):
        direction = side["direction"]
        self.counts["steps"] += 1
        if step["tier"] != policy.tier():
            self.fail(side, "%s is of tier %s", policy.name, step["tier"])
        self.lines(side, step, policy)
        self.same(side, "selects of %s" % policy.name, step["selects"],
                  policy.selects(self.flow.subject(direction), self.case.inventory))
        if step["isolates"] != policy.isolates(direction, self.case.inventory):
            self.fail(side, "%s isolates: %s", policy.name, step["isolates"])
        for claim, (name, action, item, _) in zip(step["rules"], policy.items(direction)):
            self.rule(side, policy, claim, name, action, item)
        self.summary(side, step, policy)

    def lines(self, side, step, policy):
        """Files and lines of the object, of the rule that the step names, and of all rules."""
        lines = self.case.lines
        rules = {name: path for name, _, _, path in policy.items(side["direction"])}
        path = rules.get(step["rule"]) if step["rule"] else policy.path[:2]
        if path is None or (step["file"], step["line"]) != ("manifests.json", lines[path]):
            self.fail(side, "%s %s stands at line %s, said to be %s:%s", policy.name, step["rule"],
                      path and lines[path], step["file"], step["line"])
        for claim in step["rules"]:
            if claim["line"] != lines[rules[claim["rule"]]]:
                self.fail(side, "%s %s stands at line %d, said to be %d", policy.name,
                          claim["rule"], lines[rules[claim["rule"]]], claim["line"])

    def rule(self, side, policy, claim, name, action, item):
        place = "%s %s" % (policy.name, name)
        if claim["action"] != action:
            self.fail(side, "%s is said to %s", place, claim["action"])
        kleene = both(TRUTH[claim["peer"]], TRUTH[claim["port"]])
        if claim["matches"] != YES[kleene]:
            self.fail(side, "%s: peer %s and port %s make %s", place, claim["peer"], claim["port"],
                      claim["matches"])
        if (claim["matches"] == "unknown") != bool(claim["undecided"]):
            self.fail(side, "%s matches: %s, missing: %s", place, claim["matches"],
                      claim["undecided"])
        if policy.kind in ("CNP", "CCNP") and empty_rule(item, action):
            self.same(side, place, claim["matches"], False)
            return
        where = self.flow, side["direction"], self.case.inventory
        self.same(side, "peer of %s" % place, claim["peer"],
                  judge_peer(policy, item, action, *where))
        self.same(side, "port of %s" % place, claim["port"], judge_port(policy, item, *where))

    def summary(self, side, step, policy):
        """What a step says as a whole against its rules: all in the normal tier, else the first."""
        if policy.older():
            return
        if step["tier"] == "normal":
            for word, action in (("admits", "allow"), ("denies", "deny"), ("passes", "pass")):
                found = either(*[TRUTH[rule["matches"]] for rule in step["rules"]
                                 if rule["action"] == action])
                if step[word] != YES[found]:
                    self.fail(side, "%s %s: %s, by its rules %s", step["name"], word, step[word],
                              YES[found])
            return
        outcomes = first_match(step)
        for word, action in (("admits", "allow"), ("denies", "deny"), ("passes", "pass")):
            found = False if action not in outcomes else True if len(outcomes) == 1 else None
            if step[word] != YES[found]:
                self.fail(side, "%s %s: %s, by its rules %s", step["name"], word, step[word],
                          YES[found])

    def missing(self, side, seen):
        """Policies that select the subject and are not told of, though none before decides."""
        direction, inventory = side["direction"], self.case.inventory
        if inventory.settings.get("enable-policy") == "never" and inventory.cilium:
            return
        for policy in self.case.policies:
            if policy not in seen and policy.speaks(direction, inventory) and policy.selects(
                    self.flow.subject(direction), inventory) and self.reached(side, policy):
                self.fail(side, "%s %s %s selects and is not among the steps", policy.kind,
                          policy.name, policy.prefix)

    def reached(self, side, policy):
        """Whether the steps before a policy leave anything to it."""
        tier, rank = policy.tier(), policy.rule.get("priority")
        place = TIERS.index(tier)
        before = [step for step in side["steps"] if TIERS.index(step["tier"]) < place or (
            step["tier"] == tier != "normal" and (self.case.priority(step) or 0) < (rank or 0))]
        return left_over(before, self.case, self.allowance(side), place)

    # The answer and the steps

    def answer(self, side):
        possible = None
        if self.flow.subject(side["direction"]).kind == "pod":
            possible = outcome(side["steps"], self.case, self.allowance(side))
        icmp = self.flow.icmp() and not self.case.inventory.cilium
        if possible is None or icmp and "deny_default" in possible:     # undefined (1.5)
            self.counts["answers not judged"] += 1
            return
        self.counts["answers"] += 1
        connection = side["connection"]
        fits = possible == {connection} or (connection == "undecidable" and kinds(possible) > 1)
        fits = fits or connection in possible and kinds(possible) == 1
        if not fits:
            self.fail(side, "%s does not follow from the steps: %s", connection, sorted(possible))
        if not self.flow.request and side["expected"] != connection:
            self.fail(side, "%s, the connection alone %s", side["expected"], connection)
        self.decider(side)

    def allowance(self, side):
        """Whether the peer is the own node of the subject, which may always reach it."""
        peer = self.flow.peer(side["direction"])
        if side["direction"] == "egress":
            return False
        if peer.kind is None:
            return None
        return "host" in peer.reserved

    def decider(self, side):
        deciding = [step for step in side["steps"] if step["decides"]]
        if len(deciding) > 1:
            self.fail(side, "%d steps decide", len(deciding))
        policy = side["policy"]
        if not deciding or side["expected"] == "undecidable":
            return
        step, answer = deciding[0], side["connection"]
        if side["expected"] != answer:
            return                                  # the request decides
        fits = {"allow": step["admits"] == "yes", "deny_explicit": step["denies"] == "yes",
                "deny_default": step["isolates"] and step["admits"] != "yes"}
        if not fits.get(answer, False):
            self.fail(side, "%s decides and does not make %s", step["name"], answer)
        if self.flow.request and "[L7]" in side["chain"]:
            return                                  # the policy that its last link names
        rule = None if answer == "deny_default" else step["rule"]
        if policy is None or (tool.step_name(step), rule) != (
                tool.step_name(policy), policy["rule"]):
            self.fail(side, "%s %s decides, and the policy is %s", step["name"], rule, policy)
        elif rule and (step["file"], step["line"]) != (policy["file"], policy["line"]):
            self.fail(side, "%s %s stands at two places: %s", step["name"], rule, policy)

    def words(self, side):
        """The chain tells of the chained steps in their order, and ends with the answer."""
        parts, wanted = side["chain"].split(" -> "), side["expected"]
        if parts[-1].split(" ")[0] != wanted:
            self.fail(side, "%s is the answer, and the chain is: %s", wanted, side["chain"])
        for step in side["steps"]:
            word = "[%s" % step["kind"]
            told = [p for p in parts if p.startswith(word) and step["verb"] in p
                    and step["name"] in p]
            if step["chained"] and not told:
                self.fail(side, "%s is chained and not in: %s", step["name"], side["chain"])
            if step["decides"] and wanted in tool.ALLOW + tool.DENY and not told:
                self.fail(side, "%s decides and is not in: %s", step["name"], side["chain"])


# How an answer follows (2.2, 2.3, 6.3) ----------------------------------------------------------


def kinds(possible):
    return len({"allow" if word in tool.ALLOW else "deny" for word in possible})


def first_match(step):
    """What the rules of an ordered policy may do, "none" for falling through."""
    found = set()
    for rule in step["rules"]:
        if rule["matches"] != "no":
            found.add(rule["action"])
        if rule["matches"] == "yes":
            return found
    return found | {"none"}


def ordered_tier(steps, case):
    """What a tier of ordered policies may say; policies of one priority come in any order."""
    ranks = collections.defaultdict(list)
    for step in steps:
        ranks[case.priority(step)].append(step)
    if len(ranks) > 1 and None in ranks:
        return None                     # a policy without priority beside one that has it
    possible = set()
    for rank in sorted(ranks, key=lambda value: value or 0):
        results = [first_match(step) | ({"none"} if step["selects"] != "yes" else set())
                   for step in ranks[rank]]
        possible |= set().union(*results) - {"none"}
        if not all("none" in result for result in results):
            return possible
    return possible | {"none"}


def normal_tier(steps, always, allowance):
    """Deny before allow before default deny, over policies that select or may (6.3)."""
    sure = [step for step in steps if step["selects"] == "yes"]
    may = [step for step in steps if step["selects"] != "no"]
    denied = any(step["denies"] == "yes" for step in sure)
    allowed = any(step["admits"] == "yes" for step in sure)
    isolated = always or any(step["isolates"] for step in sure)
    possible = set()
    if any(step["denies"] != "no" for step in may):
        possible.add("deny_explicit")
    if not denied and any(step["admits"] != "no" for step in may):
        possible.add("allow")
    if not denied and not allowed:
        if isolated or any(step["isolates"] and step["admits"] != "yes" for step in may):
            possible.add("allow" if allowance else "deny_default")
        if not isolated:
            possible.add("none")
    return possible


def left_over(steps, case, allowance, place):
    """Whether anything is left to the tier at a place after these steps of it and before it."""
    mode = case.cluster.settings.get("enable-policy") if case.inventory.cilium else None
    for tier in TIERS[:place + 1]:
        own = [step for step in steps if step["tier"] == tier]
        if tier == "normal" and place > 1:
            left = "none" in normal_tier(own, mode == "always", allowance)
        else:
            found = ordered_tier(own, case) if tier != "normal" else {"none"}
            left = found is None or "none" in found or "pass" in found and tier != TIERS[place]
        if not left:
            return False
    return True


def outcome(steps, case, allowance):
    """All answers that the steps leave open, or None where that is not to be judged."""
    mode = case.cluster.settings.get("enable-policy") if case.inventory.cilium else None
    if allowance is None or mode == "never" or (mode == "always" and allowance):
        return None
    tiers = {tier: [step for step in steps if step["tier"] == tier]
             for tier in ("admin", "normal", "baseline")}
    admin, baseline = (ordered_tier(tiers[tier], case) for tier in ("admin", "baseline"))
    if admin is None or baseline is None:
        return None
    words = {"allow": "allow", "deny": "deny_explicit"}
    possible = {words[word] for word in admin if word in words}
    if admin & {"pass", "none"}:
        normal = normal_tier(tiers["normal"], mode == "always", allowance)
        possible |= normal - {"none"}
        if "none" in normal:
            possible |= {words.get(word, "allow_default") for word in baseline}
    return possible


# Clusters ---------------------------------------------------------------------------------------


class Case:
    def __init__(self, seed, engine):
        whole = tool.make_cluster(seed)
        self.cluster = whole._replace(objects=tool.drop_earlier_twins(whole.objects))
        self.lines = tool.manifest_lines(self.cluster.objects)
        self.answers = tool.ask("explain", engine, self.cluster)
        refused = tool.refused(self.answers.talk, self.cluster.objects, self.lines)
        self.policies = policies_of(self.cluster, engine, refused)
        self.inventory = Inventory(self.cluster, engine)

    def priority(self, step):
        policy = next(p for p in self.policies
                      if (p.kind, p.namespace, p.name) == tool.step_name(step))
        return policy.rule.get("priority")


def try_cluster(seed, engine, failures, counts):
    case = Case(seed, engine)
    told = []
    for event in case.cluster.events:
        record = event["flow"]
        told += Check(case, record, case.answers.flows[record["uuid"]], counts).told
    if told:
        failures.add("derivation %s %d" % (engine, seed), told, [("cluster", case.cluster)])


def main():
    chosen = tool.options("what explain says, against manifests and records", clusters=80)
    failures, counts = tool.Failures(chosen.keep), collections.Counter()
    for seed, engine in tool.rounds(chosen):
        try:
            try_cluster(seed, engine, failures, counts)
        except tool.Broken as problem:
            failures.add("broken %s %d" % (engine, seed), [str(problem)],
                         [("cluster", tool.make_cluster(seed))])
    print("%d clusters, %d sides, %d steps, %d claims judged and %d not, %d answers judged and %d "
          "not, %d failures" % (chosen.clusters, counts["sides"], counts["steps"],
                                counts["judged"], counts["not judged"], counts["answers"],
                                counts["answers not judged"], failures.count))
    return 1 if failures.count or not counts["judged"] else 0


if __name__ == "__main__":
    sys.exit(main())
