# SPDX-License-Identifier: Apache-2.0
"""
Where the package under test is: a test file that imports this runs in its virtual environment, or
is skipped whole when tests/python/prepare.sh has not made one.
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "cli"))
PLACE = os.path.join(os.environ["BUILD_ROOT"], "python")
if "LIBFLOW_HERE" in os.environ:
    PLACE = sys.prefix  # whatever runs this has the package

if not os.path.exists(os.path.join(PLACE, "bin", "python")):
    print("1..0 # SKIP tests/python/prepare.sh has not been run")
    sys.exit(0)
if not sys.prefix.startswith(PLACE):
    python = os.path.join(PLACE, "bin", "python")
    os.execv(python, [python, *sys.argv])

from tap import EXAMPLE, FLOWCHECK, ROOT, Skip, flowcheck  # noqa: E402,F401  pylint: disable=wrong-import-position

FLOWS = os.path.join(EXAMPLE, "flows.jsonl.zst")
DECLARED = {"policies": os.path.join(EXAMPLE, "policies"), "snapshot": os.path.join(EXAMPLE, "snapshot"),
            "intent": os.path.join(EXAMPLE, "intent.yaml")}
ASKED = ["-f", DECLARED["policies"], "--snapshot", DECLARED["snapshot"], "--intent", DECLARED["intent"]]


def need(*names):
    """The modules of those names; the test is skipped when one is not there."""
    found = []
    for name in names:
        try:
            module = __import__(name)
            for part in name.split(".")[1:]:
                module = getattr(module, part)
        except ImportError as reason:
            raise Skip("%s is not installed" % name) from reason
        found.append(module)
    return found[0] if len(found) == 1 else found


def report_of(*inputs):
    """What flowcheck says of inputs, as the bytes of its json."""
    done = subprocess.run([FLOWCHECK, "check", *ASKED, "-o", "json", *inputs], capture_output=True, check=False)
    assert done.returncode in (0, 1, 3, 4), done.stderr.decode()
    return done.stdout


def fails(kind, call, *args, **named):
    """The error of that class that a call raises."""
    try:
        call(*args, **named)
    except kind as error:
        return error
    raise AssertionError("expected %s, found no error" % kind.__name__)


def generate(path, flows, *args):
    """A generated log of so many flows, plain."""
    made = os.path.join(os.environ["BUILD_ROOT"], "tests", "bench", "generate")
    # it is a program that ends, and leaves its memory to that
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")
    with open(path, "wb") as out:
        subprocess.run([made, "--flows", str(flows), "--seed", "7", *args], stdout=out, env=env, check=True)
    return path


def big_log(folder, flows):
    """A generated log of so many flows, compressed."""
    plain = generate(os.path.join(folder, "big.jsonl"), flows)
    subprocess.run(["zstd", "-q", "-1", "--rm", plain], check=True)
    return plain + ".zst"
