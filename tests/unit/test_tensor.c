/* test_tensor.c - heads of tensors in every order, stride and range, and tensors that cannot be vectors */
/* SPDX-License-Identifier: MIT */
#include "host/data/vectors.h"
#include "tests/scratch.h"
#include "tests/unit.h"

#include <pthread.h>
#include <sys/stat.h>

/* A tensor whose elements encode their place; missing axes have size 1. */
typedef struct extent {
    int64_t batches, heads, positions, columns;
} extent;

static scratch place;

/* Exact in float, and different for neighbours: below 10 heads, 130 columns. */
static float element_of(int64_t batch, int64_t head, int64_t position, int64_t column) {
    return (float)((batch * 10 + head) * 100000 + (position * 131 + column) % 99991);
}

/* Writes the tensor as little-endian float32 with the given axes and order of bytes. */
static void write_tensor(extent size, int rank, ropemap_order order, bool fortran) {
    const bool inside = order == ROPEMAP_ORDER_SHD && rank > 2;
    const int64_t dims[4] = {size.batches, inside ? size.positions : size.heads,
                             inside ? size.heads : size.positions, size.columns};
    char shape[100] = "", header[200];
    for (int axis = 4 - rank; axis < 4; axis++) {
        const size_t at = strlen(shape);
        (void)snprintf(shape + at, sizeof shape - at, "%lld, ", (long long)dims[axis]);
    }
    const int length = snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': %s, 'shape': (%s)}",
                                fortran ? "True" : "False", shape);
    scratch_name(&place, "q.npy");
    FILE *file = fopen(place.path, "wb");
    assert_non_null(file);
    (void)fprintf(file, "\x93NUMPY%c%c%c%c%s", 1, 0, length, 0, header);
    int64_t at[4];
    int64_t *const outer[4] = {&at[fortran ? 3 : 0], &at[fortran ? 2 : 1], &at[fortran ? 1 : 2],
                               &at[fortran ? 0 : 3]};
    const int64_t ends[4] = {dims[fortran ? 3 : 0], dims[fortran ? 2 : 1], dims[fortran ? 1 : 2],
                             dims[fortran ? 0 : 3]};
    for (*outer[0] = 0; *outer[0] < ends[0]; ++*outer[0]) {
        for (*outer[1] = 0; *outer[1] < ends[1]; ++*outer[1]) {
            for (*outer[2] = 0; *outer[2] < ends[2]; ++*outer[2]) {
                for (*outer[3] = 0; *outer[3] < ends[3]; ++*outer[3]) {
                    const float value = element_of(at[0], at[inside ? 2 : 1], at[inside ? 1 : 2], at[3]);
                    uint32_t bits;
                    memcpy(&bits, &value, sizeof bits);
                    for (int byte = 0; byte < 4; byte++) {
                        (void)putc((int)(bits >> (8 * byte) & 0xff), file);
                    }
                }
            }
        }
    }
    assert_int_equal(fclose(file), 0);
}

static ropemap_vectors *open_head(ropemap_tensor tensor) {
    ropemap_vectors *vectors = NULL;
    ropemap_error error = {0};
    tensor.path = place.path;
    if (ropemap_vectors_open(&tensor, &vectors, &error) != ROPEMAP_OK) {
        fail_msg("refused: %s", error.text);
    }
    return vectors;
}

static void assert_rows(const ropemap_vectors *vectors, int64_t batch, int64_t head, ropemap_range range) {
    const int64_t columns = vectors->head_dim;
    float *rows = malloc((size_t)(range.count * columns) * sizeof *rows);
    ropemap_error error = {0};
    assert_non_null(rows);
    if (vectors->read(vectors, range.first, range.count, range.step, rows, &error) != ROPEMAP_OK) {
        fail_msg("reading: %s", error.text);
    }
    for (int64_t i = 0; i < range.count; i++) {
        for (int64_t column = 0; column < columns; column++) {
            const float wanted = element_of(batch, head, range.first + i * range.step, column);
            if (rows[i * columns + column] != wanted) {
                fail_msg("row %d of head %d, column %d: %g, not %g", (int)i, (int)head, (int)column,
                         (double)rows[i * columns + column], (double)wanted);
            }
        }
    }
    free(rows);
}

static void assert_ranges(const ropemap_vectors *vectors, int64_t batch, int64_t head) {
    const int64_t count = vectors->count;
    assert_rows(vectors, batch, head, (ropemap_range){.first = 0, .count = count, .step = 1});
    assert_rows(vectors, batch, head, (ropemap_range){.first = count - 1, .count = 1, .step = 1});
    assert_rows(vectors, batch, head, (ropemap_range){.first = 0, .count = 1, .step = ROPEMAP_POSITION_END});
    assert_rows(vectors, batch, head, (ropemap_range){.first = 1 % count, .count = 0, .step = 1});
    for (int64_t step = 2; step < count; step = step * 3 + 1) {
        const int64_t fit = (count - 2) / step + 1;
        assert_rows(vectors, batch, head, (ropemap_range){.first = 1, .count = fit, .step = step});
    }
}

static void every_rank_order_and_storage(void **state) {
    static const extent sizes[] = {{2, 3, 5, 4}, {1, 1, 1, 2}, {3, 2, 37, 6}, {1, 7, 2, 10}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes * 12; i++) {
        extent size = sizes[i / 12];
        const int rank = 2 + (int)(i % 3);
        const ropemap_order order = i / 3 % 2 == 0 ? ROPEMAP_ORDER_HSD : ROPEMAP_ORDER_SHD;
        size.heads = rank == 2 ? 1 : size.heads;
        size.batches = rank < 4 ? 1 : size.batches;
        write_tensor(size, rank, order, i / 6 % 2 == 1);
        for (int64_t batch = 0; batch < size.batches; batch++) {
            for (int64_t head = 0; head < size.heads; head++) {
                ropemap_vectors *vectors =
                    open_head((ropemap_tensor){.order = order, .batch = batch, .head = head});
                assert_int_equal(ropemap_vectors_count(vectors), size.positions);
                assert_int_equal(ropemap_vectors_head_dim(vectors), size.columns);
                assert_int_equal(ropemap_vectors_heads(vectors), size.heads);
                assert_false(vectors->constant);
                assert_ranges(vectors, batch, head);
                ropemap_vectors_free(vectors);
            }
        }
    }
}

/* More than one staging buffer, more rows than a column block, gaps below and above a page. */
static void long_tensors_cross_every_buffer(void **state) {
    static const struct {
        extent size;
        int rank;
        ropemap_order order;
        bool fortran;
    } cases[] = {
        {{1, 1, 4099, 6}, 2, ROPEMAP_ORDER_HSD, true},   {{1, 3, 2500, 6}, 3, ROPEMAP_ORDER_SHD, true},
        {{1, 9, 300, 130}, 3, ROPEMAP_ORDER_SHD, false}, {{1, 2, 700, 130}, 3, ROPEMAP_ORDER_SHD, false},
        {{1, 1, 4099, 6}, 2, ROPEMAP_ORDER_HSD, false},  {{2, 2, 5000, 4}, 4, ROPEMAP_ORDER_HSD, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_tensor(cases[i].size, cases[i].rank, cases[i].order, cases[i].fortran);
        const int64_t head = cases[i].size.heads - 1, batch = cases[i].size.batches - 1;
        ropemap_vectors *vectors =
            open_head((ropemap_tensor){.order = cases[i].order, .batch = batch, .head = head});
        assert_ranges(vectors, batch, head);
        ropemap_vectors_free(vectors);
    }
}

/* A thread's share: what it read is compared by the main thread, where a test may fail. */
typedef struct reading {
    const ropemap_vectors *vectors;
    ropemap_status status;
    float rows[500 * 8];
} reading;

static void *read_all_rows(void *argument) {
    reading *own = argument;
    own->status = ROPEMAP_OK;
    for (int round = 0; round < 10 && own->status == ROPEMAP_OK; round++) {
        own->status = own->vectors->read(own->vectors, 0, 500, 1, own->rows, NULL);
    }
    return NULL;
}

static void threads_may_share_vectors(void **state) {
    static reading readings[3];
    write_tensor((extent){1, 3, 500, 8}, 3, ROPEMAP_ORDER_SHD, false);
    ropemap_vectors *vectors = open_head((ropemap_tensor){.order = ROPEMAP_ORDER_SHD, .head = 2});
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        readings[i].vectors = vectors;
        assert_int_equal(pthread_create(&threads[i], NULL, read_all_rows, &readings[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(readings[i].status, ROPEMAP_OK);
        for (int64_t k = 0; k < 500 * 8; k++) {
            assert_true(readings[i].rows[k] == element_of(0, 2, k / 8, k % 8));
        }
    }
    ropemap_vectors_free(vectors);
}

/* Six query heads over three key heads: 0 and 1 use key head 0, 2 and 3 use 1, 4 and 5 use 2. */
static void grouped_queries_share_key_heads(void **state) {
    write_tensor((extent){1, 3, 5, 4}, 3, ROPEMAP_ORDER_HSD, false);
    for (int64_t head = 0; head < 6; head++) {
        ropemap_vectors *vectors = open_head((ropemap_tensor){.head = head, .query_heads = 6});
        assert_int_equal(ropemap_vectors_heads(vectors), 3);
        assert_ranges(vectors, 0, head / 2);
        ropemap_vectors_free(vectors);
    }
}

static void assert_refused(ropemap_tensor tensor, ropemap_status status, const char *words) {
    ropemap_vectors *vectors = NULL;
    ropemap_error error = {0};
    tensor.path = place.path;
    assert_int_equal(ropemap_vectors_open(&tensor, &vectors, &error), status);
    assert_null(vectors);
    assert_int_equal(error.status, status);
    assert_says(error.text, words);
    assert_says(error.text, "q.npy");
}

static void heads_it_lacks_are_refused(void **state) {
    write_tensor((extent){2, 3, 5, 4}, 4, ROPEMAP_ORDER_HSD, false);
    assert_refused((ropemap_tensor){.head = 3}, ROPEMAP_USAGE, "head 3");
    assert_refused((ropemap_tensor){.head = 3}, ROPEMAP_USAGE, "are 3");
    assert_refused((ropemap_tensor){.head = -1}, ROPEMAP_USAGE, "head -1");
    assert_refused((ropemap_tensor){.head = INT64_MAX}, ROPEMAP_USAGE, "head 9223372036854775807");
    assert_refused((ropemap_tensor){.batch = 2}, ROPEMAP_USAGE, "are 2");
    assert_refused((ropemap_tensor){.batch = -1}, ROPEMAP_USAGE, "batch -1");
    assert_refused((ropemap_tensor){.query_heads = 7}, ROPEMAP_DATA, "7 query heads and 3 key heads");
    assert_refused((ropemap_tensor){.query_heads = 2}, ROPEMAP_DATA, "multiple");
    assert_refused((ropemap_tensor){.query_heads = -1}, ROPEMAP_USAGE, "-1 query heads");
    assert_refused((ropemap_tensor){.head = 6, .query_heads = 6}, ROPEMAP_USAGE, "are 6");
}

static void sizes_that_cannot_rotate_are_refused(void **state) {
    write_tensor((extent){1, 1, 3, 5}, 2, ROPEMAP_ORDER_HSD, false);
    assert_refused((ropemap_tensor){0}, ROPEMAP_DATA, "head dimension 5 is odd");
    write_tensor((extent){1, 1, 3, 4098}, 2, ROPEMAP_ORDER_HSD, false);
    assert_refused((ropemap_tensor){0}, ROPEMAP_DATA, "head dimension 4098; it must be 2 to 4096");
    write_tensor((extent){1, 1, 3, 1}, 2, ROPEMAP_ORDER_HSD, false);
    assert_refused((ropemap_tensor){0}, ROPEMAP_DATA, "head dimension 1;");
    write_tensor((extent){1, 1, 2, 4096}, 2, ROPEMAP_ORDER_HSD, false);
    ropemap_vectors *vectors = open_head((ropemap_tensor){0});
    assert_ranges(vectors, 0, 0);
    ropemap_vectors_free(vectors);
}

static void a_file_that_shrinks_is_noticed(void **state) {
    for (int fortran = 0; fortran < 2; fortran++) {
        write_tensor((extent){1, 2, 50, 4}, 3, ROPEMAP_ORDER_SHD, fortran == 1);
        ropemap_vectors *vectors = open_head((ropemap_tensor){.order = ROPEMAP_ORDER_SHD});
        float rows[50 * 4];
        ropemap_error error = {0};
        assert_int_equal(truncate(place.path, 500), 0);
        assert_int_equal(vectors->read(vectors, 0, 50, 1, rows, &error), ROPEMAP_DATA);
        assert_says(error.text, "shrank while being read");
        assert_says(error.text, "q.npy");
        ropemap_vectors_free(vectors);
    }
}

static void only_regular_files_are_read(void **state) {
    scratch_name(&place, "q.npy");
    assert_refused((ropemap_tensor){0}, ROPEMAP_IO, "No such file");
    assert_int_equal(mkfifo(place.path, 0600), 0); /* must not wait for a writer */
    assert_refused((ropemap_tensor){0}, ROPEMAP_DATA, "a FIFO");
    scratch_name(&place, "q.npy");
    assert_int_equal(mkdir(place.path, 0700), 0);
    assert_refused((ropemap_tensor){0}, ROPEMAP_DATA, "a directory");
    assert_int_equal(rmdir(place.path), 0);
    assert_int_equal(symlink("/dev/zero", place.path), 0);
    assert_refused((ropemap_tensor){0}, ROPEMAP_DATA, "a device");
}

static void files_one_may_not_read_are_refused(void **state) {
    write_tensor((extent){1, 1, 3, 4}, 2, ROPEMAP_ORDER_HSD, false);
    assert_int_equal(chmod(place.path, 0), 0);
    if (access(place.path, R_OK) == 0) {
        print_message("the superuser may read everything: skipped\n");
        skip();
    }
    assert_refused((ropemap_tensor){0}, ROPEMAP_IO, "Permission denied");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rank_order_and_storage),
        cmocka_unit_test(long_tensors_cross_every_buffer),
        cmocka_unit_test(threads_may_share_vectors),
        cmocka_unit_test(grouped_queries_share_key_heads),
        cmocka_unit_test(heads_it_lacks_are_refused),
        cmocka_unit_test(sizes_that_cannot_rotate_are_refused),
        cmocka_unit_test(a_file_that_shrinks_is_noticed),
        cmocka_unit_test(only_regular_files_are_read),
        cmocka_unit_test(files_one_may_not_read_are_refused),
    };
    place = scratch_open();
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&place);
    return failures;
}
