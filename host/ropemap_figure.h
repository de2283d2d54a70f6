/* ropemap_figure.h - how results are drawn: maps as heat maps, series as charts, as PNG, SVG or PDF files */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_FIGURE_H
#define ROPEMAP_FIGURE_H

#include "ropemap.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ropemap_format { ROPEMAP_PNG, ROPEMAP_SVG, ROPEMAP_PDF } ropemap_format;

/* How large a file is in print. */
typedef struct ropemap_page {
    double millimetres; /* width of an SVG or PDF, 1 to 5080; 0: from its pixels */
    double dpi; /* pixels an inch, 10 to 4800: a PNG records them, and an SVG or PDF without a width is
                   made with them; 0: a PNG records none, and the others have 96 */
} ropemap_page;

enum { ROPEMAP_NUMBER_TEXT = 40 }; /* bytes that hold a number */

/* A number as figures and reports write it, to six digits where it is not whole: "500,000", "26,950.5",
 * "0.25", "1.5×10⁻⁵". No locale changes it. */
ROPEMAP_API void ropemap_number_text(char text[ROPEMAP_NUMBER_TEXT], double value);

enum { ROPEMAP_SCALING_TITLE = 96 }; /* bytes that hold what a title has of a scaling */

/* A scaling by its most telling number, "YaRN scaling by 4"; empty of none. */
ROPEMAP_API void ropemap_scaling_title(char text[ROPEMAP_SCALING_TITLE], const ropemap_scaling *scaling);

/* What an encoding's values are, as titles begin: "RoPE similarity", "ALiBi score". */
ROPEMAP_API const char *ropemap_encoding_title(ropemap_encoding encoding);

/* A font for the text of figures, in place of the DejaVu Sans that the library brings. */
typedef struct ropemap_font ropemap_font;

/* Reads a TrueType or OpenType file. Characters that it lacks come from DejaVu Sans. ROPEMAP_IO,
 * ROPEMAP_DATA, ROPEMAP_RESOURCES. */
ROPEMAP_API ropemap_status ropemap_font_open(const char *path, ropemap_font **font, ropemap_error *error);
ROPEMAP_API void ropemap_font_close(ropemap_font *font); /* NULL is fine */

/* ---- maps ------------------------------------------------------------------------------------------------
 */

typedef enum ropemap_colormap {
    ROPEMAP_COLORMAP_AUTO, /* diverging where the limits have both signs, else viridis */
    ROPEMAP_COLORMAP_VIRIDIS,
    ROPEMAP_COLORMAP_MAGMA,
    ROPEMAP_COLORMAP_CIVIDIS,
    ROPEMAP_COLORMAP_BATLOW,
    ROPEMAP_COLORMAP_DIVERGING, /* limits are made symmetric about 0 unless they were given */
    ROPEMAP_COLORMAP_GREY,
    ROPEMAP_COLORMAP_TURBO,      /* it and the next are not for colour-blind readers, nor for grey print */
    ROPEMAP_COLORMAP_SEED,       /* HSL: hue (1-v)*240 degrees, saturation 100 %, lightness 50 + 30 v % */
    ROPEMAP_COLORMAP_CYCLIC,     /* of angles: both ends are the same */
    ROPEMAP_COLORMAP_DARK,       /* as diverging, about a dark middle, for dark pages */
    ROPEMAP_COLORMAP_DIFFERENCE, /* as diverging, in colours of its own: purple, white, orange */
    ROPEMAP_COLORMAP_DIFFERENCE_DARK /* the same about a dark middle */
} ropemap_colormap;

ROPEMAP_API const char *ropemap_colormap_name(ropemap_colormap colormap); /* NULL past the last */

/* Levels of a colour map; level k is k / 254 of the way from its lower to its upper limit. */
#define ROPEMAP_LEVELS 255

/* The colours of a map from its lower limit to its upper one, then that of NaN. AUTO has viridis's. */
ROPEMAP_API void ropemap_colormap_rgb(ropemap_colormap colormap, uint8_t rgb[ROPEMAP_LEVELS + 1][3]);

/* How values become places on the colour scale. */
typedef enum ropemap_norm {
    ROPEMAP_NORM_LINEAR,
    ROPEMAP_NORM_LOG,   /* of values above 0; others have a colour of their own */
    ROPEMAP_NORM_SYMLOG /* logarithmic both ways, linear around 0 */
} ropemap_norm;

ROPEMAP_API const char *ropemap_norm_name(ropemap_norm norm); /* NULL past the last */

/* A map and the positions along its sides, at least as many as it has cells. */
typedef struct ropemap_panel {
    const ropemap_map *map;     /* its min, max and nan_cells are those of its cells. Borrowed */
    const char *label;          /* above it: what differs from the other panels; may be NULL. Borrowed */
    ropemap_range rows, cols;   /* down and across */
    const int64_t *row_numbers; /* [rows.count] that ticks show, not positions; may be NULL. Borrowed */
    const int64_t *col_numbers; /* [cols.count] */
} ropemap_panel;

/* One map, or several side by side (small multiples), with one colour scale and one colour bar. */
typedef struct ropemap_figure {
    char title[192], subtitle[192]; /* may be empty, as all words */
    char description[384];          /* how the maps were made: in the file's metadata, not in the picture */
    bool untitled;                  /* no title, subtitle and footnote in the picture; metadata keeps them */
    char row_label[64], col_label[64];
    char value_label[64];        /* of the colour bar */
    ropemap_panel panel;         /* the map, where `panels` is NULL */
    const ropemap_panel *panels; /* [count], row by row; 1 to 1024. Borrowed */
    int32_t count, columns;      /* columns 0: as square as it gets */
    const char *const *row_headings, *const
                                         *col_headings; /* [rows] to the right of the panels, and [columns]
                                                           above them in place of labels; each may be NULL */
    ropemap_colormap colormap;
    ropemap_norm norm;
    double linear_below; /* symlog: values of a smaller magnitude are linear; 0: 1e-3 of the largest */
    bool has_limits;
    double low, high;       /* colour limits where has_limits: finite, low < high; else those of all cells */
    double percentile;      /* limits that leave out this share of the cells at each end, 0 to 0.4; 0: none.
                               Not with has_limits */
    double contours[8];     /* values along which lines are drawn */
    int32_t contour_count;  /* 0 to 8 */
    int64_t trained_length; /* tokens; both axes are marked there where it lies inside; 0: none */
    int64_t mark_col;       /* across; every map has a line before it where it lies inside; 0: none. Not with
                               a trained length that is marked */
    bool dark;              /* light on dark */
    bool bare;              /* one pixel a cell and nothing around; of one map alone */
    bool unnumbered;        /* cells do not show their values; else they do where there are few */
    int64_t side;           /* pixels of a panel's longer side, at least, 64 to 32767; 0: 320, and of one map
                               alone about 1024. Ignored where there is a width */
    int64_t width; /* of the finished figure, pixels up to 32767: maps take what words leave; 0: as wide
                      as whole pixels a cell make it. Not of a bare one */
    const ropemap_font *font; /* NULL: DejaVu Sans. Borrowed */
    double font_size;         /* pixels of the numbers along the axes, 2 to 400, which other text and lines
                                 follow; 0: in proportion to the figure */
} ropemap_figure;

/* Title, description, labels and axes of a map in the words of its request; a subtitle only of what these do
 * not show. The figure borrows the map. */
ROPEMAP_API ropemap_figure ropemap_figure_default(const ropemap_request *request, const ropemap_map *map);

/* The colour scale of a figure, with what it leaves to its maps chosen. */
typedef struct ropemap_scale {
    ropemap_colormap colormap; /* never AUTO */
    ropemap_norm norm;
    double low, high;    /* values of the first and the last level, low < high */
    double linear_below; /* symlog; 0 for the other norms */
} ropemap_scale;

/* ROPEMAP_USAGE for limits that the norm cannot have; ROPEMAP_RESOURCES. */
ROPEMAP_API ropemap_status ropemap_figure_scale(const ropemap_figure *figure, ropemap_scale *scale,
                                                ropemap_error *error);

/*
 * The figure as a file in memory, with its title and description as metadata. PNG: RGB, or an 8-bit palette
 * when bare, and of charts. SVG: text stays text, maps are
 * embedded images. PDF: one page, sides of 3 to 14,400 points. The same bytes on every run. `page` may be
 * NULL. ROPEMAP_USAGE: a field out of range, or more than 32,767 pixels a side; ROPEMAP_RESOURCES.
 */
ROPEMAP_API ropemap_status ropemap_figure_encode(const ropemap_figure *figure, ropemap_format format,
                                                 const ropemap_page *page, ropemap_bytes *bytes,
                                                 ropemap_error *error);

/* Writes a figure as the name ends: .png, .svg, .pdf, or .npy for the cells of its one map. ROPEMAP_USAGE for
 * another ending, ROPEMAP_IO. */
ROPEMAP_API ropemap_status ropemap_figure_save(const ropemap_figure *figure, const char *path, bool force,
                                               ropemap_error *error);

/* Pixels, owned by the caller. */
typedef struct ropemap_image {
    int64_t width, height;
    uint8_t *rgb; /* [height, width, 3] */
} ropemap_image;
ROPEMAP_API void ropemap_image_free(ropemap_image *image); /* leaves it zeroed; NULL is fine */

/* The pixels of the PNG. */
ROPEMAP_API ropemap_status ropemap_figure_draw(const ropemap_figure *figure, ropemap_image *image,
                                               ropemap_error *error);

/* ---- series ----------------------------------------------------------------------------------------------
 */

/* A line over x, or its points alone. */
typedef struct ropemap_series {
    const char *label;   /* Borrowed */
    const double *x, *y; /* [count], x ascending; NaN leaves a gap. Borrowed */
    int64_t count;
    bool points;    /* a dot at each point, instead of a line */
    bool dashed;    /* Not of a reference */
    bool alike;     /* in the colour of the nearest series before it that is not: of the same setting */
    bool muted;     /* grey */
    bool reference; /* a grey line to compare with, such as a machine's limit: its label is next to it,
                       not in the legend */
    const char *const *names; /* [count] of its points, which get numbers, listed in place of the legend; with
                                 `points`. NULL: none. Borrowed */
    bool names_at_points; /* names stand next to their points instead, where they cover nothing; others are
                             left out */
} ropemap_series;

/* A line across a plot at one x or y, with a label: "trained length". */
typedef struct ropemap_mark {
    bool of_x;
    double at;
    const char *label; /* Borrowed */
    double until;      /* above `at`: what lies between the two is shaded, without a line; 0: a line */
    const double *dot; /* of x: the y of a ring on the line; may be NULL. Borrowed */
} ropemap_mark;

typedef struct ropemap_plot {
    const char *label;            /* above it: what differs from the other plots; may be NULL. Borrowed */
    const ropemap_series *series; /* [series_count], 1 to 24. Borrowed */
    int32_t series_count;
    bool ordered;              /* series are steps of one quantity: solid, from dark to light */
    const ropemap_mark *marks; /* [mark_count], at most 16. Borrowed */
    int32_t mark_count;
} ropemap_plot;

/*
 * One plot, or several side by side with the same two axes, which hold all of them, and numbers at the left
 * and at the bottom alone. Series of the same number look the same in each plot; the plot with most of them
 * gives the names.
 */
typedef struct ropemap_chart {
    const char *title, *subtitle, *x_label, *y_label;      /* may be NULL. Borrowed */
    const char *description;                               /* as a figure's; may be NULL. Borrowed */
    bool untitled;                                         /* as a figure's */
    ropemap_plot plot;                                     /* the plot, where `plots` is NULL */
    const ropemap_plot *plots;                             /* [count], row by row; 1 to 100. Borrowed */
    int32_t count, columns;                                /* columns 0: as the page is best filled */
    const char *const *row_headings, *const *col_headings; /* as a figure's */
    bool log_x, log_y;
    bool x_tokens, y_tokens; /* counts of tokens: a logarithmic axis has powers of two, 32k = 32,768 */
    bool has_y_limits;
    double y_low, y_high;
    int64_t width, height; /* pixels, 120 to 8192; 0: 1600 x 1000; of several plots 1600 wide, or 400 for each
                              of more than four columns, and as high as the plots make it */
    const ropemap_font *font; /* as a figure's */
    double font_size;         /* as a figure's */
} ropemap_chart;

/* As ropemap_figure_encode. ROPEMAP_USAGE: nothing to draw, numbers that an axis cannot have, or no room. */
ROPEMAP_API ropemap_status ropemap_chart_encode(const ropemap_chart *chart, ropemap_format format,
                                                const ropemap_page *page, ropemap_bytes *bytes,
                                                ropemap_error *error);

#ifdef __cplusplus
}
#endif

#endif
