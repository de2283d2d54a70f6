/* command_heads.c - ropemap heads: how real heads spread their attention, as a table and a document */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/attention/attention.h"
#include "tools/ropemap/documents.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/map_options.h"
#include "tools/ropemap/options/options.h"
#include "tools/ropemap/run.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

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

/* ---- table and document -------------------------------------------------------------------------------- */

static void print(const void *options, const void *made) {
    const heads_result *result = made;
    (void)options;
    const bool layers = result->rows[0].layer >= 0;
    char title[200], subtitle[200];
    head_title(&result->options->heads, &result->shape, "Attention", title, sizeof title);
    heads_subtitle(result, subtitle, sizeof subtitle);
    print_plain(stdout, title);
    (void)printf("; ");
    print_plain(stdout, subtitle);
    (void)printf("\n%shead  key head  first 4 keys  last 256 keys  entropy (nats)  exp(entropy)  distance\n",
                 layers ? "layer  " : "");
    for (int64_t i = 0; i < heads_count(result); i++) {
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
    for (int64_t i = 0; i < heads_count(result); i++) {
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

static json_t *document(const void *options, const void *made) {
    const heads_result *result = made;
    (void)options;
    json_t *heads = json_array();
    for (int64_t i = 0; i < heads_count(result); i++) {
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
                     result->shape.rotated ? "post" : "pre", "causal", heads_causal(result) ? 1 : 0,
                     "queries", (json_int_t)result->shape.rows.count, "keys",
                     (json_int_t)result->shape.cols.count, "heads", heads);
}

/* ---- the command --------------------------------------------------------------------------------------- */

static ropemap_status check(void *options, cli_outputs *outputs, ropemap_error *error) {
    return head_options_check(&((heads_options *)options)->heads, outputs, error);
}

static ropemap_status encode(const void *options, void *made, int index, output_kind kind,
                             ropemap_bytes *bytes, ropemap_error *error) {
    (void)options;
    (void)index;
    return kind == OUTPUT_CSV ? outputs_table(put_csv, made, bytes, error)
                              : heads_picture_encode(made, kind, bytes, error);
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

static const cli_result result = {.size = sizeof(heads_result),
                                  .kinds = OUTPUT_PICTURES | 1 << OUTPUT_CSV,
                                  .check = check,
                                  .make = heads_make,
                                  .share = heads_share,
                                  .encode = encode,
                                  .document = document,
                                  .print = print,
                                  .free = heads_free};

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
    .work = result_work,
    .result = &result,
};
