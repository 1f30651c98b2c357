"""Puts the stand-ins where Slicer's Python looks for them: qt, ctk, and what slicer-core leaves out of slicer."""

import functools
import os
import sys
from types import ModuleType, SimpleNamespace

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import slicer
import slicer.util
from PySide6.QtWidgets import QApplication, QStyleFactory

from slicer_stand_ins.python_qt import module, ui_files
from slicer_stand_ins.python_qt.conversion import wrapped
from slicer_stand_ins.python_qt.instances import classFor
from slicer_stand_ins.widgets import (
    application,
    checkable_node_combo_box,
    collapsible,
    modules,
    mrml_widget,
    node_combo_box,
    segment_editor,
    segment_editor_effect,
    sliders,
    values,
)

_SOURCES = (
    application,
    checkable_node_combo_box,
    collapsible,
    modules,
    mrml_widget,
    node_combo_box,
    segment_editor,
    segment_editor_effect,
    sliders,
    values,
)


@functools.cache
def classes():
    """{name: PySide's class} of all stand-ins."""
    return {
        name: cls
        for source in _SOURCES
        for name, cls in vars(source).items()
        if isinstance(cls, type) and name.startswith(("qMRML", "qSlicer", "ctk")) and cls.__module__ == source.__name__
    }


class Ctk(ModuleType):
    def __getattr__(self, name):
        raise AttributeError(f"there is no stand-in for ctk.{name}")


@functools.cache
def application_():
    """The application object, which lives as long as the process."""
    app = QApplication.instance() or application.qSlicerApplication(["Slicer"])
    app.setStyle(QStyleFactory.create("Fusion"))
    app._mainWindow = application.qSlicerMainWindow()
    return app


@functools.cache
def modules_():
    """{name: module} of what Slicer's Python imports; made once, so that what holds one of them holds the right one."""
    qt, ctk = module.make(), Ctk("ctk", "CTK's widgets that there is a stand-in for")
    for name, cls in classes().items():
        ui_files.widgetClasses[name] = cls
        setattr(ctk if name.startswith("ctk") else slicer, name, classFor(cls))
    sys.modules.update({"qt": qt, "ctk": ctk})
    slicer.app = wrapped(application_())
    from slicer_stand_ins.slicer_parts import packaging, parameter_nodes, sample_data, scripted_modules, translation

    return {
        "qt": qt,
        "ctk": ctk,
        "slicer.ScriptedLoadableModule": scripted_modules,
        "slicer.i18n": translation,
        "slicer.parameterNodeWrapper": parameter_nodes,
        "slicer.packaging": packaging,
        "SampleData": sample_data,
        **segment_editor_effect.modules(),
    }


def install(patch, core):
    """Slicer's Python as it is in Slicer, until the patch is undone.

    :param patch: pytest.MonkeyPatch
    :param core: trame_slicer.core.SlicerApp
    """
    for name, made in modules_().items():
        patch.setitem(sys.modules, name, made)
        if name.startswith("slicer."):
            patch.setattr(slicer, name.removeprefix("slicer."), made, raising=False)
    patch.setattr(slicer, "app", wrapped(application_()), raising=False)
    patch.setattr(slicer, "modules", SimpleNamespace(**vars(slicer.modules)), raising=False)
    modules_()["slicer.packaging"].reset()
    patch.setattr(segment_editor_effect.qSlicerSegmentEditorEffectFactory, "_only", None)
    application_().serve(core)
