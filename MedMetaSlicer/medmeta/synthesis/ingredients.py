"""What a cohort can be made of beyond organs in tissue; each ingredient can be left out, to see what it is for."""

from __future__ import annotations

from collections.abc import Collection

INGREDIENTS: dict[str, str] = {
    "bands": "tissues in layers that fold together, as cortex, white matter and fluid do",
    "rims": "thin layers of another grey value round organs: fat planes, capsules, fluid",
    "conventions": "borders and ends by convention: the same tissue goes on as another structure",
    "arches": "bent tubes that split and merge along the slice axis",
    "ribbons": "thin folded sheets",
    "textures": "structures that only texture tells from their surroundings",
    "phases": "structures that are brighter or darker in one subject: contrast agent, another phase",
    "coil": "sensitivity that falls off from a coil",
    "couch": "a couch or straps in the air outside of the body",
    "background": "bodies that fill a small part of the field of view",
    "window": "clean scans whose grey values are cut off at both ends, as by a window",
}
"""Name -> what it adds."""


def checked(names: Collection[str]) -> frozenset[str]:
    """The ingredients of these names.

    Raises:
        ValueError: one is not known.
    """
    unknown = sorted(set(names) - set(INGREDIENTS))
    if unknown:
        raise ValueError(f"Ingredients {unknown} are not known: choose from {', '.join(INGREDIENTS)}")
    return frozenset(names)
