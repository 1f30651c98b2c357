"""Saves scenes as the user does."""

from pathlib import Path


def save(scene, folder):
    """Saves a scene with its volumes and segmentations."""
    scene.SetRootDirectory(str(folder))
    for number in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(number)
        if node.IsA("vtkMRMLVolumeNode") or node.IsA("vtkMRMLSegmentationNode"):
            node.AddDefaultStorageNode()
            ending = ".seg.nrrd" if node.IsA("vtkMRMLSegmentationNode") else ".nrrd"
            node.GetStorageNode().SetFileName(str(Path(folder) / f"{node.GetID()}{ending}"))
            assert node.GetStorageNode().WriteData(node)
    scene.SetURL(str(Path(folder) / "scene.mrml"))
    assert scene.Commit()
