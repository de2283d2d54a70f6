/* presets.c - a known model by its name */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/base/text.h"
#include "host/spec/model.h"
#include "host/spec/preset_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const ropemap_preset *ropemap_preset_at(int32_t index) {
    const rm_preset_row *row = rm_preset_row_at(index);
    return row == NULL ? NULL : &row->preset;
}

static const rm_preset_row *row_named(const char *name) {
    const rm_preset_row *row = NULL;
    for (int32_t i = 0; (row = rm_preset_row_at(i)) != NULL; i++) {
        if (strcmp(row->preset.name, name) == 0) {
            return row;
        }
    }
    return NULL;
}

/* ---- the nearest name */

enum { NAME_MOST = 63 }; /* letters of a name that are compared */

/* The part of a name that is compared: lower case, without the organisation in "meta-llama/Llama-3.1-8B". */
static size_t plain_name(const char *name, char plain[NAME_MOST + 1]) {
    const char *slash = strrchr(name, '/');
    const char *from = slash == NULL ? name : slash + 1;
    size_t length = 0;
    for (; from[length] != '\0' && length < NAME_MOST; length++) {
        const char letter = from[length];
        plain[length] = letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
    }
    plain[length] = '\0';
    return length;
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Letters to insert, delete or replace (Levenshtein 1966). */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length) {
    size_t row[NAME_MOST + 1];
    for (size_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            const size_t above = row[j];
            row[j] = least(least(above, row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
            diagonal = above;
        }
    }
    return row[b_length];
}

/* A name that begins with what was asked for is nearest, then the one with the least to change. */
static const char *nearest_name(const char *name) {
    char asked[NAME_MOST + 1], known[NAME_MOST + 1];
    const size_t asked_length = plain_name(name, asked);
    const char *nearest = "";
    size_t distance = SIZE_MAX;
    const ropemap_preset *preset = NULL;
    for (int32_t i = 0; (preset = ropemap_preset_at(i)) != NULL; i++) {
        const size_t known_length = plain_name(preset->name, known);
        if (asked_length > 0 && strncmp(known, asked, asked_length) == 0) {
            return preset->name;
        }
        const size_t changes = edit_distance(asked, asked_length, known, known_length);
        if (changes < distance) {
            distance = changes;
            nearest = preset->name;
        }
    }
    return nearest;
}

/* ---- the model */

static ropemap_status take_axes(const ropemap_preset *preset, ropemap_model *model, ropemap_error *error) {
    const rm_preset_axes *row = rm_preset_axes_of(preset->name);
    if (row == NULL) {
        return ROPEMAP_OK;
    }
    RM_TRY(ropemap_axes_parse(row->axes, &model->spec.axes, error));
    memcpy(model->spec.axes.grid, row->grid, sizeof row->grid);
    rm_model_fact(model, "axes", preset->source, "%s", row->axes);
    return ROPEMAP_OK;
}

static ropemap_status fill(const rm_preset_row *row, ropemap_model *model, ropemap_error *error) {
    const ropemap_preset *preset = &row->preset;
    char rule[sizeof model->facts[0].value];
    model->spec = ropemap_spec_default();
    model->spec.base = preset->base;
    model->spec.head_dim = preset->head_dim;
    model->spec.rotary_dim = preset->rotary_dim;
    model->spec.layout = preset->layout;
    model->trained_length = preset->trained_length;
    (void)snprintf(model->name, sizeof model->name, "%s", preset->name);
    RM_TRY(ropemap_scaling_parse(preset->scaling, &model->spec.scaling, error));
    RM_TRY(take_axes(preset, model, error));
    RM_TRY(ropemap_spec_check(&model->spec, error));
    ropemap_scaling_format(&model->spec.scaling, false, rule, sizeof rule);
    rm_model_fact(model, "base", preset->source, "%.15g", preset->base);
    rm_model_fact(model, "head_dim", preset->source, "%" PRId32, preset->head_dim);
    rm_model_fact(model, "rotary_dim", preset->source, "%" PRId32, preset->rotary_dim);
    rm_model_fact(model, "layout", preset->source, "%s", ropemap_layout_name(preset->layout));
    rm_model_fact(model, "rule", preset->source, "%s", rule);
    if (preset->trained_length > 0) {
        rm_model_fact(model, "trained_length", preset->source, "%" PRId64, preset->trained_length);
    }
    if (row->warns) {
        rm_model_warn(model, "%s: %s", preset->name, preset->note);
    }
    return ROPEMAP_OK;
}

ropemap_status ropemap_model_preset(const char *name, ropemap_model **model, ropemap_error *error) {
    const rm_preset_row *row = row_named(name);
    *model = NULL;
    if (row == NULL) {
        char label[RM_LABEL_BYTES];
        rm_label_make(label, sizeof label, name);
        return rm_fail(error, ROPEMAP_USAGE,
                       "preset: no '%s'; the nearest is '%s', see ropemap info --presets", label,
                       nearest_name(name));
    }
    ropemap_model *made = rm_alloc(1, sizeof *made);
    if (made == NULL) {
        return rm_fail_memory(error, "model", sizeof *made);
    }
    const ropemap_status status = fill(row, made, error);
    if (status != ROPEMAP_OK) {
        ropemap_model_free(made);
        return status;
    }
    *model = made;
    return ROPEMAP_OK;
}
