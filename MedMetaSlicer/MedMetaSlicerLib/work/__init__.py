"""The work behind the panel: the warm worker, cohorts and saved tasks. Knows neither MRML nor a widget."""
