/* directory.h - a fresh directory for a test that writes outputs */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_DIRECTORY_H
#define ROPEMAP_TESTS_DIRECTORY_H

#include "host/ropemap.h"
#include "tests/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME = 8192 };

/* A row of a test table: the directory is made before the test and removed with all that is in it after. */
#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

/* ---- a directory of one's own ----------------------------------------------------------------------------
 */

static char directory[64]; /* of the test that runs */

static inline int make_directory(void **state) {
    (void)snprintf(directory, sizeof directory, "/tmp/ropemap-file-XXXXXX");
    return mkdtemp(directory) != NULL ? 0 : -1;
}

static inline int entries(const char *path) {
    DIR *stream = opendir(path);
    int count = 0;
    if (stream == NULL) {
        return -1;
    }
    for (const struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    (void)closedir(stream);
    return count;
}

static inline int remove_directory(void **state) {
    DIR *stream = opendir(directory);
    if (stream == NULL) {
        return -1;
    }
    for (const struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        (void)unlinkat(dirfd(stream), entry->d_name, 0);
        (void)unlinkat(dirfd(stream), entry->d_name, AT_REMOVEDIR);
    }
    (void)closedir(stream);
    return rmdir(directory);
}

static inline const char *in_directory(const char *name) {
    static char path[NAME]; /* until the next call */
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static inline void put(const char *path, const char *text, mode_t mode) {
    const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(file, mode), 0);
    assert_int_equal(close(file), 0);
}

static inline void assert_holds(const char *path, const char *text) {
    char found[256] = "";
    const int file = open(path, O_RDONLY);
    assert_true(file >= 0);
    const ssize_t length = read(file, found, sizeof found - 1);
    assert_int_equal(close(file), 0);
    assert_int_equal(length, strlen(text));
    assert_string_equal(found, text);
}

static inline ropemap_status write_text(const char *path, const char *text, bool force,
                                        ropemap_error *error) {
    uint8_t data[256];
    memcpy(data, text, strlen(text));
    const ropemap_bytes bytes = {.data = data, .size = strlen(text)};
    return ropemap_output_write(path, &bytes, force, error);
}

#endif
