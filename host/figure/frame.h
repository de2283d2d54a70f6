/* frame.h - what surrounds maps and plots: colours, sizes, frames, ticks, labels, titles */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_FRAME_H
#define ROPEMAP_HOST_FIGURE_FRAME_H

#include "host/figure/colour.h"
#include "host/figure/drawing.h"
#include "host/figure/lettering.h"

/* ---- ticks.c: the places on an axis or a colour scale that get a label */

enum { RM_TICKS_MAX = 16, RM_MINOR_MAX = 160 };

typedef struct rm_tick {
    double at; /* along the axis, 0 to 1 */
    char label[RM_NUMBER_TEXT];
} rm_tick;

typedef struct rm_ticks {
    int32_t count; /* with a label; 1 at least */
    rm_tick tick[RM_TICKS_MAX];
    int32_t minor_count; /* between them, without */
    double minor[RM_MINOR_MAX];
    double widest; /* of the labels, pixels; from rm_ticks_fit */
} rm_ticks;

/* Whether labels of a size keep a distance on an axis of `length` pixels; measures them. `along`: they lie
 * along the axis, and take their width of it. The font is ready. */
bool rm_ticks_fit(rm_ticks *ticks, double length, double size, bool along);

/*
 * At most `most` ticks (1 to RM_TICKS_MAX) along a range of positions: multiples of a power of two where the
 * range is made of such, else of 1, 2 or 5 times a power of ten. `centred`: every position is wide enough to
 * be seen, and its tick is in its middle; else a tick is where its position begins, and the end of the range
 * may have one. Labels give the position exactly.
 */
rm_ticks rm_ticks_positions(ropemap_range range, bool centred, int32_t most);

/* At most `most` ticks (2 to RM_TICKS_MAX) on a scale from `low` to `high`, low < high, all to the same
 * decimal. */
rm_ticks rm_ticks_values(double low, double high, int32_t most);

/*
 * At most `most` ticks (2 to RM_TICKS_MAX; 1 where the scale is not linear) from `low` to `high`, low < high,
 * low > 0 where it is logarithmic, from the bottom up. Powers of ten, "10⁻³", and 0 on a symmetric scale.
 * With less than three of them a logarithmic scale has 1, 2, 3, 5 and 7 times, or 1, 2 and 5 times such;
 * where all that is less than two, ticks are an equal difference apart, "0.42".
 */
rm_ticks rm_ticks_scale(rm_value_norm norm, double low, double high, int32_t most);

/* What the axis of a chart covers. */
typedef struct rm_axis_span {
    bool log;
    bool whole;       /* of whole numbers, with none between them */
    bool binary;      /* its numbers are positions, best given as powers of two */
    double low, high; /* at its ends, low < high; decimal logarithms where `log` */
} rm_axis_span;

/* 0 at the low end, 1 at the high one, and at most a million beyond; value > 0 where it is logarithmic. */
double rm_axis_place(const rm_axis_span *axis, double value);

/*
 * As many as keep apart on `length` pixels in labels of `size`: multiples of 1, 2 or 5 times a power of ten,
 * or of a power of two where the axis is binary; on a logarithmic axis powers, every so many of them, and in
 * a range of less than two of them 1, 2 and 5 times a power. `along` as above. The font is ready.
 */
rm_ticks rm_ticks_axis(const rm_axis_span *axis, double length, double size, bool along);

/* ---- frame.c */

typedef struct rm_theme {
    rm_rgb paper;
    rm_rgb ink, soft_ink; /* of text: a contrast of at least 4.5 with the paper (WCAG 2.2) */
    rm_rgb line;          /* of frames and ticks */
} rm_theme;

/* Dark on light, or with `dark` light on dark. */
const rm_theme *rm_theme_of(bool dark);

/* Paints the paper as the first item, where it is not the white that sinks start from. */
void rm_theme_paper(const rm_theme *theme, rm_drawing *drawing);

/* A rectangle on whole pixels, y downwards. */
typedef struct rm_box {
    int64_t x, y, width, height;
} rm_box;

/* The size of a tick label at scale 1. Text of 20 in a figure of 1,300 is 8 points on a page of 7 inches. */
#define RM_TICK_SIZE 20.0

/* Text and lines of a figure, in pixels. */
typedef struct rm_sizes {
    double scale;
    int64_t margin;          /* between everything and the figure's edge */
    int64_t line, tick, gap; /* width of frames and ticks; length of a tick; between a tick and its label */
    double label_gap;        /* between tick labels and the label of the axis */
    double ticks, label, name, title, subtitle;  /* of text: tick labels, axis labels, names of panels */
    double title_step, subtitle_step, name_step; /* from a baseline to the next */
    double name_rise;                            /* from the last baseline of a name to the frame below it */
} rm_sizes;

rm_sizes rm_sizes_at(double scale);

/* Height of `lines` lines of a name above a panel or plot. */
double rm_name_height(const rm_sizes *sizes, int32_t lines);

/* Columns that make a page of panels, each `shape` times as wide as high, as square as it gets with few empty
 * places; of two equally good numbers the larger. */
int32_t rm_columns_for(int32_t count, double shape);

/* Title, subtitle and footnote above the maps or plots, starting at x. */
typedef struct rm_heading {
    rm_text_lines title, subtitle, note; /* the note in the subtitle's size */
    double title_size;                   /* smaller where that saves a line */
    double title_y, subtitle_y, note_y;  /* first baselines */
} rm_heading;

/* Breaks title, subtitle and footnote, each of which may be NULL, into lines of `room` pixels, and at most
 * `most` lines each. */
void rm_heading_break(rm_heading *heading, const char *const words[3], const rm_sizes *sizes, double room,
                      const int32_t most[3]);

/* Places the lines from `y` down; returns where they end. */
double rm_heading_place(rm_heading *heading, const rm_sizes *sizes, double y);
bool rm_heading_is_empty(const rm_heading *heading);
void rm_heading_draw(rm_drawing *drawing, const rm_heading *heading, const rm_sizes *sizes,
                     const rm_theme *theme, double x);

/* The label of an axis or of the colour bar, its baseline's middle at (x, y). */
typedef struct rm_axis_label {
    char text[RM_TEXT_BYTES]; /* empty: no label */
    double size, x, y;
} rm_axis_label;

/* Drawn smaller where it is longer than `room`, and cut where it is much longer. `text` may be NULL. */
void rm_axis_label_fit(rm_axis_label *label, const char *text, const rm_sizes *sizes, double room);
/* The same of the heading of a row, in the size of a name, which is drawn much smaller before it is cut. */
void rm_row_heading_fit(rm_axis_label *label, const char *text, const rm_sizes *sizes, double room);
/* What it takes across its axis: its height and a gap, nothing without a label. */
double rm_axis_label_room(const rm_axis_label *label, const rm_sizes *sizes);
void rm_axis_label_draw(rm_drawing *drawing, const rm_axis_label *label, const rm_theme *theme, bool upwards);

/* Lines around a box, outside of it. They come after its contents: PDF readers draw images up to a pixel too
 * large. */
void rm_frame_draw(rm_drawing *drawing, rm_box box, const rm_sizes *sizes, const rm_theme *theme);

/* The middle of a line of whole pixels nearest to `place`, so that the line is sharp; within 0 to `length`.
 */
double rm_snap(double place, int64_t length, int64_t line);

typedef enum rm_edge { RM_EDGE_LEFT, RM_EDGE_RIGHT, RM_EDGE_BELOW } rm_edge;

/* Ticks outside of a box's frame, with their labels. `upwards`: the axis starts at the bottom of the box. */
void rm_ticks_draw(rm_drawing *drawing, const rm_ticks *ticks, rm_box box, rm_edge edge, bool upwards,
                   const rm_sizes *sizes, const rm_theme *theme);

/* Size of the numbers along the axes: ROPEMAP_USAGE where it is out of range; 0 is fine. */
ropemap_status rm_font_size_check(double font_size, ropemap_error *error);

/* How far the first tick label below a box reaches to the left of the box, and the last one to its right;
 * negative where they end inside. -INFINITY without ticks. */
double rm_ticks_before(const rm_ticks *ticks, int64_t width, const rm_sizes *sizes);
double rm_ticks_beyond(const rm_ticks *ticks, int64_t width, const rm_sizes *sizes);

/* A swatch of a colour that is not on the bar with its name, the row-th below the box of a colour bar; its
 * width and its end below the box. */
void rm_swatch_draw(rm_drawing *drawing, rm_box bar, int32_t row, const uint8_t ink[3], const char *name,
                    const rm_sizes *sizes, const rm_theme *theme);
double rm_swatch_width(const char *name, const rm_sizes *sizes);
double rm_swatch_end(rm_box bar, int32_t row, const rm_sizes *sizes);

#endif
