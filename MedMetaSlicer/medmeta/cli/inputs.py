"""What the commands' arguments have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import typer

from medmeta.annotations import (
    AnnotatedVolume,
    SparseAnnotation,
    default_segments,
    is_dicom_seg,
    read_dicom_seg,
    read_segments,
)
from medmeta.errors import AnnotationError, GeometryError, MedMetaError
from medmeta.volumes import Volume, check_supported, read_label_map, read_volume

if TYPE_CHECKING:
    from medmeta.training.task_sets import TaskSet

SLICES = typer.Option(None, "--slices", help="Annotated slices, such as 3,10,20; empty ones count as 'not here'.")
AXIS = typer.Option("auto", "--axis", help="Axis that counts the slices: auto, 0, 1 or 2.")
LABELS = typer.Option(None, "--label", help="Label values to take, such as 1,4; repeatable. Default: all.")
DEVICE = typer.Option("auto", "--device", help="auto, cpu or cuda.")
SEED = typer.Option(0, "--seed", min=0, max=2**32 - 1, help="Makes the result repeatable.")
LEARNER = typer.Option(
    "auto",
    "--learner",
    help="auto (siamese, or what does better on held-out slices where many are drawn), maml, siamese or lstm.",
)
BUDGET = typer.Option(
    None,
    "--budget",
    help="Seconds for adapting; learners that there is no time to try are left out. Default: no limit.",
)
CLEAN_UP = typer.Option(True, "--clean-up/--no-clean-up", help="Take stray parts away and fill holes.")
CHECKPOINT = typer.Option(None, "--checkpoint", help="Meta-trained weights to use alone; default: the bundled ones.")
TASKS_CHECKPOINT = typer.Option(
    None, "--checkpoint", help="Weights that the task was adapted from; default: found by the name that it gives."
)
JSON = typer.Option(False, "--json", help="Print one JSON object, for scripts.")
OVERWRITE = typer.Option(False, "--overwrite", help="Replace outputs that are there already.")
DEBUG = typer.Option(False, "--debug", help="Show where a bug happened.")


def parse_axis(text: str) -> str | int:
    """'auto' or 0, 1, 2.

    Raises:
        AnnotationError: anything else.
    """
    if text == "auto":
        return text
    if text not in ("0", "1", "2"):
        raise AnnotationError(f"--axis {text} is not known: choose auto, 0, 1 or 2.")
    return int(text)


def parse_slices(text: str | None) -> list[int] | None:
    """'3,10,20' as numbers.

    Raises:
        AnnotationError: not whole numbers with commas between them.
    """
    return None if text is None else _whole_numbers("--slices", text)


def parse_labels(texts: Sequence[str] | None) -> list[int] | None:
    """['1,4', '7'] as numbers.

    Raises:
        AnnotationError: not whole numbers with commas between them, or one that is not above zero.
    """
    if not texts:
        return None
    values = sorted({value for text in texts for value in _whole_numbers("--label", text)})
    if values[0] < 1:
        raise AnnotationError(f"--label {values[0]} is not a segment: label values start at 1, 0 is background.")
    return values


def _whole_numbers(option: str, text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise AnnotationError(f"{option} {text} is not a list of whole numbers: write it like 3,10,20.") from None


def parse_ks(text: str) -> list[int]:
    """'1,2,3' as numbers of annotated slices.

    Raises:
        MedMetaError: not whole numbers from 1 on.
    """
    values = _whole_numbers("--k", text)
    if min(values) < 1:
        raise MedMetaError(f"--k {text} has a number below 1: a structure is annotated on one slice or more.")
    return values


def task_set(name: str) -> TaskSet:
    """The task set of a name.

    Raises:
        MedMetaError: there is none.
    """
    from medmeta.training.task_sets import TASK_SETS

    if name not in TASK_SETS:
        raise MedMetaError(f"--tasks {name} is not known: choose one of {', '.join(sorted(TASK_SETS))}.")
    return TASK_SETS[name]


def annotated_volume(
    volume_path: Path, labels_path: Path, axis: str, slices: str | None, labels: Sequence[str] | None
) -> AnnotatedVolume:
    """Reads a volume and its sparse label map, which may be a DICOM segmentation.

    Raises:
        GeometryError: they are not on the same grid.
        AnnotationError, VolumeError: see `SparseAnnotation.from_labels` and `read_volume`.
    """
    wanted_axis, wanted_slices, wanted = parse_axis(axis), parse_slices(slices), parse_labels(labels)
    volume, named = read_volume(volume_path), ()
    if is_dicom_seg(labels_path):
        label_map, named = read_dicom_seg(labels_path, volume.geometry)
    else:
        label_map = read_label_map(labels_path)
    if not volume.geometry.matches(label_map.geometry):
        raise GeometryError(
            f"{labels_path} and {volume_path} do not share their geometry: {_difference(volume, label_map)}; "
            "draw on this volume, or resample the labels to it."
        )
    present = [int(v) for v in np.unique(label_map.array) if v != 0]
    wanted = wanted or present
    missing = [v for v in wanted if v not in present]
    if missing and present:
        raise AnnotationError(f"{labels_path} has no label {missing}: it holds {present}.")
    if named:
        segments = tuple(segment for segment in named if segment.value in wanted)
    else:
        segments = read_segments(labels_path, wanted) if wanted else default_segments(())
    annotation = SparseAnnotation.from_labels(
        label_map.array,
        axis=wanted_axis,
        slices=wanted_slices,
        segments=segments or None,
        name=str(labels_path),
    )
    return AnnotatedVolume(volume, annotation)


def check_others(paths: Sequence[Path], direction: np.ndarray) -> None:
    """Reads the volumes that are going to be predicted, one at a time, so that none turns out unusable after the work.

    Args:
        paths: the volumes.
        direction: (3, 3) as in `AdaptedTask`.

    Raises:
        VolumeError: a volume that cannot be read or used.
    """
    from medmeta.adaptation.frame import SliceFrame

    for path in paths:
        volume = read_volume(path)
        frame = SliceFrame.like(direction, volume.geometry.spacing, volume.geometry.direction)
        check_supported(volume, frame.axes[0])


def _difference(volume: Volume, label_map: Volume) -> str:
    for what in ("size", "spacing", "origin", "direction"):
        mine, other = (getattr(v.geometry, what) for v in (label_map, volume))
        if tuple(round(x, 3) for x in mine) != tuple(round(x, 3) for x in other):
            return f"{what} {tuple(round(x, 3) for x in mine)} against {tuple(round(x, 3) for x in other)}"
    return "they differ slightly"
