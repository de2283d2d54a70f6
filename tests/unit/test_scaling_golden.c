/* test_scaling_golden.c - every scaling rule against 60-digit arithmetic and against transformers' own code
 */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap.h"
#include "tests/divisors.h"
#include "tests/tsv.h"

#include <math.h>

enum { CASES_MOST = 200, HEAD_MOST = 512 };
static const double TWO_PI = 6.283185307179586477;

/* ---- the files of tools/golden/rules.py: lines of fields with tabs between them ---- */

typedef struct golden {
    char *line; /* what the other texts point into */
    const char *name, *rule;
    double base, length, attention;
    int32_t head_dim, rotary_dim, pairs;
    double frequencies[HEAD_MOST / 2]; /* [pairs] radians a token */
} golden;

static golden cases[CASES_MOST];
static size_t case_count;

static void read_case(char *line, golden *read) {
    char *rest = line;
    read->line = line;
    read->name = tsv_field(&rest);
    read->rule = tsv_field(&rest);
    read->base = tsv_number(&rest);
    read->head_dim = (int32_t)tsv_number(&rest);
    read->rotary_dim = (int32_t)tsv_number(&rest);
    read->length = tsv_number(&rest);
    read->attention = tsv_number(&rest);
    char *at = tsv_field(&rest);
    read->pairs = (read->rotary_dim == 0 ? read->head_dim : read->rotary_dim) / 2;
    for (int32_t i = 0; i < read->pairs; i++) {
        read->frequencies[i] = strtod(at, &at);
    }
    assert_int_equal(*at, '\0');
}

static int read_cases(void **state) {
    FILE *file = tsv_open("rules/exact.tsv");
    char *line = NULL;
    size_t bytes = 0;
    while (getline(&line, &bytes, file) > 0) {
        assert_true(case_count < CASES_MOST);
        read_case(line, &cases[case_count++]);
        line = NULL;
        bytes = 0;
    }
    free(line);
    fclose(file);
    return 0;
}

static int free_cases(void **state) {
    for (size_t i = 0; i < case_count; i++) {
        free(cases[i].line);
    }
    return 0;
}

static const golden *find_case(const char *name) {
    for (size_t i = 0; i < case_count; i++) {
        if (strcmp(cases[i].name, name) == 0) {
            return &cases[i];
        }
    }
    fail_msg("no case is called %s", name);
    return NULL;
}

/* ---- what the library makes of a case ---- */

static bool make_freqs(const golden *wanted, const char *rule, ropemap_freqs *freqs) {
    static ropemap_spec spec;
    ropemap_error error = {0};
    spec = ropemap_spec_default();
    spec.base = wanted->base;
    spec.head_dim = wanted->head_dim;
    spec.rotary_dim = wanted->rotary_dim;
    spec.length = wanted->length;
    if (ropemap_scaling_parse(rule, some_divisors(), &spec.scaling, &error) != ROPEMAP_OK ||
        ropemap_freqs_make(&spec, freqs, &error) != ROPEMAP_OK) {
        print_error("%s: %s\n", wanted->name, error.text);
        return false;
    }
    return true;
}

static double radians(const ropemap_freqs *freqs, int32_t pair) {
    return TWO_PI * ((double)freqs->step[pair] * 0x1p-64 + (double)freqs->fine[pair] * 0x1p-96);
}

/* Counts failing cases: each is printed, so that one run shows them all. */
static int check_exact(const golden *wanted) {
    static ropemap_freqs freqs;
    if (!make_freqs(wanted, wanted->rule, &freqs)) {
        return 1;
    }
    assert_int_equal(freqs.pairs, wanted->pairs);
    for (int32_t i = 0; i < freqs.pairs; i++) {
        /* 2^-93 turns: frequencies are kept to 2^-96 */
        const double room = 1e-12 * wanted->frequencies[i] + TWO_PI * 0x1p-93;
        if (!(fabs(radians(&freqs, i) - wanted->frequencies[i]) <= room)) {
            print_error("%s: pair %d: %.17g, expected %.17g\n", wanted->name, (int)i, radians(&freqs, i),
                        wanted->frequencies[i]);
            return 1;
        }
    }
    if (!(fabs(freqs.attention_factor - wanted->attention) <= 1e-15 * wanted->attention)) {
        print_error("%s: attention factor %.17g, expected %.17g\n", wanted->name, freqs.attention_factor,
                    wanted->attention);
        return 1;
    }
    return 0;
}

static void frequencies_match_sixty_digits(void **state) {
    int wrong = 0;
    for (size_t i = 0; i < case_count; i++) {
        wrong += check_exact(&cases[i]);
    }
    assert_int_equal(wrong, 0);
}

static void every_rule_has_three_cases(void **state) {
    const char *name = NULL;
    for (int rule = 0; rule <= ROPEMAP_SCALING_GGML; rule++) { /* those of images: test_position_axes.c */
        int found = 0;
        name = ropemap_scaling_name((ropemap_scaling_rule)rule);
        for (size_t i = 0; i < case_count; i++) {
            const size_t length = strcspn(cases[i].rule, ":");
            found += length == strlen(name) && strncmp(cases[i].rule, name, length) == 0;
        }
        if (found < 3) {
            fail_msg("%s has %d cases", name, found);
        }
    }
}

/* ---- transformers in float32 ---- */

/* How far transformers' frequencies may be from true ones, relatively: an exponent below 1 is rounded by
 * 2^-25, which is ln(base) 2^-25 of the power, and ten operations round. */
static double hf_error(const golden *wanted) {
    double slowest = 1;
    for (int32_t i = 0; i < wanted->pairs; i++) {
        slowest = wanted->frequencies[i] > 0 ? fmin(slowest, wanted->frequencies[i]) : slowest;
    }
    return (0.5 * log(1 / slowest) + 10) * 0x1p-24;
}

static int check_hf(char *line) {
    static ropemap_freqs freqs;
    float inverse[HEAD_MOST];
    const golden *wanted = find_case(tsv_field(&line));
    tsv_field(&line); /* the code that ran */
    const double attention = tsv_number(&line);
    const int32_t count = tsv_floats(tsv_field(&line), inverse, HEAD_MOST);
    assert_int_equal(count, wanted->pairs);
    if (!make_freqs(wanted, wanted->rule, &freqs)) {
        return 1;
    }
    for (int32_t i = 0; i < count; i++) {
        const double got = radians(&freqs, i);
        if (!(fabs((double)inverse[i] - got) <= hf_error(wanted) * got)) {
            print_error("%s: pair %d: %.17g, transformers has %.9g\n", wanted->name, (int)i, got,
                        (double)inverse[i]);
            return 1;
        }
    }
    assert_true(fabs(freqs.attention_factor - attention) <= 1e-15 * attention);
    return 0;
}

static void frequencies_match_transformers(void **state) {
    FILE *file = tsv_open("rules/transformers.tsv");
    char *line = NULL;
    size_t bytes = 0;
    int wrong = 0, count = 0;
    for (; getline(&line, &bytes, file) > 0; count++) {
        wrong += check_hf(line);
    }
    free(line);
    fclose(file);
    assert_true(count > 50);
    assert_int_equal(wrong, 0);
}

static void check_query(const float *query, int32_t count) {
    uint64_t generator = 1;
    assert_int_equal(count, HEAD_MOST);
    for (int32_t i = 0; i < count; i++) {
        generator = generator * 6364136223846793005u + 1442695040888963407u;
        assert_true((double)query[i] == ((double)(generator >> 40) - 0x1p23) * 0x1p-22);
    }
}

/* The head that turns by the library's frequencies, in double, and how far transformers may be from it: in
 * angle, and by six roundings to float and the last place of its cosines. */
static void check_rotated(const golden *wanted, bool interleaved, uint64_t position, const float *query,
                          const float *head) {
    static ropemap_freqs freqs;
    assert_true(make_freqs(wanted, wanted->rule, &freqs));
    for (int32_t i = 0; i < freqs.pairs; i++) {
        const int32_t one = interleaved ? 2 * i : i, two = interleaved ? one + 1 : i + freqs.pairs;
        const double x = (double)query[one], y = (double)query[two];
        const double angle = TWO_PI * 0x1p-64 * (double)(position * freqs.step[i]);
        const double angle_error = (hf_error(wanted) + 0x1p-24) * radians(&freqs, i) * (double)position;
        const double room = wanted->attention * (fabs(x) + fabs(y)) * (angle_error + 8 * 0x1p-24);
        const double cosine = wanted->attention * cos(angle), sine = wanted->attention * sin(angle);
        if (!(fabs(x * cosine - y * sine - (double)head[one]) <= room &&
              fabs(x * sine + y * cosine - (double)head[two]) <= room)) {
            fail_msg("%s: position %llu, pair %d: transformers has %.9g and %.9g", wanted->name,
                     (unsigned long long)position, (int)i, (double)head[one], (double)head[two]);
        }
    }
    for (int32_t d = 2 * freqs.pairs; d < wanted->head_dim; d++) {
        assert_true(head[d] == query[d]);
    }
}

static void rotations_match_transformers(void **state) {
    static float query[HEAD_MOST], head[HEAD_MOST];
    FILE *file = tsv_open("rules/rotated.tsv");
    char *line = NULL;
    size_t bytes = 0;
    while (getline(&line, &bytes, file) > 0) {
        char *rest = line;
        const char *name = tsv_field(&rest), *layout = tsv_field(&rest);
        const uint64_t position = strtoull(tsv_field(&rest), NULL, 10);
        if (strcmp(name, "query") == 0) {
            check_query(query, tsv_floats(tsv_field(&rest), query, HEAD_MOST));
            continue;
        }
        const golden *wanted = find_case(name);
        assert_int_equal(tsv_floats(tsv_field(&rest), head, HEAD_MOST), wanted->head_dim);
        check_rotated(wanted, strcmp(layout, "interleaved") == 0, position, query, head);
    }
    free(line);
    fclose(file);
}

/* ---- values known from papers and model makers ---- */

/* The last pair that YaRN keeps and the first that it divides by the whole factor. */
static void the_ends_of_yarns_ramp_are_the_known_ones(void **state) {
    static const struct {
        const char *name, *linear;
        int32_t low, high;
    } known[] = {{"yarn-llama2-7b-64k", "linear:factor=16", 20, 46},
                 {"yarn-qwen2.5-7b", "linear:factor=4", 23, 40},
                 {"yarn-deepseek-v3", "linear:factor=40", 10, 23}};
    static ropemap_freqs yarn, plain, linear;
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
        const golden *rule = find_case(known[k].name);
        assert_true(make_freqs(rule, rule->rule, &yarn) && make_freqs(rule, "none", &plain) &&
                    make_freqs(rule, known[k].linear, &linear));
        for (int32_t i = 0; i < yarn.pairs; i++) {
            const double got = radians(&yarn, i);
            assert_true((fabs(got / radians(&plain, i) - 1) < 1e-12) == (i <= known[k].low));
            assert_true((fabs(got / radians(&linear, i) - 1) < 1e-12) == (i >= known[k].high));
        }
    }
}

static void llama3_has_its_published_divisors(void **state) {
    static const double between[] = {1.207484, 1.553415, 2.026313, 2.694530, 3.684253, 5.257327};
    static ropemap_freqs scaled, plain;
    const golden *rule = find_case("llama3-llama3.1-8b");
    assert_true(make_freqs(rule, rule->rule, &scaled) && make_freqs(rule, "none", &plain));
    for (int32_t i = 0; i < 64; i++) {
        const double divisor = radians(&plain, i) / radians(&scaled, i);
        const double wanted = i < 29 ? 1 : i < 35 ? between[i - 29] : 8;
        assert_true(fabs(divisor - wanted) <= 6e-7); /* six digits are known */
    }
}

static void attention_factors_are_the_published_ones(void **state) {
    static const struct {
        const char *name;
        double factor;
    } known[] = {{"yarn-qwen2.5-7b", 1.1386294}, {"longrope-phi-3.5-mini-131072", 1.1902380714},
                 {"yarn-deepseek-v3", 1},        {"yarn-olmo3-7b", 1.2079441541679836},
                 {"llama3-llama3.1-8b", 1},      {"longrope-minicpm-1b", 1}};
    static ropemap_freqs freqs;
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
        const golden *rule = find_case(known[k].name);
        assert_true(make_freqs(rule, rule->rule, &freqs));
        assert_true(fabs(freqs.attention_factor - known[k].factor) <= 1.2e-7);
    }
    assert_true(make_freqs(find_case("yarn-deepseek-v3"), "yarn:factor=40,original=4096", &freqs));
    assert_true(fabs(freqs.attention_factor - 1.3688879) <= 1.2e-7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frequencies_match_sixty_digits),
        cmocka_unit_test(every_rule_has_three_cases),
        cmocka_unit_test(frequencies_match_transformers),
        cmocka_unit_test(rotations_match_transformers),
        cmocka_unit_test(the_ends_of_yarns_ramp_are_the_known_ones),
        cmocka_unit_test(llama3_has_its_published_divisors),
        cmocka_unit_test(attention_factors_are_the_published_ones),
    };
    return cmocka_run_group_tests(tests, read_cases, free_cases);
}
