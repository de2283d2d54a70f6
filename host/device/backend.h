/* backend.h - what a backend does: arithmetic on its own memory, one stage a call; it decides nothing else */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_DEVICE_BACKEND_H
#define ROPEMAP_HOST_DEVICE_BACKEND_H

#include "host/base/status.h"
#include "host/base/view.h"
#include "host/map/cells.h"
#include "host/ropemap_attention.h"

/*
 * A backend knows neither methods nor files: the loops of host/map give it rows, boundaries and tiles.
 * The CPU backend (host/cpu) is the reference; the CUDA backend (cuda/) has the same table. Each worker opens
 * a context of its own (CPU: a thread's scratch memory; CUDA: its streams and a cuBLAS handle); calls on one
 * context come from one thread at a time and take effect as if one after another: a backend may run what does
 * not touch the same memory side by side, as pooling a tile and making the next one elsewhere. What a call
 * takes from the host is the caller's again when it returns, and what it gives to the host is there.
 */

typedef struct rm_context rm_context; /* a worker's share of a backend; each backend defines its own */

enum { RM_BLOCK_LEAST = 256 }; /* side of the smallest tile, in positions */

typedef struct rm_softmax rm_softmax;

/* Bytes of its own memory that a context takes for its stages, besides what `reserve` gives; 0: none. */
typedef struct rm_scratch {
    int64_t (*rows_scratch_bytes)(int64_t rows, int64_t head_dim); /* rotate, rotate_sum */
    int64_t (*moment_scratch_bytes)(int64_t rows, int64_t head_dim);
    int64_t (*product_scratch_bytes)(int64_t block); /* products of `block` rows with as many */
    int64_t (*tile_scratch_bytes)(const rm_grid *grid, ropemap_pool pool, int64_t block); /* pool */
    /* similarity_pool, of `band` queries and blocks of keys */
    int64_t (*fused_scratch_bytes)(const rm_grid *grid, ropemap_pool pool, int64_t band, int64_t block);
    int64_t (*cells_scratch_bytes)(int64_t bytes); /* cells_begin, of accumulators of so many bytes */
    int64_t (*distance_scratch_bytes)(int64_t count);
    int64_t (*softmax_scratch_bytes)(const rm_softmax *softmax, int64_t head_dim); /* a block */
} rm_scratch;

/* What a backend computes on, and the sizes that suit it: all that a plan needs, known without opening it. */
typedef struct rm_device {
    const char *backend; /* "cpu" or "cuda" */
    char name[96];       /* "NVIDIA H100"; "" where it is the host's CPU */
    int32_t index;       /* which GPU */
    int32_t block;   /* side of a tile that stays in cache, in positions: a power of two, RM_BLOCK_LEAST at
                        least */
    int32_t workers; /* most contexts that pay, 0: one a CPU */
    int32_t tile_workers; /* the same, where each works on tiles of its own */
    uint64_t tile_bytes; /* of the tiles that all workers make and pool at a time: what stays in cache; 0: one
                            tile a worker */
    int64_t tile_scratch_most; /* bytes of scratch that a smaller tile is made for */
    int64_t rows_at_once;      /* rows handed over in one call */
    int64_t feature_bytes; /* of the features of cells that are kept at a time; of two blocks twice as much */
    int32_t feature_block; /* cells: the smallest block that such a limit leads to */
    int32_t product_parts; /* of long rows that are multiplied at once */
    int32_t softmax_rows;  /* queries of a block of softmax */
    int32_t softmax_keys;  /* keys handed over in one call */
    bool softmax_splits;   /* whether a query has the same bits in every block */
    /* Floats of whose room a row takes for similarity_pool; 0: it serves no such products; NULL: none. And
     * the keys that it takes in one call where they lie there all at once; 0: a block. */
    int64_t (*fused_row)(ropemap_dtype dtype, int64_t head_dim, ropemap_pool pool);
    int64_t fused_keys;
    bool warpgroups; /* such products by instructions of warpgroups, where the backend has them loaded */
    const rm_scratch *scratch;
    uint64_t memory;       /* bytes of its own memory that may be taken; 0: its memory is the host's */
    uint64_t context_host; /* bytes of the host's memory that a context takes */
    uint64_t context_own;  /* and of its own */
} rm_device;

/* How rows become rotated rows. */
typedef struct rm_rotation {
    const ropemap_freqs *freqs;
    ropemap_layout layout;
    bool rotate;         /* false: the rows are rotated already */
    bool normalise;      /* divide each row by its length after rotating; a zero row becomes NaN */
    ropemap_dtype dtype; /* what rows are rounded to, last */
    bool fused; /* the rows are for similarity_pool, in the order in which the backend's takes them */
} rm_rotation;

/* Softmax of q . k: what is wanted of it, the same for every block of queries. */
struct rm_softmax {
    rm_grid grid;        /* rows, their cells, all keys, and which of them a query sees; not symmetric */
    int64_t shown_first; /* the first key that has a cell */
    rm_partition shown;  /* the cells of the keys from there on; other keys count in the sums alone */
    ropemap_pool pool;   /* mass, mean or max */
    ropemap_dtype dtype; /* of the rows, as they were rotated */
    double scale;        /* score = scale q . k, > 0 */
    double softcap;      /* c: score = c tanh(scale q . k / c); 0: as above */
    double sink_logit;   /* a score that joins the sum of every row; -INFINITY: none */
    bool cells, rows;    /* wanted: cells of the map, statistics of the queries */
    int64_t sink_tokens, recent; /* of the statistics, as ropemap_attention_row has them */
    int64_t exact;               /* wanted: the mass at each distance |m - n| below it; 0: no distances */
    int32_t bins;                /* and in bins beyond it: */
    const int64_t *edges; /* [bins + 1] rising from `exact`: bin b holds edges[b] <= |m - n| < edges[b + 1];
                             the last is beyond every distance. The caller's, as long as the job */
};

/* What a block of queries came to, the host's. What is not wanted is NULL; cells and mass are added to. */
typedef struct rm_softmax_results {
    rm_accumulator *cells; /* rows of cells that the block touches; mass, mean: sum of p; max: largest */
    ropemap_attention_row *rows;  /* [queries of the block] */
    double *mass;                 /* [exact + bins] sum of p over the queries that are not NaN */
    int64_t empty_rows, nan_rows; /* as ropemap_attention has them */
    double excess; /* mass, mean: the largest difference of what a query's cells come to from its mass, where
                      all keys have cells */
} rm_softmax_results;

/* The operations by their types, so that both backends declare them alike; what each does follows. */
typedef ropemap_status rm_open_op(rm_context **context, const rm_device *device, ropemap_error *error);
typedef void rm_close_op(rm_context *context);
typedef ropemap_status rm_finish_op(rm_context *context, ropemap_error *error);
typedef ropemap_status rm_rotate_op(rm_context *context, const rm_rotation *rotation, ropemap_range positions,
                                    rm_view from, rm_view to, ropemap_error *error);
typedef ropemap_status rm_rotate_sum_op(rm_context *context, const rm_rotation *rotation,
                                        const rm_partition *axis, int64_t first, rm_view from, double *sums,
                                        ropemap_error *error);
typedef ropemap_status rm_moment_op(rm_context *context, const rm_rotation *rotation, ropemap_range positions,
                                    rm_view from, const double *centre, double *moment, ropemap_error *error);
typedef ropemap_status rm_similarity_op(rm_context *context, ropemap_dtype dtype, int64_t blocks,
                                        rm_view queries, rm_view keys, rm_view tile, ropemap_error *error);
typedef ropemap_status rm_products_op(rm_context *context, rm_view a, rm_view b, rm_view tiles, double *total,
                                      ropemap_error *error);
typedef ropemap_status rm_cells_begin_op(rm_context *context, rm_accumulator *cells, ropemap_error *error);
typedef ropemap_status rm_pool_op(rm_context *context, const rm_grid *grid, rm_view tile, int64_t row_first,
                                  int64_t col_first, rm_accumulator *cells, ropemap_error *error);
typedef ropemap_status rm_similarity_pool_op(rm_context *context, ropemap_dtype dtype, rm_view queries,
                                             rm_view keys, rm_view tile, const rm_grid *grid,
                                             int64_t row_first, int64_t col_first, rm_accumulator *cells,
                                             ropemap_error *error);
typedef ropemap_status rm_cells_end_op(rm_context *context, rm_accumulator *cells, ropemap_error *error);
typedef ropemap_status rm_distances_op(rm_context *context, const ropemap_freqs *freqs, double weight,
                                       ropemap_range distances, double *values, ropemap_error *error);

typedef ropemap_status rm_softmax_begin_op(rm_context *context, const rm_softmax *softmax, rm_span rows,
                                           rm_view queries, ropemap_error *error);
typedef ropemap_status rm_softmax_take_op(rm_context *context, rm_view keys, int64_t col_first,
                                          ropemap_error *error);
typedef ropemap_status rm_softmax_end_op(rm_context *context, rm_softmax_results *results,
                                         ropemap_error *error);

typedef struct rm_backend {
    const char *name;

    rm_open_op *open;
    rm_close_op *close; /* NULL is fine */

    /* Which copy of its loops a context runs, for people to read: "v3", "sm_90". As long as the context. */
    const char *(*variant)(const rm_context *context);

    /* Optional: whether the latest call that failed did so for want of memory, so that less may do. */
    bool (*starved)(const rm_context *context);

    /* Waits until all calls so far have taken effect, for other contexts too, and returns their failure. */
    rm_finish_op *finish;

    /* Memory that the stages below read and write, [floats]: the backend's own, not the host's to look into.
     */
    ropemap_status (*reserve)(rm_context *context, int64_t floats, const char *what, float **memory,
                              ropemap_error *error);
    void (*release)(rm_context *context, float *memory); /* NULL memory is fine */

    /* The host's memory for rows on their way here, pinned where copies are faster from it; NULL: none left.
     */
    float *(*stage)(rm_context *context, int64_t floats);
    void (*unstage)(rm_context *context, float *memory); /* NULL memory is fine */

    /* The backend's memory from the host's and back, `from` and `to` of one size. */
    ropemap_status (*write)(rm_context *context, rm_view from, rm_view to, ropemap_error *error);
    ropemap_status (*read)(rm_context *context, rm_view from, rm_view to, ropemap_error *error);

    /*
     * to[i] = rotated from[i] for positions.first + i * positions.step; both [., head_dim], `from` in the
     * host's memory. Rows of `to` beyond positions.count become zero, so that products keep one shape. Rows
     * of 16-bit types take the first half of the room that floats would.
     */
    rm_rotate_op *rotate;

    /*
     * Rotate and pool rows in one pass: sums[c, d] += rotated from[i][d] over the rows i that lie in cell
     * (cell of index `first`) + c; row i has index first + i on the axis. from and sums [cells touched,
     * head_dim] are the host's.
     */
    rm_rotate_sum_op *rotate_sum;

    /* moment[d, e] += (x_d - centre_d)(x_e - centre_e) over the rotated rows x of `from`, both triangles.
     * from, centre [head_dim] (NULL: 0) and moment [head_dim, head_dim] are the host's. */
    rm_moment_op *moment;

    /*
     * tile = q k^T: [rows of q, rows of k] from [., inner] and [., inner], strides as in the views. q and
     * the tile are `blocks` of as many rows, each a product of its own: its shape does not depend on
     * `blocks`. A block of q has the room that floats would take, as `rotate` leaves it.
     */
    rm_similarity_op *similarity;

    /* total = a b^T for long fp32 rows, parts of the products added up in double: total [rows of a, rows of
     * b] is the host's; `tiles` of that size, one after another, are overwritten, by a part each at a time.
     */
    rm_products_op *products;

    /* Empties cells; afterwards tiles are taken into them; and then the arrays of `cells`, which are the
     * host's, hold what they came to. One set of cells a context at a time. */
    rm_cells_begin_op *cells_begin;
    /* Takes the tile whose corner is position index (row_first, col_first) into the cells it touches. */
    rm_pool_op *pool;
    rm_cells_end_op *cells_end;

    /*
     * Optional: similarity and pool in one pass, of any number of queries, the first with position index
     * row_first, with keys from col_first on; rows are as rotate with rotation.fused leaves them, whole
     * blocks of them, device.fused_row() floats apart. `tile` is scratch of a block by a block. What
     * cells come to does not depend on how many keys a call takes.
     */
    rm_similarity_pool_op *similarity_pool;

    /*
     * values[t] = sum over pairs of weight * cos(phase(|distances.first + t * distances.step|)), for
     * t < distances.count; |distance| < 2^40. `weight` is one number for all pairs; values are the host's.
     */
    rm_distances_op *distances;

    /*
     * Softmax of a block of queries over all keys that they see, in one pass. Begin: queries
     * [device.softmax_rows, head_dim] of position indices `rows`, rotated, zeros beyond them; `softmax` lasts
     * until the end. Take: keys of position indices col_first on, rotated; calls come in the order of the
     * keys, and leave out what no query of the block sees. col_first is a multiple of device.softmax_keys,
     * and but for the last keys so is their number. End: everything that softmax has as wanted, into
     * `results`. A query that sees a NaN or +infinity score is NaN in all cells that it sees, and in no
     * other; it and an empty one add nothing to mass.
     */
    rm_softmax_begin_op *softmax_begin;
    rm_softmax_take_op *softmax_take;
    rm_softmax_end_op *softmax_end;
} rm_backend;

/* The reference backend: C17, host memory. */
const rm_backend *rm_cpu_backend(void);

rm_device rm_cpu_device(void);

#endif
