/* backend.c - the table of the CPU backend, its contexts, its loops for each level of x86-64, and its name */
/* SPDX-License-Identifier: MIT */
#include "host/device/backend.h"
#include "host/base/alloc.h"
#include "host/base/processor.h"
#include "host/cpu/cpu.h"
#include "host/cpu/kernels.h"
#include "host/ropemap_machine.h"

#include <stdio.h>
#include <string.h>

/* A group of rows, a table of small turns, the frequencies it is for, packed keys and the context itself. */
enum {
    PACKED_FLOATS = RM_PACKED_KEYS * RM_PACKED_DEPTH,
    TAIL_FLOATS = RM_PACKED_TAIL * RM_PACKED_DEPTH,
    CONTEXT_BYTES = (2 * RM_GROUP * ROPEMAP_MAX_HEAD_DIM + PACKED_FLOATS + TAIL_FLOATS) * (int)sizeof(float) +
                    ROPEMAP_MAX_PAIRS * (int)sizeof(uint64_t) + 2 * (int)sizeof(rm_context)
};

static void cpu_close(rm_context *context) {
    if (context != NULL) {
        rm_free(context->group);
        rm_free(context->turns.freq);
        rm_free(context->turns.c);
        rm_free(context->turns.s);
        rm_free(context->packed.panels);
        rm_free(context->packed.tail);
        rm_free(context->moment_rows);
        rm_free(context->moment_columns);
        rm_free(context->gram);
        if (context->softmax != NULL) {
            rm_cpu_softmax_free(context->softmax);
        }
        rm_free(context);
    }
}

static ropemap_status cpu_open(rm_context **context, const rm_device *device, ropemap_error *error) {
    (void)device;
    *context = NULL;
    const rm_kernels *kernels = NULL;
    RM_TRY(rm_kernels_pick(&kernels, error));
    rm_context *made = rm_alloc(1, sizeof *made);
    if (made == NULL) {
        return rm_fail_memory(error, "worker", CONTEXT_BYTES);
    }
    made->kernels = kernels;
    made->group = rm_alloc_raw((uint64_t)RM_GROUP * ROPEMAP_MAX_HEAD_DIM, sizeof *made->group);
    made->turns.freq = rm_alloc_raw(ROPEMAP_MAX_PAIRS, sizeof *made->turns.freq);
    made->turns.c = rm_alloc_raw((uint64_t)RM_GROUP * ROPEMAP_MAX_PAIRS, sizeof *made->turns.c);
    made->turns.s = rm_alloc_raw((uint64_t)RM_GROUP * ROPEMAP_MAX_PAIRS, sizeof *made->turns.s);
    made->packed.panels = rm_alloc_raw(PACKED_FLOATS, sizeof *made->packed.panels);
    made->packed.tail = rm_alloc_raw(TAIL_FLOATS, sizeof *made->packed.tail);
    if (made->group == NULL || made->turns.freq == NULL || made->turns.c == NULL || made->turns.s == NULL ||
        made->packed.panels == NULL || made->packed.tail == NULL) {
        cpu_close(made);
        return rm_fail_memory(error, "worker", CONTEXT_BYTES);
    }
    *context = made;
    return ROPEMAP_OK;
}

static const char *cpu_variant(const rm_context *context) {
    return context->kernels->name;
}

/* Every call has taken effect when it returns. */
static ropemap_status cpu_finish(rm_context *context, ropemap_error *error) {
    (void)context;
    (void)error;
    return ROPEMAP_OK;
}

static ropemap_status cpu_reserve(rm_context *context, int64_t floats, const char *what, float **memory,
                                  ropemap_error *error) {
    (void)context;
    *memory = rm_alloc_raw((uint64_t)floats, sizeof(float));
    return *memory != NULL ? ROPEMAP_OK : rm_fail_memory(error, what, (uint64_t)floats * sizeof(float));
}

static void cpu_release(rm_context *context, float *memory) {
    (void)context;
    rm_free(memory);
}

static float *cpu_stage(rm_context *context, int64_t floats) {
    (void)context;
    return rm_alloc_raw((uint64_t)floats, sizeof(float));
}

static ropemap_status cpu_copy(rm_context *context, rm_view from, rm_view to, ropemap_error *error) {
    (void)context;
    (void)error;
    for (int64_t i = 0; i < from.rows; i++) {
        memcpy(to.data + i * to.stride, from.data + i * from.stride, (size_t)from.cols * sizeof *to.data);
    }
    return ROPEMAP_OK;
}

static ropemap_status cpu_cells_begin(rm_context *context, rm_accumulator *cells, ropemap_error *error) {
    (void)context;
    (void)error;
    for (int64_t row = 0; row < cells->rows; row++) {
        rm_accumulator_clear_row(cells, row);
    }
    return ROPEMAP_OK;
}

/* Tiles went into the host's arrays at once. */
static ropemap_status cpu_cells_end(rm_context *context, rm_accumulator *cells, ropemap_error *error) {
    (void)context;
    (void)cells;
    (void)error;
    return ROPEMAP_OK;
}

static ropemap_status cpu_distances(rm_context *context, const ropemap_freqs *freqs, double weight,
                                    ropemap_range distances, double *values, ropemap_error *error) {
    (void)error;
    context->kernels->distances(freqs, distances, values);
    for (int64_t t = 0; t < distances.count; t++) {
        values[t] *= weight;
    }
    return ROPEMAP_OK;
}

static const rm_backend cpu = {
    .name = "cpu",
    .open = cpu_open,
    .close = cpu_close,
    .variant = cpu_variant,
    .finish = cpu_finish,
    .reserve = cpu_reserve,
    .release = cpu_release,
    .stage = cpu_stage,
    .unstage = cpu_release,
    .write = cpu_copy,
    .read = cpu_copy,
    .rotate = rm_cpu_rotate,
    .rotate_sum = rm_cpu_rotate_sum,
    .similarity = rm_cpu_similarity,
    .moment = rm_cpu_moment,
    .products = rm_cpu_products,
    .cells_begin = cpu_cells_begin,
    .pool = rm_cpu_pool,
    .cells_end = cpu_cells_end,
    .similarity_pool = rm_cpu_similarity_pool,
    .distances = cpu_distances,
    .softmax_begin = rm_cpu_softmax_begin,
    .softmax_take = rm_cpu_softmax_take,
    .softmax_end = rm_cpu_softmax_end,
};

const rm_backend *rm_cpu_backend(void) {
    return &cpu;
}

static int64_t no_rows(int64_t rows, int64_t head_dim) {
    (void)rows;
    (void)head_dim;
    return 0;
}

/* Rows of a group, rotated, the same as columns, and their products. */
static int64_t moment_bytes(int64_t rows, int64_t head_dim) {
    return (2 * rows + head_dim) * head_dim * (int64_t)sizeof(float);
}

static int64_t no_tile(const rm_grid *grid, ropemap_pool pool, int64_t block) {
    (void)grid;
    (void)pool;
    (void)block;
    return 0;
}

static int64_t no_parts(const rm_grid *grid, ropemap_pool pool, int64_t band, int64_t block) {
    (void)band;
    return no_tile(grid, pool, block);
}

static int64_t none(int64_t count) {
    (void)count;
    return 0;
}

static const rm_scratch scratch = {.rows_scratch_bytes = no_rows,
                                   .moment_scratch_bytes = moment_bytes,
                                   .product_scratch_bytes = none,
                                   .tile_scratch_bytes = no_tile,
                                   .fused_scratch_bytes = no_parts,
                                   .cells_scratch_bytes = none,
                                   .distance_scratch_bytes = none,
                                   .softmax_scratch_bytes = rm_cpu_softmax_bytes};

/* All products, of rows as they are. */
static int64_t fused_row(ropemap_dtype dtype, int64_t head_dim, ropemap_pool pool) {
    (void)dtype;
    (void)pool;
    return head_dim;
}

rm_device rm_cpu_device(void) {
    return (rm_device){
        .backend = "cpu",
        .block = 256, /* a tile of 256 KiB and its rows stay in a second-level cache */
        .rows_at_once = RM_MOMENT_ROWS,
        .feature_bytes = 192 * 1048576,
        .feature_block = 512, /* no limit */
        .product_parts = 1,
        .softmax_rows = RM_SOFTMAX_QUERIES,
        .softmax_splits = true,
        .softmax_keys = 8 * RM_SOFTMAX_KEYS, /* 384 KiB at 128 elements: they stay in a second-level cache */
        .fused_row = fused_row,
        .scratch = &scratch,
        .context_host = CONTEXT_BYTES,
    };
}

static const rm_kernels table[] = {
    [RM_BASELINE] = {.name = "baseline",
                     .rotate = rm_rotate_baseline,
                     .turns_fill = rm_turns_fill_baseline,
                     .rotate_sum = rm_rotate_sum_baseline,
                     .pack_keys = rm_pack_keys_baseline,
                     .multiply_packed = rm_multiply_packed_baseline,
                     .multiply_adds = rm_multiply_adds_baseline,
                     .column_extremes = rm_column_extremes_baseline,
                     .column_sums = rm_column_sums_baseline,
                     .column_deviations = rm_column_deviations_baseline,
                     .distances = rm_distances_baseline,
                     .softmax = &rm_softmax_kernels_baseline},
#if defined(RM_HAS_VARIANT_v4)
    [RM_V3] = {.name = "v3",
               .rotate = rm_rotate_v3,
               .turns_fill = rm_turns_fill_v3,
               .rotate_sum = rm_rotate_sum_v3,
               .pack_keys = rm_pack_keys_v3,
               .multiply_packed = rm_multiply_packed_v3,
               .multiply_adds = rm_multiply_adds_v3,
               .column_extremes = rm_column_extremes_v3,
               .column_sums = rm_column_sums_v3,
               .column_deviations = rm_column_deviations_v3,
               .distances = rm_distances_v3,
               .softmax = &rm_softmax_kernels_v3},
    [RM_V4] = {.name = "v4",
               .rotate = rm_rotate_v4,
               .turns_fill = rm_turns_fill_v4,
               .rotate_sum = rm_rotate_sum_v4,
               .pack_keys = rm_pack_keys_v4,
               .multiply_packed = rm_multiply_packed_v4,
               .multiply_adds = rm_multiply_adds_v4,
               .column_extremes = rm_column_extremes_v4,
               .column_sums = rm_column_sums_v4,
               .column_deviations = rm_column_deviations_v4,
               .distances = rm_distances_v4,
               .softmax = &rm_softmax_kernels_v4},
#endif
};

ropemap_status rm_kernels_pick(const rm_kernels **kernels, ropemap_error *error) {
    rm_variant variant = RM_BASELINE;
    RM_TRY(rm_variant_pick(&variant, error));
    *kernels = &table[variant];
    return ROPEMAP_OK;
}

/* The value of the first line of /proc/cpuinfo that begins with "model name". */
static bool read_model(char *model, size_t size) {
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[256];
    bool found = false;
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        found = strncmp(line, "model name", 10) == 0 && colon != NULL;
        if (found) {
            colon += strspn(colon, ": \t");
            (void)snprintf(model, size, "%.*s", (int)strcspn(colon, "\n"), colon);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return found;
}

ropemap_status ropemap_machine_describe(ropemap_machine *machine, ropemap_error *error) {
    *machine = (ropemap_machine){.processors = rm_usable_cpus()};
    const rm_backend *backend = rm_cpu_backend();
    const rm_device device = rm_cpu_device();
    rm_context *context = NULL;
    RM_TRY(backend->open(&context, &device, error));
    (void)snprintf(machine->simd, sizeof machine->simd, "%s", backend->variant(context));
    backend->close(context);
    if (!read_model(machine->processor, sizeof machine->processor)) {
        (void)snprintf(machine->processor, sizeof machine->processor, "unknown");
    }
    return ROPEMAP_OK;
}
