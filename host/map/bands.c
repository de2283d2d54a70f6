/* bands.c - what bands of query rows come to, merged in their order whatever the order of their computing */
/* SPDX-License-Identifier: MIT */
#include "host/map/bands.h"

ropemap_status rm_bands_make(rm_bands *bands, const ropemap_job *job, float *out, ropemap_error *error) {
    *bands = (rm_bands){.job = job, .out = out};
    (void)pthread_mutex_init(&bands->lock, NULL);
    rm_condition_make(&bands->called);
    return out == NULL ? ROPEMAP_OK
                       : rm_accumulator_make(&bands->open, job->request->pool, 1, job->plan.width, error);
}

void rm_bands_free(rm_bands *bands) {
    rm_accumulator_free(&bands->open);
    (void)pthread_cond_destroy(&bands->called);
    (void)pthread_mutex_destroy(&bands->lock);
}

rm_span rm_bands_of_part(const ropemap_job *job, int64_t band) {
    const rm_partition *rows = &job->grid.rows;
    const int64_t first = rm_partition_cell(rows, job->part.first).first;
    const int64_t end = rm_partition_cell(rows, job->part.end - 1).end;
    return (rm_span){.first = first / band, .end = (end + band - 1) / band};
}

rm_span rm_bands_queries(const ropemap_job *job, int64_t index, int64_t band, int64_t unit) {
    const rm_partition *rows = &job->grid.rows;
    const int64_t first = rm_partition_cell(rows, job->part.first).first / unit * unit;
    const int64_t end = rm_partition_cell(rows, job->part.end - 1).end;
    return (rm_span){.first = first > index * band ? first : index * band,
                     .end = end < (index + 1) * band ? end : (index + 1) * band};
}

rm_span rm_bands_touch(const rm_grid *grid, rm_span rows) {
    return (rm_span){.first = rm_partition_cell_of(&grid->rows, rows.first),
                     .end = rm_partition_cell_of(&grid->rows, rows.end - 1) + 1};
}

int64_t rm_bands_most(const rm_partition *axis, int64_t band) {
    const int64_t whole = (band * axis->cells + axis->range.count - 1) / axis->range.count + 1;
    return whole < axis->cells ? whole : axis->cells;
}

double rm_bands_cells_bytes(const ropemap_job *job, int64_t band) {
    const double height = (double)job->plan.height;
    const double touched = (double)band * height / (double)job->grid.rows.range.count + 2.0;
    const double row = (double)job->plan.width * (double)rm_pool_find(job->request->pool)->bytes;
    return row * (touched < height ? touched : height);
}

/* ---- turns */

ropemap_status rm_bands_enter(rm_bands *bands, int64_t band, int32_t worker, ropemap_status status,
                              bool *merges, ropemap_error *error) {
    *merges = false;
    if (status != ROPEMAP_OK) {
        return status;
    }
    (void)pthread_mutex_lock(&bands->lock);
    while (bands->ticket != band && !bands->failed && status == ROPEMAP_OK) {
        rm_condition_wait(&bands->called, &bands->lock);
        (void)pthread_mutex_unlock(&bands->lock);
        status = rm_job_poll(bands->job, &bands->job->workers[worker], error);
        (void)pthread_mutex_lock(&bands->lock);
    }
    *merges = status == ROPEMAP_OK && !bands->failed;
    (void)pthread_mutex_unlock(&bands->lock);
    return status;
}

void rm_bands_leave(rm_bands *bands, bool failed) {
    (void)pthread_mutex_lock(&bands->lock);
    bands->ticket++;
    bands->failed = bands->failed || failed;
    (void)pthread_cond_broadcast(&bands->called);
    (void)pthread_mutex_unlock(&bands->lock);
}

/* ---- cells */

static void finish(rm_bands *bands, const rm_accumulator *cells, int64_t row) {
    const ropemap_job *job = bands->job;
    float *out = bands->out + (cells->first_row + row - job->part.first) * cells->cols;
    rm_accumulator_finish_row(cells, row, &job->grid, job->scale, 0, cells->cols, out);
}

void rm_bands_merge(rm_bands *bands, const rm_accumulator *cells, rm_span rows) {
    for (int64_t i = 0; i < cells->rows; i++) {
        const int64_t row = cells->first_row + i;
        const rm_span cell = rm_partition_cell(&bands->job->grid.rows, row);
        if (row < bands->job->part.first || row >= bands->job->part.end) {
            continue;
        }
        if (cell.first >= rows.first && cell.end <= rows.end) {
            finish(bands, cells, i);
            continue;
        }
        if (cell.first >= rows.first) { /* begins here */
            bands->open.first_row = row;
            rm_accumulator_clear_row(&bands->open, 0);
        }
        rm_accumulator_merge_row(&bands->open, 0, cells, i);
        if (cell.end <= rows.end) {
            finish(bands, &bands->open, 0);
        }
    }
}
