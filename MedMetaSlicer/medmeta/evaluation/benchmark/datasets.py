"""Datasets of the benchmark: a manifest in the project fixes cases, structures and K; the volumes lie elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medmeta.errors import MedMetaError


@dataclass(frozen=True)
class Structure:
    """One or several labels that are annotated and segmented together.

    Attributes:
        labels: values in the label map.
        merged: True for the union of the labels as one segment (of value 1).
    """

    labels: tuple[int, ...]
    merged: bool = False

    @property
    def name(self) -> str:
        return "+".join(map(str, self.labels))

    @property
    def values(self) -> tuple[int, ...]:
        """Segment values in what `reference` returns."""
        return (1,) if self.merged else self.labels

    def reference(self, labels: np.ndarray) -> np.ndarray:
        """The structure alone, (I, J, K) uint16, of a whole label map, (I, J, K) integers."""
        inside = np.isin(labels, self.labels)
        return inside.astype(np.uint16) if self.merged else np.where(inside, labels, 0).astype(np.uint16)


@dataclass(frozen=True)
class Dataset:
    """What a manifest says.

    Attributes:
        name: of the manifest and of its rows in the table.
        folder: of the volumes, below the data folder.
        axis: slice axis, 0 to 2.
        k: numbers of annotated slices.
        cases: names, in order.
        structures: all structures.
        left_out: case -> names of the structures that it does not have, or too little of.
    """

    name: str
    folder: str
    axis: int
    k: tuple[int, ...]
    cases: tuple[str, ...]
    structures: tuple[Structure, ...]
    left_out: dict[str, tuple[str, ...]]

    def structures_of(self, case: str) -> tuple[Structure, ...]:
        """The structures that are measured in a case."""
        left_out = self.left_out.get(case, ())
        return tuple(structure for structure in self.structures if structure.name not in left_out)

    def image_path(self, data: Path, case: str) -> Path:
        return data / self.folder / f"{case}_image.nii.gz"

    def label_path(self, data: Path, case: str) -> Path:
        return data / self.folder / f"{case}_label.nii.gz"


def read_manifest(path: str | Path) -> Dataset:
    """Reads a manifest.

    Raises:
        MedMetaError: missing, not JSON, or a field is.
    """
    path = Path(path)
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return Dataset(
            name=path.stem,
            folder=fields["folder"],
            axis=int(fields["axis"]),
            k=tuple(map(int, fields["k"])),
            cases=tuple(fields["cases"]),
            structures=tuple(Structure(tuple(s), bool(fields.get("merged", False))) for s in fields["structures"]),
            left_out={case: tuple(names) for case, names in fields.get("left_out", {}).items()},
        )
    except FileNotFoundError as error:
        raise MedMetaError(f"Manifest {path} does not exist: choose one of the files in benchmarks/") from error
    except (ValueError, TypeError, KeyError) as error:
        raise MedMetaError(f"Manifest {path} is not valid ({error!r}): compare it with the others") from error


def select_cases(cases: tuple[str, ...], which: str) -> tuple[str, ...]:
    """Part of the cases.

    Args:
        cases: all of them.
        which: "all", "even" or "odd" (by their place, from 0; a single case is both), or how many, spread evenly.

    Raises:
        MedMetaError: none of these.
    """
    if which == "all" or (which in ("even", "odd") and len(cases) == 1):
        return cases
    if which in ("even", "odd"):
        return cases[which == "odd" :: 2]
    if not which.isdecimal() or int(which) < 1:
        raise MedMetaError(f"--cases {which}: give all, even, odd or a number from 1 on")
    count = min(int(which), len(cases))
    return tuple(cases[(2 * i + 1) * len(cases) // (2 * count)] for i in range(count))
