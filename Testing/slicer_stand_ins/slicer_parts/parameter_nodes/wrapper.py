"""The decorator: a class of annotated members becomes a view of a parameter node."""

import logging
import typing
import weakref

import slicer
import vtk

from slicer_stand_ins.slicer_parts.parameter_nodes.annotations import Default, first
from slicer_stand_ins.slicer_parts.parameter_nodes.connectors import Connector, connector
from slicer_stand_ins.slicer_parts.parameter_nodes.storage import storage

PROPERTY = "SlicerParameterName"


def parameterNodeWrapper(classtype=None):
    """With or without brackets."""
    return _wrapped if classtype is None else _wrapped(classtype)


def isParameterNodeWrapper(classOrObject):
    return getattr(classOrObject, "_is_parameter_node_wrapper", False)


class Parameter:
    """A member: its name, its type with annotations, where it is kept and what it is at first."""

    def __init__(self, name, annotated, given):
        self.name, self.unalteredType = name, annotated
        self.storage, rest = storage(annotated)
        default = first(rest, Default)
        self.default = given or default or Default(generator=self.storage.default)
        unused = [annotation for annotation in rest if annotation is not default]
        if unused:
            logging.warning("Unused annotations: %s", unused)

    def __get__(self, wrapper, owner=None):
        if wrapper is None:
            return self
        return wrapper._caches[self.name].value

    def __set__(self, wrapper, value):
        wrapper._caches[self.name].write(value)

    def read(self, node):
        if not self.storage.holds(node, self.name):
            self.storage.write(node, self.name, self.default.value)
        return self.storage.read(node, self.name)


class Cache:
    """A parameter's value as it was read last: again when its node says that it was modified, and only then.

    A scene that is imported may change the references of a node that is there already without a word: as in Slicer,
    a wrapper that was made before does not notice.
    """

    def __init__(self, parameter, node):
        self._parameter, self._node, self._writing = parameter, node, False
        self.value = parameter.read(node)
        me = weakref.ref(self)
        self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: me() and me()._modified())

    def __del__(self):
        self._node.RemoveObserver(self._tag)

    def _modified(self):
        if not self._writing:
            self.value = self._parameter.read(self._node)

    def write(self, value):
        self._writing = True
        try:
            with slicer.util.NodeModify(self._node):
                self._parameter.storage.write(self._node, self._parameter.name, value)
                self.value = self._parameter.read(self._node)  # before observers ask
        finally:
            self._writing = False


def _wrapped(classtype):
    members = typing.get_type_hints(classtype, include_extras=True)
    parameters = {}
    for name, annotated in members.items():
        if hasattr(_Wrapper, name):
            raise ValueError(f"'{name}' is a reserved name in a parameter node wrapper")
        given = Default(getattr(classtype, name)) if hasattr(classtype, name) else None
        parameters[name] = Parameter(name, annotated, given)
        setattr(classtype, name, parameters[name])
    classtype.allParameters = parameters
    for name, method in vars(_Wrapper).items():
        if name != "__doc__" and (not name.startswith("__") or name == "__init__"):
            setattr(classtype, name, method)
    return classtype


class _Wrapper:
    """What each decorated class gets."""

    _is_parameter_node_wrapper = True

    def __init__(self, parameterNode, prefix=None):
        self.parameterNode = parameterNode
        self._connected = {}
        self._nextTag, self._updating = 0, False
        for name, parameter in self.allParameters.items():
            if not parameter.storage.holds(parameterNode, name):
                parameter.storage.write(parameterNode, name, parameter.default.value)
        self._caches = {name: Cache(parameter, parameterNode) for name, parameter in self.allParameters.items()}

    def default(self, name):
        return self._known(name).default

    def dataType(self, name):
        return self._known(name).unalteredType

    def getValue(self, name):
        return self._known(name).__get__(self)

    def setValue(self, name, value):
        self._known(name).__set__(self, value)

    def _known(self, name):
        if name not in self.allParameters:
            raise ValueError(f"there is no parameter '{name}', only {', '.join(self.allParameters)}")
        return self.allParameters[name]

    def connectGui(self, gui):
        """Connects all widgets that name a parameter in their property SlicerParameterName.

        :param gui: a widget, or what slicer.util.childWidgetVariables returned
        :return: tag for disconnectGui
        """
        import qt

        isWidget = getattr(gui, "isWidgetType", lambda: False)()
        widgets = gui.findChildren(qt.QWidget) if isWidget else gui.__dict__.values()
        return self.connectParametersToGui({name: w for w in widgets if (name := w.property(PROPERTY))})

    def connectParametersToGui(self, widgets):
        for name in widgets:
            self._known(name)
        connectors = {
            name: widget if isinstance(widget, Connector) else connector(widget, self.dataType(name))
            for name, widget in widgets.items()
        }
        tag, self._nextTag = self._nextTag, self._nextTag + 1
        for name, one in connectors.items():
            one.write(self.getValue(name))
            one.onChanged(self._taking(name, one))
        observer = self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: self._showAll())
        self._connected[tag] = connectors, observer
        return tag

    def disconnectGui(self, tag):
        if tag in self._connected:
            connectors, observer = self._connected.pop(tag)
            for one in connectors.values():
                one.onChanged(None)
            self.RemoveObserver(observer)

    def _taking(self, name, one):
        def take():
            if not self._updating:
                self.setValue(name, one.read())

        return take

    def _showAll(self):
        if self._updating:
            return
        self._updating = True
        try:
            with slicer.util.NodeModify(self):
                for connectors, _ in self._connected.values():
                    for name, one in connectors.items():
                        one.write(self.getValue(name))
        finally:
            self._updating = False

    def StartModify(self):
        return self.parameterNode.StartModify()

    def EndModify(self, wasModifying):
        return self.parameterNode.EndModify(wasModifying)

    def AddObserver(self, event, callback, priority=0.0):
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag):
        return self.parameterNode.RemoveObserver(tag)

    def Modified(self):
        return self.parameterNode.Modified()
