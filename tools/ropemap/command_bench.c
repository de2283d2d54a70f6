/* command_bench.c - `ropemap bench`: time the stages and whole maps beside what the machine can do at most */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/bench_baseline.h"
#include "tools/ropemap/bench_options.h"
#include "tools/ropemap/bench_report.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/run.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int keep_row(void *user, const ropemap_bench_row *row) {
    bench_report *report = user;
    if (report->count == report->room) {
        const size_t room = 2 * report->room + 16;
        ropemap_bench_row *rows = realloc(report->rows, room * sizeof *rows);
        if (rows == NULL) {
            return 1;
        }
        report->rows = rows;
        report->room = room;
    }
    report->rows[report->count++] = *row;
    return 0;
}

/* Whether a GPU can be asked to do all that is named; no reason is told, as the processors can be timed. */
static bool gpu_can(const bench_options *options) {
    ropemap_error unheard;
    ropemap_gpu gpu;
    ropemap_plugin plugin;
    if (options->bench.phase != ROPEMAP_PHASE_EXACT) {
        return false;
    }
    for (int bench = 0; ropemap_bench_name((ropemap_bench)bench) != NULL; bench++) {
        if ((options->bench.which >> bench & 1u) != 0 &&
            !ropemap_bench_exists((ropemap_bench)bench, "cuda", options->bench.phase)) {
            return false;
        }
    }
    return ropemap_gpu_describe(options->bench.device, &gpu, &unheard) == ROPEMAP_OK &&
           ropemap_plugin_describe(&plugin, &unheard) == ROPEMAP_OK;
}

static void choose_backend(bench_options *options) {
    const char *backend = options->bench.backend;
    if (backend == NULL || strcmp(backend, "auto") == 0) {
        options->bench.backend = gpu_can(options) ? "cuda" : "cpu";
    }
}

static ropemap_status check_options(const bench_options *options, ropemap_error *error) {
    if (options->json && options->csv) {
        return fail(error, ROPEMAP_USAGE, "--csv: given with --json, expected one of the two");
    }
    if (options->fail_above >= 0.0 && options->baseline == NULL) {
        return fail(error, ROPEMAP_USAGE, "--fail-above: given alone, expected with --baseline");
    }
    if (options->bench.profile && (options->baseline != NULL || options->roofline != NULL)) {
        return fail(error, ROPEMAP_USAGE,
                    "--profile: times nothing, expected without --baseline and --roofline");
    }
    return ROPEMAP_OK;
}

/* The table, then the picture. */
static ropemap_status check_outputs(const bench_options *options, cli_outputs *outputs,
                                    ropemap_error *error) {
    ropemap_status status = outputs_add(outputs, options->output, OUTPUT_ANY, options->force, error);
    if (status == ROPEMAP_OK && options->roofline != NULL) {
        status = outputs_add(outputs, options->roofline, OUTPUT_ANY, options->force, error);
    }
    return status == ROPEMAP_OK ? outputs_check(outputs, NULL, error) : status;
}

static void set_date(bench_report *report) {
    const time_t now = time(NULL);
    struct tm parts;
    if (gmtime_r(&now, &parts) == NULL ||
        strftime(report->date, sizeof report->date, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        (void)snprintf(report->date, sizeof report->date, "no date");
    }
}

static ropemap_status measure(const bench_options *options, bench_report *report, ropemap_error *error) {
    cli_progress progress = progress_start(options->quiet);
    ropemap_bench_options bench = options->bench;
    bench.positions = options->positions.count > 0 ? options->positions.values : NULL;
    bench.position_count = options->positions.count;
    bench.head_dims = options->head_dims.count > 0 ? options->head_dims.values : NULL;
    bench.head_dim_count = options->head_dims.count;
    bench.blocks = options->blocks.count > 0 ? options->blocks.values : NULL;
    bench.block_count = options->blocks.count;
    bench.dtypes = options->dtype_count > 0 ? options->dtypes : NULL;
    bench.dtype_count = options->dtype_count;
    bench.heads = options->head_count > 0 ? options->heads : NULL;
    bench.head_count = options->head_count;
    bench.gpu = &report->gpu;
    bench.report = keep_row;
    bench.report_user = report;
    bench.progress = progress_tell;
    bench.progress_user = &progress;
    const ropemap_status status = ropemap_bench_run(&bench, error);
    progress_end(&progress);
    return status;
}

/* A report that is being written. */
typedef struct written_report {
    const bench_options *options;
    const bench_report *report;
} written_report;

/* The table, then the picture; for outputs_write. */
static ropemap_status encode(void *what, int index, output_kind kind, ropemap_bytes *bytes,
                             ropemap_error *error) {
    const written_report *written = what;
    (void)kind;
    return index == 1               ? bench_roofline(written->report, bytes, error)
           : written->options->json ? bench_json(written->report, bytes, error)
           : written->options->csv  ? bench_csv(written->report, bytes, error)
                                    : bench_markdown(written->report, bytes, error);
}

static ropemap_status write_report(const bench_options *options, const bench_report *report,
                                   cli_outputs *outputs, ropemap_error *error) {
    written_report written = {.options = options, .report = report};
    signals_hold();
    const ropemap_status status = outputs_write(outputs, encode, &written, error);
    outputs_free(outputs);
    signals_release();
    return status;
}

/* What is wrong, and what became slower, is in the table too: both are told after it is written. */
static ropemap_status tell(const bench_options *options, const bench_baseline *baseline, bench_report *report,
                           cli_outputs *outputs, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    if (baseline != NULL) {
        status = bench_baseline_compare(baseline, report, error);
    }
    status = status == ROPEMAP_OK ? write_report(options, report, outputs, error) : status;
    return status == ROPEMAP_OK && baseline != NULL && options->fail_above >= 0.0
               ? bench_baseline_judge(report, options->fail_above, error)
               : status;
}

static ropemap_status measure_and_tell(const bench_options *options, const bench_baseline *baseline,
                                       bench_report *report, cli_outputs *outputs, ropemap_error *error) {
    ropemap_error told_error;
    set_date(report);
    const ropemap_status measured = measure(options, report, error);
    if (measured != ROPEMAP_OK && measured != ROPEMAP_CHECK) {
        return measured;
    }
    const ropemap_status told = tell(options, baseline, report, outputs, &told_error);
    if (told != ROPEMAP_OK && (told != ROPEMAP_CHECK || measured == ROPEMAP_OK)) {
        *error = told_error;
        return told;
    }
    return measured;
}

static ropemap_status make(bench_options *options, bench_report *report, cli_outputs *outputs,
                           ropemap_error *error) {
    bench_baseline *baseline = NULL;
    ropemap_status status = check_options(options, error);
    status = status == ROPEMAP_OK ? check_outputs(options, outputs, error) : status;
    if (status == ROPEMAP_OK && options->baseline != NULL) {
        status = bench_baseline_open(options->baseline, &baseline, error);
    }
    status = status == ROPEMAP_OK ? ropemap_bench_describe(&report->machine, error) : status;
    if (status == ROPEMAP_OK) {
        choose_backend(options);
        report->on_gpu = strcmp(options->bench.backend, "cuda") == 0;
        status = measure_and_tell(options, baseline, report, outputs, error);
    }
    bench_baseline_free(baseline);
    return status;
}

static ropemap_status work(void *options, cli_run *run, ropemap_error *error) {
    bench_report report = {.count = 0};
    const ropemap_status status = make(options, &report, &run->outputs, error);
    free(report.rows);
    free(report.changes);
    return status;
}

static void start(void *options) {
    *(bench_options *)options =
        (bench_options){.bench = ropemap_bench_options_default(), .output = "-", .fail_above = -1.0};
}

static void notes(void) {
    (void)printf(
        "\nLIST is items with commas between them; of numbers an item may be FROM-TO*FACTOR: 4k-64k*2 is\n"
        "4k,8k,16k,32k,64k. Every output is checked against a computation in double precision; a wrong\n"
        "one ends in exit code 6. A row's ceiling, such as a copy of the same bytes, is timed in turn with\n"
        "its samples. On a GPU there are rotate, similarity, pool, tile (similarity, then pool) and map,\n"
        "timed by its own clock, hot and with a cold cache; on the CPU all but tile.\n"
        "\nWith a --phase other than exact, rotate and map turn rows as they are read, in the arithmetic of\n"
        "that stack and on the CPU, as map and curve do; outputs are checked against the same roundings\n"
        "followed by double precision, so a row is wrong where it does not do what that stack does.\n"
        "\nWith --baseline, a row is slower or faster where the times of the two runs, from the 5th to the\n"
        "95th percentile, do not meet.\n");
}

const cli_command command_bench = {
    .name = "bench",
    .summary = "time the stages and whole maps beside what this machine can do at most",
    .usage = "[BENCHMARK...] [what] [how] [output]",
    .examples =
        "  ropemap bench\n"
        "  ropemap bench rotate -n 4k-1M*4 -d 64,128 --threads 1\n"
        "  ropemap bench rotate tile --backend cuda --dtype bf16,fp16 --heads 1,32:8 --roofline roof.png\n"
        "  ropemap bench rotate map --phase hf-fp32 -n 16k\n"
        "  ropemap bench map --seconds 5 --json -o map.json\n"
        "  ropemap bench map --seconds 5 --baseline map.json --fail-above 5%\n"
        "  nsys profile ropemap bench rotate --backend cuda --profile\n",
    .blocks = {{bench_option_table, 0}},
    .operand = &bench_operand,
    .notes = notes,
    .size = sizeof(bench_options),
    .start = start,
    .work = work,
};
