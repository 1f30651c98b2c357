import pytest

from medmeta.worker.messages import WorkerError
from medmeta.worker.tasks import Tasks


class Texts:
    """Tasks that are texts; counts what is read."""

    def __init__(self):
        self.read = []

    def save(self, task, path):
        path.write_text(task, encoding="utf-8")

    def load(self, path):
        self.read.append(path.stem)
        return path.read_text(encoding="utf-8")


@pytest.fixture
def files():
    return Texts()


def test_the_tasks_used_last_stay_in_memory_and_the_others_are_read_again(tmp_path, files):
    tasks = Tasks(tmp_path, files, most=2)
    first, second = tasks.put("one"), tasks.put("two")
    assert tasks.get(first) == "one"
    third = tasks.put("three")
    assert set(tasks.held) == {first, third}
    assert [tasks.get(name) for name in (first, third)] == ["one", "three"]
    assert files.read == []
    assert tasks.get(second) == "two"
    assert files.read == [second]
    assert set(tasks.held) == {second, third}


def test_any_number_of_tasks_takes_the_memory_of_a_few(tmp_path, files):
    tasks = Tasks(tmp_path, files)
    names = [tasks.put(str(number)) for number in range(100)]
    assert len(tasks.held) == tasks.most < 10
    assert [tasks.get(name) for name in names] == [str(number) for number in range(100)]
    assert len(tasks.held) == tasks.most


def test_a_dropped_task_is_gone_from_memory_and_disk_whether_it_was_held_or_not(tmp_path, files):
    tasks = Tasks(tmp_path, files, most=1)
    first, second = tasks.put("one"), tasks.put("two")
    for name in (first, second):
        tasks.drop(name)
        with pytest.raises(WorkerError, match="adapt again"):
            tasks.get(name)
    assert list(tmp_path.iterdir()) == []
