/* command_bench.c - `ropemap bench`: its options, and what happens in which order */
/* SPDX-License-Identifier: MIT */
#include "tools/bench/report.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/number.h"
#include "tools/ropemap/run.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- lists */

enum {
    PART_MAX = 80,
    POSITIONS_MAX = 1 << 24,
    HEADS_MAX = 1024,
    BLOCK_MIN = 16,
    BLOCK_MAX = 16384,
    THREADS_MAX = 1024,
    SAMPLES_MAX = 1000000,
    DEVICES_MAX = 1023
};

/* What a command line asks for besides the benchmarks. */
typedef struct command_options {
    bench_options bench;                    /* but for the callbacks */
    const char *output;                     /* "-": standard output */
    const char *rows, *roofline, *baseline; /* NULL: not given */
    double fail_above;                      /* part of the earlier time; negative: not given */
    bool rank, json, force, quiet;
} command_options;

/* A list that is being read. */
typedef struct reading {
    const cli_option *option;
    const char *text; /* all of it */
    bench_list *list;
    int32_t most; /* values */
} reading;

/* Appends what an item stands for; the item is taken apart. */
typedef ropemap_status (*item_reader)(const reading *of, char *item, ropemap_error *error);

static ropemap_status no_list(const reading *of, ropemap_error *error) {
    return fail(error, ROPEMAP_USAGE, "--%s: not a list ('%.64s'), expected numbers or FROM-TO*FACTOR",
                of->option->name, of->text);
}

static ropemap_status append(const reading *of, int64_t value, ropemap_error *error) {
    if (of->list->count == of->most) {
        return fail(error, ROPEMAP_USAGE, "--%s: too many ('%.64s'), expected at most %d numbers",
                    of->option->name, of->text, (int)of->most);
    }
    of->list->values[of->list->count++] = value;
    return ROPEMAP_OK;
}

/* Items with commas between them, into the option's list. */
static ropemap_status read_list(void *into, const cli_option *option, const char *text, int32_t most,
                                item_reader read, ropemap_error *error) {
    const reading of = {option, text, (bench_list *)(void *)((char *)into + option->offset), most};
    ropemap_status status = ROPEMAP_OK;
    of.list->count = 0;
    for (const char *at = text; status == ROPEMAP_OK && at != NULL;) {
        char item[PART_MAX];
        const size_t length = strcspn(at, ",");
        if (length >= sizeof item) {
            return no_list(&of, error);
        }
        (void)snprintf(item, sizeof item, "%.*s", (int)length, at);
        at = at[length] == ',' ? at + length + 1 : NULL;
        status = read(&of, item, error);
    }
    return status;
}

/* A number within the option's limits. */
static ropemap_status append_number(const reading *of, int64_t value, ropemap_error *error) {
    if (value < of->option->least || (of->option->even && value % 2 != 0)) {
        return fail(error, ROPEMAP_USAGE, "--%s: %s ('%.64s'), expected %snumbers from %d to %d",
                    of->option->name, value < of->option->least ? "too small" : "odd", of->text,
                    of->option->even ? "even " : "", (int)of->option->least, (int)of->option->most);
    }
    return append(of, value, error);
}

/* NUMBER, FROM-TO (doubling) or FROM-TO*FACTOR. */
static ropemap_status read_numbers(const reading *of, char *item, ropemap_error *error) {
    char *dash = strchr(item, '-'), *star = strchr(item, '*');
    uint64_t first = 0, last = 0, factor = 2;
    const uint64_t most = (uint64_t)of->option->most;
    if (star != NULL && (dash == NULL || star < dash)) {
        return no_list(of, error);
    }
    if (dash != NULL) {
        *dash = '\0';
    }
    if (star != NULL) {
        *star = '\0';
    }
    const cli_subject subject = option_subject_of(of->option, of->text);
    ropemap_status status = number_integer(subject.text, item, 1, most, &first, error);
    last = first;
    if (status == ROPEMAP_OK && dash != NULL) {
        status = number_integer(subject.text, dash + 1, first, most, &last, error);
    }
    if (status == ROPEMAP_OK && star != NULL) {
        status = number_integer(subject.text, star + 1, 2, most, &factor, error);
    }
    for (uint64_t value = first; status == ROPEMAP_OK && value <= last; value *= factor) {
        status = append_number(of, (int64_t)value, error);
    }
    return status;
}

/* "32:8", or "32" for 32 of queries and a quarter as many of keys. */
static ropemap_status read_heads(const reading *of, char *item, ropemap_error *error) {
    char *colon = strchr(item, ':');
    uint64_t queries = 0, keys = 0;
    if (colon != NULL) {
        *colon = '\0';
    }
    const cli_subject subject = option_subject_of(of->option, of->text);
    ropemap_status status = number_integer(subject.text, item, 1, HEADS_MAX, &queries, error);
    keys = queries < 4 ? 1 : queries / 4;
    if (status == ROPEMAP_OK && colon != NULL) {
        status = number_integer(subject.text, colon + 1, 0, HEADS_MAX, &keys, error);
    }
    return status == ROPEMAP_OK ? append(of, BENCH_HEADS((int64_t)queries, (int64_t)keys), error) : status;
}

static const char *dtype_name(int index) {
    return ropemap_dtype_name((ropemap_dtype)index);
}

static ropemap_status read_dtype(const reading *of, char *item, ropemap_error *error) {
    const cli_option one = {.name = of->option->name, .choices = dtype_name};
    int index = 0;
    const ropemap_status status = option_choose(&one, item, &index, error);
    return status == ROPEMAP_OK ? append(of, index, error) : status;
}

static ropemap_status set_numbers(void *into, const cli_option *option, const char *text,
                                  ropemap_error *error) {
    return read_list(into, option, text, BENCH_LIST_MAX, read_numbers, error);
}

static ropemap_status set_heads(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    return read_list(into, option, text, BENCH_LIST_MAX, read_heads, error);
}

static ropemap_status set_dtypes(void *into, const cli_option *option, const char *text,
                                 ropemap_error *error) {
    return read_list(into, option, text, BENCH_DTYPES, read_dtype, error);
}

/* ---- options */

static const char *bench_choice(int index) {
    return index == BENCH_KINDS ? "rank" : bench_kind_name((bench_kind)index);
}

static const char *backend_word(int index) {
    static const char *const names[] = {"auto", "cpu", "cuda", NULL};
    return names[index];
}

static const char *clock_choice(int index) {
    static const char *const names[] = {"wall", "cpu", NULL};
    return names[index];
}

static const char *layout_choice(int index) {
    return index == BENCH_BOTH_WHERE_IT_MATTERS ? "both" : ropemap_layout_name((ropemap_layout)(index - 1));
}

static ropemap_status set_bench(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    bench_options *options = &((command_options *)into)->bench;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    if (status == ROPEMAP_OK && index == BENCH_KINDS) {
        ((command_options *)into)->rank = true;
    } else if (status == ROPEMAP_OK) {
        options->which |= UINT32_C(1) << index;
    }
    return status;
}

static const char *phase_choice(int index) {
    return ropemap_phase_name((ropemap_phase)index);
}

/* "5%" or "5" */
static ropemap_status set_fail_above(void *into, const cli_option *option, const char *text,
                                     ropemap_error *error) {
    char number[64];
    double percent = 0.0;
    const size_t length = strlen(text), sign = length > 0 && text[length - 1] == '%' ? 1 : 0;
    (void)snprintf(number, sizeof number, "%.*s", (int)(length - sign), text);
    const ropemap_status status = number_real(option_subject(option).text, number, &percent, error);
    ((command_options *)into)->fail_above = percent / 100.0;
    return status != ROPEMAP_OK || percent >= 0.0
               ? status
               : fail(error, ROPEMAP_USAGE, "--%s: negative ('%.64s'), expected a percentage", option->name,
                      text);
}

static const cli_option bench_operand = {
    .argument = "BENCHMARK...",
    .choices = bench_choice,
    .help = "rotate, similarity, pool, diagonal, png, map, tile, softmax; all by default; rank: by headroom",
    .type = OPTION_CUSTOM,
    .set = set_bench};

static const cli_option bench_rows[] = {
    {.group = GROUP_WHAT,
     .name = "positions",
     .letter = 'n',
     .argument = "LIST",
     .initial = "each benchmark's own",
     .help = "positions of the rows, at most 16M: see below",
     .type = OPTION_CUSTOM,
     .offset = offsetof(command_options, bench.positions),
     .least = 1,
     .most = POSITIONS_MAX,
     .set = set_numbers},
    {.group = GROUP_WHAT,
     .name = "head-dim",
     .letter = 'd',
     .argument = "LIST",
     .initial = "128; for similarity on a GPU 64, 128, 256",
     .help = "elements of a head, even",
     .type = OPTION_CUSTOM,
     .offset = offsetof(command_options, bench.head_dims),
     .least = 2,
     .most = ROPEMAP_MAX_HEAD_DIM,
     .even = true,
     .set = set_numbers},
    {.group = GROUP_WHAT,
     .name = "dtype",
     .argument = "LIST",
     .initial = "all of them",
     .help = "GPU: numbers that are stored or multiplied, of fp32, tf32, bf16, fp16",
     .type = OPTION_CUSTOM,
     .offset = offsetof(command_options, bench.dtypes),
     .set = set_dtypes},
    {.group = GROUP_WHAT,
     .name = "heads",
     .argument = "LIST",
     .initial = "1:1,32:8",
     .help = "GPU, rotate: heads of queries and of keys, Q:K; Q alone has a quarter as many of keys",
     .type = OPTION_CUSTOM,
     .offset = offsetof(command_options, bench.heads),
     .set = set_heads},
    {.group = GROUP_WHAT,
     .name = "block",
     .argument = "LIST",
     .initial = "what maps take; for similarity and tile half and twice of it as well",
     .help = "GPU: side of a tile, 16 to 16384",
     .type = OPTION_CUSTOM,
     .offset = offsetof(command_options, bench.blocks),
     .least = BLOCK_MIN,
     .most = BLOCK_MAX,
     .set = set_numbers},
    {.group = GROUP_WHAT,
     .name = "layout",
     .choices = layout_choice,
     .initial = "both for rotate, half for map",
     .help = "which elements form a pair",
     .type = OPTION_CHOICE,
     .offset = offsetof(command_options, bench.layout)},
    {.group = GROUP_WHAT,
     .name = "phase",
     .choices = phase_choice,
     .initial = "exact",
     .help = "CPU, rotate and map: how the rotation is computed, exactly or as a stack in use does",
     .type = OPTION_CHOICE,
     .offset = offsetof(command_options, bench.phase)},
    {.group = GROUP_WHAT,
     .name = "size",
     .argument = "WxH",
     .initial = "each benchmark's own",
     .help = "cells of pool, png and map; one number stands for both",
     .type = OPTION_SIZE,
     .offset = offsetof(command_options, bench.size),
     .most = ROPEMAP_MAX_SIDE},
    {.group = GROUP_HOW,
     .name = "backend",
     .choices = backend_word,
     .initial = "auto",
     .help = "what is timed; auto: a GPU if there is one that works",
     .type = OPTION_WORD,
     .offset = offsetof(command_options, bench.backend)},
    {.group = GROUP_HOW,
     .name = "device",
     .argument = "N",
     .initial = "0",
     .help = "which GPU",
     .type = OPTION_INT32,
     .offset = offsetof(command_options, bench.device),
     .most = DEVICES_MAX},
    {.group = GROUP_HOW,
     .name = "threads",
     .argument = "N",
     .initial = "all CPUs, and one as well for rotate and similarity",
     .help = "threads, 1 to 1024",
     .type = OPTION_INT32,
     .offset = offsetof(command_options, bench.threads),
     .least = 1,
     .most = THREADS_MAX},
    {.group = GROUP_HOW,
     .name = "clock",
     .choices = clock_choice,
     .initial = "wall; stages of a GPU have its own",
     .help = "CPU: cpu is the CPU time of all threads, shared out evenly, for machines with other load",
     .type = OPTION_CHOICE,
     .offset = offsetof(command_options, bench.clock)},
    {.group = GROUP_HOW,
     .name = "samples",
     .argument = "N",
     .initial = "as many as take --seconds, 5 at least",
     .help = "how often each row is timed",
     .type = OPTION_INT32,
     .offset = offsetof(command_options, bench.samples),
     .least = 1,
     .most = SAMPLES_MAX},
    {.group = GROUP_HOW,
     .name = "seconds",
     .argument = "S",
     .initial = "1",
     .help = "time for each row",
     .type = OPTION_REAL,
     .offset = offsetof(command_options, bench.seconds),
     .bounds = &(const cli_bounds){.above = true, .words = "a number above 0"}},
    {.group = GROUP_HOW,
     .name = "profile",
     .help = "GPU: run each once in a named range (NVTX) for a profiler, and time nothing",
     .type = OPTION_FLAG,
     .offset = offsetof(command_options, bench.profile)},
    {.group = GROUP_HOW,
     .name = "baseline",
     .argument = "FILE",
     .help = "compare with what an earlier run wrote with --json or --rows",
     .type = OPTION_TEXT,
     .offset = offsetof(command_options, baseline),
     .reads = READS_FILE},
    {.group = GROUP_HOW,
     .name = "fail-above",
     .argument = "PERCENT",
     .help = "exit with 6 where a row is slower than the baseline's by more, beyond the noise",
     .type = OPTION_CUSTOM,
     .set = set_fail_above},
    {.group = GROUP_OUTPUT,
     .name = "output",
     .letter = 'o',
     .argument = "FILE",
     .initial = "standard output",
     .help = "where the table goes",
     .type = OPTION_TEXT,
     .offset = offsetof(command_options, output)},
    {.group = GROUP_OUTPUT,
     .name = "rows",
     .argument = "FILE",
     .help = "write each row as a line of JSON as soon as it is finished: an interrupted run keeps them",
     .type = OPTION_TEXT,
     .offset = offsetof(command_options, rows)},
    {.group = GROUP_OUTPUT,
     .name = "roofline",
     .argument = "FILE",
     .help = "draw all rows under the ceilings, as a PNG",
     .type = OPTION_TEXT,
     .offset = offsetof(command_options, roofline)},
    OPTION_JSON(offsetof(command_options, json), "write JSON of schema ropemap.bench/1 instead of markdown"),
    OPTION_FORCE(offsetof(command_options, force)),
    OPTION_QUIET(offsetof(command_options, quiet), "show no progress"),
    {.name = NULL},
};

/* ---- the command */

/* A run: the request, what was measured, and where it goes. */
typedef struct bench_command {
    const command_options *options;
    bench_report report;
    bench_baseline baseline; /* empty: none */
    cli_outputs *outputs;
    bool streams;          /* the tables go to standard output, row by row */
    FILE *rows;            /* of --rows; NULL: none */
    bool begun;            /* what comes before the first row is written */
    ropemap_status failed; /* to keep or to write a row */
    ropemap_error failure;
} bench_command;

static bool keep_row(bench_report *report, const bench_row *row) {
    if (report->count == report->room) {
        const size_t room = 2 * report->room + 16;
        bench_row *rows = realloc(report->rows, room * sizeof *rows);
        if (rows == NULL) {
            return false;
        }
        report->rows = rows;
        report->room = room;
    }
    report->rows[report->count++] = *row;
    return true;
}

/* What comes before the first row: not earlier, as the GPU is described by then. */
static bool begin(bench_command *command) {
    if (!command->begun && command->streams) {
        bench_markdown_begin(stdout, &command->report);
    }
    const bool written =
        command->begun || command->rows == NULL || bench_lines_begin(command->rows, &command->report);
    command->begun = true;
    return written;
}

/* Keeps a row, and writes it where rows go one by one. */
static int take_row(void *user, const bench_row *row) {
    bench_command *command = user;
    if (!keep_row(&command->report, row)) {
        command->failed = fail(&command->failure, ROPEMAP_RESOURCES, "bench: no memory for another row");
        return 1;
    }
    if (!begin(command) || (command->rows != NULL && !bench_lines_row(command->rows, row))) {
        command->failed =
            fail(&command->failure, ROPEMAP_IO, "%.300s: cannot be written", command->options->rows);
        return 1;
    }
    if (command->streams) {
        bench_markdown_row(stdout, &command->report, row);
        return fflush(stdout) == 0 ? 0 : 1; /* finish_stdout says why */
    }
    return 0;
}

/* Whether the GPU has all benchmarks that are named; the reason does not matter, as the CPU can be timed. */
static bool gpu_can(const bench_options *options) {
    ropemap_error ignored;
    ropemap_gpu gpu;
    ropemap_plugin plugin;
    if (options->phase != ROPEMAP_PHASE_EXACT || options->clock != BENCH_WALL ||
        bench_lacking(options, "cuda") != BENCH_KINDS) {
        return false;
    }
    return ropemap_gpu_describe(options->device, &gpu, &ignored) == ROPEMAP_OK &&
           ropemap_plugin_describe(&plugin, &ignored) == ROPEMAP_OK;
}

/* Whether rows are read and ranked, and none are measured. */
static bool only_ranks(const command_options *options) {
    return options->rank && options->baseline != NULL && options->bench.which == 0;
}

static ropemap_status check_options(const command_options *options, ropemap_error *error) {
    if (only_ranks(options) &&
        (options->json || options->fail_above >= 0.0 || options->rows != NULL || options->roofline != NULL)) {
        return fail(error, ROPEMAP_USAGE,
                    "rank --baseline %.200s measures nothing: leave out --json, --rows, --roofline and "
                    "--fail-above, or name a benchmark",
                    options->baseline);
    }
    if (options->fail_above >= 0.0 && options->baseline == NULL) {
        return fail(error, ROPEMAP_USAGE, "--fail-above needs --baseline FILE");
    }
    if (options->bench.profile && (options->baseline != NULL || options->roofline != NULL || options->rank)) {
        return fail(error, ROPEMAP_USAGE,
                    "--profile times nothing: leave out --baseline, --roofline and rank");
    }
    if (options->rows != NULL &&
        (strcmp(options->rows, options->output) == 0 ||
         (options->roofline != NULL && strcmp(options->rows, options->roofline) == 0))) {
        return fail(error, ROPEMAP_USAGE, "--rows %.200s: --output or --roofline writes that file too",
                    options->rows);
    }
    return ROPEMAP_OK;
}

/* The table, unless it is streamed, then the picture. */
static ropemap_status check_outputs(bench_command *command, ropemap_error *error) {
    const command_options *options = command->options;
    command->streams = !options->json && !options->rank && strcmp(options->output, "-") == 0;
    const char *const files[] = {command->streams ? NULL : options->output, options->roofline};
    for (int i = 0; i < 2; i++) {
        RM_TRY(files[i] != NULL ? outputs_add(command->outputs, files[i], OUTPUT_ANY, options->force, error)
                                : ROPEMAP_OK);
    }
    return outputs_check(command->outputs, command->streams ? "the table" : NULL, error);
}

/* Not through the outputs, which appear whole at the end: this file is for runs that have no end. */
static ropemap_status open_rows(bench_command *command, ropemap_error *error) {
    const command_options *options = command->options;
    if (options->rows == NULL) {
        return ROPEMAP_OK;
    }
    command->rows = fopen(options->rows, options->force ? "we" : "wxe");
    return command->rows != NULL ? ROPEMAP_OK
                                 : fail(error, ROPEMAP_IO, "--rows %.300s: cannot be created (%s)",
                                        options->rows, strerror(errno));
}

/* Every line was flushed. A run that had nothing to write leaves no file. */
static void close_rows(const bench_command *command) {
    struct stat about;
    if (command->rows == NULL) {
        return;
    }
    if (!command->begun && fstat(fileno(command->rows), &about) == 0 && S_ISREG(about.st_mode)) {
        (void)unlink(command->options->rows);
    }
    (void)fclose(command->rows);
}

static void set_date(bench_report *report) {
    const time_t now = time(NULL);
    struct tm parts;
    if (gmtime_r(&now, &parts) == NULL ||
        strftime(report->date, sizeof report->date, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        (void)snprintf(report->date, sizeof report->date, "no date");
    }
}

static ropemap_status measure(bench_command *command, ropemap_error *error) {
    cli_progress progress = progress_start(command->options->quiet);
    bench_options bench = command->options->bench;
    bench.backend = command->report.on_gpu ? "cuda" : "cpu";
    bench.gpu = &command->report.gpu;
    bench.report = take_row;
    bench.report_user = command;
    bench.progress = progress_tell;
    bench.progress_user = &progress;
    const ropemap_status status = bench_run(&bench, error);
    progress_end(&progress);
    if (command->failed != ROPEMAP_OK) {
        *error = command->failure;
        return command->failed;
    }
    return status;
}

/* The table, unless it was streamed, then the picture; for outputs_write. */
static ropemap_status encode(void *what, int index, output_kind kind, ropemap_bytes *bytes,
                             ropemap_error *error) {
    const bench_command *command = what;
    (void)kind;
    return index == (command->streams ? 0 : 1) ? bench_roofline(&command->report, bytes, error)
           : command->options->json            ? bench_json(&command->report, bytes, error)
                                               : bench_markdown(&command->report, bytes, error);
}

static ropemap_status write_report(bench_command *command, ropemap_error *error) {
    const command_options *options = command->options;
    ropemap_status status = ROPEMAP_OK;
    if (options->rank) {
        command->report.ranked = only_ranks(options) ? options->baseline : "this run";
        bench_rank(&command->report);
    }
    if (options->baseline != NULL && !only_ranks(options)) {
        status = bench_baseline_compare(&command->baseline, &command->report, error);
    }
    if (status == ROPEMAP_OK && command->streams) {
        (void)begin(command); /* no row was finished */
        bench_markdown_end(stdout, &command->report);
    }
    signals_hold();
    status = status == ROPEMAP_OK ? outputs_write(command->outputs, encode, command, error) : status;
    outputs_free(command->outputs);
    signals_release();
    return status;
}

/* What failed, what is wrong and what became slower is in the table too: it is written before the exit code
 * says so. */
static ropemap_status measure_and_write(bench_command *command, ropemap_error *error) {
    const double fail_above = command->options->fail_above;
    ropemap_error later;
    set_date(&command->report);
    const ropemap_status measured = measure(command, error);
    if (measured == ROPEMAP_STOPPED || command->failed != ROPEMAP_OK ||
        (measured != ROPEMAP_OK && command->report.count == 0)) {
        return measured;
    }
    const ropemap_status written = write_report(command, &later);
    if (written != ROPEMAP_OK && (measured == ROPEMAP_OK || written == ROPEMAP_IO)) {
        *error = later;
        return written;
    }
    return measured == ROPEMAP_OK && fail_above >= 0.0
               ? bench_baseline_judge(&command->report, fail_above, error)
               : measured;
}

static ropemap_status make(bench_command *command, ropemap_error *error) {
    const command_options *options = command->options;
    const char *backend = options->bench.backend;
    RM_TRY(check_options(options, error));
    RM_TRY(check_outputs(command, error));
    RM_TRY(options->baseline != NULL ? bench_baseline_open(options->baseline, &command->baseline, error)
                                     : ROPEMAP_OK);
    RM_TRY(ropemap_machine_describe(&command->report.machine, error));
    if (only_ranks(options)) {
        command->report.rows = command->baseline.rows;
        command->report.count = command->baseline.count;
        command->baseline.rows = NULL;
        return write_report(command, error);
    }
    RM_TRY(open_rows(command, error));
    const bool chosen = backend == NULL || strcmp(backend, "auto") == 0;
    command->report.on_gpu = chosen ? gpu_can(&options->bench) : strcmp(backend, "cuda") == 0;
    return measure_and_write(command, error);
}

static ropemap_status work(void *options, cli_run *run, ropemap_error *error) {
    bench_command command = {.options = options, .outputs = &run->outputs, .failed = ROPEMAP_OK};
    ropemap_status status = make(&command, error);
    if (command.streams && status != ROPEMAP_USAGE) {
        run->code = finish_stdout();
    }
    close_rows(&command);
    bench_baseline_free(&command.baseline);
    free(command.report.rows);
    free(command.report.changes);
    return run->code != ROPEMAP_OK ? ROPEMAP_OK : status; /* what stdout did not take was reported */
}

static void start(void *options) {
    *(command_options *)options =
        (command_options){.bench = {.seconds = 1.0}, .output = "-", .fail_above = -1.0};
}

static void notes(void) {
    (void)printf(
        "\nLIST is items with commas between them; of numbers an item may be FROM-TO*FACTOR: 4k-64k*2 is\n"
        "4k,8k,16k,32k,64k. Every output is checked against a computation in double precision; a wrong one\n"
        "gives exit code 6. A row's ceiling, such as a copy of the same bytes, is timed alternately with "
        "its\n"
        "samples. A row that fails, for want of memory say, is reported as such, and the others still run.\n"
        "A GPU has rotate, similarity, pool, tile (similarity, then pool) and map, timed by its own\n"
        "clock, hot and with a cold cache, and as a CUDA graph where they are work of one stream; the\n"
        "CPU has all but tile.\n"
        "\nWith a --phase other than exact, rotate and map rotate rows as they are read, in the arithmetic "
        "of\n"
        "that stack and on the CPU, as map and curve do. Outputs are checked against the same roundings\n"
        "followed by double precision, so a row is wrong where it does not do what that stack does.\n"
        "\nrank prints rows as shares of their own bounds, most headroom first: of this run, or with\n"
        "--baseline and no benchmark named, of that file or of a record of tools/gpu-check.\n"
        "\nWith --baseline, a row is slower or faster where the times of the two runs, from the 5th to the\n"
        "95th percentile, do not meet.\n");
}

const cli_command command_bench = {
    .name = "bench",
    .summary = "time stages and whole maps next to what this machine can do at most",
    .usage = "[BENCHMARK...] [what] [how] [output]",
    .examples =
        "  ropemap bench\n"
        "  ropemap bench rotate -n 4k-1M*4 -d 64,128 --threads 1\n"
        "  ropemap bench rotate tile --backend cuda --dtype bf16,fp16 --heads 1,32:8 --roofline roof.png\n"
        "  ropemap bench rotate map --phase hf-fp32 -n 16k\n"
        "  ropemap bench map --seconds 5 --json -o map.json\n"
        "  ropemap bench map --seconds 5 --baseline map.json --fail-above 5%\n"
        "  ropemap bench rank --baseline map.json\n"
        "  nsys profile ropemap bench rotate --backend cuda --profile\n",
    .blocks = {{bench_rows, 0}},
    .operand = &bench_operand,
    .notes = notes,
    .size = sizeof(command_options),
    .start = start,
    .work = work,
};
