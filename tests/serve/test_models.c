/* test_models.c - posted configurations: names made from texts, and the one used longest ago goes */
/* SPDX-License-Identifier: MIT */
#include "tests/unit.h"
#include "tools/serve/limits.h"
#include "tools/serve/models.h"

#include <pthread.h>

enum { TEXTS = 3 * SERVE_MODELS, STEPS = 5000, THREADS = 4, TURNS = 400, TEXT_BYTES = 64 };

/* Text `number`, with a zero within it; some begin alike. */
static size_t write_text(int number, char text[TEXT_BYTES]) {
    return (size_t)snprintf(text, TEXT_BYTES, "{\"a\":%d%c}%*d", number / 7, number % 2 == 0 ? '\0' : ' ',
                            number % 7 + 1, number);
}

static void post(serve_models *models, int number, char id[MODEL_ID_BYTES]) {
    char text[TEXT_BYTES];
    const size_t bytes = write_text(number, text);
    assert_int_equal(models_post(models, text, bytes, false, id, NULL), ROPEMAP_OK);
    memset(text, 'x', sizeof text); /* a copy was kept */
}

/* Whether the model is known; its text must be the one that was posted. */
static bool use(serve_models *models, int number, const char *id) {
    char wanted[TEXT_BYTES], *text = NULL;
    const size_t bytes = write_text(number, wanted);
    rule_options rule = rule_options_default();
    ropemap_error error = {.status = ROPEMAP_OK};
    const ropemap_status status = models_use(models, id, &rule, &text, &error);
    if (status == ROPEMAP_OK) {
        assert_ptr_equal(rule.config, text);
        assert_null(rule.model);
        assert_int_equal(rule.config_bytes, bytes);
        assert_memory_equal(text, wanted, bytes + 1);
    } else {
        assert_int_equal(status, ROPEMAP_USAGE);
        assert_says(error.text, "--model");
        assert_null(text);
        assert_null(rule.config);
    }
    free(text);
    return status == ROPEMAP_OK;
}

static void the_same_text_has_the_same_name(void **state) {
    enum { MANY = 2000 };
    static char ids[MANY][MODEL_ID_BYTES];
    serve_models *models = models_new();
    char again[MODEL_ID_BYTES];
    assert_non_null(models);
    for (int i = 0; i < MANY; i++) {
        post(models, i, ids[i]);
        post(models, i, again);
        assert_string_equal(ids[i], again);
        assert_int_equal(strspn(ids[i], "0123456789abcdef"), MODEL_ID_BYTES - 1);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(ids[i], ids[j]);
        }
    }
    models_free(models);
    models_free(NULL);
}

/* The published values of 64-bit FNV-1a: a page may keep a name from one server to the next. */
static void names_are_known_values(void **state) {
    static const char *const known[][2] = {
        {"", "cbf29ce484222325"}, {"a", "af63dc4c8601ec8c"}, {"foobar", "85944171f73967e8"}};
    serve_models *models = models_new();
    assert_non_null(models);
    for (int i = 0; i < 3; i++) {
        char id[MODEL_ID_BYTES];
        assert_int_equal(models_post(models, known[i][0], strlen(known[i][0]), false, id, NULL), ROPEMAP_OK);
        assert_string_equal(id, known[i][1]);
    }
    models_free(models);
}

static void what_is_unknown_is_refused(void **state) {
    static const char *const wrong[] = {"",
                                        "0",
                                        "/etc/passwd",
                                        "af63dc4c8601ec8",
                                        "af63dc4c8601ec8c0",
                                        "AF63DC4C8601EC8C",
                                        " af63dc4c8601ec8c"};
    serve_models *models = models_new();
    char id[MODEL_ID_BYTES];
    assert_non_null(models);
    assert_false(use(models, 0, "af63dc4c8601ec8c"));
    assert_int_equal(models_post(models, "a", 1, false, id, NULL), ROPEMAP_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(use(models, 0, wrong[i]));
    }
    models_free(models);
}

/* Against a list of when each was used last. The file's model is no part of it, and stays. */
static void the_one_used_longest_ago_goes(void **state) {
    char ids[TEXTS][MODEL_ID_BYTES], file[MODEL_ID_BYTES];
    int used[TEXTS] = {0}; /* 0: not known */
    serve_models *models = models_new();
    uint64_t seed = 5;
    assert_non_null(models);
    models_keep_path(models, "/a/model", file);
    for (int i = 0; i < TEXTS; i++) {
        post(models, i, ids[i]);
    }
    models_free(models);
    models = models_new();
    assert_non_null(models);
    models_keep_path(models, "/a/model", file);
    for (int step = 1; step <= STEPS; step++) {
        const int number = chance(&seed, TEXTS);
        if (chance(&seed, 3) == 0) {
            int known = 0, oldest = -1;
            for (int i = 0; i < TEXTS; i++) {
                known += used[i] > 0 ? 1 : 0;
                oldest = used[i] > 0 && (oldest < 0 || used[i] < used[oldest]) ? i : oldest;
            }
            if (used[number] == 0 && known == SERVE_MODELS - 1) {
                used[oldest] = 0;
            }
            post(models, number, ids[number]);
            used[number] = step;
        } else {
            assert_int_equal(use(models, number, ids[number]), used[number] > 0);
            used[number] = used[number] > 0 ? step : 0;
        }
    }
    char *text = NULL;
    rule_options rule = rule_options_default();
    assert_int_equal(models_use(models, file, &rule, &text, NULL), ROPEMAP_OK);
    assert_string_equal(rule.model, "/a/model");
    assert_null(text);
    assert_null(rule.config);
    models_free(models);
}

/* However many are posted after it, and though it is posted like them later. */
static void what_stays_stays(void **state) {
    enum { MANY = 3 * SERVE_MODELS };
    char kept[MODEL_ID_BYTES], id[MODEL_ID_BYTES], text[TEXT_BYTES];
    serve_models *models = models_new();
    assert_non_null(models);
    const size_t bytes = write_text(7, text);
    assert_int_equal(models_post(models, text, bytes, true, kept, NULL), ROPEMAP_OK);
    for (int i = 0; i < MANY; i++) {
        post(models, i == MANY / 2 ? 7 : 100 + i, id);
    }
    assert_true(use(models, 7, kept));
    models_free(models);
}

/* ---- threads ------------------------------------------------------------------------------------------- */

typedef struct client {
    serve_models *models;
    pthread_t thread;
    uint64_t seed;
    int found;
} client;

static void *post_and_use(void *user) {
    client *self = user;
    for (int turn = 0; turn < TURNS; turn++) {
        char id[MODEL_ID_BYTES];
        const int number = chance(&self->seed, SERVE_MODELS + 8);
        post(self->models, number, id);
        self->found += use(self->models, number, id) ? 1 : 0;
    }
    return NULL;
}

static void threads_post_and_use_at_once(void **state) {
    client clients[THREADS];
    serve_models *models = models_new();
    assert_non_null(models);
    for (int i = 0; i < THREADS; i++) {
        clients[i] = (client){.models = models, .seed = (uint32_t)i};
        assert_int_equal(pthread_create(&clients[i].thread, NULL, post_and_use, &clients[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(clients[i].thread, NULL), 0);
        /* One that was just posted goes only when all other places were used since. */
        assert_true(clients[i].found > TURNS / 2);
    }
    models_free(models);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_text_has_the_same_name),
        cmocka_unit_test(names_are_known_values),
        cmocka_unit_test(what_is_unknown_is_refused),
        cmocka_unit_test(the_one_used_longest_ago_goes),
        cmocka_unit_test(what_stays_stays),
        cmocka_unit_test(threads_post_and_use_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
