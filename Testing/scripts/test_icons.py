from pathlib import Path

import numpy as np
import pytest
from extension.icons import PICTURES, draw_all, effect_icon, module_icon
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
LIGHT, DARK = (245, 245, 245), (45, 45, 48)


def on(picture, background):
    """(rows, columns, 3) float: the picture as it shows on a background."""
    plate = Image.new("RGBA", picture.size, (*background, 255))
    return np.asarray(Image.alpha_composite(plate, picture).convert("RGB"), float)


@pytest.mark.parametrize("name", PICTURES)
def test_the_pictures_in_the_repository_are_those_that_are_drawn(name):
    # Other versions of pillow may round edges otherwise.
    stored, drawn = (
        np.asarray(picture.convert("RGBA"), float) for picture in (Image.open(ROOT / name), PICTURES[name]())
    )
    assert stored.shape == drawn.shape
    assert np.abs(stored - drawn).mean() < 2


def test_all_are_written_where_they_belong(tmp_path):
    assert {path.relative_to(tmp_path).as_posix() for path in draw_all(tmp_path)} == set(PICTURES)
    assert all((tmp_path / name).stat().st_size > 500 for name in PICTURES)


@pytest.mark.parametrize("background", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("draw", [module_icon, effect_icon])
def test_icons_show_on_light_and_dark_even_when_small(draw, background):
    small = draw().resize((20, 20), Image.LANCZOS)
    seen = on(small, background)
    difference = np.abs(seen - background).max(axis=2)
    sides = (difference[:2, 10], difference[-2:, 10], difference[10, :2], difference[10, -2:])
    assert min(side.max() for side in sides) > 40, "the edge of the plate"
    assert np.ptp(seen[4:16, 4:16].mean(axis=2)) > 90, "and what is on it"


@pytest.mark.parametrize("name", [name for name in PICTURES if "Head" in name or "Chest" in name])
def test_thumbnails_have_the_size_that_sample_data_expects(name):
    assert Image.open(ROOT / name).size == (260, 280)
