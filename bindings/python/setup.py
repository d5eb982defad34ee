# SPDX-License-Identifier: Apache-2.0
"""Builds the C library of this tree as an archive, and the extension with all of it inside."""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_ext import build_ext

try:
    from setuptools.command.build import build
except ImportError:  # before setuptools 62.4
    from distutils.command.build import build

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))

import extension  # noqa: E402  (beside this file, which pip does not put on the path)

# Settings of meson, for a build with sanitizers: LIBFLOW_MESON="-Db_sanitize=address"
MESON = os.environ.get("LIBFLOW_MESON", "").split()


class Build(build):
    """Begins anew: what an earlier build left may be of another library, or of another place."""

    def run(self):
        if Path(self.build_base).resolve() == HERE / "build":
            shutil.rmtree(HERE / "build", ignore_errors=True)
        super().run()


class BuildExt(build_ext):
    """The library first, then the extension that is linked with it."""

    def run(self):
        if not (ROOT / "meson.build").is_file():
            raise SystemExit(f"expected the tree of libflow around {HERE}: {ROOT} has no meson.build")
        place = Path(self.build_temp).resolve() / "libflow"
        shutil.rmtree(place, ignore_errors=True)
        self.call("meson", "setup", place, ROOT, "--buildtype=release", "-Ddefault_library=static",
                  "-Dtests=disabled", "-Dmetrics=disabled", *MESON)
        self.call("ninja", "-C", place, "libflow.a")
        needed = self.system_libraries((place / "meson-private/libflow.pc").read_text(encoding="utf-8"))
        for ext in self.extensions:
            ext.include_dirs.append(str(ROOT / "include"))
            ext.extra_objects.append(str(place / "libflow.a"))
            # what is inside stays inside: another libflow in the process is another one
            ext.extra_link_args += [*needed, "-Wl,--exclude-libs,ALL"]
            if any("sanitize" in word for word in MESON):
                ext.extra_compile_args += ["-fsanitize=address,undefined", "-g"]
                ext.extra_link_args += ["-fsanitize=address,undefined"]
        self.force = True  # the archive is not among what setuptools looks at
        super().run()

    @staticmethod
    def call(*words):
        subprocess.run([str(word) for word in words], check=True, stdout=sys.stderr)

    @staticmethod
    def system_libraries(text):
        """What the archive needs of the system, as its pkg-config file has it."""
        def words(field):
            found = re.findall(rf"^{field}(?:\.private)?: (.*)$", text, flags=re.M)
            return [word for line in found for word in line.replace(",", " ").split()]

        answer = subprocess.run(["pkg-config", "--libs", *words("Requires")], check=True,
                                capture_output=True, text=True)
        own = [word for word in words("Libs") if word != "-lflow" and not word.startswith("-L")]
        return own + answer.stdout.split()


setup(
    cffi_modules=["extension.py:ffi"],
    cmdclass={"build": Build, "build_ext": BuildExt},
    options={"bdist_wheel": {"py_limited_api": "cp39"}},
)
