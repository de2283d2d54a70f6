/* test_rotary_pairs.c - what each pair of a head does, against every query with every key in double */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap_attention.h"
#include "host/ropemap_decay.h"
#include "tests/oracle.h"
#include "tests/unit.h"

#include <math.h>

enum { ROWS_MOST = 211, DIM_MOST = 22, HEADS = 4, PAIRS_MOST = DIM_MOST / 2 };

static const double TABLE[PAIRS_MOST] = {1.0, 0.37, -0.11, 0.0, 3e-2, 1e-3, 2e-5, 0.5, 0.25, 0.0, 1e-6};
static const ropemap_frequencies FREQUENCIES = {.radians = TABLE, .pairs = 7, .heads = 1, .name = "a table"};

struct layout {
    const char *name;
    int32_t dim, rotary;
    ropemap_layout layout;
    bool table; /* frequencies of the table, with an attention factor; one of them is 0 */
    bool causal;
    int64_t rows, first_row, row_step, cols, first_col, col_step;
};

static const struct layout layouts[] = {
    {"one row", 2, 2, ROPEMAP_LAYOUT_HALF, false, false, 1, 0, 1, 1, 0, 1},
    {"half", 22, 22, ROPEMAP_LAYOUT_HALF, false, false, 131, 0, 1, 131, 0, 1},
    {"interleaved, causal", 22, 22, ROPEMAP_LAYOUT_INTERLEAVED, false, true, 131, 0, 1, 131, 0, 1},
    {"partial, half, causal", 18, 14, ROPEMAP_LAYOUT_HALF, true, true, 65, 7, 1, 67, 7, 1},
    {"partial, interleaved", 18, 14, ROPEMAP_LAYOUT_INTERLEAVED, true, false, 64, 7, 1, 64, 7, 1},
    {"last queries, causal", 12, 8, ROPEMAP_LAYOUT_HALF, false, true, 31, 180, 1, 211, 0, 1},
    {"strides, causal", 12, 12, ROPEMAP_LAYOUT_HALF, false, true, 61, 1000003, 3, 97, 999991, 2},
    {"far away", 8, 8, ROPEMAP_LAYOUT_INTERLEAVED, false, false, 17, ((int64_t)1 << 39) + 1, 1, 19, 5, 1},
};
enum { LAYOUTS = sizeof layouts / sizeof layouts[0] };

/* ---- rows ---------------------------------------------------------------------------------------------- */

/* Elements of a side's pair. */
static int32_t element(const struct layout *of, int32_t pair, int second) {
    const bool rotates = pair < of->rotary / 2;
    return of->layout == ROPEMAP_LAYOUT_HALF && rotates ? pair + second * of->rotary / 2 : 2 * pair + second;
}

/* Rows with centres of their own, so that means, angles and variances are all far from 0. */
static void make_rows(float *rows, int64_t count, int32_t dim, uint32_t seed) {
    for (int64_t i = 0; i < count * dim; i++) {
        seed = seed * 1664525u + 1013904223u;
        rows[i] = (float)(int32_t)seed * 0x1p-33f + (float)((i % dim * 37 + 11) % 13 - 6) * 0.05f;
    }
}

static ropemap_spec spec_of(const struct layout *of) {
    ropemap_spec spec = ropemap_spec_default();
    spec.head_dim = of->dim;
    spec.rotary_dim = of->rotary;
    spec.layout = of->layout;
    if (of->table) {
        spec.frequencies = &FREQUENCIES;
        spec.scaling.attention_factor = 1.25;
    }
    return spec;
}

static double gain_of(const struct layout *of, int32_t pair) {
    return of->table && pair < of->rotary / 2 ? 1.25 : 1.0;
}

/* The angle of a pair at a position, radians; `frequency` is its rule's, turns a token. */
static long double angle_of(const struct layout *of, int32_t pair, oracle_number frequency,
                            int64_t position) {
    const long double two_pi = 6.283185307179586476925286766559L;
    if (pair >= of->rotary / 2) {
        return 0.0L;
    }
    return of->table ? fmodl((long double)TABLE[pair] * (long double)position, two_pi)
                     : two_pi * oracle_phase(frequency, (long double)position);
}

/* [count, pairs, 2] in double, rotated with the attention factor, or as they are. */
static void take(const struct layout *of, const float *rows, int64_t count, int64_t first, int64_t step,
                 bool rotate, double *to) {
    const int32_t pairs = of->dim / 2;
    const ropemap_spec spec = spec_of(of);
    for (int32_t pair = 0; pair < pairs; pair++) {
        const double gain = rotate ? gain_of(of, pair) : 1.0;
        const oracle_number frequency = oracle_frequency(&spec, pair);
        for (int64_t i = 0; i < count; i++) {
            const long double angle = rotate ? angle_of(of, pair, frequency, first + i * step) : 0.0L;
            const long double x = rows[i * of->dim + element(of, pair, 0)], c = cosl(angle);
            const long double y = rows[i * of->dim + element(of, pair, 1)], s = sinl(angle);
            to[(i * pairs + pair) * 2] = gain * (double)(x * c - y * s);
            to[(i * pairs + pair) * 2 + 1] = gain * (double)(x * s + y * c);
        }
    }
}

/* Rows as a file from after the rotation has them. */
static void rotate_rows(const struct layout *of, int64_t count, int64_t first, int64_t step, float *rows) {
    static double rotated[ROWS_MOST * DIM_MOST];
    take(of, rows, count, first, step, true, rotated);
    for (int64_t i = 0; i < count; i++) {
        for (int32_t pair = 0; pair < of->dim / 2; pair++) {
            for (int second = 0; second < 2; second++) {
                rows[i * of->dim + element(of, pair, second)] =
                    (float)rotated[(i * (of->dim / 2) + pair) * 2 + second];
            }
        }
    }
}

/* ---- brute force --------------------------------------------------------------------------------------- */

static ropemap_pair_side side_of(const double *rows, int64_t count, int32_t pairs, int32_t pair) {
    ropemap_pair_side side = {.norm = 0};
    for (int64_t i = 0; i < count; i++) {
        const double x = rows[(i * pairs + pair) * 2], y = rows[(i * pairs + pair) * 2 + 1];
        side.norm += hypot(x, y) / (double)count;
        side.x += x / (double)count;
        side.y += y / (double)count;
    }
    side.resultant = hypot(side.x, side.y) / side.norm;
    return side;
}

static void logits_of(const struct layout *of, const double *q, const double *k, int32_t pair,
                      ropemap_pair *to) {
    const int32_t pairs = of->dim / 2;
    long double count = 0, sum = 0, square = 0;
    for (int pass = 0; pass < 2; pass++) {
        const long double mean = pass == 0 ? 0 : sum / count;
        for (int64_t i = 0; i < of->rows; i++) {
            for (int64_t j = 0; j < of->cols; j++) {
                if (of->causal && of->first_col + j * of->col_step > of->first_row + i * of->row_step) {
                    continue;
                }
                const double *a = q + (i * pairs + pair) * 2, *b = k + (j * pairs + pair) * 2;
                const long double c = (long double)a[0] * b[0] + (long double)a[1] * b[1];
                count += pass == 0 ? 1 : 0;
                sum += pass == 0 ? c : 0;
                square += pass == 0 ? 0 : (c - mean) * (c - mean);
            }
        }
    }
    to->mean = (double)(sum / count);
    to->variance = (double)(square / count);
}

static void expect(const struct layout *of, const float *queries, const float *keys, ropemap_pair *to) {
    static double q[ROWS_MOST * DIM_MOST], k[ROWS_MOST * DIM_MOST];
    const int32_t pairs = of->dim / 2;
    double total = 0;
    take(of, queries, of->rows, 0, 0, false, q);
    take(of, keys, of->cols, 0, 0, false, k);
    for (int32_t pair = 0; pair < pairs; pair++) {
        to[pair] = (ropemap_pair){.query = side_of(q, of->rows, pairs, pair),
                                  .key = side_of(k, of->cols, pairs, pair)};
        to[pair].angle = atan2(to[pair].query.y, to[pair].query.x) - atan2(to[pair].key.y, to[pair].key.x);
    }
    take(of, queries, of->rows, of->first_row, of->row_step, true, q);
    take(of, keys, of->cols, of->first_col, of->col_step, true, k);
    for (int32_t pair = 0; pair < pairs; pair++) {
        logits_of(of, q, k, pair, &to[pair]);
        total += to[pair].variance;
    }
    for (int32_t pair = 0; pair < pairs; pair++) {
        to[pair].share = to[pair].variance / total;
    }
}

/* ---- comparison ---------------------------------------------------------------------------------------- */

static void near(const char *name, int32_t pair, const char *what, double got, double wanted, double room) {
    if (!(fabs(got - wanted) <= room)) {
        fail_msg("%s, pair %d: %s is %.12g, not %.12g +- %.3g", name, (int)pair, what, got, wanted, room);
    }
}

/*
 * Pairs are shorter than 1. A cosine is off by 1.2e-7, so a rotated pair by 2.4e-7 of its length, and as a
 * file has it rounded to float by 0.9e-7 more: `of_row`. A product of two such is off by twice as much, its
 * square by four times, and the variance is that less a square of a mean. The attention factor is 1.25.
 */
static void compare(const struct layout *of, bool post, const ropemap_pair *got, const ropemap_pair *wanted) {
    const double of_row = post ? 3.4e-7 : 1e-14, of_product = 2 * 3.4e-7 * 1.6, room = 4 * 1.6 * of_product;
    double total = 0, shares = 0;
    for (int32_t i = 0; i < of->dim / 2; i++) {
        total += wanted[i].variance;
    }
    for (int32_t i = 0; i < of->dim / 2; i++) {
        const ropemap_pair *a = &got[i], *b = &wanted[i];
        const double shorter = fmin(hypot(b->query.x, b->query.y), hypot(b->key.x, b->key.y));
        near(of->name, i, "query norm", a->query.norm, b->query.norm, of_row);
        near(of->name, i, "key norm", a->key.norm, b->key.norm, of_row);
        near(of->name, i, "query x", a->query.x, b->query.x, of_row);
        near(of->name, i, "query y", a->query.y, b->query.y, of_row);
        near(of->name, i, "key x", a->key.x, b->key.x, of_row);
        near(of->name, i, "key y", a->key.y, b->key.y, of_row);
        near(of->name, i, "query resultant", a->query.resultant, b->query.resultant,
             2 * of_row / b->query.norm);
        near(of->name, i, "key resultant", a->key.resultant, b->key.resultant, 2 * of_row / b->key.norm);
        near(of->name, i, "angle", remainder(a->angle - b->angle, 6.283185307179586), 0,
             3 * of_row / shorter);
        near(of->name, i, "mean", a->mean, b->mean, of_product);
        near(of->name, i, "variance", a->variance, b->variance, room);
        if (of->rows > 1) { /* one logit does not vary: no pair has a share */
            near(of->name, i, "share", a->share, b->share, 12 * room / total);
        } else {
            assert_true(isnan(a->share));
        }
        shares += a->share;
    }
    near(of->name, -1, "sum of shares", of->rows == 1 ? 1 : shares, 1, 1e-12);
}

struct sources {
    float queries[HEADS][ROWS_MOST * DIM_MOST], keys[HEADS][ROWS_MOST * DIM_MOST];
    ropemap_vectors *vectors[2 * HEADS];
    ropemap_head heads[HEADS];
};

/* Query heads 0 and 1 share keys, 2 and 3 have their own. */
static void open_sources(const struct layout *of, bool post, struct sources *to) {
    for (int head = 0; head < HEADS; head++) {
        make_rows(to->queries[head], of->rows, of->dim, 1u + (uint32_t)head);
        make_rows(to->keys[head], of->cols, of->dim, 101u + (uint32_t)head);
        if (post) {
            rotate_rows(of, of->rows, of->first_row, of->row_step, to->queries[head]);
            rotate_rows(of, of->cols, of->first_col, of->col_step, to->keys[head]);
        }
        assert_int_equal(
            ropemap_vectors_memory(to->queries[head], of->rows, of->dim, &to->vectors[head], NULL),
            ROPEMAP_OK);
        assert_int_equal(
            ropemap_vectors_memory(to->keys[head], of->cols, of->dim, &to->vectors[HEADS + head], NULL),
            ROPEMAP_OK);
        assert_int_equal(ropemap_vectors_place(to->vectors[head], of->first_row, of->row_step, NULL),
                         ROPEMAP_OK);
        assert_int_equal(ropemap_vectors_place(to->vectors[HEADS + head], of->first_col, of->col_step, NULL),
                         ROPEMAP_OK);
        to->heads[head] =
            (ropemap_head){.queries = to->vectors[head], .keys = to->vectors[HEADS + (head == 1 ? 0 : head)]};
    }
}

static void close_sources(struct sources *sources) {
    for (int i = 0; i < 2 * HEADS; i++) {
        ropemap_vectors_free(sources->vectors[i]);
    }
}

static ropemap_pairs_request request_of(const struct layout *of, bool post, const struct sources *sources) {
    return (ropemap_pairs_request){.spec = spec_of(of),
                                   .heads = sources->heads,
                                   .count = HEADS,
                                   .already_rotated = post,
                                   .causal = of->causal,
                                   .threads = 2};
}

static void compute(const ropemap_pairs_request *request, ropemap_pair *pairs, const ropemap_magnitudes *to) {
    ropemap_error error = {0};
    if (ropemap_pairs_compute(request, pairs, to, &error) != ROPEMAP_OK) {
        fail_msg("%s", error.text);
    }
}

/* ---- tests --------------------------------------------------------------------------------------------- */

static void every_statistic_is_that_of_all_pairs_of_rows(void **state) {
    static struct sources given, plain;
    for (int i = 0; i < 2 * LAYOUTS; i++) {
        const struct layout *of = &layouts[i / 2];
        const bool post = i % 2 == 1;
        ropemap_pair got[HEADS * PAIRS_MOST], wanted[PAIRS_MOST];
        open_sources(of, post, &given);
        open_sources(of, false, &plain);
        const ropemap_pairs_request request = request_of(of, post, &given);
        compute(&request, got, NULL);
        for (int head = 0; head < HEADS; head++) {
            expect(of, plain.queries[head], plain.keys[head == 1 ? 0 : head], wanted);
            compare(of, post, got + head * of->dim / 2, wanted);
        }
        close_sources(&given);
        close_sources(&plain);
    }
}

static void frequencies_are_those_of_the_rule(void **state) {
    static struct sources sources;
    ropemap_pair got[HEADS * PAIRS_MOST];
    const struct layout *of = &layouts[3];
    open_sources(of, false, &sources);
    const ropemap_pairs_request request = request_of(of, false, &sources);
    compute(&request, got, NULL);
    for (int i = 0; i < HEADS * of->dim / 2; i++) {
        const int pair = i % (of->dim / 2);
        assert_true(fabs(got[i].frequency - (pair < of->rotary / 2 ? TABLE[pair] : 0.0)) <= 1e-15);
    }
    close_sources(&sources);
}

/* Cells of uneven numbers of rows, both sides, before the rotation and after it. */
static void magnitudes_are_means_of_each_element(void **state) {
    static struct sources sources;
    static double all[4][ROWS_MOST * DIM_MOST];
    static float values[HEADS * ROPEMAP_MAGNITUDES * DIM_MOST * 10];
    const struct layout *of = &layouts[3];
    const ropemap_magnitudes magnitudes = {.cells = 10, .values = values};
    ropemap_pair pairs[HEADS * PAIRS_MOST];
    open_sources(of, false, &sources);
    const ropemap_pairs_request request = request_of(of, false, &sources);
    compute(&request, pairs, &magnitudes);
    for (int i = 0; i < HEADS * 4 * of->dim * 10; i++) {
        const int head = i / (4 * of->dim * 10), kind = i / (of->dim * 10) % 4, cell = i % 10;
        const int channel = i / 10 % of->dim, key = kind % 2;
        const int64_t count = key ? of->cols : of->rows;
        if (i % (of->dim * 10) == 0) {
            take(of, key ? sources.keys[head == 1 ? 0 : head] : sources.queries[head], count, 7, 1, kind >= 2,
                 all[kind]);
        }
        int32_t pair = 0;
        while (element(of, pair, 0) != channel && element(of, pair, 1) != channel) {
            pair++;
        }
        const int64_t first = oracle_cell_first(count, 10, cell),
                      end = oracle_cell_first(count, 10, cell + 1);
        double sum = 0;
        for (int64_t row = first; row < end; row++) {
            sum += fabs(all[kind][(row * (of->dim / 2) + pair) * 2 + (element(of, pair, 1) == channel)]);
        }
        near(of->name, pair, "magnitude", (double)values[i], sum / (double)(end - first), 5e-7);
    }
    close_sources(&sources);
}

static void threads_and_shared_keys_change_nothing(void **state) {
    static struct sources sources;
    ropemap_pair shared[HEADS * PAIRS_MOST], apart[PAIRS_MOST];
    const struct layout *of = &layouts[2];
    open_sources(of, false, &sources);
    ropemap_pairs_request request = request_of(of, false, &sources);
    compute(&request, shared, NULL);
    request.count = 1;
    for (int head = 0; head < HEADS; head++) {
        request.heads = sources.heads + head;
        request.threads = 1 + head;
        compute(&request, apart, NULL);
        assert_memory_equal(apart, shared + head * of->dim / 2, (size_t)of->dim / 2 * sizeof *apart);
    }
    close_sources(&sources);
}

/* Of the pair and head that it is in; shares have all pairs of the head in them. */
static void a_nan_stays_in_its_head(void **state) {
    static struct sources sources;
    ropemap_pair clean[HEADS * PAIRS_MOST], got[HEADS * PAIRS_MOST];
    for (int causal = 0; causal < 2; causal++) {
        struct layout of = layouts[3];
        of.causal = causal == 1;
        const int32_t pairs = of.dim / 2;
        open_sources(&of, false, &sources);
        const ropemap_pairs_request request = request_of(&of, false, &sources);
        compute(&request, clean, NULL);
        sources.queries[2][40 * of.dim + element(&of, 5, 1)] = NAN;
        compute(&request, got, NULL);
        for (int i = 0; i < HEADS * pairs; i++) {
            if (i / pairs != 2) {
                assert_memory_equal(&got[i], &clean[i], sizeof got[i]);
                continue;
            }
            const bool own = i % pairs == 5;
            assert_true(isnan(got[i].share));
            assert_true(isnan(got[i].query.norm) == own && isnan(got[i].query.y) == own);
            assert_true(isnan(got[i].variance) == own && isnan(got[i].mean) == own);
            assert_true(got[i].key.norm == clean[i].key.norm);
        }
        close_sources(&sources);
    }
}

/* Rows that are all the same: the curve of their centres is the mean curve itself. */
static void a_curve_of_centres_is_the_mean_curve_of_constant_rows(void **state) {
    enum { ROWS = 1009, DIM = 18 };
    static float queries[ROWS * DIM], keys[ROWS * DIM];
    static double predicted[ROWS], mean[ROWS];
    const struct layout of = {"constant", DIM, 14, ROPEMAP_LAYOUT_HALF, true, true, ROWS, 0, 1, ROWS, 0, 1};
    ropemap_vectors *q = NULL, *k = NULL;
    ropemap_pair pairs[DIM / 2];
    make_rows(queries, 1, DIM, 3);
    make_rows(keys, 1, DIM, 4);
    for (int i = DIM; i < ROWS * DIM; i++) {
        queries[i] = queries[i - DIM];
        keys[i] = keys[i - DIM];
    }
    assert_int_equal(ropemap_vectors_memory(queries, ROWS, DIM, &q, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_memory(keys, ROWS, DIM, &k, NULL), ROPEMAP_OK);
    const ropemap_head head = {.queries = q, .keys = k};
    const ropemap_pairs_request request = {.spec = spec_of(&of), .heads = &head, .count = 1};
    const ropemap_mean_request measured = {
        .spec = spec_of(&of), .queries = q, .keys = k, .positions = ROWS, .count = ROWS};
    compute(&request, pairs, NULL);
    assert_int_equal(ropemap_pairs_curve(&request.spec, pairs, ROWS, predicted, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_curve_mean(&measured, mean, NULL), ROPEMAP_OK);
    for (int r = 0; r < ROWS; r++) {
        double sum = 0;
        for (int32_t i = 0; i < DIM / 2; i++) {
            const double ax = (double)queries[element(&of, i, 0)], ay = (double)queries[element(&of, i, 1)];
            const double bx = (double)keys[element(&of, i, 0)], by = (double)keys[element(&of, i, 1)];
            const double phase =
                (double)angle_of(&of, i, (oracle_number){0}, r) + atan2(ay, ax) - atan2(by, bx);
            sum += gain_of(&of, i) * gain_of(&of, i) * hypot(ax, ay) * hypot(bx, by) * cos(phase);
        }
        near("constant", r, "predicted", predicted[r], sum, 1e-12);
        near("constant", r, "mean", mean[r], predicted[r],
             9 * 1e-6); /* nine products, as compare() has them */
    }
    assert_true(ropemap_pairs_correlation(predicted, mean, ROWS) > 1.0 - 1e-9);
    ropemap_vectors_free(q);
    ropemap_vectors_free(k);
}

/* Weights 1, 1/2, 1/3: means 6/11 (1 + 2/2 + 4/3) and 6/11 (3 + 1/2 + 2/3), by hand; distance 0 has none. */
static void correlation_weighs_by_the_distance(void **state) {
    const double one[] = {-100, 1, 2, 4}, other[] = {1e6, 3, 1, 2};
    const double a = 20.0 / 11, b = 25.0 / 11;
    const double cross = (1 - a) * (3 - b) + (2 - a) * (1 - b) / 2 + (4 - a) * (2 - b) / 3;
    const double left = (1 - a) * (1 - a) + (2 - a) * (2 - a) / 2 + (4 - a) * (4 - a) / 3;
    const double right = (3 - b) * (3 - b) + (1 - b) * (1 - b) / 2 + (2 - b) * (2 - b) / 3;
    assert_true(fabs(ropemap_pairs_correlation(one, other, 4) - cross / sqrt(left * right)) < 1e-15);
    assert_true(fabs(ropemap_pairs_correlation(one, one, 4) - 1) < 1e-15);
    assert_true(isnan(ropemap_pairs_correlation(one, other, 2)));
}

static void refuse(ropemap_pairs_request request, const char *words) {
    ropemap_pair pairs[HEADS * PAIRS_MOST];
    ropemap_error error = {0};
    assert_int_equal(ropemap_pairs_compute(&request, pairs, NULL, &error), ROPEMAP_USAGE);
    assert_says(error.text, words);
}

static void what_cannot_be_is_refused(void **state) {
    static struct sources sources;
    const struct layout *of = &layouts[1];
    open_sources(of, false, &sources);
    const ropemap_pairs_request good = request_of(of, false, &sources);
    ropemap_pairs_request wrong = good;
    ropemap_vectors *endless = NULL;
    wrong.count = 0;
    refuse(wrong, "heads: 0");
    assert_int_equal(ropemap_vectors_place(sources.vectors[2], 0, 2, NULL), ROPEMAP_OK);
    refuse(good, "queries: 131 rows from position 0 on in steps of 2, but 131 from 0 on in steps of 1");
    assert_int_equal(ropemap_vectors_place(sources.vectors[2], 0, 1, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_gauss(22, 1, 0, &endless, NULL), ROPEMAP_OK);
    const ropemap_head without_end = {.queries = sources.vectors[0], .keys = endless};
    wrong.heads = &without_end;
    wrong.count = 1;
    refuse(wrong, "keys: gauss seed 1 has no end");
    ropemap_vectors_free(endless);
    wrong = good;
    wrong.spec.head_dim = wrong.spec.rotary_dim = 20;
    refuse(wrong, "head-dim: rows of memory have 22 elements, the rule 20");
    const ropemap_head none = {.queries = sources.vectors[0]};
    wrong = good;
    wrong.heads = &none;
    wrong.count = 1;
    refuse(wrong, "keys: none");
    wrong = good;
    wrong.spec.axes = (ropemap_axes){.count = 2, .deal = ROPEMAP_DEAL_LADDERS, .pairs = {5, 6}};
    refuse(wrong, "axes");
    ropemap_pair pairs[HEADS * PAIRS_MOST];
    ropemap_error error = {0};
    const ropemap_magnitudes many = {.cells = 132};
    assert_int_equal(ropemap_pairs_compute(&good, pairs, &many, &error), ROPEMAP_USAGE);
    assert_string_equal(error.text, "magnitudes: 132 cells; give 1 to 131");
    close_sources(&sources);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_statistic_is_that_of_all_pairs_of_rows),
        cmocka_unit_test(frequencies_are_those_of_the_rule),
        cmocka_unit_test(magnitudes_are_means_of_each_element),
        cmocka_unit_test(threads_and_shared_keys_change_nothing),
        cmocka_unit_test(a_nan_stays_in_its_head),
        cmocka_unit_test(a_curve_of_centres_is_the_mean_curve_of_constant_rows),
        cmocka_unit_test(correlation_weighs_by_the_distance),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
