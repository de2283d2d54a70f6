# test_doctor.py - `ropemap doctor` reports what there is, and fails if a reported GPU cannot be used
# SPDX-License-Identifier: MIT
import json
import os
import unittest

from gpus import COMPILER, NoBackend, compile_library
from harness import Case, strict_json

FIELDS = ["schema", "version", "processor", "threads", "memory_bytes", "driver", "driver_reason", "gpus",
          "plugin", "plugin_reason", "verdict"]
GPU_FIELDS = ["index", "name", "compute_capability", "multiprocessors", "memory_bytes", "l2_bytes", "reason"]

# A CUDA backend that describes itself and computes nothing.
PLUGIN = r"""
#include "host/device/plugin.h"
#include <string.h>

ropemap_status ropemap_cuda_backend(int32_t abi, rm_plugin_table *table, ropemap_error *error) {
    if (abi != RM_PLUGIN_ABI) {
        error->status = ROPEMAP_RESOURCES;
        return error->status;
    }
    strcpy(table->about.runtime, "CUDA 1.2");
    strcpy(table->about.blas, "cuBLAS 3.4.5");
    strcpy(table->about.architectures, "67 89");
    return ROPEMAP_OK;
}
"""


class DoctorCase(Case):
    def check(self, document):
        """What holds on every machine."""
        self.assertEqual(list(document), FIELDS)
        self.assertEqual(document["schema"], "ropemap.doctor/1")
        self.assertRegex(document["version"], r"\A\d+\.\d+\.\d+\Z")
        self.assertEqual(list(document["processor"]), ["model", "processors", "simd"])
        for thing in ("driver", "plugin"):
            self.assertNotEqual(document[thing] is None, document[thing + "_reason"] is None)
        self.assertEqual(len(document["gpus"]), document["driver"]["gpus"] if document["driver"] else 0)
        for index, gpu in enumerate(document["gpus"]):
            self.assertEqual(list(gpu), GPU_FIELDS)
            self.assertEqual(gpu["index"], index)
        verdict = document["verdict"]
        self.assertEqual(list(verdict), ["backend", "gpu", "reason"])
        self.assertEqual(verdict["gpu"], 0 if verdict["backend"] == "cuda" else None)
        self.assertEqual(verdict["reason"] is None, verdict["backend"] == "cuda")


class Doctor(DoctorCase):
    def test_this_machine(self):
        result = self.run_program("doctor", "--json")
        self.assertEqual(result.stderr, b"")
        document = strict_json(result.stdout)
        self.check(document)
        unusable = document["driver"] is not None and document["verdict"]["gpu"] is None
        self.assertEqual(result.returncode, 5 if unusable else 0)
        self.assertEqual(document["processor"]["processors"], len(os.sched_getaffinity(0)))
        self.assertEqual(document["threads"], len(os.sched_getaffinity(0)))
        self.assertEqual(document["memory_bytes"], os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
        machine = json.loads(self.done("bench", "png", "--size", "4", "--samples", "1", "-q", "--json").stdout)["machine"]
        self.assertEqual([document["processor"]["model"], document["processor"]["simd"]],
                         [machine["processor"], machine["simd"]])

    def test_a_hidden_gpu_is_no_failure(self):
        """Whether there is a driver or not, none reports a GPU then."""
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
        text = self.done("doctor", env=environment).stdout.decode()
        document = json.loads(self.done("doctor", "--json", env=environment).stdout)
        self.check(document)
        self.assertIsNone(document["driver"])
        self.assertEqual(document["verdict"]["reason"], document["driver_reason"])
        lines = text.splitlines()
        self.assertLessEqual(len(lines), 15)
        labels = [line[:11].rstrip() for line in lines[:-1]]
        self.assertEqual([label for label in labels if label],
                         ["ropemap", "CPU", "threads", "memory", "driver", "plugin"])
        self.assertTrue(lines[-1].startswith("The GPU is not used: "), lines[-1])
        self.assertNotIn("WARNING", text)
        self.assertIn(document["processor"]["model"], text)

    def test_options(self):
        self.refused(2, ["--jsno", "--json"], "doctor", "--jsno")
        self.refused(2, ["extra"], "doctor", "extra")
        self.refused(2, ["--json", "'1'"], "doctor", "--json=1")
        self.assertIn("ropemap.doctor/1", self.done("doctor", "--help").stdout.decode())

    @unittest.skipUnless(os.path.exists("/dev/full"), "there is no /dev/full here")
    def test_a_full_disk(self):
        for arguments in (["doctor"], ["doctor", "--json"]):
            with open("/dev/full", "wb") as full:
                result = self.run_program(*arguments, stdout=full, stderr=-1, capture_output=False)
            self.assertEqual(result.returncode, 4)


class FakeDriver(NoBackend, DoctorCase):
    def doctor(self, code, *arguments, **settings):
        output, said = self.run_with(code, "doctor", *arguments, **settings)
        self.assertEqual(said, "")
        return output.decode()

    def test_text(self):
        lines = self.doctor(5).splitlines()
        self.assertIn("driver     CUDA 12.8, 2 GPUs", lines)
        self.assertIn("GPU 0      Make?Believe, compute capability 9.1, 132 multiprocessors, 80 GiB, L2 50 MiB", lines)
        self.assertIn("GPU 1      Make?Believe II, compute capability 9.1, 132 multiprocessors, 40 GiB, L2 50 MiB", lines)
        self.assertRegex(lines[-1], r"\AThe GPU is not used: .")
        self.assertLessEqual(len(lines), 15)

    def test_json(self):
        document = json.loads(self.doctor(5, "--json"))
        self.check(document)
        self.assertEqual(document["driver"], {"cuda": "12.8", "gpus": 2})
        self.assertEqual(document["gpus"][1],
                         {"index": 1, "name": "Make\033Believe II", "compute_capability": "9.1", "multiprocessors": 132,
                          "memory_bytes": 40 << 30, "l2_bytes": 50 << 20, "reason": None})
        self.assertEqual(document["verdict"]["gpu"], None)

    def test_a_gpu_that_cannot_be_asked(self):
        document = json.loads(self.doctor(5, "--json", gone=1))
        self.check(document)
        lost = document["gpus"][1]
        self.assertEqual([lost[field] for field in GPU_FIELDS[1:-1]], [None] * 5)
        self.assertIn("unknown error (emulated) (999)", lost["reason"])
        self.assertIsNone(document["gpus"][0]["reason"])
        self.assertRegex(self.doctor(5, gone=1), r"(?m)^GPU 1      none: .*unknown error")

    def test_a_driver_that_reports_none(self):
        for settings in ({"init": 999}, {"init": 100}, {"devices": 0}):
            document = json.loads(self.doctor(0, "--json", **settings))
            self.check(document)
            self.assertIsNone(document["driver"])
            self.assertRegex(self.doctor(0, **settings), r"(?m)^driver     none: ")
        self.assertIn("cuInit: unknown error (emulated) (999)", self.doctor(0, init=999))

    @unittest.skipUnless(COMPILER, "there is no C compiler here")
    def test_a_plugin(self):
        plugin = compile_library(self.bin, "libropemap-cuda.so", PLUGIN)
        document = json.loads(self.doctor(0, "--json", devices=0))
        self.check(document)
        self.assertEqual(document["plugin"], {"path": os.path.realpath(plugin), "runtime": "CUDA 1.2",
                                              "blas": "cuBLAS 3.4.5", "architectures": "67 89"})
        self.assertIn("plugin     %s\n           CUDA 1.2, cuBLAS 3.4.5, code for 67 89\n" % os.path.realpath(plugin),
                      self.doctor(0, devices=0))

    def test_a_plugin_that_is_none(self):
        for data in (b"", b"no library"):
            self.write("bin/libropemap-cuda.so", data)
            document = json.loads(self.doctor(5, "--json"))
            self.check(document)
            self.assertIn("libropemap-cuda.so", document["plugin_reason"])
            self.assertEqual(document["verdict"]["reason"], document["plugin_reason"])
            self.assertRegex(self.doctor(5), r"(?m)^plugin     none: ")


if __name__ == "__main__":
    unittest.main()
