/* gguf_llama3.c - the rule of Llama 3.1, known again by its divisors, which are all that a GGUF file keeps of
 * it */
/* SPDX-License-Identifier: MIT */
#include "host/spec/gguf_model.h"

#include "host/base/alloc.h"

#include <math.h>

/* Divisors are stored in float32, and made in it by some converters. */
static const double CLOSE = 2e-6;

/* Original lengths of published models that have this rule. */
static const double lengths[] = {8192.0, 4096.0, 16384.0, 32768.0, 2048.0};

static ropemap_scaling candidate(double factor, double length) {
    return (ropemap_scaling){.rule = ROPEMAP_SCALING_LLAMA3,
                             .factor = factor,
                             .low_freq_factor = 1.0,
                             .high_freq_factor = 4.0,
                             .original_length = length};
}

/* Whether the rule divides as the list does. `radians` [2, pairs] is scratch. */
static bool is_rule(const ropemap_spec *spec, const ropemap_scaling *scaling, double *radians) {
    const int32_t pairs = spec->scaling.list_count;
    ropemap_spec other = *spec;
    other.scaling = *scaling;
    if ((spec->rotary_dim == 0 ? spec->head_dim : spec->rotary_dim) != 2 * pairs ||
        ropemap_spec_radians(&other, radians, NULL) != ROPEMAP_OK) {
        return false;
    }
    other.scaling = (ropemap_scaling){.rule = ROPEMAP_SCALING_NONE};
    if (ropemap_spec_radians(&other, radians + pairs, NULL) != ROPEMAP_OK) {
        return false;
    }
    for (int32_t i = 0; i < pairs; i++) {
        const double wanted = radians[pairs + i] / radians[i];
        if (!(fabs(spec->scaling.long_factors[i] - wanted) <= CLOSE * wanted)) {
            return false;
        }
    }
    return true;
}

static bool find(const ropemap_spec *spec, ropemap_scaling *found, double *radians) {
    const double factor = spec->scaling.long_factors[spec->scaling.list_count - 1];
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0] && factor > 1.0; i++) {
        *found = candidate(factor, lengths[i]);
        if (is_rule(spec, found, radians)) {
            return true;
        }
    }
    return false;
}

ropemap_status rm_gguf_recognise_llama3(const rm_gguf_reader *reader) {
    ropemap_spec *spec = &reader->model->spec;
    const int32_t pairs = spec->scaling.list_count;
    double *radians = rm_alloc(2 * (uint64_t)pairs, sizeof *radians);
    ropemap_status status = ROPEMAP_OK;
    ropemap_scaling found;
    if (radians == NULL) {
        status = rm_fail_memory(reader->error, "frequencies", 2 * (uint64_t)pairs * sizeof *radians);
    } else if (find(spec, &found, radians)) {
        spec->scaling = found;
        rm_model_fact(reader->model, "known rule", "known by the divisors of rope_freqs.weight",
                      "llama3:factor=%.9g,low=1,high=4,original=%.9g", found.factor, found.original_length);
    }
    rm_free(radians);
    return status;
}
