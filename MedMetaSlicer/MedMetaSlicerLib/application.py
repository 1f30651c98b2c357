"""Puts the parts together as Slicer needs them: the one place that knows them all."""

import os
import pathlib

import qt
import slicer

from MedMetaSlicerLib.flow.bench import Bench
from MedMetaSlicerLib.installation import makeInstaller
from MedMetaSlicerLib.panel.panel import Panel
from MedMetaSlicerLib.process import CLIENT
from MedMetaSlicerLib.work.folder_cohort import FolderCohort
from MedMetaSlicerLib.work.interpreter import pythonExecutable
from MedMetaSlicerLib.work.session import Session
from MedMetaSlicerLib.work.tasks import TaskLibrary


def register():
    """Once Slicer has started: sample data, and the effect in all Segment Editors."""
    from slicer.i18n import tr

    from MedMetaSlicerLib.effect import registration
    from MedMetaSlicerLib.sample_data import registerSampleData

    registerSampleData()
    registration.register(lambda: makeBench(tr))


def taskFolder():
    """Where saved tasks lie: beside Slicer's own settings, so that they outlive an update."""
    return pathlib.Path(os.path.dirname(slicer.app.slicerUserSettingsFilePath)) / "MedMetaSlicer" / "Tasks"


def makeBench(translate):
    """What panel and Segment Editor effect work with.

    :param translate: text -> translated text
    """

    def makeFolderCohort(task, source, target):
        return FolderCohort(
            pythonExecutable(slicer.app.slicerHome), task, source, target, qt.QTimer(), translate=translate
        )

    return Bench(
        Session(CLIENT.lend, qt.QTimer()),
        TaskLibrary(taskFolder(), translate),
        makeFolderCohort,
        translate,
        makeInstaller(translate=translate),
        slicer.util.errorDisplay,
    )


def makePanel(ui, bench, translate):
    """The panel over its widgets.

    :param ui: the widgets of MedMetaSlicer.ui by name
    :param bench: from makeBench
    :param translate: text -> translated text
    """

    def ask(title, label, text):
        typed = qt.QInputDialog.getText(slicer.util.mainWindow(), title, label, qt.QLineEdit.Normal, text)
        return typed.strip() or None

    def askFile(title, pattern):
        return qt.QFileDialog.getOpenFileName(slicer.util.mainWindow(), title, "", pattern) or None

    return Panel(ui, bench, qt.QTimer(), ask, askFile, slicer.util.confirmOkCancelDisplay)
