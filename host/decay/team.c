/* team.c - threads with a CPU context each, that report progress and stop inside long tasks */
/* SPDX-License-Identifier: MIT */
#include "host/decay/team.h"
#include "host/base/alloc.h"
#include "host/base/limits.h"
#include "host/map/execution.h"

static const double POLL_SECONDS = 0.1;

ropemap_status rm_bound_team_open(rm_bound_team *team, int32_t threads, int64_t tasks, ropemap_error *error) {
    team->contexts = NULL;
    team->threads = 0;
    team->before = team->told = 0.0;
    team->told_at = rm_seconds_now();
    atomic_init(&team->stop, false);
    if (threads < 0 || threads > RM_THREADS_MAX) {
        return rm_fail(error, ROPEMAP_USAGE, "threads: %d, expected 1 to %d, or 0 for one a processor",
                       threads, RM_THREADS_MAX);
    }
    const int32_t wanted = threads != 0 ? threads : rm_processors();
    const int32_t most = (int32_t)(tasks < wanted ? tasks : wanted);
    team->contexts = rm_alloc((uint64_t)most, sizeof(rm_context *));
    if (team->contexts == NULL) {
        return rm_fail_memory(error, "workers", (uint64_t)most * sizeof(rm_context *));
    }
    const rm_device device = rm_cpu_device();
    ropemap_status status = ROPEMAP_OK;
    while (team->threads < most && status == ROPEMAP_OK) {
        status = rm_cpu_backend()->open(&team->contexts[team->threads], &device, error);
        team->threads += status == ROPEMAP_OK ? 1 : 0;
    }
    return team->threads > 0 ? ROPEMAP_OK : status;
}

void rm_bound_team_close(rm_bound_team *team) {
    for (int32_t i = 0; team->contexts != NULL && i < team->threads; i++) {
        rm_cpu_backend()->close(team->contexts[i]);
    }
    rm_free(team->contexts);
    team->contexts = NULL;
}

/* As last told, once more or further on. */
static int tell(rm_bound_team *team, double done) {
    team->told = done < team->total ? done : team->total;
    team->told_at = rm_seconds_now();
    const int wish = team->progress(team->progress_user, team->stage, team->told, team->total);
    if (wish != 0) {
        atomic_store(&team->stop, true);
    }
    return wish;
}

static int tell_tasks(void *user, const char *stage, double done, double total) {
    rm_bound_team *team = user;
    (void)stage;
    (void)total;
    return tell(team, team->before + done * team->unit);
}

ropemap_status rm_bound_team_run(rm_bound_team *team, int64_t count, rm_task task, void *work,
                                 ropemap_error *error) {
    const rm_team threads = {.threads = team->threads,
                             .stage = team->stage,
                             .progress = team->progress != NULL ? tell_tasks : NULL,
                             .progress_user = team};
    RM_TRY(rm_team_run(&threads, count, task, work, error));
    team->before += (double)count * team->unit;
    return ROPEMAP_OK;
}

ropemap_status rm_bound_team_poll(rm_bound_team *team, int32_t worker, ropemap_error *error) {
    if (worker == 0 && team->progress != NULL && !atomic_load(&team->stop) &&
        rm_seconds_now() - team->told_at >= POLL_SECONDS) {
        (void)tell(team, team->told);
    }
    return atomic_load(&team->stop) ? rm_fail(error, ROPEMAP_STOPPED, "stopped on request") : ROPEMAP_OK;
}
