/* bench.h - a benchmark is one struct: what is set up, what is timed, how much work it is, how it is checked
 */
/* SPDX-License-Identifier: MIT */
/*
 * A new benchmark is a file that defines one or more `const rm_benchmark` and a line for each in table.c. The
 * output is checked before it is timed and again, in the timed buffer, afterwards.
 */
#ifndef ROPEMAP_HOST_BENCH_BENCH_H
#define ROPEMAP_HOST_BENCH_BENCH_H

#include "host/base/status.h"

struct rm_gpu;

/* What a benchmark runs on. Sizes that it does not use are 0. */
typedef struct rm_shape {
    int64_t positions; /* n */
    int32_t head_dim;  /* d */
    ropemap_layout layout;
    ropemap_phase phase;
    int64_t width, height; /* cells */
    int32_t threads;

    struct rm_gpu *gpu; /* what is timed; NULL: the CPU, which has no use for the rest */
    ropemap_dtype dtype;
    ropemap_bench_heads heads;
    int64_t block; /* b, side of a tile */
} rm_shape;

/* The output of the latest run; data NULL: none yet. */
typedef struct rm_output {
    void *data;
    size_t size; /* bytes */
} rm_output;

/* What a check found: a sample of elements against a computation of its own in double precision. */
typedef struct rm_verdict {
    int64_t checked, wrong;
    double error, allowed; /* largest of each */
} rm_verdict;

/* Takes one element into a verdict. A NaN on either side is wrong. */
void rm_verdict_take(rm_verdict *verdict, double got, double wanted, double allowed);

/* Which options change a benchmark. */
enum {
    RM_USES_POSITIONS = 1,
    RM_USES_HEAD_DIM = 2,
    RM_USES_SIZE = 4,
    RM_USES_LAYOUT = 8,
    RM_USES_BOTH_LAYOUTS = 16, /* both are timed unless one is asked for */
    RM_USES_ONE_THREAD = 32,   /* timed on one thread besides all of them */
    RM_USES_NO_THREADS = 64,   /* the calling thread does it all */
    RM_USES_HEAD_DIMS = 128,   /* 64, 128 and 256 unless others are asked for */
    RM_USES_DTYPE = 256,       /* all types are timed unless some are asked for */
    RM_USES_NO_TF32 = 512,     /* but for tf32, which is a way to multiply and not to store */
    RM_USES_HEADS = 1024,      /* few heads and many, likewise */
    RM_USES_BLOCK = 2048,      /* the device's own side of a tile, likewise */
    RM_USES_BLOCKS = 4096,     /* half of it and twice of it besides */
    RM_USES_PHASE = 8192       /* rows or distances are turned */
};

typedef struct rm_target {
    ropemap_bench_target against;
    double value;
    const char *simd; /* the level of the processor that it is meant for; NULL: any */
    int32_t threads;  /* likewise; 0: any */
} rm_target;

typedef struct rm_benchmark {
    ropemap_bench bench;
    const char *name, *formula, *ceiling; /* as in ropemap_bench_row */
    unsigned uses;
    rm_shape usual; /* sizes alone; targets are for this shape */
    bool turned; /* rows are turned as they are read: every phase but the exact one, the others do that alone
                  */
    bool by_flops; /* the rate is in FLOPs, else in bytes */
    bool by_wall;  /* of a GPU: runs are timed by the host's clock, as people see them */
    rm_target targets[2];

    /* Inputs, memory and threads for a shape. *state is to be closed also after a failure. */
    ropemap_status (*open)(const rm_shape *shape, void **state, ropemap_error *error);
    void (*close)(void *state); /* NULL is fine */

    /* Before the runs of a sample, not timed; NULL: nothing. */
    ropemap_status (*prepare)(void *state, ropemap_error *error);
    /* On a GPU these are queued, and may be queued again before they are done, unless by_wall. */
    ropemap_status (*run)(void *state, ropemap_error *error);
    ropemap_status (*run_ceiling)(void *state, ropemap_error *error);
    /* Something else that no run can do without: the slower is the ceiling. NULL: nothing. */
    ropemap_status (*run_other_ceiling)(void *state, ropemap_error *error);

    double (*bytes)(const rm_shape *shape); /* of one run; NULL: they do not count */
    double (*flops)(const rm_shape *shape); /* likewise */
    /* Work of a run in runs of the ceilings; NULL: 1. */
    double (*ceiling_runs)(const rm_shape *shape);
    double (*other_ceiling_runs)(const rm_shape *shape);
    /* Bytes of a GPU's memory that a shape takes at least; NULL: little. */
    double (*room)(const rm_shape *shape);
    /* Bytes of it that a run may take; NULL: any number. */
    double (*memory_target)(const rm_shape *shape);

    /* Where the next run's output will be, or the latest's is: spoilt before and checked after. In a GPU's
     * memory `spoil` does that. */
    rm_output (*output)(void *state);
    ropemap_status (*spoil)(void *state, ropemap_error *error);
    ropemap_status (*check)(void *state, rm_verdict *verdict, ropemap_error *error);
    int64_t (*output_bytes)(void *state); /* size of the file that was made; NULL: none */
    int64_t (*device_bytes)(void *state); /* most of the GPU's memory that its first run took; NULL: any */
} rm_benchmark;

/* Every benchmark of the CPU, and every one of a GPU, in order, NULL past the last. */
const rm_benchmark *rm_benchmark_at(int index);
const rm_benchmark *rm_gpu_benchmark_at(int index);

/* Whether a benchmark turns rows in that phase, or is one of those that are timed beside the ones that do. */
bool rm_benchmark_serves(const rm_benchmark *benchmark, ropemap_phase phase);

/* What one run of the table shares. */
typedef struct rm_bench_run {
    const ropemap_bench_options *options;
    int64_t wrong; /* elements, of all rows */
} rm_bench_run;

/* Times one benchmark at one shape, and reports its row. */
ropemap_status rm_bench_shape(rm_bench_run *run, const rm_benchmark *benchmark, const rm_shape *shape,
                              ropemap_error *error);

/* Times every benchmark of a GPU that is asked for. */
ropemap_status rm_bench_gpu(rm_bench_run *run, ropemap_error *error);

/* Times one benchmark at one shape into a row. ROPEMAP_OK also where the output is wrong. */
ropemap_status rm_benchmark_measure(const rm_benchmark *benchmark, const rm_shape *shape,
                                    const ropemap_bench_options *options, ropemap_bench_row *row,
                                    ropemap_error *error);

#endif
