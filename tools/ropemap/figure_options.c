/* figure_options.c - options of a figure: colours, limits, frame */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/figure_options.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/number.h"
#include "tools/ropemap/options.h"

#include <stdio.h>
#include <string.h>

enum { PART_MAX = 80 };

/* What the library takes: a share up to 0.4. */
#define PERCENT_MOST 40.0

const char *norm_choice(int index) {
    return ropemap_norm_name((ropemap_norm)index);
}

/* linear, log, symlog or symlog:LINEAR */
ropemap_status set_norm(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    map_figure *figure = &((map_options *)into)->figure;
    char name[PART_MAX];
    const size_t length = strcspn(text, ":");
    (void)snprintf(name, sizeof name, "%.*s", (int)length, text);
    int index = 0;
    ropemap_status status = option_choose(option, length < sizeof name ? name : text, &index, error);
    figure->norm = (ropemap_norm)index;
    figure->linear_below = 0.0;
    if (status != ROPEMAP_OK || text[length] == '\0') {
        return status;
    }
    if (figure->norm != ROPEMAP_NORM_SYMLOG) {
        return fail(error, ROPEMAP_USAGE,
                    "--norm: '%.64s', expected a number after symlog alone, where it is linear", text);
    }
    status =
        number_real(option_subject_of(option, text).text, text + length + 1, &figure->linear_below, error);
    return status == ROPEMAP_OK && !(figure->linear_below > 0.0)
               ? fail(error, ROPEMAP_USAGE, "--norm: '%.64s', expected a number above 0", text)
               : status;
}

ropemap_status set_percentile(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    map_figure *figure = &((map_options *)into)->figure;
    double percent = 0.0;
    const ropemap_status status = number_real(option_subject(option).text, text, &percent, error);
    figure->percentile = percent / 100.0;
    return status == ROPEMAP_OK && !(percent > 0.0 && percent <= PERCENT_MOST)
               ? fail(error, ROPEMAP_USAGE,
                      "--percentile: '%.64s', expected a percentage above 0, %.0f at most", text,
                      PERCENT_MOST)
               : status;
}

/* V or V,V,... */
ropemap_status set_contours(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    map_figure *figure = &((map_options *)into)->figure;
    enum { MOST = (int)(sizeof figure->contours / sizeof *figure->contours) };
    const char *at = text;
    for (bool more = true; more;) {
        char part[PART_MAX];
        const size_t length = strcspn(at, ",");
        (void)snprintf(part, sizeof part, "%.*s", (int)length, at);
        if (figure->contour_count == MOST) {
            return fail(error, ROPEMAP_USAGE, "--contour: one too many ('%.64s'), expected at most %d", at,
                        (int)MOST);
        }
        const ropemap_status status = number_real(option_subject_of(option, text).text, part,
                                                  &figure->contours[figure->contour_count], error);
        if (status != ROPEMAP_OK) {
            return status;
        }
        figure->contour_count++;
        more = at[length] == ',';
        at += length + 1;
    }
    return ROPEMAP_OK;
}

ropemap_status figure_options_check(const map_options *options, ropemap_error *error) {
    const map_figure *figure = &options->figure;
    if (figure->percentile > 0.0 && options->has_limits) {
        return fail(error, ROPEMAP_USAGE, "--percentile: given with --clim, expected one of the two");
    }
    if (figure->norm == ROPEMAP_NORM_LOG && options->has_limits && !(options->low > 0.0)) {
        return fail(error, ROPEMAP_USAGE,
                    "--clim: %g to %g with --norm log, expected both above 0; symlog takes the others",
                    options->low, options->high);
    }
    const char *frame = figure->contour_count > 0   ? "contour"
                        : figure->dark              ? "dark"
                        : options->print.font > 0.0 ? "font-size"
                                                    : NULL;
    if (options->bare && frame != NULL) {
        return fail(error, ROPEMAP_USAGE, "--%s: given with --bare, expected it on a framed map", frame);
    }
    if (options->bare && options->print.width > 0.0 && options->print.dpi > 0.0) {
        return fail(
            error, ROPEMAP_USAGE,
            "--dpi: given with --bare and --width, whose pixels are the cells, expected one of the two");
    }
    return print_size_check(&options->print, error);
}

/* Where the axes count what is no position of the model's, its length has no place on them. */
static int64_t trained_length(const map_options *options) {
    const bool positions = options->positions_from == NULL && options->shift == 0;
    return positions && options->rule.opened != NULL ? ropemap_model_trained_length(options->rule.opened) : 0;
}

void figure_options_apply(const map_options *options, bool png, ropemap_figure *figure) {
    const map_figure *asked = &options->figure;
    const print_scale scale = print_scale_of(&options->print, png);
    figure->norm = asked->norm;
    figure->linear_below = asked->linear_below;
    figure->percentile = asked->percentile;
    memcpy(figure->contours, asked->contours, sizeof figure->contours);
    figure->contour_count = asked->contour_count;
    figure->trained_length = trained_length(options);
    figure->dark = asked->dark;
    figure->width = scale.width;
    figure->font_size = scale.font_size;
}
