/* file.c - write an output so that its name exists only complete */
/* SPDX-License-Identifier: MIT */
#include "host/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

/* Whether bytes reached the disk; a file system that cannot be asked counts as yes. */
static bool sync_file(int file) {
    int result = 0;
    do {
        result = fsync(file);
    } while (result != 0 && errno == EINTR);
    return result == 0 || errno == EINVAL || errno == ENOTSUP;
}

/* A descriptor is gone after close whatever it returns; a signal meanwhile loses nothing that was synced. */
static bool close_file(int file) {
    return close(file) == 0 || errno == EINTR;
}

/* ---- direct outputs ------------------------------------------------------------------------------------ */

/* A descriptor to write `output` through, or -1 with errno. */
static int open_direct(const rm_output *output) {
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

static ropemap_status check_direct(const rm_output *output, ropemap_error *error) {
    if (output->path[0] != '\0') {
        return access(output->path, W_OK) == 0 ? ROPEMAP_OK
                                               : rm_output_refuse(output, "cannot be written", error);
    }
    const int flags = fcntl(STDOUT_FILENO, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) {
        errno = EBADF;
        return rm_output_refuse(output, "closed, or not open for writing", error);
    }
    return ROPEMAP_OK;
}

ropemap_status rm_output_write_direct(const rm_output *output, const ropemap_bytes *bytes,
                                      ropemap_error *error) {
    const int file = open_direct(output);
    if (file < 0) {
        return rm_output_refuse(output, "cannot be opened", error);
    }
    ropemap_status status = ROPEMAP_OK;
    if (!write_all(file, bytes->data, bytes->size)) {
        status = rm_output_refuse(output, "cannot be written", error);
    }
    if (file != STDOUT_FILENO && !close_file(file) && status == ROPEMAP_OK) {
        status = rm_output_refuse(output, "cannot be written", error);
    }
    return status;
}

/* ---- files that appear complete ------------------------------------------------------------------------ */

/* Bytes of the directory part of `path` with its slash: 0 for the working directory. */
static size_t directory_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

void rm_output_directory(const char *path, char directory[static PATH_MAX]) {
    const size_t length = directory_length(path);
    if (length <= 1) {
        (void)snprintf(directory, PATH_MAX, "%s", length == 0 ? "." : "/");
    } else {
        (void)snprintf(directory, PATH_MAX, "%.*s", (int)(length - 1), path);
    }
}

/* Different in every process and at every moment; O_EXCL makes sure, this makes it likely. */
static uint64_t unusual_number(uint64_t attempt) {
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    uint64_t mixed = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    mixed ^= (uint64_t)getpid() << 40;
    mixed += attempt;
    mixed *= UINT64_C(0x9e3779b97f4a7c15);
    return mixed ^ (mixed >> 29);
}

/* Bytes of `name` that a temporary's name repeats: not all of a long one, and no half of a character. */
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
static int open_temporary(rm_output *output) {
    const size_t directory = directory_length(output->path);
    const char *base = output->path + directory;
    const mode_t mode = output->exists ? S_IRUSR | S_IWUSR : 0666; /* rm_output_fill sets an old file's */
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

void rm_output_drop(rm_output *output) {
    const int reason = errno;
    if (output->temporary[0] != '\0') {
        (void)unlink(output->temporary);
        output->temporary[0] = '\0';
    }
    errno = reason;
}

static ropemap_status refuse_place(const rm_output *output, ropemap_error *error) {
    const int reason = errno;
    char directory[PATH_MAX];
    rm_output_directory(output->path, directory);
    return rm_fail(error, ROPEMAP_IO, "%.200s: no file can be made in the directory '%.150s' (%s)",
                   output->name, directory, strerror(reason));
}

ropemap_status rm_output_check_place(rm_output *output, ropemap_error *error) {
    if (output->direct) {
        return check_direct(output, error);
    }
    const int file = open_temporary(output);
    if (file < 0) {
        return refuse_place(output, error);
    }
    const bool closed = close_file(file);
    rm_output_drop(output);
    return closed ? ROPEMAP_OK : rm_output_refuse(output, "cannot be written", error);
}

ropemap_status rm_output_fill(rm_output *output, const ropemap_bytes *bytes, ropemap_error *error) {
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
    rm_output_drop(output);
    return rm_output_refuse(output, "cannot be written", error);
}

/* For file systems without hard links: takes the name with an empty file, then renames over that. */
static bool reserve_and_rename(const rm_output *output) {
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
static bool take_name(rm_output *output) {
    if (output->exists) {
        return rename(output->temporary, output->path) == 0;
    }
    if (link(output->temporary, output->path) == 0) {
        rm_output_drop(output);
        return true;
    }
    const bool linkless = errno == EPERM || errno == ENOTSUP || errno == ENOSYS || errno == EMLINK;
    return linkless && reserve_and_rename(output);
}

/* Makes the new name itself last; a directory that may not be read cannot be asked. */
static bool sync_directory(const rm_output *output) {
    char directory[PATH_MAX];
    rm_output_directory(output->path, directory);
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

ropemap_status rm_output_take_name(rm_output *output, ropemap_error *error) {
    if (!take_name(output)) {
        rm_output_drop(output);
        return rm_output_refuse(output, "cannot be given its name", error);
    }
    output->temporary[0] = '\0';
    return ROPEMAP_OK;
}

ropemap_status rm_output_sync_name(const rm_output *output, ropemap_error *error) {
    if (sync_directory(output)) {
        return ROPEMAP_OK;
    }
    const ropemap_status status = rm_output_refuse(output, "written, but may not last", error);
    if (!output->exists) {
        (void)unlink(output->path);
    }
    return status;
}

/* ---- the public calls ---------------------------------------------------------------------------------- */

static ropemap_status resolve(rm_output *output, const char *path, bool force, ropemap_error *error) {
    RM_TRY(rm_output_resolve(output, path, error));
    return output->exists && !force ? rm_output_refuse_replacing(output, error) : ROPEMAP_OK;
}

ropemap_status ropemap_output_check(const char *path, bool force, ropemap_error *error) {
    rm_output output;
    RM_TRY(resolve(&output, path, force, error));
    return rm_output_check_place(&output, error);
}

ropemap_status ropemap_output_write(const char *path, const ropemap_bytes *bytes, bool force,
                                    ropemap_error *error) {
    rm_output output;
    RM_TRY(resolve(&output, path, force, error));
    if (output.direct) {
        return rm_output_write_direct(&output, bytes, error);
    }
    RM_TRY(rm_output_fill(&output, bytes, error));
    RM_TRY(rm_output_take_name(&output, error));
    return rm_output_sync_name(&output, error);
}
