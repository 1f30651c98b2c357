"""Slicer's widgets and modules for tests, on a real Qt (PySide6) and a real scene (slicer-core), without Slicer.

    python_qt/      Qt with PythonQt's manners
    api.py          what Slicer's and CTK's widgets really have, by lists that name the header that declares it
    widgets/        stand-ins for the widgets: PySide6 classes of the same names
    slicer_parts/   Python parts of Slicer that slicer-core lacks: scripted modules, parameter nodes, application
    desk.py         a module opened as Slicer opens it, for tests

A stand-in has what it needs of the widget, and takes no shortcut: what is not in the list raises.
"""
