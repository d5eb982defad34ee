# SPDX-License-Identifier: Apache-2.0
"""Flows, one by one and as Arrow tables."""
from __future__ import annotations

import datetime
import errno
import os
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from . import html
from ._core import capsule, heed_signals, new_structure, plain, text, texts, time_of
from ._native import ffi, lib
from .declared import Intent, Policy, PolicySet, policy_of
from .errors import ArgumentError, Error, InputError, OutOfMemoryError, Told, done, new_error
from .inputs import FilterSpec, Inputs, new_filter, paths, refuse_missing


class End(NamedTuple):
    """One end of a flow, as the record tells it."""

    namespace: Optional[str]
    pod: Optional[str]
    workload: Optional[str]
    labels: Tuple[str, ...]
    identity: int
    cluster: Optional[str]


class L7(NamedTuple):
    """What a proxy saw."""

    type: str
    protocol: str
    dns_query: Optional[str]
    dns_rcode: Optional[int]
    http_method: Optional[str]
    http_url: Optional[str]
    http_code: Optional[int]


class Flow(NamedTuple):
    """A flow. What was decided is None where nothing was judged."""

    uuid: Optional[str]
    time: Optional[datetime.datetime]
    time_ns: Optional[int]
    node: Optional[str]
    verdict: str
    drop_reason: Optional[str]
    direction: str
    is_reply: Optional[bool]
    protocol: str
    source: End
    source_ip: Optional[str]
    source_port: Optional[int]
    source_names: Tuple[str, ...]
    destination: End
    destination_ip: Optional[str]
    destination_port: Optional[int]
    destination_names: Tuple[str, ...]
    l7: Optional[L7]
    scope: Optional[str] = None
    observed: Optional[str] = None
    expected: Optional[str] = None
    result: Optional[str] = None
    intent: Optional[str] = None
    findings: Tuple[str, ...] = ()
    policy: Optional[Policy] = None
    rule: Optional[str] = None
    undecided: Tuple[str, ...] = ()


_L7_TYPES = ("UNKNOWN", "REQUEST", "RESPONSE", "SAMPLE")
_L7_PROTOCOLS = ("", "dns", "http", "kafka")
_ANSWERS = (None, False, True)


def undecided_names(bits: int) -> Tuple[str, ...]:
    return tuple(plain(lib.flow_undecided_name(code))
                 for code in range(lib.FLOW_UNDECIDED_COUNT) if bits >> code & 1)


def _label(label: Any) -> str:
    source, value = text(label.source), text(label.value)
    return (f"{source}:" if source else "") + text(label.key) + (f"={value}" if value else "")


def _end(endpoint: Any) -> End:
    labels = endpoint.labels
    return End(text(endpoint.namespace_name) or None, text(endpoint.pod_name) or None,
               text(endpoint.workload_name) or None,
               tuple(_label(labels.labels[i]) for i in range(labels.count)), endpoint.identity,
               text(endpoint.cluster_name) or None)


def _l7(l7: Any) -> Optional[L7]:
    if l7 == ffi.NULL:
        return None
    answer = l7.type == lib.FLOW_L7_RESPONSE
    dns, http = l7.protocol == lib.FLOW_L7_DNS, l7.protocol == lib.FLOW_L7_HTTP
    return L7(_L7_TYPES[l7.type] if l7.type < 4 else "UNKNOWN",
              _L7_PROTOCOLS[l7.protocol] if l7.protocol < 4 else "",
              text(l7.dns_query) or None, l7.dns_rcode if dns and answer else None,
              text(l7.http_method) or None, text(l7.http_url) or None,
              l7.http_code if http and answer else None)


class Maker:
    """Makes flows of records of one dictionary; each endpoint is made once."""

    def __init__(self, judged: bool) -> None:
        self.judged = judged
        self.ends: Dict[int, End] = {}
        self.rules = ffi.new("const struct flow_report_rule *[]", lib.FLOW_RECORD_RULES_MAX)
        self.address = ffi.new("char[]", lib.FLOW_ADDRESS_TEXT_MAX)

    def end(self, endpoint: Any) -> End:
        known = self.ends.get(endpoint.id)
        if known is None:
            known = self.ends[endpoint.id] = _end(endpoint)
        return known

    def ip(self, address: Any) -> Optional[str]:
        if address.family == 0:
            return None
        return plain(lib.flow_address_format(ffi.addressof(address), self.address))

    def decided(self, record: Any) -> Dict[str, Any]:
        count = lib.flow_record_rules(record, self.rules)
        decision = record.decision
        policy = rule = None
        if (decision != ffi.NULL and decision.policy != ffi.NULL
                and record.expected != lib.FLOW_EXPECTED_UNDECIDABLE):
            policy, rule = policy_of(decision.policy), text(decision.rule) or None
        bits = record.undecided
        if record.intent_decision != ffi.NULL:
            bits |= record.intent_decision.undecided
        return {
            "scope": plain(lib.flow_scope_name(record.scope)),
            "observed": plain(lib.flow_observed_name(record.observed)),
            "expected": plain(lib.flow_expected_name(record.expected)),
            "result": plain(lib.flow_result_name(record.result)),
            "intent": plain(lib.flow_intent_name(record.intent)),
            "findings": tuple(plain(self.rules[i].id) for i in range(count)),
            "policy": policy,
            "rule": rule,
            "undecided": undecided_names(bits),
        }

    def flow(self, record: Any) -> Flow:
        time = record.time
        reason = lib.flow_drop_reason_name(record.drop_reason)
        names, others = record.source_names, record.destination_names
        ports = record.has_ports
        return Flow(
            text(record.uuid) or None, time_of(time), time if time != lib.FLOW_TIME_NONE else None,
            text(record.node_name) or None, plain(lib.flow_verdict_name(record.verdict)),
            (plain(reason) or str(record.drop_reason)) if record.drop_reason else None,
            plain(lib.flow_direction_name(record.direction)), _ANSWERS[record.is_reply],
            plain(lib.flow_protocol_name(record.protocol)),
            self.end(record.source), self.ip(record.source_address),
            record.source_port if ports else None,
            tuple(text(names.texts[i]) for i in range(names.count)),
            self.end(record.destination), self.ip(record.destination_address),
            record.destination_port if ports else None,
            tuple(text(others.texts[i]) for i in range(others.count)), _l7(record.l7),
            **(self.decided(record) if self.judged else {}))

    def flows(self, batch: Any) -> Iterator[Flow]:
        for i in range(lib.flow_batch_count(batch)):
            record = lib.flow_batch_at(batch, i)
            if record.kind == lib.FLOW_KIND_FLOW:
                yield self.flow(record)


class Run:
    """A struct flow_check with all that it borrows. Files and threads are one process's."""

    def __init__(self, fill: Callable[[Any, List[Any]], None]) -> None:
        self.told = Told()
        self.keep: List[Any] = [self.told.memory]
        self.owner = os.getpid()
        err = new_error()
        options = ffi.new("struct flow_check_options *")
        lib.flow_check_options_init(options, ffi.sizeof("struct flow_check_options"))
        options.tell = ffi.addressof(lib, "pyflow_tell")
        options.tell_context = self.told.memory
        options.stop = ffi.addressof(lib, "pyflow_stop")
        fill(options, self.keep)
        out = ffi.new("struct flow_check **")
        done(lib.flow_check_open(out, options, err), err)
        self.handle = out[0]

    def next(self, err: Any) -> int:
        """FLOW_OK, FLOW_END or FLOW_AGAIN; KeyboardInterrupt comes through between two batches."""
        if self.owner != os.getpid():
            raise Error("expected the process that began to read, found a child")
        status = int(lib.flow_check_next(self.handle, err))
        if status < 0:
            heed_signals()
        return done(status, err)

    def close(self) -> None:
        handle, self.handle = self.handle, ffi.NULL
        if handle != ffi.NULL and self.owner == os.getpid():
            lib.flow_check_close(handle)

    def __del__(self) -> None:
        if getattr(self, "handle", ffi.NULL) != ffi.NULL:
            self.close()


def filler(inputs: List[str], policies: Optional[PolicySet], intent: Optional[Intent],
           asked: Any, threads: int) -> Callable[[Any, List[Any]], None]:
    """Fills in struct flow_check_options for a run over files."""

    def fill(options: Any, keep: List[Any]) -> None:
        options.inputs, options.input_count = texts(inputs, keep)
        options.policies = policies._handle if policies is not None else ffi.NULL
        options.intent = intent._handle if intent is not None else ffi.NULL
        options.filter = asked
        options.threads = threads
        keep.extend([policies, intent, asked])

    return fill


def raise_for_stream(status: int, stream: Any) -> None:
    """The exception for what a stream's call returned."""
    if status != 0:
        heed_signals()
        why = plain(lib.pyflow_stream_error(stream)) or "the stream failed"
        raise OutOfMemoryError(why) if status == errno.ENOMEM else InputError(why, os_errno=status)


class Batch:
    """Some rows of a table, for whoever takes Arrow arrays."""

    def __init__(self, table: int, array: Any) -> None:
        self._table = table
        self._array = ffi.gc(array, lib.pyflow_release_array)

    def __len__(self) -> int:
        return int(self._array.length)

    def __arrow_c_schema__(self) -> Any:
        return schema_capsule(self._table)

    def __arrow_c_array__(self, requested_schema: Any = None) -> Tuple[Any, Any]:
        """The rows, shared and not copied."""
        structure = new_structure("arrow_array")
        owner = capsule("arrow_array", structure)
        if not lib.pyflow_share_array(structure, self._array, id(self._array)):
            raise MemoryError
        return schema_capsule(self._table), owner

    def to_arrow(self) -> Any:
        """A pyarrow.RecordBatch."""
        import pyarrow
        return pyarrow.record_batch(self)


def schema_capsule(table: int) -> Any:
    err = new_error()
    structure = new_structure("arrow_schema")
    owner = capsule("arrow_schema", structure)
    done(lib.flow_arrow_schema(structure, table, err), err)
    return owner


class Table:
    """Something that data frames and query engines take through Arrow's C stream interface."""

    _kind: int

    def _fill_stream(self, stream: Any) -> None:
        """Makes the stream; the structure is somebody's already."""
        raise NotImplementedError

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        structure = new_structure("arrow_array_stream")
        owner = capsule("arrow_array_stream", structure)
        # released as it is until it is filled, so that the capsule can end in between
        self._fill_stream(structure)
        return owner

    def __arrow_c_schema__(self) -> Any:
        return schema_capsule(self._kind)

    def batches(self) -> Iterator[Batch]:
        """The rows, some at a time."""
        stream = ffi.new("struct ArrowArrayStream *")
        self._fill_stream(stream)
        try:
            while True:
                array = ffi.new("struct ArrowArray *")
                raise_for_stream(lib.pyflow_stream_next(stream, array), stream)
                if array.release == ffi.NULL:
                    return
                yield Batch(self._kind, array)
        finally:
            lib.pyflow_release_stream(stream)

    def to_arrow(self) -> Any:
        """A pyarrow.Table."""
        import pyarrow
        try:
            return pyarrow.RecordBatchReader.from_stream(self).read_all()
        except OSError:
            heed_signals()
            raise

    def to_pandas(self, **options: Any) -> Any:
        """A pandas.DataFrame."""
        return self.to_arrow().unify_dictionaries().to_pandas(**options)

    def to_polars(self) -> Any:
        """A polars.DataFrame."""
        import polars
        try:
            return polars.DataFrame(self)
        except Exception:
            heed_signals()
            raise

    @property
    def columns(self) -> List[str]:
        return [column.name for column in columns(self._kind)]


class Column(NamedTuple):
    """A column of a table, its unit and its field in the Elastic Common Schema."""

    name: str
    type: str
    unit: str
    ecs: str
    summary: str


def columns(table: Any) -> List[Column]:
    """The columns of "flows", "results", "findings" or "decisions"."""
    names = {plain(lib.flow_arrow_table_name(i)): i for i in range(lib.FLOW_ARROW_TABLE_COUNT)}
    if isinstance(table, str) and table not in names:
        raise ArgumentError(f"expected one of {', '.join(names)}, found {table!r}")
    number = names[table] if isinstance(table, str) else table
    found: List[Column] = []
    while True:
        column = lib.flow_arrow_column_at(number, len(found))
        if column == ffi.NULL:
            return found
        found.append(Column(*map(plain, (column.name, column.type, column.unit, column.ecs,
                                         column.summary))))


class FlowStream(Table):
    """The flows of some inputs. Each iteration, and each taking of it as Arrow, reads them anew."""

    def __init__(self, inputs: List[str], policies: Optional[PolicySet], intent: Optional[Intent],
                 asked: Callable[[], Any], threads: int, rows: int) -> None:
        self._inputs = inputs
        self._policies = policies
        self._intent = intent
        self._filter = asked
        self._threads = threads
        self._rows = rows
        self._kind = lib.FLOW_ARROW_RESULTS if policies is not None else lib.FLOW_ARROW_FLOWS
        self._told: Optional[Told] = None

    @property
    def problems(self) -> List[Error]:
        """What could not be read, of the last reading, so far."""
        return self._told.errors() if self._told is not None else []

    def _run(self) -> Run:
        run = Run(filler(self._inputs, self._policies, self._intent, self._filter(), self._threads))
        self._told = run.told
        return run

    def __enter__(self) -> "FlowStream":
        return self

    def __exit__(self, *exc: Any) -> None:
        return None

    def __iter__(self) -> Iterator[Flow]:
        refuse_missing(self._inputs)
        run = self._run()
        maker = Maker(self._policies is not None)
        err = new_error()
        try:
            while run.next(err) == lib.FLOW_OK:
                yield from maker.flows(lib.flow_check_batch(run.handle))
        finally:
            run.close()

    def _fill_stream(self, stream: Any) -> None:
        refuse_missing(self._inputs)
        run = self._run()
        err = new_error()
        done(lib.flow_arrow_stream_flows(stream, self._kind, self._rows, run.handle, err), err)
        run.handle = ffi.NULL
        # a plain list: when the stream ends nothing in Python runs, where a signal would be lost
        if not lib.pyflow_keep(stream, id(run.keep)):
            lib.pyflow_release_stream(stream)
            raise MemoryError

    def __repr__(self) -> str:
        return f"<libflow.FlowStream of {', '.join(self._inputs[:3])}{', …' if len(self._inputs) > 3 else ''}>"

    def _repr_html_(self) -> str:
        head = ["time", "source", "destination", "port", "protocol", "verdict"]
        rows: List[List[Any]] = []
        # not judged: for that the names in all of it would be learned first
        for flow in FlowStream(self._inputs, None, None, self._filter, 1, self._rows):
            rows.append([flow.time, _named(flow.source, flow.source_ip, flow.source_names),
                         _named(flow.destination, flow.destination_ip, flow.destination_names),
                         flow.destination_port, flow.protocol, flow.verdict])
            if len(rows) == 10:
                break
        return html.titled(f"The first flows of {', '.join(self._inputs[:3])}", html.table(head, rows))


def _named(end: End, ip: Optional[str], names: Tuple[str, ...]) -> str:
    if end.pod:
        return f"{end.namespace}/{end.pod}"
    return names[0] if names else ip or "?"


def read(inputs: Inputs, *, since: Any = None, until: Any = None, filter: Optional[FilterSpec] = None,
         threads: int = 1, batch_rows: int = 65536) -> FlowStream:
    """
    The flows of files, folders and patterns, whatever format and compression they have.

    filter is spelled as the flags of hubble observe: {"namespace": "shop", "verdict": ["DROPPED"]}.
    """
    new_filter(filter, since, until)  # what is wrong with it is told here
    return FlowStream(paths(inputs), None, None, lambda: new_filter(filter, since, until), threads,
                      batch_rows)
