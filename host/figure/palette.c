/* palette.c - the colours of a colour map */
/* SPDX-License-Identifier: MIT */
#include "host/figure/palette.h"
#include "host/figure/palette_tables.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {
    [ROPEMAP_COLORMAP_AUTO] = "auto",     [ROPEMAP_COLORMAP_VIRIDIS] = "viridis",
    [ROPEMAP_COLORMAP_MAGMA] = "magma",   [ROPEMAP_COLORMAP_CIVIDIS] = "cividis",
    [ROPEMAP_COLORMAP_BATLOW] = "batlow", [ROPEMAP_COLORMAP_DIVERGING] = "diverging",
    [ROPEMAP_COLORMAP_GREY] = "grey",     [ROPEMAP_COLORMAP_TURBO] = "turbo",
    [ROPEMAP_COLORMAP_SEED] = "seed",
};

const char *ropemap_colormap_name(ropemap_colormap colormap) {
    return (size_t)colormap < sizeof names / sizeof *names ? names[colormap] : NULL;
}

static uint8_t byte_from_unit(double value) {
    return (uint8_t)lround(255.0 * fmin(fmax(value, 0.0), 1.0));
}

/* Level k of a table of `count` colours, linear between neighbours. */
static void sample_table(const uint32_t *table, int count, int level, uint8_t rgb[3]) {
    const int place = level * (count - 1);
    const int below = place / RM_LEVEL_MAX, rest = place % RM_LEVEL_MAX;
    const uint32_t low = table[below], high = table[rest == 0 ? below : below + 1];
    for (int channel = 0; channel < 3; channel++) {
        const int shift = 16 - 8 * channel;
        const int from = (int)(low >> shift & 255), to = (int)(high >> shift & 255);
        rgb[channel] =
            (uint8_t)((from * (RM_LEVEL_MAX - rest) + to * rest + RM_LEVEL_MAX / 2) / RM_LEVEL_MAX);
    }
}

static double srgb_from_linear(double value) {
    return value <= 0.0031308 ? 12.92 * value : 1.055 * pow(value, 1.0 / 2.4) - 0.055;
}

/*
 * Blue, white, red in Oklab (Ottosson 2020, https://bottosson.github.io/posts/oklab): lightness falls alike
 * on both sides from 0.97 to 0.40, chroma grows to 0.155, which sRGB holds at every lightness of both hues
 * (262 and 27 degrees).
 */
static void sample_diverging(int level, uint8_t rgb[3]) {
    const double side = 2.0 * level / RM_LEVEL_MAX - 1.0, away = fabs(side);
    const double lightness = 0.97 - 0.57 * away, chroma = 0.155 * (1.0 - (1.0 - away) * (1.0 - away));
    /* Cosine and sine of the two hues. */
    const double a = chroma * (side < 0.0 ? -0.139173 : 0.891007);
    const double b = chroma * (side < 0.0 ? -0.990268 : 0.453990);
    const double l = lightness + 0.3963377774 * a + 0.2158037573 * b;
    const double m = lightness - 0.1055613458 * a - 0.0638541728 * b;
    const double s = lightness - 0.0894841775 * a - 1.2914855480 * b;
    const double l3 = l * l * l, m3 = m * m * m, s3 = s * s * s;
    rgb[0] = byte_from_unit(srgb_from_linear(4.0767416621 * l3 - 3.3077115913 * m3 + 0.2309699292 * s3));
    rgb[1] = byte_from_unit(srgb_from_linear(-1.2684380046 * l3 + 2.6097574011 * m3 - 0.3413193965 * s3));
    rgb[2] = byte_from_unit(srgb_from_linear(-0.0041960863 * l3 - 0.7034186147 * m3 + 1.7076147010 * s3));
}

/* HSL of hue (1-v)*240 degrees, saturation 100 %, lightness 50 + 30 v %. */
static void sample_seed(int level, uint8_t rgb[3]) {
    const double v = (double)level / RM_LEVEL_MAX;
    const double sextant = (1.0 - v) * 4.0; /* of 60 degrees: 4 is blue, 2 green, 0 red */
    const double lightness = 0.5 + 0.3 * v, chroma = 1.0 - fabs(2.0 * lightness - 1.0);
    const double second = chroma * (1.0 - fabs(fmod(sextant, 2.0) - 1.0)), least = lightness - chroma / 2.0;
    const double red = sextant < 1.0 ? chroma : sextant < 2.0 ? second : 0.0;
    const double green = sextant < 1.0 ? second : sextant < 3.0 ? chroma : second;
    const double blue = sextant < 2.0 ? 0.0 : sextant < 3.0 ? second : chroma;
    rgb[0] = byte_from_unit(red + least);
    rgb[1] = byte_from_unit(green + least);
    rgb[2] = byte_from_unit(blue + least);
}

static void sample(ropemap_colormap colormap, int level, uint8_t rgb[3]) {
    switch (colormap) {
    case ROPEMAP_COLORMAP_MAGMA:
        sample_table(rm_table_magma, 256, level, rgb);
        break;
    case ROPEMAP_COLORMAP_CIVIDIS:
        sample_table(rm_table_cividis, 256, level, rgb);
        break;
    case ROPEMAP_COLORMAP_BATLOW:
        sample_table(rm_table_batlow, 18, level, rgb);
        break;
    case ROPEMAP_COLORMAP_TURBO:
        sample_table(rm_table_turbo, 256, level, rgb);
        break;
    case ROPEMAP_COLORMAP_DIVERGING:
        sample_diverging(level, rgb);
        break;
    case ROPEMAP_COLORMAP_GREY:
        memset(rgb, byte_from_unit((double)level / RM_LEVEL_MAX), 3);
        break;
    case ROPEMAP_COLORMAP_SEED:
        sample_seed(level, rgb);
        break;
    case ROPEMAP_COLORMAP_AUTO:
    case ROPEMAP_COLORMAP_VIRIDIS:
        sample_table(rm_table_viridis, 256, level, rgb);
        break;
    }
}

void rm_palette_make(ropemap_colormap colormap, rm_palette *palette) {
    /* NaN is told from every level: a grey where the map has colours, a blue where it has none. */
    static const uint8_t nan_grey[3] = {0xc6, 0xc6, 0xc6}, nan_blue[3] = {0x8f, 0xb4, 0xe0};
    for (int level = 0; level < RM_LEVELS; level++) {
        sample(colormap, level, palette->rgb[level]);
    }
    memcpy(palette->rgb[RM_LEVEL_NAN], colormap == ROPEMAP_COLORMAP_GREY ? nan_blue : nan_grey, 3);
}

void ropemap_colormap_rgb(ropemap_colormap colormap, uint8_t rgb[ROPEMAP_LEVELS + 1][3]) {
    rm_palette palette;
    rm_palette_make(colormap, &palette);
    memcpy(rgb, palette.rgb, sizeof palette.rgb);
}
