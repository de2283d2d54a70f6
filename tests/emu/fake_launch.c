/* fake_launch.c - launches that wait for their turn in the stand-in for the CUDA run time */
/* SPDX-License-Identifier: MIT */
/*
 * The emulation runs a kernel when it is launched. The linker puts these functions in front of those of
 * cuda/kernels.h (--wrap), so that a launch is a part of its stream's work and can fail as any call can.
 */
#include "cuda/kernels.h"

#include "tests/emu/fake.h"
#include "tests/emu/fake_record.h"

#include <stdatomic.h>

#define GIVE(call, work, arguments, stream, ranges)                                                          \
    give((struct launch){call, work, &(arguments), sizeof(arguments), ranges,                                \
                         sizeof(ranges) / sizeof(ranges)[0]},                                                \
         stream)

/* What a launcher gives: its work, the arguments to copy, and the memory that its kernels touch. */
struct launch {
    const char *call;
    fake_work work;
    const void *arguments;
    size_t bytes;
    const struct fake_range *ranges;
    size_t count;
};

static atomic_bool idle;

void fake_kernels(bool run) {
    atomic_store(&idle, !run);
}

static cudaError_t note(cudaError_t error) {
    if (error == cudaErrorLaunchFailure) {
        fake_note_launch_failure();
    }
    return error;
}

static cudaError_t give(struct launch launch, cudaStream_t stream) {
    const cudaError_t error = fake_error((cudaError_t)fake_enter(launch.call, cudaErrorLaunchFailure));
    if (error != cudaSuccess) {
        return error;
    }
    fake_touch(launch.call, stream, launch.ranges, (int)launch.count);
    return atomic_load(&idle) ? cudaSuccess
                              : fake_submit(launch.call, stream, launch.work, launch.arguments, launch.bytes);
}

/* ---- what is touched ---- */

static size_t bytes_of(int64_t elements, size_t element) {
    return elements > 0 ? (size_t)elements * element : 0;
}

static size_t view_bytes(rm_view view, size_t element) {
    return view.rows > 0 ? bytes_of((view.rows - 1) * view.stride + view.cols, element) : 0;
}

static size_t element_of(ropemap_dtype type) {
    return type == ROPEMAP_DTYPE_BF16 || type == ROPEMAP_DTYPE_FP16 ? 2 : 4;
}

static struct fake_range rows_from(const rm_rotate_work *work, int side) {
    const rm_heads *heads = &work->sides[side];
    const int64_t last = (work->positions.count - 1) * heads->from_position_stride +
                         (heads->heads - 1) * heads->from_head_stride;
    return (struct fake_range){heads->heads > 0 ? heads->from : NULL,
                               bytes_of(last + work->head_dim, element_of(work->from_type)), false};
}

static struct fake_range rows_to(const rm_rotate_work *work, int side) {
    const rm_heads *heads = &work->sides[side];
    const int64_t last =
        (work->positions.count - 1) * heads->to_position_stride + (heads->heads - 1) * heads->to_head_stride;
    return (struct fake_range){heads->heads > 0 ? heads->to : NULL,
                               bytes_of(last + work->head_dim, element_of(work->to_type)), true};
}

/* ---- one launcher each: the real one, its arguments, its turn, its stand-in ---- */

cudaError_t __real_rm_rotate_launch(const rm_rotate_work *work, int32_t processors, cudaStream_t stream);
cudaError_t __wrap_rm_rotate_launch(const rm_rotate_work *work, int32_t processors, cudaStream_t stream);

struct rotate {
    rm_rotate_work work;
    int32_t processors;
    cudaStream_t stream;
};

static cudaError_t run_rotate(const void *arguments) {
    const struct rotate *a = arguments;
    return note(__real_rm_rotate_launch(&a->work, a->processors, a->stream));
}

cudaError_t __wrap_rm_rotate_launch(const rm_rotate_work *work, int32_t processors, cudaStream_t stream) {
    const struct rotate a = {*work, processors, stream};
    const struct fake_range ranges[] = {rows_from(work, 0),
                                        rows_from(work, 1),
                                        rows_to(work, 0),
                                        rows_to(work, 1),
                                        {work->freqs, sizeof *work->freqs, false}};
    return GIVE("rm_rotate_launch", run_rotate, a, stream, ranges);
}

cudaError_t __real_rm_normalise_launch(const rm_normalise_work *work, int32_t processors,
                                       cudaStream_t stream);
cudaError_t __wrap_rm_normalise_launch(const rm_normalise_work *work, int32_t processors,
                                       cudaStream_t stream);

struct normalise {
    rm_normalise_work work;
    int32_t processors;
    cudaStream_t stream;
};

static cudaError_t run_normalise(const void *arguments) {
    const struct normalise *a = arguments;
    return note(__real_rm_normalise_launch(&a->work, a->processors, a->stream));
}

cudaError_t __wrap_rm_normalise_launch(const rm_normalise_work *work, int32_t processors,
                                       cudaStream_t stream) {
    const struct normalise a = {*work, processors, stream};
    const rm_view to = {NULL, work->from.rows, work->from.cols, work->to_stride};
    const struct fake_range ranges[] = {{work->from.data, view_bytes(work->from, sizeof(float)), false},
                                        {work->to, view_bytes(to, element_of(work->to_type)), true}};
    return GIVE("rm_normalise_launch", run_normalise, a, stream, ranges);
}

cudaError_t __real_rm_split_launch(const rm_split_work *work, int32_t processors, cudaStream_t stream);
cudaError_t __wrap_rm_split_launch(const rm_split_work *work, int32_t processors, cudaStream_t stream);

struct split {
    rm_split_work work;
    int32_t processors;
    cudaStream_t stream;
};

static cudaError_t run_split(const void *arguments) {
    const struct split *a = arguments;
    return note(__real_rm_split_launch(&a->work, a->processors, a->stream));
}

cudaError_t __wrap_rm_split_launch(const rm_split_work *work, int32_t processors, cudaStream_t stream) {
    const struct split a = {*work, processors, stream};
    const int64_t groups = (work->from.rows + RM_SWIZZLE_ROWS - 1) / RM_SWIZZLE_ROWS;
    const int64_t row = rm_fused_row(ROPEMAP_DTYPE_FP32, (int32_t)work->from.cols);
    const struct fake_range ranges[] = {
        {work->from.data, view_bytes(work->from, sizeof(float)), false},
        {work->to, bytes_of(groups * RM_SWIZZLE_ROWS * row, sizeof(float)), true}};
    return GIVE("rm_split_launch", run_split, a, stream, ranges);
}

cudaError_t __real_rm_rotate_sum_launch(const rm_rotate_sum_work *work, int32_t processors,
                                        cudaStream_t stream);
cudaError_t __wrap_rm_rotate_sum_launch(const rm_rotate_sum_work *work, int32_t processors,
                                        cudaStream_t stream);

struct rotate_sum {
    rm_rotate_sum_work work;
    int32_t processors;
    cudaStream_t stream;
};

static cudaError_t run_rotate_sum(const void *arguments) {
    const struct rotate_sum *a = arguments;
    return note(__real_rm_rotate_sum_launch(&a->work, a->processors, a->stream));
}

cudaError_t __wrap_rm_rotate_sum_launch(const rm_rotate_sum_work *work, int32_t processors,
                                        cudaStream_t stream) {
    const struct rotate_sum a = {*work, processors, stream};
    const int64_t dim = work->from.cols;
    const int64_t pieces = rm_pieces_count(&work->axis, work->first, work->from.rows, RM_SUM_STRIP) * dim;
    const int64_t sums = rm_partition_touched(&work->axis, work->first, work->from.rows) * dim;
    const struct fake_range ranges[] = {{work->from.data, view_bytes(work->from, sizeof(float)), false},
                                        {work->freqs, sizeof *work->freqs, false},
                                        {work->parts, bytes_of(pieces, sizeof *work->parts), true},
                                        {work->sums, bytes_of(sums, sizeof *work->sums), true}};
    return GIVE("rm_rotate_sum_launch", run_rotate_sum, a, stream, ranges);
}

cudaError_t __real_rm_pool_launch(const rm_pool_work *work, cudaStream_t stream);
cudaError_t __wrap_rm_pool_launch(const rm_pool_work *work, cudaStream_t stream);

struct pool {
    rm_pool_work work;
    cudaStream_t stream;
};

static cudaError_t run_pool(const void *arguments) {
    const struct pool *a = arguments;
    return note(__real_rm_pool_launch(&a->work, a->stream));
}

cudaError_t __wrap_rm_pool_launch(const rm_pool_work *work, cudaStream_t stream) {
    const struct pool a = {*work, stream};
    const rm_accumulator *cells = &work->cells;
    const int64_t count = cells->rows * cells->cols;
    const int64_t parts = rm_pool_parts_bytes(&work->grid, cells->pool, work->row_first, work->tile.rows,
                                              work->col_first, work->tile.cols);
    const struct fake_range ranges[] = {{work->tile.data, view_bytes(work->tile, sizeof(float)), false},
                                        {work->parts, (size_t)parts, true},
                                        {cells->extreme, bytes_of(count, sizeof *cells->extreme), true},
                                        {cells->sum, bytes_of(count, sizeof *cells->sum), true},
                                        {cells->square, bytes_of(count, sizeof *cells->square), true},
                                        {cells->pairs, bytes_of(count, sizeof *cells->pairs), true}};
    return GIVE("rm_pool_launch", run_pool, a, stream, ranges);
}

cudaError_t __real_rm_distances_launch(const ropemap_freqs *freqs, double weight, ropemap_range distances,
                                       double *values, int32_t processors, cudaStream_t stream);
cudaError_t __wrap_rm_distances_launch(const ropemap_freqs *freqs, double weight, ropemap_range distances,
                                       double *values, int32_t processors, cudaStream_t stream);

struct distances {
    const ropemap_freqs *freqs;
    double weight;
    ropemap_range distances;
    double *values;
    int32_t processors;
    cudaStream_t stream;
};

static cudaError_t run_distances(const void *arguments) {
    const struct distances *a = arguments;
    return note(
        __real_rm_distances_launch(a->freqs, a->weight, a->distances, a->values, a->processors, a->stream));
}

cudaError_t __wrap_rm_distances_launch(const ropemap_freqs *freqs, double weight, ropemap_range distances,
                                       double *values, int32_t processors, cudaStream_t stream) {
    const struct distances a = {freqs, weight, distances, values, processors, stream};
    const struct fake_range ranges[] = {{freqs, sizeof *freqs, false},
                                        {values, bytes_of(distances.count, sizeof *values), true}};
    return GIVE("rm_distances_launch", run_distances, a, stream, ranges);
}

cudaError_t __real_rm_subtract_mean_launch(rm_view rows, const double *mean, double *wide, int32_t processors,
                                           cudaStream_t stream);
cudaError_t __wrap_rm_subtract_mean_launch(rm_view rows, const double *mean, double *wide, int32_t processors,
                                           cudaStream_t stream);

struct subtract_mean {
    rm_view rows;
    const double *mean;
    double *wide;
    int32_t processors;
    cudaStream_t stream;
};

static cudaError_t run_subtract_mean(const void *arguments) {
    const struct subtract_mean *a = arguments;
    return note(__real_rm_subtract_mean_launch(a->rows, a->mean, a->wide, a->processors, a->stream));
}

cudaError_t __wrap_rm_subtract_mean_launch(rm_view rows, const double *mean, double *wide, int32_t processors,
                                           cudaStream_t stream) {
    const struct subtract_mean a = {rows, mean, wide, processors, stream};
    const struct fake_range ranges[] = {{rows.data, view_bytes(rows, sizeof(float)), false},
                                        {mean, bytes_of(rows.cols, sizeof *mean), false},
                                        {wide, bytes_of(rows.rows * rows.cols, sizeof *wide), true}};
    return GIVE("rm_subtract_mean_launch", run_subtract_mean, a, stream, ranges);
}

cudaError_t __real_rm_accumulate_launch(rm_view tiles, int64_t count, double *total, int32_t processors,
                                        cudaStream_t stream);
cudaError_t __wrap_rm_accumulate_launch(rm_view tiles, int64_t count, double *total, int32_t processors,
                                        cudaStream_t stream);

struct accumulate {
    rm_view tiles;
    int64_t count;
    double *total;
    int32_t processors;
    cudaStream_t stream;
};

static cudaError_t run_accumulate(const void *arguments) {
    const struct accumulate *a = arguments;
    return note(__real_rm_accumulate_launch(a->tiles, a->count, a->total, a->processors, a->stream));
}

cudaError_t __wrap_rm_accumulate_launch(rm_view tiles, int64_t count, double *total, int32_t processors,
                                        cudaStream_t stream) {
    const struct accumulate a = {tiles, count, total, processors, stream};
    const struct fake_range ranges[] = {
        {tiles.data, view_bytes(tiles, sizeof(float)), false},
        {total, bytes_of(tiles.rows / count * tiles.cols, sizeof *total), true}};
    return GIVE("rm_accumulate_launch", run_accumulate, a, stream, ranges);
}

cudaError_t __real_rm_fill_launch(float *memory, float value, int64_t count, int32_t processors,
                                  cudaStream_t stream);
cudaError_t __wrap_rm_fill_launch(float *memory, float value, int64_t count, int32_t processors,
                                  cudaStream_t stream);

struct fill {
    float *memory;
    float value;
    int64_t count;
    int32_t processors;
    cudaStream_t stream;
};

static cudaError_t run_fill(const void *arguments) {
    const struct fill *a = arguments;
    return note(__real_rm_fill_launch(a->memory, a->value, a->count, a->processors, a->stream));
}

cudaError_t __wrap_rm_fill_launch(float *memory, float value, int64_t count, int32_t processors,
                                  cudaStream_t stream) {
    const struct fill a = {memory, value, count, processors, stream};
    const struct fake_range ranges[] = {{memory, bytes_of(count, sizeof *memory), true}};
    return GIVE("rm_fill_launch", run_fill, a, stream, ranges);
}

cudaError_t __wrap_rm_read_launch(float *memory, int64_t count, int32_t processors, cudaStream_t stream);

/* Reading leaves nothing behind: it is not done, as it would take a test most of its time. */
static cudaError_t run_nothing(const void *arguments) {
    (void)arguments;
    return cudaSuccess;
}

cudaError_t __wrap_rm_read_launch(float *memory, int64_t count, int32_t processors, cudaStream_t stream) {
    const struct fake_range ranges[] = {{memory, bytes_of(count, sizeof *memory), false}};
    (void)processors;
    return GIVE("rm_read_launch", run_nothing, ranges, stream, ranges);
}

cudaError_t __real_rm_fused_launch(const rm_fused_work *work, int32_t shared_most, cudaStream_t stream);
cudaError_t __wrap_rm_fused_launch(const rm_fused_work *work, int32_t shared_most, cudaStream_t stream);

struct fused {
    rm_fused_work work;
    int32_t shared_most;
    cudaStream_t stream;
};

static cudaError_t run_fused(const void *arguments) {
    const struct fused *a = arguments;
    return note(__real_rm_fused_launch(&a->work, a->shared_most, a->stream));
}

/* Rows to the end of their last tile. */
static size_t swizzled_bytes(int64_t rows, const rm_fused_work *work) {
    return bytes_of((rows + 127) / 128 * 128 * rm_fused_row(work->dtype, work->head_dim), sizeof(float));
}

cudaError_t __wrap_rm_fused_launch(const rm_fused_work *work, int32_t shared_most, cudaStream_t stream) {
    const struct fused a = {*work, shared_most, stream};
    const rm_accumulator *cells = &work->cells;
    const int64_t count = cells->rows * cells->cols;
    const int64_t parts = rm_fused_parts_bytes(&work->grid, cells->pool, work->row_first, work->query_rows,
                                               work->col_first, work->key_rows, work->piece);
    const struct fake_range ranges[] = {{work->queries, swizzled_bytes(work->query_rows, work), false},
                                        {work->keys, swizzled_bytes(work->key_rows, work), false},
                                        {work->parts, (size_t)parts, true},
                                        {cells->extreme, bytes_of(count, sizeof *cells->extreme), true},
                                        {cells->sum, bytes_of(count, sizeof *cells->sum), true},
                                        {cells->square, bytes_of(count, sizeof *cells->square), true},
                                        {cells->pairs, bytes_of(count, sizeof *cells->pairs), true}};
    return GIVE("rm_fused_launch", run_fused, a, stream, ranges);
}

/* ---- softmax: three launches of one work */

typedef cudaError_t softmax_launch(const rm_softmax_work *work, cudaStream_t stream);
softmax_launch __real_rm_softmax_begin_launch, __wrap_rm_softmax_begin_launch;
softmax_launch __real_rm_softmax_tile_launch, __wrap_rm_softmax_tile_launch;
softmax_launch __real_rm_softmax_end_launch, __wrap_rm_softmax_end_launch;

struct softmax {
    rm_softmax_work work;
    cudaStream_t stream;
    softmax_launch *real;
};

static cudaError_t run_softmax(const void *arguments) {
    const struct softmax *a = arguments;
    return note(a->real(&a->work, a->stream));
}

static cudaError_t give_softmax(const char *call, softmax_launch *real, const rm_softmax_work *work,
                                cudaStream_t stream) {
    const struct softmax a = {*work, stream, real};
    const int64_t rows = work->rows.end - work->rows.first;
    const struct fake_range ranges[] = {
        {work->tile.data, view_bytes(work->tile, sizeof(float)), false},
        {work->edges, bytes_of(work->bins + 1, sizeof *work->edges), false},
        {work->queries, bytes_of(rows, sizeof *work->queries), true},
        {work->results, bytes_of(rows, sizeof *work->results), true},
        {work->value, bytes_of(rows * work->slots, sizeof *work->value), true},
        {work->held, bytes_of(rows * work->slots, sizeof *work->held), true},
        {work->mass, bytes_of(work->exact, sizeof *work->mass), true}};
    return GIVE(call, run_softmax, a, stream, ranges);
}

cudaError_t __wrap_rm_softmax_begin_launch(const rm_softmax_work *work, cudaStream_t stream) {
    return give_softmax("rm_softmax_begin_launch", __real_rm_softmax_begin_launch, work, stream);
}

cudaError_t __wrap_rm_softmax_tile_launch(const rm_softmax_work *work, cudaStream_t stream) {
    return give_softmax("rm_softmax_tile_launch", __real_rm_softmax_tile_launch, work, stream);
}

cudaError_t __wrap_rm_softmax_end_launch(const rm_softmax_work *work, cudaStream_t stream) {
    return give_softmax("rm_softmax_end_launch", __real_rm_softmax_end_launch, work, stream);
}
