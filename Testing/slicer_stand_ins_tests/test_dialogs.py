"""Dialogs are answered in advance; one that nobody answers is a failure, not a test that hangs."""

import pytest


@pytest.fixture
def desktop(slicerPython):
    from slicer_stand_ins.python_qt.dialogs import desktop

    desktop.clear()
    yield desktop
    desktop.clear()


def test_slicers_own_messages_are_written_down(desktop):
    import slicer

    slicer.util.errorDisplay("broken")
    assert desktop.errors == ["broken"]
    assert desktop.shown[0][1] == "Slicer error"


@pytest.mark.parametrize(("answer", "agreed"), [("Ok", True), ("Cancel", False)])
def test_a_question_is_answered_by_a_buttons_name(desktop, answer, agreed):
    import slicer

    desktop.answers.append(answer)
    assert slicer.util.confirmOkCancelDisplay("Sure?") is agreed
    assert desktop.questions == ["Sure?"]


def test_a_question_without_an_answer_is_an_error(desktop):
    import slicer

    from slicer_stand_ins.python_qt.dialogs import Unanswered

    with pytest.raises(Unanswered, match="Sure"):
        slicer.util.confirmYesNoDisplay("Sure?")
    desktop.answers.append("Ok")
    with pytest.raises(Unanswered, match="no button 'Ok'"):
        slicer.util.confirmYesNoDisplay("Sure?")


def test_texts_and_files_come_as_pythonqt_gives_them(desktop):
    import qt

    desktop.answers.extend(["liver", None, "/data/a.nrrd"])
    assert qt.QInputDialog.getText(None, "Rename", "Name") == "liver"
    assert qt.QInputDialog.getText(None, "Rename", "Name") == ""
    assert qt.QFileDialog.getSaveFileName(None, "Save", "", "*.nrrd") == "/data/a.nrrd"


def test_a_menus_entry_is_chosen_by_its_text(desktop):
    import qt

    seen = []
    menu = qt.QMenu()
    menu.addAction("Rename").connect("triggered()", lambda: seen.append("Rename"))
    menu.addAction("Delete").connect("triggered()", lambda: seen.append("Delete"))
    desktop.answers.append("Delete")
    menu.exec_(qt.QCursor.pos())
    assert seen == ["Delete"]


def test_a_dialog_is_used_by_a_function(desktop):
    import qt

    def fill(dialog):
        dialog.windowTitle = "seen"
        return 1

    dialog = qt.QDialog()
    desktop.answers.append(fill)
    assert dialog.exec_() == 1
    assert dialog.windowTitle == "seen"
