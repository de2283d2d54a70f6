/* map_shards.c - maps as shards of a piece of work: bands of rows of cells */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/map/map_shards.h"
#include "host/ropemap_parts.h"
#include "tools/ropemap/failure.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The work, and the map that is open. */
typedef struct map_work {
    const map_source *source;
    work_queue *queue;
    ropemap_map *maps; /* [count] */
    int64_t *rows;     /* [count] that were taken */
    int opened;        /* -1: none is */
    ropemap_request request;
    ropemap_job *job;
    int64_t *starts; /* of its parts */
    int64_t parts;
} map_work;

/* What a shard's bytes begin with; the cells follow. */
typedef struct band_header {
    int64_t map, first, end, empty_rows, nan_rows;
} band_header;

/* ---- one map after another ----------------------------------------------------------------------------- */

static void close_map(map_work *work) {
    ropemap_job_free(work->job);
    work->job = NULL;
    if (work->opened >= 0) {
        work->source->close(work->source->user);
    }
    work->opened = -1;
}

static ropemap_status open_map(map_work *work, int index, ropemap_error *error) {
    close_map(work);
    work->opened = index;
    ropemap_status status = work->source->open(work->source->user, index, &work->request, error);
    work->request.progress = work_tell;
    work->request.progress_user = work->queue;
    if (work->queue->options->merge_only) { /* what computed it need not be here */
        work->request.backend = "cpu";
        work->request.kernel = ROPEMAP_KERNEL_AUTO;
    }
    return status == ROPEMAP_OK ? ropemap_job_open(&work->request, &work->job, error) : status;
}

/* Adds a phrase to a list, once. */
static void append(char *text, size_t size, const char *phrase) {
    const size_t length = strlen(text);
    if (strstr(text, phrase) == NULL) {
        (void)snprintf(text + length, size - length, "%s%s", length > 0 ? ", " : "", phrase);
    }
}

/* What computes all maps, and how many shards suit them. */
static ropemap_status survey(map_work *work, char kernel[400], char method[100], int64_t *shards,
                             ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    *shards = 0;
    for (int i = 0; i < work->source->count && status == ROPEMAP_OK; i++) {
        status = open_map(work, i, error);
        if (status == ROPEMAP_OK) {
            const ropemap_plan *plan = ropemap_job_plan(work->job);
            char name[120];
            work_kernel(plan, work->request.device, name, sizeof name);
            append(kernel, 400, name);
            append(method, 100, ropemap_method_name(plan->method));
            *shards += ropemap_job_cut(work->job, 0, NULL);
            work->maps[i].height = plan->height;
            work->maps[i].width = plan->width;
        }
    }
    const int64_t wanted = work->queue->options->shards;
    if (status == ROPEMAP_OK && wanted != 0 && wanted < work->source->count) {
        status = fail(error, ROPEMAP_USAGE, "--shards: %" PRId64 " for %d maps; give at least one each",
                      wanted, work->source->count);
    }
    *shards = wanted != 0 ? wanted : *shards;
    return status;
}

/* ---- shards -------------------------------------------------------------------------------------------- */

/* Shards go round the maps, so that each map has as many as the others. */
static ropemap_status ready_map(map_work *work, int index, ropemap_error *error) {
    if (work->opened == index && work->starts != NULL) {
        return ROPEMAP_OK;
    }
    const int64_t count = work->source->count, shards = work->queue->count / count;
    ropemap_status status = open_map(work, index, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    const int64_t parts = shards + (index < work->queue->count % count ? 1 : 0);
    free(work->starts);
    work->starts = calloc((size_t)parts + 1, sizeof *work->starts);
    if (work->starts == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--work: no memory for %" PRId64 " shards", parts);
    }
    work->parts = ropemap_job_cut(work->job, parts, work->starts);
    return ROPEMAP_OK;
}

/* Maps with few rows have shards without any. */
static ropemap_status compute(void *user, int64_t shard, ropemap_bytes *bytes, ropemap_error *error) {
    map_work *work = user;
    const int64_t count = work->source->count;
    const int index = (int)(shard % count);
    ropemap_status status = ready_map(work, index, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    const int64_t at = shard / count;
    ropemap_part part = {.first = 0};
    if (at < work->parts) {
        part = (ropemap_part){.first = work->starts[at], .end = work->starts[at + 1]};
    }
    const int64_t cells = (part.end - part.first) * work->maps[index].width;
    bytes->size = sizeof(band_header) + (size_t)cells * sizeof(float);
    bytes->data = calloc(1, bytes->size);
    if (bytes->data == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--work: no memory for a shard of %" PRId64 " cells", cells);
    }
    if (cells > 0) {
        float *to = (float *)(void *)(bytes->data + sizeof(band_header));
        status = ropemap_job_run_part(work->job, &part, to, error);
    }
    const band_header header = {.map = index,
                                .first = part.first,
                                .end = part.end,
                                .empty_rows = part.empty_rows,
                                .nan_rows = part.nan_rows};
    memcpy(bytes->data, &header, sizeof header);
    return status;
}

/* Empties the maps, for all shards to be taken. */
static ropemap_status begin(map_work *work, ropemap_error *error) {
    for (int i = 0; i < work->source->count; i++) {
        ropemap_map *map = &work->maps[i];
        const size_t cells = (size_t)map->height * (size_t)map->width;
        map->cells = map->cells != NULL ? map->cells : malloc(cells * sizeof *map->cells);
        map->empty_rows = map->nan_rows = 0;
        work->rows[i] = 0;
        if (map->cells == NULL) {
            return fail(error, ROPEMAP_RESOURCES, "--work: no memory for a map of %zu cells", cells);
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status take(void *user, int64_t shard, const ropemap_bytes *bytes, ropemap_error *error) {
    map_work *work = user;
    band_header header = {.map = -1};
    const ropemap_status status = shard == 0 ? begin(work, error) : ROPEMAP_OK;
    if (status != ROPEMAP_OK) {
        return status;
    }
    if (bytes->size >= sizeof header) {
        memcpy(&header, bytes->data, sizeof header);
    }
    ropemap_map *map = &work->maps[shard % work->source->count];
    if (header.map != shard % work->source->count || header.first < 0 || header.end < header.first ||
        header.end > map->height ||
        bytes->size - sizeof header != (size_t)((header.end - header.first) * map->width) * sizeof(float)) {
        return fail(error, ROPEMAP_INTERNAL, "--work: shard %" PRId64 " has no rows of this map", shard);
    }
    if (header.end > header.first) {
        memcpy(map->cells + header.first * map->width, bytes->data + sizeof header,
               bytes->size - sizeof header);
    }
    map->empty_rows += header.empty_rows;
    map->nan_rows += header.nan_rows;
    work->rows[header.map] += header.end - header.first;
    return ROPEMAP_OK;
}

static ropemap_status join(map_work *work, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    for (int i = 0; i < work->source->count && status == ROPEMAP_OK; i++) {
        if (work->rows[i] != work->maps[i].height) {
            return fail(error, ROPEMAP_INTERNAL,
                        "--work: shards have %" PRId64 " rows of cells of a map of %" PRId64, work->rows[i],
                        work->maps[i].height);
        }
        status = work->opened == i && work->job != NULL ? ROPEMAP_OK : open_map(work, i, error);
        if (status == ROPEMAP_OK) {
            ropemap_job_join(work->job, &work->maps[i]);
        }
    }
    return status;
}

ropemap_status map_shards_run(work_queue *queue, const map_source *source, bool quiet, ropemap_map *maps,
                              work_end *end, ropemap_error *error) {
    map_work work = {.source = source, .queue = queue, .maps = maps, .opened = -1};
    char kernel[400] = "", method[100] = "";
    int64_t shards = 0;
    work.rows = calloc((size_t)source->count, sizeof *work.rows);
    ropemap_status status =
        work.rows != NULL ? survey(&work, kernel, method, &shards, error)
                          : fail(error, ROPEMAP_RESOURCES, "--work: no memory for %d maps", source->count);
    status = status == ROPEMAP_OK ? work_join(queue, kernel, method, shards, quiet, error) : status;
    status = status == ROPEMAP_OK ? work_run(queue, compute, take, &work, end, error) : status;
    status = status == ROPEMAP_OK && *end == WORK_MERGE ? join(&work, error) : status;
    close_map(&work);
    free(work.starts);
    free(work.rows);
    return status;
}
