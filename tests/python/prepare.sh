#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# prepare.sh BUILD: makes BUILD/python, a virtual environment of Debian's Python with the package
# built from this tree, and BUILD/python-asan, the same with the sanitizers in it. Nothing is fetched.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(realpath "$1")

package() {
    local place=$1
    shift
    [ -x "$place/bin/python" ] || /usr/bin/python3 -m venv --system-site-packages "$place"
    # built in a copy, so that the tree stays as it is and a changed source is built anew
    rm -rf "$place/tree"
    mkdir -p "$place/tree"
    cp -r LICENSE meson.build meson_options.txt libflow include tools tests examples bindings \
        "$place/tree"
    rm -rf "$place/tree/bindings/python/build"
    env "$@" "$place/bin/pip" install --quiet --disable-pip-version-check --no-build-isolation \
        --no-deps --force-reinstall --no-index "$place/tree/bindings/python"
    rm -rf "$place/tree"
}

package "$build/python" LIBFLOW_MESON=
[ -n "${QUICK:-}" ] || package "$build/python-asan" \
    LIBFLOW_MESON="-Db_sanitize=address,undefined -Db_lundef=false --buildtype=debugoptimized"
