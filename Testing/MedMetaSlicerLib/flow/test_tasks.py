def names(desk):
    return [entry.name for entry in desk.bench.tasks.entries]


def saved(desk, name="Ball of mine"):
    desk.adapt()
    desk.bench.tasks.save(name)
    desk.finish()


def test_a_task_is_saved_under_the_users_name_with_its_provenance(desk):
    saved(desk)
    assert "Ball of mine" in names(desk)
    assert desk.p.task == "Ball of mine"


def test_saving_never_overwrites(desk):
    saved(desk)
    assert not desk.bench.attempt(desk.bench.tasks.save, "Ball of mine")
    assert "Ball of mine" in desk.errors[0]


def test_a_saved_task_is_used_for_other_volumes(desk):
    saved(desk)
    desk.bench.adapting.forget()
    desk.bench.tasks.use("Ball of mine")
    desk.finish()
    assert desk.errors == []
    assert [s.name for s in desk.bench.adapting.ready.segments] == ["Ball"]


def test_a_saved_task_segments_a_volume_in_which_nothing_is_drawn(desk, scene):
    saved(desk)
    assert desk.bench.cohort.items == []
    scene.RemoveNode(desk.segmentationNode)
    desk.p.segmentation = None
    desk.bench.attach(desk.p)
    assert [item.name for item in desk.bench.cohort.items] == ["Ball"]
    desk.bench.adapting.forget()
    desk.bench.tasks.use("Ball of mine")
    desk.finish()
    desk.bench.cohort.start()
    desk.finish()
    assert [item.status for item in desk.bench.cohort.items] == ["done"]
    assert desk.errors == []


def test_renaming_and_deleting_follow_in_the_parameter_node(desk):
    saved(desk)
    desk.bench.tasks.rename("Ball of mine", "Balls")
    assert desk.p.task == "Balls"
    assert "Balls" in names(desk)
    desk.bench.tasks.delete("Balls")
    assert desk.p.task == ""
    assert "Balls" not in names(desk)


def test_matching_keeps_nobody_from_adapting_and_cancelling_it_is_no_error(desk):
    saved(desk)
    assert desk.bench.tasks.match()
    assert desk.session.busy
    assert desk.bench.adapting.possible
    desk.session.cancel()
    desk.loop.until(lambda: not desk.session.busy)
    assert desk.errors == []
    desk.adapt()
    assert desk.bench.result.shown


def test_adapting_waits_for_a_match_that_is_going_on(desk):
    saved(desk)
    desk.bench.tasks.match()
    desk.adapt()
    assert desk.errors == []
    assert "Done" in desk.bench.status
    assert list(desk.bench.tasks.fits) == ["Ball of mine"]


def test_a_task_that_is_saved_when_the_scene_is_closed_is_there_and_no_error(desk, scene):
    desk.adapt()
    desk.bench.adapting.makeReady(lambda task: None)
    desk.loop.until(lambda: "save" in [activity.kind for activity in desk.session.activities])
    desk.bench.forget()
    scene.Clear()
    desk.finish()
    assert desk.errors == []
    assert names(desk) == ["Ball"]


def test_quitting_while_a_task_is_saved_for_other_volumes_is_no_error(desk):
    desk.adapt()
    desk.bench.cohort.forget()
    desk.bench.adapting.makeReady(desk.bench.guarded(desk.bench.cohort._start))
    desk.loop.until(lambda: "save" in [activity.kind for activity in desk.session.activities])
    desk.bench.close()
    assert desk.errors == []
