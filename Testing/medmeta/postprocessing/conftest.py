from small_scans import adapted, annotated_fixture, checkpoint, scan_fixture, task  # noqa: F401
