/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archives: frames, their indexes, and the seek table. The table is that of the zstd seekable
 * format: a skippable frame of 0x184D2A5E with the sizes of every frame before it, ours of the
 * indexes with a plain size of 0, then their number, a descriptor and the number 0x8F92EAB1.
 */
#include "encode/archive.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "archive.pb-c.h"
#include "base/intern.h"
#include "decode/archive_index.h"
#include "encode/transcode.h"

#define SEEK_TABLE_MAGIC 0x184d2a5eu
#define SEEKABLE_MAGIC 0x8f92eab1u
enum { TABLE_ENTRY_BYTES = 8 };

/* What an index lists at most of each; names that are longer than any in Kubernetes are not. */
enum { NAMES_MAX = 256, NAME_BYTES_MAX = 253, VERDICTS_MAX = 32 };

struct names {
    struct flow_intern known;
    bool more;
};

struct flow_archive {
    ZSTD_CCtx *packer;
    struct flow_buf plain;  /* of the open frame */
    struct flow_buf packed; /* index and frame, as they are written */
    struct flow_buf table;  /* entries for the frames of this file */
    struct names nodes, namespaces;
    uint64_t records, flows;
    int64_t first, last;
    uint64_t verdicts[VERDICTS_MAX];
    uint64_t frames;
};

static bool
reset_names(struct names *names)
{
    flow_intern_free(&names->known);
    names->more = false;
    return flow_intern_init(&names->known);
}

static bool
reset_frame(struct flow_archive *archive)
{
    flow_buf_reset(&archive->plain);
    archive->records = archive->flows = 0;
    archive->first = archive->last = FLOW_TIME_NONE;
    memset(archive->verdicts, 0, sizeof(archive->verdicts));
    return reset_names(&archive->nodes) && reset_names(&archive->namespaces);
}

int
flow_archive_new(struct flow_archive **out, int level, struct flow_error *err)
{
    struct flow_archive *archive = calloc(1, sizeof(*archive));

    if (archive == NULL) {
        return flow_fail_memory(err);
    }
    archive->packer = ZSTD_createCCtx();
    if (archive->packer == NULL || !reset_frame(archive)) {
        flow_archive_free(archive);
        return flow_fail_memory(err);
    }
    ZSTD_CCtx_setParameter(archive->packer, ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(archive->packer, ZSTD_c_checksumFlag, 1);
    *out = archive;
    return FLOW_OK;
}

void
flow_archive_free(struct flow_archive *archive)
{
    if (archive != NULL) {
        ZSTD_freeCCtx(archive->packer);
        flow_buf_free(&archive->plain);
        flow_buf_free(&archive->packed);
        flow_buf_free(&archive->table);
        flow_intern_free(&archive->nodes.known);
        flow_intern_free(&archive->namespaces.known);
        free(archive);
    }
}

static bool
add_name(struct names *names, struct flow_str name)
{
    if (name.len == 0 || flow_intern_find(&names->known, name) != FLOW_INTERN_NONE) {
        return true;
    }
    if (names->known.count >= NAMES_MAX || name.len > NAME_BYTES_MAX ||
        memchr(name.ptr, '\0', name.len) != NULL) {
        names->more = true;
        return true;
    }
    return flow_intern_add(&names->known, name, NULL) != FLOW_INTERN_NONE;
}

static bool
note_record(struct flow_archive *archive, const struct flow_record *record)
{
    archive->records++;
    if (record->kind != FLOW_KIND_FLOW) {
        return add_name(&archive->nodes, record->node_name);
    }
    archive->flows++;
    archive->verdicts[record->verdict < VERDICTS_MAX ? record->verdict : VERDICTS_MAX - 1]++;
    if (record->time != FLOW_TIME_NONE) {
        if (archive->first == FLOW_TIME_NONE || record->time < archive->first) {
            archive->first = record->time;
        }
        if (archive->last == FLOW_TIME_NONE || record->time > archive->last) {
            archive->last = record->time;
        }
    }
    return add_name(&archive->nodes, record->node_name) &&
           add_name(&archive->namespaces, record->source->namespace_name) &&
           add_name(&archive->namespaces, record->destination->namespace_name);
}

bool
flow_archive_add(struct flow_archive *archive, const struct flow_record *record,
                 struct flow_str message)
{
    flow_proto_add_varint(&archive->plain, message.len);
    flow_buf_add_str(&archive->plain, message);
    return note_record(archive, record) && !archive->plain.failed;
}

size_t
flow_archive_open_bytes(const struct flow_archive *archive)
{
    return archive->plain.len;
}

uint64_t
flow_archive_frames(const struct flow_archive *archive)
{
    return archive->frames;
}

static void
add_u32(struct flow_buf *out, uint32_t value)
{
    const char bytes[4] = { (char)value, (char)(value >> 8), (char)(value >> 16),
                            (char)(value >> 24) };

    flow_buf_add(out, bytes, sizeof(bytes));
}

/* The names as protobuf-c wants them: NUL stands behind an interned text. */
static size_t
list_names(const struct names *names, char *list[NAMES_MAX])
{
    for (uint32_t i = 0; i < names->known.count; i++) {
        list[i] = (char *)flow_intern_text(&names->known, i).ptr;
    }
    return names->known.count;
}

/* Adds the skippable frame with the index of the frame that packs into so many bytes. */
static void
add_index(struct flow_archive *archive, size_t packed_bytes)
{
    Libflow__FrameIndex index = LIBFLOW__FRAME_INDEX__INIT;
    Libflow__VerdictCount counts[VERDICTS_MAX], *count_list[VERDICTS_MAX];
    char *nodes[NAMES_MAX], *namespaces[NAMES_MAX];
    struct flow_buf message = { 0 };
    size_t len;

    index.packed_bytes = packed_bytes;
    index.plain_bytes = archive->plain.len;
    index.records = archive->records;
    index.flows = archive->flows;
    index.first = archive->first != FLOW_TIME_NONE ? archive->first : 0;
    index.last = archive->last != FLOW_TIME_NONE ? archive->last : 0;
    for (uint32_t i = 0; i < VERDICTS_MAX; i++) {
        if (archive->verdicts[i] > 0) {
            Libflow__VerdictCount *count = &counts[index.n_verdicts];

            libflow__verdict_count__init(count);
            count->verdict = i;
            count->flows = archive->verdicts[i];
            count_list[index.n_verdicts++] = count;
        }
    }
    index.verdicts = count_list;
    index.n_nodes = list_names(&archive->nodes, nodes);
    index.nodes = nodes;
    index.n_namespaces = list_names(&archive->namespaces, namespaces);
    index.namespaces = namespaces;
    index.more_nodes = archive->nodes.more;
    index.more_namespaces = archive->namespaces.more;
    len = libflow__frame_index__get_packed_size(&index);
    for (size_t i = 0; i < len; i++) {
        flow_buf_add_char(&message, '\0');
    }
    if (message.failed) {
        archive->packed.failed = true;
        return;
    }
    libflow__frame_index__pack(&index, (uint8_t *)message.ptr);
    add_u32(&archive->packed, FLOW_ARCHIVE_INDEX_MAGIC);
    add_u32(&archive->packed, (uint32_t)(FLOW_ARCHIVE_INDEX_HEAD_BYTES + len));
    flow_buf_add(&archive->packed, FLOW_ARCHIVE_INDEX_TAG, 4);
    add_u32(&archive->packed, (uint32_t)crc32(0, (const Bytef *)message.ptr, (uInt)len));
    flow_buf_add_str(&archive->packed, flow_buf_str(&message));
    flow_buf_free(&message);
}

static void
add_entry(struct flow_archive *archive, size_t packed_bytes, size_t plain_bytes)
{
    add_u32(&archive->table, (uint32_t)packed_bytes);
    add_u32(&archive->table, (uint32_t)plain_bytes);
}

/* Index and frame into one buffer, for one write. */
static int
pack(struct flow_archive *archive, struct flow_error *err)
{
    const size_t bound = ZSTD_compressBound(archive->plain.len);
    uint8_t *room = malloc(bound);
    size_t len;

    if (room == NULL) {
        return flow_fail_memory(err);
    }
    len = ZSTD_compress2(archive->packer, room, bound, archive->plain.ptr, archive->plain.len);
    if (ZSTD_isError(len)) {
        free(room);
        return flow_fail_memory(err); /* the one way it can fail with room enough */
    }
    flow_buf_reset(&archive->packed);
    add_index(archive, len);
    add_entry(archive, archive->packed.len, 0);
    flow_buf_add(&archive->packed, (const char *)room, len);
    add_entry(archive, len, archive->plain.len);
    free(room);
    return archive->packed.failed || archive->table.failed ? flow_fail_memory(err) : FLOW_OK;
}

int
flow_archive_end_frame(struct flow_archive *archive, struct flow_output_file *file,
                       struct flow_error *err)
{
    const size_t table = archive->table.len;
    int rc;

    if (archive->plain.len == 0) {
        return FLOW_OK;
    }
    rc = flow_output_file_open(file, err);
    rc = rc == FLOW_OK ? pack(archive, err) : rc;
    if (rc == FLOW_OK) {
        rc = flow_output_file_write(file, archive->packed.ptr, archive->packed.len, err);
    }
    if (rc != FLOW_OK) {
        archive->table.len = table; /* the file is as it was before this frame */
        return rc;
    }
    archive->frames++;
    rc = flow_output_file_sync(file, err);
    return reset_frame(archive) || rc != FLOW_OK ? rc : flow_fail_memory(err);
}

int
flow_archive_end_file(struct flow_archive *archive, struct flow_output_file *file,
                      struct flow_error *err)
{
    const uint32_t count = (uint32_t)(archive->table.len / TABLE_ENTRY_BYTES);
    int rc;

    flow_buf_reset(&archive->packed);
    add_u32(&archive->packed, SEEK_TABLE_MAGIC);
    add_u32(&archive->packed, (uint32_t)archive->table.len + 9);
    flow_buf_add_str(&archive->packed, flow_buf_str(&archive->table));
    add_u32(&archive->packed, count);
    flow_buf_add_char(&archive->packed, '\0'); /* no checksums: frames have their own */
    add_u32(&archive->packed, SEEKABLE_MAGIC);
    if (archive->packed.failed) {
        return flow_fail_memory(err);
    }
    rc = flow_output_file_open(file, err);
    if (rc == FLOW_OK) {
        rc = flow_output_file_write(file, archive->packed.ptr, archive->packed.len, err);
    }
    if (rc == FLOW_OK) {
        rc = flow_output_file_sync(file, err);
    }
    flow_buf_reset(&archive->table);
    return rc;
}
