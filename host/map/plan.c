/* plan.c - which device and method serve a request, and the memory that takes */
/* SPDX-License-Identifier: MIT */
#include "host/base/processor.h"
#include "host/device/plugin.h"
#include "host/device/session.h"
#include "host/map/encoding.h"
#include "host/map/job.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Half a second of two processor cores: about what a GPU takes to start. */
static const double SMALL_FLOPS = 5e10;

static bool asks_for(const ropemap_job *job, const char *name) {
    return job->request->backend != NULL && strcmp(job->request->backend, name) == 0;
}

static bool leaves_the_choice(const ropemap_job *job) {
    return !asks_for(job, "cpu") && !asks_for(job, "cuda");
}

static bool on_gpu(const ropemap_job *job) {
    return job->device.memory != 0;
}

/* ---- what a plan takes */

enum { DEVICE_ROOM = 256 * 1048576 }; /* bytes of a device's memory, besides what its inputs take */

uint64_t rm_job_own_memory(const ropemap_job *job) {
    return on_gpu(job) ? job->device.memory : job->memory;
}

void rm_job_take_bytes(ropemap_job *job, rm_bytes worker, rm_bytes once) {
    const double threads = (double)job->plan.threads;
    const double host_worker = worker.host + (double)job->device.context_host + 2.0 * sizeof(rm_worker);
    const double host =
        once.host + host_worker * threads + 32.0 * (double)job->plan.height + (double)sizeof *job;
    const double own = once.own + (worker.own + (double)job->device.context_own) * threads;
    job->plan.bytes = (uint64_t)(on_gpu(job) ? host : host + own);
    job->plan.device_bytes = on_gpu(job) ? (uint64_t)own : 0;
}

bool rm_job_fits(const ropemap_job *job) {
    return job->plan.bytes <= job->memory && job->plan.device_bytes <= job->device.memory;
}

bool rm_job_has_room(const ropemap_job *job) {
    const double rows = (double)job->grid.rows.range.count + (double)job->grid.cols.range.count;
    const double room = 4.0 * rows * (double)job->queries->head_dim + (double)DEVICE_ROOM;
    return (double)job->plan.device_bytes <= fmin(room, (double)job->device.memory);
}

void rm_job_limit_threads(ropemap_job *job, int32_t most) {
    if (most != 0 && job->plan.threads > most) {
        job->plan.threads = most;
    }
}

void rm_job_fit_threads(ropemap_job *job, rm_bytes worker, rm_bytes once) {
    rm_job_take_bytes(job, worker, once);
    while (job->plan.threads > 1 && !(rm_job_fits(job) && rm_job_has_room(job))) {
        job->plan.threads--;
        rm_job_take_bytes(job, worker, once);
    }
}

int64_t rm_round_up(int64_t value, int64_t unit) {
    return (value + unit - 1) / unit * unit;
}

int64_t rm_count_tiles(int64_t rows, int64_t cols, int64_t block) {
    const int64_t down = rm_round_up(rows, block) / block, across = rm_round_up(cols, block) / block;
    const int64_t most = INT64_C(1) << 62;
    return down > most / across ? most : down * across;
}

/* ---- the method */

static bool factored_serves(const ropemap_job *job) {
    return !rm_pool_needs(job->request->pool, RM_NEEDS_EXTREME) && rm_mask_is_plain(&job->grid.mask);
}

/* NULL where the diagonal method serves, else why it does not. */
static const char *diagonal_obstacle(const ropemap_job *job) {
    if (!job->constant) {
        return "the vectors differ from position to position";
    }
    if (job->grid.rows.range.step != job->grid.cols.range.step) {
        return "rows and columns have different steps";
    }
    const ropemap_mask *mask = &job->grid.mask;
    return mask->chunk != 0 || mask->sink_tokens != 0 ? "the mask depends on more than the distance" : NULL;
}

static ropemap_status refuse(const ropemap_job *job, const char *reason, ropemap_error *error) {
    return rm_fail(error, ROPEMAP_USAGE, "method: %s cannot serve pool %s here: %s",
                   ropemap_method_name(job->request->method), ropemap_pool_name(job->request->pool), reason);
}

static void take(ropemap_job *job, const rm_method *method, const char *reason) {
    job->method = method;
    method->cost(job);
    (void)snprintf(job->plan.reason, sizeof job->plan.reason, "%s", reason);
}

/* Whether the map is made from distances, whatever its pool: by the diagonal method alone. */
static bool by_distance(const ropemap_job *job) {
    const ropemap_encoding encoding = job->request->encoding.kind;
    return encoding != ROPEMAP_ENCODING_ROPE && encoding != ROPEMAP_ENCODING_NOPE;
}

static const rm_method *diagonal_of(const ropemap_job *job) {
    return job->request->encoding.kind == ROPEMAP_ENCODING_DUAL_CHUNK ? &rm_method_dual_chunk
                                                                      : &rm_method_diagonal;
}

/* An encoding that is known by its distances alone takes masks that are. */
static ropemap_status check_mask(const ropemap_job *job, ropemap_error *error) {
    const bool chunks = job->request->encoding.kind == ROPEMAP_ENCODING_DUAL_CHUNK;
    if (!by_distance(job) || rm_mask_is_plain(&job->grid.mask) ||
        (diagonal_obstacle(job) == NULL && !chunks)) {
        return ROPEMAP_OK;
    }
    return rm_fail(error, ROPEMAP_USAGE, "%s: does not go with encoding %s; give causal or window alone",
                   job->grid.mask.window != 0 && !chunks ? "sink-tokens"
                   : job->grid.mask.window != 0          ? "window"
                                                         : "attention-chunk",
                   ropemap_encoding_name(job->request->encoding.kind));
}

static ropemap_status plan_forced(ropemap_job *job, ropemap_error *error) {
    const rm_method *method = &rm_method_tiled;
    if (job->request->method == ROPEMAP_METHOD_FACTORED) {
        if (!factored_serves(job)) {
            return refuse(job,
                          rm_mask_is_plain(&job->grid.mask) ? "only mean, rms and std are sums over pairs"
                                                            : "rows and columns cut out no window or chunk",
                          error);
        }
        method = &rm_method_factored;
    } else if (job->request->method == ROPEMAP_METHOD_DIAGONAL) {
        const char *obstacle = diagonal_obstacle(job);
        if (obstacle != NULL) {
            return refuse(job, obstacle, error);
        }
        method = diagonal_of(job);
    }
    take(job, method, "asked for");
    return ROPEMAP_OK;
}

/* Second moments of rows, or else every pair. Where there is memory for whatever pays: the two differ in
 * their last bits, and which of them runs may not depend on the memory that is allowed. */
static void plan_moments(ropemap_job *job) {
    const ropemap_plan before = job->plan;
    if (rm_factored_flops(job) >= rm_tiled_flops(job)) {
        take(job, &rm_method_tiled, "every pair takes fewer operations than second moments of rows");
        return;
    }
    take(job, &rm_method_factored, "second moments of rows take fewer operations than every pair");
    if (!rm_job_has_room(job)) {
        job->plan = before;
        take(job, &rm_method_tiled, "second moments of rows would take too much of the GPU's memory");
    }
}

static void plan_auto(ropemap_job *job) {
    const bool means = rm_pool_find(job->request->pool)->needs == RM_NEEDS_SUM;
    if (job->request->measure == ROPEMAP_MEASURE_SOFTMAX) {
        take(job, &rm_method_softmax, "softmax needs every pair");
    } else if (by_distance(job)) {
        take(job, diagonal_of(job),
             job->request->encoding.kind == ROPEMAP_ENCODING_DUAL_CHUNK
                 ? "dual chunks: a table over the distances within chunks serves every cell"
                 : "the encoding is known by its distances");
    } else if (means && factored_serves(job)) {
        take(job, &rm_method_factored,
             job->constant ? "the mean of equal vectors is a closed sum, whatever the number of positions"
                           : "the mean commutes with the dot product");
    } else if (diagonal_obstacle(job) == NULL) {
        take(job, &rm_method_diagonal, "the map depends on the distance alone");
    } else if (factored_serves(job)) {
        plan_moments(job);
    } else {
        take(job, &rm_method_tiled,
             rm_mask_is_plain(&job->grid.mask) ? "an extreme needs every pair"
                                               : "windows and chunks are cut out pair by pair");
    }
}

/* Loops over positions end: a count that no machine gets through in a year is refused, not begun. 1e21
 * operations are a month of 4e14 a second, and 300 years of a processor core. */
static ropemap_status check_work(const ropemap_job *job, ropemap_error *error) {
    const bool closed = job->constant && job->plan.method == ROPEMAP_METHOD_FACTORED &&
                        !rm_pool_needs(job->request->pool, RM_NEEDS_SQUARES);
    const bool even = job->grid.rows.range.step == job->grid.cols.range.step;
    if (closed && job->grid.mask.causal && !even && job->grid.rows.range.count > (INT64_C(1) << 32)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "causal: %" PRId64 " rows, at most 2^32 where rows and columns have different steps",
                       job->grid.rows.range.count);
    }
    if (!closed && job->plan.flops > 1e21) {
        return rm_fail(
            error, ROPEMAP_USAGE,
            "positions: %" PRId64 " x %" PRId64
            " pairs by the %s method are %.1e operations, at most 1e21; the mean of equal vectors has no "
            "such limit",
            job->grid.rows.range.count, job->grid.cols.range.count, ropemap_method_name(job->plan.method),
            job->plan.flops);
    }
    return ROPEMAP_OK;
}

static ropemap_status refuse_fused(const ropemap_job *job, ropemap_error *error) {
    if (job->plan.method != ROPEMAP_METHOD_TILED) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "kernel: the %s method makes no products of every pair; ask for the tiled one, or for "
                       "kernel auto",
                       ropemap_method_name(job->plan.method));
    }
    return rm_fail(
        error, ROPEMAP_USAGE,
        "kernel: %s does not fuse pool %s of %s rows of %" PRId32
        " numbers; a GPU since Ampere fuses fp16 and bf16, A100, H100, B200 and their kin fp32 too, 32 "
        "to 256 numbers in steps of 16, without windows or chunks",
        job->device.name[0] != '\0' ? job->device.name : job->device.backend,
        ropemap_pool_name(job->request->pool), ropemap_dtype_name(job->request->dtype),
        job->queries->head_dim);
}

/* Fills job->method and job->plan from everything else in the job. */
static ropemap_status choose_method(ropemap_job *job, ropemap_error *error) {
    ropemap_plan *plan = &job->plan;
    plan->height = job->grid.rows.cells;
    plan->width = job->grid.cols.cells;
    plan->threads = job->request->threads != 0 ? job->request->threads : rm_usable_cpus();
    plan->keys_resident = false;
    plan->kernel = ROPEMAP_KERNEL_AUTO;
    RM_TRY(check_mask(job, error));
    if (job->request->method == ROPEMAP_METHOD_AUTO || job->request->measure == ROPEMAP_MEASURE_SOFTMAX) {
        plan_auto(job);
    } else {
        RM_TRY(plan_forced(job, error));
    }
    job->rotation.dtype = plan->dtype;
    job->rotation.fused = plan->kernel == ROPEMAP_KERNEL_FUSED;
    if (job->request->kernel == ROPEMAP_KERNEL_FUSED && !job->rotation.fused) {
        return refuse_fused(job, error);
    }
    job->grid.symmetric = job->mirrors && plan->method == ROPEMAP_METHOD_TILED;
    if (plan->device_bytes > job->device.memory) {
        return rm_fail(
            error, ROPEMAP_RESOURCES,
            "device: the %s method needs %" PRIu64 " bytes of GPU %d's memory, %" PRIu64 " may be taken",
            ropemap_method_name(plan->method), plan->device_bytes, job->device.index, job->device.memory);
    }
    if (plan->bytes > job->memory) {
        const bool other = job->request->method == ROPEMAP_METHOD_AUTO &&
                           plan->method != ROPEMAP_METHOD_TILED && !by_distance(job);
        return rm_fail(error, ROPEMAP_RESOURCES,
                       "memory: the %s method needs %" PRIu64 " bytes for this map, %" PRIu64
                       " are allowed; allow more%s",
                       ropemap_method_name(plan->method), plan->bytes, job->memory,
                       other ? ", or ask for the tiled method, whose results differ in their last digits"
                             : "");
    }
    return check_work(job, error);
}

/* ---- the device */

static ropemap_status plan_on(ropemap_job *job, rm_device device, ropemap_error *error) {
    job->device = device;
    (void)snprintf(job->plan.backend, sizeof job->plan.backend, "%s", device.backend);
    return choose_method(job, error);
}

/* Plans for the CPU, with the reason for it. */
static ropemap_status plan_on_cpu(ropemap_job *job, const char *reason, ropemap_error *error) {
    (void)snprintf(job->plan.backend_reason, sizeof job->plan.backend_reason, "%.300s", reason);
    return plan_on(job, rm_cpu_device(), error);
}

static ropemap_status plan_on_gpu(ropemap_job *job, rm_device device, ropemap_error *error) {
    (void)snprintf(job->plan.backend_reason, sizeof job->plan.backend_reason, "GPU %d, %s", device.index,
                   device.name);
    return plan_on(job, device, error);
}

ropemap_status rm_plan_choose(ropemap_job *job, ropemap_error *error) {
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

static bool wants_memory(const ropemap_job *job) {
    bool wants = false;
    for (int32_t i = 0; job->workers != NULL && job->backend->starved != NULL && i < job->plan.threads; i++) {
        wants = wants || job->backend->starved(job->workers[i].context);
    }
    return wants;
}

/* The same device without what failed: in tiles of half the side where memory did, else without warpgroups,
 * then without fused products. Any other failure would come again: a device that has failed once does so in
 * every call. */
static ropemap_status retreat_on_gpu(ropemap_job *job, const char *text, char reason[320]) {
    rm_device device = job->device;
    const bool memory = wants_memory(job);
    if (!memory && job->rotation.fused && device.warpgroups) {
        device.warpgroups = false;
        (void)snprintf(reason, 320, "GPU %d, %s, without warpgroups: %.180s", device.index, device.name,
                       text);
        return plan_on(job, device, NULL);
    }
    if (!memory && job->rotation.fused && job->request->kernel != ROPEMAP_KERNEL_FUSED) {
        job->not_fused = true;
        (void)snprintf(reason, 320, "GPU %d, %s, not fused: %.180s", device.index, device.name, text);
        return plan_on(job, device, NULL);
    }
    if (!memory || device.block <= RM_BLOCK_LEAST) {
        return ROPEMAP_RESOURCES;
    }
    device.block /= 2;
    device.tile_bytes /= 4;
    device.memory /= 2;
    (void)snprintf(reason, 320, "GPU %d, %s, in smaller tiles: %.180s", device.index, device.name, text);
    return plan_on(job, device, NULL);
}

bool rm_plan_retreat(ropemap_job *job, const ropemap_error *error) {
    if (!on_gpu(job)) {
        return false;
    }
    char reason[sizeof job->plan.backend_reason];
    const bool started = job->backend != NULL; /* a library that does not load is no matter of tiles */
    ropemap_status status = started ? retreat_on_gpu(job, error->text, reason) : ROPEMAP_RESOURCES;
    if (status == ROPEMAP_RESOURCES && leaves_the_choice(job)) {
        (void)snprintf(reason, sizeof reason, "%.300s", error->text);
        job->not_fused = false;
        status = plan_on(job, rm_cpu_device(), NULL);
    }
    if (status == ROPEMAP_OK) {
        memcpy(job->plan.backend_reason, reason, sizeof reason);
        job->plan.fell_back = true;
    }
    return status == ROPEMAP_OK;
}
