/* test_file_name.c - what the name of an output means, and what is written in place */
/* SPDX-License-Identifier: MIT */
#include "tests/directory.h"

/* Both calls refuse `path` with `status` and a message that has `word`; nothing is made. */
static void assert_refused(const char *path, bool force, ropemap_status status, const char *word) {
    ropemap_error error = {0};
    const int before = entries(directory);
    assert_int_equal(ropemap_output_check(path, force, &error), status);
    assert_int_equal(error.status, status);
    assert_non_null(strstr(error.text, word));
    error = (ropemap_error){0};
    assert_int_equal(write_text(path, "new", force, &error), status);
    assert_non_null(strstr(error.text, word));
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
    assert_non_null(strstr(error.text, "No space left"));
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
    assert_non_null(strstr(error.text, "standard output"));
    assert_holds(in_directory("captured"), "new");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(names_that_cannot_be_outputs_are_refused),
        IN_DIRECTORY(the_longest_names_work),
        IN_DIRECTORY(a_link_stays_and_its_file_is_replaced),
        IN_DIRECTORY(a_link_to_nowhere_is_refused),
        IN_DIRECTORY(devices_are_written_in_place),
        IN_DIRECTORY(a_fifo_is_written_in_place),
        IN_DIRECTORY(standard_output_takes_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
