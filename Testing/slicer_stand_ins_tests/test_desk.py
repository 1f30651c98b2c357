"""A module is opened, used and closed as in Slicer, by hands that can do what a user can do and no more."""

import sys
from pathlib import Path

import numpy as np
import pytest

slicer = pytest.importorskip("slicer", reason="needs the optional dependency 'scene'")

SAMPLE = Path(__file__).parent / "sample_module/Sample.py"


@pytest.fixture
def sample(openDesk):
    return openDesk(SAMPLE)


@pytest.fixture
def events(sample):
    return sys.modules["Sample"].events


def test_the_module_is_known_to_slicer(sample):
    assert slicer.modules.sample is sample.module
    assert sample.module.title == "Sample"
    assert slicer.util.getModule("Sample") is sample.module
    assert slicer.util.getModuleLogic("Sample") is sample.logic
    assert slicer.util.getModuleWidget("Sample") is sample.widget
    assert Path(slicer.util.modulePath("Sample")) == SAMPLE
    assert sample.widget.parent.isEntered


def test_entering_and_leaving_are_told(sample, events):
    sample.leave()
    assert not sample.widget.parent.isEntered
    sample.open()
    assert events == ["enter", "exit", "enter"]


def test_start_up_is_told_once_the_module_is_there(sample):
    assert [source.sampleName for source in slicer.modules.sampleDataSources["Sample"]] == ["One"]


def test_quitting_is_told_and_nothing_of_it_stays(sample, events):
    sample.quit()
    assert events[-1] == "quit"
    sample.close()
    assert events[-2:] == ["exit", "cleanup"]
    sample.application.aboutToQuit.emit()
    assert events.count("quit") == 1


def test_buttons_and_tables_are_used(sample, events):
    sample.click("runButton")
    assert sample.cells("table") == [["first", ""]]
    events.clear()
    sample.clickCell("table", 0, 1)
    sample.tickCell("table", 0, 0)
    assert events == ["go", 2]
    sample.clickCell("table", 0, 0)
    assert events[2:] == [(0, 0)]


def test_a_shortcut_is_pressed(sample, events):
    sample.press("Ctrl+G")
    assert events[-1] == "shortcut"


def test_what_a_user_cannot_click_is_not_clicked(sample):
    with pytest.raises(AssertionError, match="'disabledButton' is disabled"):
        sample.click("disabledButton")
    with pytest.raises(AssertionError, match="'remember' is not to be seen"):
        sample.click("remember")
    with pytest.raises(AssertionError, match="no widget 'absent'"):
        sample.click("absent")
    sample.expand("more")
    sample.click("remember")
    assert sample.widget.parameters.remember is False


def test_a_node_that_is_not_offered_cannot_be_chosen(sample, scene):
    model = scene.AddNewNodeByClass("vtkMRMLModelNode")
    with pytest.raises(AssertionError, match="does not offer"):
        sample.choose("selector", model)


def test_an_exception_in_an_observer_is_found(sample, scene):
    scene.AddNewNodeByClass("vtkMRMLModelNode", "Poison")
    with pytest.raises(ExceptionGroup) as found:
        sample.settle()
    assert isinstance(found.value.exceptions[0], ValueError)


def test_waiting_ends(sample):
    with pytest.raises(AssertionError, match=r"not in 0\.05 s"):
        sample.wait(lambda: False, seconds=0.05)


def test_a_reload_makes_the_panel_anew_from_the_file(sample, volume):
    node = volume()
    sample.choose("selector", node)
    before = sample.widget
    sample.reload()
    assert sample.widget is not before
    assert sample.ui.selector.currentNode() is node
    sample.choose("selector", None)
    assert before.ui.selector.currentNode() is node  # the old panel, hidden, is not connected any more
    sample.click("runButton")
    assert "run" in sys.modules["Sample"].events


def test_an_observer_that_is_left_over_is_found(sample):
    widget = sample.widget
    widget.cleanup = lambda: None
    with pytest.raises(ExceptionGroup, match="in slots, timers or observers"):
        sample.close()
    widget.removeObservers()


def test_an_answer_that_nobody_asked_for_is_found(sample):
    sample.desktop.answers.append("Ok")
    with pytest.raises(AssertionError, match="nobody asked for"):
        sample.close()
    sample.desktop.clear()


def test_a_file_that_fails_to_load_leaves_nothing(openDesk, tmp_path):
    path = tmp_path / "Broken.py"
    path.write_text("import qt\nraise OSError('at load')\n", encoding="utf-8")
    with pytest.raises(OSError, match="at load"):
        openDesk(path)
    assert "Broken" not in sys.modules
    assert str(tmp_path) not in sys.path


def test_the_modules_own_test_runs(sample, events):
    slicer.selfTests["Sample"]()
    assert events[-1] == "test"


def test_packages_are_asked_for_and_written_down(sample):
    packaging = slicer.packaging
    packaging.missing.add("monai")
    sample.desktop.answers.extend(["Cancel", "Ok"])
    with pytest.raises(RuntimeError, match="declined"):
        packaging.pip_ensure(["monai>=1.5", "numpy"], requester="Sample")
    packaging.pip_ensure(["monai>=1.5", "numpy"], requester="Sample")
    assert packaging.installed == ["monai>=1.5"]


def picture(path):
    from PIL import Image

    return np.asarray(Image.open(path).convert("L"), float)


def test_pictures_are_taken_in_light_and_in_dark(sample, tmp_path):
    for theme in ("light", "dark"):
        sample.screenshot(tmp_path / f"{theme}.png", theme=theme)
    light, dark = picture(tmp_path / "light.png"), picture(tmp_path / "dark.png")
    assert light.shape == dark.shape
    assert light.mean() > 180
    assert dark.mean() < 80
    assert min(light.std(), dark.std()) > 5  # there is something on it


def test_vtk_renders_off_screen_beside_the_panel(sample, tmp_path):
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    sphere, mapper, actor = vtk.vtkSphereSource(), vtk.vtkPolyDataMapper(), vtk.vtkActor()
    mapper.SetInputConnection(sphere.GetOutputPort())
    actor.SetMapper(mapper)
    renderer, window, grab = vtk.vtkRenderer(), vtk.vtkRenderWindow(), vtk.vtkWindowToImageFilter()
    renderer.AddActor(actor)
    window.SetOffScreenRendering(1)
    window.SetSize(100, 100)
    window.AddRenderer(renderer)
    window.Render()
    grab.SetInput(window)
    grab.Update()
    assert vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars()).max() > 200
    sample.screenshot(tmp_path / "after.png")
    assert picture(tmp_path / "after.png").std() > 5
