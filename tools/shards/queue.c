/* queue.c - one worker's way through all shards: its own, the others', then the outputs */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap_machine.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/run.h"
#include "tools/shards/shards.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const double PATIENCE = 30.0; /* seconds */
static const double LISTING = 0.2;   /* seconds for which a listing is good */

enum { STAGGER = 16 /* workers that wait one longer than the other before they repeat a shard */ };

/* ---- the run ------------------------------------------------------------------------------------------- */

static ropemap_status check_kinds(const work_queue *queue, ropemap_error *error) {
    const cli_outputs *outputs = &queue->run->outputs;
    if (outputs->count == 0) {
        return fail(error, ROPEMAP_USAGE, "--work needs -o FILE");
    }
    for (int i = 0; i < outputs->count; i++) {
        if (ropemap_outputs_in_place(outputs->set, i)) {
            return fail(error, ROPEMAP_USAGE, "--work writes files; leave -o %.200s out",
                        ropemap_outputs_name(outputs->set, i));
        }
    }
    return ROPEMAP_OK;
}

/* A directory whose run is finished is free for another command. */
static bool is_over(const work_record *record) {
    return record->finished || record->stale;
}

static ropemap_status read_record(work_queue *queue, ropemap_error *error) {
    const char *folder = queue->options->folder;
    work_record record;
    ropemap_status status = record_read(folder, &record, error);
    signals_hold();
    status =
        status == ROPEMAP_OK ? record_make(queue->run, record.document, &queue->document, error) : status;
    signals_release();
    if (status == ROPEMAP_OK && record.document != NULL) {
        status = record_compare(folder, record.document, queue->document, false, error);
        queue->finished = status == ROPEMAP_OK && record.finished;
        status = is_over(&record) ? ROPEMAP_OK : status;
    }
    if (status == ROPEMAP_OK && record.document == NULL && queue->options->merge_only) {
        status =
            fail(error, ROPEMAP_USAGE, "%.300s: there is no run.json; give the directory of --work", folder);
    }
    record_free(&record);
    return status;
}

ropemap_status work_open(const work_options *options, bool force, cli_run *run, work_queue *queue,
                         ropemap_error *error) {
    *queue = (work_queue){.options = options,
                          .force = force,
                          .run = run,
                          .worker = worker_find(getenv),
                          .patience = PATIENCE,
                          .living = -1,
                          .merging = {.file = -1}};
    const ropemap_status status = check_kinds(queue, error);
    if (status == ROPEMAP_OK) {
        signals_save();
    }
    return status == ROPEMAP_OK ? read_record(queue, error) : status;
}

void work_free(work_queue *queue) {
    if (queue->options != NULL) {
        claim_leave(&queue->merging, false);
        folder_unlock(queue->living);
    }
    json_decref(queue->document);
    free(queue->there);
    free(queue->since);
}

/* Own shards are numbered by what the first worker knew of the array: a part of it that is submitted again
 * has other limits. */
static void take_place(work_queue *queue) {
    const work_worker *worker = &queue->worker;
    const int64_t elements = record_integer(queue->document, "elements");
    queue->size = worker->size * (worker->element >= 0 && elements > 0 ? elements : 1);
    queue->rank = ((worker->element > 0 ? worker->element * worker->size : 0) + worker->rank) % queue->size;
    queue->place = queue->size > 1 ? queue->rank : (int64_t)getpid();
}

static void announce(const work_queue *queue) {
    const work_worker *worker = &queue->worker;
    if (worker->should_step) {
        warning("the job has several tasks, but this is one process: start it with srun");
    }
    (void)fprintf(stderr, "ropemap: ");
    if (queue->size > 1) {
        (void)fprintf(stderr, "worker %" PRId64 " of %" PRId64 "%s%s%s; ", queue->rank + 1, queue->size,
                      worker->how != NULL ? " (" : "", worker->how != NULL ? worker->how : "",
                      worker->how != NULL ? ")" : "");
    }
    (void)fprintf(stderr, "%" PRId64 " shard%s, %" PRId64 " to do\n", queue->count,
                  queue->count == 1 ? "" : "s", queue->count - queue->shards);
}

/* Whoever begins a run looks at its outputs: those that are there later are its own. */
static ropemap_status check_outputs(const work_queue *queue, ropemap_error *error) {
    const cli_outputs *outputs = &queue->run->outputs;
    struct stat status;
    for (int i = 0; i < outputs->count && !queue->force; i++) {
        const char *name = ropemap_outputs_name(outputs->set, i);
        if (stat(name, &status) == 0) {
            return fail(error, ROPEMAP_IO,
                        "%.300s: the file exists, perhaps written by workers that have finished "
                        "(--keep-work makes that known to late ones); --force replaces it",
                        name);
        }
    }
    return ROPEMAP_OK;
}

/* Takes from the record of the same run, whose outputs are gone, what its shards depend on; they are good,
 * the claim of the outputs is not. False: it is another run. */
static bool take_up(work_queue *queue, const json_t *before) {
    static const char *const names[] = {"kernel", "method", "shards", "elements"};
    const work_options *options = queue->options;
    ropemap_error unheard;
    if (record_compare(options->folder, before, queue->document, !options->merge_only, &unheard) !=
            ROPEMAP_OK ||
        (options->shards != 0 && options->shards != record_integer(before, "shards"))) {
        return false;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)json_object_set(queue->document, names[i], json_object_get(before, names[i]));
    }
    return true;
}

/* Nothing tells whose the shards are of a directory without a record; and another may be making it. */
static ropemap_status refuse_strangers(const work_queue *queue, ropemap_error *error) {
    const char *folder = queue->options->folder;
    work_record record = {.document = NULL};
    ropemap_status status = shards_any(folder) ? record_read(folder, &record, error) : ROPEMAP_OK;
    if (status == ROPEMAP_OK && record.document == NULL && shards_any(folder)) {
        status = fail(
            error, ROPEMAP_USAGE,
            "--work %.300s: it has shards or claims, but no run.json; remove it, or give another directory",
            folder);
    }
    record_free(&record);
    return status;
}

/* Makes the record, in place of one whose outputs are there or are gone; *exists: another was faster. */
static ropemap_status begin_run(work_queue *queue, const work_record *before, bool *exists,
                                ropemap_error *error) {
    const char *folder = queue->options->folder;
    const bool replaces = before->document != NULL;
    ropemap_status status = check_outputs(queue, error);
    status = status == ROPEMAP_OK && !replaces ? refuse_strangers(queue, error) : status;
    if (status == ROPEMAP_OK && replaces) {
        shards_clear(folder, !take_up(queue, before->document));
    }
    return status == ROPEMAP_OK ? record_write(folder, queue->document, replaces, exists, error) : status;
}

static ropemap_status take_record(work_queue *queue, const work_record *record, ropemap_error *error) {
    const ropemap_status status = record_compare(queue->options->folder, record->document, queue->document,
                                                 !queue->options->merge_only, error);
    const int64_t shards = record_integer(record->document, "shards"), wanted = queue->options->shards;
    if (status == ROPEMAP_OK && wanted != 0 && wanted != shards) {
        return fail(error, ROPEMAP_USAGE,
                    "--shards: %" PRId64 ", but the run in %.200s has %" PRId64 "; leave it out", wanted,
                    queue->options->folder, shards);
    }
    json_decref(queue->document);
    queue->document = json_incref(record->document);
    return status;
}

/* Takes the record that is there, or makes it; one after another, where there are locks. */
static ropemap_status settle_record(work_queue *queue, ropemap_error *error) {
    const char *folder = queue->options->folder;
    work_record record;
    ropemap_error unheard;
    bool exists = false;
    const int lock = folder_lock(folder);
    ropemap_status status = record_read(folder, &record, error);
    queue->finished = status == ROPEMAP_OK && record.finished &&
                      record_compare(folder, record.document, queue->document, false, &unheard) == ROPEMAP_OK;
    if (status == ROPEMAP_OK && !queue->finished && (record.document == NULL || is_over(&record))) {
        status = begin_run(queue, &record, &exists, error);
        record_free(&record);
        status = status == ROPEMAP_OK && exists ? record_read(folder, &record, error) : status;
    }
    if (status == ROPEMAP_OK && record.document != NULL) {
        status = take_record(queue, &record, error);
    }
    record_free(&record);
    folder_unlock(lock);
    return status;
}

static ropemap_status make_lists(work_queue *queue, ropemap_error *error) {
    queue->there = calloc((size_t)queue->count + 1, sizeof *queue->there);
    queue->since = calloc((size_t)queue->count + 1, sizeof *queue->since);
    return queue->there != NULL && queue->since != NULL
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_RESOURCES, "--work: no memory for %" PRId64 " shards", queue->count);
}

ropemap_status work_split(const work_queue *queue, int32_t lane, const atomic_bool *over, work_queue *other,
                          ropemap_error *error) {
    *other = *queue;
    other->lane = lane;
    other->place += lane;
    other->document = NULL;
    other->shards = 0;
    other->listed = 0.0;
    other->living = -1;
    other->merging = (work_claim){.file = -1};
    other->over = over;
    return make_lists(other, error);
}

ropemap_status work_join(work_queue *queue, const char *kernel, const char *method, int64_t count, bool quiet,
                         ropemap_error *error) {
    (void)json_object_set_new(queue->document, "kernel", json_string(kernel));
    (void)json_object_set_new(queue->document, "method", json_string(method));
    (void)json_object_set_new(queue->document, "shards", json_integer(count));
    (void)json_object_set_new(queue->document, "elements", json_integer(queue->worker.elements));
    ropemap_status status = settle_record(queue, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    queue->count = record_integer(queue->document, "shards");
    queue->number = record_number(queue->document);
    if (queue->count < 1) {
        return fail(error, ROPEMAP_DATA, "--work %.200s: run.json has no shards; give another directory",
                    queue->options->folder);
    }
    status = make_lists(queue, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    take_place(queue);
    status = shards_list(queue->options->folder, queue->count, queue->there, &queue->shards, error);
    queue->living = living_join(queue->options->folder, queue->count + 1);
    if (status == ROPEMAP_OK && !quiet) {
        announce(queue);
    }
    return status;
}

void work_kernel(const ropemap_plan *plan, int32_t device, char *text, size_t size) {
    ropemap_gpu gpu;
    ropemap_machine machine;
    ropemap_error unheard;
    if (strcmp(plan->backend, "cuda") == 0 && ropemap_gpu_describe(device, &gpu, &unheard) == ROPEMAP_OK) {
        (void)snprintf(text, size, "%s", gpu.name);
        return;
    }
    bool fused = true; /* all CPUs give the same bits, but for those of x86-64 without FMA */
#if defined(__x86_64__)
    fused =
        ropemap_machine_describe(&machine, &unheard) == ROPEMAP_OK && strcmp(machine.simd, "baseline") != 0;
#else
    (void)machine;
    (void)unheard;
#endif
    (void)snprintf(text, size, "%s %s FMA", plan->backend, fused ? "with" : "without");
}

/* ---- looking around ------------------------------------------------------------------------------------ */

/* The outputs are there, as the record says, or the directory is gone with them in place. */
static bool is_finished(const work_queue *queue) {
    const char *folder = queue->options->folder;
    const cli_outputs *outputs = &queue->run->outputs;
    work_record record;
    ropemap_error unheard;
    struct stat status;
    if (record_read(folder, &record, &unheard) != ROPEMAP_OK) {
        return false;
    }
    bool finished = record.finished;
    if (record.document == NULL) {
        finished = stat(folder, &status) != 0 && errno == ENOENT;
        for (int i = 0; i < outputs->count; i++) {
            finished = finished && stat(ropemap_outputs_name(outputs->set, i), &status) == 0;
        }
    }
    record_free(&record);
    return finished;
}

static ropemap_status look(work_queue *queue, bool again, ropemap_error *error) {
    const double now = wall_clock();
    if (!again && now - queue->listed < fmax(LISTING, 20.0 * queue->listing)) {
        return ROPEMAP_OK;
    }
    const ropemap_status status =
        shards_list(queue->options->folder, queue->count, queue->there, &queue->shards, error);
    queue->listed = wall_clock();
    queue->listing = queue->listed - now;
    queue->turn = 0;
    return status;
}

static bool is_called_off(const work_queue *queue) {
    return signals_came() || (queue->over != NULL && atomic_load(queue->over));
}

int work_tell(void *user, const char *stage, double done, double total) {
    work_queue *queue = user;
    const double part = total > 0.0 ? fmin(done / total, 1.0) : 0.0;
    (void)stage;
    if (queue->over != NULL) {
        return is_called_off(queue);
    }
    return progress_tell(&queue->run->progress, "shards", (double)queue->shards + part, (double)queue->count);
}

void work_watch(work_queue *queue) {
    ropemap_error unheard; /* whoever computes hears of it too */
    (void)look(queue, false, &unheard);
    (void)work_tell(queue, "", 0.0, 1.0);
}

/* ---- claims -------------------------------------------------------------------------------------------- */

static int64_t own_count(const work_queue *queue) {
    return queue->rank < queue->count ? (queue->count - queue->rank + queue->size - 1) / queue->size : 0;
}

/* The shard at place `turn` of this worker's order: its own, then all, each from a place of its own on. */
static int64_t shard_at(const work_queue *queue, int64_t turn) {
    const int64_t own = own_count(queue);
    if (turn < own) {
        const int64_t place = (queue->size > 1 ? queue->lane : queue->place) % STAGGER;
        return queue->rank + (turn + place * own / STAGGER) % own * queue->size;
    }
    const int64_t places = queue->size > 1 ? queue->size : STAGGER;
    return (turn - own + queue->place % places * queue->count / places) % queue->count;
}

static bool is_own(const work_queue *queue, int64_t shard) {
    return shard % queue->size == queue->rank;
}

/* An element of an array leaves to the other elements what they have not begun. */
static bool leaves_to_others(const work_queue *queue, int64_t shard, const work_claim *claim) {
    return queue->worker.element >= 0 && !queue->options->steal && !claim->begun && shard < queue->count &&
           !is_own(queue, shard);
}

/* Whether a shard that another has had for too long is to be computed again: the limit is `patience`, or
 * three times the longest of one's own, and later for each worker than for the one before. */
static bool is_overdue(const work_queue *queue, int64_t shard) {
    const double limit = fmax(queue->patience, 3.0 * queue->longest);
    const double later = (double)(queue->place % STAGGER) * fmax(queue->longest, queue->patience / 30.0);
    return queue->since[shard] > 0.0 && wall_clock() - queue->since[shard] > limit + later;
}

/* Takes a claim. False where it is another's, which is noted; *waits: it is worth waiting for. */
static bool take(work_queue *queue, int64_t shard, work_claim *claim, bool *waits) {
    const claim_state state = claim_take(queue->options->folder, shard, false, claim);
    const bool lockless = state == CLAIM_NO_LOCK;
    if (lockless && !queue->lockless && claim->reason != ENOENT) {
        queue->lockless = true;
        warning("--work %.200s: no locks here (%s); shards may be computed twice", queue->options->folder,
                strerror(claim->reason));
    }
    const bool gone = lockless && claim->reason == ENOENT; /* with the directory: the next look notices */
    if ((state == CLAIM_MINE || lockless) && !gone && !leaves_to_others(queue, shard, claim)) {
        return true;
    }
    if (state == CLAIM_BUSY || state == CLAIM_DONE) {
        queue->since[shard] = queue->since[shard] > 0.0 ? queue->since[shard] : wall_clock();
        *waits = *waits || state == CLAIM_DONE || queue->worker.element < 0 || queue->options->steal;
    }
    *waits = *waits || gone;
    claim_leave(claim, false);
    return false;
}

/* The next shard to compute, with its claim; -1: there is none now. */
static int64_t choose(work_queue *queue, work_claim *claim, bool *waits) {
    int64_t oldest = -1;
    *waits = false;
    const int64_t turns = own_count(queue) + queue->count;
    while (queue->turn < turns && queue->there[shard_at(queue, queue->turn)]) {
        queue->turn++;
    }
    for (int64_t turn = queue->turn; turn < turns; turn++) {
        const int64_t shard = shard_at(queue, turn);
        if (queue->there[shard]) {
            continue;
        }
        if (take(queue, shard, claim, waits)) {
            return shard;
        }
        if (is_overdue(queue, shard) && (oldest < 0 || queue->since[shard] < queue->since[oldest])) {
            oldest = shard;
        }
    }
    *claim = (work_claim){.file = -1};
    return oldest;
}

/* ---- the work ------------------------------------------------------------------------------------------ */

static ropemap_status stopped(const work_queue *queue, ropemap_error *error) {
    return fail(error, ROPEMAP_STOPPED,
                "stopped with %" PRId64 " of %" PRId64 " shards finished in %.200s; the same command goes on",
                queue->shards, queue->count, queue->options->folder);
}

/* Computes a shard under its claim and publishes it. */
static ropemap_status make_shard(work_queue *queue, int64_t shard, work_claim *claim, work_compute compute,
                                 void *user, ropemap_error *error) {
    const char *folder = queue->options->folder;
    ropemap_bytes bytes = {.data = NULL};
    claim_begin(claim);
    const double start = wall_clock();
    ropemap_status status = compute(user, shard, &bytes, error);
    const double seconds = wall_clock() - start;
    status =
        status == ROPEMAP_OK ? shard_write(folder, queue->number, shard, seconds, &bytes, error) : status;
    ropemap_bytes_free(&bytes);
    if (status == ROPEMAP_OK) {
        queue->longest = fmax(queue->longest, seconds);
        queue->shards += queue->there[shard] ? 0 : 1;
        queue->there[shard] = true;
    }
    claim_leave(claim, status == ROPEMAP_OK);
    return status == ROPEMAP_STOPPED ? stopped(queue, error) : status;
}

/* A shard that cannot be read is to be made again: its claim must not read "done". */
static void forget(work_queue *queue, int64_t shard) {
    work_claim claim;
    shard_remove(queue->options->folder, shard);
    (void)claim_take(queue->options->folder, shard, false, &claim);
    claim_begin(&claim);
    claim_leave(&claim, false);
    queue->there[shard] = false;
    queue->shards--;
    queue->turn = 0;
    queue->since[shard] = 0.0;
}

/* Takes all shards; *whole is false where one was no good, and is to be made again. */
static ropemap_status take_shards(work_queue *queue, work_take take_one, void *user, bool *whole,
                                  ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    *whole = true;
    for (int64_t shard = 0; shard < queue->count && status == ROPEMAP_OK && *whole; shard++) {
        ropemap_bytes bytes = {.data = NULL};
        status = shard_read(queue->options->folder, queue->number, shard, &bytes, NULL, error);
        if (status == ROPEMAP_DATA) {
            warning("%s; it is computed again", error->text);
            forget(queue, shard);
            status = ROPEMAP_OK;
            *whole = false;
        } else if (status == ROPEMAP_OK) {
            status = take_one(user, shard, &bytes, error);
        }
        ropemap_bytes_free(&bytes);
    }
    return status;
}

/* All shards are listed: takes them, under the claim of the outputs, unless another worker has it. */
static ropemap_status merge(work_queue *queue, work_take take_one, void *user, work_end *end, bool *waits,
                            ropemap_error *error) {
    bool whole = false;
    *waits = true;
    if (is_finished(queue)) {
        *end = WORK_FINISHED;
        return ROPEMAP_OK;
    }
    if (!take(queue, queue->count, &queue->merging, waits) && !is_overdue(queue, queue->count)) {
        return ROPEMAP_OK;
    }
    ropemap_status status = take_shards(queue, take_one, user, &whole, error);
    if (status == ROPEMAP_OK && whole) {
        claim_begin(&queue->merging);
        *end = WORK_MERGE;
        return ROPEMAP_OK;
    }
    claim_leave(&queue->merging, false);
    *waits = false;
    if (status == ROPEMAP_IO && is_finished(queue)) { /* and its shards are being removed */
        *end = WORK_FINISHED;
        status = ROPEMAP_OK;
    }
    return status;
}

/* One step: a shard, or the outputs. *waits: nothing could be done now. */
static ropemap_status step(work_queue *queue, work_compute compute, work_take take_one, void *user,
                           work_end *end, bool *waits, ropemap_error *error) {
    work_claim claim;
    const int64_t before = queue->shards;
    ropemap_status status = look(queue, *waits || queue->lockless, error);
    if (status == ROPEMAP_OK && queue->shards < before && is_finished(queue)) { /* they were removed */
        *end = WORK_FINISHED;
        return ROPEMAP_OK;
    }
    if (status == ROPEMAP_OK && queue->shards == queue->count) {
        if (take_one == NULL) {
            *end = WORK_LEFT;
            return ROPEMAP_OK;
        }
        return merge(queue, take_one, user, end, waits, error);
    }
    if (status == ROPEMAP_OK && queue->options->merge_only) {
        return fail(error, ROPEMAP_DATA,
                    "%.200s: %" PRId64 " of %" PRId64
                    " shards are missing; the command of the run computes them",
                    queue->options->folder, queue->count - queue->shards, queue->count);
    }
    bool later = false;
    const int64_t shard = status == ROPEMAP_OK ? choose(queue, &claim, &later) : -1;
    if (shard >= 0) {
        *waits = false;
        status = make_shard(queue, shard, &claim, compute, user, error);
    } else if (status == ROPEMAP_OK) {
        *waits = true;
        *end = later ? *end : WORK_LEFT;
    }
    if (status == ROPEMAP_IO && is_finished(queue)) { /* with this shard made by another */
        *end = WORK_FINISHED;
        status = ROPEMAP_OK;
    }
    return status;
}

/* The outputs are written. The last to leave takes the record along; that of ranks and of arrays stays, for
 * those that start late. */
static void leave(work_queue *queue) {
    const char *folder = queue->options->folder;
    char path[PATH_MAX];
    if (queue->options->keep) {
        return;
    }
    shards_clear(folder, true);
    if (queue->size == 1 && queue->worker.element < 0 && living_is_last(queue->living)) {
        (void)snprintf(path, sizeof path, "%s/run.json", folder);
        (void)unlink(path);
        (void)rmdir(folder);
    }
}

/* A tenth of the wait so far: whatever ends it is soon noticed, and long waits cost a file server little. */
static void rest(double waited) {
    const double seconds = fmin(fmax(waited / 10.0, 0.02), 0.5);
    const struct timespec time = {.tv_nsec = (long)(seconds * 1e9)};
    (void)nanosleep(&time, NULL);
}

ropemap_status work_run(work_queue *queue, work_compute compute, work_take take_one, void *user,
                        work_end *end, ropemap_error *error) {
    double idle = 0.0; /* since when */
    bool waits = false;
    ropemap_status status = ROPEMAP_OK;
    *end = queue->finished ? WORK_FINISHED : WORK_GOES_ON;
    while (status == ROPEMAP_OK && *end == WORK_GOES_ON) {
        status = is_called_off(queue) ? stopped(queue, error)
                                      : step(queue, compute, take_one, user, end, &waits, error);
        const bool rests = status == ROPEMAP_OK && *end == WORK_GOES_ON && waits;
        idle = !rests ? 0.0 : idle > 0.0 ? idle : wall_clock();
        if (rests) {
            rest(wall_clock() - idle);
            (void)work_tell(queue, "", 0.0, 1.0);
        }
    }
    if (status == ROPEMAP_OK && *end == WORK_FINISHED) {
        leave(queue);
    }
    return status;
}

ropemap_status work_finish(work_queue *queue, ropemap_status written, ropemap_error *error) {
    const char *folder = queue->options->folder;
    ropemap_status status = written;
    if (status == ROPEMAP_OK) {
        status = record_finish(folder, queue->document, &queue->run->outputs, error);
    } else if (status == ROPEMAP_IO && is_finished(queue)) {
        status = ROPEMAP_OK;
    }
    claim_leave(&queue->merging, status == ROPEMAP_OK);
    if (status == ROPEMAP_OK) {
        leave(queue);
    }
    return status;
}

void work_report(const work_queue *queue, work_end end, bool quiet) {
    if (!quiet && end == WORK_LEFT) {
        (void)fprintf(stderr, "ropemap: %" PRId64 " of %" PRId64 " shards are left to other workers\n",
                      queue->count - queue->shards, queue->count);
    } else if (!quiet) {
        (void)fprintf(stderr, "ropemap: nothing left to do: the outputs are written\n");
    }
}
