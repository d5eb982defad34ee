# SPDX-License-Identifier: Apache-2.0
"""With more facts no decided answer turns round: three-valued logic over what a log may lack.

    monotonic.py [--seed N] [--clusters N] [--engine NAME] [--keep DIR]

Of each random cluster facts are taken away: Pod and Namespace objects, CIDR groups, services and
nodes, labels of an end of a record alone or with its other names, names that were looked up.  What
is decided without them has to be decided alike with them, and what they make decidable is counted
by the code that was told to be missing.

Only facts go whose absence hides something.  A container without its port, a namespace without a
label or one address group of several says something else, so those stay as they are.  So does a
pod on its node's network: a name in a record is that of a pod with an address of its own, as Hubble
names no others, unless the inventory knows better.

FLOWCHECK names the program; by default it is flowcheck from the PATH.
"""
import collections
import copy
import random
import sys

import flowcheck as tool

WORKLOADS = ("Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob",
             "CiliumEndpoint", "CiliumIdentity")
SERVICES = ("Service", "Endpoints", "EndpointSlice")
NODES = ("Node", "CiliumNode")


# Facts to take away -----------------------------------------------------------------------------


def on_node(obj):
    spec = obj.get("spec") or {}
    return bool((spec.get("template") or {"spec": spec}).get("spec", {}).get("hostNetwork"))


def without(cluster, drop):
    return cluster._replace(objects=[obj for obj in cluster.objects
                                     if on_node(obj) or not drop(obj)])


def all_of(*kinds):
    """An inventory that is not there at all."""
    def change(cluster, _random):
        return without(cluster, lambda obj: obj["kind"] in kinds)
    return change


def some_of(*kinds):
    """One object or another: each tells of itself alone."""
    def change(cluster, rng):
        share = rng.choice([0.3, 0.7])
        return without(cluster, lambda obj: obj["kind"] in kinds and rng.random() < share)
    return change


def changed_events(cluster, change):
    events = copy.deepcopy(cluster.events)
    for event in events:
        change(event["flow"])
    return cluster._replace(events=events)


NAMED = [["labels"], ["labels", "identity"], ["labels", "pod_name", "namespace"],
         ["labels", "pod_name", "namespace", "workloads"],
         ["labels", "identity", "cluster_name", "pod_name", "namespace", "workloads"],
         ["labels", "identity", "cluster_name", "pod_name", "namespace", "workloads", "ID"]]


def ends(cluster, rng):
    """Ends of records lose their labels, and some of what else tells who they are."""
    share, unknown = rng.choice([0.2, 0.6, 1]), rng.random() < 0.2

    def change(flow):
        for end in ("source", "destination"):
            if end not in flow or rng.random() >= share:
                continue
            for key in rng.choice(NAMED):
                flow[end].pop(key, None)
            if unknown and "identity" not in flow[end]:
                flow[end].update(identity=0, labels=[])     # as an agent writes it
    return changed_events(cluster, change)


def names(cluster, rng):
    share = rng.choice([0.5, 1])

    def change(flow):
        if rng.random() < share:
            flow.pop("destination_names", None)
    return changed_events(cluster, change)


def answers_of_names(cluster, _random):
    """The log without what its DNS proxies saw answered."""
    def answer(event):
        l7 = event["flow"].get("l7") or {}
        return l7.get("type") == "RESPONSE" and "dns" in l7
    return cluster._replace(events=[event for event in cluster.events if not answer(event)])


LOSSES = {"workloads": all_of(*WORKLOADS), "some workloads": some_of(*WORKLOADS),
          "namespaces": all_of("Namespace"), "some namespaces": some_of("Namespace"),
          "groups": all_of("CiliumCIDRGroup"), "services": all_of(*SERVICES),
          "nodes": all_of(*NODES), "ends": ends, "names": names, "dns": answers_of_names}


def lose(cluster, rng):
    """The cluster without facts of one kind or several: (their kinds, the cluster)."""
    names_tell = cluster.settings.get("fqdn-evidence") != "identity"    # else no name says no
    losses = [name for name in sorted(LOSSES) if names_tell or name not in ("names", "dns")]
    told = rng.sample(losses, rng.choice([1, 1, 2, 3]))
    for name in told:
        cluster = LOSSES[name](cluster, rng)
    return told, cluster


# Comparison -------------------------------------------------------------------------------------


def group(answer):
    expected = answer["expected"]
    return "allow" if expected in tool.ALLOW else "deny" if expected in tool.DENY else expected


# What an answer with less facts may become with more.  An end outside of all policies passes, as
# one that they allow does.
MAY_BECOME = {"allow": ("allow", "not_applicable"), "deny": ("deny",),
              "not_applicable": ("allow", "not_applicable"),
              "undecidable": ("allow", "deny", "undecidable", "not_applicable")}


def compare(less, more, counts):
    """Lines about the answers that turned round."""
    told = []
    for uuid, answer in less.flows.items():
        full = more.flows[uuid]
        counts["compared"] += 1
        if group(full) not in MAY_BECOME[group(answer)]:
            told.append("%s: %s %s with less facts, %s %s with more" % (
                uuid, answer["expected"], answer["undecided"], full["expected"],
                full["undecided"]))
        if group(answer) == "undecidable" and len(answer["undecided"]) == 1:
            code = answer["undecided"][0]
            counts["one", code] += 1
            counts["resolved", code] += group(full) != "undecidable"
    return told


def consistent(cluster):
    """The cluster without objects that others replace, and its log as of one node.

    The addresses of hosts are those of the first node, so a record of another node would tell of a
    host what the inventory tells of a node far away.
    """
    events = copy.deepcopy(cluster.events)
    for event in events:
        event["node_name"] = event["flow"]["node_name"] = "default/node-1"
    return cluster._replace(objects=tool.drop_earlier_twins(cluster.objects), events=events)


def try_cluster(seed, engine, failures, counts):
    cluster = consistent(tool.make_cluster(seed))
    more = tool.ask("check", engine, cluster)
    rng = random.Random("monotonic %d" % seed)
    for number in range(10):
        told, poorer = lose(cluster, rng)
        if poorer == cluster:
            continue
        less = tool.ask("check", engine, poorer)
        counts["losses"] += 1
        differing = compare(less, more, counts)
        if differing:
            failures.add("%s %d without %s %d" % (engine, seed, " and ".join(told), number),
                         differing, [("less", poorer), ("more", cluster)])


def main():
    chosen = tool.options("answers with less facts against answers with more", clusters=16)
    failures, counts = tool.Failures(chosen.keep), collections.Counter()
    for seed, engine in tool.rounds(chosen):
        try:
            try_cluster(seed, engine, failures, counts)
        except tool.Broken as problem:
            failures.add("broken %s %d" % (engine, seed), [str(problem)],
                         [("cluster", tool.make_cluster(seed))])
    for code in sorted(key[1] for key in counts if key[0] == "one"):
        print("%s alone was missing %d times, and the full facts decided %d of them" % (
            code, counts["one", code], counts["resolved", code]))
    print("%d clusters, %d losses of facts, %d answers compared, %d failures" % (
        chosen.clusters, counts["losses"], counts["compared"], failures.count))
    return 1 if failures.count or not counts["compared"] else 0


if __name__ == "__main__":
    sys.exit(main())
