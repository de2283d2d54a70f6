/* tensor.c - a tensor in a file, read as rows of a head in float */
/* SPDX-License-Identifier: MIT */
#include "host/data/tensor.h"
#include "cuda/arith.h"
#include "host/base/alloc.h"
#include "host/data/vectors.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Element (row, column) lies at byte offset + row * row_stride + column * column_stride, inside the file. */
typedef struct strided_rows {
    rm_element element;
    int32_t columns;
    uint64_t offset;                    /* bytes */
    uint64_t row_stride, column_stride; /* bytes; one of them spans at least the extent of the other axis */
} strided_rows;

bool rm_host_is_big_endian(void) {
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first == 0;
}

static inline uint16_t swap16(uint16_t x) {
    return (uint16_t)(x >> 8 | x << 8);
}

static inline uint32_t swap32(uint32_t x) {
    return x >> 24 | (x >> 8 & 0xff00u) | (x << 8 & 0xff0000u) | x << 24;
}

static inline uint64_t swap64(uint64_t x) {
    return (uint64_t)swap32((uint32_t)x) << 32 | swap32((uint32_t)(x >> 32));
}

static inline void convert_half(const uint8_t *bytes, uint64_t byte_stride, float *floats,
                                int64_t float_stride, int64_t count, bool swap) {
    for (int64_t i = 0; i < count; i++) {
        uint16_t x;
        memcpy(&x, bytes + (uint64_t)i * byte_stride, sizeof x);
        floats[i * float_stride] = rm_float_from_half(swap ? swap16(x) : x);
    }
}

static inline void convert_bfloat(const uint8_t *bytes, uint64_t byte_stride, float *floats,
                                  int64_t float_stride, int64_t count, bool swap) {
    for (int64_t i = 0; i < count; i++) {
        uint16_t x;
        memcpy(&x, bytes + (uint64_t)i * byte_stride, sizeof x);
        floats[i * float_stride] = rm_float_from_bfloat(swap ? swap16(x) : x);
    }
}

static inline void convert_single(const uint8_t *bytes, uint64_t byte_stride, float *floats,
                                  int64_t float_stride, int64_t count, bool swap) {
    for (int64_t i = 0; i < count; i++) {
        uint32_t x;
        memcpy(&x, bytes + (uint64_t)i * byte_stride, sizeof x);
        floats[i * float_stride] = rm_float_from_bits(swap ? swap32(x) : x);
    }
}

static inline void convert_double(const uint8_t *bytes, uint64_t byte_stride, float *floats,
                                  int64_t float_stride, int64_t count, bool swap) {
    for (int64_t i = 0; i < count; i++) {
        uint64_t x;
        memcpy(&x, bytes + (uint64_t)i * byte_stride, sizeof x);
        x = swap ? swap64(x) : x;
        double value;
        memcpy(&value, &x, sizeof value);
        floats[i * float_stride] = (float)value;
    }
}

uint32_t rm_element_bytes(rm_element element) {
    switch (element.kind) {
    case RM_ELEMENT_I8:
    case RM_ELEMENT_U8:
        return 1;
    case RM_ELEMENT_F16:
    case RM_ELEMENT_BF16:
    case RM_ELEMENT_I16:
    case RM_ELEMENT_U16:
        return 2;
    case RM_ELEMENT_F32:
    case RM_ELEMENT_I32:
    case RM_ELEMENT_U32:
        return 4;
    case RM_ELEMENT_F64:
    case RM_ELEMENT_I64:
    case RM_ELEMENT_U64:
        break;
    }
    return 8;
}

/* Whether the bytes of a file are floats of this machine as they are. */
static bool is_host_float(rm_element element) {
    return element.kind == RM_ELEMENT_F32 && element.big_endian == rm_host_is_big_endian();
}

void rm_element_convert(rm_element element, const uint8_t *bytes, uint64_t byte_stride, float *floats,
                        int64_t float_stride, int64_t count) {
    const bool swap = element.big_endian != rm_host_is_big_endian();
    const bool dense = byte_stride == rm_element_bytes(element) && float_stride == 1 && !swap;
    switch (element.kind) { /* constants in the dense calls, so that the compiler vectorises them */
    case RM_ELEMENT_F16:
        dense ? convert_half(bytes, 2, floats, 1, count, false)
              : convert_half(bytes, byte_stride, floats, float_stride, count, swap);
        break;
    case RM_ELEMENT_BF16:
        dense ? convert_bfloat(bytes, 2, floats, 1, count, false)
              : convert_bfloat(bytes, byte_stride, floats, float_stride, count, swap);
        break;
    case RM_ELEMENT_F32:
        dense ? convert_single(bytes, 4, floats, 1, count, false)
              : convert_single(bytes, byte_stride, floats, float_stride, count, swap);
        break;
    case RM_ELEMENT_F64:
        dense ? convert_double(bytes, 8, floats, 1, count, false)
              : convert_double(bytes, byte_stride, floats, float_stride, count, swap);
        break;
    case RM_ELEMENT_I8:
    case RM_ELEMENT_I16:
    case RM_ELEMENT_I32:
    case RM_ELEMENT_I64:
    case RM_ELEMENT_U8:
    case RM_ELEMENT_U16:
    case RM_ELEMENT_U32:
    case RM_ELEMENT_U64:
        break;
    }
}

double rm_element_double(rm_element element, const uint8_t *bytes) {
    if (element.kind != RM_ELEMENT_F64) {
        float value = 0.0f;
        rm_element_convert(element, bytes, rm_element_bytes(element), &value, 1, 1);
        return (double)value;
    }
    uint64_t x;
    memcpy(&x, bytes, sizeof x);
    x = element.big_endian != rm_host_is_big_endian() ? swap64(x) : x;
    double value;
    memcpy(&value, &x, sizeof value);
    return value;
}

rm_whole rm_element_whole(rm_element element, const uint8_t *bytes) {
    const uint32_t size = rm_element_bytes(element);
    const bool is_signed = element.kind >= RM_ELEMENT_I8 && element.kind <= RM_ELEMENT_I64;
    uint64_t value = 0;
    for (uint32_t i = 0; i < size; i++) {
        value = value << 8 | bytes[element.big_endian ? i : size - 1 - i];
    }
    const bool negative = is_signed && (value >> (8 * size - 1)) != 0;
    return (rm_whole){.negative = negative,
                      .magnitude = negative ? (~value + 1) & (UINT64_MAX >> (64 - 8 * size)) : value};
}

enum {
    STAGE_BYTES = 65536, /* read at once before conversion: stays in cache; the longest row takes 32768 */
    GAP_BYTES = 4096,    /* a page: a smaller gap is read across, which costs less than another call */
    COLUMN_ROWS = 2048   /* rows filled column by column at once, so that they stay in cache */
};

/* `count` runs of `width` elements each, adjacent inside, `stride` bytes from run to run. */
typedef struct run_list {
    uint64_t offset, stride; /* bytes */
    int64_t width, count;
} run_list;

/* Run r goes to to[r * to_stride], ... */
static ropemap_status read_runs(const rm_input *input, rm_element element, run_list runs, uint8_t *stage,
                                float *to, int64_t to_stride, ropemap_error *error) {
    const uint64_t size = rm_element_bytes(element), run_bytes = (uint64_t)runs.width * size;
    const bool across = runs.stride - run_bytes <= GAP_BYTES;
    const int64_t at_once = across ? (int64_t)((STAGE_BYTES - run_bytes) / runs.stride) + 1 : 1;
    for (int64_t done = 0; done < runs.count; done += at_once) {
        const int64_t count = runs.count - done < at_once ? runs.count - done : at_once;
        const uint64_t bytes = (uint64_t)(count - 1) * runs.stride + run_bytes;
        RM_TRY(rm_input_read(input, runs.offset + (uint64_t)done * runs.stride, bytes, stage, error));
        float *next = to + done * to_stride;
        if (runs.width == 1) {
            rm_element_convert(element, stage, runs.stride, next, to_stride, count);
            continue;
        }
        for (int64_t run = 0; run < count; run++) {
            rm_element_convert(element, stage + (uint64_t)run * runs.stride, size, next + run * to_stride, 1,
                               runs.width);
        }
    }
    return ROPEMAP_OK;
}

/* Rows whose elements are not adjacent (Fortran order): a column at a time. */
static ropemap_status read_columns(const rm_input *input, const strided_rows *rows, run_list all,
                                   uint8_t *stage, float *to, ropemap_error *error) {
    for (int64_t done = 0; done < all.count; done += COLUMN_ROWS) {
        const int64_t count = all.count - done < COLUMN_ROWS ? all.count - done : COLUMN_ROWS;
        for (int32_t column = 0; column < rows->columns; column++) {
            const uint64_t offset =
                all.offset + (uint64_t)done * all.stride + (uint64_t)column * rows->column_stride;
            const run_list runs = {.offset = offset, .stride = all.stride, .width = 1, .count = count};
            RM_TRY(read_runs(input, rows->element, runs, stage, to + done * rows->columns + column,
                             rows->columns, error));
        }
    }
    return ROPEMAP_OK;
}

/*
 * Fills `to` [count, columns] with rows first, first + step, ...; all of them lie inside the file. count >=
 * 0, step >= 1. ROPEMAP_DATA where the file shrank, ROPEMAP_IO, ROPEMAP_RESOURCES.
 */
static ropemap_status read_strided(const rm_input *input, const strided_rows *rows, int64_t first,
                                   int64_t count, int64_t step, float *to, ropemap_error *error) {
    const uint64_t size = rm_element_bytes(rows->element), row_bytes = (uint64_t)rows->columns * size;
    run_list runs = {
        .offset = rows->offset + (uint64_t)first * rows->row_stride,
        .stride =
            count > 1 ? (uint64_t)step * rows->row_stride : row_bytes, /* of one row: no product to wrap */
        .width = rows->columns,
        .count = count,
    };
    const bool adjacent = rows->column_stride == size, dense = adjacent && runs.stride == row_bytes;
    if (dense && is_host_float(rows->element)) {
        return rm_input_read(input, runs.offset, (uint64_t)count * row_bytes, to, error);
    }
    if (dense) { /* one long row of single elements */
        runs = (run_list){.offset = runs.offset, .stride = size, .width = 1, .count = count * rows->columns};
    }
    uint8_t *stage = rm_alloc_raw(STAGE_BYTES, 1);
    if (stage == NULL) {
        return rm_fail_memory(error, input->name, STAGE_BYTES);
    }
    const ropemap_status status =
        adjacent ? read_runs(input, rows->element, runs, stage, to, dense ? 1 : rows->columns, error)
                 : read_columns(input, rows, runs, stage, to, error);
    rm_free(stage);
    return status;
}

typedef struct tensor_vectors {
    ropemap_vectors base;
    rm_input input;
    strided_rows rows;
    int32_t rotary_first; /* element of the file's rows that is read as the first */
} tensor_vectors;

/* The axes of a tensor by their meaning; an axis that it lacks has size 1 and stride 0. */
typedef struct tensor_axis {
    uint64_t size, stride; /* elements, bytes */
} tensor_axis;

typedef struct tensor_axes {
    tensor_axis batch, head, position, dimension;
} tensor_axes;

bool rm_tensor_elements(const uint64_t *shape, int32_t rank, uint64_t *elements) {
    *elements = 1;
    for (int32_t axis = 0; axis < rank; axis++) {
        if (shape[axis] != 0 && *elements > UINT64_MAX / shape[axis]) {
            return false;
        }
        *elements *= shape[axis];
    }
    return true;
}

void rm_tensor_shape_text(char *text, size_t size, const rm_tensor *tensor) {
    size_t at = (size_t)snprintf(text, size, "(");
    for (int32_t axis = 0; axis < tensor->rank && at < size; axis++) {
        at +=
            (size_t)snprintf(text + at, size - at, "%s%" PRIu64, axis == 0 ? "" : ", ", tensor->shape[axis]);
    }
    if (at < size) {
        (void)snprintf(text + at, size - at, ")");
    }
}

static tensor_axis axis_of(const rm_tensor *tensor, int32_t axis) {
    uint64_t stride = rm_element_bytes(tensor->element);
    const int32_t first = tensor->fortran ? 0 : axis + 1, end = tensor->fortran ? axis : tensor->rank;
    for (int32_t inner = first; inner < end; inner++) {
        stride *= tensor->shape[inner];
    }
    return (tensor_axis){.size = tensor->shape[axis], .stride = stride};
}

/* Leading axes of size 1 do not matter, however many there are. */
static void drop_leading_ones(rm_tensor *tensor, int32_t most) {
    int32_t ones = 0;
    while (tensor->rank - ones > most && tensor->shape[ones] == 1) {
        ones++;
    }
    tensor->rank -= ones;
    memmove(tensor->shape, tensor->shape + ones, (size_t)tensor->rank * sizeof tensor->shape[0]);
}

/* [S, heads * D] or [B, S, heads * D]: the last axis falls into heads, each of D elements one after another.
 */
static tensor_axes find_packed_axes(const rm_tensor *tensor, uint64_t heads) {
    const int32_t last = tensor->rank - 1;
    const tensor_axis whole = axis_of(tensor, last);
    const uint64_t dim = whole.size / heads;
    return (tensor_axes){
        .batch = tensor->rank == 3 ? axis_of(tensor, 0) : (tensor_axis){.size = 1, .stride = 0},
        .head = {.size = heads, .stride = dim * whole.stride},
        .position = axis_of(tensor, last - 1),
        .dimension = {.size = dim, .stride = whole.stride},
    };
}

static tensor_axes find_axes(const rm_tensor *tensor, ropemap_order order) {
    const int32_t dimension = tensor->rank - 1;
    const bool heads_inside = order == ROPEMAP_ORDER_SHD && tensor->rank > 2;
    const int32_t position = heads_inside ? dimension - 2 : dimension - 1;
    const int32_t head = heads_inside ? dimension - 1 : dimension - 2;
    const tensor_axis none = {.size = 1, .stride = 0};
    return (tensor_axes){
        .batch = tensor->rank == 4 ? axis_of(tensor, 0) : none,
        .head = tensor->rank > 2 ? axis_of(tensor, head) : none,
        .position = axis_of(tensor, position),
        .dimension = axis_of(tensor, dimension),
    };
}

static ropemap_status check_shape(const char *where, const rm_tensor *tensor, ropemap_error *error) {
    char shape[96];
    rm_tensor_shape_text(shape, sizeof shape, tensor);
    if (tensor->rank < 2 || tensor->rank > 4) {
        return rm_fail(error, ROPEMAP_DATA,
                       "%s: shape %s has %" PRId32 " axes; vectors have 2 to 4: positions and head "
                       "dimension, and before or between them heads and batch",
                       where, shape, tensor->rank);
    }
    for (int32_t axis = 0; axis < tensor->rank; axis++) {
        if (tensor->shape[axis] == 0) {
            return rm_fail(error, ROPEMAP_DATA, "%s: shape %s: axis %" PRId32 " has length 0", where, shape,
                           axis);
        }
    }
    return ROPEMAP_OK;
}

/* How many heads a packed tensor has, from their number or their width. */
static ropemap_status find_packed(const char *where, const rm_tensor *tensor, const ropemap_tensor *asked,
                                  uint64_t *heads, ropemap_error *error) {
    char shape[96];
    rm_tensor_shape_text(shape, sizeof shape, tensor);
    const uint64_t width = tensor->shape[tensor->rank - 1];
    if (asked->packed_heads < 0 || asked->packed_head_dim < 0) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "%s: %" PRId64 " packed heads of %" PRId32 "; both must be 0 or more", where,
                       asked->packed_heads, asked->packed_head_dim);
    }
    const bool by_heads = asked->packed_heads > 0;
    const uint64_t divisor = by_heads ? (uint64_t)asked->packed_heads : (uint64_t)asked->packed_head_dim;
    if (tensor->rank > 3) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "%s: shape %s has an axis for heads, so they are not packed; leave out --heads", where,
                       shape);
    }
    if (width % divisor != 0) {
        return rm_fail(error, ROPEMAP_USAGE,
                       by_heads ? "%s: shape %s: %" PRIu64 " elements cannot be split into %" PRIu64 " heads"
                                : "%s: shape %s: %" PRIu64
                                  " elements are not a multiple of the head dim, %" PRIu64,
                       where, shape, width, divisor);
    }
    *heads = by_heads ? divisor : width / divisor;
    for (int32_t axis = 0; axis < 2 && tensor->rank == 3 && by_heads && *heads > 1; axis++) {
        if (tensor->shape[axis] == *heads) {
            return rm_fail(error, ROPEMAP_USAGE,
                           "%s: shape %s may have its %" PRIu64 " heads on axis %" PRId32
                           "; leave out --heads, or save a single batch, [positions, heads * head dim]",
                           where, shape, *heads, axis);
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status check_axes(const char *where, const tensor_axes *axes, ropemap_error *error) {
    const uint64_t dim = axes->dimension.size;
    RM_TRY(rm_source_check_head_dim(where, dim > INT64_MAX ? INT64_MAX : (int64_t)dim, ROPEMAP_DATA, error));
    if (axes->position.size > (uint64_t)ROPEMAP_POSITION_END) {
        return rm_fail(error, ROPEMAP_DATA, "%s: %" PRIu64 " positions; the limit is 2^40", where,
                       axes->position.size);
    }
    return ROPEMAP_OK;
}

/* Which of the tensor's `heads` serves the requested one: grouped queries share key heads evenly (GQA). */
static ropemap_status find_head(const char *where, const ropemap_tensor *asked, uint64_t heads,
                                uint64_t *head, ropemap_error *error) {
    if (asked->query_heads < 0) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: %" PRId64 " query heads; give 0 (none) or more", where,
                       asked->query_heads);
    }
    const bool grouped = asked->query_heads > 0;
    const uint64_t count = grouped ? (uint64_t)asked->query_heads : heads;
    if (count % heads != 0) {
        return rm_fail(error, ROPEMAP_DATA,
                       "%s: %" PRIu64 " query heads and %" PRIu64
                       " key heads; the first must be a multiple of the second",
                       where, count, heads);
    }
    if (asked->head < 0 || (uint64_t)asked->head >= count) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "%s: no head %" PRId64 ": there are %" PRIu64 " %s, counted from 0", where,
                       asked->head, count, grouped ? "query heads" : "heads");
    }
    *head = (uint64_t)asked->head / (count / heads);
    return ROPEMAP_OK;
}

static ropemap_status read_rows(const ropemap_vectors *vectors, int64_t first, int64_t count, int64_t step,
                                float *rows, ropemap_error *error) {
    const tensor_vectors *source = (const tensor_vectors *)vectors;
    const size_t dim = (size_t)vectors->head_dim, moved = (size_t)source->rotary_first;
    RM_TRY(read_strided(&source->input, &source->rows, first, count, step, rows, error));
    for (int64_t i = 0; i < count && moved > 0; i++) {
        float *row = rows + i * vectors->head_dim, front[ROPEMAP_MAX_HEAD_DIM];
        memcpy(front, row, moved * sizeof *row);
        memmove(row, row + moved, (dim - moved) * sizeof *row);
        memcpy(row + dim - moved, front, moved * sizeof *row);
    }
    return ROPEMAP_OK;
}

static void destroy(ropemap_vectors *vectors) {
    rm_input_close(&((tensor_vectors *)vectors)->input);
    rm_source_free(vectors);
}

/* "kv.safetensors:k" of "dir/kv.safetensors". */
static void make_label(char *label, size_t size, const char *path, const char *name) {
    const char *slash = strrchr(path, '/');
    char whole[2 * RM_LABEL_BYTES];
    (void)snprintf(whole, sizeof whole, "%s%s%s", slash == NULL ? path : slash + 1,
                   name[0] == '\0' ? "" : ":", name);
    rm_label_make(label, size, whole);
}

/* The axes of the tensor as the caller knows it. */
static ropemap_status choose_axes(const char *where, rm_tensor *tensor, const ropemap_tensor *asked,
                                  tensor_axes *axes, ropemap_error *error) {
    const bool packed = asked->packed_heads != 0 || asked->packed_head_dim != 0;
    drop_leading_ones(tensor, packed ? 3 : 4);
    RM_TRY(check_shape(where, tensor, error));
    if (packed) {
        uint64_t heads = 1;
        RM_TRY(find_packed(where, tensor, asked, &heads, error));
        *axes = find_packed_axes(tensor, heads);
    } else {
        *axes = find_axes(tensor, asked->order);
    }
    return check_axes(where, axes, error);
}

/* Cuts the axis of positions to the rows that are taken. */
static ropemap_status take_rows(const char *where, const ropemap_tensor *asked, tensor_axes *axes,
                                uint64_t *first, ropemap_error *error) {
    const int64_t rows = (int64_t)axes->position.size, last = rows - asked->row_count;
    *first = (uint64_t)asked->first_row;
    if (asked->first_row < 0 || asked->row_count < 0 || asked->first_row > last || asked->first_row == rows) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: %" PRId64 " rows from %" PRId64 " on, but it has %" PRId64,
                       where, asked->row_count, asked->first_row, rows);
    }
    axes->position.size = (uint64_t)(asked->row_count > 0 ? asked->row_count : rows - asked->first_row);
    return ROPEMAP_OK;
}

/* The vectors of the head that `asked` names. Takes `input` over when it succeeds, and leaves it open when it
 * fails. */
static ropemap_status open_tensor(const rm_input *input, const rm_tensor *found, const ropemap_tensor *asked,
                                  ropemap_vectors **vectors, ropemap_error *error) {
    rm_tensor shaped = *found;
    const rm_tensor *tensor = &shaped;
    char where[2 * RM_LABEL_BYTES + 16];
    const bool named = found->name[0] != '\0';
    (void)snprintf(where, sizeof where, "%s%s%s%s", input->name, named ? ": tensor '" : "", found->name,
                   named ? "'" : "");
    tensor_axes axes;
    RM_TRY(choose_axes(where, &shaped, asked, &axes, error));
    if (asked->batch < 0 || (uint64_t)asked->batch >= axes.batch.size) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "%s: no batch %" PRId64 ": there are %" PRIu64 ", counted from 0", where, asked->batch,
                       axes.batch.size);
    }
    uint64_t head = 0, row = 0;
    RM_TRY(find_head(where, asked, axes.head.size, &head, error));
    RM_TRY(take_rows(where, asked, &axes, &row, error));
    if (asked->rotary_first < 0 || (uint64_t)asked->rotary_first >= axes.dimension.size) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "rotary-first: %" PRId32 ", but rows of %s have %" PRIu64 " elements",
                       asked->rotary_first, where, axes.dimension.size);
    }
    tensor_vectors *source = rm_source_alloc(sizeof *source, (int32_t)axes.dimension.size, error);
    if (source == NULL) {
        return ROPEMAP_RESOURCES;
    }
    source->base.count = (int64_t)axes.position.size;
    source->base.heads = (int64_t)axes.head.size;
    source->base.note = tensor->assumed_bfloat ? RM_NOTE_BFLOAT : NULL;
    source->base.read = read_rows;
    source->base.destroy = destroy;
    make_label(source->base.label, sizeof source->base.label, input->name, found->name);
    source->input = *input;
    source->rotary_first = asked->rotary_first;
    source->rows = (strided_rows){
        .element = tensor->element,
        .columns = source->base.head_dim,
        .offset = tensor->offset + (uint64_t)asked->batch * axes.batch.stride + head * axes.head.stride +
                  row * axes.position.stride,
        .row_stride = axes.position.stride,
        .column_stride = axes.dimension.stride,
    };
    *vectors = &source->base;
    return ROPEMAP_OK;
}

/* ---- the file ------------------------------------------------------------------------------------------ */

typedef enum tensor_format { FORMAT_UNKNOWN, FORMAT_NPY, FORMAT_NPZ, FORMAT_SAFETENSORS } tensor_format;

static bool has_ending(const char *path, const char *ending) {
    const size_t length = strlen(path), ending_length = strlen(ending);
    return length >= ending_length && strcmp(path + length - ending_length, ending) == 0;
}

/* The file's extension decides, so that a broken file gets its format's errors; else its first bytes. */
static ropemap_status find_format(const char *path, const rm_input *input, tensor_format *format,
                                  ropemap_error *error) {
    *format = has_ending(path, ".npy")           ? FORMAT_NPY
              : has_ending(path, ".npz")         ? FORMAT_NPZ
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

static ropemap_status find_tensor(const char *path, const char *wanted, rm_input *input, rm_tensor *found,
                                  ropemap_error *error) {
    tensor_format format;
    RM_TRY(find_format(path, input, &format, error));
    if (format == FORMAT_SAFETENSORS) {
        return rm_safetensors_find(input, wanted, found, error);
    }
    if (format == FORMAT_NPZ) {
        RM_TRY(rm_npz_open(input, wanted, error));
        RM_TRY(rm_npy_parse(input, found, error));
        rm_label_make(found->name, sizeof found->name, wanted != NULL ? wanted : "");
        return ROPEMAP_OK;
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
                       "%s: not a .npy, .npz or .safetensors file, by name or by content", input->name);
    }
    if (wanted != NULL) {
        char name[RM_LABEL_BYTES];
        rm_label_make(name, sizeof name, wanted);
        return rm_fail(error, ROPEMAP_USAGE, "%s: no tensor '%s': a .npy file has one tensor, without a name",
                       input->name, name);
    }
    return rm_npy_parse(input, found, error);
}

ropemap_status rm_tensor_open(const char *path, const char *name, rm_input *input, rm_tensor *tensor,
                              ropemap_error *error) {
    RM_TRY(rm_input_open(path, input, error));
    const ropemap_status status = find_tensor(path, name, input, tensor, error);
    if (status != ROPEMAP_OK) {
        rm_input_close(input);
    }
    return status;
}

ropemap_status ropemap_vectors_open(const ropemap_tensor *tensor, ropemap_vectors **vectors,
                                    ropemap_error *error) {
    *vectors = NULL;
    if (tensor->path == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "tensor: path is NULL");
    }
    rm_input input;
    rm_tensor found;
    RM_TRY(rm_tensor_open(tensor->path, tensor->name, &input, &found, error));
    const ropemap_status status = open_tensor(&input, &found, tensor, vectors, error);
    if (status != ROPEMAP_OK) {
        rm_input_close(&input);
    }
    return status;
}
