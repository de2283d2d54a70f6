/* bench.h - a benchmark is one struct: what is set up, what is timed, how much work it is, how it is checked
 */
/* SPDX-License-Identifier: MIT */
/*
 * A new benchmark is an entry in one of the arrays below. Its output is checked before it is timed, and again
 * in the timed buffer afterwards. This folder alone, of all tools, sees the library's internals.
 */
#ifndef ROPEMAP_TOOLS_BENCH_BENCH_H
#define ROPEMAP_TOOLS_BENCH_BENCH_H

#include "host/base/status.h"
#include "tools/ropemap/command.h"

typedef enum bench_kind {
    BENCH_ROTATE,
    BENCH_SIMILARITY,
    BENCH_POOL,
    BENCH_DIAGONAL, /* CPU only */
    BENCH_PNG,      /* CPU only */
    BENCH_MAP,
    BENCH_TILE /* GPU only: similarity, then pool */
} bench_kind;

const char *bench_kind_name(bench_kind kind); /* NULL past the last */

/* ---- options */

enum { BENCH_LIST_MAX = 64, BENCH_DTYPES = 4 };

/* Numbers as a list option gives them. */
typedef struct bench_list {
    int64_t values[BENCH_LIST_MAX];
    int32_t count; /* 0: not given */
} bench_list;

/* Heads of queries and of keys at each position; keys = 0: queries alone. */
typedef struct bench_heads {
    int32_t queries, keys;
} bench_heads;

struct bench_row;
struct bench_gpu;

/* The command line. Zeroed but for `seconds`: all benchmarks of the CPU at their own shapes. */
typedef struct bench_options {
    uint32_t which;                    /* of bits 1 << bench_kind; 0: all */
    const char *backend;               /* "cuda": the GPU's benchmarks; NULL, "auto", "cpu": the CPU's */
    int32_t device;                    /* which GPU */
    bench_list positions, head_dims;   /* not given: each benchmark's own */
    bench_list blocks, dtypes;         /* GPU only; dtypes are ropemap_dtype */
    bench_heads heads[BENCH_LIST_MAX]; /* GPU only */
    int32_t head_count;                /* 0: not given */
    ropemap_phase phase;               /* other than exact: CPU, rotate and map only */
    bool has_layout;                   /* else both are timed where it matters */
    ropemap_layout layout;
    cli_size size;   /* cells */
    int32_t threads; /* 0: all CPUs, and one thread as well where that is of interest */
    int32_t samples; /* of each row; 0: as many as take `seconds`, 5 to 1000 */
    double seconds;  /* for each row, setting up and checking excluded; > 0 */
    bool profile;    /* GPU: run each once in a named range (NVTX) and time nothing */

    struct bench_gpu *gpu; /* filled as the GPU is opened and after each row; may be NULL */
    /* Called with each row when it is finished; other than 0 stops. May be NULL. */
    int (*report)(void *user, const struct bench_row *row);
    void *report_user;
    ropemap_progress progress; /* may be NULL */
    void *progress_user;
} bench_options;

/* ---- results */

/* What a row is compared with. */
typedef enum bench_against {
    BENCH_TARGET_NONE,
    BENCH_TARGET_SHARE,   /* share >= target */
    BENCH_TARGET_SECONDS, /* median <= target */
    BENCH_TARGET_ERROR,   /* error <= target */
    BENCH_TARGET_MEMORY   /* device_bytes <= target */
} bench_against;

/*
 * One benchmark at one shape. Bytes and FLOPs are those that `formula` states; the ceiling ran alternately
 * with the samples, in the same process and on as many threads. Stages of the GPU are timed by its own clock:
 * hot, with what the run before left in its second-level cache, and cold, after that was overwritten.
 */
typedef struct bench_row {
    bench_kind kind;
    char name[32];            /* "rotate", "map max" */
    const char *formula;      /* "bytes = 8 n d": static text, as are the next six */
    const char *ceiling;      /* what the ceiling is: "memcpy of the same bytes" */
    const char *variant;      /* the layout where it matters, else "" */
    const char *phase;        /* "exact"; "" where nothing is rotated */
    const char *unit;         /* of rate: "GB/s" or "GFLOP/s" */
    const char *backend;      /* "cpu" or "cuda" */
    const char *dtype;        /* "bf16"; "" where it plays no part */
    int64_t positions;        /* n */
    int32_t head_dim;         /* d; 0 where none is involved, as for the sizes that follow */
    int32_t heads, key_heads; /* of queries and of keys, at each position */
    int64_t block;            /* b, side of a tile */
    int64_t width, height;    /* cells */
    int32_t threads;          /* 0: the GPU does it all */
    int32_t samples;          /* 0: not timed: it failed, the output is wrong, or a profiler looks on */
    double median, p5, p95;   /* seconds of a run, hot */
    double deviation;         /* standard deviation / mean of the samples */
    bool noisy;               /* deviation > 0.005 */
    double bytes, flops;      /* of one run; 0 where it does not count */
    double rate;              /* 1e9 units a second */
    double ceiling_seconds;   /* median, for the same work */
    double share;             /* median over the samples of ceiling's seconds / seconds */
    double cold, cold_share;  /* median seconds and share from a cold cache; 0: not measured */
    int64_t output_bytes;     /* size of the file that was made; 0: none */
    int64_t device_bytes;     /* most GPU memory that a whole map took; 0: not measured */
    double error;             /* largest difference from a double-precision computation */
    double allowed;           /* largest that rounding explains, over the elements that were checked */
    int64_t checked, wrong;   /* elements checked in the timed buffer, and those beyond what is allowed */
    bool throttled;           /* the GPU held its clocks back while this was timed */
    bench_against against;    /* NONE where the shape or the CPU is not the target's */
    double target;
    bool met;
    char failure[200]; /* why it could not be measured; "": it was */
} bench_row;

/* The state of a GPU at one moment. */
typedef struct bench_gpu_state {
    bool known; /* else the driver's management library is missing, and all else is 0 */
    int32_t processor_mhz, memory_mhz;
    int32_t celsius;
    double watts;
    uint64_t reasons; /* for clocks below the highest: bits of NVML's nvmlClocksEventReasons */
} bench_gpu_state;

/* The GPU that rows were measured on. */
typedef struct bench_gpu {
    ropemap_gpu gpu;
    ropemap_plugin plugin;
    int32_t supports;                   /* the CUDA version that the driver supports: 13000 */
    char driver[80];                    /* the driver's own version: "580.65.06"; "" where it is not known */
    bench_gpu_state before, after;      /* the first row, and the last */
    bool throttled;                     /* during any row */
    char reasons[120];                  /* why: "power cap, heat"; "" where it was not */
    double copy_rate;                   /* GB/s, read and written: a large copy within its memory */
    double product_rates[BENCH_DTYPES]; /* GFLOP/s of a large product by ropemap_dtype; 0: not measured */
    int64_t product_side;               /* of its matrices */
} bench_gpu;

/* ---- benchmarks */

struct timed_gpu;

/* What a benchmark runs on. Sizes that it does not use are 0. */
typedef struct bench_shape {
    int64_t positions; /* n */
    int32_t head_dim;  /* d */
    ropemap_layout layout;
    ropemap_phase phase;
    int64_t width, height; /* cells */
    ropemap_pool pool;
    ropemap_method method; /* of a GPU's map */
    int32_t threads;

    struct timed_gpu *gpu; /* NULL: the CPU, which does not use the rest */
    ropemap_dtype dtype;
    bench_heads heads;
    int64_t block; /* b, side of a tile */
} bench_shape;

/* What a check found: a sample of elements compared with a computation of its own in double precision. */
typedef struct check_result {
    int64_t checked, wrong;
    double error, allowed; /* largest of each */
} check_result;

/* Which options change a benchmark. */
enum {
    BENCH_USES_POSITIONS = 1,
    BENCH_USES_HEAD_DIM = 2,
    BENCH_USES_SIZE = 4,
    BENCH_USES_LAYOUT = 8,
    BENCH_USES_BOTH_LAYOUTS = 16, /* both are timed by default */
    BENCH_USES_ONE_THREAD = 32,   /* by default timed on one thread and on all CPUs */
    BENCH_USES_NO_THREADS = 64,   /* the calling thread does it all */
    BENCH_USES_HEAD_DIMS = 128,   /* 64, 128 and 256 by default */
    BENCH_USES_DTYPE = 256,       /* all types by default */
    BENCH_USES_NO_TF32 = 512,     /* but not tf32, which is a way to multiply and not to store */
    BENCH_USES_HEADS = 1024,      /* few heads and many by default */
    BENCH_USES_BLOCK = 2048,      /* the device's own side of a tile by default */
    BENCH_USES_BLOCKS = 4096,     /* half of it and twice of it as well */
    BENCH_USES_PHASE = 8192       /* rows or distances are rotated */
};

typedef struct bench_target {
    bench_against against;
    double value;
    const char *simd; /* the level of the CPU that it is meant for; NULL: any */
    int32_t threads;  /* the number that it is meant for; 0: any */
} bench_target;

/* Something that no run is faster than, and how many of its runs are the work of one run; NULL: 1. */
typedef struct bench_ceiling {
    ropemap_status (*run)(void *state, ropemap_error *error);
    double (*runs)(const bench_shape *shape);
} bench_ceiling;

typedef struct bench_case {
    bench_kind kind;
    const char *name, *formula, *ceiling; /* as in bench_row */
    unsigned pools;                       /* bits 1 << ropemap_pool: a benchmark each, " max" ends its name */
    unsigned uses;
    bench_shape usual; /* sizes only; targets are for this shape */
    bool as_read;  /* rows are rotated as they are read: for every phase but the exact one, and only those */
    bool by_flops; /* the rate is in FLOPs, else in bytes */
    bool by_wall;  /* of a GPU: runs are timed by the host's clock */
    bool makes_file; /* the output is a file, whose size is of interest */
    bench_target targets[2];

    /* Inputs, memory and threads for a shape. Close *state also after a failure. */
    ropemap_status (*open)(const bench_shape *shape, void **state, ropemap_error *error);
    void (*close)(void *state); /* NULL is fine */

    /* Before the runs of a sample, not timed; NULL: nothing. */
    ropemap_status (*prepare)(void *state, ropemap_error *error);
    /* On a GPU runs are queued, and may be queued again before they are done, unless by_wall. */
    ropemap_status (*run)(void *state, ropemap_error *error);
    bench_ceiling ceilings[2]; /* run = NULL: no second one; on a GPU the slower counts */

    double (*bytes)(const bench_shape *shape); /* of one run; NULL: they do not count */
    double (*flops)(const bench_shape *shape);
    double (*room)(const bench_shape *shape);          /* least GPU memory, bytes; NULL: little */
    double (*memory_target)(const bench_shape *shape); /* most GPU memory a run may take; NULL: any */

    /* Where the next run's output will be, or the latest's is; data NULL: none yet. NULL: in GPU memory. */
    ropemap_bytes (*output)(void *state);
    /* Overwrites the output with NaN where it is not in host memory; NULL: it is. */
    ropemap_status (*spoil)(void *state, ropemap_error *error);
    ropemap_status (*check)(void *state, check_result *result, ropemap_error *error);
    int64_t (*device_bytes)(void *state); /* most GPU memory that the first run took; NULL: not measured */
} bench_case;

/* The benchmarks of each file, in order, ended by one without a name. */
extern const bench_case cpu_rotate_benchmarks[], cpu_similarity_benchmarks[], cpu_pool_benchmarks[],
    cpu_diagonal_benchmarks[], cpu_png_benchmarks[], cpu_map_benchmarks[];
extern const bench_case gpu_rotate_benchmarks[], gpu_tile_benchmarks[], gpu_map_benchmarks[];

/* Number `index` of the benchmarks of a backend, "cpu" or "cuda"; NULL past the last. */
const bench_case *benchmark_at(const char *backend, int index);

/* Whether a backend has benchmarks of that kind in that phase. */
bool bench_exists(bench_kind kind, const char *backend, ropemap_phase phase);

/*
 * Times everything the options ask for. A row that fails, for want of memory say, or whose output is wrong is
 * reported as such and the others still run. ROPEMAP_USAGE: options that contradict each other.
 * ROPEMAP_RESOURCES, or another status: the first failure. ROPEMAP_STOPPED: progress or report asked to.
 * ROPEMAP_CHECK: an output was wrong.
 */
ropemap_status bench_run(const bench_options *options, ropemap_error *error);

/* Times one benchmark at one shape into a row. ROPEMAP_OK also where the output is wrong. */
ropemap_status benchmark_measure(const bench_case *benchmark, const bench_shape *shape,
                                 const bench_options *options, bench_row *row, ropemap_error *error);

#endif
