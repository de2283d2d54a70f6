/* inv_freq_reading.c - numbers of a buffer as frequencies: their unit, and what rounding leaves of them */
/* SPDX-License-Identifier: MIT */
#include "host/model/inv_freq_check.h"
#include "host/rule/scaling.h"

#include <math.h>
#include <string.h>

static const double TWO_PI = 6.283185307179586477;

/*
 * Formulas of pow and division in float32 stay within some units in the last place, 1.2e-7 each. bfloat16
 * keeps 8 bits and binary16 11: half a unit in the last place, with room for what came before; binary16 has
 * multiples of 2^-24 below 2^-14 and nothing above 65,504.
 */
static const double CLOSE[RM_PRECISION_COUNT] = {2e-6, 0x1.02p-8, 0x1.02p-11};

static const double FP16_STEP = 0x1p-24, FP16_NORMAL = 0x1p-14, FP16_MOST = 65504.0;

bool rm_precision_holds(rm_precision precision, const float *stored, int64_t count) {
    for (int64_t i = 0; i < count && precision != RM_PRECISION_FP32; i++) {
        const double value = fabs((double)stored[i]);
        uint32_t bits;
        memcpy(&bits, &stored[i], sizeof bits);
        if (precision == RM_PRECISION_BF16 && (bits & 0xffffu) != 0) {
            return false;
        }
        if (precision == RM_PRECISION_FP16 && isfinite(value) &&
            (value < FP16_NORMAL ? fmod(value, FP16_STEP) != 0.0
                                 : (bits & 0x1fffu) != 0 || value > FP16_MOST)) {
            return false;
        }
    }
    return true;
}

double rm_unit_of_radians(rm_unit unit, double radians) {
    switch (unit) {
    case RM_UNIT_RECIPROCAL:
        return 1.0 / radians;
    case RM_UNIT_WAVELENGTH:
        return TWO_PI / radians;
    case RM_UNIT_TURNS:
        return radians / TWO_PI;
    case RM_UNIT_RADIANS:
    case RM_UNIT_COUNT:
        break;
    }
    return radians;
}

static double stored_at(const rm_reading *reading, int32_t pair) {
    return (double)reading->stored[pair * reading->apart];
}

double rm_reading_radians(const rm_reading *reading, int32_t pair) {
    const double stored = stored_at(reading, pair);
    return reading->unit == RM_UNIT_TURNS ? stored * TWO_PI : rm_unit_of_radians(reading->unit, stored);
}

bool rm_reading_is(const rm_reading *reading, int32_t pair, double radians) {
    const double found = stored_at(reading, pair), wanted = rm_unit_of_radians(reading->unit, radians);
    const bool half = reading->precision == RM_PRECISION_FP16;
    const double least = half ? FP16_STEP * 0.504 : 0.0;
    return found == wanted ||
           (isfinite(wanted) &&
            fabs(found - wanted) <= fmax(CLOSE[reading->precision] * fabs(wanted), least)) ||
           (half && found >= FP16_MOST && wanted >= FP16_MOST);
}

double rm_reading_error(const rm_reading *reading, int32_t pair, double radians) {
    const double found = stored_at(reading, pair), wanted = rm_unit_of_radians(reading->unit, radians);
    return found == wanted ? 0.0 : wanted == 0.0 ? INFINITY : fabs((found - wanted) / wanted);
}

bool rm_comparing_try(rm_comparing *work, const ropemap_spec *spec) {
    const int32_t pairs = (spec->rotary_dim == 0 ? spec->head_dim : spec->rotary_dim) / 2;
    if (ropemap_spec_check(spec, NULL) != ROPEMAP_OK) {
        return false;
    }
    work->attention = 1.0;
    if (spec->frequencies != NULL) {
        memcpy(work->trial, spec->frequencies->radians, (size_t)pairs * sizeof *work->trial);
        return true;
    }
    rm_scaling_find(spec->scaling.rule)->rule(spec, pairs, work->exact, &work->attention);
    for (int32_t i = 0; i < pairs; i++) {
        work->trial[i] = work->exact[i].high;
    }
    return true;
}

bool rm_comparing_is(rm_comparing *work, const ropemap_spec *spec) {
    const int32_t dim = spec->rotary_dim == 0 ? spec->head_dim : spec->rotary_dim;
    if (dim < 2 * work->reading.count || !rm_comparing_try(work, spec)) {
        return false;
    }
    for (int32_t i = 0; i < work->reading.count; i++) {
        if (!rm_reading_is(&work->reading, i, work->trial[i])) {
            return false;
        }
    }
    return true;
}
