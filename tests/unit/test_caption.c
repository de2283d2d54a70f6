/* test_caption.c - what figures say of themselves */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap_figure.h"
#include "tests/unit.h"

static ropemap_request make_request(void) {
    return (ropemap_request){.spec = {.base = 10000.0, .head_dim = 128, .scaling = {.factor = 1.0}},
                             .rows = {.first = 0, .count = 131072, .step = 1},
                             .cols = {.first = 0, .count = 131072, .step = 1}};
}

static ropemap_map make_map(int64_t height, int64_t width, ropemap_method method) {
    return (ropemap_map){.height = height, .width = width, .plan = {.method = method}};
}

/* All of some words, up to a NULL, are in the text. */
static void check_words(const char *text, const char *const *words) {
    for (; *words != NULL; words++) {
        assert_says(text, *words);
    }
}

static void the_default_request(void **state) {
    const ropemap_request request = make_request();
    const ropemap_map map = make_map(1024, 1024, ROPEMAP_METHOD_FACTORED);
    const ropemap_figure figure = ropemap_figure_default(&request, &map);
    check_words(figure.title, (const char *const[]){"RoPE", "base 10,000", "d = 128", NULL});
    check_words(figure.description, (const char *const[]){"131,072 positions", "mean", "128 × 128",
                                                          "constant vectors", "factored", NULL});
    assert_string_equal(figure.subtitle, ""); /* axes and labels show it */
    assert_string_equal(figure.row_label, "query position (tokens)");
    assert_string_equal(figure.col_label, "key position (tokens)");
    assert_string_equal(figure.value_label, "mean of q · k");
    assert_ptr_equal(figure.panel.map, &map);
    assert_memory_equal(&figure.panel.rows, &request.rows, sizeof request.rows);
    assert_memory_equal(&figure.panel.cols, &request.cols, sizeof request.cols);
    assert_int_equal(figure.colormap, ROPEMAP_COLORMAP_AUTO);
    assert_false(figure.has_limits || figure.bare || figure.font_size != 0.0);
}

static void everything_that_can_be_said(void **state) {
    ropemap_request request = make_request();
    request.spec.base = 500000.0;
    request.spec.rotary_dim = 64;
    request.spec.layout = ROPEMAP_LAYOUT_INTERLEAVED;
    request.spec.scaling = (ropemap_scaling){.rule = ROPEMAP_SCALING_LINEAR, .factor = 2.5};
    request.rows = (ropemap_range){.first = 4096, .count = 1000, .step = 4};
    request.mask.causal = true;
    request.measure = ROPEMAP_MEASURE_SCALED;
    request.pool = ROPEMAP_POOL_ABSMAX;
    const ropemap_map map = make_map(333, 1024, ROPEMAP_METHOD_TILED);
    const ropemap_figure figure = ropemap_figure_default(&request, &map);
    check_words(figure.title, (const char *const[]){"base 500,000", "linear scaling by 2.5", "d = 128",
                                                    "64 rotated", NULL});
    assert_null(strstr(figure.title, "interleaved")); /* of equal entries it changes nothing */
    check_words(figure.description, (const char *const[]){"1,000 query × 131,072 key", "largest magnitude",
                                                          "scaled dot products", "causal", "tiled", NULL});
    assert_string_equal(figure.subtitle, "1,000 query × 131,072 key positions, causal");
    check_words(figure.value_label, (const char *const[]){"largest magnitude", "q · k / √d", NULL});
}

/* A cell that is one pair is not called a mean; a magnitude is one all the same. */
static void single_pairs(void **state) {
    ropemap_request request = make_request();
    request.rows = request.cols = (ropemap_range){.first = 100, .count = 32, .step = 7};
    request.measure = ROPEMAP_MEASURE_COSINE;
    const ropemap_map map = make_map(32, 32, ROPEMAP_METHOD_TILED);
    ropemap_figure figure = ropemap_figure_default(&request, &map);
    check_words(figure.description,
                (const char *const[]){"32 positions from 100", "steps of 7", "cosines", NULL});
    assert_null(strstr(figure.description, "mean"));
    assert_string_equal(figure.value_label, "cosine of q and k");
    request.pool = ROPEMAP_POOL_RMS;
    figure = ropemap_figure_default(&request, &map);
    assert_non_null(strstr(figure.value_label, "root mean square"));
}

static void vectors_are_named(void **state) {
    ropemap_request request = make_request();
    ropemap_vectors *queries = NULL, *keys = NULL;
    const float row[4] = {1.0F, 0.0F, 0.0F, 0.0F};
    assert_int_equal(ropemap_vectors_gauss(4, 1, 0, &queries, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_memory(row, 1, 4, &keys, NULL), ROPEMAP_OK);
    const ropemap_map map = make_map(1024, 1024, ROPEMAP_METHOD_AUTO);
    request.spec.head_dim = 4;
    request.queries = request.keys = queries;
    ropemap_figure figure = ropemap_figure_default(&request, &map);
    assert_string_equal(figure.subtitle, "vectors gauss seed 1");
    assert_null(strstr(figure.description, "method")); /* the map does not know it */
    request.keys = keys;
    request.already_rotated = true;
    figure = ropemap_figure_default(&request, &map);
    assert_string_equal(figure.subtitle, "queries gauss seed 1, keys memory");
    assert_string_equal(figure.title, "Similarity of rotated vectors, d = 4");
    request.measure = ROPEMAP_MEASURE_SCALED; /* q . k / sqrt(d) of real vectors has a name */
    assert_string_equal(ropemap_figure_default(&request, &map).title,
                        "Attention logits of rotated vectors, d = 4");
    request.already_rotated = false;
    assert_non_null(strstr(ropemap_figure_default(&request, &map).title, "Attention logits with RoPE, "));
    ropemap_vectors_free(queries);
    ropemap_vectors_free(keys);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_request),
        cmocka_unit_test(everything_that_can_be_said),
        cmocka_unit_test(single_pairs),
        cmocka_unit_test(vectors_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
