/* test_planted.cpp - planted faults in kernels are caught, and the same kernels without them are not blamed
 */
/* SPDX-License-Identifier: MIT */
#include <csignal>
#include <string>

#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit.h"

enum { REPORTED = 66 }; /* exit status that the sanitizers are told to use */

/* EMU_SANITIZE: the sanitizers of this build, as -fsanitize= takes them; EMU_PLANTED: the program, built
 * alike. */
static bool built_with(const char *sanitizer) {
    return strstr(EMU_SANITIZE, sanitizer) != nullptr;
}

/* ---- the child ------------------------------------------------------------------------------- */

struct outcome {
    int status;       /* as waitpid gives it */
    std::string text; /* standard error */
};

static outcome run_planted(const char *name, const char *fault) {
    int ends[2];
    posix_spawn_file_actions_t actions;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO), 0);
    assert_int_equal(posix_spawn_file_actions_addclose(&actions, ends[0]), 0);
    assert_int_equal(posix_spawn_file_actions_addclose(&actions, ends[1]), 0);
    std::string words[] = {EMU_PLANTED, name, fault};
    char *arguments[] = {&words[0][0], &words[1][0], &words[2][0], nullptr};
    pid_t child = 0;
    assert_int_equal(posix_spawn(&child, EMU_PLANTED, &actions, nullptr, arguments, environ), 0);
    assert_int_equal(posix_spawn_file_actions_destroy(&actions), 0);
    assert_int_equal(close(ends[1]), 0);
    outcome got = {0, ""};
    char part[4096];
    for (ssize_t bytes; (bytes = read(ends[0], part, sizeof part)) > 0;) {
        got.text.append(part, (size_t)bytes);
    }
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(waitpid(child, &got.status, 0), child);
    return got;
}

static void expect_text(const outcome &got, const char *text) {
    if (got.text.find(text) == std::string::npos) {
        fail_msg("the report lacks \"%s\":\n%s", text, got.text.c_str());
    }
}

static void expect_silence(const char *name) {
    const outcome got = run_planted(name, "0");
    if (!WIFEXITED(got.status) || WEXITSTATUS(got.status) != 0) {
        fail_msg("%s without its fault ended with status 0x%x:\n%s", name, (unsigned)got.status,
                 got.text.c_str());
    }
}

/* Where the build has the sanitizer that sees the fault, its report must hold `text`. */
static void expect_report(const char *name, const char *sanitizer, const char *text) {
    expect_silence(name);
    if (!built_with(sanitizer)) {
        print_message("skipped: planted fault \"%s\" (built without -fsanitize=%s)\n", name, sanitizer);
        skip();
    }
    const outcome got = run_planted(name, "1");
    if (!WIFEXITED(got.status) || WEXITSTATUS(got.status) != REPORTED) {
        fail_msg("%s: status 0x%x:\n%s", name, (unsigned)got.status, got.text.c_str());
    }
    expect_text(got, text);
}

/* Every build of the emulation sees the fault itself, and says where. */
static void expect_abort(const char *name, const char *text, const char *place, const char *threads) {
    expect_silence(name);
    const outcome got = run_planted(name, "1");
    if (!WIFSIGNALED(got.status) || WTERMSIG(got.status) != SIGABRT) {
        fail_msg("%s: status 0x%x:\n%s", name, (unsigned)got.status, got.text.c_str());
    }
    expect_text(got, text);
    expect_text(got, place);
    expect_text(got, threads);
}

/* ---- the faults ------------------------------------------------------------------------------ */

static void a_write_past_the_end_is_caught(void **) {
    expect_report("global", "address", "heap-buffer-overflow");
}

static void a_write_past_shared_memory_is_caught(void **) {
    expect_report("shared", "undefined", "out of bounds");
}

static void a_misaligned_vector_is_caught(void **) {
    expect_report("vector", "undefined", "misaligned address");
}

static void a_missing_barrier_is_caught(void **) {
    expect_report("race", "thread", "data race");
}

static void an_endless_wait_names_the_kernel(void **) {
    expect_abort("wait", "no progress in 500 ms",
                 "kernel wait_for_ever(float*, int), block (0, 0, 0) of 64 threads",
                 "8 threads, of which the first is 32: waiting for the warp in line");
}

static void an_endless_wait_names_the_block(void **) {
    expect_abort("later", "no progress in 500 ms",
                 "stop_later<float>(float*, int), block (1, 0, 0) of 64 threads",
                 "1 threads, of which the first is 3: waiting for the warp in line");
}

static void different_barriers_are_told_apart(void **) {
    expect_abort("lines", "meet at different __syncthreads()",
                 "kernel part_ways(float*, int), block (0, 0, 0)",
                 "32 threads, of which the first is 1: waiting in __syncthreads() of line");
}

static void a_mask_without_oneself_is_refused(void **) {
    expect_abort("mask", "is not in its own mask 0xfffffffe",
                 "kernel forget_oneself(float*, int), block (0, 0, 0)", "the first is");
}

static void products_of_touched_registers_need_a_fence(void **) {
    expect_abort("fence", "products without a fence after their registers may have been touched",
                 "kernel multiply_unfenced(float*, int), block (0, 0, 0)", "the first is");
}

static void warps_of_a_warpgroup_multiply_the_same(void **) {
    expect_abort("apart", "threads 0 and 32 of a warpgroup do not have the same products",
                 "kernel multiply_apart(float*, int), block (0, 0, 0)", "returned; line 0");
}

/* Sanitizers take the last of two options, so what the environment says about anything else holds. */
static void add_option(const char *variable, const char *more) {
    const char *old = getenv(variable);
    const std::string wanted = std::string(old != nullptr ? old : "") +
                               ":exitcode=" + std::to_string(REPORTED) + ":abort_on_error=0" + more;
    assert_int_equal(setenv(variable, wanted.c_str(), 1), 0);
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_write_past_the_end_is_caught),
        cmocka_unit_test(a_write_past_shared_memory_is_caught),
        cmocka_unit_test(a_misaligned_vector_is_caught),
        cmocka_unit_test(a_missing_barrier_is_caught),
        cmocka_unit_test(an_endless_wait_names_the_kernel),
        cmocka_unit_test(an_endless_wait_names_the_block),
        cmocka_unit_test(different_barriers_are_told_apart),
        cmocka_unit_test(a_mask_without_oneself_is_refused),
        cmocka_unit_test(products_of_touched_registers_need_a_fence),
        cmocka_unit_test(warps_of_a_warpgroup_multiply_the_same),
    };
    const rlimit no_core = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &no_core);
    add_option("ASAN_OPTIONS", "");
    add_option("UBSAN_OPTIONS", "");
    add_option("TSAN_OPTIONS", ":atexit_sleep_ms=20"); /* a second for each child otherwise */
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
