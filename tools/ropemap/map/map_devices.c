/* map_devices.c - one map on several GPUs of this machine, in one process */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap_machine.h"
#include "host/ropemap_parts.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/map/map.h"
#include "tools/ropemap/run.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    PARTS_EACH = 8,               /* of a GPU: those that are slower, or begin later, take fewer */
    BANDS_LEAST = 4,              /* of a part */
    WAIT_NANOSECONDS = 100000000, /* between two calls of the request's progress */
    SECOND_NANOSECONDS = 1000000000
};

/* ---- a thread a GPU ------------------------------------------------------------------------------------ */

/* What the threads and the caller share. */
typedef struct team {
    void (*work)(void *user, int32_t index);
    void *user;
    pthread_mutex_t lock; /* of `running` */
    pthread_cond_t ended;
    int32_t running;
} team;

typedef struct hand {
    team *team;
    int32_t index;
    pthread_t thread;
    bool started;
} hand;

static void *hand_main(void *argument) {
    const hand *self = argument;
    team *all = self->team;
    all->work(all->user, self->index);
    (void)pthread_mutex_lock(&all->lock);
    all->running--;
    (void)pthread_cond_signal(&all->ended);
    (void)pthread_mutex_unlock(&all->lock);
    return NULL;
}

static void make_condition(pthread_cond_t *condition) {
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(condition, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

/* Starts the threads with every signal blocked, so that signals go to the caller's own threads. */
static void start_hands(team *all, hand *hands, int32_t count) {
    sigset_t every, before;
    (void)sigfillset(&every);
    (void)pthread_sigmask(SIG_SETMASK, &every, &before);
    (void)pthread_mutex_lock(&all->lock);
    for (int32_t i = 0; i < count; i++) {
        hands[i] = (hand){.team = all, .index = i};
        hands[i].started = pthread_create(&hands[i].thread, NULL, hand_main, &hands[i]) == 0;
        all->running += hands[i].started ? 1 : 0;
    }
    (void)pthread_mutex_unlock(&all->lock);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void map_devices_each(int32_t count, void (*work)(void *user, int32_t index), void (*watch)(void *user),
                      void *user) {
    team all = {.work = work, .user = user};
    hand hands[MAP_DEVICES];
    (void)pthread_mutex_init(&all.lock, NULL);
    make_condition(&all.ended);
    start_hands(&all, hands, count);
    (void)pthread_mutex_lock(&all.lock);
    while (all.running > 0) {
        struct timespec until = {0};
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += WAIT_NANOSECONDS;
        until.tv_sec += until.tv_nsec / SECOND_NANOSECONDS;
        until.tv_nsec %= SECOND_NANOSECONDS;
        (void)pthread_cond_timedwait(&all.ended, &all.lock, &until);
        (void)pthread_mutex_unlock(&all.lock);
        watch(user);
        (void)pthread_mutex_lock(&all.lock);
    }
    (void)pthread_mutex_unlock(&all.lock);
    for (int32_t i = 0; i < count; i++) {
        if (hands[i].started) {
            (void)pthread_join(hands[i].thread, NULL);
        } else {
            work(user, i);
        }
    }
    watch(user);
    (void)pthread_cond_destroy(&all.ended);
    (void)pthread_mutex_destroy(&all.lock);
}

/* ---- parts --------------------------------------------------------------------------------------------- */

/* A GPU of the map. */
typedef struct member {
    map_devices *devices;
    ropemap_request request;
    ropemap_job *job;
    int64_t parts;       /* that it has computed */
    ropemap_error error; /* why it left, once `left`; else ROPEMAP_OK */
    bool left, told;     /* told: the caller of map_devices_run knows */
} member;

struct map_devices {
    int32_t count;
    member all[MAP_DEVICES];
    ropemap_progress progress; /* the request's */
    void *progress_user;
    ropemap_map *map;
    int64_t *starts; /* [parts + 1] rows of cells */
    int64_t parts;

    pthread_mutex_t lock; /* of all that follows, and of what members have besides their jobs */
    pthread_cond_t changed;
    int64_t next;                  /* the first part that nobody has taken */
    int64_t returned[MAP_DEVICES]; /* parts of those who left */
    int32_t returned_count;
    int64_t done;
    int32_t working;       /* members with a part */
    ropemap_status status; /* not ROPEMAP_OK: nobody takes another part */
    ropemap_error error;
};

/* A part for a member, under the lock; -1: there is none for it, now or ever. */
static int64_t take(map_devices *devices) {
    while (devices->status == ROPEMAP_OK) {
        if (devices->returned_count > 0) {
            devices->working++;
            return devices->returned[--devices->returned_count];
        }
        if (devices->next < devices->parts) {
            devices->working++;
            return devices->next++;
        }
        if (devices->working == 0) {
            break;
        }
        (void)pthread_cond_wait(&devices->changed, &devices->lock); /* one of those may come back */
    }
    return -1;
}

/* A member's part came to `status`, under the lock. What a GPU lacks another may have; all else ends the
 * map. */
static void give(member *self, int64_t index, const ropemap_part *part, ropemap_status status,
                 const ropemap_error *error) {
    map_devices *devices = self->devices;
    devices->working--;
    if (status == ROPEMAP_OK) {
        devices->map->empty_rows += part->empty_rows;
        devices->map->nan_rows += part->nan_rows;
        devices->done++;
        self->parts++;
    } else if (status == ROPEMAP_RESOURCES) {
        devices->returned[devices->returned_count++] = index;
        self->error = *error;
        self->left = true;
    } else if (devices->status == ROPEMAP_OK) {
        devices->status = status;
        devices->error = *error;
    }
    (void)pthread_cond_broadcast(&devices->changed);
}

static void work(void *user, int32_t index) {
    map_devices *devices = user;
    member *self = &devices->all[index];
    (void)pthread_mutex_lock(&devices->lock);
    for (int64_t at = take(devices); at >= 0; at = self->left ? -1 : take(devices)) {
        (void)pthread_mutex_unlock(&devices->lock);
        ropemap_error error = {.status = ROPEMAP_OK};
        ropemap_part part = {.first = devices->starts[at], .end = devices->starts[at + 1]};
        float *cells = devices->map->cells + part.first * devices->map->width;
        const ropemap_status status = ropemap_job_run_part(self->job, &part, cells, &error);
        (void)pthread_mutex_lock(&devices->lock);
        give(self, at, &part, status, &error);
    }
    (void)pthread_mutex_unlock(&devices->lock);
}

/* A ropemap_progress of the jobs, on any thread: stops what is not wanted any more. */
static int is_over(void *user, const char *stage, double done, double total) {
    map_devices *devices = user;
    (void)stage;
    (void)done;
    (void)total;
    (void)pthread_mutex_lock(&devices->lock);
    const bool over = devices->status != ROPEMAP_OK;
    (void)pthread_mutex_unlock(&devices->lock);
    return over;
}

/* ---- the thread of the caller ---------------------------------------------------------------------------
 */

/* Warns of members that left since the last call, unless none is left: that is the error then. Under the
 * lock. */
static void warn_of_lost(map_devices *devices) {
    int32_t left = 0;
    for (int32_t i = 0; i < devices->count; i++) {
        left += devices->all[i].left ? 1 : 0;
    }
    for (int32_t i = 0; i < devices->count && left < devices->count; i++) {
        member *one = &devices->all[i];
        if (one->left && !one->told) {
            one->told = true;
            warning("--device: GPU %" PRId32 " leaves its part of the map to the others: %s",
                    one->request.device, one->error.text);
        }
    }
}

/* Calls the request's progress. */
static void watch(void *user) {
    map_devices *devices = user;
    (void)pthread_mutex_lock(&devices->lock);
    warn_of_lost(devices);
    const double done = (double)devices->done;
    (void)pthread_mutex_unlock(&devices->lock);
    if (devices->progress != NULL &&
        devices->progress(devices->progress_user, "parts", done, (double)devices->parts) != 0) {
        (void)pthread_mutex_lock(&devices->lock);
        if (devices->status == ROPEMAP_OK) {
            devices->status = fail(&devices->error, ROPEMAP_STOPPED, "stopped on request");
            (void)pthread_cond_broadcast(&devices->changed);
        }
        (void)pthread_mutex_unlock(&devices->lock);
    }
}

/* ---- jobs ---------------------------------------------------------------------------------------------- */

/* Whether both give a cell the same bits. */
static bool is_alike(const ropemap_plan *one, const ropemap_plan *other) {
    return one->method == other->method && one->kernel == other->kernel && one->dtype == other->dtype &&
           one->block == other->block && one->band == other->band &&
           strcmp(one->backend, other->backend) == 0;
}

/* Another kind of GPU may multiply in another order. */
static ropemap_status check_kind(const map_devices *devices, int32_t index, ropemap_error *error) {
    const member *first = &devices->all[0], *one = &devices->all[index];
    const ropemap_plan *plan = ropemap_job_plan(one->job);
    ropemap_gpu kind, other;
    if (strcmp(plan->backend, "cuda") != 0) {
        return fail(error, ROPEMAP_USAGE,
                    "--device: several GPUs, but the CPU would compute the map (%s); give --backend cuda, or "
                    "one GPU",
                    plan->backend_reason);
    }
    ropemap_status status = ropemap_gpu_describe(first->request.device, &kind, error);
    status = status == ROPEMAP_OK ? ropemap_gpu_describe(one->request.device, &other, error) : status;
    if (status == ROPEMAP_OK &&
        (strcmp(kind.name, other.name) != 0 || kind.major != other.major || kind.minor != other.minor ||
         !is_alike(ropemap_job_plan(first->job), plan))) {
        return fail(error, ROPEMAP_USAGE,
                    "--device: GPU %" PRId32 " (%s, %" PRIu64 " bytes) and GPU %" PRId32 " (%s, %" PRIu64
                    " bytes) would not give the same bytes; list GPUs of one kind",
                    kind.index, kind.name, kind.memory, other.index, other.name, other.memory);
    }
    return status;
}

void map_devices_share(const map_device_list *list, int32_t index, ropemap_request *request) {
    const int32_t count = list->count;
    request->device = list->all[index];
    request->threads = (request->threads + count - 1) / count;
    request->memory = (request->memory + (uint64_t)count - 1) / (uint64_t)count;
}

static ropemap_status open_member(map_devices *devices, int32_t index, const ropemap_request *like,
                                  const map_device_list *list, ropemap_error *error) {
    member *one = &devices->all[index];
    one->devices = devices;
    one->request = *like;
    map_devices_share(list, index, &one->request);
    one->request.progress = is_over;
    one->request.progress_user = devices;
    const ropemap_status status = ropemap_job_open(&one->request, &one->job, error);
    return status == ROPEMAP_OK ? check_kind(devices, index, error) : status;
}

ropemap_status map_devices_open(const map_device_list *list, const ropemap_request *request,
                                map_devices **devices, ropemap_error *error) {
    map_devices *made = calloc(1, sizeof *made);
    *devices = NULL;
    if (made == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--device: no memory for %" PRId32 " GPUs", list->count);
    }
    made->count = list->count;
    made->progress = request->progress;
    made->progress_user = request->progress_user;
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)pthread_cond_init(&made->changed, NULL);
    ropemap_status status = ROPEMAP_OK;
    for (int32_t i = 0; i < list->count && status == ROPEMAP_OK; i++) {
        status = open_member(made, i, request, list, error);
    }
    if (status != ROPEMAP_OK) {
        map_devices_free(made);
        return status;
    }
    *devices = made;
    return ROPEMAP_OK;
}

void map_devices_free(map_devices *devices) {
    for (int32_t i = 0; devices != NULL && i < devices->count; i++) {
        ropemap_job_free(devices->all[i].job);
    }
    if (devices != NULL) {
        (void)pthread_cond_destroy(&devices->changed);
        (void)pthread_mutex_destroy(&devices->lock);
        free(devices->starts);
    }
    free(devices);
}

const ropemap_plan *map_devices_plan(const map_devices *devices) {
    return ropemap_job_plan(devices->all[0].job);
}

/* ---- the map ------------------------------------------------------------------------------------------- */

/* Cuts the map, and makes room for its cells. */
static ropemap_status prepare(map_devices *devices, ropemap_map *map, ropemap_error *error) {
    const ropemap_plan *plan = map_devices_plan(devices);
    const int64_t least = devices->count, most = least * PARTS_EACH, bands = plan->bands / BANDS_LEAST;
    const int64_t parts = bands < least ? least : bands < most ? bands : most;
    const size_t cells = (size_t)plan->height * (size_t)plan->width;
    *map = (ropemap_map){.height = plan->height, .width = plan->width};
    map->cells = malloc(cells * sizeof *map->cells);
    devices->starts = calloc((size_t)parts + 1, sizeof *devices->starts);
    if (map->cells == NULL || devices->starts == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--device: no memory for a map of %zu cells", cells);
    }
    devices->parts = ropemap_job_cut(devices->all[0].job, parts, devices->starts);
    devices->map = map;
    return ROPEMAP_OK;
}

/* The whole map, by one of those who computed it; the plan's reason names the others. */
static void join(map_devices *devices, ropemap_map *map) {
    int32_t first = 0;
    while (devices->all[first].parts == 0 || devices->all[first].left) {
        first++;
    }
    ropemap_job_join(devices->all[first].job, map);
    char *reason = map->plan.backend_reason;
    for (int32_t i = 0; i < devices->count; i++) {
        const size_t length = strlen(reason);
        if (i != first && devices->all[i].parts > 0) {
            (void)snprintf(reason + length, sizeof map->plan.backend_reason - length, ", and GPU %" PRId32,
                           devices->all[i].request.device);
        }
    }
}

ropemap_status map_devices_run(map_devices *devices, ropemap_map *map, ropemap_error *error) {
    const double start = wall_clock();
    ropemap_status status = prepare(devices, map, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    map_devices_each(devices->count, work, watch, devices);
    if (devices->status != ROPEMAP_OK) {
        return fail(error, devices->status, "%s", devices->error.text);
    }
    if (devices->done < devices->parts) {
        const member *last = &devices->all[devices->count - 1];
        return fail(error, ROPEMAP_RESOURCES, "--device: no GPU of the list is left; GPU %" PRId32 ": %s",
                    last->request.device, last->error.text);
    }
    join(devices, map);
    map->seconds.total = wall_clock() - start;
    return ROPEMAP_OK;
}
