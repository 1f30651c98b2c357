"""What widgets need of a scene: to be told when its nodes come, go and change."""

import weakref

import vtk
from shiboken6.Shiboken import isValid
from slicer import vtkMRMLScene


class SceneWatch:
    """Calls a widget's method after each change of a scene's nodes; forgets a widget that is deleted.

    :param owner: the widget
    :param method: its method's name
    """

    EVENTS = (
        vtkMRMLScene.NodeAddedEvent,
        vtkMRMLScene.NodeRemovedEvent,
        vtkMRMLScene.EndCloseEvent,
        vtkMRMLScene.EndImportEvent,
        vtkMRMLScene.EndBatchProcessEvent,
    )

    def __init__(self, owner, method):
        self._owner = weakref.ref(owner)
        self._method = method
        self._tags = []

    def watch(self, scene, nodes=()):
        """Watches a scene and some of its nodes, in place of what was watched."""
        self.stop()
        if scene is not None:
            self._tags += [(scene, scene.AddObserver(event, self._changed)) for event in self.EVENTS]
        self.alsoNodes(nodes)

    def alsoNodes(self, nodes):
        self._tags += [(node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._changed)) for node in nodes]

    def stop(self):
        for watched, tag in self._tags:
            watched.RemoveObserver(tag)
        self._tags = []

    def _changed(self, caller, event):
        owner = self._owner()
        if owner is None or not isValid(owner):
            self.stop()
            return
        getattr(owner, self._method)()
