/* test_presets.c - the presets against a file that was written from the sources, and found by name */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap.h"
#include "host/ropemap_model.h"
#include "tests/divisors.h"
#include "tests/unit.h"

#include <math.h>

enum { FIELDS = 8, LINE_BYTES = 4096 };

/* Splits a line at its semicolons. */
static void split(char *line, char *fields[FIELDS]) {
    line[strcspn(line, "\n")] = '\0';
    for (int i = 0; i < FIELDS; i++) {
        fields[i] = line;
        line = strchr(line, ';');
        if (i + 1 < FIELDS) {
            assert_non_null(line);
            *line++ = '\0';
        } else {
            assert_null(line);
        }
    }
}

static const ropemap_preset *preset_named(const char *name) {
    const ropemap_preset *preset = NULL;
    for (int32_t i = 0; (preset = ropemap_preset_at(i)) != NULL; i++) {
        if (strcmp(preset->name, name) == 0) {
            return preset;
        }
    }
    return NULL;
}

static int32_t preset_count(void) {
    int32_t count = 0;
    while (ropemap_preset_at(count) != NULL) {
        count++;
    }
    return count;
}

/* Parsed texts are compared: defaults that one writes and the other does not are no difference. */
static void check_scaling(const char *name, const char *text, const char *expected) {
    static ropemap_scaling a, b;
    assert_int_equal(ropemap_scaling_parse(text, some_divisors(), &a, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_scaling_parse(expected, some_divisors(), &b, NULL), ROPEMAP_OK);
    if (a.rule == ROPEMAP_SCALING_YARN) {
        a.beta_fast = a.beta_fast == 0.0 ? 32.0 : a.beta_fast;
        a.beta_slow = a.beta_slow == 0.0 ? 1.0 : a.beta_slow;
        b.beta_fast = b.beta_fast == 0.0 ? 32.0 : b.beta_fast;
        b.beta_slow = b.beta_slow == 0.0 ? 1.0 : b.beta_slow;
    }
    char shown[LINE_BYTES], wanted[LINE_BYTES];
    ropemap_scaling_format(&a, false, shown, sizeof shown);
    ropemap_scaling_format(&b, false, wanted, sizeof wanted);
    if (strcmp(shown, wanted) != 0) {
        fail_msg("%s: %s, expected %s", name, shown, wanted);
    }
    assert_int_equal(a.list_count, b.list_count);
    for (int32_t i = 0; i < a.list_count; i++) {
        if (a.short_factors[i] != b.short_factors[i] || a.long_factors[i] != b.long_factors[i]) {
            fail_msg("%s: divisors of pair %d differ", name, (int)i);
        }
    }
}

static void check_line(char *line) {
    char *fields[FIELDS];
    split(line, fields);
    const ropemap_preset *preset = preset_named(fields[0]);
    if (preset == NULL) {
        fail_msg("no preset %s", fields[0]);
        return;
    }
    if (preset->base != strtod(fields[1], NULL)) {
        fail_msg("%s: base %g, expected %s", preset->name, preset->base, fields[1]);
    }
    if (preset->head_dim != atoi(fields[2]) || preset->rotary_dim != atoi(fields[3])) {
        fail_msg("%s: %d of %d rotate, expected %s of %s", preset->name, (int)preset->rotary_dim,
                 (int)preset->head_dim, fields[3], fields[2]);
    }
    if (strcmp(ropemap_layout_name(preset->layout), fields[4]) != 0) {
        fail_msg("%s: layout is not %s", preset->name, fields[4]);
    }
    check_scaling(preset->name, preset->scaling, fields[5]);
    if (preset->trained_length != atoll(fields[6])) {
        fail_msg("%s: trained for %lld, expected %s", preset->name, (long long)preset->trained_length,
                 fields[6]);
    }
}

/* The file was made from the sources that it names, not from the table. */
static void the_table_is_that_of_the_file(void **state) {
    FILE *file = fopen(RM_TEST_DATA "/presets.csv", "r");
    assert_non_null(file);
    char line[LINE_BYTES];
    assert_non_null(fgets(line, sizeof line, file));
    assert_string_equal(line, "name;base;head_dim;rotary_dim;layout;scaling;trained_length;source\n");
    int32_t lines = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        check_line(line);
        lines++;
    }
    (void)fclose(file);
    assert_true(lines >= 45);
    assert_int_equal(lines, preset_count());
}

static void names_are_sorted(void **state) {
    assert_null(ropemap_preset_at(-1));
    const ropemap_preset *before = ropemap_preset_at(0), *preset = NULL;
    for (int32_t i = 1; (preset = ropemap_preset_at(i)) != NULL; i++) {
        if (strcmp(before->name, preset->name) >= 0) {
            fail_msg("%s comes before %s", before->name, preset->name);
        }
        before = preset;
    }
}

/* Names are for the shell and for a column of 24, sources for a ropemap_fact, notes for a warning. */
static void texts_are_complete(void **state) {
    const ropemap_preset *preset = NULL;
    for (int32_t i = 0; (preset = ropemap_preset_at(i)) != NULL; i++) {
        const size_t length = strlen(preset->name);
        assert_true(length >= 1 && length <= 24);
        assert_int_equal(strspn(preset->name, "abcdefghijklmnopqrstuvwxyz0123456789.-"), length);
        assert_non_null(strstr(preset->source, ": "));
        assert_true(strlen(preset->source) >= 1 &&
                    strlen(preset->source) <= sizeof((ropemap_fact *)NULL)->source - 1);
        assert_non_null(preset->note);
        assert_true(strlen(preset->note) <= 250);
    }
}

/* Every preset makes frequencies: finite, none above 1 radian a token. */
static void every_rule_is_valid(void **state) {
    static ropemap_freqs freqs;
    const ropemap_preset *preset = NULL;
    for (int32_t i = 0; (preset = ropemap_preset_at(i)) != NULL; i++) {
        ropemap_error error = {0};
        ropemap_model *model = NULL;
        if (ropemap_model_preset(preset->name, &model, &error) != ROPEMAP_OK) {
            fail_msg("%s: %s", preset->name, error.text);
        }
        ropemap_spec spec = *ropemap_model_spec(model);
        spec.length = (double)preset->trained_length;
        if (ropemap_spec_check(&spec, &error) != ROPEMAP_OK ||
            ropemap_freqs_make(&spec, &freqs, &error) != ROPEMAP_OK) {
            fail_msg("%s: %s", preset->name, error.text);
        }
        assert_int_equal(freqs.pairs, preset->rotary_dim / 2);
        assert_true(freqs.step[0] >= 1 && freqs.step[0] <= (uint64_t)0x1p62);
        assert_true(freqs.attention_factor >= 1.0 && freqs.attention_factor < 2.0);
        ropemap_model_free(model);
    }
}

static const char *fact_value(const ropemap_model *model, const char *name) {
    const ropemap_fact *fact = NULL;
    for (int32_t i = 0; (fact = ropemap_model_fact(model, i)) != NULL; i++) {
        if (strcmp(fact->name, name) == 0) {
            return fact->value;
        }
    }
    return NULL;
}

static void facts_name_their_source(void **state) {
    ropemap_model *model = NULL;
    assert_int_equal(ropemap_model_preset("llama3.1-8b", &model, NULL), ROPEMAP_OK);
    assert_string_equal(ropemap_model_name(model), "llama3.1-8b");
    assert_int_equal(ropemap_model_trained_length(model), 131072);
    assert_string_equal(fact_value(model, "base"), "500000");
    assert_string_equal(fact_value(model, "head_dim"), "128");
    assert_string_equal(fact_value(model, "rotary_dim"), "128");
    assert_string_equal(fact_value(model, "layout"), "half");
    assert_string_equal(fact_value(model, "rule"), "llama3:factor=8,low=1,high=4,original=8192");
    assert_string_equal(fact_value(model, "trained_length"), "131072");
    for (int32_t i = 0; ropemap_model_fact(model, i) != NULL; i++) {
        assert_string_equal(ropemap_model_fact(model, i)->source, preset_named("llama3.1-8b")->source);
    }
    assert_null(ropemap_model_warning(model, 0));
    ropemap_model_free(model);
}

/* If one rule is not the whole model, there is a warning. */
static void notes_that_matter_are_warnings(void **state) {
    static const struct {
        const char *name, *word;
    } expected[] = {
        {"gemma3-12b", "full attention"},     {"gemma3-12b-sliding", "sliding attention"},
        {"gemma4-26b-a4b", "full attention"}, {"deepseek-v3", "MLA"},
        {"internlm2.5-7b", "length"},         {"phi-3.5-mini", "length"},
        {"llama4-scout", "does not rotate"},  {"qwen2-vl", "M-RoPE"},
        {"command-r7b", "sliding attention"},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        ropemap_model *model = NULL;
        assert_int_equal(ropemap_model_preset(expected[i].name, &model, NULL), ROPEMAP_OK);
        assert_non_null(ropemap_model_warning(model, 0));
        assert_non_null(strstr(ropemap_model_warning(model, 0), expected[i].word));
        assert_null(ropemap_model_warning(model, 1));
        ropemap_model_free(model);
    }
}

static void check_nearest(const char *name, const char *nearest) {
    ropemap_error error = {0};
    ropemap_model *model = (ropemap_model *)&error;
    assert_int_equal(ropemap_model_preset(name, &model, &error), ROPEMAP_USAGE);
    assert_int_equal(error.status, ROPEMAP_USAGE);
    assert_null(model);
    char wanted[80];
    (void)snprintf(wanted, sizeof wanted, "the nearest is '%s'", nearest);
    assert_says(error.text, wanted);
    assert_says(error.text, "ropemap info --presets");
    assert_int_equal(ropemap_model_preset(name, &model, NULL), ROPEMAP_USAGE);
}

static void an_unknown_name_gets_the_nearest(void **state) {
    check_nearest("llama-3.1-8b", "llama3.1-8b");
    check_nearest("meta-llama/Llama-3.1-8B", "llama3.1-8b");
    check_nearest("LLAMA3.1-8B", "llama3.1-8b");
    check_nearest("gemma3", "gemma3-12b");
    check_nearest("mistral-7b", "mistral-7b-v0.1");
    check_nearest("google/gemma-3-27b", "gemma3-27b");
    check_nearest("gpt-oss-120b", "gpt-oss-20b");
    check_nearest("llama3.1-8b ", "llama3.1-8b");
    char longest[5001];
    memset(longest, 'q', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    ropemap_error error = {0};
    ropemap_model *model = NULL;
    assert_int_equal(ropemap_model_preset(longest, &model, &error), ROPEMAP_USAGE);
    assert_says(error.text, "ropemap info --presets");
    assert_int_equal(ropemap_model_preset("", &model, &error), ROPEMAP_USAGE);
    assert_int_equal(ropemap_model_preset("\x1b[31m\n", &model, &error), ROPEMAP_USAGE);
    assert_null(strchr(error.text, '\x1b'));
    assert_null(strchr(error.text, '\n'));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_that_of_the_file),
        cmocka_unit_test(names_are_sorted),
        cmocka_unit_test(texts_are_complete),
        cmocka_unit_test(every_rule_is_valid),
        cmocka_unit_test(facts_name_their_source),
        cmocka_unit_test(notes_that_matter_are_warnings),
        cmocka_unit_test(an_unknown_name_gets_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
