"""The warm worker for scripts: asked and waited for."""

import time

from medmeta.errors import Interrupted

POLL_SECONDS = 0.01

PATIENCE = 0.7
"""Seconds that the worker has to give way, before it is killed and started anew."""


class BlockingWorker:
    """Asks a worker and waits for its answer. It stays warm from call to call, and ends with this process.

    :param makeClient: returns a medmeta.worker.client.WorkerClient, or a Lease of one; called when it is first needed
    :param clock: seconds, from any start
    """

    def __init__(self, makeClient, clock=time.monotonic):
        self._makeClient = makeClient
        self._client = None
        self._clock = clock

    def adapt(self, cases, forOtherVolumes=True, cleanUp=True, progress=None, checkpoint=None, **options):
        """Adapts to annotated volumes and completes them.

        :param cases: of medmeta.annotations.AnnotatedVolume
        :param progress: told medmeta.progress.Progress; whatever it raises stops the work and is raised here
        :param options: learner, budget, device, seed, start (a task's name)
        :return: medmeta.worker.client.Adapted
        :raises MedMetaError: as medmeta.adapt; WorkerError
        """
        options |= {"for_other_volumes": forOtherVolumes, "clean_up": cleanUp, "checkpoint": _text(checkpoint)}
        return self._answer(lambda client, tell: client.adapt(cases, on_progress=tell, **options), progress)

    def predict(self, task, volume, cleanUp=True, progress=None, checkpoint=None, **options):
        """Predicts a volume in which nothing is drawn.

        :param task: its name
        :param volume: medmeta.volumes.Volume
        :param progress: see adapt
        :param options: device
        :return: medmeta.adaptation.results.Prediction
        :raises MedMetaError: as medmeta.predict; WorkerError
        """
        options |= {"clean_up": cleanUp, "checkpoint": _text(checkpoint)}
        return self._answer(lambda client, tell: client.predict(task, volume, on_progress=tell, **options), progress)

    def forget(self, task):
        """Drops a task; it need not be there."""
        self._answer(lambda client, _: client.forget(task), None)

    def close(self):
        """Ends the worker; the next call starts another one."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _answer(self, ask, progress):
        if self._client is None:
            self._client = self._makeClient()
        client, stop = self._client, _Stop(progress)
        pending, cancelledAt = ask(client, stop.tell), None
        try:
            while not pending.done:
                client.poll()
                if stop.error is not None and not pending.done:
                    if cancelledAt is None:
                        cancelledAt = self._clock()
                        pending.cancel()
                    elif self._clock() - cancelledAt > PATIENCE:
                        client.kill()
                        client.start()
                if isinstance(pending.error, Interrupted) and stop.error is None:
                    pending = ask(client, stop.tell)
                if not pending.done:
                    time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            client.kill()
            raise
        if stop.error is not None:
            raise stop.error
        return pending.result()


class _Stop:
    """Tells somebody of progress until he raises something."""

    def __init__(self, progress):
        self.progress = progress
        self.error = None

    def tell(self, event):
        if self.progress is not None and self.error is None:
            try:
                self.progress(event)
            except Exception as error:
                self.error = error


def _text(path):
    return None if path is None else str(path)
