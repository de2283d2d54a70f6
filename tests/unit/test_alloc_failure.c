/* test_alloc_failure.c - memory that runs out at the k-th allocation, for every k: an answer, no leak, no
 * output */
/* SPDX-License-Identifier: MIT */
/* Leaks show where the build has LeakSanitizer. */
#include "host/ropemap_attention.h"
#include "host/ropemap_figure.h"
#include "tests/divisors.h"
#include "tests/stand_ins.h"
#include "tests/unit.h"

#include <dirent.h>
#include <unistd.h>

/* ---- what runs ---- */

struct path {
    const char *name;
    const char *scaling;
    bool gauss; /* else ones */
    ropemap_method method;
    ropemap_pool pool;
    bool causal;
    int32_t threads;
    bool dual_chunk;
};

static const struct path paths[] = {
    {"closed sums", "none", false, ROPEMAP_METHOD_FACTORED, ROPEMAP_POOL_MEAN, false, 1, false},
    {"closed sums, causal", "linear:factor=4", false, ROPEMAP_METHOD_FACTORED, ROPEMAP_POOL_MEAN, true, 2,
     false},
    {"pooled rows", "ntk:factor=2", true, ROPEMAP_METHOD_FACTORED, ROPEMAP_POOL_MEAN, false, 1, false},
    {"pooled rows, causal", "none", true, ROPEMAP_METHOD_FACTORED, ROPEMAP_POOL_MEAN, true, 2, false},
    {"moments", "none", true, ROPEMAP_METHOD_FACTORED, ROPEMAP_POOL_RMS, false, 1, false},
    {"centred moments, causal", "none", true, ROPEMAP_METHOD_FACTORED, ROPEMAP_POOL_STD, true, 2, false},
    {"extremes by distance", "none", false, ROPEMAP_METHOD_DIAGONAL, ROPEMAP_POOL_ABSMAX, true, 1, false},
    {"deviations by distance", "none", false, ROPEMAP_METHOD_DIAGONAL, ROPEMAP_POOL_STD, false, 2, false},
    {"extremes by tiles", "none", true, ROPEMAP_METHOD_TILED, ROPEMAP_POOL_MIN, false, 1, false},
    {"deviations by tiles", "none", true, ROPEMAP_METHOD_TILED, ROPEMAP_POOL_STD, true, 2, false},
    {"extremes of dual chunks", "none", false, ROPEMAP_METHOD_DIAGONAL, ROPEMAP_POOL_MIN, true, 1, true},
    {"deviations of dual chunks", "none", false, ROPEMAP_METHOD_DIAGONAL, ROPEMAP_POOL_STD, true, 2, true},
    {"softmax", "none", true, ROPEMAP_METHOD_TILED, ROPEMAP_POOL_MASS, true, 2, false},
};
enum { PATHS = sizeof paths / sizeof paths[0] };

static ropemap_status make_vectors(const struct path *path, ropemap_request *request,
                                   ropemap_vectors **queries, ropemap_vectors **keys, ropemap_error *error) {
    const int32_t dim = request->spec.head_dim;
    const ropemap_status status = path->gauss ? ropemap_vectors_gauss(dim, 1, 0, queries, error)
                                              : ropemap_vectors_ones(dim, queries, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    request->queries = *queries;
    const ropemap_status second =
        path->gauss ? ropemap_vectors_gauss(dim, 1, 1, keys, error) : ropemap_vectors_ones(dim, keys, error);
    request->keys = *keys;
    return second;
}

static ropemap_request request_of(const struct path *path) {
    ropemap_request request = ropemap_request_default();
    request.spec.head_dim = 4;
    request.rows.count = 31;
    request.cols.count = 33;
    request.height = 5;
    request.width = 8;
    request.method = path->method;
    request.pool = path->pool;
    request.measure = path->pool == ROPEMAP_POOL_MASS ? ROPEMAP_MEASURE_SOFTMAX : ROPEMAP_MEASURE_DOT;
    request.mask.causal = path->causal;
    request.threads = path->threads;
    if (path->dual_chunk) {
        request.encoding.kind = ROPEMAP_ENCODING_DUAL_CHUNK;
        request.encoding.chunk = 16;
        request.encoding.local = 4;
    }
    return request;
}

/* From a rule to a map. */
static ropemap_status run_map(const struct path *path, ropemap_map *map, ropemap_error *error) {
    ropemap_request request = request_of(path);
    ropemap_vectors *queries = NULL, *keys = NULL;
    ropemap_status status =
        ropemap_scaling_parse(path->scaling, some_divisors(), &request.spec.scaling, error);
    if (status == ROPEMAP_OK) {
        status = make_vectors(path, &request, &queries, &keys, error);
    }
    if (status == ROPEMAP_OK) {
        status = ropemap_map_compute(&request, map, error);
    }
    ropemap_vectors_free(queries);
    ropemap_vectors_free(keys);
    return status;
}

static void check_path(const struct path *path, bool rest) {
    bool was_refused = true;
    for (long number = 0; was_refused; number++) {
        const long before = blocks_live();
        ropemap_map map = {0};
        ropemap_error error = {0};
        refuse_from(number, rest);
        const ropemap_status status = run_map(path, &map, &error);
        was_refused = refuse_no_more();
        check_status(path->name, number, was_refused, status, &error);
        assert_true((map.cells != NULL) == (status == ROPEMAP_OK));
        ropemap_map_free(&map);
        assert_int_equal(blocks_live(), before);
        assert_true(number < 10000);
    }
}

static void a_map_survives_every_failed_allocation(void **state) {
    for (size_t i = 0; i < PATHS; i++) {
        check_path(&paths[i], false);
        check_path(&paths[i], true);
    }
}

/* ---- pictures and files ---- */

static int entries(const char *folder) {
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    int count = 0;
    for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        count += entry->d_name[0] != '.' || strlen(entry->d_name) > 2 ? 1 : 0;
    }
    (void)closedir(directory);
    return count;
}

struct output {
    const char *name;
    bool bare, save; /* save: to a file, else to memory */
    const char *file;
};

static const struct output outputs[] = {
    {"framed picture", false, false, "map.png"},
    {"bare picture", true, false, "map.png"},
    {"numbers", true, false, "map.npy"},
    {"framed picture in a file", false, true, "map.png"},
    {"bare picture in a file", true, true, "map.png"},
    {"numbers in a file", true, true, "map.npy"},
    {"framed SVG in a file", false, true, "map.svg"},
    {"bare SVG in a file", true, true, "map.svg"},
    {"framed PDF in a file", false, true, "map.pdf"},
    {"bare PDF in a file", true, true, "map.pdf"},
};
enum { OUTPUTS = sizeof outputs / sizeof outputs[0] };

static ropemap_status run_output(const struct output *output, const ropemap_map *map, const char *path,
                                 ropemap_error *error) {
    const ropemap_request request = request_of(&paths[0]);
    ropemap_figure figure = ropemap_figure_default(&request, map);
    figure.bare = output->bare;
    figure.font_size = 5.0;
    figure.percentile = 0.1;
    figure.contours[0] = 0.5;
    figure.contour_count = 1;
    figure.dark = true;
    if (output->save) {
        return ropemap_figure_save(&figure, path, false, error);
    }
    ropemap_bytes bytes = {0};
    const bool picture = strstr(output->file, ".png") != NULL;
    const ropemap_status status = picture ? ropemap_figure_encode(&figure, ROPEMAP_PNG, NULL, &bytes, error)
                                          : ropemap_map_npy(map, &bytes, error);
    assert_true((bytes.data != NULL) == (status == ROPEMAP_OK));
    ropemap_bytes_free(&bytes);
    return status;
}

static void check_output(const struct output *output, const ropemap_map *map, const char *folder) {
    char path[200];
    (void)snprintf(path, sizeof path, "%s/%s", folder, output->file);
    bool was_refused = true;
    for (long number = 0; was_refused; number++) {
        const long before = blocks_live();
        ropemap_error error = {0};
        refuse_from(number, false);
        const ropemap_status status = run_output(output, map, path, &error);
        was_refused = refuse_no_more();
        check_status(output->name, number, was_refused, status, &error);
        assert_int_equal(blocks_live(), before);
        assert_int_equal(entries(folder), output->save && status == ROPEMAP_OK ? 1 : 0);
        (void)unlink(path);
        assert_true(number < 10000);
    }
}

static void pictures_and_files_survive_every_failed_allocation(void **state) {
    char folder[] = "/tmp/ropemap-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    ropemap_map map = {0};
    assert_int_equal(run_map(&paths[0], &map, NULL), ROPEMAP_OK);
    for (size_t i = 0; i < OUTPUTS; i++) {
        check_output(&outputs[i], &map, folder);
    }
    ropemap_map_free(&map);
    assert_int_equal(rmdir(folder), 0);
}

/* ---- tensor files ---- */

static void check_tensor(const char *path) {
    const ropemap_tensor tensor = {.path = path};
    bool was_refused = true;
    for (long number = 0; was_refused; number++) {
        const long before = blocks_live();
        ropemap_vectors *vectors = NULL;
        ropemap_error error = {0};
        ropemap_map map = {0};
        refuse_from(number, false);
        ropemap_status status = ropemap_vectors_open(&tensor, &vectors, &error);
        if (status == ROPEMAP_OK) {
            ropemap_request request = request_of(&paths[2]);
            request.spec.head_dim = 8;
            request.queries = request.keys = vectors;
            request.spec.rotary_dim = 6;
            request.rows.count = request.cols.count = 5;
            status = ropemap_map_compute(&request, &map, &error);
        }
        was_refused = refuse_no_more();
        check_status(path, number, was_refused, status, &error);
        ropemap_map_free(&map);
        ropemap_vectors_free(vectors);
        assert_int_equal(blocks_live(), before);
        assert_true(number < 10000);
    }
}

/* An 8-column map written as .npy is read again as vectors. */
static void a_tensor_file_survives_every_failed_allocation(void **state) {
    char folder[] = "/tmp/ropemap-test-XXXXXX", path[200];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/rows.npy", folder);
    ropemap_map map = {0};
    assert_int_equal(run_map(&paths[0], &map, NULL), ROPEMAP_OK);
    const ropemap_figure figure = {.panel.map = &map};
    assert_int_equal(ropemap_figure_save(&figure, path, false, NULL), ROPEMAP_OK);
    ropemap_map_free(&map);
    check_tensor(path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* ---- pairs of heads ---- */

/* Statistics with magnitudes, then a curve. */
static ropemap_status run_pairs(const ropemap_pairs_request *request, ropemap_error *error) {
    static ropemap_pair pairs[3 * 4];
    static float values[3 * ROPEMAP_MAGNITUDES * 8 * 2];
    double curve[9];
    const ropemap_magnitudes magnitudes = {.cells = 2, .values = values};
    const ropemap_status status = ropemap_pairs_compute(request, pairs, &magnitudes, error);
    return status == ROPEMAP_OK ? ropemap_pairs_curve(&request->spec, pairs, 9, curve, error) : status;
}

static void pairs_survive_every_failed_allocation(void **state) {
    static const float rows[11 * 8] = {1.0f, 2.0f};
    ropemap_vectors *vectors = NULL, *keys = NULL;
    assert_int_equal(ropemap_vectors_memory(rows, 11, 8, &vectors, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_memory(rows, 11, 8, &keys, NULL), ROPEMAP_OK);
    const ropemap_head heads[] = {{vectors, keys}, {vectors, keys}, {vectors, vectors}};
    ropemap_pairs_request request = {
        .spec = ropemap_spec_default(), .heads = heads, .count = 3, .causal = true, .threads = 2};
    request.spec.head_dim = 8;
    bool was_refused = true;
    for (long number = 0; was_refused; number++) {
        const long before = blocks_live();
        ropemap_error error = {0};
        refuse_from(number, false);
        const ropemap_status status = run_pairs(&request, &error);
        was_refused = refuse_no_more();
        check_status("pairs", number, was_refused, status, &error);
        assert_int_equal(blocks_live(), before);
        assert_true(number < 10000);
    }
    ropemap_vectors_free(vectors);
    ropemap_vectors_free(keys);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_survives_every_failed_allocation),
        cmocka_unit_test(pictures_and_files_survive_every_failed_allocation),
        cmocka_unit_test(a_tensor_file_survives_every_failed_allocation),
        cmocka_unit_test(pairs_survive_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
