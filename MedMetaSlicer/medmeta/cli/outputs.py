"""Where the commands' label maps go, checked before any work is done, and how they get there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from medmeta.annotations import Segment
from medmeta.errors import VolumeError
from medmeta.volumes import Volume, write_label_map
from medmeta.volumes.dicom_seg import ENDING as DICOM
from medmeta.volumes.dicom_seg import check_installed, write_dicom_seg
from medmeta.volumes.files import EXTENSIONS


def check_outputs(outputs: Sequence[Path], inputs: Sequence[Path], overwrite: bool) -> None:
    """Refuses outputs before any work is done.

    Args:
        outputs: files that are going to be written.
        inputs: files and DICOM folders that are read, weights among them; they are never written to.
        overwrite: outputs that are there already may be replaced.

    Raises:
        VolumeError: an output is an input, is there already, is named twice, or cannot be written.
    """
    given = {path.resolve() for path in inputs}
    seen = set()
    # A .mhd has its voxels in a second file.
    voxels = [path.with_suffix(".zraw") for path in outputs if path.suffix.lower() == ".mhd"]
    for path in (*outputs, *voxels):
        if path.resolve() in given:
            raise VolumeError(f"{path} is an input and would be lost: choose another output.")
        if path.resolve().parent in given and path.resolve().parent.is_dir():
            raise VolumeError(f"{path} lies in a folder that is an input: choose another output.")
        if path.resolve() in seen:
            raise VolumeError(f"{path} would be written twice: choose another output, or rename one of the inputs.")
        seen.add(path.resolve())
        if path.is_dir():
            raise VolumeError(f"{path} is a folder: give the name of a file.")
        folder = next(parent for parent in path.resolve().parents if parent.exists())
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise VolumeError(
                f"{path} cannot be written ({folder} is not a folder to write to): choose another output."
            )
        if path.exists() and not overwrite:
            raise VolumeError(f"{path} is there already: choose another output, or give --overwrite.")


def check_ending(path: Path, source: Path | None = None) -> None:
    """Refuses an output that could not be written.

    Args:
        path: the output.
        source: the volume that it is the label map of; None for what is no label map.

    Raises:
        VolumeError: an unknown ending, a DICOM segmentation of what is no DICOM series, or what writes it is missing.
    """
    name = path.name.lower()
    if name.endswith(DICOM) and source is not None:
        if not source.is_dir():
            raise VolumeError(
                f"{path} cannot be a DICOM segmentation, as {source} is no folder with a DICOM series: use one of "
                f"{', '.join(EXTENSIONS)}."
            )
        check_installed()
    elif not name.endswith(EXTENSIONS):
        raise VolumeError(f"{path} has an unknown ending: use one of {', '.join(EXTENSIONS)}.")


def output_for(volume_path: Path, folder: Path, dicom: bool = False) -> Path:
    """Where the label map of a cohort volume goes: NAME_label with the volume's ending.

    Args:
        volume_path: the volume.
        folder: the label maps' folder.
        dicom: a DICOM folder's becomes a DICOM segmentation, not .mha (which keeps any geometry to the last digit).
    """
    name = volume_path.resolve().name
    for extension in sorted(EXTENSIONS, key=len, reverse=True):
        if name.lower().endswith(extension):
            return folder / f"{name[: -len(extension)]}_label{name[-len(extension) :]}"
    return folder / f"{name}_label{DICOM if dicom and volume_path.is_dir() else '.mha'}"


def write_labels(labels: Volume, path: Path, segments: Sequence[Segment], source: Path) -> None:
    """Writes the label map of a volume as its ending says.

    Args:
        labels: what to write.
        path: checked by `check_ending`.
        segments: what the values mean.
        source: the volume's file or folder.

    Raises:
        VolumeError: see `write_label_map` and `write_dicom_seg`.
    """
    if path.name.lower().endswith(DICOM):
        write_dicom_seg(labels, segments, source, path)
    else:
        write_label_map(labels, path, segments)
