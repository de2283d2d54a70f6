/* dump.c - rows before and after a rotation, read from files */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/data/tensor.h"
#include "host/ropemap_verify.h"

#include <inttypes.h>
#include <string.h>

/* The bytes of a tensor's elements, in the order of the file. */
static ropemap_status read_bytes(const rm_input *input, const rm_tensor *tensor, uint64_t *count,
                                 uint8_t **bytes, ropemap_error *error) {
    const uint32_t size = rm_element_bytes(tensor->element);
    if (!rm_tensor_elements(tensor->shape, tensor->rank, count) || *count == 0) {
        return rm_fail(error, ROPEMAP_DATA, "%s: no elements", input->name);
    }
    *bytes = rm_alloc_raw(*count, size);
    return *bytes == NULL ? rm_fail_memory(error, input->name, *count * size)
                          : rm_input_read(input, tensor->offset, *count * size, *bytes, error);
}

/* Where element `index`, counted with the last axis fastest, lies in the file. */
static uint64_t place_of(const rm_tensor *tensor, uint64_t index) {
    uint64_t place = 0, stride = 1, at[RM_TENSOR_RANK_MAX] = {0};
    if (!tensor->fortran) {
        return index;
    }
    for (int32_t axis = tensor->rank; axis-- > 0;) {
        at[axis] = index % tensor->shape[axis];
        index /= tensor->shape[axis];
    }
    for (int32_t axis = 0; axis < tensor->rank; axis++) {
        place += at[axis] * stride;
        stride *= tensor->shape[axis];
    }
    return place;
}

static ropemap_status read_floats(const char *path, const char *name, rm_tensor *tensor, float **floats,
                                  ropemap_error *error) {
    rm_input input;
    uint8_t *bytes = NULL;
    uint64_t count = 0;
    RM_TRY(rm_tensor_open(path, name, &input, tensor, error));
    ropemap_status status = read_bytes(&input, tensor, &count, &bytes, error);
    if (status == ROPEMAP_OK) {
        *floats = rm_alloc_raw(count, sizeof **floats);
        status = *floats == NULL ? rm_fail_memory(error, input.name, count * sizeof **floats) : ROPEMAP_OK;
    }
    const uint64_t size = rm_element_bytes(tensor->element);
    if (status == ROPEMAP_OK && !tensor->fortran) {
        rm_element_convert(tensor->element, bytes, size, *floats, 1, (int64_t)count);
    }
    for (uint64_t i = 0; i < count && status == ROPEMAP_OK && tensor->fortran; i++) {
        rm_element_convert(tensor->element, bytes + place_of(tensor, i) * size, size, *floats + i, 1, 1);
    }
    rm_free(bytes);
    rm_input_close(&input);
    return status;
}

/* ---- shapes */

static bool same_shape(const rm_tensor *a, const rm_tensor *b) {
    return a->rank == b->rank && memcmp(a->shape, b->shape, (size_t)a->rank * sizeof a->shape[0]) == 0;
}

/* [S, D], [H, S, D] or [B, H, S, D]; with shd positions come before heads. */
static ropemap_status take_shape(const char *name, const rm_tensor *tensor, ropemap_order order,
                                 ropemap_dump *dump, ropemap_error *error) {
    char text[96];
    const uint64_t *shape = tensor->shape;
    const int32_t rank = tensor->rank;
    rm_tensor_shape_text(text, sizeof text, tensor);
    if (rank < 2 || rank > 4) {
        return rm_fail(error, ROPEMAP_DATA,
                       "%s: shape %s; rows are [position, element], [head, position, element] or [batch, "
                       "head, position, element]",
                       name, text);
    }
    const uint64_t dim = shape[rank - 1];
    if (dim < 2 || dim > ROPEMAP_MAX_HEAD_DIM || dim % 2 != 0) {
        return rm_fail(error, ROPEMAP_DATA,
                       "%s: shape %s: rows of %" PRIu64 " elements; a head has an even number from 2 to %d",
                       name, text, dim, ROPEMAP_MAX_HEAD_DIM);
    }
    const bool inside = order == ROPEMAP_ORDER_SHD && rank > 2;
    dump->head_dim = (int32_t)dim;
    dump->batches = rank == 4 ? (int64_t)shape[0] : 1;
    dump->heads = rank > 2 ? (int64_t)shape[rank - (inside ? 2 : 3)] : 1;
    dump->count = (int64_t)shape[rank - (inside ? 3 : 2)];
    dump->rows = dump->batches * dump->heads * dump->count;
    return ROPEMAP_OK;
}

/* ---- positions */

/* Which of the positions is row's: all of them, one batch after another, or one for each row. */
static int64_t position_of(const ropemap_dump *dump, ropemap_order order, int64_t given, int64_t row) {
    const bool inside = order == ROPEMAP_ORDER_SHD;
    const int64_t at = inside ? row / dump->heads % dump->count : row % dump->count;
    return given == dump->rows && dump->heads > 1 ? row
           : given == dump->count                 ? at
                                                  : row / (dump->heads * dump->count) * dump->count + at;
}

static ropemap_status check_position(const char *name, rm_whole value, uint64_t index, ropemap_error *error) {
    return !value.negative && value.magnitude < (uint64_t)ROPEMAP_POSITION_END
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_DATA,
                         "%s: position %s%" PRIu64 " at index %" PRIu64 "; give 0 to 2^40 - 1", name,
                         value.negative ? "-" : "", value.magnitude, index);
}

static ropemap_status take_positions(const rm_input *input, const rm_tensor *tensor, ropemap_order order,
                                     const uint8_t *bytes, uint64_t given, ropemap_dump *dump,
                                     ropemap_error *error) {
    const uint64_t size = rm_element_bytes(tensor->element);
    if (given != (uint64_t)dump->count && given != (uint64_t)(dump->batches * dump->count) &&
        given != (uint64_t)dump->rows) {
        return rm_fail(error, ROPEMAP_DATA,
                       "%s: %" PRIu64 " positions, but %" PRId64 " rows a head, %" PRId64
                       " heads and %" PRId64
                       " batches; give one for each row of a head, of a batch, or of all",
                       input->name, given, dump->count, dump->heads, dump->batches);
    }
    for (uint64_t i = 0; i < given; i++) {
        RM_TRY(check_position(input->name, rm_element_whole(tensor->element, bytes + i * size), i, error));
    }
    for (int64_t row = 0; row < dump->rows; row++) {
        const uint64_t index = (uint64_t)position_of(dump, order, (int64_t)given, row);
        const rm_whole value = rm_element_whole(tensor->element, bytes + place_of(tensor, index) * size);
        dump->positions[row] = (int64_t)value.magnitude;
    }
    dump->placed = true;
    return ROPEMAP_OK;
}

static ropemap_status read_positions(rm_input *input, const char *name, ropemap_order order,
                                     ropemap_dump *dump, ropemap_error *error) {
    uint8_t start[4] = {0}, *bytes = NULL;
    rm_tensor tensor;
    uint64_t given = 0;
    RM_TRY(rm_input_read(input, 0, input->size < 4 ? input->size : 4, start, error));
    if (memcmp(start, "PK\3\4", 4) == 0) {
        RM_TRY(rm_npz_open(input, name, error));
    }
    RM_TRY(rm_npy_parse_whole(input, &tensor, error));
    ropemap_status status = read_bytes(input, &tensor, &given, &bytes, error);
    if (status == ROPEMAP_OK) {
        status = take_positions(input, &tensor, order, bytes, given, dump, error);
    }
    rm_free(bytes);
    return status;
}

static ropemap_status count_positions(const ropemap_dump_files *files, ropemap_dump *dump,
                                      ropemap_error *error) {
    const int64_t step = files->step == 0 ? 1 : files->step, last = ROPEMAP_POSITION_END - 1;
    if (files->first < 0 || step < 1 || files->first > last ||
        dump->count - 1 > (last - files->first) / step) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "first-position: %" PRId64 " rows from %" PRId64 " on in steps of %" PRId64
                       "; all positions must be below 2^40",
                       dump->count, files->first, step);
    }
    for (int64_t row = 0; row < dump->rows; row++) {
        dump->positions[row] = files->first + position_of(dump, files->order, dump->count, row) * step;
    }
    return ROPEMAP_OK;
}

static ropemap_status place(const ropemap_dump_files *files, ropemap_dump *dump, ropemap_error *error) {
    rm_input input;
    dump->positions = rm_alloc((uint64_t)dump->rows, sizeof *dump->positions);
    if (dump->positions == NULL) {
        return rm_fail_memory(error, "positions", (uint64_t)dump->rows * sizeof *dump->positions);
    }
    if (files->positions == NULL) {
        return count_positions(files, dump, error);
    }
    RM_TRY(rm_input_open(files->positions, &input, error));
    const ropemap_status status = read_positions(&input, files->position_name, files->order, dump, error);
    rm_input_close(&input);
    return status;
}

/* ---- files */

/* The arrays of an archive by their usual names. */
static ropemap_status look_into(ropemap_dump_files *files, ropemap_error *error) {
    rm_input input;
    RM_TRY(rm_input_open(files->archive, &input, error));
    files->inputs = files->outputs = files->archive;
    files->input_name = !rm_npz_has(&input, "x") && rm_npz_has(&input, "q") ? "q" : "x";
    files->output_name = "y";
    if (rm_npz_has(&input, "positions")) {
        files->positions = files->archive;
        files->position_name = "positions";
    }
    rm_input_close(&input);
    return ROPEMAP_OK;
}

static ropemap_status read_all(const ropemap_dump_files *files, ropemap_dump *dump, ropemap_error *error) {
    rm_tensor before, after;
    RM_TRY(read_floats(files->inputs, files->input_name, &before, &dump->inputs, error));
    RM_TRY(take_shape(files->inputs, &before, files->order, dump, error));
    RM_TRY(read_floats(files->outputs, files->output_name, &after, &dump->outputs, error));
    if (!same_shape(&before, &after)) {
        char one[96], other[96];
        rm_tensor_shape_text(one, sizeof one, &before);
        rm_tensor_shape_text(other, sizeof other, &after);
        return rm_fail(error, ROPEMAP_DATA, "%.200s: shape %s, but inputs have %s; dump both at one place",
                       files->outputs, other, one);
    }
    dump->note = before.assumed_bfloat || after.assumed_bfloat ? RM_NOTE_BFLOAT : NULL;
    return place(files, dump, error);
}

ropemap_status ropemap_dump_read(const ropemap_dump_files *files, ropemap_dump *dump, ropemap_error *error) {
    ropemap_dump_files all = *files;
    *dump = (ropemap_dump){.inputs = NULL};
    if (files->archive != NULL) {
        RM_TRY(look_into(&all, error));
    }
    if (all.inputs == NULL || all.outputs == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: no file was given; inputs and outputs are needed",
                       all.inputs == NULL ? "input" : "output");
    }
    return read_all(&all, dump, error);
}

void ropemap_dump_free(ropemap_dump *dump) {
    rm_free(dump->inputs);
    rm_free(dump->outputs);
    rm_free(dump->positions);
    *dump = (ropemap_dump){.inputs = NULL};
}
