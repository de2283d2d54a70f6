/* test_alloc_models.c - each allocation refused in turn: models, positions, curves, bounds, sheets */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap_capture.h"
#include "host/ropemap_decay.h"
#include "host/ropemap_model.h"
#include "tests/stand_ins.h"
#include "tests/unit.h"

typedef ropemap_status (*work)(ropemap_error *error);

/* Until no allocation is left to refuse. */
static void walk(const char *name, work run) {
    bool was_refused = true;
    for (long number = 0; was_refused; number++) {
        const long before = blocks_live();
        ropemap_error error = {0};
        refuse_from(number, false);
        const ropemap_status status = run(&error);
        was_refused = refuse_no_more();
        check_status(name, number, was_refused, status, &error);
        if (blocks_live() != before) {
            fail_msg("%s, allocation %ld: %ld left behind", name, number, blocks_live() - before);
        }
        assert_true(number < 10000);
    }
}

static ropemap_status open_file(const char *file, ropemap_error *error) {
    ropemap_model *model = NULL;
    char path[400];
    (void)snprintf(path, sizeof path, "%s/%s", RM_TEST_DATA, file);
    const ropemap_status status = ropemap_model_open(path, NULL, &model, error);
    assert_true((model != NULL) == (status == ROPEMAP_OK));
    ropemap_model_free(model);
    return status;
}

static ropemap_status open_config(ropemap_error *error) {
    return open_file("config/llama-3.1-8b.json", error);
}

static ropemap_status open_divisors(ropemap_error *error) {
    return open_file("gguf/llama.gguf", error);
}

static ropemap_status open_longrope(ropemap_error *error) {
    return open_file("gguf/phi3.gguf", error);
}

static ropemap_status open_capture(ropemap_error *error) {
    char path[400];
    ropemap_capture *capture = NULL;
    ropemap_vectors *queries = NULL, *keys = NULL;
    (void)snprintf(path, sizeof path, "%s/captures/smollm2.safetensors", RM_TEST_DATA);
    ropemap_status status = ropemap_capture_open(path, &capture, error);
    assert_true((capture != NULL) == (status == ROPEMAP_OK));
    if (status == ROPEMAP_OK) {
        status = ropemap_capture_vectors(capture, ropemap_capture_layer_at(capture, 0), 2, 0,
                                         ROPEMAP_STATE_PRE, &queries, &keys, error);
        assert_true((queries != NULL) == (status == ROPEMAP_OK) && (keys != NULL) == (queries != NULL));
    }
    ropemap_vectors_free(queries);
    ropemap_vectors_free(keys);
    ropemap_capture_free(capture);
    return status;
}

static ropemap_status open_preset(ropemap_error *error) {
    ropemap_model *model = NULL;
    const ropemap_status status = ropemap_model_preset("llama3.1-8b", &model, error);
    ropemap_model_free(model);
    return status;
}

static ropemap_status compare_buffer(ropemap_error *error) {
    static const float found[64] = {1.0f};
    const ropemap_spec spec = ropemap_spec_default();
    ropemap_comparison comparison;
    return ropemap_inv_freq_compare(found, 1, 64, &spec, &comparison, error);
}

static ropemap_status turn_on_a_grid(ropemap_error *error) {
    ropemap_positions *positions = NULL;
    ropemap_vectors *ones = NULL, *rotated = NULL;
    const ropemap_grid grid = {.axes = 2, .sides = {3, 3}};
    ropemap_prerotation rotation = {.spec = ropemap_spec_default()};
    rotation.spec.axes = (ropemap_axes){2, ROPEMAP_DEAL_STRIDED, {32, 32}, {3, 3}};
    ropemap_status status = ropemap_positions_grid(&grid, &positions, error);
    status = status == ROPEMAP_OK ? ropemap_vectors_ones(128, &ones, error) : status;
    rotation.positions = positions;
    status = status == ROPEMAP_OK ? ropemap_vectors_rotated(ones, &rotation, &rotated, error) : status;
    ropemap_vectors_free(rotated);
    ropemap_vectors_free(ones);
    ropemap_positions_free(positions);
    return status;
}

static ropemap_status draw_curve(ropemap_error *error) {
    double values[100];
    const ropemap_curve_request request = {
        .spec = ropemap_spec_default(), .distances = {.first = 0, .count = 100, .step = 3}, .threads = 2};
    const ropemap_status status = ropemap_curve_compute(&request, values, error);
    return status == ROPEMAP_OK ? ropemap_curve_roformer(&request, values, error) : status;
}

static ropemap_status average_pairs(ropemap_error *error) {
    double values[10];
    ropemap_vectors *gauss = NULL;
    ropemap_mean_request request = {
        .spec = ropemap_spec_default(), .positions = 40, .count = 10, .threads = 2};
    request.spec.head_dim = 8;
    ropemap_status status = ropemap_vectors_gauss(8, 1, 0, &gauss, error);
    request.queries = request.keys = gauss;
    status = status == ROPEMAP_OK ? ropemap_curve_mean(&request, values, error) : status;
    ropemap_vectors_free(gauss);
    return status;
}

static ropemap_status find_reach(ropemap_error *error) {
    const ropemap_spec spec = ropemap_spec_default();
    ropemap_reach reach;
    return ropemap_bound_reach(&spec, 3000, 2, NULL, NULL, &reach, error);
}

static ropemap_status find_bases(ropemap_error *error) {
    ropemap_window windows[2];
    int32_t count = 0;
    const ropemap_bound_request request = {.spec = ropemap_spec_default(),
                                           .length = 64,
                                           .low = 50.0,
                                           .high = 100.0,
                                           .resolution = 1e-2,
                                           .threads = 2};
    return ropemap_bound_bases(&request, windows, 2, &count, error);
}

static void models_survive_every_failed_allocation(void **state) {
    walk("config.json", open_config);
    walk("GGUF with divisors", open_divisors);
    walk("GGUF with lists", open_longrope);
    walk("preset", open_preset);
    walk("capture", open_capture);
    walk("comparison", compare_buffer);
    walk("positions on a grid", turn_on_a_grid);
    walk("curve", draw_curve);
    walk("mean of pairs", average_pairs);
    walk("reach", find_reach);
    walk("bases", find_bases);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(models_survive_every_failed_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
