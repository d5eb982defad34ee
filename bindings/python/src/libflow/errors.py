# SPDX-License-Identifier: Apache-2.0
"""Why a call failed: one class a cause, each with the place that it is about."""
from __future__ import annotations

from typing import Any, Dict, List, Optional, Type

from ._native import ffi, lib


class Error(Exception):
    """What every error of the library is."""

    def __init__(self, message: str, *, file: Optional[str] = None, line: Optional[int] = None,
                 column: Optional[int] = None, offset: int = 0, os_errno: Optional[int] = None) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.offset = offset
        self.os_errno = os_errno

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return f"{place}: {self.message}" if place else self.message

    def __reduce__(self) -> Any:
        return (_again, (type(self), self.message, self.file, self.line, self.column, self.offset,
                         self.os_errno))


def _again(kind: Type[Error], message: str, file: Optional[str], line: Optional[int],
           column: Optional[int], offset: int, os_errno: Optional[int]) -> Error:
    return kind(message, file=file, line=line, column=column, offset=offset, os_errno=os_errno)


class OutOfMemoryError(Error, MemoryError):
    """An allocation failed."""


class ArgumentError(Error, ValueError):
    """An argument is not what the call takes."""


class InputError(Error, OSError):
    """The operating system said no; errno says why."""

    def __init__(self, message: str, **place: Any) -> None:
        Error.__init__(self, message, **place)
        self.errno = self.os_errno
        self.strerror = message
        self.filename = self.file

    __str__ = Error.__str__
    __reduce__ = Error.__reduce__


class ParseError(Error, ValueError):
    """The bytes are not what the format asks for."""


class TruncatedError(Error, EOFError):
    """The input ends in the middle of something."""


class LimitError(Error, ValueError):
    """Larger or deeper than a limit of the library."""


class InvalidError(Error, ValueError):
    """Well formed, but a cluster would refuse it."""


class UnsupportedError(Error, NotImplementedError):
    """Known, but not in this build or this version."""


class CorruptError(Error, ValueError):
    """A checksum or a compressed frame does not hold."""


class NotFoundError(Error, LookupError):
    """The thing asked for is not there."""


CLASSES: Dict[int, Type[Error]] = {
    lib.FLOW_E_MEMORY: OutOfMemoryError,
    lib.FLOW_E_ARGUMENT: ArgumentError,
    lib.FLOW_E_SYSTEM: InputError,
    lib.FLOW_E_PARSE: ParseError,
    lib.FLOW_E_TRUNCATED: TruncatedError,
    lib.FLOW_E_LIMIT: LimitError,
    lib.FLOW_E_INVALID: InvalidError,
    lib.FLOW_E_UNSUPPORTED: UnsupportedError,
    lib.FLOW_E_CORRUPT: CorruptError,
    lib.FLOW_E_NOT_FOUND: NotFoundError,
}


def error_of(err: Any) -> Error:
    """The exception for a filled struct flow_error."""
    kind = CLASSES.get(err.status, Error)
    file = ffi.string(err.input).decode("utf-8", "replace")
    return kind(ffi.string(err.message).decode("utf-8", "replace"), file=file or None,
                line=err.line or None, column=err.column or None, offset=err.offset,
                os_errno=err.os_errno or None)


def new_error() -> Any:
    """A struct flow_error for a call to fill in."""
    return ffi.new("struct flow_error *")


class Told:
    """What C tells of problems, which needs no Python to run while it does."""

    def __init__(self) -> None:
        memory = lib.pyflow_told_new()
        if memory == ffi.NULL:
            raise MemoryError
        self.memory = ffi.gc(memory, lib.pyflow_told_free)

    def errors(self) -> List[Error]:
        """All so far."""
        found: List[Error] = []
        err = new_error()
        while lib.pyflow_told_at(self.memory, len(found), err):
            found.append(error_of(err))
        return found


def done(status: int, err: Any) -> int:
    """The status when it is no error, else the exception."""
    if status < 0:
        raise error_of(err)
    return status
