"""What the effect works with is kept where users expect it: with the scene, and with each segmentation."""

import pytest
from saved_scene import save


@pytest.fixture
def parameters(user):
    return user.work.parameters


def test_an_editor_gives_every_parameter_a_value(user):
    from MedMetaSlicerLib.effect.parameters import DEFAULTS

    for name, value in DEFAULTS.items():
        assert user.editor.node.GetAttribute(f"MedMeta.{name}") == value


def test_it_has_what_the_flow_asks_of_the_panels_parameters(parameters):
    names = "volume segmentation leftOut empty preview previewVisible previewFilled "
    names += "previewOpacity cohortSource cohortFolder cohortInput cohortOutput task learner device budget seed cleanUp"
    for name in names.split():
        assert hasattr(parameters, name), name


def test_marks_stay_with_their_segmentation(user, study, parameters, box):
    parameters.empty = [0, 13]
    other, (segment,) = study.makeSegmentation(study.volume, "kidney")
    study.drawInto(other, segment, study.volume, box(4, 8))
    user.choose(other, study.volume)
    assert list(parameters.empty) == []
    parameters.empty = [1]
    user.choose(study.segmentation, study.volume)
    assert list(parameters.empty) == [0, 13]


def test_marks_are_those_of_the_segments_that_are_visible(study, parameters, box):
    spleen = study.segmentation.GetSegmentation().AddEmptySegment("", "spleen")
    display = study.segmentation.GetDisplayNode()
    display.SetSegmentVisibility(spleen, False)
    parameters.empty = [0]
    display.SetSegmentVisibility(study.segment, False)
    display.SetSegmentVisibility(spleen, True)
    assert list(parameters.empty) == []
    display.SetSegmentVisibility(study.segment, True)
    display.SetSegmentVisibility(spleen, False)
    assert list(parameters.empty) == [0]


def test_marks_of_one_volume_say_nothing_of_another(user, study, parameters):
    parameters.empty = [0]
    user.choose(study.segmentation, study.makeVolume("MR"))
    assert list(parameters.empty) == []
    parameters.leftOut = [3]
    user.choose(study.segmentation, study.volume)
    assert list(parameters.empty) == []


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"*": 3}', "null"])
def test_marks_that_something_else_has_written_are_no_marks(study, parameters, text):
    from MedMetaSlicerLib.scene.marks import MARKS

    parameters.empty = [0]
    study.segmentation.SetAttribute(MARKS, text)
    assert list(parameters.empty) == []
    parameters.empty = [5]
    assert list(parameters.empty) == [5]


def test_a_preview_settings_and_marks_come_back_with_the_scene(user, study, scene, tmp_path):
    user.options.learnerBox.setCurrentIndex(1)
    user.work.parameters.empty = [12]
    user.initialize()
    user.options.fillCheckBox.click()
    wanted = user.work.parameters.preview.GetSegmentation().GetNumberOfSegments()
    save(scene, tmp_path)
    scene.Clear(0)
    assert scene.Import()
    user.editor.useNode()
    user.open()
    p = user.work.parameters
    assert p.learner == "siamese"
    assert p.previewFilled
    assert list(p.empty) == [12]
    assert user.options.initializeButton.text == "Update"
    assert p.preview.GetSegmentation().GetNumberOfSegments() == wanted
    user.press("applyButton")
    volume = p.volume
    assert study.maskOf(p.segmentation, p.segmentation.GetSegmentation().GetNthSegmentID(0), volume)[5].any()


def test_after_apply_and_a_saved_scene_filled_slices_are_still_not_taken_for_drawn(user, scene, tmp_path):
    user.initialize()
    user.press("applyButton")
    save(scene, tmp_path)
    scene.Clear(0)
    assert scene.Import()
    user.editor.useNode()
    user.open()
    assert user.status == "Drawn slices: 3."
