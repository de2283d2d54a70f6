/* bound_report.c - how far a base reaches and which bases reach far enough, as text and JSON */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/bound_options.h"
#include "tools/ropemap/document.h"
#include "tools/ropemap/failure.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* ---- text ---------------------------------------------------------------------------------------------- */

static void print_reach(const ropemap_spec *spec, const ropemap_reach *reach, int64_t limit) {
    char origin[200];
    rule_origin(spec, origin, sizeof origin);
    print_plain(stdout, origin);
    (void)printf(", d = %d: ", (int)spec->head_dim);
    if (reach->reach > 0) {
        (void)printf("reach %" PRId64 " tokens: there similarity is first below zero (%.3g of S(0))\n",
                     reach->reach, reach->value);
    } else {
        (void)printf("similarity stays at or above zero for all %" PRId64
                     " distances looked at; it is least, %.3g of S(0), at %" PRId64 "\n",
                     limit, reach->least, reach->least_at);
    }
    if (reach->half > 0) {
        (void)printf("similarity is first below half of S(0) at %" PRId64 " tokens\n", reach->half);
    }
}

/* The least base, or what a search that began inside a window knows of it. */
static void print_least(const bound_found *found) {
    const ropemap_window *first = &found->windows[0];
    if (!first->low_is_edge) {
        (void)printf("least base %.6g\n", first->low);
    } else if (bound_any_base(first)) {
        (void)printf("every base above 1 holds, up to %.6g%s\n", first->high,
                     first->high_is_edge ? ", where the search ends" : "");
    } else {
        (void)printf("least base at most %.6g, where the search begins (--bases LOW:HIGH moves that)\n",
                     first->low);
    }
}

static void print_found(const bound_found *found) {
    (void)printf("length %" PRId64 ", d = %d: ", found->length, (int)found->head_dim);
    if (found->count == 0) {
        (void)printf("no base that was searched keeps similarity from falling below zero\n");
        return;
    }
    print_least(found);
    for (int i = 0; i < found->count; i++) {
        const ropemap_window *window = &found->windows[i];
        (void)printf("    window %.9g%s to %.9g%s: at its lower end least at r = %" PRId64 " (%.3g of S(0))",
                     window->low, window->low_is_edge ? " (edge of the search)" : "", window->high,
                     window->high_is_edge ? " (edge of the search)" : "", window->worst_at, window->worst);
        if (!window->low_is_edge) {
            (void)printf("; just below it fails at r = %" PRId64, window->fails_at);
        }
        (void)printf("\n");
    }
}

static void print_table(const bound_found *found, int count) {
    (void)printf("%10s %6s %14s %12s\n", "length", "d", "least base", "worst at");
    for (int i = 0; i < count; i++) {
        const ropemap_window *first = &found[i].windows[0];
        char base[40] = "none", worst[24] = "";
        if (found[i].count > 0) {
            (void)snprintf(base, sizeof base, "%s%.6g",
                           bound_any_base(first) ? "above "
                           : first->low_is_edge  ? "at most "
                                                 : "",
                           first->low);
            (void)snprintf(worst, sizeof worst, " %12" PRId64, first->worst_at);
        }
        (void)printf("%10" PRId64 " %6d %14s%s\n", found[i].length, (int)found[i].head_dim, base, worst);
    }
}

int bound_text(const ropemap_spec *spec, const bound_results *results) {
    if (results->has_reach) {
        print_reach(spec, &results->reach, results->limit);
    }
    if (results->count == 1) {
        print_found(results->found);
    } else if (results->count > 1) {
        print_table(results->found, results->count);
    }
    return finish_stdout();
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static json_t *windows_array(const bound_found *found) {
    json_t *windows = json_array();
    for (int i = 0; i < found->count; i++) {
        const ropemap_window *window = &found->windows[i];
        (void)json_array_append_new(
            windows,
            json_pack("{s:f, s:f, s:b, s:b, s:I, s:f, s:o}", "low", window->low, "high", window->high,
                      "low_is_edge", window->low_is_edge, "high_is_edge", window->high_is_edge, "worst_at",
                      (json_int_t)window->worst_at, "worst", window->worst, "fails_at",
                      window->low_is_edge ? json_null() : json_integer((json_int_t)window->fails_at)));
    }
    return windows;
}

static json_t *found_object(const bound_found *found) {
    return json_pack("{s:I, s:i, s:o, s:b, s:o}", "length", (json_int_t)found->length, "head_dim",
                     (int)found->head_dim, "base",
                     found->count > 0 ? json_real(found->windows[0].low) : json_null(), "base_is_edge",
                     found->count > 0 && found->windows[0].low_is_edge, "windows", windows_array(found));
}

static json_t *whole(int64_t value) {
    return value > 0 ? json_integer((json_int_t)value) : json_null();
}

static void add_reach(json_t *document, const ropemap_spec *spec, const ropemap_reach *reach, int64_t limit) {
    json_t *more =
        json_pack("{s:o, s:o, s:o, s:I, s:o, s:f, s:I, s:o}", "of_base", document_base(spec),
                  "frequencies_from", document_frequencies(spec), "reach", whole(reach->reach), "limit",
                  (json_int_t)limit, "value", document_real(reach->value), "least", reach->least, "least_at",
                  (json_int_t)reach->least_at, "half", whole(reach->half));
    (void)json_object_update(document, more);
    json_decref(more);
}

json_t *bound_document(const ropemap_spec *spec, const bound_results *results) {
    char scaling[400];
    ropemap_scaling_format(&spec->scaling, false, scaling, sizeof scaling);
    json_t *document = json_pack("{s:s, s:s, s:i, s:s}", "schema", "ropemap.bound/1", "version",
                                 ropemap_version(), "head_dim", (int)spec->head_dim, "scaling", scaling);
    if (document != NULL && results->has_reach) {
        add_reach(document, spec, &results->reach, results->limit);
    }
    if (document != NULL && results->count == 1) {
        json_t *one = found_object(results->found);
        (void)json_object_update(document, one);
        json_decref(one);
    } else if (document != NULL && results->count > 1) {
        json_t *table = json_array();
        for (int i = 0; i < results->count; i++) {
            (void)json_array_append_new(table, found_object(&results->found[i]));
        }
        (void)json_object_set_new(document, "table", table);
    }
    return document;
}
