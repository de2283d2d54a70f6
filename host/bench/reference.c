/* reference.c - what stages should have computed, by plain formulas in long double and libm */
/* SPDX-License-Identifier: MIT */
#include "host/bench/reference.h"

#include "host/base/alloc.h"

#include <math.h>

static const long double base = 10000.0L;

rm_reference *rm_reference_make(int32_t head_dim, ropemap_layout layout) {
    rm_reference *reference = rm_alloc(1, sizeof *reference);
    if (reference != NULL) {
        reference->head_dim = head_dim;
        reference->layout = layout;
        for (int32_t pair = 0; pair < head_dim / 2; pair++) {
            reference->frequency[pair] = powl(base, -2.0L * (long double)pair / (long double)head_dim);
        }
    }
    return reference;
}

void rm_reference_rotate(const rm_reference *reference, const float *row, int64_t position, double *turned) {
    const int32_t pairs = reference->head_dim / 2;
    const bool half = reference->layout == ROPEMAP_LAYOUT_HALF;
    for (int32_t pair = 0; pair < pairs; pair++) {
        const int32_t a = half ? pair : 2 * pair, b = half ? pair + pairs : 2 * pair + 1;
        const long double angle = (long double)position * reference->frequency[pair];
        const long double c = cosl(angle), s = sinl(angle);
        const long double x = (long double)row[a], y = (long double)row[b];
        turned[a] = (double)(x * c - y * s);
        turned[b] = (double)(x * s + y * c);
    }
}

int32_t rm_reference_partner(const rm_reference *reference, int32_t d) {
    const int32_t pairs = reference->head_dim / 2;
    if (reference->layout == ROPEMAP_LAYOUT_HALF) {
        return d < pairs ? d + pairs : d - pairs;
    }
    return d % 2 == 0 ? d + 1 : d - 1;
}

double rm_reference_dot(const double *a, const double *b, int64_t count) {
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

double rm_reference_product_error(int32_t head_dim, double length_a, double length_b) {
    return ((double)head_dim + 1.0) * RM_FLOAT_ROUNDING * length_a * length_b;
}
