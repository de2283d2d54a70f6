/* worker.c - who this process is among those that were started together */
/* SPDX-License-Identifier: MIT */
#include "tools/shards/shards.h"

#include <errno.h>
#include <stdlib.h>

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
