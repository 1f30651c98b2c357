"""The MRML scene: nodes to plain arrays and back. Knows no widget and no Qt."""
