/* choice.c - what computes a request: the GPU or the processors, and what comes next when memory runs out */
/* SPDX-License-Identifier: MIT */
#include "host/map/choice.h"

#include "host/map/gpu.h"
#include "host/map/plan.h"
#include "host/map/session.h"

#include <stdio.h>
#include <string.h>

/* Half a second of two processor cores: about what a GPU takes to start. */
static const double SMALL_FLOPS = 5e10;

static bool asks_for(const rm_job *job, const char *name) {
    return job->request->backend != NULL && strcmp(job->request->backend, name) == 0;
}

static bool leaves_the_choice(const rm_job *job) {
    return !asks_for(job, "cpu") && !asks_for(job, "cuda");
}

static bool on_gpu(const rm_job *job) {
    return job->device.memory != 0;
}

static ropemap_status plan_on(rm_job *job, rm_device device, ropemap_error *error) {
    job->device = device;
    (void)snprintf(job->plan.backend, sizeof job->plan.backend, "%s", device.backend);
    return rm_plan_choose(job, error);
}

/* Plans for the processors, with what is said about that. */
static ropemap_status plan_on_cpu(rm_job *job, const char *reason, ropemap_error *error) {
    (void)snprintf(job->plan.backend_reason, sizeof job->plan.backend_reason, "%.300s", reason);
    return plan_on(job, rm_cpu_device(), error);
}

static ropemap_status plan_on_gpu(rm_job *job, rm_device device, ropemap_error *error) {
    (void)snprintf(job->plan.backend_reason, sizeof job->plan.backend_reason, "GPU %d, %s", device.index,
                   device.name);
    return plan_on(job, device, error);
}

ropemap_status rm_choose(rm_job *job, ropemap_error *error) {
    job->plan = (ropemap_plan){0};
    if (asks_for(job, "cpu")) {
        return plan_on_cpu(job, "asked for", error);
    }
    if (!leaves_the_choice(job) || job->request->backend == NULL || asks_for(job, "auto")) {
        rm_device device = {0};
        ropemap_error reason = {0};
        ropemap_status status = rm_gpu_find(job->request->device, job->queries->head_dim, &device, &reason);
        if (status == ROPEMAP_OK) {
            status = plan_on_gpu(job, device, &reason);
        }
        if (status == ROPEMAP_RESOURCES && leaves_the_choice(job)) {
            return plan_on_cpu(job, reason.text, error);
        }
        if (status != ROPEMAP_OK) {
            return rm_fail(error, status, "%s", reason.text);
        }
        ropemap_session *session = job->request->session;
        const bool started = session != NULL && rm_session_has(session, &job->device);
        const bool small = job->plan.flops < SMALL_FLOPS && leaves_the_choice(job) && !started;
        return small ? plan_on_cpu(job, "a GPU takes longer to start than this map takes", error)
                     : ROPEMAP_OK;
    }
    return rm_fail(error, ROPEMAP_USAGE, "backend: '%s', expected auto, cpu or cuda", job->request->backend);
}

bool rm_retreat(rm_job *job, const ropemap_error *error) {
    if (!on_gpu(job)) {
        return false;
    }
    rm_device device = job->device;
    ropemap_status status = ROPEMAP_RESOURCES;
    char reason[sizeof job->plan.backend_reason];
    const bool started = job->backend != NULL; /* a library that does not load is no matter of tiles */
    if (started && device.block > RM_BLOCK_LEAST) {
        device.block /= 2;
        device.tile_bytes /= 4;
        device.memory /= 2;
        (void)snprintf(reason, sizeof reason, "GPU %d, %s, in smaller tiles: %.180s", device.index,
                       device.name, error->text);
        status = plan_on(job, device, NULL);
    }
    if (status == ROPEMAP_RESOURCES && leaves_the_choice(job)) {
        (void)snprintf(reason, sizeof reason, "%.300s", error->text);
        status = plan_on(job, rm_cpu_device(), NULL);
    }
    if (status == ROPEMAP_OK) {
        memcpy(job->plan.backend_reason, reason, sizeof reason);
        job->plan.fell_back = true;
    }
    return status == ROPEMAP_OK;
}
