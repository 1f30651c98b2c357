"""Stands in for `python -m medmeta cohort`: writes a ledger as it does, and behaves as FAKE_COHORT says."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

how = os.environ["FAKE_COHORT"]
arguments = sys.argv[1:]
out = Path(arguments[arguments.index("--out-dir") + 1])
out.mkdir(parents=True, exist_ok=True)
ledger = out / "cohort.jsonl"


def write(**row):
    with ledger.open("ab") as file:
        file.write(json.dumps(row).encode() + b"\n")


if how == "refuses":
    sys.exit("medmeta: error: the folder holds no volume.")
if how == "crashes":
    sys.exit("Segmentation fault")
if "--overwrite" in arguments or not ledger.exists():
    (out / ".new").write_bytes(b'{"format": "medmeta-cohort-1"}\n')
    os.replace(out / ".new", ledger)
    for name in "abc":
        write(case=name, status="waiting")
(out / "arguments.json").write_text(json.dumps(arguments), encoding="utf-8")
write(
    case="a",
    status="done",
    output="a_label.nii.gz",
    output_sha256=str(time.time_ns()),
    expected_dice=0.8,
    distance=0.1,
    threshold=0.4,
)
write(case="b", status="failed", error="b is damaged")
if how == "stuck":  # it does not listen, its child neither, and it is amid writing a file
    (out / ".medmeta-torn").mkdir(exist_ok=True)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (out / "child").write_text(str(child.pid), encoding="utf-8")
    time.sleep(60)
write(
    case="c", status="done", output="../../secret", output_sha256="c", expected_dice=None, distance=0.5, threshold=0.4
)
