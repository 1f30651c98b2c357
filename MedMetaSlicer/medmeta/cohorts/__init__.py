"""Many volumes by one adapted task: in a folder or a manifest, here or on a cluster, so that a run can go on."""
