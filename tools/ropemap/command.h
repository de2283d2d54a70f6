/* command.h - a command of the program is one row: its name, its options, what runs it */
/* SPDX-License-Identifier: MIT */
/*
 * One table of options per command feeds the parser (options.c), the help page (help.c) and shell completion
 * (completion.c). A new command is a file command_NAME.c that defines `const cli_command command_NAME`, a
 * line below and a row in commands.c.
 */
#ifndef ROPEMAP_TOOLS_COMMAND_H
#define ROPEMAP_TOOLS_COMMAND_H

#include "host/ropemap.h"
#include "host/ropemap_figure.h"

typedef struct cli_option cli_option;

/* Takes the text of an option's value (NULL for a flag) into what the command parses into. */
typedef ropemap_status (*cli_setter)(void *into, const cli_option *option, const char *text,
                                     ropemap_error *error);

/* Names that a value may have, counted up from 0; NULL past the last. */
typedef const char *(*cli_choices)(int index);

/* What the value of an option names that is read: no output may be it. */
typedef enum cli_reads {
    READS_NOTHING,
    READS_FILE,
    READS_TENSOR, /* FILE[:TENSOR] */
    READS_MODEL   /* a file, or a folder with a config.json */
} cli_reads;

typedef enum cli_group { GROUP_WHAT, GROUP_HOW, GROUP_OUTPUT, GROUP_COUNT } cli_group;

/* A slider over the values of an option. */
typedef struct cli_slider {
    double low, high;
    bool log;         /* even in the logarithm */
    int32_t step;     /* 1: whole numbers, 2: even ones, 0: any */
    const char *unit; /* "tokens"; "": none */
} cli_slider;

/* The part of the explorer's page that has a control for an option. */
typedef enum cli_place {
    PLACE_MORE, /* the default: a new option is shown there */
    PLACE_RULE,
    PLACE_VALUES,
    PLACE_PRECISION,
    PLACE_COLOUR,
    PLACE_FILES,
    PLACE_NONE, /* the page has a control of its own for it, or none */
    PLACE_COUNT
} cli_place;

/* How the explorer's page shows an option, beyond its help. */
typedef struct cli_page {
    cli_place place;
    const char *label; /* NULL: the option's name */
    const char *needs; /* shown only while another option is given, "model", or has this value,
                          "encoding=alibi"; NULL: always */
    bool tensors;      /* shown only where the server has tensors */
    bool framed;       /* changes the frame or size of a figure but no cell; left out of bare pictures */
} cli_page;

struct cli_option {
    cli_group group;
    const char *name;     /* without the dashes; NULL for an operand */
    char letter;          /* 0 where there is none */
    const char *argument; /* word for the value in the help; NULL: a flag, unless there are choices */
    cli_choices choices;  /* NULL: any value */
    const char *initial;  /* the value when it is not given, as the help shows it; NULL: not shown */
    const char *help;     /* one line */
    cli_setter set;
    size_t offset; /* in what the command parses into, for the setters that serve several options */
    cli_reads reads;
    bool local; /* names a file of this machine, or is about the terminal: no browser may give it */
    bool real;  /* no count but a number, such as a base: its k is 1,000 */
    const cli_slider *slider; /* NULL: none */
    cli_page page;
};

typedef struct cli_command {
    const char *name;           /* one word, or two: that of a command and what it is of */
    const char *summary;        /* one line */
    const char *usage;          /* what follows the name */
    const char *examples;       /* lines of the help page, which it begins with; NULL: none */
    bool takes_rule;            /* the rows of rule_options.h come before its own */
    const cli_option *options;  /* ends with a row whose name is NULL; --help is understood without a row */
    const char *const *without; /* names of those rows that it does not take, ended by NULL; NULL: none */
    const cli_option *more;     /* rows that come after those, likewise; NULL: none */
    const cli_option *operand;  /* takes each argument that is no option; NULL: none are taken */
    void (*notes)(void);        /* prints the end of the help page; NULL: nothing */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns the exit code */
} cli_command;

extern const cli_command command_map;
extern const cli_command command_curve;
extern const cli_command command_sweep;
extern const cli_command command_sweep_curve;
extern const cli_command command_bound;
extern const cli_command command_explain;
extern const cli_command command_info;
extern const cli_command command_check;
extern const cli_command command_bench;
extern const cli_command command_serve;
extern const cli_command command_doctor;
extern const cli_command command_completion;
extern const cli_command command_manual;

/* Every option that a command takes, NULL past the last. */
const cli_option *command_option(const cli_command *command, int index);

/* Every command, NULL past the last. */
const cli_command *command_at(int index);

/* The command that the first words name, or NULL; *used is how many they are, two where both name one. */
const cli_command *command_find(int count, char **words, int *used);

#endif
