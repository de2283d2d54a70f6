/* encoding.c - similarity against distance for encodings other than RoPE */
/* SPDX-License-Identifier: MIT */
#include "host/map/encoding.h"
#include "cuda/arith.h"

#include <math.h>

/* xPos (Sun et al. 2022, arXiv 2212.10554): gamma, and tokens over which a pair's factor applies once. */
static const double XPOS_GAMMA = 0.4, XPOS_TOKENS = 512.0;

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
        (job->request->encoding.slope != 0.0 ? job->request->encoding.slope : ROPEMAP_SLOPE) / job->scale;
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
