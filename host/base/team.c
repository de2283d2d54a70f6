/* team.c - threads that share out numbered tasks, report progress and stop on request */
/* SPDX-License-Identifier: MIT */
#include "host/base/team.h"
#include "host/base/alloc.h"

#include <signal.h>
#include <time.h>

enum { REPORT_NANOSECONDS = 100000000, SECOND_NANOSECONDS = 1000000000 }; /* between two reports */

double rm_seconds_now(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void rm_condition_make(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(condition, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

void rm_condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock) {
    struct timespec until = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += REPORT_NANOSECONDS;
    until.tv_sec += until.tv_nsec / SECOND_NANOSECONDS;
    until.tv_nsec %= SECOND_NANOSECONDS;
    (void)pthread_cond_timedwait(condition, lock, &until);
}

/* Of a helper, at least: a task takes a tenth of it. */
static const size_t STACK_BYTES = (size_t)1 << 20;

/* What the workers of one run share. */
struct run {
    rm_team *team;
    int64_t count;
    rm_task task;
    void *work;
    atomic_int_fast64_t next, finished;
    atomic_bool over;     /* no further task starts: one failed, or the callback asked to stop */
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t ended;
    int32_t running;     /* helpers that take tasks */
    int64_t failed_task; /* count while none failed */
    ropemap_status status;
    ropemap_error error;
};

struct worker {
    struct run *run;
    int32_t index;
    pthread_t thread;
};

static void keep_failure(struct run *run, int64_t task, ropemap_status status, const ropemap_error *error) {
    (void)pthread_mutex_lock(&run->lock);
    if (task < run->failed_task) {
        run->failed_task = task;
        run->status = status;
        run->error = *error;
    }
    (void)pthread_mutex_unlock(&run->lock);
    atomic_store(&run->over, true);
}

static ropemap_status stopped(ropemap_error *error) {
    return rm_fail(error, ROPEMAP_STOPPED, "stopped on request");
}

/* Calls back with `done` of `total` tasks, or with the steps so far. */
static void report(rm_team *team, double done, double total) {
    if (team->total_steps > 0.0) {
        const double steps = (double)atomic_load(&team->steps);
        total = team->total_steps;
        done = steps < total ? steps : total;
    }
    team->done = done;
    team->total = total;
    team->reported = rm_seconds_now();
    if (team->progress(team->progress_user, team->stage, done, total) != 0) {
        atomic_store(&team->stopped, true);
    }
}

static void report_tasks(struct run *run) {
    rm_team *team = run->team;
    if (team->progress != NULL) {
        report(team, (double)atomic_load(&run->finished), (double)run->count);
        if (atomic_load(&team->stopped)) {
            ropemap_error error = {0};
            keep_failure(run, run->count - 1, stopped(&error), &error);
        }
    }
}

ropemap_status rm_team_poll(rm_team *team, int32_t worker, ropemap_error *error) {
    const double apart = (double)REPORT_NANOSECONDS / (double)SECOND_NANOSECONDS;
    if (worker == 0 && team->progress != NULL && !atomic_load(&team->stopped) &&
        rm_seconds_now() - team->reported >= apart) {
        report(team, team->done, team->total);
    }
    return atomic_load(&team->stopped) ? stopped(error) : ROPEMAP_OK;
}

ropemap_status rm_team_size(int32_t requested, int32_t *threads, ropemap_error *error) {
    if (requested < 0 || requested > RM_THREADS_MAX) {
        return rm_fail(error, ROPEMAP_USAGE, "threads: %d, expected 1 to %d, or 0 for one a CPU",
                       (int)requested, RM_THREADS_MAX);
    }
    *threads = requested != 0 ? requested : rm_usable_cpus();
    return ROPEMAP_OK;
}

static void take_tasks(struct run *run, int32_t index) {
    while (!atomic_load(&run->over)) {
        const int64_t task = atomic_fetch_add(&run->next, 1);
        if (task >= run->count) {
            return;
        }
        ropemap_error error = {0};
        const ropemap_status status = run->task(run->work, task, index, &error);
        if (status != ROPEMAP_OK) {
            keep_failure(run, task, status, &error);
        }
        atomic_fetch_add(&run->finished, 1);
        if (index == 0 && !atomic_load(&run->over)) {
            report_tasks(run);
        }
    }
}

static void *worker_main(void *argument) {
    struct worker *worker = argument;
    struct run *run = worker->run;
    take_tasks(run, worker->index);
    (void)pthread_mutex_lock(&run->lock);
    run->running--;
    if (run->running == 0) {
        (void)pthread_cond_signal(&run->ended);
    }
    (void)pthread_mutex_unlock(&run->lock);
    return NULL;
}

/* A stack that is large enough, which is not the usual one where `ulimit -s` is small. */
static bool make_room(pthread_attr_t *room) {
    size_t usual = 0;
    if (pthread_attr_init(room) != 0) {
        return false;
    }
    if (pthread_attr_getstacksize(room, &usual) == 0 &&
        (usual >= STACK_BYTES || pthread_attr_setstacksize(room, STACK_BYTES) == 0)) {
        return true;
    }
    (void)pthread_attr_destroy(room);
    return false;
}

/* Starts the helpers with every signal blocked, so that signals go to the caller's own threads. */
static int32_t start_helpers(struct worker *helpers, int32_t wanted, struct run *run) {
    sigset_t all, before;
    pthread_attr_t room;
    const bool roomy = make_room(&room);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int32_t started = 0;
    (void)pthread_mutex_lock(&run->lock); /* no helper ends before all are counted */
    while (started < wanted) {
        helpers[started] = (struct worker){.run = run, .index = started + 1};
        if (pthread_create(&helpers[started].thread, roomy ? &room : NULL, worker_main, &helpers[started]) !=
            0) {
            break;
        }
        started++;
    }
    run->running = started;
    (void)pthread_mutex_unlock(&run->lock);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (roomy) {
        (void)pthread_attr_destroy(&room);
    }
    return started;
}

/* The calling thread has no task left: it reports progress, and may be asked to stop, until the helpers end.
 */
static void wait_for_helpers(struct run *run) {
    (void)pthread_mutex_lock(&run->lock);
    while (run->running > 0) {
        rm_condition_wait(&run->ended, &run->lock);
        if (run->running > 0 && !atomic_load(&run->over)) {
            (void)pthread_mutex_unlock(&run->lock);
            report_tasks(run);
            (void)pthread_mutex_lock(&run->lock);
        }
    }
    (void)pthread_mutex_unlock(&run->lock);
}

ropemap_status rm_team_run(rm_team *team, const char *stage, int64_t count, rm_task task, void *work,
                           ropemap_error *error) {
    if (count <= 0) {
        return ROPEMAP_OK;
    }
    team->stage = stage;
    team->done = 0.0;
    team->total = (double)count;
    team->reported = rm_seconds_now();
    struct run run = {.team = team, .count = count, .task = task, .work = work, .failed_task = count};
    atomic_init(&run.next, 0);
    atomic_init(&run.finished, 0);
    atomic_init(&run.over, false);
    const int32_t wanted = (int32_t)(count < team->threads ? count : team->threads) - 1;
    struct worker *helpers = rm_alloc((uint64_t)wanted, sizeof *helpers);
    if (helpers == NULL) {
        return rm_fail_memory(error, "threads", (uint64_t)wanted * sizeof *helpers);
    }
    (void)pthread_mutex_init(&run.lock, NULL);
    rm_condition_make(&run.ended);
    const int32_t started = start_helpers(helpers, wanted, &run);
    take_tasks(&run, 0);
    wait_for_helpers(&run);
    for (int32_t i = 0; i < started; i++) {
        (void)pthread_join(helpers[i].thread, NULL);
    }
    if (run.failed_task == count && team->done < team->total) {
        report_tasks(&run); /* the last task was another thread's */
    }
    (void)pthread_cond_destroy(&run.ended);
    (void)pthread_mutex_destroy(&run.lock);
    rm_free(helpers);
    if (run.failed_task < count && error != NULL) {
        *error = run.error;
    }
    return run.failed_task < count ? run.status : ROPEMAP_OK;
}
