"""Model cards: where weights come from and what they can do, written from the checkpoint itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medmeta.errors import CheckpointError
from medmeta.learners.checkpoint import load_checkpoint
from medmeta.learners.factory import IMAGE_LEVEL
from medmeta.learners.weights import find_weights

_TEXT = """# {name}

Meta-trained weights of MedMetaSlicer: {purpose}

- SHA-256: `{sha256}`
- Learner: {learner}, settings {settings}
- Network: 2.5D U-Net on {slices} neighbouring slices, encoder channels {encoder}, branch channels {branch}
- Licence: Apache-2.0, as the code
- Data: procedural cohorts that `medmeta.synthesis` draws from seeds; no image of a patient. Meta-training draws cohort
  seeds from 1,000,000 on, the meta-test below from 500,000 to 599,999.

## Meta-training

From random initialisation, stage after stage:

{stages}

## Meta-test

{meaning}

    {command}

{table}

## Limits

{limits}
"""

_SEGMENTING = """\
Mean Dice on the query slices and its 95% confidence interval, K annotated slices. "Same volume": the query lies in the
annotated volume, with a shape prior; "other volume": in another subject of the cohort, without one. These are the
network's own answers to single episodes, with neither the guard nor the fine-tuning for other volumes that the software
adds; what comes out at its end is in the benchmark of real volumes in `docs/benchmark.md`."""

_SEGMENTING_LIMITS = """\
Trained on procedural images alone. Structures that are thinner than two network pixels, that branch, or that differ
from their surroundings by texture alone come out worse; see the held-out Dice that the software reports for every
segment. Not a medical device; a result is to be checked by a person who can read the image."""

_COMPARING = """\
Distances between signatures of an annotated volume and of others; "in range" is what the learned threshold says."""

_COMPARING_LIMITS = """\
Trained on procedural images alone: patients of one cohort may differ more than its subjects do. It looks at whole
slices, not at the structure, so that a lesion or an artefact where it matters can go unnoticed."""

_PURPOSES = {
    "image-siamese": "signatures of whole volumes, to tell whether a volume belongs to a task.",
    "siamese": "a metric in which pixels of one structure lie close, and its closed-form read-out.",
    "lstm": "an optimiser that is itself learned, and where it starts from.",
    "maml": "where the inner loop of MAML starts, with its learned step sizes and closed-form head.",
    "joint": "joint pre-training alone, without an inner loop. Where meta-training started, kept as a baseline.",
}


def model_card(name: str, header: Mapping[str, Any], table: str, command: str) -> str:
    """A checkpoint's model card, Markdown.

    Args:
        name: the file's name.
        header: from `load_checkpoint`.
        table: of the meta-test.
        command: that made the table.
    """
    provenance = header["provenance"]
    stages = [*provenance.get("history", []), provenance]
    network = header["network"]
    comparing = header["learner"] == IMAGE_LEVEL
    return _TEXT.format(
        name=name,
        purpose=_PURPOSES[provenance["stage"]],
        sha256=header["sha256"],
        learner=header["learner"],
        settings=", ".join(f"{key} {value}" for key, value in header["settings"].items()),
        slices=network["slices"],
        encoder=network["encoder_channels"],
        branch=network["branch_channels"],
        stages="\n".join(_stage(number, stage) for number, stage in enumerate(stages, 1)),
        meaning=_COMPARING if comparing else _SEGMENTING,
        limits=_COMPARING_LIMITS if comparing else _SEGMENTING_LIMITS,
        command=command,
        table=table,
    )


def write_model_card(name: str, table: str, command: str) -> Path:
    """Writes a checkpoint's model card beside it.

    Args:
        name: of bundled weights, or a path.
        table: of the meta-test.
        command: that made the table.

    Raises:
        CheckpointError: it cannot be read, or was not meta-trained here.
    """
    weights = find_weights(name)
    header = load_checkpoint(weights)[1]
    if header["provenance"].get("stage") not in _PURPOSES:
        raise CheckpointError(f"Checkpoint {weights} does not say how it was meta-trained: it gets no model card.")
    path = weights.with_suffix(".md")
    path.write_text(model_card(weights.name, header, table, command), encoding="utf-8")
    return path


def _stage(number: int, stage: Mapping[str, Any]) -> str:
    return (
        f"{number}. `{stage['command']}`\n"
        f"   seed {stage['seed']}, commit {stage.get('commit', 'not recorded')}, {stage['steps']} steps, "
        f"{stage['hours']:.2f} hours on {stage['device']}"
    )
