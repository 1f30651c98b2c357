"""CTK's widgets do what the panel needs of them."""

import pytest


@pytest.fixture
def qt(slicerPython):
    import qt

    return qt


@pytest.fixture
def ctk(slicerPython):
    import ctk

    return ctk


@pytest.fixture
def folded(qt, ctk):
    """A folded part with a button in it, shown."""
    window = qt.QWidget()
    layout = qt.QVBoxLayout(window)
    part = ctk.ctkCollapsibleButton()
    part.text = "Part"
    layout.addWidget(part)
    button = qt.QPushButton("inside")
    qt.QVBoxLayout(part).addWidget(button)
    part.collapsed = True
    window.show()
    return window, part, button


def test_a_folded_part_hides_what_is_in_it(folded):
    _, part, button = folded
    assert not button.visible
    part.click()
    assert not part.collapsed
    assert button.visible


def test_what_was_hidden_stays_hidden_when_a_part_is_unfolded(folded):
    _, part, button = folded
    button.hide()
    part.collapsed = False
    assert not button.visible


def test_what_is_shown_in_a_folded_part_waits(folded):
    _, part, button = folded
    button.hide()
    button.show()
    assert not button.visible
    part.collapsed = False
    assert button.visible


def test_folding_is_told(folded):
    _, part, _ = folded
    seen = []
    part.contentsCollapsed.connect(seen.append)
    part.collapsed = False
    assert seen == [False]


def test_slider_and_number_are_one_value(ctk):
    slider, seen = ctk.ctkSliderWidget(), []
    slider.minimum, slider.maximum, slider.singleStep = 0, 1, 0.05
    slider.connect("valueChanged(double)", seen.append)
    slider.value = 0.4
    assert slider.value == pytest.approx(0.4)
    assert seen == [pytest.approx(0.4)]
    slider.value = 7
    assert slider.value == 1


def test_a_path_is_typed_or_asked_for(ctk):
    from slicer_stand_ins.python_qt.dialogs import desktop

    edit, seen = ctk.ctkPathLineEdit(), []
    edit.filters = ctk.ctkPathLineEdit.Dirs
    assert edit.filters == ctk.ctkPathLineEdit.Dirs
    edit.connect("currentPathChanged(QString)", seen.append)
    edit.currentPath = "/data"
    desktop.answers.append("/other")
    edit.browse()
    assert seen == ["/data", "/other"]


def test_a_combo_box_shows_its_text_while_nothing_is_chosen(ctk):
    box = ctk.ctkComboBox()
    box.defaultText = "Choose"
    box.addItem("one")
    box.currentIndex = -1
    assert box.currentText == ""
    assert box.defaultText == "Choose"


def test_a_ui_file_says_which_paths_are_asked_for(ctk, tmp_path):
    import slicer

    path = tmp_path / "a.ui"
    text = """<ui version="4.0"><class>A</class><widget class="ctkPathLineEdit" name="A">
      <property name="filters"><set>ctkPathLineEdit::Dirs</set></property></widget></ui>"""
    path.write_text(text, encoding="utf-8")
    assert slicer.util.loadUI(str(path)).filters == ctk.ctkPathLineEdit.Dirs
