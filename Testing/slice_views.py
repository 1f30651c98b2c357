"""Slice views of Slicer itself, off screen: for tests and for pictures in the documents.

    VTK_DEFAULT_OPENGL_WINDOW=vtkOSOpenGLRenderWindow python Testing/slice_views.py picture.png

Needs slicer-core and the view manager of trame-slicer; no display.
"""

import ctypes.util
import os

os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkOSOpenGLRenderWindow")

ORIENTATIONS = ("axial", "coronal", "sagittal")


def sliceViews(application, size=(480, 480), orientations=ORIENTATIONS):
    """Slice views as Slicer's layouts have them, Red, Green and Yellow, none of which opens a window.

    :param application: trame_slicer.core.SlicerApp
    :return: {orientation: trame_slicer.views.SliceView}
    :raises RuntimeError: there is no renderer that works without a display
    """
    if "OSOpenGL" in os.environ["VTK_DEFAULT_OPENGL_WINDOW"] and ctypes.util.find_library("OSMesa") is None:
        raise RuntimeError("Drawing without a display needs OSMesa: install it (Debian's package is libosmesa6).")
    from trame_slicer.views import DirectViewFactory, NoScheduleRendering, SliceView, ViewLayoutDefinition

    class OnDemand(DirectViewFactory):
        """Views that are drawn when a picture is taken, not at each change: drawing without a GPU is slow."""

        def _create_slice_view(self, app_logic, scene, view):
            made = SliceView(scene, app_logic, view.singleton_tag, scheduled_render_strategy=NoScheduleRendering())
            made.render_window().SetMultiSamples(0)
            return self._update_view_properties(made, view)

    manager = application.view_manager
    definitions = {name: getattr(ViewLayoutDefinition, f"{name}_view")() for name in orientations}
    if not any(manager.is_view_created(definition.singleton_tag) for definition in definitions.values()):
        manager.register_factory(OnDemand(do_render_offscreen=True))
    views = {name: manager.create_view(definition) for name, definition in definitions.items()}
    for name, view in views.items():
        view.render_window().SetSize(*size)
        view.set_orientation(name.capitalize())
    manager.set_current_view_ids([view.get_singleton_tag() for view in views.values()])
    return views


def show(views, volumeNode):
    """Shows a volume in all views, fitted to them."""
    for view in views.values():
        view.set_background_volume_id(volumeNode.GetID())
        view.fit_view_to_content()


def picture(view, path=None):
    """What a view shows now.

    :param path: PNG file to write; None for none
    :return: (height, width, 3) bytes, first row on top
    """
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    view.render()
    grab = vtk.vtkWindowToImageFilter()
    grab.SetInput(view.render_window())
    grab.SetInputBufferTypeToRGB()
    grab.ReadFrontBufferOff()
    grab.Update()
    image = grab.GetOutput()
    if path is not None:
        writer = vtk.vtkPNGWriter()
        writer.SetFileName(str(path))
        writer.SetInputData(image)
        writer.Write()
    width, height, _ = image.GetDimensions()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, 3)[::-1].copy()


def showAsReference(segmentationNode, colour=(1.0, 0.85, 0.1), width=2):
    """Shows a segmentation as a bare outline in one colour: the truth beside a prediction."""
    display = segmentationNode.GetDisplayNode()
    display.SetVisibility2DFill(False)
    display.SetVisibility2DOutline(True)
    display.SetSliceIntersectionThickness(width)
    segmentation = segmentationNode.GetSegmentation()
    for n in range(segmentation.GetNumberOfSegments()):
        segmentation.GetNthSegment(n).SetColor(*colour)
