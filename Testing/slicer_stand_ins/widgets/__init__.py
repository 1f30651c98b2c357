"""Stand-ins for Slicer's and CTK's widgets: classes of PySide6 that bear their names.

They are built of Qt's own widgets and look at the real scene. A signal with VTK objects in it is declared in
SIGNATURES, pairs of Slicer's signature and the name of PySide's signal.
"""
