/* command_check.c - ropemap check: buffers of frequencies, and rotations of other programs */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap_verify.h"
#include "tools/ropemap/documents.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/number.h"
#include "tools/ropemap/options/rule_options.h"
#include "tools/ropemap/options/tensor_options.h"
#include "tools/ropemap/run.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct check_options {
    uint32_t given; /* CHECK_ bits */
    rule_options rule;
    const char *file, *input, *output, *positions; /* NULL: not given. Borrowed */
    ropemap_order order;
    int64_t first;
    ropemap_element element;
    double tolerance; /* 0: by the element */
    bool json;
} check_options;

/* Options that only rotations have. */
enum {
    CHECK_POSITIONS = 1 << 0,
    CHECK_FIRST = 1 << 1,
    CHECK_ORDER = 1 << 2,
    CHECK_ELEMENT = 1 << 3,
    CHECK_TOLERANCE = 1 << 4
};

static ropemap_status set_file(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    check_options *options = into;
    if (options->file != NULL) {
        return fail(error, ROPEMAP_USAGE, "%s: '%.200s' after '%.200s'; give one file", option->argument,
                    text, options->file);
    }
    options->file = text;
    return ROPEMAP_OK;
}

static const char *element_choice(int index) {
    return ropemap_element_name((ropemap_element)index);
}

static const cli_option operand = {.argument = "FILE",
                                   .help =
                                       "inv_freq or a table of cosines and sines, as numpy.save wrote it; "
                                       "or a rotation, as numpy.savez wrote it: x (or q) before, y after, "
                                       "and positions",
                                   .type = OPTION_CUSTOM,
                                   .set = set_file,
                                   .reads = READS_FILE};

static const cli_option check_rows[] = {
    {.group = GROUP_WHAT,
     .name = "input",
     .argument = "FILE[:TENSOR]",
     .help = "rows before a rotation, from a .npy, .npz or .safetensors file",
     .type = OPTION_TEXT,
     .offset = offsetof(check_options, input),
     .reads = READS_TENSOR,
     .local = true},
    {.group = GROUP_WHAT,
     .name = "output",
     .argument = "FILE[:TENSOR]",
     .help = "the same rows after it",
     .type = OPTION_TEXT,
     .offset = offsetof(check_options, output),
     .reads = READS_TENSOR,
     .local = true},
    {.group = GROUP_WHAT,
     .name = "positions",
     .argument = "FILE[:ARRAY]",
     .initial = "those of the .npz, else 0, 1, ...",
     .help = "positions of the rows, whole numbers [S], [B, S] or one a row, from a .npy or .npz file",
     .type = OPTION_TEXT,
     .offset = offsetof(check_options, positions),
     .bit = CHECK_POSITIONS,
     .reads = READS_TENSOR,
     .local = true},
    {.group = GROUP_WHAT,
     .name = "first-position",
     .argument = "N",
     .initial = "0",
     .help = "position of a head's first row, where no array has them",
     .type = OPTION_INT,
     .offset = offsetof(check_options, first),
     .most = ROPEMAP_POSITION_END - 1,
     .bit = CHECK_FIRST},
    {.group = GROUP_WHAT,
     .name = "order",
     .choices = order_choice,
     .initial = "hsd",
     .help = "axes of a rotation's rows: [batch, head, position, element] or [batch, position, head, "
             "element]; leading ones may be missing",
     .type = OPTION_CHOICE,
     .offset = offsetof(check_options, order),
     .bit = CHECK_ORDER},
    {.group = GROUP_WHAT,
     .name = "dtype",
     .choices = element_choice,
     .initial = "the narrowest that has all outputs",
     .help = "type that a rotation computes in",
     .type = OPTION_CHOICE,
     .offset = offsetof(check_options, element),
     .bit = CHECK_ELEMENT},
    {.group = GROUP_WHAT,
     .name = "tolerance",
     .argument = "X",
     .initial = "6 roundings of the type",
     .help = "what an element of a rotation may be off by, as a share of its pair's length: radians",
     .type = OPTION_REAL,
     .offset = offsetof(check_options, tolerance),
     .bounds = &(const cli_bounds){0.0, 2.0, true, "a number above 0, at most 2"},
     .bit = CHECK_TOLERANCE},
    OPTION_JSON(offsetof(check_options, json),
                "print JSON of schema ropemap.check/1, or ropemap.check-rotation/1, instead of sentences"),
    {.name = NULL},
};

/* ---- inverse frequencies ------------------------------------------------------------------------------- */

static int report(const check_options *options, const ropemap_comparison *found) {
    if (options->json) {
        return document_print(
            json_pack("{s:s, s:o, s:b, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "schema",
                      "ropemap.check/1", "file", document_text(options->file), "matches",
                      found->matches ? 1 : 0, "verdict", found->verdict, "text", found->text, "pair",
                      found->pair >= 0 ? json_integer(found->pair) : json_null(), "found",
                      found->pair >= 0 ? document_real(found->found) : json_null(), "wanted",
                      found->pair >= 0 ? document_real(found->wanted) : json_null(), "worst",
                      document_real(found->worst), "parameter",
                      found->parameter[0] != '\0' ? document_text(found->parameter) : json_null(),
                      "parameter_found", document_real(found->parameter_found), "parameter_wanted",
                      document_real(found->parameter_wanted)));
    }
    (void)printf("%s: %s\n", found->matches ? "matches" : "DOES NOT MATCH", found->text);
    if (!found->matches && found->pair >= 0) {
        (void)printf("first at pair %d: %.9g rad/token where the rule has %.9g\n", (int)found->pair,
                     found->found, found->wanted);
    }
    return finish_stdout();
}

static ropemap_status compare(const check_options *options, ropemap_comparison *found, ropemap_error *error) {
    float *numbers = NULL;
    int64_t rows = 0, count = 0;
    ropemap_spec spec = options->rule.spec;
    ropemap_error reason = {.status = ROPEMAP_OK};
    if ((options->rule.given & RULE_LENGTH) == 0) {
        spec.length = 0.0; /* any: the buffer may be from before a long prompt or from after one */
    }
    ropemap_status status = ropemap_numbers_read(options->file, &numbers, &rows, &count, error);
    if (status == ROPEMAP_OK) {
        status = ropemap_inv_freq_compare(numbers, rows, count, &spec, found, &reason);
    }
    if (reason.status != ROPEMAP_OK) {
        status = fail(error, status, "%.200s: %.290s", options->file, reason.text);
    }
    ropemap_numbers_free(numbers);
    return status;
}

static ropemap_status check_frequencies(check_options *options, cli_run *run, ropemap_error *error) {
    ropemap_comparison found;
    ropemap_status status = rule_options_resolve(&options->rule, error);
    status = status == ROPEMAP_OK ? compare(options, &found, error) : status;
    if (status == ROPEMAP_OK) {
        run->code = report(options, &found);
        run->code = run->code == ROPEMAP_OK && !found.matches ? ROPEMAP_CHECK : run->code;
    }
    return status;
}

/* ---- rotations ----------------------------------------------------------------------------------------- */

/* A row's head and batch. */
typedef struct place {
    int64_t batch, head;
} place;

static place place_of(const check_options *options, const ropemap_dump *dump, int64_t row) {
    const int64_t within = row % (dump->heads * dump->count);
    return (place){.batch = row / (dump->heads * dump->count),
                   .head = options->order == ROPEMAP_ORDER_SHD ? within % dump->heads : within / dump->count};
}

static json_t *spans_array(const ropemap_judgement *judged) {
    json_t *spans = json_array();
    for (int32_t i = 0; i < judged->span_count; i++) {
        const ropemap_error_span *span = &judged->spans[i];
        (void)json_array_append_new(
            spans, json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "first", (json_int_t)span->first, "last",
                             (json_int_t)span->last, "rows", (json_int_t)span->rows, "elements",
                             (json_int_t)span->elements, "wrong", (json_int_t)span->wrong, "worst",
                             document_real(span->worst)));
    }
    return spans;
}

static json_t *first_wrong(const check_options *options, const ropemap_dump *dump,
                           const ropemap_judgement *judged) {
    if (judged->row < 0) {
        return json_null();
    }
    const place at = place_of(options, dump, judged->row);
    return json_pack("{s:I, s:I, s:I, s:i, s:o, s:o}", "position", (json_int_t)judged->position, "batch",
                     (json_int_t)at.batch, "head", (json_int_t)at.head, "element", (int)judged->index,
                     "found", document_real(judged->found), "wanted", document_real(judged->wanted));
}

static int print_json(const check_options *options, const ropemap_dump *dump, const ropemap_rotated *rotated,
                      const ropemap_judgement *judged) {
    const char *file = options->file != NULL ? options->file : options->output;
    return document_print(
        json_pack("{s:s, s:o, s:b, s:s, s:s, s:o, s:s, s:f, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "schema",
                  "ropemap.check-rotation/1", "file", document_text(file), "matches", judged->right ? 1 : 0,
                  "verdict", judged->verdict, "text", judged->text, "cause",
                  judged->cause[0] != '\0' ? document_text(judged->cause) : json_null(), "dtype",
                  ropemap_element_name(rotated->element), "tolerance", judged->tolerance, "rows",
                  (json_int_t)judged->rows, "elements", (json_int_t)judged->elements, "wrong",
                  (json_int_t)judged->wrong, "skipped", (json_int_t)judged->skipped, "worst",
                  document_real(judged->worst), "first_wrong", first_wrong(options, dump, judged),
                  "by_position", spans_array(judged)));
}

static int print_judgement(const check_options *options, const ropemap_dump *dump,
                           const ropemap_rotated *rotated, const ropemap_judgement *judged) {
    const place at = place_of(options, dump, judged->row < 0 ? 0 : judged->row);
    (void)printf("%s: %s\n", judged->right ? "matches" : "DOES NOT MATCH", judged->text);
    if (!judged->right && (dump->heads > 1 || dump->batches > 1)) {
        (void)printf("that is in head %" PRId64 " of batch %" PRId64 "\n", at.head, at.batch);
    }
    (void)printf(
        "%s rows, numbers of %s; an element is wrong where it is off by more than %.2g of its pair's "
        "length\n",
        number_in_words((double)judged->rows).text, ropemap_element_name(rotated->element),
        judged->tolerance);
    if (judged->skipped > 0) {
        (void)printf("%s elements were not judged: their inputs or exact outputs are not finite\n",
                     number_in_words((double)judged->skipped).text);
    }
    (void)printf("%-31s %10s %24s %14s\n", "positions", "rows", "wrong elements", "largest error");
    for (int32_t i = 0; i < judged->span_count; i++) {
        const ropemap_error_span *span = &judged->spans[i];
        char range[64], wrong[64];
        (void)snprintf(range, sizeof range,
                       span->first == span->last ? "%" PRId64 : "%" PRId64 " to %" PRId64, span->first,
                       span->last);
        (void)snprintf(wrong, sizeof wrong, "%" PRId64 " of %" PRId64, span->wrong, span->elements);
        (void)printf("%-31s %10" PRId64 " %24s %14.2g\n", range, span->rows, wrong, span->worst);
    }
    return finish_stdout();
}

/* A name cut from its file; freed by the caller after a failure, too. */
static ropemap_status split(const char *text, char **path, const char **name, ropemap_error *error) {
    *path = text != NULL ? strdup(text) : NULL;
    if (text != NULL && *path == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "%.200s: no memory for the name", text);
    }
    *name = text != NULL ? tensor_cut(*path) : NULL;
    return ROPEMAP_OK;
}

static ropemap_status read_dump(const check_options *options, ropemap_dump *dump, ropemap_error *error) {
    ropemap_dump_files files = {
        .archive = options->file, .order = options->order, .first = options->first, .step = 1};
    char *paths[3] = {NULL, NULL, NULL};
    ropemap_status status = split(options->input, &paths[0], &files.input_name, error);
    status = status == ROPEMAP_OK ? split(options->output, &paths[1], &files.output_name, error) : status;
    status =
        status == ROPEMAP_OK ? split(options->positions, &paths[2], &files.position_name, error) : status;
    files.inputs = paths[0];
    files.outputs = paths[1];
    files.positions = paths[2];
    status = status == ROPEMAP_OK ? ropemap_dump_read(&files, dump, error) : status;
    for (int i = 0; i < 3; i++) {
        free(paths[i]);
    }
    return status;
}

/* The rule's head is the dump's where nobody says. */
static ropemap_status resolve(check_options *options, const ropemap_dump *dump, ropemap_error *error) {
    rule_options *rule = &options->rule;
    if ((rule->given & RULE_HEAD_DIM) == 0 && !rule_options_named(rule)) {
        rule->spec.head_dim = dump->head_dim;
    }
    const ropemap_status status = rule_options_resolve(rule, error);
    return status != ROPEMAP_OK || rule->spec.head_dim == dump->head_dim
               ? status
               : fail(error, ROPEMAP_DATA,
                      "rows have %" PRId32 " elements, but the rule's head dim is %" PRId32
                      "; dump [position, element], heads on an axis of their own, or give --head-dim",
                      dump->head_dim, rule->spec.head_dim);
}

static ropemap_status judge(check_options *options, ropemap_dump *dump, cli_run *run, ropemap_error *error) {
    ropemap_judgement judged;
    ropemap_status status = read_dump(options, dump, error);
    status = status == ROPEMAP_OK ? resolve(options, dump, error) : status;
    if (status != ROPEMAP_OK) {
        return status;
    }
    const int64_t numbers = dump->rows * dump->head_dim;
    const ropemap_rotated rotated = {.inputs = dump->inputs,
                                     .outputs = dump->outputs,
                                     .positions = dump->positions,
                                     .rows = dump->rows,
                                     .spec = options->rule.spec,
                                     .element = (options->given & CHECK_ELEMENT) != 0
                                                    ? options->element
                                                    : ropemap_element_of(dump->outputs, numbers),
                                     .tolerance = options->tolerance};
    status = ropemap_rotation_judge(&rotated, &judged, error);
    if (status == ROPEMAP_OK && !options->json && !dump->placed) {
        (void)printf("positions: %" PRId64 " to %" PRId64 ", as the file has none\n", options->first,
                     options->first + dump->count - 1);
    }
    if (status == ROPEMAP_OK) {
        run->code = options->json ? print_json(options, dump, &rotated, &judged)
                                  : print_judgement(options, dump, &rotated, &judged);
        run->code = run->code == ROPEMAP_OK && !judged.right ? ROPEMAP_CHECK : run->code;
    }
    return status;
}

static ropemap_status check_rotation(check_options *options, cli_run *run, ropemap_error *error) {
    ropemap_dump dump = {.inputs = NULL};
    ropemap_status status = ROPEMAP_OK;
    if (options->file != NULL && (options->input != NULL || options->output != NULL)) {
        return fail(error, ROPEMAP_USAGE, "--%s and '%.200s' both have the rows; use one",
                    options->input != NULL ? "input" : "output", options->file);
    }
    if (options->file == NULL && (options->input == NULL || options->output == NULL)) {
        return fail(error, ROPEMAP_USAGE,
                    "--%s is missing; a rotation is checked by its rows before and after",
                    options->input == NULL ? "input" : "output");
    }
    if (options->positions != NULL && options->file != NULL) {
        return fail(error, ROPEMAP_USAGE,
                    "--positions: '%.200s' has its own; give its arrays as --input and --output",
                    options->file);
    }
    status = judge(options, &dump, run, error);
    ropemap_dump_free(&dump);
    return status;
}

static bool is_archive(const char *name) {
    const size_t length = name != NULL ? strlen(name) : 0;
    return length > 4 && strcmp(name + length - 4, ".npz") == 0;
}

static ropemap_status work(void *given, cli_run *run, ropemap_error *error) {
    check_options *options = given;
    if (options->input != NULL || options->output != NULL || is_archive(options->file)) {
        return check_rotation(options, run, error);
    }
    if (options->file == NULL) {
        return fail(error, ROPEMAP_USAGE,
                    "FILE is missing; name the buffer (.npy) or rotation (.npz) to check");
    }
    const cli_option *only = options_given(check_rows, options->given);
    if (only != NULL) {
        return fail(error, ROPEMAP_USAGE,
                    "--%s is of rotations; give FILE.npz, or --input and --output, not '%.200s'", only->name,
                    options->file);
    }
    return check_frequencies(options, run, error);
}

static void notes(void) {
    (void)printf(
        "\nA buffer may hold inv_freq, 1/inv_freq, wavelengths or turns a token, one a pair or one an "
        "element,\n"
        "in one row or several. Of a rule that depends on the length any length matches, unless --length is\n"
        "given. A mismatch is explained by the number of the rule that would make the buffer (base, factor,\n"
        "another rule, the dimension of exponents, the rotary share), by rounding to bfloat16 or float16, "
        "by\n"
        "layout or order, by memory that was never written to; else the pairs that differ are listed.\n"
        "\nA rotation (.npz, or --input and --output) is what a kernel of your own made: rows before and "
        "after "
        "it are\n"
        "held against the exact rotation at their positions, errors are listed by position, and a likely "
        "cause "
        "is\n"
        "named: layout, direction, rotary share, attention factor, base, exponents, positions that are "
        "shifted,\n"
        "wrapped, clamped or rounded, angles formed in float32, bfloat16 or float16. --tolerance 1e-2 lets "
        "the\n"
        "angles of float32 pass up to 100k tokens.\n"
        "\nExit code 6: it does not match.\n");
}

const cli_command command_check = {
    .name = "check",
    .summary = "compare dumped inverse frequencies, or a kernel's rotation, with a model",
    .usage = "FILE.npy | FILE.npz | --input FILE --output FILE [--model PATH | --preset NAME] [what]",
    .examples =
        "  python3 -c 'import numpy; numpy.save(\"inv_freq.npy\", rotary_emb.inv_freq.float().cpu())'\n"
        "  ropemap check inv_freq.npy --model ./config.json\n"
        "  ropemap check inv_freq.npy --preset llama3.1-8b --json\n"
        "\n"
        "  python3 -c 'import numpy; numpy.savez(\"dump.npz\", x=q, y=my_kernel(q, positions), "
        "positions=positions)'\n"
        "  ropemap check dump.npz --model ./config.json\n"
        "  ropemap check --input q.npy --output rotated.npy --positions p.npy -b 5e5 --dtype bf16\n",
    .blocks = {{rule_rows, offsetof(check_options, rule)}, {check_rows, 0}},
    .operand = &operand,
    .notes = notes,
    .size = sizeof(check_options),
    .work = work,
};
