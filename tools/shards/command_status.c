/* command_status.c - ropemap status: how far a run in shards is, and who works on it */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/documents.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/run.h"
#include "tools/shards/shards.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct status_options {
    const char *folder; /* first: work_operand fills it */
    bool json;
} status_options;

static const cli_option status_rows[] = {
    OPTION_JSON(offsetof(status_options, json), "print it as JSON on standard output"),
    {.name = NULL},
};

/* What is known of a run. */
typedef struct run_state {
    int64_t count, finished;
    double minutely; /* shards a minute since the first; NaN: unknown */
    json_t *claims;  /* an object each that is held, owned */
} run_state;

/* Shards a minute, between the first that was finished and the last. */
static double rate_of(const char *folder, const bool *there, int64_t count) {
    double first = INFINITY, last = 0.0;
    int64_t finished = 0;
    for (int64_t shard = 0; shard < count; shard++) {
        const double when = there[shard] ? shard_time(folder, shard) : 0.0;
        if (when > 0.0) {
            first = fmin(first, when);
            last = fmax(last, when);
            finished++;
        }
    }
    return finished > 1 && last > first ? 60.0 * (double)(finished - 1) / (last - first) : (double)NAN;
}

/* A claim that is held; the last one is of the outputs. */
static void look_at_claim(const char *folder, int64_t shard, json_t *claims) {
    work_claim claim;
    const claim_state state = claim_take(folder, shard, true, &claim);
    char host[80] = "", job[48] = "-", step[48] = "-", since[40] = "";
    long pid = 0;
    const int found = sscanf(claim.text, "begun %79s %ld %47s %47s %39s", host, &pid, job, step, since);
    claim_leave(&claim, false);
    if (state == CLAIM_BUSY && found == 5) {
        (void)json_array_append_new(claims, json_pack("{s:I, s:o, s:I, s:o, s:o, s:o}", "shard",
                                                      (json_int_t)shard, "host", document_text(host), "pid",
                                                      (json_int_t)pid, "job", document_text(job), "step",
                                                      document_text(step), "since", document_text(since)));
    }
}

static ropemap_status look(const char *folder, int64_t count, run_state *state, ropemap_error *error) {
    bool *there = calloc((size_t)count + 1, sizeof *there);
    state->count = count;
    state->claims = json_array();
    ropemap_status status = there != NULL
                                ? shards_list(folder, count, there, &state->finished, error)
                                : fail(error, ROPEMAP_RESOURCES, "no memory for %" PRId64 " shards", count);
    for (int64_t shard = 0; shard <= count && status == ROPEMAP_OK; shard++) {
        if (!there[shard]) {
            look_at_claim(folder, shard, state->claims);
        }
    }
    state->minutely = status == ROPEMAP_OK ? rate_of(folder, there, count) : (double)NAN;
    free(there);
    return status;
}

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "-";
}

static void print_text(const char *folder, const work_record *record, const run_state *state) {
    size_t index;
    json_t *claim;
    print_plain(stdout, folder);
    (void)printf(": ropemap %s, ", text_of(record->document, "command"));
    if (record->finished) {
        (void)printf("finished, its outputs are written\n");
        return;
    }
    (void)printf("%" PRId64 " of %" PRId64 " shards finished, %zu claims held", state->finished, state->count,
                 json_array_size(state->claims));
    if (!isnan(state->minutely)) {
        const double left = 60.0 * (double)(state->count - state->finished) / state->minutely;
        (void)printf("; %.3g a minute, at that rate %.0f s left", state->minutely, left);
    }
    (void)printf("\n");
    json_array_foreach(state->claims, index, claim) {
        const int64_t shard = record_integer(claim, "shard");
        if (shard == state->count) {
            (void)printf("outputs: ");
        } else {
            (void)printf("shard %" PRId64 ": ", shard);
        }
        print_plain(stdout, text_of(claim, "host"));
        (void)printf(", pid %" PRId64 ", job ", record_integer(claim, "pid"));
        print_plain(stdout, text_of(claim, "job"));
        (void)printf(" step ");
        print_plain(stdout, text_of(claim, "step"));
        (void)printf(", since ");
        print_plain(stdout, text_of(claim, "since"));
        (void)printf("\n");
    }
}

static ropemap_status work(void *given, cli_run *run, ropemap_error *error) {
    const status_options *options = given;
    work_record record = {.document = NULL};
    run_state state = {.claims = NULL};
    if (options->folder == NULL) {
        return fail(error, ROPEMAP_USAGE, "DIR is missing; give the directory of --work");
    }
    ropemap_status status = record_read(options->folder, &record, error);
    const int64_t count = record_integer(record.document, "shards");
    if (status == ROPEMAP_OK && count < 1) {
        status = fail(error, ROPEMAP_USAGE, "%.300s: there is no run here; give the directory of --work",
                      options->folder);
    }
    status = status == ROPEMAP_OK ? look(options->folder, count, &state, error) : status;
    if (status == ROPEMAP_OK && options->json) {
        run->code = document_print(json_pack("{s:s, s:O, s:b, s:I, s:I, s:o, s:O}", "schema",
                                             "ropemap.status/1", "run", record.document, "finished",
                                             record.finished ? 1 : 0, "shards", (json_int_t)state.count,
                                             "shards_finished", (json_int_t)state.finished, "shards_a_minute",
                                             document_real(state.minutely), "claims", state.claims));
    } else if (status == ROPEMAP_OK) {
        print_text(options->folder, &record, &state);
        run->code = finish_stdout();
    }
    json_decref(state.claims);
    record_free(&record);
    return status;
}

const cli_command command_status = {
    .name = "status",
    .summary = "show how far a run in shards is, and who works on it",
    .usage = "DIR [output]",
    .examples = "  ropemap status w\n",
    .blocks = {{status_rows, 0}},
    .operand = &work_operand,
    .size = sizeof(status_options),
    .work = work,
};
