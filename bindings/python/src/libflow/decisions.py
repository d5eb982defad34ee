# SPDX-License-Identifier: Apache-2.0
"""One connection decided and explained, and many of them as columns."""
from __future__ import annotations

import os
import tempfile
import threading
from typing import Any, Iterator, List, Mapping, NamedTuple, Optional, Tuple, Union

from . import html
from ._core import encode, flow_str, nanoseconds_of, plain, structure_of, text
from ._native import ffi, lib
from .declared import Intent, Policy, PolicySet, policy_of
from .errors import ArgumentError, done, error_of, new_error
from .flows import Table, raise_for_stream, undecided_names

ENTITIES = ("world", "host", "remote-node", "kube-apiserver", "ingress", "health")
PROTOCOLS = ("TCP", "UDP", "SCTP", "ICMPV4", "ICMPV6", "VRRP", "IGMP")
ROWS = 65536  # that are decided at a time
_PASSES = ("allow", "allow_default", "not_applicable")
_DENIES = ("deny_explicit", "deny_default")

EndSpec = Union[str, Mapping[str, Any]]


class Side(NamedTuple):
    """What the policies say at one end, and which of them says it."""

    expected: str
    policy: Optional[Policy]
    rule: Optional[str]
    line: Optional[int]
    undecided: Tuple[str, ...]

    @property
    def file(self) -> Optional[str]:
        return self.policy.file if self.policy else None


class Decision:
    """A connection that was decided at both ends."""

    def __init__(self, judge: "_Judge", question: "_Question", title: str) -> None:
        self._judge = judge
        self._question = question
        self._title = title
        self.egress, record = judge.side(question, lib.FLOW_DIRECTION_EGRESS)
        self.ingress, _ = judge.side(question, lib.FLOW_DIRECTION_INGRESS)
        self.scope = plain(lib.flow_scope_name(record.scope))
        self.intent = plain(lib.flow_intent_name(record.intent))
        self.violations: Tuple[str, ...] = ()
        self.statement: Optional[str] = None
        self.approval: Optional[str] = None
        decided = record.intent_decision
        if decided != ffi.NULL:
            self.violations = tuple(
                plain(lib.flow_report_rule_of_violation(decided.violations[i].kind).id)
                for i in range(decided.violation_count))
            statement = decided.violations[0].statement if decided.violation_count else decided.statement
            self.statement = plain(statement.name) or None if statement != ffi.NULL else None
            self.approval = plain(decided.approval.id) if decided.approval != ffi.NULL else None

    @property
    def allowed(self) -> Optional[bool]:
        """Whether both ends let it through; None when that is undecidable."""
        sides = (self.egress.expected, self.ingress.expected)
        if any(side in _DENIES for side in sides):
            return False
        return True if all(side in _PASSES for side in sides) else None

    def explain(self) -> str:
        """How both ends are decided, as flowcheck explain shows it."""
        return self._judge.explain(self._question)

    def __repr__(self) -> str:
        word = {True: "allowed", False: "denied", None: "undecidable"}[self.allowed]
        return (f"<libflow.Decision: {self._title} {word}, egress {self.egress.expected}, "
                f"ingress {self.ingress.expected}>")

    def _repr_html_(self) -> str:
        rows = [[name, side.expected, f"{side.policy.kind} {side.policy.name}" if side.policy else "",
                 side.rule, f"{side.file}:{side.line}" if side.file else "", ", ".join(side.undecided)]
                for name, side in (("egress", self.egress), ("ingress", self.ingress))]
        return html.titled(repr(self), html.table(
            ["side", "expected", "policy", "rule", "place", "missing"], rows))


class _Question:
    """A struct flow_connection with what it points to."""

    def __init__(self) -> None:
        self.keep: List[Any] = []
        self.connection = ffi.new("struct flow_connection *")
        self.source = self.destination = ""


class _Judge:
    """
    A classifier with its dictionary, for one thread at a time. It holds the handle of the policies
    and not their object, which holds it: so all end in order, and when nobody needs them.
    """

    def __init__(self, policies: PolicySet, intent: Optional[Intent]) -> None:
        self.classifier = self.dict = ffi.NULL
        self.policies = policies._handle
        self.intent = intent
        self.lock = threading.Lock()
        err = new_error()
        out = ffi.new("struct flow_dict **")
        done(lib.flow_dict_new(out, err), err)
        self.dict = out[0]
        made = ffi.new("struct flow_classifier **")
        done(lib.flow_classifier_new(made, self.policies, err), err)
        self.classifier = made[0]
        if intent is not None:
            lib.flow_classifier_set_intent(self.classifier, intent._handle)

    def __del__(self) -> None:
        lib.flow_classifier_free(self.classifier)
        lib.flow_dict_free(self.dict)

    def end(self, spec: EndSpec, question: _Question, which: str) -> str:
        """Fills in one end; its name for people."""
        keep, connection = question.keep, question.connection
        address = getattr(connection, which + "_address")
        if isinstance(spec, Mapping):
            title = self._described(spec, question, which)
        else:
            title = str(spec)
            self._named(title, keep, connection, which)
        if getattr(connection, which) == ffi.NULL and address.family != 0:
            # an address that is nobody's in the inventory is outside the cluster
            if not lib.flow_policies_knows_address(self.policies, ffi.addressof(address)):
                setattr(connection, which, self._entity("world", keep))
        return title

    def _entity(self, name: str, keep: List[Any]) -> Any:
        nothing = flow_str("", keep)
        return self._made(lib.flow_endpoint_named(self.dict, nothing, nothing, flow_str(name, keep)))

    @staticmethod
    def _made(endpoint: Any) -> Any:
        if endpoint == ffi.NULL:
            raise MemoryError
        return endpoint

    def _address(self, value: str, keep: List[Any], connection: Any, which: str) -> bool:
        address = ffi.addressof(connection, which + "_address")
        return bool(lib.flow_address_parse(address, flow_str(value, keep), ffi.NULL) == lib.FLOW_OK)

    def _named(self, name: str, keep: List[Any], connection: Any, which: str) -> None:
        if name in ENTITIES:
            setattr(connection, which, self._entity(name, keep))
        elif not self._address(name, keep, connection, which):
            namespace, slash, pod = name.partition("/")
            if not (namespace and slash and pod) or "/" in pod:
                raise ArgumentError(f"expected NAMESPACE/POD, an address or an entity, found {name!r}")
            setattr(connection, which, self._made(lib.flow_endpoint_named(
                self.dict, flow_str(namespace, keep), flow_str(pod, keep), flow_str("", keep))))

    def _described(self, spec: Mapping[str, Any], question: _Question, which: str) -> str:
        keep, connection = question.keep, question.connection
        unknown = set(spec) - {"namespace", "pod", "labels", "entity", "ip", "names"}
        if unknown:
            raise ArgumentError(f"expected namespace, pod, labels, entity, ip or names, found {unknown}")
        namespace, pod = str(spec.get("namespace") or ""), str(spec.get("pod") or "")
        ip = spec.get("ip")
        if ip is not None and not self._address(str(ip), keep, connection, which):
            raise ArgumentError(f"expected an address, found {ip!r}")
        if spec.get("names"):
            self._names(spec["names"], question, which)
        labels = spec.get("labels")
        if labels is not None:
            if isinstance(labels, Mapping):
                labels = [f"{key}={value}" if value not in (None, "") else str(key)
                          for key, value in labels.items()]
            array = ffi.new("struct flow_str[]", [flow_str(str(label), keep) for label in labels])
            keep.append(array)
            setattr(connection, which, self._made(lib.flow_endpoint_labelled(
                self.dict, flow_str(namespace, keep), flow_str(pod, keep), array, len(labels))))
        elif spec.get("entity"):
            if spec["entity"] not in ENTITIES:
                raise ArgumentError(f"expected one of {', '.join(ENTITIES)}, found {spec['entity']!r}")
            setattr(connection, which, self._entity(str(spec["entity"]), keep))
        elif namespace or pod:
            setattr(connection, which, self._made(lib.flow_endpoint_named(
                self.dict, flow_str(namespace, keep), flow_str(pod, keep), flow_str("", keep))))
        elif ip is None:
            raise ArgumentError(f"expected something that tells who the {which} is, found {dict(spec)!r}")
        parts = [f"{namespace}/{pod}" if pod else namespace, ",".join(labels or ()), str(ip or ""),
                 str(spec.get("entity") or "")]
        return " ".join(part for part in parts if part)

    def _names(self, names: Any, question: _Question, which: str) -> None:
        keep = question.keep
        every = [names] if isinstance(names, str) else list(names)
        array = ffi.new("struct flow_str[]", [flow_str(name, keep) for name in every])
        keep.append(array)
        listed = lib.flow_text_list_of(self.dict, array, len(every))
        if listed == ffi.NULL:
            raise MemoryError
        setattr(question.connection, which + "_names", listed)

    def question(self, src: EndSpec, dst: EndSpec, port: Optional[int], proto: str,
                 time: Any) -> _Question:
        question = _Question()
        connection = question.connection
        connection.time = nanoseconds_of(time)
        question.source = self.end(src, question, "source")
        question.destination = self.end(dst, question, "destination")
        if proto.upper() not in PROTOCOLS:
            raise ArgumentError(f"expected one of {', '.join(PROTOCOLS)}, found {proto!r}")
        connection.protocol = PROTOCOLS.index(proto.upper()) + 1
        if port is not None:
            most = 65535 if connection.protocol <= lib.FLOW_PROTOCOL_SCTP else 255
            if not 0 <= port <= most:
                raise ArgumentError(f"expected a port from 0 to {most}, found {port}")
            connection.has_port = True
            connection.destination_port = port
        return question

    def side(self, question: _Question, direction: int) -> Tuple[Side, Any]:
        err = new_error()
        record = ffi.new("struct flow_record *")
        done(lib.flow_classifier_judge(self.classifier, self.dict, question.connection, direction,
                                       record, err), err)
        decision = record.decision
        policy = rule = line = None
        if (decision != ffi.NULL and decision.policy != ffi.NULL
                and record.expected != lib.FLOW_EXPECTED_UNDECIDABLE):
            policy = policy_of(decision.policy)
            rule, line = text(decision.rule) or None, decision.line
        return Side(plain(lib.flow_expected_name(record.expected)), policy, rule, line,
                    undecided_names(record.undecided)), record

    def explain(self, question: _Question) -> str:
        err = new_error()
        keep: List[Any] = []
        report = ffi.new("struct flow_explain_report *")
        sides = ffi.new("struct flow_explanation[2]")
        report.source = flow_str(question.source, keep)
        report.destination = flow_str(question.destination, keep)
        report.protocol = question.connection.protocol
        report.has_port = question.connection.has_port
        report.port = question.connection.destination_port
        report.sides, report.side_count = sides, 2
        with tempfile.TemporaryDirectory() as folder, self.lock:
            for i, direction in enumerate((lib.FLOW_DIRECTION_EGRESS, lib.FLOW_DIRECTION_INGRESS)):
                done(lib.flow_classifier_explain(self.classifier, self.dict, question.connection,
                                                 direction, ffi.addressof(sides, i), err), err)
            path = os.path.join(folder, "explained")
            out = ffi.new("struct flow_explainer **")
            done(lib.flow_explainer_open(out, b"text", encode(path), err), err)
            explainer = ffi.gc(out[0], lib.flow_explainer_close)
            done(lib.flow_explainer_write(explainer, report, err), err)
            done(lib.flow_explainer_finish(explainer, err), err)
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()


def _judge_of(policies: PolicySet, intent: Optional[Intent]) -> _Judge:
    """One for each thread and intent; it remembers what it decided. No other thread has its key."""
    key = (threading.get_ident(), id(intent))
    judge: Optional[_Judge] = policies._deciders.get(key)
    if judge is None or judge.intent is not intent:
        if len(policies._deciders) >= 16:
            policies._deciders.clear()
        judge = policies._deciders[key] = _Judge(policies, intent)
    return judge


def decide(policies: PolicySet, src: EndSpec, dst: EndSpec, port: Optional[int], proto: str,
           intent: Optional[Intent], time: Any) -> Decision:
    judge = _judge_of(policies, intent)
    with judge.lock:
        question = judge.question(src, dst, port, proto, time)
        title = f"{question.source} -> {question.destination}"
        return Decision(judge, question, title + (f" {port}/{proto.upper()}" if port is not None else ""))


class Decisions(Table):
    """The decisions of a table of connections, in its order."""

    def __init__(self, arrays: List[Any]) -> None:
        self._arrays = arrays
        self._kind = lib.FLOW_ARROW_DECISIONS

    def __len__(self) -> int:
        return sum(int(array.length) for array in self._arrays)

    def _fill_stream(self, stream: Any) -> None:
        if not lib.pyflow_share_arrays(stream, self._arrays, len(self._arrays), self._kind, id(self)):
            raise MemoryError


def _stream_of(table: Any) -> Tuple[Any, Any]:
    """The stream that a table gives, and the capsule that owns it."""
    if hasattr(table, "__arrow_c_stream__"):
        owner = table.__arrow_c_stream__()
        return structure_of("arrow_array_stream", owner), owner
    raise ArgumentError("expected something with __arrow_c_stream__ or __arrow_c_array__, "
                        f"found {type(table).__name__}")


def _arrays_of(table: Any) -> Iterator[Tuple[Any, Any]]:
    """Pairs of schema and array."""
    if not hasattr(table, "__arrow_c_stream__") and hasattr(table, "__arrow_c_array__"):
        schema_owner, array_owner = table.__arrow_c_array__()
        yield structure_of("arrow_schema", schema_owner), structure_of("arrow_array", array_owner)
        return
    stream, owner = _stream_of(table)
    schema = ffi.new("struct ArrowSchema *")
    raise_for_stream(lib.pyflow_stream_schema(stream, schema), stream)
    try:
        while True:
            array = ffi.new("struct ArrowArray *")
            raise_for_stream(lib.pyflow_stream_next(stream, array), stream)
            if array.release == ffi.NULL:
                break
            try:
                yield schema, array
            finally:
                lib.pyflow_release_array(array)
    finally:
        lib.pyflow_release_schema(schema)
        del owner


def decide_batch(policies: PolicySet, table: Any, intent: Optional[Intent]) -> Decisions:
    err = new_error()
    out = ffi.new("struct flow_arrow_decider **")
    handle = intent._handle if intent is not None else ffi.NULL
    done(lib.flow_arrow_decider_new(out, policies._handle, handle, err), err)
    decider = ffi.gc(out[0], lib.flow_arrow_decider_free)
    decided = []
    first = 0
    for schema, array in _arrays_of(table):
        for part in _parts(array):
            answer = ffi.gc(ffi.new("struct ArrowArray *"), lib.pyflow_release_array)
            if lib.flow_arrow_decider_run(decider, schema, part, answer, err) < 0:
                row = err.line + first
                err.line = row if err.line and row < 1 << 32 else 0
                raise error_of(err)
            decided.append(answer)
            first += part.length
    return Decisions(decided)


def _parts(array: Any) -> Iterator[Any]:
    """Some rows of the array at a time, so that signals are seen; what it holds stays its own."""
    for start in range(0, max(array.length, 1), ROWS):
        part = ffi.new("struct ArrowArray *", array[0])
        part.offset += start
        part.length = min(ROWS, array.length - start)
        part.null_count = -1 if array.null_count != 0 else 0
        yield part
