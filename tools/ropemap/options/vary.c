/* vary.c - several settings of one command: --vary NAME=VALUES, and what both sweeps make of them */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/options/vary.h"

#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/number.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ITEM_MAX = 4096, NAME_MAX_BYTES = 40 };

/* ---- reading ------------------------------------------------------------------------------------------- */

/* Options whose values have commas, or may have. */
static bool is_whole(const cli_option *option) {
    return strcmp(option->name, "scaling") == 0 || strcmp(option->name, "axes") == 0 ||
           strcmp(option->name, "sections") == 0 || strcmp(option->name, "model") == 0;
}

static ropemap_status take_value(vary_axis *axis, const char *value, ropemap_error *error) {
    const size_t bytes = strlen(value) + 1;
    if (axis->count == VARY_VALUES) {
        return fail(error, ROPEMAP_USAGE, "--vary %s: more than %d values", axis->match.option->name,
                    VARY_VALUES);
    }
    char *copy = malloc(bytes);
    if (copy == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--vary %s: no memory for the values",
                    axis->match.option->name);
    }
    memcpy(copy, value, bytes);
    axis->values[axis->count++] = copy;
    return ROPEMAP_OK;
}

/* An end of a range, as the option reads it. */
static bool read_end(const cli_option *option, const char *text, double *value) {
    ropemap_error ignored;
    uint64_t count = 0;
    if (option->type == OPTION_REAL) {
        return number_real("", text, value, &ignored) == ROPEMAP_OK;
    }
    const bool read = number_integer("", text, 1, UINT64_C(1) << 53, &count, &ignored) == ROPEMAP_OK;
    *value = (double)count;
    return read;
}

/* Cuts "1e3-1e7*10" into its numbers; false where it is no such range. The text is taken apart. */
static bool cut_range(const cli_option *option, char *text, double *from, double *to, double *factor) {
    ropemap_error ignored;
    char *dash = NULL, *star = strchr(text, '*');
    for (char *at = text + 1; *at != '\0' && dash == NULL; at++) {
        const bool exponent = at[-1] == 'e' || at[-1] == 'E';
        dash = *at == '-' && !exponent ? at : NULL;
    }
    if (dash == NULL || (star != NULL && star < dash)) {
        return false;
    }
    *dash = '\0';
    if (star != NULL) {
        *star = '\0';
    }
    *factor = 2.0;
    return read_end(option, text, from) && read_end(option, dash + 1, to) &&
           (star == NULL || number_real("", star + 1, factor, &ignored) == ROPEMAP_OK) && *from > 0.0 &&
           *to >= *from && *factor > 1.0;
}

/* An item, or the numbers of its range; rounding may carry the last one past the end. */
static ropemap_status take_item(vary_axis *axis, const char *item, ropemap_error *error) {
    char text[ITEM_MAX], number[NAME_MAX_BYTES];
    double from = 0.0, to = 0.0, factor = 0.0;
    (void)snprintf(text, sizeof text, "%s", item);
    if (item[0] == '\0') {
        return fail(error, ROPEMAP_USAGE, "--vary %s: a value is empty; write NAME=VALUE,VALUE,...",
                    axis->match.option->name);
    }
    if (!cut_range(axis->match.option, text, &from, &to, &factor)) {
        return take_value(axis, item, error);
    }
    ropemap_status status = ROPEMAP_OK;
    for (double value = from; status == ROPEMAP_OK && value <= to * (1.0 + 1e-9); value *= factor) {
        (void)snprintf(number, sizeof number, axis->match.option->type == OPTION_REAL ? "%.12g" : "%.16g",
                       value);
        status = take_value(axis, number, error);
    }
    return status;
}

static ropemap_status take_items(vary_axis *axis, const char *values, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    for (const char *at = values; status == ROPEMAP_OK && at != NULL;) {
        char item[ITEM_MAX];
        const size_t length = is_whole(axis->match.option) ? strlen(at) : strcspn(at, ",");
        if (length >= sizeof item) {
            return fail(error, ROPEMAP_USAGE, "--vary %s: a value of %zu characters; give less than %d",
                        axis->match.option->name, length, ITEM_MAX);
        }
        (void)snprintf(item, sizeof item, "%.*s", (int)length, at);
        status = take_item(axis, item, error);
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
    return status;
}

static vary_axis *find_axis(vary_set *vary, const cli_option *option) {
    for (int i = 0; i < vary->axis_count; i++) {
        if (vary->axes[i].match.option == option) {
            return &vary->axes[i];
        }
    }
    return NULL;
}

static ropemap_status refuse_name(const char *text, size_t name, ropemap_error *error) {
    return fail(error, ROPEMAP_USAGE,
                "--vary: '%.*s' is no option that can vary; write NAME=VALUES, such as base=1e4,5e5",
                (int)(name < NAME_MAX_BYTES ? name : NAME_MAX_BYTES), text);
}

static ropemap_status check_count(const vary_set *vary, ropemap_error *error) {
    return vary_count(vary) <= VARY_SETTINGS
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_USAGE, "--vary: %d combinations; at most %d can be drawn",
                      vary_count(vary), VARY_SETTINGS);
}

ropemap_status vary_option(void *into, const cli_option *given, const char *text, ropemap_error *error) {
    vary_set *vary = (vary_set *)(void *)((char *)into + given->offset);
    const size_t name = strcspn(text, "=");
    const cli_match match = options_find(vary->command, text, name);
    const cli_option *option = match.option;
    if (text[name] != '=' || option == NULL || option->type == OPTION_FLAG || option->set == vary_option ||
        option->group != GROUP_WHAT) {
        return refuse_name(text, name, error);
    }
    vary_axis *axis = find_axis(vary, option);
    if (axis == NULL && vary->axis_count == VARY_AXES) {
        return fail(error, ROPEMAP_USAGE, "--vary %s: more than %d options vary", option->name, VARY_AXES);
    }
    if (axis == NULL) {
        axis = &vary->axes[vary->axis_count++];
        axis->match = match;
    }
    const ropemap_status status = take_items(axis, text + name + 1, error);
    return status == ROPEMAP_OK ? check_count(vary, error) : status;
}

/* The axis; -1: none. */
static int over_all(const vary_set *vary, const char *name) {
    for (int i = 0; i < vary->axis_count; i++) {
        const vary_axis *axis = &vary->axes[i];
        if (strcmp(axis->match.option->name, name) == 0 && axis->count == 1 &&
            strcmp(axis->values[0], "all") == 0) {
            return i;
        }
    }
    return -1;
}

bool vary_has(const vary_set *vary, const char *name) {
    for (int i = 0; i < vary->axis_count; i++) {
        if (strcmp(vary->axes[i].match.option->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_value(const vary_set *vary, const char *name, const char *value) {
    for (int i = 0; i < vary->axis_count; i++) {
        const vary_axis *axis = &vary->axes[i];
        for (int at = 0; at < axis->count && strcmp(axis->match.option->name, name) == 0; at++) {
            if (strcmp(axis->values[at], value) == 0) {
                return true;
            }
        }
    }
    return false;
}

void vary_keep_own(const vary_set *vary, ropemap_encoding_choice *encoding) {
    const ropemap_encoding alibi = ROPEMAP_ENCODING_ALIBI, chunks = ROPEMAP_ENCODING_DUAL_CHUNK;
    if (encoding->kind != alibi && has_value(vary, "encoding", ropemap_encoding_name(alibi))) {
        encoding->slope = 0.0;
    }
    if (encoding->kind != chunks && has_value(vary, "encoding", ropemap_encoding_name(chunks))) {
        encoding->chunk = encoding->local = 0;
    }
}

bool vary_rises(const vary_set *vary) {
    const vary_axis *axis = vary->axes;
    if (vary->axis_count != 1 || axis->count < 3 || strcmp(axis->match.option->name, "head") == 0) {
        return false;
    }
    double before = 0.0, step = 0.0, value;
    for (int i = 0; i < axis->count; i++, before = value) {
        ropemap_error why;
        if (number_real("", axis->values[i], &value, &why) != ROPEMAP_OK ||
            (i > 0 && !((value - before) * (i > 1 ? step : value - before) > 0.0))) {
            return false;
        }
        step = value - before;
    }
    return true;
}

bool vary_over_all(const vary_set *vary, const char *name) {
    return over_all(vary, name) >= 0;
}

ropemap_status vary_number(vary_set *vary, const char *name, const int64_t *numbers, int64_t count,
                           ropemap_error *error) {
    const int index = over_all(vary, name);
    ropemap_status status = ROPEMAP_OK;
    if (index < 0) {
        return ROPEMAP_OK;
    }
    vary_axis *axis = &vary->axes[index];
    free(axis->values[0]);
    axis->count = 0;
    for (int64_t i = 0; i < count && status == ROPEMAP_OK; i++) {
        char number[24];
        (void)snprintf(number, sizeof number, "%" PRId64, numbers[i]);
        status = take_value(axis, number, error);
    }
    return status == ROPEMAP_OK ? check_count(vary, error) : status;
}

ropemap_status vary_refuse(const vary_set *vary, const char *const *names, ropemap_error *error) {
    for (int i = 0; i < vary->axis_count; i++) {
        for (int j = 0; names[j] != NULL; j++) {
            if (strcmp(vary->axes[i].match.option->name, names[j]) == 0) {
                return fail(error, ROPEMAP_USAGE, "--vary %s: all curves share it; vary another option",
                            names[j]);
            }
        }
    }
    return ROPEMAP_OK;
}

ropemap_status vary_note(const vary_set *vary, cli_outputs *outputs, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    for (int axis = 0; axis < vary->axis_count; axis++) {
        const vary_axis *one = &vary->axes[axis];
        for (int i = 0; i < one->count && status == ROPEMAP_OK; i++) {
            status = outputs_note(outputs, one->match.option, one->values[i], error);
        }
    }
    return status;
}

/* ---- settings ------------------------------------------------------------------------------------------ */

int vary_count(const vary_set *vary) {
    int count = 1;
    for (int i = 0; i < vary->axis_count; i++) {
        count *= vary->axes[i].count;
    }
    return count;
}

/* The number of the value that an axis has in a combination. */
static int value_of(const vary_set *vary, int axis, int index) {
    for (int i = vary->axis_count - 1; i > axis; i--) {
        index /= vary->axes[i].count;
    }
    return index % vary->axes[axis].count;
}

ropemap_status vary_apply(const vary_set *vary, int index, void *options, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    for (int i = 0; i < vary->axis_count && status == ROPEMAP_OK; i++) {
        const vary_axis *axis = &vary->axes[i];
        status = option_set(axis->match, options, axis->values[value_of(vary, i, index)], error);
    }
    return status;
}

/* "head dimension", as a sentence has it. */
static void name_in_words(const cli_option *option, char words[NAME_MAX_BYTES]) {
    (void)snprintf(words, NAME_MAX_BYTES, "%s",
                   strcmp(option->name, "head-dim") == 0 ? "head dimension" : option->name);
    for (char *dash = strchr(words, '-'); dash != NULL; dash = strchr(dash, '-')) {
        *dash = ' ';
    }
}

void vary_names(const vary_set *vary, char *text, size_t size) {
    size_t length = 0;
    text[0] = '\0';
    for (int i = 0; i < vary->axis_count && length < size; i++) {
        const char *between = i == 0 ? "" : i + 1 == vary->axis_count ? " and " : ", ";
        char words[NAME_MAX_BYTES];
        name_in_words(vary->axes[i].match.option, words);
        const int added = snprintf(text + length, size - length, "%s%s", between, words);
        length += added > 0 ? (size_t)added : 0;
    }
}

/* A number as it was taken, so that 500k after a base is 500,000; else the value as written. */
static void value_in_words(const cli_option *option, const char *value, char *words, size_t size) {
    ropemap_error ignored;
    uint64_t count = 0;
    double number = 0.0;
    const bool counted = option->type == OPTION_INT || option->type == OPTION_INT32;
    const bool read =
        counted ? number_integer("", value, 0, UINT64_C(1) << 53, &count, &ignored) == ROPEMAP_OK
                : option->type == OPTION_REAL && number_real("", value, &number, &ignored) == ROPEMAP_OK;
    (void)snprintf(words, size, "%s", read ? number_in_words(counted ? (double)count : number).text : value);
}

/* As much of a scaling rule as tells it from the others: its first parameter, or all. */
static int telling_bytes(const vary_axis *axis, const char *value) {
    const size_t bytes = strcspn(value, ",");
    int alike = 0;
    for (int i = 0; i < axis->count; i++) {
        alike += strncmp(axis->values[i], value, bytes) == 0 &&
                         (axis->values[i][bytes] == ',' || axis->values[i][bytes] == '\0')
                     ? 1
                     : 0;
    }
    return alike > 1 || strcmp(value, "none") == 0 ? ITEM_MAX : (int)bytes;
}

/* "base 10,000", "d = 64"; models and scaling rules need no name. At most `most` bytes of such a rule. */
static int label_value(const cli_option *option, const char *value, int most, char *text, size_t size) {
    const char *name = option->name;
    char words[ITEM_MAX];
    value_in_words(option, value, words, sizeof words);
    if (strcmp(name, "scaling") == 0) {
        return snprintf(text, size, "%.*s", most, strcmp(value, "none") == 0 ? "no scaling" : words);
    }
    if (strcmp(name, "preset") == 0 || strcmp(name, "model") == 0) {
        return snprintf(text, size, "%s", words);
    }
    if (strcmp(name, "head-dim") == 0) {
        return snprintf(text, size, "d = %s", words);
    }
    return snprintf(text, size, "%s %s", name, words);
}

void vary_label_value(const cli_option *option, const char *value, char *text, size_t size) {
    (void)label_value(option, value, ITEM_MAX, text, size);
}

/* The same of the axes from `first` to before `end`. */
static void label_axes(const vary_set *vary, int first, int end, int index, char *text, size_t size) {
    size_t length = 0;
    text[0] = '\0';
    for (int i = first; i < end && length + 2 < size; i++) {
        const char *value = vary->axes[i].values[value_of(vary, i, index)];
        if (i > first) {
            memcpy(text + length, ", ", 3);
            length += 2;
        }
        const int added = label_value(vary->axes[i].match.option, value, telling_bytes(&vary->axes[i], value),
                                      text + length, size - length);
        length += added > 0 ? (size_t)added : 0;
    }
}

void vary_label(const vary_set *vary, int index, char *text, size_t size) {
    label_axes(vary, 0, vary->axis_count, index, text, size);
}

void vary_free(vary_set *vary) {
    for (int i = 0; i < vary->axis_count; i++) {
        for (int j = 0; j < vary->axes[i].count; j++) {
            free(vary->axes[i].values[j]);
        }
    }
    vary->axis_count = 0;
}

/* ---- sweeps -------------------------------------------------------------------------------------------- */

enum { FRAME_BYTES = 4096 };

const cli_option sweep_rows[] = {
    {.group = GROUP_WHAT,
     .name = "vary",
     .argument = "NAME=VALUES",
     .help = "a panel for each value of another option: base=1e3-1e7*10, head-dim=64,128,256, preset=A,B, "
             "head=all of tensors, layer=all of captures; every combination, where it is given for up to "
             "three options",
     .type = OPTION_CUSTOM,
     .set = vary_option,
     .offset = offsetof(sweep_options, vary)},
    {.group = GROUP_OUTPUT,
     .name = "output",
     .letter = 'o',
     .argument = "FILE",
     .help = "where the panels go, side by side: .png, .svg, .pdf, or - for a PNG on standard output, svg:- "
             "for another kind; may be given several times",
     .type = OPTION_TEXTS,
     .offset = offsetof(sweep_options, outputs)},
    {.group = GROUP_OUTPUT,
     .name = "columns",
     .argument = "N",
     .initial = "those of the last option that varies",
     .help = "panels side by side",
     .type = OPTION_INT,
     .offset = offsetof(sweep_options, columns),
     .least = 1,
     .most = VARY_SETTINGS},
    {.group = GROUP_OUTPUT,
     .name = "frames",
     .argument = "DIR",
     .help = "one figure a setting, frame-000.png and on, all with the same limits",
     .type = OPTION_TEXT,
     .offset = offsetof(sweep_options, frames)},
    {.name = NULL},
};

/* Frames, which no --output names. */
static ropemap_status add_frames(const sweep_options *options, bool force, cli_outputs *outputs,
                                 ropemap_error *error) {
    ropemap_status status = ropemap_outputs_folder(outputs->set, options->frames, error);
    for (int i = 0; i < vary_count(&options->vary) && status == ROPEMAP_OK; i++) {
        char name[FRAME_BYTES];
        (void)snprintf(name, sizeof name, "%s/frame-%03d.png", options->frames, i);
        status = outputs_add(outputs, name, 1 << OUTPUT_PNG, force, error);
    }
    return status;
}

ropemap_status sweep_check(const sweep_options *options, bool force, cli_outputs *outputs,
                           ropemap_error *error) {
    if (options->vary.axis_count == 0) {
        return fail(error, ROPEMAP_USAGE,
                    "--vary is missing; give --vary NAME=VALUES, such as base=1e3-1e7*10");
    }
    if (outputs == NULL) {
        return ROPEMAP_OK;
    }
    if (options->outputs.count == 0 && options->frames == NULL) {
        return fail(error, ROPEMAP_USAGE,
                    "--output is missing; give -o FILE.png, .svg or .pdf, or --frames DIR");
    }
    const ropemap_status status = vary_note(&options->vary, outputs, error);
    return status == ROPEMAP_OK && options->frames != NULL ? add_frames(options, force, outputs, error)
                                                           : status;
}

bool sweep_headings(const sweep_options *options, vary_headings *headings) {
    const vary_set *vary = &options->vary;
    const int last = vary->axis_count - 1, count = vary_count(vary), columns = sweep_columns(options);
    if (last < 1 || columns != vary->axes[last].count) {
        return false;
    }
    for (int col = 0; col < columns; col++) {
        headings->cols[col] = headings->words[0][col];
        label_axes(vary, last, last + 1, col, headings->words[0][col], sizeof headings->words[0][col]);
    }
    for (int row = 0; row < count / columns; row++) {
        headings->rows[row] = headings->words[1][row];
        label_axes(vary, 0, last, row * columns, headings->words[1][row], sizeof headings->words[1][row]);
    }
    return true;
}

int32_t sweep_columns(const sweep_options *options) {
    const vary_set *vary = &options->vary;
    return options->columns > 0   ? (int32_t)options->columns
           : vary->axis_count > 1 ? vary->axes[vary->axis_count - 1].count
                                  : 0;
}

int sweep_frame(const sweep_options *options, int output) {
    return options->frames != NULL && output < vary_count(&options->vary) ? output : -1;
}
