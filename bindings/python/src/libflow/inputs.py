# SPDX-License-Identifier: Apache-2.0
"""What is read: paths with patterns, and filters spelled as the flags of hubble observe."""
from __future__ import annotations

import datetime
import errno
import glob
import os
from typing import Any, List, Mapping, Optional, Sequence, Union

from ._core import PathLike, encode, listed
from ._native import ffi, lib
from .errors import ArgumentError, InputError, done, new_error

Inputs = Union[PathLike, Sequence[PathLike]]
FilterSpec = Mapping[str, Union[str, Sequence[str], bool, int]]


def is_server(name: str) -> bool:
    """Whether a name is a live server's, as flow_reader_open has it."""
    return name.startswith(("unix://", "tcp://", "tls://"))


def paths(inputs: Inputs) -> List[str]:
    """Every input by name; a pattern becomes what it matches, sorted."""
    found: List[str] = []
    for value in listed(inputs):
        name = os.fsdecode(value)
        if is_server(name) or not glob.has_magic(name) or os.path.lexists(name):
            found.append(name)
            continue
        matched = sorted(glob.glob(name, recursive=True))
        if not matched:
            raise InputError("expected files of that pattern, found none", file=name,
                             os_errno=errno.ENOENT)
        found += matched
    if not found:
        raise ArgumentError("expected an input, found none")
    return found


def _time_text(value: Any) -> str:
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            raise ArgumentError(f"expected a time with its zone, found {value!r}")
        return value.isoformat()
    return str(value)


def new_filter(spec: Optional[FilterSpec], since: Any = None, until: Any = None) -> Any:
    """A struct flow_filter, or NULL when nothing is asked for."""
    asked = [(name.replace("_", "-"), value) for name, value in (spec or {}).items()]
    asked += [(name, _time_text(value)) for name, value in (("since", since), ("until", until))
              if value is not None]
    if not asked:
        return ffi.NULL
    err = new_error()
    out = ffi.new("struct flow_filter **")
    done(lib.flow_filter_new(out, err), err)
    made = ffi.gc(out[0], lib.flow_filter_free)
    for name, values in asked:
        for value in listed(values) if not isinstance(values, (bool, int)) else [values]:
            word = str(value).lower() if isinstance(value, bool) else str(value)
            done(lib.flow_filter_add(made, encode(name), encode(word), err), err)
    return made


def refuse_missing(names: Sequence[str]) -> None:
    """An input alone that cannot be opened leaves nothing to read; among others it is a problem."""
    if len(names) != 1 or names[0] == "-" or is_server(names[0]):
        return
    number: Optional[int] = None
    try:
        os.stat(names[0])
        if not os.access(names[0], os.R_OK):
            number = errno.EACCES
    except OSError as error:
        number = error.errno
    if number is not None:
        raise InputError(f"cannot open: {os.strerror(number)}", file=names[0], os_errno=number)
