/* suggest.h - the name somebody probably meant */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SUGGEST_H
#define ROPEMAP_TOOLS_SUGGEST_H

/* The best name seen so far for a word that is not known. Start with {.word = ...}. */
typedef struct cli_suggestion {
    const char *word; /* Borrowed */
    const char *best; /* NULL: nothing is near enough. Borrowed */
    int distance;     /* of `best` */
} cli_suggestion;

/* Takes `name` where it is nearer to the word than what was offered before. */
void suggestion_offer(cli_suggestion *suggestion, const char *name);

#endif
