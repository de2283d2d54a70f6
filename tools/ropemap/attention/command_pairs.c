/* command_pairs.c - ropemap pairs: what each rotary pair of real heads does, as a table and a document */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/attention/attention.h"
#include "tools/ropemap/documents.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/run.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

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

static json_t *document(const void *options, const void *made) {
    const pairs_result *result = made;
    json_t *heads = json_array();
    (void)options;
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

static ropemap_status encode(const void *options, void *made, int index, output_kind kind,
                             ropemap_bytes *bytes, ropemap_error *error) {
    (void)options;
    (void)index;
    return kind == OUTPUT_CSV ? outputs_table(put_csv, made, bytes, error)
                              : pairs_picture_encode(made, kind, bytes, error);
}

static void print_text(const void *options, const void *made) {
    const pairs_result *result = made;
    (void)options;
    (result->shape.layers * result->shape.heads == 1 ? print_pairs : print_heads)(result);
}

/* ---- the command --------------------------------------------------------------------------------------- */

static ropemap_status check(void *options, cli_outputs *outputs, ropemap_error *error) {
    return head_options_check(&((pairs_options *)options)->heads, outputs, error);
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

static bool array(const void *made, int32_t index, cli_array *array) {
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

static const cli_result result = {.size = sizeof(pairs_result),
                                  .kinds = OUTPUT_PICTURES | 1 << OUTPUT_CSV,
                                  .check = check,
                                  .make = pairs_make,
                                  .encode = encode,
                                  .document = document,
                                  .print = print_text,
                                  .array = array,
                                  .free = pairs_free};

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
    .work = result_work,
    .result = &result,
};
