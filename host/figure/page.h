/* page.h - a drawing's page, for the files that are printed */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_PAGE_H
#define ROPEMAP_HOST_FIGURE_PAGE_H

#include "host/base/status.h"

/* What a page may be wide: from about nothing to what PDF readers show, 200 inches. */
#define RM_PAGE_WIDTH_MIN 1.0    /* millimetres */
#define RM_PAGE_WIDTH_MAX 5080.0 /* millimetres */

typedef struct rm_page {
    const char *title;  /* clean text (text.h), may be empty. Borrowed */
    double millimetres; /* width; 0: a pixel is 1/96 inch */
    bool paper;         /* white behind everything */
} rm_page;

/* ROPEMAP_USAGE for a width that is out of range. */
ropemap_status rm_page_check(const rm_page *page, ropemap_error *error);

#endif
