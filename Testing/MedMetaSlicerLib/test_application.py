"""The parts as Slicer gets them."""

from pathlib import Path


def test_saved_tasks_lie_beside_slicers_settings(slicerPython):
    import slicer

    from MedMetaSlicerLib import application

    folder = application.taskFolder()
    assert folder.parent.parent == Path(slicer.app.slicerUserSettingsFilePath).parent
    assert not folder.exists()


def test_making_a_bench_starts_no_process_and_asks_for_nothing(slicerPython, scene):
    from MedMetaSlicerLib import application
    from slicer_stand_ins.python_qt.dialogs import desktop

    desktop.clear()
    bench = application.makeBench(str)
    assert bench.session.device is None
    assert not bench.busy
    assert not desktop.shown
    bench.close()


def test_slicer_offers_sample_data_and_effect_once_it_has_started(slicerPython, scene, monkeypatch):
    from MedMetaSlicerLib import application, sample_data
    from MedMetaSlicerLib.effect import registration

    done = []
    monkeypatch.setattr(sample_data, "registerSampleData", lambda: done.append("samples"))
    monkeypatch.setattr(registration, "register", lambda makeBench: done.append("effect"))
    application.register()
    assert done == ["samples", "effect"]
