/* crew.c - the threads of a benchmark, each with its context of the backend */
/* SPDX-License-Identifier: MIT */
#include "host/bench/crew.h"

#include "host/base/alloc.h"

ropemap_status rm_crew_open(rm_crew *crew, int32_t threads, ropemap_error *error) {
    *crew = (rm_crew){.backend = rm_cpu_backend(), .device = rm_cpu_device(), .threads = threads};
    crew->contexts = rm_alloc((uint64_t)threads, sizeof *crew->contexts);
    if (crew->contexts == NULL) {
        return rm_fail_memory(error, "workers", (uint64_t)threads * sizeof *crew->contexts);
    }
    for (int32_t i = 0; i < threads; i++) {
        RM_TRY(crew->backend->open(&crew->contexts[i], &crew->device, error));
    }
    return ROPEMAP_OK;
}

void rm_crew_close(rm_crew *crew) {
    for (int32_t i = 0; crew->contexts != NULL && i < crew->threads; i++) {
        crew->backend->close(crew->contexts[i]);
    }
    rm_free(crew->contexts);
    crew->contexts = NULL;
}

ropemap_status rm_crew_run(const rm_crew *crew, int64_t count, rm_task task, void *work,
                           ropemap_error *error) {
    rm_team team = {.threads = crew->threads};
    return rm_team_run(&team, "bench", count, task, work, error);
}

rm_span rm_crew_share(int64_t count, int64_t parts, int64_t part) {
    return (rm_span){.first = count * part / parts, .end = count * (part + 1) / parts};
}
