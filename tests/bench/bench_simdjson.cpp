/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peer of the JSON reader: simdjson's on-demand parser over each line, reading the fields that
 * a record has and every label.
 */
#include <fcntl.h>
#include <simdjson.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace simdjson;

static uint64_t sum;

static void
take_text(ondemand::value value)
{
    std::string_view text;

    if (value.get_string().get(text) == SUCCESS) {
        sum += text.size();
    }
}

static void
take_endpoint(ondemand::object end)
{
    for (auto member : end) {
        const std::string_view key = member.unescaped_key();

        if (key == "identity") {
            sum += member.value().get_uint64();
        } else if (key == "namespace" || key == "pod_name") {
            take_text(member.value());
        } else if (key == "labels") {
            for (auto label : member.value().get_array()) {
                take_text(label.value());
            }
        }
    }
}

static void
take_ports(ondemand::object transports)
{
    for (auto transport : transports) {
        for (auto member : transport.value().get_object()) {
            const std::string_view key = member.unescaped_key();

            if (key == "source_port" || key == "destination_port") {
                sum += member.value().get_uint64();
            } else if (key == "flags") {
                for (auto flag : member.value().get_object()) {
                    sum += flag.value().get_bool() ? 1 : 0;
                }
            }
        }
    }
}

static void
take_flow(ondemand::object flow)
{
    for (auto member : flow) {
        const std::string_view key = member.unescaped_key();

        if (key == "source" || key == "destination") {
            take_endpoint(member.value().get_object());
        } else if (key == "IP") {
            for (auto part : member.value().get_object()) {
                take_text(part.value());
            }
        } else if (key == "l4") {
            take_ports(member.value().get_object());
        } else if (key == "event_type") {
            for (auto part : member.value().get_object()) {
                sum += part.value().get_uint64();
            }
        } else if (key == "is_reply") {
            sum += member.value().get_bool() ? 1 : 0;
        } else if (key == "time" || key == "uuid" || key == "verdict" || key == "Type" ||
                   key == "node_name" || key == "traffic_direction" || key == "drop_reason_desc") {
            take_text(member.value());
        }
    }
}

int
main(int argc, char **argv)
{
    constexpr size_t room = 1 << 20;
    auto *bytes = static_cast<char *>(aligned_alloc(4096, 2 * room + SIMDJSON_PADDING));
    ondemand::parser parser;
    size_t held = 0, flows = 0;
    ssize_t got;
    int fd;

    if (argc != 2 || (fd = open(argv[1], O_RDONLY)) < 0) {
        fprintf(stderr, "usage: bench_simdjson LOG\n");
        return 2;
    }
    while ((got = read(fd, bytes + held, room)) > 0) {
        char *at = bytes;
        char *end = bytes + held + got;

        for (char *line; (line = static_cast<char *>(memchr(at, '\n', end - at))) != nullptr;
             at = line + 1) {
            auto document = parser.iterate(at, line - at, end - at + SIMDJSON_PADDING);

            for (auto member : document.get_object()) {
                const std::string_view key = member.unescaped_key();

                if (key == "flow") {
                    take_flow(member.value().get_object());
                    flows++;
                }
            }
        }
        held = end - at;
        memmove(bytes, at, held);
    }
    printf("%zu flows, sum %llu\n", flows, static_cast<unsigned long long>(sum));
    free(bytes);
    return 0;
}
