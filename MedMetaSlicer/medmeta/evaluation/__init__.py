"""Measuring: simulated sparse annotation, metrics, baselines, the benchmark and the demo."""
