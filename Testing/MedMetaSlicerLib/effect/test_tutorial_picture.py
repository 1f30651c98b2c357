"""The picture of docs/segment-editor-effect.md: the effect's options and a slice view, with the real engine.

`scripts/screenshots` runs it.
"""

import pytest
from brain_pictures import BETWEEN, brain, folder, sideBySide, view  # noqa: F401

pytestmark = pytest.mark.slow
WIDTH = 420


@pytest.fixture
def workerCommand():
    """The real one."""


def test_the_effect_shows_a_preview_and_the_dice_to_expect(makeUser, brain, view, tmp_path):  # noqa: F811
    from PySide6.QtWidgets import QApplication

    volumeNode, segmentationNode, _ = brain
    user = makeUser()
    user.choose(segmentationNode, volumeNode)
    user.press("initializeButton")
    user.wait(lambda: not user.work.bench.busy, 300)
    assert user.work.shown
    frame = user.effect.optionsFrame()
    frame.setAutoFillBackground(True)
    frame.show()
    QApplication.processEvents()
    frame.resize(WIDTH, frame.layout().totalHeightForWidth(WIDTH))
    QApplication.processEvents()
    assert frame.grab().save(str(tmp_path / "options.png"))
    view(BETWEEN, tmp_path / "view.png")
    path = folder(tmp_path) / "segment_editor_effect.png"
    sideBySide(tmp_path / "view.png", tmp_path / "options.png", f"Axial slice {BETWEEN}: not drawn", path)
    assert path.is_file()
