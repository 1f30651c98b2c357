"""What leaves the worker: no call to a network, and no name of a patient or a file in its log."""

import socket
import sys
from dataclasses import replace

import numpy as np
import pytest

from medmeta.annotations import AnnotatedVolume, SparseAnnotation
from medmeta.errors import MedMetaError
from medmeta.volumes import Geometry, Volume
from medmeta.worker.client import WorkerClient

WATCHED = """
import logging, runpy, socket, sys, traceback

def refuse(event, arguments):
    if event.startswith("socket."):
        if "_has_ipv6" not in (frame.name for frame in traceback.extract_stack()):  # urllib3, of its own machine
            print("A call:", event, file=sys.stderr, flush=True)
        raise OSError("no network call was asked for")

sys.addaudithook(refuse)
try:
    socket.socket()
except OSError:
    logging.basicConfig(level=logging.INFO)
    logging.info("the log is shown")
runpy.run_module("medmeta.worker", run_name="__main__", alter_sys=True)
"""
"""The real worker in a process whose log is shown, and in which sockets are refused and told of."""

NAME = "Doe^Jane"


@pytest.fixture(scope="module")
def case():
    at = np.indices((40, 40, 12)) - np.array([20, 20, 6]).reshape(3, 1, 1, 1)
    ball = (np.square(at / np.array([10, 10, 4]).reshape(3, 1, 1, 1)).sum(0) < 1).astype(np.uint8)
    array = (ball + np.random.default_rng(0).normal(0, 0.1, ball.shape)).astype(np.float32)
    volume = Volume(array, Geometry(ball.shape, (1.0,) * 3, (0.0,) * 3, tuple(np.eye(3).flat)), f"MR of {NAME}")
    return AnnotatedVolume(volume, SparseAnnotation.from_labels(ball, axis=2, slices=[4, 6, 8]))


def test_it_adapts_predicts_and_fails_without_a_network_and_its_log_names_nobody(case, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError("no network call was asked for")

    monkeypatch.setattr(socket, "socket", refuse)
    folder = tmp_path / NAME
    with WorkerClient(command=[sys.executable, "-c", WATCHED], parent=tmp_path) as client:
        task = client.adapt([case], learner="siamese", budget=1.0, device="cpu").wait().task
        other = replace(case.volume, name=f"CT of {NAME}")
        assert client.predict(task, other, device="cpu").wait().labels.array.any()
        client.save(task, folder / "kidney.task").wait()
        assert client.load(folder / "kidney.task").wait().segments == case.annotation.segments
        for fails in (
            lambda: client.load(folder / "none.task"),
            lambda: client.save(task, folder / "kidney.task" / "under a file"),
            lambda: client.adapt([case], checkpoint=str(folder / "none.safetensors")),
        ):
            with pytest.raises(MedMetaError, match="Doe"):  # the user is told which file it is
                fails().wait()
        said = client.process.last_words
    assert sum("the log is shown" in line for line in said) == 1
    assert sum(line.startswith("A call:") for line in said) == 1
    assert not [line for line in said if "Doe" in line or "Jane" in line]
