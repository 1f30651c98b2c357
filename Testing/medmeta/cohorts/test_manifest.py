import csv
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medmeta.cohorts import manifest
from medmeta.cohorts.cases import same_name
from medmeta.cohorts.manifest import read_manifest
from medmeta.errors import CohortError

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(folder, content, ending=".json"):
    path = folder / f"cohort{ending}"
    data = content if isinstance(content, bytes | str) else json.dumps(content)
    path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass"))
    return path


def test_json_lists_paths_and_names(tmp_path):
    path = write(tmp_path, {"cases": ["a.nii.gz", {"name": "x", "path": "sub/b.nrrd"}, {"path": r"sub\c.mha"}]})
    home = tmp_path.resolve()
    assert [(case.name, case.path) for case in read_manifest(path)] == [
        ("a", home / "a.nii.gz"),
        ("x", home / "sub" / "b.nrrd"),
        ("c", home / "sub" / "c.mha"),
    ]


def test_csv_has_a_column_of_paths_and_maybe_one_of_names(tmp_path):
    path = write(tmp_path, "\ufeffName,site,PATH\r\nx,here,a.nii.gz\r\n,there,sub/b.nrrd\r\n", ".csv")
    assert [(case.name, case.path.name) for case in read_manifest(path)] == [("x", "a.nii.gz"), ("b", "b.nrrd")]


def test_the_same_file_name_in_two_folders_gives_two_names(tmp_path):
    path = write(tmp_path, {"cases": ["one/t1.nii.gz", "two/t1.nii.gz"]})
    assert [case.name for case in read_manifest(path)] == ["one__t1.nii.gz", "two__t1.nii.gz"]


@pytest.mark.parametrize(
    "place",
    [
        "/etc/passwd", "../a.nii", "sub/../../a.nii", r"..\a.nii", r"sub\..\..\a.nii", r"C:\a.nii", "c:a.nii",
        r"\\server\share\a.nii", "~/a.nii", "", ".", "a\0.nii", "a\n.nii", "\ud800.nii", "a" * 2000,
    ],
)  # fmt: skip
@pytest.mark.parametrize("ending", [".json", ".csv"])
def test_a_path_that_leaves_the_folder_or_is_none_is_refused(tmp_path, place, ending):
    content: object = {"cases": [place]}
    if ending == ".csv":
        text = io.StringIO()
        csv.writer(text).writerows([["path", "name"], [place, "x"]])
        content = text.getvalue()
    with pytest.raises(CohortError, match=r"cohort\.(json|csv)"):
        read_manifest(write(tmp_path, content, ending))


def test_a_link_out_of_the_folder_is_refused_and_one_inside_is_followed(tmp_path):
    home = tmp_path / "home"
    (home / "sub").mkdir(parents=True)
    (tmp_path / "secret.nii").write_bytes(b"voxels")
    (home / "out.nii").symlink_to(tmp_path / "secret.nii")
    (home / "up").symlink_to(tmp_path)
    (home / "in.nii").symlink_to(home / "sub" / "a.nii")
    for place in ("out.nii", "up/secret.nii"):
        with pytest.raises(CohortError, match="a link out of the manifest's folder"):
            read_manifest(write(home, {"cases": [place]}))
    assert len(read_manifest(write(home, {"cases": ["in.nii"]}))) == 1


@pytest.mark.parametrize(
    ("content", "ending", "message"),
    [
        ("[", ".json", "is not JSON"),
        ("[" * 100_000, ".json", "is not JSON"),
        ({"files": []}, ".json", "is not a manifest"),
        ({"cases": []}, ".json", "lists no case"),
        ({"cases": [3]}, ".json", "case 1 is not a path"),
        ({"cases": [{"path": "a.nii", "label": "b.nii"}]}, ".json", "case 1 is not a path"),
        ({"cases": ["a.nii", {"path": ["b.nii"]}]}, ".json", "case 2 has a name or a path that is no text"),
        ({"cases": [{"path": "a.nii", "name": ""}]}, ".json", "empty name"),
        ({"cases": [{"path": "a.nii", "name": "../x"}]}, ".json", "files cannot have"),
        ({"cases": [{"path": "a.nii", "name": "CON"}]}, ".json", "files cannot have"),
        ({"cases": [{"path": "a.nii", "name": "x" * 200}]}, ".json", "longer than"),
        ({"cases": [{"path": p, "name": n} for p, n in (("a.nii", "x"), ("b.nii", "X"))]}, ".json", "Two cases"),
        (b"\xff\xfe{", ".json", "is not UTF-8"),
        ("file\na.nii\n", ".csv", "no column 'path'"),
        ("path,path\na.nii,b.nii\n", ".csv", "no column 'path'"),
        ("path,name\na.nii\nb.nii,x,y\n", ".csv", "more or fewer fields"),
        ('path\n"a.nii\n', ".csv", "is not CSV"),
        ("", ".csv", "no column 'path'"),
        ("a.nii", ".txt", "is not a manifest"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path, content, ending, message):
    with pytest.raises(CohortError, match=message):
        read_manifest(write(tmp_path, content, ending))


def test_a_manifest_beyond_all_measure_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(manifest, "MOST_CASES", 2)
    for content, ending in (({"cases": ["a.nii"] * 3}, ".json"), ("path\na.nii\na.nii\na.nii\n", ".csv")):
        with pytest.raises(CohortError, match="more than 2 cases"):
            read_manifest(write(tmp_path, content, ending))
    monkeypatch.setattr(manifest, "LARGEST", 1 << 20)
    with pytest.raises(CohortError, match="larger than 1 MB"):
        read_manifest(write(tmp_path, b" " * ((1 << 20) + 1)))
    with pytest.raises(CohortError, match="does not exist"):
        read_manifest(tmp_path / "none.json")


def check(path):
    """Either refused with our own error, or cases that stay inside and share no output."""
    try:
        cases = read_manifest(path)
    except CohortError:
        return
    assert cases
    assert all(case.path.resolve().is_relative_to(path.parent.resolve()) for case in cases)
    assert len({same_name(case.name) for case in cases}) == len(cases)


@FUZZ
@given(st.binary(max_size=200), st.sampled_from([".json", ".csv"]))
def test_any_bytes_are_read_or_refused(tmp_path, content, ending):
    check(write(tmp_path, content, ending))


PIECES = st.lists(st.sampled_from(["..", ".", "/", "\\", "a", "b.nii", "~", "C:", "\0", "é", "link", " ", "\ud800"]))
PATHS = st.text(max_size=20) | PIECES.map("".join) | PIECES.map("/".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | PATHS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["path", "name", "x"]), inner),
    max_leaves=5,
)


@FUZZ
@given(st.lists(PATHS | st.fixed_dictionaries({"path": PATHS}, optional={"name": PATHS}) | VALUES, max_size=4))
def test_no_json_leaves_the_folder(tmp_path, entries):
    if not (tmp_path / "link").is_symlink():
        (tmp_path / "link").symlink_to("/")
    check(write(tmp_path, {"cases": entries}))


@FUZZ
@given(st.lists(st.tuples(PATHS, PATHS), max_size=4))
def test_no_csv_leaves_the_folder(tmp_path, rows):
    text = io.StringIO()
    csv.writer(text).writerows([("path", "name"), *rows])
    check(write(tmp_path, text.getvalue(), ".csv"))
