def test_the_engine_starts_once_something_is_drawn_and_nobody_waits_for_it(desk):
    assert desk.session.device is None
    desk.bench.warmUp()
    assert not desk.bench.busy
    desk.loop.until(lambda: desk.session.device is not None, 20)
    assert desk.session.device == "cpu"


def test_it_does_not_start_where_packages_are_missing_or_nothing_is_drawn(desk):
    desk.installer.agrees = False
    desk.bench.warmUp()
    desk.installer.agrees = True
    desk.p.segmentation = None
    desk.bench.attach(desk.p)
    desk.bench.warmUp()
    assert desk.loop.idle


def test_what_goes_wrong_in_a_slot_is_shown_and_not_raised(desk):
    def fails():
        raise ValueError("no such thing")

    assert not desk.bench.attempt(fails)
    assert desk.errors == ["no such thing"]
    assert desk.bench.status == "no such thing"


def test_a_drawing_that_nothing_can_be_made_of_is_said_and_keeps_nobody_from_the_rest(desk, monkeypatch):
    from medmeta.errors import AnnotationError

    def refuses(*_, **__):
        raise AnnotationError("It cannot be told along which axis this is drawn.")

    monkeypatch.setattr("MedMetaSlicerLib.flow.drawing.annotatedSlices", refuses)
    desk.bench.attach(desk.p)
    assert "which axis" in desk.bench.status
    assert desk.errors == []


def test_what_is_cancelled_is_no_error(desk):
    desk.adapt()
    desk.bench.adapting.suggest()
    desk.session.cancel()
    desk.finish()
    assert desk.errors == []
    assert "Done" in desk.bench.status
