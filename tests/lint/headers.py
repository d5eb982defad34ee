# SPDX-License-Identifier: Apache-2.0
"""Each public header compiles alone as C11 and C++11, and the symbol map lists what they declare."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.environ["SOURCE_ROOT"]
INCLUDE = os.path.join(ROOT, "include")


def compiles_alone(header):
    errors = []
    compilers = [("cc", ["-std=c11", "-x", "c"]), ("c++", ["-std=c++11", "-x", "c++"])]
    for compiler, options in compilers:
        if shutil.which(compiler) is None:
            print("# no %s here" % compiler)
            continue
        with tempfile.NamedTemporaryFile("w", suffix=".c") as source:
            source.write("#include <libflow/%s>\nint unused_%d;\n" % (header, len(header)))
            source.flush()
            done = subprocess.run([compiler, *options, "-Wall", "-Wextra", "-Werror", "-pedantic",
                                   "-fsyntax-only", "-I", INCLUDE, source.name],
                                  capture_output=True, check=False)
        if done.returncode != 0:
            errors.append("%s with %s:\n%s" % (header, compiler, done.stderr.decode()))
    return errors


def declared():
    names = set()
    for header in os.listdir(os.path.join(INCLUDE, "libflow")):
        with open(os.path.join(INCLUDE, "libflow", header), encoding="utf-8") as file:
            text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
        for match in re.finditer(r"FLOW_API\b([^;]*?)\b(flow_\w+)\s*\(", text):
            names.add(match.group(2))
    return names


def mapped():
    with open(os.path.join(ROOT, "libflow", "libflow.map"), encoding="utf-8") as file:
        return set(re.findall(r"^\s+(flow_\w+);", file.read(), flags=re.M))


def exported(library):
    done = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, check=True)
    names = {line.split()[-1].split("@")[0] for line in done.stdout.decode().splitlines()}
    return {name for name in names if not name.startswith("LIBFLOW")}


def main():
    errors = []
    for header in sorted(os.listdir(os.path.join(INCLUDE, "libflow"))):
        errors += compiles_alone(header)
    headers, symbols, library = declared(), mapped(), exported(sys.argv[1])
    for name in sorted(headers - symbols):
        errors.append("%s is declared and not in libflow.map" % name)
    for name in sorted(symbols - headers):
        errors.append("%s is in libflow.map and not declared" % name)
    for name in sorted(library - symbols):
        errors.append("%s leaks out of the library" % name)
    for name in sorted(symbols - library):
        errors.append("%s is in libflow.map and not in the library" % name)
    for error in errors:
        print(error)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
