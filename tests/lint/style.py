# SPDX-License-Identifier: Apache-2.0
"""The style that can be checked: formatting, length of functions and files, what may not occur."""
import os
import re
import shutil
import subprocess
import sys

ROOT = os.environ["SOURCE_ROOT"]
FUNCTION_LINES = 80
FILE_LINES = 600
# tests may be longer than a file of the library: one file a subject
FREE_LENGTH = ("tests/",)


def sources():
    for top in ("include", "libflow", "tools", "examples", "tests"):
        for folder, _, names in os.walk(os.path.join(ROOT, top)):
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(folder, name), ROOT)


def check_lengths(path, lines):
    errors, start = [], None
    if len(lines) > FILE_LINES and not path.startswith(FREE_LENGTH):
        errors.append("%s: %d lines, more than %d" % (path, len(lines), FILE_LINES))
    for number, line in enumerate(lines, 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start is not None:
            if number - start > FUNCTION_LINES:
                errors.append("%s:%d: a function of %d lines" % (path, start, number - start))
            start = None
    return errors


def check_words(path, text):
    errors = []
    if not text.startswith("/* SPDX-License-Identifier: Apache-2.0 */\n"):
        errors.append("%s: no licence line on top" % path)
    if path.startswith("libflow/"):
        for word in ("printf(", "abort(", "exit(", "fputs(", "puts("):
            for match in re.finditer(r"(?<![\w])" + re.escape(word), text):
                line = text.count("\n", 0, match.start()) + 1
                errors.append("%s:%d: the library prints nothing and never exits" % (path, line))
    return errors


def check_includes(path, text):
    """Includes go from the arrow's head to its tail, as the design draws it."""
    order = ["base", "source", "frame", "manifest", "model", "decode", "enrich", "policy", "intent",
             "check", "arrow", "report", "encode", "state", "run"]
    errors = []
    match = re.match(r"libflow/(\w+)/", path)
    if match is None:
        return errors
    for included in re.findall(r'#include "(\w+)/', text):
        if included in order and order.index(included) > order.index(match.group(1)):
            errors.append("%s: includes %s, which comes behind it" % (path, included))
    return errors


def check_format(paths):
    if shutil.which("clang-format") is None:
        print("# no clang-format here")
        return []
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", *paths], cwd=ROOT,
                          capture_output=True, check=False)
    found = re.findall(r"^(\S+:\d+):\d+: error", done.stderr.decode(), flags=re.M)
    return ["%s: clang-format would write it otherwise" % place for place in found]


def main():
    errors, paths = [], list(sources())
    for path in paths:
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            text = file.read()
        errors += check_lengths(path, text.splitlines())
        errors += check_words(path, text)
        errors += check_includes(path, text)
    errors += check_format(paths)
    for error in errors[:50]:
        print(error)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
