import numpy as np
import pytest

from medmeta.annotations import Segment

SHAPE = (14, 30, 40)


@pytest.fixture
def previews(scene):
    from MedMetaSlicerLib.scene import preview

    return preview


@pytest.fixture
def drawn(build):
    """A segmentation with one drawn slice, and the engine's answer for it."""
    volumeNode = build.volume()
    segmentationNode, (first, second) = build.segmentation(volumeNode, "Liver", "Tumour")
    build.draw(segmentationNode, first, volumeNode, build.sheets(SHAPE, 2, (6,)))
    labels = np.zeros(SHAPE[::-1], np.uint8)
    labels[10:30, 8:22, 3:11] = 1
    labels[14:18, 12:16, 5:8] = 2
    segments = (Segment(1, "Liver", (0.9, 0.3, 0.2), "~liver~"), Segment(2, "Tumour", (0.2, 0.8, 0.3)))
    return volumeNode, segmentationNode, (first, second), labels, segments


def shown(previews, drawn, **options):
    volumeNode, segmentationNode, _, labels, segments = drawn
    preview = previews.Preview()
    preview.show(labels, segments, volumeNode, segmentationNode.GetID(), **options)
    return preview


def test_the_answer_lies_on_the_volume_in_a_node_of_its_own(build, previews, drawn):
    volumeNode, segmentationNode, ids, labels, _ = drawn
    preview = shown(previews, drawn)
    assert preview.node is not segmentationNode
    assert previews.isPreview(preview.node)
    assert not previews.isPreview(segmentationNode)
    for value, segmentId in enumerate(ids, start=1):
        found = build.mask(preview.node, segmentId, volumeNode)
        assert (found == (labels == value).transpose(2, 1, 0)).all()
        assert previews.sourceOf(preview.node, segmentId) == segmentId
    segment = preview.node.GetSegmentation().GetNthSegment(0)
    assert (segment.GetName(), segment.GetColor()) == ("Liver", pytest.approx((0.9, 0.3, 0.2)))


def test_the_drawing_is_not_touched(build, previews, drawn):
    volumeNode, segmentationNode, (first, _), _, _ = drawn
    state = segmentationNode.GetSegmentation().GetMTime()
    shown(previews, drawn).remove()
    assert segmentationNode.GetSegmentation().GetMTime() == state
    assert (build.mask(segmentationNode, first, volumeNode) == build.sheets(SHAPE, 2, (6,))).all()


def test_a_second_answer_replaces_the_first_and_keeps_the_settings(build, scene, previews, drawn):
    volumeNode, segmentationNode, ids, labels, segments = drawn
    preview = shown(previews, drawn)
    preview.opacity, preview.filled = 0.4, True
    nodes = scene.GetNumberOfNodes()
    node = preview.node
    preview.show(np.roll(labels, 1, axis=2), segments[:1], volumeNode, segmentationNode.GetID())
    assert preview.node is node
    assert scene.GetNumberOfNodes() == nodes
    assert node.GetSegmentation().GetNumberOfSegments() == 1
    assert (build.mask(node, ids[0], volumeNode) == (np.roll(labels, 1, axis=2) == 1).transpose(2, 1, 0)).all()
    assert (preview.opacity, preview.filled) == (0.4, True)


def test_it_is_an_outline_that_can_be_faded_hidden_and_filled(previews, drawn):
    preview = shown(previews, drawn)
    display = preview.node.GetDisplayNode()
    assert (preview.visible, preview.filled, preview.opacity) == (True, False, 1.0)
    assert display.GetVisibility2DOutline()
    preview.visible, preview.opacity = False, 0.25
    assert (preview.visible, preview.opacity) == (False, 0.25)
    preview.visible = True
    assert preview.visible


def test_a_deleted_preview_is_noticed_and_made_anew(scene, previews, drawn):
    preview = shown(previews, drawn)
    scene.RemoveNode(preview.node)
    assert preview.node is None
    with pytest.raises(ValueError, match="no preview"):
        preview.opacity = 0.5
    volumeNode, segmentationNode, _, labels, segments = drawn
    assert preview.show(labels, segments, volumeNode, segmentationNode.GetID()).GetScene() is scene
    preview.remove()
    preview.remove()
    assert previews.Preview.find() is None


def test_the_preview_of_a_segmentation_is_found_again(build, previews, drawn):
    preview = shown(previews, drawn)
    other, _ = build.segmentation(drawn[0], "Kidney", name="Other")
    assert previews.Preview.find(drawn[1]).node is preview.node
    assert previews.Preview.find(other) is None
    assert previews.Preview.find().node is preview.node


def test_it_goes_under_the_volumes_transform(build, previews, drawn):
    volumeNode, _, ids, labels, _ = drawn
    build.transform(build.rotated(30, shift=(10, 0, 0)), volumeNode)
    preview = shown(previews, drawn)
    assert preview.node.GetTransformNodeID() == volumeNode.GetTransformNodeID()
    assert (build.mask(preview.node, ids[1], volumeNode) == (labels == 2).transpose(2, 1, 0)).all()


def test_an_empty_answer_is_shown_as_empty_segments(build, previews, drawn):
    volumeNode, segmentationNode, ids, labels, segments = drawn
    preview = previews.Preview()
    preview.show(np.zeros_like(labels), segments, volumeNode, segmentationNode.GetID())
    assert preview.node.GetSegmentation().GetNumberOfSegments() == 2
    assert not build.mask(preview.node, ids[0], volumeNode).any()


@pytest.mark.parametrize("bundle", [False, True], ids=["mrml", "mrb"])
def test_it_survives_saving_and_loading_the_scene(application, scene, build, previews, drawn, tmp_path, bundle):
    from medmeta.annotations import SparseAnnotation

    annotation = SparseAnnotation.from_labels(build.sheets(SHAPE, 2, (6,)).transpose(2, 1, 0).astype(np.uint8))
    ids, labels = drawn[2:4]
    preview = shown(previews, drawn, annotation=annotation)
    preview.opacity = 0.5
    io = application.io_manager
    path = tmp_path / ("scene.mrb" if bundle else "scene.mrml")
    if bundle:
        io.write_scene(path)
    else:
        saveFiles(scene, tmp_path)
        scene.SetURL(str(path))
        assert scene.Commit()
    scene.Clear()
    assert previews.Preview.find() is None
    if bundle:
        io.load_scene(path)
    else:
        scene.SetURL(str(path))
        assert scene.Connect()
    volumeNode, segmentationNode = (scene.GetFirstNodeByName(name) for name in ("CT", "Drawing"))
    found = previews.Preview.find(segmentationNode)
    assert (found.opacity, found.visible, found.filled) == (0.5, True, False)
    assert previews.drawnSlices(found.node) == (2, (6,))
    for value, segmentId in enumerate(ids, start=1):
        assert (build.mask(found.node, segmentId, volumeNode) == (labels == value).transpose(2, 1, 0)).all()
        assert previews.sourceOf(found.node, segmentId) == segmentId


def saveFiles(scene, folder):
    """What Slicer's own Save does: a file for each node that has data."""
    import slicer

    for node in [*slicer.util.getNodesByClass("vtkMRMLStorableNode")]:
        if node.GetSaveWithScene() and node.IsA("vtkMRMLDisplayableNode"):
            node.AddDefaultStorageNode()
            storage = node.GetStorageNode()
            storage.SetFileName(str(folder / f"{node.GetName()}.{storage.GetDefaultWriteFileExtension()}"))
            assert storage.WriteData(node)


def near(image, colour, tolerance=40):
    """Which pixels have a colour."""
    return np.abs(image.astype(int) - (255 * np.array(colour))).max(axis=2) < tolerance


def test_only_its_outline_is_on_the_screen(application, build, previews, drawn, tmp_path):
    volumeNode, segmentationNode, _, _, segments = drawn
    segmentationNode.GetDisplayNode().SetVisibility(False)
    views = build.views(application, orientations=("axial",))
    build.show(views, volumeNode)
    views["axial"].set_slice_value(6 * 2.5)
    preview = shown(previews, drawn)
    image = build.picture(views["axial"], tmp_path / "preview.png")
    liver = near(image, segments[0].color)
    rows, columns = np.flatnonzero(liver.any(axis=1)), np.flatnonzero(liver.any(axis=0))
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    assert width / height == pytest.approx(20 / 14, rel=0.1)  # the whole contour, not a part of it
    assert 2 * (height + width) * 0.5 < liver.sum() < 2 * (height + width) * 4  # lines of some pixels
    inside = image[rows[0] + 8 : rows[-1] - 8, columns[0] + 8 : columns[-1] - 8]
    assert near(inside, segments[0].color).mean() < 0.03  # no fill; the line is the hole that the tumour is in
    grey = np.ptp(inside.astype(int), axis=2) < 3
    assert grey.mean() > 0.8
    preview.filled = True
    assert not (np.ptp(build.picture(views["axial"]).astype(int), axis=2) < 3)[rows[0] + 8, columns[0] + 8]
    preview.visible = False
    assert not near(build.picture(views["axial"]), segments[0].color).any()


def test_drawing_prediction_and_reference_are_told_apart_on_the_screen(application, scene, build, tmp_path):
    from PIL import Image

    build.example(application, tmp_path / "example.png")
    image = np.array(Image.open(tmp_path / "example.png"))
    drawn, between = np.split(image, 2, axis=1)
    prediction, reference = near(image, (0.1, 0.9, 0.9)), near(image, (1.0, 0.85, 0.1))
    assert 500 < np.split(prediction, 2, axis=1)[0].sum() < 3000
    assert 500 < np.split(prediction, 2, axis=1)[1].sum() < 3000
    assert 500 < np.split(reference, 2, axis=1)[1].sum() < 3000
    reddish = drawn[200:280, 200:280].astype(int)
    assert (reddish[..., 0] > reddish[..., 2] + 40).mean() > 0.99  # the drawing is filled
    assert reddish[..., 0].std() > 2  # and the image shines through
    assert np.ptp(between[200:280, 200:280].astype(int), axis=2).max() < 3  # the prediction is not
