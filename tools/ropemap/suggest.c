/* suggest.c - the name somebody probably meant */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/suggest.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

enum { LONGEST = 64 };

static int least(int a, int b) {
    return a < b ? a : b;
}

/* Letters to insert, delete, replace or swap with their neighbour to turn `a` into `b` (Damerau 1964). */
static int edit_distance(const char *a, const char *b) {
    const size_t rows = strlen(a);
    const size_t cols = strlen(b);
    if (rows > LONGEST || cols > LONGEST) {
        return INT_MAX;
    }
    int cost[LONGEST + 1][LONGEST + 1] = {{0}}; /* [prefix of a, prefix of b] */
    for (size_t row = 0; row <= rows; row++) {
        cost[row][0] = (int)row;
    }
    for (size_t col = 0; col <= cols; col++) {
        cost[0][col] = (int)col;
    }
    for (size_t row = 1; row <= rows; row++) {
        for (size_t col = 1; col <= cols; col++) {
            const int change = a[row - 1] == b[col - 1] ? 0 : 1;
            int best = least(cost[row - 1][col] + 1, cost[row][col - 1] + 1);
            best = least(best, cost[row - 1][col - 1] + change);
            if (row > 1 && col > 1 && a[row - 1] == b[col - 2] && a[row - 2] == b[col - 1]) {
                best = least(best, cost[row - 2][col - 2] + 1);
            }
            cost[row][col] = best;
        }
    }
    return cost[rows][cols];
}

void suggestion_offer(cli_suggestion *suggestion, const char *name) {
    const size_t length = strlen(suggestion->word);
    const bool begins = length > 0 && strncmp(name, suggestion->word, length) == 0;
    const int distance = begins ? 0 : edit_distance(suggestion->word, name);
    const int near_enough = 1 + (int)(length / 4);
    if (distance <= near_enough && (suggestion->best == NULL || distance < suggestion->distance)) {
        suggestion->best = name;
        suggestion->distance = distance;
    }
}
