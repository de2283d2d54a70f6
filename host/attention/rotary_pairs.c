/* rotary_pairs.c - what each rotary pair of real heads does, from one read of their rows */
/* SPDX-License-Identifier: MIT */
#include "cuda/arith.h"
#include "host/base/alloc.h"
#include "host/base/team.h"
#include "host/data/vectors.h"
#include "host/map/cells.h"
#include "host/ropemap_attention.h"
#include "host/rule/rule.h"

#include <inttypes.h>

/*
 * Over all queries and keys the sum of a pair's contributions c = q . k, each rotated, is the product of the
 * sums of q and of k, and that of c^2 the product of their second moments. Over the keys that a query may see
 * it is the same with the keys that came before it: rows are taken in the order of their positions, keys
 * first, and each query meets the sums of the keys so far. O(rows * head_dim) either way.
 */

/* Sums over rows, each [pairs]. */
enum {
    NORM,
    X, /* before the rotation */
    Y,
    U, /* after it, without the attention factor */
    V,
    UU,
    UV,
    VV,
    SUMS,
    C = SUMS, /* contributions with the keys so far, of causal queries */
    CC,
    QUERY_SUMS
};

enum { ROWS_AT_ONCE = 64 };

/* One row's pairs, each [pairs]. */
struct row {
    double *x, *y, *u, *v; /* before the rotation and after it */
};

/* What all groups share. */
struct work {
    const ropemap_pairs_request *request;
    const ropemap_magnitudes *magnitudes; /* NULL: none */
    ropemap_range rows, cols;             /* positions of queries and of keys */
    const double *frequencies;            /* [rotating] radians a token */
    ropemap_freqs freqs;
    int32_t pairs, rotating;
    const int32_t *first_heads; /* [groups + 1] the first head of each group of heads that share keys */
    ropemap_pair *made;
    rm_team *team;
};

/* Rows of one side of one head: sums over those that were taken, and the open cell of its magnitudes. */
struct side {
    const ropemap_vectors *vectors;
    ropemap_range positions;
    double *sums;  /* [SUMS or QUERY_SUMS, pairs] */
    float *rows;   /* [ROWS_AT_ONCE, head_dim] */
    double *cell;  /* [2, head_dim] sums of magnitudes before and after the rotation */
    float *before; /* [head_dim, cells], and `after`; NULL: no magnitudes */
    float *after;
    int64_t next;              /* row to take */
    int64_t cell_at, cell_end; /* the open cell and the row after it */
    int64_t cell_rows;         /* rows in it so far */
};

/* Heads that share keys, and their scratch. */
struct group {
    const struct work *work;
    int32_t first, count; /* heads */
    struct side keys, *queries;
    int64_t position; /* that `c` and `s` are of; -1: none */
    double *c, *s;    /* [pairs] */
    struct row row;
    int64_t seen; /* queries times the keys that they see */
};

/* ---- rows ---------------------------------------------------------------------------------------------- */

/* The second follows the first at once, or in the other half of what rotates. */
static int32_t first_element(const struct work *work, int32_t pair) {
    const bool half = work->request->spec.layout == ROPEMAP_LAYOUT_HALF;
    return half && pair < work->rotating ? pair : 2 * pair;
}

static int32_t second_element(const struct work *work, int32_t pair) {
    const bool half = work->request->spec.layout == ROPEMAP_LAYOUT_HALF;
    return half && pair < work->rotating ? pair + work->rotating : 2 * pair + 1;
}

/* Cosines and sines at a position: exact phases, rounded to float by no more than 1.2e-7. */
static void turn_to(struct group *group, int64_t position) {
    const ropemap_freqs *freqs = &group->work->freqs;
    for (int32_t i = 0; i < freqs->pairs && position != group->position; i++) {
        const uint32_t phase = rm_phase32(rm_phase(freqs->step[i], freqs->fine[i], position));
        group->c[i] = (double)rm_cos(phase);
        group->s[i] = (double)rm_sin(phase);
    }
    group->position = position;
}

/* The pairs of a row before and after its rotation, whichever the file has. */
static void take_pairs(const struct group *group, const float *from) {
    const struct work *work = group->work;
    const bool rotated = work->request->already_rotated;
    const double factor = rotated ? 1.0 / work->freqs.attention_factor : 1.0, sign = rotated ? -1.0 : 1.0;
    double *x = rotated ? group->row.u : group->row.x, *y = rotated ? group->row.v : group->row.y;
    double *u = rotated ? group->row.x : group->row.u, *v = rotated ? group->row.y : group->row.v;
    for (int32_t i = 0; i < work->pairs; i++) {
        const double scale = i < work->rotating ? factor : 1.0;
        x[i] = scale * (double)from[first_element(work, i)];
        y[i] = scale * (double)from[second_element(work, i)];
    }
    for (int32_t i = 0; i < work->rotating; i++) {
        const double c = group->c[i], s = sign * group->s[i];
        u[i] = x[i] * c - y[i] * s;
        v[i] = x[i] * s + y[i] * c;
    }
    for (int32_t i = work->rotating; i < work->pairs; i++) {
        u[i] = x[i];
        v[i] = y[i];
    }
}

static void add_sums(const struct row *row, int32_t pairs, double *sums) {
    for (int32_t i = 0; i < pairs; i++) {
        sums[NORM * pairs + i] += sqrt(row->x[i] * row->x[i] + row->y[i] * row->y[i]);
    }
    for (int32_t i = 0; i < pairs; i++) {
        const double u = row->u[i], v = row->v[i];
        sums[X * pairs + i] += row->x[i];
        sums[Y * pairs + i] += row->y[i];
        sums[U * pairs + i] += u;
        sums[V * pairs + i] += v;
        sums[UU * pairs + i] += u * u;
        sums[UV * pairs + i] += u * v;
        sums[VV * pairs + i] += v * v;
    }
}

/* The contributions of a query with every key so far. */
static void meet_keys(const struct row *row, int32_t pairs, const double *keys, double *sums) {
    for (int32_t i = 0; i < pairs; i++) {
        const double u = row->u[i], v = row->v[i];
        sums[C * pairs + i] += u * keys[U * pairs + i] + v * keys[V * pairs + i];
        sums[CC * pairs + i] +=
            u * u * keys[UU * pairs + i] + 2.0 * u * v * keys[UV * pairs + i] + v * v * keys[VV * pairs + i];
    }
}

/* ---- magnitudes ---------------------------------------------------------------------------------------- */

static void end_cell(const struct work *work, struct side *side) {
    const int64_t cells = work->magnitudes->cells, dim = work->request->spec.head_dim;
    for (int64_t d = 0; d < dim; d++) {
        side->before[d * cells + side->cell_at] = (float)(side->cell[d] / (double)side->cell_rows);
        side->after[d * cells + side->cell_at] = (float)(side->cell[dim + d] / (double)side->cell_rows);
        side->cell[d] = side->cell[dim + d] = 0.0;
    }
    side->cell_rows = 0;
    side->cell_at++;
}

static void add_magnitudes(const struct work *work, const struct row *row, struct side *side) {
    const int64_t dim = work->request->spec.head_dim;
    int64_t first = 0, end = 0;
    for (int32_t i = 0; i < work->pairs; i++) {
        const double gain = i < work->rotating ? work->freqs.attention_factor : 1.0;
        const int32_t x = first_element(work, i), y = second_element(work, i);
        side->cell[x] += fabs(row->x[i]);
        side->cell[y] += fabs(row->y[i]);
        side->cell[dim + x] += gain * fabs(row->u[i]);
        side->cell[dim + y] += gain * fabs(row->v[i]);
    }
    side->cell_rows++;
    ropemap_cell_bounds(side->positions.count, work->magnitudes->cells, side->cell_at, &first, &end);
    if (side->next + 1 == end) {
        end_cell(work, side);
    }
}

/* ---- a group ------------------------------------------------------------------------------------------- */

/* Takes the side's next row, at its position. */
static ropemap_status take_row(struct group *group, struct side *side, ropemap_error *error) {
    const struct work *work = group->work;
    const int64_t at = side->next % ROWS_AT_ONCE, left = side->positions.count - side->next;
    if (at == 0) {
        const int64_t count = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
        RM_TRY(side->vectors->read(side->vectors, side->next, count, 1, side->rows, error));
    }
    turn_to(group, rm_position(side->positions, side->next));
    take_pairs(group, side->rows + at * work->request->spec.head_dim);
    add_sums(&group->row, work->pairs, side->sums);
    if (side->before != NULL) {
        add_magnitudes(work, &group->row, side);
    }
    side->next++;
    return ROPEMAP_OK;
}

/* Takes the keys whose position is not beyond `last`. */
static ropemap_status take_keys(struct group *group, int64_t last, ropemap_error *error) {
    while (group->keys.next < group->keys.positions.count &&
           rm_position(group->keys.positions, group->keys.next) <= last) {
        RM_TRY(take_row(group, &group->keys, error));
    }
    return ROPEMAP_OK;
}

static ropemap_status take_all(struct group *group, int32_t worker, ropemap_error *error) {
    const struct work *work = group->work;
    for (int64_t i = 0; i < work->rows.count; i++) {
        if (i % ROWS_AT_ONCE == 0) {
            RM_TRY(rm_team_poll(work->team, worker, error));
        }
        RM_TRY(take_keys(group, rm_position(work->rows, i), error));
        group->seen += group->keys.next;
        for (int32_t head = 0; head < group->count; head++) {
            RM_TRY(take_row(group, &group->queries[head], error));
            if (work->request->causal) {
                meet_keys(&group->row, work->pairs, group->keys.sums, group->queries[head].sums);
            }
        }
    }
    return take_keys(group, INT64_MAX, error);
}

/* ---- statistics ---------------------------------------------------------------------------------------- */

static ropemap_pair_side finish_side(const double *sums, int32_t pairs, int32_t pair, int64_t rows) {
    const double count = (double)rows, norm = sums[NORM * pairs + pair] / count;
    const double x = sums[X * pairs + pair] / count, y = sums[Y * pairs + pair] / count;
    return (ropemap_pair_side){.norm = norm, .x = x, .y = y, .resultant = sqrt(x * x + y * y) / norm};
}

/* The sums of contributions and of their squares, of `count` of them. */
static void finish_logits(const struct group *group, const double *query, int32_t i, ropemap_pair *pair) {
    const struct work *work = group->work;
    const double *key = group->keys.sums;
    const int32_t n = work->pairs;
    double count = (double)group->seen, sum = 0.0, square = 0.0;
    if (work->request->causal) {
        sum = query[C * n + i];
        square = query[CC * n + i];
    } else {
        count = (double)work->rows.count * (double)work->cols.count;
        sum = query[U * n + i] * key[U * n + i] + query[V * n + i] * key[V * n + i];
        square = query[UU * n + i] * key[UU * n + i] + 2.0 * query[UV * n + i] * key[UV * n + i] +
                 query[VV * n + i] * key[VV * n + i];
    }
    const double factor = i < work->rotating ? work->freqs.attention_factor : 1.0, gain = factor * factor;
    const double mean = sum / count, variance = square / count - mean * mean;
    pair->mean = gain * mean;
    pair->variance = gain * gain * (variance < 0.0 ? 0.0 : variance); /* NaN stays */
}

static void finish_head(const struct group *group, int32_t head) {
    const struct work *work = group->work;
    const int32_t n = work->pairs;
    const double *query = group->queries[head].sums;
    ropemap_pair *made = work->made + (int64_t)(group->first + head) * n;
    double total = 0.0;
    for (int32_t i = 0; i < n; i++) {
        made[i] = (ropemap_pair){.frequency = i < work->rotating ? work->frequencies[i] : 0.0,
                                 .query = finish_side(query, n, i, work->rows.count),
                                 .key = finish_side(group->keys.sums, n, i, work->cols.count)};
        const ropemap_pair_side *q = &made[i].query, *k = &made[i].key;
        made[i].angle = atan2(q->y * k->x - q->x * k->y, q->x * k->x + q->y * k->y);
        finish_logits(group, query, i, &made[i]);
        total += made[i].variance;
    }
    for (int32_t i = 0; i < n; i++) {
        made[i].share = made[i].variance / total;
    }
}

/* ---- memory -------------------------------------------------------------------------------------------- */

/* The next `count` doubles of the group's own. */
static double *next_doubles(double **room, int64_t count) {
    double *taken = *room;
    *room += count;
    return taken;
}

static void open_side(const struct work *work, const ropemap_vectors *vectors, bool query, double **doubles,
                      float **floats, struct side *side) {
    const int64_t dim = work->request->spec.head_dim;
    *side = (struct side){.vectors = vectors,
                          .positions = query ? work->rows : work->cols,
                          .sums = next_doubles(doubles, (query ? QUERY_SUMS : SUMS) * work->pairs),
                          .cell = next_doubles(doubles, 2 * dim),
                          .rows = *floats};
    *floats += ROWS_AT_ONCE * dim;
}

/* Keys that heads share have magnitudes with each of them: made with the first, copied to the others. */
static void open_magnitudes(const struct group *group, int32_t head, struct side *side, bool query) {
    const ropemap_magnitudes *to = group->work->magnitudes;
    if (to != NULL) {
        const int64_t size = group->work->request->spec.head_dim * to->cells;
        float *values = to->values + (group->first + head) * ROPEMAP_MAGNITUDES * size;
        side->before = values + (query ? 0 : size);
        side->after = side->before + 2 * size;
    }
}

static void copy_magnitudes(const struct group *group) {
    const ropemap_magnitudes *to = group->work->magnitudes;
    const int64_t size = to == NULL ? 0 : group->work->request->spec.head_dim * to->cells;
    for (int32_t head = 1; head < group->count && to != NULL; head++) {
        float *values = to->values + (group->first + head) * ROPEMAP_MAGNITUDES * size;
        memcpy(values + size, group->keys.before, (size_t)size * sizeof *values);
        memcpy(values + 3 * size, group->keys.after, (size_t)size * sizeof *values);
    }
}

static void open_sides(struct group *group, double *doubles, float *floats) {
    const struct work *work = group->work;
    const ropemap_head *heads = work->request->heads + group->first;
    const int32_t n = work->pairs;
    group->c = next_doubles(&doubles, n);
    group->s = next_doubles(&doubles, n);
    group->row.x = next_doubles(&doubles, n);
    group->row.y = next_doubles(&doubles, n);
    group->row.u = next_doubles(&doubles, n);
    group->row.v = next_doubles(&doubles, n);
    open_side(work, heads[0].keys, false, &doubles, &floats, &group->keys);
    open_magnitudes(group, 0, &group->keys, false);
    for (int32_t head = 0; head < group->count; head++) {
        open_side(work, heads[head].queries, true, &doubles, &floats, &group->queries[head]);
        open_magnitudes(group, head, &group->queries[head], true);
    }
}

static ropemap_status group_task(void *given, int64_t task, int32_t worker, ropemap_error *error) {
    const struct work *work = given;
    struct group group = {.work = work, .first = work->first_heads[task], .position = -1};
    group.count = work->first_heads[task + 1] - group.first;
    const uint64_t dim = (uint64_t)work->request->spec.head_dim, sides = (uint64_t)group.count + 1;
    const uint64_t doubles = dim / 2 * 6 + sides * (QUERY_SUMS * dim / 2 + 2 * dim);
    const uint64_t floats = sides * ROWS_AT_ONCE * dim;
    double *sums = rm_alloc(doubles, sizeof *sums);
    float *rows = rm_alloc_raw(floats, sizeof *rows);
    group.queries = rm_alloc((uint64_t)group.count, sizeof *group.queries);
    ropemap_status status = ROPEMAP_OK;
    if (sums == NULL || rows == NULL || group.queries == NULL) {
        status = rm_fail_memory(error, "pairs", doubles * sizeof *sums + floats * sizeof *rows);
    } else {
        open_sides(&group, sums, rows);
        status = take_all(&group, worker, error);
    }
    for (int32_t head = 0; status == ROPEMAP_OK && head < group.count; head++) {
        finish_head(&group, head);
    }
    if (status == ROPEMAP_OK) {
        copy_magnitudes(&group);
    }
    rm_free(group.queries);
    rm_free(rows);
    rm_free(sums);
    return status;
}

/* ---- the request --------------------------------------------------------------------------------------- */

static ropemap_status check_side(const char *side, const ropemap_vectors *vectors, ropemap_range positions,
                                 int32_t head_dim, ropemap_error *error) {
    if (vectors == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: none; pairs are of queries and keys both", side);
    }
    if (vectors->head_dim != head_dim) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "head-dim: rows of %s have %" PRId32 " elements, the rule %" PRId32, vectors->label,
                       vectors->head_dim, head_dim);
    }
    if (vectors->count >= ROPEMAP_POSITION_END) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: %s has no end; give rows that have one", side,
                       vectors->label);
    }
    return vectors->count == positions.count && vectors->first == positions.first &&
                   vectors->step == positions.step
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE,
                         "%s: %" PRId64 " rows from position %" PRId64 " on in steps of %" PRId64
                         ", but %" PRId64 " from %" PRId64 " on in steps of %" PRId64 " in the first head",
                         side, vectors->count, vectors->first, vectors->step, positions.count,
                         positions.first, positions.step);
}

static ropemap_range positions_of(const ropemap_vectors *vectors) {
    return vectors != NULL ? ropemap_vectors_positions(vectors) : (ropemap_range){.count = 0};
}

static ropemap_status check(const ropemap_pairs_request *request, const ropemap_magnitudes *magnitudes,
                            ropemap_error *error) {
    RM_TRY(ropemap_spec_check(&request->spec, error));
    RM_TRY(rm_axes_refuse(&request->spec, "a pair follows one position a token", error));
    if (request->count < 1 || request->heads == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "heads: %" PRId32 "; give 1 or more", request->count);
    }
    const ropemap_range rows = positions_of(request->heads[0].queries);
    const ropemap_range cols = positions_of(request->heads[0].keys);
    for (int32_t i = 0; i < request->count; i++) {
        const ropemap_head *head = &request->heads[i];
        RM_TRY(check_side("queries", head->queries, rows, request->spec.head_dim, error));
        RM_TRY(check_side("keys", head->keys, cols, request->spec.head_dim, error));
    }
    const int64_t least = rows.count < cols.count ? rows.count : cols.count;
    return magnitudes == NULL || (magnitudes->cells >= 1 && magnitudes->cells <= least)
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE, "magnitudes: %" PRId64 " cells; give 1 to %" PRId64,
                         magnitudes->cells, least);
}

/* Where the groups begin, and at [*groups] the number of heads. */
static void find_groups(const ropemap_pairs_request *request, int32_t *first_heads, int64_t *groups) {
    *groups = 0;
    for (int32_t i = 0; i < request->count; i++) {
        if (i == 0 || request->heads[i].keys != request->heads[i - 1].keys) {
            first_heads[(*groups)++] = i;
        }
    }
    first_heads[*groups] = request->count;
}

static ropemap_status run(struct work *work, int32_t *first_heads, double *frequencies,
                          ropemap_error *error) {
    const ropemap_pairs_request *request = work->request;
    int64_t groups = 0;
    rm_team team = {.progress = request->progress, .progress_user = request->progress_user};
    RM_TRY(rm_team_size(request->threads, &team.threads, error));
    RM_TRY(rm_freqs_make(&request->spec, &work->freqs, error));
    RM_TRY(ropemap_spec_radians(&request->spec, frequencies, error));
    find_groups(request, first_heads, &groups);
    work->rotating = work->freqs.pairs;
    work->frequencies = frequencies;
    work->first_heads = first_heads;
    work->team = &team;
    team.threads = team.threads < groups ? team.threads : (int32_t)groups;
    return rm_team_run(&team, "pairs", groups, group_task, work, error);
}

ropemap_status ropemap_pairs_compute(const ropemap_pairs_request *request, ropemap_pair *pairs,
                                     const ropemap_magnitudes *magnitudes, ropemap_error *error) {
    RM_TRY(check(request, magnitudes, error));
    struct work *work = rm_alloc(1, sizeof *work);
    int32_t *first_heads = rm_alloc((uint64_t)request->count + 1, sizeof *first_heads);
    double *frequencies = rm_alloc((uint64_t)request->spec.head_dim / 2, sizeof *frequencies);
    ropemap_status status = ROPEMAP_OK;
    if (work == NULL || first_heads == NULL || frequencies == NULL) {
        status = rm_fail_memory(error, "pairs", sizeof *work);
    } else {
        work->request = request;
        work->magnitudes = magnitudes;
        work->rows = positions_of(request->heads[0].queries);
        work->cols = positions_of(request->heads[0].keys);
        work->pairs = request->spec.head_dim / 2;
        work->made = pairs;
        status = run(work, first_heads, frequencies, error);
    }
    rm_free(frequencies);
    rm_free(first_heads);
    rm_free(work);
    return status;
}

/* ---- curves -------------------------------------------------------------------------------------------- */

/* Distances that a phasor steps through before it is made anew: 256 steps are off by 256 * 2^-52. */
enum { STEPS = 256 };

static const double TWO_PI = 6.283185307179586476925;

/* Adds a cos(theta r + angle), r = 0 .. count - 1, of a pair that advances by `step` and `fine`. */
static void add_wave(double length, double angle, uint64_t step, uint32_t fine, int64_t count,
                     double *values) {
    const double theta = (double)(int64_t)step * 0x1p-64 * TWO_PI, c = cos(theta), s = sin(theta);
    for (int64_t first = 0; first < count; first += STEPS) {
        const int64_t end = count - first < STEPS ? count : first + STEPS;
        const double turns = (double)(int64_t)rm_phase(step, fine, first) * 0x1p-64;
        double x = length * cos(turns * TWO_PI + angle), y = length * sin(turns * TWO_PI + angle);
        for (int64_t r = first; r < end; r++) {
            const double next = x * c - y * s;
            values[r] += x;
            y = x * s + y * c;
            x = next;
        }
    }
}

ropemap_status ropemap_pairs_curve(const ropemap_spec *spec, const ropemap_pair *pairs, int64_t count,
                                   double *values, ropemap_error *error) {
    RM_TRY(ropemap_spec_check(spec, error));
    RM_TRY(rm_axes_refuse(spec, "a curve runs along one of them", error));
    RM_TRY(rm_range_check("distances", (ropemap_range){.count = count, .step = 1}, false, error));
    ropemap_freqs *freqs = rm_alloc(1, sizeof *freqs);
    if (freqs == NULL) {
        return rm_fail_memory(error, "frequencies", sizeof *freqs);
    }
    const ropemap_status status = rm_freqs_make(spec, freqs, error);
    memset(values, 0, (size_t)count * sizeof *values);
    for (int32_t i = 0; i < spec->head_dim / 2 && status == ROPEMAP_OK; i++) {
        const ropemap_pair_side *q = &pairs[i].query, *k = &pairs[i].key;
        const bool rotates = i < freqs->pairs;
        const double gain = rotates ? freqs->attention_factor * freqs->attention_factor : 1.0;
        const double length = gain * sqrt((q->x * q->x + q->y * q->y) * (k->x * k->x + k->y * k->y));
        add_wave(length, pairs[i].angle, rotates ? freqs->step[i] : 0, rotates ? freqs->fine[i] : 0, count,
                 values);
    }
    rm_free(freqs);
    return status;
}

/* The weighted means first, then the moments about them. */
double ropemap_pairs_correlation(const double *one, const double *other, int64_t count) {
    double weights = 0.0, mean_one = 0.0, mean_other = 0.0, oneone = 0.0, oneother = 0.0, otherother = 0.0;
    for (int64_t r = 1; r < count; r++) {
        weights += 1.0 / (double)r;
        mean_one += one[r] / (double)r;
        mean_other += other[r] / (double)r;
    }
    for (int64_t r = 1; r < count; r++) {
        const double a = one[r] - mean_one / weights, b = other[r] - mean_other / weights;
        oneone += a * a / (double)r;
        oneother += a * b / (double)r;
        otherother += b * b / (double)r;
    }
    return oneother / sqrt(oneone * otherother);
}
