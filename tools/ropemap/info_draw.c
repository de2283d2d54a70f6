/* info_draw.c - the wavelengths of a rule's pairs, scaled and not, beside the trained length */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/info_report.h"

#include <math.h>
#include <stdio.h>

static const double TWO_PI = 6.283185307179586477;

static void fill(const info_rule *info, const double *radians, double *wavelengths) {
    for (int32_t i = 0; i < info->pairs; i++) {
        wavelengths[i] = radians[i] > 0.0 ? TWO_PI / radians[i] : (double)NAN; /* a pair that does not turn */
    }
}

/* Lengths that the picture is read against. */
static int32_t mark_lengths(const info_rule *info, ropemap_mark marks[2], char texts[2][60]) {
    const double original = info->spec->scaling.original_length;
    int32_t count = 0;
    if (info->trained_length > 0) {
        (void)snprintf(texts[count], 60, "trained length, %.0f tokens", (double)info->trained_length);
        marks[count] = (ropemap_mark){.at = (double)info->trained_length, .label = texts[count]};
        count++;
    }
    if (original > 0.0 && original != (double)info->trained_length) {
        (void)snprintf(texts[count], 60, "original length, %.0f tokens", original);
        marks[count] = (ropemap_mark){.at = original, .label = texts[count]};
        count++;
    }
    return count;
}

ropemap_status info_draw(const info_rule *info, ropemap_bytes *bytes, ropemap_error *error) {
    static double pairs[ROPEMAP_MAX_PAIRS], scaled[ROPEMAP_MAX_PAIRS], plain[ROPEMAP_MAX_PAIRS];
    const ropemap_spec *spec = info->spec;
    char title[160], subtitle[200], scaling[120], texts[2][60];
    ropemap_mark marks[2];
    for (int32_t i = 0; i < info->pairs; i++) {
        pairs[i] = (double)i;
    }
    fill(info, info->radians, scaled);
    fill(info, info->plain, plain);
    ropemap_scaling_format(&spec->scaling, false, scaling, sizeof scaling);
    (void)snprintf(title, sizeof title, "Wavelengths of RoPE pairs%s%.100s", info->model != NULL ? ", " : "",
                   info->model != NULL ? ropemap_model_name(info->model) : "");
    (void)snprintf(subtitle, sizeof subtitle,
                   "base %.10g, %s, %d of %d dimensions rotate, attention factor %.6g", spec->base, scaling,
                   2 * (int)info->pairs, (int)spec->head_dim, info->attention);
    const bool is_scaled = spec->scaling.rule != ROPEMAP_SCALING_NONE;
    const ropemap_series series[] = {
        {.label = is_scaled ? ropemap_scaling_name(spec->scaling.rule) : "base^(-2i/D)",
         .x = pairs,
         .y = scaled,
         .count = info->pairs,
         .points = true},
        {.label = "unscaled", .x = pairs, .y = plain, .count = info->pairs, .dashed = true}};
    const ropemap_chart chart = {.title = title,
                                 .subtitle = subtitle,
                                 .x_label = "pair",
                                 .y_label = "wavelength (tokens)",
                                 .log_y = true,
                                 .series = series,
                                 .series_count = is_scaled ? 2 : 1,
                                 .marks = marks,
                                 .mark_count = mark_lengths(info, marks, texts)};
    return ropemap_chart_png(&chart, bytes, error);
}
