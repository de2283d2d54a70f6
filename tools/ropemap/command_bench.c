/* command_bench.c - `ropemap bench`: time the stages and whole maps beside what the machine can do at most */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/bench_options.h"
#include "tools/ropemap/bench_report.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/help.h"
#include "tools/ropemap/options.h"
#include "tools/ropemap/progress.h"
#include "tools/ropemap/signals.h"

#include <stdio.h>
#include <stdlib.h>
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

static ropemap_status check_options(const bench_options *options, ropemap_error *error) {
    if (options->json && options->csv) {
        return fail(error, ROPEMAP_USAGE, "--csv: given with --json, expected one of the two");
    }
    return ropemap_output_check(options->output, options->force, error);
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
    bench.report = keep_row;
    bench.report_user = report;
    bench.progress = progress_tell;
    bench.progress_user = &progress;
    const ropemap_status status = ropemap_bench_run(&bench, error);
    progress_end(&progress);
    return status;
}

static ropemap_status write_report(const bench_options *options, const bench_report *report,
                                   ropemap_error *error) {
    ropemap_bytes bytes = {.data = NULL};
    ropemap_status status = options->json  ? bench_json(report, &bytes, error)
                            : options->csv ? bench_csv(report, &bytes, error)
                                           : bench_markdown(report, &bytes, error);
    if (status == ROPEMAP_OK) {
        signals_hold();
        status = ropemap_output_write(options->output, &bytes, options->force, error);
        signals_release();
    }
    free(bytes.data);
    return status;
}

static ropemap_status work(const bench_options *options, bench_report *report, ropemap_error *error) {
    ropemap_status status = check_options(options, error);
    status = status == ROPEMAP_OK ? ropemap_bench_describe(&report->machine, error) : status;
    if (status != ROPEMAP_OK) {
        return status;
    }
    set_date(report);
    const ropemap_status measured = measure(options, report, error);
    if (measured != ROPEMAP_OK && measured != ROPEMAP_CHECK) {
        return measured;
    }
    /* What is wrong is in the table too. */
    ropemap_error write_error;
    status = write_report(options, report, &write_error);
    if (status != ROPEMAP_OK) {
        *error = write_error;
        return status;
    }
    return measured;
}

static int run(int argc, char **argv) {
    bench_options options = {.bench = ropemap_bench_options_default(), .output = "-"};
    ropemap_error error = {.status = ROPEMAP_OK};
    bool help = false;
    ropemap_status status = options_parse(&command_bench, argc, argv, &options, &help, &error);
    if (status == ROPEMAP_OK && help) {
        return help_command(&command_bench);
    }
    bench_report report = {.count = 0};
    status = status == ROPEMAP_OK ? work(&options, &report, &error) : status;
    free(report.rows);
    return failure_report(status, &error);
}

static void notes(void) {
    (void)printf(
        "\nLIST is numbers with commas between them, or FROM-TO*FACTOR: 4k-64k*2 is 4k,8k,16k,32k,64k.\n"
        "Every output is checked against a computation in double precision; a wrong one ends in exit\n"
        "code 6. A row's ceiling, such as memcpy of the same bytes, is timed in turn with its samples.\n"
        "\nExamples:\n"
        "  ropemap bench\n"
        "  ropemap bench rotate -n 4k-1M*4 -d 64,128 --threads 1\n"
        "  ropemap bench map --seconds 5 --json -o map.json\n");
}

const cli_command command_bench = {
    .name = "bench",
    .summary = "time the stages and whole maps beside what this machine can do at most",
    .usage = "[BENCHMARK...] [what] [how] [output]",
    .options = bench_option_table,
    .operand = &bench_operand,
    .notes = notes,
    .run = run,
};
