/* test_method_dual_chunk.c - maps of dual chunks against a plain loop over all pairs, and what is refused */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap.h"
#include "tests/computed.h"
#include "tests/unit.h"

#include <math.h>

enum { POOLS = 6, DIM = 16 };

static ropemap_request request_of(int64_t chunk, int64_t local, ropemap_range rows, ropemap_range cols) {
    ropemap_request request = ropemap_request_default();
    request.spec.head_dim = DIM;
    request.spec.rotary_dim = 12;
    request.spec.base = 1000.0;
    request.encoding.kind = ROPEMAP_ENCODING_DUAL_CHUNK;
    request.encoding.chunk = chunk;
    request.encoding.local = local;
    request.mask.causal = true;
    request.rows = rows;
    request.cols = cols;
    request.backend = "cpu";
    request.threads = 1;
    return request;
}

/* ---- the oracle: vLLM's rule, word for word, pair by pair ---- */

static long double similarity(int64_t distance) {
    static long double frequencies[6];
    if (frequencies[0] == 0.0L) {
        for (int pair = 0; pair < 6; pair++) {
            frequencies[pair] = powl(1000.0L, -(long double)pair / 6.0L);
        }
    }
    long double sum = (DIM - 12) / 2.0L;
    for (int pair = 0; pair < 6; pair++) {
        sum += cosl((long double)distance * frequencies[pair]);
    }
    return sum * 2.0L / DIM;
}

/* Kept, since brute force asks for each many times. */
static long double similarity_kept(int64_t distance) {
    static long double kept[1024];
    static bool known[1024];
    assert_true(distance >= 0 && distance <= 1023);
    if (!known[distance]) {
        kept[distance] = similarity(distance);
        known[distance] = true;
    }
    return kept[distance];
}

static int64_t distance_of(const ropemap_request *request, int64_t query, int64_t key) {
    const int64_t length = request->encoding.chunk - request->encoding.local,
                  behind = query / length - key / length;
    int64_t held = query % length;
    if (behind == 1) {
        held = query % length + length < request->encoding.chunk ? query % length + length
                                                                 : request->encoding.chunk;
    } else if (behind > 1) {
        held = length - 1 + length < request->encoding.chunk ? length - 1 + length : request->encoding.chunk;
    }
    return held - key % length;
}

static double oracle_cell_of(const ropemap_request *request, const int64_t at[4]) {
    long double sum = 0.0L, square = 0.0L, least = INFINITY, most = -INFINITY;
    int64_t pairs = 0;
    for (int64_t m = request->rows.first + at[0]; m < request->rows.first + at[1]; m++) {
        for (int64_t n = request->cols.first + at[2]; n < request->cols.first + at[3] && n <= m; n++) {
            const long double value = similarity_kept(distance_of(request, m, n));
            sum += value;
            square += value * value;
            least = fminl(least, value);
            most = fmaxl(most, value);
            pairs++;
        }
    }
    if (pairs == 0) {
        return NAN;
    }
    const long double mean = sum / pairs, mean_square = square / pairs;
    const long double pools[POOLS] = {[ROPEMAP_POOL_MEAN] = mean,
                                      [ROPEMAP_POOL_MIN] = least,
                                      [ROPEMAP_POOL_MAX] = most,
                                      [ROPEMAP_POOL_ABSMAX] = fmaxl(fabsl(least), fabsl(most)),
                                      [ROPEMAP_POOL_RMS] = sqrtl(mean_square),
                                      [ROPEMAP_POOL_STD] = sqrtl(fmaxl(0.0L, mean_square - mean * mean))};
    return (double)pools[request->pool];
}

/* arith.h's bound for a cosine, 1.2e-7, bounds that of every mean, extreme and deviation of them too: the
 * weights of the six pairs add up to 12 / 16. A float's rounding, 2^-24, comes on top. */
static const double BOUND = 1.2e-7 * 12 / 16 + 0x1p-24;

static void check(ropemap_request request) {
    for (int pool = 0; pool < POOLS; pool++) {
        request.pool = (ropemap_pool)pool;
        ropemap_map map = {0};
        map_compute("dual chunks", &request, &map);
        assert_int_equal(map.plan.method, ROPEMAP_METHOD_DIAGONAL);
        for (int64_t row = 0; row < map.height; row++) {
            for (int64_t col = 0; col < map.width; col++) {
                int64_t at[4];
                ropemap_cell_bounds(request.rows.count, map.height, row, &at[0], &at[1]);
                ropemap_cell_bounds(request.cols.count, map.width, col, &at[2], &at[3]);
                const double wanted = oracle_cell_of(&request, at);
                const double got = (double)map.cells[row * map.width + col];
                const bool alike = isnan(wanted) ? isnan(got) : fabs(got - wanted) <= BOUND;
                if (!alike) {
                    fail_msg("chunk %d, local %d, %s, cell (%d, %d): %.9g, expected %.9g",
                             (int)request.encoding.chunk, (int)request.encoding.local,
                             ropemap_pool_name(request.pool), (int)row, (int)col, got, wanted);
                }
            }
        }
        ropemap_map_free(&map);
    }
}

/* Short and long chunks, few and many to a cell, clamped queries and none, cells of one pair and of all. */
static void test_every_pair(void **state) {
    static const int64_t chunks[][2] = {{2, 1},  {3, 1},   {3, 2},   {7, 2},   {10, 7},   {16, 4},
                                        {37, 8}, {64, 63}, {70, 35}, {200, 3}, {300, 100}};
    static const int64_t cells[][2] = {{1, 1}, {3, 5}, {17, 13}, {97, 97}};
    for (size_t c = 0; c < sizeof chunks / sizeof chunks[0]; c++) {
        for (size_t s = 0; s < sizeof cells / sizeof cells[0]; s++) {
            ropemap_request request =
                request_of(chunks[c][0], chunks[c][1], (ropemap_range){0, 97, 1}, (ropemap_range){0, 97, 1});
            request.height = cells[s][0];
            request.width = cells[s][1];
            check(request);
            request.rows = (ropemap_range){53, 101, 1};
            request.cols = (ropemap_range){11, 131, 1};
            check(request);
        }
    }
}

/* More distances than one block of maxima, and ranges that begin and end anywhere in one. */
static void test_long_chunks(void **state) {
    ropemap_request request =
        request_of(700, 130, (ropemap_range){1300, 400, 1}, (ropemap_range){0, 1700, 1});
    request.height = 7;
    request.width = 19;
    check(request);
    request.rows = (ropemap_range){0, 500, 1};
    request.cols = (ropemap_range){0, 500, 1};
    request.height = request.width = 11;
    check(request);
}

/* Within the first chunk nothing is changed: the map is RoPE's. */
static void test_first_chunk_is_rope(void **state) {
    const ropemap_range range = {0, 5000, 1};
    ropemap_request request = request_of(0, 0, range, range);
    request.height = request.width = 50;
    for (int measure = 0; measure < 3; measure++) {
        request.measure = (ropemap_measure)measure;
        for (int pool = 0; pool < POOLS; pool++) {
            request.pool = (ropemap_pool)pool;
            request.encoding.kind = ROPEMAP_ENCODING_DUAL_CHUNK;
            ropemap_map map = {0}, plain = {0};
            map_compute("dual chunks", &request, &map);
            request.encoding.kind = ROPEMAP_ENCODING_ROPE;
            request.method = ROPEMAP_METHOD_DIAGONAL;
            map_compute("dual chunks", &request, &plain);
            request.method = ROPEMAP_METHOD_AUTO;
            for (int64_t i = 0; i < 2500; i++) { /* a rounding to float apart */
                const float a = map.cells[i], b = plain.cells[i];
                assert_true(isnan(b) ? isnan(a) : fabsf(a - b) <= 0x1p-23f);
            }
            ropemap_map_free(&map);
            ropemap_map_free(&plain);
        }
    }
}

/* The same bytes from one thread and from five. */
static void test_threads(void **state) {
    const ropemap_range range = {3, 70001, 1};
    for (int pool = 0; pool < POOLS; pool++) {
        ropemap_request request = request_of(20000, 700, range, range);
        request.pool = (ropemap_pool)pool;
        request.height = 40;
        request.width = 37;
        ropemap_map one = {0}, five = {0};
        map_compute("dual chunks", &request, &one);
        request.threads = 5;
        map_compute("dual chunks", &request, &five);
        assert_memory_equal(one.cells, five.cells, sizeof *one.cells * 40 * 37);
        ropemap_map_free(&one);
        ropemap_map_free(&five);
    }
}

/* Far below the diagonal every query is held: a cell's mean is that over a chunk of keys, at 2^40 positions
 * too. A cell at the diagonal has 2^37 keys to a query, of which 2 L are near, each at most 2 off. */
static void test_all_positions(void **state) {
    const ropemap_range range = {0, ROPEMAP_POSITION_END, 1};
    ropemap_request request = request_of(1 << 20, 1 << 10, range, range);
    request.height = request.width = 4;
    ropemap_map map = {0};
    map_compute("dual chunks", &request, &map);
    long double sum = 0.0L;
    const int64_t length = (1 << 20) - (1 << 10);
    for (int64_t n = 0; n < length; n++) {
        sum += similarity(request.encoding.chunk - n);
    }
    const double near = 2.0 * 2.0 * (double)length * 0x1p-37;
    for (int64_t row = 0; row < 4; row++) {
        for (int64_t col = 0; col < 4; col++) {
            const float got = map.cells[row * 4 + col];
            assert_true(col > row
                            ? isnan(got)
                            : fabs((double)got - (double)(sum / length)) <= 1e-6 + (col < row ? 0.0 : near));
        }
    }
    ropemap_map_free(&map);
}

static void expect_refused(const ropemap_request *request, const char *words) {
    ropemap_plan plan;
    ropemap_error error = {0};
    assert_int_equal(plan_make(request, &plan, &error), ROPEMAP_USAGE);
    assert_says(error.text, words);
}

static void test_refused(void **state) {
    const ropemap_range range = {0, 100, 1};
    const ropemap_request good = request_of(16, 4, range, range);
    ropemap_plan plan;
    assert_int_equal(plan_make(&good, &plan, NULL), ROPEMAP_OK);
    assert_non_null(strstr(plan.reason, "dual chunks"));
    ropemap_request request = good;
    request.mask.causal = false;
    expect_refused(&request, "causal: ");
    request = good;
    request.rows.step = request.cols.step = 2;
    expect_refused(&request, "steps of 2, expected steps of 1");
    request.cols.step = 1;
    expect_refused(&request, "step");
    request = good;
    request.encoding.local = 16;
    expect_refused(&request, "local: 16 with a chunk of 16");
    request.encoding.local = 0;
    expect_refused(&request, "local: 8192 with a chunk of 16");
    request.encoding.local = -1;
    expect_refused(&request, "local: -1");
    request = good;
    request.encoding.chunk = 1;
    expect_refused(&request, "chunk: 1,");
    request.encoding.chunk = ROPEMAP_MAX_CHUNK + 1;
    expect_refused(&request, "chunk: 4194305, expected 2 to 4194304");
    request = good;
    request.encoding.kind = ROPEMAP_ENCODING_ROPE;
    expect_refused(&request, "chunk: 16 with rope, expected with dual-chunk");
    request.encoding.chunk = 0;
    expect_refused(&request, "local: 4 with rope");
    request = good;
    request.method = ROPEMAP_METHOD_TILED;
    expect_refused(&request, "encoding: dual-chunk by the tiled method, expected diagonal");
    request.method = ROPEMAP_METHOD_FACTORED;
    expect_refused(&request, "factored");
    request.method = ROPEMAP_METHOD_DIAGONAL;
    assert_int_equal(plan_make(&request, &plan, NULL), ROPEMAP_OK);
}

/* The largest chunk keeps within 256 MiB of memory, whatever the pool. */
static void test_memory(void **state) {
    const ropemap_range range = {0, (int64_t)1 << 30, 1};
    ropemap_request request = request_of(ROPEMAP_MAX_CHUNK, 1 << 10, range, range);
    for (int pool = 0; pool < POOLS; pool++) {
        request.pool = (ropemap_pool)pool;
        ropemap_plan plan;
        assert_int_equal(plan_make(&request, &plan, NULL), ROPEMAP_OK);
        assert_true(plan.bytes <= (uint64_t)256 << 20);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_pair),
        cmocka_unit_test(test_long_chunks),
        cmocka_unit_test(test_first_chunk_is_rope),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_all_positions),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
