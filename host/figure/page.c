/* page.c - a drawing's page, for the files that are printed */
/* SPDX-License-Identifier: MIT */
#include "host/figure/page.h"

ropemap_status rm_page_check(const rm_page *page, ropemap_error *error) {
    const double width = page->millimetres;
    if (width != 0.0 && !(width >= RM_PAGE_WIDTH_MIN && width <= RM_PAGE_WIDTH_MAX)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "page: width %g millimetres, expected %.0f to %.0f, or 0 for one from its pixels",
                       width, RM_PAGE_WIDTH_MIN, RM_PAGE_WIDTH_MAX);
    }
    return ROPEMAP_OK;
}

double rm_page_width(const rm_page *page, int64_t pixels) {
    const double inches = page->dpi > 0.0 ? (double)pixels / page->dpi : 0.0;
    return page->millimetres > 0.0 ? page->millimetres : 25.4 * inches;
}

ropemap_status rm_print_check(double font_size, double dpi, ropemap_error *error) {
    if (font_size != 0.0 && !(font_size >= RM_FONT_SIZE_MIN && font_size <= RM_FONT_SIZE_MAX)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "font-size: %.4g pixels, expected %.0f to %.0f, or 0 for one from the figure",
                       font_size, RM_FONT_SIZE_MIN, RM_FONT_SIZE_MAX);
    }
    if (dpi != 0.0 && !(dpi >= RM_DPI_MIN && dpi <= RM_DPI_MAX)) {
        return rm_fail(error, ROPEMAP_USAGE, "dpi: %g pixels an inch, expected %.0f to %.0f, or 0", dpi,
                       RM_DPI_MIN, RM_DPI_MAX);
    }
    return ROPEMAP_OK;
}
