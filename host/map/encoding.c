/* encoding.c - similarity against distance for encodings other than RoPE */
/* SPDX-License-Identifier: MIT */
#include "host/map/encoding.h"
#include "cuda/arith.h"

#include <inttypes.h>
#include <math.h>

static const char *const names[] = {"rope", "sinusoidal", "alibi", "xpos", "nope", "dual-chunk"};

/* xPos (Sun et al. 2022, arXiv 2212.10554): gamma, and tokens over which a pair's factor applies once. */
static const double XPOS_GAMMA = 0.4, XPOS_TOKENS = 512.0;

static const double USUAL_SLOPE = 1.0 / 256.0; /* of the head of eight that sees farthest */

const char *ropemap_encoding_name(ropemap_encoding encoding) {
    return (unsigned)encoding < sizeof names / sizeof names[0] ? names[encoding] : NULL;
}

bool rm_encoding_by_distance(const ropemap_job *job) {
    const ropemap_encoding encoding = job->request->encoding.kind;
    return encoding != ROPEMAP_ENCODING_ROPE && encoding != ROPEMAP_ENCODING_NOPE;
}

bool rm_encoding_is_own(const ropemap_job *job) {
    const ropemap_encoding encoding = job->request->encoding.kind;
    return encoding == ROPEMAP_ENCODING_ALIBI || encoding == ROPEMAP_ENCODING_XPOS;
}

rm_chunks rm_chunks_of(const ropemap_request *request) {
    rm_chunks chunks = {.chunk = request->encoding.chunk != 0 ? request->encoding.chunk : ROPEMAP_CHUNK,
                        .local = request->encoding.local != 0 ? request->encoding.local : ROPEMAP_LOCAL};
    chunks.length = chunks.chunk - chunks.local;
    const int64_t within = 2 * chunks.length - 1;
    chunks.far = within < chunks.chunk ? within : chunks.chunk;
    return chunks;
}

static ropemap_status check_chunks(const ropemap_request *request, ropemap_error *error) {
    if (request->encoding.kind != ROPEMAP_ENCODING_DUAL_CHUNK) {
        return request->encoding.chunk == 0 && request->encoding.local == 0
                   ? ROPEMAP_OK
                   : rm_fail(error, ROPEMAP_USAGE, "%s: %" PRId64 " with %s, expected with dual-chunk",
                             request->encoding.chunk != 0 ? "chunk" : "local",
                             request->encoding.chunk != 0 ? request->encoding.chunk : request->encoding.local,
                             ropemap_encoding_name(request->encoding.kind));
    }
    const rm_chunks chunks = rm_chunks_of(request);
    if (chunks.chunk < 2 || chunks.chunk > ROPEMAP_MAX_CHUNK) {
        return rm_fail(error, ROPEMAP_USAGE, "chunk: %" PRId64 ", expected 2 to %" PRId64 " tokens",
                       chunks.chunk, ROPEMAP_MAX_CHUNK);
    }
    if (chunks.local < 1 || chunks.local >= chunks.chunk) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "local: %" PRId64 " with a chunk of %" PRId64 ", expected 1 or more, fewer than that",
                       chunks.local, chunks.chunk);
    }
    if (!request->mask.causal) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "causal: dual-chunk needs it, as it has no distance to later keys");
    }
    if (request->rows.step != 1 || request->cols.step != 1) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "encoding: dual-chunk of positions in steps of %" PRId64 ", expected steps of 1",
                       request->rows.step != 1 ? request->rows.step : request->cols.step);
    }
    return ROPEMAP_OK;
}

ropemap_status rm_encoding_check(const ropemap_request *request, ropemap_error *error) {
    const char *name = ropemap_encoding_name(request->encoding.kind);
    const bool own =
        request->encoding.kind != ROPEMAP_ENCODING_ROPE && request->encoding.kind != ROPEMAP_ENCODING_NOPE;
    if (name == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "encoding: there is none numbered %d",
                       (int)request->encoding.kind);
    }
    if (own && request->queries != NULL && !(request->queries->constant && request->keys->constant)) {
        return rm_fail(error, ROPEMAP_USAGE, "encoding: %s with vectors that differ, expected content ones",
                       name);
    }
    if (own && request->rows.step != request->cols.step) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "encoding: %s with different steps of rows and columns, expected equal ones", name);
    }
    if (own && request->method != ROPEMAP_METHOD_AUTO && request->method != ROPEMAP_METHOD_DIAGONAL) {
        return rm_fail(error, ROPEMAP_USAGE, "encoding: %s by the %s method, expected diagonal", name,
                       ropemap_method_name(request->method));
    }
    RM_TRY(check_chunks(request, error));
    const bool sloped = request->encoding.slope != 0.0;
    if (sloped && request->encoding.kind != ROPEMAP_ENCODING_ALIBI) {
        return rm_fail(error, ROPEMAP_USAGE, "slope: %g with %s, expected with alibi",
                       request->encoding.slope, name);
    }
    return !sloped || (request->encoding.slope > 0.0 && request->encoding.slope <= 1e6)
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE, "slope: %g, expected a number above 0, at most 1e6",
                         request->encoding.slope);
}

/* A pair's share is 2 / d times its cosine, a fixed element's 1 / d. */
void rm_equal_weights(const ropemap_freqs *freqs, int32_t head_dim, double *weight, double *fixed) {
    const double d = head_dim, a = freqs->attention_factor;
    *weight = a * a * 2.0 / d;
    *fixed = (d - 2.0 * (double)freqs->pairs) / d;
}

void rm_encoding_weights(const ropemap_job *job, double *weight, double *fixed) {
    const double pairs = (double)job->freqs.pairs;
    *weight = 0.0;
    *fixed = 1.0;
    if (job->rotation.rotate) {
        rm_equal_weights(&job->freqs, job->queries->head_dim, weight, fixed);
    }
    if (job->request->encoding.kind == ROPEMAP_ENCODING_SINUSOIDAL) {
        *weight = 1.0 / pairs;
        *fixed = 0.0;
    } else if (job->request->encoding.kind == ROPEMAP_ENCODING_ALIBI) {
        *weight = 0.0;
        *fixed = 1.0;
    }
    if (job->rotation.normalise && job->request->encoding.kind != ROPEMAP_ENCODING_ALIBI) {
        const double length = *weight * pairs + *fixed;
        *weight /= length;
        *fixed /= length;
    }
}

/* The bias is added to the score, which the measure has scaled. */
static void alibi(const ropemap_job *job, ropemap_range distances, double *values) {
    const double slope =
        (job->request->encoding.slope != 0.0 ? job->request->encoding.slope : USUAL_SLOPE) / job->scale;
    for (int64_t t = 0; t < distances.count; t++) {
        const int64_t way = distances.first + t * distances.step;
        values[t] = -slope * (double)(way < 0 ? -way : way);
    }
}

/* Cosines shrink by zeta_i^(r/512), zeta_i = (2i + 0.4 D) / 1.4 D: of the score, since queries and keys alone
 * would leave the range of double. */
static void xpos(const ropemap_job *job, double weight, ropemap_range distances, double *values) {
    const ropemap_freqs *freqs = &job->freqs;
    const double dim = 2.0 * (double)freqs->pairs;
    for (int64_t t = 0; t < distances.count; t++) {
        const int64_t way = distances.first + t * distances.step, distance = way < 0 ? -way : way;
        double sum = 0.0;
        for (int32_t pair = 0; pair < freqs->pairs; pair++) {
            const double zeta = (2.0 * (double)pair + XPOS_GAMMA * dim) / ((1.0 + XPOS_GAMMA) * dim);
            const uint64_t phase = rm_phase(freqs->step[pair], freqs->fine[pair], distance);
            sum += (double)rm_cos(rm_phase32(phase)) * exp(log(zeta) * (double)distance / XPOS_TOKENS);
        }
        values[t] = weight * sum;
    }
}

void rm_encoding_values(const ropemap_job *job, double weight, ropemap_range distances, double *values) {
    if (job->request->encoding.kind == ROPEMAP_ENCODING_ALIBI) {
        alibi(job, distances, values);
    } else {
        xpos(job, weight, distances, values);
    }
}
