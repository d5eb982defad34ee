#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs each fuzz target for a while, one after the other: run.sh [SECONDS], by default 60. The
# build folder and what the fuzzers find are kept in $FUZZ_DIR (default: build-fuzz beside the
# sources), so that the next run goes on from there. Exits 1 when something was found.
set -eu

seconds=${1:-60}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=${FUZZ_DIR:-$root/build-fuzz}
targets='hubble_json bytes manifest policy knp cilium admin inventory proto packet delimited archive
    capture intent state'
found=0

if [ ! -f "$work/build.ninja" ]; then
    CC=${CC:-clang} meson setup "$work" "$root" -Dfuzz=true -Dtests=disabled -Db_lundef=false \
        -Db_sanitize=address,undefined --buildtype=debugoptimized \
        -Dc_args='-fsanitize=fuzzer-no-link -fno-sanitize-recover=undefined'
fi
# one compiler at a time: others may be building here
for target in $targets; do
    ninja -C "$work" -j1 "tests/fuzz/fuzz_$target"
done

# A bomb may ask for more than there is; a leak is a find.
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1:quarantine_size_mb=32
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

for target in $targets; do
    log=$work/$target.log
    mkdir -p "$work/corpus/$target" "$work/finds/$target"
    set -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=8192 \
        -print_final_stats=1 -artifact_prefix="$work/finds/$target/"
    if [ -f "$here/dict/$target.dict" ]; then
        set -- "$@" -dict="$here/dict/$target.dict"
    fi
    if "$work/tests/fuzz/fuzz_$target" "$@" "$work/corpus/$target" "$here/corpus/$target" \
        > "$log" 2>&1; then
        result='nothing found'
    else
        result="FOUND something, see $log and $work/finds/$target"
        found=1
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    cover=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    finds=$(find "$work/finds/$target" -type f | wc -l)
    echo "$target: ${runs:-?} runs, coverage ${cover:-?}, $finds finds kept: $result"
done
exit "$found"
