/* bench.h - a benchmark is one struct: what is set up, what is timed, how much work it is, how it is checked
 */
/* SPDX-License-Identifier: MIT */
/*
 * A new benchmark is a row in one of the arrays below. Its output is checked before it is timed, and again in
 * the timed buffer afterwards. This folder alone, of all tools, sees the library's internals.
 */
#ifndef ROPEMAP_TOOLS_BENCH_BENCH_H
#define ROPEMAP_TOOLS_BENCH_BENCH_H

#include "host/base/team.h"
#include "host/device/backend.h"
#include "host/ropemap_machine.h"
#include "tools/ropemap/command.h"

typedef enum bench_kind {
    BENCH_ROTATE,
    BENCH_SIMILARITY,
    BENCH_POOL,
    BENCH_DIAGONAL, /* CPU only */
    BENCH_PNG,      /* CPU only */
    BENCH_MAP,
    BENCH_TILE, /* GPU only: similarity, then pool */
    BENCH_SOFTMAX,
    BENCH_KINDS
} bench_kind;

const char *bench_kind_name(bench_kind kind); /* NULL past the last */

/* ---- options */

enum { BENCH_LIST_MAX = 64, BENCH_DTYPES = 4 };

/* Numbers as a list option gives them. */
typedef struct bench_list {
    int64_t values[BENCH_LIST_MAX];
    int32_t count; /* 0: not given */
} bench_list;

/* Heads of queries and of keys at each position; keys = 0: queries alone. In a list: BENCH_HEADS(Q, K). */
typedef struct bench_heads {
    int32_t queries, keys;
} bench_heads;

#define BENCH_HEADS(queries, keys) ((queries)*65536 + (keys))

/* Which layouts are timed. */
typedef enum bench_layout { BENCH_BOTH_WHERE_IT_MATTERS, BENCH_HALF, BENCH_INTERLEAVED } bench_layout;

/* What the CPU's runs are timed by: the time on the wall, or the CPU time of all threads, shared out evenly.
 */
typedef enum bench_clock { BENCH_WALL, BENCH_CPU_TIME } bench_clock;

struct bench_row;
struct bench_gpu;

/* The command line. Zeroed but for `seconds`: all benchmarks of the CPU at their own shapes. */
typedef struct bench_options {
    uint32_t which;                   /* of bits 1 << bench_kind; 0: all */
    const char *backend;              /* "cuda": the GPU's benchmarks; NULL, "auto", "cpu": the CPU's */
    int32_t device;                   /* which GPU */
    bench_list positions, head_dims;  /* not given: each benchmark's own */
    bench_list blocks, dtypes, heads; /* GPU only; dtypes are ropemap_dtype */
    ropemap_phase phase;              /* other than exact: CPU, rotate and map only */
    bench_layout layout;
    cli_size size;     /* cells */
    int32_t threads;   /* 0: all CPUs, and one thread as well where that is of interest */
    int32_t samples;   /* of each row; 0: as many as take `seconds`, 5 to 1000 */
    double seconds;    /* for each row, setting up and checking excluded; > 0 */
    bench_clock clock; /* CPU */
    bool profile;      /* GPU: run each once in a named range (NVTX) and time nothing */

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
 * hot, with what the run before left in its second-level cache, and cold, after that was overwritten. In a
 * graph the host launches runs all at once: what a run takes less there was its launch.
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
    const char *clock;        /* "wall", "cpu" or "gpu" */
    int64_t positions;        /* n */
    int32_t head_dim;         /* d; 0 where none is involved, as for the sizes that follow */
    int32_t heads, key_heads; /* of queries and of keys, at each position */
    int64_t block;            /* b, side of a tile */
    int64_t width, height;    /* cells */
    int32_t threads;          /* 0: the GPU does it all */
    int32_t samples;          /* 0: not timed: it failed, the output is wrong, or a profiler looks on */
    double median, p5, p95;   /* seconds of a run, hot */
    double predicted;         /* for an H200, by a model and not measured; 0: none */
    double deviation;         /* standard deviation / mean of the samples */
    bool noisy;               /* deviation > 0.005 */
    double bytes, flops;      /* of one run; 0 where it does not count */
    double rate;              /* 1e9 units a second */
    double ceiling_seconds;   /* median, for the same work */
    double share;             /* median over the samples of ceiling's seconds / seconds */
    double cold, cold_share;  /* median seconds and share from a cold cache; 0: not measured */
    double graph;             /* median seconds of a run in a CUDA graph of a sample's runs; 0: in none */
    char no_graph[200];       /* why a GPU's row is in none; "": it is */
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
struct check_reference;
typedef struct bench_case bench_case;

/* What a benchmark runs on. Sizes that it does not use are 0. */
typedef struct bench_shape {
    int64_t positions; /* n */
    int32_t head_dim;  /* d */
    ropemap_layout layout;
    ropemap_phase phase;
    int64_t width, height; /* cells */
    ropemap_pool pool;
    ropemap_method method; /* of a map */
    int32_t threads;
    bench_clock clock;

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

/* The backend that is timed: a context for each CPU thread, or the GPU's one. */
typedef struct bench_workers {
    const rm_backend *backend;
    rm_device device;
    int32_t threads;
    rm_context **contexts; /* [threads] */
} bench_workers;

enum { BENCH_MEMORIES = 12 };

/* A benchmark that is open. A stage's own state begins with this, and comes zeroed. */
typedef struct bench_state {
    const bench_case *benchmark;
    bench_shape shape; /* never more cells than positions */
    bench_workers workers;
    ropemap_freqs freqs;               /* of the default rule, as the next */
    struct check_reference *reference; /* both for shapes with a head_dim */
    int64_t device_bytes;              /* most GPU memory that the first run took; 0: not measured */

    /* What the ceilings do. */
    struct {
        const float *from;
        float *to;
        int64_t bytes;
    } copied;
    double flops; /* of multiply-adds */

    /* What is freed when it is closed. */
    float *reserved[BENCH_MEMORIES]; /* the backend's */
    void *rooms[BENCH_MEMORIES];     /* the host's */
    int reserved_count, room_count;
    uint64_t missing; /* bytes of the host's that there were not; 0: all is there */
} bench_state;

typedef ropemap_status (*bench_work)(void *state, ropemap_error *error);

/* Memory that a run fills. */
typedef struct bench_output {
    void *data; /* NULL: none that could be overwritten */
    int64_t bytes;
    bool on_gpu;
} bench_output;

/* How benchmarks are run and checked. */
typedef struct bench_stage {
    size_t size;      /* of the state */
    bench_work setup; /* inputs and memory */
    void (*teardown)(
        void *state);   /* what was neither reserved nor a room; also after a failure; may be NULL */
    bench_work prepare; /* before the runs of a sample, not timed; NULL: nothing */
    /* On a GPU runs are queued, and may be queued again before they are done, unless by_wall. */
    bench_work run;
    bench_output (*output)(void *state); /* of the next run, or of the latest */
    ropemap_status (*check)(void *state, check_result *result, ropemap_error *error);
} bench_stage;

/* Which options change a benchmark, besides its usual sizes that are not 0. */
enum {
    BENCH_USES_LAYOUT = 1,
    BENCH_USES_BOTH_LAYOUTS = 2, /* both are timed by default */
    BENCH_USES_ONE_THREAD = 4,   /* by default timed on one thread and on all CPUs */
    BENCH_USES_HEAD_DIMS = 8,    /* 64, 128 and 256 by default */
    BENCH_USES_DTYPE = 16,       /* all types by default */
    BENCH_USES_HEADS = 32,       /* few heads and many by default */
    BENCH_USES_BLOCK = 64,       /* the device's own side of a tile by default */
    BENCH_USES_BLOCKS = 128,     /* half of it and twice of it as well */
    BENCH_USES_PHASE = 256,      /* rows or distances are rotated */
    BENCH_USES_LENGTHS = 512     /* of 16,384 to 131,072 positions by default, where it is named */
};

typedef struct bench_target {
    bench_against against;
    double value;
    const char *simd; /* the level of the CPU that it is meant for; NULL: any */
    int32_t threads;  /* the number that it is meant for; 0: any */
} bench_target;

/* Something that no run is faster than, and how many of its runs are the work of one run; NULL: 1. */
typedef struct bench_ceiling {
    bench_work run;
    double (*runs)(const bench_case *benchmark, const bench_shape *shape);
} bench_ceiling;

struct bench_case {
    bench_kind kind;
    const char *name, *formula, *ceiling; /* as in bench_row */
    unsigned pools;                       /* bits 1 << ropemap_pool: a benchmark each, " max" ends its name */
    unsigned uses;
    bench_shape usual; /* sizes that it has; targets are for this shape; threads 0: as the options say */
    const char *formula_as_read; /* in phases other than the exact one, where rows are rotated as they are
                                    read and the cost of a cosine is libm's; NULL: it has none */
    bool by_flops;               /* the rate is in FLOPs, else in bytes */
    bool by_wall;                /* of a GPU: runs are timed by the host's clock */
    bool one_stream; /* of a GPU: a run is work of its first stream alone, and a graph can hold it */
    bool makes_file; /* the output is a file, whose size is of interest */
    bench_target targets[2];
    double
        predicted; /* as in bench_row, for rows of 16 bits of the usual shape; of split floats 3 times that */
    const bench_stage *stage;
    bool (*serves)(const bench_shape *shape);  /* a shape that it does not serve is no row; NULL: all */
    bench_ceiling ceilings[2];                 /* run = NULL: no second one; the slower counts */
    double (*bytes)(const bench_shape *shape); /* of one run; NULL: they do not count */
    double (*flops)(const bench_shape *shape);
    double (*room)(const bench_shape *shape);          /* least GPU memory, bytes; NULL: little */
    double (*memory_target)(const bench_shape *shape); /* most GPU memory a run may take; NULL: any */
};

/* The benchmarks of each file, in order, ended by one without a name. */
extern const bench_case cpu_rotate_benchmarks[], cpu_tile_benchmarks[], cpu_diagonal_benchmarks[],
    cpu_png_benchmarks[], cpu_map_benchmarks[], cpu_softmax_benchmarks[];
extern const bench_case gpu_rotate_benchmarks[], gpu_tile_benchmarks[], gpu_map_benchmarks[],
    gpu_softmax_benchmarks[];

/* Number `index` of the benchmarks of a backend, "cpu" or "cuda"; NULL past the last. */
const bench_case *benchmark_at(const char *backend, int index);

/* Whether a backend has benchmarks of that kind in that phase. */
bool bench_exists(bench_kind kind, const char *backend, ropemap_phase phase);

/* The first of the named benchmarks that a backend does not have in the options' phase; BENCH_KINDS: none. */
bench_kind bench_lacking(const bench_options *options, const char *backend);

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

/* The number of a row that its target is compared with. */
double bench_reached(const bench_row *row);

/* ---- state.c: an open benchmark */

/* Opens a benchmark at a shape. Close *state also after a failure. */
ropemap_status bench_open(const bench_case *benchmark, const bench_shape *shape, void **state,
                          ropemap_error *error);
void bench_close(void *state); /* NULL is fine */

/* Prepares the next run; overwrites what it will write by bits that are all set: NaN in any type. */
ropemap_status bench_prepare(void *state, ropemap_error *error);
ropemap_status bench_spoil(void *state, ropemap_error *error);

/* The backend's memory for `count` elements of a type; random numbers in it, evenly spread over (-reach,
 * reach); and elements [first, first + count) as floats. On a GPU the numbers are even. */
ropemap_status bench_reserve(bench_state *state, ropemap_dtype dtype, int64_t count, const char *what,
                             float **memory, ropemap_error *error);
ropemap_status bench_fill(const bench_state *state, ropemap_dtype dtype, float *memory, int64_t count,
                          double reach, uint64_t seed, ropemap_error *error);
ropemap_status bench_read(const bench_state *state, ropemap_dtype dtype, float *memory, int64_t first,
                          int64_t count, float *floats, ropemap_error *error);

/* The host's memory; NULL: there is none, and bench_whole, after the last of them, reports that. */
void *bench_room(bench_state *state, int64_t count, size_t size);
ropemap_status bench_whole(const bench_state *state, ropemap_error *error);

/* Random queries and keys in the host's memory, [positions, head_dim] evenly spread over (-reach, reach), and
 * vectors of both: to be closed, also after a failure. */
typedef struct bench_vectors {
    float *queries, *keys;
    ropemap_vectors *of_queries, *of_keys;
} bench_vectors;

ropemap_status bench_vectors_open(bench_state *state, double reach, bench_vectors *vectors,
                                  ropemap_error *error);
void bench_vectors_close(bench_vectors *vectors);

/* Cells of a map, of which a side never has more than positions. */
double bench_cells(const bench_shape *shape);

/* FLOPs of rows x cols products: on the CPU of whole tiles. */
double bench_products(const bench_shape *shape, int64_t rows, int64_t cols);

/* Tasks [0, count) on all threads. */
ropemap_status workers_run(const bench_workers *workers, int64_t count, rm_task task, void *work,
                           ropemap_error *error);

/* The share of `count` things that falls to part `part` of `parts`: [first, end). */
rm_span workers_share(int64_t count, int64_t parts, int64_t part);

/* Ceilings: what state->copied says, memcpy in a piece for each thread or a copy within the GPU; state->flops
 * of multiply-adds in registers, the most that any product reaches; and one large product of the GPU. */
ropemap_status ceiling_copy(void *state, ropemap_error *error);
ropemap_status ceiling_adds(void *state, ropemap_error *error);
ropemap_status ceiling_product(void *state, ropemap_error *error);
double ceiling_product_runs(const bench_case *benchmark, const bench_shape *shape);

/* Whether a GPU pools products where it makes them; and whether of floats, each product by three of fp16,
 * which ceiling_fused() makes. */
bool bench_fuses(const bench_shape *shape);
bool bench_splits(const bench_shape *shape);
ropemap_status ceiling_fused(void *state, ropemap_error *error);
double ceiling_fused_runs(const bench_case *benchmark, const bench_shape *shape);

#endif
