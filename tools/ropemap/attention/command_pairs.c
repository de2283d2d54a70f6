/* command_pairs.c - ropemap pairs: what each rotary pair of real heads does, as a table and a document */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/attention/command_pairs.h"
#include "host/ropemap_decay.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/json.h"
#include "tools/ropemap/run.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAGNITUDE_CELLS = 256 };

static const double TWO_PI = 6.283185307179586, DEGREES = 57.29577951308232;

static const char *picture_choice(int index) {
    static const char *const names[] = {
        [PAIRS_NORM] = "norm",   [PAIRS_RESULTANT] = "resultant", [PAIRS_ANGLE] = "angle",
        [PAIRS_SHARE] = "share", [PAIRS_MAGNITUDE] = "magnitude", [PAIRS_CURVE] = "curve",
        [PAIRS_PICTURES] = NULL};
    return names[index];
}

static const cli_option pairs_rows[] = {
    {.group = GROUP_WHAT,
     .name = "causal",
     .help = "a query sees no key after its own position",
     .type = OPTION_FLAG,
     .offset = offsetof(pairs_options, causal)},
    {.group = GROUP_OUTPUT,
     .name = "picture",
     .choices = picture_choice,
     .initial = "norm",
     .help = "of each head and pair: norm, mean resultant length, angle, or share in the variance of the "
             "logits; of one head: magnitude by position and channel; curve: the mean logit by distance and "
             "what the centres predict",
     .type = OPTION_CHOICE,
     .offset = offsetof(pairs_options, picture),
     .computed = true},
    {.name = NULL},
};

bool pairs_causal(const pairs_result *result) {
    return result->options->causal || result->shape.causal;
}

/* ---- what is measured ---------------------------------------------------------------------------------- */

const ropemap_pair *pairs_of(const pairs_result *result, int layer, int32_t head) {
    return result->all + ((int64_t)layer * result->shape.heads + head) * result->pairs;
}

static void *room(uint64_t count, size_t size, ropemap_status *status, ropemap_error *error) {
    void *memory = calloc(count > 0 ? (size_t)count : 1, size);
    if (memory == NULL) {
        *status = fail(error, ROPEMAP_RESOURCES, "no memory for %" PRIu64 " numbers", count);
    }
    return memory;
}

/* Makes room for all layers. */
static ropemap_status begin(pairs_result *result, ropemap_error *error) {
    const pairs_picture picture = result->options->picture;
    const int64_t down = result->shape.rows.count, across = result->shape.cols.count;
    const int64_t least = down < across ? down : across;
    ropemap_status status = pairs_picture_check(picture, result->shape.layers, result->shape.heads, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    result->pairs = result->shape.head_dim / 2;
    result->cells = picture != PAIRS_MAGNITUDE ? 0 : least < MAGNITUDE_CELLS ? least : MAGNITUDE_CELLS;
    result->distances = picture == PAIRS_CURVE ? least / 2 + 1 : 0;
    const uint64_t heads = (uint64_t)result->shape.layers * (uint64_t)result->shape.heads;
    result->all = room(heads * (uint64_t)result->pairs, sizeof *result->all, &status, error);
    result->distance = room((uint64_t)result->distances, sizeof(double), &status, error);
    result->curves = room(heads * 2 * (uint64_t)result->distances, sizeof(double), &status, error);
    result->correlated = room(heads, sizeof(double), &status, error);
    result->magnitudes = room(ROPEMAP_MAGNITUDES * (uint64_t)(2 * result->pairs * result->cells),
                              sizeof(float), &status, error);
    for (int64_t r = 0; status == ROPEMAP_OK && r < result->distances; r++) {
        result->distance[r] = (double)r;
    }
    return status;
}

/* Who hears of it. */
typedef struct pairs_progress {
    ropemap_progress tell; /* may be NULL */
    void *user;
} pairs_progress;

/* The mean logit at each distance, and what the centres predict of it. */
static ropemap_status make_curves(pairs_result *result, const layer_heads *layer, int index,
                                  pairs_progress progress, ropemap_error *error) {
    const head_options *options = &result->options->heads;
    ropemap_status status = ROPEMAP_OK;
    const ropemap_range *rows = &layer->rows, *cols = &layer->cols;
    if (rows->count != cols->count || rows->first != cols->first || rows->step != 1 || cols->step != 1) {
        return fail(error, ROPEMAP_DATA,
                    "--picture curve: %" PRId64 " queries and %" PRId64
                    " keys; it needs both of every position",
                    layer->rows.count, layer->cols.count);
    }
    for (int32_t head = 0; head < result->shape.heads && status == ROPEMAP_OK; head++) {
        const int64_t at = (int64_t)index * result->shape.heads + head;
        double *measured = result->curves + 2 * at * result->distances;
        const ropemap_mean_request mean = {.spec = layer->spec,
                                           .queries = layer->heads[head].queries,
                                           .keys = layer->heads[head].keys,
                                           .already_rotated = layer->rotated,
                                           .first = layer->rows.first,
                                           .positions = layer->rows.count,
                                           .count = result->distances,
                                           .threads = options->threads,
                                           .progress = progress.tell,
                                           .progress_user = progress.user};
        status = ropemap_curve_mean(&mean, measured, error);
        if (status == ROPEMAP_OK) {
            status = ropemap_pairs_curve(&layer->spec, pairs_of(result, index, head), result->distances,
                                         measured + result->distances, error);
        }
        result->correlated[at] =
            ropemap_pairs_correlation(measured, measured + result->distances, result->distances);
    }
    return status;
}

static ropemap_status make_layer(pairs_result *result, const layer_heads *layer, int index,
                                 pairs_progress progress, ropemap_error *error) {
    const head_options *options = &result->options->heads;
    const ropemap_pairs_request request = {.spec = layer->spec,
                                           .heads = layer->heads,
                                           .count = layer->count,
                                           .already_rotated = layer->rotated,
                                           .causal = result->options->causal || layer->causal,
                                           .threads = options->threads,
                                           .progress = progress.tell,
                                           .progress_user = progress.user};
    const ropemap_magnitudes magnitudes = {.cells = result->cells, .values = result->magnitudes};
    ropemap_pair *to = result->all + (int64_t)index * result->shape.heads * result->pairs;
    const ropemap_status status =
        ropemap_pairs_compute(&request, to, result->cells > 0 ? &magnitudes : NULL, error);
    return status == ROPEMAP_OK && result->distances > 0 ? make_curves(result, layer, index, progress, error)
                                                         : status;
}

ropemap_status pairs_make(pairs_result *result, ropemap_progress tell, void *user, ropemap_error *error) {
    const pairs_options *options = result->options;
    const pairs_progress progress = {.tell = tell, .user = user};
    ropemap_status status = ROPEMAP_OK;
    for (int index = 0; index < options->heads.layer_count && status == ROPEMAP_OK; index++) {
        layer_heads layer = {.heads = NULL};
        status = layer_heads_open(&options->heads, index, &layer, error);
        if (status == ROPEMAP_OK) {
            status = head_shape_take(&options->heads, &layer, index, &result->shape, error);
        }
        status = status == ROPEMAP_OK && index == 0 ? begin(result, error) : status;
        status = status == ROPEMAP_OK ? make_layer(result, &layer, index, progress, error) : status;
        layer_heads_free(&layer);
    }
    return status;
}

void pairs_free(pairs_result *result) {
    free(result->all);
    free(result->distance);
    free(result->curves);
    free(result->correlated);
    free(result->magnitudes);
    head_shape_free(&result->shape);
}

/* Prints a line for each head that holds a NaN or an infinity. */
void pairs_warn(const pairs_result *result) {
    for (int i = 0; i < result->shape.layers * result->shape.heads; i++) {
        const ropemap_pair *pairs = pairs_of(result, i / result->shape.heads, i % result->shape.heads);
        int32_t bad = 0, first = 0;
        for (int32_t pair = result->pairs - 1; pair >= 0; pair--) {
            if (!isfinite(pairs[pair].variance)) {
                bad++;
                first = pair;
            }
        }
        if (bad > 0) {
            char layer[40] = "";
            if (result->options->heads.layer_numbers[0] >= 0) {
                (void)snprintf(layer, sizeof layer, "layer %" PRId64 ", ",
                               result->options->heads.layer_numbers[i / result->shape.heads]);
            }
            warning("%shead %" PRId64 ": %" PRId32 " of %" PRId32 " pairs, from pair %" PRId32
                    " on, hold NaN or infinity, so that no pair of the head has a share",
                    layer, result->shape.numbers[i % result->shape.heads].query, bad, result->pairs, first);
        }
    }
}

/* ---- text ---------------------------------------------------------------------------------------------- */

static double period_of(const ropemap_pair *pair) {
    return TWO_PI / fabs(pair->frequency);
}

static void print_start(const pairs_result *result) {
    print_plain(stdout, result->shape.origin);
    (void)printf(": %s; %s\n", result->shape.subtitle,
                 pairs_causal(result) ? "each query with the keys up to its own"
                                      : "each query with each key");
}

static void print_pairs(const pairs_result *result) {
    const ropemap_pair *pairs = pairs_of(result, 0, 0);
    print_start(result);
    (void)printf("head %" PRId64 " of %" PRId64 ", key head %" PRId64 " of %" PRId64,
                 result->shape.numbers[0].query, result->shape.query_heads, result->shape.numbers[0].key,
                 result->shape.key_heads);
    if (result->distances > 0) {
        (void)printf("; mean logit and prediction of the centres: correlation %.3f", result->correlated[0]);
    }
    (void)printf(
        "\npair  period (tokens)     |q|     |k|  q resultant  k resultant  angle (deg)  std of logit"
        "    share\n");
    for (int32_t i = 0; i < result->pairs; i++) {
        const ropemap_pair *pair = &pairs[i];
        char period[24] = "-";
        if (pair->frequency != 0.0) {
            (void)snprintf(period, sizeof period, "%.6g", period_of(pair));
        }
        (void)printf("%4" PRId32 "  %15s  %6.4g  %6.4g  %11.3f  %11.3f  %11.1f  %12.4g  %6.2f %%\n", i,
                     period, pair->query.norm, pair->key.norm, pair->query.resultant, pair->key.resultant,
                     DEGREES * pair->angle, sqrt(pair->variance), 100.0 * pair->share);
    }
}

/* What a head's pairs come to; means weigh pairs by their share. */
struct summary {
    int32_t largest; /* pair with the largest share */
    double slow;     /* share of the pairs that turn less than once over the rows */
    double query_resultant, key_resultant;
};

static struct summary sum_up(const pairs_result *result, const ropemap_pair *pairs) {
    struct summary summary = {.largest = 0};
    const int64_t down = result->shape.rows.count, across = result->shape.cols.count;
    for (int32_t i = 0; i < result->pairs; i++) {
        const ropemap_pair *pair = &pairs[i];
        summary.largest = pair->share > pairs[summary.largest].share ? i : summary.largest;
        summary.slow += period_of(pair) > (double)(down > across ? down : across) ? pair->share : 0.0;
        summary.query_resultant += pair->share * pair->query.resultant;
        summary.key_resultant += pair->share * pair->key.resultant;
    }
    return summary;
}

static void print_heads(const pairs_result *result) {
    const bool layers = result->options->heads.layer_numbers[0] >= 0;
    print_start(result);
    (void)printf("%shead  key head  largest share    pair  its period  share of slow pairs  q resultant  k "
                 "resultant%s\n",
                 layers ? "layer  " : "", result->distances > 0 ? "  correlation" : "");
    for (int i = 0; i < result->shape.layers * result->shape.heads; i++) {
        const ropemap_pair *pairs = pairs_of(result, i / result->shape.heads, i % result->shape.heads);
        const struct summary summary = sum_up(result, pairs);
        if (layers) {
            (void)printf("%5" PRId64 "  ", result->options->heads.layer_numbers[i / result->shape.heads]);
        }
        (void)printf("%4" PRId64 "  %8" PRId64 "  %11.2f %%  %6" PRId32 "  %10.6g  %17.2f %%  %11.3f  %11.3f",
                     result->shape.numbers[i % result->shape.heads].query,
                     result->shape.numbers[i % result->shape.heads].key, 100.0 * pairs[summary.largest].share,
                     summary.largest, period_of(&pairs[summary.largest]), 100.0 * summary.slow,
                     summary.query_resultant, summary.key_resultant);
        if (result->distances > 0) {
            (void)printf("  %11.3f", result->correlated[i]);
        }
        (void)putchar('\n');
    }
}

/* ---- the columns --------------------------------------------------------------------------------------- */

/* Of each pair: the names of a table's columns and of a document's arrays. */
static const struct column {
    const char *name;
    size_t offset; /* of a double in a ropemap_pair */
} columns[] = {{"frequency", offsetof(ropemap_pair, frequency)},
               {"query_norm", offsetof(ropemap_pair, query.norm)},
               {"key_norm", offsetof(ropemap_pair, key.norm)},
               {"query_x", offsetof(ropemap_pair, query.x)},
               {"query_y", offsetof(ropemap_pair, query.y)},
               {"key_x", offsetof(ropemap_pair, key.x)},
               {"key_y", offsetof(ropemap_pair, key.y)},
               {"query_resultant", offsetof(ropemap_pair, query.resultant)},
               {"key_resultant", offsetof(ropemap_pair, key.resultant)},
               {"angle", offsetof(ropemap_pair, angle)},
               {"mean", offsetof(ropemap_pair, mean)},
               {"variance", offsetof(ropemap_pair, variance)},
               {"share", offsetof(ropemap_pair, share)}};

enum { COLUMNS = sizeof columns / sizeof columns[0] };

static double value_at(const ropemap_pair *pair, int column) {
    double value = 0.0;
    memcpy(&value, (const char *)pair + columns[column].offset, sizeof value);
    return value;
}

static json_t *head_object(const pairs_result *result, int index) {
    const ropemap_pair *pairs = pairs_of(result, index / result->shape.heads, index % result->shape.heads);
    const int64_t layer = result->options->heads.layer_numbers[index / result->shape.heads];
    json_t *head = json_pack("{s:o, s:I, s:I}", "layer", layer >= 0 ? json_integer(layer) : json_null(),
                             "head", (json_int_t)(result->shape.numbers[index % result->shape.heads].query),
                             "key_head", (json_int_t)result->shape.numbers[index % result->shape.heads].key);
    for (int column = 0; column < COLUMNS; column++) {
        json_t *values = json_array();
        for (int32_t i = 0; i < result->pairs; i++) {
            (void)json_array_append_new(values, document_real(value_at(&pairs[i], column)));
        }
        (void)json_object_set_new(head, columns[column].name, values);
    }
    (void)json_object_set_new(head, "correlation",
                              result->distances > 0 ? document_real(result->correlated[index]) : json_null());
    return head;
}

json_t *pairs_document(const pairs_result *result) {
    json_t *heads = json_array();
    for (int i = 0; i < result->shape.layers * result->shape.heads; i++) {
        (void)json_array_append_new(heads, head_object(result, i));
    }
    const ropemap_range *rows = &result->shape.rows, *cols = &result->shape.cols;
    return json_pack("{s:s, s:s, s:o, s:i, s:I, s:I, s:s, s:b, s:{s:I, s:I, s:I}, s:{s:I, s:I, s:I}, s:o}",
                     "schema", "ropemap.pairs/1", "version", ropemap_version(), "origin",
                     document_text(result->shape.origin), "head_dim", (int)result->shape.head_dim,
                     "query_heads", (json_int_t)result->shape.query_heads, "key_heads",
                     (json_int_t)result->shape.key_heads, "state", result->shape.rotated ? "post" : "pre",
                     "causal", pairs_causal(result) ? 1 : 0, "query_positions", "first",
                     (json_int_t)rows->first, "count", (json_int_t)rows->count, "step",
                     (json_int_t)rows->step, "key_positions", "first", (json_int_t)cols->first, "count",
                     (json_int_t)cols->count, "step", (json_int_t)cols->step, "heads", heads);
}

static void put_csv(FILE *stream, const void *what) {
    const pairs_result *result = what;
    (void)fputs("layer,head,key_head,pair", stream);
    for (int column = 0; column < COLUMNS; column++) {
        (void)fprintf(stream, ",%s", columns[column].name);
    }
    for (int64_t i = 0; i < (int64_t)result->shape.layers * result->shape.heads * result->pairs; i++) {
        const int32_t index = (int32_t)(i / result->pairs), head = index % result->shape.heads;
        const int64_t layer = result->options->heads.layer_numbers[index / result->shape.heads];
        (void)fputc('\n', stream);
        if (layer >= 0) {
            (void)fprintf(stream, "%" PRId64, layer);
        }
        (void)fprintf(stream, ",%" PRId64 ",%" PRId64 ",%" PRId64, result->shape.numbers[head].query,
                      result->shape.numbers[head].key, i % result->pairs);
        for (int column = 0; column < COLUMNS; column++) {
            (void)fprintf(stream, ",%.*g", column == 0 ? 17 : 10, value_at(&result->all[i], column));
        }
    }
    (void)fputc('\n', stream);
}

ropemap_status pairs_encode(const pairs_result *result, output_kind kind, ropemap_bytes *bytes,
                            ropemap_error *error) {
    return kind == OUTPUT_CSV ? outputs_table(put_csv, result, bytes, error)
                              : pairs_picture_encode(result, kind, bytes, error);
}

static ropemap_status encode(void *what, int index, output_kind kind, ropemap_bytes *bytes,
                             ropemap_error *error) {
    (void)index;
    return pairs_encode(what, kind, bytes, error);
}

/* ---- the command --------------------------------------------------------------------------------------- */

static ropemap_status make(pairs_result *result, cli_run *run, ropemap_error *error) {
    run_begin(run, result->options->heads.quiet);
    ropemap_status status = pairs_make(result, progress_tell, &run->progress, error);
    progress_end(&run->progress);
    if (status == ROPEMAP_OK) {
        pairs_warn(result);
        status = outputs_write(&run->outputs, encode, result, error);
    }
    run_end(run);
    return status;
}

static ropemap_status work(void *given, cli_run *run, ropemap_error *error) {
    pairs_options *options = given;
    head_options *heads = &options->heads;
    pairs_result result = {.options = options};
    ropemap_status status =
        head_options_check(heads, OUTPUT_PICTURES | 1 << OUTPUT_CSV, &run->outputs, error);
    const char *prints = heads->json ? "--json" : heads->quiet ? NULL : "";
    status = status == ROPEMAP_OK ? outputs_check(&run->outputs, prints, error) : status;
    status = status == ROPEMAP_OK ? make(&result, run, error) : status;
    if (status == ROPEMAP_OK && heads->json) {
        run->code = document_print(pairs_document(&result));
    } else if (status == ROPEMAP_OK && !heads->quiet && run->outputs.stdout_name == NULL) {
        (result.shape.layers * result.shape.heads == 1 ? print_pairs : print_heads)(&result);
        run->code = finish_stdout();
    }
    pairs_free(&result);
    return status;
}

static void start(void *options) {
    ((pairs_options *)options)->heads.needs_rule = true;
}

static void notes(void) {
    (void)printf(
        "\nThe rows are read once. |q| and |k| are mean lengths of a pair before its rotation; a resultant "
        "is\n"
        "the length of the mean over the mean length, 1 where all rows point the same way; the angle is "
        "from\n"
        "the mean key to the mean query. A pair's share is the variance of its part of the logit q . k over\n"
        "the queries and the keys that they see, over the sum of these variances.\n"
        "JSON and CSV have radians, and frequencies in radians a token; 0 is of a pair that stays.\n"
        "With --state post the rotation is taken off again with the exact phase. 16-bit files are then off\n"
        "by the rounding of the program that rotated them; files from before the rotation are better.\n");
}

/* ---- as a value ---------------------------------------------------------------------------------------- */

static ropemap_status value_make(void *given, cli_call *call, void *made, ropemap_error *error) {
    pairs_options *options = given;
    pairs_result *result = made;
    result->options = options;
    ropemap_status status = head_options_settle(&options->heads, error);
    status = status == ROPEMAP_OK ? pairs_make(result, call_tell, call, error) : status;
    if (status == ROPEMAP_OK) {
        pairs_warn(result);
    }
    return status;
}

static json_t *value_document(const void *options, const void *made) {
    (void)options;
    return pairs_document(made);
}

static ropemap_status value_encode(const void *options, const void *made, output_kind kind,
                                   ropemap_bytes *bytes, ropemap_error *error) {
    const ropemap_status status = print_size_check(&((const pairs_options *)options)->heads.print, error);
    return status == ROPEMAP_OK ? pairs_encode(made, kind, bytes, error) : status;
}

static bool value_array(const void *made, int32_t index, cli_array *array) {
    const pairs_result *from = made;
    const int64_t layers = from->shape.layers, heads = from->shape.heads;
    const cli_array arrays[] = {
        {NULL, "pairs", from->all, sizeof *from->all, 3, {layers, heads, from->pairs}},
        {NULL, "curves", from->curves, sizeof *from->curves, 4, {layers, heads, 2, from->distances}},
        {NULL,
         "magnitudes",
         from->magnitudes,
         sizeof *from->magnitudes,
         3,
         {ROPEMAP_MAGNITUDES, from->shape.head_dim, from->cells}}};
    const bool found = index < (int32_t)(sizeof arrays / sizeof *arrays);
    *array = arrays[found ? index : 0];
    return found;
}

static void value_free(void *made) {
    pairs_free(made);
}

static const cli_result value = {sizeof(pairs_result),
                                 OUTPUT_PICTURES | 1 << OUTPUT_CSV,
                                 value_make,
                                 value_document,
                                 value_encode,
                                 value_array,
                                 value_free};

const cli_command command_pairs = {
    .name = "pairs",
    .summary = "show what each rotary pair of real heads does",
    .usage = "--queries FILE --keys FILE [what] [how] [output]",
    .examples =
        "  ropemap pairs --preset llama3-8b --queries q.npy --keys k.npy -o norms.png\n"
        "  ropemap pairs --preset llama3-8b --queries q.npy --keys k.npy --head 3 --causal\n"
        "  ropemap pairs --queries q.npy --keys k.npy --head 3 --picture curve -o predicted.pdf\n"
        "  ropemap pairs --queries 'l{}.safetensors:q' --keys 'l{}.safetensors:k' --layers 32 -o all.png\n",
    .blocks = {{rule_rows, offsetof(pairs_options, heads.rule)},
               {tensor_rows, offsetof(pairs_options, heads.tensors)},
               {head_rows, offsetof(pairs_options, heads)},
               {pairs_rows, 0},
               {thread_rows, offsetof(pairs_options, heads.threads)},
               {print_rows, offsetof(pairs_options, heads.print)}},
    .notes = notes,
    .size = sizeof(pairs_options),
    .start = start,
    .work = work,
    .result = &value,
};
