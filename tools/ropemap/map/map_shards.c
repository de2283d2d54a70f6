/* map_shards.c - maps as shards of a piece of work: bands of rows of cells */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap_parts.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/map/map.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The work, and the map that is open; of each GPU, where there are several. */
typedef struct map_work {
    const map_source *source;
    work_queue *queue;
    int32_t lane;      /* which GPU of the source's */
    ropemap_map *maps; /* [count] */
    double *numbers;   /* [count] or NULL */
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
    double number; /* of a whole map */
} band_header;

/* ---- one map after another ----------------------------------------------------------------------------- */

static void close_map(map_work *work) {
    ropemap_job_free(work->job);
    work->job = NULL;
    if (work->opened >= 0) {
        work->source->close(work->source->user, work->lane);
    }
    work->opened = -1;
}

/* Whether several GPUs of this process compute. */
static bool is_shared(const map_source *source) {
    return source->devices->count > 1;
}

static ropemap_status open_map(map_work *work, int index, ropemap_error *error) {
    close_map(work);
    work->opened = index;
    ropemap_status status = work->source->open(work->source->user, work->lane, index, &work->request, error);
    work->request.progress = work_tell;
    work->request.progress_user = work->queue;
    if (status == ROPEMAP_OK && is_shared(work->source)) {
        map_devices_share(work->source->devices, work->lane, &work->request);
    }
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

/* GPUs of one kind, or a shard's bytes would depend on who has it. */
static ropemap_status check_devices(const map_work *work, int index, ropemap_error *error) {
    const map_source *source = work->source;
    ropemap_request request;
    map_devices *devices = NULL;
    ropemap_status status = source->open(source->user, work->lane, index, &request, error);
    status = status == ROPEMAP_OK ? map_devices_open(source->devices, &request, &devices, error) : status;
    map_devices_free(devices);
    source->close(source->user, work->lane);
    return status;
}

/* What computes all maps, and how many shards suit them. */
static ropemap_status survey(map_work *work, char kernel[400], char method[100], int64_t *shards,
                             ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    *shards = 0;
    const bool checks = is_shared(work->source) && !work->queue->options->merge_only;
    for (int i = 0; i < work->source->count && status == ROPEMAP_OK; i++) {
        close_map(work);
        status = checks ? check_devices(work, i, error) : ROPEMAP_OK;
        status = status == ROPEMAP_OK ? open_map(work, i, error) : status;
        if (status == ROPEMAP_OK) {
            const ropemap_plan *plan = ropemap_job_plan(work->job);
            char name[120];
            work_kernel(plan, work->request.device, name, sizeof name);
            append(kernel, 400, name);
            append(method, 100, ropemap_method_name(plan->method));
            *shards += work->source->whole != NULL ? 1 : ropemap_job_cut(work->job, 0, NULL);
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
    const int64_t parts =
        work->source->whole != NULL ? 1 : shards + (index < work->queue->count % count ? 1 : 0);
    free(work->starts);
    work->starts = calloc((size_t)parts + 1, sizeof *work->starts);
    if (work->starts == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--work: no memory for %" PRId64 " shards", parts);
    }
    work->parts = ropemap_job_cut(work->job, parts, work->starts);
    return ROPEMAP_OK;
}

/* As ropemap_job_run_part, of a map that is not cut. */
static ropemap_status run_whole(map_work *work, ropemap_part *part, float *cells, double *number,
                                ropemap_error *error) {
    const map_source *source = work->source;
    ropemap_map map = {.cells = NULL};
    const ropemap_status status =
        source->whole(source->user, work->lane, work->opened, &work->request, &map, number, error);
    if (status == ROPEMAP_OK) {
        memcpy(cells, map.cells, (size_t)(map.height * map.width) * sizeof *cells);
        part->empty_rows = map.empty_rows;
        part->nan_rows = map.nan_rows;
    }
    ropemap_map_free(&map);
    return status;
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
    double number = (double)NAN;
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
        status = work->source->whole != NULL ? run_whole(work, &part, to, &number, error)
                                             : ropemap_job_run_part(work->job, &part, to, error);
    }
    const band_header header = {.map = index,
                                .first = part.first,
                                .end = part.end,
                                .empty_rows = part.empty_rows,
                                .nan_rows = part.nan_rows,
                                .number = number};
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
        if (work->numbers != NULL) {
            work->numbers[header.map] = header.number;
        }
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

/* ---- several GPUs -------------------------------------------------------------------------------------- */

/* A GPU, on a thread of its own. */
typedef struct lane {
    work_queue queue;
    map_work *work;
    ropemap_status status;
    ropemap_error error;
} lane;

struct lanes {
    work_queue *queue; /* the process's */
    int32_t count;
    lane all[MAP_DEVICES];
    atomic_int left;  /* lanes that have a GPU */
    atomic_bool over; /* one failed in a way that ends the work */
};

/* Computes shards. What a GPU lacks another may have; all else ends the work. */
static void run_lane(void *user, int32_t index) {
    struct lanes *lanes = user;
    lane *self = &lanes->all[index];
    work_end end = WORK_GOES_ON;
    self->status = work_run(&self->queue, compute, NULL, self->work, &end, &self->error);
    if (self->status == ROPEMAP_RESOURCES && atomic_fetch_sub(&lanes->left, 1) > 1) {
        warning("--device: GPU %" PRId32 " leaves its shards to the others: %s", self->work->request.device,
                self->error.text);
    } else if (self->status != ROPEMAP_OK) {
        atomic_store(&lanes->over, true);
    }
}

static void watch_lanes(void *user) {
    work_watch(((struct lanes *)user)->queue);
}

/* What the lanes came to; *first: one that goes on. */
static ropemap_status judge(struct lanes *lanes, int32_t *first, ropemap_error *error) {
    const lane *worst = NULL; /* stopped are those that another's failure stops */
    *first = -1;
    for (int32_t i = lanes->count - 1; i >= 0; i--) {
        const lane *one = &lanes->all[i];
        *first = one->status == ROPEMAP_OK ? i : *first;
        const bool worse = worst == NULL || worst->status == ROPEMAP_STOPPED ||
                           (worst->status == ROPEMAP_RESOURCES && one->status != ROPEMAP_STOPPED);
        worst = one->status != ROPEMAP_OK && worse ? one : worst;
    }
    if (worst == NULL || (worst->status == ROPEMAP_RESOURCES && *first >= 0)) {
        return ROPEMAP_OK;
    }
    if (worst->status == ROPEMAP_RESOURCES) {
        return fail(error, ROPEMAP_RESOURCES, "--device: no GPU of the list is left; GPU %" PRId32 ": %s",
                    worst->work->request.device, worst->error.text);
    }
    *error = worst->error;
    return worst->status;
}

/* Computes shards on all GPUs until none is left to compute; *first is one that goes on. */
static ropemap_status run_lanes(work_queue *queue, map_work *works, int32_t count, int32_t *first,
                                ropemap_error *error) {
    struct lanes *lanes = calloc(1, sizeof *lanes);
    if (lanes == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--device: no memory for %" PRId32 " GPUs", count);
    }
    ropemap_status status = ROPEMAP_OK;
    lanes->queue = queue;
    atomic_init(&lanes->left, count);
    atomic_init(&lanes->over, false);
    for (; lanes->count < count && status == ROPEMAP_OK; lanes->count++) {
        lane *one = &lanes->all[lanes->count];
        one->work = &works[lanes->count];
        status = work_split(queue, lanes->count, &lanes->over, &one->queue, error);
        one->work->queue = &one->queue;
    }
    if (status == ROPEMAP_OK) {
        map_devices_each(count, run_lane, watch_lanes, lanes);
        status = judge(lanes, first, error);
    }
    for (int32_t i = 0; i < lanes->count; i++) {
        close_map(&works[i]);
        works[i].queue = queue;
        work_free(&lanes->all[i].queue);
    }
    free(lanes);
    return status;
}

/* ---- the whole ----------------------------------------------------------------------------------------- */

static ropemap_status run(map_work *works, int32_t count, bool quiet, work_end *end, ropemap_error *error) {
    work_queue *queue = works[0].queue;
    char kernel[400] = "", method[100] = "";
    int64_t shards = 0;
    int32_t first = 0;
    ropemap_status status = survey(&works[0], kernel, method, &shards, error);
    status = status == ROPEMAP_OK ? work_join(queue, kernel, method, shards, quiet, error) : status;
    if (status == ROPEMAP_OK && count > 1 && !queue->finished && !queue->options->merge_only) {
        close_map(&works[0]);
        status = run_lanes(queue, works, count, &first, error);
    }
    map_work *work = &works[first >= 0 ? first : 0];
    status = status == ROPEMAP_OK ? work_run(queue, compute, take, work, end, error) : status;
    return status == ROPEMAP_OK && *end == WORK_MERGE ? join(work, error) : status;
}

ropemap_status map_shards_run(work_queue *queue, const map_source *source, bool quiet, ropemap_map *maps,
                              double *numbers, work_end *end, ropemap_error *error) {
    const int32_t count = is_shared(source) ? source->devices->count : 1;
    map_work *works = calloc((size_t)count, sizeof *works);
    int64_t *rows = calloc((size_t)source->count, sizeof *rows);
    for (int32_t i = 0; i < count && works != NULL; i++) {
        works[i] = (map_work){.source = source,
                              .queue = queue,
                              .lane = i,
                              .maps = maps,
                              .numbers = numbers,
                              .rows = rows,
                              .opened = -1};
    }
    const ropemap_status status =
        works != NULL && rows != NULL
            ? run(works, count, quiet, end, error)
            : fail(error, ROPEMAP_RESOURCES, "--work: no memory for %d maps", source->count);
    for (int32_t i = 0; i < count && works != NULL; i++) {
        close_map(&works[i]);
        free(works[i].starts);
    }
    free(works);
    free(rows);
    return status;
}
