# gpu_record.py - what tools/gpu-check writes down and prints last
# SPDX-License-Identifier: MIT
import json
import shutil
import subprocess
import time

from gpu_program import ROOT

MOST_LINES = 60
WORDS = {0: "passed", 5: "no GPU, so nothing was checked on one", 6: "FAILED"}


def number(value, form, unit):
    return "-" if value is None else (form % value) + unit


def bench_line(row):
    """One line of a bench's row: what, the median, the rate, the share of the ceiling."""
    what = [row["name"], row.get("dtype"), row.get("layout")]
    what += ["%s=%s" % (short, row[name]) for short, name in (("n", "positions"), ("d", "head_dim"), ("heads", "heads"),
                                                             ("block", "block")) if row.get(name)]
    if row.get("failure"):
        return "%-50s FAILED: %s" % (" ".join(filter(None, what)), row["failure"])
    median = row["seconds"]["median"]
    line = "%-50s %s  %s %s" % (" ".join(filter(None, what)), number(median and 1e3 * median, "%9.4f", " ms"),
                                number(row["rate"], "%9.4g", ""), row["unit"])
    return line + number(row.get("share"), "  share %.2f", "") + ("  WRONG" if row["wrong"] else "")


def describe(bundle):
    """The version of what ran: a bundle carries its own."""
    if (bundle / "describe").exists():
        return (bundle / "describe").read_text().strip()
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--tags"]
    done = subprocess.run(git, capture_output=True, text=True) if shutil.which("git") else None
    return done.stdout.strip() if done and done.returncode == 0 else "unknown"


def write_record(check, code):
    """code None: the check is still running."""
    doctor = check.document.get("doctor") or {}
    record = {"schema": "ropemap.gpu-check/1", "date": check.date, "describe": describe(check.bundle),
              "scale": check.scale_name, "program": check.origin, "gpu": check.gpu, "driver": doctor.get("driver"),
              "driver_reason": doctor.get("driver_reason"), "plugin": doctor.get("plugin"), "exit_code": code,
              "seconds": round(time.monotonic() - check.began, 1), "steps": check.steps,
              "nvidia_smi": None, "sweep": None, "bench": None, "rank": None, "gpu_peers": None, "peers": None,
              "map": None, **check.document}
    (check.out / "record.json").write_text(json.dumps(record, indent=1) + "\n")
    gpu = check.gpu["name"] if check.gpu else "no GPU: %s" % record["driver_reason"]
    text = ["# %s" % gpu, "", "%s, ropemap %s, %s" % (check.date, record["describe"], check.scale_name), ""]
    text += ["```", record["nvidia_smi"], "```", ""] if record["nvidia_smi"] else []
    text += ["| step | verdict | seconds | |", "|---|---|---|---|"]
    text += ["| %(name)s | %(verdict)s | %(seconds).1f | %(note)s |" % step for step in check.steps]
    text += ["", "```", *check.lines, "```"] if check.lines else []
    text += ["", record["rank"]] if record["rank"] else []
    for name in ("gpu_peers", "peers"):
        text += ["", record[name]] if record[name] else []
    (check.out / "record.md").write_text("\n".join(text) + "\n")


def print_table(check, code):
    """Last, and short: the end may be all that is seen."""
    room = MOST_LINES - len(check.steps) - 5
    print("\n%s" % (check.gpu["name"] if check.gpu else "no GPU"))
    for line in check.lines[:room]:
        print("  " + line)
    if len(check.lines) > room:
        print("  and %d more in %s" % (len(check.lines) - room, check.out / "record.md"))
    for step in check.steps:
        print("%(name)-10s %(verdict)-8s %(seconds)7.1f s  " % step + step["note"][:120])
    print("gpu-check: %s; %s" % (WORDS[code], check.out / "record.json"))
