/* map_outputs.c - the files a map goes to: checked before the work, written after it */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/map_outputs.h"

#include "tools/ropemap/failure.h"
#include "tools/ropemap/figure_setters.h"
#include "tools/ropemap/map_encode.h"
#include "tools/ropemap/progress.h"
#include "tools/ropemap/signals.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- which file a name means --------------------------------------------------------------------------- */

static bool ends_with(const char *name, const char *ending) {
    const size_t length = strlen(name);
    const size_t wanted = strlen(ending);
    return length >= wanted && strcmp(name + length - wanted, ending) == 0;
}

/* Written in place: standard output, a device, a FIFO. */
static bool is_direct(const char *name) {
    struct stat status;
    return strcmp(name, "-") == 0 ||
           (stat(name, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode));
}

static bool is_same_inode(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether both exist and are one file, by whatever path. */
static bool is_same_file(const char *a, const char *b) {
    struct stat first;
    struct stat second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && is_same_inode(&first, &second);
}

/* The directory that `name` lies in; false where it is missing. */
static bool stat_directory(const char *name, struct stat *status) {
    const char *slash = strrchr(name, '/');
    char directory[PATH_MAX];
    const size_t length = slash == NULL ? 0 : (size_t)(slash - name) + 1;
    if (length >= sizeof directory) {
        return false;
    }
    (void)snprintf(directory, sizeof directory, "%.*s", (int)length, name);
    return stat(length == 0 ? "." : directory, status) == 0;
}

/* Whether writing both would leave one file; for names that do not exist yet, too. */
static bool is_same_output(const char *a, const char *b) {
    if (is_same_file(a, b)) {
        return true;
    }
    const char *base_a = strrchr(a, '/') != NULL ? strrchr(a, '/') + 1 : a;
    const char *base_b = strrchr(b, '/') != NULL ? strrchr(b, '/') + 1 : b;
    struct stat first;
    struct stat second;
    return strcmp(base_a, base_b) == 0 && stat_directory(a, &first) && stat_directory(b, &second) &&
           is_same_inode(&first, &second);
}

/* ---- checks -------------------------------------------------------------------------------------------- */

static ropemap_status check_name(const char *name, ropemap_error *error) {
    if (ends_with(name, ".png") || map_file_of(name) != MAP_PNG || is_direct(name)) {
        return ROPEMAP_OK;
    }
    struct stat status;
    if (name[strlen(name) - 1] == '/' || (stat(name, &status) == 0 && S_ISDIR(status.st_mode))) {
        return fail(error, ROPEMAP_USAGE, "--output: a directory ('%.300s'), expected the name of a file",
                    name);
    }
    return fail(error, ROPEMAP_USAGE,
                "--output: unknown ending ('%.300s'), expected .png, .svg, .pdf or .npy", name);
}

static ropemap_status check_input(const char *name, const char *input, ropemap_error *error) {
    if (input != NULL && is_same_file(name, input)) {
        return fail(error, ROPEMAP_USAGE, "--output: an input ('%.200s' is '%.200s'), expected another file",
                    name, input);
    }
    return ROPEMAP_OK;
}

/* Against the outputs before it. Two names of one device are fine. */
static ropemap_status check_twin(const map_options *options, int index, ropemap_error *error) {
    const char *name = options->outputs[index];
    for (int other = 0; other < index; other++) {
        const bool both_stdout = strcmp(name, "-") == 0 && strcmp(options->outputs[other], "-") == 0;
        if (both_stdout || (!is_direct(name) && is_same_output(name, options->outputs[other]))) {
            return fail(error, ROPEMAP_USAGE,
                        "--output: one file twice ('%.200s' and '%.200s'), expected different ones",
                        options->outputs[other], name);
        }
    }
    return ROPEMAP_OK;
}

/* Makes and removes a file beside the output: a signal between the two waits. */
static ropemap_status check_place(const char *name, bool force, ropemap_error *error) {
    signals_hold();
    const ropemap_status status = ropemap_output_check(name, force, error);
    signals_release();
    return status;
}

static ropemap_status check_width(const map_options *options, ropemap_error *error) {
    bool picture = options->print.width == 0.0;
    for (int index = 0; index < options->output_count; index++) {
        picture = picture || map_file_of(options->outputs[index]) != MAP_NPY;
    }
    return picture ? ROPEMAP_OK
                   : fail(error, ROPEMAP_USAGE,
                          "--width: given without a picture, expected it with -o FILE.png, .svg or .pdf");
}

ropemap_status map_outputs_check(const map_options *options, const map_inputs *inputs, ropemap_error *error) {
    ropemap_status status = check_width(options, error);
    status = status == ROPEMAP_OK ? figure_options_check(options, error) : status;
    for (int index = 0; index < options->output_count && status == ROPEMAP_OK; index++) {
        const char *name = options->outputs[index];
        status = check_name(name, error);
        status = status == ROPEMAP_OK ? check_input(name, inputs->query_path, error) : status;
        status = status == ROPEMAP_OK ? check_input(name, inputs->key_path, error) : status;
        status = status == ROPEMAP_OK ? check_input(name, options->positions_from, error) : status;
        status = status == ROPEMAP_OK ? check_input(name, options->rule.model, error) : status;
        status = status == ROPEMAP_OK ? check_twin(options, index, error) : status;
        if (status == ROPEMAP_OK && !options->dry_run) {
            status = check_place(name, options->force, error);
        }
    }
    if (status == ROPEMAP_OK && options->json) {
        status = ropemap_output_check("-", false, error);
    }
    return status;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

/* Opening a FIFO or filling a pipe may wait for ever, and leaves nothing behind: signals act at once there.
 */
static ropemap_status write_output(const char *name, const ropemap_bytes *bytes, bool force,
                                   ropemap_error *error) {
    const bool direct = is_direct(name);
    if (direct) {
        signals_release();
    }
    const ropemap_status status = ropemap_output_write(name, bytes, force, error);
    if (direct) {
        signals_hold();
    }
    return status;
}

/* The bytes of each kind of file, made when they are first needed. */
typedef struct encoded {
    ropemap_bytes bytes[MAP_COUNT];
} encoded;

ropemap_status map_outputs_write(const map_options *options, const ropemap_map *map,
                                 map_output_seconds *seconds, ropemap_error *error) {
    encoded made = {.bytes = {{.data = NULL}}};
    ropemap_status status = ROPEMAP_OK;
    for (int index = 0; index < options->output_count && status == ROPEMAP_OK; index++) {
        const char *name = options->outputs[index];
        const map_file kind = map_file_of(name);
        const double start = wall_clock();
        status = made.bytes[kind].data == NULL ? map_encode(options, map, kind, &made.bytes[kind], error)
                                               : ROPEMAP_OK;
        const double drawn = wall_clock();
        seconds->draw += drawn - start;
        if (status == ROPEMAP_OK && signals_came()) {
            status = fail(error, ROPEMAP_STOPPED, "stopped before '%.200s' was written", name);
        }
        if (status == ROPEMAP_OK) {
            status = write_output(name, &made.bytes[kind], options->force, error);
            seconds->write += wall_clock() - drawn;
        }
    }
    for (int kind = 0; kind < MAP_COUNT; kind++) {
        ropemap_bytes_free(&made.bytes[kind]);
    }
    return status;
}
