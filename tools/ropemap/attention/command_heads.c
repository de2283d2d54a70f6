/* command_heads.c - ropemap heads: how real heads spread their attention, a row each */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/attention/command_heads.h"
#include "tools/ropemap/attention/captures.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/json.h"
#include "tools/ropemap/options/attention_options.h"
#include "tools/ropemap/options/map_options.h"
#include "tools/ropemap/options/number.h"
#include "tools/ropemap/run.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *title, *value;
    ropemap_norm norm;
    double low, high; /* of its colours; 0, 0: the values' own */
} statistics[] = {
    [STATISTIC_SINK] = {"sink", "Attention on the first 4 keys", "mass", ROPEMAP_NORM_LINEAR, 0, 1},
    [STATISTIC_RECENT] = {"recent", "Attention on the last 256 keys", "mass", ROPEMAP_NORM_LINEAR, 0, 1},
    [STATISTIC_ENTROPY] = {"entropy", "Entropy of attention", "nats", ROPEMAP_NORM_LINEAR, 0, 0},
    [STATISTIC_KEYS] = {"keys", "Keys in effect, exp(entropy)", "keys", ROPEMAP_NORM_LOG, 0, 0},
    [STATISTIC_DISTANCE] = {"distance", "Mean distance of attention", "tokens", ROPEMAP_NORM_LOG, 0, 0}};

static int64_t count_of(const heads_result *result) {
    return (int64_t)result->shape.layers * result->shape.heads;
}

/* ---- options ------------------------------------------------------------------------------------------- */

static const char *statistic_choice(int index) {
    return index < STATISTICS ? statistics[index].name : NULL;
}

static const char *sort_choice(int index) {
    return index == 0 ? "head" : statistic_choice(index - 1);
}

static const cli_option heads_rows[] = {
    {.group = GROUP_OUTPUT,
     .name = "statistic",
     .choices = statistic_choice,
     .initial = "sink",
     .help =
         "what the picture shows, a mean over the queries: attention on the first 4 or the last 256 keys, "
         "entropy in nats, its exponential, or the distance of the keys",
     .type = OPTION_CHOICE,
     .offset = offsetof(heads_options, statistic)},
    {.group = GROUP_OUTPUT,
     .name = "sort",
     .choices = sort_choice,
     .initial = "head",
     .help = "order of the rows: by layer and head, or by a statistic, the largest first",
     .type = OPTION_CHOICE,
     .offset = offsetof(heads_options, sort),
     .computed = true},
    {.name = NULL},
};

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
        if (isfinite(query->log_sum) && !isnan(query->entropy)) {
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
    const size_t count = (size_t)count_of(result);
    result->rows = calloc(count, sizeof *result->rows);
    result->by = calloc(count, sizeof *result->by);
    return result->rows != NULL && result->by != NULL
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_RESOURCES, "no memory for %zu heads", count);
}

static void sort_rows(heads_result *result);

ropemap_status heads_make(heads_result *result, ropemap_progress tell_all, void *user, ropemap_error *error) {
    const heads_options *options = result->options;
    heads_progress progress = {.tell = tell_all, .user = user};
    ropemap_status status = ROPEMAP_OK;
    for (int index = 0; index < options->heads.layer_count && status == ROPEMAP_OK; index++) {
        layer_heads layer = {.heads = NULL};
        status = layer_heads_open(&options->heads, index, &layer, error);
        if (status == ROPEMAP_OK) {
            status = head_shape_take(&options->heads, &layer, index, &result->shape, error);
        }
        status = status == ROPEMAP_OK && index == 0 ? begin(result, error) : status;
        progress.total = count_of(result);
        status = status == ROPEMAP_OK ? make_layer(result, &layer, index, &progress, error) : status;
        layer_heads_free(&layer);
    }
    if (status == ROPEMAP_OK) {
        sort_rows(result);
    }
    return status;
}

void heads_free(heads_result *result) {
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
    const int64_t count = count_of(shared->result), step = shared->queue->count;
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
    const int64_t count = count_of(shared->result), step = shared->queue->count;
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

static ropemap_status share_all(const heads_options *options, heads_result *result, work_queue *queue,
                                work_end *end, ropemap_error *error) {
    struct shared shared = {.result = result, .queue = queue, .opened = -1};
    char kernel[120] = "";
    ropemap_status status = survey(&shared, kernel, sizeof kernel, error);
    if (status == ROPEMAP_OK) {
        const int64_t shards = options->work.shards != 0 ? options->work.shards : count_of(result);
        status = work_join(queue, kernel, "softmax", shards, options->heads.quiet, error);
    }
    status = status == ROPEMAP_OK ? work_run(queue, compute_shard, take_shard, &shared, end, error) : status;
    if (status == ROPEMAP_OK && *end == WORK_MERGE) {
        sort_rows(result);
    }
    layer_heads_free(&shared.layer);
    return status;
}

/* ---- in their order ------------------------------------------------------------------------------------ */

/* The largest first, NaN last; equal ones stay in their order. An insertion: heads are few. */
static void sort_rows(heads_result *result) {
    const int by = result->options->sort - 1;
    for (int64_t i = 0; i < count_of(result); i++) {
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
void heads_warn(const heads_result *result) {
    for (int64_t i = 0; i < count_of(result); i++) {
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

static bool sees_causally(const heads_result *result) {
    return result->options->request.mask.causal || result->shape.causal;
}

/* The heads' subtitle and what the options say that queries see. */
static void make_subtitle(const heads_result *result, char *text, size_t size) {
    const ropemap_mask *mask = &result->options->request.mask;
    const int64_t near = mask->window != 0 ? mask->window : mask->chunk;
    char limit[60] = "";
    if (near != 0) {
        (void)snprintf(limit, sizeof limit, ", %s of %s", mask->window != 0 ? "a window" : "chunks",
                       number_in_words((double)near).text);
    }
    (void)snprintf(text, size, "%.120s%s%s", result->shape.subtitle,
                   sees_causally(result) ? ", causal"
                   : near != 0           ? ""
                                         : ", every key seen",
                   limit);
}

/* ---- table and document -------------------------------------------------------------------------------- */

static void print_text(const heads_result *result) {
    const bool layers = result->rows[0].layer >= 0;
    char title[200], subtitle[200];
    head_title(&result->options->heads, &result->shape, "Attention", title, sizeof title);
    make_subtitle(result, subtitle, sizeof subtitle);
    print_plain(stdout, title);
    (void)printf("; ");
    print_plain(stdout, subtitle);
    (void)printf("\n%shead  key head  first 4 keys  last 256 keys  entropy (nats)  exp(entropy)  distance\n",
                 layers ? "layer  " : "");
    for (int64_t i = 0; i < count_of(result); i++) {
        const heads_row *one = result->by[i];
        if (layers) {
            (void)printf("%5" PRId64 "  ", one->layer);
        }
        (void)printf("%4" PRId64 "  %8" PRId64 "  %10.2f %%  %11.2f %%  %14.3f  %12.1f  %8.1f\n", one->head,
                     one->key_head, 100.0 * one->mean[STATISTIC_SINK], 100.0 * one->mean[STATISTIC_RECENT],
                     one->mean[STATISTIC_ENTROPY], one->mean[STATISTIC_KEYS], one->mean[STATISTIC_DISTANCE]);
    }
}

static void put_csv(FILE *stream, const void *what) {
    const heads_result *result = what;
    (void)fputs("layer,head,key_head", stream);
    for (int i = 0; i < STATISTICS; i++) {
        (void)fprintf(stream, ",%s", statistics[i].name);
    }
    (void)fputs(",empty_rows,nan_rows\n", stream);
    for (int64_t i = 0; i < count_of(result); i++) {
        const heads_row *one = result->by[i];
        if (one->layer >= 0) {
            (void)fprintf(stream, "%" PRId64, one->layer);
        }
        (void)fprintf(stream, ",%" PRId64 ",%" PRId64, one->head, one->key_head);
        for (int j = 0; j < STATISTICS; j++) {
            (void)fprintf(stream, ",%.9g", one->mean[j]);
        }
        (void)fprintf(stream, ",%" PRId64 ",%" PRId64 "\n", one->empty, one->nan);
    }
}

json_t *heads_document(const heads_result *result) {
    json_t *heads = json_array();
    for (int64_t i = 0; i < count_of(result); i++) {
        const heads_row *one = result->by[i];
        json_t *head = json_pack("{s:o, s:I, s:I, s:I, s:I}", "layer",
                                 one->layer >= 0 ? json_integer(one->layer) : json_null(), "head",
                                 (json_int_t)one->head, "key_head", (json_int_t)one->key_head, "empty_rows",
                                 (json_int_t)one->empty, "nan_rows", (json_int_t)one->nan);
        for (int j = 0; j < STATISTICS; j++) {
            (void)json_object_set_new(head, statistics[j].name, document_real(one->mean[j]));
        }
        (void)json_array_append_new(heads, head);
    }
    return json_pack("{s:s, s:s, s:o, s:i, s:I, s:I, s:s, s:b, s:I, s:I, s:o}", "schema", "ropemap.heads/1",
                     "version", ropemap_version(), "origin", document_text(result->shape.origin), "head_dim",
                     (int)result->shape.head_dim, "query_heads", (json_int_t)result->shape.query_heads,
                     "key_heads", (json_int_t)result->shape.key_heads, "state",
                     result->shape.rotated ? "post" : "pre", "causal", sees_causally(result) ? 1 : 0,
                     "queries", (json_int_t)result->shape.rows.count, "keys",
                     (json_int_t)result->shape.cols.count, "heads", heads);
}

/* ---- the picture --------------------------------------------------------------------------------------- */

/* A map of layers and heads, the more of them across. */
static ropemap_status make_map(const heads_result *result, ropemap_map *map, ropemap_error *error) {
    const int64_t count = count_of(result), layers = result->shape.layers, heads = result->shape.heads;
    *map = (ropemap_map){.height = layers > heads ? heads : layers,
                         .width = layers > heads ? layers : heads,
                         .cells = malloc((size_t)count * sizeof *map->cells),
                         .min = (double)NAN,
                         .max = (double)NAN};
    if (map->cells == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--output: no memory for the picture");
    }
    for (int64_t i = 0; i < count; i++) {
        const int64_t from = layers > heads ? i % layers * heads + i / layers : i;
        const double value = result->rows[from].mean[result->options->statistic];
        map->cells[i] = (float)value;
        map->nan_cells += isnan(value) ? 1 : 0;
        map->min = fmin(map->min, (double)map->cells[i]); /* fmin and fmax pass over NaN */
        map->max = fmax(map->max, (double)map->cells[i]);
    }
    return ROPEMAP_OK;
}

static ropemap_status encode_map(const heads_result *result, output_kind kind, ropemap_bytes *bytes,
                                 ropemap_error *error) {
    const heads_options *options = result->options;
    const statistic shown = options->statistic;
    ropemap_map map;
    ropemap_status status = make_map(result, &map, error);
    const bool wide = result->shape.layers > result->shape.heads;
    head_axis layers = layer_axis(&options->heads), heads = heads_axis(&result->shape, false);
    layers.label = options->heads.layer_numbers[0] < 0 ? "" : layers.label;
    const head_axis *down = wide ? &heads : &layers, *across = wide ? &layers : &heads;
    ropemap_figure figure = {.colormap = ROPEMAP_COLORMAP_VIRIDIS,
                             .norm = statistics[shown].norm,
                             .has_limits = statistics[shown].low < statistics[shown].high,
                             .low = statistics[shown].low,
                             .high = statistics[shown].high,
                             .unnumbered = true};
    const ropemap_page page = print_figure(&options->heads.print, kind == OUTPUT_PNG, &figure);
    figure.panel = (ropemap_panel){.map = &map, .rows = down->range, .cols = across->range};
    (void)snprintf(figure.row_label, sizeof figure.row_label, "%s", down->label);
    (void)snprintf(figure.col_label, sizeof figure.col_label, "%s", across->label);
    head_title(&options->heads, &result->shape, statistics[shown].title, figure.title, sizeof figure.title);
    make_subtitle(result, figure.subtitle, sizeof figure.subtitle);
    (void)snprintf(figure.value_label, sizeof figure.value_label, "%s", statistics[shown].value);
    status = status == ROPEMAP_OK ? ropemap_figure_encode(&figure, output_format(kind), &page, bytes, error)
                                  : status;
    free(map.cells);
    return status;
}

/* The heads of one layer, or one head of the layers: several, with one value to draw or more. */
static bool is_one_row(const heads_result *result) {
    const bool log = statistics[result->options->statistic].norm == ROPEMAP_NORM_LOG;
    int64_t shown = 0;
    for (int64_t i = 0; i < count_of(result); i++) {
        const double value = result->rows[i].mean[result->options->statistic];
        shown += value > 0.0 || (!log && !isnan(value)) ? 1 : 0;
    }
    return count_of(result) > 1 && shown > 0 && (result->shape.layers == 1 || result->shape.heads == 1);
}

/* A point for each, which a colour would give less exactly. */
static ropemap_status encode_chart(const heads_result *result, output_kind kind, ropemap_bytes *bytes,
                                   ropemap_error *error) {
    const heads_options *options = result->options;
    const statistic shown = options->statistic;
    const int64_t count = count_of(result);
    const bool limited = statistics[shown].low < statistics[shown].high;
    const double room = 0.04 * (statistics[shown].high - statistics[shown].low); /* for dots at the ends */
    const head_axis across =
        result->shape.layers > 1 ? layer_axis(&options->heads) : heads_axis(&result->shape, false);
    char title[200], subtitle[200];
    double *values = malloc(2 * (size_t)count * sizeof *values);
    if (values == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--output: no memory for the picture");
    }
    for (int64_t i = 0; i < count; i++) {
        values[i] = (double)(across.range.first + i * across.range.step);
        values[count + i] = result->rows[i].mean[shown];
    }
    head_title(&options->heads, &result->shape, statistics[shown].title, title, sizeof title);
    make_subtitle(result, subtitle, sizeof subtitle);
    const ropemap_series series = {
        .label = statistics[shown].name, .x = values, .y = values + count, .count = count, .points = true};
    ropemap_chart chart = {.title = title,
                           .subtitle = subtitle,
                           .x_label = across.label,
                           .y_label = statistics[shown].value,
                           .log_y = statistics[shown].norm == ROPEMAP_NORM_LOG,
                           .has_y_limits = limited,
                           .y_low = statistics[shown].low - room,
                           .y_high = statistics[shown].high + room,
                           .plot = {.series = &series, .series_count = 1}};
    const ropemap_page page =
        print_chart(&options->heads.print, (cli_size){0, 0}, PRINT_SHAPE, kind == OUTPUT_PNG, &chart);
    const ropemap_status status = ropemap_chart_encode(&chart, output_format(kind), &page, bytes, error);
    free(values);
    return status;
}

ropemap_status heads_encode(const heads_result *result, output_kind kind, ropemap_bytes *bytes,
                            ropemap_error *error) {
    return kind == OUTPUT_CSV   ? outputs_table(put_csv, result, bytes, error)
           : is_one_row(result) ? encode_chart(result, kind, bytes, error)
                                : encode_map(result, kind, bytes, error);
}

static ropemap_status encode(void *what, int index, output_kind kind, ropemap_bytes *bytes,
                             ropemap_error *error) {
    (void)index;
    return heads_encode(what, kind, bytes, error);
}

/* ---- the command --------------------------------------------------------------------------------------- */

static ropemap_status make(heads_result *result, cli_run *run, work_queue *queue, work_end *end,
                           ropemap_error *error) {
    const heads_options *options = result->options;
    const bool shares = queue->document != NULL;
    run_begin(run, options->heads.quiet);
    ropemap_status status = shares ? share_all(options, result, queue, end, error)
                                   : heads_make(result, progress_tell, &run->progress, error);
    progress_end(&run->progress);
    if (status == ROPEMAP_OK && *end == WORK_MERGE) {
        heads_warn(result);
        status = outputs_write(&run->outputs, encode, result, error);
        status = shares ? work_finish(queue, status, error) : status;
    }
    run_end(run);
    return status;
}

static ropemap_status work(void *given, cli_run *run, ropemap_error *error) {
    heads_options *options = given;
    head_options *heads = &options->heads;
    heads_result result = {.options = options};
    const bool force = heads->force;
    work_queue queue = {.document = NULL};
    work_end end = WORK_MERGE;
    heads->force = force || options->work.folder != NULL; /* work_join looks at what exists */
    ropemap_status status =
        head_options_check(heads, OUTPUT_PICTURES | 1 << OUTPUT_CSV, &run->outputs, error);
    status = status == ROPEMAP_OK ? work_open(&options->work, force, run, &queue, error) : status;
    const char *prints = heads->json ? "--json" : heads->quiet ? NULL : "";
    status = status == ROPEMAP_OK ? outputs_check(&run->outputs, prints, error) : status;
    if (status == ROPEMAP_OK && queue.finished) {
        end = WORK_FINISHED;
    } else if (status == ROPEMAP_OK) {
        status = make(&result, run, &queue, &end, error);
    }
    if (status == ROPEMAP_OK && end != WORK_MERGE) {
        work_report(&queue, end, heads->quiet);
    } else if (status == ROPEMAP_OK && heads->json) {
        run->code = document_print(heads_document(&result));
    } else if (status == ROPEMAP_OK && !heads->quiet && run->outputs.stdout_name == NULL) {
        print_text(&result);
        run->code = finish_stdout();
    }
    heads_free(&result);
    work_free(&queue);
    return status;
}

static void start(void *given) {
    heads_options *options = given;
    options->request = ropemap_request_default();
    options->request.measure = ROPEMAP_MEASURE_SOFTMAX;
}

static void notes(void) {
    (void)printf(
        "\nEach number is a mean over a head's queries, of the softmax over the keys that a query sees: what "
        "the\n"
        "first 4 keys and those less than 256 tokens back have of it, its entropy, how many keys as much\n"
        "entropy would spread evenly over, and how far back its keys are. Queries that see no key, or have\n"
        "a score that is NaN or infinite, are left out, and a warning counts them.\n");
}

/* ---- as a value ---------------------------------------------------------------------------------------- */

static ropemap_status value_make(void *given, cli_call *call, void *made, ropemap_error *error) {
    heads_options *options = given;
    heads_result *result = made;
    options->request.session = call->session;
    result->options = options;
    ropemap_status status = head_options_settle(&options->heads, error);
    status = status == ROPEMAP_OK ? heads_make(result, call_tell, call, error) : status;
    if (status == ROPEMAP_OK) {
        heads_warn(result);
    }
    return status;
}

static json_t *value_document(const void *options, const void *made) {
    (void)options;
    return heads_document(made);
}

static ropemap_status value_encode(const void *options, const void *made, output_kind kind,
                                   ropemap_bytes *bytes, ropemap_error *error) {
    const ropemap_status status = print_size_check(&((const heads_options *)options)->heads.print, error);
    return status == ROPEMAP_OK ? heads_encode(made, kind, bytes, error) : status;
}

static void value_free(void *made) {
    heads_free(made);
}

static const cli_result value = {sizeof(heads_result),
                                 OUTPUT_PICTURES | 1 << OUTPUT_CSV,
                                 value_make,
                                 value_document,
                                 value_encode,
                                 NULL,
                                 value_free};

const cli_command command_heads = {
    .name = "heads",
    .summary = "show how real heads spread their attention, a row each",
    .usage = "--queries FILE --keys FILE [what] [how] [output]",
    .examples =
        "  ropemap heads --preset llama3-8b --queries q.npy --keys k.npy --causal --sort distance\n"
        "  ropemap heads --queries 'l{}.safetensors:q' --keys 'l{}.safetensors:k' --layers 32 -o sinks.png\n"
        "  ropemap heads --queries q.npy --keys k.npy --causal --statistic entropy -o heads.pdf -o "
        "heads.csv\n",
    .blocks = {{rule_rows, offsetof(heads_options, heads.rule)},
               {tensor_rows, offsetof(heads_options, heads.tensors)},
               {head_rows, offsetof(heads_options, heads)},
               {attention_rows, offsetof(heads_options, request)},

               {heads_rows, 0},
               {machine_rows, offsetof(heads_options, request)},
               {device_rows, offsetof(heads_options, request)},
               {thread_rows, offsetof(heads_options, heads.threads)},
               {work_rows, offsetof(heads_options, work)},
               {print_rows, offsetof(heads_options, heads.print)}},
    .notes = notes,
    .size = sizeof(heads_options),
    .start = start,
    .work = work,
    .result = &value,
};
