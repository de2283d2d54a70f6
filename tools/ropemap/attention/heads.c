/* heads.c - what every head does with its keys, measured alone or together with other processes */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/attention/attention.h"
#include "tools/ropemap/attention/captures.h"
#include "tools/ropemap/failure.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int64_t heads_count(const heads_result *result) {
    return (int64_t)result->shape.layers * result->shape.heads;
}

/* ---- progress ------------------------------------------------------------------------------------------ */

/* Heads that are done, of all of them. */
typedef struct heads_progress {
    ropemap_progress tell; /* may be NULL */
    void *user;
    int64_t done, total;
} heads_progress;

/* One head's work as a part of all. */
static int tell(void *user, const char *stage, double done, double total) {
    const heads_progress *progress = user;
    (void)stage;
    return progress->tell(progress->user, "heads",
                          (double)progress->done + (total > 0.0 ? fmin(done / total, 1.0) : 0.0),
                          (double)progress->total);
}

/* ---- what is measured ---------------------------------------------------------------------------------- */

/* The mean of exp(entropy) over the queries that the other means are of. */
static double mean_keys(const ropemap_attention *attention) {
    double sum = 0.0;
    int64_t count = 0;
    for (int64_t i = 0; i < attention->count; i++) {
        const ropemap_attention_row *query = &attention->rows[i];
        if (!isnan(query->distance)) {
            sum += exp((double)query->entropy);
            count++;
        }
    }
    return sum / (double)count;
}

static ropemap_request request_of(const heads_options *options, const layer_heads *layer, int32_t head) {
    ropemap_request request = options->request;
    request.spec = layer->spec;
    request.queries = layer->heads[head].queries;
    request.keys = layer->heads[head].keys;
    request.keys_name = layer->opened[head].keys_name;
    request.already_rotated = layer->rotated;
    request.rows = layer->rows;
    request.cols = layer->cols;
    request.threads = options->heads.threads;
    capture_take_attention(&layer->opened[head], &request);
    return request;
}

static ropemap_status make_head(const heads_options *options, const layer_heads *layer, int32_t head,
                                heads_progress *progress, heads_row *to, ropemap_error *error) {
    ropemap_attention_request request = {.map = request_of(options, layer, head), .rows = true};
    ropemap_attention attention = {.count = 0};
    request.map.progress = progress->tell != NULL ? tell : NULL;
    request.map.progress_user = progress;
    const ropemap_status status = ropemap_attention_compute(&request, NULL, &attention, error);
    if (status == ROPEMAP_OK) {
        const ropemap_attention_row *mean = &attention.mean;
        to->mean[STATISTIC_SINK] = (double)mean->sink;
        to->mean[STATISTIC_RECENT] = (double)mean->recent;
        to->mean[STATISTIC_ENTROPY] = (double)mean->entropy;
        to->mean[STATISTIC_KEYS] = mean_keys(&attention);
        to->mean[STATISTIC_DISTANCE] = (double)mean->distance;
        to->empty = attention.empty_rows;
        to->nan = attention.nan_rows;
    }
    ropemap_attention_free(&attention);
    return status;
}

static heads_row row_of(const heads_result *result, int index, int32_t head) {
    return (heads_row){.layer = result->options->heads.layer_numbers[index],
                       .head = result->shape.numbers[head].query,
                       .key_head = result->shape.numbers[head].key};
}

static ropemap_status make_layer(heads_result *result, const layer_heads *layer, int index,
                                 heads_progress *progress, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    for (int32_t head = 0; head < layer->count && status == ROPEMAP_OK; head++) {
        heads_row *to = &result->rows[(int64_t)index * result->shape.heads + head];
        *to = row_of(result, index, head);
        status = make_head(result->options, layer, head, progress, to, error);
        progress->done++;
    }
    return status;
}

static ropemap_status begin(heads_result *result, ropemap_error *error) {
    const size_t count = (size_t)heads_count(result);
    result->rows = calloc(count, sizeof *result->rows);
    result->by = calloc(count, sizeof *result->by);
    return result->rows != NULL && result->by != NULL
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_RESOURCES, "no memory for %zu heads", count);
}

/* The largest first, NaN last; equal ones stay in their order. An insertion: heads are few. */
static void sort_rows(heads_result *result) {
    const int by = result->options->sort - 1;
    for (int64_t i = 0; i < heads_count(result); i++) {
        const heads_row *one = &result->rows[i];
        int64_t at = i;
        for (; by >= 0 && at > 0 && !isnan(one->mean[by]) && !(result->by[at - 1]->mean[by] >= one->mean[by]);
             at--) {
            result->by[at] = result->by[at - 1];
        }
        result->by[at] = one;
    }
}

/* Prints a line for each head with queries that count in no mean. */
static void warn(const heads_result *result) {
    for (int64_t i = 0; i < heads_count(result); i++) {
        const heads_row *one = &result->rows[i];
        if (one->empty + one->nan > 0) {
            char layer[40] = "";
            if (one->layer >= 0) {
                (void)snprintf(layer, sizeof layer, "layer %" PRId64 ", ", one->layer);
            }
            warning("%shead %" PRId64 ": of %" PRId64 " queries %" PRId64 " see no key and %" PRId64
                    " have scores that are NaN or infinite; the means leave them out",
                    layer, one->head, result->shape.rows.count, one->empty, one->nan);
        }
    }
}

ropemap_status heads_make(void *given, cli_call *call, void *made, ropemap_error *error) {
    heads_options *options = given;
    heads_result *result = made;
    heads_progress progress = {.tell = call_tell, .user = call};
    result->options = options;
    options->request.session = call->session;
    options->heads.tensors.names_keys = call->alone;
    ropemap_status status = ROPEMAP_OK;
    for (int index = 0; index < options->heads.layer_count && status == ROPEMAP_OK; index++) {
        layer_heads layer = {.heads = NULL};
        status = layer_heads_open(&options->heads, index, &layer, error);
        if (status == ROPEMAP_OK) {
            status = head_shape_take(&options->heads, &layer, index, &result->shape, error);
        }
        status = status == ROPEMAP_OK && index == 0 ? begin(result, error) : status;
        progress.total = heads_count(result);
        status = status == ROPEMAP_OK ? make_layer(result, &layer, index, &progress, error) : status;
        layer_heads_free(&layer);
    }
    if (status == ROPEMAP_OK) {
        sort_rows(result);
        warn(result);
    }
    return status;
}

void heads_free(void *made) {
    heads_result *result = made;
    free(result->rows);
    free(result->by);
    head_shape_free(&result->shape);
}

/* ---- together with others ------------------------------------------------------------------------------ */

/* Shard s has the heads s, s + shards, ... of all layers. */
struct shared {
    heads_result *result;
    work_queue *queue;
    layer_heads layer; /* that is open */
    int opened;        /* its index; -1: none */
};

static ropemap_status open_layer(struct shared *shared, int index, ropemap_error *error) {
    if (shared->opened == index) {
        return ROPEMAP_OK;
    }
    layer_heads_free(&shared->layer);
    shared->layer = (layer_heads){.heads = NULL};
    shared->opened = index;
    return layer_heads_open(&shared->result->options->heads, index, &shared->layer, error);
}

/* What all layers have in common, and what computes them. */
static ropemap_status survey(struct shared *shared, char *kernel, size_t size, ropemap_error *error) {
    const heads_options *options = shared->result->options;
    ropemap_job *job = NULL;
    ropemap_status status = ROPEMAP_OK;
    for (int index = 0; index < options->heads.layer_count && status == ROPEMAP_OK; index++) {
        status = open_layer(shared, index, error);
        if (status == ROPEMAP_OK) {
            status = head_shape_take(&options->heads, &shared->layer, index, &shared->result->shape, error);
        }
    }
    status = status == ROPEMAP_OK ? begin(shared->result, error) : status;
    if (status == ROPEMAP_OK && !options->work.merge_only) {
        ropemap_request request = request_of(options, &shared->layer, 0);
        request.pool = ROPEMAP_POOL_MASS;
        status = ropemap_job_open(&request, &job, error);
        if (status == ROPEMAP_OK) {
            work_kernel(ropemap_job_plan(job), request.device, kernel, size);
        }
        ropemap_job_free(job);
    }
    return status;
}

static ropemap_status compute_shard(void *user, int64_t shard, ropemap_bytes *bytes, ropemap_error *error) {
    struct shared *shared = user;
    const int64_t count = heads_count(shared->result), step = shared->queue->count;
    heads_progress progress = {.tell = work_tell, .user = shared->queue, .total = 1};
    bytes->data = calloc((size_t)(count / step + 1), sizeof(heads_row));
    heads_row *to = (heads_row *)(void *)bytes->data;
    ropemap_status status =
        to != NULL ? ROPEMAP_OK
                   : fail(error, ROPEMAP_RESOURCES, "--work: no memory for the heads of a shard");
    for (int64_t i = shard; i < count && status == ROPEMAP_OK; i += step) {
        const int index = (int)(i / shared->result->shape.heads);
        const int32_t head = (int32_t)(i % shared->result->shape.heads);
        status = open_layer(shared, index, error);
        if (status == ROPEMAP_OK) {
            *to = row_of(shared->result, index, head);
            status = make_head(shared->result->options, &shared->layer, head, &progress, to++, error);
            bytes->size += sizeof *to;
        }
    }
    return status;
}

static ropemap_status take_shard(void *user, int64_t shard, const ropemap_bytes *bytes,
                                 ropemap_error *error) {
    struct shared *shared = user;
    const int64_t count = heads_count(shared->result), step = shared->queue->count;
    const int64_t heads = shard < count ? (count - shard + step - 1) / step : 0;
    if (bytes->size != (size_t)heads * sizeof(heads_row)) {
        return fail(error, ROPEMAP_INTERNAL, "--work: shard %" PRId64 " has no heads of this run", shard);
    }
    for (int64_t i = 0; i < heads; i++) {
        memcpy(&shared->result->rows[shard + i * step], bytes->data + (size_t)i * sizeof(heads_row),
               sizeof(heads_row));
    }
    return ROPEMAP_OK;
}

ropemap_status heads_share(void *given, cli_call *call, work_queue *queue, void *made, ropemap_error *error) {
    heads_options *options = given;
    struct shared shared = {.result = made, .queue = queue, .opened = -1};
    char kernel[120] = "";
    shared.result->options = options;
    options->request.session = call->session;
    options->heads.tensors.names_keys = call->alone;
    ropemap_status status = survey(&shared, kernel, sizeof kernel, error);
    if (status == ROPEMAP_OK) {
        const int64_t shards = options->work.shards != 0 ? options->work.shards : heads_count(shared.result);
        status = work_join(queue, kernel, "softmax", shards, options->heads.quiet, error);
    }
    status = status == ROPEMAP_OK ? work_run(queue, compute_shard, take_shard, &shared, &queue->end, error)
                                  : status;
    if (status == ROPEMAP_OK && queue->end == WORK_MERGE) {
        sort_rows(shared.result);
        warn(shared.result);
    }
    layer_heads_free(&shared.layer);
    return status;
}
