/* command_manual.c - `ropemap manual`: the manual page, made from the tables of options */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/failure.h"
#include "tools/ropemap/help.h"
#include "tools/ropemap/options.h"

#include <stdio.h>
#include <string.h>

static const char *const group_titles[GROUP_COUNT] = {
    [GROUP_WHAT] = "What", [GROUP_HOW] = "How", [GROUP_OUTPUT] = "Output"};

/* Text as troff takes it: dashes that stay dashes, nothing that it obeys. */
static void put(const char *text) {
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\\') {
            (void)fputs("\\e", stdout);
        } else if (*at == '-') {
            (void)fputs("\\-", stdout);
        } else if ((*at == '.' || *at == '\'') && at == text) {
            (void)printf("\\&%c", *at);
        } else {
            (void)putchar(*at);
        }
    }
}

static void put_option(const cli_option *option) {
    char choices[200] = "";
    (void)printf(".TP\n");
    if (option->letter != 0) {
        (void)printf("\\fB\\-%c\\fR, ", option->letter);
    }
    (void)printf("\\fB\\-\\-");
    put(option->name);
    (void)printf("\\fR");
    if (option->argument == NULL && option->choices != NULL) {
        option_list_choices(option, choices, sizeof choices);
    }
    if (option->argument != NULL || choices[0] != '\0') {
        (void)printf(" \\fI");
        put(option->argument != NULL ? option->argument : choices);
        (void)printf("\\fR");
    }
    (void)putchar('\n');
    put(option->help);
    if (option->initial != NULL) {
        (void)printf(" (default ");
        put(option->initial);
        (void)putchar(')');
    }
    (void)putchar('\n');
}

static void put_command(const cli_command *command) {
    (void)printf(".SS \"ropemap %s\"\n", command->name);
    put(command->summary);
    (void)printf(".\n.PP\n.B ropemap %s\n", command->name);
    put(command->usage);
    (void)putchar('\n');
    if (command->examples != NULL) {
        (void)printf(".PP\n.nf\n");
        put(command->examples);
        (void)printf(".fi\n");
    }
    for (int group = 0; group < GROUP_COUNT; group++) {
        bool first = true;
        for (int at = 0; command_option(command, at) != NULL; at++) {
            const cli_option *option = command_option(command, at);
            if ((int)option->group == group) {
                (void)printf("%s%s%s", first ? ".PP\n\\fI" : "", first ? group_titles[group] : "",
                             first ? "\\fR\n" : "");
                first = false;
                put_option(option);
            }
        }
    }
}

static void put_rules(void) {
    char takes[300];
    (void)printf(".SH \"SCALING RULES\"\n");
    for (ropemap_scaling_rule rule = ROPEMAP_SCALING_NONE;; rule++) {
        const char *does = ropemap_scaling_help(rule, takes, sizeof takes);
        if (does == NULL) {
            return;
        }
        (void)printf(".TP\n\\fB");
        put(takes);
        (void)printf("\\fR\n");
        put(does);
        (void)putchar('\n');
    }
}

static void put_ends(void) {
    (void)printf(
        ".SH \"NUMBERS AND RANGES\"\n"
        "Numbers may end in k, M or G (2^10, 2^20, 2^30) and may be written as 1e5. A range is COUNT,\n"
        "FIRST:COUNT or FIRST:COUNT:STEP.\n"
        ".SH \"EXIT STATUS\"\n"
        "0 done, 1 internal, 2 usage, 3 bad input data, 4 input or output, 5 memory or device, 6 a check\n"
        "failed. SIGINT, SIGTERM and SIGHUP end long work in good order and the program by that signal, "
        "which\n"
        "a shell shows as 130, 143 and 129.\n"
        ".SH ENVIRONMENT\n"
        ".TP\n\\fBROPEMAP_SIMD\\fR\nbaseline, v3 or v4: the level of x86\\-64 whose loops run, where the "
        "processor "
        "has it.\n"
        ".TP\n\\fBCUDA_VISIBLE_DEVICES\\fR\nGPUs that the driver shows; empty: none.\n");
}

static int run(int argc, char **argv) {
    ropemap_error error = {.status = ROPEMAP_OK};
    bool help = false;
    int nothing = 0;
    const ropemap_status status = options_parse(&command_manual, argc, argv, &nothing, &help, &error);
    if (status != ROPEMAP_OK) {
        return options_report(&command_manual, status, &error);
    }
    if (help) {
        return help_command(&command_manual);
    }
    (void)printf(
        ".TH ROPEMAP 1 \"\" \"ropemap %s\" \"User Commands\"\n.ad l\n.nh\n.SH NAME\n"
        "ropemap \\- how rotary position embedding behaves at long context\n.SH SYNOPSIS\n"
        ".B ropemap\n\\fICOMMAND\\fR [\\fIOPTION\\fR]...\n.SH DESCRIPTION\n"
        "ropemap shows, exactly and at any length, how rotary position embedding (RoPE) makes similarity\n"
        "fall with distance.\n.SH COMMANDS\n",
        ropemap_version());
    for (int index = 0; command_at(index) != NULL; index++) {
        put_command(command_at(index));
    }
    put_rules();
    put_ends();
    return finish_stdout();
}

static const cli_option options_table[] = {{.name = NULL}};

const cli_command command_manual = {
    .name = "manual",
    .summary = "print the manual page: ropemap manual | man -l -",
    .usage = "",
    .options = options_table,
    .run = run,
};
