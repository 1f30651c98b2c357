"""slicer.parameterNodeWrapper: typed members on a vtkMRMLScriptedModuleNode, connected to widgets.

What is stored is stored as Slicer stores it, so that a scene of Slicer's opens here and the other way round; what
Slicer refuses is refused: a type that it cannot store, a value outside its range, a widget that cannot show the type.
"""

from slicer_stand_ins.slicer_parts.parameter_nodes.annotations import (
    Choice,
    Decimals,
    Default,
    Exclude,
    IsInstance,
    Maximum,
    Minimum,
    NotNone,
    SingleStep,
    Validator,
    WithinRange,
)
from slicer_stand_ins.slicer_parts.parameter_nodes.connectors import connector as createGuiConnector
from slicer_stand_ins.slicer_parts.parameter_nodes.wrapper import isParameterNodeWrapper, parameterNodeWrapper

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Exclude",
    "IsInstance",
    "Maximum",
    "Minimum",
    "NotNone",
    "SingleStep",
    "Validator",
    "WithinRange",
    "createGuiConnector",
    "isParameterNodeWrapper",
    "parameterNodeWrapper",
]
