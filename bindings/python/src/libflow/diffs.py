# SPDX-License-Identifier: Apache-2.0
"""Two policy sets over the same traffic: what another set would have changed."""
from __future__ import annotations

import datetime
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from . import html
from ._core import plain, text, time_of
from ._native import ffi, lib
from .declared import PolicySet
from .errors import Error, new_error
from .flows import Run, filler
from .inputs import FilterSpec, Inputs, new_filter, paths, refuse_missing


class Change(NamedTuple):
    """Traffic whose result is another under the other set."""

    source: str
    destination: str
    protocol: str
    port: Optional[int]
    direction: str
    before: str
    after: str
    count: int  # type: ignore[assignment]
    first: Optional[datetime.datetime]
    last: Optional[datetime.datetime]


class Changes(List[Change]):
    """Changes, the most frequent first; empty, and so false, when there are none."""

    #: how many flows were compared
    flows: int = 0
    #: what could not be read, and so was not compared
    problems: Sequence[Error] = ()

    def _repr_html_(self) -> str:
        rows = [[c.source, c.destination, f"{c.port or ''}/{c.protocol}", c.direction, c.before,
                 c.after, c.count, c.first, c.last] for c in self]
        head = ["source", "destination", "port", "side", "before", "after", "flows", "first", "last"]
        return html.titled(f"{sum(c.count for c in self)} of {self.flows} flows change",
                           html.table(head, rows))


def _named(endpoint: Any, address: Any, room: Any) -> str:
    """The workload, or what else is known."""
    name = text(endpoint.workload_name) or text(endpoint.pod_name)
    if name:
        return f"{text(endpoint.namespace_name)}/{name}"
    if address.family != 0:
        return plain(lib.flow_address_format(ffi.addressof(address), room))
    return "?"


class Diff:
    """Two policy sets that are compared."""

    def __init__(self, before: PolicySet, after: PolicySet) -> None:
        self.before = before
        self.after = after

    def on(self, inputs: Inputs, *, filter: Optional[FilterSpec] = None, since: Any = None,
           until: Any = None) -> Changes:
        """The observed flows whose result changes, grouped."""
        names = paths(inputs)
        refuse_missing(names)
        asked = new_filter(filter, since, until)
        runs = [Run(filler(names, policies, None, asked, 1)) for policies in (self.before, self.after)]
        try:
            changes = _compare(runs)
            changes.problems = runs[0].told.errors()
            return changes
        finally:
            for run in runs:
                run.close()


def _records(run: Run) -> Iterator[Any]:
    err = new_error()
    while run.next(err) != lib.FLOW_END:
        batch = lib.flow_check_batch(run.handle)
        for i in range(lib.flow_batch_count(batch)):
            record = lib.flow_batch_at(batch, i)
            if record.kind == lib.FLOW_KIND_FLOW:
                yield record


def _compare(runs: List[Run]) -> Changes:
    groups: Dict[Tuple[Any, ...], List[int]] = {}
    room = ffi.new("char[]", lib.FLOW_ADDRESS_TEXT_MAX)
    changes = Changes()
    for old, new in zip(_records(runs[0]), _records(runs[1])):
        changes.flows += 1
        if old.result == new.result:
            continue
        ends = [_named(old.source, old.source_address, room),
                _named(old.destination, old.destination_address, room)]
        port = old.source_port if old.swapped else old.destination_port
        key = (*(reversed(ends) if old.swapped else ends), plain(lib.flow_protocol_name(old.protocol)),
               port if old.has_ports else None, plain(lib.flow_direction_name(new.judged_direction)),
               plain(lib.flow_result_name(old.result)), plain(lib.flow_result_name(new.result)))
        group = groups.setdefault(key, [0, old.time, old.time])
        group[0] += 1
        if old.time != lib.FLOW_TIME_NONE:
            # no time is earlier than any
            group[1] = min(group[1], old.time) if group[1] != lib.FLOW_TIME_NONE else old.time
            group[2] = max(group[2], old.time)
    changes.extend(Change._make([*key, group[0], time_of(group[1]), time_of(group[2])])
                   for key, group in sorted(groups.items(), key=lambda item: (-item[1][0], str(item[0]))))
    return changes
