/* bound_table.c - the options of `ropemap bound` */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/bound_options.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/number.h"
#include "tools/ropemap/options.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

bound_options bound_options_default(void) {
    return (bound_options){.rule = rule_options_default(), .windows = 1, .resolution = 1e-6};
}

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
    return read_list(option, text, 2, BOUND_LENGTH_MOST, options->lengths, &options->length_count, error);
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

static ropemap_status set_output(void *into, const cli_option *option, const char *text,
                                 ropemap_error *error) {
    bound_options *options = into;
    if (options->output_count == BOUND_OUTPUTS_MOST) {
        return fail(error, ROPEMAP_USAGE, "--%s: more than %d files", option->name, BOUND_OUTPUTS_MOST);
    }
    options->outputs[options->output_count++] = text;
    return ROPEMAP_OK;
}

const cli_option bound_option_table[] = {
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
     .initial = "1:1e10",
     .help = "bases that are searched, from just above 1 on at the least",
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
     .real = true,
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
     .set = set_thread_number,
     .local = true},
    {.group = GROUP_OUTPUT,
     .name = "output",
     .letter = 'o',
     .argument = "FILE",
     .help = "draw the table, as a .png, .svg or .pdf; - for a PNG on standard output in place of the text; "
             "may be repeated",
     .set = set_output,
     .local = true},
    {.group = GROUP_OUTPUT,
     .name = "force",
     .help = "replace a file that exists",
     .set = option_set_flag,
     .offset = offsetof(bound_options, force),
     .local = true},
    {.group = GROUP_OUTPUT,
     .name = "json",
     .help = "print JSON of schema ropemap.bound/1",
     .set = option_set_flag,
     .offset = offsetof(bound_options, json),
     .local = true},
    {.group = GROUP_OUTPUT,
     .name = "quiet",
     .letter = 'q',
     .help = "show no progress",
     .set = option_set_flag,
     .offset = offsetof(bound_options, quiet),
     .local = true},
    {.name = NULL},
};
