# SPDX-License-Identifier: Apache-2.0
"""
Recorded network flows, checked against declared policy and intent.

    report = libflow.check("flows-*.jsonl.zst", policies="policies/", intent="intent.yaml")
    flows = libflow.read("flows.jsonl.zst", filter={"verdict": "DROPPED"}).to_pandas()
    libflow.PolicySet.load("policies/").decide("shop/web-0", "world", 443)
"""
from ._core import plain as _plain
from ._native import lib as _lib
from .declared import Approval, Intent, Note, Policy, PolicySet
from .decisions import Decision, Decisions, Side
from .diffs import Change, Changes, Diff
from .errors import (ArgumentError, CorruptError, Error, InputError, InvalidError, LimitError,
                     NotFoundError, OutOfMemoryError, ParseError, TruncatedError, UnsupportedError)
from .flows import L7, Batch, Column, End, Flow, FlowStream, Table, columns, read
from .live import Watch, watch
from .reports import Finding, Findings, Report, check, merge

__version__ = _plain(_lib.flow_version())

__all__ = [
    "Approval", "ArgumentError", "Batch", "Change", "Changes", "Column", "CorruptError", "Decision",
    "Decisions", "Diff", "End", "Error", "Finding", "Findings", "Flow", "FlowStream", "InputError",
    "Intent", "InvalidError", "L7", "LimitError", "Note", "NotFoundError", "OutOfMemoryError",
    "ParseError", "Policy", "PolicySet", "Report", "Side", "Table", "TruncatedError",
    "UnsupportedError", "Watch", "check", "columns", "merge", "read", "watch",
]
