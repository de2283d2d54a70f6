/* test_session.c - maps made with one session are those made without, from many threads at once */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap.h"
#include "tests/unit.h"

#include <pthread.h>

enum { KINDS = 4, THREADS = 4, ROUNDS = 12 };

/* Maps of every method, small enough to be made many times. */
static ropemap_request request_of(int kind, const ropemap_vectors *queries, const ropemap_vectors *keys) {
    ropemap_request request = ropemap_request_default();
    request.spec.head_dim = 16;
    request.rows.count = request.cols.count = 301 + 100 * kind;
    request.width = request.height = 37;
    request.threads = 2;
    request.backend = "cpu";
    request.queries = kind > 1 ? queries : NULL;
    request.keys = kind > 1 ? keys : NULL;
    request.pool = kind % 2 == 0 ? ROPEMAP_POOL_MEAN : ROPEMAP_POOL_MAX;
    return request;
}

static int stop_at_once(void *user, const char *stage, double done, double total) {
    (void)user;
    (void)stage;
    (void)done;
    (void)total;
    return 1;
}

struct maker {
    pthread_t thread;
    ropemap_session *session;
    const ropemap_vectors *queries, *keys;
    const ropemap_map *wanted; /* [KINDS] */
    int first, wrong;
};

static void *make(void *user) {
    struct maker *maker = user;
    for (int round = 0; round < ROUNDS; round++) {
        const int kind = (maker->first + round) % KINDS;
        const ropemap_map *wanted = &maker->wanted[kind];
        ropemap_request request = request_of(kind, maker->queries, maker->keys);
        ropemap_map map = {0};
        request.session = maker->session;
        if (round % 5 == 4) { /* what was stopped leaves nothing bad behind */
            request.progress = stop_at_once;
            maker->wrong += ropemap_map_compute(&request, &map, NULL) != ROPEMAP_STOPPED;
            continue;
        }
        maker->wrong +=
            ropemap_map_compute(&request, &map, NULL) != ROPEMAP_OK ||
            memcmp(map.cells, wanted->cells, (size_t)(wanted->height * wanted->width) * sizeof(float)) != 0;
        ropemap_map_free(&map);
    }
    return NULL;
}

static void maps_of_a_session_are_the_same(void **state) {
    ropemap_vectors *queries = NULL, *keys = NULL;
    ropemap_session *session = NULL;
    ropemap_map wanted[KINDS] = {{0}};
    struct maker makers[THREADS];
    assert_int_equal(ropemap_vectors_gauss(16, 3, 0, &queries, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_gauss(16, 3, 1, &keys, NULL), ROPEMAP_OK);
    assert_int_equal(ropemap_session_open(&session, NULL), ROPEMAP_OK);
    for (int kind = 0; kind < KINDS; kind++) {
        const ropemap_request request = request_of(kind, queries, keys);
        assert_int_equal(ropemap_map_compute(&request, &wanted[kind], NULL), ROPEMAP_OK);
    }
    for (int i = 0; i < THREADS; i++) {
        makers[i] = (struct maker){
            .session = session, .queries = queries, .keys = keys, .wanted = wanted, .first = i};
        assert_int_equal(pthread_create(&makers[i].thread, NULL, make, &makers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(makers[i].thread, NULL), 0);
        assert_int_equal(makers[i].wrong, 0);
    }
    for (int kind = 0; kind < KINDS; kind++) {
        ropemap_map_free(&wanted[kind]);
    }
    ropemap_session_close(session);
    ropemap_vectors_free(queries);
    ropemap_vectors_free(keys);
}

static void a_session_that_made_nothing_closes(void **state) {
    ropemap_session *session = NULL;
    assert_int_equal(ropemap_session_open(&session, NULL), ROPEMAP_OK);
    ropemap_session_close(session);
    ropemap_session_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_of_a_session_are_the_same),
        cmocka_unit_test(a_session_that_made_nothing_closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
