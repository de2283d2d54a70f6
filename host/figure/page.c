/* page.c - a drawing's page, for the files that are printed */
/* SPDX-License-Identifier: MIT */
#include "host/figure/page.h"

ropemap_status rm_page_check(const rm_page *page, ropemap_error *error) {
    const double width = page->millimetres;
    if (width != 0.0 && !(width >= RM_PAGE_WIDTH_MIN && width <= RM_PAGE_WIDTH_MAX)) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "page: width %g millimetres, expected %.0f to %.0f, or 0 for a pixel of 1/96 inch",
                       width, RM_PAGE_WIDTH_MIN, RM_PAGE_WIDTH_MAX);
    }
    return ROPEMAP_OK;
}
