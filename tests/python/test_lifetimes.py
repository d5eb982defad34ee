# SPDX-License-Identifier: Apache-2.0
"""
Objects that end in the worst order. The file runs three times: as it is, in threads' company, and,
started by test_sanitized.py, with the address and leak sanitizers in the C library.
"""
import errno
import gc
import os
import signal
import sys
import threading
import weakref

import here
from here import DECLARED, FLOWS, fails, generate
from tap import Skip, equal, run

import libflow
from libflow._core import structure_of
from libflow._native import ffi, lib


def _declared():
    intent = libflow.Intent.load(DECLARED["intent"])
    return libflow.PolicySet.load(DECLARED["policies"], snapshot=DECLARED["snapshot"], intent=intent), intent


def _stream(table):
    """The C stream of a capsule, and the capsule."""
    owner = table.__arrow_c_stream__()
    return structure_of("arrow_array_stream", owner), owner


def _next(stream):
    array = ffi.new("struct ArrowArray *")
    equal(lib.pyflow_stream_next(stream, array), 0)
    return array


def parents_may_go_first(_):
    policies, intent = _declared()
    report = libflow.check(FLOWS, policies=policies, intent=intent)
    flows = report.flows()
    iterator = iter(flows)
    first = next(iterator)
    del policies, intent, report, flows
    gc.collect()
    equal(first.scope, "east-west")
    equal(len(list(iterator)), 4663)


def a_stream_outlives_what_it_was_made_of(_):
    policies, intent = _declared()
    stream, owner = _stream(libflow.check(FLOWS, policies=policies, intent=intent).flows())
    del policies, intent
    gc.collect()
    array = _next(stream)
    equal(array.length, 4664)
    lib.pyflow_release_array(array)
    del owner


def arrays_outlive_their_stream(_):
    stream, owner = _stream(libflow.read(FLOWS, batch_rows=1000))
    arrays = [_next(stream) for _ in range(3)]
    del owner, stream
    gc.collect()
    for array in reversed(arrays):
        assert array.length >= 1000
        # a child that is moved out lives on by itself
        child = ffi.new("struct ArrowArray *")
        child[0] = array.children[2][0]
        array.children[2].release = ffi.NULL
        lib.pyflow_release_array(array)
        equal(child.dictionary.length > 0, True)
        offsets = ffi.cast("int32_t *", child.dictionary.buffers[1])
        assert offsets[child.dictionary.length] > 0
        lib.pyflow_release_array(child)


def streams_may_be_abandoned(_):
    for how_far in range(3):
        stream, owner = _stream(libflow.read(FLOWS, batch_rows=500, threads=2))
        for _ in range(how_far):
            lib.pyflow_release_array(_next(stream))
        del owner
    iterator = iter(libflow.read(FLOWS))
    next(iterator)
    del iterator
    batches = libflow.read(FLOWS, batch_rows=500).batches()
    kept = next(batches)
    del batches
    gc.collect()
    assert len(kept) >= 500
    libflow.read(FLOWS).__arrow_c_stream__()
    libflow.read(FLOWS).__arrow_c_schema__()
    gc.collect()


def decisions_are_shared_and_outlive_their_table(_):
    policies, intent = _declared()
    source = libflow.check(FLOWS, policies=policies, intent=intent).flows()
    decided = policies.decide_batch(source, intent=intent)
    equal(len(decided), 4664)
    one, first_owner = _stream(decided)
    two, second_owner = _stream(decided)
    arrays = [_next(one), _next(two)]
    del decided, policies, intent, source, first_owner, second_owner, one, two
    gc.collect()
    equal([array.length for array in arrays], [4664, 4664])
    for array in arrays:
        lib.pyflow_release_array(array)


def reports_and_states_end_in_any_order(_):
    report = libflow.check(FLOWS, **DECLARED, state=True)
    state = report.state()
    merged = libflow.merge([state, libflow.check(FLOWS, **DECLARED, state=True).state()])
    table = merged.findings_table()
    stream, owner = _stream(table)
    del report, merged, table
    gc.collect()
    array = _next(stream)
    assert array.length > 0
    lib.pyflow_release_array(array)
    del owner
    decision = libflow.PolicySet.load(DECLARED["policies"]).decide("a/b", "world", 443)
    gc.collect()
    assert decision.explain()


def threads_share_policies(_):
    policies, intent = _declared()
    expected = libflow.check(FLOWS, policies=policies, intent=intent).to_json()
    found, errors = [], []

    def work():
        try:
            for _ in range(2):
                found.append(libflow.check(FLOWS, policies=policies, intent=intent).to_json() == expected)
                decision = policies.decide("project-asthma/notebook-0", "198.51.100.7", 443, intent=intent)
                found.append(decision.allowed is False)
        except Exception as error:  # pylint: disable=broad-except
            errors.append(error)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    equal(errors, [])
    equal(found, [True] * 16)


def one_iterator_is_not_for_two_threads(_):
    iterator = iter(libflow.read(FLOWS))
    seen, refused = [], []

    def work():
        try:
            for one in iterator:
                seen.append(one)
        except ValueError as error:  # "generator already executing"
            refused.append(error)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(seen) <= 4664


def _in_a_child(work):
    """Whether the work is true in a child of fork; one that hangs is ended."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(60)
            code = 0 if work() else 2
        finally:
            os._exit(code)  # pylint: disable=protected-access
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def a_child_of_fork_begins_anew(folder):
    policies, intent = _declared()
    assert policies.decide("a/b", "world", 443).explain()
    log = generate(os.path.join(folder, "log.jsonl"), 30000)
    for threads in (1, 2):
        source = libflow.read(log, threads=threads)
        iterator = iter(source)
        next(iterator)
        stream, owner = _stream(libflow.read(FLOWS, threads=threads))

        def in_child(of=(iterator, stream)):
            fails(libflow.Error, list, of[0])
            equal(lib.pyflow_stream_next(of[1], ffi.new("struct ArrowArray *")), errno.ECHILD)
            same = libflow.check(FLOWS, policies=policies, intent=intent, threads=threads)
            return same.exit_code() == 1 and policies.decide("a/b", "world", 443).explain()

        def gone_in_child():
            nonlocal iterator, owner
            del iterator, owner
            gc.collect()
            return True

        assert _in_a_child(in_child)
        assert _in_a_child(gone_in_child)
        # and nobody read from under the parent
        equal(len(list(iterator)), 29999)
        equal(source.problems, [])
        array = _next(stream)
        equal(array.length, 4664)
        lib.pyflow_release_array(array)
        del owner, stream


def policies_that_decided_end_with_their_last_user(_):
    gc.disable()
    try:
        policies, intent = _declared()
        decision = policies.decide("project-asthma/notebook-0", "198.51.100.7", 443, intent=intent)
        gone = weakref.ref(policies)
        del policies, intent
        equal(gone(), None)
        assert decision.explain()
    finally:
        gc.enable()


def a_batch_may_be_taken_twice(_):
    batch = next(libflow.read(FLOWS).batches())
    taken = [batch.__arrow_c_array__() for _ in range(2)]
    del batch
    gc.collect()
    for schema, owner in taken:
        equal(structure_of("arrow_array", owner).length, 4664)
        assert structure_of("arrow_schema", schema).n_children > 10


def a_child_of_fork_lets_go_of_threads_it_has_not(_):
    stream, owner = _stream(libflow.read(FLOWS, batch_rows=500, threads=2))
    lib.pyflow_release_array(_next(stream))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            array = ffi.new("struct ArrowArray *")
            refused = lib.pyflow_stream_next(stream, array) != 0
            del stream, owner
            gc.collect()
            code = 0 if refused and len(list(libflow.read(FLOWS, threads=2))) == 4664 else 2
        finally:
            os._exit(code)  # pylint: disable=protected-access
    equal(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
    lib.pyflow_release_array(_next(stream))
    del owner


def pyarrow_tables_outlive_everything(_):
    try:
        import pyarrow
    except ImportError as reason:
        raise Skip("pyarrow is not installed") from reason
    policies, intent = _declared()
    table = libflow.check(FLOWS, policies=policies, intent=intent).flows().to_arrow()
    part = table.slice(100, 10).column("source_pod")
    reader = pyarrow.RecordBatchReader.from_stream(libflow.read(FLOWS, batch_rows=700))
    batch = reader.read_next_batch()
    del table, policies, intent, reader
    gc.collect()
    equal(len(part.to_pylist()), 10)
    batch.validate(full=True)
    column = batch.column("destination_labels")
    del batch
    gc.collect()
    column.validate(full=True)


if __name__ == "__main__":
    assert here.EXAMPLE
    run(sys.modules[__name__])
