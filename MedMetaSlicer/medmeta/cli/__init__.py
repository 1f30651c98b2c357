"""The command line: `medmeta segment | suggest | adapt | predict | cohort | match | demo | meta-train | meta-test`.

One file a command.
"""

from __future__ import annotations

import signal
import sys
import traceback

import typer

from medmeta import __version__
from medmeta.cli import adapt, cohort, demo, match, meta_test, meta_train, predict, segment, suggest
from medmeta.cli.console import Console
from medmeta.errors import Cancelled, MedMetaError

CANCELLED = 130
"""Exit code of work that was cancelled."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"medmeta {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Few drawn slices in, the label map of the rest of the volume and of other volumes out."""


app.command("segment")(segment.segment)
app.command("suggest")(suggest.suggest)
app.command("adapt")(adapt.adapt)
app.command("predict")(predict.predict)
app.command("cohort")(cohort.cohort)
app.command("match")(match.match)
app.command("demo")(demo.demo)
app.command("meta-train")(meta_train.meta_train)
app.command("meta-test")(meta_test.meta_test)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line.

    Returns:
        Exit code: 0 done, 2 wrong input (one line says what to do), 130 cancelled, 1 a bug, or a cohort of which cases
        failed.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    console = Console(json="--json" in arguments)
    if not arguments:
        arguments, nothing_asked = ["--help"], True
    else:
        nothing_asked = False
    try:
        result = typer.main.get_command(app).main(arguments, prog_name="medmeta", standalone_mode=False)
        if result == CANCELLED:  # what typer makes of Ctrl-C
            raise KeyboardInterrupt
        return 2 if nothing_asked else int(result) if isinstance(result, int) else 0
    except MedMetaError as error:
        console.error(str(error))
        return CANCELLED if isinstance(error, Cancelled) else 2
    except (KeyboardInterrupt, typer.Abort):
        console.error("cancelled; no file is half written.")
        return CANCELLED
    except Exception as error:
        if hasattr(error, "exit_code") and hasattr(error, "format_message"):  # a usage error of click's
            console.error(f"{error.format_message()} (see medmeta --help)")
            return int(error.exit_code)
        if "--debug" in arguments:
            traceback.print_exc()
        console.error(f"unexpected {type(error).__name__}: {error} (a bug: run again with --debug and report it)")
        return 1


def run() -> None:
    """The console script `medmeta`; being terminated cancels as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
