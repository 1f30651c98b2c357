"""Few-shot problems other than segmentation, on which the learners are held against published figures."""

from medmeta.problems.sinusoid import RandomSinusoid, Sinusoid, mean_squared_error, sinusoid_network

__all__ = ["RandomSinusoid", "Sinusoid", "mean_squared_error", "sinusoid_network"]
