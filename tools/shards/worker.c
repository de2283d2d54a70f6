/* worker.c - who this process is among those that were started together */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/failure.h"
#include "tools/ropemap/run.h"
#include "tools/shards/shards.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS_MOST = 1 << 24 };

/* The whole number of a variable; -1 where there is none. */
static int64_t number_of(char *(*get)(const char *name), const char *name) {
    const char *text = get(name);
    char *end = NULL;
    errno = 0;
    const long long number = text != NULL ? strtoll(text, &end, 10) : -1;
    return text != NULL && end != text && *end == '\0' && errno == 0 && number >= 0 && number < WORKERS_MOST
               ? (int64_t)number
               : -1;
}

/*
 * A launcher's pair counts where both are set and the rank is below the size. Under mpirun within a batch
 * script SLURM_PROCID numbers the launcher's daemons, so the larger size wins, MPI's where they are equal.
 * SLURM_NTASKS belongs to the script as well, and PMIX_RANK comes without a size: neither is looked at.
 */
work_worker worker_find(char *(*get)(const char *name)) {
    static const struct {
        const char *rank, *size, *needs, *how;
    } launchers[] = {
        {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", NULL, "Open MPI"},
        {"PMI_RANK", "PMI_SIZE", NULL, "MPI"},
        {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_ID", "srun step"},
    };
    work_worker worker = {.size = 1, .element = number_of(get, "SLURM_ARRAY_TASK_ID")};
    for (size_t i = 0; i < sizeof launchers / sizeof launchers[0]; i++) {
        const int64_t rank = number_of(get, launchers[i].rank), size = number_of(get, launchers[i].size);
        const bool whole = rank >= 0 && rank < size &&
                           (launchers[i].needs == NULL || number_of(get, launchers[i].needs) >= 0);
        if (whole && (worker.how == NULL || size > worker.size)) {
            worker.rank = rank;
            worker.size = size;
            worker.how = launchers[i].how;
        }
    }
    const int64_t last = number_of(get, "SLURM_ARRAY_TASK_MAX");
    if (worker.element >= 0) {
        worker.elements = 1 + (last > worker.element ? last : worker.element);
    }
    worker.should_step = worker.how == NULL && number_of(get, "SLURM_NTASKS") > 1;
    return worker;
}

/* ---- without --work ---- */

/* Ranks whose number is in the names of their outputs have outputs of their own. */
static ropemap_status refuse_ranks(const cli_outputs *outputs, const work_worker *worker,
                                   ropemap_error *error) {
    char rank[24];
    (void)snprintf(rank, sizeof rank, "%" PRId64, worker->rank);
    bool own = worker->size == 1 || outputs->count == 0;
    for (int i = 0; i < outputs->count; i++) {
        own = own || strstr(ropemap_outputs_name(outputs->set, i), rank) != NULL;
    }
    return own ? ROPEMAP_OK
               : fail(error, ROPEMAP_USAGE,
                      "--output: '%.200s' would be written by all %" PRId64
                      " tasks (%s), each computing all of it; give --work DIR, and they share the work",
                      ropemap_outputs_name(outputs->set, 0), worker->size, worker->how);
}

ropemap_status work_alone(const work_options *options, const cli_outputs *outputs, ropemap_error *error) {
    const work_worker worker = worker_find(getenv);
    return options->shards != 0 || options->keep || options->steal
               ? fail(error, ROPEMAP_USAGE, "--%s needs --work DIR",
                      options->shards != 0 ? "shards"
                      : options->keep      ? "keep-work"
                                           : "steal")
               : refuse_ranks(outputs, &worker, error);
}
