import json

import pytest

from MedMetaSlicerLib.work.judgements import Judgements


def test_judgements_are_read_again(tmp_path):
    Judgements(tmp_path / "out").write("a", "1", "accepted")
    Judgements(tmp_path / "out").write("b", "2", "rejected")
    Judgements(tmp_path / "out").write("a", "3", "rejected")
    assert Judgements(tmp_path / "out").read() == {"a": ("3", "rejected"), "b": ("2", "rejected")}
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["judged.json"]


@pytest.mark.parametrize("text", ["", "[1, 2]", "{", json.dumps({"a": ["1", "perhaps"]}), "[" * 100_000])
def test_a_damaged_file_says_nothing(tmp_path, text):
    (tmp_path / "judged.json").write_text(text, encoding="utf-8")
    assert Judgements(tmp_path).read() == {}
