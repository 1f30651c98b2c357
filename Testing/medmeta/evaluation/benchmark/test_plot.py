import pytest

pytest.importorskip("matplotlib")

from PIL import Image

from medmeta.evaluation.benchmark.plot import plot


def lines(*methods):
    return [
        {"row": row, "method": method, "k": k, "dice": 0.2 * k}
        for row in ("a", "b")
        for method in methods
        for k in (1, 3)
    ]


def test_the_picture_has_a_curve_for_each_method(tmp_path):
    sizes = {}
    for methods in (("ours",), ("ours", "interpolation", "nearest")):
        path = tmp_path / f"{len(methods)}.png"
        plot(lines(*methods), path)
        picture = Image.open(path).convert("RGB")
        sizes[len(methods)] = len(picture.getcolors(2**24))
    assert sizes[3] > sizes[1] > 1


def test_methods_of_a_single_k_leave_an_empty_picture_and_no_error(tmp_path):
    plot([{"row": "a", "method": "ours", "k": 3, "dice": 0.5}], tmp_path / "one.png")
    assert (tmp_path / "one.png").is_file()
