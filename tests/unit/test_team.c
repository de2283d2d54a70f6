/* test_team.c - every task once, the lowest failure reported, stops obeyed, worker numbers exclusive */
/* SPDX-License-Identifier: MIT */
#include "host/base/team.h"
#include "tests/unit.h"

#include <stdatomic.h>
#include <time.h>

enum { TASKS = 500, THREADS_MOST = 16 };

/* What the tasks of a test write down. The counters are plain where the team must keep threads apart. */
struct record {
    int runs[TASKS]; /* by task */
    int64_t
        by_worker[THREADS_MOST]; /* tasks a worker ran: not atomic, a shared number would be a data race */
    atomic_bool busy[THREADS_MOST];
    atomic_bool shared; /* two tasks ran at once with one number */
    int32_t threads;
    int64_t fails_from; /* tasks from here on fail; TASKS for none */
    atomic_bool flag;
    int calls; /* of the progress callback */
    int stop_at;
    double last_done, last_total;
};

static void pause_briefly(void) {
    const struct timespec moment = {.tv_nsec = 100000};
    (void)nanosleep(&moment, NULL);
}

/* Waits for another thread, at most 5 s. */
static bool wait_for(atomic_bool *flag) {
    for (int i = 0; i < 50000 && !atomic_load(flag); i++) {
        pause_briefly();
    }
    return atomic_load(flag);
}

static ropemap_status note(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    struct record *record = work;
    if (worker < 0 || worker >= record->threads) {
        return rm_fail(error, ROPEMAP_INTERNAL, "worker %d of %d", (int)worker, (int)record->threads);
    }
    if (atomic_exchange(&record->busy[worker], true)) {
        atomic_store(&record->shared, true);
    }
    record->by_worker[worker]++;
    record->runs[task]++;
    atomic_store(&record->busy[worker], false);
    if (task >= record->fails_from) {
        return rm_fail(error, ROPEMAP_DATA, "task %d", (int)task);
    }
    return ROPEMAP_OK;
}

static int tell(void *user, const char *stage, double done, double total) {
    struct record *record = user;
    assert_string_equal(stage, "test");
    assert_true(done >= record->last_done && done <= total);
    record->last_done = done;
    record->last_total = total;
    record->calls++;
    return record->stop_at != 0 && record->calls >= record->stop_at;
}

static struct record new_record(int32_t threads) {
    return (struct record){.threads = threads, .fails_from = TASKS};
}

static rm_team team_of(struct record *record) {
    return (rm_team){.threads = record->threads, .progress = tell, .progress_user = record};
}

static void test_every_task_runs_once(void **state) {
    static const int32_t threads[] = {1, 2, 3, 5, 16};
    static const int64_t counts[] = {1, 2, 31, TASKS};
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            struct record record = new_record(threads[t]);
            rm_team team = team_of(&record);
            assert_int_equal(rm_team_run(&team, "test", counts[c], note, &record, NULL), ROPEMAP_OK);
            for (int64_t i = 0; i < TASKS; i++) {
                assert_int_equal(record.runs[i], i < counts[c] ? 1 : 0);
            }
            int64_t sum = 0;
            for (int32_t i = 0; i < threads[t]; i++) {
                sum += record.by_worker[i];
            }
            assert_int_equal(sum, counts[c]);
            assert_false(atomic_load(&record.shared));
        }
    }
}

static void test_no_tasks(void **state) {
    struct record record = new_record(3);
    rm_team team = team_of(&record);
    assert_int_equal(rm_team_run(&team, "test", 0, note, &record, NULL), ROPEMAP_OK);
    assert_int_equal(record.runs[0], 0);
}

static void test_no_callback_and_no_error(void **state) {
    struct record record = new_record(2);
    rm_team team = {.threads = 2};
    assert_int_equal(rm_team_run(&team, "test", TASKS, note, &record, NULL), ROPEMAP_OK);
    record.fails_from = 0;
    assert_int_equal(rm_team_run(&team, "test", TASKS, note, &record, NULL), ROPEMAP_DATA);
}

static void test_failure_is_the_lowest_and_ends_the_run(void **state) {
    for (int32_t threads = 1; threads <= 5; threads++) {
        struct record record = new_record(threads);
        record.fails_from = 40;
        rm_team team = team_of(&record);
        ropemap_error error = {0};
        assert_int_equal(rm_team_run(&team, "test", TASKS, note, &record, &error), ROPEMAP_DATA);
        assert_int_equal(error.status, ROPEMAP_DATA);
        /* task 40 starts before any later one, so it has failed whenever one did */
        assert_string_equal(error.text, "task 40");
        for (int64_t i = 0; i < 40; i++) {
            assert_int_equal(record.runs[i], 1);
        }
        for (int64_t i = 40 + threads; i < TASKS; i++) {
            assert_int_equal(record.runs[i], 0);
        }
    }
}

/* Task 0 fails only after task 1 has. */
static ropemap_status fail_in_reverse(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    (void)worker;
    struct record *record = work;
    if (task == 0 && !wait_for(&record->flag)) {
        return rm_fail(error, ROPEMAP_INTERNAL, "task 1 never ran beside task 0");
    }
    atomic_store(&record->flag, true);
    return rm_fail(error, task == 0 ? ROPEMAP_DATA : ROPEMAP_IO, "task %d", (int)task);
}

static void test_lower_task_that_fails_later_is_reported(void **state) {
    struct record record = new_record(2);
    rm_team team = {.threads = 2};
    ropemap_error error = {0};
    assert_int_equal(rm_team_run(&team, "test", 2, fail_in_reverse, &record, &error), ROPEMAP_DATA);
    assert_string_equal(error.text, "task 0");
}

static void test_stop_by_the_callback(void **state) {
    for (int32_t threads = 1; threads <= 3; threads += 2) {
        struct record record = new_record(threads);
        record.stop_at = 1;
        rm_team team = team_of(&record);
        ropemap_error error = {0};
        assert_int_equal(rm_team_run(&team, "test", TASKS, note, &record, &error), ROPEMAP_STOPPED);
        assert_int_equal(error.status, ROPEMAP_STOPPED);
        assert_true(strlen(error.text) > 0);
        if (threads == 1) {
            assert_int_equal(record.calls, 1);
            assert_int_equal(record.runs[0], 1);
            assert_int_equal(record.runs[1], 0);
        }
    }
}

/* The caller's task ends before the helper's, which waits until its own progress is reported. */
static ropemap_status helper_ends_last(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    (void)task;
    (void)error;
    struct record *record = work;
    if (worker == 0) {
        (void)wait_for(&record->busy[1]);
    } else {
        atomic_store(&record->busy[1], true);
        (void)wait_for(&record->flag);
        for (int i = 0; i < 20; i++) {
            pause_briefly();
        }
    }
    return ROPEMAP_OK;
}

static int tell_and_release(void *user, const char *stage, double done, double total) {
    struct record *record = user;
    const int stop = tell(user, stage, done, total);
    atomic_store(&record->flag, true);
    return stop;
}

static void test_progress_ends_at_the_total(void **state) {
    for (int32_t threads = 1; threads <= 2; threads++) {
        struct record record = new_record(threads);
        rm_team team = {.threads = threads, .progress = tell_and_release, .progress_user = &record};
        rm_task task = threads == 1 ? note : helper_ends_last;
        assert_int_equal(rm_team_run(&team, "test", 2, task, &record, NULL), ROPEMAP_OK);
        assert_true(record.last_total == 2.0);
        assert_true(record.last_done == 2.0);
    }
}

/* The caller has nothing left to do, and reports progress while a helper works on. */
static ropemap_status helper_waits_for_tellings(void *work, int64_t task, int32_t worker,
                                                ropemap_error *error) {
    (void)task;
    struct record *record = work;
    if (worker == 0) {
        return wait_for(&record->busy[1]) ? ROPEMAP_OK : rm_fail(error, ROPEMAP_INTERNAL, "no helper");
    }
    atomic_store(&record->busy[1], true);
    return wait_for(&record->flag) ? ROPEMAP_OK : rm_fail(error, ROPEMAP_INTERNAL, "never told");
}

static int tell_thrice(void *user, const char *stage, double done, double total) {
    struct record *record = user;
    const int stop = tell(user, stage, done, total);
    atomic_store(&record->flag, record->calls >= 3);
    return stop;
}

static void test_progress_goes_on_while_the_caller_waits(void **state) {
    struct record record = new_record(2);
    rm_team team = {.threads = 2, .progress = tell_thrice, .progress_user = &record};
    assert_int_equal(rm_team_run(&team, "test", 2, helper_waits_for_tellings, &record, NULL), ROPEMAP_OK);
    assert_true(record.calls >= 3);
}

/* ---- inside a task */

struct long_task {
    rm_team *team;
    struct record record;
};

/* Its one task only ends when the callback has been called, or asks to stop. */
static ropemap_status poll_for_ever(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    struct long_task *work_of = work;
    (void)task;
    while (work_of->record.calls < 2) {
        (void)atomic_fetch_add(&work_of->team->steps, 1);
        RM_TRY(rm_team_poll(work_of->team, worker, error));
    }
    return ROPEMAP_OK;
}

static void test_a_poll_reports_steps(void **state) {
    struct long_task work = {.record = new_record(1)};
    rm_team team = team_of(&work.record);
    team.total_steps = 1e15;
    work.team = &team;
    assert_int_equal(rm_team_run(&team, "test", 1, poll_for_ever, &work, NULL), ROPEMAP_OK);
    assert_true(work.record.last_total == 1e15 && work.record.last_done > 0.0);
}

static void test_a_poll_stops_the_task(void **state) {
    struct long_task work = {.record = new_record(1)};
    work.record.stop_at = 1;
    rm_team team = team_of(&work.record);
    work.team = &team;
    ropemap_error error = {0};
    assert_int_equal(rm_team_run(&team, "test", 1, poll_for_ever, &work, &error), ROPEMAP_STOPPED);
    assert_int_equal(work.record.calls, 1);
}

static void test_size(void **state) {
    int32_t threads = 0;
    assert_int_equal(rm_team_size(7, &threads, NULL), ROPEMAP_OK);
    assert_int_equal(threads, 7);
    assert_int_equal(rm_team_size(0, &threads, NULL), ROPEMAP_OK);
    assert_int_equal(threads, rm_usable_cpus());
    assert_int_equal(rm_team_size(-1, &threads, NULL), ROPEMAP_USAGE);
    assert_int_equal(rm_team_size(1025, &threads, NULL), ROPEMAP_USAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_task_runs_once),
        cmocka_unit_test(test_no_tasks),
        cmocka_unit_test(test_no_callback_and_no_error),
        cmocka_unit_test(test_failure_is_the_lowest_and_ends_the_run),
        cmocka_unit_test(test_lower_task_that_fails_later_is_reported),
        cmocka_unit_test(test_stop_by_the_callback),
        cmocka_unit_test(test_progress_ends_at_the_total),
        cmocka_unit_test(test_progress_goes_on_while_the_caller_waits),
        cmocka_unit_test(test_a_poll_reports_steps),
        cmocka_unit_test(test_a_poll_stops_the_task),
        cmocka_unit_test(test_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
