/* job.h - a map's job: its request, checked, opened, planned and run; its backend, workers and rows */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_JOB_H
#define ROPEMAP_HOST_MAP_JOB_H

#include "host/data/vectors.h"
#include "host/device/session.h"

/* What softmax is asked for besides the cells, and what it came to. The caller's, as long as the job. */
typedef struct rm_attention {
    int64_t sink_tokens, recent;
    int64_t exact; /* as in rm_softmax, with the next two; 0: no distances */
    int32_t bins;
    const int64_t *edges;        /* [bins + 1] */
    ropemap_attention_row *rows; /* [queries]; NULL: not kept */
    double *mass;                /* [exact + bins], sums over queries; NULL where exact is 0 */
    ropemap_attention_row mean;  /* of the queries that are neither empty nor NaN */
} rm_attention;

struct ropemap_job {
    const ropemap_request *request;
    rm_device device;          /* what is computed on */
    rm_plugin plugin;          /* open where the backend is not one of this library's; a session's, where
                                  there is one */
    const rm_backend *backend; /* NULL until rm_job_start */
    const ropemap_vectors *queries, *keys;
    ropemap_vectors *owned; /* used where a request names no vectors */
    ropemap_freqs freqs;
    rm_rotation rotation; /* of queries and of keys */
    rm_grid grid;
    ropemap_range keys_range;       /* positions of the keys: the grid's, or of softmax more than it shows */
    const struct rm_method *method; /* with the plan */
    rm_attention *attention;        /* NULL: the cells alone. Borrowed */
    bool without_cells;             /* of softmax: no map is made */
    int64_t empty_rows, nan_rows;   /* of softmax, as ropemap_map has them */
    double scale;                   /* what every similarity is multiplied by at the end */
    bool not_fused;                 /* an attempt with fused products failed on this device */
    bool broken;                    /* the attempt failed: its contexts are not for others */
    bool constant;                  /* queries and keys do not depend on position */
    bool mirrors;    /* cell (r, c) is cell (c, r): the same vectors at the same positions on both sides */
    uint64_t memory; /* bytes the plan may use */
    ropemap_plan plan;
    rm_span part; /* rows of cells that the method computes now */
    void *state;  /* what the method keeps from one part to the next, until rm_job_stop: `drop` frees it */
    void (*drop)(ropemap_job *job);
    rm_workers *group;  /* NULL until rm_job_start */
    rm_worker *workers; /* [plan.threads] the group's */
};

/* As ropemap_job_open; `attention` NULL: a map alone. Run by ropemap_job_run: without cells, its map has
 * none. */
ropemap_status rm_job_open(const ropemap_request *request, rm_attention *attention, bool without_cells,
                           ropemap_job **job, ropemap_error *error);

/* Every field of a request, alone and with the others. */
ropemap_status rm_request_check(const ropemap_request *request, ropemap_error *error);

/* Positions of the keys of a request: those that softmax is over, or its columns. */
ropemap_range rm_request_keys(const ropemap_request *request);

/* Opens the backend and the workers' contexts, rm_job_stop closes them: a job may start again. */
ropemap_status rm_job_start(ropemap_job *job, ropemap_error *error);

void rm_job_stop(ropemap_job *job);

/* As rm_workers_run, on the job's. */
ropemap_status rm_job_run(const ropemap_job *job, const char *stage, int64_t count, rm_task task, void *work,
                          ropemap_error *error);

/* As rm_team_poll, by tasks of the job. */
ropemap_status rm_job_poll(const ropemap_job *job, const rm_worker *worker, ropemap_error *error);

/* ---- plan.c: who serves a request, and the memory that takes */

/* Fills job->device, job->method and job->plan: for the backend that the request names, or for the best
 * there is. */
ropemap_status rm_plan_choose(ropemap_job *job, ropemap_error *error);

/*
 * After ROPEMAP_RESOURCES (`error` says why): plans the job anew on the same device, with tiles of half the
 * side where its memory ran out, or without fused products; else on the CPU if the request leaves the choice.
 * False where nothing is left to try: then `error` stays as it was.
 */
bool rm_plan_retreat(ropemap_job *job, const ropemap_error *error);

enum { RM_ROTATE_FLOPS = 20 }; /* of one element: phase, sine and cosine, two products */

/* Bytes of the host's memory, and of the backend's own, which may be the host's too. */
typedef struct rm_bytes {
    double host, own;
} rm_bytes;

/* The backend's own memory that the plan may take. */
uint64_t rm_job_own_memory(const ropemap_job *job);

/* Fills plan.bytes: each worker's share with its context, what is there once, and a line about each row of
 * cells. */
void rm_job_take_bytes(ropemap_job *job, rm_bytes worker, rm_bytes once);

/* Whether that fits in the memory that is allowed. */
bool rm_job_fits(const ropemap_job *job);

/* Whether it takes no more of a device's memory than the inputs would and 256 MiB, and than it has; the
 * memory that is allowed on the host plays no part. */
bool rm_job_has_room(const ropemap_job *job);

/* No more workers than pay, 0: any number; and no more than fit, one at least. */
void rm_job_limit_threads(ropemap_job *job, int32_t most);
void rm_job_fit_threads(ropemap_job *job, rm_bytes worker, rm_bytes once);

int64_t rm_round_up(int64_t value, int64_t unit);

/* Blocks of a rectangle, at most 2^62. */
int64_t rm_count_tiles(int64_t rows, int64_t cols, int64_t block);

/* ---- rows of a side */

typedef enum rm_side { RM_SIDE_QUERIES, RM_SIDE_KEYS } rm_side;

/* Positions and source of a side. */
ropemap_range rm_side_range(const ropemap_job *job, rm_side side);

/*
 * Position indices [first, first + count) of a side as they come from the source, [count, head_dim]: in
 * `scratch`, or where they lie if the source can lend them to the host. ROPEMAP_STOPPED as rm_job_poll:
 * whatever reads rows can be stopped between two reads.
 */
ropemap_status rm_side_read(const ropemap_job *job, rm_worker *worker, rm_side side, int64_t first,
                            int64_t count, float *scratch, rm_view *rows, ropemap_error *error);

/*
 * The same rows rotated, into `to` [to.rows >= count, head_dim]; rows of `to` beyond count become zero, so
 * that products keep one shape.
 */
ropemap_status rm_side_rotated(const ropemap_job *job, rm_worker *worker, rm_side side, int64_t first,
                               int64_t count, float *scratch, rm_view to, ropemap_error *error);

/* ---- the ways to compute a map: method_NAME.c, softmax's in host/attention */

/* A way to compute a map. */
typedef struct rm_method {
    /* Fills job->plan with the method and what it costs; plan.threads are those of the request before, fewer
     * where they do not pay or do not fit. */
    void (*cost)(ropemap_job *job);
    /* Fills cells [rows of job->part, width] as job->plan says. */
    ropemap_status (*run)(ropemap_job *job, float *cells, ropemap_error *error);
    bool in_parts; /* `run` computes any rows; else the whole map alone */
} rm_method;

extern const rm_method rm_method_factored, rm_method_tiled, rm_method_diagonal;
extern const rm_method rm_method_softmax;    /* the tiled method of that measure */
extern const rm_method rm_method_dual_chunk; /* the diagonal method of that encoding */

/* Operations with all the memory that pays. */
double rm_factored_flops(const ropemap_job *job);
double rm_tiled_flops(const ropemap_job *job);

/*
 * Of the tiled method, how many tiles a worker has in turn, so that one is pooled while the next is made, and
 * how many blocks of queries it multiplies in one call, which are a tile's where blocks are small. The first
 * depends on the number of workers; the second does not, as bits may depend on it.
 */
int64_t rm_tile_slots(const ropemap_job *job);
int64_t rm_tile_batch(const ropemap_job *job);

enum {
    RM_TILED_BAND_BLOCKS =
        4, /* blocks of query rows that share one pass over the keys, where cells are few */
    RM_TILE_SLOTS_MOST = 2
};

/* Distances that the diagonal method computes in one call, between two looks at whether to go on. */
int64_t rm_diagonal_at_once(const rm_device *device);

#endif
