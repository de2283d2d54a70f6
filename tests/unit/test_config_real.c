/* test_config_real.c - public models' config.json and random rope dictionaries, against transformers */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap.h"
#include "host/ropemap_model.h"
#include "tests/tsv.h"

#include <math.h>

static const double TWO_PI = 6.283185307179586477;

/* A line of tools/golden/real_configs.py, fields with tabs between them: what transformers computes in
 * double. */
typedef struct row {
    const char *name, *layer, *verdict, *layout, *text;
    char *probes;
    double length, attention;
    int32_t pairs;
} row;

static row read_row(char *line) {
    row read = {0};
    read.name = tsv_field(&line);
    read.layer = tsv_field(&line);
    read.length = tsv_number(&line);
    read.verdict = tsv_field(&line);
    read.pairs = (int32_t)tsv_number(&line);
    read.layout = tsv_field(&line);
    read.attention = tsv_number(&line);
    read.probes = tsv_field(&line);
    read.text = tsv_field(&line);
    return read;
}

static double radians(const ropemap_freqs *freqs, int32_t pair) {
    return TWO_PI * ((double)freqs->step[pair] * 0x1p-64 + (double)freqs->fine[pair] * 0x1p-96);
}

/* "0:1 8:0.31622": pair and frequency. */
static bool check_probes(const row *wanted, const ropemap_freqs *freqs) {
    char *at = wanted->probes;
    while (*at != '\0') {
        const int32_t pair = (int32_t)strtol(at, &at, 10);
        const double frequency = strtod(at + 1, &at);
        assert_true(pair >= 0 && pair <= wanted->pairs - 1);
        /* 2^-93 turns: frequencies are kept to 2^-96; transformers rounds a dozen times */
        if (!(fabs(radians(freqs, pair) - frequency) <= 1e-9 * frequency + TWO_PI * 0x1p-93)) {
            print_error("%s, layer %s: pair %d is %.15g, transformers has %.15g\n", wanted->name,
                        wanted->layer, (int)pair, radians(freqs, pair), frequency);
            return false;
        }
    }
    return true;
}

static bool check_rule(const row *wanted, const ropemap_model *model) {
    static ropemap_freqs freqs;
    ropemap_error error = {0};
    ropemap_spec spec = *ropemap_model_spec(model);
    spec.length = wanted->length;
    if (ropemap_freqs_make(&spec, &freqs, &error) != ROPEMAP_OK) {
        print_error("%s: %s\n", wanted->name, error.text);
        return false;
    }
    if (freqs.pairs != wanted->pairs) {
        print_error("%s, layer %s: %d pairs, transformers has %d\n", wanted->name, wanted->layer,
                    (int)freqs.pairs, (int)wanted->pairs);
        return false;
    }
    if (!(fabs((double)freqs.attention_factor - wanted->attention) <= 1e-7 * wanted->attention)) {
        print_error("%s, layer %s: attention factor %.9g, transformers has %.9g\n", wanted->name,
                    wanted->layer, (double)freqs.attention_factor, wanted->attention);
        return false;
    }
    if (strcmp(wanted->layout, "-") != 0 && strcmp(ropemap_layout_name(spec.layout), wanted->layout) != 0) {
        print_error("%s: layout %s, transformers has %s\n", wanted->name, ropemap_layout_name(spec.layout),
                    wanted->layout);
        return false;
    }
    return check_probes(wanted, &freqs);
}

static bool check_row(const row *wanted) {
    ropemap_model *model = NULL;
    ropemap_error error = {0};
    const bool plain = strcmp(wanted->verdict, "plain") == 0;
    const ropemap_model_choice choice = {.layer_type =
                                             strcmp(wanted->layer, "-") == 0 ? NULL : wanted->layer};
    const ropemap_status status =
        ropemap_model_parse(wanted->text, strlen(wanted->text), "config.json", &choice, &model, &error);
    bool right = false;
    if (plain) {
        right = status != ROPEMAP_OK && strstr(error.text, "not rotate") != NULL;
    } else if (status == ROPEMAP_OK) {
        right = check_rule(wanted, model);
    }
    if (!right) {
        print_error("%s, layer %s: transformers: %s; %s\n    %s\n", wanted->name, wanted->layer,
                    wanted->verdict, status == ROPEMAP_OK ? "read" : error.text, wanted->text);
    }
    ropemap_model_free(model);
    return right;
}

/* Every row that differs is printed, so that one run shows them all. */
static void check_file(const char *name, int least) {
    char *line = NULL;
    size_t bytes = 0;
    int wrong = 0, count = 0;
    FILE *file = tsv_open(name);
    for (; getline(&line, &bytes, file) > 0; count++) {
        const row wanted = read_row(line);
        wrong += check_row(&wanted) ? 0 : 1;
    }
    free(line);
    fclose(file);
    assert_true(count >= least);
    assert_int_equal(wrong, 0);
}

static void public_configs_match_transformers(void **state) {
    check_file("config/real.tsv", 200);
}

static void random_dictionaries_match_transformers(void **state) {
    check_file("config/random.tsv", 150);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_configs_match_transformers),
        cmocka_unit_test(random_dictionaries_match_transformers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
