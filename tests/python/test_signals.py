# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C in the middle of long work: KeyboardInterrupt within a second."""
import atexit
import functools
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import here
from here import DECLARED, big_log, need
from tap import Skip, equal, run, write

import libflow

SCRIPT = """
import signal, sys, libflow
# whoever began this in the background had it ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
path = sys.argv[1]
print("ready", flush=True)
try:
    %s
    print("whole", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


RAISED = """
import signal, sys, libflow
calls = []
def late(*_):
    calls.append(1)
    raise TimeoutError("late")
signal.signal(signal.SIGALRM, late)
signal.setitimer(signal.ITIMER_REAL, 0.8)
try:
    %s
except TimeoutError as error:
    print(error, len(calls))
"""


@functools.lru_cache(maxsize=None)
def _log():
    """A log that takes seconds to read, made once."""
    folder = tempfile.mkdtemp(prefix="flowcheck-")
    atexit.register(shutil.rmtree, folder)
    return big_log(folder, 1200000)


def _interrupt(folder, code, wait=0.6):
    script = write(folder, "script.py", SCRIPT % code)
    child = subprocess.Popen([sys.executable, script, _log()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    equal(child.stdout.readline(), "ready\n")
    time.sleep(wait)
    start = time.monotonic()
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    elapsed = time.monotonic() - start
    assert out == "interrupted\n", out + err
    assert elapsed < 1.0, "%.2f s\n%s" % (elapsed, err)


def check_is_interrupted(folder):
    _interrupt(folder, "libflow.check(path, policies=%r, intent=%r)" % (DECLARED["policies"], DECLARED["intent"]))


def iterating_is_interrupted(folder):
    _interrupt(folder, "sum(1 for flow in libflow.read(path))")


def batches_are_interrupted(folder):
    _interrupt(folder, "[len(batch) for batch in libflow.read(path, batch_rows=10**9).batches()]")


def a_consumer_in_c_is_interrupted(folder):
    need("pyarrow")
    _interrupt(folder, "libflow.read(path, batch_rows=10**9).to_arrow()", wait=1.2)


def learning_names_is_interrupted(folder):
    need("pyarrow")
    _interrupt(folder, "libflow.check.__globals__['FlowStream']([path], libflow.PolicySet.load(%r), "
                       "libflow.Intent.load(%r), lambda: libflow._native.ffi.NULL, 1, 65536).to_arrow()"
               % (DECLARED["policies"], DECLARED["intent"]), wait=1.2)


def damage_is_interrupted_and_told(folder):
    path = write(folder, "damaged.jsonl", '{"flow": nonsense\n' * 1000000)
    for _ in range(4):
        _interrupt(folder, "[len(b) for b in libflow.read([%r] * 60).batches()]" % path)
    stream = libflow.read(path)
    equal(list(stream), [])
    assert len(stream.problems) > 1000 and stream.problems[0].line == 1


def deciding_a_table_is_interrupted(folder):
    need("pyarrow")
    _interrupt(folder, "import pyarrow; n = 3000000; table = pyarrow.table({'source_namespace': ['project-asthma'] * n, "
                       "'destination_ip': ['198.%%d.%%d.1' %% (i %% 200, i // 200 %% 256) for i in range(n)], "
                       "'protocol': ['TCP'] * n, 'port': [i %% 60000 for i in range(n)]}); "
                       "libflow.PolicySet.load(%r, snapshot=%r).decide_batch(table)"
               % (DECLARED["policies"], DECLARED["snapshot"]), wait=4)


def what_a_handler_raises_comes_through_once(folder):
    ways = ["sum(1 for flow in libflow.read(sys.argv[1]))",
            "[len(batch) for batch in libflow.read(sys.argv[1], batch_rows=10**9).batches()]",
            "libflow.check(sys.argv[1], policies=%r)" % DECLARED["policies"]]
    try:
        need("pyarrow")
        ways.append("libflow.read(sys.argv[1], batch_rows=10**9).to_arrow()")
    except Skip:
        pass
    for way in ways:
        done = subprocess.run([sys.executable, write(folder, "script.py", RAISED % way), _log()],
                              capture_output=True, text=True, check=False)
        equal((way, done.stdout), (way, "late 1\n"))


if __name__ == "__main__":
    assert here.EXAMPLE
    run(sys.modules[__name__])
