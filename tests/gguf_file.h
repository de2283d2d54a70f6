/* gguf_file.h - GGUF files written value by value, for tests of good and of broken ones */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_GGUF_FILE_H
#define ROPEMAP_TESTS_GGUF_FILE_H

#include "host/ropemap.h"
#include "host/ropemap_model.h"
#include "tests/scratch.h"
#include "tests/unit.h"

/* The types of values that tests write. */
enum { GGUF_U32 = 4, GGUF_I32 = 5, GGUF_F32 = 6, GGUF_FLAG = 7, GGUF_TEXT = 8, GGUF_ARRAY = 9 };

typedef struct gguf_file {
    uint8_t bytes[1 << 16];
    size_t size;
    uint64_t tensors, keys; /* counted as they are put */
} gguf_file;

static inline void gguf_put(gguf_file *file, uint64_t number, int bytes) {
    for (int i = 0; i < bytes; i++) {
        file->bytes[file->size++] = (uint8_t)(number >> (8 * i));
    }
}

static inline void gguf_put_float(gguf_file *file, double value) {
    const float single = (float)value;
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    gguf_put(file, bits, 4);
}

static inline void gguf_put_string(gguf_file *file, const char *text) {
    gguf_put(file, strlen(text), 8);
    memcpy(file->bytes + file->size, text, strlen(text));
    file->size += strlen(text);
}

/* A key and the type of the value that follows. */
static inline void gguf_key(gguf_file *file, const char *key, uint32_t type) {
    gguf_put_string(file, key);
    gguf_put(file, type, 4);
    file->keys++;
}

static inline void gguf_u32(gguf_file *file, const char *key, uint32_t value) {
    gguf_key(file, key, GGUF_U32);
    gguf_put(file, value, 4);
}

static inline void gguf_f32(gguf_file *file, const char *key, double value) {
    gguf_key(file, key, GGUF_F32);
    gguf_put_float(file, value);
}

static inline void gguf_text(gguf_file *file, const char *key, const char *value) {
    gguf_key(file, key, GGUF_TEXT);
    gguf_put_string(file, value);
}

/* An F32 tensor of one axis; keys come before all tensors. */
static inline void gguf_tensor(gguf_file *file, const char *name, uint64_t count, uint64_t offset) {
    gguf_put_string(file, name);
    gguf_put(file, 1, 4);
    gguf_put(file, count, 8);
    gguf_put(file, 0, 4);
    gguf_put(file, offset, 8);
    file->tensors++;
}

static inline void gguf_align(gguf_file *file) {
    while (file->size % 32 != 0) {
        file->bytes[file->size++] = 0;
    }
}

/* Room for the header, then the architecture. */
static inline void gguf_start(gguf_file *file, const char *architecture) {
    memset(file, 0, sizeof *file);
    file->size = 24;
    gguf_text(file, "general.architecture", architecture);
}

/* Writes the header: version 3, the counts. */
static inline void gguf_finish(gguf_file *file) {
    const size_t size = file->size;
    memcpy(file->bytes, "GGUF", 4);
    file->size = 4;
    gguf_put(file, 3, 4);
    gguf_put(file, file->tensors, 8);
    gguf_put(file, file->keys, 8);
    file->size = size;
}

static inline ropemap_status gguf_open(scratch *place, const gguf_file *file, const char *layer_type,
                                       ropemap_model **model, ropemap_error *error) {
    scratch_write(place, "model.gguf", file->bytes, file->size);
    return ropemap_model_open(place->path, &(ropemap_model_choice){.layer_type = layer_type}, model, error);
}

/* One line with the file's name and `words`. */
static inline void gguf_refused(scratch *place, const gguf_file *file, const char *layer_type,
                                ropemap_status status, const char *words) {
    ropemap_model *model = NULL;
    ropemap_error error = {0};
    const ropemap_status got = gguf_open(place, file, layer_type, &model, &error);
    if (got != status || model != NULL || error.status != status || strstr(error.text, words) == NULL ||
        strstr(error.text, "model.gguf") == NULL || strchr(error.text, '\n') != NULL) {
        fail_msg("status %d, \"%s\" should be %d, one line, name model.gguf and say \"%s\"", (int)got,
                 error.text, (int)status, words);
    }
}

#endif
