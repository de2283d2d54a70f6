/* softmax.c - softmax of a block of queries over all keys: products by cuBLAS, a tile at a time, then kernels
 */
/* SPDX-License-Identifier: MIT */
#include "cuda/context.h"

_Static_assert(sizeof(rm_softmax_query) + sizeof(rm_softmax_result) <= RM_SOFTMAX_ROW_BYTES,
               "gpu_sizes.c counts on it");

/* ---- memory */

enum { ALIGNED = 256 };

static int64_t rows_of(const rm_softmax_work *work) {
    return work->rows.end - work->rows.first;
}

static int64_t strips_of(const rm_softmax_work *work) {
    return (rows_of(work) + RM_SOFTMAX_STRIP - 1) / RM_SOFTMAX_STRIP;
}

/* Parts of the cells' sums: strips cut where rows of cells end. */
static int64_t parts_of(const rm_softmax_work *work) {
    return rm_pieces_count(&work->grid.rows, work->rows.first, rows_of(work), RM_SOFTMAX_STRIP);
}

static void *place(char *memory, uint64_t *used, int64_t count, size_t bytes) {
    void *at = memory != NULL ? memory + *used : NULL;
    *used += ((uint64_t)count * bytes + ALIGNED - 1) / ALIGNED * ALIGNED;
    return at;
}

/* Where everything lies in one piece of memory, `keys` a tile; returns its size. NULL memory: the size alone.
 */
static uint64_t lay_out(rm_softmax_work *work, int64_t keys, char *memory) {
    const int64_t rows = rows_of(work), slots = rows * work->slots, exact = work->exact;
    const int64_t chunks = work->grid.cols.range.count / RM_SOFTMAX_CHUNK + 2;
    uint64_t used = 0;
    work->tile.data = place(memory, &used, rows * keys, sizeof *work->tile.data);
    work->tile.stride = keys;
    work->edges = place(memory, &used, work->bins + 1, sizeof *work->edges);
    work->cuts = place(memory, &used, work->shown.cells + 3, sizeof *work->cuts);
    work->chunk_pieces = place(memory, &used, chunks, sizeof *work->chunk_pieces);
    work->queries = place(memory, &used, rows, sizeof *work->queries);
    work->results = place(memory, &used, rows, sizeof *work->results);
    work->value = place(memory, &used, slots, sizeof *work->value);
    work->held = place(memory, &used, slots, sizeof *work->held);
    work->scores = place(memory, &used, rows * (work->kept.end - work->kept.first), sizeof *work->scores);
    work->parts = place(memory, &used, parts_of(work) * work->slots, sizeof *work->parts);
    work->distances = place(memory, &used, strips_of(work) * exact, sizeof *work->distances);
    work->mass = place(memory, &used, exact, sizeof *work->mass);
    return used;
}

/* ---- begin */

/* Keys less than `exact` tokens away from a query of the block. */
static rm_span kept_of(const rm_softmax *softmax, rm_span rows) {
    const ropemap_range cols = softmax->grid.cols.range;
    const int64_t first = rm_position(softmax->grid.rows.range, rows.first);
    const int64_t last = rm_position(softmax->grid.rows.range, rows.end - 1);
    const int64_t ahead = softmax->grid.mask.causal ? 1 : softmax->exact;
    return softmax->exact == 0 ? (rm_span){.first = 0}
                               : (rm_span){.first = rm_index_from(cols, first - softmax->exact + 1),
                                           .end = rm_index_from(cols, last + ahead)};
}

static rm_softmax_work work_of(const rm_softmax *softmax, rm_span rows) {
    const double log2_e = 1.44269504088896340736;
    return (rm_softmax_work){
        .grid = softmax->grid,
        .shown = softmax->shown,
        .shown_first = softmax->shown_first,
        .pool = softmax->pool,
        .cells = softmax->cells,
        .statistics = softmax->rows,
        .factor = (float)(softmax->softcap != 0.0 ? log2_e : softmax->scale * log2_e),
        .scale = (float)softmax->scale,
        .softcap = (float)softmax->softcap,
        .sink_logit = softmax->sink_logit,
        .sinks_end = rm_index_from(softmax->grid.cols.range, softmax->sink_tokens),
        .recent = softmax->recent,
        .exact = softmax->exact,
        .bins = softmax->bins,
        .rows = rows,
        .slots = (softmax->cells ? softmax->shown.cells : 0) + softmax->bins,
        .kept = kept_of(softmax, rows),
    };
}

static ropemap_status clear(rm_context *context, const rm_softmax *softmax, ropemap_error *error) {
    const rm_softmax_work *work = &context->softmax;
    const int64_t slots = rows_of(work) * work->slots;
    if (slots > 0) {
        RM_CUDA(context, error,
                cudaMemsetAsync(work->value, 0, (size_t)slots * sizeof *work->value, context->compute));
        RM_CUDA(context, error,
                rm_fill_launch(work->held, rm_pool_neutral(ROPEMAP_POOL_MAX), slots, context->sm_count,
                               context->compute));
    }
    if (work->bins > 0) {
        RM_CUDA(context, error,
                cudaMemcpyAsync(work->edges, softmax->edges, (size_t)(work->bins + 1) * sizeof *work->edges,
                                cudaMemcpyHostToDevice, context->compute));
    }
    RM_CUDA(context, error, rm_softmax_begin_launch(work, context->compute));
    return ROPEMAP_OK;
}

ropemap_status rm_cuda_softmax_begin(rm_context *context, const rm_softmax *softmax, rm_span rows,
                                     rm_view queries, ropemap_error *error) {
    RM_TRY(rm_cuda_begin(context, "softmax", error));
    context->softmax = work_of(softmax, rows);
    context->softmax_queries = rm_view_rows(queries, 0, rows.end - rows.first);
    context->softmax_dtype = softmax->dtype;
    const int64_t keys = context->device.softmax_keys;
    RM_TRY(
        rm_buffer_reserve(context, &context->softmax_memory, lay_out(&context->softmax, keys, NULL), error));
    (void)lay_out(&context->softmax, keys, context->softmax_memory.memory);
    return clear(context, softmax, error);
}

/* ---- take */

ropemap_status rm_cuda_softmax_take(rm_context *context, rm_view keys, int64_t col_first,
                                    ropemap_error *error) {
    rm_softmax_work *work = &context->softmax;
    work->tile.rows = rows_of(work);
    work->tile.cols = keys.rows;
    work->col_first = col_first;
    RM_TRY(rm_cuda_similarity(context, context->softmax_dtype, 1, context->softmax_queries, keys, work->tile,
                              error));
    RM_TRY(rm_cuda_begin(context, "softmax", error));
    context->tile_row = work->rows.first;
    context->tile_col = col_first;
    context->tile_rows = work->tile.rows;
    context->tile_cols = keys.rows;
    RM_CUDA(context, error, rm_softmax_tile_launch(work, context->compute));
    return ROPEMAP_OK;
}

/* ---- end */

/* What the host takes, in pinned memory. */
struct taken {
    rm_softmax_result *rows; /* [rows] */
    double *parts;           /* [parts, slots] */
    double *mass;            /* [exact] */
};

static uint64_t lay_out_taken(const rm_softmax_work *work, char *memory, struct taken *taken) {
    uint64_t used = 0;
    taken->rows = place(memory, &used, rows_of(work), sizeof *taken->rows);
    taken->parts = place(memory, &used, parts_of(work) * work->slots, sizeof *taken->parts);
    taken->mass = place(memory, &used, work->exact, sizeof *taken->mass);
    return used;
}

static ropemap_status take_back(rm_context *context, void *to, const void *from, int64_t count, size_t bytes,
                                ropemap_error *error) {
    const size_t all = (size_t)count * bytes;
    if (all > 0) {
        RM_CUDA(context, error, cudaMemcpyAsync(to, from, all, cudaMemcpyDeviceToHost, context->compute));
    }
    return ROPEMAP_OK;
}

static void give_rows(const rm_softmax_work *work, const rm_softmax_result *from,
                      rm_softmax_results *results) {
    for (int64_t q = 0; q < rows_of(work); q++) {
        results->nan_rows += from[q].bad != 0 ? 1 : 0;
        results->empty_rows += from[q].empty != 0 ? 1 : 0;
        results->excess = from[q].excess > results->excess ? from[q].excess : results->excess;
        if (results->rows != NULL) {
            results->rows[q] = from[q].row;
        }
    }
}

/* Part after part in the order of the queries, as the kernel numbers them. */
static void give_parts(const rm_softmax_work *work, const double *parts, rm_softmax_results *results) {
    const rm_partition *axis = &work->grid.rows;
    const int64_t count = rows_of(work), cell_first = rm_partition_cell_of(axis, work->rows.first);
    rm_accumulator *cells = results->cells;
    for (int64_t q = 0; q < count;) {
        const int64_t strip = q / RM_SOFTMAX_STRIP, strip_end = (strip + 1) * RM_SOFTMAX_STRIP;
        const int64_t cell = rm_partition_cell_of(axis, work->rows.first + q);
        const int64_t cell_end = rm_partition_cell(axis, cell).end - work->rows.first;
        const double *part = parts + (strip + cell - cell_first) * work->slots;
        for (int64_t col = 0; cells != NULL && col < cells->cols; col++) {
            const int64_t at = (cell - cells->first_row) * cells->cols + col;
            if (work->pool == ROPEMAP_POOL_MAX) {
                cells->extreme[at] = rm_more_extreme(ROPEMAP_POOL_MAX, cells->extreme[at], (float)part[col]);
            } else {
                cells->sum[at] += part[col];
            }
        }
        for (int64_t bin = 0; results->mass != NULL && bin < work->bins; bin++) {
            results->mass[work->exact + bin] += part[work->slots - work->bins + bin];
        }
        q = cell_end < strip_end ? cell_end : strip_end;
    }
}

ropemap_status rm_cuda_softmax_end(rm_context *context, rm_softmax_results *results, ropemap_error *error) {
    const rm_softmax_work *work = &context->softmax;
    struct taken taken;
    RM_TRY(rm_cuda_begin(context, "softmax", error));
    RM_CUDA(context, error, rm_softmax_end_launch(work, context->compute));
    RM_TRY(rm_pinned_reserve(context, lay_out_taken(work, NULL, &taken), error));
    (void)lay_out_taken(work, context->pinned.memory, &taken);
    RM_TRY(take_back(context, taken.rows, work->results, rows_of(work), sizeof *taken.rows, error));
    RM_TRY(take_back(context, taken.parts, work->parts, parts_of(work) * work->slots, sizeof *taken.parts,
                     error));
    RM_TRY(take_back(context, taken.mass, work->mass, work->exact, sizeof *taken.mass, error));
    RM_TRY(rm_cuda_wait(context, error));
    give_rows(work, taken.rows, results);
    give_parts(work, taken.parts, results);
    for (int64_t i = 0; results->mass != NULL && i < work->exact; i++) {
        results->mass[i] += taken.mass[i];
    }
    return ROPEMAP_OK;
}
