"""How every case of a cohort is predicted, and what its outputs are called: strings and numbers, so that it travels."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medmeta.errors import CohortError
from medmeta.volumes.dicom_seg import ENDING as DICOM

ENDINGS = (".nii.gz", ".nii", ".nrrd", ".seg.nrrd", ".mha", DICOM)
"""Of label maps: formats that keep a volume in one file; the last one is a DICOM segmentation."""

THUMBNAILS = ".thumbnails"
"""Folder in the outputs' folder."""


@dataclass(frozen=True)
class Recipe:
    """What all cases of a run have in common.

    Attributes:
        task: path of the task file.
        task_sha256: of its bytes.
        out_dir: folder of the outputs.
        checkpoint: path of the weights that the task was adapted from; None to find them.
        device: "auto", "cpu", "cuda" or "cuda:N", where the case is predicted.
        clean_up: take stray parts away and fill holes.
        confidence: write confidence maps as well.
        ending: of the label maps.

    Raises:
        CohortError: an ending that label maps cannot have here.
    """

    task: str
    task_sha256: str
    out_dir: str
    checkpoint: str | None = None
    device: str = "auto"
    clean_up: bool = True
    confidence: bool = False
    ending: str = ".nii.gz"

    def __post_init__(self) -> None:
        if self.ending not in ENDINGS:
            raise CohortError(f"--ending {self.ending} is not known: choose one of {', '.join(ENDINGS)}.")

    def sent(self) -> dict[str, Any]:
        """Itself as a dictionary, for another process: `Recipe(**sent)`."""
        return asdict(self)

    def settings(self) -> dict[str, Any]:
        """What a case's outputs depend on: a run goes on only where these are the same."""
        names = ("task_sha256", "clean_up", "confidence", "ending")
        return {name: getattr(self, name) for name in names}

    def label_map(self, name: str) -> Path:
        """Where the label map of a case goes."""
        return Path(self.out_dir) / f"{name}_label{self.ending}"

    def confidence_map(self, name: str) -> Path | None:
        """Where the confidence map of a case goes; None where none is wanted."""
        ending = ".nrrd" if self.ending in (".seg.nrrd", DICOM) else self.ending
        return Path(self.out_dir) / f"{name}_confidence{ending}" if self.confidence else None

    def outputs(self, name: str) -> tuple[Path, ...]:
        """All files that a case is asked for."""
        maps = (self.label_map(name), self.confidence_map(name))
        return tuple(path for path in maps if path is not None)

    def thumbnail(self, name: str) -> Path:
        """Where the picture of a case for the report goes."""
        return Path(self.out_dir) / THUMBNAILS / f"{name}.png"
