"""The part of the segment editor's widget with the effects: their buttons, and the options of the active one.

Slicer's own effects are buttons without anything behind them; those that are registered in Python are real.
"""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget
from shiboken6.Shiboken import isValid

from slicer_stand_ins.widgets.segment_editor_effect import CHANGED, qSlicerSegmentEditorEffectFactory

OF_SLICER = ("Threshold", "Paint", "Draw", "Erase", "Level tracing", "Grow from seeds", "Fill between slices", "Margin")
OF_SLICER += ("Hollow", "Smoothing", "Scissors", "Islands", "Logical operators", "Mask volume")


class EffectsSection(QWidget):
    """picked(name) - a button was clicked; "" is the one for no effect."""

    picked = Signal(str)

    def __init__(self, save, select, parent=None):
        """
        :param save: saves a state for undo
        :param select: (name) activates an effect
        """
        super().__init__(parent)
        self._save, self._select = save, select
        effects = self._effects = {}
        self._buttons, self._active, self._node, self._tags = {}, "", None, []
        # As in Slicer the copies end with their editor.
        self.destroyed.connect(lambda: [effect.cleanup() for effect in effects.values()])
        self._group = QButtonGroup(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._grid, self._options = QGridLayout(), QVBoxLayout()
        self._grid.setSpacing(2)
        layout.addLayout(self._grid)
        layout.addLayout(self._options)
        for name in ("", *OF_SLICER):
            self._addButton(name, name or "None")

    def _addButton(self, name, title, icon=None):
        button = QToolButton(self)
        button.setText(title)
        button.setToolTip(title if name else "No editing")
        button.setObjectName(name or "NULL")
        button.setCheckable(True)
        if icon is not None:
            button.setIcon(icon)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.clicked.connect(lambda: self.picked.emit(name))
        self._group.addButton(button)
        self._buttons[name] = button

    def names(self):
        """As they were registered, which is not the order in which they are shown."""
        return [*sorted(OF_SLICER), *self._effects]

    def effect(self, name):
        """The effect itself; None where there is none of that name."""
        if name in OF_SLICER:
            raise NotImplementedError(f"the stand-in has nothing behind Slicer's own effect {name}")
        return self._effects.get(name)

    def load(self):
        """Takes a copy of each effect that was registered since the last time."""
        for registered in qSlicerSegmentEditorEffectFactory.instance().registeredEffects():
            if registered.name in self._effects:
                continue
            effect = self._effects[registered.name] = registered.clone()
            effect.serve(self._save, self._select)
            if self._node is not None:
                self._give(effect)
            self._addButton(effect.name, effect.title or effect.name, effect.icon())
            effect.setupOptionsFrame()
            effect.optionsFrame().hide()
            self._options.addWidget(effect.optionsFrame())

    def use(self, node):
        """The parameter node changed."""
        for watched, tag in self._tags:
            watched.RemoveObserver(tag)
        self._node, self._tags = node, []
        for effect in self._effects.values():
            self._give(effect)

    def _give(self, effect):
        effect.setParameterSetNode(self._node)
        if self._node is not None:
            effect.setMRMLDefaults()
            update = lambda *_: isValid(effect) and effect.updateGUIFromMRML()  # noqa: E731
            self._tags.append((self._node, self._node.AddObserver(CHANGED, update)))

    def follow(self, name, usable, selected):
        """Activates the effect of a name, or none.

        :param usable: there is a segmentation and a source volume
        :param selected: a segment is selected
        """
        name = name if name in self.names() else ""
        for key, button in self._buttons.items():
            effect = self._effects.get(key)
            needs = effect is None or (effect.requireSegments and effect.perSegment)
            button.setEnabled(usable and (selected or not key or not needs))
        if name != self._active:
            last, self._active = self._effects.get(self._active), name
            if last is not None:
                last.deactivate()
            if name in self._effects:
                self._effects[name].activate()
        self._buttons[name].setChecked(True)

    @property
    def active(self):
        return self._active

    def sourceVolumeChanged(self):
        for effect in self._effects.values():
            effect.sourceVolumeNodeChanged()

    def arrange(self, order, others, columns):
        """Shows the buttons in columns: none, those in the order, and the others where they are wanted."""
        shown = ["", *(name for name in order if name in self._buttons and name)]
        shown += [name for name in self._buttons if name not in shown] if others else []
        self.shown = shown[1:]
        while self._grid.count():
            self._grid.takeAt(0)
        for button in self._buttons.values():
            button.hide()
        for index, name in enumerate(shown):
            self._grid.addWidget(self._buttons[name], index // columns, index % columns)
            self._buttons[name].show()
