/* test_softmax.c - attention against softmax in double: cells, rows and distances under every mask */
/* SPDX-License-Identifier: MIT */
/*
 * Bounds: a score is off by a few 1e-7 of its magnitude and of 1, so that p is off by 1e-6 (1 + max |s|) of
 * itself; rows sum to 1 within 2e-7, whatever their scores; entropy is within 2e-5 nats, shares within 1e-5.
 */
#include "host/data/vectors.h"
#include "host/ropemap_attention.h"
#include "tests/cases.h"
#include "tests/computed.h"
#include "tests/oracle.h"
#include "tests/unit.h"
#include "tests/variants.h"

#include <math.h>
#include <stdatomic.h>

#ifndef SOFTMAX_BACKEND /* another file includes this one, for another backend */
#define SOFTMAX_BACKEND "cpu"
#define SOFTMAX_SHARE   1          /* one pool of so many */
#define SOFTMAX_STEP    WHOLE_STEP /* one case of so many: cells of the even ones, rows of the odd ones */
#define SOFTMAX_OF_THE_CPU
#endif

enum { EXACT = 37 }; /* distances with a bin each: most others meet several bins a tile */

typedef struct softmax_case {
    const char *name;
    map_case map;
    ropemap_mask mask;
    ropemap_softmax softmax;
    double scale;
} softmax_case;

/* Random rows of `dim` elements in [-1, 1): at scale 1 scores reach 10, at 12 they reach 100. */
#define MAP(dim, row, rows_, row_step_, col, cols_, col_step_, height_, width_)                              \
    {                                                                                                        \
        .spec = {.base = 1e4, .head_dim = dim}, .content = CASE_RANDOM, .rows = {row, rows_, row_step_},     \
        .cols = {col, cols_, col_step_}, .height = height_, .width = width_                                  \
    }
#define SQUARE(count, dim) MAP(dim, 0, count, 1, 0, count, 1, 7, 13)

static const softmax_case cases[] = {
    {"one pair", SQUARE(1, 2), .scale = 1},
    {"one query", MAP(8, 396, 1, 1, 0, 397, 1, 1, 397), .mask = {.causal = true}},
    {"97 keys", SQUARE(97, 24), .mask = {.causal = true}},
    {"257 queries, every key", SQUARE(257, 24), .scale = 1},
    {"257 queries", SQUARE(257, 24), .mask = {.causal = true}, .scale = 1},
    {"a cell a pair", MAP(24, 0, 131, 1, 0, 131, 1, 131, 131), .mask = {.causal = true}, .scale = 3},
    {"one cell", MAP(24, 0, 523, 1, 0, 523, 1, 1, 1), .mask = {.causal = true}, .scale = 1},
    {"large scores", SQUARE(331, 64), .mask = {.causal = true}, .scale = 12},
    {"long rows", SQUARE(101, 514), .mask = {.causal = true}, .scale = 0.5},
    {"far, in steps",
     {.spec = {.base = 1e6, .head_dim = 16},
      .content = CASE_RANDOM,
      .rows = {1000001, 263, 3},
      .cols = {1000000, 211, 4},
      .first_position = 1000000,
      .height = 11,
      .width = 9},
     .mask = {.causal = true},
     .scale = 1},
    {"queries of later keys", MAP(16, 0, 70, 1, 40, 130, 1, 70, 5), .mask = {.causal = true}, .scale = 1},
    {"window", SQUARE(401, 24), .mask = {.causal = true, .window = 50}, .scale = 1},
    {"window of 1", SQUARE(131, 24), .mask = {.causal = true, .window = 1}, .scale = 1},
    {"window both ways", SQUARE(401, 24), .mask = {.window = 50}, .scale = 1},
    {"window and first tokens", SQUARE(401, 24), .mask = {.causal = true, .window = 50, .sink_tokens = 5},
     .scale = 1},
    {"window both ways and first tokens", SQUARE(401, 24), .mask = {.window = 30, .sink_tokens = 100},
     .scale = 1},
    {"chunks", SQUARE(401, 24), .mask = {.causal = true, .chunk = 64}, .scale = 1},
    {"chunks both ways", SQUARE(307, 24), .mask = {.chunk = 100}, .scale = 1},
    {"chunks and first tokens", SQUARE(307, 24), .mask = {.causal = true, .chunk = 60, .sink_tokens = 3},
     .scale = 1},
    {"chunks both ways and first tokens", SQUARE(307, 24), .mask = {.chunk = 60, .sink_tokens = 70},
     .scale = 1},
    {"window in steps",
     {.spec = {.base = 1e4, .head_dim = 16},
      .content = CASE_RANDOM,
      .rows = {3, 163, 5},
      .cols = {1, 211, 3},
      .first_position = 1,
      .height = 11,
      .width = 9},
     .mask = {.causal = true, .window = 77, .sink_tokens = 20},
     .scale = 1},
    {"softcap", SQUARE(257, 24), .mask = {.causal = true}, .softmax = {.softcap = 3}, .scale = 4},
    {"wide softcap", SQUARE(257, 24), .mask = {.causal = true}, .softmax = {.softcap = 50}, .scale = 1},
    {"sink logit", SQUARE(257, 24), .mask = {.causal = true},
     .softmax = {.has_sink = true, .sink_logit = 2.5}, .scale = 1},
    {"sink logit above all", SQUARE(257, 24), .mask = {.causal = true},
     .softmax = {.has_sink = true, .sink_logit = 40}, .scale = 1},
    {"sink logit below all", SQUARE(257, 24), .mask = {.causal = true},
     .softmax = {.has_sink = true, .sink_logit = -400}, .scale = 1},
    {"all of it", SQUARE(401, 24), .mask = {.causal = true, .window = 100, .sink_tokens = 4},
     .softmax = {.softcap = 20, .has_sink = true, .sink_logit = 1}, .scale = 2},
    {"equal vectors",
     {.spec = {.base = 1e4, .head_dim = 64},
      .content = CASE_ONES,
      .rows = {0, 257, 1},
      .cols = {0, 257, 1},
      .height = 9,
      .width = 9},
     .mask = {.causal = true},
     .scale = 5}};
enum { CASES = sizeof cases / sizeof cases[0] };

static void make(const softmax_case *test, case_data *data) {
    case_data_make(&test->map, data);
    data->request.backend = SOFTMAX_BACKEND;
    data->request.measure = ROPEMAP_MEASURE_SOFTMAX;
    data->request.mask = test->mask;
    data->request.softmax = test->softmax;
    data->request.scale = test->scale;
}

static void compute(const char *name, const ropemap_attention_request *request, ropemap_map *map,
                    ropemap_attention *attention) {
    ropemap_error error = {0};
    if (ropemap_attention_compute(request, map, attention, &error) != ROPEMAP_OK) {
        fail_msg("%s: %s", name, error.text);
    }
}

static void attend(const ropemap_request *request, const case_data *data, oracle_attention *wanted) {
    oracle_scores scores;
    oracle_scores_make(request, data->queries, data->keys, &scores);
    oracle_attention_make(request, &scores, wanted);
    oracle_scores_free(&scores);
}

/* ---- cells ---- */

static void check_cells(const char *name, const ropemap_request *request, const ropemap_map *map,
                        const oracle_attention *wanted) {
    const double bound = 1e-6 * (1 + wanted->largest);
    for (int64_t row = 0; row < map->height; row++) {
        for (int64_t col = 0; col < map->width; col++) {
            const double right = oracle_attention_cell(request, wanted, row, col);
            const double got = (double)map->cells[row * map->width + col];
            if (isnan(right) != isnan(got) || fabs(got - right) > bound * right + 1e-37) {
                fail_msg("%s, %s: cell %d, %d is %.9g, not %.9g; bound %.2g", name,
                         ropemap_pool_name(request->pool), (int)row, (int)col, got, right, bound);
            }
        }
    }
}

/* A row of cells comes to the mean of what the sink logit leaves of 1. */
static void check_row_sums(const char *name, const ropemap_map *map, const oracle_attention *wanted) {
    for (int64_t row = 0; row < map->height; row++) {
        double sum = 0, right = 0;
        const int64_t first = oracle_cell_first(wanted->rows, map->height, row);
        const int64_t end = oracle_cell_first(wanted->rows, map->height, row + 1);
        for (int64_t col = 0; col < map->width; col++) {
            const double cell = (double)map->cells[row * map->width + col];
            sum += isnan(cell) ? 0 : cell;
        }
        for (int64_t i = first * wanted->cols; i < end * wanted->cols; i++) {
            right += wanted->p[i] / (double)(end - first);
        }
        if (fabs(sum - right) > 2e-7 + 1e-6 * fabs(1 - right)) {
            fail_msg("%s: row %d of cells sums to %.9g, not %.9g", name, (int)row, sum, right);
        }
    }
}

static void test_cells(void **state) {
    static const ropemap_pool pools[] = {ROPEMAP_POOL_MASS, ROPEMAP_POOL_MEAN, ROPEMAP_POOL_MAX};
    for (int i = 0; i < CASES; i += SOFTMAX_STEP) {
        case_data data;
        oracle_attention wanted;
        make(&cases[i], &data);
        attend(&data.request, &data, &wanted);
        for (int p = i % SOFTMAX_SHARE; p < 3; p += SOFTMAX_SHARE) {
            ropemap_map map = {0};
            data.request.pool = pools[p];
            map_compute(cases[i].name, &data.request, &map);
            check_cells(cases[i].name, &data.request, &map, &wanted);
            if (pools[p] == ROPEMAP_POOL_MASS) {
                check_row_sums(cases[i].name, &map, &wanted);
            }
            ropemap_map_free(&map);
        }
        oracle_attention_free(&wanted);
        case_data_free(&data);
    }
}

/* ---- rows and distances ---- */

static void near(const char *name, const char *what, int64_t row, double got, double wanted, double bound) {
    if (isnan(got) != isnan(wanted) || (got != wanted && !(fabs(got - wanted) <= bound) && !isnan(got))) {
        fail_msg("%s: %s of row %lld is %.9g, not %.9g; bound %.2g", name, what, (long long)row, got, wanted,
                 bound);
    }
}

static void check_row(const char *name, const ropemap_attention_request *request,
                      const oracle_attention *wanted, int64_t i, const ropemap_attention_row *row) {
    const ropemap_request *map = &request->map;
    const int64_t query = map->rows.first + i * map->rows.step;
    double mass = 0, sink = 0, recent = 0, entropy = 0, distance = 0, largest = -(double)INFINITY;
    for (int64_t j = 0; j < wanted->cols; j++) {
        const double p = wanted->p[i * wanted->cols + j], score = wanted->scores[i * wanted->cols + j];
        const int64_t key = map->cols.first + j * map->cols.step;
        mass += p;
        sink += key < request->sink_tokens ? p : 0;
        recent += key <= query && query - key < request->recent ? p : 0;
        entropy -= p > 0 ? p * log(p) : 0;
        distance += p * (double)(query - key);
        largest = score > largest ? score : largest;
    }
    const double bound = 1e-6 * (1 + wanted->largest);
    near(name, "log_sum", i, row->log_sum, wanted->log_sum[i], bound);
    near(name, "largest", i, (double)row->largest, largest, bound);
    near(name, "mass", i, (double)row->mass, mass, 2e-7 + bound * fabs(1 - mass));
    near(name, "sink", i, (double)row->sink, sink, 1e-5);
    near(name, "recent", i, (double)row->recent, recent, 1e-5);
    near(name, "entropy", i, (double)row->entropy, entropy, 2e-5);
    near(name, "distance", i, (double)row->distance, mass > 0 ? distance / mass : (double)NAN,
         bound * (double)(map->cols.count * map->cols.step));
}

static void check_distances(const char *name, const ropemap_request *map, const ropemap_attention *got,
                            const oracle_attention *wanted) {
    double *mass = calloc((size_t)got->bins, sizeof *mass);
    assert_non_null(mass);
    int64_t counted = 0;
    for (int64_t i = 0; i < wanted->rows; i++) {
        double sum = 0;
        int64_t bin = 0;
        for (int64_t j = 0; j < wanted->cols; j++) {
            const int64_t distance =
                llabs(map->rows.first + i * map->rows.step - map->cols.first - j * map->cols.step);
            while (got->edges[bin] > distance) {
                bin--;
                assert_true(bin >= 0);
            }
            while (got->edges[bin + 1] <= distance) {
                bin++;
                assert_true(bin < got->bins);
            }
            mass[bin] += wanted->p[i * wanted->cols + j];
            sum += wanted->p[i * wanted->cols + j];
        }
        counted += sum > 0 ? 1 : 0;
    }
    double all = 0;
    for (int64_t bin = 0; bin < got->bins; bin++) {
        near(name, "mass by distance", bin, got->mass[bin], mass[bin] / (double)counted,
             1e-6 * (1 + wanted->largest) * mass[bin] / (double)counted + 1e-30);
        all += got->mass[bin];
    }
    near(name, "all distances", 0, all, (double)got->mean.mass, 1e-6);
    free(mass);
}

static void test_rows_and_distances(void **state) {
    for (int i = SOFTMAX_STEP - 1; i < CASES; i += SOFTMAX_STEP) {
        case_data data;
        oracle_attention wanted;
        make(&cases[i], &data);
        attend(&data.request, &data, &wanted);
        const ropemap_attention_request request = {.map = data.request,
                                                   .rows = true,
                                                   .distances = true,
                                                   .sink_tokens = 3,
                                                   .recent = 20,
                                                   .exact = i % 4 < 2 ? EXACT : 0};
        ropemap_attention got = {0};
        compute(cases[i].name, &request, NULL, &got);
        assert_int_equal(got.count, wanted.rows);
        for (int64_t row = 0; row < got.count; row++) {
            check_row(cases[i].name, &request, &wanted, row, &got.rows[row]);
        }
        check_distances(cases[i].name, &data.request, &got, &wanted);
        ropemap_attention_free(&got);
        oracle_attention_free(&wanted);
        case_data_free(&data);
    }
}

/* So far that tiles go to bins at once: every third key beyond 2,048 and more queries than a block. */
static void test_distances_beyond_the_diagonal(void **state) {
    for (int causal = 0; causal < 2; causal += SOFTMAX_SHARE) {
        const softmax_case test = {"far bins",
                                   {.spec = {.base = 1e4, .head_dim = 4},
                                    .content = CASE_RANDOM,
                                    .rows = {causal ? 4700 : 0, 300, 1},
                                    .cols = {0, 5003, 1},
                                    .height = 3,
                                    .width = 5},
                                   .mask = {.causal = causal != 0},
                                   .scale = 1};
        case_data data;
        oracle_attention wanted;
        make(&test, &data);
        attend(&data.request, &data, &wanted);
        const ropemap_attention_request request = {.map = data.request, .distances = true, .exact = 8};
        ropemap_attention got = {0};
        compute(test.name, &request, NULL, &got);
        check_distances(test.name, &data.request, &got, &wanted);
        ropemap_attention_free(&got);
        oracle_attention_free(&wanted);
        case_data_free(&data);
    }
}

/* ---- rows without a finite key, NaN, infinity ---- */

static const map_case hundred = {.spec = {.base = 1e4, .head_dim = 8},
                                 .content = CASE_RANDOM,
                                 .rows = {0, 300, 1},
                                 .cols = {0, 300, 1},
                                 .height = 300,
                                 .width = 100};

/* A NaN or +infinity in query 100 makes its row NaN as far as it sees, and no other cell. */
static void test_a_bad_query_stays_in_its_row(void **state) {
    static const float bad[] = {NAN, INFINITY};
    for (int variant = 0; variant < 4; variant++) {
        const softmax_case test = {"bad", hundred, .mask = {.causal = true}};
        case_data data;
        make(&test, &data);
        for (int d = 0; d < 8; d++) {
            data.queries[100 * 8 + d] = bad[variant / 2];
        }
        data.request.already_rotated = true;
        data.request.pool = variant % 2 == 0 ? ROPEMAP_POOL_MASS : ROPEMAP_POOL_MAX;
        const ropemap_attention_request request = {.map = data.request, .rows = true, .distances = true};
        ropemap_map map = {0};
        ropemap_attention got = {0};
        compute(test.name, &request, &map, &got);
        for (int64_t row = 0; row < 300; row++) {
            for (int64_t col = 0; col < 100; col++) {
                const bool seen = 3 * col <= row;
                assert_int_equal(isnan(map.cells[row * 100 + col]), !seen || row == 100);
            }
            assert_int_equal(isnan(got.rows[row].entropy), row == 100);
        }
        assert_int_equal(map.nan_rows, 1);
        assert_int_equal(got.nan_rows, 1);
        assert_int_equal(map.empty_rows, 0);
        near(test.name, "all", 0, (double)got.mean.mass, 1.0, 1e-6);
        ropemap_map_free(&map);
        ropemap_attention_free(&got);
        case_data_free(&data);
    }
}

/* A NaN in a key is in every row that sees the key, and in no cell of one that does not. */
static void test_a_bad_key_is_in_the_rows_that_see_it(void **state) {
    const softmax_case test = {"bad key", hundred, .mask = {.causal = true, .window = 40}};
    case_data data;
    make(&test, &data);
    data.keys[100 * 8 + 3] = NAN;
    data.request.pool = ROPEMAP_POOL_MASS;
    ropemap_map map = {0};
    assert_int_equal(ropemap_map_compute(&data.request, &map, NULL), ROPEMAP_OK);
    for (int64_t row = 0; row < 300; row++) {
        for (int64_t col = 0; col < 100; col++) {
            const bool seen = 3 * col <= row && 3 * col + 2 > row - 40;
            assert_int_equal(isnan(map.cells[row * 100 + col]), !seen || (row >= 100 && row < 140));
        }
    }
    assert_int_equal(map.nan_rows, 40);
    ropemap_map_free(&map);
    case_data_free(&data);
}

/* Queries before the first key, and one whose scores are all -infinity, have mass 0. */
static void test_empty_rows(void **state) {
    softmax_case test = {"empty", hundred, .mask = {.causal = true}};
    test.map.cols = (ropemap_range){50, 250, 1};
    test.map.already_rotated = true;
    case_data data;
    make(&test, &data);
    data.request.pool = ROPEMAP_POOL_MASS;
    for (int d = 0; d < 8; d++) {
        data.queries[200 * 8 + d] = d == 0 ? -INFINITY : 0.0f;
    }
    for (int64_t key = 0; key < 300; key++) {
        data.keys[key * 8] = 1.0f + data.keys[key * 8] / 2;
    }
    const ropemap_attention_request request = {.map = data.request, .rows = true, .distances = true};
    ropemap_map map = {0};
    ropemap_attention got = {0};
    compute(test.name, &request, &map, &got);
    assert_int_equal(map.empty_rows, 51);
    assert_int_equal(got.empty_rows, 51);
    assert_int_equal(map.nan_rows, 0);
    assert_true(isnan(map.cells[49 * 100]));
    assert_true(map.cells[50 * 100] == 1.0f);
    for (int64_t col = 0; col < 50; col++) {
        assert_true(map.cells[200 * 100 + col] == 0.0f);
    }
    assert_true(got.rows[200].mass == 0.0f && got.rows[200].entropy == 0.0f);
    assert_true(isinf(got.rows[200].log_sum) && got.rows[200].log_sum < 0 && isnan(got.rows[200].distance));
    near(test.name, "all", 0, (double)got.mean.mass, 1.0, 1e-6);
    ropemap_map_free(&map);
    ropemap_attention_free(&got);
    case_data_free(&data);
}

/* Beyond the precision of their scores rows are still shares, of the largest. */
/* Queries whose keys have next to nothing of a sink logit's sum are not empty, and count in the means. */
static void test_next_to_nothing_is_not_empty(void **state) {
    softmax_case test = {"next to nothing", hundred, .mask = {.causal = true, .window = 1}, .scale = 1};
    case_data data;
    make(&test, &data);
    ropemap_attention_request request = {.map = data.request, .rows = true, .distances = true};
    request.map.pool = ROPEMAP_POOL_MASS;
    request.map.softmax.has_sink = true;
    for (int i = 0; i < 2; i++) { /* e^-200 is 0 in a float, e^-2000 in a double */
        ropemap_attention got = {0};
        request.map.softmax.sink_logit = i == 0 ? 200 : 2000;
        assert_int_equal(ropemap_attention_compute(&request, NULL, &got, NULL), ROPEMAP_OK);
        assert_int_equal(got.empty_rows, 0);
        assert_true(got.mean.mass == 0.0f && got.mean.entropy < 1e-30f);
        near(test.name, "distance", 0, (double)got.mean.distance, 0.0, 1e-6);
        near(test.name, "log sum", 0, got.mean.log_sum, request.map.softmax.sink_logit, 1e-9);
        ropemap_attention_free(&got);
    }
    case_data_free(&data);
}

static void test_huge_scores(void **state) {
    static const double scales[] = {1e6, 1e-30};
    for (int i = 0; i < 4; i++) {
        const softmax_case test = {"huge", hundred, .mask = {.causal = true}, .scale = scales[i / 2]};
        case_data data;
        make(&test, &data);
        for (int64_t at = 0; at < 300 * 8; at++) {
            data.queries[at] *= i % 2 == 0 ? 1e4f : 1e-4f;
        }
        data.request.pool = ROPEMAP_POOL_MASS;
        ropemap_map map = {0};
        assert_int_equal(ropemap_map_compute(&data.request, &map, NULL), ROPEMAP_OK);
        for (int64_t row = 0; row < 300; row++) {
            double sum = 0;
            for (int64_t col = 0; col < 100 && 3 * col <= row; col++) {
                sum += (double)map.cells[row * 100 + col];
            }
            near(test.name, "sum", row, sum, 1, 2e-7);
        }
        ropemap_map_free(&map);
        case_data_free(&data);
    }
}

/* ---- the same bytes ---- */

/* Rows of another source; counts those that are read of it. */
typedef struct counted_vectors {
    ropemap_vectors base;
    const ropemap_vectors *inner;
    atomic_llong *rows;
} counted_vectors;

static ropemap_status read_counted(const ropemap_vectors *vectors, int64_t first, int64_t count, int64_t step,
                                   float *rows, ropemap_error *error) {
    const counted_vectors *source = (const counted_vectors *)vectors;
    (void)atomic_fetch_add(source->rows, count);
    return source->inner->read(source->inner, first, count, step, rows, error);
}

/* Rows of keys that are read for a map, whose bytes are those of one without a session. */
static long long read_for(ropemap_request request, ropemap_session *session, const char *name) {
    static atomic_llong rows;
    const ropemap_vectors *inner = request.keys;
    ropemap_map wanted = {0}, got = {0};
    assert_int_equal(ropemap_map_compute(&request, &wanted, NULL), ROPEMAP_OK);
    const counted_vectors counted = {.base = {.count = inner->count,
                                              .first = inner->first,
                                              .step = inner->step,
                                              .head_dim = inner->head_dim,
                                              .heads = 1,
                                              .read = read_counted},
                                     .inner = inner,
                                     .rows = &rows};
    atomic_store(&rows, 0);
    request.keys = &counted.base;
    request.session = session;
    request.keys_name = name;
    assert_int_equal(ropemap_map_compute(&request, &got, NULL), ROPEMAP_OK);
    assert_memory_equal(got.cells, wanted.cells, (size_t)(got.height * got.width) * sizeof *got.cells);
    ropemap_map_free(&wanted);
    ropemap_map_free(&got);
    return atomic_load(&rows);
}

static int stop_while_keys_rotate(void *user, const char *stage, double done, double total) {
    (void)user, (void)done, (void)total;
    return strcmp(stage, "rotate") == 0;
}

/* Heads that share keys read and rotate them once, as long as rule, range and name are the same. */
static void test_keys_stay_in_a_session(void **state) {
    enum { N = 131 };
    ropemap_vectors *queries[2] = {NULL}, *keys = NULL;
    ropemap_session *session = NULL;
    ropemap_request request = ropemap_request_default();
    ropemap_map map = {0};
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(ropemap_vectors_gauss(16, 5, i, &queries[i], NULL), ROPEMAP_OK);
    }
    assert_int_equal(ropemap_vectors_gauss(16, 6, 0, &keys, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_session_open(&session, NULL), ROPEMAP_OK);
    request.backend = SOFTMAX_BACKEND;
    request.spec.head_dim = 16;
    request.rows.count = request.cols.count = N;
    request.width = request.height = 40;
    request.threads = 3;
    request.measure = ROPEMAP_MEASURE_SOFTMAX;
    request.pool = ROPEMAP_POOL_MASS;
    request.mask.causal = true;
    request.keys = keys;
    request.queries = queries[0];
    assert_int_equal(read_for(request, session, "k0"), N);
    request.queries = queries[1];
    request.softmax.has_sink = true; /* of this head alone */
    assert_int_equal(read_for(request, session, "k0"), 0);
    assert_int_equal(read_for(request, session, "k1"), N);
    assert_int_equal(read_for(request, session, NULL), N);
    assert_int_equal(read_for(request, session, "k1"), N); /* the one before has let them go */
    request.spec.base = 5e5;
    assert_int_equal(read_for(request, session, "k1"), N);
    request.rows.count = request.cols.count = N - 1;
    assert_int_equal(read_for(request, session, "k1"), N - 1);
    request.threads = 1;
    assert_int_equal(read_for(request, session, "k1"), 0);
    ropemap_request other =
        request; /* of another measure: it lets them go, as its plan has no room for them */
    other.measure = ROPEMAP_MEASURE_DOT;
    other.pool = ROPEMAP_POOL_MAX;
    other.softmax.has_sink = false;
    (void)read_for(other, session, "k1");
    assert_int_equal(read_for(request, session, "k1"), N - 1);
    request.dtype = ROPEMAP_DTYPE_BF16;
    assert_int_equal(read_for(request, session, "k1"), N - 1);
    request.already_rotated = true;
    ropemap_request stopped = request; /* keys that are not all there are no one's */
    stopped.session = session;
    stopped.keys_name = "k1";
    stopped.progress = stop_while_keys_rotate;
    assert_int_equal(ropemap_map_compute(&stopped, &map, NULL), ROPEMAP_STOPPED);
    assert_int_equal(read_for(request, session, "k1"), N - 1);
    request.strict = true; /* looks at every row */
    assert_int_equal(read_for(request, session, "k1"), N - 1);
    ropemap_session_close(session);
    ropemap_vectors_free(queries[0]);
    ropemap_vectors_free(queries[1]);
    ropemap_vectors_free(keys);
}

#ifdef SOFTMAX_OF_THE_CPU

static void check_same(const ropemap_attention_request *request, const ropemap_map *map,
                       const ropemap_attention *wanted) {
    ropemap_map other = {0};
    ropemap_attention got = {0};
    compute("again", request, &other, &got);
    assert_memory_equal(other.cells, map->cells, (size_t)(map->height * map->width) * sizeof *map->cells);
    assert_memory_equal(got.rows, wanted->rows, (size_t)wanted->count * sizeof *wanted->rows);
    assert_memory_equal(got.mass, wanted->mass, (size_t)wanted->bins * sizeof *wanted->mass);
    assert_memory_equal(&got.mean, &wanted->mean, sizeof got.mean);
    ropemap_map_free(&other);
    ropemap_attention_free(&got);
}

static void test_same_bytes(void **state) {
    softmax_case test = {"bytes", SQUARE(3001, 16), .mask = {.causal = true}, .scale = 1};
    test.map.height = 5;
    case_data data;
    make(&test, &data);
    for (int p = 0; p < 2; p++) {
        data.request.pool = p == 0 ? ROPEMAP_POOL_MASS : ROPEMAP_POOL_MAX;
        ropemap_attention_request request = {
            .map = data.request, .rows = true, .distances = true, .exact = 100};
        ropemap_map map = {0};
        ropemap_attention wanted = {0};
        compute(test.name, &request, &map, &wanted);
        assert_true(wanted.plan.keys_resident);
        for (request.map.threads = 2; request.map.threads < 4; request.map.threads++) {
            check_same(&request, &map, &wanted);
        }
        request.map.memory = wanted.plan.bytes + 1024; /* no room for rotated keys, or for a second thread */
        request.map.threads = 2;
        check_same(&request, &map, &wanted);
        request.map.memory = 0;
        for (int v = 0; variant_name(v) != NULL; v++) {
            if (strcmp(variant_name(v), "baseline") != 0 && variant_force(variant_name(v))) {
                check_same(&request, &map, &wanted);
            }
        }
        variant_release();
        ropemap_map_free(&map);
        ropemap_attention_free(&wanted);
    }
    case_data_free(&data);
}

/* The baseline of x86-64 is within the bounds too. */
static void test_baseline(void **state) {
    const softmax_case *test = &cases[CASES - 2];
    case_data data;
    oracle_attention wanted;
    ropemap_map map = {0};
    make(test, &data);
    data.request.pool = ROPEMAP_POOL_MASS;
    attend(&data.request, &data, &wanted);
    assert_true(variant_force("baseline"));
    assert_int_equal(ropemap_map_compute(&data.request, &map, NULL), ROPEMAP_OK);
    variant_release();
    check_cells(test->name, &data.request, &map, &wanted);
    check_row_sums(test->name, &map, &wanted);
    ropemap_map_free(&map);
    oracle_attention_free(&wanted);
    case_data_free(&data);
}

/* ---- refusals ---- */

static void refuse(ropemap_request request, const char *word) {
    ropemap_map map = {0};
    ropemap_error error = {0};
    assert_int_equal(ropemap_map_compute(&request, &map, &error), ROPEMAP_USAGE);
    assert_says(error.text, word);
}

static void test_refusals(void **state) {
    ropemap_request softmax = ropemap_request_default();
    softmax.measure = ROPEMAP_MEASURE_SOFTMAX;
    softmax.pool = ROPEMAP_POOL_MASS;
    ropemap_request request = softmax;
    request.pool = ROPEMAP_POOL_STD;
    refuse(request, "give mass, mean or max");
    request = softmax;
    request.method = ROPEMAP_METHOD_FACTORED;
    refuse(request, "give tiled");
    request = softmax;
    request.scale = -1.0;
    refuse(request, "scale: -1");
    request = softmax;
    request.scale = (double)NAN;
    refuse(request, "scale");
    request = softmax;
    request.softmax.softcap = -2.0;
    refuse(request, "softcap: -2");
    request = softmax;
    request.softmax = (ropemap_softmax){.has_sink = true, .sink_logit = (double)INFINITY};
    refuse(request, "sink-logit: inf");
    request = softmax;
    request.encoding.kind = ROPEMAP_ENCODING_ALIBI;
    refuse(request, "alibi");
    request = softmax;
    request.mask = (ropemap_mask){.window = 3, .chunk = 4};
    refuse(request, "give one");
    request.mask = (ropemap_mask){.sink_tokens = 4};
    refuse(request, "sink-tokens");
    request.mask = (ropemap_mask){.window = -1};
    refuse(request, "window: -1");
    request = softmax;
    request.measure = ROPEMAP_MEASURE_DOT;
    refuse(request, "give measure softmax");
    request.pool = ROPEMAP_POOL_MEAN;
    request.softmax.softcap = 5.0;
    refuse(request, "softcap");
    request.softmax.softcap = 0.0;
    request.scale = 1.0;
    refuse(request, "scale");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cells),
                                       cmocka_unit_test(test_rows_and_distances),
                                       cmocka_unit_test(test_distances_beyond_the_diagonal),
                                       cmocka_unit_test(test_a_bad_query_stays_in_its_row),
                                       cmocka_unit_test(test_a_bad_key_is_in_the_rows_that_see_it),
                                       cmocka_unit_test(test_empty_rows),
                                       cmocka_unit_test(test_next_to_nothing_is_not_empty),
                                       cmocka_unit_test(test_huge_scores),
                                       cmocka_unit_test(test_same_bytes),
                                       cmocka_unit_test(test_baseline),
                                       cmocka_unit_test(test_keys_stay_in_a_session),
                                       cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
