/* rotated_source.c - vectors that are rotated while they are read */
/* SPDX-License-Identifier: MIT */
#include "cuda/arith.h"
#include "host/base/alloc.h"
#include "host/data/vectors.h"
#include "host/rule/rule.h"

#include <inttypes.h>
#include <string.h>

typedef struct rotated_vectors {
    ropemap_vectors base;
    const ropemap_vectors *inner;
    const ropemap_positions *positions; /* NULL: one after another */
    int64_t shift;
    ropemap_layout layout;
    int32_t axes;
    uint8_t axis[ROPEMAP_MAX_PAIRS]; /* [pairs] which axis of positions a pair follows */
    rm_emulation stack;
} rotated_vectors;

/* How one row is rotated. */
typedef struct row_rotation {
    int64_t position[ROPEMAP_MAX_AXES];
    float c[ROPEMAP_MAX_PAIRS], s[ROPEMAP_MAX_PAIRS]; /* [pairs] cosines and sines, times attention */
} row_rotation;

static void find_positions(const rotated_vectors *source, int64_t row, row_rotation *to) {
    const ropemap_positions *positions = source->positions;
    for (int32_t axis = 0; axis < source->axes; axis++) {
        to->position[axis] = (positions == NULL ? source->base.first + row * source->base.step
                                                : positions->values[axis * positions->count + row]) +
                             source->shift;
    }
}

/* As the backends: bits and all. */
static void fill_exactly(const rotated_vectors *source, row_rotation *to) {
    const ropemap_freqs *freqs = &source->stack.freqs;
    const rm_gain attention = rm_gain_of(freqs->attention_factor);
    for (int32_t i = 0; i < freqs->pairs; i++) {
        const int64_t position = to->position[source->axis[i]];
        const uint32_t phase = rm_phase32(rm_phase(freqs->step[i], freqs->fine[i], position));
        to->c[i] = rm_gain_times(attention, rm_cos(phase));
        to->s[i] = rm_gain_times(attention, rm_sin(phase));
    }
}

/* The float next to the cosine of a float, which is the double's but for one in 2^29, and the sine's. */
static void fill_pair(row_rotation *to, int32_t pair, float angle, float attention) {
    to->c[pair] = (float)cos((double)angle) * attention;
    to->s[pair] = (float)sin((double)angle) * attention;
}

static void fill_by_products(const rotated_vectors *source, row_rotation *to) {
    const rm_emulation *stack = &source->stack;
    for (int32_t i = 0; i < stack->pairs; i++) {
        fill_pair(to, i, (float)to->position[source->axis[i]] * stack->inv_freq[i], stack->attention);
    }
}

static void fill_as_ggml(const rotated_vectors *source, row_rotation *to) {
    const rm_emulation *stack = &source->stack;
    for (int32_t axis = 0; axis < source->axes; axis++) {
        float theta = (float)to->position[axis];
        for (int32_t i = 0; i < stack->pairs; i++) {
            if (source->axis[i] == axis) {
                fill_pair(to, i, rm_ggml_angle(&stack->ggml, i, theta), stack->attention);
            }
            theta *= stack->ggml.theta_scale;
        }
    }
}

static float bfloat_of(float value) {
    return rm_float_from_bfloat(rm_bfloat_from_float(value));
}

static float half_of(float value) {
    return rm_float_from_half(rm_half_from_float(value));
}

static void round_tables(const rotated_vectors *source, row_rotation *to) {
    for (int32_t i = 0; i < source->stack.pairs; i++) {
        to->c[i] = bfloat_of(to->c[i]);
        to->s[i] = bfloat_of(to->s[i]);
    }
}

/* Every step is rounded to 16 bits; products of two such numbers are exact in float. */
static void fill_in_16_bits(const rotated_vectors *source, float (*rounded)(float), row_rotation *to) {
    const rm_emulation *stack = &source->stack;
    for (int32_t i = 0; i < stack->pairs; i++) {
        const float position = rounded((float)to->position[source->axis[i]]);
        const double angle = (double)rounded(position * stack->inv_freq[i]);
        to->c[i] = rounded(rounded((float)cos(angle)) * stack->attention);
        to->s[i] = rounded(rounded((float)sin(angle)) * stack->attention);
    }
}

static void find_rotation(const rotated_vectors *source, int64_t row, row_rotation *to) {
    find_positions(source, row, to);
    switch (source->stack.phase) {
    case ROPEMAP_PHASE_EXACT:
    case ROPEMAP_PHASE_FP32FREQ:
        fill_exactly(source, to);
        break;
    case ROPEMAP_PHASE_GGML_FP32:
        fill_as_ggml(source, to);
        break;
    case ROPEMAP_PHASE_HF_FP32:
    case ROPEMAP_PHASE_BF16_INV_FREQ:
        fill_by_products(source, to);
        break;
    case ROPEMAP_PHASE_BF16_TABLES:
        fill_by_products(source, to);
        round_tables(source, to);
        break;
    case ROPEMAP_PHASE_BF16_ANGLES:
        fill_in_16_bits(source, bfloat_of, to);
        break;
    case ROPEMAP_PHASE_FP16_ANGLES:
        fill_in_16_bits(source, half_of, to);
        break;
    }
}

/* Elements beyond rotary_dim stay. The stacks round both products and their sum, the backends one product
 * less. */
static void rotate(const rotated_vectors *source, const row_rotation *to, float *x) {
    const bool fused = source->stack.phase <= ROPEMAP_PHASE_FP32FREQ;
    const int32_t pairs = source->stack.pairs;
    const bool half = source->layout == ROPEMAP_LAYOUT_HALF;
    for (int32_t i = 0; i < pairs; i++) {
        float *first = x + (half ? i : 2 * i), *second = first + (half ? pairs : 1);
        const float x0 = *first, x1 = *second, c = to->c[i], s = to->s[i];
        *first = fused ? rm_rotate_first(x0, x1, c, s) : x0 * c - x1 * s;
        *second = fused ? rm_rotate_second(x0, x1, c, s) : x1 * c + x0 * s;
    }
}

static ropemap_status read_rows(const ropemap_vectors *vectors, int64_t first, int64_t count, int64_t step,
                                float *rows, ropemap_error *error) {
    const rotated_vectors *source = (const rotated_vectors *)vectors;
    row_rotation rotation;
    RM_TRY(source->inner->read(source->inner, first, count, step, rows, error));
    for (int64_t i = 0; i < count; i++) {
        find_rotation(source, first + i * step, &rotation);
        rotate(source, &rotation, rows + i * vectors->head_dim);
    }
    return ROPEMAP_OK;
}

/* ---- the request */

/* Positions on one axis are a language model's for all of its axes; those of an image have each their own. */
static ropemap_status share_pairs(const ropemap_axes *axes, rotated_vectors *source, ropemap_error *error) {
    if (source->axes == 1 && ropemap_axes_apart(axes)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "positions: on one axis, but this rule has %" PRId32
                       " (axes): give each row a position on every axis, from a grid or a file",
                       axes->count);
    }
    if (source->axes > 1 && source->axes != axes->count) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "axes: %s has positions on %" PRId32 " axes, but the rule has %" PRId32
                       ": give the pairs of each (axes, sections)",
                       source->positions->label, source->axes, axes->count == 0 ? 1 : axes->count);
    }
    for (int32_t i = 0; i < source->stack.pairs && source->axes > 1; i++) {
        source->axis[i] = (uint8_t)ropemap_axes_follow(axes, i);
    }
    return ROPEMAP_OK;
}

static bool is_position(int64_t position) {
    return position >= 0 && position < ROPEMAP_POSITION_END;
}

static ropemap_status check_range(int64_t least, int64_t greatest, int64_t shift, const char *name,
                                  ropemap_error *error) {
    if (is_position(least) && is_position(greatest) && shift > -ROPEMAP_POSITION_END &&
        shift < ROPEMAP_POSITION_END && is_position(least + shift) && is_position(greatest + shift)) {
        return ROPEMAP_OK;
    }
    return rm_fail(error, ROPEMAP_USAGE,
                   "%s: positions %" PRId64 " to %" PRId64 ", shifted by %" PRId64
                   ", expected all in [0, 2^40)",
                   name, least, greatest, shift);
}

/* An endless source ends where positions do. */
static ropemap_status find_count(const ropemap_prerotation *rotation, rotated_vectors *source,
                                 ropemap_error *error) {
    const ropemap_positions *positions = rotation->positions;
    const bool endless = source->inner->count == ROPEMAP_POSITION_END;
    const int64_t rows = source->inner->count;
    if (positions != NULL) {
        if (!endless && positions->count < rows) {
            return rm_fail(error, ROPEMAP_USAGE,
                           "%s: %" PRId64 " positions, expected at least as many as %s has rows, %" PRId64,
                           positions->label, positions->count, source->base.label, rows);
        }
        source->base.count = endless ? positions->count : rows;
        return check_range(positions->least, positions->greatest, rotation->shift, positions->label, error);
    }
    const int64_t first = source->base.first;
    RM_TRY(check_range(first, first, rotation->shift, source->base.label, error));
    source->base.count = endless && rotation->shift > 0 ? rows - rotation->shift : rows;
    const int64_t last = first + (source->base.count - 1) * source->base.step;
    return check_range(first, last, rotation->shift, source->base.label, error);
}

static ropemap_status prepare(const ropemap_prerotation *rotation, rotated_vectors *source,
                              ropemap_error *error) {
    const ropemap_vectors *inner = source->inner;
    RM_TRY(rm_emulation_make(&rotation->spec, rotation->phase, &source->stack, error));
    if (rotation->spec.head_dim != inner->head_dim) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "head-dim: %" PRId32 ", but rows of %s have %" PRId32 " elements",
                       rotation->spec.head_dim, inner->label, inner->head_dim);
    }
    memcpy(source->base.label, inner->label, sizeof source->base.label);
    source->base.first = inner->first;
    source->base.step = inner->step;
    source->base.heads = inner->heads;
    source->base.read = read_rows;
    source->positions = rotation->positions;
    source->shift = rotation->shift;
    source->layout = rotation->spec.layout;
    source->axes = rotation->positions == NULL ? 1 : rotation->positions->axes;
    RM_TRY(find_count(rotation, source, error));
    return share_pairs(&rotation->spec.axes, source, error);
}

ropemap_status ropemap_vectors_rotated(const ropemap_vectors *inner, const ropemap_prerotation *rotation,
                                       ropemap_vectors **vectors, ropemap_error *error) {
    *vectors = NULL;
    rotated_vectors *source = rm_source_alloc(sizeof *source, inner->head_dim, error);
    if (source == NULL) {
        return ROPEMAP_RESOURCES;
    }
    source->inner = inner;
    const ropemap_status status = prepare(rotation, source, error);
    if (status != ROPEMAP_OK) {
        ropemap_vectors_free(&source->base);
        return status;
    }
    *vectors = &source->base;
    return ROPEMAP_OK;
}
