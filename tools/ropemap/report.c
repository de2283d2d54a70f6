/* report.c - what `ropemap map` says about a map that was made */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/report.h"

#include "tools/ropemap/document.h"
#include "tools/ropemap/failure.h"

#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

/* Most memory the process has held; 0 where the system does not say. */
static uint64_t peak_bytes(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

static json_t *seconds_object(const map_report *report) {
    const ropemap_seconds *seconds = &report->map->seconds;
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "read", seconds->read, "rotate", seconds->rotate,
                     "similarity", seconds->similarity, "pool", seconds->pool, "draw",
                     report->output_seconds.draw, "write", report->output_seconds.write, "total",
                     report->total_seconds);
}

static json_t *outputs_array(const map_options *options) {
    json_t *outputs = json_array();
    for (int index = 0; index < options->output_count; index++) {
        if (json_array_append_new(outputs, document_text(options->outputs[index])) != 0) {
            json_decref(outputs);
            return NULL;
        }
    }
    return outputs;
}

int report_json(const map_report *report) {
    const ropemap_map *map = report->map;
    json_t *document = document_start("ropemap.map/1", report->options, &map->plan);
    json_t *results = json_pack("{s:o, s:o, s:o, s:I, s:o, s:I, s:o}", "min", document_real(map->min), "max",
                                document_real(map->max), "mean", document_real(map->mean), "nan_cells",
                                (json_int_t)map->nan_cells, "seconds", seconds_object(report), "peak_bytes",
                                (json_int_t)peak_bytes(), "outputs", outputs_array(report->options));
    if (document != NULL && json_object_update(document, results) != 0) {
        json_decref(document);
        document = NULL;
    }
    json_decref(results);
    return document_print(document);
}

/* How the reason begins on a machine without a GPU. */
static const char no_driver[] = "no GPU: there is no NVIDIA driver";

/* Whether the CPU was chosen as it is on most machines and for most maps; the words are those of host/map. */
static bool is_plain(const char *reason) {
    static const char *const plain[] = {no_driver, "a GPU takes longer to start", "asked for"};
    bool found = false;
    for (size_t index = 0; index < sizeof plain / sizeof plain[0]; index++) {
        found = found || strncmp(reason, plain[index], strlen(plain[index])) == 0;
    }
    return found;
}

void report_backend(const map_report *report) {
    const ropemap_plan *plan = &report->map->plan;
    const bool cpu = strcmp(plan->backend, "cpu") == 0;
    if (plan->fell_back || (cpu && !is_plain(plan->backend_reason))) {
        (void)fputs("ropemap: backend: ", stderr);
        print_plain(stderr, plan->backend_reason);
        (void)fputs(cpu ? "; computed on the CPU\n" : "\n", stderr);
    }
}

/* "tiled on cpu"; with the type of the rows where another than the usual one was asked for. */
static void print_method(const map_report *report) {
    const ropemap_plan *plan = &report->map->plan;
    const bool usual = report->options->request.dtype == ROPEMAP_DTYPE_FP32;
    const bool alone = strncmp(plan->backend_reason, no_driver, strlen(no_driver)) == 0;
    (void)fprintf(stderr, "%s%s%s on %s%s", ropemap_method_name(plan->method), usual ? "" : " in ",
                  usual ? "" : ropemap_dtype_name(plan->dtype), plan->backend, alone ? " (no GPU)" : "");
}

void report_line(const map_report *report) {
    const ropemap_map *map = report->map;
    const ropemap_request *request = &report->options->request;
    if (report->options->verbose) {
        const ropemap_seconds *seconds = &map->seconds;
        (void)fprintf(stderr,
                      "ropemap: read %.3f s, rotate %.3f s, similarity %.3f s, pool %.3f s, draw %.3f s, "
                      "write %.3f s\n",
                      seconds->read, seconds->rotate, seconds->similarity, seconds->pool,
                      report->output_seconds.draw, report->output_seconds.write);
    }
    (void)fprintf(stderr,
                  "ropemap: %" PRId64 " x %" PRId64 " positions, %" PRId64 " x %" PRId64
                  " cells, %s of %s from %.4g to %.4g, mean %.4g; ",
                  request->cols.count, request->rows.count, map->width, map->height,
                  ropemap_pool_name(request->pool), ropemap_measure_name(request->measure), map->min,
                  map->max, map->mean);
    if (map->nan_cells > 0) {
        (void)fprintf(stderr, "%" PRId64 " cells NaN; ", map->nan_cells);
    }
    print_method(report);
    (void)fprintf(stderr, ", %.2f s;", report->total_seconds);
    for (int index = 0; index < report->options->output_count; index++) {
        (void)fputc(' ', stderr);
        print_plain(stderr, report->options->outputs[index]);
    }
    (void)fputc('\n', stderr);
}
