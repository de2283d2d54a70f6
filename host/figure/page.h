/* page.h - a drawing's page, for the files that are printed */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_PAGE_H
#define ROPEMAP_HOST_FIGURE_PAGE_H

#include "host/base/status.h"

/* What a page may be wide: from about nothing to what PDF readers show, 200 inches. */
#define RM_PAGE_WIDTH_MIN 1.0    /* millimetres */
#define RM_PAGE_WIDTH_MAX 5080.0 /* millimetres */

#define RM_FONT_SIZE_MIN 2.0
#define RM_FONT_SIZE_MAX 400.0
#define RM_DPI_MIN       10.0
#define RM_DPI_MAX       4800.0

typedef struct rm_page {
    const char *title;  /* clean text (text.h), may be empty. Borrowed */
    double millimetres; /* width; 0: from its pixels */
    double dpi;         /* pixels an inch, where there is no width; 0: 96 */
    bool paper;         /* white behind everything */
} rm_page;

/* ROPEMAP_USAGE for a width that is out of range. */
ropemap_status rm_page_check(const rm_page *page, ropemap_error *error);

/* Width of a drawing of so many pixels; 0: a pixel is 1/96 inch and nobody said so. */
double rm_page_width(const rm_page *page, int64_t pixels);

/* Size of text and pixels an inch of a figure, a sheet or a chart: ROPEMAP_USAGE where out of range. */
ropemap_status rm_print_check(double font_size, double dpi, ropemap_error *error);

#endif
