/* command_manual.c - ropemap manual and ropemap completion: the manual page and the script, from all tables
 */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/command.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/run.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* ---- the manual page ----------------------------------------------------------------------------------- */

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

static void put_group(const cli_command *command, cli_group group) {
    bool first = true;
    for (const cli_block *block = command->blocks; block->rows != NULL; block++) {
        for (const cli_option *option = block->rows; option->name != NULL; option++) {
            if (option->group == group && first) {
                (void)printf(".PP\n\\fI%s\\fR\n", group_titles[group]);
                first = false;
            }
            if (option->group == group) {
                put_option(option);
            }
        }
    }
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
    for (cli_group group = GROUP_WHAT; group < GROUP_COUNT; group++) {
        put_group(command, group);
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

/* How to start workers, and when it pays. */
static void put_sharing(void) {
    (void)printf(
        ".SH \"SHARING WORK\"\n"
        "map, heads and sweep take \\-\\-work DIR: the work is cut into shards, files in DIR, which every "
        "process\n"
        "with the same command line helps to make. DIR and the outputs lie on a file system that all of "
        "them\n"
        "see. Any of them may be killed at any time; the same command again goes on where the run is. The "
        "last\n"
        "writes the outputs, with the bytes of one process, and DIR goes. Options, inputs (SHA\\-256), "
        "version\n"
        "and kernel are recorded in DIR/run.json, and a command that differs is refused. Processes may have\n"
        "other \\-\\-threads, \\-\\-memory and \\-\\-device.\n"
        ".PP\n.nf\n"
        "  C='ropemap heads \\-\\-capture big.safetensors \\-\\-work w \\-o heads.csv'\n"
        "  srun \\-n 64 $C                                  # a step of Slurm; a GPU each: "
        "\\-\\-gpus\\-per\\-task=1\n"
        "  sbatch \\-n 64 tools/slurm/map.sbatch $C          # requeues itself before its time limit\n"
        "  sbatch \\-\\-array=0\\-63 tools/slurm/map.sbatch $C  # an element does its own shards and those "
        "of the dead;\n"
        "                                                 # with \\-\\-steal all that are left\n"
        "  mpirun \\-n 64 $C                                # Open MPI, MPICH: launchers only, nothing is "
        "linked\n"
        "  seq 4 | xargs \\-P4 \\-I{} $C \\-\\-threads 1          # no launcher\n"
        "  parallel \\-N0 \\-\\-sshlogin a,b,c \\-\\-wd . \"$C\" ::: 1 2 3  # GNU parallel\n"
        "  for g in 0 1 2 3; do $C \\-\\-device $g & done; wait  # the GPUs of one machine; map and sweep\n"
        "                                                 # take \\-\\-device 0,1,2,3 in one process too\n"
        "  client.map(lambda i: subprocess.run(C.split()).returncode, range(64), pure=False)  # Dask\n"
        ".fi\n.PP\n"
        "\\fBropemap status\\fR DIR shows how far a run is, \\fBropemap merge\\fR DIR writes the outputs by "
        "hand.\n"
        "mpirun ends all workers when one is killed, and xargs starts no more: give the command again.\n"
        "Ranks of a job that would all write one file without \\-\\-work are refused. run.json stays where "
        "workers\n"
        "are ranks or elements of an array, for those that start late.\n"
        ".PP\n"
        "It pays where every pair of positions counts: softmax, minima and maxima, of many heads and layers "
        "or\n"
        "of a million tokens, hours on one machine. It does not for means, deviations, curves and bounds, "
        "which\n"
        "take seconds on two cores, nor for a map of less than a minute: a shard costs two syncs of the "
        "disk, and\n"
        "a worker reads its inputs and rotates all keys before its first shard.\n");
}

static void put_ends(void) {
    (void)printf(
        ".SH \"NUMBERS AND RANGES\"\n"
        "Numbers may end in k, M or G (2^10, 2^20, 2^30) and may be written as 1e5. A range is COUNT,\n"
        "FIRST:COUNT or FIRST:COUNT:STEP.\n"
        ".SH \"EXIT STATUS\"\n"
        "0 done, 1 internal, 2 usage, 3 bad input data, 4 input or output, 5 memory or device, 6 a check\n"
        "failed, 75 stopped by SIGTERM or SIGUSR1 with the shards of \\-\\-work saved. SIGINT, SIGTERM and "
        "SIGHUP end long work in good order and the program by that signal, "
        "which\n"
        "a shell shows as 130, 143 and 129.\n"
        ".SH ENVIRONMENT\n"
        ".TP\n\\fBROPEMAP_SIMD\\fR\nbaseline, v3 or v4: the level of x86\\-64 whose loops run, where the CPU "
        "has it.\n"
        ".TP\n\\fBCUDA_VISIBLE_DEVICES\\fR\nGPUs that the driver shows; empty: none.\n");
}

static ropemap_status print_manual(void *options, cli_run *run, ropemap_error *error) {
    (void)options;
    (void)error;
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
    put_sharing();
    put_ends();
    run->code = finish_stdout();
    return ROPEMAP_OK;
}

const cli_command command_manual = {
    .name = "manual",
    .summary = "print the manual page: ropemap manual | man -l -",
    .usage = "",
    .work = print_manual,
};

/* ---- completion ---------------------------------------------------------------------------------------- */

static const char *shell_name(int index) {
    return index == 0 ? "bash" : NULL;
}

typedef struct completion_options {
    const char *shell; /* NULL: not given */
} completion_options;

/* The words that may follow an option, as a branch of a bash `case`. */
static void print_values(const cli_option *option) {
    if (option->type == OPTION_FLAG) {
        return;
    }
    (void)printf("        --%s", option->name);
    if (option->letter != 0) {
        (void)printf("|-%c", option->letter);
    }
    (void)printf(") ");
    if (option->choices == NULL && strncmp(option->argument, "FILE", 4) == 0) {
        (void)printf("COMPREPLY=($(compgen -f -- \"$word\"))");
    } else if (option->choices == NULL) {
        (void)printf("COMPREPLY=()");
    } else {
        (void)printf("COMPREPLY=($(compgen -W '");
        for (int index = 0; option->choices(index) != NULL; index++) {
            (void)printf("%s%s", index == 0 ? "" : " ", option->choices(index));
        }
        (void)printf("' -- \"$word\"))");
    }
    (void)printf("; return ;;\n");
}

static void print_command(const cli_command *command) {
    (void)printf("    '%s')\n        case \"$before\" in\n", command->name);
    for (const cli_block *block = command->blocks; block->rows != NULL; block++) {
        for (const cli_option *option = block->rows; option->name != NULL; option++) {
            print_values(option);
        }
    }
    (void)printf("        esac\n        words='--help");
    for (const cli_block *block = command->blocks; block->rows != NULL; block++) {
        for (const cli_option *option = block->rows; option->name != NULL; option++) {
            (void)printf(" --%s", option->name);
        }
    }
    if (command->operand != NULL && command->operand->choices != NULL) {
        for (int index = 0; command->operand->choices(index) != NULL; index++) {
            (void)printf(" %s", command->operand->choices(index));
        }
    }
    const size_t length = strlen(command->name);
    for (int index = 0; command_at(index) != NULL; index++) { /* the second word of longer names */
        const char *name = command_at(index)->name;
        if (strncmp(name, command->name, length) == 0 && name[length] == ' ') {
            (void)printf("%s", name + length);
        }
    }
    (void)printf("' ;;\n");
}

static bool is_one_word(const cli_command *command) {
    return strchr(command->name, ' ') == NULL;
}

/* Names of one word, which are what a first argument may be. */
static void print_first_words(void) {
    for (int index = 0; command_at(index) != NULL; index++) {
        if (is_one_word(command_at(index))) {
            (void)printf(" %s", command_at(index)->name);
        }
    }
}

static int print_bash(void) {
    (void)printf(
        "# bash completion of ropemap %s; use it with: eval \"$(ropemap completion bash)\"\n"
        "_ropemap() {\n"
        "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words='' value=''\n"
        "    if [ \"$word\" = = ]; then # --name=VALUE comes as three words\n"
        "        word='' value=1\n"
        "    elif [ \"$before\" = = ] && [ \"$COMP_CWORD\" -gt 2 ]; then\n"
        "        before=${COMP_WORDS[COMP_CWORD-2]} value=1\n"
        "    fi\n"
        "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
        "        COMPREPLY=($(compgen -W '--help --version help",
        ropemap_version());
    print_first_words();
    (void)printf("' -- \"$word\"))\n        return\n    fi\n    local command=${COMP_WORDS[1]}\n");
    for (int index = 0; command_at(index) != NULL; index++) {
        if (!is_one_word(command_at(index))) {
            (void)printf(
                "    if [ \"$COMP_CWORD\" -gt 2 ] && [ \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" = '%s' ]; "
                "then\n        command='%s'\n    fi\n",
                command_at(index)->name, command_at(index)->name);
        }
    }
    (void)printf("    case \"$command\" in\n");
    for (int index = 0; command_at(index) != NULL; index++) {
        print_command(command_at(index));
    }
    (void)printf("    help) words='");
    print_first_words();
    (void)printf("' ;;\n    esac\n    [ -n \"$value\" ] && words=''\n    COMPREPLY=($(compgen -W \"$words\" "
                 "-- \"$word\"))\n}\n"
                 "complete -o filenames -F _ropemap ropemap\n");
    return finish_stdout();
}

static ropemap_status print_completion(void *given, cli_run *run, ropemap_error *error) {
    const completion_options *options = given;
    if (options->shell == NULL) {
        return fail(error, ROPEMAP_USAGE, "SHELL is missing; run 'ropemap completion bash'");
    }
    run->code = print_bash();
    return ROPEMAP_OK;
}

static const cli_option operand = {.argument = "SHELL",
                                   .choices = shell_name,
                                   .help = "the shell: bash",
                                   .type = OPTION_WORD,
                                   .offset = offsetof(completion_options, shell)};

const cli_command command_completion = {
    .name = "completion",
    .summary = "print a script that lets a shell complete command lines of ropemap",
    .usage = "bash",
    .operand = &operand,
    .size = sizeof(completion_options),
    .work = print_completion,
};
