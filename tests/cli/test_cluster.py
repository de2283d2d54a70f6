# test_cluster.py - real Slurm and MPI launchers on this machine: whoever starts the workers, the bytes are the same
# SPDX-License-Identifier: MIT
"""
Runs slurmctld and two slurmd in network, process and mount namespaces of its own: nothing of it is seen outside, and
nothing is left. Without the packages, or the right to make namespaces, it is skipped, with a word.
"""
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest

from harness import PROGRAM, SANITIZE, Case

os.environ["PATH"] += ":/usr/sbin:/sbin"
SLURM = ["slurmctld", "slurmd", "srun", "sbatch", "scancel", "scontrol", "squeue", "sinfo"]
PORT = 26817
SCRIPT = os.path.join(os.environ["ROPEMAP_SOURCE"], "tools/slurm/map.sbatch")
CONF = """ClusterName=t
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
AuthInfo=cred_expire=5
CredType=cred/none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/ctl.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/ctl.log
SlurmdLogFile={folder}/%n.log
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=2
SchedulerParameters=batch_sched_delay=0,sched_interval=1
NodeName=n0 NodeHostname={host} NodeAddr=127.0.0.1 Port={first} CPUs=4
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={second} CPUs=4
PartitionName=p Nodes=ALL Default=YES MaxTime=5 State=UP
"""
MAP = ["map", "--content", "gauss", "--measure", "softmax", "--causal", "--size", "96", "--threads", "1", "-q"]
SHORT, MIDDLE = "8k", "32k"  # positions: of a moment, of seconds


def skip(reason):
    print("test_cluster.py: skipped: " + reason)
    sys.exit(77)


def enter_namespaces():
    """127.0.0.2 is there because with 127.0.0.1 alone the C library refuses every name."""
    lines = "ip link set lo up && ip addr add 127.0.0.2/8 dev lo"
    unshare = ["unshare", *([] if os.getuid() == 0 else ["-U", "-c", "--keep-caps"]), "-n", "-p", "-f", "-m",
               "--kill-child=KILL", "--mount-proc"]
    if not all(map(shutil.which, ("unshare", "ip"))) or subprocess.run(
            [*unshare, "sh", "-c", lines], capture_output=True).returncode != 0:
        skip("namespaces cannot be made here (unshare, ip)")
    os.environ["ROPEMAP_NAMESPACES"] = "1"
    os.execvp("unshare", [*unshare, "sh", "-c", lines + ' && exec "$@"', "sh", sys.executable, *sys.argv])


def until(what, check):
    end = time.monotonic() + 600  # it hangs
    while not check():
        if time.monotonic() > end:
            raise AssertionError("not within ten minutes: " + what)
        time.sleep(0.05)


def output_of(*words):
    return subprocess.run(words, capture_output=True, text=True, timeout=600).stdout


class Cluster(Case):
    def start_slurm(self):
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        for name in ("state", "n0", "n1"):
            os.mkdir(self.path(name))
        self.write("slurm.conf", CONF.format(host=socket.gethostname(), port=PORT, first=PORT + 1, second=PORT + 2,
                                             user=user, folder=self.directory).encode())
        for name in [name for name in os.environ if name.startswith(("SLURM_", "SBATCH_", "PMI_", "OMPI_COMM_"))]:
            del os.environ[name]
        os.environ["SLURM_CONF"] = self.path("slurm.conf")  # before any command of Slurm's, which would ask DNS
        self.log = open(self.path("daemons"), "wb")
        self.addCleanup(self.log.close)
        for words in (["slurmctld", "-D"], ["slurmd", "-D", "-N", "n0"], ["slurmd", "-D", "-N", "n1"]):
            daemon = subprocess.Popen(words, cwd=self.directory, stdout=self.log, stderr=self.log)
            self.addCleanup(daemon.wait)
            self.addCleanup(daemon.kill)
        until("nodes are idle", lambda: output_of("sinfo", "-h", "-o", "%T %D").strip() == "idle 2")

    def one(self, name, length):
        return [PROGRAM, *MAP, "-n", length, "-o", self.path(name + ".npy"), "-o", self.path(name + ".png")]

    def worker(self, name, length=SHORT):
        return [*self.one(name, length), "--work", self.path(name), "--shards", "13"]

    def files(self, name):
        return [self.read(name + ".npy"), self.read(name + ".png")]

    def same(self, name, length=SHORT):
        if not os.path.exists(self.path(length + ".png")):
            subprocess.run(self.one(length, length), check=True)
        until(name + " is written", lambda: os.path.exists(self.path(name + ".png")))
        until(name + " is whole", lambda: self.files(name) == self.files(length))

    def batch(self, *words):
        return output_of("sbatch", "--parsable", "-o", self.path("%j.out"), "--open-mode=append", *words).strip()

    @staticmethod
    def wrap(words, before=""):
        return "--wrap=" + before + " ".join(words)

    @staticmethod
    def gone(job):
        until("job %s ends" % job, lambda: not output_of("squeue", "-h", "-j", job, "-t", "PD,R,CG").strip())

    def some(self, name):
        """Waits until a run is in its middle."""
        until("shards of " + name, lambda: os.path.isdir(self.path(name)) and
              sum(entry.startswith("shard-") for entry in os.listdir(self.path(name))) >= 2)

    def check_steps(self):
        for name, words in (("srun", ["-n", "4"]), ("nodes", ["-N", "2", "-n", "6"])):
            subprocess.run(["srun", *words, *self.worker(name)], check=True, timeout=600)
            self.same(name)
        program = subprocess.Popen(["srun", "-n", "4", *self.worker("killed")], stderr=subprocess.DEVNULL)
        self.some("killed")
        os.kill(self.workers("killed")[-1], signal.SIGKILL)
        program.wait(600)
        self.same("killed")

    def workers(self, name):
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if self.is_worker(pid, name)]

    def is_worker(self, pid, name):
        try:
            with open("/proc/%d/cmdline" % pid, "rb") as stream:
                words = stream.read().split(b"\0")
        except OSError:
            return False
        return words[0] == PROGRAM.encode() and self.path(name).encode() in words

    def check_arrays(self):
        self.gone(self.batch("--array=0-6%3", self.wrap(self.worker("array"))))
        self.same("array")
        self.gone(self.batch("--array=0,1,3,4,6", self.wrap(self.worker("again"))))
        self.assertFalse(os.path.exists(self.path("again.npy")))
        self.gone(self.batch("--array=2,5", self.wrap(self.worker("again"))))
        self.same("again")

    def check_signals(self):
        job = self.batch("-n", "4", "--wrap=srun %s; echo rc=$?" % " ".join(self.worker("usr1")))
        self.some("usr1")
        subprocess.run(["scancel", "--signal=USR1", job], check=True)
        self.gone(job)
        self.assertIn("rc=75", self.read(job + ".out").decode())
        subprocess.run(["srun", "-n", "3", *self.worker("usr1")], check=True, timeout=600)
        self.same("usr1")

    def requeued(self, job):
        out = job + ".out"  # which comes once the job begins
        until("job %s is requeued" % job,
              lambda: os.path.exists(self.path(out)) and "requeued" in self.read(out).decode())

    def check_script(self):
        """
        The script that comes with the program: a step that a signal stops, one whose node fails, and jobs that go on by
        themselves. Slurm lets a job wait 6 s before it begins again: the launchers are tried meanwhile.
        """
        stopped = self.batch("-n", "3", "-w", "n0", SCRIPT, *self.worker("stopped", MIDDLE))
        self.some("stopped")
        subprocess.run(["scancel", "--batch", "--signal=USR1", stopped], check=True)
        failed = self.batch("-N", "2", "-n", "4", SCRIPT, *self.worker("failed", MIDDLE))
        self.some("failed")
        subprocess.run(["scontrol", "update", "nodename=n1", "state=down", "reason=test"], check=True)
        until("the job is off its nodes", lambda: not output_of("squeue", "-h", "-j", failed, "-t", "R").strip())
        until("the node is back", self.resumed)
        self.requeued(stopped)
        self.check_mpi()
        for name, job in (("stopped", stopped), ("failed", failed)):
            self.same(name, MIDDLE)
            self.gone(job)

    @staticmethod
    def resumed():
        """Slurm refuses to resume a node that is still on its way down, or back already."""
        subprocess.run(["scontrol", "update", "nodename=n1", "state=resume"], stderr=subprocess.DEVNULL, check=False)
        return output_of("sinfo", "-h", "-n", "n1", "-o", "%t").strip() in ("idle", "mix", "alloc", "comp")

    def check_limit(self):
        """
        A minute, of which the script is told 2 minutes before. Slurm looks at limits every 30 s: the worker is held
        until it has the signal.
        """
        job = self.batch("--time=1", SCRIPT, *self.worker("limit", MIDDLE))
        self.some("limit")
        worker = self.workers("limit")[0]
        os.kill(worker, signal.SIGSTOP)
        until("the limit is seen", lambda: self.is_pending(worker, signal.SIGUSR1))
        os.kill(worker, signal.SIGCONT)
        self.requeued(job)
        self.same("limit", MIDDLE)
        self.gone(job)

    @staticmethod
    def is_pending(pid, number):
        with open("/proc/%d/status" % pid) as stream:
            fields = dict(line.split(":", 1) for line in stream)
        return int(fields["ShdPnd"], 16) >> (number - 1) & 1 == 1

    def check_mpi(self):
        environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                       "OMPI_MCA_oob_tcp_if_include": "lo"}
        for name, words in (("openmpi", ["mpirun.openmpi", "--oversubscribe", "-n", "4"]),
                            ("hydra", ["mpiexec.hydra", "-n", "4"])):
            if shutil.which(words[0]) is None:
                print("test_cluster.py: %s is not installed; skipped" % words[0])
                continue
            subprocess.run([*words, *self.worker(name)], check=True, timeout=600, env=environment)
            self.same(name)
        if shutil.which("mpiexec.hydra"):
            self.gone(self.batch("-N", "2", "-n", "4", "--ntasks-per-node=2",
                                 self.wrap(["mpiexec.hydra", *self.worker("inside")])))
            self.same("inside")

    def test_launchers(self):
        started = time.monotonic()
        self.start_slurm()
        checks = [self.check_steps, self.check_arrays, self.check_signals, self.check_script]
        for check in checks + ([self.check_limit] if os.environ.get("ROPEMAP_LONG") else []):
            begun = time.monotonic()
            check()
            print("%-16s %5.1f s" % (check.__name__, time.monotonic() - begun))
        print("%-16s %5.1f s" % ("all", time.monotonic() - started))


if __name__ == "__main__":
    missing = [name for name in SLURM if shutil.which(name) is None]
    if missing:
        skip("%s not installed (Debian: slurmctld slurmd slurm-client)" % " ".join(missing))
    if SANITIZE:
        skip("the sanitizers' builds have test_work.py")
    if "ROPEMAP_NAMESPACES" not in os.environ:
        enter_namespaces()
    unittest.main()
