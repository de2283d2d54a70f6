/* print_size.c - how large a picture is, in the units that people write, and whether it has a title */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/options/print_size.h"

#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/number.h"
#include "tools/ropemap/options/options.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { NUMBER_BYTES = 80 };

/* What the library takes. A point is 1/72 inch and a pixel on a page 1/96 inch, as in CSS; in print 1/300. */
#define LEAST        1.0
#define MOST         5080.0
#define FONT_LEAST   2.0
#define FONT_MOST    400.0
#define DPI_SCREEN   96.0
#define DPI_PRINT    300.0
#define INCH         25.4
#define POINTS       72.0
#define FONT_PRINT   7.0     /* points; what journals ask for at least is 5 to 7 */
#define LOWEST_CHART 18.0    /* in sizes of its numbers: what a narrow one has that is given no shape */
#define WIDEST       32767.0 /* pixels of a figure; on a wider page text keeps its proportion */

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

static ropemap_status set_length(void *into, const cli_option *option, const char *text,
                                 ropemap_error *error) {
    print_length *length = (print_length *)(void *)((char *)into + option->offset);
    for (size_t unit = 0; unit < sizeof units / sizeof units[0]; unit++) {
        char number[NUMBER_BYTES];
        if (!cut_unit(text, units[unit].name, number)) {
            continue;
        }
        double value = 0.0;
        const ropemap_status status =
            number_real(option_subject_of(option, text).text, number, &value, error);
        const double millimetres = value * units[unit].millimetres;
        *length =
            (print_length){.size = units[unit].pixels ? value : millimetres, .pixels = units[unit].pixels};
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
    size->font.pixels = cut_unit(text, "px", number);
    const bool unit = size->font.pixels || cut_unit(text, "pt", number);
    const ropemap_status status =
        number_real(option_subject_of(option, text).text, unit ? number : text, &size->font.size, error);
    return status != ROPEMAP_OK || size->font.size > 0.0
               ? status
               : fail(error, ROPEMAP_USAGE,
                      "--%s: '%.64s' is out of range; give points above 0, or pixels such as 12px",
                      option->name, text);
}

/* Opened here, so that what is no font is refused before anything is computed. */
static ropemap_status set_face(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    print_size *size = into;
    (void)option;
    print_size_free(size);
    return ropemap_font_open(text, &size->face, error);
}

void print_size_free(print_size *size) {
    ropemap_font_close(size->face);
    size->face = NULL;
}

const cli_option print_rows[] = {
    {.group = GROUP_OUTPUT,
     .name = "width",
     .argument = "LENGTH",
     .help = "width of the picture: as printed, 88mm, 18cm, 3.5in or 255pt, or 1024px",
     .type = OPTION_CUSTOM,
     .set = set_length,
     .offset = offsetof(print_size, width),
     .page = {.place = PLACE_NONE, .framed = true}},
    {.group = GROUP_OUTPUT,
     .name = "dpi",
     .argument = "N",
     .initial = "300 for a printed width, else 96",
     .help = "PNG resolution in pixels per inch",
     .type = OPTION_REAL,
     .offset = offsetof(print_size, dpi),
     .bounds = &(const cli_bounds){.low = 10, .high = 4800, .words = "10 to 4800 pixels an inch"},
     .page = {.place = PLACE_FILES, .label = "Dots per inch", .framed = true}},
    {.group = GROUP_OUTPUT,
     .name = "font-size",
     .argument = "SIZE",
     .initial = "7pt for a printed width, else in proportion",
     .help = "size of the numbers along the axes, which other text and lines follow: in points as printed, 8 "
             "or 8pt, or 12px",
     .type = OPTION_CUSTOM,
     .set = set_font,
     .page = {.place = PLACE_FILES, .framed = true}},
    {.group = GROUP_OUTPUT,
     .name = "font",
     .argument = "FILE",
     .initial = "DejaVu Sans",
     .help = "the font of all text, a TrueType or OpenType file (.ttf, .otf); an SVG names it only",
     .type = OPTION_CUSTOM,
     .set = set_face,
     .reads = READS_FILE,
     .local = true,
     .computed = true},
    {.group = GROUP_OUTPUT,
     .name = "no-title",
     .help = "no title in the picture, for a caption of your own; the file's metadata keeps it",
     .type = OPTION_FLAG,
     .offset = offsetof(print_size, no_title),
     .page = {.place = PLACE_FILES, .label = "No title", .framed = true}},
    {.name = NULL},
};

const cli_option print_height_rows[] = {
    {.group = GROUP_OUTPUT,
     .name = "height",
     .argument = "LENGTH",
     .initial = "in proportion to the width",
     .help = "height of the picture, as its width",
     .type = OPTION_CUSTOM,
     .set = set_length,
     .offset = offsetof(print_size, height)},
    {.name = NULL},
};

static bool is_printed(const print_length *length) {
    return length->size > 0.0 && !length->pixels;
}

static double inches_of(const print_length *length, double dpi) {
    return length->size / (length->pixels ? dpi : INCH);
}

print_scale print_scale_of(const print_size *size, bool png) {
    const bool printed = is_printed(&size->width) || is_printed(&size->height);
    const double dpi = size->dpi > 0.0 ? size->dpi : printed ? DPI_PRINT : DPI_SCREEN;
    const double inches = inches_of(&size->width, dpi), tall = inches_of(&size->height, dpi);
    const double pixels = fmax(round(inches * dpi), 1.0);
    const print_length font = size->font.size > 0.0         ? size->font
                              : printed && pixels <= WIDEST ? (print_length){.size = FONT_PRINT}
                                                            : (print_length){.size = 0.0};
    print_scale scale = {.millimetres = size->width.pixels ? inches * INCH : size->width.size,
                         .height = llround(tall * dpi)};
    if (font.size > 0.0) { /* of whole pixels, so that points are exact */
        const double exact = inches > 0.0 ? pixels / inches : dpi;
        scale.font_size = font.pixels ? font.size : font.size / POINTS * exact;
    }
    if (inches > 0.0 && (png || font.size > 0.0 || tall > 0.0)) {
        scale.width = (int64_t)pixels;
    }
    if (printed || size->dpi > 0.0) {
        scale.dpi = dpi;
    }
    return scale;
}

ropemap_page print_figure(const print_size *size, bool png, ropemap_figure *figure) {
    const print_scale scale = print_scale_of(size, png);
    figure->width = scale.width;
    figure->font_size = scale.font_size;
    figure->untitled = size->no_title;
    figure->font = size->face;
    return (ropemap_page){.millimetres = scale.millimetres, .dpi = scale.dpi};
}

ropemap_page print_chart(const print_size *size, cli_size pixels, double shape, bool png,
                         ropemap_chart *chart) {
    const print_scale scale = print_scale_of(size, png);
    const double wanted = pixels.width > 0 ? (double)pixels.height / (double)pixels.width : shape;
    chart->width = scale.width > 0                    ? scale.width
                   : scale.height > 0 && wanted > 0.0 ? llround((double)scale.height / wanted)
                                                      : pixels.width;
    const double least = wanted > 0.0 && pixels.width == 0 ? LOWEST_CHART * scale.font_size : 0.0;
    chart->height = scale.height > 0  ? scale.height
                    : scale.width > 0 ? llround(fmax(wanted * (double)scale.width, least))
                                      : pixels.height;
    chart->font_size = scale.font_size;
    chart->untitled = size->no_title;
    chart->font = size->face;
    return (ropemap_page){.millimetres = scale.millimetres, .dpi = scale.dpi};
}

ropemap_status print_size_check(const print_size *size, ropemap_error *error) {
    const double font = print_scale_of(size, true).font_size;
    return font == 0.0 || (font >= FONT_LEAST && font <= FONT_MOST)
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_USAGE,
                      "--font-size: %g %s are %.4g pixels; text has %.0f to %.0f pixels",
                      size->font.size > 0.0 ? size->font.size : FONT_PRINT,
                      size->font.pixels ? "pixels" : "points", font, FONT_LEAST, FONT_MOST);
}
