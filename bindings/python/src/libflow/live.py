# SPDX-License-Identifier: Apache-2.0
"""Flows as a server has them."""
from __future__ import annotations

from typing import Any, Iterator, List, Optional, Union

from ._core import PathLike, encode, listed, nanoseconds_of, texts
from ._native import ffi, lib
from .declared import Intent, Paths, PolicySet, load_pair
from .errors import Error, Told, new_error
from .flows import Flow, Maker, Run
from .inputs import FilterSpec, new_filter

WAIT = 250_000_000  # nanoseconds; so long a signal may have to wait


class Watch:
    """An iterator of flows, judged where policies or an intent are given. End it with close()."""

    def __init__(self, run: Run, judged: bool, notes: Told) -> None:
        self._run = run
        self._notes = notes
        self._flows = self._read(Maker(judged))

    @property
    def notes(self) -> List[Error]:
        """A connection that was lost, and others that are worth telling."""
        return self._notes.errors()

    @property
    def problems(self) -> List[Error]:
        """What could not be read."""
        return self._run.told.errors()

    def _read(self, maker: Maker) -> Iterator[Flow]:
        err = new_error()
        began = False
        while self._run.handle != ffi.NULL:
            status = self._run.next(err)
            if status == lib.FLOW_END:
                problems = [] if began else self.problems
                if problems:  # a server that is not there, or sends nothing, is not an empty one
                    raise problems[-1]
                return
            if status == lib.FLOW_OK:
                batch = lib.flow_check_batch(self._run.handle)
                began = began or lib.flow_batch_count(batch) > 0
                yield from maker.flows(batch)

    def __iter__(self) -> "Watch":
        return self

    def __next__(self) -> Flow:
        return next(self._flows)

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *exc: Any) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection."""
        self._flows.close()  # type: ignore[attr-defined]
        self._run.close()


def watch(server: str = "localhost:4245", *, policies: Union[None, PolicySet, Paths] = None,
          intent: Union[None, Intent, PathLike] = None, snapshot: Paths = (),
          engine: Optional[str] = None, filter: Optional[FilterSpec] = None, since: Any = None,
          until: Any = None, last: int = 0, first: int = 0, follow: bool = True, tls: bool = False,
          tls_allow_insecure: bool = False, tls_ca_cert_files: Paths = (),
          tls_client_cert_file: Optional[PathLike] = None,
          tls_client_key_file: Optional[PathLike] = None, tls_server_name: Optional[str] = None,
          timeout: float = 5.0) -> Watch:
    """Flows of Hubble Relay, or of an agent, as they come; options are named as hubble's."""
    judged = policies is not None or intent is not None
    loaded, document = load_pair(policies, intent, snapshot, engine) if judged else (None, None)
    asked = new_filter(filter)
    notes = Told()
    keep: List[Any] = []
    live = ffi.new("struct flow_live_options *")
    lib.flow_live_options_init(live, ffi.sizeof("struct flow_live_options"))
    for name, value in (("server", server), ("client_cert_file", tls_client_cert_file),
                        ("client_key_file", tls_client_key_file), ("server_name", tls_server_name)):
        if value is not None:
            keep.append(ffi.new("char[]", encode(value)))
            setattr(live, name, keep[-1])
    live.ca_files, live.ca_file_count = texts(listed(tls_ca_cert_files), keep)
    live.tls, live.tls_allow_insecure = tls, tls_allow_insecure
    live.timeout = int(timeout * 1e9)
    live.follow, live.last, live.first = follow, last, first
    live.since, live.until = nanoseconds_of(since), nanoseconds_of(until)
    live.filter = asked
    live.note, live.note_context = ffi.addressof(lib, "pyflow_tell"), notes.memory
    keep += [notes.memory, live, asked, loaded, document]

    def fill(options: Any, kept: List[Any]) -> None:
        kept.extend(keep)
        options.live = live
        options.wait = WAIT
        options.policies = loaded._handle if loaded is not None else ffi.NULL
        options.intent = document._handle if document is not None else ffi.NULL
        options.filter = asked

    return Watch(Run(fill), judged, notes)
