/* attention_options.c - the options of attention: how positions enter scores, and which keys a query sees */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/number.h"
#include "tools/ropemap/options/options.h"

#include <math.h>
#include <stddef.h>

static const double SINK_LOGIT_MOST = 1e6;

static ropemap_status set_sink_logit(void *into, const cli_option *option, const char *text,
                                     ropemap_error *error) {
    ropemap_softmax *softmax = &((ropemap_request *)into)->softmax;
    softmax->has_sink = true;
    const ropemap_status status = number_real(option_subject(option).text, text, &softmax->sink_logit, error);
    return status == ROPEMAP_OK && !(fabs(softmax->sink_logit) <= SINK_LOGIT_MOST)
               ? fail(error, ROPEMAP_USAGE, "--sink-logit: '%.64s' is out of range; give -1e6 to 1e6", text)
               : status;
}

static const char *encoding_choice(int index) {
    return ropemap_encoding_name((ropemap_encoding)index);
}

const cli_option encoding_rows[] = {
    {.group = GROUP_WHAT,
     .name = "encoding",
     .choices = encoding_choice,
     .initial = "rope",
     .help = "how positions enter a score; all but rope and nope are of equal vectors",
     .type = OPTION_CHOICE,
     .offset = offsetof(ropemap_request, encoding.kind),
     .page = {.place = PLACE_VALUES}},
    {.group = GROUP_WHAT,
     .name = "slope",
     .argument = "S",
     .initial = "1/256",
     .help = "ALiBi slope: score lost per token of distance",
     .type = OPTION_REAL,
     .offset = offsetof(ropemap_request, encoding.slope),
     .bounds = &(const cli_bounds){.above = true, .words = "a number above 0"},
     .slider = &(const cli_slider){1e-4, 1, true, 0, "a token"},
     .page = {.place = PLACE_VALUES, .needs = "encoding=alibi"}},
    {.group = GROUP_WHAT,
     .name = "chunk",
     .argument = "N",
     .initial = "256k",
     .help = "dual chunk, of causal maps: tokens of a chunk, with --local",
     .type = OPTION_INT,
     .offset = offsetof(ropemap_request, encoding.chunk),
     .least = 1,
     .most = ROPEMAP_MAX_CHUNK,
     .slider = &(const cli_slider){64, 0x1p22, true, 1, "tokens"},
     .page = {.place = PLACE_VALUES, .needs = "encoding=dual-chunk"}},
    {.group = GROUP_WHAT,
     .name = "local",
     .argument = "N",
     .initial = "8k",
     .help = "dual chunk: tokens of the previous chunk that keep exact distances (less than the chunk)",
     .type = OPTION_INT,
     .offset = offsetof(ropemap_request, encoding.local),
     .least = 1,
     .most = ROPEMAP_MAX_CHUNK,
     .slider = &(const cli_slider){1, 0x1p20, true, 1, "tokens"},
     .page = {.place = PLACE_VALUES, .needs = "encoding=dual-chunk"}},
    {.name = NULL},
};

const cli_option attention_rows[] = {
    {.group = GROUP_WHAT,
     .name = "scale",
     .argument = "S",
     .initial = "1/sqrt(D)",
     .help = "scaled, softmax: what q.k is multiplied by",
     .type = OPTION_REAL,
     .offset = offsetof(ropemap_request, scale),
     .bounds = &(const cli_bounds){.high = 1e6, .above = true, .words = "a number above 0, at most 1e6"},
     .slider = &(const cli_slider){1e-3, 10, true, 0, ""},
     .page = {.place = PLACE_VALUES, .label = "Score scale", .needs = "measure=softmax"}},
    {.group = GROUP_WHAT,
     .name = "softcap",
     .argument = "C",
     .help = "softmax: scores s become C tanh(s / C), as in Gemma 2",
     .type = OPTION_REAL,
     .offset = offsetof(ropemap_request, softmax.softcap),
     .bounds = &(const cli_bounds){.high = 1e6, .above = true, .words = "a number above 0, at most 1e6"},
     .slider = &(const cli_slider){1, 100, true, 0, ""},
     .page = {.place = PLACE_VALUES, .label = "Soft cap", .needs = "measure=softmax"}},
    {.group = GROUP_WHAT,
     .name = "sink-logit",
     .argument = "X",
     .help = "softmax: a score that joins every row's sum and has no key, as in gpt-oss",
     .type = OPTION_CUSTOM,
     .set = set_sink_logit,
     .slider = &(const cli_slider){-20, 20, false, 0, ""},
     .page = {.place = PLACE_VALUES, .label = "Sink logit", .needs = "measure=softmax"}},
    {.group = GROUP_WHAT,
     .name = "causal",
     .help = "count keys up to the query's own position only; cells without any are masked",
     .type = OPTION_FLAG,
     .offset = offsetof(ropemap_request, mask.causal),
     .page = {.place = PLACE_VALUES}},
    {.group = GROUP_WHAT,
     .name = "window",
     .argument = "W",
     .help = "count keys less than W tokens away only",
     .type = OPTION_INT,
     .offset = offsetof(ropemap_request, mask.window),
     .least = 1,
     .most = ROPEMAP_POSITION_END,
     .slider = &(const cli_slider){1, 0x1p20, true, 1, "tokens"},
     .page = {.place = PLACE_VALUES}},
    {.group = GROUP_WHAT,
     .name = "attention-chunk",
     .argument = "C",
     .help = "count keys in the query's own chunk of C positions only, as in Llama 4",
     .type = OPTION_INT,
     .offset = offsetof(ropemap_request, mask.chunk),
     .least = 1,
     .most = ROPEMAP_POSITION_END,
     .slider = &(const cli_slider){1, 0x1p20, true, 1, "tokens"},
     .page = {.place = PLACE_VALUES, .label = "Attention chunk"}},
    {.group = GROUP_WHAT,
     .name = "sink-tokens",
     .argument = "K",
     .help = "keys at the first K positions count beyond --window and --attention-chunk too",
     .type = OPTION_INT,
     .offset = offsetof(ropemap_request, mask.sink_tokens),
     .least = 1,
     .most = ROPEMAP_POSITION_END,
     .slider = &(const cli_slider){1, 0x1p12, true, 1, "tokens"},
     .page = {.place = PLACE_VALUES, .label = "Sink tokens"}},
    {.name = NULL},
};
