import pytest
import torch

from medmeta.episodes import RegionRule


def masks_with(rows, columns, shape=(200, 200)):
    masks = torch.zeros(1, 1, *shape, dtype=torch.bool)
    masks[0, 0, rows[0] : rows[1], columns[0] : columns[1]] = True
    return masks


def test_the_window_holds_the_annotation_and_a_margin():
    window = RegionRule().window(masks_with((80, 120), (60, 100)), (1.0, 1.0))
    assert window.top <= 80 - 16
    assert window.top + window.height >= 120 + 16
    assert window.left <= 60 - 16


def test_resolution_follows_the_structures_size():
    rule = RegionRule(diameter=32)
    assert rule.window(masks_with((50, 150), (50, 150)), (1.0, 1.0)).zoom == pytest.approx(0.32, rel=0.1)
    assert rule.window(masks_with((95, 105), (95, 105)), (1.0, 1.0)).zoom == pytest.approx(2.5, rel=0.1)


def test_sides_are_multiples_that_the_network_can_halve_and_never_too_long():
    rule = RegionRule(largest=96)
    window = rule.window(masks_with((0, 200), (3, 11)), (1.0, 1.0))
    assert window.rows % 8 == 0
    assert window.columns % 8 == 0
    assert max(window.rows, window.columns) <= 96


def test_pixels_that_are_not_square_become_square():
    window = RegionRule().window(masks_with((90, 110), (80, 120)), (2.0, 1.0))
    row_mm = window.height * 2.0 / window.rows
    column_mm = window.width * 1.0 / window.columns
    assert row_mm == pytest.approx(column_mm, rel=0.12)
