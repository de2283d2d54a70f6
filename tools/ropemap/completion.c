/* completion.c - `ropemap completion`: what a shell needs to complete a command line, made from the tables */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/failure.h"
#include "tools/ropemap/help.h"
#include "tools/ropemap/options.h"

#include <stdio.h>
#include <string.h>

static const char *shell_name(int index) {
    return index == 0 ? "bash" : NULL;
}

static ropemap_status set_shell(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    if (status == ROPEMAP_OK) {
        *(const char **)into = shell_name(index);
    }
    return status;
}

/* The words that may follow an option, as a branch of a bash `case`. */
static void print_values(const cli_option *option) {
    if (option_is_flag(option)) {
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
    for (int at = 0; command_option(command, at) != NULL; at++) {
        const cli_option *option = command_option(command, at);
        print_values(option);
    }
    (void)printf("        esac\n        words='--help");
    for (int at = 0; command_option(command, at) != NULL; at++) {
        const cli_option *option = command_option(command, at);
        (void)printf(" --%s", option->name);
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

static int run(int argc, char **argv) {
    const char *shell = NULL;
    bool help = false;
    ropemap_error error = {.status = ROPEMAP_OK};
    ropemap_status status = options_parse(&command_completion, argc, argv, &shell, &help, &error);
    if (status == ROPEMAP_OK && help) {
        return help_command(&command_completion);
    }
    if (status == ROPEMAP_OK && shell == NULL) {
        status = fail(&error, ROPEMAP_USAGE, "completion: no shell, expected bash");
    }
    return status == ROPEMAP_OK ? print_bash() : failure_report(status, &error);
}

static const cli_option options[] = {{.name = NULL}};

static const cli_option operand = {
    .argument = "SHELL", .choices = shell_name, .help = "the shell: bash", .set = set_shell};

const cli_command command_completion = {
    .name = "completion",
    .summary = "print a script that lets a shell complete command lines of ropemap",
    .usage = "bash",
    .options = options,
    .operand = &operand,
    .run = run,
};
