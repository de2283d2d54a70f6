/* positions.c - positions given by a file or by a grid */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/data/tensor.h"
#include "host/data/vectors.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static ropemap_status check(const ropemap_grid *grid, int64_t *count, ropemap_error *error) {
    if (grid->axes < 2 || grid->axes > ROPEMAP_MAX_AXES || grid->first < 0) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "grid: %" PRId32 " axes counted from %" PRId32
                       "; give 2 to %d, counted from 0 or more",
                       grid->axes, grid->first, ROPEMAP_MAX_AXES);
    }
    *count = 1;
    for (int32_t axis = 0; axis < grid->axes; axis++) {
        const int32_t side = grid->sides[axis];
        if (side < 1 || side > ROPEMAP_MAX_GRID) {
            return rm_fail(error, ROPEMAP_USAGE, "grid: %" PRId32 " patches a side, expected 1 to %d", side,
                           ROPEMAP_MAX_GRID);
        }
        *count *= side;
    }
    return *count < ROPEMAP_POSITION_END
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE, "grid: %" PRId64 " patches in all; the limit is 2^40 - 1",
                         *count);
}

static void label(const ropemap_grid *grid, char *text, size_t size) {
    (void)snprintf(text, size, "grid of ");
    for (int32_t axis = 0; axis < grid->axes; axis++) {
        const size_t length = strlen(text);
        (void)snprintf(text + length, size - length, "%s%" PRId32, axis == 0 ? "" : " x ", grid->sides[axis]);
    }
}

/* One side's positions repeat in runs as long as the sides within it have patches. */
static void fill(const ropemap_grid *grid, int64_t count, int64_t *values) {
    int64_t run = 1;
    for (int32_t side = grid->axes - 1; side >= 0; side--) {
        const int32_t axis = grid->across_first ? grid->axes - 1 - side : side;
        for (int64_t i = 0; i < count; i++) {
            values[axis * count + i] = i / run % grid->sides[side] + grid->first;
        }
        run *= grid->sides[side];
    }
}

ropemap_status ropemap_positions_grid(const ropemap_grid *grid, ropemap_positions **positions,
                                      ropemap_error *error) {
    int64_t count = 0;
    *positions = NULL;
    RM_TRY(check(grid, &count, error));
    const uint64_t elements = (uint64_t)grid->axes * (uint64_t)count;
    ropemap_positions *made = rm_alloc(1, sizeof *made);
    int64_t *values = rm_alloc_raw(elements, sizeof *values);
    if (made == NULL || values == NULL) {
        rm_free(made);
        rm_free(values);
        return rm_fail_memory(error, "positions", elements * sizeof *values);
    }
    int32_t longest = 1;
    for (int32_t axis = 0; axis < grid->axes; axis++) {
        longest = grid->sides[axis] > longest ? grid->sides[axis] : longest;
    }
    *made = (ropemap_positions){.count = count,
                                .axes = grid->axes,
                                .least = grid->first,
                                .greatest = grid->first + longest - 1,
                                .values = values};
    label(grid, made->label, sizeof made->label);
    fill(grid, count, values);
    *positions = made;
    return ROPEMAP_OK;
}

enum { STAGE_BYTES = 65536 }; /* read at once: a multiple of every element's size */

/* Where the elements of a file go. */
typedef struct layout {
    uint64_t axes, count;
    bool fortran; /* the positions of a row are neighbours */
} layout;

static uint64_t place_of(const layout *shape, uint64_t element) {
    return shape->fortran ? element % shape->axes * shape->count + element / shape->axes : element;
}

static ropemap_status fail_value(const rm_input *input, const layout *shape, uint64_t element, rm_whole value,
                                 ropemap_error *error) {
    const uint64_t place = place_of(shape, element);
    return rm_fail(error, ROPEMAP_DATA,
                   "%s: position %s%" PRIu64 " at [%" PRIu64 ", %" PRIu64 "], expected 0 to 2^40 - 1",
                   input->name, value.negative ? "-" : "", value.magnitude, place / shape->count,
                   place % shape->count);
}

/* Checks every value, and keeps it where `values` is not NULL. */
static ropemap_status read_values(const rm_input *input, const rm_tensor *tensor, const layout *shape,
                                  uint8_t *stage, int64_t *values, ropemap_error *error) {
    const uint64_t size = rm_element_bytes(tensor->element), elements = shape->axes * shape->count;
    for (uint64_t done = 0; done < elements;) {
        const uint64_t room = STAGE_BYTES / size, left = elements - done, count = left < room ? left : room;
        RM_TRY(rm_input_read(input, tensor->offset + done * size, count * size, stage, error));
        for (uint64_t i = 0; i < count; i++) {
            const rm_whole value = rm_element_whole(tensor->element, stage + i * size);
            if (value.negative || value.magnitude >= (uint64_t)ROPEMAP_POSITION_END) {
                return fail_value(input, shape, done + i, value, error);
            }
            if (values != NULL) {
                values[place_of(shape, done + i)] = (int64_t)value.magnitude;
            }
        }
        done += count;
    }
    return ROPEMAP_OK;
}

/* Axes of size 1 before the last do not matter: transformers' position_ids are [3, 1, S]. */
static void drop_ones(rm_tensor *tensor) {
    for (int32_t axis = 0; axis < tensor->rank - 1 && tensor->rank > 2;) {
        if (tensor->shape[axis] == 1) {
            tensor->rank--;
            memmove(tensor->shape + axis, tensor->shape + axis + 1,
                    (size_t)(tensor->rank - axis) * sizeof tensor->shape[0]);
        } else {
            axis++;
        }
    }
}

static ropemap_status check_shape(const rm_input *input, rm_tensor *tensor, layout *shape,
                                  ropemap_error *error) {
    char text[96];
    rm_tensor_shape_text(text, sizeof text, tensor);
    drop_ones(tensor);
    *shape = (layout){.fortran = tensor->fortran};
    if (tensor->rank == 1 || tensor->rank == 2) {
        shape->axes = tensor->rank == 2 ? tensor->shape[0] : 1;
        shape->count = tensor->shape[tensor->rank - 1];
    }
    if (shape->axes < 1 || shape->axes > ROPEMAP_MAX_AXES) {
        return rm_fail(error, ROPEMAP_DATA, "%s: shape %s; positions are [S], or [axes, S] with 1 to 4 axes",
                       input->name, text);
    }
    return shape->count > 0 && shape->count <= (uint64_t)ROPEMAP_POSITION_END
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_DATA, "%s: shape %s, expected 1 to 2^40 positions", input->name,
                         text);
}

static void find_extremes(ropemap_positions *positions) {
    positions->least = positions->greatest = positions->values[0];
    for (int64_t i = 1; i < positions->axes * positions->count; i++) {
        const int64_t value = positions->values[i];
        positions->least = value < positions->least ? value : positions->least;
        positions->greatest = value > positions->greatest ? value : positions->greatest;
    }
}

/* Memory for the values, up to eight times the file's, is taken only after all of them were seen to be fine.
 */
static ropemap_status positions_fill(const rm_input *input, const rm_tensor *tensor, const layout *shape,
                                     uint8_t *stage, ropemap_positions *positions, ropemap_error *error) {
    RM_TRY(read_values(input, tensor, shape, stage, NULL, error));
    const uint64_t elements = shape->axes * shape->count;
    positions->values = rm_alloc(elements, sizeof *positions->values);
    if (positions->values == NULL) {
        return rm_fail_memory(error, input->name, elements * sizeof *positions->values);
    }
    RM_TRY(read_values(input, tensor, shape, stage, positions->values, error));
    positions->axes = (int32_t)shape->axes;
    positions->count = (int64_t)shape->count;
    memcpy(positions->label, input->name, sizeof positions->label);
    find_extremes(positions);
    return ROPEMAP_OK;
}

static ropemap_status load(const rm_input *input, ropemap_positions *positions, ropemap_error *error) {
    rm_tensor tensor;
    layout shape;
    RM_TRY(rm_npy_parse_whole(input, &tensor, error));
    RM_TRY(check_shape(input, &tensor, &shape, error));
    uint8_t *stage = rm_alloc_raw(STAGE_BYTES, 1);
    if (stage == NULL) {
        return rm_fail_memory(error, input->name, STAGE_BYTES);
    }
    const ropemap_status status = positions_fill(input, &tensor, &shape, stage, positions, error);
    rm_free(stage);
    return status;
}

ropemap_status ropemap_positions_open(const char *path, ropemap_positions **positions, ropemap_error *error) {
    *positions = NULL;
    if (path == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "positions: no path was given");
    }
    rm_input input;
    RM_TRY(rm_input_open(path, &input, error));
    ropemap_positions *made = rm_alloc(1, sizeof *made);
    const ropemap_status status =
        made == NULL ? rm_fail_memory(error, input.name, sizeof *made) : load(&input, made, error);
    rm_input_close(&input);
    if (status != ROPEMAP_OK) {
        ropemap_positions_free(made);
        return status;
    }
    *positions = made;
    return ROPEMAP_OK;
}

void ropemap_positions_free(ropemap_positions *positions) {
    if (positions != NULL) {
        rm_free(positions->values);
        rm_free(positions);
    }
}

int64_t ropemap_positions_count(const ropemap_positions *positions) {
    return positions->count;
}

int32_t ropemap_positions_axes(const ropemap_positions *positions) {
    return positions->axes;
}

int64_t ropemap_positions_last(const ropemap_positions *positions) {
    return positions->greatest;
}
