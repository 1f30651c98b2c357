import pytest

from medmeta.volumes.terminology import TISSUE, Code, Terminology

KIDNEY = (
    "Segmentation category and type - 3D Slicer General Anatomy list~SCT^123037004^Anatomical Structure"
    "~SCT^64033007^Kidney~SCT^7771000^Left~Anatomic codes - DICOM master list~SCT^818981001^Abdomen~SCT^51440002^Both"
)


def test_slicers_string_is_taken_apart():
    assert Terminology.parse(KIDNEY) == Terminology(
        Code("SCT", "123037004", "Anatomical Structure"),
        Code("SCT", "64033007", "Kidney"),
        Code("SCT", "7771000", "Left"),
        Code("SCT", "818981001", "Abdomen"),
        Code("SCT", "51440002", "Both"),
    )


def test_empty_parts_are_none():
    text = "list~SCT^85756007^Tissue~SCT^85756007^Tissue~^^~Anatomic codes - DICOM master list~^^~^^"
    assert Terminology.parse(text) == Terminology(TISSUE, TISSUE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Segmentation category~Organ",
        "~~~~~~",
        "list~SCT^1^Organ~^^~^^~^^~^^~^^",
        "list~SCT^123037004~SCT^64033007^Kidney",
        f"list~{'S' * 17}^1^Organ~SCT^2^Kidney",
        f"list~SCT^{'1' * 65}^Organ~SCT^2^Kidney",
    ],
)
def test_what_makes_no_sense_is_tissue(text):
    assert Terminology.parse(text) == Terminology(TISSUE, TISSUE)


def test_a_region_without_a_code_has_no_modifier():
    parsed = Terminology.parse("list~SCT^1^Organ~SCT^2^Kidney~^^~list~^^~SCT^3^Left")
    assert (parsed.region, parsed.region_modifier) == (None, None)


def test_long_meanings_are_cut_to_what_dicom_holds():
    assert len(Terminology.parse(f"list~SCT^1^{'organ ' * 20}~SCT^2^Kidney").category.meaning) <= 64
