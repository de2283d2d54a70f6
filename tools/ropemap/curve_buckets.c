/* curve_buckets.c - a curve of many distances in as many parts as a picture has columns */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/curve_buckets.h"

#include "tools/ropemap/document.h"

#include <math.h>

/* Index one past part `bucket` of those that begin at index `start`; parts may be empty. */
static int64_t end_of(const curves *made, int64_t start, int bucket, bool log_axis) {
    const int64_t count = made->distances.count;
    const double share = (double)(bucket + 1) / CURVE_BUCKETS;
    if (bucket + 1 == CURVE_BUCKETS) {
        return count;
    }
    if (!log_axis) {
        return (int64_t)(share * (double)count);
    }
    const double first = made->distance[start], beyond = made->distance[count - 1] + 1.0;
    const double distance = first * pow(beyond / first, share);
    return (int64_t)ceil((distance - (double)made->distances.first) / (double)made->distances.step);
}

/* The columns of the object. */
struct columns {
    json_t *distance, *last, *mean, *low, *high;
};

static void add(const curves *made, const curve *one, int64_t first, int64_t end, struct columns *to) {
    double sum = 0.0, low = one->values[first], high = low;
    for (int64_t i = first; i < end; i++) {
        sum += one->values[i];
        low = fmin(low, one->values[i]);
        high = fmax(high, one->values[i]);
    }
    (void)json_array_append_new(to->distance, json_integer((json_int_t)made->distance[first]));
    (void)json_array_append_new(to->last, json_integer((json_int_t)made->distance[end - 1]));
    (void)json_array_append_new(to->mean, document_real(sum / (double)(end - first)));
    (void)json_array_append_new(to->low, document_real(low));
    (void)json_array_append_new(to->high, document_real(high));
}

json_t *curve_buckets(const curves *made, const curve *one, bool log_axis) {
    struct columns to = {json_array(), json_array(), json_array(), json_array(), json_array()};
    const int64_t count = made->distances.count;
    const int64_t start = log_axis && made->distance[0] == 0.0 && count > 1 ? 1 : 0;
    int64_t at = start;
    if (start > 0) {
        add(made, one, 0, start, &to);
    }
    for (int bucket = 0; bucket < CURVE_BUCKETS && at < count; bucket++) {
        const int64_t end = end_of(made, start, bucket, log_axis);
        if (end > at) {
            add(made, one, at, end < count ? end : count, &to);
            at = end;
        }
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "distance", to.distance, "last", to.last, "mean", to.mean,
                     "low", to.low, "high", to.high);
}
