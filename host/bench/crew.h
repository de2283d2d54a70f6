/* crew.h - the threads of a benchmark, each with its context of the backend */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BENCH_CREW_H
#define ROPEMAP_HOST_BENCH_CREW_H

#include "host/base/team.h"
#include "host/device/backend.h"

typedef struct rm_crew {
    const rm_backend *backend;
    rm_device device;
    int32_t threads;
    rm_context **contexts; /* [threads] */
} rm_crew;

/* Opens the CPU backend once a thread. Close it also after a failure. */
ropemap_status rm_crew_open(rm_crew *crew, int32_t threads, ropemap_error *error);
void rm_crew_close(rm_crew *crew);

ropemap_status rm_crew_run(const rm_crew *crew, int64_t count, rm_task task, void *work,
                           ropemap_error *error);

/* The share of `count` things that falls to part `part` of `parts`: [first, end). */
rm_span rm_crew_share(int64_t count, int64_t parts, int64_t part);

#endif
