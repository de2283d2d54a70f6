/* vary.c - several settings of one command: --vary NAME=VALUES, every combination of them */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/vary.h"

#include "tools/ropemap/failure.h"
#include "tools/ropemap/number.h"
#include "tools/ropemap/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ITEM_MAX = 4096, NAME_MAX_BYTES = 40 };

/* ---- reading ------------------------------------------------------------------------------------------- */

static const cli_option *find_option(const cli_command *command, const char *name, size_t length) {
    for (int at = 0; command_option(command, at) != NULL; at++) {
        const cli_option *option = command_option(command, at);
        if (strlen(option->name) == length && memcmp(option->name, name, length) == 0) {
            return option;
        }
    }
    return NULL;
}

/* Options whose values have commas, or may have. */
static bool is_whole(const cli_option *option) {
    return strcmp(option->name, "scaling") == 0 || strcmp(option->name, "axes") == 0 ||
           strcmp(option->name, "sections") == 0 || strcmp(option->name, "model") == 0;
}

static ropemap_status take_value(vary_axis *axis, const char *value, ropemap_error *error) {
    const size_t bytes = strlen(value) + 1;
    if (axis->count == VARY_VALUES) {
        return fail(error, ROPEMAP_USAGE, "--vary %s: more than %d values", axis->option->name, VARY_VALUES);
    }
    char *copy = malloc(bytes);
    if (copy == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--vary %s: no memory for the values", axis->option->name);
    }
    memcpy(copy, value, bytes);
    axis->values[axis->count++] = copy;
    return ROPEMAP_OK;
}

/* An end of a range, as the option reads it. */
static bool read_end(const cli_option *option, const char *text, double *value) {
    ropemap_error ignored;
    uint64_t count = 0;
    if (option->real) {
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

/* An item, or the numbers that it stands for; the last one may pass its end by what rounding does. */
static ropemap_status take_item(vary_axis *axis, const char *item, ropemap_error *error) {
    char text[ITEM_MAX], number[NAME_MAX_BYTES];
    double from = 0.0, to = 0.0, factor = 0.0;
    (void)snprintf(text, sizeof text, "%s", item);
    if (item[0] == '\0') {
        return fail(error, ROPEMAP_USAGE, "--vary %s: an empty value, expected NAME=VALUE,VALUE,...",
                    axis->option->name);
    }
    if (!cut_range(axis->option, text, &from, &to, &factor)) {
        return take_value(axis, item, error);
    }
    ropemap_status status = ROPEMAP_OK;
    for (double value = from; status == ROPEMAP_OK && value <= to * (1.0 + 1e-9); value *= factor) {
        (void)snprintf(number, sizeof number, axis->option->real ? "%.12g" : "%.16g", value);
        status = take_value(axis, number, error);
    }
    return status;
}

static ropemap_status take_items(vary_axis *axis, const char *values, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    for (const char *at = values; status == ROPEMAP_OK && at != NULL;) {
        char item[ITEM_MAX];
        const size_t length = is_whole(axis->option) ? strlen(at) : strcspn(at, ",");
        if (length >= sizeof item) {
            return fail(error, ROPEMAP_USAGE, "--vary %s: a value of %zu characters, expected less than %d",
                        axis->option->name, length, ITEM_MAX);
        }
        (void)snprintf(item, sizeof item, "%.*s", (int)length, at);
        status = take_item(axis, item, error);
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
    return status;
}

static vary_axis *find_axis(vary_set *vary, const cli_option *option) {
    for (int i = 0; i < vary->axis_count; i++) {
        if (vary->axes[i].option == option) {
            return &vary->axes[i];
        }
    }
    return NULL;
}

static ropemap_status refuse_name(const char *text, size_t name, ropemap_error *error) {
    return fail(error, ROPEMAP_USAGE,
                "--vary: '%.*s' is no option that can vary, expected NAME=VALUES, such as "
                "base=1e4,5e5",
                (int)(name < NAME_MAX_BYTES ? name : NAME_MAX_BYTES), text);
}

ropemap_status vary_add(vary_set *vary, const cli_command *command, const char *text, ropemap_error *error) {
    const size_t name = strcspn(text, "=");
    const cli_option *option = find_option(command, text, name);
    if (text[name] != '=' || option == NULL || option_is_flag(option) || strcmp(option->name, "vary") == 0 ||
        option->group != GROUP_WHAT) {
        return refuse_name(text, name, error);
    }
    vary_axis *axis = find_axis(vary, option);
    if (axis == NULL && vary->axis_count == VARY_AXES) {
        return fail(error, ROPEMAP_USAGE, "--vary %s: more than %d options vary", option->name, VARY_AXES);
    }
    if (axis == NULL) {
        axis = &vary->axes[vary->axis_count++];
        axis->option = option;
    }
    const ropemap_status status = take_items(axis, text + name + 1, error);
    if (status == ROPEMAP_OK && vary_count(vary) > VARY_SETTINGS) {
        return fail(error, ROPEMAP_USAGE, "--vary: %d combinations, expected at most %d", vary_count(vary),
                    VARY_SETTINGS);
    }
    return status;
}

ropemap_status vary_refuse(const vary_set *vary, const char *const *names, ropemap_error *error) {
    for (int i = 0; i < vary->axis_count; i++) {
        for (int j = 0; names[j] != NULL; j++) {
            if (strcmp(vary->axes[i].option->name, names[j]) == 0) {
                return fail(error, ROPEMAP_USAGE,
                            "--vary %s: is the same for all here, expected another option", names[j]);
            }
        }
    }
    return ROPEMAP_OK;
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

ropemap_status vary_apply(const vary_set *vary, int index, void *into, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    for (int i = 0; i < vary->axis_count && status == ROPEMAP_OK; i++) {
        const vary_axis *axis = &vary->axes[i];
        status = axis->option->set(into, axis->option, axis->values[value_of(vary, i, index)], error);
    }
    return status;
}

void vary_names(const vary_set *vary, char *text, size_t size) {
    size_t length = 0;
    text[0] = '\0';
    for (int i = 0; i < vary->axis_count && length < size; i++) {
        const char *between = i == 0 ? "" : i + 1 == vary->axis_count ? " and " : ", ";
        const int added = snprintf(text + length, size - length, "%s%s", between, vary->axes[i].option->name);
        length += added > 0 ? (size_t)added : 0;
    }
}

void vary_label(const vary_set *vary, int index, char *text, size_t size) {
    size_t length = 0;
    text[0] = '\0';
    for (int i = 0; i < vary->axis_count && length < size; i++) {
        const vary_axis *axis = &vary->axes[i];
        const char *value = axis->values[value_of(vary, i, index)];
        if (strcmp(axis->option->name, "scaling") == 0 && strcmp(value, "none") == 0) {
            value = "no scaling";
        }
        const bool named = strcmp(axis->option->name, "scaling") != 0 &&
                           strcmp(axis->option->name, "preset") != 0 &&
                           strcmp(axis->option->name, "model") != 0;
        const int added = snprintf(text + length, size - length, "%s%s%s%s", length > 0 ? ", " : "",
                                   named ? axis->option->name : "", named ? " " : "", value);
        length += added > 0 ? (size_t)added : 0;
    }
}

void vary_free(vary_set *vary) {
    for (int i = 0; i < vary->axis_count; i++) {
        for (int j = 0; j < vary->axes[i].count; j++) {
            free(vary->axes[i].values[j]);
        }
    }
    vary->axis_count = 0;
}
