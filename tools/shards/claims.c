/* claims.c - who owns a shard: locks on files of a directory, and which workers of a run are alive */
/* SPDX-License-Identifier: MIT */
#include "tools/shards/shards.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static void claim_path(const char *folder, int64_t number, char path[static PATH_MAX]) {
    (void)snprintf(path, PATH_MAX, "%s/claim-%06" PRId64, folder, number);
}

/* A claim is never removed while the run lives: two files of one name would be two locks. */
claim_state claim_take(const char *folder, int64_t shard, bool probe, work_claim *claim) {
    char path[PATH_MAX];
    claim_path(folder, shard, path);
    *claim = (work_claim){.file = open(path, O_RDWR | O_CLOEXEC | (probe ? 0 : O_CREAT), 0666)};
    if (claim->file < 0) {
        claim->reason = errno;
        return CLAIM_NO_LOCK;
    }
    claim->reason = flock(claim->file, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    const ssize_t size = pread(claim->file, claim->text, sizeof claim->text - 1, 0);
    claim->text[size > 0 ? size : 0] = '\0';
    if (claim->reason != 0) {
        return claim->reason == EWOULDBLOCK || claim->reason == EACCES ? CLAIM_BUSY : CLAIM_NO_LOCK;
    }
    claim->begun = size > 0;
    return strncmp(claim->text, "done", 4) == 0 ? CLAIM_DONE : CLAIM_MINE;
}

/* For people; a claim that cannot be written is as good. */
static void claim_write(const work_claim *claim, const char *text) {
    if (claim->file >= 0 && pwrite(claim->file, text, strlen(text), 0) < 0) {
        (void)ftruncate(claim->file, 0);
    }
}

static const char *variable(const char *name) {
    const char *text = getenv(name);
    return text != NULL ? text : "-";
}

void claim_begin(work_claim *claim) {
    char text[200], host[64] = "", when[32] = "";
    struct tm local;
    const time_t now = time(NULL);
    (void)gethostname(host, sizeof host - 1);
    if (localtime_r(&now, &local) != NULL) {
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S%z", &local);
    }
    (void)snprintf(text, sizeof text, "begun %s %ld %.40s %.40s %s\n", host, (long)getpid(),
                   variable("SLURM_JOB_ID"), variable("SLURM_STEP_ID"), when);
    if (claim->begun) {
        (void)ftruncate(claim->file, 0);
    }
    claim_write(claim, text);
}

void claim_leave(work_claim *claim, bool done) {
    if (done) {
        claim_write(claim, "done "); /* in place of "begun" */
    }
    if (claim->file >= 0) {
        (void)close(claim->file);
    }
    claim->file = -1;
}

int folder_lock(const char *folder) {
    const int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file >= 0 && flock(file, LOCK_EX) != 0) {
        (void)close(file);
        return -1;
    }
    return file;
}

void folder_unlock(int lock) {
    if (lock >= 0) {
        (void)close(lock);
    }
}

int living_join(const char *folder, int64_t number) {
    char path[PATH_MAX];
    claim_path(folder, number, path);
    const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file >= 0 && flock(file, LOCK_SH | LOCK_NB) != 0) {
        (void)close(file);
        return -1;
    }
    return file;
}

bool living_is_last(int lock) {
    return lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0;
}
