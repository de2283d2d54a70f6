/* roofline.c - a roofline: rates against intensity, under a machine's ceilings */
/* SPDX-License-Identifier: MIT */
#include "host/figure/roofline.h"
#include "host/base/alloc.h"
#include "host/figure/number.h"
#include "host/figure/png.h"
#include "host/figure/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Pixels. */
#define RM_SCENE_MARGIN 26.0

#define RM_SCENE_WIDTH 1100.0

#define RM_SCENE_HEIGHT 780.0

#define RM_SCENE_BOTTOM 92.0

#define RM_SCENE_WORDS 17.0 /* size of subtitle, ceilings, legend, numbers */

/* Pixels. */
#define LABEL_SIZE 20.0

#define TICK_SIZE 18.0

enum { DECADES_MOST = 12 /* that have a label each */ };

static const rm_rgb ink = {0x1c, 0x1c, 0x1c}, line_ink = {0x40, 0x40, 0x40}, grid_ink = {0xe4, 0xe4, 0xe4};

static const rm_rgb white = {0xff, 0xff, 0xff};

/* Where a decimal logarithm stands. */
static double rm_scene_across(const rm_scene *plot, double log_x) {
    return RM_SCENE_LEFT + (log_x - plot->low_x) / (plot->high_x - plot->low_x) * RM_SCENE_WIDTH;
}

static double rm_scene_down(const rm_scene *plot, double log_y) {
    return RM_SCENE_TOP + (plot->high_y - log_y) / (plot->high_y - plot->low_y) * RM_SCENE_HEIGHT;
}

/* ---- places for texts */

static bool overlap(rm_area a, rm_area b) {
    return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

bool rm_scene_is_free(const rm_scene *plot, rm_area place) {
    const rm_area inside = {
        .x = RM_SCENE_LEFT, .y = RM_SCENE_TOP, .width = RM_SCENE_WIDTH, .height = RM_SCENE_HEIGHT};
    if (place.x < inside.x || place.y < inside.y || place.x + place.width > inside.x + inside.width ||
        place.y + place.height > inside.y + inside.height) {
        return false;
    }
    for (int32_t i = 0; i < plot->taken_count; i++) {
        if (overlap(place, plot->taken[i])) {
            return false;
        }
    }
    return true;
}

void rm_scene_occupy(rm_scene *plot, rm_area place) {
    plot->taken[plot->taken_count++] = place;
}

/* A text that fills the place. */
static void rm_scene_write(rm_scene *plot, rm_area place, const char *text, rm_rgb colour) {
    char clean[RM_TEXT_BYTES];
    rm_text_clean(clean, text, RM_TEXT_BYTES);
    rm_drawing_text(&plot->drawing, place.x, place.y + 0.82 * place.height, clean,
                    (rm_text_style){.size = RM_SCENE_WORDS, .ink = colour, .halo = 3.0, .halo_ink = white});
}

/* ---- axes */

/* 10^power */
static void decade(char text[RM_NUMBER_TEXT], int power) {
    if (power < -3 || power > 6) {
        rm_number_scientific(text, 1, 0, power);
    } else if (power < 0) {
        rm_number_decimal(text, 1, -power);
    } else {
        int64_t value = 1;
        for (int i = 0; i < power; i++) {
            value *= 10;
        }
        rm_number_grouped(text, value);
    }
}

/* Every decade, or every so many that their labels keep apart. */
static int decades_apart(double low, double high) {
    return 1 + (int)((high - low) / DECADES_MOST);
}

/* Lines and numbers of whole decades, FLOP a byte across and GFLOP a second upwards. */
static void rm_scene_axes(rm_scene *plot) {
    const int step_x = decades_apart(plot->low_x, plot->high_x);
    const int step_y = decades_apart(plot->low_y, plot->high_y);
    char text[RM_NUMBER_TEXT];
    const rm_text_style below = {.size = TICK_SIZE, .ink = ink, .anchor = RM_ANCHOR_MIDDLE};
    const rm_text_style beside = {.size = TICK_SIZE, .ink = ink, .anchor = RM_ANCHOR_END};
    const double end_y = RM_SCENE_TOP + RM_SCENE_HEIGHT;
    for (int power = (int)ceil(plot->low_x); power <= (int)floor(plot->high_x); power += step_x) {
        const double x = round(rm_scene_across(plot, power));
        rm_drawing_line(&plot->drawing, x + 0.5, RM_SCENE_TOP, 0.0, RM_SCENE_HEIGHT, 1.0, grid_ink);
        decade(text, power);
        rm_drawing_text(&plot->drawing, x, end_y + 10.0 + TICK_SIZE, text, below);
    }
    for (int power = (int)ceil(plot->low_y); power <= (int)floor(plot->high_y); power += step_y) {
        const double y = round(rm_scene_down(plot, power));
        rm_drawing_line(&plot->drawing, RM_SCENE_LEFT, y + 0.5, RM_SCENE_WIDTH, 0.0, 1.0, grid_ink);
        decade(text, power);
        rm_drawing_text(&plot->drawing, RM_SCENE_LEFT - 10.0, y + 0.36 * TICK_SIZE, text, beside);
    }
    rm_drawing_line(&plot->drawing, RM_SCENE_LEFT - 1.0, RM_SCENE_TOP, 0.0, RM_SCENE_HEIGHT, 2.0, line_ink);
    rm_drawing_line(&plot->drawing, RM_SCENE_LEFT - 2.0, end_y + 1.0, RM_SCENE_WIDTH + 2.0, 0.0, 2.0,
                    line_ink);
    rm_drawing_text(&plot->drawing, RM_SCENE_LEFT + RM_SCENE_WIDTH / 2.0, end_y + 66.0, "FLOP / byte",
                    (rm_text_style){.size = LABEL_SIZE, .ink = ink, .anchor = RM_ANCHOR_MIDDLE});
    rm_drawing_text(
        &plot->drawing, RM_SCENE_MARGIN + LABEL_SIZE, RM_SCENE_TOP + RM_SCENE_HEIGHT / 2.0, "GFLOP / s",
        (rm_text_style){.size = LABEL_SIZE, .ink = ink, .anchor = RM_ANCHOR_MIDDLE, .upwards = true});
}

/*
 * Points are numbered in the picture and named beside it, so that many of them stay readable. A text goes to
 * the first of several places where it covers no other.
 */

/* Pixels. */
#define TITLE_SIZE 27.0

#define LEGEND_STEP 25.0

#define MARK 10.0 /* side of a point */

enum { POINTS_MAX = 500, CEILINGS_MAX = 16, RINGS = 6, PLACES = 12 };

static const rm_rgb point_ink = {0x1c, 0x1c, 0x1c}, soft_ink = {0x5a, 0x5a, 0x5a},
                    ceiling_ink = {0x40, 0x40, 0x40};

/* Okabe and Ito 2008: told apart by every kind of eye. */
static const rm_rgb inks[RM_SCENE_INKS] = {{0x00, 0x72, 0xb2}, {0xd5, 0x5e, 0x00}, {0x00, 0x9e, 0x73},
                                           {0xcc, 0x79, 0xa7}, {0xe6, 0x9f, 0x00}, {0x56, 0xb4, 0xe9},
                                           {0x50, 0x50, 0x50}};

/* ---- checks and ranges */

static bool is_positive(double value) {
    return value > 0.0 && isfinite(value);
}

static ropemap_status check(const ropemap_roofline *roofline, ropemap_error *error) {
    if (roofline->point_count < 1 || roofline->point_count > POINTS_MAX || roofline->ceiling_count < 0 ||
        roofline->ceiling_count > CEILINGS_MAX) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "roofline: %d points and %d ceilings, expected 1 to %d and at most %d",
                       roofline->point_count, roofline->ceiling_count, POINTS_MAX, CEILINGS_MAX);
    }
    for (int32_t i = 0; i < roofline->point_count; i++) {
        const ropemap_roofline_point *point = &roofline->points[i];
        if (!is_positive(point->bytes) || !is_positive(point->flops) || !is_positive(point->seconds)) {
            return rm_fail(error, ROPEMAP_USAGE,
                           "roofline: point %d has %g bytes, %g FLOP, %g s, expected numbers above 0", i,
                           point->bytes, point->flops, point->seconds);
        }
    }
    for (int32_t i = 0; i < roofline->ceiling_count; i++) {
        if (!is_positive(roofline->ceilings[i].rate)) {
            return rm_fail(error, ROPEMAP_USAGE, "roofline: ceiling %d is %g, expected a number above 0", i,
                           roofline->ceilings[i].rate);
        }
    }
    return ROPEMAP_OK;
}

static double log_intensity(const ropemap_roofline_point *point) {
    return log10(point->flops) - log10(point->bytes);
}

/* GFLOP a second. */
static double log_speed(const ropemap_roofline_point *point) {
    return log10(point->flops) - log10(point->seconds) - 9.0;
}

static void take(double *low, double *high, double value) {
    *low = fmin(*low, value);
    *high = fmax(*high, value);
}

/* To whole decades where there would be fewer than two to read the axis by. */
static void widen(double *low, double *high) {
    if (floor(*high) - ceil(*low) < 1.0) {
        *low = floor(*low);
        *high = ceil(*high);
    }
}

/* Holds every point and every level, and where slopes meet levels; wide enough for a tick each way. */
static void choose_range(const ropemap_roofline *roofline, rm_scene *plot) {
    double low_x = INFINITY, high_x = -INFINITY, low_y = INFINITY, high_y = -INFINITY;
    for (int32_t i = 0; i < roofline->point_count; i++) {
        take(&low_x, &high_x, log_intensity(&roofline->points[i]));
        take(&low_y, &high_y, log_speed(&roofline->points[i]));
    }
    for (int32_t i = 0; i < roofline->ceiling_count; i++) {
        const ropemap_roofline_ceiling *level = &roofline->ceilings[i];
        if (!level->of_flops) {
            continue;
        }
        take(&low_y, &high_y, log10(level->rate) - 9.0);
        for (int32_t j = 0; j < roofline->ceiling_count; j++) {
            if (!roofline->ceilings[j].of_flops) {
                take(&low_x, &high_x, log10(level->rate) - log10(roofline->ceilings[j].rate));
            }
        }
    }
    plot->low_x = low_x - 0.4;
    plot->high_x = high_x + 0.8; /* room for the names of levels */
    plot->low_y = low_y - 0.4;
    plot->high_y = high_y + 0.4;
    widen(&plot->low_x, &plot->high_x);
    widen(&plot->low_y, &plot->high_y);
}

/* ---- ceilings */

/* The steepest slope meets a level here; without slopes it begins at the left. */
static double ridge(const ropemap_roofline *roofline, const rm_scene *plot, double log_level) {
    double most = plot->low_x;
    bool sloped = false;
    for (int32_t i = 0; i < roofline->ceiling_count; i++) {
        if (!roofline->ceilings[i].of_flops) {
            const double meets = log_level + 9.0 - log10(roofline->ceilings[i].rate);
            most = sloped ? fmin(most, meets) : meets;
            sloped = true;
        }
    }
    return fmin(fmax(most, plot->low_x), plot->high_x);
}

static double highest_level(const ropemap_roofline *roofline, const rm_scene *plot) {
    double most = -INFINITY;
    for (int32_t i = 0; i < roofline->ceiling_count; i++) {
        if (roofline->ceilings[i].of_flops) {
            most = fmax(most, log10(roofline->ceilings[i].rate) - 9.0);
        }
    }
    return isfinite(most) ? most : plot->high_y;
}

/* "copy: 2,950 GB/s" beside a line from `from` to `to`: of a level as near to `to` as there is room, of a
 * slope to `from`. */
static void name_ceiling(rm_scene *plot, const ropemap_roofline_ceiling *ceiling, rm_area from, rm_area to) {
    char rate[RM_NUMBER_TEXT], text[RM_TEXT_BYTES];
    rm_number_grouped(rate, (int64_t)fmin(round(ceiling->rate * 1e-9), 1e15));
    (void)snprintf(text, sizeof text, "%.80s: %s %s", ceiling->label, rate,
                   ceiling->of_flops ? "GFLOP/s" : "GB/s");
    const double width = rm_font_width(text, RM_SCENE_WORDS) + 6.0, height = 1.3 * RM_SCENE_WORDS;
    for (int at = 0; at < 2 * (2 * PLACES + 1); at++) {
        const double along = (double)(at / 2) / (2.0 * PLACES),
                     part = ceiling->of_flops ? 1.0 - along : along;
        const double x = from.x + part * (to.x - from.x), y = from.y + part * (to.y - from.y);
        const bool above = at % 2 == (ceiling->of_flops ? 0 : 1);
        const rm_area level = {x - width, above ? y - height - 1.0 : y + 2.0, width, height};
        const rm_area slope = {above ? x - width - 8.0 : x + 8.0, above ? y - height : y, width, height};
        const rm_area place = ceiling->of_flops ? level : slope;
        if (rm_scene_is_free(plot, place)) {
            rm_scene_occupy(plot, place);
            rm_scene_write(plot, place, text, soft_ink);
            return;
        }
    }
}

static void draw_ceiling(const ropemap_roofline *roofline, rm_scene *plot,
                         const ropemap_roofline_ceiling *ceiling, bool names) {
    double x0, y0, x1, y1;
    if (ceiling->of_flops) {
        y0 = y1 = log10(ceiling->rate) - 9.0;
        x0 = ridge(roofline, plot, y0);
        x1 = plot->high_x;
    } else {
        const double rate = log10(ceiling->rate) - 9.0;
        x0 = fmax(plot->low_x, plot->low_y - rate);
        x1 = fmin(plot->high_x, highest_level(roofline, plot) - rate);
        y0 = x0 + rate;
        y1 = x1 + rate;
    }
    if (x1 <= x0) {
        return;
    }
    const rm_area from = {.x = rm_scene_across(plot, x0), .y = rm_scene_down(plot, y0)};
    const rm_area to = {.x = rm_scene_across(plot, x1), .y = rm_scene_down(plot, y1)};
    if (names) {
        name_ceiling(plot, ceiling, from, to);
    } else {
        rm_drawing_line(&plot->drawing, from.x, from.y, to.x - from.x, to.y - from.y, 2.0, ceiling_ink);
    }
}

/* ---- points */

/* One colour for all labels that begin with the same word. */
static rm_rgb ink_of(rm_scene *plot, const char *label) {
    const size_t length = strcspn(label, " ");
    int group = 0;
    for (; group < RM_SCENE_INKS - 1 && plot->groups[group] != NULL; group++) {
        const char *known = plot->groups[group];
        if (strcspn(known, " ") == length && strncmp(known, label, length) == 0) {
            return inks[group];
        }
    }
    plot->groups[group] = plot->groups[group] != NULL ? plot->groups[group] : label;
    return inks[group];
}

static rm_area mark_of(const rm_scene *plot, const ropemap_roofline_point *point) {
    const double x = rm_scene_across(plot, log_intensity(point)), y = rm_scene_down(plot, log_speed(point));
    return (rm_area){.x = round(x - MARK / 2.0), .y = round(y - MARK / 2.0), .width = MARK, .height = MARK};
}

/* Around the point, farther and farther; where nothing is free the list beside the plot has to do. */
static void number_point(rm_scene *plot, rm_area mark, int32_t number, rm_rgb colour) {
    char text[16];
    (void)snprintf(text, sizeof text, "%d", (int)number);
    const double width = rm_font_width(text, RM_SCENE_WORDS) + 2.0, height = 0.95 * RM_SCENE_WORDS;
    const double x = mark.x + MARK / 2.0, y = mark.y + MARK / 2.0;
    for (int at = 0; at < RINGS * PLACES; at++) {
        const double angle = 2.0 * acos(-1.0) * (double)(at % PLACES) / PLACES;
        const double reach = MARK + 3.0 + 14.0 * (double)(at / PLACES);
        const double place_x = x + cos(angle) * (reach + width / 2.0 - MARK / 4.0);
        const double place_y = y - sin(angle) * (reach + height / 2.0 - MARK / 2.0);
        const rm_area place = {place_x - width / 2.0, place_y - height / 2.0, width, height};
        if (rm_scene_is_free(plot, place)) {
            rm_scene_occupy(plot, place);
            if (at >= PLACES) {
                rm_drawing_line(&plot->drawing, x, y, place_x - x, place_y - y, 1.0, colour);
            }
            rm_scene_write(plot, place, text, colour);
            return;
        }
    }
}

static void draw_marks(const ropemap_roofline *roofline, rm_scene *plot) {
    for (int32_t i = 0; i < roofline->point_count; i++) {
        const rm_area mark = mark_of(plot, &roofline->points[i]);
        rm_scene_occupy(plot, mark);
        rm_drawing_rectangle(&plot->drawing, mark.x - 1.0, mark.y - 1.0, MARK + 2.0, MARK + 2.0, white);
        rm_drawing_rectangle(&plot->drawing, mark.x, mark.y, MARK, MARK,
                             ink_of(plot, roofline->points[i].label));
    }
}

static void draw_numbers(const ropemap_roofline *roofline, rm_scene *plot) {
    for (int32_t i = 0; i < roofline->point_count; i++) {
        const ropemap_roofline_point *point = &roofline->points[i];
        number_point(plot, mark_of(plot, point), i + 1, ink_of(plot, point->label));
    }
}

/* The names of all points, in columns beside the plot; returns the width of the figure. */
static double draw_legend(const ropemap_roofline *roofline, rm_scene *plot) {
    const int32_t lines = (int32_t)((RM_SCENE_HEIGHT + RM_SCENE_BOTTOM - RM_SCENE_MARGIN) / LEGEND_STEP);
    double x = RM_SCENE_LEFT + RM_SCENE_WIDTH + 34.0, widest = 0.0;
    for (int32_t i = 0; i < roofline->point_count; i++) {
        char text[RM_TEXT_BYTES], clean[RM_TEXT_BYTES];
        if (i > 0 && i % lines == 0) {
            x += widest + 28.0;
            widest = 0.0;
        }
        (void)snprintf(text, sizeof text, "%d  %.150s", (int)i + 1, roofline->points[i].label);
        rm_text_clean(clean, text, sizeof text);
        const double y = RM_SCENE_TOP + 0.8 * LEGEND_STEP + LEGEND_STEP * (double)(i % lines);
        rm_drawing_text(
            &plot->drawing, x, y, clean,
            (rm_text_style){.size = RM_SCENE_WORDS, .ink = ink_of(plot, roofline->points[i].label)});
        widest = fmax(widest, rm_font_width(clean, RM_SCENE_WORDS));
    }
    return x + widest + RM_SCENE_MARGIN;
}

static double draw_title(const ropemap_roofline *roofline, rm_scene *plot) {
    char title[RM_TEXT_BYTES], subtitle[RM_TEXT_BYTES];
    rm_text_clean(title, roofline->title, RM_TEXT_BYTES);
    rm_text_clean(subtitle, roofline->subtitle, RM_TEXT_BYTES);
    rm_drawing_text(&plot->drawing, RM_SCENE_LEFT, RM_SCENE_MARGIN + TITLE_SIZE, title,
                    (rm_text_style){.size = TITLE_SIZE, .ink = point_ink});
    rm_drawing_text(&plot->drawing, RM_SCENE_LEFT, RM_SCENE_MARGIN + TITLE_SIZE + 30.0, subtitle,
                    (rm_text_style){.size = RM_SCENE_WORDS, .ink = soft_ink});
    const double widest = fmax(rm_font_width(title, TITLE_SIZE), rm_font_width(subtitle, RM_SCENE_WORDS));
    return RM_SCENE_LEFT + widest + RM_SCENE_MARGIN;
}

static void draw(const ropemap_roofline *roofline, rm_scene *plot) {
    choose_range(roofline, plot);
    rm_scene_axes(plot);
    for (int32_t i = 0; i < roofline->ceiling_count; i++) {
        draw_ceiling(roofline, plot, &roofline->ceilings[i], false);
    }
    draw_marks(roofline, plot);
    for (int32_t i = 0; i < roofline->ceiling_count; i++) {
        draw_ceiling(roofline, plot, &roofline->ceilings[i], true);
    }
    draw_numbers(roofline, plot);
    const double width = fmax(draw_legend(roofline, plot), draw_title(roofline, plot));
    plot->drawing.width = (int64_t)ceil(width);
    plot->drawing.height = (int64_t)(RM_SCENE_TOP + RM_SCENE_HEIGHT + RM_SCENE_BOTTOM);
}

ropemap_status ropemap_roofline_png(const ropemap_roofline *roofline, ropemap_bytes *bytes,
                                    ropemap_error *error) {
    RM_TRY(check(roofline, error));
    RM_TRY(rm_font_ready(error));
    rm_scene plot = {.taken_count = 0};
    const uint64_t most = 2 * (uint64_t)roofline->point_count + (uint64_t)roofline->ceiling_count;
    plot.taken = rm_alloc(most, sizeof *plot.taken);
    if (plot.taken == NULL) {
        return rm_fail_memory(error, "roofline", most * sizeof *plot.taken);
    }
    draw(roofline, &plot);
    rm_free(plot.taken);
    ropemap_image image = {.rgb = NULL};
    const ropemap_status status = rm_drawing_pixels(&plot.drawing, &image, error);
    rm_drawing_free(&plot.drawing);
    return status == ROPEMAP_OK ? rm_pixels_png(&image, 0.0, bytes, error) : status;
}
