"""Outer loops: joint pre-training and meta-training on synthetic episodes."""
