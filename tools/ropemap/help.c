/* help.c - help pages of the program and of its commands */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/command.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/options.h"

#include <stdio.h>
#include <string.h>

enum { HELP_COLUMN = 30, LINE_END = 100 };

const char *const group_titles[GROUP_COUNT] = {
    [GROUP_WHAT] = "What", [GROUP_HOW] = "How", [GROUP_OUTPUT] = "Output"};

/* Prints `text` in lines that start at HELP_COLUMN, after `used` columns of the first are taken. */
static void print_wrapped(const char *text, int used) {
    int column = used;
    if (used >= HELP_COLUMN - 1) {
        (void)putchar('\n');
        column = 0;
    }
    (void)printf("%*s", HELP_COLUMN - column, "");
    column = HELP_COLUMN;
    while (*text != '\0') {
        const int word = (int)strcspn(text, " ");
        if (column > HELP_COLUMN && column + 1 + word > LINE_END) {
            (void)printf("\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        } else if (column > HELP_COLUMN) {
            (void)putchar(' ');
            column++;
        }
        (void)printf("%.*s", word, text);
        column += word;
        text += word;
        text += strspn(text, " ");
    }
    (void)putchar('\n');
}

static void print_option(const cli_option *option) {
    char value[200] = "";
    if (option->argument != NULL) {
        (void)snprintf(value, sizeof value, " %s", option->argument);
    } else if (option->choices != NULL) {
        value[0] = ' ';
        option_list_choices(option, value + 1, sizeof value - 1);
    }
    const int used = option->letter != 0 ? printf("  -%c, --%s%s", option->letter, option->name, value)
                                         : printf("      --%s%s", option->name, value);
    char text[400];
    (void)snprintf(text, sizeof text, "%s%s%s%s", option->help, option->initial != NULL ? " (default " : "",
                   option->initial != NULL ? option->initial : "", option->initial != NULL ? ")" : "");
    print_wrapped(text, used);
}

static void print_group(const cli_command *command, cli_group group) {
    bool first = true;
    for (const cli_block *block = command->blocks; block->rows != NULL; block++) {
        for (const cli_option *option = block->rows; option->name != NULL; option++) {
            if (option->group == group && first) {
                (void)printf("\n%s:\n", group_titles[group]);
                first = false;
            }
            if (option->group == group) {
                print_option(option);
            }
        }
    }
}

int help_command(const cli_command *command) {
    (void)printf("ropemap %s - %s\n\nUsage: ropemap %s %s\n", command->name, command->summary, command->name,
                 command->usage);
    if (command->examples != NULL) {
        (void)printf("\n%s", command->examples);
    }
    if (command->operand != NULL) {
        (void)putchar('\n');
        print_wrapped(command->operand->help, printf("  %s", command->operand->argument));
    }
    for (cli_group group = GROUP_WHAT; group < GROUP_COUNT; group++) {
        print_group(command, group);
    }
    (void)printf("\n  -h, --help");
    print_wrapped("this page", 12);
    if (command->notes != NULL) {
        command->notes();
    }
    return finish_stdout();
}

int help_program(void) {
    (void)printf("ropemap - similarity maps of rotary position embedding (RoPE) at long context\n\n"
                 "Usage: ropemap COMMAND [OPTION]...\n\nCommands:\n");
    for (int index = 0; command_at(index) != NULL; index++) {
        print_wrapped(command_at(index)->summary, printf("  %s", command_at(index)->name));
    }
    print_wrapped("this page, or that of a command", printf("  help [COMMAND]"));
    (void)printf("\nOptions:\n");
    print_wrapped("this page", printf("  -h, --help"));
    print_wrapped("the version", printf("  --version"));
    (void)printf(
        "\nNumbers may end in k, M or G: of tokens, elements, bytes and pixels 1,024, 1,024^2 and 1,024^3\n"
        "(-n 128k, --scaling yarn:original=8k), of all else 1,000 (--base 500k is 500,000).\n"
        "\nA map of 131,072 positions as a figure:\n\n    ropemap map -n 128k -o map.png\n\n"
        "Exit codes: 0 done, 1 internal error, 2 usage, 3 bad input data, 4 input or output,\n"
        "5 memory or a device is missing, 6 a check failed. Ctrl-C and SIGTERM end long work in good\n"
        "order and the program by that signal, which a shell shows as 130 and 143.\n");
    return finish_stdout();
}

/* Prints what a rule takes, broken after commas where a line is full; returns the columns of the last one. */
static int print_keys(const char *takes) {
    int column = printf("  ");
    while (*takes != '\0') {
        const int part = (int)strcspn(takes, ",") + 1;
        const int length = (int)strlen(takes) < part ? (int)strlen(takes) : part;
        if (column + length > LINE_END) {
            column = printf("\n      ") - 1;
        }
        column += printf("%.*s", length, takes);
        takes += length;
    }
    return column;
}

void help_scaling_rules(void) {
    char takes[300];
    for (ropemap_scaling_rule rule = ROPEMAP_SCALING_NONE;; rule++) {
        const char *does = ropemap_scaling_help(rule, takes, sizeof takes);
        if (does == NULL) {
            return;
        }
        print_wrapped(does, print_keys(takes));
    }
}

void help_deals(void) {
    (void)printf(
        "\nDEAL is one of:\n"
        "  ladders      each axis has frequencies of its own, base^(-2j/D_a): Flux, HunyuanVideo, Wan\n"
        "  unit         the same over coordinates from -1 to 1, times 2 pi: DINOv3\n"
        "  strided      one ladder, whose frequencies the axes take in turn: Pixtral\n"
        "  sections     one ladder in sections, as --sections in pairs: M-RoPE\n"
        "  interleaved  one ladder, pairs in turn: Qwen3-VL\n"
        "  time-last    one ladder, h and w in turn, t at the end: Ernie 4.5 VL\n"
        "With the last three a position alone, as text has it, counts on all axes.\n");
}
