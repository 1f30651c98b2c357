"""Slicer finds the effect, and makes copies of it for its editors."""


def effects():
    from slicer_stand_ins.widgets.segment_editor_effect import qSlicerSegmentEditorEffectFactory

    return qSlicerSegmentEditorEffectFactory.instance().registeredEffects()


def test_one_effect_is_registered_however_often(Editor):
    from MedMetaSlicerLib.effect import registration

    registration.register(lambda: None)
    assert [effect.name for effect in effects()] == ["MedMeta"]


def test_each_editor_has_an_effect_of_its_own_which_starts_nothing_until_it_is_opened(makeUser):
    first, second = makeUser("A"), makeUser("B")
    assert first.effect is not second.effect
    assert first.effect.self().work._bench is None
    assert second.effect.pythonSource() == first.effect.pythonSource()


def test_the_effect_works_on_the_whole_segmentation_and_takes_no_mouse(user):
    assert not user.effect.perSegment
    assert user.effect.requireSegments
    assert not user.effect.showEffectCursorInSliceView


def test_the_effect_has_help_that_names_its_buttons(user):
    text = user.effect.helpText()
    for word in ("Initialize", "Update", "Apply", "Cancel", "visible", "Undo"):
        assert word.lower() in text.lower(), word
    assert text.startswith("<html>")
    assert text.endswith("</html>")


def test_slicer_gives_the_module_a_name_that_no_other_extension_has(Editor):
    import sys

    module = sys.modules["SegmentEditorMedMeta"]
    assert module.SegmentEditorEffect.__module__ == "SegmentEditorMedMeta"
    assert "effect" not in sys.modules


def test_loading_the_effect_imports_no_heavy_package(Editor):
    import subprocess
    import sys

    code = (
        "import sys; import MedMetaSlicerLib.effect.parameters, MedMetaSlicerLib.effect.work;"
        "print([name for name in ('torch', 'monai', 'SimpleITK', 'scipy') if name in sys.modules])"
    )
    from pathlib import Path

    folder = Path(__file__).parents[3] / "MedMetaSlicer"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); {code}"],
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "[]", done.stderr
