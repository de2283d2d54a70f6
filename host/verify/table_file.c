/* table_file.c - a table as .npy, .safetensors, .gguf or a C header */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/data/tensor.h"
#include "host/verify/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { START_MOST = 1024, ALIGNMENT = 64 /* bytes; more than any of the formats needs */ };

/* What comes before the numbers. */
typedef struct start {
    char bytes[START_MOST]; /* [used] */
    size_t used;
} start;

static void put_bytes(start *to, const void *bytes, size_t count) {
    memcpy(to->bytes + to->used, bytes, count);
    to->used += count;
}

static void put_whole(start *to, uint64_t value, int bytes) {
    for (int byte = 0; byte < bytes; byte++) {
        to->bytes[to->used++] = (char)(uint8_t)(value >> (8 * byte));
    }
}

static void put_text(start *to, const char *text) {
    put_bytes(to, text, strlen(text));
}

/* Up to a multiple of ALIGNMENT; the last byte is `last`. */
static void pad(start *to, char filler, char last) {
    do {
        to->bytes[to->used++] = filler;
    } while (to->used % ALIGNMENT != 0);
    to->bytes[to->used - 1] = last;
}

/* "131072, 128", or "64," of one axis in Python's way; "64" where it is not `pythonic`. */
static void shape_text(const rm_table_shape *shape, bool pythonic, char *text, size_t size) {
    if (shape->rows) {
        (void)snprintf(text, size, "%" PRId64 ", %" PRId64, shape->height, shape->width);
    } else {
        (void)snprintf(text, size, "%" PRId64 "%s", shape->width, pythonic ? "," : "");
    }
}

static uint64_t data_bytes(const rm_table_shape *shape) {
    return (uint64_t)shape->height * (uint64_t)shape->width * shape->bytes;
}

static void start_npy(const rm_table_shape *shape, start *to) {
    static const char *const descr[] = {[ROPEMAP_ELEMENT_FP32] = "<f4",
                                        [ROPEMAP_ELEMENT_FP64] = "<f8",
                                        [ROPEMAP_ELEMENT_FP16] = "<f2",
                                        [ROPEMAP_ELEMENT_BF16] = "<V2"};
    char axes[60];
    shape_text(shape, true, axes, sizeof axes);
    to->used = rm_npy_start(to->bytes, descr[shape->element], axes);
}

/* https://github.com/huggingface/safetensors, "Format". */
static void start_safetensors(const rm_table_shape *shape, start *to) {
    static const char *const types[] = {[ROPEMAP_ELEMENT_FP32] = "F32",
                                        [ROPEMAP_ELEMENT_FP64] = "F64",
                                        [ROPEMAP_ELEMENT_FP16] = "F16",
                                        [ROPEMAP_ELEMENT_BF16] = "BF16"};
    char axes[60], text[600];
    shape_text(shape, false, axes, sizeof axes);
    (void)snprintf(text, sizeof text,
                   "{\"__metadata__\":{\"rule\":\"%s\",\"made_by\":\"ropemap %s\"},\"%s\":{\"dtype\":\"%s\","
                   "\"shape\":[%s],\"data_offsets\":[0,%" PRIu64 "]}}",
                   shape->rule, ropemap_version(), shape->name, types[shape->element], axes,
                   data_bytes(shape));
    put_whole(to, 0, 8);
    put_text(to, text);
    pad(to, ' ', ' ');
    for (int byte = 0; byte < 8; byte++) {
        to->bytes[byte] = (char)(uint8_t)((uint64_t)(to->used - 8) >> (8 * byte));
    }
}

static void put_counted(start *to, const char *text) {
    put_whole(to, strlen(text), 8);
    put_text(to, text);
}

/* https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, version 3; numbers of types as in ggml.h. */
static void start_gguf(const rm_table_shape *shape, start *to) {
    static const uint32_t types[] = {[ROPEMAP_ELEMENT_FP32] = 0,
                                     [ROPEMAP_ELEMENT_FP64] = 28,
                                     [ROPEMAP_ELEMENT_FP16] = 1,
                                     [ROPEMAP_ELEMENT_BF16] = 30};
    enum { TEXT = 8, UINT32 = 4 };
    put_text(to, "GGUF");
    put_whole(to, 3, 4);
    put_whole(to, 1, 8); /* tensors */
    put_whole(to, 2, 8); /* keys */
    put_counted(to, "general.description");
    put_whole(to, TEXT, 4);
    put_counted(to, shape->rule);
    put_counted(to, "general.alignment");
    put_whole(to, UINT32, 4);
    put_whole(to, ALIGNMENT, 4);
    put_counted(to, shape->name);
    put_whole(to, shape->rows ? 2 : 1, 4);
    put_whole(to, (uint64_t)shape->width, 8); /* the axis that varies fastest comes first */
    if (shape->rows) {
        put_whole(to, (uint64_t)shape->height, 8);
    }
    put_whole(to, types[shape->element], 4);
    put_whole(to, 0, 8); /* where its data begins, after the padding */
    if (to->used % ALIGNMENT != 0) {
        pad(to, '\0', '\0');
    }
}

ropemap_status rm_table_file(const rm_table_shape *shape, ropemap_table_format format, ropemap_bytes *file,
                             uint8_t **data, ropemap_error *error) {
    static void (*const starts[])(const rm_table_shape *, start *) = {
        [ROPEMAP_TABLE_NPY] = start_npy,
        [ROPEMAP_TABLE_SAFETENSORS] = start_safetensors,
        [ROPEMAP_TABLE_C] = NULL,
        [ROPEMAP_TABLE_GGUF] = start_gguf,
    };
    start before = {.used = 0};
    starts[format](shape, &before);
    uint64_t bytes = data_bytes(shape) + before.used;
    if (format == ROPEMAP_TABLE_GGUF) { /* the data's end is aligned, too */
        bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    file->data = rm_alloc(bytes, 1);
    if (file->data == NULL) {
        return rm_fail_memory(error, "the table", bytes);
    }
    file->size = (size_t)bytes;
    memcpy(file->data, before.bytes, before.used);
    *data = file->data + before.used;
    return ROPEMAP_OK;
}

/* ---- C */

static uint64_t bits_at(const rm_table_shape *shape, const uint8_t *at) {
    uint64_t bits = 0;
    for (uint32_t byte = 0; byte < shape->bytes; byte++) {
        bits |= (uint64_t)at[byte] << (8 * byte);
    }
    return bits;
}

/* Exact: floats in hexadecimal, 16-bit ones as their bits. */
static int print_number(const rm_table_shape *shape, uint64_t bits, char *text, size_t size) {
    double value = 0.0;
    if (shape->bytes == 2) {
        return snprintf(text, size, "0x%04x", (unsigned)bits);
    }
    if (shape->bytes == 4) {
        const uint32_t low = (uint32_t)bits;
        float narrow;
        memcpy(&narrow, &low, sizeof narrow);
        return snprintf(text, size, "%af", (double)narrow);
    }
    memcpy(&value, &bits, sizeof value);
    return snprintf(text, size, "%a", value);
}

/* "cos_sin_cache" of any tensor's name. */
static void identifier(const char *name, char *text, size_t size) {
    (void)snprintf(text, size, "%.40s", name);
    for (char *at = text; *at != '\0'; at++) {
        *at = *at == '.' ? '_' : *at;
    }
}

static size_t print_start(const rm_table_shape *shape, char *text, size_t size) {
    static const char *const types[] = {[ROPEMAP_ELEMENT_FP32] = "float",
                                        [ROPEMAP_ELEMENT_FP64] = "double",
                                        [ROPEMAP_ELEMENT_FP16] = "uint16_t",
                                        [ROPEMAP_ELEMENT_BF16] = "uint16_t"};
    char name[48], height[32] = "";
    identifier(shape->name, name, sizeof name);
    if (shape->rows) {
        (void)snprintf(height, sizeof height, "[%" PRId64 "]", shape->height);
    }
    return (size_t)snprintf(text, size,
                            "/* %s of a RoPE rule, %s, made by ropemap %s: %s */\n%sstatic const %s "
                            "%s%s[%" PRId64 "] = {\n",
                            name, ropemap_element_name(shape->element), ropemap_version(), shape->rule,
                            shape->bytes == 2 ? "#include <stdint.h>\n\n" : "\n", types[shape->element], name,
                            height, shape->width);
}

enum { NUMBER_MOST = 26, LINE = 8 /* numbers */ };

ropemap_status rm_table_text(const rm_table_shape *shape, const uint8_t *data, ropemap_bytes *file,
                             ropemap_error *error) {
    const uint64_t numbers = (uint64_t)shape->height * (uint64_t)shape->width;
    const uint64_t most = START_MOST + numbers * (NUMBER_MOST + 4) + (uint64_t)shape->height * 8;
    char *text = rm_alloc_raw(most, 1);
    if (text == NULL) {
        return rm_fail_memory(error, "the table", most);
    }
    size_t used = print_start(shape, text, START_MOST);
    for (int64_t row = 0; row < shape->height; row++) {
        used += (size_t)snprintf(text + used, most - used, "%s", shape->rows ? "    {" : "    ");
        for (int64_t column = 0; column < shape->width; column++, data += shape->bytes) {
            char number[NUMBER_MOST];
            (void)print_number(shape, bits_at(shape, data), number, sizeof number);
            used += (size_t)snprintf(text + used, most - used, "%s%s", number,
                                     column + 1 == shape->width  ? ""
                                     : column % LINE == LINE - 1 ? ",\n    "
                                                                 : ", ");
        }
        used += (size_t)snprintf(text + used, most - used, "%s\n", shape->rows ? "}," : ",");
    }
    used += (size_t)snprintf(text + used, most - used, "};\n");
    *file = (ropemap_bytes){.data = (uint8_t *)text, .size = used};
    return ROPEMAP_OK;
}
