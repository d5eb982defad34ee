# SPDX-License-Identifier: Apache-2.0
"""What all modules share: texts, lists of texts, times, and the capsules of Arrow."""
from __future__ import annotations

import ctypes
import datetime
import os
from typing import Any, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from ._native import ffi, lib
from .errors import ArgumentError

PathLike = Union[str, "os.PathLike[str]"]

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)


def text(value: Any) -> str:
    """A struct flow_str."""
    return bytes(ffi.buffer(value.ptr, value.len)).decode("utf-8", "replace") if value.len else ""


def plain(pointer: Any) -> str:
    """Text that ends with NUL; "" for NULL."""
    return ffi.string(pointer).decode("utf-8", "replace") if pointer != ffi.NULL else ""


def encode(value: Union[str, "os.PathLike[str]"]) -> bytes:
    """A text or a path as bytes for C."""
    coded = os.fsencode(value)
    if b"\0" in coded:
        raise ArgumentError(f"expected text without a zero byte, found {value!r}")
    return coded


def flow_str(value: Union[str, bytes], keep: List[Any]) -> Any:
    """A struct flow_str of the text; keep holds the memory."""
    coded = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
    memory = ffi.new("char[]", coded)
    keep.append(memory)
    return ffi.new("struct flow_str *", {"ptr": memory, "len": len(coded)})[0]


def texts(values: Iterable[Union[str, "os.PathLike[str]"]], keep: List[Any]) -> Tuple[Any, int]:
    """An array of C texts and its length; keep holds the memory."""
    memory = [ffi.new("char[]", encode(value)) for value in values]
    array = ffi.new("const char *[]", memory) if memory else ffi.NULL
    keep.extend([memory, array])
    return array, len(memory)


def listed(values: Any) -> List[Any]:
    """One path or text, or several of them."""
    if values is None:
        return []
    if isinstance(values, (str, bytes, os.PathLike)):
        return [values]
    return list(values)


def pairs(values: Optional[Union[Mapping[str, Any], Sequence[str]]]) -> List[str]:
    """{"NAME": value}, or ["NAME=value"], as the latter."""
    if values is None:
        return []
    if isinstance(values, Mapping):
        return [f"{name}={str(value).lower() if isinstance(value, bool) else value}"
                for name, value in values.items()]
    return list(values)


def time_of(nanoseconds: int) -> Optional[datetime.datetime]:
    """A time as Python has it, to the microsecond; None where there is none."""
    if nanoseconds == lib.FLOW_TIME_NONE:
        return None
    return EPOCH + datetime.timedelta(microseconds=nanoseconds // 1000)


def nanoseconds_of(value: Any) -> int:
    """A datetime, seconds since 1970, or text, as nanoseconds; None is no time."""
    if value is None:
        return int(lib.FLOW_TIME_NONE)
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            raise ArgumentError(f"expected a time with its zone, found {value!r}")
        since = value - EPOCH
        return (since.days * 86400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000
    if isinstance(value, (int, float)):
        return int(value * 1_000_000_000)
    raise ArgumentError(f"expected a datetime, found {value!r}")


# an object of our own: what others say of the arguments of these is theirs
_python = ctypes.PyDLL(None)
_python.PyCapsule_New.restype = ctypes.py_object
_python.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
_python.PyCapsule_GetPointer.restype = ctypes.c_void_p
_python.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]


def heed_signals() -> None:
    """Raises now what a signal's handler raised while C ran."""
    _python.Py_MakePendingCalls()


_KINDS = {
    "arrow_array_stream": ("struct ArrowArrayStream", "pyflow_free_stream"),
    "arrow_array": ("struct ArrowArray", "pyflow_free_array"),
    "arrow_schema": ("struct ArrowSchema", "pyflow_free_schema"),
}
# a capsule does not copy its name
_NAMES = {kind: ctypes.c_char_p(kind.encode()) for kind in _KINDS}


def new_structure(kind: str) -> Any:
    """Memory for one of Arrow's structures, released as it is; capsule() takes it over."""
    c_type = _KINDS[kind][0]
    memory = lib.pyflow_new(ffi.sizeof(c_type))
    if memory == ffi.NULL:
        raise MemoryError
    return ffi.cast(c_type + " *", memory)


def capsule(kind: str, structure: Any) -> Any:
    """A PyCapsule that owns the structure."""
    end = ffi.cast("uintptr_t", ffi.addressof(lib, _KINDS[kind][1]))
    return _python.PyCapsule_New(int(ffi.cast("uintptr_t", structure)), _NAMES[kind], int(end))


def structure_of(kind: str, owner: Any) -> Any:
    """The structure in a capsule, which keeps it."""
    pointer = _python.PyCapsule_GetPointer(owner, _NAMES[kind])
    return ffi.cast(_KINDS[kind][0] + " *", pointer)
