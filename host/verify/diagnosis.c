/* diagnosis.c - the likely cause of a rotation that is wrong: the first other rotation that makes its rows */
/* SPDX-License-Identifier: MIT */
#include "cuda/arith.h"
#include "host/base/alloc.h"
#include "host/ropemap_model.h"
#include "host/verify/verify.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { PAIRINGS = 8, DIGITS = 5 /* that a number which people choose has, at most */ };

/* Everything that is tried, and the words for what it is. */
typedef struct search {
    rm_sample sample;
    const rm_judging *judging;
    rm_pairing pairings[PAIRINGS]; /* [pairing_count] that rows show, the rule's own first */
    int pairing_count;
    double *radians, *found; /* [ROPEMAP_MAX_PAIRS] of the trial; as rows show them */
    int64_t apart;           /* that `found` were measured over; 0: they were not */
    rm_trial trial;
    bool backwards;           /* the trial's frequencies were negated */
    char word[40], what[300]; /* of the trial, beyond its pairing */
} search;

RM_PRINTF(3, 4) static void say(search *self, const char *word, const char *format, ...) {
    va_list list;
    va_start(list, format);
    (void)vsnprintf(self->what, sizeof self->what, format, list);
    va_end(list);
    (void)snprintf(self->word, sizeof self->word, "%s", word);
}

/* ---- rows that were not rotated at all */

/* What all rows of a sample are; words for a cause. */
static bool explain_rows(search *self, ropemap_judgement *judgement) {
    const rm_sample *sample = &self->sample;
    const int32_t dim = self->judging->rotated->spec.head_dim;
    int64_t zeros = 0, nans = 0, same = 0;
    for (int64_t row = 0; row < sample->count; row++) {
        bool zero = true, nan = false, equal = true;
        for (int64_t at = row * dim; at < (row + 1) * dim; at++) {
            zero = zero && sample->outputs[at] == 0.0f;
            nan = nan || !isfinite(sample->outputs[at]);
            equal = equal && sample->outputs[at] == sample->inputs[at];
        }
        zeros += zero ? 1 : 0;
        nans += nan ? 1 : 0;
        same += equal ? 1 : 0;
    }
    const char *word = zeros == sample->count  ? "zeros"
                       : nans == sample->count ? "nan"
                       : same == sample->count ? "unrotated"
                                               : NULL;
    const char *what = zeros == sample->count  ? "are all zero, as memory that was never written"
                       : nans == sample->count ? "have values that are NaN or infinite"
                                               : "are as they were before: not rotated";
    if (word != NULL) {
        (void)snprintf(judgement->verdict, sizeof judgement->verdict, "%s", word);
        (void)snprintf(judgement->cause, sizeof judgement->cause, "%" PRId64 " of %" PRId64 " rows %s",
                       self->judging->wrong_rows, self->judging->rotated->rows, what);
    }
    return word != NULL;
}

/* ---- pairings */

/* One past the last element that any row changes, even. */
static int32_t changed(const rm_sample *sample) {
    const int32_t dim = sample->judging->rotated->spec.head_dim;
    int32_t end = 2;
    for (int64_t at = 0; at < sample->count * dim; at++) {
        if (sample->outputs[at] != sample->inputs[at] && at % dim >= end) {
            end = (int32_t)(at % dim) + 1;
        }
    }
    return end + end % 2;
}

static void find_pairings(search *self) {
    const ropemap_spec *spec = &self->judging->rotated->spec;
    const int32_t own = 2 * self->judging->schedule.pairs;
    const int32_t dims[] = {own, spec->head_dim, changed(&self->sample)};
    const double attention = self->judging->schedule.attention;
    for (int i = 0; i < 3; i++) {
        const bool again = (i > 0 && dims[i] == dims[0]) || (i > 1 && dims[i] == dims[1]);
        for (int other = 0; other < 2 && !again; other++) {
            const ropemap_layout layout = (ropemap_layout)((int)spec->layout ^ other);
            rm_pairing pairing = rm_sample_pairing(&self->sample, layout, dims[i]);
            const double usual[] = {attention, 1.0, attention * attention, 1.0 / attention};
            for (int j = 3; j >= 0; j--) { /* what it is but for rounding */
                const bool near = fabs(pairing.gain / usual[j] - 1.0) <= self->judging->tolerance;
                pairing.gain = near ? usual[j] : pairing.gain;
            }
            if (pairing.share > 0.95) {
                self->pairings[self->pairing_count++] = pairing;
            }
        }
    }
}

/* ---- positions */

enum positions {
    GIVEN,
    ONE_ON,
    ONE_BACK,
    FROM_ZERO,
    ROW_NUMBER,
    WRAPPED,
    CLAMPED,
    IN_16_BITS,
    IN_15_BITS,
    IN_FLOAT,
    IN_BFLOAT,
    IN_HALF,
    POSITIONS
};

static int64_t moved(const search *self, enum positions how, int64_t row) {
    const int64_t position = self->sample.positions[row], first = self->judging->judgement->position;
    switch (how) {
    case ONE_ON:
        return position + 1;
    case ONE_BACK:
        return position - 1;
    case FROM_ZERO:
        return position - self->judging->rows[0].position;
    case ROW_NUMBER:
        return self->sample.rows[row];
    case WRAPPED:
        return first > 1 ? position % first : -1;
    case CLAMPED:
        return first < 1 ? -1 : position < first ? position : first - 1;
    case IN_16_BITS:
        return position & 0xffff;
    case IN_15_BITS:
        return position & 0x7fff;
    case IN_FLOAT:
        return (int64_t)(float)position;
    case IN_BFLOAT:
        return (int64_t)rm_float_from_bfloat(rm_bfloat_from_float((float)position));
    case IN_HALF:
        return position < 65520 ? (int64_t)rm_float_from_half(rm_half_from_float((float)position)) : -1;
    case GIVEN:
    case POSITIONS:
        break;
    }
    return position;
}

static void say_positions(search *self, enum positions how) {
    const int64_t first = self->judging->judgement->position, least = self->judging->rows[0].position;
    static const char *const texts[POSITIONS] = {
        [ONE_ON] = "every position is one too high, as counted from 1",
        [ONE_BACK] = "every position is one too low",
        [ROW_NUMBER] = "the number of the row is taken for its position",
        [IN_16_BITS] = "positions wrap at 65,536: they are kept in 16 bits",
        [IN_15_BITS] = "positions wrap at 32,768",
        [IN_FLOAT] = "positions are rounded to float32, which has every whole number up to 2^24 only",
        [IN_BFLOAT] = "positions are rounded to bfloat16, which has every whole number up to 256 only",
        [IN_HALF] = "positions are rounded to float16, which has every whole number up to 2,048 only"};
    if (how == FROM_ZERO) {
        say(self, "position", "positions are counted from 0, not from %" PRId64, least);
    } else if (how == WRAPPED) {
        say(self, "position", "positions wrap at %" PRId64 ", to 0", first);
    } else if (how == CLAMPED) {
        say(self, "position", "positions beyond %" PRId64 " are taken for that one: a table ends there",
            first - 1);
    } else {
        say(self, "position", "%s", texts[how]);
    }
}

/* Sets the trial's positions; false where they are the given ones, or more than a few are none. */
static bool move(search *self, enum positions how) {
    bool other = how == GIVEN;
    int64_t none = 0;
    for (int64_t i = 0; i < self->sample.all; i++) {
        const int64_t position = moved(self, how, i);
        const bool is_one = position >= 0 && position < ROPEMAP_POSITION_END;
        none += is_one ? 0 : 1;
        other = other || (is_one && position != self->sample.positions[i]);
        self->trial.positions[i] = is_one ? position : -1;
    }
    return other && 8 * none <= self->sample.all;
}

/* ---- frequencies */

enum frequencies {
    OWN,
    UNSCALED,
    HEAD_EXPONENT,
    SHORT_LIST,
    LONG_LIST,
    REVERSED,
    LINEAR,
    BASE,
    PLAIN_BASE,
    FREQUENCIES
};

static double round_to(double value, int digits) {
    const double scale = pow(10.0, floor(log10(value)) + 1 - digits);
    return round(value / scale) * scale;
}

/* The base of ladder base^(-i/pairs), by the pair that rows show best: late, but not too slow for them. */
static double shown_base(const search *self, const double *found, int32_t pairs) {
    double base = 0.0, best = (double)INFINITY;
    for (int32_t i = 1; i < pairs && self->apart > 0; i++) {
        const double radians = fabs(found[i]);
        const double room = (self->judging->tolerance / (double)self->apart / radians) * pairs / i;
        if (room < best && radians > 0.0 && radians < 1.0) {
            best = room;
            base = exp(-log(radians) * pairs / i);
        }
    }
    return base > 1.5 && base < 1e14 && best < 0.1 ? base : 0.0;
}

static bool fill(search *self, const ropemap_spec *spec) {
    self->trial.spec = *spec;
    self->trial.by_radians = false;
    return ropemap_spec_radians(spec, self->radians, NULL) == ROPEMAP_OK;
}

/* The rule with one thing changed; `digits` of a number that is fitted. False where it does not apply. */
static bool change(search *self, enum frequencies how, int digits) {
    const ropemap_spec *rule = &self->judging->rotated->spec;
    const int32_t rotary = self->trial.pairing.rotary_dim, pairs = rotary / 2;
    const bool scaled = rule->scaling.rule != ROPEMAP_SCALING_NONE;
    double *radians = self->radians;
    ropemap_spec spec = *rule;
    spec.rotary_dim = rotary;
    switch (how) {
    case OWN:
        return fill(self, &spec);
    case UNSCALED:
        say(self, "unscaled", "frequencies without the scaling, %s",
            ropemap_scaling_name(rule->scaling.rule));
        spec.scaling = (ropemap_scaling){.rule = ROPEMAP_SCALING_NONE};
        return scaled && fill(self, &spec);
    case HEAD_EXPONENT:
        say(self, "exponent", "exponents are -2i/%" PRId32 ", of the whole head, not -2i/%" PRId32,
            rule->head_dim, rotary);
        spec.rotary_dim = rule->head_dim;
        if (rotary >= rule->head_dim || !fill(self, &spec)) {
            return false;
        }
        self->trial.by_radians = true; /* the first of more than rotate */
        return true;
    case SHORT_LIST:
    case LONG_LIST:
        spec.scaling.factors = how == SHORT_LIST ? ROPEMAP_FACTORS_SHORT : ROPEMAP_FACTORS_LONG;
        say(self, "length", "the %s list of divisors", how == SHORT_LIST ? "short" : "long");
        return rule->scaling.list_count > 0 && fill(self, &spec);
    case REVERSED:
        say(self, "reversed", "frequencies in reverse order: the slowest pair comes first");
        if (!fill(self, &spec)) {
            return false;
        }
        self->trial.by_radians = true;
        for (int32_t i = 0; i < pairs / 2; i++) {
            const double one = radians[i];
            radians[i] = radians[pairs - 1 - i];
            radians[pairs - 1 - i] = one;
        }
        return true;
    case LINEAR:
    case BASE:
    case PLAIN_BASE:
    case FREQUENCIES:
        break;
    }
    if (how == LINEAR) {
        const double factor = self->apart > 0 ? round_to(1.0 / fabs(self->found[0]), digits) : 0.0;
        spec.scaling = (ropemap_scaling){.rule = ROPEMAP_SCALING_LINEAR, .factor = factor};
        say(self, "factor", "frequencies are divided by %g", factor);
        return factor > 1.0 && fill(self, &spec);
    }
    spec.base = shown_base(self, self->found, pairs);
    spec.base = spec.base > 0.0 ? round_to(spec.base, digits) : 0.0;
    spec.scaling = how == PLAIN_BASE ? (ropemap_scaling){.rule = ROPEMAP_SCALING_NONE} : spec.scaling;
    say(self, "base", "base %.10g%s; the rule has %.10g", spec.base,
        how == PLAIN_BASE ? " without the scaling" : "", rule->base);
    return rule->frequencies == NULL && (scaled || how == BASE) && spec.base > 0.0 && fill(self, &spec);
}

/* ---- trials */

/* Both ways round: the direction is part of the pairing, and what it is called is put before. */
static bool try_both_ways(search *self) {
    const int32_t pairs = self->trial.pairing.rotary_dim / 2;
    self->backwards = false;
    if (rm_trial_explains(&self->sample, &self->trial)) {
        return true;
    }
    self->trial.by_radians = self->backwards = true;
    for (int32_t i = 0; i < pairs; i++) {
        self->radians[i] = -self->radians[i];
    }
    return rm_trial_explains(&self->sample, &self->trial);
}

static bool try_positions(search *self) {
    for (int how = GIVEN; how < POSITIONS; how++) {
        if (move(self, (enum positions)how)) {
            if (how == GIVEN) {
                say(self, "", "%s", "");
            } else {
                say_positions(self, (enum positions)how);
            }
            if (change(self, OWN, 0) && try_both_ways(self)) {
                return true;
            }
        }
    }
    return false;
}

static bool try_frequencies(search *self) {
    (void)move(self, GIVEN);
    for (int how = OWN + 1; how < FREQUENCIES; how++) {
        for (int digits = 1; digits <= (how >= LINEAR ? DIGITS : 1); digits++) {
            if (change(self, (enum frequencies)how, digits) && try_both_ways(self)) {
                return true;
            }
        }
    }
    return false;
}

/* All of it for every pairing, exact angles first, then with the roundings of float32; of all rows, then of
 * wrong ones alone. */
static bool try_all(search *self) {
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < self->pairing_count; i++) {
            self->trial.wrong_rows_alone = round >= 2;
            self->trial.float_angles = round % 2 == 1;
            self->trial.pairing = self->pairings[i];
            self->apart = rm_pairing_radians(self->judging, &self->trial.pairing, self->found);
            if (try_positions(self) || try_frequencies(self)) {
                return true;
            }
        }
    }
    return false;
}

/* ---- words */

/* Appends a part of the cause; the first one names the verdict. */
RM_PRINTF(3, 4)
static void add(ropemap_judgement *judgement, const char *word, const char *format, ...) {
    const size_t used = strlen(judgement->cause);
    char part[300];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(part, sizeof part, format, list);
    va_end(list);
    (void)snprintf(judgement->cause + used, sizeof judgement->cause - used, "%s%s", used > 0 ? ", and " : "",
                   part);
    if (judgement->verdict[0] == '\0') {
        (void)snprintf(judgement->verdict, sizeof judgement->verdict, "%s", word);
    }
}

static void add_pairing(const search *self, ropemap_judgement *judgement) {
    const ropemap_spec *rule = &self->judging->rotated->spec;
    const rm_pairing *pairing = &self->trial.pairing;
    const int32_t rotary = 2 * self->judging->schedule.pairs;
    const double attention = self->judging->schedule.attention;
    if (pairing->layout != rule->layout) {
        add(judgement, "layout", "pairs are those of the %s layout; the rule has %s",
            ropemap_layout_name(pairing->layout), ropemap_layout_name(rule->layout));
    }
    if (self->backwards) {
        add(judgement, "direction", "rotated the other way round, by minus the angle");
    }
    if (pairing->rotary_dim != rotary && pairing->rotary_dim == rule->head_dim) {
        add(judgement, "partial-ignored",
            "all %" PRId32 " elements rotate; the rule leaves %" PRId32 " as they are", rule->head_dim,
            rule->head_dim - rotary);
    } else if (pairing->rotary_dim != rotary) {
        add(judgement, "rotary-dim", "%" PRId32 " elements rotate; the rule has %" PRId32,
            pairing->rotary_dim, rotary);
    }
    if (pairing->gain != attention) {
        add(judgement, "attention", "%s: lengths are multiplied by %.9g; the rule has %.9g",
            pairing->gain == 1.0                     ? "the attention factor is missing"
            : pairing->gain == attention * attention ? "the attention factor is applied twice"
                                                     : "another attention factor",
            pairing->gain, attention);
    }
}

/* Whose float32 angles they are, where that is known. */
static const char *stack_of(search *self) {
    static const struct {
        ropemap_phase phase;
        const char *name;
    } stacks[] = {{ROPEMAP_PHASE_HF_FP32, ", as transformers computes them"},
                  {ROPEMAP_PHASE_GGML_FP32, ", as llama.cpp computes them"}};
    self->trial.float_angles = false;
    for (int i = 0; i < 2; i++) {
        self->trial.phase = stacks[i].phase;
        if (rm_trial_explains(&self->sample, &self->trial)) {
            return stacks[i].name;
        }
    }
    return "";
}

static void put_trial(search *self, ropemap_judgement *judgement) {
    const bool rounded = self->trial.float_angles;
    add_pairing(self, judgement);
    if (self->what[0] != '\0') {
        add(judgement, self->word, "%s", self->what);
    }
    if (rounded) {
        const bool alone = judgement->cause[0] == '\0';
        add(judgement, "fp32-angles", "angles are formed in float32%s", alone ? stack_of(self) : "");
    }
}

/* ---- narrower numbers */

/* As other stacks have it, on the rule's own pairs. */
static bool explain_phase(search *self, ropemap_judgement *judgement) {
    static const struct {
        ropemap_phase phase;
        const char *word, *text;
    } phases[] = {
        {ROPEMAP_PHASE_BF16_ANGLES, "bf16-angles", "positions and angles are formed in bfloat16"},
        {ROPEMAP_PHASE_FP16_ANGLES, "fp16-angles", "positions and angles are formed in float16"},
        {ROPEMAP_PHASE_BF16_INV_FREQ, "bf16-inv-freq",
         "inv_freq is rounded to bfloat16, as in a model cast whole"},
    };
    self->trial.pairing = (rm_pairing){.layout = self->judging->rotated->spec.layout,
                                       .rotary_dim = 2 * self->judging->schedule.pairs,
                                       .gain = self->judging->schedule.attention};
    (void)move(self, GIVEN);
    for (int i = 0; i < 3; i++) {
        self->trial.phase = phases[i].phase;
        for (int rounded = 0; rounded < 2; rounded++) {
            self->trial.float_angles = rounded != 0;
            if (change(self, OWN, 0) && rm_trial_explains(&self->sample, &self->trial)) {
                add(judgement, phases[i].word, "%s", phases[i].text);
                return true;
            }
        }
    }
    return false;
}

/* Everything right, but to fewer bits than the outputs have: three roundings of float16, or what bfloat16 is
 * judged by. Tables of bfloat16 alone are off by more than the former. */
static bool explain_rounding(const search *self, ropemap_judgement *judgement) {
    const bool half = judgement->worst <= 3 * 0x1p-11, bfloat = judgement->worst <= 6 * 0x1p-8;
    if (self->judging->rotated->element != ROPEMAP_ELEMENT_FP32 || !bfloat) {
        return false;
    }
    add(judgement, half ? "fp16" : "bf16",
        "tables or products are rounded to %s, which the outputs are not; errors do not grow with position",
        half ? "float16" : "bfloat16");
    return true;
}

/* Frequencies that rows show, explained as those of a dumped buffer are. */
static bool explain_frequencies(search *self, ropemap_judgement *judgement) {
    const ropemap_spec *rule = &self->judging->rotated->spec;
    const int32_t pairs = self->judging->schedule.pairs;
    ropemap_comparison compared;
    float found[ROPEMAP_MAX_PAIRS];
    if (self->pairing_count == 0 || self->pairings[0].layout != rule->layout ||
        self->pairings[0].rotary_dim != 2 * pairs) {
        return false;
    }
    if (rm_pairing_radians(self->judging, &self->pairings[0], self->found) < 1024) {
        return false;
    }
    for (int32_t i = 0; i < pairs; i++) {
        found[i] = (float)self->found[i];
    }
    if (ropemap_inv_freq_compare(found, 1, pairs, rule, &compared, NULL) != ROPEMAP_OK || compared.matches ||
        strcmp(compared.verdict, "differs") == 0 || strcmp(compared.verdict, "uninitialised") == 0) {
        return false;
    }
    add(judgement, compared.verdict, "the frequencies that rows show: %.250s", compared.text);
    return true;
}

static void explain(search *self, ropemap_judgement *judgement) {
    if (explain_rows(self, judgement)) {
        return;
    }
    find_pairings(self);
    if (try_all(self)) {
        put_trial(self, judgement);
    } else if (!explain_phase(self, judgement) && !explain_frequencies(self, judgement) &&
               !explain_rounding(self, judgement)) {
        const bool rotation = self->pairing_count > 0;
        (void)snprintf(judgement->verdict, sizeof judgement->verdict, "%s",
                       rotation ? "differs" : "no-rotation");
        if (!rotation) {
            (void)snprintf(
                judgement->cause, sizeof judgement->cause,
                "no rotation: neither layout's pairs keep their lengths; look at signs and at which "
                "elements are combined");
        }
    }
}

ropemap_status rm_diagnose(rm_judging *judging, ropemap_error *error) {
    search self = {.judging = judging};
    ropemap_status status = rm_sample_take(judging, &self.sample, error);
    self.radians = rm_alloc(ROPEMAP_MAX_PAIRS, sizeof *self.radians);
    self.found = rm_alloc(ROPEMAP_MAX_PAIRS, sizeof *self.found);
    if (status == ROPEMAP_OK && (self.radians == NULL || self.found == NULL)) {
        status = rm_fail_memory(error, "frequencies", 2 * ROPEMAP_MAX_PAIRS * sizeof *self.radians);
    }
    self.trial.radians = self.radians;
    if (status == ROPEMAP_OK) {
        explain(&self, judging->judgement);
    }
    rm_free(self.radians);
    rm_free(self.found);
    rm_sample_free(&self.sample);
    return status;
}
