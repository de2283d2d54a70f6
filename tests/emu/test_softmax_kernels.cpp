/* test_softmax_kernels.cpp - emulated kernels: softmax of a block of scores in two tiles, in guarded memory
 */
/* SPDX-License-Identifier: MIT */
#include "cuda/kernels.h"
#include "tests/emu/control.h"

#include "host/base/view.h"
#include "tests/emu/stored.h"

#include <math.h>

#include <algorithm>
#include <vector>

#include "tests/unit.h"

/* The same kernels once more, with a fault of choice. */
enum fault { NONE, RESCALE, EDGE, BARRIER };
static fault planted;

static rm_sight planted_sight(const rm_grid *grid, int64_t row) {
    rm_sight sight = rm_grid_sight(grid, row);
    sight.near.end += planted == EDGE ? -1 : 0;
    return sight;
}

namespace faulty {
#define rm_power_of_two(k)      (planted == RESCALE ? 1.0 : rm_power_of_two(k))
#define rm_grid_sight           planted_sight
#define __syncwarp()            (planted == BARRIER ? (void)0 : __syncwarp(0xffffffffu))
#define rm_softmax_begin_launch faulty_begin_launch
#define rm_softmax_tile_launch  faulty_tile_launch
#define rm_softmax_end_launch   faulty_end_launch
#include "cuda/softmax.cu"
#undef rm_power_of_two
#undef rm_grid_sight
#undef __syncwarp
#undef rm_softmax_begin_launch
#undef rm_softmax_tile_launch
#undef rm_softmax_end_launch
} // namespace faulty

typedef cudaError_t (*launcher)(const rm_softmax_work *, cudaStream_t);
struct launches {
    launcher begin, tile, end;
};
static const launches REAL = {rm_softmax_begin_launch, rm_softmax_tile_launch, rm_softmax_end_launch};
static const launches FAULTY = {faulty::faulty_begin_launch, faulty::faulty_tile_launch,
                                faulty::faulty_end_launch};

enum { QUERIES = 11, FIRST = 700, KEYS = 713, CELLS = 9, EXACT = 40, BINS = 3, ROOM = 1024 };

static const int64_t EDGES[BINS + 1] = {EXACT, 100, 600, 4000};

/* Memory of a work, each array with room behind it that must stay as it is. */
struct memory {
    template <class T> T *give(size_t count) {
        kept.emplace_back(count * sizeof(T) + GUARD, (unsigned char)0xa5);
        return reinterpret_cast<T *>(kept.back().data());
    }
    void check_guards() const {
        for (const auto &each : kept) {
            for (size_t i = each.size() - GUARD; i < each.size(); i++) {
                assert_int_equal(each[i], 0xa5);
            }
        }
    }
    enum { GUARD = 64 };
    std::vector<std::vector<unsigned char>> kept;
};

static rm_softmax_work work_of(ropemap_pool pool, memory *room) {
    rm_softmax_work work = {};
    work.grid.rows = {{FIRST, QUERIES, 1}, 2};
    work.grid.cols = {{0, KEYS, 1}, CELLS};
    work.grid.mask.causal = true;
    work.shown = work.grid.cols;
    work.pool = pool;
    work.cells = work.statistics = true;
    work.factor = 1.44269504f;
    work.scale = 1.0f;
    work.sink_logit = -INFINITY;
    work.sinks_end = 4;
    work.recent = 17;
    work.exact = EXACT;
    work.bins = BINS;
    work.rows = {0, QUERIES};
    work.slots = CELLS + BINS;
    work.kept = {FIRST - EXACT + 1, KEYS};
    work.edges = room->give<int64_t>(BINS + 1);
    memcpy(work.edges, EDGES, sizeof EDGES);
    work.cuts = room->give<int64_t>(CELLS + 3);
    work.chunk_pieces = room->give<int32_t>(int{KEYS} / RM_SOFTMAX_CHUNK + 2);
    work.queries = room->give<rm_softmax_query>(QUERIES);
    work.value = room->give<double>(QUERIES * work.slots);
    memset(work.value, 0, QUERIES * work.slots * sizeof *work.value);
    work.held = room->give<float>(QUERIES * work.slots);
    for (int64_t i = 0; i < QUERIES * work.slots; i++) {
        work.held[i] = -INFINITY;
    }
    work.scores = room->give<float>(QUERIES * (work.kept.end - work.kept.first));
    work.parts = room->give<double>(2 * work.slots);
    work.distances = room->give<double>(EXACT);
    work.mass = room->give<double>(EXACT);
    work.results = room->give<rm_softmax_result>(QUERIES);
    return work;
}

/* The second tile's are larger: what the first came to moves to another reference. */
static float score(int64_t query, int64_t key) {
    uint64_t seed = (uint64_t)(query * 1009 + key);
    return (key < RM_SOFTMAX_CHUNK ? 2.0f : 8.0f) * random_float(&seed);
}

/* Both tiles, whose memory has NaN wherever no query may look. */
static void run(const launches &kernels, rm_softmax_work *work) {
    std::vector<float4> tile(QUERIES * ROOM / 4);
    assert_int_equal(kernels.begin(work, nullptr), cudaSuccess);
    for (int64_t first = 0; first < KEYS; first += RM_SOFTMAX_CHUNK) {
        const int64_t left = KEYS - first, count = std::min<int64_t>(left, RM_SOFTMAX_CHUNK);
        memset(tile.data(), 0xff, tile.size() * sizeof tile[0]);
        work->tile = {&tile[0].x, QUERIES, count, ROOM};
        work->col_first = first;
        for (int64_t q = 0; q < QUERIES; q++) {
            for (int64_t k = 0; k < count && first + k <= FIRST + q; k++) {
                work->tile.data[q * ROOM + k] = score(q, first + k);
            }
        }
        assert_int_equal(kernels.tile(work, nullptr), cudaSuccess);
    }
    assert_int_equal(kernels.end(work, nullptr), cudaSuccess);
}

static int wrong; /* values that the launches before the last check left beyond their bounds */

static void expect(const char *what, int64_t at, double got, long double wanted) {
    if (!(fabsl(got - wanted) <= 1e-5L * wanted)) { /* scores are below 8: 1e-6 (1 + 8) */
        wrong++;
        if (planted == NONE) {
            fail_msg("%s %lld: %.9g, not %.9Lg", what, (long long)at, got, wanted);
        }
    }
}

static void check(const launches &kernels, ropemap_pool pool) {
    memory room;
    rm_softmax_work work = work_of(pool, &room);
    std::vector<long double> cells(2 * CELLS), mass(EXACT + BINS);
    wrong = 0;
    run(kernels, &work);
    room.check_guards();
    for (int64_t q = 0; q < QUERIES; q++) {
        long double sum = 0, sink = 0, recent = 0;
        for (int64_t key = 0; key <= FIRST + q; key++) {
            sum += expl(score(q, key));
        }
        for (int64_t key = 0; key <= FIRST + q; key++) {
            const long double p = expl(score(q, key)) / sum;
            const int64_t distance = FIRST + q - key;
            long double *cell = &cells[rm_partition_cell_of(&work.grid.rows, q) * CELLS +
                                       rm_partition_cell_of(&work.shown, key)];
            int64_t bin = distance;
            for (int b = 0; b < BINS && distance >= EXACT; b++) {
                bin = distance >= EDGES[b] ? EXACT + b : bin;
            }
            *cell = pool == ROPEMAP_POOL_MAX ? fmaxl(*cell, p) : *cell + p;
            mass[bin] += p;
            sink += key < 4 ? p : 0;
            recent += distance < 17 ? p : 0;
        }
        expect("log_sum", q, work.results[q].row.log_sum, logl(sum));
        expect("sink", q, (double)work.results[q].row.sink, sink);
        expect("recent", q, (double)work.results[q].row.recent, recent);
        expect("excess", q, 1.0 + work.results[q].excess + work.results[q].bad, 1.0L);
    }
    for (int64_t i = 0; i < 2 * CELLS; i++) {
        expect("cell", i, work.parts[i / CELLS * work.slots + i % CELLS], cells[i]);
    }
    for (int64_t i = 0; i < EXACT; i++) {
        expect("distance", i, work.mass[i], mass[i]);
    }
    for (int64_t b = 0; b < BINS; b++) {
        expect("bin", b, work.parts[CELLS + b] + work.parts[work.slots + CELLS + b], mass[EXACT + b]);
    }
}

static void test_sums(void **) {
    check(REAL, ROPEMAP_POOL_MASS);
}

static void test_largest(void **) {
    emu_reverse_blocks(1);
    check(REAL, ROPEMAP_POOL_MAX);
    emu_reverse_blocks(0);
}

/* Sums that stay above the reference of an earlier chunk, a mask that ends a key too early, lanes that do not
 * wait for what the others store: what is compared above shows each. */
static void test_planted_faults_show(void **) {
    planted = NONE;
    check(FAULTY, ROPEMAP_POOL_MASS);
    for (const fault each : {RESCALE, EDGE, BARRIER}) {
        if (each == BARRIER && strstr(EMU_SANITIZE, "thread") != nullptr) {
            continue; /* ThreadSanitizer reports it, and the process ends */
        }
        planted = each;
        check(FAULTY, ROPEMAP_POOL_MASS);
        planted = NONE;
        if (wrong == 0) {
            fail_msg("fault %d does not show", each);
        }
    }
}

static void test_a_launch_that_fails_is_reported(void **) {
    for (int launch = 1; launch <= 4; launch++) {
        memory room;
        rm_softmax_work work = work_of(ROPEMAP_POOL_MASS, &room);
        run(REAL, &work);
        emu_fail_next_launch(launch);
        assert_int_equal(rm_softmax_end_launch(&work, nullptr), cudaErrorLaunchFailure);
    }
}

int main() {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_planted_faults_show),
        cmocka_unit_test(test_a_launch_that_fails_is_reported),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
