import pathlib

import qt
from SegmentEditorEffects import AbstractScriptedSegmentEditorEffect
from slicer.i18n import tr as _

from MedMetaSlicerLib.effect import registration
from MedMetaSlicerLib.effect.options import Options
from MedMetaSlicerLib.effect.work import Work

ICON = pathlib.Path(__file__).resolve().parents[3] / "Resources" / "Icons" / "MedMetaEffect.png"


class SegmentEditorEffect(AbstractScriptedSegmentEditorEffect):
    """Completes segments from a few drawn slices, by a network that adapts itself to them.

    Slicer's own base class for such effects (AbstractScriptedSegmentEditorAutoCompleteEffect) does not fit: it computes
    the preview while Slicer waits, over the box round what is drawn; it writes whole segments without the editor's
    overwriting, and empties the preview as it goes; it fades the user's segmentation; and it shares one preview among
    all such effects of an editor. What users know from it is kept: Initialize, Update, Apply, Cancel, visible segments
    only, and a preview that stays while one paints with other effects. It does not update by itself after each stroke:
    that would compute all the time.
    """

    def __init__(self, scriptedEffect):
        scriptedEffect.name = "MedMeta"  # modules find effects by their name: not translated
        scriptedEffect.title = _("MedMeta")
        scriptedEffect.perSegment = False
        scriptedEffect.showEffectCursorInSliceView = False  # it does nothing with the mouse
        AbstractScriptedSegmentEditorEffect.__init__(self, scriptedEffect)
        self.options = None
        self._updating = False
        self.work = Work(scriptedEffect, registration.newBench, registration.close, self.showWork)

    def clone(self):
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        clonedEffect = effects.qSlicerSegmentEditorScriptedEffect(None)
        clonedEffect.setPythonSource(registration.SOURCE.as_posix())
        return clonedEffect

    def icon(self):
        return qt.QIcon(str(ICON)) if ICON.exists() else qt.QIcon()

    def helpText(self):
        steps = [
            _("Draw each structure on a few slices with any effect; from three on, results get much better."),
            _("Press Initialize. The outline of the result appears; you can go on working meanwhile."),
            _("Draw a slice where the outline is wrong, and press Update."),
            _("Press Apply to take the result over, or Cancel."),
        ]
        notes = [
            _("All visible segments are completed; hide those that are finished."),
            _("Apply keeps to the editable area, overwriting and locks, leaves drawn slices alone, and is one undo."),
            _("After Apply, mend slices where they are wrong and press Initialize again: they count as drawn."),
        ]
        listed = "".join(f"<li>{step}</li>" for step in steps)
        return (
            f"<html>{_('Complete segments from a few drawn slices.')}<p><ol>{listed}</ol><p>"
            + "<br>".join(notes)
            + "</html>"
        )

    def setupOptionsFrame(self):
        self.options = Options(self.scriptedEffect, self.work, _)

    def createCursor(self, widget):
        return qt.QCursor(qt.Qt.ArrowCursor)

    def setMRMLDefaults(self):
        self.work.parameters.setDefaults()

    def activate(self):
        self.work.enter()

    def deactivate(self):
        """What is computed goes on, and the preview stays: one paints corrections with other effects."""

    def sourceVolumeNodeChanged(self):
        if self.scriptedEffect.active():
            self.updateGUIFromMRML()

    def interactionNodeModified(self, interactionNode):
        """Placing a point is no reason to leave the effect: it does nothing with the mouse."""

    def layoutChanged(self):
        """It shows nothing of its own in views; the preview is a node, which Slicer shows in any layout."""

    def updateGUIFromMRML(self):
        if self.options is None or self._updating:
            return
        self._updating = True  # to follow the editor changes what is shown
        try:
            self.work.follow()
        finally:
            self._updating = False
        self.options.update()

    def updateMRMLFromGUI(self):
        if self.options is not None:
            self.options.store()

    def showWork(self):
        """The work got on: brings the widgets in line."""
        if self.options is not None and not self._updating:
            self.options.update()

    def cleanup(self):
        if self.options is not None:
            self.options.disconnect()
            self.options = None
        self.work.close()
