/* table.c - inverse frequencies, cosines and sines, and llama.cpp's divisors: exact, then rounded once */
/* SPDX-License-Identifier: MIT */
#include "cuda/arith.h"
#include "host/base/alloc.h"
#include "host/rule/rule.h"
#include "host/verify/verify.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A phase as quarter turns, of which two bits count, and a rest of at most an eighth of a turn. */
typedef struct quarters {
    unsigned count;
    rm_twofold rest; /* turns */
} quarters;

/* Whole turns are dropped from both parts of the exact product before they are added. */
static quarters reduce(rm_twofold turns, int64_t position) {
    const double product = turns.high * (double)position;
    const double error = fma(turns.high, (double)position, -product);
    const rm_twofold high = rm_twofold_of(product - rint(product)), low = rm_twofold_of(error - rint(error));
    const rm_twofold rest = rm_twofold_of(turns.low * (double)position);
    const rm_twofold phase = rm_twofold_add(rm_twofold_add(high, low), rest);
    const double whole = rint(4.0 * phase.high);
    return (quarters){.count = (unsigned)(int)whole & 3u,
                      .rest = rm_twofold_add(phase, rm_twofold_of(-0.25 * whole))};
}

/* |turns| < 2^18, position < 2^40: the error is that of the product, 2^-104 of it, and 2^-100 of the result.
 */
static rm_exact exact_rotation(rm_twofold turns, int64_t position) {
    const quarters phase = reduce(turns, position);
    return rm_exact_rotation(phase.count, phase.rest);
}

rm_exact rm_near_rotation(rm_twofold turns, int64_t position) {
    const quarters phase = reduce(turns, position);
    const double angle = phase.rest.high * RM_TWO_PI.high;
    return rm_exact_quarters((rm_exact){.c = rm_twofold_of(cos(angle)), .s = rm_twofold_of(sin(angle))},
                             phase.count);
}

/* What a type's numbers are made of. */
static const struct {
    int bits, least; /* of a significand; exponent of the smallest normal number */
    double most;
} TYPES[] = {[ROPEMAP_ELEMENT_FP32] = {24, -126, 0x1.fffffep127},
             [ROPEMAP_ELEMENT_FP64] = {53, -1022, 0x1.fffffffffffffp1023},
             [ROPEMAP_ELEMENT_FP16] = {11, -14, 65504.0},
             [ROPEMAP_ELEMENT_BF16] = {8, -126, 0x1.fep127}};

/*
 * The nearest number of that type, ties to even: beyond its largest infinity, below its smallest normal one a
 * subnormal. `value` is 0 or above 2^-900.
 */
static double round_to(rm_twofold value, ropemap_element element) {
    int exponent = 0;
    if (element == ROPEMAP_ELEMENT_FP64 || value.high == 0.0 || !isfinite(value.high)) {
        return value.high;
    }
    (void)frexp(value.high, &exponent);
    const int unit = (exponent - 1 > TYPES[element].least ? exponent - 1 : TYPES[element].least) -
                     (TYPES[element].bits - 1);
    const double units = ldexp(value.high, -unit);
    double whole = rint(units);
    if (fabs(units - whole) == 0.5 && value.low != 0.0) { /* half way but for the low part */
        whole = value.low > 0.0 ? ceil(units) : floor(units);
    }
    const double rounded = ldexp(whole, unit);
    return fabs(rounded) > TYPES[element].most ? copysign((double)INFINITY, rounded) : rounded;
}

/* Divides the angle of a pair that does not rotate, as llama.cpp's converter writes it into rope_freqs. */
static const double NEVER = 1e30;

static const char *const KINDS[] = {"inv-freq", "cos-sin", "rope-freqs"};
static const char *const ENDINGS[] = {"npy", "safetensors", "h", "gguf"};
static const char *const ELEMENTS[] = {[ROPEMAP_ELEMENT_FP32] = "fp32",
                                       [ROPEMAP_ELEMENT_FP64] = "fp64",
                                       [ROPEMAP_ELEMENT_FP16] = "fp16",
                                       [ROPEMAP_ELEMENT_BF16] = "bf16"};

const char *ropemap_table_kind_name(ropemap_table_kind kind) {
    return (unsigned)kind < sizeof KINDS / sizeof *KINDS ? KINDS[kind] : NULL;
}

const char *ropemap_table_format_ending(ropemap_table_format format) {
    return (unsigned)format < sizeof ENDINGS / sizeof *ENDINGS ? ENDINGS[format] : NULL;
}

const char *ropemap_element_name(ropemap_element element) {
    return (unsigned)element < sizeof ELEMENTS / sizeof *ELEMENTS ? ELEMENTS[element] : NULL;
}

static uint32_t bytes_of(ropemap_element element) {
    return element == ROPEMAP_ELEMENT_FP64 ? 8 : element == ROPEMAP_ELEMENT_FP32 ? 4 : 2;
}

/* An element's number as an integer of its bytes. */
static uint64_t element_bits(ropemap_element element, double value) {
    uint64_t bits = 0;
    switch (element) {
    case ROPEMAP_ELEMENT_FP64:
        memcpy(&bits, &value, sizeof bits);
        break;
    case ROPEMAP_ELEMENT_FP32:
        bits = rm_bits_from_float((float)value);
        break;
    case ROPEMAP_ELEMENT_FP16:
        bits = rm_half_from_float((float)value);
        break;
    case ROPEMAP_ELEMENT_BF16:
        bits = rm_bfloat_from_float((float)value);
        break;
    }
    return bits;
}

/* ---- numbers */

/* Where the next number goes. */
typedef struct writer {
    ropemap_element element;
    uint32_t bytes;
    uint8_t *next;
} writer;

static void put(writer *to, double rounded) {
    const uint64_t bits = element_bits(to->element, rounded);
    for (uint32_t byte = 0; byte < to->bytes; byte++) {
        *to->next++ = (uint8_t)(bits >> (8 * byte));
    }
}

static void put_frequencies(const rm_schedule *schedule, writer *to) {
    for (int32_t i = 0; i < schedule->pairs; i++) {
        put(to, round_to(schedule->radians[i], to->element));
    }
}

static rm_twofold quotient(rm_twofold a, rm_twofold b) {
    const double first = a.high / b.high;
    const rm_twofold rest = rm_twofold_add(a, rm_twofold_negative(rm_twofold_mul(b, rm_twofold_of(first))));
    return rm_twofold_sum(first, (rest.high + rest.low) / b.high);
}

static void put_divisors(const ropemap_spec *spec, const rm_schedule *schedule, rm_twofold *plain,
                         writer *to) {
    rm_plain_frequencies(spec->base, schedule->pairs, plain);
    for (int32_t i = 0; i < schedule->pairs; i++) {
        const rm_twofold divisor = schedule->radians[i].high == 0.0
                                       ? rm_twofold_of(NEVER)
                                       : quotient(plain[i], schedule->radians[i]);
        put(to, round_to(divisor, to->element));
    }
}

/* What a double near the number rounds to, where all numbers within its error round alike. */
static bool near_enough(double near, ropemap_element element, double *rounded) {
    const double room = 0x1p-49 * near;
    *rounded = round_to(rm_twofold_of(near - room), element);
    return element != ROPEMAP_ELEMENT_FP64 && round_to(rm_twofold_of(near + room), element) == *rounded;
}

/* One row: cosines, then sines, of which the doubles decide nearly all. */
static void put_row(const rm_twofold *turns, int32_t pairs, double attention, int64_t position, writer *to) {
    writer sines = *to;
    sines.next += (size_t)pairs * to->bytes;
    for (int32_t i = 0; i < pairs; i++) {
        const rm_exact near = rm_near_rotation(turns[i], position);
        const rm_twofold factor = rm_twofold_of(attention);
        double c = 0.0, s = 0.0;
        if (!near_enough(near.c.high * attention, to->element, &c) ||
            !near_enough(near.s.high * attention, to->element, &s)) {
            const rm_exact exact = exact_rotation(turns[i], position);
            c = round_to(rm_twofold_mul(exact.c, factor), to->element);
            s = round_to(rm_twofold_mul(exact.s, factor), to->element);
        }
        put(to, c);
        put(&sines, s);
    }
    to->next = sines.next;
}

static void put_rows(const ropemap_table *table, const rm_schedule *schedule, rm_twofold *turns, writer *to) {
    for (int32_t i = 0; i < schedule->pairs; i++) {
        turns[i] = rm_twofold_mul(schedule->radians[i], rm_turns_per_radian);
    }
    for (int64_t row = 0; row < table->positions.count; row++) {
        put_row(turns, schedule->pairs, schedule->attention,
                table->positions.first + row * table->positions.step, to);
    }
}

static ropemap_status put_all(const ropemap_table *table, const rm_schedule *schedule, writer *to,
                              ropemap_error *error) {
    rm_twofold *room = rm_alloc((uint64_t)schedule->pairs, sizeof *room);
    if (room == NULL) {
        return rm_fail_memory(error, "frequencies", (uint64_t)schedule->pairs * sizeof *room);
    }
    switch (table->kind) {
    case ROPEMAP_TABLE_INV_FREQ:
        put_frequencies(schedule, to);
        break;
    case ROPEMAP_TABLE_COS_SIN:
        put_rows(table, schedule, room, to);
        break;
    case ROPEMAP_TABLE_ROPE_FREQS:
        put_divisors(&table->spec, schedule, room, to);
        break;
    }
    rm_free(room);
    return ROPEMAP_OK;
}

/* ---- the table */

static ropemap_status check(const ropemap_table *table, ropemap_error *error) {
    const ropemap_range *at = &table->positions;
    RM_TRY(ropemap_spec_check(&table->spec, error));
    RM_TRY(rm_axes_refuse(&table->spec, "a table has one position a row", error));
    if (ropemap_table_kind_name(table->kind) == NULL || ropemap_element_name(table->element) == NULL ||
        ropemap_table_format_ending(table->format) == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "table: kind %d, element %d, format %d; one of them is none",
                       (int)table->kind, (int)table->element, (int)table->format);
    }
    if (table->kind == ROPEMAP_TABLE_ROPE_FREQS && table->spec.frequencies != NULL) {
        return rm_fail(
            error, ROPEMAP_USAGE,
            "frequencies: rope-freqs divide the frequencies of a base, which a table does not have");
    }
    if (table->kind == ROPEMAP_TABLE_COS_SIN &&
        (at->count < 1 || at->first < 0 || at->step < 1 || at->first >= ROPEMAP_POSITION_END ||
         (at->count - 1) > (ROPEMAP_POSITION_END - 1 - at->first) / at->step)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "positions: %" PRId64 " from %" PRId64 " in steps of %" PRId64
                       "; give 1 or more, in steps of 1 or more, all below 2^40",
                       at->count, at->first, at->step);
    }
    return ROPEMAP_OK;
}

static const char *name_of(const ropemap_table *table) {
    const ropemap_scaling *scaling = &table->spec.scaling;
    switch (table->kind) {
    case ROPEMAP_TABLE_INV_FREQ:
        return "inv_freq";
    case ROPEMAP_TABLE_COS_SIN:
        return "cos_sin_cache";
    case ROPEMAP_TABLE_ROPE_FREQS:
        break;
    }
    return scaling->rule != ROPEMAP_SCALING_LONGROPE                    ? "rope_freqs.weight"
           : rm_scaling_divisors(&table->spec) == scaling->long_factors ? "rope_factors_long.weight"
                                                                        : "rope_factors_short.weight";
}

static void describe(const ropemap_table *table, const rm_schedule *schedule, char *text, size_t size) {
    const ropemap_spec *spec = &table->spec;
    char scaling[100], base[40] = "frequencies of a file";
    ropemap_scaling_format(&spec->scaling, false, scaling, sizeof scaling);
    if (spec->frequencies == NULL) {
        (void)snprintf(base, sizeof base, "base %.10g", spec->base);
    }
    (void)snprintf(text, size, "%s, %" PRId32 " of %" PRId32 " elements rotate, scaling %s, attention %.17g",
                   base, 2 * schedule->pairs, spec->head_dim, scaling, schedule->attention);
}

static ropemap_status make(const ropemap_table *table, const rm_schedule *schedule, ropemap_bytes *file,
                           ropemap_error *error) {
    const bool rows = table->kind == ROPEMAP_TABLE_COS_SIN, text = table->format == ROPEMAP_TABLE_C;
    rm_table_shape shape = {.name = name_of(table),
                            .rows = rows,
                            .height = rows ? table->positions.count : 1,
                            .width = (rows ? 2 : 1) * (int64_t)schedule->pairs,
                            .element = table->element,
                            .bytes = bytes_of(table->element)};
    uint8_t *data = NULL;
    describe(table, schedule, shape.rule, sizeof shape.rule);
    RM_TRY(rm_table_file(&shape, text ? ROPEMAP_TABLE_NPY : table->format, file, &data, error));
    writer to = {.element = shape.element, .bytes = shape.bytes, .next = data};
    ropemap_status status = put_all(table, schedule, &to, error);
    if (status == ROPEMAP_OK && text) {
        ropemap_bytes numbers = *file;
        *file = (ropemap_bytes){.data = NULL};
        status = rm_table_text(&shape, data, file, error);
        ropemap_bytes_free(&numbers);
    }
    if (status != ROPEMAP_OK) {
        ropemap_bytes_free(file);
    }
    return status;
}

ropemap_status ropemap_table_make(const ropemap_table *table, ropemap_bytes *bytes, ropemap_error *error) {
    rm_schedule schedule;
    *bytes = (ropemap_bytes){.data = NULL};
    RM_TRY(check(table, error));
    RM_TRY(rm_schedule_make(&table->spec, &schedule, error));
    const ropemap_status status = make(table, &schedule, bytes, error);
    rm_free(schedule.radians);
    return status;
}
