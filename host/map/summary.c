/* summary.c - of the cells of a map: smallest, largest, mean, and how many are NaN or masked */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/map/job.h"
#include "host/ropemap_parts.h"

#include <inttypes.h>
#include <math.h>

/* The cells of a row, or of all rows. */
struct summary {
    float min, max;
    double sum;
    int64_t count; /* cells that are not NaN */
};

enum { LANES = 16 }; /* partial sums of a fixed order: the loop over them becomes vectors */

/* NaN gets one pattern of bits: CPUs make several. Selections, not branches, so that loops become vectors. */
static struct summary summarise_row(float *cells, int64_t width) {
    float min = INFINITY, max = -INFINITY;
    double lanes[LANES] = {0};
    int32_t count = 0;
    for (int64_t i = 0; i < width; i++) {
        const float value = cells[i];
        cells[i] = value == value ? value : NAN;
        min = value < min ? value : min;
        max = value > max ? value : max;
        count += value == value;
    }
    for (int64_t first = 0; first < width; first += LANES) {
        const int64_t lanes_used = width - first < LANES ? width - first : LANES;
        for (int64_t lane = 0; lane < lanes_used; lane++) {
            const float value = cells[first + lane];
            lanes[lane] += value == value ? (double)value : 0.0;
        }
    }
    double sum = 0.0;
    for (int64_t lane = 0; lane < LANES; lane++) {
        sum += lanes[lane];
    }
    return (struct summary){.min = min, .max = max, .sum = sum, .count = count};
}

static void add_row(struct summary *all, const struct summary *row) {
    all->min = row->min < all->min ? row->min : all->min;
    all->max = row->max > all->max ? row->max : all->max;
    all->sum += row->sum;
    all->count += row->count;
}

/* Smallest, largest and mean cell, and how many are NaN. */
static void take_summary(ropemap_map *map, const struct summary *all) {
    const bool any = all->count > 0;
    map->nan_cells = map->height * map->width - all->count;
    map->min = any ? (double)all->min : (double)NAN;
    map->max = any ? (double)all->max : (double)NAN;
    map->mean = any ? all->sum / (double)all->count : (double)NAN;
}

static const struct summary no_cells = {.min = INFINITY, .max = -INFINITY};

static void summarise(ropemap_map *map) {
    struct summary all = no_cells;
    for (int64_t row = 0; row < map->height; row++) {
        const struct summary one = summarise_row(map->cells + row * map->width, map->width);
        add_row(&all, &one);
    }
    take_summary(map, &all);
}

/* Cells without a pair that the mask leaves: of a row all beyond what it sees, and perhaps some before. */
static void count_masked(const rm_grid *grid, ropemap_map *map) {
    const bool plain = rm_mask_is_plain(&grid->mask);
    map->masked_cells = 0;
    for (int64_t row = 0; !rm_mask_is_none(&grid->mask) && row < map->height; row++) {
        const rm_span rows = rm_partition_cell(&grid->rows, row);
        const rm_sight seen = rm_grid_sight_of(grid, rows);
        const int64_t end = seen.near.end > 0 ? rm_partition_cell_of(&grid->cols, seen.near.end - 1) + 1 : 0;
        map->masked_cells += map->width - end;
        for (int64_t col = 0; !plain && col < end; col++) {
            map->masked_cells += !rm_grid_any(grid, seen, rows, rm_partition_cell(&grid->cols, col));
        }
    }
}

struct describing {
    ropemap_map *map;
    struct summary *rows; /* [height] */
};

static ropemap_status describe_task(void *work, int64_t task, int32_t index, ropemap_error *error) {
    (void)index;
    (void)error;
    const struct describing *describing = work;
    const int64_t width = describing->map->width;
    describing->rows[task] = summarise_row(describing->map->cells + task * width, width);
    return ROPEMAP_OK;
}

ropemap_status rm_describe_cells(const ropemap_job *job, ropemap_map *map, ropemap_error *error) {
    struct describing describing = {.map = map};
    describing.rows = rm_alloc((uint64_t)map->height, sizeof *describing.rows);
    if (describing.rows == NULL) {
        return rm_fail_memory(error, "map", (uint64_t)map->height * sizeof *describing.rows);
    }
    const ropemap_status status = rm_job_run(job, "describe", map->height, describe_task, &describing, error);
    struct summary all = no_cells;
    for (int64_t row = 0; row < map->height; row++) {
        add_row(&all, &describing.rows[row]);
    }
    rm_free(describing.rows);
    take_summary(map, &all);
    count_masked(&job->grid, map);
    return status;
}

ropemap_status ropemap_map_subtract(ropemap_map *map, const ropemap_map *other, ropemap_error *error) {
    if (map->height != other->height || map->width != other->width) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "map: %" PRId64 " x %" PRId64 " cells, but the other has %" PRId64 " x %" PRId64,
                       map->width, map->height, other->width, other->height);
    }
    const int64_t lost = map->nan_cells - map->masked_cells + other->nan_cells - other->masked_cells;
    for (int64_t i = 0; i < map->height * map->width; i++) {
        map->cells[i] -= other->cells[i];
    }
    summarise(map);
    map->masked_cells = map->nan_cells > lost ? map->nan_cells - lost : 0;
    return ROPEMAP_OK;
}

void ropemap_job_join(ropemap_job *job, ropemap_map *map) {
    rm_job_stop(job);
    for (int64_t row = 0; job->grid.symmetric && row < map->height; row++) {
        for (int64_t col = row + 1; col < map->width; col++) {
            map->cells[row * map->width + col] = map->cells[col * map->width + row];
        }
    }
    summarise(map);
    count_masked(&job->grid, map);
    map->plan = job->plan;
}
