"""What all steps of the work share, and who is told when something changed."""

import contextlib
import logging

import slicer

from medmeta.errors import Cancelled, MedMetaError
from MedMetaSlicerLib.flow.adapting import Adapting
from MedMetaSlicerLib.flow.cohort import CASE, Cohort
from MedMetaSlicerLib.flow.drawing import Drawing
from MedMetaSlicerLib.flow.result import Result
from MedMetaSlicerLib.flow.tasks import Tasks


class Bench:
    """A volume, a segmentation, and what is done with them.

    :param session: MedMetaSlicerLib.work.session.Session
    :param library: MedMetaSlicerLib.work.tasks.TaskLibrary
    :param makeFolderCohort: (task file, input folder, output folder, options) -> a cohort on disk
    :param translate: text -> translated text
    :param installer: MedMetaSlicerLib.installation.Installer
    :param showError: shows a message
    """

    def __init__(self, session, library, makeFolderCohort, translate, installer, showError):
        self.session = session
        self.library = library
        self.makeFolderCohort = makeFolderCohort
        self.tr = translate
        self.installer = installer
        self.showError = showError
        self.parameters = None
        self.status = ""
        self.observers = []
        self.era = object()
        """Another one after each `forget`: what was asked before concerns a scene that is gone."""
        self.segmentIds = lambda: None
        """Says which segments count, by their IDs; None for all. The effect takes those that are visible."""
        self.drawing = Drawing(self)
        self.adapting = Adapting(self)
        self.result = Result(self)
        self.cohort = Cohort(self)
        self.tasks = Tasks(self)
        session.onChanged.append(self.changed)

    @property
    def busy(self):
        """True while anything is computed; matching saved tasks, which begins by itself, keeps nobody waiting."""
        return any(activity.kind != "match" for activity in self.session.activities) or self.cohort.running

    def prepare(self):
        """True where all packages are there, or were installed now; asks before it installs any."""
        return self.installer.ensure(self.parameters.device)

    def warmUp(self):
        """Starts the engine in advance, once something is drawn: what it loads takes seconds. Never asks to install."""
        if self.drawing.complete and self.session.device is None and not self.installer.missing():
            with contextlib.suppress(MedMetaError):  # said when it is needed
                self.session.warmUp()

    def attach(self, parameters):
        """Works with a parameter node from now on; None for none.

        :param parameters: MedMetaSlicerParameterNode, or None
        """
        self.parameters = parameters
        try:
            self.drawing.refresh()
        except MedMetaError as error:  # a drawing that nothing can be made of keeps nobody from looking at the rest
            self.status = str(error)
        self.result.attach()
        self.tasks.refresh()
        self.cohort.refresh()
        self.changed()

    def forget(self):
        """Drops what is computed and what came of it: the scene that it was for goes."""
        self.era = object()
        self.session.cancel()
        self.cohort.forget()
        self.adapting.forget()
        self.result.forget()
        self.parameters = None
        self.status = ""
        self.changed()

    def close(self):
        """Ends what computes."""
        self.forget()
        self.session.close()

    def lookAt(self, volumeNode, segmentationNode):
        """Shows a volume with what belongs to it, and hides what belongs to others: over this one it means nothing.

        :param segmentationNode: the drawing, or the result of a case; None for none
        """
        p = self.parameters
        slicer.util.setSliceViewerLayers(background=volumeNode, fit=True)
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
            if node.GetAttribute(CASE) or node is p.segmentation:
                node.SetDisplayVisibility(node is segmentationNode)
        p.previewVisible = segmentationNode is p.segmentation and segmentationNode is not None
        self.result.apply(again=True)

    def changed(self):
        """Tells all who watch."""
        for observer in tuple(self.observers):
            observer()

    def say(self, text):
        """Shows a line to the user."""
        self.status = text
        self.changed()

    def fail(self, error):
        """Shows what went wrong; that something was cancelled, by the user or with the scene, is no news."""
        if isinstance(error, Cancelled):
            return
        if not isinstance(error, MedMetaError):
            logging.error("MedMetaSlicer", exc_info=error)
        self.say(str(error))
        self.showError(str(error))

    def attempt(self, function, *arguments):
        """Calls a function; what goes wrong is shown, not raised. True where nothing did."""
        try:
            function(*arguments)
        except Exception as error:  # shown: in a slot or a timer nobody would see it
            self.fail(error)
            return False
        self.changed()
        return True

    def guarded(self, function):
        """The same as a callback."""
        return lambda *arguments: self.attempt(function, *arguments)
