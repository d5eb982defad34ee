# SPDX-License-Identifier: Apache-2.0
"""Whole inputs judged: the report, its findings, coverage, and partial states that merge."""
from __future__ import annotations

import json
import threading
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Union

from . import html
from ._core import PathLike, encode, text
from ._native import ffi, lib
from .declared import Intent, Paths, PolicySet, copied_documents, joined_documents, load_pair
from .errors import ArgumentError, Error, done, new_error
from .flows import FlowStream, Run, Table, filler
from .inputs import FilterSpec, Inputs, new_filter, paths, refuse_missing


class Finding(NamedTuple):
    """Many flows with one cause, as the report has it."""

    rule: str
    name: str
    severity: str
    fingerprint: str
    scope: str
    direction: Optional[str]
    source: Any
    destination: Any
    protocol: Optional[str]
    port: Optional[int]
    count: int  # type: ignore[assignment]
    first: Optional[str]
    last: Optional[str]
    bytes: Optional[int]
    policy: Optional[Dict[str, Any]]
    statement: Optional[Dict[str, Any]]
    undecided: Sequence[str]
    explanation: str
    raw: Dict[str, Any]


def _finding(raw: Dict[str, Any]) -> Finding:
    get = raw.get
    return Finding(raw["id"], get("rule", ""), raw["severity"], raw["fingerprint"], get("scope", ""),
                   get("direction"), get("source"), get("destination"), get("protocol"), get("port"),
                   raw["count"], get("first"), get("last"), get("bytes"), get("policy"),
                   get("statement"), tuple(get("undecided") or ()), get("explanation", ""), raw)


_ORDER = ("info", "low", "medium", "high", "critical")
_CONCLUSIONS = {0: "nothing found", 1: "findings", 2: "a policy could not be loaded",
                3: "an input could not be read whole", 4: "inconclusive"}


def _severity(name: str) -> int:
    if name not in _ORDER:
        raise ArgumentError(f"expected one of {', '.join(_ORDER)}, found {name!r}")
    return _ORDER.index(name)


class FindingsTable(Table):
    """The findings of a report as a table."""

    def __init__(self, report: "Report") -> None:
        self._report = report
        self._kind = lib.FLOW_ARROW_FINDINGS

    def _fill_stream(self, stream: Any) -> None:
        err = new_error()
        with self._report._lock:
            done(lib.flow_arrow_stream_findings(stream, self._report._tally, err), err)


class Findings(List[Finding]):
    """A list of findings that a notebook shows as a table."""

    def _repr_html_(self) -> str:
        rows = [[f.severity, f.rule, f.count, f.first, f.last, f.explanation] for f in self]
        return html.titled(f"{len(self)} findings",
                           html.table(["severity", "rule", "flows", "first", "last", ""], rows))


class Report:
    """What whole inputs come to. It keeps what it was made of, and nothing of the flows."""

    def __init__(self, run: Run, policies: PolicySet, intent: Optional[Intent],
                 flows: Optional[Callable[[], FlowStream]], documents: Any) -> None:
        self._run = run
        self._policies = policies
        self._intent = intent
        self._flows = flows
        self._documents = documents
        self._lock = threading.Lock()
        self._tally = lib.flow_check_tally(run.handle)
        self._json: Optional[bytes] = None
        self._raw: Optional[Dict[str, Any]] = None
        err = new_error()
        done(lib.flow_check_finish(run.handle, err), err)

    def _render(self, form: str) -> bytes:
        err = new_error()
        out = ffi.new("struct flow_str *")
        with self._lock:
            done(lib.flow_tally_render(self._tally, encode(form), out, err), err)
            return bytes(ffi.buffer(out.ptr, out.len))

    def to_json(self) -> bytes:
        """The report, byte for byte what flowcheck check -o json writes."""
        if self._json is None:
            self._json = self._render("json")
        return self._json

    def to_text(self) -> str:
        """The report for people."""
        return self._render("text").decode("utf-8", "replace")

    @property
    def raw(self) -> Dict[str, Any]:
        """The json report as Python has it."""
        if self._raw is None:
            self._raw = json.loads(self.to_json())
        return self._raw

    def findings(self, rule: Optional[str] = None, severity: Optional[str] = None) -> Findings:
        """Findings, of one rule, or from a severity on."""
        least = _severity(severity) if severity is not None else 0
        every = (_finding(raw) for raw in self.raw["findings"])
        return Findings(f for f in every
                        if (rule is None or f.rule == rule) and _severity(f.severity) >= least)

    def findings_table(self) -> FindingsTable:
        """The findings for data frames and query engines."""
        return FindingsTable(self)

    def summary(self) -> Dict[str, Any]:
        """The numbers that come first."""
        raw = self.raw
        severities: Dict[str, int] = {}
        for finding in raw["findings"]:
            severities[finding["severity"]] = severities.get(finding["severity"], 0) + 1
        return {
            "inputs": len(raw["inputs"]),
            "flows": sum(raw["results"].values()),
            "results": raw["results"],
            "findings": severities,
            "coverage": raw["coverage"],
            "conclusion": _CONCLUSIONS[self.exit_code()],
        }

    @property
    def coverage(self) -> Any:
        """Which share of (node x time) was seen, and what was not."""
        return self.raw["coverage"]

    @property
    def controls(self) -> Any:
        """The controls of the intent document: met, not met, not shown."""
        return self.raw.get("controls", [])

    @property
    def approvals(self) -> Any:
        """Approvals and their use."""
        return self.raw.get("approvals", [])

    @property
    def inputs(self) -> Any:
        """What was read: names, digests, records, what was damaged or lost."""
        return self.raw["inputs"]

    @property
    def problems(self) -> List[Error]:
        """What could not be read."""
        return self._run.told.errors()

    def flows(self) -> FlowStream:
        """The flows with what was decided of each: the inputs are read again while it is read."""
        if self._flows is None:
            raise ArgumentError("expected a report of inputs, found one of merged states")
        return self._flows()

    def exit_code(self, fail_on: str = "high", max_undecided: float = 1.0,
                  min_coverage: Optional[float] = None) -> int:
        """What flowcheck would exit with: 0, or 1 findings, 2, 3 or 4."""
        limits = ffi.new("struct flow_limits *", {
            "fail_on": _severity(fail_on), "max_undecided": max_undecided,
            "min_coverage": -1.0 if min_coverage is None else min_coverage})
        return int(lib.flow_tally_conclude(self._tally, limits,
                                           lib.flow_check_unreadable(self._run.handle)))

    def state(self) -> bytes:
        """The partial state, for merge(); of a run with state=True."""
        if self._documents is None:
            raise ArgumentError("expected a report that was made with state=True")
        err = new_error()
        out = ffi.new("struct flow_str *")
        with self._lock:
            done(lib.flow_check_encode_state(self._run.handle, self._documents, out, err), err)
            return bytes(ffi.buffer(out.ptr, out.len))

    def __repr__(self) -> str:
        summary = self.summary()
        return (f"<libflow.Report: {summary['flows']} flows, {len(self.raw['findings'])} findings, "
                f"{summary['conclusion']}>")

    def _repr_html_(self) -> str:
        summary = self.summary()
        rows = sorted(((name, count) for name, count in summary["results"].items() if count),
                      key=lambda row: -row[1])
        parts = [html.table(["result", "flows"], rows)]
        if self.controls:
            parts.append(html.table(["control", "answer", "evidence"],
                                    [[c.get("name", c.get("id")), c.get("answer"), c.get("evidence")]
                                     for c in self.controls]))
        parts.append(self.findings()._repr_html_())
        return html.titled(f"{summary['flows']} flows: {summary['conclusion']}", "".join(parts))


def _finish(run: Run) -> None:
    """Reads to the end; between two batches Python sees its signals."""
    err = new_error()
    while run.next(err) != lib.FLOW_END:
        pass


def check(inputs: Inputs, *, policies: Union[None, PolicySet, Paths] = None,
          intent: Union[None, Intent, PathLike] = None, snapshot: Paths = (),
          engine: Optional[str] = None, filter: Optional[FilterSpec] = None, since: Any = None,
          until: Any = None, threads: int = 1, state: bool = False, digest: bool = True) -> Report:
    """
    Judge every flow of the inputs. Without policies the intent alone is checked.

    state keeps what Report.state() needs; digest puts the SHA-256 of each input into the report.
    """
    loaded, document = load_pair(policies, intent, snapshot, engine)
    names = paths(inputs)
    asked = new_filter(filter, since, until)
    refuse_missing(names)
    fill_files = filler(names, loaded, document, asked, threads)

    def fill(options: Any, keep: List[Any]) -> None:
        fill_files(options, keep)
        options.digest = digest
        options.state = state
        options.tally_only = not state

    run = Run(fill)
    _finish(run)
    return Report(run, loaded, document,
                  lambda: FlowStream(names, loaded, document,
                                     lambda: new_filter(filter, since, until), threads, 65536),
                  joined_documents(loaded, document) if state else None)


def check_state(source: Union[bytes, str], policies: PolicySet, intent: Optional[Intent],
                filter: Optional[FilterSpec] = None, since: Any = None, until: Any = None) -> bytes:
    """The partial state of one input, or of bytes; one that cannot be opened is told in it."""
    asked = new_filter(filter, since, until)
    fill_files = filler([] if isinstance(source, bytes) else [source], policies, intent, asked, 1)

    def fill(options: Any, keep: List[Any]) -> None:
        fill_files(options, keep)
        options.state = True
        if isinstance(source, bytes):
            memory = ffi.from_buffer(source)
            keep.append(memory)
            options.bytes, options.byte_count = memory, len(source)

    return _state_of(fill, policies, intent)


def empty_state(policies: PolicySet, intent: Optional[Intent]) -> bytes:
    """The partial state of nothing at all."""
    fill_files = filler([], policies, intent, ffi.NULL, 1)

    def fill(options: Any, keep: List[Any]) -> None:
        fill_files(options, keep)
        options.state = True

    return _state_of(fill, policies, intent)


def _state_of(fill: Callable[[Any, List[Any]], None], policies: PolicySet,
              intent: Optional[Intent]) -> bytes:
    run = Run(fill)
    _finish(run)
    return Report(run, policies, intent, None, joined_documents(policies, intent)).state()


def _read_state(source: Union[bytes, PathLike]) -> Any:
    err = new_error()
    out = ffi.new("struct flow_state **")
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
        done(lib.flow_state_decode(out, data, len(data), err), err)
    else:
        done(lib.flow_state_read(out, encode(source), err), err)
    return ffi.gc(out[0], lib.flow_state_free)


def merge(states: Iterable[Union[bytes, PathLike]], *, state: bool = False) -> Report:
    """
    The report of all parts together: states as bytes, or their files. Policies and intent are those
    that the states were made with.
    """
    read = [_read_state(source) for source in states]
    if not read:
        raise ArgumentError("expected a partial state, found none")
    err = new_error()
    for other in read[1:]:
        done(lib.flow_state_agree(read[0], other, err), err)
    documents = copied_documents(lib.flow_state_documents(read[0]))
    has_intent = lib.flow_documents_intent(documents) != ffi.NULL
    intent = Intent._of(documents) if has_intent else None
    policies = PolicySet._of(documents)

    def fill(options: Any, keep: List[Any]) -> None:
        array = ffi.new("const struct flow_state *[]", read)
        keep.extend([array, read, policies, intent])
        options.states = array
        options.state_count = len(read)
        options.policies = policies._handle
        options.intent = intent._handle if intent is not None else ffi.NULL
        options.state = state

    run = Run(fill)
    _finish(run)
    return Report(run, policies, intent, None, documents)
