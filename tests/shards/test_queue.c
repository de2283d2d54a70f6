/* test_queue.c - one worker among others that hang, lag behind, or have no locks */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/run.h" /* before cmocka, which has a macro fail() */

#include "tests/directory.h"
#include "tools/shards/shards.h"

#include <errno.h>
#include <sys/file.h>

enum { SHARDS = 7 };

/* ---- calls that fail on demand (--wrap in tests/CMakeLists.txt) ------------------------------------------
 */

static int flock_error;     /* errno of every flock(); 0: they work */
static int hidden_listings; /* that do not show the shard named below */
static const char *hidden = "shard-000001.bin";

int __real_flock(int file, int operation);
int __wrap_flock(int file, int operation);
struct dirent *__real_readdir64(DIR *stream);
struct dirent *__wrap_readdir64(DIR *stream);

int __wrap_flock(int file, int operation) {
    errno = flock_error;
    return flock_error != 0 ? -1 : __real_flock(file, operation);
}

struct dirent *__wrap_readdir64(DIR *stream) {
    struct dirent *found = __real_readdir64(stream);
    if (hidden_listings > 0 && found != NULL && strcmp(found->d_name, hidden) == 0) {
        hidden_listings--;
        return __wrap_readdir64(stream);
    }
    return found;
}

/* ---- a worker --------------------------------------------------------------------------------------------
 */

typedef struct worker {
    cli_run run;
    work_options options;
    work_queue queue;
    char folder[NAME], output[NAME];
    int64_t computed[4 * SHARDS], taken[4 * SHARDS];
    int computed_count, taken_count;
} worker;

static void start(worker *one, double patience) {
    ropemap_error error = {0};
    memset(one, 0, sizeof *one);
    (void)snprintf(one->folder, sizeof one->folder, "%s", in_directory("w"));
    (void)snprintf(one->output, sizeof one->output, "%s", in_directory("out"));
    one->options.folder = one->folder;
    one->run.command = &command_map;
    one->run.progress = progress_start(true);
    assert_int_equal(ropemap_outputs_new(&one->run.outputs.set, &error), 0);
    assert_int_equal(outputs_add(&one->run.outputs, one->output, OUTPUT_ANY, true, &error), 0);
    assert_int_equal(work_open(&one->options, true, &one->run, &one->queue, &error), 0);
    one->queue.patience = patience;
    assert_int_equal(work_join(&one->queue, "cpu", "tiled", SHARDS, true, &error), 0);
}

static void end(worker *one) {
    work_free(&one->queue);
    outputs_free(&one->run.outputs);
}

static ropemap_status compute(void *user, int64_t shard, ropemap_bytes *bytes, ropemap_error *error) {
    worker *one = user;
    one->computed[one->computed_count++] = shard;
    bytes->data = malloc(sizeof shard);
    bytes->size = sizeof shard;
    memcpy(bytes->data, &shard, sizeof shard);
    return ROPEMAP_OK;
}

static ropemap_status take(void *user, int64_t shard, const ropemap_bytes *bytes, ropemap_error *error) {
    worker *one = user;
    one->taken_count = shard == 0 ? 0 : one->taken_count;
    one->taken[one->taken_count++] = shard;
    assert_int_equal(bytes->size, sizeof shard);
    assert_memory_equal(bytes->data, &shard, sizeof shard);
    return ROPEMAP_OK;
}

static void run_and_merge(worker *one) {
    work_end outcome = WORK_LEFT;
    ropemap_error error = {0};
    assert_int_equal(work_run(&one->queue, compute, take, one, &outcome, &error), 0);
    assert_int_equal(outcome, WORK_MERGE);
    assert_int_equal(one->taken_count, SHARDS);
}

/* How often a worker computed a shard. */
static int times(const worker *one, int64_t shard) {
    int count = 0;
    for (int i = 0; i < one->computed_count; i++) {
        count += one->computed[i] == shard;
    }
    return count;
}

static void finish(worker *one) {
    ropemap_error error = {0};
    const int file = open(one->output, O_WRONLY | O_CREAT, 0666);
    assert_true(file >= 0 && close(file) == 0);
    assert_int_equal(work_finish(&one->queue, ROPEMAP_OK, &error), 0);
}

/* A claim as another process holds it. */
static int hold(const worker *one, const char *claim) {
    char path[2 * NAME];
    (void)snprintf(path, sizeof path, "%s/%s", one->folder, claim);
    const int file = open(path, O_RDWR | O_CREAT, 0666);
    assert_true(file >= 0);
    assert_int_equal(__real_flock(file, LOCK_EX | LOCK_NB), 0);
    return file;
}

/* ---- tests -----------------------------------------------------------------------------------------------
 */

static void test_alone(void **state) {
    static worker one;
    start(&one, 30.0);
    run_and_merge(&one);
    for (int64_t shard = 0; shard < SHARDS; shard++) {
        assert_int_equal(times(&one, shard), 1);
    }
    assert_int_equal(one.computed[0], getpid() % 16 * SHARDS / 16); /* as nobody else, perhaps */
    finish(&one);
    assert_int_equal(entries(one.folder), -1); /* it is gone */
    end(&one);
}

/* A thread of the process computes, and leaves the outputs to it; it ends when it is to. */
static void test_a_thread_of_the_process(void **state) {
    static worker one, other;
    atomic_bool over = false;
    work_end outcome = WORK_FINISHED;
    ropemap_error error = {0};
    start(&one, 30.0);
    memset(&other, 0, sizeof other);
    assert_int_equal(work_split(&one.queue, 1, &over, &other.queue, &error), 0);
    over = true;
    assert_int_equal(work_run(&other.queue, compute, NULL, &other, &outcome, &error), ROPEMAP_STOPPED);
    assert_int_equal(other.computed_count, 0);
    over = false;
    assert_int_equal(work_run(&other.queue, compute, NULL, &other, &outcome, &error), 0);
    assert_int_equal(outcome, WORK_LEFT);
    assert_int_equal(other.computed_count, SHARDS);
    assert_int_equal(other.computed[0], (getpid() + 1) % 16 * SHARDS / 16);
    work_free(&other.queue);
    run_and_merge(&one);
    assert_int_equal(one.computed_count, 0);
    finish(&one);
    assert_int_equal(entries(one.folder), -1);
    end(&one);
}

/* A holder that hangs: its shards, and the outputs, are done without it. */
static void test_a_claim_that_hangs(void **state) {
    static worker one;
    start(&one, 0.1);
    const int shard = hold(&one, "claim-000003"), outputs = hold(&one, "claim-000007");
    run_and_merge(&one);
    assert_int_equal(one.computed_count, SHARDS);
    assert_int_equal(one.computed[SHARDS - 1], 3);
    finish(&one);
    (void)close(shard);
    (void)close(outputs);
    end(&one);
}

static void test_a_file_system_without_locks(void **state) {
    static worker one;
    flock_error = ENOSYS;
    start(&one, 30.0);
    run_and_merge(&one);
    assert_true(one.queue.lockless);
    assert_int_equal(one.computed_count, SHARDS);
    finish(&one);
    assert_int_equal(entries(one.folder), 1); /* the record: nobody knows who else is there */
    (void)unlinkat(AT_FDCWD, in_directory("w/run.json"), 0);
    end(&one);
    flock_error = EACCES; /* which some file systems say of a lock that another has */
    start(&one, 0.05);
    run_and_merge(&one);
    assert_false(one.queue.lockless);
    flock_error = 0;
    finish(&one);
    (void)unlinkat(AT_FDCWD, in_directory("w/run.json"), 0);
    end(&one);
}

/* Another worker has finished a shard that the listing does not show yet: it is waited for. */
static void test_a_listing_that_lags(void **state) {
    static worker one;
    ropemap_error error = {0};
    start(&one, 30.0);
    const int64_t number = 1;
    const ropemap_bytes bytes = {.data = (uint8_t *)(uintptr_t)&number, .size = sizeof number};
    work_claim claim;
    assert_int_equal(claim_take(one.folder, 1, false, &claim), CLAIM_MINE);
    assert_int_equal(shard_write(one.folder, one.queue.number, 1, 0.0, &bytes, &error), 0);
    claim_leave(&claim, true);
    hidden_listings = 5;
    run_and_merge(&one);
    assert_int_equal(hidden_listings, 0);
    assert_int_equal(times(&one, 1), 0);
    assert_int_equal(one.computed_count, SHARDS - 1);
    finish(&one);
    (void)unlinkat(AT_FDCWD, in_directory("w/run.json"), 0);
    end(&one);
}

/* Of a listing that never shows it, and of one that shows what cannot be read. */
static void test_a_shard_that_is_lost(void **state) {
    static worker one;
    ropemap_error error = {0};
    start(&one, 0.1);
    work_claim claim;
    assert_int_equal(claim_take(one.folder, 1, false, &claim), CLAIM_MINE);
    claim_leave(&claim, true);
    const int64_t number = 2;
    const ropemap_bytes bytes = {.data = (uint8_t *)(uintptr_t)&number, .size = sizeof number};
    assert_int_equal(shard_write(one.folder, one.queue.number + 1, 2, 0.0, &bytes, &error),
                     0); /* another run's */
    run_and_merge(&one);
    assert_int_equal(times(&one, 1), 1);
    assert_int_equal(times(&one, 2), 1);
    finish(&one);
    (void)unlinkat(AT_FDCWD, in_directory("w/run.json"), 0);
    end(&one);
}

/* Own shards come first; two that write the outputs at once, as without locks, both succeed. */
static void test_two_workers(void **state) {
    static worker one, other;
    assert_int_equal(setenv("PMI_RANK", "2", 1) + setenv("PMI_SIZE", "3", 1), 0);
    start(&one, 0.05);
    run_and_merge(&one);
    assert_int_equal(one.computed[0], 2);
    assert_int_equal(one.computed[1], 5);
    assert_int_equal(one.computed_count, SHARDS);
    assert_int_equal(setenv("PMI_RANK", "0", 1), 0);
    start(&other, 0.05);
    run_and_merge(&other);
    assert_int_equal(other.computed_count, 0);
    finish(&one);
    finish(&other);
    ropemap_error error = {0};
    worker late;
    memset(&late, 0, sizeof late);
    assert_int_equal(ropemap_outputs_new(&late.run.outputs.set, &error), 0);
    late.run.command = &command_map;
    assert_int_equal(outputs_add(&late.run.outputs, one.output, OUTPUT_ANY, true, &error), 0);
    assert_int_equal(work_open(&one.options, false, &late.run, &late.queue, &error), 0);
    assert_true(late.queue.finished);
    end(&late);
    assert_int_equal(unsetenv("PMI_RANK") + unsetenv("PMI_SIZE"), 0);
    (void)unlinkat(AT_FDCWD, in_directory("w/run.json"), 0);
    end(&one);
    end(&other);
}

/* The last to leave takes the record along. */
static void test_the_last_to_leave(void **state) {
    static worker one, other;
    work_end outcome = WORK_LEFT;
    ropemap_error error = {0};
    start(&other, 30.0);
    start(&one, 30.0);
    run_and_merge(&one);
    finish(&one);
    assert_int_equal(entries(one.folder), 1);
    assert_int_equal(work_run(&other.queue, compute, take, &other, &outcome, &error), 0);
    assert_int_equal(outcome, WORK_FINISHED);
    assert_int_equal(entries(one.folder), -1);
    end(&one);
    end(&other);
}

static void test_a_shard_is_whole_or_none(void **state) {
    ropemap_error error = {0};
    ropemap_bytes bytes = {.data = (uint8_t *)(uintptr_t) "seven", .size = 5}, back = {.data = NULL};
    double seconds = 0.0;
    assert_int_equal(shard_write(directory, 7, 1, 2.5, &bytes, &error), 0);
    assert_int_equal(shard_read(directory, 7, 1, &back, &seconds, &error), 0);
    assert_true(seconds == 2.5 && back.size == 5);
    assert_memory_equal(back.data, "seven", 5);
    ropemap_bytes_free(&back);
    assert_int_equal(shard_read(directory, 8, 1, &back, NULL, &error), ROPEMAP_DATA);
    assert_int_equal(shard_read(directory, 7, 2, &back, NULL, &error), ROPEMAP_IO);
    char path[NAME];
    (void)snprintf(path, sizeof path, "%s", in_directory("shard-000001.bin"));
    assert_int_equal(rename(path, in_directory("shard-000002.bin")), 0);
    assert_int_equal(shard_read(directory, 7, 2, &back, NULL, &error), ROPEMAP_DATA); /* it is number 1 */
    assert_int_equal(rename(in_directory("shard-000002.bin"), path), 0);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    const int file = open(path, O_RDWR);
    for (off_t at = 0; at < status.st_size; at++) {
        uint8_t byte = 0;
        assert_int_equal(pread(file, &byte, 1, at), 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(file, &byte, 1, at), 1);
        assert_int_equal(shard_read(directory, 7, 1, &back, NULL, &error), ROPEMAP_DATA);
        byte ^= 0x10;
        assert_int_equal(pwrite(file, &byte, 1, at), 1);
    }
    for (off_t size = status.st_size - 1; size >= 0; size--) {
        assert_int_equal(ftruncate(file, size), 0);
        assert_int_equal(shard_read(directory, 7, 1, &back, NULL, &error), ROPEMAP_DATA);
    }
    (void)close(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(test_alone),
        IN_DIRECTORY(test_a_thread_of_the_process),
        IN_DIRECTORY(test_a_claim_that_hangs),
        IN_DIRECTORY(test_a_file_system_without_locks),
        IN_DIRECTORY(test_a_listing_that_lags),
        IN_DIRECTORY(test_a_shard_that_is_lost),
        IN_DIRECTORY(test_two_workers),
        IN_DIRECTORY(test_the_last_to_leave),
        IN_DIRECTORY(test_a_shard_is_whole_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
