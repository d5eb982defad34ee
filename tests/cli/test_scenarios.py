# SPDX-License-Identifier: Apache-2.0
"""What flowcheck says where the documents of real systems and their policies part: K1-K9 of K8TRE, F1-F8 of FRIDGE,
and T1-T3 of TREu, of which no policy is public, so that the documents speak alone.

Policies are the systems' own, read from ../shared/corpus/policies at run time; an excerpt is written here only where it
is said so. Flows are synthetic: made here, in the exporter's shape, with the labels, identities, addresses and verdicts
that Hubble would give that traffic. Each test first has the traffic of the finding, then the same system as its
documents want it, which gives nothing of severity low or above.
"""
import json
import os
import sys
import zlib

from tap import ROOT, WORLD, Skip, equal, flow, flowcheck, pod, run, write

CORPUS = os.path.join(os.path.dirname(ROOT), "shared", "corpus", "policies")
INTENTS = os.path.join(ROOT, "examples", "intents")
K8TRE = os.path.join(INTENTS, "k8tre.yaml")
ACCESS = os.path.join(INTENTS, "fridge-access.yaml")
ISOLATED = os.path.join(INTENTS, "fridge-isolated.yaml")

JUPYTERHUB = "k8tre/policies/apps/jupyterhub/base/"
BROAD = JUPYTERHUB + "network_policy.yaml"       # the CCNP allow-pod-to-pod-via-gateway is in here
VPC = "k8tre/policies/agnostics/default-network-policy/aws/base/clusterwide-networkpolicy.yaml"
GITEA = "k8tre/policies/apps/gitea/base/network/"
SEAWEEDFS = "k8tre/policies/agnostics/object-storage/k3s/base/network-policy.yaml"
OPERATOR = "k8tre/rendered/cr8tor-"

DENY_EGRESS = """apiVersion: libflow.dev/v1alpha1
kind: FlowIntent
metadata: {name: small}
spec:
  cluster:
    cidrs: {pods: [10.42.0.0/16], services: [10.43.0.0/16], nodes: [10.0.0.0/24]}
  egress: {default: deny, approved: []}
"""


# ---- manifests ----

def _corpus(*names):
    """Files and folders of the corpus; a test that needs them is passed over where there is none."""
    paths = [os.path.join(CORPUS, *name.split("/")) for name in names]
    for path in paths:
        if not os.path.exists(path):
            raise Skip("no " + os.path.relpath(path, os.path.dirname(ROOT)))
    return paths


def _fridge(cluster, *without):
    """The files that AKS loads of one of FRIDGE's clusters (no Dawn, no k3s), but for some."""
    folder, = _corpus("fridge/%s-cluster" % cluster)
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))
            if name not in ("dawn.yaml", "k3s.yaml", "longhorn.yaml", *without)]


def _dawn(cluster, *without):
    folder, = _corpus("fridge/%s-cluster" % cluster)
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))
            if name not in ("aks.yaml", "k3s.yaml", "default.yaml", *without)]


# ---- synthetic flows ----

class _End:
    """An end of a connection: its address, and how Hubble writes it when local to the node and when not."""

    def __init__(self, ip, end, workload=None, node="node-1"):
        self.ip, self.end, self.workload, self.node = ip, end, workload, node

    def written(self, local):
        if local and self.workload is not None:
            return dict(self.end, ID=17, workloads=[{"name": self.workload, "kind": "Deployment"}])
        return self.end


def _pod(where, ip, space=None, cluster=None, **labels):
    """`where` is "namespace/workload"; `space` has labels of the namespace beside its name."""
    namespace, workload = where.split("/")
    end = pod(namespace, workload + "-7d9f8c6b5-x2x4q", **labels)
    end["labels"] = sorted(end["labels"] + ["k8s:io.cilium.k8s.namespace.labels.%s=%s" % item
                                            for item in (space or {}).items()])
    if cluster is not None:
        end["cluster_name"] = cluster
        end["labels"] = [label.replace("policy.cluster=default", "policy.cluster=" + cluster)
                         for label in end["labels"]]
    # an identity stands for a set of labels, so the same labels get the same number
    end["identity"] = 10000 + zlib.crc32("".join(end["labels"]).encode()) % 50000
    return _End(ip, end, workload)


def _outside(ip, *labels):
    """An address that no pod has: reserved:world, or an identity of a CIDR or a name in the policies."""
    if not labels:
        return _End(ip, WORLD)
    number = 16777217 + zlib.crc32("".join(labels).encode()) % 1000
    return _End(ip, {"identity": number, "labels": sorted(labels + ("reserved:world",))})


def _reserved(ip, identity, *names):
    return _End(ip, {"identity": identity, "labels": sorted("reserved:" + name for name in names)})


class _Log:
    """An archive as the exporter writes it, one record a second, and the runs over it."""

    def __init__(self, folder, name, cluster=None, day="2026-09-01"):
        self.folder, self.name, self.cluster, self.day = folder, name, cluster, day
        self.lines = []

    def saw(self, uuid, client, server, port, direction, protocol="TCP", names=(), answer=None, **members):
        """A policy verdict: EGRESS by the node of the client, INGRESS by the node of the server."""
        second = len(self.lines)
        layer = {"source_port": 40000 + second, "destination_port": port}
        if protocol == "TCP":
            layer["flags"] = {"SYN": True}
        if answer is not None:                   # a packet of the reply, from this port
            layer.update(source_port=answer, flags={"SYN": True, "ACK": True})
            members.update(is_reply=True, reply=True, event_type={"type": 4},
                           trace_observation_point="TO_ENDPOINT")
        if names:
            members["destination_names"] = list(names)
        record = json.loads(flow(
            uuid, client.written(direction == "EGRESS"), server.written(direction == "INGRESS"),
            direction=direction, l4={protocol: layer},
            IP={"source": client.ip, "destination": server.ip, "ipVersion": "IPv4"},
            time="%sT10:%02d:%02d.000000001Z" % (self.day, second // 60, second % 60), **members))
        if self.cluster is not None:
            node = self.cluster + "/" + record["node_name"]
            record["flow"]["node_name"] = record["node_name"] = node
        self.lines.append(json.dumps(record, separators=(",", ":")))
        return self

    def asked(self, client, name, ip):
        """The answer of the cluster's DNS, as its proxy reports it."""
        self.out("dns " + name, KUBE_DNS, client, 40053, protocol="UDP", Type="L7", event_type={"type": 129},
                 is_reply=True, reply=True, l7={"type": "RESPONSE", "dns": {
                     "query": name + ".", "ips": [ip], "ttl": 300, "qtypes": ["A"], "rrtypes": ["A"]}})
        record = json.loads(self.lines[-1])
        record["flow"]["l4"] = {"UDP": {"source_port": 53, "destination_port": 40053}}
        self.lines[-1] = json.dumps(record, separators=(",", ":"))

    def out(self, uuid, client, server, port, **members):
        return self.saw(uuid, client, server, port, "EGRESS", **members)

    def into(self, uuid, client, server, port, **members):
        return self.saw(uuid, client, server, port, "INGRESS", **members)

    def check(self, manifests, intent, *args):
        """One run of flowcheck; the report in JSON and the rows by uuid."""
        log = write(self.folder, self.name, "\n".join(self.lines) + "\n")
        report = os.path.join(self.folder, self.name + ".json")
        rows = os.path.join(self.folder, self.name + ".jsonl")
        command = ["check"]
        for path in manifests:
            command += ["-f", path]
        result = flowcheck(*command, "--intent", intent, *args,
                           "-o", "json=" + report, "-o", "jsonl=" + rows, log)
        assert result.code in (0, 1), (result.code, result.err)
        return _Run(result.code, report, rows, intent)


class _Run:
    def __init__(self, code, report, rows, intent):
        self.code, self.intent = code, intent
        with open(report, encoding="utf-8") as file:
            self.findings = json.load(file)["findings"]
        with open(rows, encoding="utf-8") as file:
            self.rows = {row["uuid"]: row for row in map(json.loads, file)}

    def policy(self, uuid, result, name=None, file=None, rule=None):
        """What the policies say of a flow, and which of them says it."""
        row = self.rows[uuid]
        equal((uuid, row["result"]), (uuid, result))
        if name is not None:
            equal((uuid, row["policy"]["name"]), (uuid, name))
        if file is not None:
            assert row["policy"]["file"].endswith(file), (uuid, row["policy"], file)
        if rule is not None:
            equal((uuid, row["policy"]["rule"]), (uuid, rule))

    def intends(self, uuid, intent, *rules):
        """What the intent says of a flow, and which of the FC2xx rules it falls under."""
        row = self.rows[uuid]
        found = {rule for rule in row["findings"] if rule.startswith("FC2")}
        equal((uuid, row["intent"]), (uuid, intent))
        equal((uuid, found), (uuid, set(rules)))

    def undecided(self, uuid, *codes):
        equal((uuid, self.rows[uuid]["result"], self.rows[uuid]["undecided"]), (uuid, "undecided", list(codes)))

    def has(self, uuid, *rules):
        assert set(rules) <= set(self.rows[uuid]["findings"]), (uuid, rules, self.rows[uuid]["findings"])

    def has_not(self, uuid, *rules):
        assert not set(rules) & set(self.rows[uuid]["findings"]), (uuid, rules, self.rows[uuid]["findings"])

    def falls_under(self, uuid, *rules):
        """As intends, where a flow may fall under more rules than the one it is about."""
        self.has(uuid, *rules)
        assert self.rows[uuid]["intent"] in ("forbidden", "unapproved"), (uuid, self.rows[uuid]["intent"])

    def fits(self, *uuids):
        for uuid in uuids:
            equal((uuid, [r for r in self.rows[uuid]["findings"] if r.startswith("FC2")]), (uuid, []))

    def finding(self, rule, severity, **members):
        """A finding of a rule that has these members; those of the intent name the statement they come from."""
        found = [f for f in self.findings if rule in (f["id"], f["rule"])
                 and all(f[name] == value for name, value in members.items())]
        assert found, "expected %s with %r, found %r" % (
            rule, members, [(f["id"], f["source"], f["destination"], f["port"]) for f in self.findings])
        equal((rule, found[0]["severity"]), (rule, severity))
        assert found[0]["count"] >= 1 and found[0]["explanation"], found[0]
        if found[0]["id"].startswith("FC2"):
            statement = found[0]["statement"]
            # a layer's statement is the rule in the file of the layer
            files = [os.path.basename(self.intent)] + (["fridge-nsg.json", "treu-security-groups.json"] if found[0]["id"] == "FC212" else [])
            assert os.path.basename(statement["file"]) in files, statement
            assert statement["line"] >= 1, statement
        return found[0]

    def none_of(self, *rules):
        equal([f["id"] for f in self.findings if f["id"] in rules], [])

    def fails(self):
        equal((self.code, any(f["severity"] in ("high", "critical") for f in self.findings)), (1, True))

    def clean(self):
        equal([(f["id"], f["source"], f["destination"], f["port"]) for f in self.findings
               if f["severity"] != "info"], [])
        equal(self.code, 0)
        equal({(uuid, row["result"]) for uuid, row in self.rows.items()
               if row["result"] not in ("permitted", "not_applicable")}, set())


def _intent(folder, text, name="intent.yaml"):
    return write(folder, name, text)


# ---- K8TRE ----

PROJECT = {"k8tre.io/resource-type": "project-namespace", "k8tre.io/managed-by": "cr8tor"}


def _project(name, space=None):
    """Namespace labels of a project, as the operator writes them (v0.1.0-beta.2 when nothing is said)."""
    return dict(space or PROJECT, **{"k8tre.io/project" if space is None else "karectl.io/project": name})


def _user(project, ip, name="jupyter-alice", space=None, **labels):
    labels = labels or {"app": "jupyterhub", "component": "singleuser-server"}
    return _pod("project-%s/%s" % (project, name), ip, space=_project(project, space), **labels)


HUB = _pod("jupyterhub/hub", "10.42.1.20", app="jupyterhub", component="hub", release="jupyterhub")
KUBE_DNS = _pod("kube-system/coredns", "10.42.1.10", **{"k8s-app": "kube-dns"})
KEYCLOAK = _pod("keycloak/keycloak", "10.42.1.30", **{"app.kubernetes.io/name": "keycloakx"})
# Cilium's own proxy: the Gateway's address at the backends is one of the node's pods prefix, identity 8
GATEWAY = _reserved("10.42.1.250", 8, "ingress")
APISERVER = _reserved("10.0.0.10", 7, "kube-apiserver", "remote-node")
KUBELET = _reserved("10.42.1.1", 1, "host")      # probes come from the node's cilium_host address


def k1_project_pods_reach_the_world_by_policy_and_not_by_intent(folder):
    beta2 = OPERATOR + "v0.1.0-beta.2/project-asthma.yaml"
    alice = _user("asthma", "10.42.2.31")
    log = _Log(folder, "open")
    log.out("named", alice, _outside("203.0.113.50"), 443, names=["paste.example.com"])
    log.out("odd port", alice, _outside("203.0.113.51"), 8443)
    log.out("bare", alice, _outside("203.0.113.52"), 443)
    log.out("tried", alice, _outside("203.0.113.53"), 22, verdict="DROPPED")
    open_ = log.check(_corpus(beta2), K8TRE)
    for uuid in ("named", "odd port", "bare"):
        open_.policy(uuid, "permitted", "project-isolation", beta2)
        open_.intends(uuid, "unapproved", "FC203")
    # what was dropped has an intent and did not happen
    open_.intends("tried", "unapproved")
    open_.finding("unapproved-egress", "high", id="FC203", scope="egress", protocol="TCP",
                  source="project-asthma/jupyter-alice", destination="paste.example.com", port=443)
    open_.finding("FC203", "high", destination="203.0.113.51", port=8443)
    open_.finding("FC203", "high", destination="203.0.113.52", port=443)
    open_.none_of("FC101", "FC202")
    open_.fails()

    # the release that removed the rule: the same flow, had it passed, escapes the policy as well
    head = OPERATOR + "HEAD/project-asthma.yaml"
    closed = log.check(_corpus(head), K8TRE)
    closed.policy("named", "escaped", "project-isolation", head)
    closed.finding("FC101", "high", source="project-asthma/jupyter-alice", destination="paste.example.com")
    closed.finding("FC203", "high", destination="paste.example.com")
    closed.policy("tried", "rejected")

    # as intended: the mirror that is approved by address and port, shared services, DNS, the gateway, a probe
    clean = _Log(folder, "clean")
    clean.out("mirror", alice, _outside("192.0.2.7"), 443)
    clean.out("hub", alice, HUB, 8081)
    clean.out("login", alice, KEYCLOAK, 8080)
    clean.out("dns", alice, KUBE_DNS, 53, protocol="UDP")
    clean.into("proxy", HUB, alice, 8888)
    clean.into("probe", KUBELET, alice, 8888)
    result = clean.check(_corpus(beta2), K8TRE)
    result.clean()
    result.intends("mirror", "approved")


def k2_a_renamed_label_lets_projects_meet(folder):
    # Namespaces labelled by the operator's beta.4: the key that the CCNP looks for is absent, so NotIn holds. The
    # project's own isolation policy does not list the other one; the CCNP does, as "cluster".
    renamed = {"karectl.io/resource-type": "project-namespace", "karectl.io/managed-by": "cr8tor"}
    policies = _corpus(BROAD, OPERATOR + "v0.1.0-beta.4/project-asthma.yaml",
                       OPERATOR + "v0.1.0-beta.4/project-diabetes.yaml")

    def met(name, space):
        log = _Log(folder, name)
        alice, store = _user("diabetes", "10.42.2.41", space=space), _user(
            "asthma", "10.42.2.32", "postgres", space, app="postgres")
        log.out("leaves", alice, store, 5432)
        log.into("enters", alice, store, 5432)
        return log.check(policies, K8TRE)

    opened = met("renamed", renamed)
    for uuid in ("leaves", "enters"):
        opened.policy(uuid, "permitted", "allow-pod-to-pod-via-gateway", BROAD)
        opened.intends(uuid, "forbidden", "FC202")
    opened.finding("cross-project", "high", id="FC202", scope="east-west", port=5432, protocol="TCP",
                   source="project-diabetes/jupyter-alice", destination="project-asthma/postgres")
    opened.none_of("FC102", "FC203")
    opened.fails()

    # with the label that the CCNP knows the policies do forbid it, and the intent still says so
    known = met("known", None)
    known.policy("leaves", "escaped", "project-isolation", "project-diabetes.yaml")
    known.policy("enters", "escaped", "project-isolation", "project-asthma.yaml")
    known.finding("FC102", "high", source="project-diabetes/jupyter-alice")
    known.finding("FC202", "high", destination="project-asthma/postgres")

    # as intended: within a project, and with what projects share
    clean = _Log(folder, "clean")
    alice, store = _user("asthma", "10.42.2.31", space=renamed), _user(
        "asthma", "10.42.2.32", "postgres", renamed, app="postgres")
    clean.out("own", alice, store, 5432)
    clean.into("own, there", alice, store, 5432)
    clean.out("login", alice, KEYCLOAK, 8080)
    clean.into("hub", HUB, alice, 8888)
    clean.into("probe", KUBELET, store, 5432)
    clean.check(policies, K8TRE).clean()


def k3_policies_of_the_hub_do_not_reach_pods_of_users(folder):
    # The hub spawns into project-<name>; these policies are of the namespace jupyterhub and select nobody there.
    hubs = [BROAD, JUPYTERHUB + "netpol_singleuser.yaml", JUPYTERHUB + "netpol_singleuser_world.yaml",
            JUPYTERHUB + "vdi-network-policy.yaml"]
    isolation = OPERATOR + "HEAD/project-asthma.yaml"
    alice = _user("asthma", "10.42.2.31")
    desktop = _user("asthma", "10.42.2.33", "vdi-alice", app="vdi")
    log = _Log(folder, "out")
    log.out("notebook", alice, _outside("203.0.113.60"), 443, names=["files.example.com"])
    log.out("desktop", desktop, _outside("203.0.113.61"), 3389)
    log.into("to desktop", HUB, desktop, 22)
    result = log.check(_corpus(*hubs), K8TRE, "--var", "DOMAIN=k8tre.example.org")
    for uuid in ("notebook", "desktop", "to desktop"):
        result.policy(uuid, "unprotected")
        equal(result.rows[uuid]["policy"], None)
    result.intends("notebook", "unapproved", "FC203")
    result.intends("desktop", "unapproved", "FC203")
    result.finding("FC105", "low", source="project-asthma/vdi-alice", destination="203.0.113.61", port=3389)
    result.finding("FC203", "high", source="project-asthma/jupyter-alice", destination="files.example.com",
                   port=443)
    result.finding("FC203", "high", source="project-asthma/vdi-alice", destination="203.0.113.61", port=3389)
    result.fails()

    # the project's own policy does govern them
    governed = log.check(_corpus(*hubs, isolation), K8TRE, "--var", "DOMAIN=k8tre.example.org")
    governed.policy("notebook", "escaped", "project-isolation", isolation)
    governed.policy("to desktop", "permitted", "project-isolation", isolation)
    governed.finding("FC101", "high", source="project-asthma/jupyter-alice")
    governed.finding("FC203", "high", source="project-asthma/jupyter-alice")

    clean = _Log(folder, "clean")
    clean.out("hub", alice, HUB, 8081)
    clean.into("hub, there", alice, HUB, 8081)
    clean.out("dns", desktop, KUBE_DNS, 53, protocol="UDP")
    clean.out("api", HUB, APISERVER, 6443)
    clean.check(_corpus(*hubs, isolation), K8TRE, "--var", "DOMAIN=k8tre.example.org").clean()


def k4_gitea_is_reached_by_the_broad_policy_alone(folder):
    # A bare kubernetes.io/metadata.name is a label of pods, and without a namespace the peer is one of gitea's own.
    own = GITEA + "cnpol-allow-from-ingress.yaml"
    gitea = _pod("gitea/gitea", "10.42.1.40", **{"app.kubernetes.io/name": "gitea"})
    nginx = _pod("ingress-nginx/ingress-nginx-controller", "10.42.1.41",
                 **{"app.kubernetes.io/name": "ingress-nginx"})
    log = _Log(folder, "gateway")
    log.into("gateway", GATEWAY, gitea, 3000)
    log.into("nginx", nginx, gitea, 3000)
    log.into("past it", _outside("203.0.113.70"), gitea, 3000)
    both = log.check(_corpus(own, BROAD), K8TRE)
    both.policy("gateway", "permitted", "allow-pod-to-pod-via-gateway", BROAD)
    both.policy("nginx", "permitted", "allow-pod-to-pod-via-gateway", BROAD)
    both.policy("past it", "permitted", "allow-pod-to-pod-via-gateway", BROAD)
    both.fits("gateway", "nginx")
    both.intends("past it", "forbidden", "FC201")
    both.finding("ingress-bypasses-gateway", "high", id="FC201", scope="ingress", protocol="TCP",
                 source="203.0.113.70", destination="gitea/gitea", port=3000)
    both.fails()

    # alone it admits neither the gateway nor the controller that its comment speaks of
    alone = log.check(_corpus(own), K8TRE)
    for uuid in ("gateway", "nginx", "past it"):
        alone.policy(uuid, "escaped", "gitea-allow-from-ingress", own)

    clean = _Log(folder, "clean")
    clean.into("browser", _outside("203.0.113.70"), GATEWAY, 443)
    clean.into("gateway", GATEWAY, gitea, 3000)
    clean.out("login", gitea, KEYCLOAK, 8080)
    clean.out("mirror", gitea, _outside("203.0.113.71", "fqdn:github.com"), 443, names=["github.com"])
    result = clean.check(_corpus(own, BROAD, GITEA + "cnpol-egress-core.yaml",
                                 GITEA + "cnpol-egress-github.yaml"), K8TRE, "--var", "DOMAIN=k8tre.example.org")
    result.clean()
    result.intends("mirror", "approved")


def k5_all_pods_of_a_cilium_policy_are_those_of_its_namespace(folder):
    filer = _pod("object-storage/seaweedfs-filer", "10.42.1.50", **{"app.kubernetes.io/name": "seaweedfs"})
    client = _pod("object-storage/backup", "10.42.1.51", app="backup")
    portal = _pod("backend/portal", "10.42.1.60", app="portal")
    alice = _user("asthma", "10.42.2.31")
    log = _Log(folder, "s3")
    log.into("same namespace", client, filer, 8333)
    log.into("other namespace", portal, filer, 8333)
    log.into("project", alice, filer, 8333)
    alone = log.check(_corpus(SEAWEEDFS), K8TRE)
    alone.policy("same namespace", "permitted", "allow-seaweedfs-access", SEAWEEDFS)
    alone.policy("other namespace", "escaped", "allow-seaweedfs-access", SEAWEEDFS)
    alone.finding("FC102", "high", source="backend/portal", destination="object-storage/seaweedfs-filer",
                  port=8333)
    alone.fails()

    # it is the CCNP that lets the other namespaces in; projects are not to come here at all, says the intent
    both = log.check(_corpus(SEAWEEDFS, BROAD), K8TRE)
    both.policy("other namespace", "permitted", "allow-pod-to-pod-via-gateway", BROAD)
    both.policy("project", "permitted", "allow-pod-to-pod-via-gateway", BROAD)
    both.intends("project", "unapproved", "FC211")
    both.finding("unapproved-east-west", "medium", id="FC211", source="project-asthma/jupyter-alice",
                 destination="object-storage/seaweedfs-filer", port=8333, protocol="TCP")
    both.none_of("FC102")
    equal(both.code, 0)                          # medium is below the border, and no flow escaped

    clean = _Log(folder, "clean")
    clean.into("same namespace", client, filer, 8333)
    clean.into("other namespace", portal, filer, 8333)
    clean.out("volume", filer, filer, 8080)
    clean.out("dns", filer, KUBE_DNS, 53, protocol="UDP")
    clean.check(_corpus(SEAWEEDFS, BROAD), K8TRE).clean()


def k6_ports_in_a_rule_of_their_own_admit_every_peer(folder):
    example, = _corpus("k8tre/doc-examples/network-policy-md-1.yaml")
    desk = _pod("default/workspace", "10.42.2.50", app="research-workspace")
    log = _Log(folder, "any")
    log.out("any", desk, _outside("203.0.113.80"), 443, names=["example.com"])
    log.out("pod", desk, HUB, 443)
    log.out("other port", desk, HUB, 80, verdict="DROPPED")
    result = log.check([example], K8TRE)
    # the second item of the list, which has ports and no peer
    for uuid in ("any", "pod"):
        result.policy(uuid, "permitted", "allow-internal-packages-only", example, "egress[1]")
    result.policy("other port", "rejected")
    result.intends("any", "unapproved", "FC203")
    result.finding("FC203", "high", source="default/workspace", destination="example.com", port=443,
                   protocol="TCP", scope="egress")
    result.fails()

    mirror = _intent(folder, DENY_EGRESS.replace("approved: []}", """approved: [
    {id: mirror, from: {namespace: default, labels: {app: research-workspace}}, ports: [443/TCP],
     to: {fqdns: [internal-mirror.example.org]}, purpose: packages, owner: platform, reason: projects install them,
     mitigation: read only, approvedBy: board, expires: 2027-05-31}]}"""))
    clean = _Log(folder, "clean")
    clean.out("mirror", desk, _outside("192.0.2.8", "fqdn:internal-mirror.example.org"), 443,
              names=["internal-mirror.example.org"])
    result = clean.check([example], mirror)
    result.clean()
    result.intends("mirror", "approved")


def k7_the_world_at_a_pod_passes_the_policies_and_not_the_gateway(folder):
    portal = _pod("backend/portal", "10.42.1.60", app="portal")
    log = _Log(folder, "direct")
    log.into("direct", _outside("203.0.113.90"), portal, 8000)
    # with native routing the same client may come as remote-node: an address of no node is outside all the same
    log.into("native", _reserved("203.0.113.91", 6, "remote-node"), portal, 8000)
    # nobody's address in the cluster's own prefix
    log.into("foreign", _outside("10.42.9.9"), portal, 8000)
    result = log.check(_corpus(BROAD), K8TRE)
    for uuid in ("direct", "native", "foreign"):
        result.policy(uuid, "permitted", "allow-pod-to-pod-via-gateway", BROAD)
    result.intends("direct", "forbidden", "FC201")
    result.intends("native", "forbidden", "FC201")
    result.has("foreign", "FC210")
    result.finding("FC201", "high", source="203.0.113.90", destination="backend/portal", port=8000,
                   protocol="TCP", scope="ingress")
    result.finding("FC210", "medium", destination="backend/portal", port=8000)
    result.fails()

    clean = _Log(folder, "clean")
    clean.into("browser", _outside("203.0.113.90"), GATEWAY, 443)
    clean.into("gateway", GATEWAY, portal, 8000)
    clean.into("node", _reserved("10.0.0.12", 6, "remote-node"), portal, 8000)
    clean.into("node, as world", _outside("10.0.0.13"), portal, 8000)
    clean.into("probe", KUBELET, portal, 8000)
    clean.check(_corpus(BROAD), K8TRE).clean()


def k8_a_prefix_in_a_policy_is_not_the_pods_in_it(folder):
    # Excerpt: the rule "allow all traffic to VPC" of k8tre-default-network-policy, without its neighbours, which
    # admit pods by other means.
    excerpt = write(folder, "vpc.yaml", """apiVersion: cilium.io/v2
kind: CiliumClusterwideNetworkPolicy
metadata: {name: vpc-only}
spec:
  endpointSelector:
    matchExpressions:
    - {key: io.cilium.k8s.namespace.labels.k8tre.io/resource-type, operator: NotIn, values: [project-namespace]}
  egress: [{toCIDR: [10.0.0.0/16]}]
""")
    # ENI mode: pods have addresses of the VPC. Desktops and a second cluster are in it, too.
    pods = _intent(folder, DENY_EGRESS.replace("pods: [10.42.0.0/16]", "pods: [10.0.32.0/19]"))
    portal = _pod("backend/portal", "10.0.33.60", app="portal")
    hub = _pod("jupyterhub/hub", "10.0.33.20", app="jupyterhub", component="hub")
    desktop = _outside("10.0.200.7", "cidr:10.0.0.0/16")
    log = _Log(folder, "vpc")
    log.out("pod", portal, hub, 8081)
    log.out("desktop", portal, desktop, 3389)
    only = log.check([excerpt], pods)
    only.policy("pod", "escaped", "vpc-only")
    only.policy("desktop", "permitted", "vpc-only", "vpc.yaml", "egress[0]")

    real = log.check(_corpus(VPC), pods, "--var", "DOMAIN=k8tre.example.org")
    real.policy("pod", "permitted", "k8tre-default-network-policy", VPC, "egress[3]")      # entity cluster
    real.policy("desktop", "permitted", "k8tre-default-network-policy", VPC, "egress[0]")  # the prefix
    # in the VPC and in none of the cluster's prefixes: outside, and nobody approved it
    real.intends("desktop", "unapproved", "FC203")
    real.finding("FC203", "high", source="backend/portal", destination="10.0.200.7", port=3389,
                 protocol="TCP")
    real.none_of("FC101", "FC102")
    real.fails()

    clean = _Log(folder, "clean")
    clean.out("pod", portal, hub, 8081)
    clean.into("pod, there", portal, hub, 8081)
    clean.out("dns", portal, _pod("kube-system/coredns", "10.0.33.10", **{"k8s-app": "kube-dns"}), 53,
              protocol="UDP")
    clean.check(_corpus(VPC), pods, "--var", "DOMAIN=k8tre.example.org").clean()


def k9_how_deep_two_stars_reach_is_a_matter_of_the_version(folder):
    portal = _pod("backend/portal", "10.42.1.60", app="portal")
    log = _Log(folder, "names")
    log.out("one", portal, _outside("198.51.100.30"), 443, names=["sts.amazonaws.com"])
    log.out("deep", portal, _outside("198.51.100.31"), 443, names=["a.s3.eu-west-2.amazonaws.com"])
    approved = DENY_EGRESS.replace("spec:\n", "spec:\n  engine: %s\n").replace("approved: []}", """approved: [
    {id: cloud, to: {fqdns: ["**.amazonaws.com"]}, ports: [443/TCP], purpose: storage, owner: platform, reason: backups,
     mitigation: buckets of the deployment, approvedBy: board, expires: 2027-05-31}]}""")
    manifests = _corpus(VPC)
    args = ("--var", "DOMAIN=k8tre.example.org")
    new = log.check(manifests, _intent(folder, approved % "cilium-1.19", "new.yaml"), *args)
    new.clean()
    for uuid in ("one", "deep"):
        new.policy(uuid, "permitted", "k8tre-default-network-policy", VPC, "egress[1]")
        new.intends(uuid, "approved")

    # The intent names the engine, and what it names counts: under 1.17 "**." is one label, so the deeper name does
    # not match, and an address may have names that the log does not tell. What the intent approves does not hang on it.
    old_intent = _intent(folder, approved % "cilium-1.17", "old.yaml")
    old = log.check(manifests, old_intent, *args)
    old.policy("one", "permitted", "k8tre-default-network-policy", VPC, "egress[1]")
    old.undecided("deep", "no-dns-evidence")
    old.intends("deep", "approved")
    old.none_of("FC203")
    # --engine on the command line wins over the intent
    log.check(manifests, old_intent, *args, "--engine", "cilium-1.19").clean()

    # a cluster of 1.17 drops the deeper name, which 1.19 would not have
    refused = _Log(folder, "refused")
    refused.out("one", portal, _outside("198.51.100.30"), 443, names=["sts.amazonaws.com"])
    refused.out("deep", portal, _outside("198.51.100.31"), 443, names=["a.s3.eu-west-2.amazonaws.com"],
                verdict="DROPPED")
    wrong = refused.check(manifests, _intent(folder, approved % "cilium-1.19", "new.yaml"), *args)
    wrong.policy("deep", "misdropped", "k8tre-default-network-policy", VPC, "egress[1]")
    wrong.finding("misdropped", "medium", id="FC104", source="backend/portal", port=443)
    refused.check(manifests, old_intent, *args).none_of("FC104")

    # a name that neither approves
    other = _Log(folder, "other")
    other.out("one", portal, _outside("198.51.100.30"), 443, names=["sts.amazonaws.com"])
    other.out("other", portal, _outside("198.51.100.32"), 443, names=["amazonaws.com.example.net"])
    for intent in (old_intent, _intent(folder, approved % "cilium-1.19", "new.yaml")):
        result = other.check(manifests, intent, *args)
        result.finding("FC203", "high", source="backend/portal", destination="amazonaws.com.example.net")
        result.fails()

    # the log has names, of this address it has none, and only a name could approve it
    bare = _Log(folder, "bare")
    bare.asked(portal, "sts.amazonaws.com", "198.51.100.30")
    bare.out("one", portal, _outside("198.51.100.30"), 443)
    bare.out("bare", portal, _outside("198.51.100.33"), 443)
    result = bare.check(manifests, _intent(folder, approved % "cilium-1.19", "new.yaml"), *args)
    result.intends("one", "approved")
    result.intends("bare", "undecidable", "FC207")
    result.finding("direct-ip-egress", "medium", id="FC207", source="backend/portal", destination="198.51.100.33")


# ---- FRIDGE ----

def _in(cluster, where, ip, **labels):
    return _pod(where, ip, cluster="fridge-" + cluster, **labels)


def _api_server(ip="10.42.1.71"):
    return _in("isolated", "fridge-api/fridge-api-server", ip, app="fridge-api-server")


ARGO = _in("isolated", "argo-server/argo-workflows-server", "10.42.1.72", app="server",
           **{"app.kubernetes.io/name": "argo-workflows-server"})
MINIO = _in("isolated", "argo-artifacts/argo-artifacts-pool-0", "10.42.1.73",
            **{"v1.min.io/tenant": "argo-artifacts", "v1.min.io/pool": "argo-artifacts-pool-0"})
JOB = _in("isolated", "argo-workflows/train", "10.42.2.74", **{"workflows.argoproj.io/workflow": "train"})
ISOLATED_DNS = _in("isolated", "kube-system/coredns", "10.42.1.10", **{"k8s-app": "kube-dns"})
ISOLATED_API = _reserved("10.20.0.10", 7, "kube-apiserver", "remote-node")
ACCESS_DNS = _in("access", "kube-system/coredns", "10.42.1.10", **{"k8s-app": "kube-dns"})
CONTROLLER = _in("access", "ingress-nginx/ingress-nginx-controller", "10.42.1.80",
                 **{"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller"})
CORE = _in("access", "harbor/harbor-core", "10.42.1.81", app="harbor", component="core",
           **{"app.kubernetes.io/name": "harbor"})
AKS_LOADED = "fridge/rendered/access-cluster-pulumi-aks.yaml"
DAWN_LOADED = "fridge/rendered/access-cluster-pulumi-dawn.yaml"


def f1_a_file_that_is_not_loaded_leaves_its_namespace_open(folder):
    api = _api_server()
    log = _Log(folder, "api", "fridge-isolated")
    log.out("work", api, ARGO, 2746)
    log.out("leak", api, _outside("203.0.113.9"), 443)
    log.out("sideways", api, JOB, 22)
    log.into("knock", _outside("10.20.0.11"), api, 9999)
    missing = log.check(_fridge("isolated", "fridge-api.yaml"), ISOLATED)
    for uuid in ("work", "leak", "sideways", "knock"):
        missing.policy(uuid, "unprotected")
        equal(missing.rows[uuid]["policy"], None)
    missing.finding("unprotected", "low", id="FC105", source="fridge-api/fridge-api-server",
                    destination="argo-server/argo-workflows-server", port=2746)
    missing.falls_under("leak", "FC105", "FC203")
    missing.finding("FC203", "high", source="fridge-api/fridge-api-server", destination="203.0.113.9", port=443)
    missing.fits("work", "sideways")             # between pods the intent leaves it to the policies
    missing.fails()

    loaded = log.check(_fridge("isolated"), ISOLATED)
    loaded.policy("work", "permitted", "allow-server-traffic", "fridge-api.yaml", "egress[0]")
    loaded.policy("sideways", "escaped", "deny-all-traffic", "fridge-api.yaml")
    loaded.policy("knock", "escaped", "deny-all-traffic", "fridge-api.yaml")
    # a rule of names without ports is in the file: the address might have had one of them; the intent needs no name
    loaded.undecided("leak", "no-dns-evidence")
    loaded.falls_under("leak", "FC203")
    loaded.finding("FC102", "high", source="fridge-api/fridge-api-server", destination="argo-workflows/train",
                   port=22)
    loaded.none_of("FC105")
    loaded.fails()

    clean = _Log(folder, "clean", "fridge-isolated")
    clean.out("argo", api, ARGO, 2746)
    clean.into("argo, there", api, ARGO, 2746)
    clean.out("minio", api, MINIO, 9000)
    clean.into("minio, there", api, MINIO, 9000)
    clean.into("job", JOB, MINIO, 9000)
    clean.out("argo reports", ARGO, ISOLATED_API, 6443)
    clean.into("proxy", _reserved("10.20.0.12", 6, "remote-node"), api, 8000)
    clean.check(_fridge("isolated"), ISOLATED).clean()


def f2_the_isolated_network_has_ways_out_that_its_documents_deny(folder):
    manager = _in("isolated", "cert-manager/cert-manager", "10.42.1.75", app="cert-manager")
    metrics = _in("isolated", "kube-system/metrics-server", "10.42.1.76", **{"k8s-app": "metrics-server"})

    def leave(name, day):
        log = _Log(folder, name, "fridge-isolated", day)
        log.out("resolver", manager, _outside("8.8.8.8", "cidr:8.8.8.8/32"), 53, protocol="UDP")
        log.out("anything", ISOLATED_DNS, _outside("203.0.113.20"), 443)
        log.out("upstream", ISOLATED_DNS, _outside("203.0.113.21"), 53, protocol="UDP")
        log.out("metrics", metrics, _outside("203.0.113.22"), 10250)
        return log.check(_dawn("isolated"), ISOLATED)

    result = leave("after", "2026-09-01")
    result.policy("resolver", "permitted", "cert-manager-external-dns", "isolated-cluster/cert_manager.yaml")
    result.policy("anything", "permitted", "coredns-new", "isolated-cluster/dawn.yaml")
    result.policy("upstream", "permitted", file="isolated-cluster/dawn.yaml")
    result.policy("metrics", "permitted", "metrics-server", "isolated-cluster/dawn.yaml")
    result.falls_under("resolver", "FC208")
    result.falls_under("anything", "FC203")
    result.falls_under("upstream", "FC203")
    result.falls_under("metrics", "FC203")
    result.has_not("upstream", "FC208")          # a resolver's own question
    result.finding("unapproved-resolver", "medium", id="FC208", source="cert-manager/cert-manager",
                   destination="8.8.8.8", port=53, protocol="UDP")
    result.finding("FC203", "high", source="kube-system/coredns", destination="203.0.113.20", port=443)
    result.finding("FC203", "high", source="kube-system/coredns", destination="203.0.113.21", port=53)
    result.finding("FC203", "high", source="kube-system/metrics-server", destination="203.0.113.22", port=10250)
    # two independent controls: the example's security group lets none of it out
    result.falls_under("anything", "FC212")
    result.finding("layer-denies", "high", id="FC212", source="kube-system/coredns", destination="203.0.113.20")
    result.none_of("FC101", "FC102")
    result.fails()

    # before the lockdown the same flows fall under nothing
    before = leave("before", "2026-06-15")
    before.fits("resolver", "anything", "upstream", "metrics")
    equal({row["intent"] for row in before.rows.values()}, {"no_statement"})
    equal(before.code, 0)

    clean = _Log(folder, "clean", "fridge-isolated")
    clean.out("names", manager, ISOLATED_DNS, 53, protocol="UDP", verdict="REDIRECTED")
    clean.into("names, there", manager, ISOLATED_DNS, 53, protocol="UDP")
    clean.out("kubelet, as world", metrics, _outside("10.20.0.11"), 10250)
    clean.out("kubelet", metrics, _reserved("10.20.0.12", 6, "remote-node"), 10250)
    clean.out("job", JOB, MINIO, 9000)
    clean.into("job, there", JOB, MINIO, 9000)
    clean.out("job reports", JOB, ISOLATED_API, 6443)
    clean.check(_dawn("isolated"), ISOLATED).clean()


def f3_world_is_a_node_or_the_world_by_its_address(folder):
    manifests = _dawn("access") + _corpus(DAWN_LOADED)
    redis = _in("access", "harbor/harbor-redis", "10.42.1.82", app="harbor", component="redis",
                **{"app.kubernetes.io/name": "harbor"})
    share = _in("access", "longhorn-system/share-manager", "10.42.1.83",
                **{"longhorn.io/managed-by": "longhorn-manager"})
    metrics = _in("access", "kube-system/metrics-server", "10.42.1.84", **{"k8s-app": "metrics-server"})
    doors = {"webhook": (CONTROLLER, 8443, "webhook-ingress-nginx"), "probe": (CONTROLLER, 10254, None),
             "redis": (redis, 6379, "harbor-dawn-redis"), "nfs": (share, 2049, "longhorn-allow-managed-by"),
             "iscsi": (share, 3260, "longhorn-allow-managed-by")}
    log = _Log(folder, "doors", "fridge-access")
    for name, (server, port, _) in doors.items():
        log.into(name, _outside("203.0.113.7"), server, port)
        log.into(name + " of a node", _outside("10.10.0.7"), server, port)
    result = log.check(manifests, ACCESS)
    for name, (server, port, policy) in doors.items():
        result.policy(name, "permitted", policy, "access-cluster/dawn.yaml")
        result.policy(name + " of a node", "permitted", policy, "access-cluster/dawn.yaml")
        result.falls_under(name, "FC201")
        result.fits(name + " of a node")
        result.finding("FC201", "high", source="203.0.113.7", port=port, protocol="TCP", scope="ingress",
                       destination=server.end["namespace"] + "/" + server.workload)
    result.fails()

    # SSH is for the administrators of the intent, whoever else the policy lists
    ssh = _Log(folder, "ssh", "fridge-access")
    ssh.into("admin", _outside("203.0.113.10", "cidr:203.0.113.10/32"), CONTROLLER, 2222)
    ssh.into("other", _outside("198.51.100.3", "cidr:198.51.100.0/28"), CONTROLLER, 2222)
    result = ssh.check(_fridge("access", "api-jumpbox.yaml") + _corpus(AKS_LOADED), ACCESS)
    for uuid in ("admin", "other"):
        result.policy(uuid, "permitted", "enable-ssh-access", AKS_LOADED)
    result.fits("admin")
    result.falls_under("other", "FC201")
    result.finding("FC201", "high", source="198.51.100.3", port=2222,
                   destination="ingress-nginx/ingress-nginx-controller")

    clean = _Log(folder, "clean", "fridge-access")
    clean.into("web", _outside("203.0.113.7"), CONTROLLER, 443)
    clean.into("webhook", _outside("10.10.0.7"), CONTROLLER, 8443)
    clean.into("nfs", _outside("10.10.0.8"), share, 2049)
    clean.into("metrics", _outside("10.10.0.7"), metrics, 10250)
    clean.check(manifests, ACCESS).clean()


def f4_a_selector_of_nobody_and_a_name_without_a_port(folder):
    manager = _in("access", "cert-manager/cert-manager", "10.42.1.85", app="cert-manager")
    harbor = "harbor.fridge.example.org"
    log = _Log(folder, "harbor", "fridge-access")
    log.out("names", manager, ACCESS_DNS, 53, protocol="UDP", verdict="REDIRECTED")
    log.out("ssh", manager, _outside("198.51.100.20", "fqdn:" + harbor), 22, names=[harbor])
    both = log.check(_fridge("access", "api-jumpbox.yaml") + _corpus(AKS_LOADED), ACCESS)
    # names are had by another policy; the rule to "k8s-dns" never matches
    both.policy("names", "permitted", "cert-manager-kube-dns", "access-cluster/cert_manager.yaml")
    both.policy("ssh", "permitted", "cert-manager-to-harbor", AKS_LOADED, "egress[1]")
    both.falls_under("ssh", "FC203")
    both.finding("FC203", "high", source="cert-manager/cert-manager", destination=harbor, port=22,
                 protocol="TCP")
    both.fails()
    alone = log.check(_corpus(AKS_LOADED), ACCESS)
    alone.policy("names", "escaped", "cert-manager-to-harbor", AKS_LOADED)

    clean = _Log(folder, "clean", "fridge-access")
    clean.out("names", manager, ACCESS_DNS, 53, protocol="UDP", verdict="REDIRECTED")
    clean.out("image", CORE, _outside("198.51.100.40", "fqdn:ghcr.io"), 443, names=["ghcr.io"])
    result = clean.check(_fridge("access", "api-jumpbox.yaml") + _corpus(AKS_LOADED), ACCESS)
    result.clean()
    result.intends("image", "approved")


RECORD = {"id": "trivy", "purpose": "telemetry", "from": {"namespace": "harbor", "labels": {"component": "trivy"}},
          "to": {"ips": ["64.233.167.82"]}, "ports": ["443/TCP"]}
REST = {"owner": "fridge-operators", "reason": "vulnerability data for scans", "approvedBy": "board",
        "mitigation": "images only, no project data in this pod", "expires": "2027-05-31"}


def f5_an_exception_needs_its_record(folder):
    def approving(name, *records):
        # JSON is a FlowIntent as good as YAML
        intent = {"apiVersion": "libflow.dev/v1alpha1", "kind": "FlowIntent", "metadata": {"name": "trivy"},
                  "spec": {"engine": "cilium-1.18",
                           "cluster": {"cidrs": {"pods": ["10.42.0.0/16"], "nodes": ["10.10.0.0/16"]}},
                           "egress": {"default": "deny", "approved": list(records)}}}
        return _intent(folder, json.dumps(intent, indent=1), name)

    trivy = _in("access", "harbor/harbor-trivy", "10.42.1.86", app="harbor", component="trivy",
                **{"app.kubernetes.io/name": "harbor"})
    log = _Log(folder, "trivy", "fridge-access")
    log.out("scan", trivy, _outside("64.233.167.82", "cidr:64.233.167.82/32"), 443)
    manifests = _fridge("access", "api-jumpbox.yaml")
    policy = ("scan", "permitted", "allow-trivy", "access-cluster/harbor.yaml")

    without = log.check(manifests, ACCESS)
    without.policy(*policy)
    without.intends("scan", "unapproved", "FC203")
    without.finding("FC203", "high", source="harbor/harbor-trivy", destination="64.233.167.82", port=443)
    without.fails()

    # as the repository has it: address and port, and "not clear what Trivy is doing"
    bare = log.check(manifests, approving("bare.json", RECORD))
    bare.policy(*policy)
    equal(bare.rows["scan"]["intent"], "approved")
    bare.finding("approval-incomplete", "low", id="FC214")
    bare.none_of("FC203")
    equal(bare.code, 0)

    for rule, intent, dates in (("FC204", "expired", {"expires": "2026-08-31"}),
                                ("FC217", "not_yet_valid", {"validFrom": "2026-09-02"})):
        dated = log.check(manifests, approving(rule + ".json", dict(RECORD, **dict(REST, **dates))))
        dated.intends("scan", intent, rule)
        dated.finding(rule, "high", source="harbor/harbor-trivy", destination="64.233.167.82", port=443)
        dated.none_of("FC203")
        dated.fails()
    # the day that it ends on is one of its days
    log.check(manifests, approving("last.json", dict(RECORD, **dict(REST, expires="2026-09-01")))).clean()

    result = log.check(manifests, approving("full.json", dict(RECORD, **REST)))
    result.clean()
    result.policy(*policy)
    result.intends("scan", "approved")


def f6_rules_of_names_do_not_admit_pods(folder):
    api, minio = _api_server(), "minio.argo-artifacts.svc.cluster.local"
    log = _Log(folder, "names", "fridge-isolated")
    log.out("by label", api, MINIO, 9000, names=[minio])
    log.out("by name", api, MINIO, 9090, names=[minio])
    log.out("refused", api, MINIO, 9091, names=[minio], verdict="DROPPED")
    log.out("outside", api, _outside("203.0.113.40", "fqdn:" + minio), 9090, names=[minio])
    manifests = _fridge("isolated")
    result = log.check(manifests, ISOLATED)
    result.policy("by label", "permitted", "allow-server-traffic", "fridge-api.yaml", "egress[1]")
    result.policy("by name", "escaped", file="fridge-api.yaml")
    result.policy("refused", "rejected", file="fridge-api.yaml")
    # the rule does admit an address outside that has the name, which is what nobody wants of it
    result.policy("outside", "permitted", "allow-server-traffic", "fridge-api.yaml", "egress[4]")
    result.falls_under("outside", "FC203")
    result.finding("escaped-east-west", "high", id="FC102", source="fridge-api/fridge-api-server",
                   destination="argo-artifacts/argo-artifacts-pool-0", port=9090, protocol="TCP")
    result.finding("FC203", "high", source="fridge-api/fridge-api-server", destination=minio, port=9090)
    result.fails()

    clean = _Log(folder, "clean", "fridge-isolated")
    clean.out("by label", api, MINIO, 9000, names=[minio])
    clean.into("there", api, MINIO, 9000)
    clean.out("dns", api, ISOLATED_DNS, 53, protocol="UDP", verdict="REDIRECTED")
    clean.check(manifests, ISOLATED).clean()


PATHS = """apiVersion: libflow.dev/v1alpha1
kind: FlowIntent
metadata: {name: paths}
spec:
  engine: cilium-1.18
  cluster: {name: fridge-isolated, cidrs: {pods: [10.42.0.0/16], nodes: [10.20.0.0/16]}}
  eastWest:
    default: deny
    allowed:
    - {from: {namespace: fridge-api}, to: {namespace: argo-server}, ports: [2746/TCP], purpose: jobs}
    - {from: {namespace: fridge-api}, to: {namespace: argo-artifacts}, ports: [9000/TCP], purpose: data}
"""


def f7_rules_for_replies_never_match(folder):
    # "ingress from argo-server at 2746" was meant for answers, which need no rule
    api, paths = _api_server(), _intent(folder, PATHS)
    manifests = _fridge("isolated")

    def answered(log):
        for uuid, server, port in (("argo", ARGO, 2746), ("minio", MINIO, 9000)):
            log.out(uuid, api, server, port)
            # the answer arrives: the packet's own ends, the direction of the connection at the client
            log.out(uuid + " answers", server, api, 41000, answer=port)
        return log

    clean = answered(_Log(folder, "clean", "fridge-isolated")).check(manifests, paths)
    clean.clean()
    for uuid, rule in (("argo", "egress[0]"), ("minio", "egress[1]")):
        clean.policy(uuid, "permitted", "allow-server-traffic", "fridge-api.yaml", rule)
        clean.policy(uuid + " answers", "permitted", "allow-server-traffic", "fridge-api.yaml", rule)

    # what the rule does do: it lets argo-server open connections to a port where nothing is meant to listen
    log = answered(_Log(folder, "opened", "fridge-isolated"))
    log.into("opened", ARGO, api, 2746)
    result = log.check(manifests, paths)
    result.policy("opened", "permitted", "allow-server-traffic", "fridge-api.yaml", "ingress[0]")
    result.intends("opened", "unapproved", "FC211")
    result.finding("unapproved-east-west", "medium", id="FC211", source="argo-server/argo-workflows-server",
                   destination="fridge-api/fridge-api-server", port=2746, protocol="TCP", scope="east-west")
    equal(result.code, 0)


def f8_host_bits_are_accepted_and_the_zone_is_wider_than_the_pair(folder):
    jumpbox = _in("access", "api-jumpbox/api-jumpbox", "10.42.1.87", app="api-jumpbox")
    isolated = "cidr:10.20.0.0/16"
    manifests = _fridge("access")
    for name, cluster in (("named", "fridge-access"), ("unnamed", None)):
        log = _Log(folder, name, cluster)
        log.out("api", jumpbox, _outside("10.20.1.60", isolated), 443)
        log.out("neighbour", jumpbox, _outside("10.20.200.1", isolated), 443)
        log.out("ssh", jumpbox, _outside("10.20.1.60", isolated), 22, verdict="DROPPED")
        log.into("images", _outside("10.20.0.11"), CONTROLLER, 443)
        log.into("no pair", _outside("10.20.0.11"), CONTROLLER, 80)
        result = log.check(manifests, ACCESS)
        # 10.20.1.0/16 is 10.20.0.0/16
        for uuid in ("api", "neighbour"):
            result.policy(uuid, "permitted", "api-jumpbox-access", "access-cluster/api-jumpbox.yaml", "egress[2]")
        result.policy("ssh", "rejected", "api-jumpbox-access")
        for uuid in ("images", "no pair"):
            result.policy(uuid, "permitted", "enable-external-ingress", "access-cluster/ingress-nginx.yaml")
        result.fits("api", "images")
        result.falls_under("neighbour", "FC213")
        result.falls_under("no pair", "FC213")
        for uuid in ("neighbour", "no pair"):
            result.has_not(uuid, "FC201", "FC203")
        result.finding("zone-crossing", "high", id="FC213", source="api-jumpbox/api-jumpbox",
                       destination="10.20.200.1", port=443, protocol="TCP")
        result.finding("FC213", "high", source="10.20.0.11", port=80,
                       destination="ingress-nginx/ingress-nginx-controller")
        result.fails()

    clean = _Log(folder, "clean", "fridge-access")
    clean.out("fridge api", jumpbox, _outside("10.20.1.60", isolated), 443)
    clean.out("kube api", jumpbox, _outside("10.20.0.10", isolated), 443)
    clean.into("images", _outside("10.20.0.11"), CONTROLLER, 443)
    clean.out("names", jumpbox, ACCESS_DNS, 53, protocol="UDP")
    clean.into("ssh", CONTROLLER, jumpbox, 2222)
    clean.check(manifests, ACCESS).clean()


# ---- TREu ----

TREU = os.path.join(INTENTS, "treu.yaml")
# Not TREu's: it lets everything pass, so that what is found is found by the intent.
OPEN = """apiVersion: cilium.io/v2
kind: CiliumClusterwideNetworkPolicy
metadata: {name: open}
spec: {endpointSelector: {}, ingress: [{fromEntities: [all]}], egress: [{toEntities: [all]}]}
"""
GUACD = _pod("guacamole/guacd", "10.60.64.5", app="guacd")
NGINX = _pod("ingress-nginx/ingress-nginx-controller", "10.60.64.6", **{"app.kubernetes.io/name": "ingress-nginx"})
PORTAL = _pod("portal/portal", "10.60.64.7", app="portal")
EGRESS = _pod("egress/egress", "10.60.64.8", app="egress")


def t1_machines_of_two_projects_do_not_meet(folder):
    # Machines are no pods: to Cilium they are addresses, here as a source beside Hubble would tell of them.
    a, b, other = _outside("10.61.1.9"), _outside("10.61.2.9"), _outside("10.61.1.10")
    policies = [write(folder, "open.yaml", OPEN)]
    log = _Log(folder, "met")
    log.out("machines", a, b, 22)
    log.out("not the desktop", PORTAL, a, 3389)
    result = log.check(policies, TREU)
    result.falls_under("machines", "FC202")
    result.finding("cross-project", "high", id="FC202", source="10.61.1.9", destination="10.61.2.9", port=22)
    # security groups of the projects do not let it in, either
    result.finding("layer-denies", "high", id="FC212", source="10.61.1.9", destination="10.61.2.9")
    # not shared, says the statement of projects; no pair of zones, says that of zones
    assert {"FC211", "FC213"} & set(result.rows["not the desktop"]["findings"]), result.rows["not the desktop"]
    result.fails()

    clean = _Log(folder, "clean")
    clean.out("own project", a, other, 22)
    clean.out("desktop", GUACD, a, 3389)
    clean.out("licence", a, _outside("198.51.100.7"), 27000)
    clean.check(policies, TREU).clean()


def t2_requests_come_from_the_public_origin_and_no_one_else(folder):
    policies = [write(folder, "open.yaml", OPEN)]
    log = _Log(folder, "direct")
    log.into("direct", _outside("203.0.113.9"), NGINX, 443)
    log.out("upload", EGRESS, _outside("203.0.113.10"), 443, names=["files.example.com"])
    result = log.check(policies, TREU)
    result.intends("direct", "forbidden", "FC201")
    result.finding("FC201", "high", source="203.0.113.9", destination="ingress-nginx/ingress-nginx-controller",
                   port=443)
    result.intends("upload", "unapproved", "FC203")
    result.finding("FC203", "high", source="egress/egress", destination="files.example.com", port=443)
    result.fails()

    clean = _Log(folder, "clean")
    clean.into("origin", _outside("173.245.48.9"), NGINX, 443)
    clean.into("portal", NGINX, PORTAL, 8080)
    clean.out("store", EGRESS, _outside("198.51.100.60"), 443, names=["s3.eu-west-2.amazonaws.com"])
    result = clean.check(policies, TREU)
    result.clean()
    result.intends("store", "approved")


def t3_an_internal_interface_is_not_served_through_the_gateway(folder):
    policies = [write(folder, "open.yaml", OPEN)]

    def requested(name, client, path):
        log = _Log(folder, name)
        log.into("request", client, PORTAL, 8080, Type="L7", event_type={"type": 129}, l7={
            "type": "REQUEST", "http": {"method": "GET", "url": "http://portal.portal:8080" + path}})
        return log.check(policies, TREU)

    result = requested("exposed", NGINX, "/tre/api/projects")
    result.intends("request", "forbidden", "FC218")
    result.finding("internal-service-exposed", "high", id="FC218", destination="portal/portal", port=8080,
                   source="ingress-nginx/ingress-nginx-controller")
    result.fails()
    for name, client, path in (("web", NGINX, "/web/api/projects"), ("inside", EGRESS, "/tre/api/projects")):
        requested(name, client, path).clean()

    log = _Log(folder, "api")
    log.into("api", _outside("203.0.113.9"), EGRESS, 8080)
    result = log.check(policies, TREU)
    result.falls_under("api", "FC218")
    result.finding("FC218", "high", source="203.0.113.9", destination="egress/egress", port=8080)


if __name__ == "__main__":
    run(sys.modules[__name__])
