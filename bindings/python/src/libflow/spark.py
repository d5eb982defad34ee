# SPDX-License-Identifier: Apache-2.0
"""
One check over a cluster: archives, or a table of flows, are spread over the executors of Apache
Spark, each makes a partial state, and the driver puts the states together. The report is that of
one run over all of it.
"""
from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Union

from ._core import PathLike
from .declared import Intent, Paths, PolicySet, load_pair
from .errors import ArgumentError
from .inputs import FilterSpec, Inputs, paths
from .reports import Report, check_state, empty_state, merge

_SCHEMA = "part bigint, state binary"


def _states(batches: Iterable[Any], work: Callable[[List[Any]], Iterator[bytes]]) -> Iterator[Any]:
    """What mapInArrow calls for: record batches of (part, state) for record batches of rows."""
    import pyarrow

    for batch in batches:
        for part, state in enumerate(work(batch.to_pylist())):
            yield pyarrow.RecordBatch.from_arrays(
                [pyarrow.array([part], pyarrow.int64()),
                 pyarrow.array([zlib.compress(state, 1)], pyarrow.binary())], names=["part", "state"])


class _Declared:
    """What the driver compiled, sent as bytes and compiled once a worker process."""

    cache: Dict[Any, Any] = {}

    def __init__(self, policies: PolicySet, intent: Optional[Intent]) -> None:
        self.policies = policies.to_bytes()
        self.intent = intent.to_bytes() if intent is not None else None

    def get(self) -> Any:
        key = (self.policies, self.intent)
        if key not in self.cache:
            self.cache.clear()
            self.cache[key] = (PolicySet.from_bytes(self.policies),
                               Intent.from_bytes(self.intent) if self.intent is not None else None)
        return self.cache[key]


def _merged(states: Any, declared: _Declared) -> Report:
    """The report of all states; of none, that of nothing."""
    parts = [zlib.decompress(bytes(row.state)) for row in states.collect()]
    return merge(parts or [empty_state(*declared.get())])


def check(spark: Any, inputs: Inputs, *, policies: Union[None, PolicySet, Paths] = None,
          intent: Union[None, Intent, PathLike] = None, snapshot: Paths = (),
          engine: Optional[str] = None, filter: Optional[FilterSpec] = None, since: Any = None,
          until: Any = None, partitions: Optional[int] = None) -> Report:
    """
    Judge every flow of the archives, which every executor can read under the same path.

    A file is one piece of work, and a folder as many as there are files in it; partitions (one a
    file, unless it is given) say over how many tasks they are spread.
    """
    loaded, document = load_pair(policies, intent, snapshot, engine)
    declared = _Declared(loaded, document)
    names = _files(paths(inputs))
    count = partitions or max(1, len(names))

    def work(rows: List[Any]) -> Iterator[bytes]:
        one, other = declared.get()
        for row in rows:
            yield check_state(row["path"], one, other, filter, since, until)

    rows = spark.createDataFrame([(name,) for name in names], "path string").repartition(count)
    return _merged(rows.mapInArrow(lambda batches: _states(batches, work), _SCHEMA), declared)


def check_table(table: Any, *, column: str = "value", policies: Union[None, PolicySet, Paths] = None,
                intent: Union[None, Intent, PathLike] = None, snapshot: Paths = (),
                engine: Optional[str] = None, filter: Optional[FilterSpec] = None, since: Any = None,
                until: Any = None) -> Report:
    """
    Judge every flow of a Spark DataFrame with a flow's JSON a row, as spark.read.text gives it. The
    pieces of its partitions are the inputs of the report.
    """
    loaded, document = load_pair(policies, intent, snapshot, engine)
    declared = _Declared(loaded, document)

    def work(rows: List[Any]) -> Iterator[bytes]:
        one, other = declared.get()
        lines = "\n".join(row[column] for row in rows if row[column] is not None)
        if lines:
            yield check_state(lines.encode("utf-8", "surrogatepass") + b"\n", one, other, filter,
                              since, until)

    chosen = table.select(column)
    return _merged(chosen.mapInArrow(lambda batches: _states(batches, work), _SCHEMA), declared)


def _files(names: Sequence[str]) -> List[str]:
    """Folders as the files in them, as the library would read them."""
    found: List[str] = []
    for name in names:
        folder = Path(name)
        if folder.is_dir():
            found += sorted(str(path) for path in folder.rglob("*")
                            if path.is_file() and not any(
                                part.startswith(".") for part in path.relative_to(folder).parts))
        else:
            found.append(name)
    if "-" in found:
        raise ArgumentError("expected files, found standard input")
    return found
