# SPDX-License-Identifier: Apache-2.0
"""What live tests are made of: servers, certificates, a proxy that stops, a running flowcheck."""
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from tap import FLOWCHECK, Skip  # noqa: E402  pylint: disable=wrong-import-position

HERE = os.path.dirname(os.path.abspath(__file__))


def need_grpc():
    try:
        import grpc  # noqa: F401  pylint: disable=unused-import,import-outside-toplevel
        from google import protobuf  # noqa: F401  pylint: disable=unused-import,import-outside-toplevel
    except ImportError as reason:
        raise Skip("python3-grpcio and python3-protobuf are not installed") from reason
    done = subprocess.run([FLOWCHECK, "watch", "--status", "--server", "unix:///nowhere"],
                          capture_output=True, check=False)
    if b"has no gRPC" in done.stderr:
        raise Skip("flowcheck is built without gRPC")


class Server:
    """hubble_server.py in a process of its own; a context that ends it."""

    def __init__(self, *args, listen="127.0.0.1:0"):
        self.args, self.listen = [str(arg) for arg in args], listen
        self.process, self.port = None, None

    def start(self):
        need_grpc()
        self.process = subprocess.Popen(["/usr/bin/python3", os.path.join(HERE, "hubble_server.py"),
                                         "--listen", self.listen, *self.args], stdout=subprocess.PIPE)
        line = self.process.stdout.readline()
        assert line, "the server did not start"
        self.port = json.loads(line)["port"]
        return self

    @property
    def address(self):
        return self.listen if self.listen.startswith("unix:") else "127.0.0.1:%d" % self.port

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()


class Running:
    """A flowcheck that runs beside the test; what it writes is gathered as it comes."""

    def __init__(self, *args, env=None):
        self.process = subprocess.Popen([FLOWCHECK, *map(str, args)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=dict(os.environ, **(env or {})))
        self.texts = {"out": b"", "err": b""}

    def _read(self, timeout):
        streams = {self.process.stdout: "out", self.process.stderr: "err"}
        ready, _, _ = select.select(list(streams), [], [], timeout)
        for stream in ready:
            self.texts[streams[stream]] += os.read(stream.fileno(), 1 << 16)
        return bool(ready)

    def wait_for(self, part, where="out", count=1, timeout=60):
        end = time.monotonic() + timeout
        while self.texts[where].count(part.encode()) < count:
            assert time.monotonic() < end, "%r did not come\n%s\n%s" % (
                part, self.texts["out"][-1500:].decode(), self.texts["err"][-1500:].decode())
            self._read(0.1)
            if self.process.poll() is not None and not self._read(0):
                assert self.texts[where].count(part.encode()) >= count, "ended before %r\n%s" % (
                    part, self.texts["err"].decode())

    def memory(self):
        """The most memory it had so far, in KiB."""
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as file:
            return int([line for line in file if line.startswith("VmHWM")][0].split()[1])

    def send(self, number):
        self.process.send_signal(number)

    def finish(self, number=signal.SIGINT, timeout=60):
        """Ends it and gives its exit code; a crash or a sanitizer's report fails the test."""
        if number is not None and self.process.poll() is None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=timeout)
        self.texts["out"] += out
        self.texts["err"] += err
        assert "Sanitizer" not in self.err, self.err
        assert self.process.returncode >= 0, "ended by a signal\n" + self.err
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    @property
    def out(self):
        return self.texts["out"].decode("utf-8", "replace")

    @property
    def err(self):
        return self.texts["err"].decode("utf-8", "replace")


class Proxy:
    """Forwards TCP connections until it is told to freeze: then they stay open, and silent."""

    def __init__(self, target):
        self.target, self.frozen, self.sockets = target, False, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.target)
            self.sockets += [client, server]
            frozen_at = self.frozen
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._copy, args=(source, sink, frozen_at), daemon=True).start()

    def _copy(self, source, sink, after_thaw):
        try:
            while True:
                data = source.recv(1 << 16)
                if not data:
                    break
                if self.frozen and not after_thaw:
                    continue
                sink.sendall(data)
        except OSError:
            pass

    def freeze(self):
        """Connections there are go silent; those made from now on work."""
        self.frozen = True

    def cut(self):
        """Ends the connections there are."""
        for one in self.sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()
        for one in self.sockets:
            one.close()


def certificates(folder):
    """A CA and what it signed, another CA, and a certificate that has expired."""
    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=folder)

    for ca in ("ca", "other-ca"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", ca + ".key", "-out", ca + ".crt",
                "-subj", "/CN=" + ca, "-days", "2")
    for name, ca, names, days in (
            ("server", "ca", "DNS:*.hubble-relay.cilium.io,DNS:localhost,IP:127.0.0.1", "2"),
            ("expired", "ca", "DNS:localhost,IP:127.0.0.1", "-1"),
            ("client", "ca", "DNS:client", "2"), ("foreign", "other-ca", "DNS:client", "2")):
        with open(os.path.join(folder, name + ".ext"), "w", encoding="ascii") as file:
            file.write("subjectAltName=%s\n" % names)
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", name + ".key", "-out", name + ".csr",
                "-subj", "/CN=" + name)
        openssl("x509", "-req", "-in", name + ".csr", "-CA", ca + ".crt", "-CAkey", ca + ".key",
                "-CAcreateserial", "-out", name + ".crt", "-days", days, "-extfile", name + ".ext")
    return lambda name: os.path.join(folder, name)
