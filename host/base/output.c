/* output.c - output files: atomic, complete or absent, and never an input */
/* SPDX-License-Identifier: MIT */
#define _XOPEN_SOURCE 700 /* realpath: in POSIX since 2008, but the C library still calls it an extension */

#include "host/base/alloc.h"
#include "host/base/status.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* Where bytes go. */
typedef struct output_file {
    const char *name;         /* as the caller wrote it, for messages. Borrowed */
    char path[PATH_MAX];      /* the file itself, links followed where it exists; empty: standard output */
    bool direct;              /* standard output, a device, a FIFO: written in place */
    bool exists;              /* a regular file that will be replaced */
    mode_t mode;              /* its permissions, where it exists */
    char temporary[PATH_MAX]; /* next to `path`; empty while there is none */
} output_file;

/* ROPEMAP_IO with the name, `what` and the meaning of errno. */
static ropemap_status refuse(const output_file *output, const char *what, ropemap_error *error) {
    return rm_fail(error, ROPEMAP_IO, "%.300s: %s (%s)", output->name, what, strerror(errno));
}

/* ROPEMAP_IO where a regular file would be replaced. */
static ropemap_status refuse_replacing(const output_file *output, ropemap_error *error) {
    return rm_fail(error, ROPEMAP_IO, "%.300s: the file exists; --force replaces it", output->name);
}

static ropemap_status resolve_existing(output_file *output, const struct stat *status, ropemap_error *error) {
    if (S_ISDIR(status->st_mode)) {
        return rm_fail(error, ROPEMAP_USAGE, "%.300s: a directory; an output is a file", output->name);
    }
    if (S_ISSOCK(status->st_mode)) {
        return rm_fail(error, ROPEMAP_USAGE, "%.300s: a socket; an output is a file", output->name);
    }
    if (!S_ISREG(status->st_mode)) {
        output->direct = true;
        (void)snprintf(output->path, sizeof output->path, "%s", output->name);
        return ROPEMAP_OK;
    }
    output->exists = true;
    output->mode = status->st_mode & (S_IRWXU | S_IRWXG | S_IRWXO);
    return realpath(output->name, output->path) != NULL ? ROPEMAP_OK
                                                        : refuse(output, "cannot be followed", error);
}

static ropemap_status resolve_new(output_file *output, ropemap_error *error) {
    const int reason = errno;
    struct stat itself;
    if (reason == ENOENT && lstat(output->name, &itself) == 0) {
        return rm_fail(error, ROPEMAP_IO, "%.300s: a symbolic link to a file that does not exist",
                       output->name);
    }
    errno = reason;
    if (reason != ENOENT) {
        return refuse(output, "cannot be looked up", error);
    }
    (void)snprintf(output->path, sizeof output->path, "%s", output->name);
    return ROPEMAP_OK;
}

/*
 * Understands `name`: "-" is standard output, links are followed. ROPEMAP_USAGE for a name that cannot be an
 * output, ROPEMAP_IO for what the system cannot look up.
 */
static ropemap_status resolve_name(output_file *output, const char *name, ropemap_error *error) {
    *output = (output_file){.name = name};
    if (name == NULL || name[0] == '\0') {
        return rm_fail(error, ROPEMAP_USAGE, "output: the name is empty");
    }
    if (strcmp(name, "-") == 0) {
        output->name = "standard output";
        output->direct = true;
        return ROPEMAP_OK;
    }
    const size_t length = strlen(name);
    if (name[length - 1] == '/') {
        return rm_fail(error, ROPEMAP_USAGE, "%.300s: the name of a directory; an output is a file", name);
    }
    if (length >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return refuse(output, "cannot be looked up", error);
    }
    struct stat status;
    return stat(name, &status) == 0 ? resolve_existing(output, &status, error) : resolve_new(output, error);
}

enum {
    CHUNK = 1 << 30,     /* bytes given to one write call; below SSIZE_MAX everywhere */
    ATTEMPTS = 100,      /* names tried for a temporary file */
    SHORTENED_NAME = 200 /* bytes of the output's name kept in the temporary's, of the usual 255 */
};

/* ---- bytes to a descriptor ----------------------------------------------------------------------------- */

/* False, with errno, where not every byte was taken. */
static bool write_all(int file, const uint8_t *data, size_t size) {
    while (size > 0) {
        const ssize_t written = write(file, data, size < CHUNK ? size : CHUNK);
        if (written > 0) {
            data += written;
            size -= (size_t)written;
        } else if (written == 0) {
            errno = EIO;
            return false;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

/* Whether bytes reached the disk; a file system without fsync counts as yes. */
static bool sync_file(int file) {
    int result = 0;
    do {
        result = fsync(file);
    } while (result != 0 && errno == EINTR);
    return result == 0 || errno == EINVAL || errno == ENOTSUP;
}

/* The descriptor is closed whatever close returns; a signal loses nothing that was synced. */
static bool close_file(int file) {
    return close(file) == 0 || errno == EINTR;
}

/* ---- direct outputs ------------------------------------------------------------------------------------ */

/* A descriptor to write `output` through, or -1 with errno. */
static int open_direct(const output_file *output) {
    if (output->path[0] == '\0') {
        return STDOUT_FILENO;
    }
    const int file = open(output->path, O_WRONLY | O_NOCTTY);
    struct stat status;
    if (file >= 0 && (fstat(file, &status) != 0 || S_ISREG(status.st_mode))) {
        (void)close(file);
        errno = EEXIST; /* a regular file took the name since it was looked up */
        return -1;
    }
    return file;
}

static ropemap_status check_direct(const output_file *output, ropemap_error *error) {
    if (output->path[0] != '\0') {
        return access(output->path, W_OK) == 0 ? ROPEMAP_OK : refuse(output, "cannot be written", error);
    }
    const int flags = fcntl(STDOUT_FILENO, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) {
        errno = EBADF;
        return refuse(output, "closed, or not open for writing", error);
    }
    return ROPEMAP_OK;
}

/* Writes standard output, a device or a FIFO in place. ROPEMAP_IO. */
static ropemap_status write_direct(const output_file *output, const ropemap_bytes *bytes,
                                   ropemap_error *error) {
    const int file = open_direct(output);
    if (file < 0) {
        return refuse(output, "cannot be opened", error);
    }
    ropemap_status status = ROPEMAP_OK;
    if (!write_all(file, bytes->data, bytes->size)) {
        status = refuse(output, "cannot be written", error);
    }
    if (file != STDOUT_FILENO && !close_file(file) && status == ROPEMAP_OK) {
        status = refuse(output, "cannot be written", error);
    }
    return status;
}

/* ---- files that appear complete ------------------------------------------------------------------------ */

/* Bytes of the directory part of `path` with its slash: 0 for the working directory. */
static size_t directory_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

/* The directory of `path`, without a trailing slash. */
static void directory_of(const char *path, char directory[static PATH_MAX]) {
    const size_t length = directory_length(path);
    if (length <= 1) {
        (void)snprintf(directory, PATH_MAX, "%s", length == 0 ? "." : "/");
    } else {
        (void)snprintf(directory, PATH_MAX, "%.*s", (int)(length - 1), path);
    }
}

/* Likely to be unique; O_EXCL makes sure. */
static uint64_t unusual_number(uint64_t attempt) {
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    uint64_t mixed = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    mixed ^= (uint64_t)getpid() << 40;
    mixed += attempt;
    mixed *= UINT64_C(0x9e3779b97f4a7c15);
    return mixed ^ (mixed >> 29);
}

/* Bytes of `name` kept in a temporary's name: a long one is cut, between characters. */
static int kept_length(const char *name) {
    size_t length = strlen(name);
    if (length > SHORTENED_NAME) {
        length = SHORTENED_NAME;
        while (length > 0 && ((unsigned char)name[length] & 0xC0u) == 0x80u) {
            length--;
        }
    }
    return (int)length;
}

/* Creates directory/.NAME.<number>.tmp and opens it, or returns -1 with errno. */
static int open_temporary(output_file *output) {
    const size_t directory = directory_length(output->path);
    const char *base = output->path + directory;
    const mode_t mode = output->exists ? S_IRUSR | S_IWUSR : 0666; /* fill sets an old file's */
    for (uint64_t attempt = 0; attempt < ATTEMPTS; attempt++) {
        const int length =
            snprintf(output->temporary, sizeof output->temporary, "%.*s.%.*s.%016" PRIx64 ".tmp",
                     (int)directory, output->path, kept_length(base), base, unusual_number(attempt));
        if (length < 0 || (size_t)length >= sizeof output->temporary) {
            output->temporary[0] = '\0';
            errno = ENAMETOOLONG;
            return -1;
        }
        const int file = open(output->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (file >= 0) {
            return file;
        }
        if (errno != EEXIST && errno != EINTR) {
            break;
        }
    }
    output->temporary[0] = '\0';
    return -1;
}

/* Removes the temporary file, if there is one; errno stays. */
static void drop(output_file *output) {
    const int reason = errno;
    if (output->temporary[0] != '\0') {
        (void)unlink(output->temporary);
        output->temporary[0] = '\0';
    }
    errno = reason;
}

static ropemap_status refuse_place(const output_file *output, ropemap_error *error) {
    const int reason = errno;
    char directory[PATH_MAX];
    directory_of(output->path, directory);
    return rm_fail(error, ROPEMAP_IO, "%.200s: cannot create a file in the directory '%.150s' (%s)",
                   output->name, directory, strerror(reason));
}

/* Whether the place can be written; leaves nothing there. ROPEMAP_IO. */
static ropemap_status check_place(output_file *output, ropemap_error *error) {
    if (output->direct) {
        return check_direct(output, error);
    }
    const int file = open_temporary(output);
    if (file < 0) {
        return refuse_place(output, error);
    }
    const bool closed = close_file(file);
    drop(output);
    return closed ? ROPEMAP_OK : refuse(output, "cannot be written", error);
}

/*
 * A file in three steps: fill and sync a temporary file, rename it atomically, sync the directory.
 * ROPEMAP_IO: an old file is unchanged, and neither a new one nor the temporary is left.
 */
static ropemap_status fill(output_file *output, const ropemap_bytes *bytes, ropemap_error *error) {
    const int file = open_temporary(output);
    if (file < 0) {
        return refuse_place(output, error);
    }
    const bool written = write_all(file, bytes->data, bytes->size) &&
                         (!output->exists || fchmod(file, output->mode) == 0) && sync_file(file);
    const int reason = errno;
    const bool closed = close_file(file);
    if (written && closed) {
        return ROPEMAP_OK;
    }
    if (!written) {
        errno = reason;
    }
    drop(output);
    return refuse(output, "cannot be written", error);
}

/* For file systems without hard links: takes the name with an empty file, then renames over that. */
static bool reserve_and_rename(const output_file *output) {
    const int file = open(output->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0) {
        return false;
    }
    (void)close(file);
    if (rename(output->temporary, output->path) == 0) {
        return true;
    }
    const int reason = errno;
    (void)unlink(output->path);
    errno = reason;
    return false;
}

/* Gives the temporary file its name. A new name is linked, which fails where a file appeared meanwhile. */
static bool rename_temporary(output_file *output) {
    if (output->exists) {
        return rename(output->temporary, output->path) == 0;
    }
    if (link(output->temporary, output->path) == 0) {
        drop(output);
        return true;
    }
    const bool linkless = errno == EPERM || errno == ENOTSUP || errno == ENOSYS || errno == EMLINK;
    return linkless && reserve_and_rename(output);
}

/* Syncs the directory, so that the new name survives a crash; an unreadable one cannot be synced. */
static bool sync_directory(const output_file *output) {
    char directory[PATH_MAX];
    directory_of(output->path, directory);
    const int file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) {
        return errno == EACCES;
    }
    const bool synced = sync_file(file);
    const int reason = errno;
    (void)close(file);
    errno = reason;
    return synced;
}

static ropemap_status take_name(output_file *output, ropemap_error *error) {
    if (!rename_temporary(output)) {
        drop(output);
        return refuse(output, "cannot be renamed into place", error);
    }
    output->temporary[0] = '\0';
    return ROPEMAP_OK;
}

static ropemap_status sync_name(const output_file *output, ropemap_error *error) {
    if (sync_directory(output)) {
        return ROPEMAP_OK;
    }
    const ropemap_status status = refuse(output, "written, but not synced to the disk", error);
    if (!output->exists) {
        (void)unlink(output->path);
    }
    return status;
}

/* ---- the public calls ---------------------------------------------------------------------------------- */

static ropemap_status resolve(output_file *output, const char *path, bool force, ropemap_error *error) {
    RM_TRY(resolve_name(output, path, error));
    return output->exists && !force ? refuse_replacing(output, error) : ROPEMAP_OK;
}

ropemap_status ropemap_output_check(const char *path, bool force, ropemap_error *error) {
    output_file output;
    RM_TRY(resolve(&output, path, force, error));
    return check_place(&output, error);
}

ropemap_status ropemap_output_write(const char *path, const ropemap_bytes *bytes, bool force,
                                    ropemap_error *error) {
    output_file output;
    RM_TRY(resolve(&output, path, force, error));
    if (output.direct) {
        return write_direct(&output, bytes, error);
    }
    RM_TRY(fill(&output, bytes, error));
    RM_TRY(take_name(&output, error));
    return sync_name(&output, error);
}

/* A file's identity, whatever its name. */
typedef struct file_id {
    dev_t device;
    ino_t inode;
} file_id;

typedef struct input {
    char *path; /* owned */
    file_id id;
} input;

typedef struct entry {
    output_file output;
    char *name; /* owned; output.name */
    file_id id; /* of an existing file; of a new one the directory's */
    bool is_new;
    bool alone;     /* no other output may share it: a file, a pipe */
    bool in_folder; /* in the folder that does not exist yet */
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

/* An array with room for one more item: the old one, or a larger copy. NULL if memory is short. */
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

/* Undoes what is not finished. */
static void undo(ropemap_outputs *outputs) {
    for (int32_t i = 0; i < outputs->count; i++) {
        entry *one = &outputs->entries[i];
        drop(&one->output);
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

/* ---- inputs and outputs
 * ------------------------------------------------------------------------------------- */

static file_id id_of(const struct stat *status) {
    return (file_id){.device = status->st_dev, .inode = status->st_ino};
}

static bool is_same(file_id a, file_id b) {
    return a.device == b.device && a.inode == b.inode;
}

ropemap_status ropemap_outputs_input(ropemap_outputs *outputs, const char *path, ropemap_error *error) {
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode)) {
        return ROPEMAP_OK; /* no file that an output could destroy */
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
                           "%.200s: the same file as the input '%.200s'; an output never replaces an input",
                           name, outputs->inputs[i].path);
        }
    }
    return ROPEMAP_OK;
}

/* Whether `path` lies in the folder that does not exist yet. */
static bool is_in_new_folder(const ropemap_outputs *outputs, const char *path) {
    const size_t length = outputs->folder != NULL ? strlen(outputs->folder) : 0;
    return outputs->folder_missing && strncmp(path, outputs->folder, length) == 0 && path[length] == '/' &&
           strchr(path + length + 1, '/') == NULL;
}

/* Which file an output is. */
static ropemap_status identify(const ropemap_outputs *outputs, entry *one, ropemap_error *error) {
    const output_file *output = &one->output;
    const bool standard = output->path[0] == '\0';
    struct stat status;
    if (output->exists || output->direct) {
        if ((standard ? fstat(STDOUT_FILENO, &status) : stat(output->path, &status)) != 0) {
            return standard ? ROPEMAP_OK /* closed: the check reports it */
                            : refuse(output, "cannot be looked up", error);
        }
        one->id = id_of(&status);
        one->alone = S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode);
        return refuse_input(outputs, output->name, &status, error);
    }
    one->is_new = one->alone = true;
    one->in_folder = is_in_new_folder(outputs, output->path);
    char directory[PATH_MAX];
    directory_of(output->path, directory);
    if (!one->in_folder && stat(directory, &status) == 0) {
        one->id = id_of(&status); /* if it cannot be looked up, the check reports it */
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
                           "%.200s: already an output, as '%.200s'; give each output its own file", one->name,
                           outputs->entries[i].name);
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status add(ropemap_outputs *outputs, entry *one, const char *path, ropemap_error *error) {
    RM_TRY(resolve_name(&one->output, path, error));
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
    return rm_fail(error, ROPEMAP_IO, "%.300s: cannot create the folder (%s)", path, strerror(reason));
}

ropemap_status ropemap_outputs_folder(ropemap_outputs *outputs, const char *path, ropemap_error *error) {
    struct stat status;
    if (path[0] == '\0') {
        return rm_fail(error, ROPEMAP_USAGE, "folder: the name is empty");
    }
    const bool there = stat(path, &status) == 0;
    if (there && !S_ISDIR(status.st_mode)) {
        return rm_fail(error, ROPEMAP_USAGE, "%.300s: exists and is not a folder", path);
    }
    if (!there && errno != ENOENT) {
        return refuse_folder(path, errno, error);
    }
    rm_free(outputs->folder);
    outputs->folder = copy_text(path);
    outputs->folder_missing = !there;
    return outputs->folder != NULL ? ROPEMAP_OK : rm_fail_memory(error, "outputs", strlen(path));
}

/* Whether it can be created: by creating it. */
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
            return refuse_replacing(&one->output, error);
        }
        if (!one->in_folder) {
            RM_TRY(check_place(&one->output, error));
        }
    }
    return ROPEMAP_OK;
}

/* The name may mean another file than before the work: links change, files appear. */
static ropemap_status look_again(const ropemap_outputs *outputs, entry *one, ropemap_error *error) {
    struct stat status;
    if (one->output.direct) {
        return ROPEMAP_OK;
    }
    RM_TRY(resolve_name(&one->output, one->name, error));
    if (one->output.direct) {
        errno = EEXIST;
        return refuse(&one->output, "became a device during the work", error);
    }
    if (!one->output.exists) {
        return ROPEMAP_OK;
    }
    if (!one->force) {
        return refuse_replacing(&one->output, error);
    }
    return stat(one->output.path, &status) == 0 ? refuse_input(outputs, one->name, &status, error)
                                                : refuse(&one->output, "cannot be looked up", error);
}

ropemap_status ropemap_outputs_write(ropemap_outputs *outputs, int32_t index, const ropemap_bytes *bytes,
                                     ropemap_error *error) {
    entry *one = &outputs->entries[index];
    if (one->output.direct) {
        return write_direct(&one->output, bytes, error);
    }
    if (one->in_folder) {
        RM_TRY(make_folder(outputs, error));
    }
    RM_TRY(look_again(outputs, one, error));
    RM_TRY(fill(&one->output, bytes, error));
    one->filled = true;
    return ROPEMAP_OK;
}

/* Old files first: if one of them cannot be replaced, new names can still be undone. */
static ropemap_status take_names(ropemap_outputs *outputs, bool existing, ropemap_error *error) {
    for (int32_t i = 0; i < outputs->count; i++) {
        entry *one = &outputs->entries[i];
        if (one->filled && one->output.exists == existing) {
            RM_TRY(take_name(&one->output, error));
            one->named = true;
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status sync_names(ropemap_outputs *outputs, ropemap_error *error) {
    for (int32_t i = 0; i < outputs->count; i++) {
        if (outputs->entries[i].named) {
            RM_TRY(sync_name(&outputs->entries[i].output, error));
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
