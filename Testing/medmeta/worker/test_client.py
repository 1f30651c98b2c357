import sys
import time
from dataclasses import replace

import fake_worker as fake
import numpy as np
import pytest
from fake_worker import left, poll_until

from medmeta.annotations import AnnotatedVolume, Segment, SparseAnnotation
from medmeta.errors import AnnotationError, Cancelled, DeviceError
from medmeta.volumes import Geometry
from medmeta.worker.client import WorkerClient, WorkerDied
from medmeta.worker.messages import WorkerError


def test_the_answer_of_adapt_belongs_to_the_volumes_that_were_sent(client, case):
    found = client.adapt([case]).wait()
    assert found.predictions[0].labels.geometry == case.volume.geometry
    assert found.predictions[0].labels.name == "MR of Jane Doe"
    assert (found.predictions[0].labels.array == case.annotation.labels).all()
    assert found.predictions[0].expected.cases == (0.9,)
    assert np.isnan(found.predictions[0].expected.slices).all()
    assert found.quality[0].segment == case.annotation.segments[0]
    assert found.segments == case.annotation.segments


def test_a_task_predicts_other_volumes(client, case):
    task = client.adapt([case]).wait().task
    prediction = client.predict(task, case.volume).wait()
    assert (prediction.labels.array == (case.volume.array > case.volume.array.mean())).all()
    assert prediction.similarity.in_range
    assert prediction.expected is None


def test_a_task_is_saved_loaded_and_forgotten(client, case, tmp_path):
    task = client.adapt([case]).wait().task
    client.save(task, tmp_path / "kidney.task").wait()
    loaded = client.load(tmp_path / "kidney.task").wait()
    assert loaded.segments == case.annotation.segments
    assert set(client.status().wait().tasks) == {task, loaded.task}
    client.forget(task).wait()
    with pytest.raises(WorkerError, match="not there any more"):
        client.predict(task, case.volume).wait()
    assert client.predict(loaded.task, case.volume).wait()


def test_geometries_and_segments_may_be_made_of_numpys_numbers(client, case):
    numbers = {"spacing": np.ones(3), "origin": np.zeros(3), "direction": np.eye(3).flat}
    geometry = Geometry(case.volume.array.shape, **{name: tuple(values) for name, values in numbers.items()})
    segments = [Segment(np.int64(1), "organ", tuple(np.array([0.5, 0.5, 0.5])))]
    annotation = SparseAnnotation.from_labels(case.annotation.labels, axis=2, segments=segments)
    found = client.adapt([AnnotatedVolume(replace(case.volume, geometry=geometry), annotation)]).wait()
    assert found.predictions[0].labels.geometry == geometry
    assert found.segments == tuple(segments)


def test_an_option_of_a_wrong_type_is_an_error_at_once_and_leaves_nothing(client, case):
    with pytest.raises(TypeError):
        client.adapt([case], seed=object())
    assert not client.busy
    assert left(client) == []
    assert client.adapt([case]).wait()


def test_it_suggests_the_slice_to_draw_next(client, case):
    prediction = client.adapt([case]).wait().predictions[0]
    suggestions = client.suggest(prediction, case, 2).wait()
    assert len(suggestions) == 2
    assert not {s.slice for s in suggestions} & {2, 6}


def test_saved_tasks_are_matched_and_files_that_cannot_be_read_are_named(client, case, tmp_path):
    task, progress = client.adapt([case]).wait().task, []
    for name in ("four", "six six"):
        client.save(task, tmp_path / name).wait()
    (tmp_path / "bad").write_bytes(b"rubbish")
    paths = [tmp_path / name for name in ("six six", "missing", "bad", "four")]
    far, missing, bad, near = client.match(paths, case.volume, on_progress=progress.append).wait()
    assert (far.similarity.distance, near.similarity.distance) == (0.07, 0.04)
    assert near.similarity.in_range
    assert missing.similarity is None
    assert "missing" in missing.problem
    assert "bad" in bad.problem
    assert [event.phase for event in progress] == ["match"] * len(progress)
    assert left(client) == [".task"]
    assert client.match([], case.volume).wait() == ()


def test_progress_previews_and_notices_come_before_the_answer(client, case):
    progress, previews, notices = [], [], []
    pending = client.adapt(
        [case],
        seed=fake.NOTICE,
        on_progress=progress.append,
        on_preview=lambda number, labels: previews.append((number, labels)),
        on_notice=notices.append,
    )
    pending.wait()
    assert (progress[0].phase, progress[0].loss) == ("adapt", 1.0)
    assert previews[0][0] == 0
    assert (previews[0][1].array == case.annotation.labels).all()
    assert previews[0][1].geometry == case.volume.geometry
    assert notices == ["Going on on the CPU."]


def test_many_requests_are_answered_each_with_its_own(client, case):
    pending = [client.adapt([case], seed=seed) for seed in (fake.QUICK, fake.REFUSED, fake.QUICK)]
    assert pending[2].wait().task != pending[0].wait().task
    with pytest.raises(DeviceError, match="choose auto or cpu"):
        pending[1].wait()


def test_arrays_leave_no_files_behind(client, case):
    client.adapt([case], on_preview=lambda *_: None).wait()
    for seed in (fake.REFUSED, fake.BUG):
        with pytest.raises(Exception, match=r"."):
            client.adapt([case], seed=seed).wait()
    assert left(client) == [".task"]
    path = client.folder.path
    client.close()
    assert not path.exists()


@pytest.mark.alone
def test_cancel_acts_within_300_ms_while_it_computes(client, case):
    progress = []
    pending = client.adapt([case], seed=fake.SLOW, on_progress=progress.append)
    poll_until(client, lambda: progress)
    start = time.monotonic()
    pending.cancel()
    poll_until(client, lambda: pending.done)
    assert time.monotonic() - start < 0.3
    with pytest.raises(Cancelled):
        pending.result()
    assert client.adapt([case]).wait()


def test_cancel_takes_a_request_that_waits_out_of_the_queue(client, case):
    first, second = (client.adapt([case], seed=fake.SLOW) for _ in range(2))
    poll_until(client, lambda: client.device)
    second.cancel()
    poll_until(client, lambda: second.done)
    assert isinstance(second.error, Cancelled)
    assert not first.done
    first.cancel()
    poll_until(client, lambda: first.done)


def test_status_is_told_while_it_computes(client, case):
    pending = client.adapt([case], seed=fake.SLOW)
    waiting = client.adapt([case])
    poll_until(client, lambda: client.device)
    status = client.status().wait(5)
    assert (status.computing, status.waiting) == (pending.id, (waiting.id,))
    assert status.memory > 10 << 20
    pending.cancel()
    assert waiting.wait()


@pytest.mark.parametrize(
    ("seed", "said"),
    [(fake.CRASH, "code 3 .the driver is gone"), (fake.KILLED, "memory was too small")],
)
def test_a_death_is_explained_and_the_next_request_starts_another_worker(client, case, seed, said):
    good = client.adapt([case]).wait()
    with pytest.raises(WorkerDied, match=said):
        client.adapt([case], seed=seed).wait()
    # The last good result is still there, its arrays as well as its task.
    assert (good.predictions[0].labels.array == case.annotation.labels).all()
    assert client.predict(good.task, case.volume).wait()


@pytest.mark.parametrize("seed", [fake.NO_MEMORY, fake.NO_MEMORY_LINUX, fake.NO_MEMORY_WINDOWS])
def test_too_little_memory_and_bugs_are_told_and_end_nothing(client, case, seed):
    with pytest.raises(WorkerError, match="memory is too small for this volume"):
        client.adapt([case], seed=seed).wait()
    with pytest.raises(WorkerError, match="Unexpected KeyError"):
        client.adapt([case], seed=fake.BUG).wait()
    assert client.adapt([case]).wait()


def test_what_libraries_print_does_not_get_among_the_messages(client, case):
    assert client.adapt([case], seed=fake.CHATTY).wait()


def test_polling_without_a_worker_does_nothing(client):
    client.poll()
    assert client.process is None


@pytest.mark.alone
def test_closing_while_it_computes_ends_the_worker_at_once(client, case):
    pending = client.adapt([case], seed=fake.SLOW)
    poll_until(client, lambda: client.device)
    process, start = client.process, time.monotonic()
    client.close()
    assert time.monotonic() - start < 2
    assert not process.running
    with pytest.raises(Cancelled):
        pending.result()


def test_a_worker_that_cannot_be_started_is_told(case, tmp_path):
    with pytest.raises(WorkerError, match="cannot be started"):
        WorkerClient(command=[str(tmp_path / "nothing")], parent=tmp_path).adapt([case])
    with (
        WorkerClient(command=[sys.executable, "-c", "import no_such_package"], parent=tmp_path) as client,
        pytest.raises(WorkerDied, match="No module named 'no_such_package'"),
    ):
        client.adapt([case]).wait()


OTHER_VERSION = """
import sys
from medmeta.worker import messages as m
sys.stdout.buffer.write(m.encode(m.Ready(version=m.VERSION + 1, process=1, device="cpu")))
sys.stdout.buffer.flush()
sys.stdin.read()
"""


def test_a_worker_of_another_version_is_refused_and_ended(case, tmp_path):
    with WorkerClient(command=[sys.executable, "-c", OTHER_VERSION], parent=tmp_path) as client:
        pending, process = client.adapt([case]), client.process
        with pytest.raises(WorkerError, match=r"speaks version \d+ in place of \d+: restart Slicer"):
            pending.wait(20)
        assert client.device is None
        assert not process.running
        assert left(client) == []
        client.command = fake.FAKE
        assert client.adapt([case]).wait()


def test_a_folder_that_cannot_be_made_is_told(case, tmp_path):
    with pytest.raises(WorkerError, match="MEDMETA_WORKER_DIR"):
        WorkerClient(parent=tmp_path / "nowhere").adapt([case])


def test_no_case_is_an_error_before_anything_is_started(client):
    with pytest.raises(AnnotationError, match="draw the structure"):
        client.adapt([])
    assert client.process is None


def test_the_client_loads_no_torch(tmp_path):
    import subprocess

    code = "import sys, medmeta.worker.client; assert not {'torch', 'monai', 'scipy', 'SimpleITK'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_worker_is_killed_its_tasks_and_no_array_are_kept_and_the_next_request_works(client, case):
    good = client.adapt([case]).wait()
    pending = client.adapt([case], seed=fake.SLOW, on_preview=lambda *_: None)
    time.sleep(0.2)  # for its preview to lie in the folder, taken by nobody
    worker = client.process
    client.kill()
    assert not worker.running
    with pytest.raises(Cancelled):
        pending.result()
    assert left(client) == [".task"]
    assert client.predict(good.task, case.volume).wait()
