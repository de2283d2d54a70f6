/* check.c - what outputs are checked against: random inputs, references in long double, samples of them */
/* SPDX-License-Identifier: MIT */
#include "tools/bench/check.h"

#include "host/base/alloc.h"
#include "host/map/cells.h"

#include <math.h>

/* ---- results and inputs */

void check_value(check_result *result, double got, double wanted, double allowed) {
    const double error = isnan(wanted) && isnan(got) ? 0.0 : fabs(got - wanted);
    result->checked++;
    result->wrong += error <= (isnan(wanted) ? 0.0 : allowed) ? 0 : 1; /* a NaN is not <= anything */
    if (error > result->error || isnan(error)) {
        result->error = error; /* a NaN stays: nothing is > it */
    }
    result->allowed = fmax(result->allowed, allowed);
}

/* Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators": the output of SplitMix64. */
static uint64_t mix(uint64_t value) {
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

void inputs_fill(float *values, int64_t count, double reach, uint64_t seed) {
    const uint64_t key = mix(seed);
    const double scale = reach * 0x1p-31;
    for (int64_t i = 0; i < count; i++) {
        const int32_t number = (int32_t)(uint32_t)(mix(key + (uint64_t)i) >> 32);
        values[i] = (float)(((double)number + 0.5) * scale);
    }
}

/* The mean square of an even spread over (-r, r) is r^2 / 3. */
double inputs_unit_reach(int32_t head_dim) {
    return sqrt(3.0 / (double)head_dim);
}

int64_t picks_count(int64_t total, int64_t most) {
    return total < most ? total : most;
}

int64_t pick_at(int64_t total, int64_t most, int64_t index) {
    if (total <= most || index == 0) {
        return index;
    }
    return index == most - 1 ? total - 1 : (int64_t)(mix((uint64_t)index) % (uint64_t)total);
}

/* Half a unit in the last place: 8 bits for bf16, 11 for fp16 and tf32; below 2^-14 fp16 has steps of 2^-24.
 */
double check_rounding(ropemap_dtype dtype, double magnitude) {
    switch (dtype) {
    case ROPEMAP_DTYPE_TF32:
        return 0x1p-11 * magnitude;
    case ROPEMAP_DTYPE_BF16:
        return 0x1p-8 * magnitude;
    case ROPEMAP_DTYPE_FP16:
        return 0x1p-11 * magnitude + 0x1p-25;
    case ROPEMAP_DTYPE_FP32:
        break;
    }
    return 0x1p-24 * magnitude;
}

/* ---- rotation by plain formulas */

static const long double base = 10000.0L;

/* A number as the sum of two, the second below half a unit in the last place of the first. */
struct pair {
    long double high, low;
};

/* Exact but for 2^-126 of it: fmal gives what rounding takes from the product of the high parts. */
static struct pair multiply(struct pair a, struct pair b) {
    const long double product = a.high * b.high;
    const long double rest = fmal(a.high, b.high, -product) + (a.high * b.low + a.low * b.high);
    const long double high = product + rest;
    return (struct pair){.high = high, .low = rest - (high - product)};
}

static struct pair power(struct pair value, int32_t exponent) {
    struct pair made = {.high = 1.0L};
    for (; exponent > 0; exponent /= 2) {
        made = exponent % 2 != 0 ? multiply(made, value) : made;
        value = multiply(value, value);
    }
    return made;
}

/* r = base^(-1/n) by a step of Newton's: r^n base = 1 + e, so that r (1 - e/n) is off by e^2 alone. */
static struct pair root(int32_t n) {
    struct pair made = {.high = powl(base, -1.0L / (long double)n)};
    const struct pair one = multiply(power(made, n), (struct pair){.high = base});
    const long double e = (one.high - 1.0L) + one.low;
    made.low = -made.high * e / (long double)n;
    return made;
}

check_reference *reference_make(int32_t head_dim, ropemap_layout layout, ropemap_phase phase) {
    check_reference *reference = rm_alloc(1, sizeof *reference);
    if (reference != NULL) {
        reference->head_dim = head_dim;
        reference->layout = layout;
        reference->phase = phase;
        const struct pair step = root(head_dim / 2);
        for (int32_t pair = 0; pair < head_dim / 2; pair++) {
            const struct pair frequency = power(step, pair);
            reference->frequency[pair] = frequency.high;
            reference->rest[pair] = frequency.low;
            if (phase == ROPEMAP_PHASE_FP32FREQ) {
                reference->frequency[pair] = (long double)(float)frequency.high;
                reference->rest[pair] = 0.0L;
            }
        }
        reference_stack_fill(reference);
    }
    return reference;
}

/* The angle's high part is exact to libm, which reduces it by all of pi; the rest is below 2^-23. */
static void rotate_pair(const check_reference *reference, int32_t pair, int64_t position, long double *c,
                        long double *s) {
    const long double place = (long double)position, high = place * reference->frequency[pair];
    const long double low = fmal(place, reference->frequency[pair], -high) + place * reference->rest[pair];
    const long double cosine = cosl(high), sine = sinl(high);
    *c = cosine - low * sine;
    *s = sine + low * cosine;
}

void reference_turn(const check_reference *reference, int32_t pair, int64_t position, double *c, double *s) {
    long double cosine = 0.0L, sine = 0.0L;
    rotate_pair(reference, pair, position, &cosine, &sine);
    *c = (double)cosine;
    *s = (double)sine;
}

double reference_ones(const check_reference *reference, int64_t distance) {
    const int32_t pairs = reference->head_dim / 2;
    double sum = 0.0;
    for (int32_t pair = 0; pair < pairs; pair++) {
        double c = 0.0, s = 0.0;
        reference_turn(reference, pair, distance, &c, &s);
        sum += c;
    }
    return sum / (double)pairs;
}

void reference_rotate(const check_reference *reference, const float *row, int64_t position, double *rotated) {
    const int32_t pairs = reference->head_dim / 2;
    const bool half = reference->layout == ROPEMAP_LAYOUT_HALF;
    const bool stack = reference_is_stack(reference->phase);
    float angles[ROPEMAP_MAX_PAIRS];
    if (stack) {
        reference_stack_angles(reference, position, angles);
    }
    for (int32_t pair = 0; pair < pairs; pair++) {
        const int32_t a = half ? pair : 2 * pair, b = half ? pair + pairs : 2 * pair + 1;
        long double c = 0.0L, s = 0.0L;
        if (stack) {
            reference_stack_turn(reference, angles[pair], &c, &s);
        } else {
            rotate_pair(reference, pair, position, &c, &s);
        }
        const long double x = (long double)row[a], y = (long double)row[b];
        rotated[a] = (double)(x * c - y * s);
        rotated[b] = (double)(x * s + y * c);
    }
}

double reference_element_error(const check_reference *reference) {
    return reference_is_stack(reference->phase) ? STACK_ERROR : ROTATION_ERROR;
}

/* Both elements of each pair. */
static double reference_row_error(const check_reference *reference) {
    return sqrt(2.0) * reference_element_error(reference);
}

int32_t reference_partner(const check_reference *reference, int32_t d) {
    const int32_t pairs = reference->head_dim / 2;
    if (reference->layout == ROPEMAP_LAYOUT_HALF) {
        return d < pairs ? d + pairs : d - pairs;
    }
    return d % 2 == 0 ? d + 1 : d - 1;
}

double reference_dot(const double *a, const double *b, int64_t count) {
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/* A product of vectors of that length in float, of which each element is exact: (d + 1) roundings. */
static double reference_product_error(int32_t head_dim, double length_a, double length_b) {
    return ((double)head_dim + 1.0) * FLOAT_ROUNDING * length_a * length_b;
}

/* ---- the angles of stacks in use */

/*
 * What the stacks' own sources say, for the default rule: transformers has inv_freq = 1.0 / base **
 * (arange(0, d, 2) / d) and angles position * inv_freq; llama.cpp starts from the position and multiplies by
 * powf(base, -2.0f / d) from pair to pair. All of it is float32, a power of it rounded once. In 16 bits
 * transformers' steps are rounded one by one.
 */

bool reference_is_stack(ropemap_phase phase) {
    return phase != ROPEMAP_PHASE_EXACT && phase != ROPEMAP_PHASE_FP32FREQ;
}

/* Ties to even: the eight significant bits that bfloat16 keeps of a normal number. */
static double bfloat_of(double value) {
    int exponent = 0;
    const double fraction = frexp(value, &exponent);
    return ldexp(nearbyint(ldexp(fraction, 8)), exponent - 8);
}

/* Eleven significant bits, none below 2^-24; what rounds to 2^16 and more is infinite. */
static double half_of(double value) {
    int exponent = 0;
    (void)frexp(value, &exponent);
    const int last = exponent - 11 > -24 ? exponent - 11 : -24;
    const double near = ldexp(nearbyint(ldexp(value, -last)), last);
    return fabs(near) >= 65536.0 ? copysign((double)INFINITY, value) : near;
}

/* A number as a phase of 16 bits keeps it, and as float32 does in the others. */
static double kept(ropemap_phase phase, double value) {
    return phase == ROPEMAP_PHASE_BF16_ANGLES   ? bfloat_of(value)
           : phase == ROPEMAP_PHASE_FP16_ANGLES ? half_of(value)
                                                : value;
}

void reference_stack_fill(check_reference *reference) {
    const float dim = (float)reference->head_dim, step = -2.0f / dim;
    reference->theta_scale = (float)powl(base, (long double)step);
    for (int32_t pair = 0; pair < reference->head_dim / 2; pair++) {
        const float exponent = (float)(2 * pair) / dim, power = (float)powl(base, (long double)exponent);
        const double inv_freq = (double)(1.0f / power);
        reference->inv_freq[pair] =
            (float)(reference->phase == ROPEMAP_PHASE_BF16_INV_FREQ ? bfloat_of(inv_freq)
                                                                    : kept(reference->phase, inv_freq));
    }
}

void reference_stack_angles(const check_reference *reference, int64_t position, float *angles) {
    const ropemap_phase phase = reference->phase;
    const float place = (float)kept(phase, (double)(float)position);
    float theta = place;
    for (int32_t pair = 0; pair < reference->head_dim / 2; pair++) {
        angles[pair] = phase == ROPEMAP_PHASE_GGML_FP32
                           ? theta
                           : (float)kept(phase, (double)(place * reference->inv_freq[pair]));
        theta *= reference->theta_scale;
    }
}

void reference_stack_turn(const check_reference *reference, float angle, long double *c, long double *s) {
    const ropemap_phase phase = reference->phase == ROPEMAP_PHASE_BF16_TABLES
                                    ? ROPEMAP_PHASE_BF16_ANGLES /* its tables are rounded alike */
                                    : reference->phase;
    *c = cosl((long double)angle);
    *s = sinl((long double)angle);
    if (phase == ROPEMAP_PHASE_BF16_ANGLES || phase == ROPEMAP_PHASE_FP16_ANGLES) { /* float32 first */
        *c = (long double)kept(phase, (double)(float)*c);
        *s = (long double)kept(phase, (double)(float)*s);
    }
}

/* ---- maps */

/* Rows of each side that a check rotates, or cosines of vectors of ones; it looks at two cells at least. */
enum { CHECKED_ROWS = 16384, CHECKED_CELLS_MOST = 1024 };

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t rows_of_cell(int64_t positions, int64_t cells) {
    return (positions + cells - 1) / cells;
}

int64_t map_check_rows(const bench_shape *shape) {
    const int64_t cells = smaller(smaller(shape->height, shape->width), shape->positions);
    return 2 * rows_of_cell(shape->positions, cells);
}

/* A cell: its rows and columns, room for both, and the number that it came to. */
struct cell {
    rm_span rows, cols;
    double *q, *k;
    double got;
};

/* Rows [first, end) of a side, rotated, into `to`; returns the mean of their lengths. */
static double rotate_rows(const map_check *check, const float *side, rm_span span, double *to) {
    const int32_t dim = check->reference->head_dim;
    double lengths = 0.0;
    for (int64_t row = span.first; row < span.end; row++, to += dim) {
        reference_rotate(check->reference, side + row * dim, row, to);
        lengths += sqrt(reference_dot(to, to, dim));
    }
    return lengths / (double)(span.end - span.first);
}

/* The mean of `count` rows, into the first of them; returns its length. */
static double mean_row(const map_check *check, double *rows, int64_t count) {
    const int32_t dim = check->reference->head_dim;
    for (int32_t d = 0; d < dim; d++) {
        double sum = 0.0;
        for (int64_t row = 0; row < count; row++) {
            sum += rows[row * dim + d];
        }
        rows[d] = sum / (double)count;
    }
    return sqrt(reference_dot(rows, rows, dim));
}

/* What a product of such lengths may be off by. Tensor cores cut where others round: twice as much. */
static double product_error(const map_check *check, double length_a, double length_b) {
    return (check->on_gpu ? 2.0 : 1.0) *
           reference_product_error(check->reference->head_dim, length_a, length_b);
}

/*
 * The mean of a cell is the product of two mean rows. Such a row is off by at most `off` = the mean length of
 * its rows times: what a rotated row is off by (twice that where the backend turns it, which may take two
 * steps), 15 roundings of sums of 16, and one of the mean itself.
 */
static void check_mean(const map_check *check, const struct cell *cell, check_result *result) {
    const double steps = check->reference->phase == ROPEMAP_PHASE_EXACT ? 2.0 : 1.0;
    const double share = steps * reference_row_error(check->reference) + 16.0 * FLOAT_ROUNDING;
    const double q_off = share * rotate_rows(check, check->queries, cell->rows, cell->q);
    const double k_off = share * rotate_rows(check, check->keys, cell->cols, cell->k);
    const double q_length = mean_row(check, cell->q, cell->rows.end - cell->rows.first);
    const double k_length = mean_row(check, cell->k, cell->cols.end - cell->cols.first);
    const double allowed = q_off * k_length + k_off * q_length + q_off * k_off +
                           product_error(check, q_length + q_off, k_length + k_off);
    check_value(result, cell->got, reference_dot(cell->q, cell->k, check->reference->head_dim), allowed);
}

/*
 * Rows are rounded to the type last: each element by u of itself, and s = sqrt(d) 2^-25 for all of those that
 * are below fp16's normal numbers. Then a product moves by (2 u + u^2) Q K + s (Q + K) (1 + u) + s^2.
 */
static double type_error(const map_check *check, double q_length, double k_length) {
    const ropemap_dtype dtype = check->map->plan.dtype;
    if (dtype == ROPEMAP_DTYPE_FP32) {
        return 0.0;
    }
    const double least = check_rounding(dtype, 0.0), u = check_rounding(dtype, 1.0) - least;
    const double s = sqrt((double)check->reference->head_dim) * least;
    return (2.0 * u + u * u) * q_length * k_length + s * (q_length + k_length) * (1.0 + u) + s * s;
}

/*
 * The largest product, and the deviation of all of them, are off by no more than the product of the longest
 * rows can be. A map's number is rounded to float at the end.
 */
static void check_products(const map_check *check, const struct cell *cell, check_result *result) {
    const int32_t dim = check->reference->head_dim;
    const double off = reference_row_error(check->reference);
    (void)rotate_rows(check, check->queries, cell->rows, cell->q);
    (void)rotate_rows(check, check->keys, cell->cols, cell->k);
    double largest = -INFINITY, allowed = 0.0, sum = 0.0, squares = 0.0, count = 0.0;
    for (const double *q = cell->q; q < cell->q + (cell->rows.end - cell->rows.first) * dim; q += dim) {
        const double q_length = sqrt(reference_dot(q, q, dim));
        for (const double *k = cell->k; k < cell->k + (cell->cols.end - cell->cols.first) * dim; k += dim) {
            const double k_length = sqrt(reference_dot(k, k, dim)), dot = reference_dot(q, k, dim);
            const double rotated = 2.0 * off * q_length * k_length;
            const double rounded = type_error(check, q_length, k_length);
            const double product = product_error(check, q_length, k_length);
            largest = dot > largest || isnan(dot) ? dot : largest;         /* a NaN stays: nothing is > it */
            allowed = fmax(allowed, 1.01 * (rotated + rounded + product)); /* a hundredth: all at once */
            sum += dot;
            squares += dot * dot;
            count += 1.0;
        }
    }
    if (check->pool == ROPEMAP_POOL_MAX) {
        check_value(result, cell->got, largest, allowed);
        return;
    }
    const double mean = sum / count, variance = squares / count - mean * mean;
    const double wanted = sqrt(variance < 0.0 ? 0.0 : variance);
    check_value(result, cell->got, wanted, allowed + FLOAT_ROUNDING * wanted);
}

/* Of ones: the largest similarity of a cell. */
static void check_ones(const map_check *check, const struct cell *cell, check_result *result) {
    const int64_t last = cell->rows.end - 1 - cell->cols.first;
    double largest = -INFINITY;
    for (int64_t distance = cell->rows.first - (cell->cols.end - 1); distance <= last; distance++) {
        largest = fmax(largest, reference_ones(check->reference, distance < 0 ? -distance : distance));
    }
    check_value(result, cell->got, largest, COSINE_ERROR + FLOAT_ROUNDING);
}

void map_check_cells(const map_check *check, check_result *result) {
    const ropemap_map *map = check->map;
    const int64_t n = check->positions, total = map->height * map->width;
    const int64_t rows_most = rows_of_cell(n, smaller(map->height, map->width));
    const int64_t affordable = CHECKED_ROWS / rows_most;
    const int64_t most = affordable < 2 ? 2 : smaller(affordable, CHECKED_CELLS_MOST);
    for (int64_t i = 0; i < picks_count(total, most); i++) {
        const int64_t at = pick_at(total, most, i);
        struct cell cell = {.q = check->rows, .got = (double)map->cells[at]};
        ropemap_cell_bounds(n, map->height, at / map->width, &cell.rows.first, &cell.rows.end);
        ropemap_cell_bounds(n, map->width, at % map->width, &cell.cols.first, &cell.cols.end);
        if (check->queries == NULL) {
            check_ones(check, &cell, result);
            continue;
        }
        cell.k = check->rows + rows_most * check->reference->head_dim;
        if (check->pool == ROPEMAP_POOL_MEAN) {
            check_mean(check, &cell, result);
        } else {
            check_products(check, &cell, result);
        }
    }
}
