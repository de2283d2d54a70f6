/* test_output.c - outputs exist only complete, a failure leaves what was there, and what a name means */
/* SPDX-License-Identifier: MIT */
#include "tests/directory.h"
#include "tests/stand_ins.h"
#include "tests/unit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

static mode_t mode_of(const char *path) {
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777;
}

/* ---- files --------------------------------------------------------------------------------------------- */

static void a_new_file_holds_the_bytes(void **state) {
    const mode_t mask = umask(027);
    assert_int_equal(ropemap_output_check(in_directory("a.png"), false, NULL), ROPEMAP_OK);
    assert_int_equal(entries(directory), 0);
    assert_int_equal(write_text(in_directory("a.png"), "new", false, NULL), ROPEMAP_OK);
    (void)umask(mask);
    assert_holds(in_directory("a.png"), "new");
    assert_int_equal(mode_of(in_directory("a.png")), 0640);
    assert_int_equal(entries(directory), 1);
}

static void a_name_without_directory_is_here(void **state) {
    const int here = open(".", O_RDONLY);
    assert_int_equal(chdir(directory), 0);
    assert_int_equal(ropemap_output_check("a.png", false, NULL), ROPEMAP_OK);
    assert_int_equal(write_text("a.png", "new", false, NULL), ROPEMAP_OK);
    assert_int_equal(fchdir(here), 0);
    assert_int_equal(close(here), 0);
    assert_holds(in_directory("a.png"), "new");
}

static void no_bytes_make_an_empty_file(void **state) {
    const ropemap_bytes none = {.data = NULL, .size = 0};
    assert_int_equal(ropemap_output_write(in_directory("empty"), &none, false, NULL), ROPEMAP_OK);
    assert_holds(in_directory("empty"), "");
}

static void many_bytes_arrive_in_order(void **state) {
    const size_t size = 3000001;
    uint8_t *data = malloc(size);
    uint8_t *found = malloc(size);
    assert_true(data != NULL && found != NULL);
    for (size_t index = 0; index < size; index++) {
        data[index] = (uint8_t)(index * 31 + index / 251);
    }
    const ropemap_bytes bytes = {.data = data, .size = size};
    assert_int_equal(ropemap_output_write(in_directory("large"), &bytes, false, NULL), ROPEMAP_OK);
    FILE *stream = fopen(in_directory("large"), "rb");
    assert_non_null(stream);
    assert_int_equal(fread(found, 1, size, stream), size);
    assert_int_equal(fgetc(stream), EOF);
    (void)fclose(stream);
    assert_memory_equal(data, found, size);
    free(data);
    free(found);
}

static void an_old_file_needs_force_and_keeps_its_mode(void **state) {
    put(in_directory("a.png"), "old", 0604);
    ropemap_error error = {0};
    assert_int_equal(ropemap_output_check(in_directory("a.png"), false, &error), ROPEMAP_IO);
    assert_says(error.text, "--force");
    assert_int_equal(write_text(in_directory("a.png"), "new", false, &error), ROPEMAP_IO);
    assert_says(error.text, "--force");
    assert_holds(in_directory("a.png"), "old");
    assert_int_equal(ropemap_output_check(in_directory("a.png"), true, NULL), ROPEMAP_OK);
    assert_holds(in_directory("a.png"), "old");
    assert_int_equal(write_text(in_directory("a.png"), "new", true, NULL), ROPEMAP_OK);
    assert_holds(in_directory("a.png"), "new");
    assert_int_equal(mode_of(in_directory("a.png")), 0604);
    assert_int_equal(entries(directory), 1);
}

static void another_name_of_the_old_file_keeps_the_old_bytes(void **state) {
    char other[NAME];
    (void)snprintf(other, sizeof other, "%s", in_directory("other"));
    put(in_directory("a.png"), "old", 0644);
    assert_int_equal(linkat(AT_FDCWD, in_directory("a.png"), AT_FDCWD, other, 0), 0);
    assert_int_equal(write_text(in_directory("a.png"), "new", true, NULL), ROPEMAP_OK);
    assert_holds(other, "old");
}

/* ---- failures leave nothing ---------------------------------------------------------------------------- */

/* A write beyond the process's limit fails as one on a full disk does. */
static void a_full_disk_leaves_the_old_file(void **state) {
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit small = {.rlim_cur = 10000, .rlim_max = before.rlim_max};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction usual;
    uint8_t *data = calloc(1, 50000);
    const ropemap_bytes bytes = {.data = data, .size = 50000};
    ropemap_error error = {0};
    put(in_directory("old"), "old", 0644);
    assert_int_equal(sigaction(SIGXFSZ, &ignore, &usual), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const ropemap_status replaced = ropemap_output_write(in_directory("old"), &bytes, true, &error);
    const ropemap_status made = ropemap_output_write(in_directory("new"), &bytes, false, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(sigaction(SIGXFSZ, &usual, NULL), 0);
    free(data);
    assert_int_equal(replaced, ROPEMAP_IO);
    assert_int_equal(made, ROPEMAP_IO);
    assert_says(error.text, "old");
    assert_says(error.text, "File too large");
    assert_holds(in_directory("old"), "old");
    assert_int_equal(entries(directory), 1);
}

static void a_full_file_system_leaves_the_old_file(void **state) {
    char full[NAME];
    (void)snprintf(full, sizeof full, "%s", in_directory("full"));
    assert_int_equal(mkdir(full, 0700), 0);
    if (mount("tmpfs", full, "tmpfs", 0, "size=1m") != 0) {
        print_message("skipped: no file system can be mounted here (%s)\n", strerror(errno));
        skip();
    }
    uint8_t *data = calloc(1, 3000000);
    const ropemap_bytes bytes = {.data = data, .size = 3000000};
    ropemap_error error = {0};
    put(in_directory("full/old"), "old", 0644);
    const ropemap_status replaced = ropemap_output_write(in_directory("full/old"), &bytes, true, &error);
    const int left = entries(full);
    const int file = open(in_directory("full/old"), O_RDONLY);
    char found[4] = "";
    const ssize_t length = read(file, found, 4);
    assert_int_equal(close(file), 0);
    assert_int_equal(umount(full), 0);
    free(data);
    assert_int_equal(replaced, ROPEMAP_IO);
    assert_says(error.text, "No space left");
    assert_int_equal(left, 1);
    assert_int_equal(length, 3);
    assert_string_equal(found, "old");
}

static void failing_calls_leave_the_old_file(void **state) {
    ropemap_error error = {0};
    put(in_directory("old"), "old", 0644);
    file_faults.fsync_error = EIO;
    assert_int_equal(write_text(in_directory("old"), "new", true, &error), ROPEMAP_IO);
    assert_says(error.text, "Input/output error");
    assert_int_equal(write_text(in_directory("new"), "new", false, NULL), ROPEMAP_IO);
    file_faults.fsync_error = 0;
    file_faults.rename_error = EACCES;
    assert_int_equal(write_text(in_directory("old"), "new", true, &error), ROPEMAP_IO);
    assert_says(error.text, "Permission denied");
    file_faults.link_error = EIO;
    assert_int_equal(write_text(in_directory("new"), "new", false, &error), ROPEMAP_IO);
    assert_holds(in_directory("old"), "old");
    assert_int_equal(entries(directory), 1);
}

static void a_place_without_sync_is_fine(void **state) {
    file_faults.fsync_error = EINVAL;
    assert_int_equal(write_text(in_directory("new"), "new", false, NULL), ROPEMAP_OK);
    assert_holds(in_directory("new"), "new");
}

static void a_place_without_links_is_fine(void **state) {
    file_faults.link_error = EPERM;
    assert_int_equal(write_text(in_directory("new"), "new", false, NULL), ROPEMAP_OK);
    assert_holds(in_directory("new"), "new");
    assert_int_equal(entries(directory), 1);
    file_faults.rename_error = EIO;
    assert_int_equal(write_text(in_directory("lost"), "new", false, NULL), ROPEMAP_IO);
    assert_int_equal(entries(directory), 1);
}

static void a_file_that_appears_meanwhile_is_not_replaced(void **state) {
    char path[NAME];
    (void)snprintf(path, sizeof path, "%s", in_directory("new"));
    ropemap_error error = {0};
    file_faults.appears = path;
    assert_int_equal(write_text(path, "ours", false, &error), ROPEMAP_IO);
    assert_says(error.text, "File exists");
    assert_holds(path, "theirs");
    assert_int_equal(unlink(path), 0);
    file_faults.link_error = EPERM;
    assert_int_equal(write_text(path, "ours", false, &error), ROPEMAP_IO);
    assert_holds(path, "theirs");
    assert_int_equal(entries(directory), 1);
}

/* ---- several writers ----------------------------------------------------------------------------------- */

static void *write_once(void *argument) {
    int *wins = argument; /* [round] */
    const int rounds = 50;
    for (int round = 0; round < rounds; round++) {
        char path[NAME];
        (void)snprintf(path, sizeof path, "%s/%d", directory, round);
        if (write_text(path, "whole", false, NULL) == ROPEMAP_OK) {
            wins[round]++;
        }
    }
    return NULL;
}

static void one_of_two_writers_wins(void **state) {
    int mine[50] = {0};
    int theirs[50] = {0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_once, theirs), 0);
    (void)write_once(mine);
    assert_int_equal(pthread_join(thread, NULL), 0);
    for (int round = 0; round < 50; round++) {
        char path[NAME];
        (void)snprintf(path, sizeof path, "%s/%d", directory, round);
        assert_int_equal(mine[round] + theirs[round], 1);
        assert_holds(path, "whole");
    }
    assert_int_equal(entries(directory), 50);
}

/* Both calls refuse `path` with `status` and a message that has `word`; nothing is made. */
static void assert_refused(const char *path, bool force, ropemap_status status, const char *word) {
    ropemap_error error = {0};
    const int before = entries(directory);
    assert_int_equal(ropemap_output_check(path, force, &error), status);
    assert_int_equal(error.status, status);
    assert_says(error.text, word);
    error = (ropemap_error){0};
    assert_int_equal(write_text(path, "new", force, &error), status);
    assert_says(error.text, word);
    assert_int_equal(ropemap_output_check(path, force, NULL), status);
    assert_int_equal(entries(directory), before);
}

/* ---- names --------------------------------------------------------------------------------------------- */

static void names_that_cannot_be_outputs_are_refused(void **state) {
    assert_refused(NULL, false, ROPEMAP_USAGE, "empty");
    assert_refused("", false, ROPEMAP_USAGE, "empty");
    assert_refused(directory, true, ROPEMAP_USAGE, "directory");
    assert_refused(in_directory("missing.png/"), true, ROPEMAP_USAGE, "directory");
    assert_refused(in_directory("missing/a.png"), true, ROPEMAP_IO, "No such file");
    put(in_directory("file"), "old", 0644);
    assert_refused(in_directory("file/a.png"), true, ROPEMAP_IO, "Not a directory");
    assert_refused("/proc/ropemap.png", false, ROPEMAP_IO, "/proc");
    char name[5000];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_refused(name, false, ROPEMAP_IO, "too long");
    name[256] = '\0';
    assert_refused(in_directory(name), false, ROPEMAP_IO, "too long");
}

static void the_longest_names_work(void **state) {
    char name[256];
    memset(name, 'x', 255);
    name[255] = '\0';
    assert_int_equal(ropemap_output_check(in_directory(name), false, NULL), ROPEMAP_OK);
    assert_int_equal(write_text(in_directory(name), "new", false, NULL), ROPEMAP_OK);
    assert_int_equal(write_text(in_directory(name), "newer", true, NULL), ROPEMAP_OK);
    assert_holds(in_directory(name), "newer");
    for (int index = 0; index < 254; index += 2) {
        memcpy(name + index, "\xC3\xA4", 2); /* U+00E4 */
    }
    name[254] = '\0';
    assert_int_equal(write_text(in_directory(name), "umlauts", false, NULL), ROPEMAP_OK);
    assert_holds(in_directory(name), "umlauts");
    assert_int_equal(entries(directory), 2);
}

static void a_link_stays_and_its_file_is_replaced(void **state) {
    put(in_directory("real"), "old", 0644);
    assert_int_equal(symlink("real", in_directory("link")), 0);
    assert_refused(in_directory("link"), false, ROPEMAP_IO, "--force");
    assert_int_equal(write_text(in_directory("link"), "new", true, NULL), ROPEMAP_OK);
    assert_holds(in_directory("real"), "new");
    struct stat status;
    assert_int_equal(lstat(in_directory("link"), &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(entries(directory), 2);
}

static void a_link_to_nowhere_is_refused(void **state) {
    assert_int_equal(symlink("missing", in_directory("link")), 0);
    assert_refused(in_directory("link"), false, ROPEMAP_IO, "symbolic link");
    assert_refused(in_directory("link"), true, ROPEMAP_IO, "symbolic link");
    assert_int_equal(symlink("loop", in_directory("loop")), 0);
    assert_refused(in_directory("loop"), true, ROPEMAP_IO, "Too many levels");
}

/* ---- what is written in place -------------------------------------------------------------------------- */

static void devices_are_written_in_place(void **state) {
    ropemap_error error = {0};
    assert_int_equal(ropemap_output_check("/dev/null", false, NULL), ROPEMAP_OK);
    assert_int_equal(write_text("/dev/null", "new", false, NULL), ROPEMAP_OK);
    struct stat status;
    assert_int_equal(stat("/dev/null", &status), 0);
    assert_true(S_ISCHR(status.st_mode));
    assert_int_equal(ropemap_output_check("/dev/full", false, NULL), ROPEMAP_OK);
    assert_int_equal(write_text("/dev/full", "new", false, &error), ROPEMAP_IO);
    assert_says(error.text, "No space left");
}

static void a_fifo_is_written_in_place(void **state) {
    assert_int_equal(mkfifo(in_directory("fifo"), 0600), 0);
    const int reader = open(in_directory("fifo"), O_RDWR);
    assert_true(reader >= 0);
    assert_int_equal(write_text(in_directory("fifo"), "new", false, NULL), ROPEMAP_OK);
    char found[8] = "";
    assert_int_equal(read(reader, found, sizeof found), 3);
    assert_string_equal(found, "new");
    assert_int_equal(close(reader), 0);
    assert_int_equal(entries(directory), 1);
}

static void standard_output_takes_bytes(void **state) {
    (void)fflush(stdout);
    const int kept = dup(STDOUT_FILENO);
    put(in_directory("captured"), "", 0600);
    const int file = open(in_directory("captured"), O_WRONLY);
    assert_int_equal(dup2(file, STDOUT_FILENO), STDOUT_FILENO);
    const ropemap_status checked = ropemap_output_check("-", false, NULL);
    const ropemap_status written = write_text("-", "new", false, NULL);
    assert_int_equal(close(STDOUT_FILENO), 0);
    ropemap_error error = {0};
    const ropemap_status closed = ropemap_output_check("-", false, &error);
    const ropemap_status lost = write_text("-", "new", false, NULL);
    assert_int_equal(dup2(kept, STDOUT_FILENO), STDOUT_FILENO);
    assert_int_equal(close(kept) + close(file), 0);
    assert_int_equal(checked, ROPEMAP_OK);
    assert_int_equal(written, ROPEMAP_OK);
    assert_int_equal(closed, ROPEMAP_IO);
    assert_int_equal(lost, ROPEMAP_IO);
    assert_says(error.text, "standard output");
    assert_holds(in_directory("captured"), "new");
}

static int begin(void **state) {
    file_faults = (struct file_faults){0};
    return make_directory(state);
}

/* A row of the test table. */
#define FROM_CLEAN(test) cmocka_unit_test_setup_teardown(test, begin, remove_directory)

int main(void) {
    const struct CMUnitTest tests[] = {
        FROM_CLEAN(a_new_file_holds_the_bytes),
        FROM_CLEAN(a_name_without_directory_is_here),
        FROM_CLEAN(no_bytes_make_an_empty_file),
        FROM_CLEAN(many_bytes_arrive_in_order),
        FROM_CLEAN(an_old_file_needs_force_and_keeps_its_mode),
        FROM_CLEAN(another_name_of_the_old_file_keeps_the_old_bytes),
        FROM_CLEAN(a_full_disk_leaves_the_old_file),
        FROM_CLEAN(a_full_file_system_leaves_the_old_file),
        FROM_CLEAN(failing_calls_leave_the_old_file),
        FROM_CLEAN(a_place_without_sync_is_fine),
        FROM_CLEAN(a_place_without_links_is_fine),
        FROM_CLEAN(a_file_that_appears_meanwhile_is_not_replaced),
        FROM_CLEAN(one_of_two_writers_wins),
        FROM_CLEAN(names_that_cannot_be_outputs_are_refused),
        FROM_CLEAN(the_longest_names_work),
        FROM_CLEAN(a_link_stays_and_its_file_is_replaced),
        FROM_CLEAN(a_link_to_nowhere_is_refused),
        FROM_CLEAN(devices_are_written_in_place),
        FROM_CLEAN(a_fifo_is_written_in_place),
        FROM_CLEAN(standard_output_takes_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}