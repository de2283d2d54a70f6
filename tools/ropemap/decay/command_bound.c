/* command_bound.c - ropemap bound */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/decay/decay.h"
#include "tools/ropemap/documents.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/number.h"
#include "tools/ropemap/run.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A head dim's least bases over lengths. */
struct line {
    char label[40];
    double lengths[BOUND_LIST_MOST], bases[BOUND_LIST_MOST];
    int64_t count;
};

static int collect(const bound_found *found, int count, struct line *lines) {
    int line_count = 0;
    for (int i = 0; i < count; i++) {
        if (i == 0 || found[i].head_dim != found[i - 1].head_dim) {
            (void)snprintf(lines[line_count++].label, sizeof lines[0].label, "d = %d",
                           (int)found[i].head_dim);
        }
        struct line *line = &lines[line_count - 1];
        line->lengths[line->count] = (double)found[i].length;
        /* a search that began inside a window does not know the least base; next to 1 there is none below */
        const bool known =
            found[i].count > 0 && (!found[i].windows[0].low_is_edge || bound_any_base(&found[i].windows[0]));
        line->bases[line->count++] = known ? found[i].windows[0].low : (double)NAN;
    }
    return line_count;
}

static ropemap_status drawable(const bound_options *options, ropemap_error *error) {
    return options->length_count >= 2 || options->card
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_USAGE,
                      "--output draws a table or a card; give --table two lengths or more, or --card");
}

static ropemap_status encode(const void *given, void *made, int index, output_kind kind, ropemap_bytes *bytes,
                             ropemap_error *error) {
    const bound_options *options = given;
    const bound_results *results = made;
    static struct line lines[BOUND_LIST_MOST]; /* large */
    (void)index;
    if (drawable(options, error) != ROPEMAP_OK) {
        return error->status;
    }
    if (options->card) {
        return card_encode(options, results, kind, bytes, error);
    }
    ropemap_series series[BOUND_LIST_MOST];
    memset(lines, 0, sizeof lines);
    const int line_count = collect(results->found, results->count, lines);
    for (int i = 0; i < line_count; i++) {
        series[i] = (ropemap_series){.label = lines[i].label,
                                     .x = lines[i].lengths,
                                     .y = lines[i].bases,
                                     .count = lines[i].count,
                                     .points = true};
    }
    const ropemap_spec *spec = &options->rule.spec;
    char scaling[ROPEMAP_SCALING_TITLE], all[100], title[200], description[240];
    ropemap_scaling_title(scaling, &spec->scaling);
    (void)snprintf(title, sizeof title, "Least RoPE base for a context length%s%s%s%s",
                   scaling[0] != '\0' ? ", " : "", scaling, line_count == 1 ? ", " : "",
                   line_count == 1 ? lines[0].label : "");
    ropemap_scaling_format(&spec->scaling, false, all, sizeof all);
    (void)snprintf(
        description, sizeof description,
        "The least base with which no distance below the length has a negative similarity, scaling %s", all);
    ropemap_chart chart = {.title = title,
                           .description = description,
                           .x_label = "context length (tokens)",
                           .y_label = "least base",
                           .log_x = true,
                           .log_y = true,
                           .x_tokens = true,
                           .plot = {.series = series, .series_count = line_count}};
    const ropemap_page page =
        print_chart(&options->print, (cli_size){0, 0}, PRINT_SHAPE, kind == OUTPUT_PNG, &chart);
    return ropemap_chart_encode(&chart, output_format(kind), &page, bytes, error);
}

/* ---- text ---------------------------------------------------------------------------------------------- */

static void print_reach(const ropemap_spec *spec, const ropemap_reach *reach, int64_t limit) {
    char origin[200];
    rule_origin(spec, origin, sizeof origin);
    print_plain(stdout, origin);
    (void)printf(", d = %d: ", (int)spec->head_dim);
    if (reach->reach > 0) {
        (void)printf("reach %s tokens: there similarity is first below zero (%.3g of S(0))\n",
                     number_in_words((double)reach->reach).text, reach->value);
    } else {
        (void)printf("similarity stays at or above zero for all %s distances searched; it is least, %.3g of "
                     "S(0), at %s\n",
                     number_in_words((double)limit).text, reach->least,
                     number_in_words((double)reach->least_at).text);
    }
    if (reach->half > 0) {
        (void)printf("similarity is first below half of S(0) at %s tokens\n",
                     number_in_words((double)reach->half).text);
    }
}

/* The least base, or what a search that began inside a window knows of it. */
static void print_least(const bound_found *found) {
    const ropemap_window *first = &found->windows[0];
    if (!first->low_is_edge) {
        (void)printf("least base %s\n", number_end(first->low, first->high, true).text);
    } else if (bound_any_base(first)) {
        (void)printf("every base above 1 holds, up to %s%s\n", number_in_words(first->high).text,
                     first->high_is_edge ? ", where the search ends" : "");
    } else {
        (void)printf("least base at most %s, where the search begins (--bases LOW:HIGH moves that)\n",
                     number_in_words(first->low).text);
    }
}

static void print_found(const bound_found *found) {
    (void)printf("length %s, d = %d: ", number_in_words((double)found->length).text, (int)found->head_dim);
    if (found->count == 0) {
        (void)printf("no base that was searched keeps similarity from falling below zero\n");
        return;
    }
    print_least(found);
    for (int i = 0; i < found->count; i++) {
        const ropemap_window *window = &found->windows[i];
        (void)printf("    window %.9g%s to %.9g%s: at its lower end least at r = %s (%.3g of S(0))",
                     window->low, window->low_is_edge ? " (edge of the search)" : "", window->high,
                     window->high_is_edge ? " (edge of the search)" : "",
                     number_in_words((double)window->worst_at).text, window->worst);
        if (!window->low_is_edge) {
            (void)printf("; just below it fails at r = %s", number_in_words((double)window->fails_at).text);
        }
        (void)printf("\n");
    }
}

static void print_table(const bound_found *found, int count) {
    (void)printf("%10s %6s %14s %12s\n", "length", "d", "least base", "worst at");
    for (int i = 0; i < count; i++) {
        const ropemap_window *first = &found[i].windows[0];
        char base[80] = "none", worst[80] = "";
        if (found[i].count > 0) {
            (void)snprintf(base, sizeof base, "%s%s",
                           bound_any_base(first) ? "above "
                           : first->low_is_edge  ? "at most "
                                                 : "",
                           number_end(first->low, first->high, true).text);
            (void)snprintf(worst, sizeof worst, " %12s", number_in_words((double)first->worst_at).text);
        }
        (void)printf("%10s %6d %14s%s\n", number_in_words((double)found[i].length).text,
                     (int)found[i].head_dim, base, worst);
    }
}

static void print(const void *options, const void *made) {
    const bound_results *results = made;
    if (results->has_reach) {
        print_reach(&((const bound_options *)options)->rule.spec, &results->reach, results->limit);
    }
    if (results->count == 1) {
        print_found(results->found);
    } else if (results->count > 1) {
        print_table(results->found, results->count);
    }
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static json_t *windows_array(const bound_found *found) {
    json_t *windows = json_array();
    for (int i = 0; i < found->count; i++) {
        const ropemap_window *window = &found->windows[i];
        (void)json_array_append_new(
            windows,
            json_pack("{s:f, s:f, s:b, s:b, s:I, s:f, s:o}", "low", window->low, "high", window->high,
                      "low_is_edge", window->low_is_edge, "high_is_edge", window->high_is_edge, "worst_at",
                      (json_int_t)window->worst_at, "worst", window->worst, "fails_at",
                      window->low_is_edge ? json_null() : json_integer((json_int_t)window->fails_at)));
    }
    return windows;
}

static json_t *found_object(const bound_found *found) {
    return json_pack("{s:I, s:i, s:o, s:b, s:o}", "length", (json_int_t)found->length, "head_dim",
                     (int)found->head_dim, "base",
                     found->count > 0 ? json_real(found->windows[0].low) : json_null(), "base_is_edge",
                     found->count > 0 && found->windows[0].low_is_edge, "windows", windows_array(found));
}

static void add_reach(json_t *document, const ropemap_spec *spec, const ropemap_reach *reach, int64_t limit) {
    json_t *more =
        json_pack("{s:o, s:o, s:o, s:I, s:o, s:f, s:I, s:o}", "of_base", document_base(spec),
                  "frequencies_from", document_frequencies(spec), "reach", document_count(reach->reach),
                  "limit", (json_int_t)limit, "value", document_real(reach->value), "least", reach->least,
                  "least_at", (json_int_t)reach->least_at, "half", document_count(reach->half));
    (void)json_object_update(document, more);
    json_decref(more);
}

static json_t *document(const void *options, const void *made) {
    const ropemap_spec *spec = &((const bound_options *)options)->rule.spec;
    const bound_results *results = made;
    char scaling[400];
    ropemap_scaling_format(&spec->scaling, false, scaling, sizeof scaling);
    json_t *all = json_pack("{s:s, s:s, s:i, s:s}", "schema", "ropemap.bound/1", "version", ropemap_version(),
                            "head_dim", (int)spec->head_dim, "scaling", scaling);
    if (all != NULL && results->has_reach) {
        add_reach(all, spec, &results->reach, results->limit);
    }
    if (all != NULL && results->count == 1) {
        json_t *one = found_object(results->found);
        (void)json_object_update(all, one);
        json_decref(one);
    } else if (all != NULL && results->count > 1) {
        json_t *table = json_array();
        for (int i = 0; i < results->count; i++) {
            (void)json_array_append_new(table, found_object(&results->found[i]));
        }
        (void)json_object_set_new(all, "table", table);
    }
    if (all != NULL && results->card != NULL) {
        (void)json_object_set_new(all, "card", card_document(results->card));
    }
    return all;
}

enum { REACH_LIMIT = 1 << 24 };

static ropemap_status find(const bound_options *options, int64_t length, int32_t head_dim, bound_found *found,
                           ropemap_error *error) {
    ropemap_bound_request request = {.spec = options->rule.spec,
                                     .length = length,
                                     .low = options->bases.low,
                                     .high = options->bases.high,
                                     .resolution = options->resolution,
                                     .threads = options->threads,
                                     .progress = call_tell,
                                     .progress_user = options->call};
    if (options->length_count > 0 && !options->card && (options->rule.given & RULE_LENGTH) == 0) {
        request.spec.length = (double)length; /* a table is of contexts, a card of one rule */
    }
    if (head_dim != 0 && head_dim != request.spec.head_dim) {
        request.spec.head_dim = head_dim;
        request.spec.rotary_dim = 0;
        if (!ropemap_axes_apart(&request.spec.axes)) {
            request.spec.axes = (ropemap_axes){.count = 0}; /* sections of another head */
        }
    }
    if (length > BOUND_LENGTH_MOST) {
        return fail(error, ROPEMAP_USAGE, "--length: %lld is out of range; give 2 to %d", (long long)length,
                    BOUND_LENGTH_MOST);
    }
    found->length = length;
    found->head_dim = request.spec.head_dim;
    return ropemap_bound_bases(&request, found->windows, options->windows, &found->count, error);
}

/* All lengths of all dims, or the one length. */
static ropemap_status find_all(const bound_options *options, bound_results *results, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    if (options->length_count == 0 && (options->rule.given & RULE_LENGTH) != 0) {
        results->count = 1;
        return find(options, (int64_t)options->rule.spec.length, 0, results->found, error);
    }
    for (int dim = 0; dim < (options->dim_count > 0 ? options->dim_count : 1); dim++) {
        for (int i = 0; i < options->length_count && status == ROPEMAP_OK; i++) {
            status =
                find(options, options->lengths[i], options->dim_count > 0 ? (int32_t)options->dims[dim] : 0,
                     &results->found[results->count++], error);
        }
    }
    return status;
}

static bool wants_reach(const bound_options *options) {
    const bool base = options->card || (options->rule.given & RULE_BASE) != 0 ||
                      rule_options_named(&options->rule) || options->rule.frequencies != NULL;
    return base && (options->card || options->length_count == 0);
}

ropemap_status bound_check(void *given, cli_outputs *outputs, ropemap_error *error) {
    const bound_options *options = given;
    (void)outputs;
    const bool bases = options->length_count > 0 || (options->rule.given & RULE_LENGTH) != 0;
    if (bases && options->rule.frequencies != NULL) {
        return fail(
            error, ROPEMAP_USAGE,
            "--%s and --frequencies: a table has no base to search for; leave --%s out for how far the "
            "table reaches",
            options->length_count > 0 ? "table" : "length", options->length_count > 0 ? "table" : "length");
    }
    if (!bases && !wants_reach(options)) {
        return fail(error, ROPEMAP_USAGE,
                    "--length is missing; give --length L for the least base, or --base B for its reach");
    }
    if (options->dim_count > 0 && options->length_count == 0) {
        return fail(error, ROPEMAP_USAGE, "--dims needs --table LENGTHS");
    }
    if (options->card && options->dim_count > 0) {
        return fail(error, ROPEMAP_USAGE, "--card and --dims: a card is of one head dim; give --head-dim");
    }
    if (options->card && options->rule.frequencies != NULL) {
        return fail(error, ROPEMAP_USAGE,
                    "--card and --frequencies: a table has no base; leave one of them out");
    }
    return options->outputs.count > 0 ? drawable(options, error) : ROPEMAP_OK;
}

/* The lengths of a card that has no table. */
static void take_lengths(bound_options *options) {
    const bool missing = options->card && options->length_count == 0;
    for (int64_t length = 1024; missing && length <= 262144; length *= 2) {
        options->lengths[options->length_count++] = length;
    }
}

static ropemap_status make(void *given, cli_call *call, void *made, ropemap_error *error) {
    bound_options *options = given;
    bound_results *results = made;
    options->call = call;
    *results =
        (bound_results){.limit = options->limit != 0 ? options->limit : REACH_LIMIT,
                        .found = calloc((size_t)BOUND_LIST_MOST * BOUND_LIST_MOST, sizeof *results->found)};
    if (results->found == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "bound: no memory for the results");
    }
    ropemap_status status = rule_options_resolve(&options->rule, error);
    take_lengths(options);
    results->has_reach = wants_reach(options);
    if (status == ROPEMAP_OK && results->has_reach) {
        status = ropemap_bound_reach(&options->rule.spec, results->limit, options->threads, call_tell,
                                     options->call, &results->reach, error);
    }
    if (status == ROPEMAP_OK && options->card) {
        results->card = calloc(1, sizeof *results->card);
        status = results->card != NULL ? card_make(options, results->card, error)
                                       : fail(error, ROPEMAP_RESOURCES, "--card: no memory");
    }
    return status == ROPEMAP_OK ? find_all(options, results, error) : status;
}

static void free_results(void *made) {
    bound_results *results = made;
    free(results->found);
    free(results->card);
}

static bound_options bound_options_default(void) {
    return (bound_options){.rule = rule_options_default(), .windows = 1, .resolution = 1e-6};
}

/* Numbers with commas between them; FROM-TO doubles. */
static ropemap_status read_list(const cli_option *option, const char *text, uint64_t least, uint64_t most,
                                int64_t *values, int *count, ropemap_error *error) {
    for (const char *at = text; at != NULL;) {
        char item[80], *dash = NULL;
        uint64_t from = 0, to = 0;
        const size_t length = strcspn(at, ",");
        (void)snprintf(item, sizeof item, "%.*s", (int)(length < sizeof item ? length : sizeof item - 1), at);
        dash = strchr(item, '-');
        if (dash != NULL) {
            *dash = '\0';
        }
        const cli_subject subject = option_subject_of(option, text);
        ropemap_status status = number_integer(subject.text, item, least, most, &from, error);
        to = from;
        if (status == ROPEMAP_OK && dash != NULL) {
            status = number_integer(subject.text, dash + 1, from, most, &to, error);
        }
        if (status != ROPEMAP_OK) {
            return status;
        }
        for (uint64_t value = from; value <= to; value *= 2) {
            if (*count == BOUND_LIST_MOST) {
                return fail(error, ROPEMAP_USAGE, "--%s: more than %d numbers", option->name,
                            BOUND_LIST_MOST);
            }
            values[(*count)++] = (int64_t)value;
        }
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
    return ROPEMAP_OK;
}

static ropemap_status set_table(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    bound_options *options = into;
    options->length_count = 0;
    return read_list(option, text, 2, BOUND_LENGTH_MOST, options->lengths, &options->length_count, error);
}

static ropemap_status set_dims(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    bound_options *options = into;
    options->dim_count = 0;
    return read_list(option, text, 2, ROPEMAP_MAX_HEAD_DIM, options->dims, &options->dim_count, error);
}

const cli_option bound_rows[] = {
    {.group = GROUP_WHAT,
     .name = "table",
     .argument = "LENGTHS",
     .help = "the least base for each of several lengths: 1k,4k or 1k-128k, doubling; each is the context of "
             "its rule unless --length or --card has one for all",
     .type = OPTION_CUSTOM,
     .set = set_table},
    {.group = GROUP_WHAT,
     .name = "dims",
     .argument = "DIMS",
     .initial = "--head-dim",
     .help = "head dims of the table",
     .type = OPTION_CUSTOM,
     .set = set_dims},
    {.group = GROUP_WHAT,
     .name = "bases",
     .argument = "LOW:HIGH",
     .initial = "1:1e10",
     .help = "bases that are searched; the lowest is just above 1",
     .type = OPTION_INTERVAL,
     .offset = offsetof(bound_options, bases)},
    {.group = GROUP_WHAT,
     .name = "windows",
     .argument = "N",
     .initial = "1",
     .help = "windows of bases to find, from the least base on",
     .type = OPTION_INT32,
     .offset = offsetof(bound_options, windows),
     .least = 1,
     .most = BOUND_WINDOWS_MOST},
    {.group = GROUP_WHAT,
     .name = "resolution",
     .argument = "W",
     .initial = "1e-6",
     .help = "every window of bases is found that is as wide as this, relative to the base",
     .type = OPTION_REAL,
     .offset = offsetof(bound_options, resolution),
     .bounds = &(const cli_bounds){.low = 1e-8, .high = 1e-2, .words = "a number from 1e-8 to 1e-2"}},
    {.group = GROUP_WHAT,
     .name = "limit",
     .argument = "N",
     .initial = "16M",
     .help = "distances that are searched for the reach of a base",
     .type = OPTION_INT,
     .offset = offsetof(bound_options, limit),
     .least = 2,
     .most = INT64_C(1) << 36},
    {.group = GROUP_WHAT,
     .name = "card",
     .help =
         "the decay card: bases against half similarity, first zero and the least base of each length, with "
         "models as points; --table chooses the lengths (default 1k-256k)",
     .type = OPTION_FLAG,
     .offset = offsetof(bound_options, card),
     .page = {.place = PLACE_NONE}},
    OPTION_OUTPUT(offsetof(bound_options, outputs),
                  "draw the table or the card, as a .png, .svg or .pdf; - for a PNG on standard output in "
                  "place of the text, svg:- for another kind"),
    OPTION_FORCE(offsetof(bound_options, force)),
    OPTION_JSON(offsetof(bound_options, json), "print JSON of schema ropemap.bound/1"),
    OPTION_QUIET(offsetof(bound_options, quiet), "show no progress"),
    {.name = NULL},
};

static void start(void *options) {
    *(bound_options *)options = bound_options_default();
}

static void notes(void) {
    (void)printf("\nSimilarity is S(r), what rotation leaves of two equal tokens r apart, over the whole "
                 "head: elements\n"
                 "that do not rotate count in full, rotated ones times the square of the attention factor. "
                 "It is given as\n"
                 "a share of S(0); curve and explain mean the same. Where all elements rotate S(r) / S(0) is "
                 "the mean of\n"
                 "the pairs' cosines; for the rotated part of a head alone give --head-dim its size.\n"
                 "A length is held where S(r) is at or above zero for every r below it, the condition of "
                 "\"Base of RoPE\n"
                 "Bounds Context Length\" (arXiv 2405.14591). The bases that hold one are no interval: they "
                 "are scanned,\n"
                 "and every window of a relative width of 1e-6 or more is found.\n");
}

static const cli_result result = {.size = sizeof(bound_results),
                                  .kinds = OUTPUT_PICTURES,
                                  .answers = true,
                                  .check = bound_check,
                                  .make = make,
                                  .encode = encode,
                                  .document = document,
                                  .print = print,
                                  .free = free_results};

const cli_command command_bound = {
    .name = "bound",
    .summary = "find how far a base reaches, and the least base for a length",
    .usage = "--length L | --base B | --table LENGTHS [what] [how]",
    .examples = "  ropemap bound --length 32k                 the least base, with its proof\n"
                "  ropemap bound -b 5e5                       the first distance below zero\n"
                "  ropemap bound --preset llama3.1-8b --length 128k\n"
                "  ropemap bound --table 1k-128k --dims 64,128 -o bases.png\n"
                "  ropemap bound --card --preset llama3.1-8b -o card.png --width 88mm\n",
    .blocks = {{rule_rows, offsetof(bound_options, rule)},
               {bound_rows, 0},
               {thread_rows, offsetof(bound_options, threads)},
               {print_rows, offsetof(bound_options, print)},
               {print_height_rows, offsetof(bound_options, print)}},
    .notes = notes,
    .size = sizeof(bound_options),
    .start = start,
    .work = result_work,
    .result = &result,
};
