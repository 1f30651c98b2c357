"""Marks of a drawing: slices that do not count, and slices that are said to be empty.

They are positions within one volume, so they stay with the segmentation that was drawn in and with that volume: users
switch between segmentations. They are kept apart for each choice of segments: one is finished before the next is begun.
"""

import json

MARKS = "MedMetaSlicer.Marks"
"""Attribute of a segmentation node: JSON, the marks for each choice of segments."""

DRAWN_ON = "MedMetaSlicer.DrawnOn"
"""Node reference of a segmentation node: the volume that MARKS tell of."""

ALL = "*"
"""The choice of all segments."""


def mark(name, choice=lambda parameters: ALL):
    """A property of what has `segmentation` and `volume`: positions of slices, kept with the two.

    :param name: of the mark
    :param choice: parameters -> text that tells which segments it is for
    """

    def get(parameters):
        return _marks(parameters, choice).get(name, [])

    def put(parameters, positions):
        node, volumeNode = parameters.segmentation, parameters.volume
        if node is None or volumeNode is None:
            return
        marks = {**_marks(parameters, choice), name: list(positions)}
        every = {**_all(node, volumeNode), choice(parameters): marks}
        node.SetAttribute(MARKS, json.dumps(every, separators=(",", ":")))
        node.SetNodeReferenceID(DRAWN_ON, volumeNode.GetID())

    return property(get, put)


def _marks(parameters, choice):
    """{name: positions} for a choice of segments."""
    found = _all(parameters.segmentation, parameters.volume).get(choice(parameters))
    return found if isinstance(found, dict) else {}


def _all(node, volumeNode):
    """Choice of segments -> its marks."""
    if node is None or volumeNode is None or node.GetNodeReferenceID(DRAWN_ON) != volumeNode.GetID():
        return {}
    try:
        found = json.loads(node.GetAttribute(MARKS) or "{}")
    except ValueError:  # written by hand, or cut off: as if nothing was known
        return {}
    return found if isinstance(found, dict) else {}
