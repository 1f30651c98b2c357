"""Which slices of a segmentation are the engine's and which the user's, once a result was written into it.

Without it, a corrected slice could not be told from a hundred that were accepted, and adapting again would take all of
them for drawings. The record is an attribute of the segmentation node, saved with the scene: a checksum for each slice
of a segment. A slice that no longer has its checksum was changed by the user since, and is a drawing. Undo and redo
need no care: what is undone has no pixels, and what is redone has its checksum again.
"""

import json
import zlib

import numpy as np

ATTRIBUTE = "MedMetaSlicer.Accepted"


def record(segmentationNode):
    """(axis, {segment ID: {position: checksum}}); (None, {}) where nothing was accepted."""
    text = segmentationNode.GetAttribute(ATTRIBUTE)
    if not text:
        return None, {}
    try:
        found = json.loads(text)
        segments = {i: {int(p): int(c) for p, c in slices.items()} for i, slices in found["segments"].items()}
        return int(found["axis"]), segments
    except (ValueError, TypeError, KeyError, AttributeError):
        return None, {}  # of a scene that something else wrote: all is taken for drawn, which loses nothing


def remember(segmentationNode, axis, checksums):
    """Records slices as the engine's; what was recorded of other segments along the same axis stays.

    :param axis: 0, 1 or 2 of the volume
    :param checksums: {segment ID: {position: checksum}}
    """
    before, segments = record(segmentationNode)
    if before != axis:
        segments = {}
    segmentationNode.SetAttribute(ATTRIBUTE, json.dumps({"axis": axis, "segments": {**segments, **checksums}}))


def unchanged(checksums, known):
    """Positions of slices that are as they were recorded.

    :param checksums, known: {position: checksum} of a segment, now and as recorded
    """
    return {position for position, checksum in checksums.items() if known.get(position) == checksum}


def checksumsOf(mask, along, begin):
    """A checksum of each slice of a segment that is not empty, whichever part of the volume the mask is.

    :param mask: (K, J, I) boolean, part of the volume
    :param along: axis of the array that counts the slices
    :param begin: index (k, j, i) of the part in the volume
    :return: {position: checksum}
    """
    first, second = (a for a in range(3) if a != along)
    slices = np.moveaxis(mask, along, 0)
    rows, columns = slices.any(axis=2), slices.any(axis=1)
    found = {}
    for number in np.flatnonzero(rows.any(axis=1)).tolist():
        r, c = np.flatnonzero(rows[number]), np.flatnonzero(columns[number])
        place = f"{r[0] + begin[first]} {c[0] + begin[second]} {c[-1] - c[0]} ".encode()
        pixels = np.ascontiguousarray(slices[number, r[0] : r[-1] + 1, c[0] : c[-1] + 1])
        found[number + int(begin[along])] = zlib.crc32(pixels, zlib.crc32(place))
    return found
