/* command_explain.c - ropemap explain */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/decay/decay.h"
#include "tools/ropemap/documents.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/number.h"
#include "tools/ropemap/run.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct words {
    char text[ROPEMAP_NUMBER_TEXT + 40];
} words;

/* "at 361 tokens", of a first zero. */
static words place(int64_t reach) {
    words out;
    (void)snprintf(out.text, sizeof out.text, reach > 0 ? "at %s tokens" : "nowhere below %s tokens",
                   number_in_words((double)(reach > 0 ? reach : EXPLAIN_LIMIT)).text);
    return out;
}

/* "first drop below half similarity 46 tokens apart and below zero 1,707 tokens apart", or what they do
 * instead; floor: what no distance takes similarity below. */
static void put_drops(const ropemap_reach *found, double floor, char *text, size_t size) {
    const number_words half = number_in_words((double)found->half), end = number_in_words(EXPLAIN_LIMIT);
    if (floor >= 0.5) {
        (void)snprintf(text, size, "never drop below half similarity");
    } else if (found->half > 0 && floor >= 0.0) {
        (void)snprintf(text, size, "first drop below half similarity %s tokens apart and never below zero",
                       half.text);
    } else if (found->half == 0) {
        (void)snprintf(text, size, "stay above half similarity over the first %s tokens", end.text);
    } else if (found->reach == 0) {
        (void)snprintf(
            text, size,
            "first drop below half similarity %s tokens apart and stay at or above zero over the first "
            "%s tokens",
            half.text, end.text);
    } else {
        (void)snprintf(text, size,
                       "first drop below half similarity %s tokens apart and below zero %s tokens apart",
                       half.text, number_in_words((double)found->reach).text);
    }
}

/* " with YaRN scaling by 32", of a rule that scales, and the length that it is for where that changes it. */
static void put_with(const ropemap_spec *spec, char *text, size_t size) {
    const ropemap_scaling_rule rule = spec->scaling.rule;
    char title[ROPEMAP_SCALING_TITLE];
    ropemap_scaling_title(title, &spec->scaling);
    const int length = snprintf(text, size, "%s%s", title[0] != '\0' ? " with " : "", title);
    if (rule == ROPEMAP_SCALING_DYNAMIC || rule == ROPEMAP_SCALING_LONGROPE) {
        (void)snprintf(text + length, size - (size_t)length, " at a length of %s",
                       number_in_words(spec->length).text);
    }
}

static bool is_same(const ropemap_reach *one, const ropemap_reach *other) {
    return one->half == other->half && one->reach == other->reach;
}

/* Neither half nor zero was met: that says nothing of how fast similarity falls. */
static bool is_beyond(const ropemap_reach *reach) {
    return reach->half == 0 && reach->reach == 0;
}

static void say_reach(const ropemap_spec *spec, const explanation *to, char *text) {
    char drops[200], with[ROPEMAP_SCALING_TITLE + 80], rotated[280] = "";
    put_with(spec, with, sizeof with);
    const bool same = is_same(&to->own, &to->at_less) && is_same(&to->own, &to->at_more);
    put_drops(&to->own, to->floor, drops, sizeof drops);
    if (2 * to->pairs < spec->head_dim) {
        char alone[200];
        put_drops(&to->rotated, -1.0, alone, sizeof alone);
        (void)snprintf(rotated, sizeof rotated, "; of the %d rotated dimensions alone, they %s",
                       2 * (int)to->pairs, alone);
    }
    (void)snprintf(text, EXPLAIN_SENTENCE_BYTES,
                   "The base %s. At base %s%s (head dim %d), two identical "
                   "tokens %s%s.",
                   !same || (rotated[0] == '\0' && is_beyond(&to->own)) ? "sets how fast similarity falls"
                   : rotated[0] == '\0'                                 ? "makes no difference here"
                                        : "sets how fast the similarity of the rotated dimensions falls",
                   number_in_words(spec->base).text, with, (int)spec->head_dim, drops, rotated);
}

/* No first zero is further than any; of two that are beyond what was searched nothing speaks against it. */
static bool is_further(const ropemap_reach *one, const ropemap_reach *than) {
    return one->reach == 0 || (than->reach > 0 && one->reach > than->reach);
}

/* Bases next to 1 have no tenth. */
static void say_base(const ropemap_spec *spec, const explanation *to, char *text) {
    char smaller[80] = "base 10x smaller";
    if (!(spec->base > 10.0)) {
        (void)snprintf(smaller, sizeof smaller, "base of %s", number_in_words(to->less).text);
    }
    if (to->floor >= 0.0) {
        (void)snprintf(
            text, EXPLAIN_SENTENCE_BYTES,
            "Similarity is the mean of a cosine a pair of dimensions, and each pair turns at its "
            "own speed. A larger base slows the slow pairs. The %d dimensions that do not rotate keep "
            "similarity at %.2g or more at every distance.",
            (int)spec->head_dim - 2 * (int)(to->pairs - to->stopped), to->floor);
        return;
    }
    if (to->pairs == 1) {
        (void)snprintf(
            text, EXPLAIN_SENTENCE_BYTES,
            "Similarity is the cosine of the one pair of dimensions, the fastest, which turns by one "
            "radian a token whatever the base.");
        return;
    }
    const bool lasts = is_further(&to->own, &to->at_less) && is_further(&to->at_more, &to->own);
    const int length = snprintf(
        text, EXPLAIN_SENTENCE_BYTES,
        "Similarity is the mean of a cosine a pair of dimensions, and each pair "
        "turns at its own speed. A larger base slows the slow pairs, %s: the first zero is %s with a "
        "%s, and %s with one 10x larger.",
        to->own.reach == 0 && to->at_less.reach == 0 && to->at_more.reach == 0 ? "but here none reaches zero"
        : lasts                                                                ? "so similarity lasts longer"
                : "which here does not always move the first zero out",
        place(to->at_less.reach).text, smaller, place(to->at_more.reach).text);
    if (to->falls_to != 0.0) {
        (void)snprintf(text + length, EXPLAIN_SENTENCE_BYTES - (size_t)length,
                       " The first zero is jagged: raising the base from %s to %s moves it back from %s to "
                       "%s tokens. Trust the trend over a wide range, not a single step.",
                       number_in_words(to->falls_from).text, number_in_words(to->falls_to).text,
                       number_in_words((double)to->falls_reach_from).text,
                       number_in_words((double)to->falls_reach_to).text);
    }
}

static void say_head_dim(const ropemap_spec *spec, const explanation *to, char *text) {
    if (to->reach_half_dim > 0 || to->reach_double_dim > 0) {
        (void)snprintf(
            text, EXPLAIN_SENTENCE_BYTES,
            "Head dimension matters too: the first zero is %s with d = %d, and %s with d = %d (same "
            "base, no scaling).",
            place(to->reach_half_dim).text, (int)spec->head_dim / 2, place(to->reach_double_dim).text,
            (int)spec->head_dim * 2);
    } else {
        (void)snprintf(text, EXPLAIN_SENTENCE_BYTES,
                       "Head dimension matters too: more pairs fill the gaps between wavelengths.");
    }
}

static void say_least(const ropemap_spec *spec, const explanation *to, char *text) {
    const number_words length = number_in_words((double)to->length), base = number_in_words(spec->base);
    const bool holds = to->own.reach == 0 || to->own.reach >= to->length;
    char with[ROPEMAP_SCALING_TITLE + 80];
    put_with(spec, with, sizeof with);
    if (!to->has_least) {
        text[0] = '\0';
    } else if (to->least_is_edge) {
        (void)snprintf(text, EXPLAIN_SENTENCE_BYTES,
                       "Every base above 1 keeps similarity non-negative within %s tokens, base %s included.",
                       length.text, base.text);
    } else if (to->least_base > 0.0) {
        (void)snprintf(
            text, EXPLAIN_SENTENCE_BYTES,
            "Smallest base that keeps similarity non-negative within %s tokens%s: %s%s. Base %s %s.",
            length.text, with, number_end(to->least_base, to->least_high, true).text,
            to->least_is_lasting ? "" : ", though not every larger one does", base.text,
            holds                         ? "does"
            : spec->base < to->least_base ? "is too small"
                                          : "does not");
    } else {
        (void)snprintf(text, EXPLAIN_SENTENCE_BYTES,
                       "No base from 1 to 10,000,000,000 keeps similarity non-negative within %s tokens%s.",
                       length.text, with);
    }
}

/* "original length 4,096" of "original=4096" and what follows, up to `past`. Returns its length. */
static int put_parameter(const char *key, const char *past, char *text, size_t size) {
    static const char *const names[][2] = {{"original", "original length"}, {"max", "maximum length"},
                                           {"attn", "attention factor"},    {"attention", "attention factor"},
                                           {"beta-fast", "beta fast"},      {"beta-slow", "beta slow"}};
    const size_t length = strcspn(key, "=");
    const char *value = key + length + 1, *name = NULL;
    char *end = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names && name == NULL; i++) {
        const bool is_it = strlen(names[i][0]) == length && memcmp(names[i][0], key, length) == 0;
        name = is_it ? names[i][1] : NULL;
    }
    if (strncmp(key, "untruncated=", 12) == 0) {
        return snprintf(text, size, "ramp not rounded");
    }
    const double number = strtod(value, &end);
    const number_words grouped = number_in_words(number);
    return snprintf(text, size, "%.*s %.*s", name != NULL ? 40 : (int)length, name != NULL ? name : key,
                    end == past ? 40 : (int)(past - value), end == past ? grouped.text : value);
}

/* "YaRN scaling (factor 32, original length 4,096)" of a scaling's text "yarn:factor=32,original=4096". */
static void put_rule(const ropemap_scaling *scaling, char *text, size_t size) {
    char rule[400], title[ROPEMAP_SCALING_TITLE];
    ropemap_scaling_format(scaling, false, rule, sizeof rule);
    ropemap_scaling_title(title, scaling);
    const char *at = rule + strcspn(rule, ":"), *by = strstr(title, " scaling");
    int length = snprintf(text, size, "%.*s", by != NULL ? (int)(by - title) + 8 : (int)sizeof title, title);
    text[0] = (char)toupper((unsigned char)text[0]);
    for (const char *before = " ("; *at != '\0'; before = ", ") {
        const char *key = at + 1;
        at = key + strcspn(key, ",");
        length += snprintf(text + length, size - (size_t)length, "%s", before);
        length += put_parameter(key, at, text + length, size - (size_t)length);
        (void)snprintf(text + length, size - (size_t)length, *at == '\0' ? ")" : "");
    }
}

static void say_scaling(const ropemap_spec *spec, const explanation *to, char *text) {
    const double square = to->attention * to->attention;
    char rule[500], scores[160] = "";
    if (spec->scaling.rule == ROPEMAP_SCALING_NONE) {
        (void)snprintf(text, EXPLAIN_SENTENCE_BYTES,
                       "No scaling: pair i turns by base^(-2i/%d) radians a token.", 2 * (int)to->pairs);
        return;
    }
    put_rule(&spec->scaling, rule, sizeof rule);
    if (square != 1.0) {
        (void)snprintf(scores, sizeof scores, " It also scales %s by %.3g, which %s.",
                       2 * to->pairs == spec->head_dim ? "scores" : "the rotated part of scores", square,
                       2 * to->pairs == spec->head_dim ? "does not move zeros"
                                                       : "weighs it against the rest of the head");
    }
    const bool stops = to->stopped > 0 && to->slowed == to->stopped;
    const int length =
        snprintf(text, EXPLAIN_SENTENCE_BYTES, "%s %s %d of %d pairs%s", rule, stops ? "holds" : "slows",
                 (int)to->slowed, (int)to->pairs, stops ? " still" : "");
    if (to->floor < 0.0) {
        (void)snprintf(text + length, EXPLAIN_SENTENCE_BYTES - (size_t)length,
                       ": the first zero is %s, and %s without it.%s", place(to->own.reach).text,
                       place(to->plain.reach).text, scores);
    } else {
        (void)snprintf(text + length, EXPLAIN_SENTENCE_BYTES - (size_t)length, ".%s", scores);
    }
}

static void say(const ropemap_spec *spec, explanation *to) {
    say_reach(spec, to, to->sentence[0]);
    say_base(spec, to, to->sentence[1]);
    say_head_dim(spec, to, to->sentence[2]);
    say_scaling(spec, to, to->sentence[3]);
    say_least(spec, to, to->sentence[4]);
}

static json_t *row_of(double base, const ropemap_reach *found) {
    return json_pack("{s:f, s:o, s:o}", "base", base, "half", document_count(found->half), "first_negative",
                     document_count(found->reach));
}

static json_t *document(const void *options, const void *made) {
    const ropemap_spec *spec = &((const explain_options *)options)->rule.spec;
    const explanation *found = made;
    json_t *sentences = json_array();
    for (int i = 0; i < EXPLAIN_SENTENCES && found->sentence[i][0] != '\0'; i++) {
        (void)json_array_append_new(sentences, document_text(found->sentence[i]));
    }
    return json_pack(
        "{s:s, s:s, s:o, s:[o, o, o], s:f, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:f, "
        "s:I, s:f, s:o, "
        "s:b,s:b}",
        "schema", "ropemap.explain/1", "version", ropemap_version(), "sentences", sentences, "bases",
        row_of(found->less, &found->at_less), row_of(spec->base, &found->own),
        row_of(found->more, &found->at_more), "base", spec->base, "head_dim", (int)spec->head_dim,
        "first_negative", (json_int_t)found->own.reach, "half", (json_int_t)found->own.half,
        "first_negative_rotated", (json_int_t)found->rotated.reach, "half_rotated",
        (json_int_t)found->rotated.half, "first_negative_unscaled", (json_int_t)found->plain.reach,
        "first_negative_tenth_base", (json_int_t)found->at_less.reach, "first_negative_ten_times_base",
        (json_int_t)found->at_more.reach, "first_negative_half_dim", (json_int_t)found->reach_half_dim,
        "first_negative_double_dim", (json_int_t)found->reach_double_dim, "pairs", (int)found->pairs,
        "pairs_slowed", (int)found->slowed, "attention_factor", found->attention, "length",
        (json_int_t)found->length, "similarity_floor", found->floor, "least_base",
        found->has_least ? json_real(found->least_base) : json_null(), "least_base_is_edge",
        found->has_least && found->least_is_edge, "all_larger_hold",
        found->has_least && found->least_is_lasting);
}

enum {
    LENGTH_SMOOTH = 1 << 20,
    LENGTH_BENT = 1 << 17
}; /* most tokens that the least base is found for, in seconds */

enum { LENGTH_USUAL = 32768, NEIGHBOURS = 24 };

static ropemap_status look(const ropemap_spec *spec, const explain_options *options, ropemap_reach *found,
                           ropemap_error *error) {
    return ropemap_bound_reach(spec, EXPLAIN_LIMIT, options->threads, call_tell, options->call, found, error);
}

static ropemap_status reach_of(ropemap_spec spec, const explain_options *options, int64_t *reach,
                               ropemap_error *error) {
    ropemap_reach found = {0};
    const ropemap_status status = look(&spec, options, &found, error);
    *reach = found.reach;
    return status;
}

/* The first base, in small steps up from the rule's own, that reaches less far than the one before it. */
static ropemap_status find_fall(const ropemap_spec *spec, const explain_options *options, explanation *to,
                                ropemap_error *error) {
    ropemap_spec other = *spec;
    int64_t before = to->own.reach;
    ropemap_status status = ROPEMAP_OK;
    for (int i = 1; i <= NEIGHBOURS && status == ROPEMAP_OK && to->falls_to == 0.0 && before > 0; i++) {
        const double last = other.base;
        int64_t reach = 0;
        char text[40]; /* to three digits, since that is the base that is told */
        (void)snprintf(text, sizeof text, "%.3g", spec->base * pow(1.05, i));
        other.base = strtod(text, NULL);
        status = reach_of(other, options, &reach, error);
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
    ropemap_freqs own, plain;
    ropemap_spec other = *spec;
    other.scaling = (ropemap_scaling){.rule = ROPEMAP_SCALING_NONE};
    ropemap_status status = ropemap_freqs_make(spec, &own, error);
    status = status == ROPEMAP_OK ? ropemap_freqs_make(&other, &plain, error) : status;
    if (status == ROPEMAP_OK) {
        to->pairs = own.pairs;
        to->attention = own.attention_factor;
        for (int32_t i = 0; i < own.pairs; i++) {
            to->slowed += own.step[i] < plain.step[i] - (plain.step[i] >> 20);
            to->stopped += own.step[i] == 0;
        }
        const double weight = 2.0 * own.attention_factor * own.attention_factor;
        const double still = (double)spec->head_dim - 2.0 * own.pairs + weight * to->stopped;
        const double turns = weight * (own.pairs - to->stopped);
        to->floor = (still - turns) / (still + turns);
    }
    return status;
}

static ropemap_status find_least(const ropemap_spec *spec, const explain_options *options, explanation *to,
                                 ropemap_error *error) {
    ropemap_window window;
    int32_t count = 0;
    const ropemap_bound_request request = {.spec = *spec,
                                           .length = to->length,
                                           .threads = options->threads,
                                           .progress = call_tell,
                                           .progress_user = options->call};
    const ropemap_status status = ropemap_bound_bases(&request, &window, 1, &count, error);
    to->has_least = status == ROPEMAP_OK;
    to->least_base = count > 0 ? window.low : 0.0;
    to->least_high = count > 0 ? window.high : 0.0;
    to->least_is_edge = count > 0 && window.low_is_edge;
    to->least_is_lasting = count > 0 && window.high_is_edge;
    return status;
}

/* How far the rotated part of a head reaches without the rest. */
static ropemap_status find_rotated(const ropemap_spec *spec, const explain_options *options, explanation *to,
                                   ropemap_error *error) {
    ropemap_spec part = *spec;
    to->rotated = to->own;
    if (spec->rotary_dim == 0 || spec->rotary_dim == spec->head_dim) {
        return ROPEMAP_OK;
    }
    part.head_dim = spec->rotary_dim;
    return look(&part, options, &to->rotated, error);
}

static ropemap_status work_out(const ropemap_spec *spec, const explain_options *options, explanation *to,
                               ropemap_error *error) {
    ropemap_spec other = *spec;
    ropemap_status status = look(spec, options, &to->own, error);
    status = status == ROPEMAP_OK ? find_rotated(spec, options, to, error) : status;
    other.scaling = (ropemap_scaling){.rule = ROPEMAP_SCALING_NONE};
    to->plain = to->own;
    if (status == ROPEMAP_OK && spec->scaling.rule != ROPEMAP_SCALING_NONE) {
        status = look(&other, options, &to->plain, error);
    }
    other = *spec;
    to->more = fmin(10.0 * spec->base, 1e30);
    to->less = spec->base / 10.0 > 1.0 ? spec->base / 10.0 : 1.0 + (spec->base - 1.0) / 10.0;
    other.base = to->more;
    status = status == ROPEMAP_OK ? look(&other, options, &to->at_more, error) : status;
    other.base = to->less;
    status = status == ROPEMAP_OK ? look(&other, options, &to->at_less, error) : status;
    ropemap_spec narrow = *spec; /* lists of divisors are for one dimension alone */
    narrow.scaling = (ropemap_scaling){.rule = ROPEMAP_SCALING_NONE};
    narrow.rotary_dim = spec->rotary_dim != 0 ? spec->rotary_dim : spec->head_dim;
    const int32_t rotates = narrow.rotary_dim;
    if (rotates % 4 == 0 && spec->head_dim % 4 == 0 && spec->head_dim >= 8 &&
        2 * spec->head_dim <= ROPEMAP_MAX_HEAD_DIM) {
        narrow.head_dim = spec->head_dim / 2;
        narrow.rotary_dim = rotates / 2;
        status = status == ROPEMAP_OK ? reach_of(narrow, options, &to->reach_half_dim, error) : status;
        narrow.head_dim = spec->head_dim * 2;
        narrow.rotary_dim = rotates * 2;
        status = status == ROPEMAP_OK ? reach_of(narrow, options, &to->reach_double_dim, error) : status;
    }
    status = status == ROPEMAP_OK ? find_fall(spec, options, to, error) : status;
    status = status == ROPEMAP_OK ? count_slowed(spec, to, error) : status;
    return status == ROPEMAP_OK && !options->quick ? find_least(spec, options, to, error) : status;
}

/* The rule, and the length that is looked at. */
static ropemap_status prepare(explain_options *options, explanation *to, ropemap_error *error) {
    if (options->rule.frequencies != NULL) {
        return fail(error, ROPEMAP_USAGE,
                    "--frequencies: explain is about a base, and a table has none; `ropemap bound` shows how "
                    "far it reaches");
    }
    const ropemap_status status = rule_options_resolve(&options->rule, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    ropemap_spec *spec = &options->rule.spec;
    if (!ropemap_axes_apart(&spec->axes)) {
        spec->axes = (ropemap_axes){.count = 0}; /* a distance is the same on all: other heads may be tried */
    }
    const int64_t trained =
        options->rule.opened != NULL ? ropemap_model_trained_length(options->rule.opened) : 0;
    if ((options->rule.given & RULE_LENGTH) != 0 && spec->length < 2.0) {
        return fail(error, ROPEMAP_USAGE, "--length: %.0f is out of range; give 2 tokens or more",
                    spec->length);
    }
    const int64_t most = spec->scaling.rule == ROPEMAP_SCALING_NONE ? LENGTH_SMOOTH : LENGTH_BENT;
    to->length = spec->length >= 2.0 ? (int64_t)spec->length : trained >= 2 ? trained : LENGTH_USUAL;
    spec->length = (double)to->length;
    to->length = to->length < most ? to->length : most;
    return ROPEMAP_OK;
}

static ropemap_status make(void *given, cli_call *call, void *made, ropemap_error *error) {
    explain_options *options = given;
    options->call = call;
    ropemap_status status = prepare(options, made, error);
    status = status == ROPEMAP_OK ? work_out(&options->rule.spec, options, made, error) : status;
    if (status == ROPEMAP_OK) {
        say(&options->rule.spec, made);
    }
    return status;
}

ropemap_status explain_least(explain_options *options, explanation *to, ropemap_error *error) {
    const ropemap_status status = prepare(options, to, error);
    return status == ROPEMAP_OK ? find_least(&options->rule.spec, options, to, error) : status;
}

static const cli_option explain_rows[] = {
    {.group = GROUP_WHAT,
     .name = "quick",
     .help =
         "leave out the last sentence, the least base for a length, which takes seconds where that is long",
     .type = OPTION_FLAG,
     .offset = offsetof(explain_options, quick)},
    OPTION_JSON(offsetof(explain_options, json),
                "print JSON of schema ropemap.explain/1: the sentences, and every number in them"),
    OPTION_QUIET(offsetof(explain_options, quiet), "show no progress"),
    {.name = NULL},
};

static void print(const void *options, const void *made) {
    const explanation *found = made;
    (void)options;
    for (int i = 0; i < EXPLAIN_SENTENCES && found->sentence[i][0] != '\0'; i++) {
        (void)printf("%s\n", found->sentence[i]);
    }
}

static void notes(void) {
    (void)printf(
        "\nSimilarity is S(r) of the whole head, as a share of S(0), as in curve and bound.\n"
        "The last sentence is about --length, else the model's trained length, else 32768 tokens.\n");
}

static const cli_result result = {
    .size = sizeof(explanation), .answers = true, .make = make, .document = document, .print = print};

const cli_command command_explain = {
    .name = "explain",
    .summary = "explain in words how fast a rule makes similarity fall",
    .usage = "[--model PATH | --preset NAME] [what]",
    .examples = "  ropemap explain -b 5e5\n"
                "  ropemap explain --preset llama3.1-8b --json\n",
    .blocks = {{rule_rows, offsetof(explain_options, rule)},
               {explain_rows, 0},
               {thread_rows, offsetof(explain_options, threads)}},
    .notes = notes,
    .size = sizeof(explain_options),
    .work = result_work,
    .result = &result,
};
