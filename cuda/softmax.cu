/* softmax.cu - scores of a tile become weights and their sums; at the end probabilities, and those of cells
 */
/* SPDX-License-Identifier: MIT */
/*
 * A warp has a query and goes along its scores, RM_SOFTMAX_CHUNK keys at a time, aligned to index 0: a lane
 * holds 16 of them. Weights are powers of two above a whole number for each chunk and query, the reference;
 * a chunk's are added up in float, chunks in double. They pass through shared memory, so that the lanes can
 * be dealt out anew: to cells of the map, or to bins of distances. A slot of a query is touched by its own
 * warp alone, and every order is fixed by indices: no atomics.
 */
#include "cuda/arith.h"
#include "cuda/kernels.h"

#define RM_DEVICE static __device__ __forceinline__

enum {
    RM_SOFTMAX_THREADS = 256,
    RM_SOFTMAX_BLOCKS = 3, /* at least, on a multiprocessor: 80 registers */
    RM_WARP = 32,
    RM_SOFTMAX_WARPS = RM_SOFTMAX_THREADS / RM_WARP,
    RM_SOFTMAX_WIDE = 4, /* adjacent keys of a lane: 16 bytes */
    RM_SOFTMAX_VECTORS = RM_SOFTMAX_CHUNK / RM_WARP / RM_SOFTMAX_WIDE,
    RM_SOFTMAX_VECTOR = RM_WARP * RM_SOFTMAX_WIDE, /* keys of all lanes */
    RM_SOFTMAX_SKEW = 8, /* floats, puts pieces of a vector's length into different banks of shared memory */
    RM_SOFTMAX_LINE = RM_SOFTMAX_CHUNK + RM_SOFTMAX_VECTORS * RM_SOFTMAX_SKEW
};

/* ---- begin: which keys each query sees and watches, and where keys are cut */

RM_DEVICE int64_t rm_softmax_position(const rm_softmax_work &work, int64_t query) {
    return rm_position(work.grid.rows.range, work.rows.first + query);
}

RM_DEVICE void rm_softmax_start(const rm_softmax_work &work, int64_t i) {
    const ropemap_range cols = work.grid.cols.range;
    const int64_t at = rm_softmax_position(work, i);
    rm_softmax_query query = {};
    query.sight = rm_grid_sight(&work.grid, work.rows.first + i);
    query.recent.first = rm_index_from(cols, at - work.recent + 1);
    query.recent.end = rm_index_from(cols, at + 1);
    query.near.first = rm_index_from(cols, at - work.exact + 1);
    query.near.end = rm_index_from(cols, at + work.exact);
    query.sums.reference = RM_NO_REFERENCE;
    query.sums.largest = rm_pool_neutral(ROPEMAP_POOL_MAX);
    work.queries[i] = query;
}

/* The piece that holds a key: 0 before the first cell, one for each cell, and one for all that follow. */
RM_DEVICE int32_t rm_softmax_piece_of(const rm_softmax_work &work, int64_t key) {
    const int64_t place = key - work.shown_first;
    if (!work.cells || place < 0) {
        return 0;
    }
    const bool within = place < work.shown.range.count;
    return 1 + (int32_t)(within ? rm_partition_cell_of(&work.shown, place) : work.shown.cells);
}

RM_DEVICE int64_t rm_softmax_cut(const rm_softmax_work &work, int64_t piece) {
    const int64_t cell = piece - 1;
    return piece == 0                 ? 0
           : !work.cells              ? work.grid.cols.range.count
           : cell <= work.shown.cells ? work.shown_first + cell * work.shown.range.count / work.shown.cells
                                      : work.grid.cols.range.count;
}

__global__ void __launch_bounds__(RM_SOFTMAX_THREADS) rm_softmax_begin_kernel(const rm_softmax_work work) {
    const int64_t i = (int64_t)blockIdx.x * RM_SOFTMAX_THREADS + threadIdx.x;
    const int64_t keys = work.grid.cols.range.count, first = i * RM_SOFTMAX_CHUNK;
    if (i < work.rows.end - work.rows.first) {
        rm_softmax_start(work, i);
    }
    if (i < work.shown.cells + 3) {
        work.cuts[i] = rm_softmax_cut(work, i);
    }
    if (first < keys + RM_SOFTMAX_CHUNK) {
        work.chunk_pieces[i] = rm_softmax_piece_of(work, first < keys ? first : keys - 1);
    }
}

/* ---- a tile: one chunk of a query's scores */

/* Keys of a chunk, counted from its first. */
struct rm_softmax_keys {
    int32_t first, end;
};

struct rm_softmax_chunk {
    int64_t first; /* index of its first key */
    int32_t keys;
    rm_softmax_keys sinks, near; /* that the query sees */
};

RM_DEVICE int32_t rm_softmax_within(const rm_softmax_chunk &chunk, int64_t index) {
    const int64_t place = index - chunk.first;
    return place < 0 ? 0 : place > chunk.keys ? chunk.keys : (int32_t)place;
}

RM_DEVICE rm_softmax_keys rm_softmax_clip(const rm_softmax_chunk &chunk, rm_span span) {
    const rm_softmax_keys keys = {rm_softmax_within(chunk, span.first), rm_softmax_within(chunk, span.end)};
    return keys;
}

RM_DEVICE bool rm_softmax_in(rm_softmax_keys keys, int32_t key) {
    return key >= keys.first && key < keys.end;
}

typedef float rm_softmax_scores[RM_SOFTMAX_VECTORS][RM_SOFTMAX_WIDE];

/* The key that a lane holds at v, i. */
RM_DEVICE int32_t rm_softmax_key(int32_t v, int32_t i) {
    return v * RM_SOFTMAX_VECTOR + (int32_t)threadIdx.x % RM_WARP * RM_SOFTMAX_WIDE + i;
}

RM_DEVICE float rm_softmax_cap(const rm_softmax_work &work, float score) {
    return work.softcap * rm_tanh(score * (work.scale / work.softcap));
}

/* Loads whole vectors: beyond the keys there is memory, and what it holds is not seen. */
RM_DEVICE void rm_softmax_load(const rm_softmax_work &work, const rm_softmax_chunk &chunk, const float *from,
                               rm_softmax_scores &x) {
    for (int32_t v = 0; v < RM_SOFTMAX_VECTORS; v++) {
        const float4 four = *reinterpret_cast<const float4 *>(from + rm_softmax_key(v, 0));
        x[v][0] = four.x;
        x[v][1] = four.y;
        x[v][2] = four.z;
        x[v][3] = four.w;
    }
    const bool whole = chunk.near.first == 0 && chunk.near.end == RM_SOFTMAX_CHUNK;
    if (work.softcap != 0.0f || !whole) {
        for (int32_t v = 0; v < RM_SOFTMAX_VECTORS; v++) {
            for (int32_t i = 0; i < RM_SOFTMAX_WIDE; i++) {
                const int32_t key = rm_softmax_key(v, i);
                const bool seen = rm_softmax_in(chunk.sinks, key) || rm_softmax_in(chunk.near, key);
                const float score = work.softcap != 0.0f ? rm_softmax_cap(work, x[v][i]) : x[v][i];
                x[v][i] = seen ? score : rm_pool_neutral(ROPEMAP_POOL_MAX);
            }
        }
    }
}

/* Scores of the nearest keys stay until the sum of the row is known. */
RM_DEVICE void rm_softmax_keep(const rm_softmax_work &work, int64_t q, const rm_softmax_chunk &chunk,
                               const rm_softmax_scores &x) {
    const rm_softmax_keys keys = rm_softmax_clip(chunk, work.kept);
    float *to = work.scores + q * (work.kept.end - work.kept.first) + (chunk.first - work.kept.first);
    for (int32_t v = 0; keys.first < keys.end && v < RM_SOFTMAX_VECTORS; v++) {
        for (int32_t i = 0; i < RM_SOFTMAX_WIDE; i++) {
            if (rm_softmax_in(keys, rm_softmax_key(v, i))) {
                to[rm_softmax_key(v, i)] = x[v][i];
            }
        }
    }
}

/* The larger one; a NaN is passed over. */
RM_DEVICE float rm_softmax_larger(float most, float one) {
    return one > most ? one : most;
}

RM_DEVICE float rm_softmax_largest(const rm_softmax_scores &x) {
    float most = rm_pool_neutral(ROPEMAP_POOL_MAX);
    for (int32_t v = 0; v < RM_SOFTMAX_VECTORS; v++) {
        for (int32_t i = 0; i < RM_SOFTMAX_WIDE; i++) {
            most = rm_softmax_larger(most, x[v][i]);
        }
    }
    for (int32_t apart = RM_WARP / 2; apart > 0; apart /= 2) {
        most = rm_softmax_larger(most, __shfl_xor_sync(0xffffffffu, most, apart));
    }
    return most;
}

/* The sum over the lanes: the same bits in every lane, as each adds the same two numbers in each step. */
template <class T> RM_DEVICE T rm_softmax_lanes_sum(T sum) {
    for (int32_t apart = RM_WARP / 2; apart > 0; apart /= 2) {
        sum += __shfl_xor_sync(0xffffffffu, sum, apart);
    }
    return sum;
}

/* ---- pieces of a chunk */

/* Where a key is kept in shared memory. */
RM_DEVICE int32_t rm_softmax_place(int32_t key) {
    return key + key / RM_SOFTMAX_VECTOR * RM_SOFTMAX_SKEW;
}

/* Every lane stores before any reads, and has read before the next call. */
RM_DEVICE void rm_softmax_put(const rm_softmax_scores &x, float *line) {
    __syncwarp();
    for (int32_t v = 0; v < RM_SOFTMAX_VECTORS; v++) {
        *reinterpret_cast<float4 *>(line + rm_softmax_place(rm_softmax_key(v, 0))) =
            make_float4(x[v][0], x[v][1], x[v][2], x[v][3]);
    }
    __syncwarp();
}

/*
 * The sum, or the largest, of each of `count` pieces of a line, span(piece): take(piece, number) is called by
 * one lane each. The more pieces, the fewer lanes for each.
 */
template <bool MAX, class SPAN, class TAKE>
RM_DEVICE void rm_softmax_each(const float *line, int32_t count, const SPAN &span, const TAKE &take) {
    const int32_t lane = (int32_t)threadIdx.x % RM_WARP;
    int32_t shift = 5;
    while (shift > 0 && count << shift > RM_WARP) {
        shift--;
    }
    const int32_t lanes = 1 << shift, mine = lane & (lanes - 1);
    for (int32_t base = 0; base < count; base += RM_WARP >> shift) {
        const int32_t piece = base + (lane >> shift);
        rm_softmax_keys keys = {0, 0};
        if (piece < count) {
            keys = span(piece);
        }
        float all = MAX ? rm_pool_neutral(ROPEMAP_POOL_MAX) : 0.0f;
        for (int32_t key = keys.first + mine; key < keys.end; key += lanes) {
            const float one = line[rm_softmax_place(key)];
            all = MAX ? rm_softmax_larger(all, one) : all + one;
        }
        for (int32_t apart = lanes / 2; apart > 0; apart /= 2) {
            const float other = __shfl_xor_sync(0xffffffffu, all, apart);
            all = MAX ? rm_softmax_larger(all, other) : all + other;
        }
        if (mine == 0 && keys.first < keys.end) {
            take(piece, all);
        }
    }
}

/* value += sum, each above a reference of its own; the larger one stays. */
RM_DEVICE void rm_softmax_add(const rm_softmax_work &work, int64_t at, float sum, float reference) {
    const float before = work.held[at], both = before < reference ? reference : before;
    work.value[at] = work.value[at] * rm_power_of_two((double)before - (double)both) +
                     (double)sum * rm_power_of_two((double)reference - (double)both);
    work.held[at] = both;
}

/*
 * The sum, or the largest, of each piece that cells cut out of a chunk: take(slot, it), one lane a piece; the
 * slot is -1 before the first cell and after the last.
 */
template <bool MAX, class TAKE>
RM_DEVICE void rm_softmax_each_cell(const rm_softmax_work &work, int64_t q, const rm_softmax_chunk &chunk,
                                    const float *line, const TAKE &take) {
    const int32_t *pieces = work.chunk_pieces + chunk.first / RM_SOFTMAX_CHUNK;
    const int32_t first = pieces[0];
    rm_softmax_each<MAX>(
        line, pieces[1] - first + 1,
        [&](int32_t piece) {
            const rm_span span = {work.cuts[first + piece], work.cuts[first + piece + 1]};
            return rm_softmax_clip(chunk, span);
        },
        [&](int32_t piece, float all) {
            const int64_t cell = first + piece - 1;
            take(cell >= 0 && cell < work.shown.cells ? q * work.slots + cell : -1, all);
        });
}

/* The largest scores of cells. */
RM_DEVICE void rm_softmax_take_largest(const rm_softmax_work &work, int64_t q, const rm_softmax_chunk &chunk,
                                       const float *line) {
    rm_softmax_each_cell<true>(work, q, chunk, line, [&](int64_t slot, float largest) {
        if (slot >= 0) {
            work.held[slot] = rm_softmax_larger(work.held[slot], largest);
        }
    });
}

/* Weights of cells; returns the sum of all, in every lane. */
RM_DEVICE double rm_softmax_take_cells(const rm_softmax_work &work, int64_t q, const rm_softmax_chunk &chunk,
                                       const float *line, float reference) {
    double total = 0.0;
    if (work.cells && work.pool != ROPEMAP_POOL_MAX) {
        rm_softmax_each_cell<false>(work, q, chunk, line, [&](int64_t slot, float sum) {
            total += (double)sum;
            if (slot >= 0) {
                rm_softmax_add(work, slot, sum, reference);
            }
        });
    } else {
        const rm_softmax_keys all = {0, chunk.keys};
        rm_softmax_each<false>(
            line, 1, [&](int32_t) { return all; }, [&](int32_t, float sum) { total = (double)sum; });
    }
    return rm_softmax_lanes_sum(total);
}

/* ---- distances */

RM_DEVICE int64_t rm_softmax_distance(int64_t a, int64_t b) {
    return a < b ? b - a : a - b;
}

RM_DEVICE int32_t rm_softmax_bin_of(const rm_softmax_work &work, int64_t distance) {
    int32_t low = 0, high = work.bins - 1;
    while (low < high) {
        const int32_t middle = (low + high + 1) / 2;
        if (work.edges[middle] <= distance) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

/* Weights of keys on one side of the query, all of them too far away to be kept, to their bins: distances
 * fall along the keys before the query and rise along those after it. */
template <bool BEFORE>
RM_DEVICE void rm_softmax_take_side(const rm_softmax_work &work, int64_t q, const rm_softmax_chunk &chunk,
                                    rm_softmax_keys side, const float *line, float reference) {
    if (side.first >= side.end) {
        return;
    }
    const ropemap_range cols = work.grid.cols.range;
    const int64_t at = rm_softmax_position(work, q);
    const int32_t one =
        rm_softmax_bin_of(work, rm_softmax_distance(at, rm_position(cols, chunk.first + side.first)));
    const int32_t other =
        rm_softmax_bin_of(work, rm_softmax_distance(at, rm_position(cols, chunk.first + side.end - 1)));
    const int64_t slot = q * work.slots + (work.cells ? work.shown.cells : 0);
    const auto bin_of = [=](int32_t piece) { return BEFORE ? one - piece : one + piece; };
    rm_softmax_each<false>(
        line, (BEFORE ? one - other : other - one) + 1,
        [&](int32_t piece) {
            const int64_t *edges = work.edges + bin_of(piece);
            rm_span span;
            span.first = rm_index_from(cols, BEFORE ? at - edges[1] + 1 : at + edges[0]);
            span.end = rm_index_from(cols, BEFORE ? at - edges[0] + 1 : at + edges[1]);
            rm_softmax_keys keys = rm_softmax_clip(chunk, span);
            keys.first = keys.first > side.first ? keys.first : side.first;
            keys.end = keys.end < side.end ? keys.end : side.end;
            return keys;
        },
        [&](int32_t piece, float sum) { rm_softmax_add(work, slot + bin_of(piece), sum, reference); });
}

RM_DEVICE void rm_softmax_take_distances(const rm_softmax_work &work, int64_t q,
                                         const rm_softmax_query &query, const rm_softmax_chunk &chunk,
                                         const float *line, float reference) {
    const rm_softmax_keys near = rm_softmax_clip(chunk, query.near);
    const rm_softmax_keys before = {0, near.first}, after = {near.end, chunk.keys};
    rm_softmax_take_side<true>(work, q, chunk, before, line, reference);
    rm_softmax_take_side<false>(work, q, chunk, after, line, reference);
}

/* ---- rows */

/* What a chunk's weights come to, in every lane. */
struct rm_softmax_moments {
    double total;
    float log, place, sink, recent;
};

/* Scores become weights; those of a lane, with statistics. */
template <bool STATISTICS>
RM_DEVICE rm_softmax_moments rm_softmax_weigh(const rm_softmax_work &work, rm_softmax_scores &x,
                                              float reference) {
    rm_softmax_moments moments = {};
    for (int32_t v = 0; v < RM_SOFTMAX_VECTORS; v++) {
        for (int32_t i = 0; i < RM_SOFTMAX_WIDE; i++) {
            const float t = rm_exponent(x[v][i], work.factor, reference), weight = rm_exp2(t);
            x[v][i] = weight;
            if (STATISTICS) {
                moments.log = fmaf(weight, t, moments.log);
                moments.place = fmaf(weight, (float)rm_softmax_key(v, i), moments.place);
            }
        }
    }
    if (STATISTICS) {
        moments.log = rm_softmax_lanes_sum(moments.log);
        moments.place = rm_softmax_lanes_sum(moments.place);
    }
    return moments;
}

RM_DEVICE float rm_softmax_select(const rm_softmax_scores &x, rm_softmax_keys keys) {
    float sum = 0.0f;
    if (keys.first < keys.end) { /* the whole warp's */
        for (int32_t v = 0; v < RM_SOFTMAX_VECTORS; v++) {
            for (int32_t i = 0; i < RM_SOFTMAX_WIDE; i++) {
                sum += rm_softmax_in(keys, rm_softmax_key(v, i)) ? x[v][i] : 0.0f;
            }
        }
        sum = rm_softmax_lanes_sum(sum);
    }
    return sum;
}

/* Takes a chunk into a row's sums. A sum of 0 has no reference, which is finite. */
RM_DEVICE void rm_softmax_advance(const rm_softmax_moments &from, float reference, double first,
                                  rm_softmax_sums *to) {
    const float both = to->reference < reference ? reference : to->reference;
    const double down = (double)to->reference - (double)both, from_down = (double)reference - (double)both;
    const double a = rm_power_of_two(down), b = rm_power_of_two(from_down);
    to->log = a * (to->log + down * to->total) + b * ((double)from.log + from_down * from.total);
    to->place = a * to->place + b * ((double)from.place + first * from.total);
    to->total = a * to->total + b * from.total;
    to->sink = a * to->sink + b * (double)from.sink;
    to->recent = a * to->recent + b * (double)from.recent;
    to->reference = both;
}

/* One chunk that the query sees something of. The first lane alone has the sums, in shared memory: they would
 * take 12 registers of each through all that is between two chunks. */
template <bool STATISTICS>
RM_DEVICE void rm_softmax_take(const rm_softmax_work &work, int64_t q, const rm_softmax_query &query,
                               const rm_softmax_chunk &chunk, float *line, rm_softmax_sums *sums) {
    rm_softmax_scores x;
    rm_softmax_load(work, chunk, work.tile.data + q * work.tile.stride + (chunk.first - work.col_first), x);
    rm_softmax_keep(work, q, chunk, x);
    const float largest = rm_softmax_largest(x);
    const float reference = rm_exponent_reference(largest, work.factor);
    if (work.cells && work.pool == ROPEMAP_POOL_MAX) {
        rm_softmax_put(x, line);
        rm_softmax_take_largest(work, q, chunk, line);
    }
    rm_softmax_moments moments = rm_softmax_weigh<STATISTICS>(work, x, reference);
    if (STATISTICS) {
        const rm_span sinks = {0, work.sinks_end};
        moments.sink = rm_softmax_select(x, rm_softmax_clip(chunk, sinks));
        moments.recent = rm_softmax_select(x, rm_softmax_clip(chunk, query.recent));
    }
    rm_softmax_put(x, line);
    moments.total = rm_softmax_take_cells(work, q, chunk, line, reference);
    if (threadIdx.x % RM_WARP == 0) {
        sums->largest = rm_softmax_larger(sums->largest, largest);
        rm_softmax_advance(moments, reference, (double)chunk.first, sums);
    }
    if (work.bins > 0) {
        rm_softmax_take_distances(work, q, query, chunk, line, reference);
    }
}

template <bool STATISTICS>
__global__ void __launch_bounds__(RM_SOFTMAX_THREADS, RM_SOFTMAX_BLOCKS)
    rm_softmax_tile_kernel(const rm_softmax_work work) {
    __shared__ __align__(16) float lines[RM_SOFTMAX_WARPS][RM_SOFTMAX_LINE];
    __shared__ rm_softmax_sums sums[RM_SOFTMAX_WARPS];
    const int32_t warp = (int32_t)threadIdx.x / RM_WARP;
    const int64_t q = (int64_t)blockIdx.x * RM_SOFTMAX_WARPS + warp;
    if (q >= work.tile.rows) {
        return; /* the whole warp, and no block waits */
    }
    const rm_softmax_query &query = work.queries[q];
    if (threadIdx.x % RM_WARP == 0) {
        sums[warp] = query.sums;
    }
    for (int64_t first = 0; first < work.tile.cols; first += RM_SOFTMAX_CHUNK) {
        const int64_t left = work.tile.cols - first;
        rm_softmax_chunk chunk = {work.col_first + first,
                                  left < RM_SOFTMAX_CHUNK ? (int32_t)left : RM_SOFTMAX_CHUNK,
                                  {0, 0},
                                  {0, 0}};
        chunk.sinks = rm_softmax_clip(chunk, query.sight.sinks);
        chunk.near = rm_softmax_clip(chunk, query.sight.near);
        if (chunk.sinks.first < chunk.sinks.end || chunk.near.first < chunk.near.end) {
            rm_softmax_take<STATISTICS>(work, q, query, chunk, lines[warp], &sums[warp]);
        }
    }
    if (threadIdx.x % RM_WARP == 0) {
        work.queries[q].sums = sums[warp];
    }
}

/* ---- end */

RM_DEVICE bool rm_softmax_meets(rm_span a, int64_t first, int64_t end) {
    return a.first < end && a.end > first;
}

/* What a slot of a query comes to: NaN in every cell that a bad one sees, and nothing elsewhere. */
RM_DEVICE double rm_softmax_settle(const rm_softmax_work &work, const rm_softmax_query &query, int64_t q,
                                   int64_t slot) {
    const bool cell = work.cells && slot < work.shown.cells;
    const int64_t at = q * work.slots + slot;
    const double top = query.share.top;
    if (query.share.bad) {
        const int64_t first = cell ? work.cuts[slot + 1] : 0, end = cell ? work.cuts[slot + 2] : 0;
        const bool seen =
            rm_softmax_meets(query.sight.sinks, first, end) || rm_softmax_meets(query.sight.near, first, end);
        return cell && seen ? (double)rm_float_from_bits(0x7fc00000u) : 0.0;
    }
    if (cell && work.pool == ROPEMAP_POOL_MAX) {
        const float exponent = rm_exponent(work.held[at], work.factor, (float)top);
        return (double)(rm_exp2(exponent) * (float)query.share.share);
    }
    return work.value[at] * rm_power_of_two((double)work.held[at] - top) * query.share.share;
}

/* A warp for each query. */
__global__ void __launch_bounds__(RM_SOFTMAX_THREADS) rm_softmax_rows_kernel(const rm_softmax_work work) {
    const int32_t lane = (int32_t)threadIdx.x % RM_WARP;
    const int64_t q = (int64_t)blockIdx.x * RM_SOFTMAX_WARPS + threadIdx.x / RM_WARP;
    if (q >= work.rows.end - work.rows.first) {
        return;
    }
    rm_softmax_query query = work.queries[q];
    query.share = rm_softmax_share_of(&query.sums, work.sink_logit);
    double all = 0.0;
    for (int64_t slot = lane; slot < work.slots; slot += RM_WARP) {
        const double p = rm_softmax_settle(work, query, q, slot);
        work.value[q * work.slots + slot] = p;
        all += work.cells && slot < work.shown.cells ? p : 0.0;
    }
    all = rm_softmax_lanes_sum(all);
    if (lane == 0) {
        rm_softmax_result result = {};
        const bool sums = work.cells && work.pool != ROPEMAP_POOL_MAX;
        const bool whole = work.shown.range.count == work.grid.cols.range.count;
        result.empty = !query.share.bad && query.sums.total == 0.0 ? 1 : 0;
        result.bad = query.share.bad ? 1 : 0;
        result.excess = sums && whole && !query.share.bad ? fabs(all - query.share.mass) : 0.0;
        if (work.statistics) {
            result.row =
                rm_softmax_row_of(&query.sums, &query.share, work.softcap != 0.0f ? 1.0f : work.scale,
                                  rm_softmax_position(work, q), work.grid.cols.range);
        }
        work.results[q] = result;
        work.queries[q].share = query.share;
    }
}

/* The slots of a strip of queries, from one row of cells to the next: part number strip + row of cells. */
__global__ void __launch_bounds__(RM_SOFTMAX_THREADS) rm_softmax_cells_kernel(const rm_softmax_work work) {
    const int64_t slot = (int64_t)blockIdx.x * RM_SOFTMAX_THREADS + threadIdx.x;
    const int64_t rows = work.rows.end - work.rows.first, first = (int64_t)blockIdx.y * RM_SOFTMAX_STRIP;
    const int64_t end = first + RM_SOFTMAX_STRIP < rows ? first + RM_SOFTMAX_STRIP : rows;
    const rm_partition axis = work.grid.rows;
    const bool max = work.cells && work.pool == ROPEMAP_POOL_MAX && slot < work.shown.cells;
    if (slot >= work.slots) {
        return;
    }
    const int64_t cell_first = rm_partition_cell_of(&axis, work.rows.first);
    int64_t cell = rm_partition_cell_of(&axis, work.rows.first + first);
    for (int64_t q = first; q < end; cell++) {
        const int64_t cell_end = rm_partition_cell(&axis, cell).end - work.rows.first;
        double sum = 0.0;
        for (; q < (cell_end < end ? cell_end : end); q++) {
            const double p = work.value[q * work.slots + slot];
            sum = max ? (double)rm_more_extreme(ROPEMAP_POOL_MAX, (float)sum, (float)p) : sum + p;
        }
        work.parts[(blockIdx.y + cell - cell_first) * work.slots + slot] = sum;
    }
}

/* The probability that a query gives a position; 0 where there is no key, or it is not seen. */
RM_DEVICE double rm_softmax_at(const rm_softmax_work &work, const rm_softmax_query &query, int64_t q,
                               int64_t position) {
    const ropemap_range cols = work.grid.cols.range;
    const int64_t key = rm_index_from(cols, position);
    const bool there = key < cols.count && rm_position(cols, key) == position;
    if (!there || !(rm_softmax_meets(query.sight.sinks, key, key + 1) ||
                    rm_softmax_meets(query.sight.near, key, key + 1))) {
        return 0.0;
    }
    const float score = work.scores[q * (work.kept.end - work.kept.first) + key - work.kept.first];
    const float weight = rm_exp2(rm_exponent(score, work.factor, (float)query.share.top));
    return (double)weight * query.share.share;
}

/* One distance of a strip of queries. */
__global__ void __launch_bounds__(RM_SOFTMAX_THREADS) rm_softmax_near_kernel(const rm_softmax_work work) {
    const int64_t distance = (int64_t)blockIdx.x * RM_SOFTMAX_THREADS + threadIdx.x;
    const int64_t rows = work.rows.end - work.rows.first, first = (int64_t)blockIdx.y * RM_SOFTMAX_STRIP;
    const int64_t end = first + RM_SOFTMAX_STRIP < rows ? first + RM_SOFTMAX_STRIP : rows;
    if (distance >= work.exact) {
        return;
    }
    double sum = 0.0;
    for (int64_t q = first; q < end; q++) {
        const rm_softmax_query &query = work.queries[q];
        const int64_t at = rm_softmax_position(work, q);
        if (!query.share.bad) {
            sum += rm_softmax_at(work, query, q, at - distance);
            sum += distance > 0 ? rm_softmax_at(work, query, q, at + distance) : 0.0;
        }
    }
    work.distances[blockIdx.y * work.exact + distance] = sum;
}

__global__ void __launch_bounds__(RM_SOFTMAX_THREADS) rm_softmax_mass_kernel(const rm_softmax_work work) {
    const int64_t distance = (int64_t)blockIdx.x * RM_SOFTMAX_THREADS + threadIdx.x;
    const int64_t rows = work.rows.end - work.rows.first;
    if (distance < work.exact) {
        double sum = 0.0;
        for (int64_t strip = 0; strip * RM_SOFTMAX_STRIP < rows; strip++) {
            sum += work.distances[strip * work.exact + distance];
        }
        work.mass[distance] = sum;
    }
}

/* ---- launch */

static dim3 blocks_for(int64_t count, int64_t each, int64_t down) {
    return dim3((unsigned)((count + each - 1) / each), (unsigned)down);
}

extern "C" cudaError_t rm_softmax_begin_launch(const rm_softmax_work *work, cudaStream_t stream) {
    const int64_t rows = work->rows.end - work->rows.first, cells = work->shown.cells + 3;
    const int64_t chunks = work->grid.cols.range.count / RM_SOFTMAX_CHUNK + 2;
    const int64_t some = rows > cells ? rows : cells;
    return rm_launch(rm_softmax_begin_kernel,
                     blocks_for(some > chunks ? some : chunks, RM_SOFTMAX_THREADS, 1),
                     dim3(RM_SOFTMAX_THREADS), 0, stream, *work);
}

extern "C" cudaError_t rm_softmax_tile_launch(const rm_softmax_work *work, cudaStream_t stream) {
    return rm_launch(work->statistics ? rm_softmax_tile_kernel<true> : rm_softmax_tile_kernel<false>,
                     blocks_for(work->tile.rows, RM_SOFTMAX_WARPS, 1), dim3(RM_SOFTMAX_THREADS), 0, stream,
                     *work);
}

extern "C" cudaError_t rm_softmax_end_launch(const rm_softmax_work *work, cudaStream_t stream) {
    const int64_t rows = work->rows.end - work->rows.first;
    const int64_t strips = (rows + RM_SOFTMAX_STRIP - 1) / RM_SOFTMAX_STRIP;
    const dim3 threads(RM_SOFTMAX_THREADS);
    cudaError_t status =
        rm_launch(rm_softmax_rows_kernel, blocks_for(rows, RM_SOFTMAX_WARPS, 1), threads, 0, stream, *work);
    if (status == cudaSuccess && work->slots > 0) {
        status = rm_launch(rm_softmax_cells_kernel, blocks_for(work->slots, RM_SOFTMAX_THREADS, strips),
                           threads, 0, stream, *work);
    }
    if (status == cudaSuccess && work->exact > 0) {
        status = rm_launch(rm_softmax_near_kernel, blocks_for(work->exact, RM_SOFTMAX_THREADS, strips),
                           threads, 0, stream, *work);
        status = status != cudaSuccess
                     ? status
                     : rm_launch(rm_softmax_mass_kernel, blocks_for(work->exact, RM_SOFTMAX_THREADS, 1),
                                 threads, 0, stream, *work);
    }
    return status;
}
