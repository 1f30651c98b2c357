"""Read-outs of a learned metric: how a query pixel's label follows from labelled embeddings. One a file."""

from medmeta.learners.readouts.base import ReadOut
from medmeta.learners.readouts.local_prototypes import LocalPrototypes
from medmeta.learners.readouts.nearest_neighbours import NearestNeighbours
from medmeta.learners.readouts.prototype import Prototype
from medmeta.learners.readouts.ridge import Ridge

READ_OUTS: dict[str, type[ReadOut]] = {
    read_out.name: read_out for read_out in (Ridge, LocalPrototypes, NearestNeighbours, Prototype)
}
"""Name -> class."""

__all__ = ["READ_OUTS", "LocalPrototypes", "NearestNeighbours", "Prototype", "ReadOut", "Ridge"]
