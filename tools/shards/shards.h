/* shards.h - one piece of work cut into shards: files in a directory that any number of processes fill */
/* SPDX-License-Identifier: MIT */
/*
 * Nobody is in charge and no process talks to another. A shard is a file that appears complete, or not at
 * all; a claim is a lock that its owner's death releases. Two owners of a shard compute the same bytes: locks
 * save work, nothing depends on them. Whoever finds all shards puts them together.
 */
#ifndef ROPEMAP_TOOLS_SHARDS_SHARDS_H
#define ROPEMAP_TOOLS_SHARDS_SHARDS_H

#include "tools/ropemap/command.h"

#include <jansson.h>
#include <stdatomic.h>

/* ---- options ------------------------------------------------------------------------------------------- */

typedef struct work_options {
    const char *folder; /* NULL: none */
    int64_t shards;     /* 0: as many as suit */
    bool keep, steal;
    bool merge_only; /* `ropemap merge`: computes nothing */
} work_options;

/* The rows, which fill a work_options. */
extern const cli_option work_rows[];

/* DIR, the operand of commands whose options begin with a const char *, NULL at first. */
extern const cli_option work_operand;

/* ---- worker.c: who this process is among those that were started together -------------------------------
 */

/* It decides where a worker starts, and nothing else. */
typedef struct work_worker {
    int64_t rank, size; /* 0 of 1: alone, or nothing is known */
    const char *how;    /* "srun step"; NULL: nothing is known */
    int64_t element;    /* of a job array; -1: none */
    int64_t elements;   /* 1 more than the array's largest index; 0: no array */
    bool should_step;   /* a batch script has several tasks, and this is one process */
} work_worker;

/* From environment variables, which `get` looks up as getenv does. */
work_worker worker_find(char *(*get)(const char *name));

/* Without --work: ROPEMAP_USAGE where the other options need it, or several ranks would write one file. */
ropemap_status work_alone(const work_options *options, const cli_outputs *outputs, ropemap_error *error);

/* ---- record.c: what a directory is for ------------------------------------------------------------------
 */

/* run.json: version, command, options and inputs, with their digests; then kernel and shards. */
typedef struct work_record {
    json_t *document; /* owned; NULL: there is none */
    bool finished;    /* the outputs are written, and are still what was written */
    bool stale;       /* they were written, but are no longer there */
} work_record;

void record_free(work_record *record);

/* Reads FOLDER/run.json; record->document is NULL where there is none. ROPEMAP_DATA, ROPEMAP_IO. */
ropemap_status record_read(const char *folder, work_record *record, ropemap_error *error);

/* What the command line asks for. A known file of the same size and time is not read again. The caller owns
 * *document. ROPEMAP_IO, ROPEMAP_RESOURCES, ROPEMAP_STOPPED. */
ropemap_status record_make(const cli_run *run, const json_t *known, json_t **document, ropemap_error *error);

/* ROPEMAP_USAGE, naming the difference, unless both documents are for the same bytes. `kernel`: also of the
 * same kernel. */
ropemap_status record_compare(const char *folder, const json_t *recorded, const json_t *wanted, bool kernel,
                              ropemap_error *error);

/* A number of it; 0: it has none of that name. */
int64_t record_integer(const json_t *document, const char *name);

/* A number that other runs do not have. */
uint64_t record_number(const json_t *document);

/* Writes it as FOLDER/run.json, making the folder; where `replace` is false and there is one by now, *exists
 * is true. ROPEMAP_IO. */
ropemap_status record_write(const char *folder, const json_t *document, bool replace, bool *exists,
                            ropemap_error *error);

/* Notes that the outputs are written. */
ropemap_status record_finish(const char *folder, json_t *document, const cli_outputs *outputs,
                             ropemap_error *error);

/* ---- shard_files.c ---------------------------------------------------------------------------------------
 */

/* Which shards the directory lists: there [count]. *shards is how many. ROPEMAP_IO: it cannot be read. */
ropemap_status shards_list(const char *folder, int64_t count, bool *there, int64_t *shards,
                           ropemap_error *error);

/* Writes a shard of run `number` so that it appears complete. `seconds`: it took. ROPEMAP_IO. */
ropemap_status shard_write(const char *folder, uint64_t number, int64_t shard, double seconds,
                           const ropemap_bytes *bytes, ropemap_error *error);

/* The bytes of a shard, the caller's; *seconds may be NULL. ROPEMAP_DATA: it is not whole, or another run's;
 * ROPEMAP_IO. */
ropemap_status shard_read(const char *folder, uint64_t number, int64_t shard, ropemap_bytes *bytes,
                          double *seconds, ropemap_error *error);

/* When it was finished, in seconds since 1970; 0: unknown. */
double shard_time(const char *folder, int64_t shard);

void shard_remove(const char *folder, int64_t shard);

/* Whether there are shards or claims. */
bool shards_any(const char *folder);

/* Removes claims and what killed processes left; with `shards` the shards. */
void shards_clear(const char *folder, bool shards);

/* ---- claims.c: who owns a shard ---------------------------------------------------------------------------
 */

typedef enum claim_state {
    CLAIM_MINE,
    CLAIM_BUSY,   /* another process has it */
    CLAIM_DONE,   /* it is released, by a process that finished the shard */
    CLAIM_NO_LOCK /* the file system has no locks: as if mine */
} claim_state;

typedef struct work_claim {
    int file;       /* -1: none */
    bool begun;     /* somebody began the shard before */
    int reason;     /* of CLAIM_NO_LOCK: errno */
    char text[200]; /* what the last owner wrote, for people */
} work_claim;

/* Tries to take the claim of a shard; it is to be left in any case. `probe`: to look at it, without making
 * it. */
claim_state claim_take(const char *folder, int64_t shard, bool probe, work_claim *claim);

/* Writes who has begun it. */
void claim_begin(work_claim *claim);

/* Writes that it is done, where it is, and closes it. */
void claim_leave(work_claim *claim, bool done);

/* Holds the directory against others that join the run; -1: it is not there, or has no locks. */
int folder_lock(const char *folder);
void folder_unlock(int lock);

/* Shares a lock, of claim `number`, with all other workers, until folder_unlock; -1: there are no locks. */
int living_join(const char *folder, int64_t number);

/* Whether no other worker shares it any more. */
bool living_is_last(int lock);

/* ---- queue.c: one worker's way through all shards -------------------------------------------------------
 */

typedef enum work_end {
    WORK_GOES_ON, /* nothing is decided */
    WORK_MERGE,   /* every shard was taken: write the outputs, then work_finish */
    WORK_LEFT,    /* other workers have what is left */
    WORK_FINISHED /* another worker wrote the outputs */
} work_end;

/* Start with work_open, whatever it returns free with work_free. */
typedef struct work_queue {
    const work_options *options;
    bool force; /* outputs that exist when the run begins are replaced */
    cli_run *run;
    work_worker worker;
    json_t *document;   /* the record of the run; NULL: there is no --work */
    uint64_t number;    /* of the run */
    bool finished;      /* somebody finished the run before */
    int64_t count;      /* shards */
    int64_t rank, size; /* own shards are rank, rank + size, ... */
    int64_t place;      /* tells workers apart, for them to begin in different places */
    double patience;    /* seconds that another may take for a shard, at least */
    bool *there;        /* [count] shards that are finished */
    double *since;  /* [count + 1] when another was first seen to have it; 0: not. The last is the outputs */
    int64_t shards; /* finished */
    double listed, listing;  /* when, and how many seconds that took */
    int64_t turn;            /* shards that come before it in this worker's order are finished */
    double longest;          /* seconds of an own shard */
    int living;              /* a lock that all workers share as long as they live; -1: none */
    bool lockless;           /* the file system has no locks */
    work_claim merging;      /* held while the outputs are written */
    int32_t lane;            /* of the process's threads that compute */
    work_end end;            /* what the command's part of the work came to */
    const atomic_bool *over; /* of a queue for such a thread: it ends the work; NULL: it is the process's */
} work_queue;

/* With --work, after the outputs were added, to be replaced: reads the record of the run. ROPEMAP_USAGE: it
 * is another run's. */
ropemap_status work_open(const work_options *options, bool force, cli_run *run, work_queue *queue,
                         ropemap_error *error);
void work_free(work_queue *queue);

/*
 * Joins the run, or begins it, with `count` shards unless the record or --shards has another number. `kernel`
 * computes the bytes, `method` is how; both are recorded. ROPEMAP_USAGE, ROPEMAP_IO.
 */
ropemap_status work_join(work_queue *queue, const char *kernel, const char *method, int64_t count, bool quiet,
                         ropemap_error *error);

/* What the bytes of a plan depend on: "cpu with FMA", "NVIDIA H200". */
void work_kernel(const ropemap_plan *plan, int32_t device, char *text, size_t size);

/* Computes a shard; its bytes are from malloc. Progress goes to work_tell, with the queue. */
typedef ropemap_status (*work_compute)(void *user, int64_t shard, ropemap_bytes *bytes, ropemap_error *error);

/* Takes a finished shard. All are taken in their order; it may begin anew. */
typedef ropemap_status (*work_take)(void *user, int64_t shard, const ropemap_bytes *bytes,
                                    ropemap_error *error);

int work_tell(void *queue, const char *stage, double done, double total);

/* Looks how far the run is, and reports progress. */
void work_watch(work_queue *queue);

/* Makes a queue of the same run for thread `lane` of this process, which reports no progress and ends once
 * *over. It is to be freed before `queue`, with work_free, after a failure too. ROPEMAP_RESOURCES. */
ropemap_status work_split(const work_queue *queue, int32_t lane, const atomic_bool *over, work_queue *other,
                          ropemap_error *error);

/* Computes shards until there is nothing left to do here. `take` NULL: the outputs are left to others.
 * ROPEMAP_STOPPED after a signal; ROPEMAP_DATA: shards are missing and `ropemap merge` computes none; what
 * compute, take and files fail with. */
ropemap_status work_run(work_queue *queue, work_compute compute, work_take take, void *user, work_end *end,
                        ropemap_error *error);

/* Prints what came of it where this process has not written the outputs. */
void work_report(const work_queue *queue, work_end end, bool quiet);

/* After WORK_MERGE, with what writing the outputs came to: records them and clears the directory. The
 * failure, unless another worker has written them. */
ropemap_status work_finish(work_queue *queue, ropemap_status written, ropemap_error *error);

#endif
