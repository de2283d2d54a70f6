/* sink_pdf.c - a drawing as a PDF file of one page */
/* SPDX-License-Identifier: MIT */
#include "host/figure/sink_pdf.h"
#include "host/base/alloc.h"
#include "host/figure/cairo_items.h"
#include "host/figure/raster.h"
#include "host/figure/sink_image.h"
#include "host/figure/writer.h"

#include <cairo-pdf.h>
#include <inttypes.h>
#include <stdio.h>

/* PDF 1.7 (ISO 32000-1), annex C: sides of a page, in points of 1/72 inch. */
#define SIDE_MIN 3.0
#define SIDE_MAX 14400.0

#define POINTS_PER_PIXEL      (72.0 / 96.0)
#define POINTS_PER_MILLIMETRE (72.0 / 25.4)

static ropemap_status check(const rm_drawing *drawing, const rm_page *page, double points,
                            ropemap_error *error) {
    RM_TRY(rm_page_check(page, error));
    if (drawing->incomplete) {
        return rm_fail(error, ROPEMAP_RESOURCES, "PDF: no memory for all of the drawing");
    }
    const double width = points * (double)drawing->width, height = points * (double)drawing->height;
    /* Not by a rounding of the largest width there is. */
    if (!(width >= SIDE_MIN && height >= SIDE_MIN && width < SIDE_MAX + 0.01 && height < SIDE_MAX + 0.01)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "PDF: a page of %.0f x %.0f points for %" PRId64 " x %" PRId64
                       " pixels, expected %.0f to %.0f (200 inches) a side; give its width in millimetres",
                       width, height, drawing->width, drawing->height, SIDE_MIN, SIDE_MAX);
    }
    for (int64_t at = 0; at < drawing->count; at++) {
        const rm_item *item = &drawing->items[at];
        if (item->kind == RM_ITEM_RASTER &&
            (item->cols > RM_IMAGE_SIDE_MAX || item->rows > RM_IMAGE_SIDE_MAX)) {
            return rm_fail(error, ROPEMAP_USAGE,
                           "PDF: an image of %" PRId64 " x %" PRId64 " cells, expected at most %d a side",
                           item->cols, item->rows, (int)RM_IMAGE_SIDE_MAX);
        }
    }
    return ROPEMAP_OK;
}

/* An image of the cells; NULL where memory is short. Cairo keeps it until the file is finished, and the
 * pixels go with it. */
static cairo_surface_t *make_image(const rm_cells *cells, const rm_palette *palette) {
    static const cairo_user_data_key_t key;
    const int64_t count = cells->rows * cells->cols;
    uint32_t words[RM_LEVELS + 1], *pixels = rm_alloc_raw((uint64_t)count, sizeof *pixels);
    if (pixels == NULL) {
        return NULL;
    }
    rm_cairo_words(palette, words);
    for (int64_t cell = 0; cell < count; cell++) {
        pixels[cell] = words[cells->levels[cell]];
    }
    cairo_surface_t *image =
        cairo_image_surface_create_for_data((unsigned char *)pixels, CAIRO_FORMAT_RGB24, (int)cells->cols,
                                            (int)cells->rows, (int)(cells->cols * (int64_t)sizeof *pixels));
    if (cairo_surface_set_user_data(image, &key, pixels, rm_free) != CAIRO_STATUS_SUCCESS) {
        cairo_surface_destroy(image);
        rm_free(pixels);
        return NULL;
    }
    return image;
}

/* False where memory is short. */
static bool draw_raster(cairo_t *cairo, const rm_item *item) {
    rm_cells cells;
    if (!rm_raster_enlarge(item, &cells)) {
        return false;
    }
    cairo_surface_t *image = make_image(&cells, item->palette);
    rm_free(cells.owned);
    if (image == NULL) {
        return false;
    }
    cairo_save(cairo);
    cairo_translate(cairo, item->x, item->y);
    cairo_scale(cairo, item->width / (double)cells.cols, item->height / (double)cells.rows);
    cairo_set_source_surface(cairo, image, 0.0, 0.0);
    cairo_pattern_set_filter(cairo_get_source(cairo), CAIRO_FILTER_NEAREST);
    cairo_paint(cairo);
    cairo_restore(cairo);
    cairo_surface_destroy(image);
    return true;
}

static cairo_status_t take(void *writer, const unsigned char *bytes, unsigned int size) {
    rm_writer_add(writer, bytes, size);
    return ((rm_writer *)writer)->failed ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

/* The same day on every run, so that the bytes are the same. */
static void describe(cairo_surface_t *surface, const rm_page *page) {
    char creator[64];
    (void)snprintf(creator, sizeof creator, "ropemap %s", ropemap_version());
    cairo_pdf_surface_restrict_to_version(surface, CAIRO_PDF_VERSION_1_4);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, "2000-01-01T00:00:00Z");
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, creator);
    if (page->title[0] != '\0') {
        cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, page->title);
    }
}

/* Whether memory was there for all images. */
static bool draw(cairo_t *cairo, const rm_drawing *drawing, const rm_page *page) {
    if (page->paper) {
        cairo_set_source_rgb(cairo, 1.0, 1.0, 1.0);
        cairo_paint(cairo);
    }
    rm_cairo_font(cairo);
    for (int64_t at = 0; at < drawing->count; at++) {
        const rm_item *item = &drawing->items[at];
        if (item->kind != RM_ITEM_RASTER) {
            rm_cairo_item(cairo, item, true);
        } else if (!draw_raster(cairo, item)) {
            return false;
        }
    }
    return true;
}

ropemap_status rm_sink_pdf(const rm_drawing *drawing, const rm_page *page, ropemap_bytes *bytes,
                           ropemap_error *error) {
    const double millimetres = rm_page_width(page, drawing->width);
    const double points =
        millimetres > 0.0 ? millimetres * POINTS_PER_MILLIMETRE / (double)drawing->width : POINTS_PER_PIXEL;
    RM_TRY(check(drawing, page, points, error));
    rm_writer writer = {.data = NULL};
    cairo_surface_t *surface = cairo_pdf_surface_create_for_stream(
        take, &writer, points * (double)drawing->width, points * (double)drawing->height);
    describe(surface, page);
    cairo_t *cairo = cairo_create(surface);
    cairo_scale(cairo, points, points);
    const bool images = draw(cairo, drawing, page);
    cairo_status_t status = cairo_status(cairo);
    cairo_destroy(cairo);
    cairo_surface_finish(surface);
    status = status == CAIRO_STATUS_SUCCESS ? cairo_surface_status(surface) : status;
    cairo_surface_destroy(surface);
    const bool short_of_memory = !images || status == CAIRO_STATUS_NO_MEMORY;
    if (short_of_memory || (status != CAIRO_STATUS_SUCCESS && !writer.failed)) {
        rm_free(writer.data);
        return short_of_memory
                   ? rm_fail(error, ROPEMAP_RESOURCES, "PDF: memory is short")
                   : rm_fail(error, ROPEMAP_INTERNAL, "PDF: cairo: %s", cairo_status_to_string(status));
    }
    return rm_writer_finish(&writer, "PDF", bytes, error);
}
