/* cell_text.c - the value of each cell, written in it */
/* SPDX-License-Identifier: MIT */
#include "host/figure/cell_text.h"
#include "host/figure/font.h"

#include <math.h>

#define READABLE 5.0 /* contrast, 1 to 21; WCAG 2.2 asks for 4.5 */

static const rm_rgb black = {0, 0, 0}, white = {255, 255, 255};

/* Luminance of a colour, 0 to 1, as contrast is reckoned with (WCAG 2.2, relative luminance). */
static double luminance(const uint8_t rgb[3]) {
    static const double weight[3] = {0.2126, 0.7152, 0.0722};
    double sum = 0.0;
    for (int channel = 0; channel < 3; channel++) {
        const double value = rgb[channel] / 255.0;
        sum += weight[channel] * (value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4));
    }
    return sum;
}

/* The size at which the widest number takes 80 % of a cell's width, and digits half of its height at most. */
static double number_size(const rm_layout *layout, const ropemap_map *map) {
    const double wide = (double)layout->map.width / (double)map->width;
    const double tall = (double)layout->map.height / (double)map->height;
    double widest = 0.0;
    for (int64_t cell = 0; cell < map->height * map->width; cell++) {
        char text[RM_NUMBER_TEXT];
        rm_number_cell(text, (double)map->cells[cell]);
        widest = fmax(widest, rm_font_width(text, 1.0));
    }
    return fmin(fmin(0.8 * wide / widest, 0.5 * tall / RM_FONT_DIGIT), 1.4 * layout->tick_size);
}

/* Part of the way from a colour to black or white. */
static rm_rgb shade(const uint8_t rgb[3], bool to_black, double part) {
    const double end = to_black ? 0.0 : 255.0;
    return (rm_rgb){(uint8_t)lround(rgb[0] + part * (end - rgb[0])),
                    (uint8_t)lround(rgb[1] + part * (end - rgb[1])),
                    (uint8_t)lround(rgb[2] + part * (end - rgb[2]))};
}

/*
 * White above half of the range, else black, whatever the colour map. Where that is hard to read on the
 * cell's colour, letters have an outline in a shade of that colour: the darker or lighter, the less the
 * contrast is.
 */
static rm_text_style number_style(double size, double place, const uint8_t rgb[3]) {
    const bool light = place > 0.5;
    const double ground = luminance(rgb) + 0.05, contrast = light ? 1.05 / ground : ground / 0.05;
    const double lack = fmin(fmax((READABLE - contrast) / (READABLE - 1.0), 0.0), 1.0);
    return (rm_text_style){.size = size,
                           .ink = light ? white : black,
                           .anchor = RM_ANCHOR_MIDDLE,
                           .halo = lack > 0.0 ? 0.09 * size : 0.0,
                           .halo_ink = shade(rgb, light, 0.25 + 0.5 * lack)};
}

bool rm_cell_text_wanted(const ropemap_figure *figure, const ropemap_map *map) {
    return figure->rows.count <= RM_CELL_TEXT_SIDE && figure->cols.count <= RM_CELL_TEXT_SIDE &&
           map->height == figure->rows.count && map->width == figure->cols.count;
}

void rm_cell_text_draw(rm_drawing *drawing, const rm_layout *layout, const ropemap_map *map,
                       const uint8_t *levels, const rm_colour *colour) {
    const double size = number_size(layout, map);
    const double wide = (double)layout->map.width / (double)map->width;
    const double tall = (double)layout->map.height / (double)map->height;
    for (int64_t cell = 0; cell < map->height * map->width; cell++) {
        const double value = (double)map->cells[cell];
        if (isnan(value)) {
            continue; /* its colour says so, and the swatch below the bar */
        }
        char text[RM_NUMBER_TEXT];
        rm_number_cell(text, value);
        const double x = (double)layout->map.x + ((double)(cell % map->width) + 0.5) * wide;
        const double y = (double)layout->map.y + ((double)(cell / map->width) + 0.5) * tall;
        rm_drawing_text(
            drawing, x, y + RM_FONT_DIGIT / 2.0 * size, text,
            number_style(size, rm_colour_place(colour, value), colour->palette.rgb[levels[cell]]));
    }
}
