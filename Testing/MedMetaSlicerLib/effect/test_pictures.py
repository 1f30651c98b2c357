"""What the effect looks like in Slicer's light and dark colours. MEDMETA_PICTURES names a folder to keep them in."""

import os
from pathlib import Path

import pytest

WIDTH = 400  # pixels: about as narrow as Slicer's panel gets
SLOW = 1


@pytest.fixture
def picture(user, tmp_path):
    """(state, theme) -> takes a picture of the effect's options, and complains of a text that is cut off."""
    from PySide6.QtWidgets import QApplication, QPushButton

    from slicer_stand_ins.desk import palette

    folder = Path(os.environ.get("MEDMETA_PICTURES", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    frame, application = user.effect.optionsFrame(), QApplication.instance()

    def take(state, theme):
        application.setPalette(palette(theme))
        frame.setAutoFillBackground(True)
        frame.show()
        application.processEvents()
        frame.resize(WIDTH, frame.layout().totalHeightForWidth(WIDTH))
        application.processEvents()
        for button in frame.findChildren(QPushButton):
            assert button.width() >= button.sizeHint().width(), f"{button.text()} is cut off"
        path = folder / f"effect-{state}-{theme}.png"
        assert frame.grab().save(str(path))
        return path

    yield take
    application.setPalette(palette("light"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_state_fits_into_a_narrow_panel(user, picture, theme):
    taken = [picture("start", theme)]
    user.work.parameters.seed = SLOW
    user.press("initializeButton")
    user.wait(lambda: user.work.adapting.fraction > 0)
    taken.append(picture("computing", theme))
    assert user.options.progressBar.visible
    user.press("cancelButton")
    user.wait(lambda: not user.work.bench.busy)
    assert not user.options.progressBar.visible
    user.work.parameters.seed = 0
    user.initialize()
    taken.append(picture("preview", theme))
    user.press("applyButton")
    taken.append(picture("applied", theme))
    assert len({path.read_bytes() for path in taken}) == 4  # each looks different
