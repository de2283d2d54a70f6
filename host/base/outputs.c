/* outputs.c - the outputs of one piece of work: none is an input, no two are one file, all appear together */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file as the system knows it, by whatever name. */
typedef struct file_id {
    dev_t device;
    ino_t inode;
} file_id;

typedef struct input {
    char *path; /* owned */
    file_id id;
} input;

typedef struct entry {
    rm_output output;
    char *name; /* owned; output.name */
    file_id id; /* of the file that is there; of a new one the directory's */
    bool is_new;
    bool alone;     /* no other output may be it: a file, a pipe */
    bool in_folder; /* in the one that is not there yet */
    bool force, filled, named;
} entry;

struct ropemap_outputs {
    input *inputs;  /* [input_count] */
    entry *entries; /* [count] */
    int32_t input_count, input_room, count, room;
    char *folder; /* owned; NULL: none */
    bool folder_missing, folder_made;
    bool finished;
};

/* ---- lists --------------------------------------------------------------------------------------------- */

/* An array with room for one item more: the old one, or a larger copy. NULL where memory is short. */
static void *grow(void *items, int32_t count, int32_t *room, size_t size) {
    if (count < *room) {
        return items;
    }
    const int32_t wanted = *room > 0 ? 2 * *room : 8;
    void *larger = rm_alloc((uint64_t)wanted, size);
    if (larger != NULL) {
        if (count > 0) {
            memcpy(larger, items, (size_t)count * size);
        }
        rm_free(items);
        *room = wanted;
    }
    return larger;
}

static char *copy_text(const char *text) {
    const size_t size = strlen(text) + 1;
    char *copy = rm_alloc_raw(size, 1);
    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}

ropemap_status ropemap_outputs_new(ropemap_outputs **outputs, ropemap_error *error) {
    *outputs = rm_alloc(1, sizeof **outputs);
    return *outputs != NULL ? ROPEMAP_OK : rm_fail_memory(error, "outputs", sizeof **outputs);
}

/* Takes back what is not finished. */
static void undo(ropemap_outputs *outputs) {
    for (int32_t i = 0; i < outputs->count; i++) {
        entry *one = &outputs->entries[i];
        rm_output_drop(&one->output);
        if (one->named && !one->output.exists) {
            (void)unlink(one->output.path);
        }
        one->filled = one->named = false;
    }
    if (outputs->folder_made) {
        (void)rmdir(outputs->folder);
        outputs->folder_made = false;
    }
}

void ropemap_outputs_free(ropemap_outputs *outputs) {
    if (outputs == NULL) {
        return;
    }
    if (!outputs->finished) {
        undo(outputs);
    }
    for (int32_t i = 0; i < outputs->count; i++) {
        rm_free(outputs->entries[i].name);
    }
    for (int32_t i = 0; i < outputs->input_count; i++) {
        rm_free(outputs->inputs[i].path);
    }
    rm_free(outputs->entries);
    rm_free(outputs->inputs);
    rm_free(outputs->folder);
    rm_free(outputs);
}

/* ---- what there is ------------------------------------------------------------------------------------- */

static file_id id_of(const struct stat *status) {
    return (file_id){.device = status->st_dev, .inode = status->st_ino};
}

static bool is_same(file_id a, file_id b) {
    return a.device == b.device && a.inode == b.inode;
}

ropemap_status ropemap_outputs_input(ropemap_outputs *outputs, const char *path, ropemap_error *error) {
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode)) {
        return ROPEMAP_OK; /* nothing that an output could destroy */
    }
    input *inputs =
        grow(outputs->inputs, outputs->input_count, &outputs->input_room, sizeof *outputs->inputs);
    char *copy = copy_text(path);
    if (inputs == NULL || copy == NULL) {
        rm_free(copy);
        outputs->inputs = inputs != NULL ? inputs : outputs->inputs;
        return rm_fail_memory(error, "outputs", strlen(path));
    }
    outputs->inputs = inputs;
    inputs[outputs->input_count++] = (input){.path = copy, .id = id_of(&status)};
    return ROPEMAP_OK;
}

static ropemap_status refuse_input(const ropemap_outputs *outputs, const char *name, const struct stat *found,
                                   ropemap_error *error) {
    for (int32_t i = 0; i < outputs->input_count && S_ISREG(found->st_mode); i++) {
        if (is_same(id_of(found), outputs->inputs[i].id)) {
            return rm_fail(error, ROPEMAP_USAGE,
                           "%.200s: the input '%.200s' is that file; an output never replaces an input", name,
                           outputs->inputs[i].path);
        }
    }
    return ROPEMAP_OK;
}

/* Whether `path` lies in the folder that is not there yet. */
static bool is_in_new_folder(const ropemap_outputs *outputs, const char *path) {
    const size_t length = outputs->folder != NULL ? strlen(outputs->folder) : 0;
    return outputs->folder_missing && strncmp(path, outputs->folder, length) == 0 && path[length] == '/' &&
           strchr(path + length + 1, '/') == NULL;
}

/* Which file an output is. */
static ropemap_status identify(const ropemap_outputs *outputs, entry *one, ropemap_error *error) {
    const rm_output *output = &one->output;
    const bool standard = output->path[0] == '\0';
    struct stat status;
    if (output->exists || output->direct) {
        if ((standard ? fstat(STDOUT_FILENO, &status) : stat(output->path, &status)) != 0) {
            return standard ? ROPEMAP_OK /* closed, which the check finds */
                            : rm_output_refuse(output, "cannot be looked up", error);
        }
        one->id = id_of(&status);
        one->alone = S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode);
        return refuse_input(outputs, output->name, &status, error);
    }
    one->is_new = one->alone = true;
    one->in_folder = is_in_new_folder(outputs, output->path);
    char directory[PATH_MAX];
    rm_output_directory(output->path, directory);
    if (!one->in_folder && stat(directory, &status) == 0) {
        one->id = id_of(&status); /* where it cannot be looked up, the check finds it */
    }
    return ROPEMAP_OK;
}

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* Whether both would be one file. Two names of one device are fine. */
static bool is_twin(const entry *a, const entry *b) {
    if (strcmp(a->name, "-") == 0 && strcmp(b->name, "-") == 0) {
        return true;
    }
    return a->alone && b->alone && a->is_new == b->is_new && a->in_folder == b->in_folder &&
           is_same(a->id, b->id) &&
           (!a->is_new || strcmp(last_part(a->output.path), last_part(b->output.path)) == 0);
}

static ropemap_status refuse_twin(const ropemap_outputs *outputs, const entry *one, ropemap_error *error) {
    for (int32_t i = 0; i < outputs->count; i++) {
        if (is_twin(&outputs->entries[i], one)) {
            return rm_fail(error, ROPEMAP_USAGE,
                           "%.200s: one file twice (also as '%.200s'); give each output its own", one->name,
                           outputs->entries[i].name);
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status add(ropemap_outputs *outputs, entry *one, const char *path, ropemap_error *error) {
    RM_TRY(rm_output_resolve(&one->output, path, error));
    one->name = copy_text(path);
    if (one->name == NULL) {
        return rm_fail_memory(error, "outputs", strlen(path));
    }
    one->output.name = strcmp(path, "-") == 0 ? one->output.name : one->name;
    ropemap_status status = identify(outputs, one, error);
    status = status == ROPEMAP_OK ? refuse_twin(outputs, one, error) : status;
    if (status != ROPEMAP_OK) {
        rm_free(one->name);
    }
    return status;
}

ropemap_status ropemap_outputs_add(ropemap_outputs *outputs, const char *path, bool force,
                                   ropemap_error *error) {
    entry *entries = grow(outputs->entries, outputs->count, &outputs->room, sizeof *outputs->entries);
    if (entries == NULL) {
        return rm_fail_memory(error, "outputs", sizeof *entries);
    }
    outputs->entries = entries;
    entry *one = &entries[outputs->count];
    *one = (entry){.force = force};
    RM_TRY(add(outputs, one, path, error));
    outputs->count++;
    return ROPEMAP_OK;
}

int32_t ropemap_outputs_count(const ropemap_outputs *outputs) {
    return outputs->count;
}

const char *ropemap_outputs_name(const ropemap_outputs *outputs, int32_t index) {
    return outputs->entries[index].name;
}

bool ropemap_outputs_in_place(const ropemap_outputs *outputs, int32_t index) {
    return outputs->entries[index].output.direct;
}

/* ---- a folder ------------------------------------------------------------------------------------------ */

static ropemap_status refuse_folder(const char *path, int reason, ropemap_error *error) {
    return rm_fail(error, ROPEMAP_IO, "%.300s: the folder cannot be made (%s)", path, strerror(reason));
}

ropemap_status ropemap_outputs_folder(ropemap_outputs *outputs, const char *path, ropemap_error *error) {
    struct stat status;
    if (path[0] == '\0') {
        return rm_fail(error, ROPEMAP_USAGE, "folder: the name is empty");
    }
    const bool there = stat(path, &status) == 0;
    if (there && !S_ISDIR(status.st_mode)) {
        return rm_fail(error, ROPEMAP_USAGE, "%.300s: exists and is no folder", path);
    }
    if (!there && errno != ENOENT) {
        return refuse_folder(path, errno, error);
    }
    rm_free(outputs->folder);
    outputs->folder = copy_text(path);
    outputs->folder_missing = !there;
    return outputs->folder != NULL ? ROPEMAP_OK : rm_fail_memory(error, "outputs", strlen(path));
}

/* That it can be made is found out by making it. */
static ropemap_status check_folder(const ropemap_outputs *outputs, ropemap_error *error) {
    if (!outputs->folder_missing) {
        return ROPEMAP_OK;
    }
    return mkdir(outputs->folder, 0777) == 0 && rmdir(outputs->folder) == 0
               ? ROPEMAP_OK
               : refuse_folder(outputs->folder, errno, error);
}

static ropemap_status make_folder(ropemap_outputs *outputs, ropemap_error *error) {
    if (!outputs->folder_missing || outputs->folder_made) {
        return ROPEMAP_OK;
    }
    outputs->folder_made = mkdir(outputs->folder, 0777) == 0;
    return outputs->folder_made || errno == EEXIST ? ROPEMAP_OK
                                                   : refuse_folder(outputs->folder, errno, error);
}

/* ---- checking and writing ------------------------------------------------------------------------------ */

ropemap_status ropemap_outputs_check(const ropemap_outputs *outputs, ropemap_error *error) {
    RM_TRY(check_folder(outputs, error));
    for (int32_t i = 0; i < outputs->count; i++) {
        entry *one = &outputs->entries[i];
        if (one->output.exists && !one->force) {
            return rm_output_refuse_replacing(&one->output, error);
        }
        if (!one->in_folder) {
            RM_TRY(rm_output_check_place(&one->output, error));
        }
    }
    return ROPEMAP_OK;
}

/* The name may mean another file than it did before the work: links are changed, files appear. */
static ropemap_status look_again(const ropemap_outputs *outputs, entry *one, ropemap_error *error) {
    struct stat status;
    if (one->output.direct) {
        return ROPEMAP_OK;
    }
    RM_TRY(rm_output_resolve(&one->output, one->name, error));
    if (one->output.direct) {
        errno = EEXIST;
        return rm_output_refuse(&one->output, "became a device meanwhile", error);
    }
    if (!one->output.exists) {
        return ROPEMAP_OK;
    }
    if (!one->force) {
        return rm_output_refuse_replacing(&one->output, error);
    }
    return stat(one->output.path, &status) == 0
               ? refuse_input(outputs, one->name, &status, error)
               : rm_output_refuse(&one->output, "cannot be looked up", error);
}

ropemap_status ropemap_outputs_write(ropemap_outputs *outputs, int32_t index, const ropemap_bytes *bytes,
                                     ropemap_error *error) {
    entry *one = &outputs->entries[index];
    if (one->output.direct) {
        return rm_output_write_direct(&one->output, bytes, error);
    }
    if (one->in_folder) {
        RM_TRY(make_folder(outputs, error));
    }
    RM_TRY(look_again(outputs, one, error));
    RM_TRY(rm_output_fill(&one->output, bytes, error));
    one->filled = true;
    return ROPEMAP_OK;
}

/* Old files first: where one of them cannot be replaced, every new name can still be taken back. */
static ropemap_status take_names(ropemap_outputs *outputs, bool existing, ropemap_error *error) {
    for (int32_t i = 0; i < outputs->count; i++) {
        entry *one = &outputs->entries[i];
        if (one->filled && one->output.exists == existing) {
            RM_TRY(rm_output_take_name(&one->output, error));
            one->named = true;
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status sync_names(ropemap_outputs *outputs, ropemap_error *error) {
    for (int32_t i = 0; i < outputs->count; i++) {
        if (outputs->entries[i].named) {
            RM_TRY(rm_output_sync_name(&outputs->entries[i].output, error));
        }
    }
    return ROPEMAP_OK;
}

ropemap_status ropemap_outputs_finish(ropemap_outputs *outputs, ropemap_error *error) {
    ropemap_status status = take_names(outputs, true, error);
    status = status == ROPEMAP_OK ? take_names(outputs, false, error) : status;
    status = status == ROPEMAP_OK ? sync_names(outputs, error) : status;
    if (status == ROPEMAP_OK) {
        outputs->finished = true;
    } else {
        undo(outputs);
    }
    return status;
}
