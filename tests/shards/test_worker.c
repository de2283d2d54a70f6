/* test_worker.c - who a process is, in every environment that launchers make */
/* SPDX-License-Identifier: MIT */
#include "tests/unit.h"
#include "tools/shards/shards.h"

static const char *environment; /* NAME=value, a space between two */

static char *get(const char *name) {
    static char values[16][8];
    static int used;
    const size_t length = strlen(name);
    for (const char *at = environment; *at != '\0'; at += strspn(at, " ")) {
        const size_t bytes = strcspn(at, " ");
        if (strncmp(at, name, length) == 0 && at[length] == '=') {
            char *value = values[used++ % 16];
            (void)snprintf(value, sizeof values[0], "%.*s", (int)(bytes - length - 1), at + length + 1);
            return value;
        }
        at += bytes;
    }
    return NULL;
}

static const struct {
    const char *words, *variables;
    int64_t rank, size;
    const char *how;
    int64_t element, elements;
    bool should_step;
} cases[] = {
    {"nothing", "", 0, 1, NULL, -1, 0, false},
    {"srun -n 4", "SLURM_STEP_ID=0 SLURM_PROCID=2 SLURM_STEP_NUM_TASKS=4 SLURM_NTASKS=4", 2, 4, "srun step",
     -1, 0, false},
    {"a script of several tasks: one process", "SLURM_JOB_ID=7 SLURM_PROCID=0 SLURM_NTASKS=4", 0, 1, NULL, -1,
     0, true},
    {"a script of one task", "SLURM_PROCID=0 SLURM_NTASKS=1", 0, 1, NULL, -1, 0, false},
    {"a step's number alone", "SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=1", 0, 1, NULL, -1, 0, false},
    {"mpirun", "OMPI_COMM_WORLD_RANK=3 OMPI_COMM_WORLD_SIZE=4", 3, 4, "Open MPI", -1, 0, false},
    {"mpiexec.hydra", "PMI_RANK=0 PMI_SIZE=2", 0, 2, "MPI", -1, 0, false},
    {"mpirun within sbatch: its daemons are Slurm's tasks",
     "OMPI_COMM_WORLD_RANK=2 OMPI_COMM_WORLD_SIZE=4 SLURM_STEP_ID=0 SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=2", 2,
     4, "Open MPI", -1, 0, false},
    {"MPI and a step of one size: MPI",
     "SLURM_STEP_ID=0 SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=4 PMI_RANK=3 PMI_SIZE=4", 3, 4, "MPI", -1, 0,
     false},
    {"mpirun of one in a step of four: the larger",
     "SLURM_STEP_ID=1 SLURM_PROCID=3 SLURM_STEP_NUM_TASKS=4 OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=1", 3,
     4, "srun step", -1, 0, false},
    {"PMIx has no size", "PMIX_RANK=2", 0, 1, NULL, -1, 0, false},
    {"half a pair", "PMI_RANK=2", 0, 1, NULL, -1, 0, false},
    {"no pair: the rank is not below the size", "PMI_RANK=4 PMI_SIZE=4", 0, 1, NULL, -1, 0, false},
    {"no numbers", "PMI_RANK= PMI_SIZE=4x", 0, 1, NULL, -1, 0, false},
    {"below 0", "PMI_RANK=-1 PMI_SIZE=4", 0, 1, NULL, -1, 0, false},
    {"an array",
     "SLURM_ARRAY_TASK_ID=5 SLURM_ARRAY_TASK_MAX=6 SLURM_ARRAY_TASK_COUNT=2 SLURM_ARRAY_TASK_MIN=5", 0, 1,
     NULL, 5, 7, false},
    {"an array of steps",
     "SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_TASK_MAX=2 SLURM_STEP_ID=0 SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=2", 1,
     2, "srun step", 0, 3, false}};

static void test_environments(void **state) {
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        environment = cases[i].variables;
        const work_worker worker = worker_find(get);
        if (worker.rank != cases[i].rank || worker.size != cases[i].size ||
            worker.element != cases[i].element || worker.elements != cases[i].elements ||
            worker.should_step != cases[i].should_step) {
            fail_msg("%s: rank %d of %d, element %d of %d, step %d", cases[i].words, (int)worker.rank,
                     (int)worker.size, (int)worker.element, (int)worker.elements, (int)worker.should_step);
        }
        if (cases[i].how == NULL) {
            assert_null(worker.how);
        } else {
            assert_string_equal(worker.how, cases[i].how);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_environments)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
