"""The decorator: a class of annotated members becomes a view of a parameter node."""

import logging
import typing

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
        if not self.storage.holds(wrapper.parameterNode, self.name):
            self.storage.write(wrapper.parameterNode, self.name, self.default.value)
        return self.storage.read(wrapper.parameterNode, self.name)

    def __set__(self, wrapper, value):
        with slicer.util.NodeModify(wrapper.parameterNode):
            self.storage.write(wrapper.parameterNode, self.name, value)


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
