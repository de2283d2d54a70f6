/* bench_markdown.c - what `ropemap bench` measured, as tables for people */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/bench_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- what it was measured on */

static void write_machine(FILE *stream, const bench_report *report) {
    const ropemap_bench_machine *machine = &report->machine;
    (void)fprintf(stream, "ropemap %s, %s: %" PRId32 " x %s, SIMD %s\n\n", ropemap_version(), report->date,
                  machine->processors, machine->processor, machine->simd);
}

static void write_state(FILE *stream, const char *when, const ropemap_gpu_state *state) {
    if (state->known) {
        (void)fprintf(stream, "; %s: %" PRId32 " MHz, memory %" PRId32 " MHz, %" PRId32 " C, %.0f W", when,
                      state->processor_mhz, state->memory_mhz, state->celsius, state->watts);
    }
}

static void write_gpu(FILE *stream, const ropemap_bench_gpu *gpu) {
    (void)fprintf(stream, "GPU %" PRId32 ": %s, sm_%" PRId32 "%" PRId32 ", %" PRId32 " multiprocessors, %s",
                  gpu->gpu.index, gpu->gpu.name, gpu->gpu.major, gpu->gpu.minor, gpu->gpu.processors,
                  bench_amount((double)gpu->gpu.memory, "B").text);
    (void)fprintf(stream, "; driver %s%sfor CUDA %s; %s, %s", gpu->driver, gpu->driver[0] != '\0' ? " " : "",
                  bench_cuda_version(gpu->supports).text, gpu->plugin.runtime, gpu->plugin.blas);
    write_state(stream, "before", &gpu->before);
    write_state(stream, "after", &gpu->after);
    (void)fprintf(stream, "; clocks %s%s%s%s\n",
                  gpu->throttled      ? "HELD BACK"
                  : gpu->before.known ? "not held back"
                                      : "not known",
                  gpu->throttled ? " (" : "", gpu->reasons, gpu->throttled ? ")" : "");
    (void)fprintf(stream, "Measured at most: copy %.4g GB/s read and written; product of side %" PRId64,
                  gpu->copy_rate, gpu->product_side);
    for (int dtype = 0; dtype < 4; dtype++) {
        if (gpu->product_rates[dtype] > 0.0) {
            (void)fprintf(stream, ", %s %.4g GFLOP/s", ropemap_dtype_name((ropemap_dtype)dtype),
                          gpu->product_rates[dtype]);
        }
    }
    (void)fputs("\n\n", stream);
}

/* ---- rows */

/* What both tables show of a row that was timed. */
static void write_times(FILE *stream, const ropemap_bench_row *row) {
    (void)fprintf(stream, " | %s | %s | %s | %.2f %%%s%s | %s | %s | %.4g %s | %.1f %%",
                  bench_duration(row->median).text, bench_duration(row->p5).text,
                  bench_duration(row->p95).text, 100 * row->deviation, row->noisy ? " noisy" : "",
                  row->throttled ? " held back" : "", bench_amount(row->bytes, "B").text,
                  bench_amount(row->flops, "FLOP").text, row->rate, row->unit, 100 * row->share);
}

static void write_check(FILE *stream, const ropemap_bench_row *row) {
    (void)fprintf(stream, " | %.2g | %" PRId64 " of %" PRId64 " | %s |\n", row->error, row->wrong,
                  row->checked, bench_target_words(row).text);
}

static void cpu_row(FILE *stream, const ropemap_bench_row *row) {
    (void)fprintf(stream, "| %s | %s | %" PRId32 " | %" PRId32, row->name, bench_shape_words(row).text,
                  row->threads, row->samples);
    if (row->samples > 0) {
        write_times(stream, row);
        (void)fprintf(stream, " | %s", bench_amount((double)row->output_bytes, "B").text);
    } else {
        (void)fprintf(stream, " | | | | | | | | |");
    }
    write_check(stream, row);
}

static void gpu_row(FILE *stream, const ropemap_bench_row *row) {
    (void)fprintf(stream, "| %s | %s | %" PRId32, row->name, bench_shape_words(row).text, row->samples);
    if (row->samples > 0) {
        write_times(stream, row);
    } else {
        (void)fprintf(stream, " | | | | | | | |");
    }
    if (row->cold > 0.0) {
        (void)fprintf(stream, " | %s | %.1f %%", bench_duration(row->cold).text, 100 * row->cold_share);
    } else {
        (void)fprintf(stream, " | |");
    }
    (void)fprintf(stream, " | %s", bench_amount((double)row->device_bytes, "B").text);
    write_check(stream, row);
}

static void write_rows(FILE *stream, const bench_report *report) {
    (void)fputs(
        report->on_gpu
            ? "| benchmark | shape | samples | median | p5 | p95 | deviation | bytes | FLOP | rate | "
              "of ceiling | cold | cold of ceiling | GPU memory | error | wrong | target |\n"
              "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n"
            : "| benchmark | shape | threads | samples | median | p5 | p95 | deviation | bytes | FLOP "
              "| rate | of ceiling | file | error | wrong | target |\n"
              "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
        stream);
    for (size_t i = 0; i < report->count; i++) {
        if (report->on_gpu) {
            gpu_row(stream, &report->rows[i]);
        } else {
            cpu_row(stream, &report->rows[i]);
        }
    }
}

/* ---- what the columns mean */

static bool is_first_of_its_name(const bench_report *report, size_t index) {
    return index == 0 || strcmp(report->rows[index].name, report->rows[index - 1].name) != 0;
}

/* Each benchmark's formula and ceiling, once. */
static void write_notes(FILE *stream, const bench_report *report) {
    (void)fprintf(
        stream,
        "\nn positions, d elements of a head, W x H cells, tiles of b x b; of ceiling: median of the "
        "ceiling's time / the\nsample's, run in turn%s; deviation: standard deviation "
        "/ mean, noisy above 0.5 %%; error: largest\ndifference from a double-precision computation in "
        "the timed buffer; wrong: elements beyond what rounding explains.\n",
        report->on_gpu ? "" : " on as many threads");
    if (report->on_gpu) {
        (void)fputs("Stages are timed by the GPU's clock, hot after a run of their own and cold after its "
                    "cache was overwritten; whole maps by\nthe host's. GPU memory: the most that a map took. "
                    "The phase and all other arithmetic of rotate take what its share\nleaves of the copy's "
                    "time at most.\n",
                    stream);
    }
    for (size_t i = 0; i < report->count; i++) {
        const ropemap_bench_row *row = &report->rows[i];
        if (is_first_of_its_name(report, i)) {
            (void)fprintf(stream, "- %s: %s; ceiling: %s\n", row->name, row->formula, row->ceiling);
        }
    }
}

static void write_changes(FILE *stream, const bench_report *report) {
    (void)fputs("\n| compared with the baseline | shape | before | now | change | verdict |\n"
                "|---|---|---|---|---|---|\n",
                stream);
    for (size_t i = 0; i < report->count; i++) {
        const ropemap_bench_row *row = &report->rows[i];
        const bench_change *change = &report->changes[i];
        (void)fprintf(stream, "| %s | %s |", row->name, bench_shape_words(row).text);
        if (change->verdict == BENCH_NEW) {
            (void)fprintf(stream, " | | | %s |\n", bench_verdict_word(change->verdict));
        } else {
            (void)fprintf(stream, " %s | %s | %+.1f %% | %s |\n", bench_duration(change->earlier).text,
                          bench_duration(row->median).text, 100 * change->change,
                          bench_verdict_word(change->verdict));
        }
    }
}

static void write_all(FILE *stream, const bench_report *report) {
    write_machine(stream, report);
    if (report->on_gpu) {
        write_gpu(stream, &report->gpu);
    }
    write_rows(stream, report);
    if (report->changes != NULL) {
        write_changes(stream, report);
    }
    write_notes(stream, report);
}

ropemap_status bench_markdown(const bench_report *report, ropemap_bytes *bytes, ropemap_error *error) {
    return bench_write(write_all, report, bytes, error);
}
