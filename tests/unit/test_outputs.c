/* test_outputs.c - the outputs of one piece of work: none is an input, no two are one file, all or none
 * appear */
/* SPDX-License-Identifier: MIT */
#include "tests/directory.h"
#include "tests/stand_ins.h"
#include "tests/unit.h"

#include <errno.h>

/* ---- helpers ------------------------------------------------------------------------------------------- */

static ropemap_outputs *outputs;

static int begin(void **state) {
    file_faults = (struct file_faults){0};
    return make_directory(state) + (ropemap_outputs_new(&outputs, NULL) == ROPEMAP_OK ? 0 : 1);
}

static int end(void **state) {
    ropemap_outputs_free(outputs);
    return remove_directory(state);
}

static ropemap_status add(const char *name, bool force, ropemap_error *error) {
    return ropemap_outputs_add(outputs, in_directory(name), force, error);
}

static ropemap_status write_to(int32_t index, const char *text) {
    uint8_t data[64];
    memcpy(data, text, strlen(text));
    const ropemap_bytes bytes = {.data = data, .size = strlen(text)};
    return ropemap_outputs_write(outputs, index, &bytes, NULL);
}

/* Two new files and an old one, all filled. */
static void fill_three(void) {
    put(in_directory("old"), "old", 0640);
    assert_int_equal(add("a", false, NULL), ROPEMAP_OK);
    assert_int_equal(add("old", true, NULL), ROPEMAP_OK);
    assert_int_equal(add("b", false, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_outputs_check(outputs, NULL), ROPEMAP_OK);
    assert_int_equal(entries(directory), 1);
    for (int32_t i = 0; i < 3; i++) {
        assert_int_equal(write_to(i, "new"), ROPEMAP_OK);
    }
}

/* ---- tests --------------------------------------------------------------------------------------------- */

static void all_appear_together(void **state) {
    fill_three();
    assert_int_equal(access(in_directory("a"), F_OK), -1);
    assert_holds(in_directory("old"), "old");
    assert_int_equal(ropemap_outputs_finish(outputs, NULL), ROPEMAP_OK);
    assert_holds(in_directory("a"), "new");
    assert_holds(in_directory("b"), "new");
    assert_holds(in_directory("old"), "new");
    assert_int_equal(entries(directory), 3);
}

static void what_is_not_finished_leaves_nothing(void **state) {
    fill_three();
    ropemap_outputs_free(outputs);
    outputs = NULL;
    assert_holds(in_directory("old"), "old");
    assert_int_equal(entries(directory), 1);
}

/* The old file's name is taken first, then those of a and b: whichever fails, no new file stays. */
static void a_name_that_cannot_be_taken_takes_the_others_back(void **state) {
    for (int step = 0; step < 3; step++) {
        fill_three();
        file_faults = (struct file_faults){
            .rename_error = step == 0 ? EIO : 0, .link_error = step == 0 ? 0 : EIO, .links_before = step - 1};
        ropemap_error error = {0};
        assert_int_equal(ropemap_outputs_finish(outputs, &error), ROPEMAP_IO);
        assert_says(error.text, "cannot be renamed into place");
        assert_int_equal(entries(directory), 1);
        assert_holds(in_directory("old"), step == 0 ? "old" : "new");
        assert_int_equal(end(state) + begin(state), 0);
    }
}

static void a_disk_that_does_not_sync_takes_all_back(void **state) {
    put(in_directory("old"), "old", 0640);
    assert_int_equal(add("a", false, NULL), ROPEMAP_OK);
    assert_int_equal(add("old", true, NULL), ROPEMAP_OK);
    assert_int_equal(write_to(0, "new"), ROPEMAP_OK);
    file_faults.fsync_error = EIO;
    assert_int_equal(write_to(1, "new"), ROPEMAP_IO);
    ropemap_outputs_free(outputs);
    outputs = NULL;
    assert_holds(in_directory("old"), "old");
    assert_int_equal(entries(directory), 1);
}

static void a_file_that_appears_meanwhile_is_kept(void **state) {
    assert_int_equal(add("a", false, NULL), ROPEMAP_OK);
    assert_int_equal(add("b", false, NULL), ROPEMAP_OK);
    assert_int_equal(write_to(0, "ours"), ROPEMAP_OK);
    put(in_directory("b"), "theirs", 0644);
    assert_int_equal(write_to(1, "ours"), ROPEMAP_IO);
    put(in_directory("a"), "theirs", 0644);
    assert_int_equal(ropemap_outputs_finish(outputs, NULL), ROPEMAP_IO);
    assert_holds(in_directory("a"), "theirs");
    assert_holds(in_directory("b"), "theirs");
    assert_int_equal(entries(directory), 2);
}

/* A link that is pointed at the input after the check. */
static void an_input_is_kept_though_a_link_changes(void **state) {
    ropemap_error error = {0};
    put(in_directory("input"), "input", 0644);
    put(in_directory("old"), "old", 0644);
    assert_int_equal(symlink("old", in_directory("link")), 0);
    assert_int_equal(ropemap_outputs_input(outputs, in_directory("input"), NULL), ROPEMAP_OK);
    assert_int_equal(add("link", true, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_outputs_check(outputs, NULL), ROPEMAP_OK);
    assert_int_equal(unlink(in_directory("link")), 0);
    assert_int_equal(symlink("input", in_directory("link")), 0);
    uint8_t data[] = {'n', 'e', 'w'};
    const ropemap_bytes bytes = {.data = data, .size = sizeof data};
    assert_int_equal(ropemap_outputs_write(outputs, 0, &bytes, &error), ROPEMAP_USAGE);
    assert_says(error.text, "input");
    assert_holds(in_directory("input"), "input");
    assert_holds(in_directory("old"), "old");
}

static void many_outputs_keep_their_names(void **state) {
    char name[32];
    for (int i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof name, "%d", i);
        assert_int_equal(add(name, false, NULL), ROPEMAP_OK);
        assert_int_equal(add(name, false, NULL), ROPEMAP_USAGE);
    }
    assert_int_equal(ropemap_outputs_count(outputs), 100);
    for (int32_t i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof name, "%d", (int)i);
        assert_string_equal(ropemap_outputs_name(outputs, i), in_directory(name));
        assert_false(ropemap_outputs_in_place(outputs, i));
        assert_int_equal(write_to(i, name), ROPEMAP_OK);
    }
    assert_int_equal(ropemap_outputs_finish(outputs, NULL), ROPEMAP_OK);
    assert_holds(in_directory("73"), "73");
    assert_int_equal(entries(directory), 100);
}

static void a_folder_comes_and_goes_with_its_files(void **state) {
    assert_int_equal(ropemap_outputs_folder(outputs, in_directory("new"), NULL), ROPEMAP_OK);
    assert_int_equal(add("new/a", false, NULL), ROPEMAP_OK);
    assert_int_equal(add("new/a", false, NULL), ROPEMAP_USAGE);
    assert_int_equal(add("new/b", false, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_outputs_check(outputs, NULL), ROPEMAP_OK);
    assert_int_equal(entries(directory), 0);
    assert_int_equal(write_to(0, "new"), ROPEMAP_OK);
    assert_int_equal(entries(in_directory("new")), 1);
    ropemap_outputs_free(outputs);
    assert_int_equal(entries(directory), 0);
    assert_int_equal(ropemap_outputs_new(&outputs, NULL), ROPEMAP_OK);
    put(in_directory("file"), "old", 0644);
    assert_int_equal(ropemap_outputs_folder(outputs, in_directory("file"), NULL), ROPEMAP_USAGE);
    assert_int_equal(ropemap_outputs_folder(outputs, "", NULL), ROPEMAP_USAGE);
    assert_int_equal(ropemap_outputs_folder(outputs, in_directory("file/new"), NULL), ROPEMAP_IO);
    assert_int_equal(ropemap_outputs_folder(outputs, in_directory("not/new"), NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_outputs_check(outputs, NULL), ROPEMAP_IO);
}

#define FROM_CLEAN(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        FROM_CLEAN(all_appear_together),
        FROM_CLEAN(what_is_not_finished_leaves_nothing),
        FROM_CLEAN(a_name_that_cannot_be_taken_takes_the_others_back),
        FROM_CLEAN(a_disk_that_does_not_sync_takes_all_back),
        FROM_CLEAN(a_file_that_appears_meanwhile_is_kept),
        FROM_CLEAN(an_input_is_kept_though_a_link_changes),
        FROM_CLEAN(many_outputs_keep_their_names),
        FROM_CLEAN(a_folder_comes_and_goes_with_its_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
