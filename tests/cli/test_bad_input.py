# SPDX-License-Identifier: Apache-2.0
"""Bad input: one clear message with its place, the rest reported, the right exit code."""
import glob
import gzip
import os
import shutil
import subprocess
import sys

from tap import (ALLOW_443, DENY_ALL, FLOWCHECK, WORLD, Skip, contains, equal, flow, flowcheck, pod,
                 run, write)

A = pod("a", "client", local=True, app="client")
LINES = [flow("u%d" % i, A, WORLD) for i in range(100)]
LOG = ("\n".join(LINES) + "\n").encode()


def _zstd(data, *options):
    try:
        return subprocess.run(["zstd", "-q", "-c", *options], input=data, capture_output=True,
                              check=True).stdout
    except FileNotFoundError as reason:
        raise Skip("zstd is not installed") from reason


def _check(folder, name, data):
    policy = write(folder, "p.yaml", ALLOW_443)
    path = write(folder, name, data)
    result = flowcheck("check", "-f", policy, "-o", "json", path)
    return result, result.json()


def a_line_cut_in_the_middle_costs_itself(folder):
    lines = LINES[:]
    lines[41] = lines[41][:333]
    result, report = _check(folder, "log", "\n".join(lines))
    equal((result.code, report["coverage"]["flows"], report["inputs"][0]["damaged"]), (3, 99, 1))
    equal(len(result.err.splitlines()), 1)
    contains(result.err, "log:42:")


def a_wrong_value_names_line_and_column(folder):
    lines = LINES[:]
    lines[2] = lines[2].replace('"source_port":40000', '"source_port":99999')
    result, report = _check(folder, "log", "\n".join(lines))
    equal((result.code, report["coverage"]["flows"]), (3, 99))
    column = lines[2].index("99999") + 1
    contains(result.err, "log:3:%d: expected a whole number that fits, found \"99999\"" % column)


def bytes_that_json_does_not_allow_name_line_and_column(folder):
    for byte, words in ((b"\0", "byte 0x00"), (b"\xff", "byte 0xff"), (b"\x01", "byte 0x01")):
        lines = [line.encode() for line in LINES]
        at = lines[9].index(b"client")
        lines[9] = lines[9][:at] + byte + lines[9][at + 1:]
        result, report = _check(folder, "log", b"\n".join(lines))
        equal((byte, result.code, report["coverage"]["flows"], report["inputs"][0]["damaged"]),
              (byte, 3, 99, 1))
        contains(result.err, "log:10:%d: " % (at + 1))
        contains(result.err, words)


def a_truncated_zstd_file_reports_what_could_be_read(folder):
    data = b"".join(LOG.replace(b"10:00:00", b"10:00:%02d" % i) for i in range(60))
    packed = _zstd(data, "-3")
    result, report = _check(folder, "log.zst", packed[:len(packed) * 2 // 3])
    equal(result.code, 3)
    equal(report["inputs"][0]["cut_short"], True)
    equal(len(result.err.splitlines()), 1)
    contains(result.err, "log.zst")


def a_truncated_zstd_file_of_several_frames_keeps_the_whole_frames(folder):
    packed = _zstd(LOG)
    result, report = _check(folder, "log", packed + packed + packed[:len(packed) - 20])
    equal(result.code, 3)
    assert 200 <= report["coverage"]["flows"] <= 300, report["coverage"]["flows"]


def a_gzip_file_with_a_flipped_byte_reports_the_rest(folder):
    packed = bytearray(gzip.compress(LOG, mtime=0))
    packed[len(packed) // 2] ^= 0x10
    result, report = _check(folder, "log", bytes(packed) + gzip.compress(LOG, mtime=0))
    equal(result.code, 3)
    assert report["coverage"]["flows"] >= 100, report["coverage"]["flows"]
    contains(result.err, "log")


def a_line_of_ten_megabytes_is_read_and_one_of_twenty_is_told(folder):
    long = LINES[0].replace('"uuid":"u0"', '"uuid":"u0","Summary":"%s"' % ("x" * 10_000_000))
    result, report = _check(folder, "log", "\n".join([LINES[1], long, LINES[2]]))
    equal((result.code, report["coverage"]["flows"], result.err), (0, 3, ""))
    longer = LINES[0].replace('"uuid":"u0"', '"uuid":"u0","Summary":"%s"' % ("x" * 20_000_000))
    result, report = _check(folder, "log", "\n".join([LINES[1], longer, LINES[2]]))
    equal((result.code, report["coverage"]["flows"], report["inputs"][0]["damaged"]), (3, 2, 1))
    contains(result.err, "log:2:1: expected a record of at most 16777216 bytes")


def nesting_of_100000_levels_is_refused(folder):
    deep = LINES[0].replace('"uuid":"u0"', '"uuid":"u0","extensions":' + "[" * 100_000 +
                            "]" * 100_000)
    result, report = _check(folder, "log", "\n".join([LINES[1], deep, LINES[2]]))
    equal((result.code, report["coverage"]["flows"]), (3, 2))
    contains(result.err, "expected at most 512 open brackets")
    policy = write(folder, "deep.yaml", "[" * 100_000)
    result = flowcheck("check", "-f", policy, write(folder, "good", LOG))
    equal(result.code, 2)
    contains(result.err, "deep.yaml:1:")


def an_empty_file_is_an_input_without_flows(folder):
    result, report = _check(folder, "log", b"")
    equal((result.code, report["coverage"]["flows"]), (0, 0))
    equal(len(result.err.splitlines()), 1)
    contains(result.err, "no flow was read")


def what_is_no_hubble_log_is_told_and_not_guessed_at(folder):
    for name, data, words in (
            ("bzip2", b"BZh91AY&SY" + bytes(32), "bzip2 data"),
            ("elf", b"\x7fELF" + bytes(64), "a program"),
            ("binary", bytes(range(256)) * 4, "binary data"),
            ("text", b"level=info msg=started\n", "expected a JSON object"),
            ("other", b'{"hello":"world"}\n', "expected a Hubble record")):
        result, report = _check(folder, name, data)
        equal((name, result.code, report["coverage"]["flows"]), (name, 3, 0))
        contains(result.err, words)


def a_missing_input_does_not_hide_the_others(folder):
    result = flowcheck("check", "-o", "json", folder + "/none", write(folder, "log", LOG))
    equal((result.code, result.json()["coverage"]["flows"]), (3, 100))
    contains(result.err, "none: cannot open: No such file or directory")


def a_directory_without_permission_is_told_and_the_rest_is_read(folder):
    program, environment = FLOWCHECK, dict(os.environ)
    if os.geteuid() == 0:
        # root may read everything: a copy of the program runs without those rights
        os.chmod(folder, 0o755)
        program = shutil.copy(FLOWCHECK, folder)
        for library in glob.glob(os.path.dirname(FLOWCHECK) + "/libflow.so.*"):
            if os.path.isfile(library):
                shutil.copy(library, folder)
        environment["LD_LIBRARY_PATH"] = folder
    os.makedirs(folder + "/logs/closed")
    write(folder, "logs/closed/x", LOG)
    write(folder, "logs/open", LOG)
    os.chmod(folder + "/logs/closed", 0)
    command = [program, "check", "-o", "json", folder + "/logs"]
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=65534", "--clear-groups", "--regid=65534"] + command
    try:
        done = subprocess.run(command, capture_output=True, check=False, env=environment)
    finally:
        os.chmod(folder + "/logs/closed", 0o755)
    if b"setpriv" in done.stderr or b"cannot execute" in done.stderr or done.returncode == 127:
        raise Skip("cannot run as another user: " + done.stderr.decode()[:80])
    equal(done.returncode, 3)
    contains(done.stderr.decode(), "closed")
    contains(done.stderr.decode(), "Permission denied")
    contains(done.stdout.decode(), '"flows": 100')


def a_manifest_with_a_tab_names_the_place_and_the_others_count(folder):
    text = DENY_ALL + "---\nkind: NetworkPolicy\n\tmetadata: x\n---\n" + ALLOW_443
    policy = write(folder, "p.yaml", text)
    result = flowcheck("check", "-f", policy, "-o", "json", write(folder, "log", LOG))
    equal((result.code, result.json()["policies"]["loaded"]), (2, 2))
    contains(result.err, "p.yaml:7:1: ")
    contains(result.err, "found a tab")


def a_refused_policy_names_the_place_and_contributes_nothing(folder):
    bad = DENY_ALL.replace("podSelector: {}", "podSelector: []")
    policy = write(folder, "p.yaml", bad)
    result = flowcheck("check", "-f", policy, "-o", "json", write(folder, "log", LOG))
    equal(result.code, 2)
    equal(result.json()["results"]["unprotected"], 100)
    contains(result.err, "p.yaml:4:21: expected a map at podSelector, found a list")


def a_yaml_bomb_is_refused_in_no_time(folder):
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for i in range(1, 12):
        bomb += "a%d: &a%d [%s]\n" % (i, i, ", ".join(["*a%d" % (i - 1)] * 10))
    result = flowcheck("check", "-f", write(folder, "bomb.yaml", bomb),
                       write(folder, "log", LOG), timeout=20)
    equal(result.code, 2)
    contains(result.err, "bomb.yaml:")


# A child's peak counts from the size of its parent on, so a small process starts the program.
_PEAK = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(child.pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""


def _peak(*args):
    done = subprocess.run([sys.executable, "-c", _PEAK, FLOWCHECK, "check", *args,
                           "-o", "text=/dev/null"], capture_output=True, check=True)
    code, peak = map(int, done.stdout.split())
    equal((args, code), (args, 0))
    return peak


def memory_stays_bounded_however_long_the_input(folder):
    # a sanitizer takes memory of its own, but not more for a longer input
    sanitized = "asan" in subprocess.run(["ldd", FLOWCHECK], capture_output=True,
                                         check=False).stdout.decode()
    policy = write(folder, "p.yaml", ALLOW_443)
    head, tail = LINES[0].split('"uuid":"u0"')
    for name, times in (("short", 200), ("log", 2000)):
        with open(folder + "/" + name, "wb") as log:
            for _ in range(times):
                log.write(LOG)
    with open(folder + "/long", "w", encoding="utf-8") as long:
        long.write(head + '"uuid":"u0","Summary":"')
        for _ in range(160):
            long.write("x" * 100_000)
        long.write('"' + tail)
    peaks = {name: _peak("-f", policy, folder + "/" + name) for name in ("short", "log", "long")}
    assert peaks["log"] < peaks["short"] + 16 * 1024, peaks
    assert sanitized or max(peaks.values()) < 64 * 1024, peaks


def a_full_disk_or_closed_pipe_is_told(folder):
    if not os.path.exists("/dev/full"):
        raise Skip("no /dev/full here")
    result = flowcheck("check", "-o", "json=/dev/full", write(folder, "log", LOG))
    equal(result.code, 3)
    contains(result.err, "/dev/full: cannot write")


def terminal_controls_in_names_do_not_reach_the_terminal(folder):
    evil = pod("a", "cl\u001b[31mient", local=True)
    evil["pod_name"] = "evil\u001b]0;x\u0007"
    deny = write(folder, "p.yaml", DENY_ALL)
    result = flowcheck("check", "-f", deny, write(folder, "log", flow("u", evil, WORLD)))
    equal(result.code, 1)
    assert "\x1b" not in result.out and "\x07" not in result.out, result.out


if __name__ == "__main__":
    run(sys.modules[__name__])
