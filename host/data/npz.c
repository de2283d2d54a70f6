/* npz.c - numpy's .npz files: a zip archive whose members are .npy files */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/data/tensor.h"

#include <inttypes.h>
#include <libdeflate.h>
#include <stdio.h>
#include <string.h>

/*
 * PKWARE's APPNOTE 6.3.10, sections 4.3 to 4.5, as far as zipfile, which numpy writes with, goes: one disk,
 * no encryption, members stored or deflated, with or without ZIP64. A library for all of zip would bring
 * bzip2, LZMA and a cipher for a directory of ten fields; libdeflate is here already.
 */

enum {
    END_BYTES = 22,       /* of the end record without its comment */
    COMMENT_MOST = 65535, /* bytes */
    LOCATOR_BYTES = 20,   /* of ZIP64's end, before that */
    END64_BYTES = 56,
    ENTRY_BYTES = 46,
    LOCAL_BYTES = 30,
    STORED = 0,
    DEFLATED = 8,
    ENCRYPTED = 1,      /* a flag */
    GROWTH_MOST = 1032, /* bytes that deflate makes of one, at most */
    CHUNK = 1 << 16
};

static const uint32_t END = 0x06054b50, LOCATOR = 0x07064b50, END64 = 0x06064b50, ENTRY = 0x02014b50,
                      LOCAL = 0x04034b50;

/* A member: what the directory states of it. */
typedef struct member {
    const char *name; /* [length], in the directory */
    size_t length;
    uint64_t packed, size, local; /* bytes, bytes, and where its local header is */
    uint32_t checksum;
    unsigned method, flags;
} member;

typedef struct archive {
    const rm_input *input;
    uint64_t count, start, bytes; /* of the directory */
    uint8_t *directory;           /* [bytes] owned */
    ropemap_error *error;
} archive;

static uint64_t whole(const uint8_t *at, int bytes) {
    uint64_t value = 0;
    for (int byte = bytes - 1; byte >= 0; byte--) {
        value = value << 8 | at[byte];
    }
    return value;
}

static ropemap_status broken(const archive *from, const char *what) {
    return rm_fail(from->error, ROPEMAP_DATA,
                   "%s: %s, so it is not a whole .npz file; write it again with numpy.savez",
                   from->input->name, what);
}

/* ---- the directory */

/* ZIP64's end record, where the usual one has no room. */
static ropemap_status read_end64(archive *from, uint64_t end) {
    uint8_t locator[LOCATOR_BYTES], record[END64_BYTES];
    if (end < LOCATOR_BYTES) {
        return broken(from, "ZIP64's locator is missing");
    }
    RM_TRY(rm_input_read(from->input, end - LOCATOR_BYTES, sizeof locator, locator, from->error));
    const uint64_t at = whole(locator + 8, 8);
    if (whole(locator, 4) != LOCATOR || from->input->size < END64_BYTES ||
        at > from->input->size - END64_BYTES) {
        return broken(from, "ZIP64's locator is missing or wrong");
    }
    RM_TRY(rm_input_read(from->input, at, sizeof record, record, from->error));
    from->count = whole(record + 32, 8);
    from->bytes = whole(record + 40, 8);
    from->start = whole(record + 48, 8);
    return whole(record, 4) == END64 ? ROPEMAP_OK : broken(from, "ZIP64's end record is wrong");
}

/* The end record is followed by a comment of any length, so it is looked for from the end of the file on. */
static ropemap_status find_directory(archive *from, uint8_t *tail) {
    const uint64_t size = from->input->size, most = END_BYTES + COMMENT_MOST;
    const uint64_t held = size < most ? size : most;
    RM_TRY(rm_input_read(from->input, size - held, held, tail, from->error));
    for (uint64_t at = held < END_BYTES ? 0 : held - END_BYTES + 1; at-- > 0;) {
        const uint8_t *end = tail + at;
        if (whole(end, 4) == END && whole(end + 20, 2) == held - at - END_BYTES) {
            from->count = whole(end + 10, 2);
            from->bytes = whole(end + 12, 4);
            from->start = whole(end + 16, 4);
            return from->count == UINT16_MAX || from->bytes == UINT32_MAX || from->start == UINT32_MAX
                       ? read_end64(from, size - held + at)
                       : ROPEMAP_OK;
        }
    }
    return broken(from, "the directory of a zip archive is missing at its end");
}

static ropemap_status read_directory(archive *from) {
    uint8_t *tail = rm_alloc_raw(END_BYTES + COMMENT_MOST, 1);
    if (tail == NULL) {
        return rm_fail_memory(from->error, from->input->name, END_BYTES + COMMENT_MOST);
    }
    const ropemap_status status = find_directory(from, tail);
    rm_free(tail);
    RM_TRY(status);
    if (from->bytes > from->input->size || from->start > from->input->size - from->bytes ||
        from->count > from->bytes / ENTRY_BYTES) {
        return broken(from, "the directory does not fit in the file");
    }
    if (from->bytes > RM_NPZ_DIRECTORY_MAX) {
        return rm_fail(from->error, ROPEMAP_DATA, "%s: a directory of %" PRIu64 " bytes; at most %d are read",
                       from->input->name, from->bytes, RM_NPZ_DIRECTORY_MAX);
    }
    from->directory = rm_alloc_raw(from->bytes + 1, 1);
    return from->directory == NULL
               ? rm_fail_memory(from->error, from->input->name, from->bytes)
               : rm_input_read(from->input, from->start, from->bytes, from->directory, from->error);
}

/* Sizes and the place that need more than 32 bits follow in an extra field, in this order. */
static bool take_extra(const uint8_t *extra, uint64_t length, member *found) {
    uint64_t *const fields[] = {&found->size, &found->packed, &found->local};
    for (uint64_t at = 0; at + 4 <= length;) {
        const uint64_t id = whole(extra + at, 2), bytes = whole(extra + at + 2, 2);
        uint64_t next = at + 4;
        at = next + bytes;
        for (int i = 0; i < 3 && id == 1; i++) {
            if (*fields[i] == UINT32_MAX) {
                if (next + 8 > at || at > length) {
                    return false;
                }
                *fields[i] = whole(extra + next, 8);
                next += 8;
            }
        }
    }
    return true;
}

/* The entry at *at, which moves to the next one; false where it does not fit. */
static bool next_member(const archive *from, uint64_t *at, member *found) {
    const uint8_t *entry = from->directory + *at;
    if (from->bytes - *at < ENTRY_BYTES || whole(entry, 4) != ENTRY) {
        return false;
    }
    const uint64_t name = whole(entry + 28, 2), extra = whole(entry + 30, 2), comment = whole(entry + 32, 2);
    if (name + extra + comment > from->bytes - *at - ENTRY_BYTES) {
        return false;
    }
    *found = (member){.name = (const char *)entry + ENTRY_BYTES,
                      .length = (size_t)name,
                      .flags = (unsigned)whole(entry + 8, 2),
                      .method = (unsigned)whole(entry + 10, 2),
                      .checksum = (uint32_t)whole(entry + 16, 4),
                      .packed = whole(entry + 20, 4),
                      .size = whole(entry + 24, 4),
                      .local = whole(entry + 42, 4)};
    *at += ENTRY_BYTES + name + extra + comment;
    return take_extra(entry + ENTRY_BYTES + name, extra, found);
}

/* "x" of "x.npy". */
static size_t bare_length(const member *found) {
    const bool npy = found->length > 4 && memcmp(found->name + found->length - 4, ".npy", 4) == 0;
    return found->length - (npy ? 4 : 0);
}

static ropemap_status refuse_name(const archive *from, const char *wanted, const char *names) {
    char name[RM_LABEL_BYTES];
    rm_label_make(name, sizeof name, wanted != NULL ? wanted : "");
    return wanted != NULL
               ? rm_fail(from->error, ROPEMAP_USAGE, "%s: no array '%s'; it has %s", from->input->name, name,
                         names[0] == '\0' ? "none" : names)
               : rm_fail(from->error, ROPEMAP_USAGE, "%s: %" PRIu64 " arrays; name one of %s after a colon",
                         from->input->name, from->count, names);
}

/* The member of that name, or the only one; the first of two with the same name is none. */
static ropemap_status find_member(const archive *from, const char *wanted, member *found) {
    char names[200] = "";
    uint64_t at = 0, matches = 0;
    if (from->count == 0) {
        return broken(from, "it holds no arrays");
    }
    for (uint64_t i = 0; i < from->count; i++) {
        member next;
        if (!next_member(from, &at, &next)) {
            return broken(from, "its directory ends before its last entry");
        }
        const size_t bare = bare_length(&next), used = strlen(names);
        if (wanted == NULL || (bare == strlen(wanted) && memcmp(next.name, wanted, bare) == 0)) {
            *found = next;
            matches++;
        }
        char raw[64], plain[64];
        (void)snprintf(raw, sizeof raw, "%.*s", bare < 60 ? (int)bare : 60, next.name);
        rm_label_make(plain, sizeof plain, raw);
        (void)snprintf(names + used, sizeof names - used, "%s%s", used > 0 ? ", " : "", plain);
    }
    if (matches > 1 && wanted != NULL) {
        return broken(from, "two arrays have the same name");
    }
    return matches == 1 ? ROPEMAP_OK : refuse_name(from, wanted, names);
}

/* ---- the member */

static ropemap_status checksum_of(const archive *from, uint64_t start, uint64_t size, uint32_t *checksum) {
    uint8_t *chunk = rm_alloc_raw(CHUNK, 1);
    ropemap_status status =
        chunk == NULL ? rm_fail_memory(from->error, from->input->name, CHUNK) : ROPEMAP_OK;
    *checksum = 0;
    for (uint64_t done = 0; done < size && status == ROPEMAP_OK;) {
        const uint64_t count = size - done < CHUNK ? size - done : CHUNK;
        status = rm_input_read(from->input, start + done, count, chunk, from->error);
        *checksum = status == ROPEMAP_OK ? libdeflate_crc32(*checksum, chunk, (size_t)count) : 0;
        done += count;
    }
    rm_free(chunk);
    return status;
}

/* The bytes of a deflated member, whose stated size is believed only where its packed size could make it. */
static ropemap_status inflate(const archive *from, const member *found, uint64_t start, uint8_t **bytes) {
    if (found->size / GROWTH_MOST > found->packed) {
        return broken(from, "an array is larger than its compressed bytes could be");
    }
    uint8_t *packed = rm_alloc_raw(found->packed + 1, 1);
    *bytes = rm_alloc_raw(found->size + 1, 1);
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    ropemap_status status = packed == NULL || *bytes == NULL || decompressor == NULL
                                ? rm_fail_memory(from->error, from->input->name, found->packed + found->size)
                                : rm_input_read(from->input, start, found->packed, packed, from->error);
    if (status == ROPEMAP_OK &&
        libdeflate_deflate_decompress(decompressor, packed, (size_t)found->packed, *bytes,
                                      (size_t)found->size, NULL) != LIBDEFLATE_SUCCESS) {
        status = broken(from, "an array's compressed bytes are broken");
    }
    if (decompressor != NULL) {
        libdeflate_free_decompressor(decompressor);
    }
    rm_free(packed);
    return status;
}

/* Where the member's bytes begin: after its local header, whose name and extra field have lengths of their
 * own. */
static ropemap_status find_start(const archive *from, const member *found, uint64_t *start) {
    uint8_t local[LOCAL_BYTES];
    const uint64_t size = from->input->size;
    if (size < LOCAL_BYTES || found->local > size - LOCAL_BYTES) {
        return broken(from, "an array lies beyond its end");
    }
    RM_TRY(rm_input_read(from->input, found->local, sizeof local, local, from->error));
    *start = found->local + LOCAL_BYTES + whole(local + 26, 2) + whole(local + 28, 2);
    if (whole(local, 4) != LOCAL || *start > size || found->packed > size - *start) {
        return broken(from, "an array lies beyond its end");
    }
    return ROPEMAP_OK;
}

/* Makes `input` the member's. */
static ropemap_status take_member(const archive *from, const member *found, rm_input *input) {
    uint64_t start = 0;
    uint32_t checksum = 0;
    uint8_t *bytes = NULL;
    if ((found->flags & ENCRYPTED) != 0 || (found->method != STORED && found->method != DEFLATED) ||
        (found->method == STORED && found->size != found->packed)) {
        return rm_fail(from->error, ROPEMAP_DATA,
                       "%s: an array is encrypted or compressed by method %u; numpy.savez stores, "
                       "numpy.savez_compressed deflates",
                       from->input->name, found->method);
    }
    RM_TRY(find_start(from, found, &start));
    ropemap_status status = found->method == STORED ? checksum_of(from, start, found->size, &checksum)
                                                    : inflate(from, found, start, &bytes);
    checksum =
        bytes != NULL && status == ROPEMAP_OK ? libdeflate_crc32(0, bytes, (size_t)found->size) : checksum;
    if (status == ROPEMAP_OK && checksum != found->checksum) {
        status = broken(from, "an array's checksum is wrong");
    }
    if (status != ROPEMAP_OK) {
        rm_free(bytes);
        return status;
    }
    if (bytes != NULL) {
        rm_input_close(input);
        input->held = bytes;
    } else {
        input->start = start;
    }
    input->size = found->size;
    return ROPEMAP_OK;
}

bool rm_npz_has(const rm_input *input, const char *name) {
    archive from = {.input = input};
    member found = {.name = NULL};
    const bool has = read_directory(&from) == ROPEMAP_OK && find_member(&from, name, &found) == ROPEMAP_OK;
    rm_free(from.directory);
    return has;
}

ropemap_status rm_npz_open(rm_input *input, const char *name, ropemap_error *error) {
    archive from = {.input = input, .error = error};
    member found = {.name = NULL};
    ropemap_status status = read_directory(&from);
    status = status == ROPEMAP_OK ? find_member(&from, name, &found) : status;
    status = status == ROPEMAP_OK ? take_member(&from, &found, input) : status;
    rm_free(from.directory);
    return status;
}
