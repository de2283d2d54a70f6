/* ropemap.h - similarity maps of rotary position embedding (RoPE) at long context: the public interface */
/* SPDX-License-Identifier: MIT */
/*
 * Rules, vectors and maps. Models are read with ropemap_model.h, queries and keys of real ones with
 * ropemap_capture.h, curves and bounds computed with ropemap_decay.h, attention with ropemap_attention.h,
 * figures drawn with ropemap_figure.h; ropemap_verify.h has exact tables, and holds rotations against them;
 * ropemap_machine.h describes what it all runs on. A map of 131,072
 * positions, from rule to figure:
 *
 *     ropemap_request request = ropemap_request_default();
 *     request.spec.base = 5e5;
 *     request.rows = request.cols = (ropemap_range){.first = 0, .count = 131072, .step = 1};
 *     ropemap_map map = {0};
 *     ropemap_error error = {0};
 *     if (ropemap_map_compute(&request, &map, &error) == ROPEMAP_OK) {
 *         const ropemap_figure figure = ropemap_figure_default(&request, &map);
 *         ropemap_figure_save(&figure, "map.png", false, &error);
 *     }
 *     ropemap_map_free(&map);
 *
 * The library never prints, exits, aborts or installs signal handlers. Every function that can fail returns a
 * status and, where its last argument is not NULL, fills it with the reason. Functions may be called from
 * several threads at once on different objects; a ropemap_vectors may be shared, it is never written.
 */
#ifndef ROPEMAP_H
#define ROPEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ROPEMAP_API __attribute__((visibility("default")))
#else
#define ROPEMAP_API
#endif

#define ROPEMAP_VERSION_MAJOR 0
#define ROPEMAP_VERSION_MINOR 2
#define ROPEMAP_VERSION_PATCH 0

/* The library's version as "major.minor.patch"; static text. */
ROPEMAP_API const char *ropemap_version(void);

/* ---- status ----------------------------------------------------------------------------------------------
 */

/* What a call came to. The values are the program's exit codes. */
typedef enum ropemap_status {
    ROPEMAP_OK = 0,
    ROPEMAP_INTERNAL = 1,  /* a defect of ropemap */
    ROPEMAP_USAGE = 2,     /* an argument out of its range, or a combination that cannot be served */
    ROPEMAP_DATA = 3,      /* an input file that does not hold what it should */
    ROPEMAP_IO = 4,        /* the file system refused */
    ROPEMAP_RESOURCES = 5, /* memory or a device is missing */
    ROPEMAP_CHECK = 6,     /* a check ran and failed */
    ROPEMAP_STOPPED = 75   /* the progress callback asked to stop */
} ropemap_status;

/* The reason for a failure: one line, names the thing, the value and the rule. Owned by the caller. */
typedef struct ropemap_error {
    ropemap_status status;
    char text[500];
} ropemap_error;

/*
 * Bytes of the character that `text` (UTF-8) begins with, 0 at its end; *plain is false for what a terminal
 * should not be sent: control characters, those that end a line or change the direction of text, and bytes
 * that are no UTF-8, which are counted one by one. For names from files and arguments.
 */
ROPEMAP_API size_t ropemap_text_next(const char *text, bool *plain);

/* ---- the rule -----------------------------------------------------------------------------
 */

#define ROPEMAP_MAX_HEAD_DIM 4096
#define ROPEMAP_MAX_PAIRS    (ROPEMAP_MAX_HEAD_DIM / 2)
#define ROPEMAP_POSITION_END ((int64_t)1 << 40) /* every position is below this */
#define ROPEMAP_MAX_DIVISORS 512                /* pairs that lists of divisors may have */
#define ROPEMAP_MAX_SIDE     65535              /* cells along one side of a map */
#define ROPEMAP_MAX_AXES     4                  /* of positions: time, height, width, one more */
#define ROPEMAP_MAX_GRID     4096               /* image patches or frames along one axis */
#define ROPEMAP_CHUNK        262144             /* the default dual chunks: Qwen2.5-1M's */
#define ROPEMAP_LOCAL        8192
#define ROPEMAP_MAX_CHUNK    ((int64_t)1 << 22) /* tokens */
#define ROPEMAP_SLOPE        0.00390625 /* the default of ALiBi: of the head of eight that sees farthest */

/* Which dimensions form a pair: (i, i + rotary_dim/2) as GPT-NeoX and Llama, or (2i, 2i + 1) as GPT-J. */
typedef enum ropemap_layout { ROPEMAP_LAYOUT_HALF, ROPEMAP_LAYOUT_INTERLEAVED } ropemap_layout;

/* How frequencies are changed for longer contexts. ropemap_scaling_help has what each rule does and takes.
 */
typedef enum ropemap_scaling_rule {
    ROPEMAP_SCALING_NONE,         /* base^(-2i/D) */
    ROPEMAP_SCALING_LINEAR,       /* position interpolation (Chen et al. 2023, arXiv 2306.15595) */
    ROPEMAP_SCALING_NTK,          /* "NTK-aware scaled RoPE" (bloc97 2023) */
    ROPEMAP_SCALING_DYNAMIC,      /* the same with the length (emozilla 2023; transformers "dynamic") */
    ROPEMAP_SCALING_YARN,         /* Peng et al. 2023, arXiv 2309.00071 */
    ROPEMAP_SCALING_LONGROPE,     /* Ding et al. 2024, arXiv 2402.13753; "su" */
    ROPEMAP_SCALING_LLAMA3,       /* Llama 3.1's */
    ROPEMAP_SCALING_PROPORTIONAL, /* p-RoPE (Barbero et al. 2024, arXiv 2410.06205; Gemma 4) */
    ROPEMAP_SCALING_NTK_FIXED,    /* vLLM's "ntk" (kexue.fm/archives/9706) */
    ROPEMAP_SCALING_NTK_MIXED,    /* the same with mixed_b */
    ROPEMAP_SCALING_ALPHA,        /* Hunyuan's */
    ROPEMAP_SCALING_GGML,         /* what llama.cpp computes from its own parameters */
    ROPEMAP_SCALING_VISION_2D, /* Llama 4's images: half of the pairs for each axis, with the same frequencies
                                */
    ROPEMAP_SCALING_AXIAL      /* evenly spaced frequencies over coordinates from -1 to 1 ("pixel") */
} ropemap_scaling_rule;

/* YaRN: how far a pair is interpolated. */
typedef enum ropemap_ramp {
    ROPEMAP_RAMP_CODE, /* linear in the number of the pair, as every implementation */
    ROPEMAP_RAMP_PAPER /* linear in turns over the original length, as the paper */
} ropemap_ramp;

/* LongRoPE: which of the two lists divides. */
typedef enum ropemap_factors {
    ROPEMAP_FACTORS_AUTO, /* long where the length is beyond the original one */
    ROPEMAP_FACTORS_SHORT,
    ROPEMAP_FACTORS_LONG
} ropemap_factors;

/* Room for a scaling's lists of divisors. */
typedef struct ropemap_divisors {
    double short_factors[ROPEMAP_MAX_DIVISORS], long_factors[ROPEMAP_MAX_DIVISORS];
} ropemap_divisors;

/* A rule and its parameters, under the names of Hugging Face's config.json. 0: not given. */
typedef struct ropemap_scaling {
    ropemap_scaling_rule rule;
    double factor;          /* s >= 1 */
    double original_length; /* L0, original_max_position_embeddings, tokens */
    double max_length;      /* max_position_embeddings, tokens; may replace factor * original_length */
    double low_freq_factor, high_freq_factor; /* llama3 */
    double beta_fast, beta_slow;              /* yarn, ggml: turns over the original length; 32 and 1 */
    bool untruncated;                         /* yarn: the ends of the ramp are not rounded outwards */
    ropemap_ramp ramp;                        /* yarn */
    double attention_factor;                  /* yarn, longrope; else as the rule says */
    double mscale, mscale_all_dim;            /* yarn, DeepSeek's */
    double rotated; /* proportional: share of the head's pairs that rotate, 0 to 1 */
    double mixed_b; /* ntk-mixed */
    double alpha;   /* alpha */
    double freq_scale, ext_factor,
        attn_factor;         /* ggml: 1 / factor; 0 to 1; multiplies the attention factor */
    double max_freq, points; /* axial: twice the highest frequency over pi; coordinates */
    ropemap_factors factors; /* longrope, ggml */
    int32_t list_count;      /* pairs that the lists have divisors for; 0: no lists */
    /* [list_count] of longrope, of ggml the second one; NULL: not given. Borrowed: they outlive the scaling
     * and all copies of it. */
    const double *short_factors, *long_factors;
} ropemap_scaling;

/* Inverse frequencies given as numbers: a trained table, or one that no base makes (FoPE, CARoPE). */
typedef struct ropemap_frequencies {
    const double *radians; /* [pairs] a token, each finite and -1e6 to 1e6; 0: the pair stays as it is, below
                              0: it turns the other way */
    int32_t pairs;         /* rotary_dim / 2 */
    int64_t heads;         /* that the table has, of which this is one; 1 otherwise */
    const char *name;      /* for titles: "inv_freq.npy, head 3 of 32"; NULL: "a table" */
    const char *note;      /* what to know of how it was read, in a sentence; NULL: nothing */
} ropemap_frequencies;
/*
 * How a head's pairs and their frequencies are dealt to several axes of positions. Pair i has the i-th
 * frequency of one ladder for the whole head, base^(-2i/D), unless an axis has a ladder of its own.
 */
typedef enum ropemap_deal {
    ROPEMAP_DEAL_LADDERS,  /* one axis after another, each with a ladder of its own, base^(-2j/D_a) for its
                              D_a elements: Flux, HunyuanVideo, Wan 2, CogVideoX, Qwen-Image, Qwen2-VL's
                              vision */
    ROPEMAP_DEAL_UNIT,     /* the same for coordinates from -1 to 1 over `grid` patches, times 2 pi: DINOv3 */
    ROPEMAP_DEAL_STRIDED,  /* one ladder: of `count` axes the a-th has every count-th frequency from the
                              a-th on, one axis after another: Pixtral's vision */
    ROPEMAP_DEAL_SECTIONS, /* one ladder, one axis after another: M-RoPE (Qwen2-VL), XD-RoPE (Hunyuan-VL) */
    ROPEMAP_DEAL_INTERLEAVED, /* one ladder; pair 3 j + a follows axis a while there are any left, later ones
                                 axis 0: Qwen3-VL */
    ROPEMAP_DEAL_TIME_LAST /* one ladder; height and width have pairs in turn, time the last ones: Ernie 4.5
                              VL */
} ropemap_deal;

/*
 * Axes of positions: of an image height and width, of a video time, height and width, in that order. Plain
 * values. With the first three deals positions must be given on every axis; with the others, which language
 * models have, a position alone counts on all axes.
 */
typedef struct ropemap_axes {
    int32_t count; /* 2 to ROPEMAP_MAX_AXES; 0: one axis, and nothing below is looked at */
    ropemap_deal deal;
    int32_t pairs[ROPEMAP_MAX_AXES]; /* [count] that follow each axis, in all rotary_dim / 2 */
    int32_t grid[ROPEMAP_MAX_AXES];  /* [count] patches along each axis, 1 to ROPEMAP_MAX_GRID; 0: unknown */
} ropemap_axes;

/* The axis that a pair follows, from 0; 0 where there is one. */
ROPEMAP_API int32_t ropemap_axes_follow(const ropemap_axes *axes, int32_t pair);

/* Whether positions must be given on every axis. */
ROPEMAP_API bool ropemap_axes_apart(const ropemap_axes *axes);

/* "16,56,56", "unit:32,32", a deal's name before elements of each axis → axes. ROPEMAP_USAGE. */
ROPEMAP_API ropemap_status ropemap_axes_parse(const char *text, ropemap_axes *axes, ropemap_error *error);

/* The text that ropemap_axes_parse takes, cut to `size`. */
ROPEMAP_API void ropemap_axes_format(const ropemap_axes *axes, char *text, size_t size);

/* "t", "h", "w" of two or three axes, "axis 1" of four; NULL past the last. */
ROPEMAP_API const char *ropemap_axis_name(const ropemap_axes *axes, int32_t axis);

ROPEMAP_API const char *ropemap_deal_name(ropemap_deal deal); /* NULL past the last */

/* A RoPE rule. Plain values, nothing to free. */
typedef struct ropemap_spec {
    double base;        /* rope_theta, > 1, default 10000 */
    int32_t head_dim;   /* elements of a head, even, 2 to 4096, default 128 */
    int32_t rotary_dim; /* elements that rotate, even, 2 to head_dim; 0 means head_dim */
    ropemap_layout layout;
    double length; /* tokens in the context, for rules that depend on it (dynamic, longrope); 0: unknown */
    ropemap_scaling scaling;
    ropemap_axes axes;
    /*
     * NULL, or the frequencies themselves: then base is not looked at, scaling.rule is NONE, and of its
     * parameters attention_factor alone may be given. Borrowed: it outlives the spec and all copies of it.
     */
    const ropemap_frequencies *frequencies;
} ropemap_spec;

/* base 10000, head_dim 128, all of it rotated, half layout, no scaling, one axis. */
ROPEMAP_API ropemap_spec ropemap_spec_default(void);

/* ROPEMAP_USAGE, with the field, its value and the rule, where `spec` is out of range. */
ROPEMAP_API ropemap_status ropemap_spec_check(const ropemap_spec *spec, ropemap_error *error);

/* "none", "linear:factor=4", "yarn:factor=4,original=32768" → scaling. Lists of divisors are written to
 * `lists`, which the scaling borrows; NULL: a text that has some is refused. ROPEMAP_USAGE names an unknown
 * rule or key, and a missing one. */
ROPEMAP_API ropemap_status ropemap_scaling_parse(const char *text, ropemap_divisors *lists,
                                                 ropemap_scaling *scaling, ropemap_error *error);

/* The rule's name ("linear"), NULL past the last rule: counting up from 0 lists them all. */
ROPEMAP_API const char *ropemap_scaling_name(ropemap_scaling_rule rule);

/* Writes what the rule takes, "linear:factor=N", cut to `size`, and returns what it does, a phrase; NULL past
 * the last. */
ROPEMAP_API const char *ropemap_scaling_help(ropemap_scaling_rule rule, char *text, size_t size);

/* How a parameter of a rule is written. */
typedef enum ropemap_parameter_kind {
    ROPEMAP_PARAMETER_NUMBER,
    ROPEMAP_PARAMETER_FLAG, /* 0 or 1 */
    ROPEMAP_PARAMETER_WORD, /* one of `words` */
    ROPEMAP_PARAMETER_LIST  /* numbers with slashes between them */
} ropemap_parameter_kind;

/* A parameter of a rule in ropemap_scaling_parse's text: "beta-fast". */
typedef struct ropemap_parameter {
    const char *key;
    ropemap_parameter_kind kind;
    bool required;
    double low, high;             /* that it may have */
    double usual_low, usual_high; /* that models have; 0, 0: no numbers */
    double otherwise;             /* what it is when it is not given; 0: as the rule says */
    const char *words[4];         /* ends with NULL */
} ropemap_parameter;

/* Parameter `index` of a rule; false past the last. */
ROPEMAP_API bool ropemap_scaling_parameter(ropemap_scaling_rule rule, int32_t index,
                                           ropemap_parameter *parameter);

/* The text that ropemap_scaling_parse takes, cut to `size`; with or without the lists of divisors. */
ROPEMAP_API void ropemap_scaling_format(const ropemap_scaling *scaling, bool lists, char *text, size_t size);

ROPEMAP_API const char *ropemap_layout_name(ropemap_layout layout); /* NULL past the last */

/*
 * The rule as a backend takes it, of fixed size and passed by value. Pair i advances by
 * step[i] * 2^-64 + fine[i] * 2^-96 turns a token; cosine and sine of q and of k are multiplied by the
 * attention factor, so that scores scale by its square.
 */
typedef struct ropemap_freqs {
    int32_t pairs; /* rotary_dim / 2 */
    double attention_factor;
    uint64_t step[ROPEMAP_MAX_PAIRS]; /* [pairs] */
    uint32_t fine[ROPEMAP_MAX_PAIRS]; /* [pairs] */
} ropemap_freqs;

/* Frequencies of a rule, correct to 2^-95 turns a token (of a table to 2^-86 where they pass 100 radians); to
 * 2^-55 where the rule takes an exponential (ntk-mixed), a growth (dynamic) or untruncated ends (yarn), which
 * are made in double. Fails as ropemap_spec_check does. */
ROPEMAP_API ropemap_status ropemap_freqs_make(const ropemap_spec *spec, ropemap_freqs *freqs,
                                              ropemap_error *error);

/*
 * The same frequencies in radians a token, each the nearest double: radians [rotary_dim / 2]. Whole turns a
 * token, which axial rules have and no position shows, are kept. Fails as ropemap_freqs_make does.
 */
ROPEMAP_API ropemap_status ropemap_spec_radians(const ropemap_spec *spec, double *radians,
                                                ropemap_error *error);

/* ---- frequencies of a file --------------------------------------------------------------------------------
 */

/*
 * The numbers of a .npy file as floats: *numbers [*rows, *count], where `count` is the last axis longer than
 * 1 and `rows` the product of those before it, to be freed with ropemap_numbers_free. At most 2^24 numbers.
 * ROPEMAP_DATA, ROPEMAP_IO, ROPEMAP_RESOURCES.
 */
ROPEMAP_API ropemap_status ropemap_numbers_read(const char *path, float **numbers, int64_t *rows,
                                                int64_t *count, ropemap_error *error);
ROPEMAP_API void ropemap_numbers_free(float *numbers); /* NULL is fine */

/*
 * Frequencies of a .npy file, [pairs] or [heads, pairs], plus axes of size 1, of float16, bfloat16, float32
 * or float64, each taken exactly. `head` from 0 is the row. To be freed with ropemap_frequencies_free, after
 * the last spec that borrows them. ROPEMAP_DATA names file, pair, value and rule; ROPEMAP_IO; ROPEMAP_USAGE:
 * the file has no such head.
 */
ROPEMAP_API ropemap_status ropemap_frequencies_read(const char *path, int64_t head,
                                                    ropemap_frequencies **frequencies, ropemap_error *error);
ROPEMAP_API void ropemap_frequencies_free(ropemap_frequencies *frequencies); /* NULL is fine */

/* ---- where vectors come from -----------------------------------------------------------------------------
 */

/* Rows of head_dim floats, each at a position of its own. Opaque; read only, may be shared by threads. */
typedef struct ropemap_vectors ropemap_vectors;

/* Positions first, first + step, ...: `count` of them. count >= 1, step >= 1, all in [0, 2^40). */
typedef struct ropemap_range {
    int64_t first, count, step;
} ropemap_range;

/* The order of a tensor's axes. HSD: [S,D], [H,S,D] or [B,H,S,D] by rank. SHD: [S,D], [S,H,D] or [B,S,H,D].
 * Any number of axes of size 1 may come before four axes. */
typedef enum ropemap_order { ROPEMAP_ORDER_HSD, ROPEMAP_ORDER_SHD } ropemap_order;

typedef struct ropemap_tensor {
    const char *path; /* .npy, .npz or .safetensors */
    const char *name; /* tensor in a .npz or .safetensors file; NULL where the file holds one */
    ropemap_order order;
    int64_t batch;       /* from 0 */
    int64_t head;        /* from 0 */
    int64_t query_heads; /* 0, or for keys: `head` counts query heads, which share key heads evenly (GQA) */
    /*
     * Heads that share the last axis, as vLLM and flash-attention have them: [S, heads * D] or [B, S, heads *
     * D], where `order` means nothing. How many there are, or else of how many elements each is; both 0:
     * heads have an axis of their own, or there is one.
     */
    int64_t packed_heads;
    int32_t packed_head_dim;
    int32_t rotary_first; /* elements of a row before those that rotate: they are read as its last ones */
    int64_t first_row, row_count; /* rows that are taken; a count of 0: all from the first on */
} ropemap_tensor;

/* Every vector is the unit vector with equal entries: then the map is S(i - j). ROPEMAP_USAGE, _RESOURCES. */
ROPEMAP_API ropemap_status ropemap_vectors_ones(int32_t head_dim, ropemap_vectors **vectors,
                                                ropemap_error *error);

/*
 * Independent normal entries of mean 0 and variance 1/head_dim (E|x|^2 = 1) from a counter-based generator:
 * row p of stream s depends on (seed, s, p) alone. Give queries and keys different streams.
 */
ROPEMAP_API ropemap_status ropemap_vectors_gauss(int32_t head_dim, uint64_t seed, uint32_t stream,
                                                 ropemap_vectors **vectors, ropemap_error *error);

/* Numbers in memory, in this machine's byte order. */
typedef enum ropemap_element {
    ROPEMAP_ELEMENT_FP32,
    ROPEMAP_ELEMENT_FP64, /* each is rounded to the nearest float */
    ROPEMAP_ELEMENT_FP16,
    ROPEMAP_ELEMENT_BF16
} ropemap_element;

/* Rows [count, head_dim] in memory, as another program holds them. */
typedef struct ropemap_rows {
    const void *data; /* of row 0, of any alignment. Borrowed: it must outlive the vectors */
    ropemap_element element;
    int64_t count, stride; /* bytes from one row to the next; may be 0 or below */
    int32_t head_dim;
    int64_t heads;     /* of the tensor that these are one head of, 1 or more */
    const char *label; /* of the vectors. Copied */
} ropemap_rows;

/* Rows that are read where they lie. ROPEMAP_USAGE, ROPEMAP_RESOURCES. */
ROPEMAP_API ropemap_status ropemap_vectors_rows(const ropemap_rows *rows, ropemap_vectors **vectors,
                                                ropemap_error *error);

/* The same of floats one after another: `rows` [count, head_dim], borrowed. */
ROPEMAP_API ropemap_status ropemap_vectors_memory(const float *rows, int64_t count, int32_t head_dim,
                                                  ropemap_vectors **vectors, ropemap_error *error);

/*
 * One head of a tensor file; rows are read when they are needed. ROPEMAP_DATA names file, tensor, value and
 * rule; ROPEMAP_IO where the file cannot be read; ROPEMAP_USAGE where batch or head is not in the tensor.
 */
ROPEMAP_API ropemap_status ropemap_vectors_open(const ropemap_tensor *tensor, ropemap_vectors **vectors,
                                                ropemap_error *error);

/*
 * How the rotation itself is computed: exactly, or as a stack in use does, in its arithmetic and order.
 *
 * bf16-angles and fp16-angles are what torch.autocast, or a module cast whole together with its positions,
 * makes of an embedding that does not guard against it: position and inv_freq are rounded to 16 bits, so is
 * their product, the angle, so are its cosine and sine, and so are these times the attention factor; each
 * step is computed in float32 before it is rounded. bfloat16 has one number for positions 65536 to 65792, and
 * two equal tokens 16 apart there keep 0.9997; float16 has none beyond 65519, where cosines are NaN. Reported
 * as transformers issue 25681, diffusers issue 13920, gpt-neox issue 1003, candle pull request 3520.
 */
typedef enum ropemap_phase {
    ROPEMAP_PHASE_EXACT,
    ROPEMAP_PHASE_FP32FREQ, /* frequencies rounded to float32, all else exact */
    ROPEMAP_PHASE_HF_FP32,  /* transformers: inv_freq and angle in float32, then cosine and sine. As PyTorch's
                               default code has inv_freq: its AVX2 and AVX-512 code gives some, 9 of 936, one
                               ulp apart */
    ROPEMAP_PHASE_GGML_FP32,     /* llama.cpp: angles of neighbouring pairs by repeated float32 products */
    ROPEMAP_PHASE_BF16_TABLES,   /* as hf-fp32, cosines and sines rounded to bfloat16 */
    ROPEMAP_PHASE_BF16_INV_FREQ, /* as hf-fp32, inv_freq rounded to bfloat16 (a model cast whole) */
    ROPEMAP_PHASE_BF16_ANGLES,   /* inv_freq, positions, angles, cosines and sines in bfloat16 (autocast) */
    ROPEMAP_PHASE_FP16_ANGLES    /* the same in float16 */
} ropemap_phase;

ROPEMAP_API const char *ropemap_phase_name(ropemap_phase phase); /* "hf-fp32"; NULL past the last */

/* Explicit positions. Opaque; read only, may be shared by threads. */
typedef struct ropemap_positions ropemap_positions;

/*
 * Positions from a .npy file of whole numbers, [S] or [axes, S] with 1 to 4 axes, each in [0, 2^40).
 * ROPEMAP_DATA names file, value and rule; ROPEMAP_IO.
 */
ROPEMAP_API ropemap_status ropemap_positions_open(const char *path, ropemap_positions **positions,
                                                  ropemap_error *error);
/* Patches of an image or a video. Plain values. */
typedef struct ropemap_grid {
    int32_t axes;                    /* 2 to ROPEMAP_MAX_AXES */
    int32_t sides[ROPEMAP_MAX_AXES]; /* [axes] patches along each, 1 to ROPEMAP_MAX_GRID; in all < 2^40 */
    int32_t first;                   /* counted from, 0 or more */
    bool across_first;               /* axes are numbered from the innermost on: columns, then rows */
} ropemap_grid;

/* The patches' positions in reading order, the last side innermost: [axes, product of the sides].
 * ROPEMAP_USAGE, _RESOURCES. */
ROPEMAP_API ropemap_status ropemap_positions_grid(const ropemap_grid *grid, ropemap_positions **positions,
                                                  ropemap_error *error);

ROPEMAP_API void ropemap_positions_free(ropemap_positions *positions); /* NULL is fine */
ROPEMAP_API int64_t ropemap_positions_count(const ropemap_positions *positions);
ROPEMAP_API int32_t ropemap_positions_axes(const ropemap_positions *positions);
ROPEMAP_API int64_t ropemap_positions_last(const ropemap_positions *positions); /* the greatest of all */

/* What rotates rows before a map sees them. */
typedef struct ropemap_prerotation {
    ropemap_spec spec;
    ropemap_phase phase;
    int64_t shift;                      /* added to every position; all stay in [0, 2^40) */
    const ropemap_positions *positions; /* of the rows, on as many axes as the spec has, or on one; NULL:
                                           those of the vectors. Borrowed */
} ropemap_prerotation;

/*
 * Rows of `inner` (borrowed: it must outlive the result), rotated while they are read: for what the backends
 * do not do, so that a map of these is made with already_rotated. Of an endless source, as many rows as there
 * are positions. ROPEMAP_USAGE: axes that the positions do not have, fewer positions than rows, a position
 * out of range.
 */
ROPEMAP_API ropemap_status ropemap_vectors_rotated(const ropemap_vectors *inner,
                                                   const ropemap_prerotation *rotation,
                                                   ropemap_vectors **vectors, ropemap_error *error);

/* inv_freq and the attention factor as that stack holds them, float32: inv_freq [rotary_dim / 2].
 * ROPEMAP_USAGE. */
ROPEMAP_API ropemap_status ropemap_phase_inv_freq(const ropemap_spec *spec, ropemap_phase phase,
                                                  float *inv_freq, float *attention, ropemap_error *error);

ROPEMAP_API void ropemap_vectors_free(ropemap_vectors *vectors); /* NULL is fine */

/*
 * Puts row r at position first + r * step, in place of r: before the vectors are shared. ROPEMAP_USAGE: the
 * vectors have no end, or a position would not lie in [0, 2^40).
 */
ROPEMAP_API ropemap_status ropemap_vectors_place(ropemap_vectors *vectors, int64_t first, int64_t step,
                                                 ropemap_error *error);

/* The positions of the rows. */
ROPEMAP_API ropemap_range ropemap_vectors_positions(const ropemap_vectors *vectors);

/* Number of rows; ROPEMAP_POSITION_END where every position has one. */
ROPEMAP_API int64_t ropemap_vectors_count(const ropemap_vectors *vectors);
ROPEMAP_API int32_t ropemap_vectors_head_dim(const ropemap_vectors *vectors);
/* What the rows are, for titles and messages: "ones", "gauss seed 1", "q.npy", "kv.safetensors:k". */
ROPEMAP_API const char *ropemap_vectors_label(const ropemap_vectors *vectors);
/* What to know of how the rows were read, in a sentence; NULL: nothing. Static text. */
ROPEMAP_API const char *ropemap_vectors_note(const ropemap_vectors *vectors);
/* Heads of the tensor a row was taken from; 1 where there is no such tensor. */
ROPEMAP_API int64_t ropemap_vectors_heads(const ropemap_vectors *vectors);

/* ---- what is computed: the map ---------------------------------------------------------------------------
 */

typedef enum ropemap_measure {
    ROPEMAP_MEASURE_DOT,    /* q . k */
    ROPEMAP_MEASURE_SCALED, /* q . k / sqrt(head_dim) */
    ROPEMAP_MEASURE_COSINE, /* q . k / (|q| |k|); NaN where a vector is zero */
    ROPEMAP_MEASURE_SOFTMAX /* attention: softmax of the scaled scores over the keys that the query may see */
} ropemap_measure;

/* How the similarities of a cell become one number. A cell that holds a NaN is NaN. */
typedef enum ropemap_pool {
    ROPEMAP_POOL_MEAN,
    ROPEMAP_POOL_MIN,
    ROPEMAP_POOL_MAX,
    ROPEMAP_POOL_ABSMAX, /* max |s| */
    ROPEMAP_POOL_RMS,    /* sqrt(mean s^2) */
    ROPEMAP_POOL_STD,    /* population standard deviation */
    ROPEMAP_POOL_MASS /* softmax: mean over the queries of the sum over the keys; a row of cells sums to 1 */
} ropemap_pool;

typedef enum ropemap_method {
    ROPEMAP_METHOD_AUTO,     /* the cheapest that serves */
    ROPEMAP_METHOD_FACTORED, /* mean, rms, std from pooled rows: O(N d + H W d) */
    ROPEMAP_METHOD_DIAGONAL, /* equal vectors, equal steps: every distance once */
    ROPEMAP_METHOD_TILED     /* every pair, tile by tile */
} ropemap_method;

/*
 * The numbers that rotated rows are rounded to, to the nearest, before every query is multiplied with every
 * key (the tiled method); products are added up in fp32 throughout. GPUs that fuse fp32 multiply it as two
 * of fp16: a product is off by 2^-21 of itself at most, and NaN where a row has a number from 2^101 on.
 */
typedef enum ropemap_dtype {
    ROPEMAP_DTYPE_FP32,
    ROPEMAP_DTYPE_TF32, /* 10 bits after the leading one, the exponents of fp32 */
    ROPEMAP_DTYPE_BF16, /* 7 bits, the exponents of fp32 */
    ROPEMAP_DTYPE_FP16  /* 10 bits; above 65,504 infinite, below 2^-14 a multiple of 2^-24 */
} ropemap_dtype;

/* How positions enter a score. All but rope and nope are for vectors that do not depend on position. */
typedef enum ropemap_encoding {
    ROPEMAP_ENCODING_ROPE,
    ROPEMAP_ENCODING_SINUSOIDAL, /* PE(m) . PE(n) / (D/2) of absolute sinusoids (Vaswani et al. 2017) */
    ROPEMAP_ENCODING_ALIBI,      /* q . k - slope |m - n| (Press et al. 2021, arXiv 2108.12409) */
    ROPEMAP_ENCODING_XPOS,       /* RoPE; cosines shrink with |m - n| (Sun et al. 2022, arXiv 2212.10554) */
    ROPEMAP_ENCODING_NOPE,       /* none */
    /*
     * RoPE of positions within chunks (An et al. 2024, arXiv 2402.17463, as vLLM has it), for causal maps in
     * steps of 1. With L = chunk - local a key n counts as n mod L; a query m as m mod L to the keys of its
     * own L tokens, as min(m mod L + L, chunk) to those of the L before, as min(2 L - 1, chunk) to all
     * earlier ones.
     */
    ROPEMAP_ENCODING_DUAL_CHUNK
} ropemap_encoding;

/* How the tiled method pools the products that it makes. */
typedef enum ropemap_kernel {
    ROPEMAP_KERNEL_AUTO,  /* fused where the device can */
    ROPEMAP_KERNEL_FUSED, /* where they are made: no tile is written */
    ROPEMAP_KERNEL_TILES  /* from tiles in memory */
} ropemap_kernel;

/* Names as on the command line; NULL past the last, so counting up from 0 lists them all. */
ROPEMAP_API const char *ropemap_encoding_name(ropemap_encoding encoding);
ROPEMAP_API const char *ropemap_dtype_name(ropemap_dtype dtype);
ROPEMAP_API const char *ropemap_measure_name(ropemap_measure measure);
ROPEMAP_API const char *ropemap_pool_name(ropemap_pool pool);
ROPEMAP_API const char *ropemap_pool_words(ropemap_pool pool); /* "largest magnitude" */
ROPEMAP_API const char *ropemap_method_name(ropemap_method method);
ROPEMAP_API const char *ropemap_kernel_name(ropemap_kernel kernel);

/*
 * Called now and then during long work, always from the thread that called the library: `stage` is a word,
 * `done` of `total` in units of no meaning. A return value other than 0 stops the work (ROPEMAP_STOPPED).
 */
typedef int (*ropemap_progress)(void *user, const char *stage, double done, double total);

/*
 * What computing a map has to start - threads' own memory, a GPU's library, streams and handles, which take
 * up to a second - kept for the next map: for programs that make many. May be shared by threads.
 */
typedef struct ropemap_session ropemap_session;

/* ROPEMAP_RESOURCES. Nothing is started yet. */
ROPEMAP_API ropemap_status ropemap_session_open(ropemap_session **session, ropemap_error *error);

/* After the last map that was made with it. NULL is fine. */
ROPEMAP_API void ropemap_session_close(ropemap_session *session);

/* An encoding with the parameters of the rare ones. */
typedef struct ropemap_encoding_choice {
    ropemap_encoding kind;
    double slope;         /* of alibi, a token; 0: ROPEMAP_SLOPE. 0 for the others */
    int64_t chunk, local; /* of dual-chunk, tokens, 1 <= local < chunk <= ROPEMAP_MAX_CHUNK; 0: ROPEMAP_CHUNK,
                             ROPEMAP_LOCAL. 0 for the others */
} ropemap_encoding_choice;

/*
 * Which keys a query may see: a key at position n and a query at m, where all that is given allows it. Pairs
 * that are not seen count nowhere; a cell without any pair is NaN. Plain values; zeroed: every key.
 */
typedef struct ropemap_mask {
    bool causal;         /* n <= m */
    int64_t window;      /* |m - n| < window; 0: any distance. Not with `chunk` */
    int64_t chunk;       /* m and n in the same chunk of so many positions, as Llama 4; 0: no chunks */
    int64_t sink_tokens; /* n < sink_tokens is seen beyond window and chunk; needs one of them */
} ropemap_mask;

/* What softmax has besides its scale. */
typedef struct ropemap_softmax {
    ropemap_range keys; /* softmax is over these, of which `cols`, in the same steps, is the part that the map
                           shows; count 0: over cols */
    double softcap;     /* c: a score s becomes c tanh(s / c), as Gemma 2; 0: it stays */
    bool has_sink;      /* sink_logit joins the sum of every row, as gpt-oss: rows sum to less than 1 */
    double sink_logit;  /* a score */
} ropemap_softmax;

typedef struct ropemap_request {
    ropemap_spec spec;
    const ropemap_vectors *queries, *keys; /* both NULL: ones. Borrowed */
    ropemap_encoding_choice encoding;
    bool already_rotated;     /* the vectors carry their rotation: do not rotate again */
    ropemap_range rows, cols; /* positions of queries (down) and keys (across) */
    int64_t width, height;    /* cells; a side never has more cells than positions */
    ropemap_pool pool;
    ropemap_measure measure;
    double scale; /* of scaled and softmax: what q . k is multiplied by, above 0; 0: 1 / sqrt(head_dim) */
    ropemap_softmax softmax; /* of softmax */
    ropemap_mask mask;
    bool strict; /* refuse vectors that hold NaN or infinity (ROPEMAP_DATA) */
    ropemap_method method;
    ropemap_kernel kernel; /* of the tiled method */
    ropemap_dtype dtype;
    const char *backend;      /* "cpu" or "cuda"; NULL or "auto" for the best there is. Borrowed */
    int32_t device;           /* which GPU, counted from 0 in the order of the driver */
    int32_t threads;          /* 0: one a CPU */
    uint64_t memory;          /* bytes the work may take besides the map itself; 0: a quarter of RAM */
    ropemap_session *session; /* NULL: all is started for this map alone. Borrowed */
    const char *keys_name; /* softmax: with one name in a session, the same `keys`; NULL: unnamed. Borrowed */
    ropemap_progress progress; /* may be NULL */
    void *progress_user;
} ropemap_request;

/* The default rule, ones, positions 0 to 4095 both ways, 1024 x 1024 cells, mean of dot products. */
ROPEMAP_API ropemap_request ropemap_request_default(void);

/* How a request is served. */
typedef struct ropemap_plan {
    ropemap_method method;    /* never AUTO */
    char reason[200];         /* why this method */
    char backend[16];         /* "cpu" or "cuda" */
    char backend_reason[320]; /* why this one: "GPU 0, NVIDIA H100", "no GPU: ..." */
    bool fell_back;           /* it was to be another one, or other tiles: backend_reason has the cause */
    ropemap_kernel kernel;    /* tiled: never AUTO; else AUTO */
    ropemap_dtype dtype;      /* fp32 where the method is not the tiled one */
    int32_t threads;
    int64_t height, width; /* cells of the map */
    int64_t block;         /* side of a GEMM block, in positions (tiled) or cells (factored) */
    int64_t band; /* positions (tiled) or cells (factored) of a side, or distances (diagonal) that are worked
                     on at a time */
    int64_t bands;
    int64_t tiles;         /* GEMM blocks in all */
    bool keys_resident;    /* tiled: rotated keys are kept, not made again for each band */
    uint64_t bytes;        /* most memory the work takes besides the map and what the vectors hold */
    uint64_t device_bytes; /* the same, of the GPU's memory; 0 on the CPU */
    double flops;          /* of GEMMs, rotations and cosines */
} ropemap_plan;

/* Wall-clock seconds; where threads work side by side, their mean. Tiles that the CPU pools as it multiplies
 * count as similarity. */
typedef struct ropemap_seconds {
    double read, rotate, similarity, pool, total;
} ropemap_seconds;

typedef struct ropemap_map {
    int64_t height, width;
    float *cells;          /* [height, width], row 0 is the first query range; owned, NULL when empty */
    double min, max, mean; /* over the cells that are not NaN; NaN where all are */
    int64_t nan_cells;
    int64_t masked_cells; /* of these, cells without a pair that the mask leaves */
    int64_t empty_rows;   /* softmax: queries that see no key with a score above -infinity: their mass is 0 */
    int64_t nan_rows;  /* softmax: queries with a score that is NaN or +infinity: NaN at all keys they see */
    ropemap_plan plan; /* what ran */
    ropemap_seconds seconds;
} ropemap_map;

/*
 * A request made ready: checked, its frequencies made and its plan chosen, all once. Opaque; used by one
 * thread at a time. *job is the caller's, to be freed with ropemap_job_free; NULL on failure. The request is
 * borrowed: it outlives the job. Nothing large is allocated. ROPEMAP_USAGE: a request out of range, or a
 * method that cannot serve it, with the reason. ROPEMAP_RESOURCES: it does not fit in `memory`, or the
 * backend is missing.
 */
typedef struct ropemap_job ropemap_job;
ROPEMAP_API ropemap_status ropemap_job_open(const ropemap_request *request, ropemap_job **job,
                                            ropemap_error *error);
ROPEMAP_API void ropemap_job_free(ropemap_job *job); /* NULL is fine */

/* How the job will run; after it ran, how it did. The job's own. */
ROPEMAP_API const ropemap_plan *ropemap_job_plan(const ropemap_job *job);

/*
 * Computes the map, as often as it is called. `map` must be zeroed or freed; free it with ropemap_map_free.
 * The bytes of the cells do not depend on threads or memory. ROPEMAP_RESOURCES, ROPEMAP_DATA and ROPEMAP_IO
 * from reading, ROPEMAP_STOPPED.
 */
ROPEMAP_API ropemap_status ropemap_job_run(ropemap_job *job, ropemap_map *map, ropemap_error *error);

/* Opens a job, runs it once and frees it. Statuses of both. */
ROPEMAP_API ropemap_status ropemap_map_compute(const ropemap_request *request, ropemap_map *map,
                                               ropemap_error *error);

/* map's cells less those of another map of the same size; NaN where either has none. ROPEMAP_USAGE: sizes
 * differ. */
ROPEMAP_API ropemap_status ropemap_map_subtract(ropemap_map *map, const ropemap_map *other,
                                                ropemap_error *error);

ROPEMAP_API void ropemap_map_free(ropemap_map *map); /* leaves it zeroed; NULL is fine */

/* Positions [first, end) of `count` that cell `cell` of `cells` covers: floor(cell*count/cells) and the next.
 */
ROPEMAP_API void ropemap_cell_bounds(int64_t count, int64_t cells, int64_t cell, int64_t *first,
                                     int64_t *end);

/* ---- files -----------------------------------------------------------------------------------------------
 */

/* Bytes owned by the caller. */
typedef struct ropemap_bytes {
    uint8_t *data;
    size_t size;
} ropemap_bytes;
ROPEMAP_API void ropemap_bytes_free(ropemap_bytes *bytes); /* leaves it zeroed; NULL is fine */

/* The cells as a .npy file, little-endian float32 [height, width]. ROPEMAP_USAGE, ROPEMAP_RESOURCES. */
ROPEMAP_API ropemap_status ropemap_map_npy(const ropemap_map *map, ropemap_bytes *bytes,
                                           ropemap_error *error);

/*
 * Whether `path` could be written: to be asked before long work. An existing regular file needs `force`; a
 * directory is refused; a device, a FIFO and "-" (standard output) are written directly. ROPEMAP_USAGE for a
 * name that cannot be an output, ROPEMAP_IO for a place that cannot be written or a file that exists.
 */
ROPEMAP_API ropemap_status ropemap_output_check(const char *path, bool force, ropemap_error *error);

/* Writes bytes so that `path` exists only complete (temporary file, fsync, rename). ROPEMAP_IO, as above. */
ROPEMAP_API ropemap_status ropemap_output_write(const char *path, const ropemap_bytes *bytes, bool force,
                                                ropemap_error *error);

/*
 * The outputs of one piece of work. None may be a file that is read, by any spelling, link or second name, no
 * two may be one file, and all of them get their names together, after all are complete on the disk. Opaque;
 * used by one thread at a time. In this order: inputs, folder, outputs; check; the work; write; finish.
 */
typedef struct ropemap_outputs ropemap_outputs;

/* ROPEMAP_RESOURCES. The caller frees it; what was not finished by then is removed again. */
ROPEMAP_API ropemap_status ropemap_outputs_new(ropemap_outputs **outputs, ropemap_error *error);
ROPEMAP_API void ropemap_outputs_free(ropemap_outputs *outputs); /* NULL is fine */

/* Names a file that the work reads: outputs that are added later may not be it. A path without a regular file
 * is passed over. ROPEMAP_RESOURCES. */
ROPEMAP_API ropemap_status ropemap_outputs_input(ropemap_outputs *outputs, const char *path,
                                                 ropemap_error *error);

/* Names a folder that outputs lie in, at most one: where it is missing, the first of them to be written makes
 * it. ROPEMAP_USAGE: `path` is no folder. */
ROPEMAP_API ropemap_status ropemap_outputs_folder(ropemap_outputs *outputs, const char *path,
                                                  ropemap_error *error);

/*
 * Adds an output, whose index is how many there were. `path` as ropemap_output_check has it, not NULL.
 * ROPEMAP_USAGE: it cannot be an output, is an input, or is the file of another output; ROPEMAP_IO: it cannot
 * be looked up.
 */
ROPEMAP_API ropemap_status ropemap_outputs_add(ropemap_outputs *outputs, const char *path, bool force,
                                               ropemap_error *error);

ROPEMAP_API int32_t ropemap_outputs_count(const ropemap_outputs *outputs);
/* As it was added; index 0 to count - 1, as for the next two. Owned by `outputs`. */
ROPEMAP_API const char *ropemap_outputs_name(const ropemap_outputs *outputs, int32_t index);
/* Whether it is written at once and in place: standard output, a device, a FIFO. */
ROPEMAP_API bool ropemap_outputs_in_place(const ropemap_outputs *outputs, int32_t index);

/* Whether all of them could be written: for before the work. Leaves nothing behind. ROPEMAP_IO. */
ROPEMAP_API ropemap_status ropemap_outputs_check(const ropemap_outputs *outputs, ropemap_error *error);

/* Gives an output its bytes: to be written at once where it is written in place, else under a temporary name
 * next to its own. ROPEMAP_IO. */
ROPEMAP_API ropemap_status ropemap_outputs_write(ropemap_outputs *outputs, int32_t index,
                                                 const ropemap_bytes *bytes, ropemap_error *error);

/* Gives every file that was written its name. ROPEMAP_IO: new files are removed again; of old ones all are as
 * they were where the first to be replaced fails. */
ROPEMAP_API ropemap_status ropemap_outputs_finish(ropemap_outputs *outputs, ropemap_error *error);

#ifdef __cplusplus
}
#endif

#endif
