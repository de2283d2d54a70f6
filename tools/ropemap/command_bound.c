/* command_bound.c - `ropemap bound`: how far a base reaches, and the least base that reaches far enough */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/bound_options.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/help.h"
#include "tools/ropemap/number.h"
#include "tools/ropemap/options.h"
#include "tools/ropemap/progress.h"
#include "tools/ropemap/signals.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_MOST = 1 << 24, REACH_LIMIT = 1 << 24 };

/* ---- options ------------------------------------------------------------------------------------------- */

/* Numbers with commas between them; FROM-TO doubles. */
static ropemap_status read_list(const cli_option *option, const char *text, uint64_t least, uint64_t most,
                                int64_t *values, int *count, ropemap_error *error) {
    for (const char *at = text; at != NULL;) {
        char item[80], *dash = NULL;
        uint64_t from = 0, to = 0;
        const size_t length = strcspn(at, ",");
        (void)snprintf(item, sizeof item, "%.*s", (int)(length < sizeof item ? length : sizeof item - 1), at);
        dash = strchr(item, '-');
        if (dash != NULL) {
            *dash = '\0';
        }
        const cli_subject subject = option_subject_of(option, text);
        ropemap_status status = number_integer(subject.text, item, least, most, &from, error);
        to = from;
        if (status == ROPEMAP_OK && dash != NULL) {
            status = number_integer(subject.text, dash + 1, from, most, &to, error);
        }
        if (status != ROPEMAP_OK) {
            return status;
        }
        for (uint64_t value = from; value <= to; value *= 2) {
            if (*count == BOUND_LIST_MOST) {
                return fail(error, ROPEMAP_USAGE, "--%s: more than %d numbers", option->name,
                            BOUND_LIST_MOST);
            }
            values[(*count)++] = (int64_t)value;
        }
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
    return ROPEMAP_OK;
}

static ropemap_status set_table(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    bound_options *options = into;
    options->length_count = 0;
    return read_list(option, text, 2, LENGTH_MOST, options->lengths, &options->length_count, error);
}

static ropemap_status set_dims(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    bound_options *options = into;
    options->dim_count = 0;
    return read_list(option, text, 2, ROPEMAP_MAX_HEAD_DIM, options->dims, &options->dim_count, error);
}

static ropemap_status set_windows(void *into, const cli_option *option, const char *text,
                                  ropemap_error *error) {
    bound_options *options = into;
    uint64_t windows = 0;
    const ropemap_status status =
        number_integer(option_subject(option).text, text, 1, BOUND_WINDOWS_MOST, &windows, error);
    options->windows = (int)windows;
    return status;
}

static ropemap_status set_limit(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    bound_options *options = into;
    uint64_t limit = 0;
    const ropemap_status status =
        number_integer(option_subject(option).text, text, 2, UINT64_C(1) << 36, &limit, error);
    options->limit = (int64_t)limit;
    return status;
}

static ropemap_status set_bases(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    bound_options *options = into;
    return number_interval(option_subject(option).text, text, &options->low, &options->high, error);
}

static ropemap_status set_resolution(void *into, const cli_option *option, const char *text,
                                     ropemap_error *error) {
    bound_options *options = into;
    const ropemap_status status = number_real(option_subject(option).text, text, &options->resolution, error);
    return status != ROPEMAP_OK || (options->resolution >= 1e-8 && options->resolution <= 1e-2)
               ? status
               : fail(error, ROPEMAP_USAGE, "--%s: '%.64s', expected a number from 1e-8 to 1e-2",
                      option->name, text);
}

static ropemap_status set_thread_number(void *into, const cli_option *option, const char *text,
                                        ropemap_error *error) {
    bound_options *options = into;
    uint64_t threads = 0;
    const ropemap_status status = number_integer(option_subject(option).text, text, 1, 1024, &threads, error);
    options->threads = (int32_t)threads;
    return status;
}

static const cli_option options_table[] = {
    {.group = GROUP_WHAT,
     .name = "table",
     .argument = "LENGTHS",
     .help = "the least base for each of several lengths: 1k,4k or 1k-128k, doubling",
     .set = set_table},
    {.group = GROUP_WHAT,
     .name = "dims",
     .argument = "DIMS",
     .initial = "--head-dim",
     .help = "head dims of the table",
     .set = set_dims},
    {.group = GROUP_WHAT,
     .name = "bases",
     .argument = "LOW:HIGH",
     .initial = "100:1e10",
     .help = "bases that are searched",
     .set = set_bases},
    {.group = GROUP_WHAT,
     .name = "windows",
     .argument = "N",
     .initial = "1",
     .help = "windows of bases to find, from the least base on",
     .set = set_windows},
    {.group = GROUP_WHAT,
     .name = "resolution",
     .argument = "W",
     .initial = "1e-6",
     .help = "every window of bases is found that is as wide as this, relative to the base",
     .set = set_resolution},
    {.group = GROUP_WHAT,
     .name = "limit",
     .argument = "N",
     .initial = "16M",
     .help = "distances to look at for the reach of a base",
     .set = set_limit},
    {.group = GROUP_HOW,
     .name = "threads",
     .argument = "N",
     .initial = "all processors",
     .help = "threads, 1 to 1024",
     .set = set_thread_number},
    {.group = GROUP_OUTPUT,
     .name = "output",
     .letter = 'o',
     .argument = "FILE",
     .help = "draw the table, as a .png, .svg or .pdf",
     .set = option_set_text,
     .offset = offsetof(bound_options, output)},
    {.group = GROUP_OUTPUT,
     .name = "force",
     .help = "replace a file that exists",
     .set = option_set_flag,
     .offset = offsetof(bound_options, force)},
    {.group = GROUP_OUTPUT,
     .name = "json",
     .help = "print JSON of schema ropemap.bound/1",
     .set = option_set_flag,
     .offset = offsetof(bound_options, json)},
    {.group = GROUP_OUTPUT,
     .name = "quiet",
     .letter = 'q',
     .help = "show no progress",
     .set = option_set_flag,
     .offset = offsetof(bound_options, quiet)},
    {.name = NULL},
};

/* ---- work ---------------------------------------------------------------------------------------------- */

static ropemap_status find(const bound_options *options, int64_t length, int32_t head_dim,
                           cli_progress *progress, bound_found *found, ropemap_error *error) {
    ropemap_bound_request request = {.spec = options->rule.spec,
                                     .length = length,
                                     .low = options->low,
                                     .high = options->high,
                                     .resolution = options->resolution,
                                     .threads = options->threads,
                                     .progress = progress_tell,
                                     .progress_user = progress};
    if (head_dim != 0 && head_dim != request.spec.head_dim) {
        request.spec.head_dim = head_dim;
        request.spec.rotary_dim = 0;
    }
    if (length > LENGTH_MOST) {
        return fail(error, ROPEMAP_USAGE, "--length: %lld, expected 2 to %d", (long long)length, LENGTH_MOST);
    }
    found->length = length;
    found->head_dim = request.spec.head_dim;
    return ropemap_bound_bases(&request, found->windows, options->windows, &found->count, error);
}

/* All lengths of all dims, or the one length; *count how many. */
static ropemap_status find_all(const bound_options *options, cli_progress *progress, bound_found *found,
                               int *count, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    if (options->length_count == 0 && (options->rule.given & RULE_LENGTH) != 0) {
        *count = 1;
        return find(options, (int64_t)options->rule.spec.length, 0, progress, found, error);
    }
    for (int dim = 0; dim < (options->dim_count > 0 ? options->dim_count : 1); dim++) {
        for (int i = 0; i < options->length_count && status == ROPEMAP_OK; i++) {
            status =
                find(options, options->lengths[i], options->dim_count > 0 ? (int32_t)options->dims[dim] : 0,
                     progress, &found[(*count)++], error);
        }
    }
    return status;
}

static bool wants_reach(const bound_options *options) {
    const bool named = options->rule.model != NULL || options->rule.preset != NULL;
    const bool base = (options->rule.given & RULE_BASE) != 0 || named;
    return base && options->length_count == 0;
}

static ropemap_status check(const bound_options *options, ropemap_error *error) {
    const bool bases = options->length_count > 0 || (options->rule.given & RULE_LENGTH) != 0;
    if (!bases && !wants_reach(options)) {
        return fail(error, ROPEMAP_USAGE,
                    "--length: missing, expected --length L for the least base, or --base B for its reach");
    }
    if (options->dim_count > 0 && options->length_count == 0) {
        return fail(error, ROPEMAP_USAGE, "--dims: without --table, expected with it");
    }
    if (options->output == NULL) {
        return ROPEMAP_OK;
    }
    if (options->length_count < 2) {
        return fail(error, ROPEMAP_USAGE,
                    "--output: draws a table, expected with --table of two lengths or more");
    }
    const size_t length = strlen(options->output);
    const char *ending = length >= 4 ? options->output + length - 4 : "";
    if (strcmp(ending, ".png") != 0 && strcmp(ending, ".svg") != 0 && strcmp(ending, ".pdf") != 0) {
        return fail(error, ROPEMAP_USAGE, "--output: unknown ending ('%.300s'), expected .png, .svg or .pdf",
                    options->output);
    }
    return ropemap_output_check(options->output, options->force, error);
}

static ropemap_status work(bound_options *options, bound_found *found, int *code, ropemap_error *error) {
    ropemap_reach reach;
    int count = 0;
    const int64_t limit = options->limit != 0 ? options->limit : REACH_LIMIT;
    cli_progress progress = progress_start(options->quiet);
    ropemap_status status = rule_options_resolve(&options->rule, error);
    const bool reaches = wants_reach(options);
    signals_hold();
    if (status == ROPEMAP_OK && reaches) {
        status = ropemap_bound_reach(&options->rule.spec, limit, options->threads, progress_tell, &progress,
                                     &reach, error);
    }
    status = status == ROPEMAP_OK ? find_all(options, &progress, found, &count, error) : status;
    progress_end(&progress);
    signals_release();
    if (status == ROPEMAP_OK && options->output != NULL) {
        status = bound_draw(options, found, count, error);
    }
    if (status == ROPEMAP_OK) {
        *code = (options->json ? bound_json : bound_text)(&options->rule.spec, reaches ? &reach : NULL, limit,
                                                          found, count);
    }
    return status;
}

static int run(int argc, char **argv) {
    bound_options options = {.rule = rule_options_default(), .windows = 1, .resolution = 1e-6};
    ropemap_error error = {.status = ROPEMAP_OK};
    bool help = false;
    int code = ROPEMAP_OK;
    ropemap_status status = options_parse(&command_bound, argc, argv, &options, &help, &error);
    if (status == ROPEMAP_OK && help) {
        return help_command(&command_bound);
    }
    bound_found *found = calloc((size_t)BOUND_LIST_MOST * BOUND_LIST_MOST, sizeof *found);
    if (status == ROPEMAP_OK && found == NULL) {
        status = fail(&error, ROPEMAP_RESOURCES, "bound: no memory for the results");
    }
    status = status == ROPEMAP_OK ? check(&options, &error) : status;
    status = status == ROPEMAP_OK ? work(&options, found, &code, &error) : status;
    free(found);
    rule_options_free(&options.rule);
    return status == ROPEMAP_OK ? code : options_report(&command_bound, status, &error);
}

static void notes(void) {
    (void)printf("\nA length is held where B(r), the sum of the pairs' cosines, is at or above zero for "
                 "every r below it\n"
                 "(\"Base of RoPE Bounds Context Length\", arXiv 2405.14591). The bases that hold one are no "
                 "interval:\n"
                 "they are scanned, and every window of a relative width of 1e-6 or more is found.\n");
}

const cli_command command_bound = {
    .name = "bound",
    .summary = "tell how far a base reaches, and the least base for a length",
    .usage = "--length L | --base B | --table LENGTHS [what] [how]",
    .examples = "  ropemap bound --length 32k                 the least base, with its proof\n"
                "  ropemap bound -b 5e5                       the first distance below zero\n"
                "  ropemap bound --preset llama3.1-8b --length 128k\n"
                "  ropemap bound --table 1k-128k --dims 64,128 -o bases.png\n",
    .takes_rule = true,
    .options = options_table,
    .notes = notes,
    .run = run,
};
