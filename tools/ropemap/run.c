/* run.c - one command from its arguments to its exit code: its files, and its result */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/run.h"
#include "tools/ropemap/command.h"
#include "tools/ropemap/documents.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/print_size.h"
#include "tools/ropemap/options/rule_options.h"
#include "tools/ropemap/options/tensor_options.h"
#include "tools/shards/shards.h"

#include <dirent.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- what is read -------------------------------------------------------------------------------------- */

static bool ends_with(const char *name, const char *ending) {
    const size_t length = strlen(name), wanted = strlen(ending);
    return length >= wanted && strcmp(name + length - wanted, ending) == 0;
}

static ropemap_status note_file(cli_outputs *outputs, const char *path, ropemap_error *error) {
    char **more = realloc(outputs->inputs, (size_t)(outputs->input_count + 1) * sizeof *more);
    outputs->inputs = more != NULL ? more : outputs->inputs;
    char *copy = more != NULL ? strdup(path) : NULL;
    if (copy == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "%.200s: no memory for the name", path);
    }
    more[outputs->input_count++] = copy;
    return ropemap_outputs_input(outputs->set, path, error);
}

/* FILE[:TENSOR] */
static ropemap_status note_tensor(cli_outputs *outputs, const char *text, ropemap_error *error) {
    char *path = strdup(text);
    if (path == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "%.200s: no memory for the name", text);
    }
    (void)tensor_cut(path);
    const ropemap_status status = note_file(outputs, path, error);
    free(path);
    return status;
}

/* A file, or a folder whose .json files say what the model is. */
static ropemap_status note_model(cli_outputs *outputs, const char *path, ropemap_error *error) {
    DIR *folder = opendir(path);
    ropemap_status status = note_file(outputs, path, error);
    for (const struct dirent *found = folder != NULL ? readdir(folder) : NULL;
         found != NULL && status == ROPEMAP_OK; found = readdir(folder)) {
        char name[PATH_MAX];
        const int length = snprintf(name, sizeof name, "%s/%s", path, found->d_name);
        if (ends_with(found->d_name, ".json") && length > 0 && (size_t)length < sizeof name) {
            status = note_file(outputs, name, error);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return status;
}

ropemap_status outputs_note(cli_outputs *outputs, const cli_option *option, const char *value,
                            ropemap_error *error) {
    switch (option->reads) {
    case READS_FILE:
        return note_file(outputs, value, error);
    case READS_TENSOR:
        return note_tensor(outputs, value, error);
    case READS_MODEL:
        return note_model(outputs, value, error);
    case READS_NOTHING:
        break;
    }
    return ROPEMAP_OK;
}

/* ---- names --------------------------------------------------------------------------------------------- */

static const char *const kind_names[OUTPUT_KINDS] = {
    [OUTPUT_PNG] = "png", [OUTPUT_SVG] = "svg",  [OUTPUT_PDF] = "pdf",
    [OUTPUT_NPY] = "npy", [OUTPUT_CSV] = "csv",  [OUTPUT_SAFETENSORS] = "safetensors",
    [OUTPUT_H] = "h",     [OUTPUT_GGUF] = "gguf"};

/* Written in place: standard output, a device, a FIFO. */
static bool is_in_place(const char *path) {
    struct stat status;
    return strcmp(path, "-") == 0 ||
           (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode));
}

/* "-", or another name of the pipe that standard output is, such as /dev/stdout. */
static bool is_stdout(const char *path) {
    struct stat named, standard;
    return strcmp(path, "-") == 0 ||
           (stat(path, &named) == 0 && fstat(STDOUT_FILENO, &standard) == 0 && S_ISFIFO(named.st_mode) &&
            named.st_dev == standard.st_dev && named.st_ino == standard.st_ino);
}

/* The path after "svg:", where that is written in place; else the whole name, and OUTPUT_KINDS. */
static const char *split(const char *name, output_kind *kind) {
    for (*kind = OUTPUT_PNG; *kind < OUTPUT_KINDS; ++*kind) {
        const size_t length = strlen(kind_names[*kind]);
        if (strncmp(name, kind_names[*kind], length) == 0 && name[length] == ':' &&
            is_in_place(name + length + 1)) {
            return name + length + 1;
        }
    }
    return name;
}

output_kind output_kind_of(const char *name) {
    output_kind kind = OUTPUT_KINDS;
    const char *path = split(name, &kind);
    if (kind != OUTPUT_KINDS) {
        return kind;
    }
    for (kind = OUTPUT_PNG; kind < OUTPUT_KINDS; kind++) {
        char ending[16];
        (void)snprintf(ending, sizeof ending, ".%s", kind_names[kind]);
        if (ends_with(path, ending)) {
            return kind;
        }
    }
    return is_in_place(path) ? OUTPUT_PNG : OUTPUT_KINDS;
}

ropemap_format output_format(output_kind kind) {
    return kind == OUTPUT_SVG ? ROPEMAP_SVG : kind == OUTPUT_PDF ? ROPEMAP_PDF : ROPEMAP_PNG;
}

static ropemap_status refuse_kind(const char *name, unsigned kinds, ropemap_error *error) {
    char list[80] = "";
    size_t used = 0;
    for (int kind = 0, left = (int)kinds; kind < OUTPUT_KINDS; kind++) {
        if ((kinds >> kind & 1u) != 0) {
            left &= ~(1 << kind);
            used += (size_t)snprintf(list + used, sizeof list - used, "%s.%s",
                                     used == 0   ? ""
                                     : left == 0 ? " or "
                                                 : ", ",
                                     kind_names[kind]);
        }
    }
    return fail(error, ROPEMAP_USAGE,
                "--output: '%.300s' names no kind of file that can be written here; use %s", name, list);
}

ropemap_status outputs_add(cli_outputs *outputs, const char *name, unsigned kinds, bool force,
                           ropemap_error *error) {
    output_kind kind = OUTPUT_KINDS;
    const char *path = split(name, &kind);
    const ropemap_status status = ropemap_outputs_add(outputs->set, path, force, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    kind = output_kind_of(name);
    if (kinds != OUTPUT_ANY && (kinds >> kind & 1u) == 0) {
        return refuse_kind(name, kinds, error);
    }
    outputs->stdout_name = is_stdout(path) ? name : outputs->stdout_name;
    outputs->kinds[outputs->count++] = kind;
    return ROPEMAP_OK;
}

ropemap_status outputs_add_all(cli_outputs *outputs, const cli_texts *names, unsigned kinds, bool force,
                               ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    for (int i = 0; i < names->count && status == ROPEMAP_OK; i++) {
        status = outputs_add(outputs, names->all[i], kinds, force, error);
    }
    return status;
}

/* Makes and removes files next to the outputs, so signals wait. */
ropemap_status outputs_check(cli_outputs *outputs, const char *prints, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    if (prints != NULL && outputs->stdout_name != NULL) {
        status = prints[0] == '\0' ? ROPEMAP_OK
                                   : fail(error, ROPEMAP_USAGE, "%s and -o %s both write to stdout; use one",
                                          prints, outputs->stdout_name);
    } else if (prints != NULL) {
        status = ropemap_outputs_add(outputs->set, "-", false, error); /* not into an input either */
    }
    signals_hold();
    status = status == ROPEMAP_OK ? ropemap_outputs_check(outputs->set, error) : status;
    signals_release();
    return status;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

/* Opening a FIFO or filling a pipe may block forever, and leaves nothing behind: signals act at once there.
 */
static ropemap_status write_one(cli_outputs *outputs, int index, const ropemap_bytes *bytes,
                                ropemap_error *error) {
    const bool in_place = ropemap_outputs_in_place(outputs->set, index);
    if (signals_came()) {
        return fail(error, ROPEMAP_STOPPED, "stopped before '%.200s' was written",
                    ropemap_outputs_name(outputs->set, index));
    }
    if (in_place) {
        signals_release();
    }
    const ropemap_status status = ropemap_outputs_write(outputs->set, index, bytes, error);
    if (in_place) {
        signals_hold();
    }
    return status;
}

ropemap_status outputs_table(void (*put)(FILE *stream, const void *what), const void *what,
                             ropemap_bytes *bytes, ropemap_error *error) {
    char *data = NULL;
    FILE *stream = open_memstream(&data, &bytes->size);
    bool whole = stream != NULL;
    if (stream != NULL) {
        put(stream, what);
        whole = ferror(stream) == 0;
        whole = fclose(stream) == 0 && whole;
    }
    bytes->data = (uint8_t *)data;
    return whole ? ROPEMAP_OK : fail(error, ROPEMAP_RESOURCES, "--output: no memory for the table");
}

static ropemap_status make_one(cli_outputs *outputs, int index, output_encoder encode, void *what,
                               ropemap_error *error) {
    ropemap_bytes bytes = {.data = NULL};
    ropemap_status status = encode(what, index, outputs->kinds[index], &bytes, error);
    status = status == ROPEMAP_OK ? write_one(outputs, index, &bytes, error) : status;
    ropemap_bytes_free(&bytes);
    return status;
}

ropemap_status outputs_write(cli_outputs *outputs, output_encoder encode, void *what, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    for (int in_place = 1; in_place >= 0; in_place--) {
        for (int index = 0; index < outputs->count && status == ROPEMAP_OK; index++) {
            if (ropemap_outputs_in_place(outputs->set, index) == (in_place == 1)) {
                status = make_one(outputs, index, encode, what, error);
            }
        }
    }
    return status == ROPEMAP_OK ? ropemap_outputs_finish(outputs->set, error) : status;
}

void outputs_free(cli_outputs *outputs) {
    ropemap_outputs_free(outputs->set);
    outputs->set = NULL;
    for (int i = 0; i < outputs->input_count; i++) {
        free(outputs->inputs[i]);
    }
    free(outputs->inputs);
    outputs->inputs = NULL;
    outputs->input_count = 0;
}

/* ---- commands ------------------------------------------------------------------------------------------ */

const cli_option thread_rows[] = {
    {.group = GROUP_HOW,
     .name = "threads",
     .argument = "N",
     .initial = "one per CPU",
     .help = "threads, 1 to 1024",
     .type = OPTION_INT32,
     .least = 1,
     .most = 1024,
     .local = true},
    {.name = NULL},
};

static ropemap_status parse(cli_run *run, int argc, char **argv, void *options, ropemap_error *error) {
    ropemap_status status = ropemap_outputs_new(&run->outputs.set, error);
    if (status == ROPEMAP_OK) {
        status = options_parse(run->command, argc, argv, options, &run->line, error);
    }
    for (int i = 0; i < run->line.count && status == ROPEMAP_OK; i++) {
        status = outputs_note(&run->outputs, run->line.all[i].option, run->line.all[i].value, error);
    }
    return status;
}

void *options_new(const cli_command *command) {
    void *options = calloc(1, command->size + 1);
    rule_options *rule = options != NULL ? rule_options_of(command, options) : NULL;
    if (rule != NULL) {
        *rule = rule_options_default();
    }
    if (options != NULL && command->start != NULL) {
        command->start(options);
    }
    return options;
}

void options_free(const cli_command *command, void *options) {
    rule_options *rule = rule_options_of(command, options);
    if (rule != NULL) {
        rule_options_free(rule);
    }
    for (int block = 0; block < COMMAND_BLOCKS && command->blocks[block].rows != NULL; block++) {
        if (command->blocks[block].rows == print_rows) {
            print_size_free((print_size *)(void *)((char *)options + command->blocks[block].offset));
        }
    }
    if (command->end != NULL) {
        command->end(options);
    }
    free(options);
}

int command_run(const cli_command *command, int argc, char **argv) {
    return command_run_prepared(command, argc, argv, NULL);
}

int command_run_prepared(const cli_command *command, int argc, char **argv,
                         void (*prepare)(const cli_command *command, void *options)) {
    cli_run run = {.command = command};
    ropemap_error error = {.status = ROPEMAP_OK};
    void *options = options_new(command);
    if (options == NULL) {
        return failure_report(fail(&error, ROPEMAP_RESOURCES, "no memory for the options"), &error);
    }
    ropemap_status status = parse(&run, argc, argv, options, &error);
    if (prepare != NULL) {
        prepare(command, options);
    }
    if (status == ROPEMAP_OK && run.line.help) {
        run.code = help_command(command);
    } else if (status == ROPEMAP_OK) {
        status = command->work(options, &run, &error);
    }
    outputs_free(&run.outputs);
    options_free(command, options);
    free(run.line.all);
    if (status != ROPEMAP_OK) {
        error.status = status;
        options_name(command, &error);
        run.code = failure_report(status, &error);
    }
    return run.code;
}

void run_begin(cli_run *run, bool quiet) {
    run->progress = progress_start(quiet);
    signals_hold();
}

void run_end(cli_run *run) {
    progress_end(&run->progress);
    outputs_free(&run->outputs);
    signals_release();
}

/* A call of Python takes a microsecond, and a map makes thousands. */
int call_tell(void *user, const char *stage, double done, double total) {
    static const double period = 0.01; /* seconds */
    cli_call *call = user;
    const double now = wall_clock();
    if (now - call->heard < period) {
        return 0;
    }
    call->heard = now;
    return call->progress(call->user, stage, done, total);
}

/* ---- what the options say ------------------------------------------------------------------------------ */

/* The flag of that name, or `without` where the command has no such option. */
static bool *flag_of(const cli_command *command, void *options, const char *name, bool *without) {
    bool *field = options_field(command, options, name);
    return field != NULL ? field : without;
}

/* What a block of rows fills; NULL: the command does not have it. */
static void *block_of(const cli_command *command, void *options, const cli_option *rows) {
    for (int i = 0; i < COMMAND_BLOCKS && command->blocks[i].rows != NULL; i++) {
        if (command->blocks[i].rows == rows) {
            return (char *)options + command->blocks[i].offset;
        }
    }
    return NULL;
}

static ropemap_status check_size(const cli_command *command, void *options, ropemap_error *error) {
    const print_size *size = block_of(command, options, print_rows);
    return size != NULL ? print_size_check(size, error) : ROPEMAP_OK;
}

static ropemap_status check(const cli_command *command, void *options, cli_outputs *outputs,
                            ropemap_error *error) {
    const cli_result *result = command->result;
    const ropemap_status status = result->check != NULL ? result->check(options, outputs, error) : ROPEMAP_OK;
    return status == ROPEMAP_OK ? check_size(command, options, error) : status;
}

/* ---- for other programs -------------------------------------------------------------------------------- */

ropemap_status result_make(const cli_command *command, void *options, cli_call *call, void *made,
                           ropemap_error *error) {
    const ropemap_status status = check(command, options, NULL, error);
    return status == ROPEMAP_OK ? command->result->make(options, call, made, error) : status;
}

ropemap_status result_encode(const cli_command *command, void *options, void *made, output_kind kind,
                             ropemap_bytes *bytes, ropemap_error *error) {
    const ropemap_status status = check_size(command, options, error);
    return status == ROPEMAP_OK ? command->result->encode(options, made, 0, kind, bytes, error) : status;
}

/* ---- the command line ---------------------------------------------------------------------------------- */

/* A result on its way. */
struct work {
    const cli_result *result;
    void *options, *made;
    const cli_texts *files;
    const work_options *shared; /* with --work; NULL: without */
    bool json, quiet;
    bool *force; /* files that exist are replaced: those of shared work always, once it has joined them */
    work_queue queue;
};

/* The name of what goes to standard output, as outputs_check takes it. */
static const char *prints(const struct work *work) {
    const bool words = work->result->print != NULL && (work->result->answers || !work->quiet);
    return work->json ? "--json" : words ? "" : NULL;
}

static ropemap_status prepare(struct work *work, cli_run *run, ropemap_error *error) {
    const work_options *sharing = block_of(run->command, work->options, work_rows);
    const bool force = *work->force;
    work->shared = sharing != NULL && sharing->folder != NULL ? sharing : NULL;
    *work->force = force || work->shared != NULL;
    ropemap_status status = check(run->command, work->options, &run->outputs, error);
    if (status == ROPEMAP_OK && work->result->print != NULL && prints(work) == NULL &&
        work->files->count == 0) {
        return fail(error, ROPEMAP_USAGE, "--quiet leaves nothing to print or write; give -o FILE or --json");
    }
    status = status == ROPEMAP_OK
                 ? outputs_add_all(&run->outputs, work->files, work->result->kinds, *work->force, error)
                 : status;
    status = status == ROPEMAP_OK ? outputs_check(&run->outputs, prints(work), error) : status;
    if (status != ROPEMAP_OK || sharing == NULL) {
        return status;
    }
    return work->shared != NULL ? work_open(sharing, force, run, &work->queue, error)
                                : work_alone(sharing, &run->outputs, error);
}

static ropemap_status encode(void *what, int index, output_kind kind, ropemap_bytes *bytes,
                             ropemap_error *error) {
    struct work *work = what;
    return work->result->encode(work->options, work->made, index, kind, bytes, error);
}

static ropemap_status make(struct work *work, cli_run *run, ropemap_error *error) {
    cli_call call = {.alone = true, .progress = progress_tell, .user = &run->progress};
    const bool shares = work->queue.document != NULL;
    run_begin(run, work->quiet);
    ropemap_status status = ropemap_session_open(&call.session, error);
    if (status == ROPEMAP_OK) {
        status = shares ? work->result->share(work->options, &call, &work->queue, work->made, error)
                        : work->result->make(work->options, &call, work->made, error);
    }
    ropemap_session_close(call.session);
    progress_end(&run->progress);
    if (status == ROPEMAP_OK && (!shares || work->queue.end == WORK_MERGE)) {
        const double start = wall_clock();
        status = outputs_write(&run->outputs, encode, work, error);
        status = shares ? work_finish(&work->queue, status, error) : status;
        if (status == ROPEMAP_OK && work->result->written != NULL) {
            work->result->written(work->options, work->made, wall_clock() - start);
        }
    }
    run_end(run);
    return status;
}

static int print(const struct work *work, const cli_run *run) {
    if (work->json) {
        return document_print(work->result->document(work->options, work->made));
    }
    if (prints(work) == NULL || run->outputs.stdout_name != NULL) {
        return EXIT_SUCCESS;
    }
    work->result->print(work->options, work->made);
    return finish_stdout();
}

ropemap_status result_work(void *options, cli_run *run, ropemap_error *error) {
    static const cli_texts none = {.count = 0};
    const cli_command *command = run->command;
    const cli_texts *files = options_field(command, options, "output");
    bool no = false;
    struct work work = {.result = command->result,
                        .options = options,
                        .made = calloc(1, command->result->size),
                        .files = files != NULL ? files : &none,
                        .json = *flag_of(command, options, "json", &no),
                        .quiet = *flag_of(command, options, "quiet", &no),
                        .force = flag_of(command, options, "force", &no)};
    ropemap_status status = work.made != NULL ? prepare(&work, run, error)
                                              : fail(error, ROPEMAP_RESOURCES, "no memory for the result");
    if (status == ROPEMAP_OK && !work.queue.finished) {
        status = make(&work, run, error);
    }
    const bool shares = work.queue.document != NULL || work.queue.finished;
    if (status == ROPEMAP_OK && shares && work.queue.end != WORK_MERGE) {
        work_report(&work.queue, work.queue.end, work.quiet);
    } else if (status == ROPEMAP_OK) {
        run->code = print(&work, run);
    }
    if (work.made != NULL && command->result->free != NULL) {
        command->result->free(work.made);
    }
    free(work.made);
    if (work.shared != NULL) {
        work_free(&work.queue);
    }
    return status;
}
