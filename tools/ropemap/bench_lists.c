/* bench_lists.c - lists on the command line of `ropemap bench`: numbers, ranges, types, heads */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/bench_options.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/number.h"
#include "tools/ropemap/options.h"

#include <stdio.h>
#include <string.h>

enum { PART_MAX = 80, POSITIONS_MAX = 1 << 24, HEADS_MAX = 1024, BLOCK_MIN = 16, BLOCK_MAX = 16384 };

static ropemap_status no_list(const cli_option *option, const char *text, ropemap_error *error) {
    return fail(error, ROPEMAP_USAGE, "--%s: not a list ('%.64s'), expected numbers or FROM-TO*FACTOR",
                option->name, text);
}

static ropemap_status too_many(const cli_option *option, const char *text, int most, ropemap_error *error) {
    return fail(error, ROPEMAP_USAGE, "--%s: too many ('%.64s'), expected at most %d numbers", option->name,
                text, most);
}

/* An item of a list, by value. */
typedef struct part {
    char text[PART_MAX];
} part;

/* The item at *at, which goes on to the next one, or to NULL after the last. */
static ropemap_status next_part(const cli_option *option, const char *text, const char **at, part *item,
                                ropemap_error *error) {
    const size_t length = strcspn(*at, ",");
    if (length >= sizeof item->text) {
        return no_list(option, text, error);
    }
    (void)snprintf(item->text, sizeof item->text, "%.*s", (int)length, *at);
    *at = (*at)[length] == ',' ? *at + length + 1 : NULL;
    return ROPEMAP_OK;
}

/* Appends `first`, and first * factor^i up to `last`. */
static ropemap_status append(const cli_option *option, const char *text, bench_list *list, uint64_t first,
                             uint64_t last, uint64_t factor, ropemap_error *error) {
    for (uint64_t value = first; value <= last; value *= factor) {
        if (list->count == BENCH_LIST_MAX) {
            return too_many(option, text, BENCH_LIST_MAX, error);
        }
        list->values[list->count++] = (int64_t)value;
    }
    return ROPEMAP_OK;
}

/* One item: NUMBER, FROM-TO (doubling) or FROM-TO*FACTOR. `item` is taken apart. */
static ropemap_status read_item(const cli_option *option, const char *text, char *item, uint64_t most,
                                bench_list *list, ropemap_error *error) {
    char *dash = strchr(item, '-'), *star = strchr(item, '*');
    uint64_t first = 0, last = 0, factor = 2;
    if (star != NULL && (dash == NULL || star < dash)) {
        return no_list(option, text, error);
    }
    if (dash != NULL) {
        *dash = '\0';
    }
    if (star != NULL) {
        *star = '\0';
    }
    const cli_subject subject = option_subject_of(option, text);
    ropemap_status status = number_integer(subject.text, item, 1, most, &first, error);
    last = first;
    if (status == ROPEMAP_OK && dash != NULL) {
        status = number_integer(subject.text, dash + 1, first, most, &last, error);
    }
    if (status == ROPEMAP_OK && star != NULL) {
        status = number_integer(subject.text, star + 1, 2, most, &factor, error);
    }
    return status == ROPEMAP_OK ? append(option, text, list, first, last, factor, error) : status;
}

/* Items with commas between them. */
static ropemap_status read_list(const cli_option *option, const char *text, uint64_t most, bench_list *list,
                                ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    list->count = 0;
    for (const char *at = text; status == ROPEMAP_OK && at != NULL;) {
        part item;
        status = next_part(option, text, &at, &item, error);
        status = status == ROPEMAP_OK ? read_item(option, text, item.text, most, list, error) : status;
    }
    return status;
}

ropemap_status set_bench_positions(void *into, const cli_option *option, const char *text,
                                   ropemap_error *error) {
    bench_options *options = into;
    return read_list(option, text, POSITIONS_MAX, &options->positions, error);
}

ropemap_status set_bench_head_dims(void *into, const cli_option *option, const char *text,
                                   ropemap_error *error) {
    bench_options *options = into;
    const ropemap_status status = read_list(option, text, ROPEMAP_MAX_HEAD_DIM, &options->head_dims, error);
    for (int32_t i = 0; status == ROPEMAP_OK && i < options->head_dims.count; i++) {
        if (options->head_dims.values[i] % 2 != 0) {
            return fail(error, ROPEMAP_USAGE, "--%s: odd ('%.64s'), expected even numbers from 2 to %d",
                        option->name, text, ROPEMAP_MAX_HEAD_DIM);
        }
    }
    return status;
}

ropemap_status set_bench_blocks(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    bench_options *options = into;
    const ropemap_status status = read_list(option, text, BLOCK_MAX, &options->blocks, error);
    for (int32_t i = 0; status == ROPEMAP_OK && i < options->blocks.count; i++) {
        if (options->blocks.values[i] < BLOCK_MIN) {
            return fail(error, ROPEMAP_USAGE, "--%s: too small ('%.64s'), expected %d to %d", option->name,
                        text, BLOCK_MIN, BLOCK_MAX);
        }
    }
    return status;
}

/* "32:8", or "32" for 32 of queries and a quarter as many of keys. */
static ropemap_status read_heads(const cli_option *option, const char *text, char *item,
                                 ropemap_bench_heads *heads, ropemap_error *error) {
    char *colon = strchr(item, ':');
    uint64_t queries = 0, keys = 0;
    if (colon != NULL) {
        *colon = '\0';
    }
    const cli_subject subject = option_subject_of(option, text);
    ropemap_status status = number_integer(subject.text, item, 1, HEADS_MAX, &queries, error);
    keys = queries < 4 ? 1 : queries / 4;
    if (status == ROPEMAP_OK && colon != NULL) {
        status = number_integer(subject.text, colon + 1, 0, HEADS_MAX, &keys, error);
    }
    *heads = (ropemap_bench_heads){.queries = (int32_t)queries, .keys = (int32_t)keys};
    return status;
}

ropemap_status set_bench_heads(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    bench_options *options = into;
    ropemap_status status = ROPEMAP_OK;
    options->head_count = 0;
    for (const char *at = text; status == ROPEMAP_OK && at != NULL;) {
        part item;
        if (options->head_count == BENCH_LIST_MAX) {
            return too_many(option, text, BENCH_LIST_MAX, error);
        }
        status = next_part(option, text, &at, &item, error);
        status = status == ROPEMAP_OK
                     ? read_heads(option, text, item.text, &options->heads[options->head_count++], error)
                     : status;
    }
    return status;
}

static const char *dtype_name(int index) {
    return ropemap_dtype_name((ropemap_dtype)index);
}

ropemap_status set_bench_dtypes(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    bench_options *options = into;
    const cli_option one = {.name = option->name, .choices = dtype_name};
    ropemap_status status = ROPEMAP_OK;
    options->dtype_count = 0;
    for (const char *at = text; status == ROPEMAP_OK && at != NULL;) {
        part item;
        int index = 0;
        if (options->dtype_count == BENCH_DTYPES_MAX) {
            return too_many(option, text, BENCH_DTYPES_MAX, error);
        }
        status = next_part(option, text, &at, &item, error);
        status = status == ROPEMAP_OK ? option_choose(&one, item.text, &index, error) : status;
        options->dtypes[options->dtype_count++] = (ropemap_dtype)index;
    }
    return status;
}
