/* lettering.c - numbers and text as figures write them: in the one embedded font, in lines that fit */
/* SPDX-License-Identifier: MIT */
#include "host/figure/lettering.h"
#include "host/base/alloc.h"
#include "host/base/input.h"
#include "host/base/text.h"

#include <cairo-ft.h>
#include <ft2build.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include FT_FREETYPE_H

#define TIMES "×"

/* ---- numbers ---- */

/* From here on, and below this power of ten, numbers are written as powers of ten. */
#define PLAIN_END 1e15

enum { PLAIN_POWER = -4 };

static const char *sign_of(int64_t value) {
    return value < 0 ? RM_MINUS : "";
}

static uint64_t magnitude_of(int64_t value) {
    return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

void rm_number_decimal(char text[RM_NUMBER_TEXT], int64_t value, int digits) {
    char all[32]; /* a digit before the point at least */
    const int count = snprintf(all, sizeof all, "%0*" PRIu64, digits + 1, magnitude_of(value));
    const int whole = count - digits;
    int end = snprintf(text, RM_NUMBER_TEXT, "%s", sign_of(value));
    for (int digit = 0; digit < count; digit++) {
        if (digit == whole) {
            text[end++] = '.';
        } else if (digit > 0 && digit < whole && (whole - digit) % 3 == 0) {
            text[end++] = ',';
        }
        text[end++] = all[digit];
    }
    text[end] = '\0';
}

void rm_number_grouped(char text[RM_NUMBER_TEXT], int64_t value) {
    rm_number_decimal(text, value, 0);
}

/* Adds "×10⁻⁹". */
static void add_power(char text[RM_NUMBER_TEXT], int power) {
    static const char *const raised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    char exponent[8];
    const int count = snprintf(exponent, sizeof exponent, "%d", abs(power) % 1000);
    size_t end = strlen(text);
    end += (size_t)snprintf(text + end, RM_NUMBER_TEXT - end, "×10%s", power < 0 ? "⁻" : "");
    for (int digit = 0; digit < count && end < RM_NUMBER_TEXT; digit++) {
        end += (size_t)snprintf(text + end, RM_NUMBER_TEXT - end, "%s", raised[exponent[digit] - '0']);
    }
}

void rm_number_scientific(char text[RM_NUMBER_TEXT], int64_t value, int digits, int power) {
    if (value == 0) {
        (void)snprintf(text, RM_NUMBER_TEXT, "0");
        return;
    }
    rm_number_decimal(text, value, digits);
    add_power(text, power);
}

void rm_number_position(char text[RM_NUMBER_TEXT], int64_t position) {
    static const char suffix[] = {'k', 'M', 'G'};
    for (int unit = 2; unit >= 0; unit--) {
        const int bits = 10 * (unit + 1);
        const int64_t quarters = position >> (bits - 2);
        if (position >> bits == 0 || quarters << (bits - 2) != position) {
            continue;
        }
        if (quarters % 4 == 0) {
            rm_number_grouped(text, quarters / 4);
        } else {
            rm_number_decimal(text, quarters % 2 == 0 ? quarters / 2 * 5 : quarters * 25,
                              quarters % 2 == 0 ? 1 : 2);
        }
        const size_t end = strlen(text);
        text[end] = suffix[unit];
        text[end + 1] = '\0';
        return;
    }
    rm_number_grouped(text, position);
}

void rm_number_cell(char text[RM_NUMBER_TEXT], double value, int decimals) {
    if (isnan(value) || isinf(value)) {
        ropemap_number_text(text, value);
    } else if (fabs(value) < 999999.95) {
        rm_number_decimal(text, (int64_t)llround(value * pow(10.0, decimals)), decimals);
    } else {
        int power = (int)floor(log10(fabs(value)));
        int64_t tenths = (int64_t)llround(value / pow(10.0, power) * 10.0);
        if (tenths >= 100 || tenths <= -100) {
            tenths /= 10;
            power++;
        }
        rm_number_scientific(text, tenths, 1, power);
    }
}

/* The decimal digits of a magnitude that is no whole number, without zeros at the end, and the power of ten
 * of the first one. No locale has a say in digits. */
static int six_digits(double magnitude, int64_t *digits, int *power) {
    char printed[RM_NUMBER_TEXT];
    (void)snprintf(printed, sizeof printed, "%.5e", magnitude);
    const char *exponent = strchr(printed, 'e');
    int count = 0;
    *digits = 0;
    for (const char *byte = printed; byte < exponent; byte++) {
        if (*byte >= '0' && *byte <= '9') {
            *digits = 10 * *digits + (*byte - '0');
            count++;
        }
    }
    *power = (int)strtol(exponent + 1, NULL, 10);
    for (; count > 1 && *digits % 10 == 0; count--) {
        *digits /= 10;
    }
    return count;
}

void ropemap_number_text(char text[ROPEMAP_NUMBER_TEXT], double value) {
    int64_t digits = 0;
    int power = 0;
    if (isnan(value) || isinf(value)) {
        (void)snprintf(text, RM_NUMBER_TEXT, "%s%s", value < 0.0 ? RM_MINUS : "", isnan(value) ? "NaN" : "∞");
        return;
    }
    if (fabs(value) < PLAIN_END && value == floor(value)) {
        rm_number_grouped(text, (int64_t)value);
        return;
    }
    int after = six_digits(fabs(value), &digits, &power) - 1; /* digits after the first one */
    digits = value < 0.0 ? -digits : digits;
    if (fabs(value) >= PLAIN_END || power < PLAIN_POWER) {
        rm_number_scientific(text, digits, after, power);
        return;
    }
    for (; after < power; after++) {
        digits *= 10;
    }
    rm_number_decimal(text, digits, after - power);
}

/* ---- words ---- */

void rm_text_clean(char *out, size_t size, const char *field, size_t limit) {
    const size_t given = strnlen(field, limit);
    size_t end = 0;
    for (size_t at = 0; at < given;) {
        uint32_t code = 0;
        const size_t bytes = rm_text_character(field + at, given - at, &code);
        const bool control = bytes > 0 && !rm_text_is_plain(code);
        const char *source = bytes == 0 ? "\ufffd" : control ? " " : field + at;
        const size_t length = bytes == 0 ? 3 : control ? 1 : bytes;
        if (end + length >= size) {
            break;
        }
        memcpy(out + end, source, length);
        end += length;
        at += bytes == 0 ? 1 : bytes;
    }
    out[end] = '\0';
}

/* Length of the text up to the next space that it may be broken at; "d = 128" and "16 × 16" stay together. */
static size_t next_break(const char *text, size_t from) {
    size_t end = from + strcspn(text + from, " ");
    while (text[end] == ' ') {
        const char *next = text + end + 1;
        const bool held =
            *next == '=' || (end > 0 && text[end - 1] == '=') || strncmp(next, TIMES, strlen(TIMES)) == 0 ||
            (end >= strlen(TIMES) && memcmp(next - 1 - strlen(TIMES), TIMES, strlen(TIMES)) == 0);
        if (!held) {
            break;
        }
        end += 1 + strcspn(next, " ");
    }
    return end;
}

/* Length of what fits of `text` in `width`: up to a break or the end, one word at least. */
static size_t fitting_bytes(const char *text, double size, double width) {
    size_t fits = 0;
    for (size_t end = next_break(text, 0);; end = next_break(text, end + 1)) {
        char part[RM_TEXT_BYTES];
        (void)snprintf(part, sizeof part, "%.*s", (int)end, text);
        if (fits > 0 && rm_font_width(part, size) > width) {
            return fits;
        }
        fits = end;
        if (text[end] == '\0') {
            return fits;
        }
    }
}

/* Breaks clean text at spaces, so that lines are at most `width` pixels; a longer word stays whole. */
static rm_text_lines wrap(const char *text, double size, double width) {
    rm_text_lines lines = {.count = 0, .width = 0.0};
    text += strspn(text, " ");
    while (*text != '\0' && lines.count < RM_TEXT_LINES) {
        const bool last = lines.count == RM_TEXT_LINES - 1;
        const size_t bytes = last ? strlen(text) : fitting_bytes(text, size, width);
        char *line = lines.line[lines.count++];
        (void)snprintf(line, RM_TEXT_BYTES, "%.*s", (int)bytes, text);
        const double wide = rm_font_width(line, size);
        lines.width = wide > lines.width ? wide : lines.width;
        text += bytes;
        text += strspn(text, " ");
    }
    return lines;
}

extern const unsigned char rm_font_begin[], rm_font_end[];

/*
 * Written once under `once`, and kept as long as the process: cairo keeps glyphs of fonts that are no longer
 * used, so that a font made for each figure would not go away with it.
 */
static pthread_once_t once = PTHREAD_ONCE_INIT;

enum { FONT_BYTES_MOST = 1 << 26 };

struct ropemap_font {
    cairo_font_face_t *face;
    FT_Face outlines;
};

/* What goes when cairo needs a face no longer. */
typedef struct library {
    FT_Library type;
    uint8_t *bytes; /* of the file */
} library;

static ropemap_font embedded;

static library embedded_library; /* not allocated: the font is loaded once, come what may */

static _Thread_local const ropemap_font *chosen; /* NULL: the embedded one */

static void release(void *loaded) {
    library *own = loaded;
    if (own->type != NULL) {
        (void)FT_Done_FreeType(own->type); /* and its face */
    }
    if (own != &embedded_library) {
        rm_free(own->bytes);
        rm_free(own);
    }
}

/* Takes `own`, also where it fails. */
static bool load(library *own, const uint8_t *bytes, size_t size, ropemap_font *font) {
    static const cairo_user_data_key_t key;
    if (FT_Init_FreeType(&own->type) != 0 ||
        FT_New_Memory_Face(own->type, bytes, (FT_Long)size, 0, &font->outlines) != 0) {
        release(own);
        return false;
    }
    font->face = cairo_ft_font_face_create_for_ft_face(font->outlines, 0);
    if (cairo_font_face_set_user_data(font->face, &key, own, release) != CAIRO_STATUS_SUCCESS) {
        cairo_font_face_destroy(font->face);
        font->face = NULL;
        release(own);
    }
    return font->face != NULL;
}

static void load_embedded(void) {
    (void)load(&embedded_library, rm_font_begin, (size_t)(rm_font_end - rm_font_begin), &embedded);
}

ropemap_status rm_font_use(const ropemap_font *font, ropemap_error *error) {
    if (pthread_once(&once, load_embedded) != 0 || embedded.face == NULL) {
        return rm_fail(error, ROPEMAP_RESOURCES,
                       "font: FreeType or cairo could not load it, memory may be short");
    }
    chosen = font;
    return ROPEMAP_OK;
}

ropemap_status rm_font_ready(ropemap_error *error) {
    return rm_font_use(NULL, error);
}

/* Letters and digits are the least that a font must have. */
static bool is_of_use(const ropemap_font *font) {
    return FT_IS_SCALABLE(font->outlines) && FT_Get_Char_Index(font->outlines, 'a') != 0 &&
           FT_Get_Char_Index(font->outlines, '0') != 0;
}

/* The file's bytes, in memory of the library's own. */
static ropemap_status read_font(const rm_input *file, library **read, ropemap_error *error) {
    if (file->size == 0 || file->size > FONT_BYTES_MOST) {
        return rm_fail(error, ROPEMAP_DATA, "%s: %" PRIu64 " bytes are no font; 1 to %d can be one",
                       file->name, file->size, (int)FONT_BYTES_MOST);
    }
    library *own = rm_alloc(1, sizeof *own);
    uint8_t *bytes = rm_alloc_raw(file->size, 1);
    const ropemap_status status = own == NULL || bytes == NULL
                                      ? rm_fail_memory(error, "font", file->size)
                                      : rm_input_read(file, 0, file->size, bytes, error);
    if (status != ROPEMAP_OK) {
        rm_free(bytes);
        rm_free(own);
        return status;
    }
    own->bytes = bytes;
    *read = own;
    return ROPEMAP_OK;
}

ropemap_status ropemap_font_open(const char *path, ropemap_font **font, ropemap_error *error) {
    rm_input file;
    library *own = NULL;
    *font = NULL;
    RM_TRY(rm_input_open(path, &file, error));
    ropemap_font *made = rm_alloc(1, sizeof *made);
    ropemap_status status =
        made == NULL ? rm_fail_memory(error, "font", sizeof *made) : read_font(&file, &own, error);
    if (status == ROPEMAP_OK && (!load(own, own->bytes, (size_t)file.size, made) || !is_of_use(made))) {
        status = rm_fail(error, ROPEMAP_DATA,
                         "%s: no font with letters and digits that FreeType can read; give a TrueType or "
                         "OpenType file",
                         file.name);
    }
    rm_input_close(&file);
    if (status != ROPEMAP_OK) {
        ropemap_font_close(made);
        return status;
    }
    *font = made;
    return ROPEMAP_OK;
}

void ropemap_font_close(ropemap_font *font) {
    if (font != NULL) {
        if (font->face != NULL) {
            cairo_font_face_destroy(font->face);
        }
        rm_free(font);
    }
}

const char *rm_font_family(void) {
    const char *name = chosen != NULL ? chosen->outlines->family_name : NULL;
    return name != NULL ? name : "DejaVu Sans";
}

rm_run rm_font_run(const char *text) {
    const size_t size = strlen(text);
    rm_run run = {.bytes = chosen == NULL ? size : 0, .face = embedded.face};
    bool first = true, own = false;
    while (chosen != NULL && run.bytes < size) {
        uint32_t code = 0;
        const size_t bytes = rm_text_character(text + run.bytes, size - run.bytes, &code);
        const bool has = FT_Get_Char_Index(chosen->outlines, code) != 0;
        if (!first && has != own) {
            break;
        }
        own = has;
        first = false;
        run.bytes += bytes > 0 ? bytes : 1;
    }
    run.face = own ? chosen->face : embedded.face;
    return run;
}

cairo_font_options_t *rm_font_options(void) {
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    return options;
}

static double run_width(const char *text, const rm_run *run, double size) {
    char part[2 * RM_TEXT_BYTES];
    cairo_matrix_t scale, identity;
    (void)snprintf(part, sizeof part, "%.*s", (int)run->bytes, text);
    cairo_matrix_init_scale(&scale, size, size);
    cairo_matrix_init_identity(&identity);
    cairo_font_options_t *options = rm_font_options();
    cairo_scaled_font_t *font = cairo_scaled_font_create(run->face, &scale, &identity, options);
    cairo_text_extents_t extents;
    cairo_scaled_font_text_extents(font, part, &extents);
    cairo_scaled_font_destroy(font);
    cairo_font_options_destroy(options);
    return extents.x_advance;
}

double rm_font_width(const char *text, double size) {
    double width = 0.0;
    for (rm_run run; embedded.face != NULL && (run = rm_font_run(text)).bytes > 0; text += run.bytes) {
        width += run_width(text, &run, size);
    }
    return width;
}

#define CUT "…"

/* Takes the last character, and spaces before it, off. */
static void shorten(char *text) {
    size_t end = strlen(text);
    while (end > 0 && ((unsigned char)text[end - 1] & 0xc0) == 0x80) {
        end--;
    }
    end -= end > 0 ? 1 : 0;
    while (end > 0 && text[end - 1] == ' ') {
        end--;
    }
    text[end] = '\0';
}

/* Clean text; one that has no room in RM_TEXT_BYTES is cut, too. */
static double cut_to(char text[RM_TEXT_BYTES], bool is_cut, double size, double room) {
    double width = rm_font_width(text, size);
    if (!is_cut && width <= room) {
        return width;
    }
    while (strlen(text) + sizeof CUT > RM_TEXT_BYTES) {
        shorten(text);
    }
    const double mark = rm_font_width(CUT, size);
    while (*text != '\0' && rm_font_width(text, size) + mark > room) {
        shorten(text);
    }
    if (mark > room) {
        return 0.0;
    }
    memcpy(text + strlen(text), CUT, sizeof CUT);
    return rm_font_width(text, size);
}

/* Whether the text is longer than what was kept of it. */
static bool clean_text(char out[RM_TEXT_BYTES], const char *text) {
    const char *field = text != NULL ? text : "";
    rm_text_clean(out, RM_TEXT_BYTES, field, SIZE_MAX);
    return strlen(field) >= RM_TEXT_BYTES;
}

double rm_text_fit(char out[RM_TEXT_BYTES], const char *text, double size, double room) {
    const bool is_cut = clean_text(out, text);
    return cut_to(out, is_cut, size, room);
}

rm_text_lines rm_text_break(const char *text, double size, double room, int32_t most) {
    char clean[RM_TEXT_BYTES];
    const bool is_cut = clean_text(clean, text);
    rm_text_lines lines = wrap(clean, size, room);
    if (lines.count > most && most > 0) {
        /* What is left of the text, from the last line on, is the last line. */
        const char *from = clean;
        for (int32_t line = 0; line < most; line++) {
            from = strstr(from, lines.line[line]);
            from += line < most - 1 ? strlen(lines.line[line]) : 0;
        }
        memmove(lines.line[most - 1], from, strlen(from) + 1);
        lines.count = most;
    }
    lines.width = 0.0;
    for (int32_t line = 0; line < lines.count; line++) {
        const double width = cut_to(lines.line[line], is_cut && line == lines.count - 1, size, room);
        lines.width = width > lines.width ? width : lines.width;
    }
    return lines;
}
