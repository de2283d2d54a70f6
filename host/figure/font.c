/* font.c - the one font of all figures */
/* SPDX-License-Identifier: MIT */
#include "host/figure/font.h"

#include <cairo-ft.h>
#include <pthread.h>

#include <ft2build.h>
#include FT_FREETYPE_H

extern const unsigned char rm_font_begin[], rm_font_end[];

/*
 * Written once under `once`, and kept as long as the process: cairo keeps glyphs of fonts that are no longer
 * used, so that a font made for each figure would not go away with it.
 */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static cairo_font_face_t *face;

static void release_library(void *library) {
    (void)FT_Done_FreeType(library); /* and its face */
}

static void load(void) {
    static const cairo_user_data_key_t key;
    FT_Library library = NULL;
    FT_Face outlines = NULL;
    if (FT_Init_FreeType(&library) != 0) {
        return;
    }
    const FT_Long bytes = (FT_Long)(rm_font_end - rm_font_begin);
    if (FT_New_Memory_Face(library, rm_font_begin, bytes, 0, &outlines) != 0) {
        release_library(library);
        return;
    }
    cairo_font_face_t *made = cairo_ft_font_face_create_for_ft_face(outlines, 0);
    if (cairo_font_face_set_user_data(made, &key, library, release_library) != CAIRO_STATUS_SUCCESS) {
        cairo_font_face_destroy(made);
        release_library(library);
        return;
    }
    face = made;
}

ropemap_status rm_font_ready(ropemap_error *error) {
    if (pthread_once(&once, load) != 0 || face == NULL) {
        return rm_fail(error, ROPEMAP_RESOURCES,
                       "font: FreeType or cairo could not load it, memory may be short");
    }
    return ROPEMAP_OK;
}

cairo_font_face_t *rm_font_face(void) {
    return face;
}

cairo_font_options_t *rm_font_options(void) {
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    return options;
}

double rm_font_width(const char *text, double size) {
    if (face == NULL) {
        return 0.0;
    }
    cairo_matrix_t scale, identity;
    cairo_matrix_init_scale(&scale, size, size);
    cairo_matrix_init_identity(&identity);
    cairo_font_options_t *options = rm_font_options();
    cairo_scaled_font_t *font = cairo_scaled_font_create(face, &scale, &identity, options);
    cairo_text_extents_t extents;
    cairo_scaled_font_text_extents(font, text, &extents);
    cairo_scaled_font_destroy(font);
    cairo_font_options_destroy(options);
    return extents.x_advance;
}
