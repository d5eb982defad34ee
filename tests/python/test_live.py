# SPDX-License-Identifier: Apache-2.0
"""libflow.watch against a Hubble observer that works, that is killed, and that is not there."""
import os
import signal
import socket
import subprocess
import sys
import time

import here
from here import ROOT, fails
from tap import contains, equal, flow, pod, run, write

sys.path.insert(0, os.path.join(ROOT, "tests", "live"))
from harness import Server, need_grpc  # noqa: E402  pylint: disable=wrong-import-position

import libflow  # noqa: E402  pylint: disable=wrong-import-position
from libflow.flows import Run, filler  # noqa: E402  pylint: disable=wrong-import-position

A, B = pod("a", "client", local=True, app="client"), pod("b", "server", app="server")
DENY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: a}
spec: {podSelector: {}, policyTypes: [Egress]}
"""


def _log(folder, count):
    return write(folder, "flows.jsonl", "".join(flow("u-%d" % i, A, B) + "\n" for i in range(count)))


def what_a_server_has_is_iterated(folder):
    with Server("--flows", _log(folder, 50)) as server:
        with libflow.watch(server.address, follow=False, last=100) as flows:
            equal([one.uuid for one in flows], ["u-%d" % i for i in range(50)])


def flows_are_judged_as_they_come(folder):
    policies = libflow.PolicySet.load(write(folder, "deny.yaml", DENY))
    with Server("--flows", _log(folder, 5)) as server:
        flows = libflow.watch(server.address, policies=policies, follow=False, last=100)
        equal([(one.result, one.policy.name) for one in flows], [("escaped", "deny")] * 5)
        flows.close()
        flows.close()


def a_server_that_is_not_there_is_an_error(_):
    need_grpc()
    flows = libflow.watch("127.0.0.1:1", follow=False, last=5, timeout=0.5)
    error = fails(libflow.InputError, list, flows)
    contains(str(error), "127.0.0.1:1: GetFlows: ")
    equal([str(problem) for problem in flows.problems], [str(error)])
    fails(libflow.ArgumentError, lambda: next(libflow.watch("127.0.0.1:1", follow=True, first=3)))


def a_server_can_be_an_input(folder):
    with Server("--flows", _log(folder, 7)) as server:
        stream = libflow.read("tcp://" + server.address)
        equal([one.uuid for one in stream], ["u-%d" % i for i in range(7)])
        equal(stream.problems, [])


def an_input_that_has_nothing_now_is_waited_for_and_not_read_again(folder):
    from libflow._native import ffi, lib  # pylint: disable=import-outside-toplevel
    from libflow.errors import new_error  # pylint: disable=import-outside-toplevel
    need_grpc()
    loaded = libflow.PolicySet.load(write(folder, "deny.yaml", DENY))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for policies in (None, loaded):
            fill_files = filler(["tcp://127.0.0.1:%d" % silent.getsockname()[1]], policies, None, ffi.NULL, 1)

            def fill(options, keep, fill_files=fill_files):
                fill_files(options, keep)
                options.wait = 0
                options.tally_only = True

            reading = Run(fill)
            # names are learned first, of which there are none, and then it is read
            said = [reading.next(new_error()) for _ in range(20)]
            equal((said.count(lib.FLOW_AGAIN) >= 15, said[-1]), (True, lib.FLOW_AGAIN))
            reading.close()


def ctrl_c_ends_a_watch_that_waits(folder):
    with Server("--flows", _log(folder, 3)) as server:
        script = write(folder, "script.py", """
import signal, libflow
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    for flow in libflow.watch(%r, last=100):
        print(flow.uuid, flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
""" % server.address)
        child = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for i in range(3):
            equal(child.stdout.readline(), "u-%d\n" % i)
        time.sleep(0.5)
        start = time.monotonic()
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
        contains(out, "interrupted")
        assert time.monotonic() - start < 1.0, err


if __name__ == "__main__":
    assert here.FLOWS
    run(sys.modules[__name__])
