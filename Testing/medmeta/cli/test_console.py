import pytest
from rich.table import Table

from medmeta.cli import main
from medmeta.cli.console import Console


@pytest.mark.parametrize("name", ["Kidney [left]", "Kidney [/left]", "[red]tumour", "a:smile:b"])
def test_names_are_printed_as_they_are(capsys, name):
    table = Table(title=f"Tasks for {name}", min_width=40)
    table.add_column("segment")
    table.add_row(name)
    Console().result({}, table)
    assert capsys.readouterr().out.count(name) == 2


@pytest.fixture
def help_of(capsys, monkeypatch):
    """The help of a command, in one line."""
    monkeypatch.setenv("COLUMNS", "400")

    def ask(command):
        capsys.readouterr()
        assert main([command, "--help"]) == 0
        return " ".join(capsys.readouterr().out.split())

    return ask


def test_the_help_shows_a_manifest_that_is_json(help_of):
    assert '({"cases": ["a.nii.gz", {"name": "x", "path": "sub/b.nrrd"}]})' in help_of("cohort")


@pytest.mark.parametrize("command", ["predict", "cohort"])
def test_the_help_says_that_a_task_names_its_weights(help_of, command):
    assert "Weights that the task was adapted from" in help_of(command)
