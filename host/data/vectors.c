/* vectors.c - opens a source of rows by what its file is, and answers questions about any source */
/* SPDX-License-Identifier: MIT */
#include "host/data/vectors.h"
#include "host/base/alloc.h"
#include "host/data/npy.h"
#include "host/data/safetensors.h"
#include "host/data/source.h"
#include "host/data/tensor.h"

#include <inttypes.h>
#include <string.h>

typedef enum tensor_format { FORMAT_UNKNOWN, FORMAT_NPY, FORMAT_SAFETENSORS } tensor_format;

static bool has_ending(const char *path, const char *ending) {
    const size_t length = strlen(path), ending_length = strlen(ending);
    return length >= ending_length && strcmp(path + length - ending_length, ending) == 0;
}

/* The ending decides, so that a broken file is told what it should have been; else the first bytes do. */
static ropemap_status find_format(const char *path, const rm_input *input, tensor_format *format,
                                  ropemap_error *error) {
    *format = has_ending(path, ".npy")           ? FORMAT_NPY
              : has_ending(path, ".safetensors") ? FORMAT_SAFETENSORS
                                                 : FORMAT_UNKNOWN;
    uint8_t start[9];
    if (*format != FORMAT_UNKNOWN || input->size < sizeof start) {
        return ROPEMAP_OK;
    }
    RM_TRY(rm_input_read(input, 0, sizeof start, start, error));
    if (memcmp(start, RM_NPY_MAGIC, RM_NPY_MAGIC_BYTES) == 0) {
        *format = FORMAT_NPY;
    } else if (start[8] == '{') { /* after the header's length */
        *format = FORMAT_SAFETENSORS;
    }
    return ROPEMAP_OK;
}

static ropemap_status find_tensor(const ropemap_tensor *tensor, const rm_input *input, rm_tensor *found,
                                  ropemap_error *error) {
    tensor_format format;
    RM_TRY(find_format(tensor->path, input, &format, error));
    if (format == FORMAT_SAFETENSORS) {
        return rm_safetensors_find(input, tensor->name, found, error);
    }
    if (format == FORMAT_UNKNOWN) {
        uint8_t start[4] = {0};
        const uint64_t held = input->size < sizeof start ? input->size : sizeof start;
        RM_TRY(rm_input_read(input, 0, held, start, error));
        const char *advice = rm_foreign_advice(input->name, start, held);
        if (advice != NULL) {
            return rm_fail(error, ROPEMAP_DATA, "%s: %s", input->name, advice);
        }
        return rm_fail(error, ROPEMAP_DATA,
                       "%s: is neither a .npy nor a .safetensors file, by its name or by its first bytes",
                       input->name);
    }
    if (tensor->name != NULL) {
        char name[RM_LABEL_BYTES];
        rm_label_make(name, sizeof name, tensor->name);
        return rm_fail(error, ROPEMAP_USAGE,
                       "%s: tensor '%s' was asked for, a .npy file holds one tensor without a name",
                       input->name, name);
    }
    return rm_npy_parse(input, found, error);
}

ropemap_status ropemap_vectors_open(const ropemap_tensor *tensor, ropemap_vectors **vectors,
                                    ropemap_error *error) {
    *vectors = NULL;
    if (tensor->path == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "tensor: no path was given");
    }
    rm_input input;
    RM_TRY(rm_input_open(tensor->path, &input, error));
    rm_tensor found;
    ropemap_status status = find_tensor(tensor, &input, &found, error);
    if (status == ROPEMAP_OK) {
        status = rm_tensor_open(&input, &found, tensor, vectors, error);
    }
    if (status != ROPEMAP_OK) {
        rm_input_close(&input);
    }
    return status;
}

void ropemap_vectors_free(ropemap_vectors *vectors) {
    if (vectors != NULL) {
        vectors->destroy(vectors);
    }
}

int64_t ropemap_vectors_count(const ropemap_vectors *vectors) {
    return vectors->count;
}

int32_t ropemap_vectors_head_dim(const ropemap_vectors *vectors) {
    return vectors->head_dim;
}

const char *ropemap_vectors_note(const ropemap_vectors *vectors) {
    return vectors->assumed_bfloat ? RM_NOTE_BFLOAT : NULL;
}

const char *ropemap_vectors_label(const ropemap_vectors *vectors) {
    return vectors->label;
}

int64_t ropemap_vectors_heads(const ropemap_vectors *vectors) {
    return vectors->heads;
}

void rm_source_free(ropemap_vectors *vectors) {
    rm_free(vectors);
}

void *rm_source_alloc(size_t bytes, int32_t head_dim, ropemap_error *error) {
    ropemap_vectors *vectors = rm_alloc(1, bytes);
    if (vectors == NULL) {
        (void)rm_fail_memory(error, "vectors", bytes);
        return NULL;
    }
    vectors->count = ROPEMAP_POSITION_END;
    vectors->head_dim = head_dim;
    vectors->heads = 1;
    vectors->destroy = rm_source_free;
    return vectors;
}

ropemap_status rm_source_check_head_dim(const char *name, int64_t head_dim, ropemap_status status,
                                        ropemap_error *error) {
    if (head_dim < 2 || head_dim > ROPEMAP_MAX_HEAD_DIM) {
        return rm_fail(error, status, "%s: head dimension %" PRId64 ", it must be 2 to %d", name, head_dim,
                       ROPEMAP_MAX_HEAD_DIM);
    }
    if (head_dim % 2 != 0) {
        return rm_fail(error, status, "%s: head dimension %" PRId64 " is odd, RoPE rotates pairs", name,
                       head_dim);
    }
    return ROPEMAP_OK;
}
