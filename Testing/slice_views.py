"""Slice views of Slicer itself, off screen: for tests and for pictures in the documents.

    PYTHONPATH=MedMetaSlicer python Testing/slice_views.py picture.png

makes a picture of a drawing, the prediction and the truth. Needs slicer-core and the views of trame-slicer; no display.
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

    _imageFirst(view)
    view.render()
    grab = vtk.vtkWindowToImageFilter()
    grab.SetInput(view.render_window())
    grab.SetInputBufferTypeToRGB()
    grab.ReadFrontBufferOff()
    grab.Update()
    image = grab.GetOutput()
    width, height, _ = image.GetDimensions()
    array = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, 3)[::-1].copy()
    if path is not None:
        writePng(array, path)
    return array


def _imageFirst(view):
    """Slicer draws a view's image before all else; here it comes in the order of what was made first.

    What comes before it would hide it: colours that the image should be seen through turn opaque.
    """
    renderer, image = view.first_renderer(), view._render_manager.image_actor
    props = [prop for prop in renderer.GetViewProps() if prop is not image]
    for prop in props:
        renderer.RemoveViewProp(prop)
    for prop in props:
        renderer.AddViewProp(prop)


def writePng(array, path):
    """Writes a picture.

    :param array: (height, width, 3) bytes, first row on top
    """
    from PIL import Image

    Image.fromarray(array).save(path)


def showAsReference(segmentationNode, width=2):
    """Shows a segmentation as a bare outline: the truth beside a prediction."""
    display = segmentationNode.GetDisplayNode()
    display.SetVisibility2DFill(False)
    display.SetVisibility2DOutline(True)
    display.SetSliceIntersectionThickness(width)


def example(application, path):
    """A picture of a ball that is drawn on three slices: drawing filled, prediction and truth as outlines.

    :param path: PNG file; shows a slice that is drawn on beside one that is not
    """
    import numpy as np

    from medmeta.annotations import Segment
    from medmeta.evaluation.baselines import interpolate
    from MedMetaSlicerLib.scene.preview import Preview
    from MedMetaSlicerLib.scene.segmentations import addSegmentation
    from MedMetaSlicerLib.scene.slices import caseFromScene
    from MedMetaSlicerLib.selftest import ballInAVolume

    volumeNode, drawing, ball = ballInAVolume(shape=(24, 96, 96), radius=28.0, slices=(6, 12, 18))
    case = caseFromScene(volumeNode, drawing)
    drawn = case.annotation
    found = interpolate(drawn.labels, axis=drawn.axis, slices=drawn.slices)
    labels = ball.transpose(2, 1, 0).astype(np.uint8)
    truth = addSegmentation(labels, [Segment(1, "Truth", (1.0, 0.85, 0.1))], volumeNode, "Truth")
    showAsReference(truth)
    preview = Preview()
    preview.show(found, [Segment(1, "Ball", (0.1, 0.9, 0.9))], volumeNode, drawing.GetID(), drawn)
    views = sliceViews(application, orientations=("axial",))
    show(views, volumeNode)
    rows = []
    for position in (12, 15):
        views["axial"].set_slice_value(position * 2.5)
        rows.append(picture(views["axial"]))
    writePng(np.concatenate(rows, axis=1), path)


if __name__ == "__main__":
    import sys
    from types import SimpleNamespace

    import slicer
    from trame_slicer.core import SlicerApp

    app = SlicerApp()
    slicer.mrmlScene = app.scene
    slicer.modules = SimpleNamespace(
        segmentations=SimpleNamespace(logic=lambda: app.segmentations_logic),
        volumes=SimpleNamespace(logic=lambda: app.volumes_logic),
    )
    example(app, sys.argv[1])
