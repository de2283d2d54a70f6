/* oracle.c - similarity maps by brute force: slow, plain, sharing no code with the product */
/* SPDX-License-Identifier: MIT */
#include "tests/oracle.h"

#include <math.h>
#include <stdlib.h>

/* 2 pi as a double and the rest. */
static const long double TWO_PI_HIGH = 0x1.921fb54442d18p+2L;
static const long double TWO_PI_LOW = 2.44929359829470635445213186455000211641949889e-16L;

/* ---- numbers of twice the precision (Dekker 1971) ---- */

static oracle_number normal(long double a, long double b) {
    const long double sum = a + b;
    const long double part = sum - a;
    return (oracle_number){.high = sum, .low = (a - (sum - part)) + (b - part)};
}

static oracle_number times(oracle_number a, oracle_number b) {
    const long double product = a.high * b.high;
    const long double rest = fmal(a.high, b.high, -product);
    return normal(product, rest + (a.high * b.low + a.low * b.high));
}

static oracle_number minus(oracle_number a, oracle_number b) {
    const oracle_number high = normal(a.high, -b.high);
    return normal(high.high, high.low + (a.low - b.low));
}

static oracle_number over(oracle_number a, oracle_number b) {
    const long double first = a.high / b.high;
    const oracle_number rest = minus(a, times((oracle_number){.high = first}, b));
    return normal(first, rest.high / b.high);
}

/* y^n * b^m, both powers built together so that the product stays near 1 where y is near b^(-m/n). */
static oracle_number joint_power(oracle_number y, int64_t n, oracle_number b, int64_t m) {
    oracle_number result = {.high = 1.0L};
    for (int bit = 15; bit >= 0; bit--) {
        result = times(result, result);
        if ((n >> bit & 1) != 0) {
            result = times(result, y);
        }
        if ((m >> bit & 1) != 0) {
            result = times(result, b);
        }
    }
    return result;
}

/* base^(-m/n), 0 <= m <= n < 65536: Newton's iteration on y^n base^m = 1. */
static oracle_number inverse_root(double base, int64_t m, int64_t n) {
    const oracle_number one = {.high = 1.0L}, b = {.high = base};
    oracle_number y = {.high = powl(base, -(long double)m / (long double)n)};
    for (int iteration = 0; iteration < 3; iteration++) {
        const oracle_number excess = minus(joint_power(y, n, b, m), one);
        const oracle_number correction = times(y, over(excess, (oracle_number){.high = (long double)n}));
        y = minus(y, correction);
    }
    return y;
}

oracle_number oracle_frequency(const ropemap_spec *spec, int32_t pair) {
    const int64_t dims = spec->rotary_dim == 0 ? spec->head_dim : spec->rotary_dim;
    const int64_t twice = 2 * (int64_t)pair;
    oracle_number theta = inverse_root(spec->base, twice, dims);
    if (spec->scaling.rule == ROPEMAP_SCALING_LINEAR) {
        theta = over(theta, (oracle_number){.high = spec->scaling.factor});
    }
    if (spec->scaling.rule == ROPEMAP_SCALING_NTK && pair > 0) {
        /* (b s^(D/(D-2)))^(-2i/D) = b^(-2i/D) s^(-2i/(D-2)) */
        theta = times(theta, inverse_root(spec->scaling.factor, twice, dims - 2));
    }
    return over(theta, normal(TWO_PI_HIGH, TWO_PI_LOW));
}

long double oracle_phase(oracle_number frequency, long double position) {
    const oracle_number turns = times(frequency, (oracle_number){.high = position});
    return (turns.high - roundl(turns.high)) + turns.low;
}

long double oracle_cos(long double turns) {
    return cosl(TWO_PI_HIGH * turns + TWO_PI_LOW * turns);
}

long double oracle_sin(long double turns) {
    return sinl(TWO_PI_HIGH * turns + TWO_PI_LOW * turns);
}

void oracle_rule_make(const ropemap_spec *spec, oracle_rule *rule) {
    const int32_t dims = spec->rotary_dim == 0 ? spec->head_dim : spec->rotary_dim;
    rule->head_dim = spec->head_dim;
    rule->pairs = dims / 2;
    for (int32_t pair = 0; pair < rule->pairs; pair++) {
        rule->frequencies[pair] = oracle_frequency(spec, pair);
    }
}

long double oracle_similarity(const oracle_rule *rule, int64_t distance) {
    long double sum = (long double)rule->head_dim / 2 - rule->pairs;
    for (int32_t pair = 0; pair < rule->pairs; pair++) {
        sum += oracle_cos(oracle_phase(rule->frequencies[pair], (long double)distance));
    }
    return sum * 2 / (long double)rule->head_dim;
}

/* ---- every pair of a request ---- */

static double *doubles(int64_t count) {
    double *memory = calloc((size_t)count, sizeof *memory);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static void rotate(const oracle_rule *rule, ropemap_layout layout, int64_t position, double *row) {
    for (int32_t pair = 0; pair < rule->pairs; pair++) {
        const bool half = layout == ROPEMAP_LAYOUT_HALF;
        double *first = row + (half ? pair : 2 * pair);
        double *second = row + (half ? pair + rule->pairs : 2 * pair + 1);
        const long double turns = oracle_phase(rule->frequencies[pair], (long double)position);
        const long double c = oracle_cos(turns), s = oracle_sin(turns), x = *first, y = *second;
        *first = (double)(x * c - y * s);
        *second = (double)(x * s + y * c);
    }
}

static void make_rows(const ropemap_request *request, const ropemap_vectors *vectors, ropemap_range range,
                      const float *source, double *rows) {
    const ropemap_spec *spec = &request->spec;
    const int32_t dim = spec->head_dim;
    const ropemap_range held = vectors == NULL ? range : ropemap_vectors_positions(vectors);
    oracle_rule rule;
    oracle_rule_make(spec, &rule);
    for (int64_t i = 0; i < range.count; i++) {
        const int64_t position = range.first + i * range.step;
        double *row = rows + i * dim;
        for (int32_t d = 0; d < dim; d++) {
            row[d] = source == NULL ? 1.0 / sqrt((double)dim)
                                    : (double)source[(position - held.first) / held.step * dim + d];
        }
        if (!request->already_rotated) {
            rotate(&rule, spec->layout, position, row);
        }
        if (request->measure == ROPEMAP_MEASURE_COSINE) {
            long double square = 0;
            for (int32_t d = 0; d < dim; d++) {
                square += (long double)row[d] * row[d];
            }
            for (int32_t d = 0; d < dim; d++) {
                row[d] = (double)(row[d] / sqrtl(square));
            }
        }
    }
}

void oracle_scores_make(const ropemap_request *request, const float *queries, const float *keys,
                        oracle_scores *scores) {
    const int32_t dim = request->spec.head_dim;
    *scores = (oracle_scores){.rows = request->rows.count, .cols = request->cols.count, .head_dim = dim};
    scores->queries = doubles(scores->rows * dim);
    scores->keys = doubles(scores->cols * dim);
    scores->scores = doubles(scores->rows * scores->cols);
    make_rows(request, request->queries, request->rows, queries, scores->queries);
    make_rows(request, request->keys, request->cols, keys, scores->keys);
    if (request->measure == ROPEMAP_MEASURE_SCALED) {
        for (int64_t i = 0; i < scores->rows * dim; i++) {
            scores->queries[i] /= sqrt((double)dim);
        }
    }
    for (int64_t i = 0; i < scores->rows; i++) {
        for (int64_t j = 0; j < scores->cols; j++) {
            double sum = 0;
            for (int32_t d = 0; d < dim; d++) {
                sum += scores->queries[i * dim + d] * scores->keys[j * dim + d];
            }
            scores->scores[i * scores->cols + j] = sum;
        }
    }
}

void oracle_scores_free(oracle_scores *scores) {
    free(scores->queries);
    free(scores->keys);
    free(scores->scores);
    *scores = (oracle_scores){0};
}

/* ---- cells ---- */

int64_t oracle_cells(int64_t count, int64_t asked) {
    return count < asked ? count : asked;
}

int64_t oracle_cell_first(int64_t count, int64_t cells, int64_t cell) {
    /* cell * (count / cells) is exact, and the remainders are small: no 64-bit product can wrap */
    return cell * (count / cells) + cell * (count % cells) / cells;
}

bool oracle_sees(const ropemap_mask *mask, int64_t query, int64_t key) {
    if (mask->causal && key > query) {
        return false;
    }
    const bool sink = key < mask->sink_tokens;
    const bool near = mask->window == 0 || llabs(query - key) < mask->window;
    const bool same = mask->chunk == 0 || query / mask->chunk == key / mask->chunk;
    return sink || (near && same);
}

/* What one pass over a cell's pairs gathers; deviations are about `centre`. */
struct gathered {
    int64_t pairs;
    long double sum, square;
    double low, high;
    bool nan;
};

static struct gathered gather(const ropemap_request *request, const oracle_scores *scores,
                              const int64_t box[4], long double centre) {
    struct gathered all = {.low = (double)INFINITY, .high = -(double)INFINITY};
    for (int64_t i = box[0]; i < box[1]; i++) {
        const int64_t query = request->rows.first + i * request->rows.step;
        for (int64_t j = box[2]; j < box[3]; j++) {
            if (!oracle_sees(&request->mask, query, request->cols.first + j * request->cols.step)) {
                continue;
            }
            const double score = scores->scores[i * scores->cols + j];
            all.pairs++;
            all.sum += score - centre;
            all.square += (score - centre) * (score - centre);
            all.nan = all.nan || isnan(score);
            all.low = score < all.low ? score : all.low;
            all.high = score > all.high ? score : all.high;
        }
    }
    return all;
}

double oracle_cell(const ropemap_request *request, const oracle_scores *scores, int64_t row, int64_t col) {
    const int64_t height = oracle_cells(scores->rows, request->height);
    const int64_t width = oracle_cells(scores->cols, request->width);
    const int64_t box[4] = {
        oracle_cell_first(scores->rows, height, row), oracle_cell_first(scores->rows, height, row + 1),
        oracle_cell_first(scores->cols, width, col), oracle_cell_first(scores->cols, width, col + 1)};
    const struct gathered all = gather(request, scores, box, 0);
    if (all.pairs == 0 || all.nan) {
        return (double)NAN;
    }
    const long double pairs = (long double)all.pairs, mean = all.sum / pairs;
    switch (request->pool) {
    case ROPEMAP_POOL_MEAN:
        return (double)mean;
    case ROPEMAP_POOL_MIN:
        return all.low;
    case ROPEMAP_POOL_MAX:
        return all.high;
    case ROPEMAP_POOL_ABSMAX:
        return fmax(fabs(all.low), fabs(all.high));
    case ROPEMAP_POOL_RMS:
        return (double)sqrtl(all.square / pairs);
    case ROPEMAP_POOL_STD:
        return (double)sqrtl(gather(request, scores, box, mean).square / pairs);
    case ROPEMAP_POOL_MASS: /* of softmax alone */
        break;
    }
    return (double)NAN;
}

double *oracle_map(const ropemap_request *request, const oracle_scores *scores) {
    const int64_t height = oracle_cells(scores->rows, request->height);
    const int64_t width = oracle_cells(scores->cols, request->width);
    double *cells = malloc((size_t)(height * width) * sizeof *cells);
    for (int64_t cell = 0; cells != NULL && cell < height * width; cell++) {
        cells[cell] = oracle_cell(request, scores, cell / width, cell % width);
    }
    return cells;
}

/* ---- softmax ---- */

static double score_of(const ropemap_request *request, double product) {
    const double scale = request->scale != 0 ? request->scale : 1 / sqrt((double)request->spec.head_dim);
    const double cap = request->softmax.softcap;
    return cap != 0 ? cap * tanh(product * scale / cap) : product * scale;
}

static void make_softmax_row(const ropemap_request *request, oracle_attention *attention, int64_t i) {
    const double *scores = attention->scores + i * attention->cols;
    double most = request->softmax.has_sink ? request->softmax.sink_logit : -(double)INFINITY;
    for (int64_t j = 0; j < attention->cols; j++) {
        most = scores[j] > most ? scores[j] : most;
        if (isfinite(scores[j]) && fabs(scores[j]) > attention->largest) {
            attention->largest = fabs(scores[j]);
        }
    }
    const double zero = isinf(most) && most < 0 ? 0 : most;
    long double sum = request->softmax.has_sink ? expl((long double)request->softmax.sink_logit - zero) : 0;
    for (int64_t j = 0; j < attention->cols; j++) {
        sum += expl((long double)scores[j] - zero);
    }
    attention->log_sum[i] = zero + (double)logl(sum);
    for (int64_t j = 0; j < attention->cols; j++) {
        const double p = (double)(expl((long double)scores[j] - zero) / sum);
        attention->p[i * attention->cols + j] = sum == 0 ? 0 : p;
    }
}

void oracle_attention_make(const ropemap_request *request, const oracle_scores *scores,
                           oracle_attention *attention) {
    *attention = (oracle_attention){.rows = scores->rows, .cols = scores->cols};
    attention->scores = doubles(scores->rows * scores->cols);
    attention->p = doubles(scores->rows * scores->cols);
    attention->log_sum = doubles(scores->rows);
    for (int64_t i = 0; i < scores->rows; i++) {
        for (int64_t j = 0; j < scores->cols; j++) {
            const int64_t query = request->rows.first + i * request->rows.step;
            const bool seen =
                oracle_sees(&request->mask, query, request->cols.first + j * request->cols.step);
            attention->scores[i * scores->cols + j] =
                seen ? score_of(request, scores->scores[i * scores->cols + j]) : -(double)INFINITY;
        }
        make_softmax_row(request, attention, i);
    }
}

void oracle_attention_free(oracle_attention *attention) {
    free(attention->scores);
    free(attention->p);
    free(attention->log_sum);
    *attention = (oracle_attention){0};
}

double oracle_attention_cell(const ropemap_request *request, const oracle_attention *attention, int64_t row,
                             int64_t col) {
    const int64_t height = oracle_cells(attention->rows, request->height);
    const int64_t width = oracle_cells(attention->cols, request->width);
    const int64_t first = oracle_cell_first(attention->rows, height, row);
    const int64_t end = oracle_cell_first(attention->rows, height, row + 1);
    long double sum = 0, pairs = 0;
    double largest = 0;
    bool nan = false;
    for (int64_t i = first; i < end; i++) {
        for (int64_t j = oracle_cell_first(attention->cols, width, col);
             j < oracle_cell_first(attention->cols, width, col + 1); j++) {
            if (oracle_sees(&request->mask, request->rows.first + i * request->rows.step,
                            request->cols.first + j * request->cols.step)) {
                const double p = attention->p[i * attention->cols + j];
                pairs++;
                sum += p;
                nan = nan || isnan(p);
                largest = p > largest ? p : largest;
            }
        }
    }
    const long double over = request->pool == ROPEMAP_POOL_MASS ? (long double)(end - first) : pairs;
    return pairs == 0 || nan                   ? (double)NAN
           : request->pool == ROPEMAP_POOL_MAX ? largest
                                               : (double)(sum / over);
}

/* ---- closed sums ---- */

/* sin(n x / 2) / sin(x / 2) for x of `phase` turns a step; n x / 2 is `half_span` turns. */
static long double kernel(long double half_span, long double half_phase, int64_t n) {
    const long double below = oracle_sin(half_phase);
    return below == 0 ? (long double)n : oracle_sin(half_span) / below;
}

long double oracle_mean_full(const oracle_rule *rule, ropemap_range rows, ropemap_range cols) {
    const long double step = (long double)rows.step, n = (long double)rows.count, m = (long double)cols.count;
    const long double centre =
        (long double)(rows.first - cols.first) + step * (n - 1) / 2 - step * (m - 1) / 2;
    long double sum = (long double)rule->head_dim / 2 - rule->pairs;
    for (int32_t pair = 0; pair < rule->pairs; pair++) {
        const oracle_number f = rule->frequencies[pair];
        const long double half = oracle_phase(f, step / 2);
        const long double down = kernel(oracle_phase(f, step * n / 2), half, rows.count) / n;
        const long double across = kernel(oracle_phase(f, step * m / 2), half, cols.count) / m;
        sum += down * across * oracle_cos(oracle_phase(f, centre));
    }
    return sum * 2 / (long double)rule->head_dim;
}

/*
 * sum over 0 <= t < n of (n - t) cos(t x): the sum over |t| < n is the Fejer kernel, sin(n x / 2)^2 /
 * sin(x / 2)^2; half of it and of the diagonal is what is wanted. 0 for n <= 0.
 */
static long double triangle(oracle_number frequency, long double step, int64_t n) {
    if (n <= 0) {
        return 0;
    }
    const long double half_span = oracle_phase(frequency, step * (long double)n / 2);
    const long double k = kernel(half_span, oracle_phase(frequency, step / 2), n);
    return (k * k + (long double)n) / 2;
}

/* Pairs of such a triangle. */
static long double triangle_pairs(int64_t n) {
    return n <= 0 ? 0 : (long double)n * (long double)(n + 1) / 2;
}

long double oracle_mean_causal(const oracle_rule *rule, ropemap_range rows, ropemap_range cols) {
    if (rows.first - (cols.first + (cols.count - 1) * cols.step) >= 0) {
        return oracle_mean_full(rule, rows, cols);
    }
    /* rows i and columns j with i - j + shift >= 0: four triangles, by inclusion and exclusion */
    const int64_t shift = (rows.first - cols.first) / rows.step, n = rows.count, m = cols.count;
    const int64_t sides[4] = {shift + n, shift + n - m, shift, shift - m};
    const long double signs[4] = {1, -1, -1, 1};
    long double pairs = 0, sum = 0;
    for (int corner = 0; corner < 4; corner++) {
        pairs += signs[corner] * triangle_pairs(sides[corner]);
        long double part = triangle_pairs(sides[corner]) * ((long double)rule->head_dim / 2 - rule->pairs);
        for (int32_t pair = 0; pair < rule->pairs; pair++) {
            part += triangle(rule->frequencies[pair], (long double)rows.step, sides[corner]);
        }
        sum += signs[corner] * part;
    }
    return pairs == 0 ? (long double)NAN : sum / pairs * 2 / (long double)rule->head_dim;
}
