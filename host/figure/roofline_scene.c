/* roofline_scene.c - logarithmic axes, and which places in them are taken */
/* SPDX-License-Identifier: MIT */
#include "host/figure/roofline_scene.h"

#include "host/figure/number.h"

#include <math.h>

/* Pixels. */
#define LABEL_SIZE 20.0
#define TICK_SIZE  18.0

enum { DECADES_MOST = 12 /* that have a label each */ };

static const rm_rgb ink = {0x1c, 0x1c, 0x1c}, line_ink = {0x40, 0x40, 0x40}, grid_ink = {0xe4, 0xe4, 0xe4};
static const rm_rgb white = {0xff, 0xff, 0xff};

double rm_scene_across(const rm_scene *plot, double log_x) {
    return RM_SCENE_LEFT + (log_x - plot->low_x) / (plot->high_x - plot->low_x) * RM_SCENE_WIDTH;
}

double rm_scene_down(const rm_scene *plot, double log_y) {
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

void rm_scene_write(rm_scene *plot, rm_area place, const char *text, rm_rgb colour) {
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

void rm_scene_axes(rm_scene *plot) {
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
