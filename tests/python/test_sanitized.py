# SPDX-License-Identifier: Apache-2.0
"""test_lifetimes.py once more, with the address, undefined-behaviour and leak sanitizers."""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PLACE = os.path.join(os.environ["BUILD_ROOT"], "python-asan")

# what Python itself keeps until it ends is not ours
SUPPRESSED = "\n".join("leak:" + name for name in (
    "_PyObject_", "PyObject_", "PyMem_", "_PyMem", "PyType_", "_PyUnicode", "PyUnicode", "PyLong", "PyBytes", "PyDict",
    "PyThread", "_PyEval", "PyList", "PyTuple", "_PyCode", "PyCode", "b_", "_cffi", "libffi", "_ctypes", "gomp",
    "/usr/bin/python3", "PyInit", "resize_compact", "_Py", "libpython")) + "\n"


def main():
    python = os.path.join(PLACE, "bin", "python")
    if not os.path.exists(python):
        print("1..0 # SKIP tests/python/prepare.sh has not been run")
        return 0
    asan = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    with tempfile.NamedTemporaryFile("w", suffix=".supp") as file:
        file.write(SUPPRESSED)
        file.flush()
        env = dict(os.environ, LD_PRELOAD=asan.stdout.strip(), PYTHONMALLOC="malloc",
                   PYTHONPATH=os.path.join(HERE, "..", "cli"), LIBFLOW_HERE="1",
                   ASAN_OPTIONS="detect_leaks=1:allocator_may_return_null=1:fast_unwind_on_malloc=0",
                   UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1",
                   LSAN_OPTIONS="print_suppressions=0:suppressions=" + file.name)
        done = subprocess.run([python, os.path.join(HERE, "test_lifetimes.py")], env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
    out, err = done.stdout.decode(), done.stderr.decode()
    sys.stdout.write(out)
    found = [line for line in err.splitlines() if "Sanitizer" in line or "runtime error" in line]
    for line in err.splitlines()[:60] if found or done.returncode else []:
        print("# " + line)
    return 1 if found or done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
