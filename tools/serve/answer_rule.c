/* answer_rule.c - /info.json, /bound.json, /explain.txt and /model: what a rule is and does */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/bound_options.h"
#include "tools/ropemap/command_explain.h"
#include "tools/ropemap/command_info.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options.h"
#include "tools/serve/serve.h"

#include <stdlib.h>
#include <string.h>

/* Fails with the sentence of the command. */
static void refuse(serve_job *job, const cli_command *command, ropemap_error *error) {
    options_name(command, error);
    answer_fail(job->answer, error);
}

void answer_info(void *user, serve_job *job) {
    rule_options rule = rule_options_default();
    info_rule info;
    ropemap_error error = {.status = ROPEMAP_OK};
    char *config = NULL;
    info_options options = {.rule = rule};
    ropemap_status status =
        request_apply(user, &command_info, &job->query, &options, &options.rule, &config, &error);
    status = status == ROPEMAP_OK ? rule_options_resolve(&options.rule, &error) : status;
    status = status == ROPEMAP_OK ? info_make(&options.rule, &info, &error) : status;
    if (status == ROPEMAP_OK) {
        answer_document(job->answer, info_document(&info));
    } else {
        refuse(job, &command_info, &error);
    }
    rule_options_free(&options.rule);
    free(config);
}

void answer_bound(void *user, serve_job *job) {
    const serve_context *context = user;
    bound_options options = bound_options_default();
    bound_results results = {.found = NULL};
    ropemap_error error = {.status = ROPEMAP_OK};
    char *config = NULL;
    options.threads = context->options->map.request.threads;
    options.progress = job_progress;
    options.progress_user = job;
    ropemap_status status =
        request_apply(context, &command_bound, &job->query, &options, &options.rule, &config, &error);
    status = status == ROPEMAP_OK ? bound_check(&options, &error) : status;
    status = status == ROPEMAP_OK ? bound_run(&options, &results, &error) : status;
    if (status == ROPEMAP_OK) {
        answer_document(job->answer, bound_document(&options.rule.spec, &results));
    } else {
        refuse(job, &command_bound, &error);
    }
    bound_results_free(&results);
    rule_options_free(&options.rule);
    free(config);
}

void answer_explain(void *user, serve_job *job) {
    explain_options options = {
        .rule = rule_options_default(), .progress = job_progress, .progress_user = job};
    explanation found = {.length = 0};
    ropemap_error error = {.status = ROPEMAP_OK};
    char *config = NULL;
    ropemap_status status =
        request_apply(user, &command_explain, &job->query, &options, &options.rule, &config, &error);
    status = status == ROPEMAP_OK ? explain_make(&options, &found, &error) : status;
    if (status == ROPEMAP_OK) {
        char text[EXPLAIN_SENTENCES * (EXPLAIN_SENTENCE_BYTES + 1) + 1];
        size_t at = 0;
        explain_say(&options.rule.spec, &found);
        for (int i = 0; i < EXPLAIN_SENTENCES && found.sentence[i][0] != '\0'; i++) {
            const size_t length = strlen(found.sentence[i]);
            memcpy(text + at, found.sentence[i], length);
            text[at + length] = '\n';
            at += length + 1;
        }
        text[at] = '\0';
        answer_text(job->answer, 200, "text/plain; charset=utf-8", text);
    } else {
        refuse(job, &command_explain, &error);
    }
    rule_options_free(&options.rule);
    free(config);
}

/* ---- /model -------------------------------------------------------------------------------------------- */

static json_t *model_document(const char *id, const rule_options *rule, const info_rule *info) {
    const int64_t trained = ropemap_model_trained_length(rule->opened);
    return json_pack("{s:s, s:s, s:s, s:o, s:o}", "schema", "ropemap.model/1", "id", id, "name",
                     ropemap_model_name(rule->opened), "trained_length",
                     trained > 0 ? json_integer((json_int_t)trained) : json_null(), "info",
                     info_document(info));
}

void answer_model(void *user, serve_job *job) {
    const serve_context *context = user;
    rule_options rule = rule_options_default();
    info_rule info;
    ropemap_error error = {.status = ROPEMAP_OK};
    char id[MODEL_ID_BYTES] = "";
    rule.config = job->body.data != NULL ? (const char *)job->body.data : "";
    rule.config_bytes = job->body.size;
    rule.layer_type = query_take(&job->query, "layer-type");
    ropemap_status status = rule_options_resolve(&rule, &error);
    status = status == ROPEMAP_OK ? info_make(&rule, &info, &error) : status;
    status = status == ROPEMAP_OK ? models_post(context->models, rule.config, rule.config_bytes, id, &error)
                                  : status;
    if (status == ROPEMAP_OK) {
        answer_document(job->answer, model_document(id, &rule, &info));
    } else {
        answer_fail(job->answer, &error);
    }
    rule_options_free(&rule);
}
