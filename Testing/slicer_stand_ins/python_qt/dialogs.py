"""Dialogs: nobody sits in front of the tests, so that answers are given in advance."""

from collections import deque

from PySide6 import QtWidgets

from slicer_stand_ins.python_qt.conversion import unwrapped, wrapped
from slicer_stand_ins.python_qt.enums import EnumValue
from slicer_stand_ins.python_qt.interception import intercept


class Unanswered(AssertionError):
    """A dialog came up that the test has no answer for."""


class Desktop:
    """What came up on the screen, and what the user answers.

    answers - given to the next dialogs, in turn: the button (a name such as "Ok", "Cancel"), the text, the file;
        a callable is called with the dialog (menus: with the menu) and returns the answer
    shown - (kind, title, text) of each dialog that came up
    """

    def __init__(self):
        self.answers = deque()
        self.shown = []

    def clear(self):
        self.answers.clear()
        self.shown.clear()

    @property
    def errors(self):
        return [text for kind, _, text in self.shown if kind == "Critical"]

    @property
    def questions(self):
        return [text for kind, _, text in self.shown if kind == "Question"]

    def ask(self, kind, title, text, dialog=None, default=None):
        self.shown.append((kind, title, text))
        if self.answers:
            answer = self.answers.popleft()
            return answer(wrapped(dialog)) if callable(answer) else answer
        if default is None:
            raise Unanswered(f"{kind} '{title}': {text}")
        return default


desktop = Desktop()


@intercept(QtWidgets.QMessageBox, "exec_")
@intercept(QtWidgets.QMessageBox, "exec")
def _box(box):
    buttons = [button for button in QtWidgets.QMessageBox.StandardButton if box.standardButtons() & button]
    names = {button.name: button for button in buttons}
    only = buttons[0].name if len(buttons) == 1 else None
    answer = desktop.ask(box.icon().name, box.windowTitle(), box.text(), box, default=only)
    return _pressed(answer, names, box)


def _pressed(answer, names, box):
    if answer in names:
        return EnumValue(names[answer])
    for button in box.buttons() if box is not None else ():
        if button.text().replace("&", "") == answer:
            button.click()
            return EnumValue(box.standardButton(button))
    raise Unanswered(f"there is no button {answer!r}, only {sorted(names)}")


def _static(kind):
    def show(_, parent, title, text, buttons=None, default=None):
        wanted = unwrapped(buttons) if buttons is not None else QtWidgets.QMessageBox.StandardButton.Ok
        if isinstance(wanted, int):
            wanted = QtWidgets.QMessageBox.StandardButton(wanted)
        names = {button.name: button for button in QtWidgets.QMessageBox.StandardButton if wanted & button}
        only = next(iter(names)) if len(names) == 1 else None
        return _pressed(desktop.ask(kind, title, text, default=only), names, None)

    return show


for _name in ("information", "question", "warning", "critical"):
    intercept(QtWidgets.QMessageBox, _name)(_static(_name.capitalize()))


@intercept(QtWidgets.QDialog, "exec_")
@intercept(QtWidgets.QDialog, "exec")
def _dialog(dialog):
    return int(desktop.ask(type(dialog).__name__, dialog.windowTitle(), "", dialog))


@intercept(QtWidgets.QMenu, "exec_")
@intercept(QtWidgets.QMenu, "exec")
def _menu(menu, *_):
    """The answer is an action's text; it is triggered."""
    answer = desktop.ask("QMenu", menu.title(), ", ".join(action.text() for action in menu.actions()), menu)
    for action in menu.actions():
        if action.text().replace("&", "") == answer and action.isEnabled():
            action.trigger()
            return wrapped(action)
    return None


@intercept(QtWidgets.QInputDialog, "getText")
def _text(_, parent, title, label, *rest):
    """The text; empty where the user cancelled (answer None is taken for that)."""
    answer = desktop.ask("getText", title, label, default=False)
    if answer is False:
        raise Unanswered(f"getText '{title}': {label}")
    return answer or ""


@intercept(QtWidgets.QInputDialog, "getItem")
def _item(_, parent, title, label, items, *rest):
    return desktop.ask("getItem", title, label)


def _file(kind):
    def ask(_, parent=None, title="", *rest):
        return desktop.ask(kind, title, "")

    return ask


for _name in ("getOpenFileName", "getOpenFileNames", "getSaveFileName", "getExistingDirectory"):
    intercept(QtWidgets.QFileDialog, _name)(_file(_name))
