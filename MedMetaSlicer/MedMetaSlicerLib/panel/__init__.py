"""The panel: one file a part, each given its widgets and what it works on."""
