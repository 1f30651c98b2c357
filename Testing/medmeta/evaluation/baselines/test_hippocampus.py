"""The baselines on real hippocampi: what they reach is known."""

import os
from pathlib import Path

import numpy as np
import pytest

from medmeta.evaluation.baselines import BASELINES, interpolate, interpolate_mirrored, nearest_slice
from medmeta.evaluation.protocol import dice_off_slices, simulate
from medmeta.volumes import read_label_map

ROOT = Path(__file__).resolve().parents[4]
DATA = Path(os.environ.get("MEDMETA_DATA") or ROOT.parent / "shared" / "data") / "hippocampus"
CASES = ("case001", "case098", "case190", "case304")

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"the hippocampus volumes are not in {DATA}")


@pytest.fixture(scope="module")
def references():
    return [read_label_map(DATA / f"{case}_label.nii.gz").array for case in CASES]


def mean_dice(baseline, references, k, values):
    scores = []
    for reference in references:
        drawn = simulate(reference, axis=1, k=k)
        filled = baseline(drawn.labels, axis=1, slices=drawn.slices)
        scores += [dice_off_slices(filled, reference, v, axis=1, slices=drawn.slices) for v in values]
    return np.mean(scores)


@pytest.fixture(scope="module")
def wholes(references):
    return [(reference > 0).astype(np.uint8) for reference in references]


# Means of 60 and 40 other cases; four cases stray from them by some hundredths.
@pytest.mark.parametrize(("k", "expected"), [(3, 0.68), (5, 0.83), (8, 0.88)])
def test_interpolation_of_the_whole_reaches_its_known_dice(wholes, k, expected):
    assert mean_dice(interpolate, wholes, k, (1,)) == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize(("k", "expected"), [(1, 0.35), (3, 0.57), (8, 0.73)])
def test_the_nearest_slice_reaches_its_known_dice(wholes, k, expected):
    assert mean_dice(nearest_slice, wholes, k, (1,)) == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize(("k", "expected"), [(1, 0.0), (3, 0.67), (5, 0.80), (8, 0.85)])
def test_fill_between_slices_reaches_its_known_dice(wholes, k, expected):
    pytest.importorskip("slicer", reason="3D Slicer or slicer-core is needed for Fill between slices")
    assert mean_dice(BASELINES["fill-between-slices"], wholes, k, (1,)) == pytest.approx(expected, abs=0.06)


def test_interpolation_of_both_parts_reaches_its_known_dice(references):
    assert mean_dice(interpolate, references, 5, (1, 2)) == pytest.approx(0.72, abs=0.06)


def test_the_mirrored_rule_is_better_where_a_part_is_not_on_every_slice(references):
    assert mean_dice(interpolate_mirrored, references, 3, (1, 2)) > mean_dice(interpolate, references, 3, (1, 2)) + 0.03
