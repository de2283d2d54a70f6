/* bench_words.c - words that the reports of `ropemap bench` share */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/bench_report.h"
#include "tools/ropemap/failure.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void add(bench_words *words, size_t *used, const char *format, ...) FAILURE_PRINTF(3, 4);

static void add(bench_words *words, size_t *used, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (*used < sizeof words->text) {
        const int length = vsnprintf(words->text + *used, sizeof words->text - *used, format, arguments);
        *used += length > 0 ? (size_t)length : 0;
    }
    va_end(arguments);
}

bench_words bench_shape_words(const ropemap_bench_row *row) {
    bench_words shape = {.text = ""};
    size_t used = 0;
    if (row->dtype[0] != '\0') {
        add(&shape, &used, "%s ", row->dtype);
    }
    if (row->block != 0) {
        add(&shape, &used, "tile of %" PRId64 "%s", row->block, row->head_dim != 0 ? ", " : "");
    }
    if (row->block != 0 && row->head_dim != 0) {
        add(&shape, &used, "d %" PRId32, row->head_dim);
    } else if (row->block == 0) {
        if (row->positions != 0) {
            add(&shape, &used, "%" PRId64, row->positions);
        }
        if (row->head_dim != 0) {
            add(&shape, &used, " x %" PRId32, row->head_dim);
        }
    }
    if (row->variant[0] != '\0') {
        add(&shape, &used, " %s", row->variant);
    }
    if (row->phase[0] != '\0' && strcmp(row->phase, ropemap_phase_name(ROPEMAP_PHASE_EXACT)) != 0) {
        add(&shape, &used, " %s", row->phase);
    }
    if (row->heads != 0) {
        add(&shape, &used, ", %" PRId32 ":%" PRId32 " heads", row->heads, row->key_heads);
    }
    if (row->block != 0 && row->width != 0) {
        add(&shape, &used, " of %" PRId64, row->positions);
    }
    if (row->width != 0) {
        add(&shape, &used, "%s%" PRId64 " x %" PRId64, used > 0 ? " to " : "", row->width, row->height);
    }
    return shape;
}

bench_words bench_target_words(const ropemap_bench_row *row) {
    bench_words target = {.text = ""};
    size_t used = 0;
    const char *met = row->met ? "met" : "MISSED";
    if (row->samples == 0) {
        return target;
    }
    switch (row->against) {
    case ROPEMAP_BENCH_TARGET_SHARE:
        add(&target, &used, ">= %.3g %% of ceiling: %s", 100 * row->target, met);
        break;
    case ROPEMAP_BENCH_TARGET_SECONDS:
        add(&target, &used, "<= %.3g s: %s", row->target, met);
        break;
    case ROPEMAP_BENCH_TARGET_ERROR:
        add(&target, &used, "error <= %.2g: %s", row->target, met);
        break;
    case ROPEMAP_BENCH_TARGET_MEMORY:
        add(&target, &used, "<= %s of the GPU: %s", bench_amount(row->target, "B").text, met);
        break;
    case ROPEMAP_BENCH_TARGET_NONE:
        break;
    }
    return target;
}

bench_words bench_duration(double seconds) {
    bench_words shown;
    const bool micro = seconds < 1e-3, milli = seconds < 1.0;
    (void)snprintf(shown.text, sizeof shown.text, "%.4g %s",
                   seconds * (micro   ? 1e6
                              : milli ? 1e3
                                      : 1.0),
                   micro   ? "us"
                   : milli ? "ms"
                           : "s");
    return shown;
}

bench_words bench_amount(double value, const char *unit) {
    static const char prefixes[] = " kMGT";
    bench_words shown = {.text = ""};
    size_t prefix = 0;
    for (; value >= 1000.0 && prefix + 2 < sizeof prefixes; prefix++) {
        value /= 1000.0;
    }
    if (value > 0.0) {
        (void)snprintf(shown.text, sizeof shown.text, "%.4g %.*s%s", value, prefix > 0 ? 1 : 0,
                       prefixes + prefix, unit);
    }
    return shown;
}

bench_words bench_cuda_version(int32_t version) {
    bench_words shown;
    (void)snprintf(shown.text, sizeof shown.text, "%" PRId32 ".%" PRId32, version / 1000,
                   version % 1000 / 10);
    return shown;
}

const char *bench_verdict_word(bench_verdict verdict) {
    static const char *const words[] = {
        [BENCH_NEW] = "not in the baseline", [BENCH_UNSURE] = "too few samples",
        [BENCH_SAME] = "within the noise",   [BENCH_FASTER] = "faster",
        [BENCH_SLOWER] = "slower",
    };
    return words[verdict];
}

ropemap_status bench_write(void (*write)(FILE *, const bench_report *), const bench_report *report,
                           ropemap_bytes *bytes, ropemap_error *error) {
    char *data = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&data, &size);
    if (stream == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "bench: no memory for the report");
    }
    write(stream, report);
    const bool failed = ferror(stream) != 0;
    if (fclose(stream) != 0 || failed) {
        free(data);
        return fail(error, ROPEMAP_RESOURCES, "bench: no memory for the report");
    }
    *bytes = (ropemap_bytes){.data = (uint8_t *)data, .size = size};
    return ROPEMAP_OK;
}
