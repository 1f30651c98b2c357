"""Pictures of the panel in every state and both themes."""

import numpy as np
import pytest
import slicer
from fake_worker import SLOW

STATES = {}


def state(function):
    STATES[function.__name__] = function
    return function


@state
def empty(panel, ball):
    pass


@state
def drawn(panel, ball):
    panel.choose("volumeSelector", ball[0])
    panel.choose("segmentationSelector", ball[1])
    panel.wait(lambda: panel.ui.slicesTable.rowCount == 3)


@state
def computing(panel, ball):
    drawn(panel, ball)
    panel.logic.getParameterNode().seed = SLOW
    panel.click("adaptButton")
    panel.wait(lambda: panel.ui.progressBar.visible and panel.ui.progressBar.value > 0, 20)


@state
def adapted(panel, ball):
    drawn(panel, ball)
    panel.click("adaptButton")
    panel.wait(lambda: panel.ui.nextSliceButton.enabled, 20)


@state
def accepted(panel, ball):
    adapted(panel, ball)
    panel.click("acceptIntoButton")


@state
def cohort(panel, ball):
    adapted(panel, ball)
    values = slicer.util.arrayFromVolume(ball[0])
    for name, array in (("Follow-up", values.copy()), ("Constant", np.zeros_like(values)), ("Far", values - 5000)):
        slicer.util.addVolumeFromArray(array, name=name).CopyOrientation(ball[0])
    panel.expand("cohortCollapsibleButton")
    panel.wait(lambda: panel.ui.cohortTable.rowCount == 3)
    panel.click("startCohortButton")
    panel.wait(lambda: not panel.logic.bench.busy, 30)


@state
def tasks(panel, ball):
    adapted(panel, ball)
    panel.expand("tasksCollapsibleButton")
    panel.expand("advancedCollapsibleButton")
    panel.desktop.answers.append("Liver, portal venous")
    panel.click("saveTaskButton")
    panel.wait(lambda: not panel.logic.bench.busy, 20)
    panel.ui.tasksTable.selectRow(0)


def pixels(path):
    from PIL import Image

    return np.asarray(Image.open(path).convert("L"), dtype=float)


@pytest.mark.parametrize("name", STATES)
def test_every_state_can_be_read_in_light_and_dark(panel, ball, name, tmp_path):
    STATES[name](panel, ball)
    pictures = {}
    for theme in ("light", "dark"):
        panel.screenshot(tmp_path / f"{name}_{theme}.png", theme)
        pictures[theme] = pixels(tmp_path / f"{name}_{theme}.png")
    light, dark = (pictures[theme] for theme in ("light", "dark"))
    assert np.median(light) > 180
    assert np.median(dark) < 90
    for picture in (light, dark):  # there is text, and it stands out
        assert (np.abs(picture - np.median(picture)) > 100).mean() > 0.005
    panel.logic.bench.session.cancel()
    panel.wait(lambda: not panel.logic.bench.busy, 5)
