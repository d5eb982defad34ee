# SPDX-License-Identifier: Apache-2.0
"""A wheel that is built in one place works in another, where the tree is not."""
import os
import re
import shutil
import subprocess
import sys
import zipfile

import here
from here import DECLARED, FLOWS, ROOT, report_of
from tap import Skip, contains, equal, flowcheck, run, write

CODE = """
import sys, libflow
report = libflow.check(sys.argv[1], policies=sys.argv[2], snapshot=sys.argv[3], intent=sys.argv[4])
sys.stdout.buffer.write(report.to_json())
"""


def _build(tree, out):
    done = subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps",
                           "--no-build-isolation", "--no-index", "-w", out, os.path.join(tree, "bindings", "python")],
                          capture_output=True, text=True, check=False)
    equal(done.returncode, 0 if done.returncode == 0 else done.stderr[-2000:])
    return os.path.join(out, os.listdir(out)[0])


def _wheel(folder):
    """The wheel of a copy of the tree, which is gone when this returns."""
    tree = os.path.join(folder, "tree")
    os.makedirs(tree)
    for name in ("LICENSE", "meson.build", "meson_options.txt", "libflow", "include", "tools", "tests", "examples",
                 "bindings"):
        source = os.path.join(ROOT, name)
        if os.path.isdir(source):
            shutil.copytree(source, os.path.join(tree, name), ignore=shutil.ignore_patterns("build", "corpus"))
        else:
            shutil.copy(source, tree)
    # what an earlier build left there, of another version and in another place, does not count
    meson = os.path.join(tree, "meson.build")
    with open(meson, encoding="utf-8") as file:
        text = file.read()
    write(tree, "meson.build", re.sub("(?<=\n  version: ')[^']*", "0.0.1", text, count=1))
    extra = write(os.path.join(tree, "bindings", "python", "src", "libflow"), "removed.py", "")
    _build(tree, os.path.join(folder, "stale"))
    os.unlink(extra)
    write(tree, "meson.build", text)
    moved = os.path.join(folder, "moved")
    os.rename(tree, moved)
    wheel = _build(moved, os.path.join(folder, "wheels"))
    shutil.rmtree(moved)
    return wheel


def it_installs_where_the_tree_is_not(folder):
    wheel = _wheel(folder)
    with zipfile.ZipFile(wheel) as names:
        assert "libflow/_native.abi3.so" in names.namelist() and "libflow/removed.py" not in names.namelist()
    assert re.fullmatch(r"libflow-[\d.]+-cp39-abi3-linux_\w+\.whl", os.path.basename(wheel)), wheel
    pythons = ["/usr/bin/python3"]
    other = shutil.which("python3", path=os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep)
                                                         if not p.startswith(("/usr/bin", here.PLACE))))
    if other:
        pythons.append(other)
    for number, python in enumerate(pythons):
        place = os.path.join(folder, "some where else", "venv-%d" % number)
        subprocess.run([python, "-m", "venv", "--system-site-packages", place], check=True)
        new = os.path.join(place, "bin", "python")
        has = subprocess.run([new, "-c", "import cffi"], capture_output=True, check=False)
        if has.returncode != 0:
            got = subprocess.run([new, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1",
                                  "cffi"], capture_output=True, check=False)
            if got.returncode != 0:
                print("# no cffi for %s here" % python)
                continue
        subprocess.run([new, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps",
                        wheel], check=True)
        done = subprocess.run([new, "-c", CODE, FLOWS, DECLARED["policies"], DECLARED["snapshot"], DECLARED["intent"]],
                              capture_output=True, cwd="/", check=False)
        assert done.returncode == 0, done.stderr.decode()
        equal(done.stdout, report_of(FLOWS))
        done = subprocess.run([new, "-c", "import libflow; print('flowcheck', libflow.__version__)"], capture_output=True,
                              text=True, cwd="/", check=True)
        equal(done.stdout, flowcheck("--version").out)


def nothing_of_the_library_is_seen_outside(_):
    if shutil.which("nm") is None:
        raise Skip("nm is not installed")
    import libflow._native
    done = subprocess.run(["nm", "-D", "--defined-only", libflow._native.__file__], capture_output=True, text=True,
                          check=True)
    names = {line.split()[-1].split("@")[0] for line in done.stdout.splitlines()}
    equal({name for name in names if not name.startswith(("PyInit", "_cffi"))}, set())
    contains(" ".join(names), "PyInit__native")


if __name__ == "__main__":
    run(sys.modules[__name__])
