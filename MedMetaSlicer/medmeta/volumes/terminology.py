"""Slicer's terminology strings, taken apart into the codes that DICOM has for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Code:
    """A coded concept: scheme (such as SCT), value and meaning."""

    scheme: str
    value: str
    meaning: str


CONTEXT = "Segmentation category and type - 3D Slicer General Anatomy list"
REGIONS = "Anatomic codes - DICOM master list"
"""Of which lists of Slicer's the codes are; it knows others by their codes as well."""

TISSUE = Code("SCT", "85756007", "Tissue")

MOST_LETTERS = 64
"""Of a meaning, in DICOM."""

LONGEST_VALUE = 64
LONGEST_SCHEME = 16


@dataclass(frozen=True)
class Terminology:
    """What a segment is.

    Attributes:
        category: such as "Anatomical Structure".
        kind: such as "Kidney".
        modifier: of the kind, such as "Left".
        region: where in the body it lies.
        region_modifier: of the region.
    """

    category: Code = TISSUE
    kind: Code = TISSUE
    modifier: Code | None = None
    region: Code | None = None
    region_modifier: Code | None = None

    @classmethod
    def parse(cls, text: str) -> Terminology:
        """Takes Slicer's string apart; plain tissue where it is empty or makes no sense.

        Args:
            text: "context~category~type~type modifier~anatomic context~region~region modifier", each code as
                "scheme^value^meaning"; see vtkSlicerTerminologiesModuleLogic::SerializeTerminologyEntry.
        """
        parts = text.split("~")
        codes = [_code(part) for part in (*parts[1:4], *parts[5:7])]
        codes += [None] * (5 - len(codes))
        category, kind, modifier, region, region_modifier = codes
        if category is None or kind is None:
            return cls()
        return cls(category, kind, modifier, region, region_modifier if region is not None else None)

    def text(self) -> str:
        """Slicer's string, which `parse` takes apart again."""
        codes = (self.category, self.kind, self.modifier, self.region, self.region_modifier)
        category, kind, modifier, region, region_modifier = map(_text, codes)
        return "~".join((CONTEXT, category, kind, modifier, REGIONS, region, region_modifier))


def _code(text: str) -> Code | None:
    scheme, _, rest = text.partition("^")
    value, _, meaning = rest.partition("^")
    scheme, value, meaning = (" ".join(part.split()) for part in (scheme, value, meaning))
    if not scheme or not value or not meaning or len(scheme) > LONGEST_SCHEME or len(value) > LONGEST_VALUE:
        return None
    return Code(scheme, value, meaning[:MOST_LETTERS].strip())


def _text(code: Code | None) -> str:
    parts = ("", "", "") if code is None else (code.scheme, code.value, code.meaning)
    return "^".join(" ".join(part.replace("^", " ").replace("~", " ").split()) for part in parts)
