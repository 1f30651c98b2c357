"""Everything of MedMetaSlicer that knows Slicer: scene, jobs in the background, the panel."""
