/* test_rotate_kernels.cpp - the kernel that rotates, bit for bit: a plain loop, the CPU backend, guards */
/* SPDX-License-Identifier: MIT */
#include "cuda/kernels.h"
#include "tests/emu/control.h"
#include "tests/emu/stored.h"

extern "C" {
#include "tests/padded.h"
}
#include "tests/unit.h"

struct rotate_case {
    ropemap_dtype from, to;
    int32_t head_dim, rotary_dim;
    ropemap_layout layout;
    ropemap_range positions;
    int32_t heads[2];
    bool heads_first; /* [heads, positions, head_dim], else [positions, heads, head_dim] */
    int pad;          /* elements between rows */
    int outer_pad;    /* elements between heads (heads_first) or positions, beside that */
    int shift;        /* elements that data stand beyond a multiple of 16 bytes */
    bool in_place;
    int32_t processors;
};

/* One side's memory: what the kernel reads, what it writes, and what it should write. */
struct side_memory {
    stored from, to, wanted;
    int64_t position_stride, head_stride;
};

static side_memory make_side(const rotate_case &test, int32_t heads, uint64_t seed) {
    const int64_t row = test.head_dim + test.pad, count = test.positions.count;
    const int64_t outer = row * (test.heads_first ? count : heads) + test.outer_pad;
    const int64_t elements = outer * (test.heads_first ? heads : count);
    side_memory side;
    side.position_stride = test.heads_first ? row : outer;
    side.head_stride = test.heads_first ? outer : row;
    side.from = stored(test.from, elements, test.shift);
    for (int64_t i = 0; i < count * heads; i++) {
        const int64_t first = i / heads * side.position_stride + i % heads * side.head_stride;
        for (int32_t d = 0; d < test.head_dim; d++) {
            side.from.set(first + d, random_wide(&seed, test.from == ROPEMAP_DTYPE_FP32 ? 18 : 15));
        }
    }
    if (!test.in_place) {
        side.to = stored(test.to, elements, test.shift);
    }
    side.wanted = test.in_place ? side.from : side.to;
    side.wanted.retype(test.to);
    return side;
}

/* The definition, one element after another. */
static void rotate_plainly(const rotate_case &test, const ropemap_freqs &freqs, int64_t position,
                           const stored &from, stored &to, int64_t row) {
    for (int32_t d = 2 * freqs.pairs; d < test.head_dim; d++) {
        to.set(row + d, from.get(row + d));
    }
    for (int32_t p = 0; p < freqs.pairs; p++) {
        const bool half = test.layout == ROPEMAP_LAYOUT_HALF;
        const int32_t a = half ? p : 2 * p, b = half ? p + freqs.pairs : 2 * p + 1;
        const uint32_t phase = rm_phase32(rm_phase(freqs.step[p], freqs.fine[p], position));
        const rm_gain attention = rm_gain_of(freqs.attention_factor);
        const float c = rm_gain_times(attention, rm_cos(phase));
        const float s = rm_gain_times(attention, rm_sin(phase));
        const float x = from.get(row + a), y = from.get(row + b);
        to.set(row + a, rm_rotate_first(x, y, c, s));
        to.set(row + b, rm_rotate_second(x, y, c, s));
    }
}

/* The rows of one head by the CPU backend, which takes floats and gives the numbers of `dtype` as floats. */
static void check_against_cpu(rm_context *context, const rotate_case &test, const ropemap_freqs &freqs,
                              const stored &before, const side_memory &side, int64_t head_row) {
    const stored &got = test.in_place ? side.from : side.to;
    const int64_t count = test.positions.count, dim = test.head_dim;
    std::vector<float> from((size_t)(count * dim)), to((size_t)(count * dim));
    for (int64_t i = 0; i < count * dim; i++) {
        from[(size_t)i] = before.get(head_row + i / dim * side.position_stride + i % dim);
    }
    rm_rotation rotation = {};
    rotation.freqs = &freqs;
    rotation.layout = test.layout;
    rotation.rotate = freqs.pairs > 0;
    rotation.dtype = test.to;
    assert_int_equal(rm_cpu_backend()->rotate(context, &rotation, test.positions,
                                              rm_view_dense(from.data(), count, dim),
                                              rm_view_dense(to.data(), count, dim), nullptr),
                     ROPEMAP_OK);
    for (int64_t i = 0; i < count * dim; i++) {
        const float value = got.get(head_row + i / dim * side.position_stride + i % dim);
        if (rm_bits_from_float(value) != rm_bits_from_float(to[(size_t)i])) {
            fail_msg("row %d, element %d: %a, and the CPU's is %a", (int)(i / dim), (int)(i % dim),
                     (double)value, (double)to[(size_t)i]);
        }
    }
}

static void say(const rotate_case &test) {
    print_message(
        "type %d to %d, dim %d of %d, layout %d, first %lld, count %d, step %lld, heads %d and %d, pad "
        "%d, shift %d%s\n",
        (int)test.from, (int)test.to, (int)test.rotary_dim, (int)test.head_dim, (int)test.layout,
        (long long)test.positions.first, (int)test.positions.count, (long long)test.positions.step,
        (int)test.heads[0], (int)test.heads[1], test.pad, test.shift, test.in_place ? ", in place" : "");
}

static void check_side(rm_context *context, const rotate_case &test, const ropemap_freqs &freqs,
                       side_memory &side, int32_t heads, const stored &before) {
    const stored &got = test.in_place ? side.from : side.to;
    for (int32_t h = 0; h < heads; h++) {
        for (int64_t i = 0; i < test.positions.count; i++) {
            rotate_plainly(test, freqs, test.positions.first + i * test.positions.step, before, side.wanted,
                           i * side.position_stride + h * side.head_stride);
        }
        check_against_cpu(context, test, freqs, before, side, h * side.head_stride);
    }
    if (!got.same_bits(side.wanted)) {
        say(test);
        fail_msg("not the bits of the plain loop, or a guard is gone");
    }
}

static void check_rotate(rm_context *context, const rotate_case &test, uint64_t seed) {
    const ropemap_freqs freqs = random_freqs(test.rotary_dim / 2, 1.1386294f, seed);
    rm_rotate_work work = {};
    side_memory sides[2];
    stored before[2];
    for (int s = 0; s < 2 && test.heads[s] > 0; s++) {
        sides[s] = make_side(test, test.heads[s], seed + 100 + s);
        before[s] = sides[s].from;
        void *to = test.in_place ? sides[s].from.data() : sides[s].to.data();
        work.sides[s] = {sides[s].from.data(),
                         to,
                         sides[s].position_stride,
                         sides[s].head_stride,
                         sides[s].position_stride,
                         sides[s].head_stride,
                         test.heads[s]};
    }
    work.positions = test.positions;
    work.freqs = freqs.pairs > 0 ? &freqs : nullptr;
    work.from_type = test.from;
    work.to_type = test.to;
    work.head_dim = test.head_dim;
    work.pairs = freqs.pairs;
    work.layout = test.layout;
    emu_reverse_blocks((int)(seed & 1));
    assert_int_equal(rm_rotate_launch(&work, test.processors, nullptr), cudaSuccess);
    for (int s = 0; s < 2 && test.heads[s] > 0; s++) {
        check_side(context, test, freqs, sides[s], test.heads[s], before[s]);
        assert_true(test.in_place || sides[s].from.same_bits(before[s]));
    }
}

/* ---- many cases ------------------------------------------------------------------------------ */

static const ropemap_dtype type_pairs[][2] = {
    {ROPEMAP_DTYPE_FP32, ROPEMAP_DTYPE_FP32}, {ROPEMAP_DTYPE_FP32, ROPEMAP_DTYPE_TF32},
    {ROPEMAP_DTYPE_FP32, ROPEMAP_DTYPE_BF16}, {ROPEMAP_DTYPE_FP32, ROPEMAP_DTYPE_FP16},
    {ROPEMAP_DTYPE_BF16, ROPEMAP_DTYPE_BF16}, {ROPEMAP_DTYPE_FP16, ROPEMAP_DTYPE_FP16}};
static const int32_t dims[] = {2, 26, 62, 64, 66, 96, 128, 130, 256, 514, 4096};
static const int32_t heads[][2] = {{1, 0}, {2, 1}, {1, 1}, {3, 2}, {5, 0}, {1, 5}, {2, 2}};
static const int64_t counts[] = {1, 31, 33, 127, 257};
static const int64_t steps[] = {1, 7, 4096, ((int64_t)1 << 20) + 1};

template <class T, size_t N> static const T &cycle(const T (&list)[N], int at) {
    return list[at % (int)N];
}

/* Case number n of a type, a head_dim and a layout: the lists have lengths without common divisors, so that
 * everything meets everything. `aligned`: as whole accesses of 16 bytes need it. */
static rotate_case make_case(int n, int types, int32_t head_dim, ropemap_layout layout, bool aligned) {
    rotate_case test = {};
    test.from = type_pairs[types][0];
    test.to = type_pairs[types][1];
    test.head_dim = head_dim;
    test.layout = layout;
    test.rotary_dim = n % 3 == 0 ? head_dim : n % 3 == 1 ? head_dim / 32 * 16 : 2 * (head_dim / 5);
    test.heads[0] = cycle(heads, n)[0];
    test.heads[1] = cycle(heads, n)[1];
    const int64_t most = head_dim > 1000 ? 3 : head_dim > 250 ? 33 : 257, count = cycle(counts, n);
    const int64_t step = cycle(steps, n), reach = (count - 1) * step;
    test.positions = {0, count < most ? count : most, step};
    test.positions.first = n % 9 < 3   ? ROPEMAP_POSITION_END - 1 - reach
                           : n % 9 < 6 ? (((int64_t)1 << 20) * (n % 5 + 1)) - 17
                                       : n % 2;
    test.heads_first = n % 2 == 1;
    test.pad = aligned ? 8 * (n % 3) : n % 4;
    test.shift = aligned ? 0 : n % 8;
    test.in_place = n % 4 < 2 && bytes_of(test.from) == bytes_of(test.to);
    test.processors = 1 + n % 3;
    return test;
}

/* Rows that stand at any address show, under UBSan, that no access of 16 bytes is made to them. */
static void check_types(int first, int end) {
    rm_context *context = open_context();
    int n = 0;
    for (int types = first; types < end; types++) {
        for (const int32_t head_dim : dims) {
            for (int layout = 0; layout < 2; layout++, n++) {
                if (n % RACE_STEP == 0) {
                    check_rotate(context, make_case(n, types, head_dim, (ropemap_layout)layout, n % 4 != 3),
                                 (uint64_t)n);
                }
            }
        }
    }
    rm_cpu_backend()->close(context);
}

static void test_floats_to_floats(void **state) {
    check_types(0, 2);
}

static void test_floats_to_16_bits(void **state) {
    check_types(2, 4);
}

static void test_16_bits(void **state) {
    check_types(4, 6);
}

/* ---- single ones ----------------------------------------------------------------------------- */

static rotate_case plain_case(const ropemap_dtype (&types)[2]) {
    rotate_case test = {};
    test.from = types[0];
    test.to = types[1];
    test.head_dim = test.rotary_dim = 64;
    test.positions = {5, 9, 1};
    test.heads[0] = 2;
    test.heads[1] = 1;
    test.processors = 2;
    return test;
}

/* Each reason alone to take single elements: an odd number of pairs, an address, either stride, a head_dim.
 */
static void test_each_reason_for_single_elements(void **state) {
    rm_context *context = open_context();
    for (const auto &types : type_pairs) {
        check_rotate(context, plain_case(types), 1);
        rotate_case shifted = plain_case(types), apart = shifted, odd = shifted, ragged = shifted;
        shifted.shift = 1;
        check_rotate(context, shifted, 2);
        apart.outer_pad = 1;
        check_rotate(context, apart, 3);
        apart.heads_first = true;
        check_rotate(context, apart, 4);
        odd.rotary_dim = 26;
        check_rotate(context, odd, 5);
        ragged.rotary_dim = 16;
        ragged.head_dim = 66;
        ragged.pad = 6; /* the stride is whole, the row is not */
        check_rotate(context, ragged, 6);
    }
    rm_cpu_backend()->close(context);
}

/* Rows, pairs and addresses that allow 8, 4 and 2 elements at a time, and in the other layout. */
static void test_each_width(void **state) {
    rm_context *context = open_context();
    for (const auto &types : type_pairs) {
        for (const int32_t unit : {8, 4, 2}) {
            rotate_case test = plain_case(types);
            test.layout = ROPEMAP_LAYOUT_INTERLEAVED;
            test.head_dim = 7 * unit;
            test.rotary_dim = 4 * unit;
            check_rotate(context, test, 8);
            test.rotary_dim = 6 * unit; /* one chunk passes through */
            check_rotate(context, test, 9);
            test.layout = ROPEMAP_LAYOUT_HALF;
            check_rotate(context, test, 10);
            test.head_dim = 64;
            test.rotary_dim = 48;
            test.shift = unit % 8; /* of whole rows, the address alone */
            check_rotate(context, test, 11);
        }
    }
    rm_cpu_backend()->close(context);
}

/* Whole accesses, and the last group of a row has one of them only. */
static void test_rows_that_end_in_half_a_group(void **state) {
    rm_context *context = open_context();
    for (const auto &types : type_pairs) {
        rotate_case test = plain_case(types);
        test.head_dim = 64 + 16 / bytes_of(test.to);
        for (const int32_t rotary_dim : {0, 32, 64}) {
            test.rotary_dim = rotary_dim;
            test.pad = 24 - test.head_dim % 8; /* whole strides */
            check_rotate(context, test, 7);
        }
    }
    rm_cpu_backend()->close(context);
}

/* Eight processors have more blocks than one position gives: heads are shared out. */
static void test_heads_are_shared_out(void **state) {
    rm_context *context = open_context();
    for (int32_t count = 1; count <= 33; count += 16) {
        rotate_case test = plain_case(type_pairs[0]);
        test.rotary_dim = 48;
        test.layout = ROPEMAP_LAYOUT_INTERLEAVED;
        test.positions = {((int64_t)1 << 20) - 3, count, 1};
        test.heads[0] = 4;
        test.heads[1] = 3;
        test.processors = 8;
        check_rotate(context, test, 11);
    }
    rm_cpu_backend()->close(context);
}

/* Every pattern of 16 bits passes through as it is, a NaN too. */
static void test_16_bits_pass_through_bit_for_bit(void **state) {
    for (const ropemap_dtype type : {ROPEMAP_DTYPE_BF16, ROPEMAP_DTYPE_FP16}) {
        std::vector<uint16_t> from(65536 + 8), to(65536 + 8);
        const size_t start = (16 - (uintptr_t)from.data() % 16) / 2 % 8;
        for (size_t i = 0; i < 65536; i++) {
            from[start + i] = (uint16_t)i;
        }
        rm_rotate_work work = {};
        work.sides[0] = {&from[start], &to[start], 4096, 4096, 4096, 4096, 1};
        work.positions = {0, 16, 1};
        work.from_type = work.to_type = type;
        work.head_dim = 4096;
        assert_int_equal(rm_rotate_launch(&work, 2, nullptr), cudaSuccess);
        assert_memory_equal(&from[start], &to[start], 65536 * sizeof(uint16_t));
    }
}

static void test_failures_are_told(void **state) {
    float from[4] = {1, 2, 3, 4}, to[4] = {};
    rm_rotate_work work = {};
    work.sides[0] = {from, to, 4, 4, 4, 4, 1};
    work.positions = {0, 1, 1};
    work.head_dim = 4;
    emu_fail_next_launch(1);
    assert_int_equal(rm_rotate_launch(&work, 2, nullptr), cudaErrorLaunchFailure);
    const long launches = emu_launch_count();
    work.from_type = ROPEMAP_DTYPE_FP16; /* to fp32: nobody asks for it */
    assert_int_equal(rm_rotate_launch(&work, 2, nullptr), cudaErrorInvalidValue);
    work.from_type = work.to_type = ROPEMAP_DTYPE_TF32;
    assert_int_equal(rm_rotate_launch(&work, 2, nullptr), cudaErrorInvalidValue);
    work.from_type = work.to_type = ROPEMAP_DTYPE_FP32;
    work.positions.count = 0; /* nothing to do */
    assert_int_equal(rm_rotate_launch(&work, 2, nullptr), cudaSuccess);
    assert_int_equal(emu_launch_count(), launches);
    assert_true(to[0] == 0);
    (void)emu_take_launch_error();
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(test_floats_to_floats),
        cmocka_unit_test(test_floats_to_16_bits),
        cmocka_unit_test(test_16_bits),
        cmocka_unit_test(test_each_reason_for_single_elements),
        cmocka_unit_test(test_each_width),
        cmocka_unit_test(test_rows_that_end_in_half_a_group),
        cmocka_unit_test(test_heads_are_shared_out),
        cmocka_unit_test(test_16_bits_pass_through_bit_for_bit),
        cmocka_unit_test(test_failures_are_told),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
