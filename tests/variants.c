/* variants.c - the copies of the CPU loops for each level of x86-64, forced one after another */
/* SPDX-License-Identifier: MIT */
#include "tests/variants.h"
#include "tests/unit.h"

/* A variant and what it needs, as /proc/cpuinfo spells it. */
static const struct {
    const char *name;
    const char *flags[10];
} variants[] = {
    {"baseline", {NULL}},
#if defined(__x86_64__)
    {"v3", {"avx2", "fma", "bmi1", "bmi2", "f16c", "movbe", NULL}},
    {"v4", {"avx2", "fma", "bmi2", "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", NULL}},
#endif
};
enum { VARIANTS = sizeof variants / sizeof variants[0] };

const char *variant_name(int index) {
    return index < VARIANTS ? variants[index].name : NULL;
}

/* The first "flags" line of /proc/cpuinfo, with a space at its end; empty where there is none. */
static void read_flags(char *flags, int size) {
    flags[0] = '\0';
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && fgets(flags, size, file) != NULL && strncmp(flags, "flags", 5) != 0) {
        flags[0] = '\0';
    }
    char *end = strchr(flags, '\n');
    if (end != NULL) {
        *end = ' ';
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

static bool processor_runs(int index) {
    static bool told[VARIANTS]; /* printed once a program */
    char flags[8192];
    read_flags(flags, sizeof flags);
    for (int i = 0; variants[index].flags[i] != NULL; i++) {
        char word[32];
        (void)snprintf(word, sizeof word, " %s ", variants[index].flags[i]);
        if (strstr(flags, word) == NULL) {
            if (!told[index]) {
                print_message("SKIPPED: variant %s, this CPU lacks %s\n", variants[index].name,
                              variants[index].flags[i]);
            }
            told[index] = true;
            return false;
        }
    }
    return true;
}

bool variant_force(const char *name) {
    int index = 0;
    while (index < VARIANTS && strcmp(variants[index].name, name) != 0) {
        index++;
    }
    assert_true(index < VARIANTS);
    if (!processor_runs(index)) {
        return false;
    }
    assert_int_equal(setenv("ROPEMAP_SIMD", name, 1), 0);
    return true;
}

void variant_release(void) {
    assert_int_equal(unsetenv("ROPEMAP_SIMD"), 0);
}
