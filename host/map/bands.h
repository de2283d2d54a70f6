/* bands.h - what bands of query rows come to, merged in their order whatever the order of their computing */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_BANDS_H
#define ROPEMAP_HOST_MAP_BANDS_H

#include "host/map/job.h"

#include <pthread.h>

/* A cell row that spans several bands is merged in the order of the bands: so bits depend on no thread. */
typedef struct rm_bands {
    const ropemap_job *job;
    float *out;          /* [rows of job->part, width]; NULL: no map is made */
    rm_accumulator open; /* the one cell row that is begun in an earlier band, [1, width] */
    pthread_mutex_t lock;
    pthread_cond_t called;
    int64_t ticket; /* the band that may merge now */
    bool failed;    /* a band, so that no later one may merge */
} rm_bands;

/* To be freed also after a failure. */
ropemap_status rm_bands_make(rm_bands *bands, const ropemap_job *job, float *out, ropemap_error *error);
void rm_bands_free(rm_bands *bands);

/* Bands that the rows of job->part have queries in. */
rm_span rm_bands_of_part(const ropemap_job *job, int64_t band);

/* Queries of band number `index`, from the first multiple of `unit` that leaves out none of job->part's. */
rm_span rm_bands_queries(const ropemap_job *job, int64_t index, int64_t band, int64_t unit);

/* Cell rows that a band touches, and the most that any band of so many rows touches. */
rm_span rm_bands_touch(const rm_grid *grid, rm_span rows);
int64_t rm_bands_most(const rm_partition *axis, int64_t band);

/* Bytes of the accumulators of the cells that a band touches. */
double rm_bands_cells_bytes(const ropemap_job *job, int64_t band);

/*
 * Every band enters once, counted from the first of the part, after its computing came to `status`, which is
 * returned unless the job is stopped meanwhile: waits until all earlier ones have left. *merges: it may
 * merge; then it leaves, merged or not.
 */
ropemap_status rm_bands_enter(rm_bands *bands, int64_t band, int32_t worker, ropemap_status status,
                              bool *merges, ropemap_error *error);
void rm_bands_leave(rm_bands *bands, bool failed);

/* Brings the cell rows of job->part that end in this band to their numbers; one that goes on stays open. */
void rm_bands_merge(rm_bands *bands, const rm_accumulator *cells, rm_span rows);

#endif
