#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""flowcheck convert against Google's protobuf library: messages with every field, and real flows."""
import glob
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "cli"), os.path.join(HERE, "..", "live")]
from tap import ROOT, Skip, contains, equal, flowcheck, run, write  # noqa: E402

try:
    from google.protobuf import json_format
    from hubble_server import MEMBERS, messages, objects
    MAKE = messages()
    EVENT = MAKE("observer.ExportEvent")
except ImportError:
    EVENT = None

CORPUS = os.path.join(ROOT, "..", "shared", "corpus", "flows")


def _need():
    if EVENT is None:
        raise Skip("python3-protobuf and python3-grpcio are not installed")


def _varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def _delimited(values):
    return b"".join(_varint(len(data)) + data for data in (value.SerializeToString() for value in values))


def _split(data):
    at = 0
    while at < len(data):
        size = shift = 0
        while True:
            byte = data[at]
            at += 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        yield EVENT.FromString(data[at:at + size])
        at += size


def _dict(message):
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


VALUES = {  # by the type of a field: usual, least, most, odd
    "int32": (7, -2147483648, 2147483647), "int64": (7, -9223372036854775808, 9223372036854775807),
    "uint32": (7, 1, 4294967295), "uint64": (7, 1, 18446744073709551615), "bool": (True,),
    "double": (0.5, -1e300, 3.0), "string": ("text", "b\u00fcro \"<&>\" \\ \n\t\u2028", "\u0000\u0001"),
    "bytes": (b"x",),
}
SMALL = {"source_port": (7, 1, 65535), "destination_port": (7, 1, 65535), "proxy_port": (7, 1, 65535),
         "policy_match_type": (4, 1, 255), "type": (7, 1, 255), "code": (7, 1, 255)}


def _fill(message, which, only=None, depth=0):
    """Sets every field, of a oneof the one that is asked for; times are times."""
    seen = set()
    for field in message.DESCRIPTOR.fields:
        oneof = field.containing_oneof
        if oneof is not None:
            members = [member.name for member in oneof.fields]
            chosen = members[(which if depth else (only or 0)) % len(members)]
            if field.name != chosen:
                continue
        seen.add(field.name)
        if field.message_type is not None:
            name = field.message_type.full_name
            target = getattr(message, field.name)
            if field.label == field.LABEL_REPEATED:
                for i in range(2):
                    _fill(target.add(), which + i, depth=depth + 1)
            elif name == "google.protobuf.Timestamp":
                target.seconds, target.nanos = (1790000000, -1, 0)[which % 3], (1, 500000000, 0)[which % 3]
                target.SetInParent()
            elif name == "google.protobuf.Any":
                target.type_url, target.value = "type.googleapis.com/utils.RetinaMetadata", b"\x08\x07"
            else:
                target.SetInParent()
                _fill(target, which, depth=depth + 1)
        elif field.enum_type is not None:
            numbers = [value.number for value in field.enum_type.values]
            number = (numbers[-1], 99, numbers[which % len(numbers)])[which % 3]
            if field.label == field.LABEL_REPEATED:
                getattr(message, field.name).append(number)
            else:
                setattr(message, field.name, number)
        else:
            kind = {1: "double", 3: "int64", 4: "uint64", 5: "int32", 8: "bool", 9: "string", 12: "bytes",
                    13: "uint32"}[field.type]
            values = SMALL.get(field.name, VALUES[kind]) if kind in ("uint32",) else VALUES[kind]
            value = values[which % len(values)]
            if field.name in ("source", "destination", "source_xlated") and kind == "string" and \
                    message.DESCRIPTOR.name == "IP":
                value = ("192.0.2.1", "2001:db8::1", "")[which % 3]
            if field.label == field.LABEL_REPEATED:
                getattr(message, field.name).extend([value, values[0]])
            else:
                setattr(message, field.name, value)
    return message


def _samples():
    samples = []
    for which in range(12):
        for member in range(len(MEMBERS)):
            samples.append(_fill(EVENT(), which, only=member))
    return samples


def _without_any(value):
    """Google's library cannot write an Any of a type it does not know; ours can."""
    if isinstance(value, dict):
        value.pop("extensions", None)
        for one in value.values():
            _without_any(one)
    elif isinstance(value, list):
        for one in value:
            _without_any(one)
    return value


def _clear_any(message):
    for kind in ("flow",):
        if message.HasField(kind):
            message.flow.ClearField("extensions")
    return message


def every_field_goes_from_protobuf_to_json_and_back(folder):
    _need()
    samples = _samples()
    path = write(folder, "samples", _delimited(samples))
    result = flowcheck("convert", "-o", "json", path)
    equal((result.code, result.err), (0, ""))
    rows = result.rows()
    equal(len(rows), len(samples))
    for row, sample in zip(rows, samples):
        equal(_without_any(row), _dict(_clear_any(EVENT.FromString(sample.SerializeToString()))))
    back = os.path.join(folder, "back")
    equal(flowcheck("convert", "-o", "protobuf=" + back, write(folder, "json", result.out)).code, 0)
    with open(back, "rb") as file:
        found = list(_split(file.read()))
    for one, sample in zip(found, samples):
        equal(one, sample)
    equal(len(found), len(samples))


def real_flows_are_what_googles_library_makes_of_them(folder):
    _need()
    logs = sorted(glob.glob(os.path.join(CORPUS, "*.json*")))
    if not logs:
        raise Skip("../shared is not here")
    for log in logs:
        with open(log, encoding="utf-8") as file:
            values = list(objects(file.read()))
        values = [value if any(m in value for m in MEMBERS) else {"flow": value} for value in values]
        reference = [json_format.ParseDict(value, EVENT(), ignore_unknown_fields=True) for value in values]
        out = os.path.join(folder, "out")
        equal(flowcheck("convert", "-o", "protobuf=" + out, log).code, 0)
        with open(out, "rb") as file:
            equal(list(_split(file.read())), reference)
        equal(flowcheck("convert", "-o", "archive=" + out, log).code, 0)
        rows = flowcheck("convert", out).rows()
        equal(rows, [_dict(message) for message in reference])
        equal([row["flow"] for row in rows], [value["flow"] for value in values])


def an_any_of_a_type_that_nobody_knows_is_kept(folder):
    line = json.dumps({"flow": {"verdict": "FORWARDED", "extensions": {
        "@type": "type.googleapis.com/utils.Odd", "bytes": "x", "nested": {"a": [1, 2.5, None, True, "s"]}}}})
    struct = json.dumps({"flow": {"verdict": "FORWARDED", "extensions": {
        "@type": "type.googleapis.com/google.protobuf.Struct", "value": {"drop_reason": "x", "n": 1e300}}}})
    log = write(folder, "log", line + "\n" + struct + "\n")
    out = os.path.join(folder, "out")
    equal(flowcheck("convert", "-o", "archive=" + out, log).code, 0)
    equal(flowcheck("convert", out).rows(), [json.loads(line), json.loads(struct)])


def what_has_no_place_is_left_out_and_told(folder):
    line = json.dumps({"flow": {"verdict": "BRAND_NEW", "uuid": "u", "ext_error": 7, "nodeName": "n",
                                "l4": {"TCP": {"source_port": 1, "later": {}}}}})
    log = write(folder, "log", line + "\n")
    out = os.path.join(folder, "out")
    result = flowcheck("convert", "-o", "protobuf=" + out, log)
    equal(result.code, 0)
    contains(result.err, "3 members of records were left out")
    contains(result.err, "verdict, ext_error, later")
    equal(flowcheck("convert", out).rows(),
          [{"flow": {"uuid": "u", "node_name": "n", "l4": {"TCP": {"source_port": 1}}}}])


def json_is_written_on_one_line_and_bare_flows_are_wrapped(folder):
    log = write(folder, "log", json.dumps({"time": "2026-09-01T10:00:00Z", "verdict": "DROPPED",
                                           "node_name": "n", "Summary": "a  b"}, indent=4))
    result = flowcheck("convert", log)
    equal(result.out.count("\n"), 1)
    equal(result.rows(), [{"flow": {"time": "2026-09-01T10:00:00Z", "verdict": "DROPPED", "node_name": "n",
                                    "Summary": "a  b"}, "node_name": "n", "time": "2026-09-01T10:00:00Z"}])


def a_filter_chooses_what_is_converted(folder):
    lines = [json.dumps({"flow": {"verdict": verdict, "uuid": verdict}}) for verdict in ("FORWARDED", "DROPPED")]
    log = write(folder, "log", "\n".join(lines))
    equal([row["flow"]["uuid"] for row in flowcheck("convert", "--verdict", "dropped", log).rows()], ["DROPPED"])


if __name__ == "__main__":
    run(sys.modules[__name__])
