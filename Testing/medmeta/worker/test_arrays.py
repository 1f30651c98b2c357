import resource
import subprocess
import sys

import numpy as np
import pytest

from medmeta.worker.arrays import ArrayFolder
from medmeta.worker.messages import Array, WorkerError


@pytest.fixture
def folder(tmp_path):
    return ArrayFolder(tmp_path)


@pytest.mark.parametrize("dtype", ["u1", "<i2", ">i2", "<f4", "<f8", "?", "<u8"])
def test_an_array_comes_out_as_it_went_in(folder, dtype):
    array = (np.arange(24).reshape(2, 3, 4) % 2).astype(dtype)
    taken = folder.take(folder.put(array))
    assert (taken == array).all()
    assert taken.dtype == array.dtype.newbyteorder("=")


def test_an_array_in_another_order_comes_out_as_it_went_in(folder):
    array = np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1)[::-1]
    assert (folder.take(folder.put(array)) == array).all()


def test_an_array_keeps_its_order_in_memory(folder):
    array = np.asfortranarray(np.arange(24.0).reshape(2, 3, 4))
    taken = folder.take(folder.put(array))
    assert (taken == array).all()
    assert taken.flags.f_contiguous
    assert folder.take(folder.put(np.ascontiguousarray(array))).flags.c_contiguous


def test_a_taken_array_leaves_no_file_and_cannot_be_written_to(folder):
    taken = folder.take(folder.put(np.zeros(3)))
    assert list(folder.path.iterdir()) == []
    with pytest.raises(ValueError, match="read-only"):
        taken[0] = 1


def test_an_array_is_taken_once(folder):
    put = folder.put(np.zeros(3))
    folder.take(put)
    with pytest.raises(WorkerError, match="not there any more"):
        folder.take(put)


def test_objects_do_not_travel(folder):
    with pytest.raises(WorkerError, match="give numbers"):
        folder.put(np.array([object()]))
    for dtype in ("|O", "O8", "<M8[s]", "nonsense", "(2,)f4, f8", "|V8"):
        put = folder.put(np.zeros(3))
        with pytest.raises(WorkerError):
            folder.take(Array(put.file, dtype, put.shape))


def test_a_torn_file_is_refused(folder):
    put = folder.put(np.zeros(100))
    path = folder.path / put.file
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WorkerError, match="799 bytes in place of 800"):
        folder.take(put)


def test_a_shape_that_is_larger_than_its_file_is_refused_before_memory_is_taken(folder):
    put = folder.put(np.zeros(3))
    with pytest.raises(WorkerError, match="in place of"):
        folder.take(Array(put.file, put.dtype, (100_000, 100_000, 100_000)))


FULL = """
import resource, signal, sys, numpy as np
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
from medmeta.worker.arrays import ArrayFolder
from medmeta.worker.messages import WorkerError
try:
    ArrayFolder(sys.argv[1]).put(np.zeros(1 << 20))
except WorkerError as error:
    print(error)
"""


def test_where_there_is_no_room_it_says_so_and_leaves_nothing(folder):
    ran = subprocess.run([sys.executable, "-c", FULL, str(folder.path)], capture_output=True, text=True, check=True)
    assert "8 MB cannot be written" in ran.stdout
    assert "MEDMETA_WORKER_DIR" in ran.stdout
    assert list(folder.path.iterdir()) == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_a_full_disk_is_told_and_small_arrays_still_go_through(tiny_disk):
    folder = ArrayFolder(tiny_disk)
    with pytest.raises(WorkerError, match="No space left"):
        folder.put(np.zeros(1 << 20))
    assert (folder.take(folder.put(np.ones(1000))) == 1).all()
