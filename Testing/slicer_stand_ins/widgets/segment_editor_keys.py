"""The keys of the segment editor's widget: those of Slicer's that change something here."""

from PySide6.QtGui import QKeySequence, QShortcut


class EditorKeys:
    """Keys that hold in a window, from `install` to `uninstall`.

    :param editor: qMRMLSegmentEditorWidget of the stand-ins
    """

    def __init__(self, editor):
        self._editor, self._shortcuts = editor, []

    def install(self, window):
        self.uninstall()
        for number in range(1, 11):
            self._add(str(number % 10), lambda at=number - 1: self._toggle(at), window)
            self._add(f"Shift+{number % 10}", lambda at=number + 9: self._toggle(at), window)
        self._add("Esc", lambda: self._editor.setActiveEffectByName(""), window)
        self._add("Z", self._editor.undo, window)
        self._add("Y", self._editor.redo, window)

    def uninstall(self):
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.setParent(None)
        self._shortcuts = []

    def _add(self, key, function, window):
        shortcut = QShortcut(QKeySequence(key), window)
        shortcut.activated.connect(function)
        self._shortcuts.append(shortcut)

    def _toggle(self, at):
        """The effect that is the so-maniest that is shown."""
        shown = self._editor.shownEffects()
        if at < len(shown):
            active = self._editor.mrmlSegmentEditorNode().GetActiveEffectName()
            self._editor.setActiveEffectByName("" if active == shown[at] else shown[at])
