import numpy as np


def positions(desk):
    return [s.position for s in desk.bench.drawing.slices]


def test_drawn_slices_are_found_by_themselves(desk):
    assert positions(desk) == [4, 7, 10]
    assert desk.bench.drawing.complete


def test_a_slice_that_is_left_out_is_hidden_from_the_engine_and_can_come_back(desk):
    drawing = desk.bench.drawing
    drawing.include(7, False)
    assert [s.included for s in drawing.slices] == [True, False, True]
    assert drawing.case().annotation.slices == (4, 10)
    drawing.include(7, True)
    assert drawing.case().annotation.slices == (4, 7, 10)


def test_an_empty_slice_is_marked_where_the_view_is_and_the_mark_taken_back(desk, monkeypatch):
    monkeypatch.setattr("MedMetaSlicerLib.flow.drawing.currentPosition", lambda volumeNode, axis: 1)
    drawing = desk.bench.drawing
    drawing.markEmpty()
    assert drawing.case().annotation.slices == (1, 4, 7, 10)
    assert drawing.slices[0].empty
    drawing.markEmpty()
    assert drawing.case().annotation.slices == (4, 7, 10)


def test_without_a_view_of_these_slices_nothing_is_marked_and_it_is_said(desk, monkeypatch):
    monkeypatch.setattr("MedMetaSlicerLib.flow.drawing.currentPosition", lambda volumeNode, axis: None)
    desk.bench.drawing.markEmpty()
    assert desk.p.empty == []
    assert "No slice view" in desk.bench.status


def test_a_preview_is_not_taken_for_a_drawing(desk):
    desk.adapt()
    desk.p.segmentation = desk.p.preview
    desk.bench.drawing.refresh()
    assert not desk.bench.adapting.possible


def test_a_slice_that_is_drawn_on_cannot_be_marked_as_empty(desk, monkeypatch):
    monkeypatch.setattr("MedMetaSlicerLib.flow.drawing.currentPosition", lambda volumeNode, axis: 7)
    desk.bench.drawing.markEmpty()
    assert desk.p.empty == []
    assert "Slice 7 is drawn on" in desk.bench.status


def test_after_a_result_is_accepted_the_drawn_slices_are_still_the_users_own(desk):
    desk.adapt()
    desk.bench.result.acceptInto()
    assert desk.mask().any(axis=(1, 2)).all()
    assert positions(desk) == [4, 7, 10]
    assert desk.bench.drawing.case().annotation.slices == (4, 7, 10)


def test_a_slice_that_is_mended_after_that_counts_as_drawn(desk):
    desk.adapt()
    desk.bench.result.acceptInto()
    mended = desk.mask()
    mended[2] = False
    mended[2, 20:24, 20:24] = True
    mended[12] = False  # erased: says nothing about what is there
    desk.paint(mended)
    desk.bench.drawing.refresh()
    assert positions(desk) == [2, 4, 7, 10]
    case = desk.bench.drawing.case()
    assert case.annotation.slices == (2, 4, 7, 10)
    assert (mended[2] == case.annotation.labels[:, :, 2].T).all()
    assert not case.annotation.labels[:, :, 5].any()


def test_once_the_result_is_taken_back_all_is_as_before(desk):
    before = desk.mask()
    desk.adapt()
    desk.bench.result.acceptInto()
    desk.bench.result.undo()
    assert np.array_equal(desk.mask(), before)
    assert positions(desk) == [4, 7, 10]


def test_without_a_volume_or_a_segmentation_nothing_is_drawn(desk):
    desk.p.segmentation = None
    desk.bench.drawing.refresh()
    assert desk.bench.drawing.slices == []
    assert not desk.bench.adapting.possible


def test_marks_stay_with_their_volume_and_segmentation(desk, monkeypatch):
    from MedMetaSlicerLib.selftest import ballInAVolume

    monkeypatch.setattr("MedMetaSlicerLib.flow.drawing.currentPosition", lambda volumeNode, axis: 1)
    desk.bench.drawing.markEmpty()
    desk.bench.drawing.include(7, False)
    first = desk.p.volume, desk.p.segmentation
    desk.p.volume, desk.p.segmentation, _ = ballInAVolume()
    desk.bench.drawing.refresh()
    assert desk.bench.drawing.case().annotation.slices == (4, 7, 10)
    desk.p.volume, desk.p.segmentation = first
    desk.bench.drawing.refresh()
    assert desk.bench.drawing.case().annotation.slices == (1, 4, 10)
