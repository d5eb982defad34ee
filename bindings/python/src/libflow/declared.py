# SPDX-License-Identifier: Apache-2.0
"""What is declared: policies with the inventory they speak about, and the intent document."""
from __future__ import annotations

import os
import threading
from typing import (TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence,
                    Tuple, Union)

from . import html
from ._core import PathLike, encode, listed, pairs, plain, texts
from ._native import ffi, lib
from .errors import ArgumentError, Error, Told, done, error_of, new_error

if TYPE_CHECKING:
    from .decisions import Decision, Decisions
    from .diffs import Diff

Words = Union[Mapping[str, Any], Sequence[str]]
Paths = Union[PathLike, Sequence[PathLike]]


class Policy(NamedTuple):
    """Where a policy is from."""

    kind: str
    namespace: Optional[str]
    name: str
    file: str
    line: int


class Note(NamedTuple):
    """What the loader has to say: "info", "warning" or "error", and about what."""

    level: str
    error: Error


class Approval(NamedTuple):
    """An approved exception, as the document has it."""

    id: str
    purpose: str
    source: str
    to: str
    ports: str
    owner: str
    reason: str
    mitigation: str
    approved_by: str
    approved_on: str
    expires: str
    reference: str
    file: str
    line: int


# documents keep what they were encoded to last
_encoding = threading.Lock()


def _begin_in_child() -> None:
    """Whoever held the lock is not there in a child of fork."""
    global _encoding
    _encoding = threading.Lock()


os.register_at_fork(after_in_child=_begin_in_child)

_LEVELS = ("info", "warning", "error")


def _notes(count: int, at: Any, handle: Any) -> List[Note]:
    found = (at(handle, i) for i in range(count))
    return [Note(_LEVELS[note.level], error_of(ffi.addressof(note, "error"))) for note in found]


class _Declared:
    """Something that was loaded, with the documents it was loaded from."""

    _handle: Any
    _documents: Any

    def to_bytes(self) -> bytes:
        """All that it was loaded from, for another process or machine; from_bytes reads it."""
        return encode_documents(self._documents)


def new_documents() -> Any:
    err = new_error()
    out = ffi.new("struct flow_documents **")
    done(lib.flow_documents_new(out, err), err)
    return ffi.gc(out[0], lib.flow_documents_free)


def encode_documents(documents: Any) -> bytes:
    err = new_error()
    out = ffi.new("struct flow_str *")
    with _encoding:
        done(lib.flow_documents_encode(documents, out, err), err)
        return bytes(ffi.buffer(out.ptr, out.len))


def copied_documents(documents: Any) -> Any:
    """The same, and nobody else's."""
    return decode_documents(encode_documents(documents))


def decode_documents(data: bytes) -> Any:
    err = new_error()
    out = ffi.new("struct flow_documents **")
    done(lib.flow_documents_decode(out, data, len(data), err), err)
    return ffi.gc(out[0], lib.flow_documents_free)


def joined_documents(policies: "PolicySet", intent: Optional["Intent"]) -> Any:
    """What both were loaded from, the intent first, as flowcheck has them."""
    err = new_error()
    whole = new_documents()
    for part in (intent, policies):
        if part is not None:
            done(lib.flow_documents_add_all(whole, part._documents, err), err)
    return whole


class Intent(_Declared):
    """A FlowIntent document. Read-only; may be shared between threads."""

    def __init__(self, handle: Any, documents: Any) -> None:
        self._handle = handle
        self._documents = documents

    @classmethod
    def load(cls, path: PathLike, variables: Optional[Words] = None) -> "Intent":
        """Read a document, and the files of its layers."""
        return cls._load(path, pairs(variables), new_documents())

    @classmethod
    def _load(cls, path: PathLike, variables: Sequence[str], documents: Any) -> "Intent":
        err = new_error()
        keep: List[Any] = []
        options = ffi.new("struct flow_intent_options *")
        lib.flow_intent_options_init(options, ffi.sizeof("struct flow_intent_options"))
        options.variables, options.variable_count = texts(variables, keep)
        options.documents = documents
        out = ffi.new("struct flow_intent_document **")
        done(lib.flow_intent_load(out, encode(path), options, err), err)
        return cls(ffi.gc(out[0], lib.flow_intent_free), documents)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Intent":
        """The document of such bytes."""
        return cls._of(decode_documents(data))

    @classmethod
    def _of(cls, documents: Any) -> "Intent":
        path = lib.flow_documents_intent(documents)
        if path == ffi.NULL:
            raise Error("expected an intent document in the bytes, found none")
        return cls._load(ffi.string(path).decode("utf-8", "surrogateescape"), [], documents)

    def __reduce__(self) -> Any:
        return Intent.from_bytes, (self.to_bytes(),)

    @property
    def name(self) -> str:
        return plain(lib.flow_intent_title(self._handle))

    @property
    def file(self) -> str:
        return plain(lib.flow_intent_file(self._handle))

    @property
    def engine(self) -> Optional[str]:
        return plain(lib.flow_intent_engine(self._handle)) or None

    @property
    def variables(self) -> List[str]:
        count = lib.flow_intent_variable_count(self._handle)
        return [plain(lib.flow_intent_variable_at(self._handle, i)) for i in range(count)]

    @property
    def notes(self) -> List[Note]:
        return _notes(lib.flow_intent_note_count(self._handle), lib.flow_intent_note_at, self._handle)

    @property
    def approvals(self) -> List[Approval]:
        found = []
        for i in range(lib.flow_intent_approval_count(self._handle)):
            a = lib.flow_intent_approval_at(self._handle, i)
            words = [plain(word) for word in (
                a.id, a.purpose, getattr(a, "from"), a.to, a.ports, a.owner, a.reason, a.mitigation,
                a.approved_by, a.approved_on, a.expires_on, a.reference, a.statement.file)]
            found.append(Approval._make([*words, a.statement.line]))
        return found

    def unmatched(self, policies: "PolicySet") -> List[Error]:
        """Statements that match nothing in the snapshot of the policies, as flowcheck warns of them."""
        told = Told()
        lib.flow_intent_tell_unmatched(self._handle, policies._handle,
                                       ffi.addressof(lib, "pyflow_tell"), told.memory)
        return told.errors()

    def __repr__(self) -> str:
        return f"<libflow.Intent {self.name!r}, {len(self.approvals)} approvals>"

    def _repr_html_(self) -> str:
        head = ["id", "purpose", "from", "to", "ports", "owner", "expires"]
        rows = [[a.id, a.purpose, a.source, a.to, a.ports, a.owner, a.expires] for a in self.approvals]
        return html.titled(f"Intent {self.name}", html.table(head, rows))


class PolicySet(_Declared):
    """Policies and inventory. Read-only; may be shared between threads."""

    def __init__(self, handle: Any, documents: Any) -> None:
        self._handle = handle
        self._documents = documents
        self._deciders: Dict[Any, Any] = {}

    @classmethod
    def load(cls, manifests: Paths = (), *, snapshot: Paths = (), engine: Optional[str] = None,
             variables: Optional[Words] = None, settings: Optional[Words] = None,
             default_namespace: Optional[str] = None, partial: bool = False,
             intent: Optional[Intent] = None) -> "PolicySet":
        """
        Read manifests: policies and inventory, from files and folders. snapshot is inventory alone.
        With an intent document its variables hold too, behind those given here, and its engine
        where none is given.
        """
        # the first of a name counts
        words = pairs(variables) + (intent.variables if intent is not None else [])
        if engine is None and intent is not None:
            engine = intent.engine
        keep: List[Any] = []
        options = _policies_options()
        options.manifests, options.manifest_count = texts(listed(manifests), keep)
        options.snapshots, options.snapshot_count = texts(listed(snapshot), keep)
        options.variables, options.variable_count = texts(words, keep)
        options.settings, options.setting_count = texts(pairs(settings), keep)
        options.partial = partial
        for name, value in (("engine", engine), ("default_namespace", default_namespace)):
            if value is not None:
                keep.append(ffi.new("char[]", encode(value)))
                setattr(options, name, keep[-1])
        return cls._load(options, new_documents())

    @classmethod
    def _load(cls, options: Any, documents: Any) -> "PolicySet":
        err = new_error()
        options.documents = documents
        out = ffi.new("struct flow_policies **")
        done(lib.flow_policies_load(out, options, err), err)
        return cls(ffi.gc(out[0], lib.flow_policies_free), documents)

    @classmethod
    def from_bytes(cls, data: bytes) -> "PolicySet":
        """The policies of such bytes; no file is read."""
        return cls._of(decode_documents(data))

    @classmethod
    def _of(cls, documents: Any) -> "PolicySet":
        return cls._load(_policies_options(), documents)

    def __reduce__(self) -> Any:
        return PolicySet.from_bytes, (self.to_bytes(),)

    @property
    def engine(self) -> str:
        return plain(lib.flow_policies_engine(self._handle))

    @property
    def notes(self) -> List[Note]:
        return _notes(lib.flow_policies_note_count(self._handle), lib.flow_policies_note_at,
                      self._handle)

    @property
    def errors(self) -> List[Error]:
        """What was left out, as a cluster would leave it out."""
        return [note.error for note in self.notes if note.level == "error"]

    @property
    def inventory(self) -> int:
        """Namespaces, pods and the like that are known."""
        return int(lib.flow_policies_inventory_count(self._handle))

    def __len__(self) -> int:
        return int(lib.flow_policies_count(self._handle))

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Policy]:
        for i in range(len(self)):
            yield policy_of(lib.flow_policies_at(self._handle, i))

    def decide(self, src: Any, dst: Any, port: Optional[int] = None, proto: str = "TCP", *,
               intent: Optional[Intent] = None, time: Any = None) -> Decision:
        """
        Decide one connection. src and dst are "namespace/pod", an address, an entity such as
        "world", or {"namespace": …, "pod": …, "labels": {…}, "ip": …, "names": […]}.
        """
        from .decisions import decide
        return decide(self, src, dst, port, proto, intent, time)

    def decide_batch(self, table: Any, *, intent: Optional[Intent] = None) -> Decisions:
        """Decide each row of an Arrow table, batch or stream; flow_arrow_decider_run names the columns."""
        from .decisions import decide_batch
        return decide_batch(self, table, intent)

    def diff(self, other: "PolicySet") -> Diff:
        """What another set would change; .on(inputs) tells which flows."""
        from .diffs import Diff
        return Diff(self, other)

    def __repr__(self) -> str:
        return f"<libflow.PolicySet of {len(self)} policies, {self.engine}>"

    def _repr_html_(self) -> str:
        rows = [[p.kind, p.namespace or "", p.name, f"{p.file}:{p.line}"] for p in self]
        told = [[note.level, str(note.error)] for note in self.notes]
        return html.titled(f"{len(self)} policies, {self.engine}",
                           html.table(["kind", "namespace", "name", "place"], rows)
                           + (html.table(["note", ""], told) if told else ""))


def _policies_options() -> Any:
    options = ffi.new("struct flow_policies_options *")
    lib.flow_policies_options_init(options, ffi.sizeof("struct flow_policies_options"))
    return options


def policy_of(info: Any) -> Policy:
    return Policy(plain(lib.flow_policy_kind_name(info.kind)), plain(info.namespace_name) or None,
                  plain(info.name), plain(info.file), info.line)


def load_pair(policies: Any, intent: Any, snapshot: Paths, engine: Optional[str],
              ) -> Tuple[PolicySet, Optional[Intent]]:
    """Both, loaded where they are paths."""
    loaded = intent if intent is None or isinstance(intent, Intent) else Intent.load(intent)
    if isinstance(policies, PolicySet):
        if listed(snapshot) or engine is not None:
            raise ArgumentError("expected snapshot and engine where the policies were loaded")
        return policies, loaded
    return PolicySet.load(listed(policies), snapshot=snapshot, engine=engine, intent=loaded), loaded
