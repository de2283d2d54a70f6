/* gguf_file.c - GGUF metadata: header, keys, values */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/base/input.h"
#include "host/model/gguf.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The types of values, as files number them. */
typedef enum value_type {
    RM_GGUF_UINT8,
    RM_GGUF_INT8,
    RM_GGUF_UINT16,
    RM_GGUF_INT16,
    RM_GGUF_UINT32,
    RM_GGUF_INT32,
    RM_GGUF_FLOAT32,
    RM_GGUF_BOOL,
    RM_GGUF_STRING,
    RM_GGUF_ARRAY,
    RM_GGUF_UINT64,
    RM_GGUF_INT64,
    RM_GGUF_FLOAT64,
    RM_GGUF_TYPES
} value_type;

enum { TENSOR_F32 = 0, ARRAY_HEADER_BYTES = 12 };

/* A pair that does not rotate is divided by 1e30 (proportional RoPE), which as a float is a little more. */
static const double DIVISOR_MOST = 1e30;

static const struct {
    const char *name;
    uint32_t bytes;
} types[RM_GGUF_TYPES] = {
    [RM_GGUF_UINT8] = {"a number", 1},   [RM_GGUF_INT8] = {"a number", 1},
    [RM_GGUF_UINT16] = {"a number", 2},  [RM_GGUF_INT16] = {"a number", 2},
    [RM_GGUF_UINT32] = {"a number", 4},  [RM_GGUF_INT32] = {"a number", 4},
    [RM_GGUF_FLOAT32] = {"a number", 4}, [RM_GGUF_BOOL] = {"true or false", 1},
    [RM_GGUF_STRING] = {"a string", 0},  [RM_GGUF_ARRAY] = {"an array", 0},
    [RM_GGUF_UINT64] = {"a number", 8},  [RM_GGUF_INT64] = {"a number", 8},
    [RM_GGUF_FLOAT64] = {"a number", 8},
};

static const char *const list_names[RM_GGUF_LISTS] = {
    [RM_GGUF_FREQS] = "rope_freqs.weight",
    [RM_GGUF_LONG] = "rope_factors_long.weight",
    [RM_GGUF_SHORT] = "rope_factors_short.weight",
};

const char *rm_gguf_list_name(rm_gguf_list list) {
    return list_names[list];
}

static uint32_t type_bytes(uint32_t type) {
    return type < RM_GGUF_TYPES ? types[type].bytes : 0;
}

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const void *bytes, uint64_t count) {
    const uint8_t *next = bytes;
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint64_t i = 0; i < count; i++) {
        hash = (hash ^ next[i]) * 0x100000001b3u;
    }
    return hash;
}

static uint64_t little_endian(const uint8_t *bytes, int count) {
    uint64_t number = 0;
    for (int i = count - 1; i >= 0; i--) {
        number = number << 8 | bytes[i];
    }
    return number;
}

/* ---- finding */

/* NULL without the key. Another key may have the same hash, so the text decides. */
static ropemap_status find(const rm_gguf *file, const char *key, const rm_gguf_entry **found,
                           ropemap_error *error) {
    const size_t bytes = strlen(key);
    const uint64_t hash = hash_of(key, bytes);
    *found = NULL;
    for (uint64_t i = 0; i < file->entry_count && *found == NULL && bytes < RM_GGUF_KEY_BYTES; i++) {
        rm_gguf_entry *entry = &file->entries[i];
        char text[RM_GGUF_KEY_BYTES];
        if (entry->hash == hash && entry->key_bytes == bytes) {
            RM_TRY(rm_input_read(&file->input, entry->key_at, bytes, text, error));
            entry->used = memcmp(text, key, bytes) == 0;
            *found = entry->used ? entry : NULL;
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status fail_kind(const rm_gguf *file, const char *key, uint32_t type, const char *expected,
                                ropemap_error *error) {
    return rm_fail(error, ROPEMAP_DATA, "%s: %s is %s, expected %s", file->input.name, key, types[type].name,
                   expected);
}

/* ---- numbers */

static double decode(uint32_t type, const uint8_t *bytes) {
    const uint64_t bits = little_endian(bytes, (int)types[type].bytes);
    const uint32_t half = (uint32_t)bits;
    float single = 0.0f;
    double number = 0.0;
    switch (type) {
    case RM_GGUF_FLOAT32:
        memcpy(&single, &half, sizeof single);
        return (double)single;
    case RM_GGUF_FLOAT64:
        memcpy(&number, &bits, sizeof number);
        return number;
    case RM_GGUF_INT8:
        return (double)(int8_t)(uint8_t)bits;
    case RM_GGUF_INT16:
        return (double)(int16_t)(uint16_t)bits;
    case RM_GGUF_INT32:
        return (double)(int32_t)half;
    case RM_GGUF_INT64:
        return (double)(int64_t)bits;
    default:
        return (double)bits;
    }
}

static bool is_number(uint32_t type) {
    return type_bytes(type) != 0 && type != RM_GGUF_BOOL;
}

static ropemap_status read_number(const rm_gguf *file, const char *key, uint32_t type, uint64_t at,
                                  double *number, ropemap_error *error) {
    uint8_t bytes[8];
    RM_TRY(rm_input_read(&file->input, at, types[type].bytes, bytes, error));
    *number = decode(type, bytes);
    return isfinite(*number) ? ROPEMAP_OK
                             : rm_fail(error, ROPEMAP_DATA, "%s: %s is %g, expected a finite number",
                                       file->input.name, key, *number);
}

ropemap_status rm_gguf_numbers(const rm_gguf *file, const char *key, uint32_t most, double *numbers,
                               uint32_t *count, ropemap_error *error) {
    const rm_gguf_entry *entry = NULL;
    *count = 0;
    RM_TRY(find(file, key, &entry, error));
    if (entry == NULL) {
        return ROPEMAP_OK;
    }
    uint32_t type = entry->type;
    uint64_t at = entry->value_at, held = 1;
    if (type == RM_GGUF_ARRAY) {
        uint8_t header[ARRAY_HEADER_BYTES];
        RM_TRY(rm_input_read(&file->input, at, sizeof header, header, error));
        type = (uint32_t)little_endian(header, 4);
        held = little_endian(header + 4, 8);
        at += sizeof header;
    }
    const bool flags = entry->type == RM_GGUF_ARRAY && type == RM_GGUF_BOOL;
    if (!(is_number(type) || flags) || held == 0) {
        return fail_kind(file, key, entry->type, "a number", error);
    }
    *count = held < most ? (uint32_t)held : most;
    for (uint32_t i = 0; i < *count; i++) {
        RM_TRY(read_number(file, key, type, at + (uint64_t)i * types[type].bytes, &numbers[i], error));
    }
    return ROPEMAP_OK;
}

/* ---- words */

ropemap_status rm_gguf_text(const rm_gguf *file, const char *key, char *text, size_t size,
                            ropemap_error *error) {
    const rm_gguf_entry *entry = NULL;
    uint8_t header[8];
    char kept[RM_GGUF_TEXT_BYTES + 1];
    text[0] = '\0';
    RM_TRY(find(file, key, &entry, error));
    if (entry == NULL) {
        return ROPEMAP_OK;
    }
    if (entry->type != RM_GGUF_STRING) {
        return fail_kind(file, key, entry->type, "a string", error);
    }
    RM_TRY(rm_input_read(&file->input, entry->value_at, sizeof header, header, error));
    const uint64_t bytes = little_endian(header, 8);
    const size_t some = bytes < RM_GGUF_TEXT_BYTES ? (size_t)bytes : RM_GGUF_TEXT_BYTES;
    RM_TRY(rm_input_read(&file->input, entry->value_at + sizeof header, some, kept, error));
    for (size_t i = 0; i < some; i++) {
        kept[i] = kept[i] == '\0' ? '?' : kept[i];
    }
    kept[some] = '\0';
    rm_label_make(text, size, kept);
    return ROPEMAP_OK;
}

ropemap_status rm_gguf_flag(const rm_gguf *file, const char *key, int *flag, ropemap_error *error) {
    const rm_gguf_entry *entry = NULL;
    uint8_t byte = 0;
    *flag = -1;
    RM_TRY(find(file, key, &entry, error));
    if (entry == NULL) {
        return ROPEMAP_OK;
    }
    if (entry->type != RM_GGUF_BOOL) {
        return fail_kind(file, key, entry->type, "true or false", error);
    }
    RM_TRY(rm_input_read(&file->input, entry->value_at, 1, &byte, error));
    *flag = byte != 0;
    return ROPEMAP_OK;
}

/* ---- keys that were not read */

static bool is_rope_key(const char *key) {
    const bool elsewhere = strncmp(key, "general.", 8) == 0 || strncmp(key, "tokenizer.", 10) == 0 ||
                           strncmp(key, "clip.", 5) == 0;
    return !elsewhere &&
           (strstr(key, "rope") != NULL || strstr(key, "rotary") != NULL || strstr(key, "yarn") != NULL ||
            strstr(key, "ntk") != NULL || strstr(key, "nope") != NULL);
}

ropemap_status rm_gguf_unused(const rm_gguf *file, char *names, size_t size, ropemap_error *error) {
    names[0] = '\0';
    for (uint64_t i = 0; i < file->entry_count; i++) {
        const rm_gguf_entry *entry = &file->entries[i];
        char key[RM_GGUF_KEY_BYTES];
        if (entry->used || entry->key_bytes >= sizeof key) {
            continue;
        }
        RM_TRY(rm_input_read(&file->input, entry->key_at, entry->key_bytes, key, error));
        key[entry->key_bytes] = '\0';
        const size_t length = strlen(names);
        const char *tail = strrchr(key, '.');
        const bool harmless =
            tail != NULL && strcmp(tail, ".finetuned") == 0; /* of no effect in most architectures */
        if (is_rope_key(key) && !harmless) {
            (void)snprintf(names + length, size - length, "%s%s", length == 0 ? "" : ", ", key);
        }
    }
    return ROPEMAP_OK;
}

/* ---- divisors */

static ropemap_status check_place(const rm_gguf *file, const rm_gguf_tensor *tensor, const char *name,
                                  uint64_t bytes, ropemap_error *error) {
    const uint64_t size = file->input.size;
    if (tensor->offset % file->alignment != 0) {
        return rm_fail(error, ROPEMAP_DATA,
                       "%s: tensor '%s' is at offset %" PRIu64 ", expected a multiple of %" PRIu64,
                       file->input.name, name, tensor->offset, file->alignment);
    }
    if (file->data_at > size || tensor->offset > size - file->data_at ||
        bytes > size - file->data_at - tensor->offset) {
        return rm_fail(error, ROPEMAP_DATA,
                       "%s: tensor '%s' of %" PRIu64 " bytes at offset %" PRIu64
                       " does not fit in the file of %" PRIu64 " bytes",
                       file->input.name, name, bytes, tensor->offset, size);
    }
    return ROPEMAP_OK;
}

ropemap_status rm_gguf_list_read(const rm_gguf *file, rm_gguf_list list, int32_t pairs, bool more,
                                 double *divisors, ropemap_error *error) {
    const rm_gguf_tensor *tensor = &file->lists[list];
    const char *name = list_names[list];
    const uint64_t count = (uint64_t)pairs;
    uint8_t bytes[4 * ROPEMAP_MAX_DIVISORS];
    if (tensor->type != TENSOR_F32 || tensor->rank != 1) {
        return rm_fail(error, ROPEMAP_DATA,
                       "%s: tensor '%s' is of type %u with %u axes, expected F32 (%d) with 1",
                       file->input.name, name, tensor->type, tensor->rank, TENSOR_F32);
    }
    if (tensor->count < count || (tensor->count > count && !more)) {
        return rm_fail(error, ROPEMAP_DATA,
                       "%s: tensor '%s' has %" PRIu64 " numbers, expected %d, one a pair", file->input.name,
                       name, tensor->count, (int)pairs);
    }
    RM_TRY(check_place(file, tensor, name, count * 4, error));
    RM_TRY(rm_input_read(&file->input, file->data_at + tensor->offset, count * 4, bytes, error));
    for (uint64_t i = 0; i < count; i++) {
        divisors[i] = decode(RM_GGUF_FLOAT32, bytes + i * 4);
        if (!(divisors[i] > 0.0 && isfinite(divisors[i]))) {
            return rm_fail(error, ROPEMAP_DATA,
                           "%s: tensor '%s' has %g for pair %" PRIu64 ", expected a number above 0",
                           file->input.name, name, divisors[i], i);
        }
        divisors[i] = fmin(divisors[i], DIVISOR_MOST);
    }
    return ROPEMAP_OK;
}

enum {
    HEADER_BYTES = 24,
    ENTRY_BYTES_LEAST = 14,  /* a key of one byte, a value of one */
    TENSOR_BYTES_LEAST = 24, /* no name, no axes */
    KEY_BYTES_MOST = 65535,  /* the format's own limit */
    WINDOW_BYTES = 65536,
    DEFAULT_ALIGNMENT = 32
};

static const char ALIGNMENT_KEY[] = "general.alignment";

/* A pass through the file; `window` is the part read last. */
typedef struct walker {
    const rm_input *input;
    ropemap_error *error;
    uint64_t at, end;
    uint64_t window_at, window_bytes;
    char where[RM_LABEL_BYTES + 40]; /* what is being read, for messages */
    uint8_t window[WINDOW_BYTES];
    uint8_t key[KEY_BYTES_MOST + 1];
} walker;

RM_PRINTF(2, 3) static ropemap_status fail(const walker *walk, const char *format, ...) {
    char text[sizeof walk->error->text];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return rm_fail(walk->error, ROPEMAP_DATA, "%s: %s", walk->input->name, text);
}

/* ---- reading on */

static ropemap_status expect(const walker *walk, uint64_t bytes) {
    if (bytes <= walk->end - walk->at) {
        return ROPEMAP_OK;
    }
    return walk->end == walk->input->size
               ? fail(walk, "%s takes %" PRIu64 " bytes, %" PRIu64 " are left in the file", walk->where,
                      bytes, walk->end - walk->at)
               : fail(walk,
                      "%s takes %" PRIu64 " bytes, %" PRIu64 " are left of the %d that metadata may have",
                      walk->where, bytes, walk->end - walk->at, RM_GGUF_METADATA_MAX);
}

static ropemap_status skip(walker *walk, uint64_t bytes) {
    RM_TRY(expect(walk, bytes));
    walk->at += bytes;
    return ROPEMAP_OK;
}

static ropemap_status take(walker *walk, uint64_t bytes, void *to) {
    uint8_t *next = to;
    RM_TRY(expect(walk, bytes));
    while (bytes > 0) {
        if (walk->at < walk->window_at || walk->at - walk->window_at >= walk->window_bytes) {
            const uint64_t left = walk->end - walk->at;
            walk->window_at = walk->at;
            walk->window_bytes = 0;
            RM_TRY(rm_input_read(walk->input, walk->at, left < WINDOW_BYTES ? left : WINDOW_BYTES,
                                 walk->window, walk->error));
            walk->window_bytes = left < WINDOW_BYTES ? left : WINDOW_BYTES;
        }
        const uint64_t from = walk->at - walk->window_at, held = walk->window_bytes - from;
        const uint64_t some = bytes < held ? bytes : held;
        memcpy(next, walk->window + from, (size_t)some);
        next += some;
        walk->at += some;
        bytes -= some;
    }
    return ROPEMAP_OK;
}

static ropemap_status take_number(walker *walk, int bytes, uint64_t *number) {
    uint8_t read[8] = {0};
    RM_TRY(take(walk, (uint64_t)bytes, read));
    *number = little_endian(read, bytes);
    return ROPEMAP_OK;
}

/* ---- values */

static ropemap_status skip_string(walker *walk) {
    uint64_t bytes = 0;
    RM_TRY(take_number(walk, 8, &bytes));
    RM_TRY(expect(walk, bytes));
    if (bytes > RM_GGUF_STRING_MAX) {
        return fail(walk, "%s is a string of %" PRIu64 " bytes; the limit is %d", walk->where, bytes,
                    RM_GGUF_STRING_MAX);
    }
    return skip(walk, bytes);
}

static ropemap_status fail_type(const walker *walk, uint64_t type) {
    return fail(walk, "%s is of type %" PRIu64 "; types are 0 to %d", walk->where, type, RM_GGUF_TYPES - 1);
}

static ropemap_status skip_array(walker *walk) {
    uint64_t type = 0, count = 0;
    RM_TRY(take_number(walk, 4, &type));
    RM_TRY(take_number(walk, 8, &count));
    if (type == RM_GGUF_ARRAY) {
        return fail(walk, "%s is an array of arrays; numbers or strings are read", walk->where);
    }
    if (type >= RM_GGUF_TYPES) {
        return fail_type(walk, type);
    }
    if (count > RM_GGUF_ARRAY_MAX) {
        return fail(walk, "%s is an array of %" PRIu64 " elements; the limit is %d", walk->where, count,
                    RM_GGUF_ARRAY_MAX);
    }
    if (type != RM_GGUF_STRING) {
        return skip(walk, count * type_bytes((uint32_t)type));
    }
    for (uint64_t i = 0; i < count; i++) {
        RM_TRY(skip_string(walk));
    }
    return ROPEMAP_OK;
}

static ropemap_status skip_value(walker *walk, uint64_t type) {
    if (type >= RM_GGUF_TYPES) {
        return fail_type(walk, type);
    }
    return type == RM_GGUF_STRING  ? skip_string(walk)
           : type == RM_GGUF_ARRAY ? skip_array(walk)
                                   : skip(walk, type_bytes((uint32_t)type));
}

/* ---- keys */

static ropemap_status read_entry(walker *walk, rm_gguf_entry *entry) {
    uint64_t bytes = 0, type = 0;
    char label[100];
    RM_TRY(take_number(walk, 8, &bytes));
    if (bytes == 0 || bytes > KEY_BYTES_MOST) {
        return fail(walk, "%s has a name of %" PRIu64 " bytes; 1 to %d are allowed", walk->where, bytes,
                    KEY_BYTES_MOST);
    }
    entry->key_at = walk->at;
    entry->key_bytes = (uint32_t)bytes;
    RM_TRY(take(walk, bytes, walk->key));
    entry->hash = hash_of(walk->key, bytes);
    walk->key[bytes] = 0;
    rm_label_make(label, sizeof label, (const char *)walk->key);
    (void)snprintf(walk->where, sizeof walk->where, "the value of '%s'", label);
    RM_TRY(take_number(walk, 4, &type));
    entry->type = (uint32_t)type;
    entry->value_at = walk->at;
    return skip_value(walk, type);
}

static int by_hash(const void *left, const void *right) {
    const rm_gguf_entry *a = left, *b = right;
    return a->hash != b->hash ? (a->hash < b->hash ? -1 : 1)
                              : (a->key_at > b->key_at) - (a->key_at < b->key_at);
}

/* Neighbours with one hash are the same key or a collision. Uses both buffers of the walk. */
static ropemap_status check_twice(walker *walk, const rm_gguf *file) {
    for (uint64_t i = 1; i < file->entry_count; i++) {
        const rm_gguf_entry *a = &file->entries[i - 1], *b = &file->entries[i];
        if (a->hash != b->hash || a->key_bytes != b->key_bytes) {
            continue;
        }
        walk->window_bytes = 0;
        RM_TRY(rm_input_read(walk->input, a->key_at, a->key_bytes, walk->key, walk->error));
        RM_TRY(rm_input_read(walk->input, b->key_at, b->key_bytes, walk->window, walk->error));
        if (memcmp(walk->key, walk->window, a->key_bytes) == 0) {
            char label[100];
            walk->key[a->key_bytes] = 0;
            rm_label_make(label, sizeof label, (const char *)walk->key);
            return fail(walk, "the key '%s' occurs twice", label);
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status read_entries(walker *walk, rm_gguf *file) {
    file->entries = rm_alloc(file->entry_count == 0 ? 1 : file->entry_count, sizeof *file->entries);
    if (file->entries == NULL) {
        return rm_fail_memory(walk->error, walk->input->name, file->entry_count * sizeof *file->entries);
    }
    for (uint64_t i = 0; i < file->entry_count; i++) {
        (void)snprintf(walk->where, sizeof walk->where, "key %" PRIu64 " of %" PRIu64, i + 1,
                       file->entry_count);
        RM_TRY(read_entry(walk, &file->entries[i]));
    }
    qsort(file->entries, (size_t)file->entry_count, sizeof *file->entries, by_hash);
    return check_twice(walk, file);
}

/* ---- tensors */

static ropemap_status keep_tensor(const walker *walk, rm_gguf *file, const char *name,
                                  rm_gguf_tensor tensor) {
    for (int list = 0; list < RM_GGUF_LISTS; list++) {
        if (strcmp(name, rm_gguf_list_name((rm_gguf_list)list)) == 0) {
            if (file->lists[list].found) {
                return fail(walk, "the tensor '%s' occurs twice", name);
            }
            file->lists[list] = tensor;
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status read_tensor(walker *walk, rm_gguf *file) {
    rm_gguf_tensor tensor = {.found = true};
    char name[32] = ""; /* longer names are of no interest */
    uint64_t bytes = 0, number = 0;
    RM_TRY(take_number(walk, 8, &bytes));
    if (bytes < sizeof name) {
        RM_TRY(take(walk, bytes, name));
    } else {
        RM_TRY(skip(walk, bytes));
    }
    RM_TRY(take_number(walk, 4, &number));
    if (number > RM_TENSOR_RANK_MAX) {
        return fail(walk, "%s has %" PRIu64 " axes; the limit is %d", walk->where, number,
                    RM_TENSOR_RANK_MAX);
    }
    tensor.rank = (uint32_t)number;
    for (uint32_t axis = 0; axis < tensor.rank; axis++) {
        RM_TRY(take_number(walk, 8, &number));
        tensor.count = axis == 0 ? number : tensor.count;
    }
    RM_TRY(take_number(walk, 4, &number));
    tensor.type = (uint32_t)number;
    RM_TRY(take_number(walk, 8, &tensor.offset));
    return keep_tensor(walk, file, name, tensor);
}

static ropemap_status read_tensors(walker *walk, rm_gguf *file, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        (void)snprintf(walk->where, sizeof walk->where, "tensor %" PRIu64 " of %" PRIu64, i + 1, count);
        RM_TRY(read_tensor(walk, file));
    }
    const uint64_t beyond = walk->at % file->alignment;
    file->data_at = beyond == 0 ? walk->at : walk->at + (file->alignment - beyond);
    return ROPEMAP_OK;
}

/* ---- the file */

static ropemap_status check_version(const walker *walk, const uint8_t *header) {
    const uint64_t version = little_endian(header + 4, 4);
    if (memcmp(header, "GGUF", 4) != 0) {
        return fail(walk, "begins with the bytes %02x %02x %02x %02x, not with GGUF", header[0], header[1],
                    header[2], header[3]);
    }
    if (version != 0 && (version & 0xffff) == 0) {
        return fail(
            walk, "a big-endian GGUF file, which is not read; convert it with gguf-py's gguf_convert_endian");
    }
    if (version != 2 && version != 3) {
        return fail(walk, "GGUF version %" PRIu64 "; 2 and 3 are read", version);
    }
    return ROPEMAP_OK;
}

static ropemap_status read_header(walker *walk, rm_gguf *file, uint64_t *tensors) {
    uint8_t header[HEADER_BYTES];
    if (walk->input->size < HEADER_BYTES) {
        return fail(walk, "%s (%" PRIu64 " bytes), a GGUF file begins with a header of %d bytes",
                    walk->input->size == 0 ? "is empty" : "is too short", walk->input->size, HEADER_BYTES);
    }
    RM_TRY(take(walk, HEADER_BYTES, header));
    RM_TRY(check_version(walk, header));
    *tensors = little_endian(header + 8, 8);
    file->entry_count = little_endian(header + 16, 8);
    const uint64_t left = walk->input->size - HEADER_BYTES;
    if (*tensors > left / TENSOR_BYTES_LEAST) {
        return fail(walk, "%" PRIu64 " tensors do not fit in a file of %" PRIu64 " bytes", *tensors,
                    walk->input->size);
    }
    if (file->entry_count > left / ENTRY_BYTES_LEAST) {
        return fail(walk, "%" PRIu64 " keys do not fit in a file of %" PRIu64 " bytes", file->entry_count,
                    walk->input->size);
    }
    return file->entry_count <= RM_GGUF_KEYS_MAX
               ? ROPEMAP_OK
               : fail(walk, "%" PRIu64 " keys; the limit is %d", file->entry_count, RM_GGUF_KEYS_MAX);
}

static ropemap_status read_alignment(const walker *walk, rm_gguf *file) {
    double alignment = DEFAULT_ALIGNMENT;
    uint32_t count = 0;
    RM_TRY(rm_gguf_numbers(file, ALIGNMENT_KEY, 1, &alignment, &count, walk->error));
    for (uint64_t power = 1; power <= RM_GGUF_ALIGNMENT_MAX; power *= 2) {
        if (alignment == (double)power) {
            file->alignment = power;
            return ROPEMAP_OK;
        }
    }
    return fail(walk, "%s is %.17g, expected a power of two up to %d", ALIGNMENT_KEY, alignment,
                RM_GGUF_ALIGNMENT_MAX);
}

static ropemap_status walk_through(walker *walk, rm_gguf *file) {
    uint64_t tensors = 0;
    walk->input = &file->input;
    walk->end = file->input.size < RM_GGUF_METADATA_MAX ? file->input.size : RM_GGUF_METADATA_MAX;
    RM_TRY(read_header(walk, file, &tensors));
    RM_TRY(read_entries(walk, file));
    RM_TRY(read_alignment(walk, file));
    return read_tensors(walk, file, tensors);
}

ropemap_status rm_gguf_open(const char *path, rm_gguf *file, ropemap_error *error) {
    *file = (rm_gguf){.input = {.fd = -1}};
    walker *walk = rm_alloc(1, sizeof *walk);
    if (walk == NULL) {
        return rm_fail_memory(error, "metadata", sizeof *walk);
    }
    walk->error = error;
    ropemap_status status = rm_input_open(path, &file->input, error);
    if (status == ROPEMAP_OK) {
        status = walk_through(walk, file);
    }
    rm_free(walk);
    if (status != ROPEMAP_OK) {
        rm_gguf_close(file);
    }
    return status;
}

void rm_gguf_close(rm_gguf *file) {
    rm_input_close(&file->input);
    rm_free(file->entries);
    file->entries = NULL;
    file->entry_count = 0;
}
