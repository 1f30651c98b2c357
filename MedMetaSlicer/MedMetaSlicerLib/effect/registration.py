"""Offers the effect to Slicer's Segment Editor."""

from pathlib import Path

import slicer

SOURCE = Path(__file__).parent / "SegmentEditorMedMeta" / "SegmentEditorEffect.py"
"""What Slicer loads. It takes the folder's name for the module's, which must be unique among all extensions."""

_make = None
_benches = []


def register(makeBench):
    """Adds the effect to all Segment Editors. Once, after Slicer has started.

    :param makeBench: () -> MedMetaSlicerLib.flow.bench.Bench; called when an editor first shows the effect
    """
    global _make
    import qSlicerSegmentationsEditorEffectsPythonQt as effects

    _make = makeBench
    effect = effects.qSlicerSegmentEditorScriptedEffect(None)
    effect.setPythonSource(SOURCE.as_posix())
    effect.self().register()
    slicer.app.connect("aboutToQuit()", closeAll)


def newBench():
    """A bench for one editor's effect; ended by `close`, or when Slicer quits."""
    bench = _make()
    _benches.append(bench)
    return bench


def close(bench):
    """Ends what a bench computes."""
    if bench in _benches:
        _benches.remove(bench)
        bench.close()


def closeAll():
    """Slicer quits: nothing is left computing."""
    for bench in tuple(_benches):
        close(bench)
