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


def test_a_method_of_a_single_k_is_a_mark(tmp_path):
    ink = []
    for name, summary in (("none", []), ("one", [{"row": "torso", "method": "nearest", "k": 3, "dice": 0.5}])):
        plot([*lines("ours"), *summary], tmp_path / f"{name}.png")
        picture = Image.open(tmp_path / f"{name}.png").convert("RGB")
        # In the colour of the second method.
        ink.append(sum(count for count, (r, _, b) in picture.getcolors(2**24) if r > 200 and b < 80))
    assert ink[1] > ink[0] + 10


def test_no_results_make_an_empty_picture(tmp_path):
    plot([], tmp_path / "none.png")
    assert (tmp_path / "none.png").is_file()
