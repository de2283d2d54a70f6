/* test_jobs.c - work for other threads: each job comes out once, whatever is dropped, replaced or stopped */
/* SPDX-License-Identifier: MIT */
#include "tests/unit.h"
#include "tools/serve/jobs.h"

#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 60, JOBS = 120, QUICK = 0, SLOW = 1, ENDLESS = 2 };

static uint64_t seed = 7;

/* What happened to a job, whose `request` is its place in `all`. */
typedef struct record {
    int kind;
    atomic_int started, made;
    bool open, replaced, dropped; /* as it should be */
    char view[4];
} record;

typedef struct workplace {
    record all[SERVE_WAITING + JOBS];
    atomic_int makers, makers_most; /* that run now, and ever did at once */
    serve_jobs *jobs;
    int pipe[2];
} workplace;

static void pause_briefly(void) {
    const struct timespec moment = {.tv_nsec = 20000};
    (void)nanosleep(&moment, NULL);
}

/* As the library does its work: asks now and then whether to stop. */
static void make(void *context, serve_job *job) {
    workplace *place = context;
    record *one = job->request;
    const int makers = atomic_fetch_add(&place->makers, 1) + 1;
    int most = atomic_load(&place->makers_most);
    while (makers > most && !atomic_compare_exchange_weak(&place->makers_most, &most, makers)) {
    }
    atomic_fetch_add(&one->started, 1);
    for (int turn = 0; one->kind == ENDLESS || turn < 3 * one->kind; turn++) {
        if (job_progress(job, "work", turn, 10.0) != 0) {
            break;
        }
        pause_briefly();
    }
    job->answer->status = 200;
    atomic_fetch_add(&one->made, 1);
    (void)atomic_fetch_sub(&place->makers, 1);
}

static void open_place(workplace *place) {
    memset(place, 0, sizeof *place);
    assert_int_equal(pipe(place->pipe), 0);
    place->jobs = jobs_start(place, place->pipe[1]);
    assert_non_null(place->jobs);
}

/* Stops, whatever is still there; a sanitizer sees jobs that are freed twice or never. */
static void close_place(workplace *place, int count) {
    jobs_stop(place->jobs);
    assert_int_equal(atomic_load(&place->makers), 0);
    assert_true(atomic_load(&place->makers_most) <= SERVE_WORKERS);
    for (int i = 0; i < count; i++) {
        assert_int_equal(atomic_load(&place->all[i].started), atomic_load(&place->all[i].made));
        assert_true(atomic_load(&place->all[i].made) <= 1);
    }
    (void)close(place->pipe[0]);
    (void)close(place->pipe[1]);
}

static serve_job *new_job(workplace *place, int number, int kind, const char *view) {
    record *one = &place->all[number];
    serve_job *job = job_new();
    assert_non_null(job);
    one->kind = kind;
    (void)snprintf(one->view, sizeof one->view, "%s", view);
    (void)snprintf(job->view, sizeof job->view, "%s", view);
    job->make = make;
    job->request = one;
    job->answer->bytes.data = malloc(1);
    assert_non_null(job->answer->bytes.data);
    return job;
}

/* What should become of the jobs of a view when a newer one comes. */
static void expect_replaced(workplace *place, const char *view) {
    for (int i = 0; i < JOBS && view[0] != '\0'; i++) {
        record *one = &place->all[i];
        if (one->open && strcmp(one->view, view) == 0) {
            one->replaced = one->dropped = true;
        }
    }
}

/* Fetches a job and looks at it; false where there is none. */
static bool fetch(workplace *place) {
    serve_job *job = jobs_next(place->jobs);
    if (job == NULL) {
        return false;
    }
    record *one = job->request;
    assert_true(one->open);
    one->open = false;
    assert_int_equal(job->replaced, one->replaced);
    assert_int_equal(atomic_load(&job->dropped), one->dropped);
    assert_true(one->dropped || atomic_load(&one->made) == 1);
    assert_int_equal(job->answer->status, atomic_load(&one->made) == 1 ? 200 : 0);
    job_free(job);
    return true;
}

/* Waits for the descriptor to say that there is something. */
static void await_one(workplace *place) {
    char byte = 0;
    struct pollfd file = {.fd = place->pipe[0], .events = POLLIN};
    while (!fetch(place)) {
        assert_int_equal(poll(&file, 1, 20000), 1);
        assert_int_equal(read(place->pipe[0], &byte, 1), 1);
    }
}

static void await_started(const record *one) {
    while (atomic_load(&one->started) == 0) {
        pause_briefly();
    }
}

/* ---- steps of chance ----------------------------------------------------------------------------------- */

static int step(workplace *place, int count) {
    static const char *const views[] = {"", "", "a", "b"};
    const char *view = views[chance(&seed, 4)];
    switch (chance(&seed, 6)) {
    case 0:
        (void)fetch(place);
        break;
    case 1:
        jobs_replace(place->jobs, view);
        expect_replaced(place, view);
        break;
    case 2:
        if (count > 0) {
            record *one = &place->all[chance(&seed, count)];
            jobs_drop(place->jobs, one);
            one->dropped = one->dropped || one->open;
        }
        break;
    default:
        if (count < JOBS) {
            serve_job *job = new_job(place, count, chance(&seed, 3), view);
            expect_replaced(place, view);
            if (jobs_add(place->jobs, job)) {
                place->all[count].open = true;
            } else {
                job_free(job);
            }
            count++;
        }
        break;
    }
    return count;
}

static int open_jobs(const workplace *place) {
    int open = 0;
    for (int i = 0; i < JOBS; i++) {
        open += place->all[i].open ? 1 : 0;
    }
    return open;
}

static void each_job_comes_out_once(void **state) {
    static workplace place;
    for (int round = 0; round < ROUNDS; round++) {
        open_place(&place);
        int count = 0;
        const int steps = chance(&seed, 3 * JOBS);
        for (int i = 0; i < steps; i++) {
            count = step(&place, count);
            assert_int_equal(jobs_open(place.jobs), open_jobs(&place));
        }
        if (round % 3 != 0) { /* else it stops while work runs */
            for (int i = 0; i < count; i++) {
                if (place.all[i].kind == ENDLESS) {
                    jobs_drop(place.jobs, &place.all[i]);
                    place.all[i].dropped = place.all[i].dropped || place.all[i].open;
                }
            }
            while (open_jobs(&place) > 0) {
                await_one(&place);
            }
            assert_int_equal(jobs_open(place.jobs), 0);
            assert_null(jobs_next(place.jobs));
        }
        close_place(&place, count);
    }
}

/* ---- one at a time ------------------------------------------------------------------------------------- */

static void add(workplace *place, int number, int kind, const char *view) {
    assert_true(jobs_add(place->jobs, new_job(place, number, kind, view)));
    place->all[number].open = true;
}

/* Keeps all workers busy, with jobs 0 to SERVE_WORKERS - 1. */
static void occupy(workplace *place) {
    for (int i = 0; i < SERVE_WORKERS; i++) {
        add(place, i, ENDLESS, "");
        await_started(&place->all[i]);
    }
}

/* What waits is never begun when it is dropped. */
static void what_waits_is_dropped_unmade(void **state) {
    static workplace place;
    enum { A = SERVE_WORKERS, B, OTHER, NEWER, COUNT };
    open_place(&place);
    occupy(&place);
    add(&place, A, QUICK, "a");
    add(&place, B, QUICK, "b");
    add(&place, OTHER, QUICK, "");
    expect_replaced(&place, "a");
    add(&place, NEWER, QUICK, "a");
    await_one(&place); /* at once, past those that wait */
    assert_false(place.all[A].open);
    jobs_drop(place.jobs, &place.all[B]);
    place.all[B].dropped = true;
    await_one(&place);
    assert_false(place.all[B].open);
    assert_true(place.all[0].open && place.all[OTHER].open && place.all[NEWER].open);
    jobs_drop(place.jobs, &place.all[0]);
    place.all[0].dropped = true;
    for (int i = 0; i < 3; i++) {
        await_one(&place);
    }
    assert_int_equal(atomic_load(&place.all[A].started) + atomic_load(&place.all[B].started), 0);
    close_place(&place, COUNT);
}

static void a_full_queue_takes_no_more(void **state) {
    static workplace place;
    open_place(&place);
    occupy(&place);
    const int next = SERVE_WORKERS + SERVE_WAITING;
    for (int i = SERVE_WORKERS; i < next; i++) {
        add(&place, i, QUICK, i == SERVE_WORKERS + 5 ? "v" : "");
    }
    serve_job *job = new_job(&place, next, QUICK, "w");
    assert_false(jobs_add(place.jobs, job));
    assert_int_equal(jobs_open(place.jobs), next);
    (void)snprintf(job->view, sizeof job->view, "v"); /* one that takes the place of another has room */
    expect_replaced(&place, "v");
    assert_true(jobs_add(place.jobs, job));
    place.all[next].open = true;
    close_place(&place, next + 1);
}

/* How far a job is, of the newest that is made of its view. */
static void a_view_has_a_share(void **state) {
    static workplace place;
    open_place(&place);
    assert_true(jobs_share(place.jobs, "v") < 0.0 && jobs_share(place.jobs, "") < 0.0);
    add(&place, 0, ENDLESS, "v");
    await_started(&place.all[0]);
    double share = 0.0;
    while (share < 0.1) { /* of 10 turns the first is a tenth */
        share = jobs_share(place.jobs, "v");
        assert_true(share >= -1.0 && share <= 1.0);
    }
    assert_true(jobs_share(place.jobs, "w") < 0.0);
    jobs_drop(place.jobs, &place.all[0]);
    place.all[0].dropped = true;
    assert_true(jobs_share(place.jobs, "v") < 0.0);
    await_one(&place);
    close_place(&place, 1);
}

/* One slow job is made at a time, and others pass those that wait. */
static void slow_jobs_hold_up_no_others(void **state) {
    static workplace place;
    open_place(&place);
    for (int i = 0; i < 2 * SERVE_WORKERS; i++) {
        serve_job *job = new_job(&place, i, ENDLESS, "");
        job->slow = true;
        assert_true(jobs_add(place.jobs, job));
        place.all[i].open = true;
    }
    await_started(&place.all[0]);
    add(&place, 2 * SERVE_WORKERS, QUICK, "");
    await_one(&place);
    assert_false(place.all[2 * SERVE_WORKERS].open);
    for (int i = 0; i < 2 * SERVE_WORKERS; i++) { /* each once the one before it ends */
        await_started(&place.all[i]);
        assert_int_equal(i + 1 < 2 * SERVE_WORKERS ? atomic_load(&place.all[i + 1].started) : 0, 0);
        jobs_drop(place.jobs, &place.all[i]);
        place.all[i].dropped = true;
        await_one(&place);
    }
    close_place(&place, 2 * SERVE_WORKERS + 1);
}

/* Nobody reads the descriptor until it takes no more: the workers do not wait for that. */
static void a_full_pipe_holds_nobody_up(void **state) {
    static workplace place;
    char bytes[4096] = {0};
    open_place(&place);
    const int flags = fcntl(place.pipe[1], F_GETFL);
    assert_int_equal(fcntl(place.pipe[1], F_SETFL, flags | O_NONBLOCK), 0);
    while (write(place.pipe[1], bytes, sizeof bytes) > 0) {
    }
    for (int i = 0; i < 20; i++) {
        add(&place, i, QUICK, "");
    }
    while (open_jobs(&place) > 0) {
        if (!fetch(&place)) {
            pause_briefly();
        }
    }
    close_place(&place, 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_job_comes_out_once),     cmocka_unit_test(what_waits_is_dropped_unmade),
        cmocka_unit_test(a_full_queue_takes_no_more),  cmocka_unit_test(slow_jobs_hold_up_no_others),
        cmocka_unit_test(a_full_pipe_holds_nobody_up), cmocka_unit_test(a_view_has_a_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
