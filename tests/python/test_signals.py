# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C in the middle of long work: KeyboardInterrupt within a second."""
import os
import signal
import subprocess
import sys
import time

import here
from here import DECLARED, big_log, need
from tap import equal, run, write

SCRIPT = """
import sys, time, libflow
path = sys.argv[1]
print("ready", flush=True)
try:
    %s
    print("whole", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def _interrupt(folder, code, wait=0.6):
    path = os.path.join(folder, "..", "flowcheck-python-signals.jsonl.zst")
    if not os.path.exists(path):
        os.rename(big_log(folder, 1200000), path)
    script = write(folder, "script.py", SCRIPT % code)
    child = subprocess.Popen([sys.executable, script, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
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


def the_log_is_removed(folder):
    path = os.path.join(folder, "..", "flowcheck-python-signals.jsonl.zst")
    if os.path.exists(path):
        os.unlink(path)


if __name__ == "__main__":
    assert here.EXAMPLE
    run(sys.modules[__name__])
