# SPDX-License-Identifier: Apache-2.0
"""Changes of a cluster whose effect on the answers is known without knowing the answers.

    metamorphic.py [--seed N] [--clusters N] [--engine NAME] [--keep DIR]

  allow       one more allow item where the direction is isolated takes no allow away
  deny        one more deny item makes no deny an allow
  rename      other names and values of plain label keys, everywhere the same, change nothing
  split       a policy cut into one object a rule item admits and denies the same
  order       the order of objects, items, peers and ports changes nothing
  twins       of an object that is written twice, the earlier one has no effect
  files       the same objects in other files, documents and lists mean the same
  log         the order of the log's lines, and a log in two files, change nothing

FLOWCHECK names the program; by default it is flowcheck from the PATH.
"""
import copy
import json
import os
import random
import sys
import tempfile

import flowcheck as tool

SECTIONS = ("ingress", "egress", "ingressDeny", "egressDeny")
PEERS = {"ingress": "from", "egress": "to"}
PLAIN_KEYS = ["app", "role", "team", "env", "kind", "zone", "pool", "tier"]
FRESH_KEYS = ["x", "Role", "app2", "a-b_c", "team1"]
FRESH_VALUES = ["n", "Web", "webb", "a.b-c", "0"]
NAMESPACE_LABEL = "io.cilium.k8s.namespace.labels."


class Change:
    """A changed cluster, what to compare, and how it is written and read if not as usual."""

    def __init__(self, cluster, compare, touched=(), ask=None, what="", base=None):
        self.cluster, self.compare, self.touched = cluster, compare, set(touched)
        self.ask, self.what, self.base = ask, what, base


class Case:
    """One cluster, its answers, and which of its objects an engine does not take."""

    def __init__(self, seed, engine):
        self.seed, self.engine = seed, engine
        self.whole = tool.make_cluster(seed)
        self.cluster = self.whole._replace(objects=tool.drop_earlier_twins(self.whole.objects))
        self.answers = tool.ask("check", engine, self.cluster)
        self.refused = tool.refused(self.answers.talk, self.cluster.objects)
        self.random = random.Random("metamorphic %d" % seed)

    def policies(self, *kinds):
        """(number, object) of the policies of these kinds that are not refused."""
        return [(n, obj) for n, obj in enumerate(self.cluster.objects)
                if obj["kind"] in kinds and n not in self.refused]

    def forced(self):
        """Whether the agent lets no policy go without default deny."""
        return self.cluster.settings.get("enable-non-default-deny-policies") == "false"

    def replaced(self, number, obj, more=()):
        objects = list(self.cluster.objects)
        objects[number] = obj
        return self.cluster._replace(objects=objects + list(more))


# What may change --------------------------------------------------------------------------------


def group(answer):
    expected = answer["expected"]
    return "allow" if expected in tool.ALLOW else "deny" if expected in tool.DENY else expected


def keeps(kind, other):
    """No answer leaves this kind, and what is undecidable does not become the other one.

    An end that may lie outside of all policies passes either way where they allow: there one allow
    less is between not_applicable and undecidable.
    """
    def compare(before, after):
        was, now = group(before), group(after)
        if "not_applicable" in (was, now):
            less = (was, now) if kind == "deny" else (now, was)
            return was == now or less == ("not_applicable", "undecidable")
        return not (was == kind and now != kind) and not (was == "undecidable" and now == other)
    return compare


def same_words(before, after):
    return (before["expected"], sorted(before["undecided"])) == (
        after["expected"], sorted(after["undecided"]))


def same_policy(before, after):
    def policy(answer):
        told = answer["policy"]
        return told and [told[key] for key in ("kind", "namespace", "name", "rule")]
    return same_words(before, after) and policy(before) == policy(after)


def same_expected(before, after):
    return before["expected"] == after["expected"]


# Rules ------------------------------------------------------------------------------------------


def items_of(holder, section):
    return holder.get(section) or []


def cilium_rules(obj):
    """The rules of a CNP or CCNP: its spec and its specs."""
    return [rule for rule in [obj.get("spec")] + (obj.get("specs") or []) if isinstance(rule, dict)]


def requires(item):
    """Whether an item has a field that is removed, which spoke of all rules of its object."""
    return any(key.endswith("Requires") for key in item)


def plain_item(item):
    """Whether an item speaks of connections alone: not of requests, TLS or authentication."""
    ports = item.get("toPorts") or []
    return "authentication" not in item and not requires(item) and all(
        set(entry) <= {"ports"} for entry in ports if isinstance(entry, dict))


def harvest(case, kinds, section):
    """Items of that section in policies of other clusters, and in those of this one."""
    found = []
    while not found:
        seeds = [case.random.randrange(1 << 30) for _ in range(8)]
        clusters = [tool.generate.make_cluster(seed, 0)[0] for seed in seeds]
        for obj in sum(clusters, case.cluster.objects):
            if obj["kind"] not in kinds:
                continue
            holders = cilium_rules(obj) if obj["kind"] in tool.CILIUM else [obj.get("spec") or {}]
            found += [item for holder in holders for item in items_of(holder, section)]
        found = [item for item in found if plain_item(item)]
    return copy.deepcopy(case.random.choice(found))


def np_directions(spec):
    """The directions a NetworkPolicy isolates."""
    types = spec.get("policyTypes")
    if types:
        return [t.lower() for t in types if t in ("Ingress", "Egress")]
    return ["ingress", "egress"] if spec.get("egress") else ["ingress"]


def isolates(case, rule, direction):
    """Whether a rule of a CNP or CCNP does, as far as its own text tells."""
    if not items_of(rule, direction) and not items_of(rule, direction + "Deny"):
        return False
    flag = (rule.get("enableDefaultDeny") or {}).get(direction)
    return flag is not False or case.forced()


def put(case, items, item):
    items = list(items or [])
    items.insert(case.random.randint(0, len(items)), item)
    return items


# One more allow ---------------------------------------------------------------------------------


def add_allow(case):
    targets = case.policies("NetworkPolicy", *tool.CILIUM)
    case.random.shuffle(targets)
    for number, obj in targets:
        changed = copy.deepcopy(obj)
        make = allow_knp if obj["kind"] == "NetworkPolicy" else allow_cilium
        found = make(case, changed)
        if not found:
            continue
        if found is changed:
            return Change(case.replaced(number, changed), keeps("allow", "deny"), [number],
                          what="item in %s" % changed["metadata"]["name"])
        cluster = case.cluster._replace(objects=case.cluster.objects + [found])
        return Change(cluster, keeps("allow", "deny"), [len(cluster.objects) - 1],
                      what="new %s beside %s" % (found["kind"], obj["metadata"]["name"]))
    return None


def beside(obj, spec):
    new = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": dict(obj["metadata"]),
           "spec": spec}
    new["metadata"]["name"] = obj["metadata"]["name"] + "-more"
    return new


def allow_knp(case, obj):
    spec = obj["spec"]
    direction = case.random.choice(np_directions(spec) or [""])
    if not direction:
        return None
    item = harvest(case, ["NetworkPolicy"], direction)
    if case.random.random() < 0.5:
        spec[direction] = put(case, spec.get(direction), item)
        return obj
    return beside(obj, {"podSelector": spec.get("podSelector") or {}, direction: [item],
                        "policyTypes": [direction.capitalize()]})


def allow_cilium(case, obj):
    rules = [(rule, d) for rule in cilium_rules(obj) for d in ("ingress", "egress")
             if items_of(rule, d) or items_of(rule, d + "Deny")]
    if not rules:
        return None
    rule, direction = case.random.choice(rules)
    item = harvest(case, [obj["kind"]], direction)
    if case.random.random() < 0.5 or not isolates(case, rule, direction):
        # an item in a rule that speaks in this direction already: it isolates as before
        rule[direction] = put(case, rule.get(direction), item)
        return obj
    subject = {k: rule[k] for k in ("endpointSelector", "nodeSelector") if k in rule}
    return beside(obj, dict(subject, **{direction: [item]}))


# One more deny ----------------------------------------------------------------------------------


def add_deny(case):
    targets = case.policies(*tool.CILIUM, *tool.TIERED)
    if not targets:
        return None
    number, obj = case.random.choice(targets)
    changed = copy.deepcopy(obj)
    direction = case.random.choice(["ingress", "egress"])
    if obj["kind"] in tool.CILIUM:
        rule = case.random.choice(cilium_rules(changed))
        item = harvest(case, [obj["kind"]], direction + "Deny")
        rule[direction + "Deny"] = put(case, rule.get(direction + "Deny"), item)
    else:
        item = harvest(case, [obj["kind"]], direction)
        if any("domainNames" in peer for peer in item.get(PEERS[direction]) or []):
            return None                             # names are for allow rules alone
        item["action"] = "Deny"
        changed["spec"][direction] = put(case, changed["spec"].get(direction), item)
    return Change(case.replaced(number, changed), keeps("deny", "allow"), [number],
                  what="item in %s" % obj["metadata"]["name"])


# Other names ------------------------------------------------------------------------------------


class Renaming:
    """A one-to-one renaming of plain label keys and of their values."""

    def __init__(self, case):
        self.random = case.random
        names = PLAIN_KEYS + FRESH_KEYS
        self.keys = dict(zip(PLAIN_KEYS, self.random.sample(names, len(PLAIN_KEYS))))
        self.values = {}

    def value(self, key, value):
        """A value may become the empty one, and the empty one a value."""
        taken = self.values.setdefault(key, {})
        if isinstance(value, str) and value not in taken:
            pool = ["", "web", "api", "x", "y", "a", "b", "prod", "dev"] + FRESH_VALUES
            taken[value] = self.random.choice([v for v in pool if v not in taken.values()])
        return taken.get(value, value)

    def split(self, key):
        """(prefix, plain key): a namespace's label of a pod is renamed as the namespace's own."""
        source, colon, rest = key.rpartition(":")
        prefix = source + colon
        if rest.startswith(NAMESPACE_LABEL):
            prefix, rest = prefix + NAMESPACE_LABEL, rest[len(NAMESPACE_LABEL):]
        return prefix, rest

    def key(self, key):
        prefix, plain = self.split(key)
        return prefix + self.keys.get(plain, plain)

    def pair(self, key, value):
        plain = self.split(key)[1]
        return self.key(key), self.value(plain, value) if plain in self.keys else value

    def labels(self, labels):
        return dict(self.pair(key, value) for key, value in labels.items())

    def text(self, label):
        """A label as a record writes it: "k8s:app=web"."""
        key, equals, value = label.partition("=")
        if not equals:
            return label
        return "%s=%s" % self.pair(key, value)

    def expression(self, item):
        plain = self.split(item.get("key", ""))[1]
        out = dict(item, key=self.key(item.get("key", "")))
        if item.get("values") and plain in self.keys:
            out["values"] = [self.value(plain, value) for value in item["values"]]
        return out

    def walk(self, node, kind=""):
        if isinstance(node, list):
            return [self.walk(item, kind) for item in node]
        if not isinstance(node, dict):
            return node
        return {key: self.field(key, value, kind) for key, value in node.items()}

    def field(self, key, value, kind):
        if key in ("labels", "matchLabels", "security-labels") and isinstance(value, dict):
            return self.labels(value)
        if key == "labels" and isinstance(value, list):
            return sorted(self.text(label) for label in value)
        if key == "selector" and kind == "Service" and isinstance(value, dict):
            return self.labels(value)
        if key == "matchExpressions" and isinstance(value, list):
            return [self.expression(item) for item in value]
        return self.walk(value, kind)


def rename(case):
    renaming = Renaming(case)
    objects = [renaming.walk(obj, obj["kind"]) for obj in case.cluster.objects]
    cluster = case.cluster._replace(objects=objects, events=renaming.walk(case.cluster.events))
    return Change(cluster, same_policy, what=str(renaming.keys))


# One object a rule ------------------------------------------------------------------------------


def split(case):
    targets = case.policies("NetworkPolicy", *tool.CILIUM)
    case.random.shuffle(targets)
    for number, obj in targets:
        pieces = split_knp(obj) if obj["kind"] == "NetworkPolicy" else split_cilium(obj)
        if len(pieces) < 2:
            continue
        for count, piece in enumerate(pieces):
            name = "%s-%d" % (obj["metadata"]["name"], count)
            piece["metadata"] = dict(obj["metadata"], name=name)
        cluster = case.replaced(number, pieces[0], pieces[1:])
        end = len(case.cluster.objects)
        return Change(cluster, same_expected, [number, *range(end, end + len(pieces) - 1)],
                      what="%s into %d" % (obj["metadata"]["name"], len(pieces)))
    return None


def split_knp(obj):
    spec = obj["spec"]
    types = [direction.capitalize() for direction in np_directions(spec)]
    head = {"podSelector": spec.get("podSelector") or {}, "policyTypes": types}
    return [dict(obj, spec=dict(head, **{section: [item]}))
            for section in ("ingress", "egress") for item in items_of(spec, section)]


def split_cilium(obj):
    """Default deny stays: a flag tells it, or a direction that has items, and they all stay."""
    pieces = []
    if any(requires(item) for rule in cilium_rules(obj) for section in SECTIONS
           for item in items_of(rule, section)):
        return []
    for rule in cilium_rules(obj):
        head = {key: value for key, value in rule.items() if key not in SECTIONS}
        for section in SECTIONS:
            for item in items_of(rule, section):
                piece = dict(obj, spec=dict(head, **{section: [item]}))
                piece.pop("specs", None)
                pieces.append(piece)
    return pieces


# Another order ----------------------------------------------------------------------------------


def shuffled(case, items):
    return case.random.sample(items, len(items))


def shuffle_lists(case, node, inner):
    """Every list of an item in another order: peers, ports, values, and what lies in them."""
    if isinstance(node, dict):
        return {key: shuffle_lists(case, value, inner) for key, value in node.items()}
    if isinstance(node, list):
        items = [shuffle_lists(case, item, inner) for item in node]
        return shuffled(case, items) if inner else items
    return node


def shuffle_policy(case, obj):
    """Rules of an ordered tier stay where they are; what stands in them does not."""
    out = copy.deepcopy(obj)
    if obj["kind"] not in tool.TIERED:
        return shuffle_lists(case, out, True)
    for direction in ("ingress", "egress"):
        if out["spec"].get(direction):
            out["spec"][direction] = [shuffle_lists(case, r, True) for r in out["spec"][direction]]
    return out


def order(case):
    moved = [shuffle_policy(case, obj) if obj["kind"] in tool.SHORT else obj
             for obj in case.cluster.objects]
    return Change(case.cluster._replace(objects=shuffled(case, moved)), same_words)


def twins(case):
    """Objects written twice: the later one counts, the earlier has no effect."""
    if len(case.whole.objects) == len(case.cluster.objects):
        return None
    last = {tool.identity(obj): number for number, obj in enumerate(case.cluster.objects)}
    twice = [obj for obj in case.whole.objects if obj not in case.cluster.objects]
    if any(last[tool.identity(obj)] in case.refused for obj in twice):
        return None                                 # a refused one may leave the earlier in force
    return Change(case.whole, same_policy)


# Other files ------------------------------------------------------------------------------------


def dump(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        if isinstance(content, str):
            out.write(content)
        else:
            json.dump(content, out, indent=1)


def whole(objects, kind="List", version="v1"):
    return {"apiVersion": version, "kind": kind, "items": objects}


def as_documents(case, directory, objects):
    breaks = ["---\n", "--- # next\n", "...\n---\n"]
    text = "".join(case.random.choice(breaks) + json.dumps(
        obj, indent=case.random.choice([None, 1, 4])) + "\n" for obj in objects)
    dump(os.path.join(directory, "all.yaml"), text[text.index("---"):])
    return ["-f", "all.yaml"]


def as_files(case, directory, objects):
    parts = [[] for _ in range(case.random.randint(2, 4))]
    for obj in objects:
        case.random.choice(parts).append(obj)
    call = []
    for number, part in enumerate(parts):
        dump(os.path.join(directory, "part%d.json" % number), whole(part))
        call += ["-f", "part%d.json" % number]
    return call


def as_folder(case, directory, objects):
    ends = ["yaml", "yml", "json"]
    for number, obj in enumerate(objects):
        folder = case.random.choice(["all", "all/deeper", "all/deeper/still"])
        dump(os.path.join(directory, folder, "%d.%s" % (number, case.random.choice(ends))), obj)
    return ["-f", "all"]


def as_typed_lists(_case, directory, objects):
    """Lists of one kind, whose items say neither kind nor version."""
    kinds, texts = {}, []
    for obj in objects:
        bare = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind")}
        kinds.setdefault((obj["kind"], obj["apiVersion"]), []).append(bare)
    for (kind, version), items in kinds.items():
        texts.append(json.dumps(whole(items, kind + "List", version)) + "\n")
    dump(os.path.join(directory, "all.yaml"), "---\n".join(texts))
    return ["-f", "all.yaml"]


def as_snapshot(_case, directory, objects):
    """The inventory as a snapshot, the policies beside it."""
    dump(os.path.join(directory, "policies.json"),
         whole([obj for obj in objects if obj["kind"] in tool.SHORT]))
    dump(os.path.join(directory, "snapshot", "inventory.json"),
         whole([obj for obj in objects if obj["kind"] not in tool.SHORT]))
    return ["-f", "policies.json", "--snapshot", "snapshot"]


WRITINGS = [as_documents, as_files, as_folder, as_typed_lists, as_snapshot]


def files(case):
    cluster = case.cluster
    write = case.random.choice(WRITINGS)

    def ask():
        with tempfile.TemporaryDirectory() as directory:
            tool.generate.write_cluster(directory, *cluster)
            call = write(case, directory, cluster.objects)
            return tool.run("check", case.engine, directory, cluster.settings, call)
    return Change(cluster, same_words, ask=ask, what=write.__name__)


# Another log ------------------------------------------------------------------------------------


BLANK = [{}, {"identity": 0, "labels": []}, {"identity": 0}, {"labels": []}]


def blank_ends(case):
    """The cluster with a log of which some ends look all alike, though their addresses differ."""
    events, like = copy.deepcopy(case.cluster.events), case.random.choice(BLANK)
    for event in events:
        for end in ("source", "destination"):
            if case.random.random() < 0.3:
                event["flow"][end] = dict(like)
    return case.cluster._replace(events=events)


def log_order(case):
    base = blank_ends(case) if case.random.random() < 0.5 else case.cluster
    cluster = base._replace(events=shuffled(case, base.events))
    return Change(cluster, same_policy, what="shuffled", base=base)


def log_halves(case):
    base = blank_ends(case) if case.random.random() < 0.5 else case.cluster
    halves = [[], []]
    for event in base.events:
        case.random.choice(halves).append(event)

    def ask():
        with tempfile.TemporaryDirectory() as directory:
            for number, half in enumerate(halves):
                tool.generate.write_cluster(directory, base.objects, half, {})
                os.rename(os.path.join(directory, "flows.jsonl"),
                          os.path.join(directory, "flows%d.jsonl" % number))
            return tool.run("check", case.engine, directory, base.settings,
                            inputs=("flows0.jsonl", "flows1.jsonl"))
    return Change(base._replace(events=halves[0] + halves[1]), same_policy, ask=ask,
                  what="in two files", base=base)


CHANGES = [("allow", add_allow), ("allow", add_allow), ("deny", add_deny), ("deny", add_deny),
           ("rename", rename), ("split", split), ("split", split), ("order", order),
           ("twins", twins), ("files", files), ("log", log_order), ("log", log_halves)]


# Comparison -------------------------------------------------------------------------------------


def brief(answer):
    policy = answer["policy"]
    named = "%s %s %s" % (policy["kind"], policy["name"], policy["rule"]) if policy else "no policy"
    return "%s %s (%s)" % (answer["expected"], answer["undecided"] or "", named)


def vague_subjects(case, change):
    """Undecidable flows of a subject that the policies of the change may or may not select.

    Each policy's "may" stands for itself (6.3), so a second policy of the same subject, which
    isolates where the first one does, is one more that may isolate alone.
    """
    touched = {tool.object_name(change.cluster.objects[number]) for number in change.touched}
    asked = tool.ask("explain", case.engine, change.cluster)
    return {uuid for uuid, answer in asked.flows.items() for side in answer["sides"]
            if side["expected"] == "undecidable" and any(
                step["selects"] == "unknown" and tool.step_name(step) in touched
                for step in side["steps"])}


def try_change(case, name, make, failures, counts):
    change = make(case)
    if not change:
        counts["skipped"] += 1
        return
    before = case.answers
    if change.base and change.base is not case.cluster:
        before = tool.ask("check", case.engine, change.base)
    after = change.ask() if change.ask else tool.ask("check", case.engine, change.cluster)
    tool.require_all(after, case.cluster.events)
    if change.touched & tool.refused(after.talk, change.cluster.objects):
        counts["skipped"] += 1                      # what was added is no policy
        return
    counts[name] = counts.get(name, 0) + 1
    differing = [uuid for uuid, flow in before.flows.items()
                 if not change.compare(flow, after.flows[uuid])]
    vague = vague_subjects(case, change) if differing and change.touched else set()
    counts["vague"] += len(vague.intersection(differing))
    differing = ["%s: %s, then %s" % (uuid, brief(before.flows[uuid]), brief(after.flows[uuid]))
                 for uuid in differing if uuid not in vague]
    if differing:
        title = "%s %s %s %d" % (name, case.engine, case.seed, counts["compared"])
        failures.add(title, [change.what, *differing],
                     [("before", change.base or case.cluster), ("after", change.cluster)])
    counts["compared"] += len(before.flows)


def main():
    chosen = tool.options("changes of random clusters whose effect is known", clusters=10)
    failures, counts = tool.Failures(chosen.keep), {"compared": 0, "skipped": 0, "vague": 0}
    for seed, engine in tool.rounds(chosen):
        try:
            case = Case(seed, engine)
            for name, make in CHANGES:
                try_change(case, name, make, failures, counts)
        except tool.Broken as problem:
            failures.add("broken %s %d" % (engine, seed), [str(problem)],
                         [("cluster", tool.make_cluster(seed))])
    told = ", ".join("%d %s" % (counts.get(name, 0), name) for name in dict(CHANGES))
    print("%d clusters, %d answers compared after changes (%s), %d changes skipped, "
          "%d vague subjects, %d failures" % (chosen.clusters, counts["compared"], told,
                                              counts["skipped"], counts["vague"], failures.count))
    return 1 if failures.count or not counts["compared"] else 0


if __name__ == "__main__":
    sys.exit(main())
