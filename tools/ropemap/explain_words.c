/* explain_words.c - the five sentences about a rule, and their document */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/document.h"
#include "tools/ropemap/explain.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct words {
    char text[48];
} words;

static words tokens(int64_t reach) {
    words out;
    if (reach > 0) {
        (void)snprintf(out.text, sizeof out.text, "%" PRId64 " tokens", reach);
    } else {
        (void)snprintf(out.text, sizeof out.text, "no distance below %d tokens", EXPLAIN_LIMIT);
    }
    return out;
}

static void say_reach(const ropemap_spec *spec, explanation *to, char *text) {
    const words reach = tokens(to->own.reach), half = tokens(to->own.half);
    const words reach_rotated = tokens(to->rotated.reach), half_rotated = tokens(to->rotated.half);
    const int length = snprintf(text, EXPLAIN_SENTENCE_BYTES,
                                "With base %.10g and %d rotated of %d dimensions, the similarity of two "
                                "equal tokens first falls below half "
                                "of what it is at distance 0 at %s, and below zero at %s",
                                spec->base, 2 * (int)to->pairs, (int)spec->head_dim, half.text, reach.text);
    if (2 * to->pairs < spec->head_dim) {
        (void)snprintf(text + length, EXPLAIN_SENTENCE_BYTES - (size_t)length,
                       "; in the rotated dimensions alone at %s and at %s.", half_rotated.text,
                       reach_rotated.text);
    } else {
        (void)snprintf(text + length, EXPLAIN_SENTENCE_BYTES - (size_t)length, ".");
    }
}

static void say_least(const ropemap_spec *spec, explanation *to, char *text) {
    const char *holds =
        to->own.reach == 0 || to->own.reach >= to->length ? "holds that length" : "does not hold that length";
    if (!to->has_least) {
        text[0] = '\0';
    } else if (to->least_is_edge) {
        (void)snprintf(text, EXPLAIN_SENTENCE_BYTES,
                       "Every base above 1 keeps similarity from falling below zero within %" PRId64
                       " tokens, and so does base %.4g.",
                       to->length, spec->base);
    } else if (to->least_base > 0.0) {
        (void)snprintf(text, EXPLAIN_SENTENCE_BYTES,
                       "The least base that keeps similarity from falling below zero within %" PRId64
                       " tokens is %.6g; base %.4g itself %s.",
                       to->length, to->least_base, spec->base, holds);
    } else {
        (void)snprintf(text, EXPLAIN_SENTENCE_BYTES,
                       "No base from 1 to 1e10 keeps similarity from falling below zero within %" PRId64
                       " tokens.",
                       to->length);
    }
}

static void say_scaling(const ropemap_spec *spec, explanation *to, char *text) {
    char rule[300];
    ropemap_scaling_format(&spec->scaling, false, rule, sizeof rule);
    if (spec->scaling.rule == ROPEMAP_SCALING_NONE) {
        (void)snprintf(
            text, EXPLAIN_SENTENCE_BYTES,
            "No scaling rule is in effect: all %d pairs turn at base^(-2i/D), and scores are not multiplied "
            "by anything.",
            (int)to->pairs);
        return;
    }
    char scores[160];
    const double square = to->attention * to->attention;
    if (square == 1.0) {
        (void)snprintf(scores, sizeof scores, "its attention factor is 1, so scores stay as they are");
    } else {
        (void)snprintf(scores, sizeof scores,
                       "its attention factor multiplies the rotated part of every score by %.6g, which %s "
                       "attention and %s",
                       square, square > 1.0 ? "sharpens" : "flattens",
                       2 * to->pairs == spec->head_dim ? "moves no zero"
                                                       : "weighs that part against the rest of the head");
    }
    (void)snprintf(
        text, EXPLAIN_SENTENCE_BYTES,
        "The rule %.200s slows %d of %d pairs and leaves the others as they were: the first zero moves from "
        "%s to %s; %s.",
        rule, (int)to->slowed, (int)to->pairs, tokens(to->plain.reach).text, tokens(to->own.reach).text,
        scores);
}

void explain_say(const ropemap_spec *spec, explanation *to) {
    const words less = tokens(to->reach_less), more = tokens(to->reach_more);
    const words narrow = tokens(to->reach_half_dim), wide = tokens(to->reach_double_dim);
    say_reach(spec, to, to->sentence[0]);
    if (to->falls_to != 0.0) {
        (void)snprintf(to->sentence[1], EXPLAIN_SENTENCE_BYTES,
                       "The base sets how far that is: base %.4g gives %s, base %.4g %s; but not "
                       "in step, for "
                       "from base %.6g to %.6g the first zero falls from %" PRId64 " to %" PRId64 " tokens.",
                       to->less, less.text, to->more, more.text, to->falls_from, to->falls_to,
                       to->falls_reach_from, to->falls_reach_to);
    } else {
        (void)snprintf(to->sentence[1], EXPLAIN_SENTENCE_BYTES,
                       "The base sets how far that is: base %.4g gives %s, base %.4g %s.", to->less,
                       less.text, to->more, more.text);
    }
    if (to->reach_half_dim > 0 || to->reach_double_dim > 0) {
        (void)snprintf(
            to->sentence[2], EXPLAIN_SENTENCE_BYTES,
            "The head dimension matters as well: at this base, unscaled, %d dimensions reach %s and %d reach "
            "%s.",
            (int)spec->head_dim / 2, narrow.text, (int)spec->head_dim * 2, wide.text);
    } else {
        (void)snprintf(to->sentence[2], EXPLAIN_SENTENCE_BYTES,
                       "The head dimension matters as well: more pairs fill the gaps between wavelengths.");
    }
    say_scaling(spec, to, to->sentence[3]);
    say_least(spec, to, to->sentence[4]);
}

json_t *explain_document(const ropemap_spec *spec, const explanation *found) {
    json_t *sentences = json_array();
    for (int i = 0; i < EXPLAIN_SENTENCES && found->sentence[i][0] != '\0'; i++) {
        (void)json_array_append_new(sentences, document_text(found->sentence[i]));
    }
    return json_pack(
        "{s:s, s:s, s:o, s:f, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:f, s:I, s:o, "
        "s:b}",
        "schema", "ropemap.explain/1", "version", ropemap_version(), "sentences", sentences, "base",
        spec->base, "head_dim", (int)spec->head_dim, "first_negative", (json_int_t)found->own.reach, "half",
        (json_int_t)found->own.half, "first_negative_rotated", (json_int_t)found->rotated.reach,
        "half_rotated", (json_int_t)found->rotated.half, "first_negative_unscaled",
        (json_int_t)found->plain.reach, "first_negative_tenth_base", (json_int_t)found->reach_less,
        "first_negative_ten_times_base", (json_int_t)found->reach_more, "first_negative_half_dim",
        (json_int_t)found->reach_half_dim, "first_negative_double_dim", (json_int_t)found->reach_double_dim,
        "pairs", (int)found->pairs, "pairs_slowed", (int)found->slowed, "attention_factor", found->attention,
        "length", (json_int_t)found->length, "least_base",
        found->has_least ? json_real(found->least_base) : json_null(), "least_base_is_edge",
        found->has_least && found->least_is_edge);
}
