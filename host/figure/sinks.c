/* sinks.c - the files that a drawing becomes */
/* SPDX-License-Identifier: MIT */
#include "host/figure/sinks.h"
#include "host/base/alloc.h"

/* A page may be wide from about nothing to what PDF readers show, 200 inches; in millimetres. */
#define PAGE_WIDTH_MIN 1.0

#define PAGE_WIDTH_MAX 5080.0

#define DPI_MIN 10.0

#define DPI_MAX 4800.0

ropemap_status rm_format_check(ropemap_format format, const ropemap_page *page, ropemap_error *error) {
    const double width = page != NULL ? page->millimetres : 0.0, dpi = page != NULL ? page->dpi : 0.0;
    if (format != ROPEMAP_PNG && format != ROPEMAP_SVG && format != ROPEMAP_PDF) {
        return rm_fail(error, ROPEMAP_USAGE, "format: number %d, expected one of ropemap_format",
                       (int)format);
    }
    if (width != 0.0 && !(width >= PAGE_WIDTH_MIN && width <= PAGE_WIDTH_MAX)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "page: width %g millimetres, expected %.0f to %.0f, or 0 for one from its pixels",
                       width, PAGE_WIDTH_MIN, PAGE_WIDTH_MAX);
    }
    if (dpi != 0.0 && !(dpi >= DPI_MIN && dpi <= DPI_MAX)) {
        return rm_fail(error, ROPEMAP_USAGE, "dpi: %g pixels an inch, expected %.0f to %.0f, or 0", dpi,
                       DPI_MIN, DPI_MAX);
    }
    return ROPEMAP_OK;
}

static ropemap_status encode_png(const rm_drawing *drawing, double dpi, ropemap_bytes *bytes,
                                 ropemap_error *error) {
    if (drawing->bare && !drawing->incomplete) {
        const rm_item *cells = &drawing->items[0];
        RM_TRY(rm_png_indexed(cells->levels, cells->cols, cells->rows, cells->palette, bytes, error));
        return rm_png_density(bytes, dpi, error);
    }
    ropemap_image image = {.rgb = NULL};
    RM_TRY(rm_png_check(drawing->width, drawing->height, 3, error));
    RM_TRY(rm_sink_image(drawing, &image, error));
    const ropemap_status status = rm_png_rgb(&image, bytes, error);
    ropemap_image_free(&image);
    return status == ROPEMAP_OK ? rm_png_density(bytes, dpi, error) : status;
}

ropemap_status rm_encode(const rm_drawing *drawing, ropemap_format format, const ropemap_page *page,
                         const char *title, ropemap_bytes *bytes, ropemap_error *error) {
    const double dpi = page != NULL ? page->dpi : 0.0;
    if (format == ROPEMAP_PNG) {
        return encode_png(drawing, dpi, bytes, error);
    }
    const double given = page != NULL ? page->millimetres : 0.0;
    const double inches = dpi > 0.0 ? (double)drawing->width / dpi : 0.0;
    const double millimetres = given > 0.0 ? given : 25.4 * inches;
    return format == ROPEMAP_SVG ? rm_sink_svg(drawing, millimetres, title, bytes, error)
                                 : rm_sink_pdf(drawing, millimetres, title, bytes, error);
}

void ropemap_bytes_free(ropemap_bytes *bytes) {
    if (bytes != NULL) {
        rm_free(bytes->data);
        *bytes = (ropemap_bytes){.data = NULL};
    }
}
