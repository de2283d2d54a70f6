/* gguf_value.c - single values of a GGUF file that is open, and the divisors of its RoPE tensors */
/* SPDX-License-Identifier: MIT */
#include "host/spec/gguf.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TENSOR_F32 = 0, ARRAY_HEADER_BYTES = 12 };

/* A pair that stands still is divided by 1e30 (proportional RoPE), which as a float is a little more. */
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

uint32_t rm_gguf_type_bytes(uint32_t type) {
    return type < RM_GGUF_TYPES ? types[type].bytes : 0;
}

uint64_t rm_gguf_hash(const void *bytes, uint64_t count) {
    const uint8_t *next = bytes;
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint64_t i = 0; i < count; i++) {
        hash = (hash ^ next[i]) * 0x100000001b3u;
    }
    return hash;
}

uint64_t rm_gguf_little(const uint8_t *bytes, int count) {
    uint64_t number = 0;
    for (int i = count - 1; i >= 0; i--) {
        number = number << 8 | bytes[i];
    }
    return number;
}

/* ---- finding */

static int against_hash(const void *key, const void *element) {
    const uint64_t hash = *(const uint64_t *)key, other = ((const rm_gguf_entry *)element)->hash;
    return (hash > other) - (hash < other);
}

/* NULL where the key is not there. A hash may be that of another key, so the text decides. */
static ropemap_status find(const rm_gguf *file, const char *key, const rm_gguf_entry **found,
                           ropemap_error *error) {
    const size_t bytes = strlen(key);
    const uint64_t hash = rm_gguf_hash(key, bytes);
    const rm_gguf_entry *entry =
        file->entry_count == 0
            ? NULL
            : bsearch(&hash, file->entries, (size_t)file->entry_count, sizeof *file->entries, against_hash);
    *found = NULL;
    if (entry == NULL || bytes >= RM_GGUF_KEY_BYTES) {
        return ROPEMAP_OK;
    }
    while (entry > file->entries && entry[-1].hash == hash) {
        entry--;
    }
    for (; entry < file->entries + file->entry_count && entry->hash == hash; entry++) {
        char text[RM_GGUF_KEY_BYTES];
        if (entry->key_bytes == bytes) {
            RM_TRY(rm_input_read(&file->input, entry->key_at, bytes, text, error));
            if (memcmp(text, key, bytes) == 0) {
                file->entries[entry - file->entries].used = true;
                *found = entry;
                return ROPEMAP_OK;
            }
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
    const uint64_t bits = rm_gguf_little(bytes, (int)types[type].bytes);
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
    return rm_gguf_type_bytes(type) != 0 && type != RM_GGUF_BOOL;
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
        type = (uint32_t)rm_gguf_little(header, 4);
        held = rm_gguf_little(header + 4, 8);
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
    const uint64_t bytes = rm_gguf_little(header, 8);
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

/* ---- what nobody asked for */

static bool is_rope_key(const char *key) {
    static const char *const words[] = {"rope", "rotary", "yarn", "ntk", "nope"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strstr(key, words[i]) != NULL && strncmp(key, "general.", 8) != 0 &&
            strncmp(key, "tokenizer.", 10) != 0 && strncmp(key, "clip.", 5) != 0) {
            return true;
        }
    }
    return false;
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
        const bool harmless = tail != NULL && strcmp(tail, ".finetuned") == 0; /* a remark, but for a few */
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
                       "%s: tensor '%s' holds %" PRIu64 " numbers, expected %d, one a pair", file->input.name,
                       name, tensor->count, (int)pairs);
    }
    RM_TRY(check_place(file, tensor, name, count * 4, error));
    RM_TRY(rm_input_read(&file->input, file->data_at + tensor->offset, count * 4, bytes, error));
    for (uint64_t i = 0; i < count; i++) {
        divisors[i] = decode(RM_GGUF_FLOAT32, bytes + i * 4);
        if (!(divisors[i] > 0.0 && isfinite(divisors[i]))) {
            return rm_fail(error, ROPEMAP_DATA,
                           "%s: tensor '%s' holds %g for pair %" PRIu64 ", expected a number above 0",
                           file->input.name, name, divisors[i], i);
        }
        divisors[i] = fmin(divisors[i], DIVISOR_MOST);
    }
    return ROPEMAP_OK;
}
