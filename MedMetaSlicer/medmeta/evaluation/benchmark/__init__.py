"""The benchmark: manifests name what is measured, methods fill it in, records keep it, the table shows it."""

from medmeta.evaluation.benchmark.changes import read_changes
from medmeta.evaluation.benchmark.datasets import Dataset, Structure, read_manifest, select_cases
from medmeta.evaluation.benchmark.discover import discover
from medmeta.evaluation.benchmark.jobs import Job, other_volume_jobs, same_volume_jobs
from medmeta.evaluation.benchmark.records import RecordStore
from medmeta.evaluation.benchmark.runner import Settings, run_jobs, weights_of_methods
from medmeta.evaluation.benchmark.table import markdown, summarise, targets_table

__all__ = [
    "Dataset", "Job", "RecordStore", "Settings", "Structure", "discover", "markdown", "other_volume_jobs",
    "read_changes", "read_manifest", "run_jobs", "same_volume_jobs", "select_cases", "summarise", "targets_table",
    "weights_of_methods",
]  # fmt: skip
