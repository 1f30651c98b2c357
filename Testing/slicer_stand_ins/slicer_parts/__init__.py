"""Python parts of Slicer that slicer-core does not bring, by what Slicer documents of them."""
