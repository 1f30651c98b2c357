"""How a volume's array lies with respect to the annotated slices: slices first, the same way round in every volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np


@dataclass(frozen=True)
class SliceFrame:
    """A permutation and flips of a volume's axes.

    Attributes:
        axes: the volume's axes that become slices, rows and columns.
        flips: which of those three run backwards.
        spacing: mm between slices, rows and columns.
        direction: (3, 3) columns: the LPS direction in which slices, rows and columns run.
    """

    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]
    spacing: tuple[float, float, float]
    direction: np.ndarray

    @classmethod
    def along(cls, axis: int, spacing: Sequence[float], direction: Sequence[float]) -> SliceFrame:
        """Slices along one of the volume's own axes, the others in their order.

        Args:
            axis: 0, 1 or 2.
            spacing: mm along the volume's axes.
            direction: 9 numbers, the LPS direction matrix by rows; its columns are the axes.
        """
        axes = (axis, *(a for a in range(3) if a != axis))
        columns = np.asarray(direction, dtype=float).reshape(3, 3)
        return cls(axes, (False,) * 3, tuple(float(spacing[a]) for a in axes), columns[:, axes])

    @classmethod
    def like(cls, reference: np.ndarray, spacing: Sequence[float], direction: Sequence[float]) -> SliceFrame:
        """The way to lay another volume's axes that comes nearest to a reference.

        Args:
            reference: (3, 3) a frame's `direction`.
            spacing, direction: of the volume, as in `along`.
        """
        columns = np.asarray(direction, dtype=float).reshape(3, 3)
        cosines = np.asarray(reference).T @ columns  # [slices/rows/columns, volume axis]
        axes = max(permutations(range(3)), key=lambda p: sum(abs(cosines[i, a]) for i, a in enumerate(p)))
        flips = tuple(bool(cosines[i, a] < 0) for i, a in enumerate(axes))
        signs = np.where(flips, -1.0, 1.0)
        return cls(axes, flips, tuple(float(spacing[a]) for a in axes), columns[:, axes] * signs)

    def to_slices(self, array: np.ndarray) -> np.ndarray:
        """(I, J, K) -> (Z, H, W), a view."""
        turned = array.transpose(self.axes)
        return turned[tuple(slice(None, None, -1) if flip else slice(None) for flip in self.flips)]

    def from_slices(self, slices: np.ndarray) -> np.ndarray:
        """(Z, H, W) -> (I, J, K), a view."""
        turned = slices[tuple(slice(None, None, -1) if flip else slice(None) for flip in self.flips)]
        return turned.transpose(np.argsort(self.axes))

    def restored(self, slices: np.ndarray, like: np.ndarray) -> np.ndarray:
        """(Z, H, W) -> (I, J, K) in Fortran's order where an array of the volume is, else in C order.

        A copy only where that is another order.
        """
        fortran = like.flags.f_contiguous and not like.flags.c_contiguous
        return np.asarray(self.from_slices(slices), order="F" if fortran else "C")

    def position(self, index: int, count: int) -> int:
        """Slice number in the frame of slice `index` of the volume, which has `count` of them."""
        return count - 1 - index if self.flips[0] else index

    @property
    def pitch(self) -> float:
        """Slice distance divided by pixel size (geometric mean of both sides)."""
        return self.spacing[0] / float(np.sqrt(self.spacing[1] * self.spacing[2]))
