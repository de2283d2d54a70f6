/* ceiling.c - what the machine can do at most: copies and sums */
/* SPDX-License-Identifier: MIT */
#include "host/bench/ceiling.h"

#include <string.h>

struct copy {
    const rm_crew *crew;
    const char *from;
    char *to;
    int64_t bytes;
};

static ropemap_status copy_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    (void)worker;
    (void)error;
    const struct copy *copy = work;
    const rm_span share = rm_crew_share(copy->bytes, copy->crew->threads, task);
    memcpy(copy->to + share.first, copy->from + share.first, (size_t)(share.end - share.first));
    return ROPEMAP_OK;
}

ropemap_status rm_ceiling_copy(const rm_crew *crew, const void *from, void *to, int64_t bytes,
                               ropemap_error *error) {
    struct copy copy = {.crew = crew, .from = from, .to = to, .bytes = bytes};
    return rm_crew_run(crew, crew->threads, copy_task, &copy, error);
}

struct reading {
    const rm_crew *crew;
    const float *sides[2];
    int64_t rows;
    int32_t head_dim;
    float *sums;
};

/* Four rows at a time, so that the sums are loaded and stored seldom. */
static void add_rows(const float *restrict rows, int64_t count, int32_t head_dim, float *restrict sums) {
    int64_t row = 0;
    for (; row + 4 <= count; row += 4) {
        const float *a = rows + row * head_dim, *b = a + head_dim, *c = b + head_dim, *d = c + head_dim;
        for (int32_t i = 0; i < head_dim; i++) {
            sums[i] += (a[i] + b[i]) + (c[i] + d[i]);
        }
    }
    for (; row < count; row++) {
        for (int32_t i = 0; i < head_dim; i++) {
            sums[i] += rows[row * head_dim + i];
        }
    }
}

static ropemap_status read_task(void *work, int64_t task, int32_t worker, ropemap_error *error) {
    (void)worker;
    (void)error;
    const struct reading *reading = work;
    const rm_span share = rm_crew_share(reading->rows, reading->crew->threads, task);
    float *sums = reading->sums + task * reading->head_dim;
    memset(sums, 0, (size_t)reading->head_dim * sizeof *sums);
    for (int side = 0; side < 2; side++) {
        add_rows(reading->sides[side] + share.first * reading->head_dim, share.end - share.first,
                 reading->head_dim, sums);
    }
    return ROPEMAP_OK;
}

ropemap_status rm_ceiling_read(const rm_crew *crew, const float *first, const float *second, int64_t rows,
                               int32_t head_dim, float *sums, ropemap_error *error) {
    struct reading reading = {
        .crew = crew, .sides = {first, second}, .rows = rows, .head_dim = head_dim, .sums = sums};
    return rm_crew_run(crew, crew->threads, read_task, &reading, error);
}
