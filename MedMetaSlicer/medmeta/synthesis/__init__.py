"""Procedural cohorts of anatomy-like volumes: `RandomX` draws the parameters of an `X`, the `X` applies them."""

from medmeta.synthesis.cohort import Cohort, RandomCohort, Subject

__all__ = ["Cohort", "RandomCohort", "Subject"]
