/* command_plan.c - ropemap plan: which base, or which factor of a scaling rule, a context length needs */
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

enum { LENGTH_MOST = 1 << 24, REACH_LIMIT = 1 << 22, ORIGINAL_USUAL = 4096 };

static const double HIGHEST_BASE = 1e16;

/* ---- what is tried ------------------------------------------------------------------------------------- */

/* The base with the rule's own scaling, then factors of these. */
static const ropemap_scaling_rule rules[PLAN_CHOICES] = {ROPEMAP_SCALING_NONE, ROPEMAP_SCALING_LINEAR,
                                                         ROPEMAP_SCALING_NTK, ROPEMAP_SCALING_YARN,
                                                         ROPEMAP_SCALING_LLAMA3};

static const char *change_choice(int index) {
    return index == 0              ? "all"
           : index == 1            ? "base"
           : index <= PLAN_CHOICES ? ropemap_scaling_name(rules[index - 1])
                                   : NULL;
}

/* "base", "linear", ... */
static const char *plan_name(const plan_choice *choice) {
    return choice->of_factor ? ropemap_scaling_name(choice->spec.scaling.rule) : "base";
}

/* A scaling of that rule: the model's own without its factor, or the usual parameters. */
static ropemap_scaling scaling_of(ropemap_scaling_rule rule, const ropemap_scaling *own, double original) {
    ropemap_scaling scaling = {.rule = rule};
    if (own->rule == rule) {
        scaling = *own;
        scaling.max_length = 0.0;
    } else if (rule == ROPEMAP_SCALING_LLAMA3) {
        scaling.low_freq_factor = 1.0;
        scaling.high_freq_factor = 4.0;
    }
    if (rule == ROPEMAP_SCALING_LLAMA3 || rule == ROPEMAP_SCALING_YARN) {
        scaling.original_length = original;
    }
    return scaling;
}

double plan_least(double low, double high, bool of_factor) {
    const int before = (int)floor(log10(low)) + 1; /* digits before the point */
    for (int digits = low >= (of_factor ? 1e4 : 10.0) ? before : 5; digits < 16; digits++) {
        char text[40];
        const double unit = pow(10.0, before - digits);
        (void)snprintf(text, sizeof text, "%.*g", digits, ceil(low / unit) * unit);
        const double value = strtod(text, NULL);
        if (value >= low && value <= high) {
            return value;
        }
    }
    return low;
}

/* The least of the first window; that of the rule where a window has it. */
static void choose_value(double own, plan_choice *choice) {
    for (int i = 0; i < choice->count && !choice->held; i++) {
        choice->held = own >= choice->windows[i].low && own <= choice->windows[i].high;
    }
    if (choice->count > 0) {
        choice->value = choice->held
                            ? own
                            : plan_least(choice->windows[0].low, choice->windows[0].high, choice->of_factor);
        *(choice->of_factor ? &choice->spec.scaling.factor : &choice->spec.base) = choice->value;
    }
}

static ropemap_status try_choice(const plan_options *options, const plan_results *results, int index,
                                 plan_choice *choice, ropemap_error *error) {
    const ropemap_spec *spec = &options->rule.spec;
    choice->spec = *spec;
    choice->of_factor = index > 0;
    if (choice->of_factor) {
        choice->spec.scaling = scaling_of(rules[index], &spec->scaling, results->original);
    }
    const bool given = options->bases.given;
    const ropemap_bound_request request = {.spec = choice->spec,
                                           .of_factor = choice->of_factor,
                                           .keep = options->keep,
                                           .length = results->length,
                                           .low = !choice->of_factor && given ? options->bases.low : 0.0,
                                           .high = choice->of_factor ? 0.0
                                                   : given           ? options->bases.high
                                                                     : HIGHEST_BASE,
                                           .resolution = options->resolution,
                                           .threads = options->threads,
                                           .progress = call_tell,
                                           .progress_user = options->call};
    ropemap_status status =
        ropemap_bound_bases(&request, choice->windows, options->windows, &choice->count, error);
    const double own = !choice->of_factor                           ? spec->base
                       : spec->scaling.rule == rules[index]         ? spec->scaling.factor
                       : spec->scaling.rule == ROPEMAP_SCALING_NONE ? 1.0
                                                                    : 0.0;
    choose_value(own, choice);
    if (status == ROPEMAP_OK && choice->count > 0) {
        status = ropemap_bound_reach(&choice->spec, REACH_LIMIT, options->threads, call_tell, options->call,
                                     &choice->reach, error);
    }
    return status;
}

/* The length that a model was made for, before any scaling. */
static void take_original(const plan_options *options, plan_results *results) {
    const rule_options *rule = &options->rule;
    const double trained = rule->opened != NULL ? (double)ropemap_model_trained_length(rule->opened) : 0.0;
    const double own = rule->spec.scaling.original_length;
    results->original = options->original > 0 ? (double)options->original
                        : own > 0.0           ? own
                        : trained > 0.0       ? trained
                                              : ORIGINAL_USUAL;
    results->assumed = options->original == 0 && own == 0.0 && trained == 0.0;
}

static ropemap_status make(void *given, cli_call *call, void *made, ropemap_error *error) {
    plan_options *options = given;
    plan_results *results = made;
    options->call = call;
    ropemap_status status = rule_options_resolve(&options->rule, error);
    ropemap_spec *spec = &options->rule.spec;
    if (status == ROPEMAP_OK && options->rule.frequencies != NULL) {
        return fail(error, ROPEMAP_USAGE, "--frequencies: a table has no base to plan; leave it out");
    }
    if (status == ROPEMAP_OK && (options->rule.given & RULE_LENGTH) == 0) {
        return fail(error, ROPEMAP_USAGE,
                    "--length is missing; give the tokens that are to hold, such as 128k");
    }
    if (status == ROPEMAP_OK && (spec->length < 2.0 || spec->length > LENGTH_MOST)) {
        return fail(error, ROPEMAP_USAGE, "--length: %.0f is out of range; give 2 to %d", spec->length,
                    LENGTH_MOST);
    }
    if (!ropemap_axes_apart(&spec->axes)) {
        spec->axes = (ropemap_axes){.count = 0}; /* a distance is the same on all */
    }
    results->length = (int64_t)spec->length;
    results->base = spec->base;
    take_original(options, results);
    for (int i = 0; i < PLAN_CHOICES && status == ROPEMAP_OK; i++) {
        if (options->only == 0 || options->only == i + 1) {
            results->choices[results->count].of_factor = i > 0;
            status = try_choice(options, results, i, &results->choices[results->count++], error);
        }
    }
    return status;
}

/* ---- text ---------------------------------------------------------------------------------------------- */

/* "4,869,105 to 4,903,012; 5,001,234 and more" */
static void print_windows(const plan_options *options, const plan_choice *choice) {
    for (int i = 0; i < choice->count; i++) {
        const ropemap_window *window = &choice->windows[i];
        const number_words low = number_end(window->low, window->high, true),
                           high = number_end(window->low, window->high, false);
        (void)printf("%s%s", i > 0 ? "; " : "", window->low_is_edge ? "" : low.text);
        if (window->low_is_edge && window->high_is_edge) {
            (void)printf("any");
        } else if (window->low_is_edge) {
            (void)printf("up to %s", high.text);
        } else if (window->high_is_edge) {
            (void)printf(" and more");
        } else {
            (void)printf(" to %s", high.text);
        }
    }
    (void)printf("%s\n", choice->count == options->windows && !choice->windows[choice->count - 1].high_is_edge
                             ? "; ..."
                             : "");
}

static void print_choice(const plan_options *options, const plan_choice *choice) {
    const char *name = plan_name(choice);
    if (choice->count == 0) {
        (void)printf("%-14s none up to %s\n", name,
                     choice->of_factor      ? "10,000"
                     : options->bases.given ? number_in_words(options->bases.high).text
                                            : number_in_words(HIGHEST_BASE).text);
        return;
    }
    const number_words value = number_in_words(choice->value),
                       half = number_in_words((double)choice->reach.half);
    (void)printf("%-14s %-16s %12s %12s  ", name, value.text, choice->reach.half > 0 ? half.text : "none",
                 choice->reach.reach > 0 ? number_in_words((double)choice->reach.reach).text : "none");
    print_windows(options, choice);
}

static void print_flags(const plan_options *options, const plan_results *results, const plan_choice *choice) {
    plan_flags flags;
    if (choice->count == 0 || choice->held) {
        return;
    }
    plan_flags_make(choice, options->rule.spec.scaling.rule, results->length, &flags);
    (void)printf("\n%s %s\n", choice->of_factor ? plan_name(choice) : "base",
                 number_in_words(choice->value).text);
    const struct {
        const char *name, *text;
    } lines[] = {{"transformers 5", flags.transformers},
                 {"transformers 4", flags.transformers_4},
                 {"vLLM", flags.vllm},
                 {"llama.cpp", flags.llama_cpp}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (lines[i].text[0] != '\0') {
            (void)printf("  %-15s %s\n", lines[i].name, lines[i].text);
        }
    }
    if (flags.note[0] != '\0') {
        (void)printf("  (%s)\n", flags.note);
    }
}

static void print(const void *given, const void *made) {
    const plan_options *options = given;
    const plan_results *results = made;
    const ropemap_spec *spec = &options->rule.spec;
    char scaling[300] = "";
    if (spec->scaling.rule != ROPEMAP_SCALING_NONE) {
        ropemap_scaling_format(&spec->scaling, false, scaling, sizeof scaling);
    }
    (void)printf(
        "Similarity at or above %s of S(0) over %s tokens, from base %s, d = %d%s%s, original length "
        "%s%s:\n\n%-14s %-16s %12s %12s  %s\n",
        number_in_words(options->keep).text, number_in_words((double)results->length).text,
        number_in_words(results->base).text, (int)spec->head_dim, scaling[0] != '\0' ? ", " : "", scaling,
        number_in_words(results->original).text, results->assumed ? " (assumed; give --original)" : "",
        "change", "to", "below half", "below zero", "holds");
    for (int i = 0; i < results->count; i++) {
        print_choice(options, &results->choices[i]);
    }
    for (int i = 0; i < results->count; i++) {
        print_flags(options, results, &results->choices[i]);
    }
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static json_t *text_or_null(const char *text) {
    return text != NULL && text[0] != '\0' ? json_string(text) : json_null();
}

static json_t *flags_object(const plan_options *options, const plan_results *results,
                            const plan_choice *choice) {
    plan_flags flags;
    plan_flags_make(choice, options->rule.spec.scaling.rule, results->length, &flags);
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "transformers", text_or_null(flags.transformers),
                     "transformers_4", text_or_null(flags.transformers_4), "vllm", text_or_null(flags.vllm),
                     "llama_cpp", text_or_null(flags.llama_cpp), "note", text_or_null(flags.note));
}

static json_t *choice_object(const plan_options *options, const plan_results *results,
                             const plan_choice *choice) {
    const bool found = choice->count > 0;
    char scaling[400];
    json_t *windows = json_array();
    for (int i = 0; i < choice->count; i++) {
        const ropemap_window *window = &choice->windows[i];
        (void)json_array_append_new(windows, json_pack("{s:f, s:f, s:b, s:b}", "low", window->low, "high",
                                                       window->high, "low_is_edge", window->low_is_edge,
                                                       "high_is_edge", window->high_is_edge));
    }
    ropemap_scaling_format(&choice->spec.scaling, true, scaling, sizeof scaling);
    return json_pack(
        "{s:s, s:s, s:o, s:b, s:b, s:o, s:f, s:o, s:o, s:o, s:o}", "change", plan_name(choice), "of",
        choice->of_factor ? "factor" : "base", "value", found ? json_real(choice->value) : json_null(),
        "held", choice->held, "all_windows",
        choice->count < options->windows || (found && choice->windows[choice->count - 1].high_is_edge),
        "windows", windows, "base", choice->spec.base, "scaling", found ? json_string(scaling) : json_null(),
        "half", found ? document_count(choice->reach.half) : json_null(), "first_negative",
        found ? document_count(choice->reach.reach) : json_null(), "flags",
        found ? flags_object(options, results, choice) : json_null());
}

static json_t *document(const void *given, const void *made) {
    const plan_options *options = given;
    const plan_results *results = made;
    json_t *choices = json_array();
    for (int i = 0; i < results->count; i++) {
        (void)json_array_append_new(choices, choice_object(options, results, &results->choices[i]));
    }
    return json_pack("{s:s, s:s, s:I, s:f, s:f, s:i, s:f, s:b, s:o}", "schema", "ropemap.plan/1", "version",
                     ropemap_version(), "length", (json_int_t)results->length, "keep", options->keep, "base",
                     results->base, "head_dim", (int)options->rule.spec.head_dim, "original",
                     results->original, "original_is_assumed", results->assumed, "choices", choices);
}

/* ---- the command --------------------------------------------------------------------------------------- */

/* A preset's name, or a path. */
static ropemap_status set_from(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    rule_options *rule = &((plan_options *)into)->rule;
    (void)option;
    (void)error;
    for (int32_t i = 0; ropemap_preset_at(i) != NULL; i++) {
        if (strcmp(ropemap_preset_at(i)->name, text) == 0) {
            rule->preset = text;
            return ROPEMAP_OK;
        }
    }
    rule->model = text;
    return ROPEMAP_OK;
}

static const cli_option plan_rows[] = {
    {.group = GROUP_WHAT,
     .name = "keep",
     .argument = "X",
     .initial = "0",
     .help = "share of S(0) that similarity is to keep up to --length, such as 0.5; 0: it stays non-negative",
     .type = OPTION_REAL,
     .offset = offsetof(plan_options, keep),
     .bounds = &(const cli_bounds){.low = 0, .high = 0.99, .words = "a number from 0 to 0.99"},
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_WHAT,
     .name = "from",
     .argument = "MODEL",
     .help = "the model to extend: a preset's name, else as --model",
     .type = OPTION_CUSTOM,
     .set = set_from,
     .reads = READS_MODEL,
     .local = true},
    {.group = GROUP_WHAT,
     .name = "original",
     .argument = "TOKENS",
     .initial = "the model's, else 4096",
     .help = "length before scaling, for yarn and llama3",
     .type = OPTION_INT,
     .offset = offsetof(plan_options, original),
     .least = 1,
     .most = ROPEMAP_POSITION_END,
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_WHAT,
     .name = "bases",
     .argument = "LOW:HIGH",
     .initial = "1:1e16",
     .help = "bases that are searched; factors always from 1 to 10,000",
     .type = OPTION_INTERVAL,
     .offset = offsetof(plan_options, bases),
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_WHAT,
     .name = "change",
     .choices = change_choice,
     .initial = "all",
     .help = "what may change: the base, or the factor of one rule",
     .type = OPTION_CHOICE,
     .offset = offsetof(plan_options, only),
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_WHAT,
     .name = "windows",
     .argument = "N",
     .initial = "3",
     .help = "windows to find for each change, from the least value on",
     .type = OPTION_INT32,
     .offset = offsetof(plan_options, windows),
     .least = 1,
     .most = PLAN_WINDOWS_MOST,
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_WHAT,
     .name = "resolution",
     .argument = "W",
     .initial = "1e-6 of bases, 1e-4 of factors",
     .help = "every window is found that is as wide as this, relative to the value",
     .type = OPTION_REAL,
     .offset = offsetof(plan_options, resolution),
     .bounds = &(const cli_bounds){.low = 1e-8, .high = 1e-2, .words = "a number from 1e-8 to 1e-2"},
     .page = {.place = PLACE_NONE}},
    OPTION_JSON(offsetof(plan_options, json), "print JSON of schema ropemap.plan/1"),
    OPTION_QUIET(offsetof(plan_options, quiet), "show no progress"),
    {.name = NULL},
};

static void start(void *options) {
    *(plan_options *)options = (plan_options){.rule = rule_options_default(), .windows = 3};
}

static void notes(void) {
    (void)printf(
        "\nSimilarity is S(r) as in bound: what rotation leaves of two identical tokens r apart, as a share "
        "of "
        "S(0).\nThe values that hold a length are no interval: the first windows are listed, and the value "
        "to "
        "set is the\nleast of the first, or what the model has where that holds. An attention factor "
        "(YaRN) plays no\npart where all elements rotate. A length held is necessary, not sufficient: it "
        "says "
        "nothing of training.\n");
}

static const cli_result result = {
    .size = sizeof(plan_results), .answers = true, .make = make, .document = document, .print = print};

const cli_command command_plan = {
    .name = "plan",
    .summary = "find the base, or the factor of a scaling rule, that a context length needs",
    .usage = "--length L [--keep X] [--from MODEL] [what]",
    .examples =
        "  ropemap plan --length 128k --from llama3-8b       with flags for transformers, vLLM, llama.cpp\n"
        "  ropemap plan --length 32k --keep 0.5 --from config.json\n",
    .blocks = {{rule_rows, offsetof(plan_options, rule)},
               {plan_rows, 0},
               {thread_rows, offsetof(plan_options, threads)}},
    .notes = notes,
    .size = sizeof(plan_options),
    .start = start,
    .work = result_work,
    .result = &result,
};
