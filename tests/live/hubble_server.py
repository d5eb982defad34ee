#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A Hubble observer over grpcio that serves flows from a file, and misbehaves as it is told.

It speaks the wire definitions of libflow/proto through Google's protobuf library, so that nothing of
libflow's own reading or writing is in it. Prints its address as JSON when it listens.
"""
import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent import futures

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

ROOT = os.environ.get("SOURCE_ROOT", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
MEMBERS = ("flow", "lost_events", "node_status", "agent_event", "debug_event")


def messages():
    """Message classes by full name, from our own definitions."""
    with tempfile.NamedTemporaryFile() as out:
        subprocess.check_call(["protoc", "-I", os.path.join(ROOT, "libflow", "proto"),
                               "--include_imports", "--descriptor_set_out=" + out.name,
                               "hubble_observer.proto"])
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return lambda name: factory.GetPrototype(pool.FindMessageTypeByName(name))


def objects(text):
    """Every JSON object of a file: lines, arrays, or one behind the other."""
    decoder, at = json.JSONDecoder(), 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text):
            return
        value, at = decoder.raw_decode(text, at)
        yield from value if isinstance(value, list) else [value]


def to_response(make, value):
    if not any(member in value for member in MEMBERS):
        value = {"flow": value}
    return json_format.ParseDict(value, make("observer.GetFlowsResponse")(), ignore_unknown_fields=True)


def nanoseconds(stamp):
    return stamp.seconds * 1000000000 + stamp.nanos


class Observer:
    def __init__(self, options):
        self.options = options
        self.make = messages()
        self.log = []  # (time, is a flow, bytes)
        for path in options.flows:
            with open(path, encoding="utf-8") as file:
                for value in objects(file.read()):
                    message = to_response(self.make, value)
                    self.log.append((nanoseconds(message.flow.time), message.HasField("flow"),
                                     message.SerializeToString()))
        self.calls = itertools.count(1)
        self.lock = threading.Lock()

    def note(self, method, request):
        if self.options.requests:
            with self.lock, open(self.options.requests, "a", encoding="utf-8") as file:
                value = json_format.MessageToDict(request, preserving_proto_field_name=True)
                file.write(json.dumps({"method": method, "request": value}) + "\n")

    def chosen(self, request):
        flows = [entry for entry in self.log if entry[1]]
        if request.HasField("since"):
            since = nanoseconds(request.since)
            return [entry for entry in self.log if not entry[1] or entry[0] >= since]
        if request.number == 0:
            return self.log if self.options.from_start else []
        count = min(request.number, len(flows))
        kept = flows[:count] if request.first else flows[len(flows) - count:]
        kept = set(map(id, kept))
        return [entry for entry in self.log if not entry[1] or id(entry) in kept]

    def get_flows(self, data, context):
        request = self.make("observer.GetFlowsRequest").FromString(data)
        self.note("GetFlows", request)
        mode = self.options.mode
        if mode == "broken-once":
            mode = "large" if next(self.calls) == 1 else "serve"
        if mode == "unimplemented":
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "unknown method GetFlows")
        if mode == "exhausted":
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many watchers")
        if mode == "denied":
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "not for you")
        context.send_initial_metadata((("hubble-relay-version", "1.19.1"),))
        for _ in range(self.options.repeat):
            for _, _, data in self.chosen(request):
                yield data
        if mode == "large":
            yield b"\x0a\x80\x80\x80\x0a" + bytes(20 << 20)
        if mode == "garbage":
            yield b"\xff\xfe\xfd not a message"
            yield b""
            yield self.log[-1][2]
        while request.follow and mode != "end" and context.is_active():
            time.sleep(0.05)

    def server_status(self, data, context):
        del data
        if self.options.mode == "mute":
            while context.is_active():
                time.sleep(0.05)
        kind = self.make("observer.ServerStatusResponse")
        status = kind(num_flows=len(self.log), max_flows=4095, seen_flows=len(self.log),
                      uptime_ns=7000000000, version="1.19.1")
        if self.options.nodes:
            status.num_connected_nodes.value = self.options.nodes
        return status.SerializeToString()

    def get_nodes(self, data, context):
        del data
        if not self.options.nodes:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "unknown method GetNodes")
        answer = self.make("observer.GetNodesResponse")()
        for i in range(self.options.nodes):
            answer.nodes.add(name="node-%d" % i, version="1.19.1", address="192.0.2.%d:4244" % i, state=1)
        return answer.SerializeToString()

    def handler(self):
        return grpc.method_handlers_generic_handler("observer.Observer", {
            "GetFlows": grpc.unary_stream_rpc_method_handler(self.get_flows),
            "ServerStatus": grpc.unary_unary_rpc_method_handler(self.server_status),
            "GetNodes": grpc.unary_unary_rpc_method_handler(self.get_nodes),
        })


def read(path):
    with open(path, "rb") as file:
        return file.read()


def listen(server, options):
    if not options.tls_cert:
        return server.add_insecure_port(options.listen)
    client_ca = read(options.client_ca) if options.client_ca else None
    credentials = grpc.ssl_server_credentials([(read(options.tls_key), read(options.tls_cert))], client_ca,
                                              require_client_auth=client_ca is not None)
    return server.add_secure_port(options.listen, credentials)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--flows", action="append", default=[])
    parser.add_argument("--from-start", action="store_true", help="a new follower gets what there is")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--mode", default="serve")
    parser.add_argument("--nodes", type=int, default=0)
    parser.add_argument("--requests")
    parser.add_argument("--tls-cert")
    parser.add_argument("--tls-key")
    parser.add_argument("--client-ca")
    options = parser.parse_args()
    server = grpc.server(futures.ThreadPoolExecutor(16),
                         options=[("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((Observer(options).handler(),))
    port = listen(server, options)
    server.start()
    print(json.dumps({"port": port}), flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    sys.exit(main())
