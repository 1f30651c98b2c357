"""Few-shot problems other than segmentation, on which the learners are held against published figures and baselines."""

from medmeta.problems.digits import DigitEncoder, Digits, RandomDigits, digit_classifier, digit_images
from medmeta.problems.sinusoid import RandomSinusoid, Sinusoid, mean_squared_error, sinusoid_network

__all__ = [
    "DigitEncoder",
    "Digits",
    "RandomDigits",
    "RandomSinusoid",
    "Sinusoid",
    "digit_classifier",
    "digit_images",
    "mean_squared_error",
    "sinusoid_network",
]
