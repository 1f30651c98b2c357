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
