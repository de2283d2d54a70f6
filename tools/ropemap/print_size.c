/* print_size.c - how large a picture is: --width, --dpi and --font-size, in the units that people write */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/print_size.h"

#include "tools/ropemap/failure.h"
#include "tools/ropemap/number.h"
#include "tools/ropemap/options.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { NUMBER_BYTES = 80 };

/* What the library takes. A point is 1/72 inch and a pixel on a page 1/96 inch, as in CSS; in print 1/300. */
#define LEAST      1.0
#define MOST       5080.0
#define FONT_LEAST 2.0
#define FONT_MOST  400.0
#define DPI_SCREEN 96.0
#define DPI_PRINT  300.0
#define INCH       25.4
#define POINTS     72.0

static const struct {
    const char *name;
    double millimetres;
    bool pixels;
} units[] = {{"mm", 1.0, false},
             {"cm", 10.0, false},
             {"in", INCH, false},
             {"pt", INCH / POINTS, false},
             {"px", INCH / DPI_SCREEN, true}};

/* The number before a unit of two letters; false where the text does not end in it. */
static bool cut_unit(const char *text, const char *unit, char number[NUMBER_BYTES]) {
    const size_t length = strlen(text);
    if (length < 3 || length - 2 >= NUMBER_BYTES || strcmp(text + length - 2, unit) != 0) {
        return false;
    }
    (void)snprintf(number, NUMBER_BYTES, "%.*s", (int)length - 2, text);
    return true;
}

static ropemap_status set_width(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    print_size *size = into;
    for (size_t unit = 0; unit < sizeof units / sizeof units[0]; unit++) {
        char number[NUMBER_BYTES];
        if (!cut_unit(text, units[unit].name, number)) {
            continue;
        }
        double value = 0.0;
        const ropemap_status status =
            number_real(option_subject_of(option, text).text, number, &value, error);
        const double millimetres = value * units[unit].millimetres;
        size->width_in_pixels = units[unit].pixels;
        size->width = units[unit].pixels ? value : millimetres;
        return status != ROPEMAP_OK || (millimetres >= LEAST && millimetres <= MOST)
                   ? status
                   : fail(error, ROPEMAP_USAGE,
                          "--%s: '%.64s' is out of range; give %.0f mm to %.0f mm (200 inches)", option->name,
                          text, LEAST, MOST);
    }
    return fail(error, ROPEMAP_USAGE,
                "--%s: '%.64s' has no unit; give a number in mm, cm, in, pt or px, such as 180mm",
                option->name, text);
}

static ropemap_status set_font(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    print_size *size = into;
    char number[NUMBER_BYTES];
    size->font_in_pixels = cut_unit(text, "px", number);
    const bool unit = size->font_in_pixels || cut_unit(text, "pt", number);
    const ropemap_status status =
        number_real(option_subject_of(option, text).text, unit ? number : text, &size->font, error);
    return status != ROPEMAP_OK || size->font > 0.0
               ? status
               : fail(error, ROPEMAP_USAGE,
                      "--%s: '%.64s' is out of range; give points above 0, or pixels such as 12px",
                      option->name, text);
}

const cli_option print_rows[] = {
    {.group = GROUP_OUTPUT,
     .name = "width",
     .argument = "LENGTH",
     .initial = "from --size",
     .help = "width of the picture: as printed, 180mm, 18cm, 3.5in or 255pt, or 1024px",
     .type = OPTION_CUSTOM,
     .set = set_width,
     .page = {.place = PLACE_NONE, .framed = true}},
    {.group = GROUP_OUTPUT,
     .name = "dpi",
     .argument = "N",
     .initial = "300 for a printed width, else 96",
     .help = "pixels an inch, which a PNG of a printed width is made of, and a page without one",
     .type = OPTION_REAL,
     .offset = offsetof(print_size, dpi),
     .bounds = &(const cli_bounds){.low = 10, .high = 4800, .words = "10 to 4800 pixels an inch"},
     .page = {.place = PLACE_FILES, .label = "Dots per inch", .framed = true}},
    {.group = GROUP_OUTPUT,
     .name = "font-size",
     .argument = "SIZE",
     .initial = "in proportion to the picture",
     .help = "size of the numbers along the axes, which other text follows: in points as printed, 8 or 8pt, "
             "or 12px",
     .type = OPTION_CUSTOM,
     .set = set_font,
     .page = {.place = PLACE_FILES, .framed = true}},
    {.name = NULL},
};

print_scale print_scale_of(const print_size *size, bool png) {
    const bool printed = size->width > 0.0 && !size->width_in_pixels;
    const double dpi = size->dpi > 0.0 ? size->dpi : printed ? DPI_PRINT : DPI_SCREEN;
    const double inches = size->width_in_pixels ? size->width / dpi : size->width / INCH;
    const double pixels = fmax(round(inches * dpi), 1.0);
    print_scale scale = {.millimetres = size->width_in_pixels ? inches * INCH : size->width};
    if (size->font > 0.0) { /* of whole pixels, so that points are exact */
        const double exact = size->width > 0.0 ? pixels / inches : dpi;
        scale.font_size = size->font_in_pixels ? size->font : size->font / POINTS * exact;
    }
    if (size->width > 0.0 && (png || size->font > 0.0)) {
        scale.width = (int64_t)pixels;
    }
    if (printed || size->dpi > 0.0) {
        scale.dpi = dpi;
    }
    return scale;
}

ropemap_status print_size_check(const print_size *size, ropemap_error *error) {
    const double font = print_scale_of(size, true).font_size;
    return font == 0.0 || (font >= FONT_LEAST && font <= FONT_MOST)
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_USAGE,
                      "--font-size: %g %s are %.4g pixels; text has %.0f to %.0f pixels", size->font,
                      size->font_in_pixels ? "pixels" : "points", font, FONT_LEAST, FONT_MOST);
}
