#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the tests need, builds with the address and undefined-behaviour sanitizers, and
# runs them all. The last line counts the tests by name.
set -euo pipefail
cd "$(dirname "$0")/.."

examples/install-packages.sh gcc g++ libc6-dev meson ninja-build pkg-config libzstd-dev \
    zlib1g-dev libisal-dev libyaml-dev libssl-dev libpcre2-dev \
    libprotobuf-c-dev protobuf-c-compiler libprotobuf-dev libgrpc-dev \
    libmicrohttpd-dev libpcap-dev \
    libcmocka-dev libjansson-dev zstd tshark python3 python3-grpcio \
    python3-protobuf python3-jsonschema python3-yaml protobuf-compiler openssl clang-format \
    zsh bash-completion mandoc shellcheck util-linux procps binutils \
    python3-dev python3-venv python3-pip python3-setuptools python3-wheel python3-cffi

build=${BUILD:-build-test}
[ -f "$build/build.ninja" ] ||
    meson setup "$build" --buildtype=debugoptimized -Db_sanitize=address,undefined \
        -Db_lundef=false -Dtests=enabled
ninja -C "$build"

tests/python/prepare.sh "$build"
tests/python/extras.sh "$build"

[ -d ../shared ] || echo "../shared is not here: the tests that read it are skipped"
status=0
meson test -C "$build" --no-rebuild --print-errorlogs --num-processes 2 || status=$?
python3 tests/count.py "$build/meson-logs/testlog.junit.xml" || status=1
exit "$status"
