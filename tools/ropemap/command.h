/* command.h - a command of the program is one row: its name, its options, and the functions that run it */
/* SPDX-License-Identifier: MIT */
/*
 * One typed table of options per command feeds the parser (options.c), help, the manual page and shell
 * completion (help.c), and the server's queries, /options.json and the controls of its page (tools/serve).
 * Commands share blocks of rows, such as rule_rows. A new command is a file command_NAME.c that defines
 * `const cli_command command_NAME`, a line below and a row in options.c.
 */
#ifndef ROPEMAP_TOOLS_COMMAND_H
#define ROPEMAP_TOOLS_COMMAND_H

#include "host/ropemap.h"
#include "host/ropemap_figure.h"

typedef struct cli_option cli_option;
typedef struct cli_run cli_run;
typedef struct cli_outputs cli_outputs;

/* Reads the text of an option's value into the struct that the option's block fills. */
typedef ropemap_status (*cli_setter)(void *into, const cli_option *option, const char *text,
                                     ropemap_error *error);

/* Names that a value may have, counted up from 0; NULL past the last. */
typedef const char *(*cli_choices)(int index);

/* What an option's value is, and the type of the field at the option's offset. */
typedef enum cli_type {
    OPTION_FLAG,     /* no value; bool */
    OPTION_TEXT,     /* const char *, borrowed */
    OPTION_TEXTS,    /* cli_texts: the option may be given several times */
    OPTION_INT,      /* int64_t from `least` to `most` */
    OPTION_INT32,    /* int32_t from `least` to `most` */
    OPTION_REAL,     /* double within `bounds` */
    OPTION_RANGE,    /* ropemap_range */
    OPTION_INTERVAL, /* cli_interval */
    OPTION_SIZE,     /* cli_size, sides from 1 to `most` */
    OPTION_CHOICE,   /* int or an enumeration: the number of the choice */
    OPTION_WORD,     /* const char *: the choice itself, static */
    OPTION_CUSTOM    /* whatever `set` makes of it */
} cli_type;

enum { TEXTS_MOST = 24 };

typedef struct cli_texts {
    const char *all[TEXTS_MOST];
    int count;
} cli_texts;

/* LOW:HIGH */
typedef struct cli_interval {
    bool given;
    double low, high;
} cli_interval;

/* WIDTHxHEIGHT; 0: not given */
typedef struct cli_size {
    int64_t width, height;
} cli_size;

/* The values that a real number may have. */
typedef struct cli_bounds {
    double low, high;  /* high 0: no upper limit */
    bool above;        /* low itself is excluded */
    const char *words; /* "a number above 1" */
} cli_bounds;

/* The files that the value names as input: no output may overwrite them. */
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
    const char *argument; /* word for the value in the help; NULL for flags and where `choices` say it */
    const char *initial;  /* the value when it is not given, as the help shows it; NULL: not shown */
    const char *help;     /* one line */
    cli_type type;
    size_t offset;       /* of the field, in the struct that the block fills */
    cli_choices choices; /* NULL: any value */
    int64_t least, most;
    bool even;
    const cli_bounds *bounds;
    cli_setter set; /* of OPTION_CUSTOM */
    bool computed;  /* of GROUP_OUTPUT: not of the picture alone */
    uint32_t bit;   /* set in the uint32_t at the beginning of that struct once it is given; 0: none */
    cli_reads reads;
    bool local; /* names a file of this machine, or concerns the terminal: not accepted over HTTP */
    const cli_slider *slider; /* NULL: none */
    cli_page page;
};

/* Rows that most commands have; `at` is the offset of a bool, of a cli_texts of OPTION_OUTPUT. */
#define OPTION_SAYS(word, key, at, text)                                                                     \
    {                                                                                                        \
        .group = GROUP_OUTPUT, .name = (word), .letter = (key), .help = (text), .type = OPTION_FLAG,         \
        .offset = (at), .local = true                                                                        \
    }
#define OPTION_OUTPUT(at, text)                                                                              \
    {                                                                                                        \
        .group = GROUP_OUTPUT, .name = "output", .letter = 'o', .argument = "FILE",                          \
        .help = text "; may be given several times", .type = OPTION_TEXTS, .offset = (at), .local = true     \
    }
#define OPTION_FORCE(at)       OPTION_SAYS("force", 0, at, "replace files that exist")
#define OPTION_QUIET(at, text) OPTION_SAYS("quiet", 'q', at, text)
#define OPTION_JSON(at, text)  OPTION_SAYS("json", 0, at, text)

/* Rows, and where the struct that they fill is in the command's options. */
typedef struct cli_block {
    const cli_option *rows; /* ends with a row whose name is NULL */
    size_t offset;
} cli_block;

enum { COMMAND_BLOCKS = 14 };

typedef struct cli_command {
    const char *name;                 /* one word, or two: that of a command and what it is of */
    const char *summary;              /* one line */
    const char *usage;                /* what follows the name */
    const char *examples;             /* lines of the help page, which it begins with; NULL: none */
    cli_block blocks[COMMAND_BLOCKS]; /* those without rows end them; --help is understood without a row */
    const cli_option *operand;        /* takes each argument that is no option; NULL: none are taken */
    void (*notes)(void);              /* prints the end of the help page; NULL: nothing */
    size_t size;                      /* of its options */
    void (*start)(void *options); /* sets defaults other than 0 and those of the rule; NULL: there are none */
    /* Does everything between the parsed options and the exit code. */
    ropemap_status (*work)(void *options, cli_run *run, ropemap_error *error);
    void (*end)(void *options);      /* frees what they own but for the rule; NULL: nothing */
    const struct cli_result *result; /* what it computes, as a value (run.h); NULL: nothing */
} cli_command;

extern const cli_command command_map;
extern const cli_command command_curve;
extern const cli_command command_sweep;
extern const cli_command command_sweep_curve;
extern const cli_command command_pairs;
extern const cli_command command_heads;
extern const cli_command command_bound;
extern const cli_command command_plan;
extern const cli_command command_explain;
extern const cli_command command_info;
extern const cli_command command_check;
extern const cli_command command_export;
extern const cli_command command_bench;
extern const cli_command command_serve;
extern const cli_command command_doctor;
extern const cli_command command_merge;
extern const cli_command command_status;
extern const cli_command command_completion;
extern const cli_command command_manual;

/* Every command, NULL past the last. */
const cli_command *command_at(int index);

/* The command that the first words name, or NULL; *used is how many they are, two where both name one. */
const cli_command *command_find(int count, char **words, int *used);

/* ---- help.c: help pages */

/* Of each group of options. */
extern const char *const group_titles[GROUP_COUNT];

/* Print the page of the program, or of a command, to stdout; return the exit code. */
int help_program(void);

int help_command(const cli_command *command);

/* Prints what each scaling rule takes and does. */
void help_scaling_rules(void);

/* What --axes can begin with. */
void help_deals(void);

#endif
