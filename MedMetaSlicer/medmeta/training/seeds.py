"""Which cohort seeds belong to meta-training and which to the meta-test: no seed is in both."""

META_TEST_SEEDS = (500_000, 100_000)
"""First cohort seed of the meta-test and how many there are; those below are for trying things out."""

META_TRAINING_SEEDS = (1_000_000, 10**9)
"""The same for meta-training."""
