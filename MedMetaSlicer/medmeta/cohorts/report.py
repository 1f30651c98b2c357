"""The report of a cohort, worst case first: a table for programs and a page to look through."""

from __future__ import annotations

import base64
import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

from medmeta.cohorts.ledger import DONE, FAILED
from medmeta.cohorts.recipe import Recipe
from medmeta.disk import replacing
from medmeta.errors import CohortError

CSV, HTML = "report.csv", "report.html"

COLUMNS = (
    "case", "status", "segment", "label", "volume_ml", "confidence", "expected_dice", "distance", "threshold",
    "in_range", "seconds", "output", "output_sha256", "input_sha256", "error",
)  # fmt: skip
"""Of the table: a line for each segment of a case, one for a case that failed."""

Row = Mapping[str, Any]

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Cohort</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>
:root { color-scheme: light dark; --back: #fff; --text: #1b1b1f; --faint: #66666e; --line: #dcdce2; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --back: #18181c; --text: #ebebeb; --faint: #9a9aa2; --line: #36363e; --bad: #ff8a80; }
}
body { margin: 2rem auto; max-width: 70rem; padding: 0 1rem; background: var(--back); color: var(--text);
  font: 15px/1.45 system-ui, sans-serif; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .5rem .7rem; border-top: 1px solid var(--line); text-align: left; vertical-align: top; }
td.case { overflow-wrap: anywhere; }
th { color: var(--faint); font-weight: 500; position: sticky; top: 0; background: var(--back); }
img { display: block; max-width: 160px; }
.bad { color: var(--bad); font-weight: 600; }
.faint { color: var(--faint); }
</style></head><body>
"""


def worst_first(rows: Iterable[Row]) -> list[Row]:
    """Cases that failed, then those not done, then those out of range, then by expected Dice; where nothing is
    expected, nothing was found, which is worse than a low one."""

    def order(row: Row) -> tuple[int, float, str]:
        if row["status"] != DONE:
            return 0 if row["status"] == FAILED else 1, 0.0, row["case"]
        dice = row["expected_dice"]
        return 3 if row["in_range"] else 2, -1.0 if dice is None else dice, row["case"]

    return sorted(rows, key=order)


def write_report(rows: Sequence[Row], recipe: Recipe) -> tuple[Path, Path]:
    """Writes both files into the outputs' folder; older ones are replaced only when all is written.

    Args:
        rows: of the ledger.
        recipe: knows the folder and the thumbnails.

    Returns:
        The paths of the table and of the page.

    Raises:
        CohortError: they cannot be written.
    """
    ordered = worst_first(rows)
    table, page = (Path(recipe.out_dir) / name for name in (CSV, HTML))
    _write(table, lambda file: _table(file, ordered))
    _write(page, lambda file: _page(file, ordered, recipe))
    return table, page


def _write(path: Path, fill: Any) -> None:
    try:
        # A file name need not be text; what is none is written as \\udc80 and the like.
        with (
            replacing(path) as temporary,
            temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
        ):
            fill(file)
    except OSError as error:
        raise CohortError(f"{path} cannot be written ({error.strerror}): make room, and run it again.") from error


def _table(file: TextIO, rows: Sequence[Row]) -> None:
    writer = csv.DictWriter(file, COLUMNS, restval="", extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        for segment in row.get("segments") or [{}]:
            writer.writerow({key: _cell(value) for key, value in {**row, **segment}.items()})


def _cell(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _page(file: TextIO, rows: Sequence[Row], recipe: Recipe) -> None:
    """A row at a time, as thousands of pictures need not be in memory together."""
    done = [row for row in rows if row["status"] == DONE]
    failed = sum(row["status"] == FAILED for row in rows)
    far = sum(not row["in_range"] for row in done)
    file.write(_PAGE)
    file.write(
        f"<h1>Cohort of {len(rows)}</h1>\n<p>{len(done)} done, {failed} failed, {len(rows) - len(done) - failed} not "
        f"done yet; {far} do not look like the annotated volumes. Worst first. Confidence is the mean "
        "probability of the voxels that were given to a segment; research only, look at every case before use.</p>\n"
        "<table><thead><tr><th></th><th>Case</th><th>Segment</th><th>Volume, ml</th><th>Confidence</th>"
        "<th>Expected Dice</th></tr></thead><tbody>\n"
    )
    for row in rows:
        file.write(_html_row(row, recipe))
    file.write("</tbody></table></body></html>\n")


def _html_row(row: Row, recipe: Recipe) -> str:
    name = escape(row["case"])
    if row["status"] != DONE:
        reason = row.get("error") or "Not done yet."
        word = "Failed" if row["status"] == FAILED else "Waiting"
        name = f'<td class="case">{name}<br><span class="bad">{word}</span></td>'
        return f'<tr><td></td>{name}<td colspan="4">{escape(str(reason))}</td></tr>\n'
    # The label map lies beside the page; a slash or a colon in its name would lead elsewhere.
    name = f'<td class="case"><a href="{quote(os.fsencode(row["output"]), safe="")}">{name}</a>'
    far = "" if row["in_range"] else f'<br><span class="bad">Out of range</span> (distance {_number(row["distance"])})'
    cells = io.StringIO()
    for place, value in (("segment", str), ("volume_ml", _number), ("confidence", _number), ("expected_dice", _number)):
        lines = "<br>".join(escape(value(segment[place])) for segment in row["segments"])
        cells.write(f"<td>{lines}</td>")
    seconds = f'<br><span class="faint">{row["seconds"]:.1f} s</span>'
    return f"<tr><td>{_picture(recipe.thumbnail(row['case']))}</td>{name}{far}{seconds}</td>{cells.getvalue()}</tr>\n"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _picture(path: Path) -> str:
    try:
        picture = base64.b64encode(path.read_bytes()).decode()
    except OSError:
        return '<span class="faint">no picture</span>'
    return f'<img alt="" src="data:image/png;base64,{picture}">'
