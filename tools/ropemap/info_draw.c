/* info_draw.c - the wavelengths of a rule's pairs, scaled and not, beside the trained length */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/info_report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double TWO_PI = 6.283185307179586477;

static void fill(const info_rule *info, const double *radians, double *wavelengths) {
    for (int32_t i = 0; i < info->pairs; i++) {
        wavelengths[i] =
            radians[i] != 0.0 ? TWO_PI / fabs(radians[i]) : (double)NAN; /* a pair that does not turn */
    }
}

enum { MARKS_MOST = 12, MARK_BYTES = 80 };

struct marks {
    ropemap_mark marks[MARKS_MOST];
    char texts[MARKS_MOST][MARK_BYTES];
    int32_t count;
};

static void mark_length(struct marks *to, const char *name, double tokens) {
    (void)snprintf(to->texts[to->count], MARK_BYTES, "%s, %.0f tokens", name, tokens);
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
            (void)snprintf(text, MARK_BYTES, "angles not seen in training, at %.0f tokens",
                           (double)info->target_length);
        } else {
            (void)snprintf(text, MARK_BYTES, "angles not seen in training, past %.0f tokens",
                           (double)info->seen_length);
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

/* A series of each axis, or of all pairs, and one of what they would be unscaled. */
static int32_t make_series(const info_rule *info, ropemap_series series[ROPEMAP_MAX_AXES + 1]) {
    static double pairs[ROPEMAP_MAX_PAIRS], scaled[ROPEMAP_MAX_PAIRS], plain[ROPEMAP_MAX_PAIRS];
    static double own[ROPEMAP_MAX_AXES][ROPEMAP_MAX_PAIRS];
    const ropemap_spec *spec = info->spec;
    const bool is_scaled = spec->scaling.rule != ROPEMAP_SCALING_NONE;
    int32_t count = 0;
    for (int32_t i = 0; i < info->pairs; i++) {
        pairs[i] = (double)i;
    }
    fill(info, info->radians, scaled);
    fill(info, info->plain, plain);
    for (int32_t axis = 0; axis < spec->axes.count; axis++) {
        take_axis(info, axis, scaled, own[axis]);
        series[count++] = (ropemap_series){.label = ropemap_axis_name(&spec->axes, axis),
                                           .x = pairs,
                                           .y = own[axis],
                                           .count = info->pairs,
                                           .points = true};
    }
    if (count == 0) {
        series[count++] = (ropemap_series){.label = is_scaled ? ropemap_scaling_name(spec->scaling.rule)
                                                    : spec->frequencies != NULL ? "given"
                                                                                : "base^(-2i/D)",
                                           .x = pairs,
                                           .y = scaled,
                                           .count = info->pairs,
                                           .points = true};
    }
    series[count] =
        (ropemap_series){.label = "unscaled", .x = pairs, .y = plain, .count = info->pairs, .dashed = true};
    return count + (is_scaled ? 1 : 0);
}

ropemap_status info_draw(const info_rule *info, ropemap_bytes *bytes, ropemap_error *error) {
    const ropemap_spec *spec = info->spec;
    char title[160], subtitle[400], scaling[120], origin[120];
    struct marks marks = {.count = 0};
    ropemap_series series[ROPEMAP_MAX_AXES + 1];
    const int32_t count = make_series(info, series);
    make_marks(info, &marks);
    ropemap_scaling_format(&spec->scaling, false, scaling, sizeof scaling);
    (void)snprintf(title, sizeof title, "Wavelengths of RoPE pairs%s%.100s", info->model != NULL ? ", " : "",
                   info->model != NULL ? ropemap_model_name(info->model) : "");
    rule_origin(spec, origin, sizeof origin);
    (void)snprintf(subtitle, sizeof subtitle, "%s%s%s, %d of %d dimensions rotate, attention factor %.6g",
                   origin, spec->frequencies == NULL ? ", " : "", spec->frequencies == NULL ? scaling : "",
                   2 * (int)info->pairs, (int)spec->head_dim, info->attention);
    if (spec->axes.count > 0) {
        char axes[80];
        const size_t length = strlen(subtitle);
        ropemap_axes_format(&spec->axes, axes, sizeof axes);
        (void)snprintf(subtitle + length, sizeof subtitle - length, ", axes %s", axes);
    }
    const ropemap_chart chart = {.title = title,
                                 .subtitle = subtitle,
                                 .x_label = "pair",
                                 .y_label = ropemap_axes_apart(&spec->axes) ? "wavelength (patches)"
                                                                            : "wavelength (tokens)",
                                 .log_y = true,
                                 .series = series,
                                 .series_count = count,
                                 .marks = marks.marks,
                                 .mark_count = marks.count};
    return ropemap_chart_png(&chart, bytes, error);
}
