/* test_cache.c - answers that are kept: against a plain list, over thousands of steps of chance */
/* SPDX-License-Identifier: MIT */
#include "tests/unit.h"
#include "tools/serve/cache.h"

enum { STEPS = 20000, KEYS = 60, HELD = 8, MOST = 4 << 20, LARGEST = MOST / 8 };

static uint64_t seed = 99;

/* Whose bytes are its number, however many it says it has; a sanitizer sees what is freed twice or never. */
static serve_answer *make(int number, size_t size) {
    serve_answer *answer = answer_new();
    assert_non_null(answer);
    answer->bytes = (ropemap_bytes){.data = malloc(sizeof number), .size = size};
    assert_non_null(answer->bytes.data);
    memcpy(answer->bytes.data, &number, sizeof number);
    return answer;
}

static int number_of(const serve_answer *answer) {
    int number = 0;
    memcpy(&number, answer->bytes.data, sizeof number);
    return number;
}

typedef struct name {
    char text[40];
} name;

static name name_of(int key) {
    name made;
    (void)snprintf(made.text, sizeof made.text, "/map.png\nbase\t%d", key);
    return made;
}

/* What a cache counts an answer as: its bytes alone in one. 0: it is not kept. */
static size_t cost_of(int key, serve_answer *answer) {
    serve_cache *alone = cache_new(MOST);
    assert_non_null(alone);
    cache_put(alone, name_of(key).text, answer);
    const size_t cost = cache_bytes(alone);
    assert_true(cost <= LARGEST);
    assert_true(cost == 0 || cost >= answer->bytes.size + strlen(name_of(key).text));
    assert_true(cost != 0 || answer->bytes.size > LARGEST - 4096);
    cache_free(alone);
    return cost;
}

/* ---- the plain list ------------------------------------------------------------------------------------ */

typedef struct kept {
    int key, number; /* of the answer */
    size_t cost;
} kept;

/* What should be kept, the one used last first; and the answers that clients hold. */
typedef struct model {
    kept all[KEYS + 1];
    int count;
    serve_answer *held[HELD];
    int numbers[HELD];
} model;

static int place_of(const model *known, int key) {
    int place = 0;
    while (place < known->count && known->all[place].key != key) {
        place++;
    }
    return place;
}

static void take_out(model *known, int place) {
    if (place < known->count) {
        memmove(&known->all[place], &known->all[place + 1],
                sizeof(kept) * (size_t)(known->count - place - 1));
        known->count--;
    }
}

static void put_first(model *known, kept one) {
    memmove(&known->all[1], &known->all[0], sizeof(kept) * (size_t)known->count);
    known->all[0] = one;
    known->count++;
}

static size_t sum(const model *known) {
    size_t bytes = 0;
    for (int i = 0; i < known->count; i++) {
        bytes += known->all[i].cost;
    }
    return bytes;
}

/* ---- steps --------------------------------------------------------------------------------------------- */

static void find_one(serve_cache *cache, model *known, int key) {
    serve_answer *found = cache_find(cache, name_of(key).text);
    const int place = place_of(known, key), client = chance(&seed, HELD);
    if (place == known->count) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    const kept one = known->all[place];
    assert_int_equal(number_of(found), one.number);
    take_out(known, place);
    put_first(known, one);
    if (known->held[client] != NULL) { /* it is still whole */
        assert_int_equal(number_of(known->held[client]), known->numbers[client]);
    }
    answer_drop(known->held[client]);
    known->held[client] = found;
    known->numbers[client] = one.number;
}

/* Mostly small answers, some about as large as is kept. */
static size_t some_size(void) {
    switch (chance(&seed, 8)) {
    case 0:
        return (size_t)(LARGEST - 400 + chance(&seed, 800));
    case 1:
        return (size_t)chance(&seed, LARGEST);
    case 2:
        return 0;
    default:
        return (size_t)chance(&seed, 100000);
    }
}

static void put_one(serve_cache *cache, model *known, int key, int number) {
    serve_answer *answer = make(number, some_size());
    const size_t cost = cost_of(key, answer);
    cache_put(cache, name_of(key).text, answer);
    answer_drop(answer);
    take_out(known, place_of(known, key));
    if (cost > 0) {
        while (sum(known) + cost > MOST) {
            take_out(known, known->count - 1);
        }
        put_first(known, (kept){.key = key, .number = number, .cost = cost});
    }
}

static void the_least_used_goes_first(void **state) {
    model known = {.count = 0};
    serve_cache *cache = cache_new(MOST);
    assert_non_null(cache);
    int made = 0;
    for (int step = 0; step < STEPS; step++) {
        if (chance(&seed, 2) == 0) {
            find_one(cache, &known, chance(&seed, KEYS));
        } else {
            put_one(cache, &known, chance(&seed, KEYS), made++);
        }
        assert_int_equal(cache_bytes(cache), sum(&known));
        assert_true(cache_bytes(cache) <= MOST);
    }
    cache_free(cache);
    for (int i = 0; i < HELD; i++) {
        assert_true(known.held[i] == NULL || number_of(known.held[i]) == known.numbers[i]);
        answer_drop(known.held[i]);
    }
}

/* However small the answers, the list that is searched stays short. */
static void small_answers_are_few(void **state) {
    enum { PUT = 3000 };
    serve_cache *cache = cache_new(MOST);
    assert_non_null(cache);
    for (int i = 0; i < PUT; i++) {
        serve_answer *answer = make(i, 1);
        cache_put(cache, name_of(i).text, answer);
        answer_drop(answer);
        assert_true(cache_bytes(cache) <= MOST);
    }
    int found = 0;
    for (int i = 0; i < PUT; i++) {
        serve_answer *answer = cache_find(cache, name_of(i).text);
        assert_true(answer == NULL || found == i - (PUT - 128)); /* the last 128 */
        found += answer != NULL ? 1 : 0;
        answer_drop(answer);
    }
    assert_int_equal(found, 128);
    cache_free(cache);
}

/* An answer that is too large is not kept, and an older one of its key would be wrong. */
static void too_large_an_answer_takes_the_older_one_away(void **state) {
    serve_cache *cache = cache_new(MOST);
    serve_answer *small = make(0, 10), *large = make(1, LARGEST);
    assert_non_null(cache);
    cache_put(cache, "a", small);
    cache_put(cache, "a", large);
    assert_null(cache_find(cache, "a"));
    assert_int_equal(cache_bytes(cache), 0);
    answer_drop(small);
    answer_drop(large);
    cache_free(cache);
    cache_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_used_goes_first),
        cmocka_unit_test(small_answers_are_few),
        cmocka_unit_test(too_large_an_answer_takes_the_older_one_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
