/* print_size.h - how large a picture is, in the units that people write, and whether it has a title */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_PRINT_SIZE_H
#define ROPEMAP_TOOLS_PRINT_SIZE_H

#include "tools/ropemap/command.h"

typedef struct print_length {
    double size; /* millimetres, or points of text; or pixels. 0: not given */
    bool pixels;
} print_length;

/* The size as given; zeroed: the usual one. */
typedef struct print_size {
    print_length width, height, font;
    double dpi;
    bool no_title;
    ropemap_font *face; /* of --font; NULL: the usual one. Owned */
} print_size;

void print_size_free(print_size *size);

/* The rows of every figure, --width, --dpi, --font-size, --font and --no-title, and --height of charts; they
 * fill a print_size. Lengths are "180mm", "18cm", "3.5in", "255pt" or "1024px", 1 to 5080 mm (200 inches);
 * sizes of text "8", "8pt" or "12px". */
extern const cli_option print_rows[], print_height_rows[];

/* The same in the library's units, of which 0 is its own choice. */
typedef struct print_scale {
    int64_t width, height; /* pixels */
    double font_size, dpi;
    double millimetres; /* of a page */
} print_scale;

/*
 * Of a PNG or a page. What is printed has --dpi pixels an inch, 300 unless given, and text of 7 points unless
 * given. A page whose text has no size is what it would be without a width, made smaller or larger.
 */
print_scale print_scale_of(const print_size *size, bool png);

/* Gives a figure of maps its size, font and whether it has a title, and returns its size in print. */
ropemap_page print_figure(const print_size *size, bool png, ropemap_figure *figure);

/* The same of a chart. `pixels` are those of --size, 0 for the chart's own;
 * `shape`, height by width, is that of a chart without either; 0: from what it shows. */
ropemap_page print_chart(const print_size *size, cli_size pixels, double shape, bool png,
                         ropemap_chart *chart);

/* Height of a chart by its width. */
#define PRINT_SHAPE 0.625

/* ROPEMAP_USAGE where text comes to more or fewer pixels than there can be. */
ropemap_status print_size_check(const print_size *size, ropemap_error *error);

#endif
