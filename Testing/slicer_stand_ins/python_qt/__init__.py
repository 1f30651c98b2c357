"""Qt as Slicer's Python sees it: PySide6 behind PythonQt's manners.

A property is an attribute and not callable, a signal is connected by its name or by its attribute, enumerations are
whole numbers in the class, nothing that does not exist can be set. What PythonQt refuses is refused here.
"""
