"""What the commands say: results on standard output, progress and errors on standard error."""

from __future__ import annotations

import json as json_module
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console as RichConsole
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from medmeta.progress import Progress, ProgressCallback

PHASES = {
    "check": "Checking on held-out slices",
    "adapt": "Adapting",
    "cohort": "Adapting for other volumes",
    "predict": "Predicting",
    "register": "Laying annotated volumes over it",
    "refine": "Refining along edges",
    "ledger": "Looking what is done",
    "cases": "Cases",
    "demo": "Demo",
}


class Console:
    """Output of one command.

    Args:
        json: one JSON object on standard output and nothing else.
    """

    def __init__(self, json: bool = False) -> None:
        self.json = json
        self._errors = RichConsole(stderr=True, highlight=False, markup=False, soft_wrap=True)

    def error(self, message: str) -> None:
        """One line that says what went wrong and what to do."""
        message = " ".join(message.split())
        if self.json:
            print(json_module.dumps({"error": message}))
        print(f"medmeta: error: {message}", file=sys.stderr)

    def note(self, message: str) -> None:
        """A remark on standard error."""
        print(f"medmeta: {message}", file=sys.stderr)

    def result(self, data: dict[str, Any], *tables: Table) -> None:
        """The result: as JSON, or as tables."""
        if self.json:
            print(json_module.dumps(data))
            return
        console = RichConsole(markup=False, emoji=False)  # names may have brackets and colons
        for table in tables:
            console.print(table)

    @contextmanager
    def progress(self) -> Iterator[ProgressCallback]:
        """Progress bars, one a phase; silent with --json and where standard error is no terminal."""
        if self.json or not self._errors.is_terminal:
            yield lambda _: None
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Bars(*columns, console=self._errors, transient=True) as bars:
            tasks: dict[str, Any] = {}

            def show(event: Progress) -> None:
                if event.phase not in tasks:
                    tasks[event.phase] = bars.add_task(PHASES.get(event.phase, event.phase), total=event.total)
                bars.update(tasks[event.phase], completed=event.done, total=event.total)
                if event.done >= event.total:
                    bars.remove_task(tasks.pop(event.phase))

            yield show


def quality_table(quality: Any) -> Table:
    """`SegmentQuality` objects as a table."""
    table = Table(title="What to expect")
    for heading in ("segment", "label", "expected Dice", "held out", "interpolation", "learner", "steps"):
        table.add_column(heading)
    for q in quality:
        dice = [f"{d:.2f}" if d is not None else "-" for d in (q.expected_dice, q.held_out_dice, q.interpolation_dice)]
        steps = " ".join(map(str, q.steps.values()))
        table.add_row(q.segment.name, str(q.segment.value), *dice, q.learner, steps)
    return table


def explain(console: Console, adaptation: Any) -> None:
    """Says which learner was taken for each segment and why, and which there was no time for."""
    for q in adaptation.quality:
        console.note(f"{q.segment.name}: {q.reason}")
    if adaptation.left_out:
        console.note(f"no time within the budget to try: {', '.join(adaptation.left_out)}")


def similarity_row(similarity: Any) -> dict[str, Any]:
    """A `Similarity` as JSON-able fields."""
    return {
        "distance": round(similarity.distance, 4),
        "threshold": round(similarity.threshold, 4),
        "in_range": similarity.in_range,
    }


def warn_if_far(console: Console, path: Any, similarity: Any) -> None:
    """Warns of a volume that does not look like the annotated ones."""
    if not similarity.in_range:
        console.note(
            f"warning: {path} does not look like the annotated volume (distance {similarity.distance:.2f}, "
            f"in range up to {similarity.threshold:.2f}): check its label map."
        )
