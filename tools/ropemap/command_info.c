/* command_info.c - ropemap info: what a rule or a model does with each pair, its picture, and the list of
 * presets */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/command_info.h"
#include "tools/ropemap/command.h"
#include "tools/ropemap/documents.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/number.h"
#include "tools/ropemap/run.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static bool info_leaves(const info_rule *info, int32_t pair);

static const double TWO_PI = 6.283185307179586477;

static void fill(const info_rule *info, const double *radians, double *wavelengths) {
    for (int32_t i = 0; i < info->pairs; i++) {
        wavelengths[i] =
            radians[i] != 0.0 ? TWO_PI / fabs(radians[i]) : (double)NAN; /* a pair that does not turn */
    }
}

enum { MARKS_MOST = 12, MARK_BYTES = 120 };

struct marks {
    ropemap_mark marks[MARKS_MOST];
    char texts[MARKS_MOST][MARK_BYTES];
    int32_t count;
};

static void mark_length(struct marks *to, const char *name, double tokens) {
    (void)snprintf(to->texts[to->count], MARK_BYTES, "%s, %s tokens", name, number_in_words(tokens).text);
    to->marks[to->count] = (ropemap_mark){.at = tokens, .label = to->texts[to->count]};
    to->count++;
}

/* Shades each run of pairs that reach angles not seen in training. */
static void mark_new_angles(const info_rule *info, struct marks *to) {
    for (int32_t i = 0; i < info->pairs && to->count < MARKS_MOST; i++) {
        if (!info_leaves(info, i)) {
            continue;
        }
        const int32_t first = i;
        while (i + 1 < info->pairs && info_leaves(info, i + 1)) {
            i++;
        }
        char *text = to->texts[to->count];
        if (info->target_length > 0) {
            (void)snprintf(text, MARK_BYTES, "unseen at %s",
                           number_in_words((double)info->target_length).text);
        } else {
            (void)snprintf(text, MARK_BYTES, "unseen past %s",
                           number_in_words((double)info->seen_length).text);
        }
        to->marks[to->count++] =
            (ropemap_mark){.of_x = true, .at = (double)first - 0.5, .until = (double)i + 0.5, .label = text};
    }
}

/* Lengths that the picture is read against, and the pairs that leave what training has shown. */
static void make_marks(const info_rule *info, struct marks *to) {
    const double original = info->spec->scaling.original_length, target = (double)info->target_length;
    const double trained = (double)info->trained_length;
    if (trained > 0.0) {
        mark_length(to, "trained length", trained);
    }
    if (original > 0.0 && original != trained) {
        mark_length(to, "original length", original);
    }
    if (target > 0.0 && target != trained && target != original) {
        mark_length(to, "target length", target);
    }
    mark_new_angles(info, to);
}

/* The pairs of one axis, the others left out. */
static void take_axis(const info_rule *info, int32_t axis, const double *wavelengths, double *own) {
    for (int32_t i = 0; i < info->pairs; i++) {
        own[i] = ropemap_axes_follow(&info->spec->axes, i) == axis ? wavelengths[i] : (double)NAN;
    }
}

/* What all pairs would be unscaled, behind a series of each axis, or of all pairs. */
static int32_t make_series(const info_rule *info, ropemap_series series[ROPEMAP_MAX_AXES + 1]) {
    static double pairs[ROPEMAP_MAX_PAIRS], scaled[ROPEMAP_MAX_PAIRS], plain[ROPEMAP_MAX_PAIRS];
    static double own[ROPEMAP_MAX_AXES][ROPEMAP_MAX_PAIRS];
    const ropemap_spec *spec = info->spec;
    const bool is_scaled = spec->scaling.rule != ROPEMAP_SCALING_NONE;
    const ropemap_series all = {.x = pairs, .count = info->pairs, .points = true};
    int32_t count = 0;
    for (int32_t i = 0; i < info->pairs; i++) {
        pairs[i] = (double)i;
    }
    fill(info, info->radians, scaled);
    fill(info, info->plain, plain);
    if (is_scaled) {
        series[count++] = (ropemap_series){
            .label = "unscaled", .x = pairs, .y = plain, .count = info->pairs, .reference = true};
    }
    for (int32_t axis = 0; axis < spec->axes.count; axis++) {
        take_axis(info, axis, scaled, own[axis]);
        series[count] = all;
        series[count].label = ropemap_axis_name(&spec->axes, axis);
        series[count++].y = own[axis];
    }
    if (spec->axes.count == 0) {
        series[count] = all;
        series[count].label = is_scaled ? ropemap_scaling_name(spec->scaling.rule) : "wavelength";
        series[count++].y = scaled;
    }
    return count;
}

static void describe(const info_rule *info, char *text, size_t size) {
    const ropemap_spec *spec = info->spec;
    char axes[80] = "", scaling[200];
    if (spec->axes.count > 0) {
        ropemap_axes_format(&spec->axes, axes, sizeof axes);
    }
    ropemap_scaling_format(&spec->scaling, false, scaling, sizeof scaling);
    (void)snprintf(text, size, "Scaling %s, %d of %d dimensions rotate, attention factor %s%s%s", scaling,
                   2 * (int)info->pairs, (int)spec->head_dim, number_in_words(info->attention).text,
                   axes[0] != '\0' ? ", axes " : "", axes);
}

static ropemap_status encode(const void *options, void *made, int index, output_kind kind,
                             ropemap_bytes *bytes, ropemap_error *error) {
    const info_rule *info = made;
    const ropemap_spec *spec = info->spec;
    char title[400], description[400], origin[160], scaling[ROPEMAP_SCALING_TITLE];
    struct marks marks = {.count = 0};
    ropemap_series series[ROPEMAP_MAX_AXES + 1];
    const int32_t count = make_series(info, series);
    (void)index;
    make_marks(info, &marks);
    rule_origin(spec, origin, sizeof origin);
    ropemap_scaling_title(scaling, &spec->scaling);
    (void)snprintf(title, sizeof title, "RoPE wavelengths, %.100s%s%s%s%s, d = %d",
                   info->model != NULL ? ropemap_model_name(info->model) : "",
                   info->model != NULL ? ", " : "", origin, scaling[0] != '\0' ? ", " : "", scaling,
                   (int)spec->head_dim);
    describe(info, description, sizeof description);
    ropemap_chart chart = {
        .title = title,
        .description = description,
        .x_label = "pair",
        .y_label = ropemap_axes_apart(&spec->axes) ? "wavelength (patches)" : "wavelength (tokens)",
        .log_y = true,
        .plot = {.series = series, .series_count = count, .marks = marks.marks, .mark_count = marks.count}};
    const ropemap_page page = print_chart(&((const info_options *)options)->print, (cli_size){0, 0},
                                          PRINT_SHAPE, kind == OUTPUT_PNG, &chart);
    return ropemap_chart_encode(&chart, output_format(kind), &page, bytes, error);
}

/*
 * The rule of training and its tokens: the model's own, or what a scaling rule starts from. What options
 * change comes after training.
 */
static int64_t trained_rule(const rule_options *rule, ropemap_spec *trained) {
    const ropemap_scaling *scaling = &rule->spec.scaling;
    if (rule->opened != NULL) {
        *trained = *ropemap_model_spec(rule->opened);
        trained->length = (double)ropemap_model_trained_length(rule->opened);
        return ropemap_model_trained_length(rule->opened);
    }
    *trained = rule->spec;
    trained->scaling = (ropemap_scaling){.rule = ROPEMAP_SCALING_NONE};
    return (int64_t)(scaling->original_length > 0.0 ? scaling->original_length : scaling->max_length);
}

/* In training a pair rotated by seen_length times its frequency: past that, less than a whole turn is new. */
static ropemap_status find_new_angles(const rule_options *rule, info_rule *info, ropemap_error *error) {
    double seen[ROPEMAP_MAX_PAIRS] = {0};
    ropemap_spec trained;
    info->target_length = (rule->given & RULE_LENGTH) != 0 ? (int64_t)rule->spec.length : 0;
    info->seen_length = trained_rule(rule, &trained);
    const ropemap_status status = ropemap_spec_radians(&trained, seen, error);
    const int32_t rotated = trained.rotary_dim != 0 ? trained.rotary_dim : trained.head_dim;
    if (status != ROPEMAP_OK || rotated / 2 != info->pairs) {
        info->seen_length = 0;
    }
    for (int32_t i = 0; i < info->pairs; i++) {
        const double angle = (double)info->seen_length * fabs(seen[i]);
        const bool is_short = info->seen_length > 0 && angle < TWO_PI && info->radians[i] != 0.0;
        info->new_from[i] = is_short ? angle / fabs(info->radians[i]) : 0.0;
    }
    return status;
}

/* Whether a pair reaches angles not seen in training: within the target length, or, without one, ever. */
static bool info_leaves(const info_rule *info, int32_t pair) {
    const double from = info->new_from[pair];
    return from > 0.0 && (info->target_length == 0 || (double)info->target_length > from * (1.0 + 1e-12));
}

static ropemap_status info_make(const rule_options *rule, info_rule *info, ropemap_error *error) {
    ropemap_freqs freqs;
    ropemap_spec plain = rule->spec;
    ropemap_status status = ropemap_freqs_make(&rule->spec, &freqs, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    info->spec = &rule->spec;
    info->model = rule->opened;
    info->given = rule->given;
    info->pairs = freqs.pairs;
    info->trained_length = rule->opened != NULL ? ropemap_model_trained_length(rule->opened) : 0;
    info->attention = freqs.attention_factor;
    status = ropemap_spec_radians(&rule->spec, info->radians, error);
    if (rule->spec.frequencies != NULL) { /* a table has no unscaled rule */
        memcpy(info->plain, info->radians, (size_t)info->pairs * sizeof *info->plain);
        return status == ROPEMAP_OK ? find_new_angles(rule, info, error) : status;
    }
    plain.scaling = (ropemap_scaling){.rule = ROPEMAP_SCALING_NONE};
    status = status == ROPEMAP_OK ? ropemap_spec_radians(&plain, info->plain, error) : status;
    return status == ROPEMAP_OK ? find_new_angles(rule, info, error) : status;
}

static int32_t rotary_dim(const ropemap_spec *spec) {
    return spec->rotary_dim != 0 ? spec->rotary_dim : spec->head_dim;
}

/* ---- text ---------------------------------------------------------------------------------------------- */

static void print_facts(const info_rule *info) {
    if (info->spec->frequencies != NULL) {
        (void)printf("  %-24s %-24s %s\n", "frequencies", "as above", "--frequencies");
    }
    const ropemap_fact *fact = NULL;
    for (int32_t i = 0; info->model != NULL && (fact = ropemap_model_fact(info->model, i)) != NULL; i++) {
        (void)printf("  %-24s %-24s %s\n", fact->name, fact->value, fact->source);
    }
    static const char *const options[] = {"base",   "head-dim", "rotary-dim", "scaling",
                                          "layout", "length",   "axes",       "grid"};
    for (int i = 0; i < 8; i++) {
        if ((info->given >> i & 1u) != 0) {
            (void)printf("  %-24s %-24s %s%s\n", options[i], "as above", "--", options[i]);
        }
    }
}

/* Powers of two in the units that models are named by: "128k". */
static void print_tokens(const char *name, double tokens) {
    (void)printf("%-18s %s", name, number_in_words(tokens).text);
    if (tokens >= 1024 && fmod(tokens, 1024) == 0) {
        (void)printf(" (%.0fk)", tokens / 1024);
    }
    (void)printf(" tokens\n");
}

/* "h 32 elements over 14 patches, w 32 elements over 14 patches; coordinates ..." */
static void print_axes(const ropemap_axes *axes) {
    static const char *const words[] = {
        [ROPEMAP_DEAL_LADDERS] = "a ladder of frequencies for each",
        [ROPEMAP_DEAL_UNIT] = "a ladder for each, coordinates from -1 to 1 times 2 pi",
        [ROPEMAP_DEAL_STRIDED] = "one ladder, its frequencies dealt in turn",
        [ROPEMAP_DEAL_SECTIONS] = "one ladder, in sections; text has one position on all axes",
        [ROPEMAP_DEAL_INTERLEAVED] = "one ladder, dealt in turn; text has one position on all axes",
        [ROPEMAP_DEAL_TIME_LAST] = "one ladder, h and w in turn, t last; text has one position on all axes"};
    for (int32_t axis = 0; axis < axes->count; axis++) {
        (void)printf("%-18s %s: %d elements", axis == 0 ? "axes" : "", ropemap_axis_name(axes, axis),
                     2 * (int)axes->pairs[axis]);
        if (axes->grid[axis] > 0) {
            (void)printf(", %d patch%s", (int)axes->grid[axis], axes->grid[axis] == 1 ? "" : "es");
        }
        (void)printf("\n");
    }
    if (axes->count > 0) {
        (void)printf("%-18s %s\n", "", words[axes->deal]);
    }
}

static void print_head(const info_rule *info) {
    const ropemap_spec *spec = info->spec;
    char scaling[500];
    ropemap_scaling_format(&spec->scaling, false, scaling, sizeof scaling);
    if (info->model != NULL) {
        (void)printf("%-18s %s\n", "model", ropemap_model_name(info->model));
    }
    if (spec->frequencies != NULL) {
        (void)printf("%-18s ", "frequencies");
        print_plain(stdout, spec->frequencies->name);
        (void)putchar('\n');
    } else {
        (void)printf("%-18s %s\n", "rule", scaling);
        (void)printf("%-18s %s\n", "base", number_in_words(spec->base).text);
    }
    (void)printf("%-18s %d, of which %d rotate, %s layout\n", "head dim", (int)spec->head_dim,
                 (int)rotary_dim(spec), ropemap_layout_name(spec->layout));
    print_axes(&spec->axes);
    if (info->trained_length > 0) {
        print_tokens("trained length", (double)info->trained_length);
    }
    if (spec->length > 0) {
        print_tokens("length", spec->length);
    }
    (void)printf("%-18s a = %.10g on cosines and sines of q and of k, a^2 = %.10g on scores\n",
                 "attention factor", info->attention, info->attention * info->attention);
}

/* What the stars are about. */
static void print_new_angles(const info_rule *info) {
    int count = 0;
    for (int32_t i = 0; i < info->pairs; i++) {
        count += info_leaves(info, i) ? 1 : 0;
    }
    if (info->seen_length == 0) {
        return;
    }
    if (count == 0) {
        (void)printf("No pair reaches angles that the %s tokens of training have not shown%s.\n",
                     number_in_words((double)info->seen_length).text,
                     info->target_length > 0 ? " at this length" : "");
    } else if (info->target_length > 0) {
        (void)printf("* %d of %d pairs at %s tokens: angles that the %s tokens of training have not shown.\n",
                     count, (int)info->pairs, number_in_words((double)info->target_length).text,
                     number_in_words((double)info->seen_length).text);
    } else {
        (void)printf(
            "* %d of %d pairs never complete a turn within the %s tokens of training: past \"new from\" "
            "tokens (--length) their angles are new.\n",
            count, (int)info->pairs, number_in_words((double)info->seen_length).text);
    }
}

static void print_pair(const info_rule *info, int32_t pair) {
    const bool turns = info->trained_length > 0;
    const double radians = info->radians[pair];
    const ropemap_axes *axes = &info->spec->axes;
    (void)printf("%5d ", (int)pair);
    if (axes->count > 0) {
        (void)printf("%-6s", ropemap_axis_name(axes, ropemap_axes_follow(axes, pair)));
    }
    (void)printf("%22.15g ", radians);
    if (radians == 0.0) {
        (void)printf("%16s %14s %10s\n", "none", turns ? "0" : "", "");
        return;
    }
    (void)printf("%16.8g ", TWO_PI / fabs(radians));
    if (turns) {
        (void)printf("%14.6g ", (double)info->trained_length * fabs(radians) / TWO_PI);
    } else {
        (void)printf("%14s ", "");
    }
    if (info->spec->frequencies == NULL) {
        (void)printf("%10.7g", info->plain[pair] / radians);
    }
    if (info_leaves(info, pair)) {
        (void)printf(" %11.0f *", ceil(info->new_from[pair] * (1.0 - 1e-12)));
    }
    (void)printf("\n");
}

static void print_pairs(const info_rule *info) {
    const bool scaled = info->spec->frequencies == NULL;
    const ropemap_axes *axes = &info->spec->axes;
    const bool patches = ropemap_axes_apart(axes);
    (void)printf("\n%5s %s%22s %16s %14s%s%s\n", "pair", axes->count > 0 ? "axis  " : "",
                 patches ? "frequency (rad/patch)" : "frequency (rad/token)", "wavelength", "turns",
                 scaled ? "    divisor" : "", info->seen_length > 0 ? "    new from" : "");
    for (int32_t i = 0; i < info->pairs; i++) {
        print_pair(info, i);
    }
    (void)printf("Wavelengths in %s; turns over the trained length%s%s.\n", patches ? "patches" : "tokens",
                 info->trained_length > 0 ? "" : ", which is not known",
                 scaled ? "; the divisor is what scaling does" : "");
    print_new_angles(info);
}

static void print(const void *options, const void *made) {
    const info_rule *info = made;
    (void)options;
    print_head(info);
    if (info->model != NULL || info->given != 0) {
        (void)printf("\nwhere it comes from\n");
        print_facts(info);
    }
    const char *warning = NULL;
    for (int32_t i = 0; info->model != NULL && (warning = ropemap_model_warning(info->model, i)) != NULL;
         i++) {
        (void)printf("%s  %s\n", i == 0 ? "\nto know\n" : "", warning);
    }
    print_pairs(info);
}

/* Returns the exit code. */
static int presets_text(void) {
    (void)printf("%-24s %11s %5s %6s %-11s %11s  %s\n", "name", "base", "head", "rotary", "layout", "trained",
                 "scaling");
    const ropemap_preset *preset = NULL;
    for (int32_t i = 0; (preset = ropemap_preset_at(i)) != NULL; i++) {
        ropemap_divisors lists;
        ropemap_scaling scaling;
        char rule[300] = "?";
        if (ropemap_scaling_parse(preset->scaling, &lists, &scaling, NULL) == ROPEMAP_OK) {
            ropemap_scaling_format(&scaling, false, rule, sizeof rule); /* without lists of divisors */
        }
        (void)printf("%-24s %11s %5d %6d %-11s %11s  %s\n", preset->name, number_in_words(preset->base).text,
                     (int)preset->head_dim, (int)preset->rotary_dim, ropemap_layout_name(preset->layout),
                     number_in_words((double)preset->trained_length).text, rule);
    }
    (void)printf("ropemap info --presets --json has the source of each; --preset NAME takes one.\n");
    return finish_stdout();
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static json_t *facts_array(const ropemap_model *model) {
    json_t *facts = json_array();
    const ropemap_fact *fact = NULL;
    for (int32_t i = 0; model != NULL && (fact = ropemap_model_fact(model, i)) != NULL; i++) {
        (void)json_array_append_new(facts, json_pack("{s:o, s:o, s:o}", "name", document_text(fact->name),
                                                     "value", document_text(fact->value), "source",
                                                     document_text(fact->source)));
    }
    return facts;
}

static json_t *warnings_array(const ropemap_model *model) {
    json_t *warnings = json_array();
    const char *warning = NULL;
    for (int32_t i = 0; model != NULL && (warning = ropemap_model_warning(model, i)) != NULL; i++) {
        (void)json_array_append_new(warnings, document_text(warning));
    }
    return warnings;
}

/* [pairs] numbers, from a function of the pair. */
static json_t *pairs_array(const info_rule *info, double (*value)(const info_rule *info, int32_t pair)) {
    json_t *array = json_array();
    for (int32_t i = 0; i < info->pairs; i++) {
        (void)json_array_append_new(array, document_real(value(info, i)));
    }
    return array;
}

/* Of each pair the axis that it follows, from 0. */
static json_t *axis_array(const info_rule *info) {
    json_t *array = json_array();
    for (int32_t i = 0; i < info->pairs; i++) {
        (void)json_array_append_new(array, json_integer(ropemap_axes_follow(&info->spec->axes, i)));
    }
    return array;
}

static double frequency(const info_rule *info, int32_t pair) {
    return info->radians[pair];
}

static double wavelength(const info_rule *info, int32_t pair) {
    return TWO_PI / fabs(info->radians[pair]);
}

static double divisor(const info_rule *info, int32_t pair) {
    return info->spec->frequencies != NULL ? (double)NAN : info->plain[pair] / info->radians[pair];
}

static double new_from(const info_rule *info, int32_t pair) {
    return info->new_from[pair] > 0.0 ? info->new_from[pair] : (double)NAN;
}

static json_t *leaves_array(const info_rule *info) {
    json_t *array = json_array();
    for (int32_t i = 0; i < info->pairs; i++) {
        (void)json_array_append_new(array, json_boolean(info_leaves(info, i)));
    }
    return array;
}

static json_t *document(const void *options, const void *made) {
    const info_rule *info = made;
    (void)options;
    const ropemap_spec *spec = info->spec;
    char scaling[2 * ROPEMAP_MAX_DIVISORS * 24 + 400]; /* with its lists */
    ropemap_scaling_format(&spec->scaling, true, scaling, sizeof scaling);
    return json_pack(
        "{s:s, s:o, s:i, s:i, s:o, s:o, s:s, s:s, s:s, s:o, s:o, s:f, s:f, s:s, s:o, s:o, s:o, s:o, s:o, "
        "s:o, s:o, s:o, s:o, s:o, s:o}",
        "schema", "ropemap.info/1", "model",
        info->model != NULL ? document_text(ropemap_model_name(info->model)) : json_null(), "head_dim",
        (int)spec->head_dim, "rotary_dim", (int)rotary_dim(spec), "base", document_base(spec),
        "frequencies_from", document_frequencies(spec), "rule", ropemap_scaling_name(spec->scaling.rule),
        "scaling", scaling, "layout", ropemap_layout_name(spec->layout), "length",
        document_count((int64_t)spec->length), "trained_length", document_count(info->trained_length),
        "attention_factor", info->attention, "attention_factor_squared", info->attention * info->attention,
        "deal", document_deal(&spec->axes), "axes", document_axes(&spec->axes), "axis_of_pair",
        axis_array(info), "frequencies", pairs_array(info, frequency), "wavelengths",
        pairs_array(info, wavelength), "divisors", pairs_array(info, divisor), "seen_length",
        document_count(info->seen_length), "target_length", document_count(info->target_length), "new_from",
        pairs_array(info, new_from), "leaves_training", leaves_array(info), "facts", facts_array(info->model),
        "warnings", warnings_array(info->model));
}

/* Patches along each axis of the grid that a preset comes with; null for one of text. */
static json_t *preset_grid(const char *name) {
    ropemap_model *model = NULL;
    json_t *grid = json_null();
    if (ropemap_model_preset(name, &model, NULL) == ROPEMAP_OK &&
        ropemap_axes_apart(&ropemap_model_spec(model)->axes)) {
        const ropemap_axes *axes = &ropemap_model_spec(model)->axes;
        grid = json_array();
        for (int32_t axis = 0; axis < axes->count; axis++) {
            (void)json_array_append_new(grid, json_integer(axes->grid[axis]));
        }
    }
    ropemap_model_free(model);
    return grid;
}

json_t *presets_array(void) {
    json_t *presets = json_array();
    const ropemap_preset *preset = NULL;
    for (int32_t i = 0; (preset = ropemap_preset_at(i)) != NULL; i++) {
        (void)json_array_append_new(
            presets,
            json_pack("{s:s, s:f, s:i, s:i, s:s, s:s, s:I, s:o, s:s, s:s}", "name", preset->name, "base",
                      preset->base, "head_dim", (int)preset->head_dim, "rotary_dim", (int)preset->rotary_dim,
                      "layout", ropemap_layout_name(preset->layout), "scaling", preset->scaling,
                      "trained_length", (json_int_t)preset->trained_length, "grid", preset_grid(preset->name),
                      "source", preset->source, "note", preset->note));
    }
    return presets;
}

static const cli_option info_rows[] = {
    {.group = GROUP_WHAT,
     .name = "presets",
     .help = "list the known models instead",
     .type = OPTION_FLAG,
     .offset = offsetof(info_options, presets),
     .local = true},
    OPTION_OUTPUT(offsetof(info_options, outputs),
                  "draw the wavelengths of the pairs, scaled and not, as a .png, .svg or .pdf; pairs with "
                  "angles not seen in training are shaded; - for a PNG on standard output in place of the "
                  "text, svg:- for another kind"),
    OPTION_JSON(offsetof(info_options, json), "print JSON of schema ropemap.info/1 instead of text"),
    OPTION_FORCE(offsetof(info_options, force)),
    {.name = NULL},
};

/* The known models instead. */
static ropemap_status list_presets(const info_options *options, cli_run *run, ropemap_error *error) {
    if (options->outputs.count > 0 || options->rule.preset != NULL) {
        return fail(error, ROPEMAP_USAGE, "--presets lists all models; leave --%s out",
                    options->outputs.count > 0 ? "output" : "preset");
    }
    run->code = options->json ? document_print(json_pack("{s:s, s:o}", "schema", "ropemap.presets/1",
                                                         "presets", presets_array()))
                              : presets_text();
    return ROPEMAP_OK;
}

static ropemap_status work(void *given, cli_run *run, ropemap_error *error) {
    info_options *options = given;
    return options->presets ? list_presets(options, run, error) : result_work(options, run, error);
}

static void notes(void) {
    (void)printf("\nA pair whose wavelength is longer than the trained length never completed a turn in "
                 "training: past\n"
                 "that length it reaches angles not seen there. Such pairs have a star, and shade in the "
                 "picture; with\n"
                 "--length those that do so within it, under the rule and options given.\n"
                 "\nRULE is one of:\n");
    help_scaling_rules();
    help_deals();
}

static ropemap_status make(void *given, cli_call *call, void *made, ropemap_error *error) {
    info_options *options = given;
    (void)call;
    const ropemap_status status = rule_options_resolve(&options->rule, error);
    return status == ROPEMAP_OK ? info_make(&options->rule, made, error) : status;
}

static bool array(const void *made, int32_t index, cli_array *to) {
    const info_rule *info = made;
    *to = (cli_array){.name = "frequencies",
                      .data = info->radians,
                      .item = sizeof info->radians[0],
                      .rank = 1,
                      .shape = {info->pairs}};
    return index == 0;
}

static const cli_result result = {.size = sizeof(info_rule),
                                  .kinds = OUTPUT_PICTURES,
                                  .answers = true,
                                  .make = make,
                                  .encode = encode,
                                  .document = document,
                                  .print = print,
                                  .array = array};

const cli_command command_info = {
    .name = "info",
    .summary = "show the rule of a model: where each number comes from, and what each pair does",
    .usage = "[--model PATH | --preset NAME] [what] [output]",
    .examples = "  ropemap info --presets\n"
                "  ropemap info --preset llama3.1-8b\n"
                "  ropemap info --model ./config.json --json\n"
                "  ropemap info --model model.gguf -o wavelengths.png\n",
    .blocks = {{rule_rows, offsetof(info_options, rule)},
               {info_rows, 0},
               {print_rows, offsetof(info_options, print)},
               {print_height_rows, offsetof(info_options, print)}},
    .notes = notes,
    .size = sizeof(info_options),
    .work = work,
    .result = &result,
};
