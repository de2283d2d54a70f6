/* print_size.h - how large a picture is: --width, --dpi and --font-size, in the units that people write */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_PRINT_SIZE_H
#define ROPEMAP_TOOLS_PRINT_SIZE_H

#include "tools/ropemap/command.h"

/* The size as given; zeroed: the usual one. */
typedef struct print_size {
    double width; /* millimetres, or pixels */
    double font;  /* points, or pixels */
    double dpi;
    bool width_in_pixels, font_in_pixels;
} print_size;

/* The rows --width, --dpi and --font-size, which fill a print_size. Lengths are "180mm", "18cm", "3.5in",
 * "255pt" or "1024px", 1 to 5080 mm (200 inches); sizes of text "8", "8pt" or "12px". */
extern const cli_option print_rows[];

/* The same in the library's units, of which 0 is its own choice. */
typedef struct print_scale {
    int64_t width; /* pixels */
    double font_size, dpi;
    double millimetres; /* of a page */
} print_scale;

/*
 * Of a PNG or a page. A PNG of a printed width has --dpi pixels an inch, 300 unless given. A page whose text
 * has no size is what it would be without a width, made smaller or larger.
 */
print_scale print_scale_of(const print_size *size, bool png);

/* ROPEMAP_USAGE where text comes to more or fewer pixels than there can be. */
ropemap_status print_size_check(const print_size *size, ropemap_error *error);

#endif
