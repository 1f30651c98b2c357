import errno
import os
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from medmeta.annotations import AnnotatedVolume, SparseAnnotation
from medmeta.volumes import Geometry, Volume
from medmeta.worker.client import WorkerClient

sys.path.insert(0, str(Path(__file__).parent))

from fake_worker import FAKE


@pytest.fixture
def case():
    array = np.random.default_rng(0).normal(size=(16, 12, 10)).astype(np.float32)
    labels = np.zeros(array.shape, np.uint8)
    labels[4:9, 4:9, [2, 6]] = 1
    geometry = Geometry(array.shape, (1.0, 1.5, 2.0), (1.0, 2.0, 3.0), (1.0, 0, 0, 0, 1, 0, 0, 0, 1))
    return AnnotatedVolume(Volume(array, geometry, "MR of Jane Doe"), SparseAnnotation.from_labels(labels, axis=2))


@pytest.fixture
def client(tmp_path):
    with WorkerClient(command=FAKE, parent=tmp_path) as client:
        yield client


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.fixture(params=["real", "pretended"])
def disk(request, tmp_path, monkeypatch):
    """A folder `path`; after `fill()` there is room for one label map and no more, until `free()`.

    Where no file system may be mounted, the disk that this process alone sees full is still there.
    """
    if request.param == "real":
        path = request.getfixturevalue("tiny_disk")
        filler = path / "filler"
        fill = lambda: filler.write_bytes(bytes(shutil.disk_usage(path).free - 4096))  # noqa: E731
        return SimpleNamespace(path=path, fill=fill, free=filler.unlink)

    def fill():
        number, opened = count(), Path.open

        def opening(path, mode="r", *args, **options):
            if "w" in mode and next(number) > 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return opened(path, mode, *args, **options)

        monkeypatch.setattr(Path, "open", opening)

    return SimpleNamespace(path=tmp_path, fill=fill, free=monkeypatch.undo)
