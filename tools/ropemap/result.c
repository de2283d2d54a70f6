/* result.c - what a command computes: one way from its options to a result, its files and its words */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/result.h"
#include "tools/ropemap/documents.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/print_size.h"
#include "tools/shards/shards.h"

#include <stdlib.h>
#include <string.h>

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
