/* shard_files.c - the bytes of shards: files in a directory that appear complete or not at all */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/failure.h"
#include "tools/ropemap/run.h"
#include "tools/shards/shards.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libdeflate.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = {'R', 'M', 'S', 'H', 'A', 'R', 'D', '1'};

/* What a file begins with, in the byte order of the machine: another one's is no shard. */
typedef struct shard_header {
    char magic[8];
    uint64_t run;
    int64_t shard, size; /* bytes that follow */
    double seconds;
    uint32_t none, check; /* CRC-32 of all of the above, then of the bytes */
} shard_header;

static uint32_t check_of(const shard_header *header, const void *bytes) {
    const uint32_t check = libdeflate_crc32(0, header, offsetof(shard_header, check));
    return libdeflate_crc32(check, bytes, (size_t)header->size);
}

static void path_of(const char *folder, const char *kind, int64_t shard, const char *ending,
                    char path[static PATH_MAX]) {
    (void)snprintf(path, PATH_MAX, "%s/%s-%06" PRId64 "%s", folder, kind, shard, ending);
}

/* The number in a name such as "shard-000012.bin"; -1: it is another name. */
static int64_t number_in(const char *name, const char *kind, const char *ending) {
    const size_t length = strlen(kind);
    char *end = NULL;
    if (strncmp(name, kind, length) != 0 || name[length] != '-') {
        return -1;
    }
    const long long number = strtoll(name + length + 1, &end, 10);
    return end != name + length + 1 && strcmp(end, ending) == 0 ? (int64_t)number : -1;
}

ropemap_status shards_list(const char *folder, int64_t count, bool *there, int64_t *shards,
                           ropemap_error *error) {
    DIR *directory = opendir(folder);
    *shards = 0;
    memset(there, 0, (size_t)count * sizeof *there);
    const struct dirent *found = NULL;
    while (directory != NULL && (errno = 0, found = readdir(directory)) != NULL) {
        const int64_t shard = number_in(found->d_name, "shard", ".bin");
        if (shard >= 0 && shard < count && !there[shard]) {
            there[shard] = true;
            ++*shards;
        }
    }
    const int reason = errno;
    if (directory != NULL) {
        (void)closedir(directory);
    }
    return directory != NULL && reason == 0
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_IO, "--work %.300s: cannot be read (%s)", folder, strerror(reason));
}

static bool write_all(int file, const void *bytes, size_t size) {
    for (const char *at = bytes; size > 0;) {
        const ssize_t written = write(file, at, size);
        if (written <= 0 && errno != EINTR) {
            return false;
        }
        at += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

static bool sync_folder(const char *folder) {
    const int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = file >= 0 && (fsync(file) == 0 || errno == EINVAL);
    const int reason = errno;
    if (file >= 0) {
        (void)close(file);
    }
    errno = reason;
    return synced;
}

/* Threads may write the same shard, where there are no locks. */
static atomic_uint written;

ropemap_status shard_write(const char *folder, uint64_t number, int64_t shard, double seconds,
                           const ropemap_bytes *bytes, ropemap_error *error) {
    char path[PATH_MAX], own[PATH_MAX], host[64] = "", ending[100];
    shard_header header = {.run = number, .shard = shard, .size = (int64_t)bytes->size, .seconds = seconds};
    memcpy(header.magic, magic, sizeof magic);
    header.check = check_of(&header, bytes->data);
    (void)gethostname(host, sizeof host - 1);
    (void)snprintf(ending, sizeof ending, ".%s.%ld.%u.tmp", host, (long)getpid(),
                   atomic_fetch_add(&written, 1));
    path_of(folder, "shard", shard, ".bin", path);
    path_of(folder, ".shard", shard, ending, own);
    const int file = open(own, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool done = file >= 0 && write_all(file, &header, sizeof header) &&
                write_all(file, bytes->data, bytes->size) && fsync(file) == 0;
    int reason = errno;
    if (file >= 0 && close(file) != 0 && done) {
        done = false;
        reason = errno;
    }
    if (done && (rename(own, path) != 0 || !sync_folder(folder))) {
        done = false;
        reason = errno;
    }
    if (!done) {
        (void)unlink(own);
    }
    return done ? ROPEMAP_OK
                : fail(error, ROPEMAP_IO, "%.300s: cannot be written (%s)", path, strerror(reason));
}

static bool read_all(int file, void *bytes, size_t size) {
    char *at = bytes;
    ssize_t found = 1;
    while (size > 0 && found > 0) {
        found = read(file, at, size);
        at += found > 0 ? found : 0;
        size -= found > 0 ? (size_t)found : 0;
    }
    return size == 0;
}

ropemap_status shard_read(const char *folder, uint64_t number, int64_t shard, ropemap_bytes *bytes,
                          double *seconds, ropemap_error *error) {
    char path[PATH_MAX];
    shard_header header;
    struct stat status;
    *bytes = (ropemap_bytes){.data = NULL};
    path_of(folder, "shard", shard, ".bin", path);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return fail(error, ROPEMAP_IO, "%.300s: cannot be opened (%s)", path, strerror(errno));
    }
    bool whole = fstat(file, &status) == 0 && read_all(file, &header, sizeof header) &&
                 memcmp(header.magic, magic, sizeof magic) == 0 && header.run == number &&
                 header.shard == shard && header.size == status.st_size - (off_t)sizeof header;
    if (whole) {
        bytes->size = (size_t)header.size;
        bytes->data = malloc(bytes->size + 1);
        whole = bytes->data != NULL && read_all(file, bytes->data, bytes->size) &&
                check_of(&header, bytes->data) == header.check;
    }
    (void)close(file);
    if (!whole) {
        ropemap_bytes_free(bytes);
        return fail(error, ROPEMAP_DATA, "%.300s: not whole, or not of this run", path);
    }
    if (seconds != NULL) {
        *seconds = header.seconds;
    }
    return ROPEMAP_OK;
}

double shard_time(const char *folder, int64_t shard) {
    char path[PATH_MAX];
    struct stat status;
    path_of(folder, "shard", shard, ".bin", path);
    return stat(path, &status) == 0 ? (double)status.st_mtim.tv_sec + 1e-9 * (double)status.st_mtim.tv_nsec
                                    : 0.0;
}

void shard_remove(const char *folder, int64_t shard) {
    char path[PATH_MAX];
    path_of(folder, "shard", shard, ".bin", path);
    (void)unlink(path);
}

bool shards_any(const char *folder) {
    DIR *directory = opendir(folder);
    const struct dirent *found = NULL;
    bool any = false;
    while (directory != NULL && !any && (found = readdir(directory)) != NULL) {
        any = number_in(found->d_name, "claim", "") >= 0 || number_in(found->d_name, "shard", ".bin") >= 0;
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    return any;
}

/* Whether a file is one of ours that may go: a claim, or what a killed process left half written. */
static bool is_left_over(const char *name) {
    const size_t length = strlen(name);
    const bool temporary = length > 4 && strcmp(name + length - 4, ".tmp") == 0;
    return number_in(name, "claim", "") >= 0 || (strncmp(name, ".shard-", 7) == 0 && temporary) ||
           (strncmp(name, ".run.", 5) == 0 && temporary);
}

void shards_clear(const char *folder, bool shards) {
    DIR *directory = opendir(folder);
    for (const struct dirent *found = directory != NULL ? readdir(directory) : NULL; found != NULL;
         found = readdir(directory)) {
        if (is_left_over(found->d_name) || (shards && number_in(found->d_name, "shard", ".bin") >= 0)) {
            (void)unlinkat(dirfd(directory), found->d_name, 0);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
}
