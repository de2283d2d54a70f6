/* parts.c - a map in parts: bands of rows of cells of about the same work, each computed alone */
/* SPDX-License-Identifier: MIT */
#include "host/map/job.h"
#include "host/ropemap_parts.h"

/* A part has the bytes of the whole map: its bands, aligned to index 0, are all that its rows have queries
 * in; of those that parts share, rm_bands_queries. */

static const double PART_FLOPS = 1e11; /* a second or so of a CPU core */
static const double PART_LEAST = 5e9;  /* against which what a part costs besides is little */

enum {
    PARTS_MANY = 128, /* for a few workers to end at about the same time */
    PARTS_MOST = 4096,
    BANDS_LEAST = 4 /* of a part: of those that two share, some is computed twice */
};

static int64_t usual_count(const ropemap_job *job) {
    const double flops = job->plan.flops;
    const double many = flops / PART_LEAST < PARTS_MANY ? flops / PART_LEAST : PARTS_MANY;
    const double wanted = flops / PART_FLOPS > many ? flops / PART_FLOPS : many;
    int64_t most = job->plan.bands / BANDS_LEAST;
    most = most < PARTS_MOST ? most : PARTS_MOST;
    return wanted > (double)most ? most : (int64_t)wanted;
}

/* Pairs of the queries before index `end`: about what they take. */
static double work_before(const ropemap_job *job, int64_t end) {
    rm_grid seen = job->grid;
    seen.cols.range = job->keys_range;
    seen.mask.causal = seen.mask.causal || job->grid.symmetric;
    return rm_grid_pairs(&seen, (rm_span){.end = end}, (rm_span){.end = seen.cols.range.count}) + (double)end;
}

/* The first row of cells before which there is that much work. */
static int64_t row_after(const ropemap_job *job, double work) {
    int64_t low = 0, high = job->plan.height;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (work_before(job, rm_partition_cell(&job->grid.rows, middle).first) < work) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The nearest row within `reach` that begins where a band does, so that no two parts compute that band; else
 * the same row. */
static int64_t align(const ropemap_job *job, int64_t row, int64_t reach) {
    const rm_partition *rows = &job->grid.rows;
    for (int64_t away = 0; away <= reach; away++) {
        const int64_t tried[] = {row - away, row + away};
        for (int i = 0; i < 2; i++) {
            const bool within = tried[i] >= 0 && tried[i] < job->plan.height;
            if (within && rm_partition_cell(rows, tried[i]).first % job->plan.band == 0) {
                return tried[i];
            }
        }
    }
    return row;
}

int64_t ropemap_job_cut(const ropemap_job *job, int64_t count, int64_t *starts) {
    const int64_t height = job->plan.height;
    count = count > 0 ? count : usual_count(job);
    count = count > height ? height : count;
    count = count < 1 || !job->method->in_parts ? 1 : count;
    const double all = work_before(job, job->grid.rows.range.count);
    int64_t before = -1;
    for (int64_t part = 0; starts != NULL && part < count; part++) {
        int64_t row = part > 0 ? row_after(job, all * (double)part / (double)count) : 0;
        row = count * BANDS_LEAST <= job->plan.bands ? align(job, row, height / count / 2) : row;
        row = row > before ? row : before + 1;
        starts[part] = row < height - (count - part) ? row : height - (count - part);
        before = starts[part];
    }
    if (starts != NULL) {
        starts[count] = height;
    }
    return count;
}

ropemap_status ropemap_job_run_part(ropemap_job *job, ropemap_part *part, float *cells,
                                    ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    if (job->group == NULL) {
        status = rm_job_start(job, error);
    }
    if (status == ROPEMAP_OK) {
        job->part = (rm_span){.first = part->first, .end = part->end};
        status = job->method->run(job, cells, error);
        part->empty_rows = job->empty_rows;
        part->nan_rows = job->nan_rows;
    }
    job->broken = status != ROPEMAP_OK && status != ROPEMAP_STOPPED;
    if (status != ROPEMAP_OK) {
        rm_job_stop(job);
    }
    return status;
}
