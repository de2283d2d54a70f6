/* tensor.h - a tensor in a .npy, .npz or .safetensors file, read as rows of a head in float */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_DATA_TENSOR_H
#define ROPEMAP_HOST_DATA_TENSOR_H

#include "host/base/input.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum rm_element_kind {
    RM_ELEMENT_F16,  /* IEEE binary16 */
    RM_ELEMENT_BF16, /* the upper half of a binary32 */
    RM_ELEMENT_F32,  /* IEEE binary32 */
    RM_ELEMENT_F64,  /* IEEE binary64 */
    RM_ELEMENT_I8,   /* whole numbers, two's complement */
    RM_ELEMENT_I16,
    RM_ELEMENT_I32,
    RM_ELEMENT_I64,
    RM_ELEMENT_U8,
    RM_ELEMENT_U16,
    RM_ELEMENT_U32,
    RM_ELEMENT_U64
} rm_element_kind;

/* How one number lies in a file. */
typedef struct rm_element {
    rm_element_kind kind;
    bool big_endian;
} rm_element;

bool rm_host_is_big_endian(void);

uint32_t rm_element_bytes(rm_element element);

/*
 * floats[i * float_stride] = the number at bytes + i * byte_stride, for i < count; `bytes` need not be
 * aligned. Exact but for F64, which is rounded to the nearest float: beyond 3.4e38 that is infinity. NaN
 * stays NaN. Not for whole numbers.
 */
void rm_element_convert(rm_element element, const uint8_t *bytes, uint64_t byte_stride, float *floats,
                        int64_t float_stride, int64_t count);

/* The number at `bytes`, which need not be aligned, exactly. Not for whole numbers. */
double rm_element_double(rm_element element, const uint8_t *bytes);

/* A whole number of up to 64 bits, with or without a sign. */
typedef struct rm_whole {
    bool negative;
    uint64_t magnitude;
} rm_whole;

/* The whole number at `bytes`, which need not be aligned; `element` is one of I8 to U64. */
rm_whole rm_element_whole(rm_element element, const uint8_t *bytes);

/* What a reader of assumed_bfloat should know. */
#define RM_NOTE_BFLOAT                                                                                       \
    "elements of two bytes without a name (V2) were read as bfloat16, as ml_dtypes saves it"

/* What every file format is parsed into. Its bytes lie inside the file: the parser has checked that. */
typedef struct rm_tensor {
    char name[RM_LABEL_BYTES]; /* empty where the format has no names */
    rm_element element;
    bool assumed_bfloat; /* the file has elements of two bytes that it gives no meaning */
    bool fortran;        /* the first axis varies fastest, not the last */
    int32_t rank;
    uint64_t shape[RM_TENSOR_RANK_MAX]; /* [rank] */
    uint64_t offset;                    /* of the first element, bytes from the start of the file */
} rm_tensor;

/* Product of `rank` sizes, in *elements; false where it passes 2^64 on the way, even if a later size is 0. */
bool rm_tensor_elements(const uint64_t *shape, int32_t rank, uint64_t *elements);

/* "(8, 4096, 128)", cut to `size` */
void rm_tensor_shape_text(char *text, size_t size, const rm_tensor *tensor);

/* ---- formats that hold one */

#define RM_NPY_MAGIC "\x93NUMPY"

enum { RM_NPY_MAGIC_BYTES = 6 };

/*
 * Reads the header of format versions 1.0, 2.0 and 3.0 (NumPy Enhancement Proposal 1 and numpy.lib.format)
 * and checks that the file holds what it promises; bytes after the tensor are left alone, as NumPy does.
 * ROPEMAP_DATA for anything else, with the value and the rule.
 */
ropemap_status rm_npy_parse(const rm_input *input, rm_tensor *tensor, ropemap_error *error);

/* The same of whole numbers: elements are one of I8 to U64, floats are refused. */
ropemap_status rm_npy_parse_whole(const rm_input *input, rm_tensor *tensor, ropemap_error *error);

enum { RM_NPY_START_MOST = 256 };

/* What a file begins with before its elements, of type `descr` ("<f4") and axes `shape` ("64, 128"; "64,"),
 * which have less than 100 characters together. Returns its bytes, a multiple of 64. */
size_t rm_npy_start(char start[RM_NPY_START_MOST], const char *descr, const char *shape);

/* What to do with a file of a known format that is not read, from its name and its first bytes [held]; NULL:
 * it is none of those. Static text. */
const char *rm_foreign_advice(const char *name, const uint8_t *start, uint64_t held);

/*
 * Reads and checks the whole header (https://github.com/huggingface/safetensors, "Format"), then finds
 * `name`, or the only tensor where `name` is NULL. ROPEMAP_DATA for a file that breaks the format or a tensor
 * that is not of floats; ROPEMAP_USAGE, with names that it holds, where the file lacks the tensor or a name
 * is needed.
 */
ropemap_status rm_safetensors_find(const rm_input *input, const char *name, rm_tensor *tensor,
                                   ropemap_error *error);

/*
 * Makes the input of a .npz file (a zip, by numpy.savez) that of one array in it: `name`, or the only one
 * where `name` is NULL. Stored and deflated arrays are read, and their checksums compared. ROPEMAP_DATA for
 * what is no such file; ROPEMAP_USAGE, with names that it holds, where the file lacks the array or a name is
 * needed. On failure the input is left as it was.
 */
ropemap_status rm_npz_open(rm_input *input, const char *name, ropemap_error *error);

/* Whether it is such a file and has that array. */
bool rm_npz_has(const rm_input *input, const char *name);

/* Opens a file of any of these formats and finds a tensor of floats in it; to be closed after success. */
ropemap_status rm_tensor_open(const char *path, const char *name, rm_input *input, rm_tensor *tensor,
                              ropemap_error *error);

/* A value of a file's __metadata__, decoded. */
typedef struct rm_metadata_entry {
    const char *name;
    char *value; /* owned, rm_free; NULL: the file has none */
} rm_metadata_entry;

/* Reads the header as above and fills the values of `wanted` [count], which start NULL; the caller frees
 * them, also after a failure. ROPEMAP_DATA, too, for one of these names twice. */
ropemap_status rm_safetensors_metadata(const rm_input *input, rm_metadata_entry *wanted, int count,
                                       ropemap_error *error);

/* ---- json.c: reads JSON of a known shape, without a tree and without allocating */

/*
 * A tree of a safetensors header takes 15 to 45 times the header's bytes (jansson 2.14: 1.0 GB for 10^6
 * tensors in 70 MB), too much for input that is not validated yet. The syntax is RFC 8259's; numbers are
 * whole and not negative, since the header has no others. The caller looks for duplicate keys.
 */

typedef struct rm_json {
    char *text; /* [size], changed by the walk: strings are decoded in place */
    uint64_t size, at;
    const char *wrong; /* NULL, or what is wrong at byte `at`: from then on nothing is taken */
} rm_json;

/* Takes `wanted`, one of {}[]:, after white space. False, and wrong, where there is something else. */
bool rm_json_take(rm_json *json, char wanted);

/*
 * Call before each element of an object or array, with *first true before the first one: takes the comma and
 * returns true, or takes `close` and returns false. False, and wrong, where there is neither.
 */
bool rm_json_more(rm_json *json, char close, bool *first);

/* The next string, decoded to UTF-8 and ended by a zero byte inside the text; NULL, and wrong, where none is.
 */
const char *rm_json_string(rm_json *json);

/* The next number: digits alone, below 2^64. */
bool rm_json_integer(rm_json *json, uint64_t *value);

/* Whether nothing but white space is left. False, and wrong, otherwise. */
bool rm_json_end(rm_json *json);

#endif
