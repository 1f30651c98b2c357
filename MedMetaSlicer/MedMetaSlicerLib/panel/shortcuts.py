"""Keyboard shortcuts, while the module is shown."""

import qt

KEYS = {
    "Ctrl+Alt+A": "adaptButton",
    "Ctrl+Alt+E": "emptyButton",
    "Ctrl+Alt+N": "nextSliceButton",
    "Ctrl+Alt+P": "previewCheckBox",
    "Ctrl+Alt+Return": "acceptIntoButton",
}
"""Key -> the button that it clicks; the buttons' tool tips name them."""


class Shortcuts:
    """Clicks buttons by keys.

    :param ui: the widgets of MedMetaSlicer.ui by name
    :param window: the widget within which the keys hold (slicer.util.mainWindow())
    """

    def __init__(self, ui, window):
        self.shortcuts = []
        for key, name in KEYS.items():
            shortcut = qt.QShortcut(qt.QKeySequence(key), window)
            shortcut.connect("activated()", getattr(ui, name).click)  # a disabled button does not click
            self.shortcuts.append(shortcut)

    def remove(self):
        """The keys mean nothing any more."""
        for shortcut in self.shortcuts:
            shortcut.disconnect("activated()")
            shortcut.setParent(None)
        self.shortcuts = []
