/* command_explain.c - `ropemap explain`: what a rule does to similarity, in five plain sentences */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/document.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/help.h"
#include "tools/ropemap/options.h"
#include "tools/ropemap/progress.h"
#include "tools/ropemap/rule_options.h"
#include "tools/ropemap/signals.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>

enum {
    LENGTH_SMOOTH = 1 << 20,
    LENGTH_BENT = 1 << 17
}; /* most tokens that the least base is found for, in seconds */

enum { SENTENCES = 5, SENTENCE_BYTES = 640, LIMIT = 1 << 22, LENGTH_USUAL = 32768, NEIGHBOURS = 24 };

typedef struct explain_options {
    rule_options rule; /* first: see there */
    bool json, quiet;
} explain_options;

typedef struct explanation {
    char sentence[SENTENCES][SENTENCE_BYTES];
    ropemap_reach own, plain; /* plain: without scaling */
    double more, less;        /* bases ten times as large and a tenth */
    int64_t reach_more, reach_less, reach_half_dim, reach_double_dim;
    double falls_from, falls_to; /* a larger base that reaches less far; 0: none was met */
    int64_t falls_reach_from, falls_reach_to;
    int64_t length; /* that the least base is for */
    double least_base;
    double attention;
    int32_t pairs, slowed;
} explanation;

static const cli_option options_table[] = {
    {.group = GROUP_OUTPUT,
     .name = "json",
     .help = "print JSON of schema ropemap.explain/1: the sentences, and every number in them",
     .set = option_set_flag,
     .offset = offsetof(explain_options, json)},
    {.group = GROUP_OUTPUT,
     .name = "quiet",
     .letter = 'q',
     .help = "show no progress",
     .set = option_set_flag,
     .offset = offsetof(explain_options, quiet)},
    {.name = NULL},
};

/* ---- numbers ------------------------------------------------------------------------------------------- */

static ropemap_status reach_of(ropemap_spec spec, cli_progress *progress, int64_t *reach,
                               ropemap_error *error) {
    ropemap_reach found;
    const ropemap_status status =
        ropemap_bound_reach(&spec, LIMIT, 0, progress_tell, progress, &found, error);
    *reach = status == ROPEMAP_OK ? found.reach : 0;
    return status;
}

/* The first base, in small steps up from the rule's own, that reaches less far than the one before it. */
static ropemap_status find_fall(const ropemap_spec *spec, cli_progress *progress, explanation *to,
                                ropemap_error *error) {
    ropemap_spec other = *spec;
    int64_t before = to->own.reach;
    ropemap_status status = ROPEMAP_OK;
    for (int i = 1; i <= NEIGHBOURS && status == ROPEMAP_OK && to->falls_to == 0.0 && before > 0; i++) {
        const double last = other.base;
        int64_t reach = 0;
        other.base = spec->base * pow(1.05, i);
        status = reach_of(other, progress, &reach, error);
        if (status == ROPEMAP_OK && reach > 0 && reach < before) {
            to->falls_from = last;
            to->falls_to = other.base;
            to->falls_reach_from = before;
            to->falls_reach_to = reach;
        }
        before = reach;
    }
    return status;
}

static ropemap_status count_slowed(const ropemap_spec *spec, explanation *to, ropemap_error *error) {
    static ropemap_freqs own, plain; /* large */
    ropemap_spec other = *spec;
    other.scaling = (ropemap_scaling){.rule = ROPEMAP_SCALING_NONE};
    ropemap_status status = ropemap_freqs_make(spec, &own, error);
    status = status == ROPEMAP_OK ? ropemap_freqs_make(&other, &plain, error) : status;
    if (status == ROPEMAP_OK) {
        to->pairs = own.pairs;
        to->attention = (double)own.attention_factor;
        for (int32_t i = 0; i < own.pairs; i++) {
            to->slowed += own.step[i] < plain.step[i] - (plain.step[i] >> 20);
        }
    }
    return status;
}

static ropemap_status find_least(const ropemap_spec *spec, cli_progress *progress, explanation *to,
                                 ropemap_error *error) {
    ropemap_window window;
    int32_t count = 0;
    /* Rules that bend frequencies take a hundred times as long. */
    const double resolution = spec->scaling.rule == ROPEMAP_SCALING_NONE ? 1e-6 : 1e-4;
    const ropemap_bound_request request = {.spec = *spec,
                                           .length = to->length,
                                           .resolution = resolution,
                                           .progress = progress_tell,
                                           .progress_user = progress};
    const ropemap_status status = ropemap_bound_bases(&request, &window, 1, &count, error);
    to->least_base = count > 0 ? window.low : 0.0;
    return status;
}

static ropemap_status work_out(const ropemap_spec *spec, cli_progress *progress, explanation *to,
                               ropemap_error *error) {
    ropemap_spec other = *spec;
    ropemap_status status = ropemap_bound_reach(spec, LIMIT, 0, progress_tell, progress, &to->own, error);
    other.scaling = (ropemap_scaling){.rule = ROPEMAP_SCALING_NONE};
    status = status == ROPEMAP_OK
                 ? ropemap_bound_reach(&other, LIMIT, 0, progress_tell, progress, &to->plain, error)
                 : status;
    other = *spec;
    to->more = fmin(10.0 * spec->base, 1e30);
    to->less = spec->base / 10.0 > 1.0 ? spec->base / 10.0 : 1.0 + (spec->base - 1.0) / 10.0;
    other.base = to->more;
    status = status == ROPEMAP_OK ? reach_of(other, progress, &to->reach_more, error) : status;
    other.base = to->less;
    status = status == ROPEMAP_OK ? reach_of(other, progress, &to->reach_less, error) : status;
    ropemap_spec narrow = *spec; /* lists of divisors are for one dimension alone */
    narrow.scaling = (ropemap_scaling){.rule = ROPEMAP_SCALING_NONE};
    narrow.rotary_dim = spec->rotary_dim != 0 ? spec->rotary_dim : spec->head_dim;
    const int32_t rotates = narrow.rotary_dim;
    if (rotates % 4 == 0 && spec->head_dim % 4 == 0 && spec->head_dim >= 8 &&
        2 * spec->head_dim <= ROPEMAP_MAX_HEAD_DIM) {
        narrow.head_dim = spec->head_dim / 2;
        narrow.rotary_dim = rotates / 2;
        status = status == ROPEMAP_OK ? reach_of(narrow, progress, &to->reach_half_dim, error) : status;
        narrow.head_dim = spec->head_dim * 2;
        narrow.rotary_dim = rotates * 2;
        status = status == ROPEMAP_OK ? reach_of(narrow, progress, &to->reach_double_dim, error) : status;
    }
    status = status == ROPEMAP_OK ? find_fall(spec, progress, to, error) : status;
    status = status == ROPEMAP_OK ? count_slowed(spec, to, error) : status;
    return status == ROPEMAP_OK ? find_least(spec, progress, to, error) : status;
}

/* ---- sentences ----------------------------------------------------------------------------------------- */

typedef struct words {
    char text[48];
} words;

static words tokens(int64_t reach) {
    words out;
    if (reach > 0) {
        (void)snprintf(out.text, sizeof out.text, "%" PRId64 " tokens", reach);
    } else {
        (void)snprintf(out.text, sizeof out.text, "no distance below %d tokens", LIMIT);
    }
    return out;
}

static void say_scaling(const ropemap_spec *spec, explanation *to, char *text) {
    char rule[300];
    ropemap_scaling_format(&spec->scaling, false, rule, sizeof rule);
    if (spec->scaling.rule == ROPEMAP_SCALING_NONE) {
        (void)snprintf(
            text, SENTENCE_BYTES,
            "No scaling rule is in effect: all %d pairs turn at base^(-2i/D), and scores are not multiplied "
            "by anything.",
            (int)to->pairs);
        return;
    }
    char scores[160];
    const double square = to->attention * to->attention;
    if (square == 1.0) {
        (void)snprintf(scores, sizeof scores, "its attention factor is 1, so scores stay as they are");
    } else {
        (void)snprintf(scores, sizeof scores,
                       "its attention factor multiplies the rotated part of every score by %.6g, which %s "
                       "attention and moves no zero",
                       square, square > 1.0 ? "sharpens" : "flattens");
    }
    (void)snprintf(
        text, SENTENCE_BYTES,
        "The rule %.200s slows %d of %d pairs and leaves the others as they were: the first zero moves from "
        "%s to %s; %s.",
        rule, (int)to->slowed, (int)to->pairs, tokens(to->plain.reach).text, tokens(to->own.reach).text,
        scores);
}

static void say(const ropemap_spec *spec, explanation *to) {
    const words reach = tokens(to->own.reach), half = tokens(to->own.half), less = tokens(to->reach_less);
    const words more = tokens(to->reach_more), narrow = tokens(to->reach_half_dim);
    const words wide = tokens(to->reach_double_dim);
    (void)snprintf(
        to->sentence[0], SENTENCE_BYTES,
        "With base %.10g and %d rotated of %d dimensions, the similarity that rotation leaves of two equal "
        "tokens first falls below one half at %s, and below zero at %s.",
        spec->base, 2 * (int)to->pairs, (int)spec->head_dim, half.text, reach.text);
    if (to->falls_to != 0.0) {
        (void)snprintf(to->sentence[1], SENTENCE_BYTES,
                       "The base sets how far that is: base %.4g gives %s, base %.4g %s; but not "
                       "in step, for "
                       "from base %.6g to %.6g the first zero falls from %" PRId64 " to %" PRId64 " tokens.",
                       to->less, less.text, to->more, more.text, to->falls_from, to->falls_to,
                       to->falls_reach_from, to->falls_reach_to);
    } else {
        (void)snprintf(to->sentence[1], SENTENCE_BYTES,
                       "The base sets how far that is: base %.4g gives %s, base %.4g %s.", to->less,
                       less.text, to->more, more.text);
    }
    if (to->reach_half_dim > 0 || to->reach_double_dim > 0) {
        (void)snprintf(
            to->sentence[2], SENTENCE_BYTES,
            "The head dimension matters as well: at this base, unscaled, %d dimensions reach %s and %d reach "
            "%s.",
            (int)spec->head_dim / 2, narrow.text, (int)spec->head_dim * 2, wide.text);
    } else {
        (void)snprintf(to->sentence[2], SENTENCE_BYTES,
                       "The head dimension matters as well: more pairs fill the gaps between wavelengths.");
    }
    say_scaling(spec, to, to->sentence[3]);
    if (to->least_base > 0.0) {
        (void)snprintf(to->sentence[4], SENTENCE_BYTES,
                       "The least base that keeps the sum of cosines from falling below zero within %" PRId64
                       " tokens is %.4g; base %.4g itself %s.",
                       to->length, to->least_base, spec->base,
                       to->own.reach == 0 || to->own.reach >= to->length ? "holds that length"
                                                                         : "does not hold that length");
    } else {
        (void)snprintf(
            to->sentence[4], SENTENCE_BYTES,
            "No base from 100 to 1e10 keeps the sum of cosines from falling below zero within %" PRId64
            " tokens.",
            to->length);
    }
}

static int print_json(const ropemap_spec *spec, const explanation *found) {
    json_t *sentences = json_array();
    for (int i = 0; i < SENTENCES; i++) {
        (void)json_array_append_new(sentences, document_text(found->sentence[i]));
    }
    return document_print(json_pack(
        "{s:s, s:s, s:o, s:f, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:f, s:I, s:f}", "schema",
        "ropemap.explain/1", "version", ropemap_version(), "sentences", sentences, "base", spec->base,
        "head_dim", (int)spec->head_dim, "first_negative", (json_int_t)found->own.reach, "half",
        (json_int_t)found->own.half, "first_negative_unscaled", (json_int_t)found->plain.reach,
        "first_negative_tenth_base", (json_int_t)found->reach_less, "first_negative_ten_times_base",
        (json_int_t)found->reach_more, "first_negative_half_dim", (json_int_t)found->reach_half_dim,
        "first_negative_double_dim", (json_int_t)found->reach_double_dim, "pairs", (int)found->pairs,
        "pairs_slowed", (int)found->slowed, "attention_factor", found->attention, "length",
        (json_int_t)found->length, "least_base", found->least_base));
}

/* ---- the command --------------------------------------------------------------------------------------- */

static ropemap_status work(explain_options *options, int *code, ropemap_error *error) {
    static explanation found; /* large */
    cli_progress progress = progress_start(options->quiet);
    ropemap_status status = rule_options_resolve(&options->rule, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    ropemap_spec *spec = &options->rule.spec;
    const int64_t trained =
        options->rule.opened != NULL ? ropemap_model_trained_length(options->rule.opened) : 0;
    if ((options->rule.given & RULE_LENGTH) != 0 && spec->length < 2.0) {
        return fail(error, ROPEMAP_USAGE, "--length: %.0f, expected 2 tokens or more", spec->length);
    }
    const int64_t most = spec->scaling.rule == ROPEMAP_SCALING_NONE ? LENGTH_SMOOTH : LENGTH_BENT;
    found.length = spec->length >= 2.0 ? (int64_t)spec->length : trained >= 2 ? trained : LENGTH_USUAL;
    spec->length = (double)found.length;
    found.length = found.length < most ? found.length : most;
    signals_hold();
    status = work_out(spec, &progress, &found, error);
    progress_end(&progress);
    signals_release();
    if (status == ROPEMAP_OK) {
        say(spec, &found);
        for (int i = 0; i < SENTENCES && !options->json; i++) {
            (void)printf("%s\n", found.sentence[i]);
        }
        *code = options->json ? print_json(spec, &found) : finish_stdout();
    }
    return status;
}

static int run(int argc, char **argv) {
    explain_options options = {.rule = rule_options_default()};
    ropemap_error error = {.status = ROPEMAP_OK};
    bool help = false;
    int code = ROPEMAP_OK;
    ropemap_status status = options_parse(&command_explain, argc, argv, &options, &help, &error);
    if (status == ROPEMAP_OK && help) {
        return help_command(&command_explain);
    }
    status = status == ROPEMAP_OK ? work(&options, &code, &error) : status;
    rule_options_free(&options.rule);
    return status == ROPEMAP_OK ? code : options_report(&command_explain, status, &error);
}

static void notes(void) {
    (void)printf(
        "\nThe last sentence is about --length, else the model's trained length, else 32768 tokens.\n");
}

const cli_command command_explain = {
    .name = "explain",
    .summary = "say in five sentences what a rule does to similarity",
    .usage = "[--model PATH | --preset NAME] [what]",
    .examples = "  ropemap explain -b 5e5\n"
                "  ropemap explain --preset llama3.1-8b --json\n",
    .takes_rule = true,
    .options = options_table,
    .notes = notes,
    .run = run,
};
