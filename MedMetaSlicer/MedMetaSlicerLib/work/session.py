"""The warm worker on an event loop: asked on the main thread, answered on the main thread, waited for by nobody."""

import logging
import time
from functools import partial

from medmeta.errors import Cancelled, Interrupted, MedMetaError
from MedMetaSlicerLib.work.activity import Activity

POLL_MILLISECONDS = 30

REFRESH = 0.25
"""Seconds after which listeners are called though nothing came: the time that has passed is shown, too."""

PATIENCE = 0.7
"""Seconds that a worker has to give way to a cancelled request, before it is killed and started anew."""

UNTOUCHED = "Cancelled; nothing was changed."


class Running:
    """A request that was made.

    :param ask: makes it, as often as needed; returns the client's Pending
    :param onDone, onError, onCancelled: told how it ended: with an answer, with a MedMetaError, with nothing
    """

    def __init__(self, activity, ask, onDone, onError, onCancelled):
        self.activity = activity
        self.ask = ask
        self.onDone, self.onError, self.onCancelled = onDone, onError, onCancelled
        self.pending = None
        self.failure = None  # what went wrong when it was asked
        self.cancelledAt = None

    @property
    def done(self):
        """True once there is an answer or an error."""
        return self.failure is not None or (self.pending is not None and self.pending.done)

    @property
    def error(self):
        """The MedMetaError that came in place of an answer, or None."""
        return self.failure or (self.pending.error if self.pending is not None else None)


class Session:
    """Asks a worker, and calls back when it answers.

    Every call returns at once. Callbacks come from the timer, never from the call that asks; an exception in one of
    them is logged and disturbs nothing else. onError gets a medmeta.errors.MedMetaError, whose text is for the user.

    :param makeClient: returns a medmeta.worker.client.WorkerClient, or a Lease of one; called when it is first needed
    :param timer: has start(milliseconds), stop() and connect("timeout()", function), as qt.QTimer
    :param clock: seconds, from any start

    onChanged: functions without arguments that are called after something has changed; add and remove as you like
    """

    def __init__(self, makeClient, timer, clock=time.monotonic):
        self.onChanged = []
        self._makeClient = makeClient
        self._client = None
        self._timer = timer
        self._clock = clock
        self._running = []
        self._soon = []
        self._previews = []  # (request, what it is to be called with), as they came
        self._news = False
        self._changedAt = clock()
        self._ticking = False
        timer.connect("timeout()", self._poll)

    # What is going on

    @property
    def busy(self):
        """True while an answer is awaited."""
        return bool(self._running)

    @property
    def activity(self):
        """The Activity of the request that is worked on; None where there is none."""
        return self._running[0].activity if self._running else None

    @property
    def activities(self):
        """The Activity of every request without an answer yet, in their order."""
        return [running.activity for running in self._running]

    @property
    def device(self):
        """What "auto" means to the worker, such as "cpu" or "cuda:0"; None until it has said so."""
        return self._client.device if self._client is not None else None

    # What can be asked

    def adapt(self, case, onDone, onError, onPreview=None, onCancelled=None, start=None, **options):
        """Adapts to an annotated volume and completes it.

        :param case: medmeta.annotations.AnnotatedVolume
        :param onDone: called with medmeta.worker.client.Adapted
        :param onPreview: called with a medmeta.volumes.Volume, the (I, J, K) label map of a first answer
        :param onCancelled: called without arguments; where it is None, onError gets medmeta.errors.Cancelled
        :param start: name of a task to go on from
        :param options: learner, checkpoint, budget, device, seed, for_other_volumes, clean_up
        :return: Activity
        """
        phases = None if options.get("for_other_volumes", True) else ("check", "adapt", "predict", "refine")
        activity = Activity("adapt", phases, self._clock)
        preview = None
        if onPreview is not None:

            def preview(_number, labels):
                self._previews.append((activity, onPreview, labels))

        def ask(client):
            return client.adapt([case], on_preview=preview, start=start, **self._told(activity), **options)

        return self._begin(activity, ask, onDone, onError, onCancelled)

    def predict(self, task, volume, onDone, onError, onCancelled=None, **options):
        """Predicts a volume in which nothing is drawn.

        :param task: its name
        :param volume: medmeta.volumes.Volume
        :param onDone: called with medmeta.adaptation.results.Prediction
        :param options: checkpoint, device, clean_up
        :return: Activity
        """
        activity = Activity("predict", clock=self._clock)

        def ask(client):
            return client.predict(task, volume, **self._told(activity), **options)

        return self._begin(activity, ask, onDone, onError, onCancelled)

    def suggest(self, prediction, case, count, onDone, onError):
        """Which slices to draw next; onDone gets medmeta.adaptation.suggestion.Suggestion objects, the best first."""
        return self._quick("suggest", lambda client: client.suggest(prediction, case, count), onDone, onError)

    def match(self, paths, volume, onDone, onError, onCancelled=None, device="auto"):
        """How close a volume is to saved tasks; onDone gets a medmeta.worker.client.Match for each path."""
        activity = Activity("match", clock=self._clock)

        def ask(client):
            return client.match(paths, volume, device=device, on_progress=partial(self._advance, activity))

        return self._begin(activity, ask, onDone, onError, onCancelled)

    def save(self, task, path, onDone, onError):
        """Writes a task to a file, which is replaced where it exists; onDone gets None."""
        return self._quick("save", lambda client: client.save(task, path), onDone, onError)

    def load(self, path, onDone, onError):
        """Reads a task from a file; onDone gets medmeta.worker.client.Adapted without predictions."""
        return self._quick("load", lambda client: client.load(path), onDone, onError)

    def forget(self, task):
        """Drops a task; nobody is told."""
        return self._quick("forget", lambda client: client.forget(task), lambda _: None, lambda _: None)

    def soon(self, function):
        """Calls a function at the timer's next turn, so that the event loop has its turn before."""
        self._soon.append(function)
        self._tick()

    # Beginning and end

    def warmUp(self):
        """Starts the worker in advance, so that it has loaded its packages when it is needed.

        :raises MedMetaError: it cannot be started
        """
        self._connected().start()
        self._tick()

    def cancel(self, activity=None):
        """Stops work: what was asked comes to nothing, and onCancelled is called within a second.

        Saving, loading and forgetting are let through: they are quick, and nobody wants half of them.

        :param activity: the one to stop; None for all
        """
        for running in self._running:
            if running.activity.kind in ("save", "load", "forget") or running.cancelledAt is not None:
                continue
            if activity is None or running.activity is activity:
                running.cancelledAt = self._clock()
                running.activity.state = "cancelling"
                if running.pending is not None:
                    running.pending.cancel()
        self._changed()

    def close(self):
        """Ends the worker; what was asked is cancelled. The session can be used again."""
        client, self._client = self._client, None
        running, self._running = self._running, []
        self._soon.clear()
        self._stopTicking()
        if client is not None:
            client.close(seconds=0.5)
        for one in running:
            self._tellCancelled(one)

    # The inner life

    def _connected(self):
        if self._client is None:
            self._client = self._makeClient()
        return self._client

    def _quick(self, kind, ask, onDone, onError):
        return self._begin(Activity(kind, clock=self._clock), ask, onDone, onError, None)

    def _begin(self, activity, ask, onDone, onError, onCancelled):
        running = Running(activity, ask, onDone, onError, onCancelled)
        self._running.append(running)
        self._ask(running)
        self._tick()
        return activity

    def _ask(self, running):
        running.pending, running.failure = None, None
        try:
            running.pending = running.ask(self._connected())
        except MedMetaError as error:
            running.failure = error
        except Exception as error:  # a package that is missing, say: told as any other failure
            logging.exception("MedMetaSlicer cannot ask its worker")
            running.failure = MedMetaError(f"Unexpected {type(error).__name__}: {error}")

    def _askAgain(self, running):
        """Asks a new worker, as the last one was ended because of another request."""
        running.activity.restart()
        self._ask(running)

    def _poll(self):
        """The timer's turn. A callback may open a dialog, whose own event loop comes here again."""
        soon, self._soon = self._soon, []
        for function in soon:
            self._news = True
            self._call(function)
        if self._client is not None:
            try:
                self._client.poll()
            except MedMetaError as error:  # it cannot start; whoever waits for it is told below
                logging.error("MedMetaSlicer's worker: %s", error)
        for running in self._running:
            if running.cancelledAt is None and isinstance(running.error, Interrupted):
                self._askAgain(running)
        while self._previews:
            activity, onPreview, labels = self._previews.pop(0)
            if activity.state == "running":
                self._news = True
                self._call(onPreview, labels)
        while (running := next((running for running in self._running if running.done), None)) is not None:
            self._running.remove(running)
            self._news = True
            self._finish(running)
        self._killWhatDoesNotGiveWay()
        if self._news or (self._running and self._clock() - self._changedAt >= REFRESH):
            self._changed()
        waking = self._client is not None and self._client.process is not None and self._client.device is None
        if not (self._running or self._soon or waking):
            self._stopTicking()

    def _killWhatDoesNotGiveWay(self):
        now = self._clock()
        cancelled = [running for running in self._running if running.cancelledAt is not None]
        if not any(now - running.cancelledAt > PATIENCE for running in cancelled):
            return
        self._news = True
        self._running = [running for running in self._running if running.cancelledAt is None]
        self._client.kill()
        for running in self._running:
            self._askAgain(running)
        for running in cancelled:
            self._tellCancelled(running)
        self.soon(self._startAnew)

    def _startAnew(self):
        if self._client is not None:
            try:
                self._client.start()
            except MedMetaError as error:  # whoever asks next is told
                logging.error("MedMetaSlicer's worker: %s", error)

    def _finish(self, running):
        error = running.error
        if running.cancelledAt is not None:
            # An answer that came all the same is not wanted any more.
            if error is None and running.activity.kind == "adapt":
                self.forget(running.pending.answer.task)
            self._tellCancelled(running)
        elif error is None:
            running.activity.end("done")
            self._call(running.onDone, running.pending.answer)
        elif isinstance(error, Cancelled):
            self._tellCancelled(running)
        else:
            running.activity.end("failed")
            self._call(running.onError, error)

    def _tellCancelled(self, running):
        running.activity.end("cancelled")
        if running.onCancelled is not None:
            self._call(running.onCancelled)
        else:
            self._call(running.onError, Cancelled(UNTOUCHED))

    def _told(self, activity):
        return {"on_progress": partial(self._advance, activity), "on_notice": activity.notices.append}

    def _advance(self, activity, event):
        activity.advance(event)
        self._news = True

    def _changed(self):
        self._news, self._changedAt = False, self._clock()
        for function in list(self.onChanged):
            self._call(function)

    def _call(self, function, *arguments):
        try:
            function(*arguments)
        except Exception:
            logging.exception("MedMetaSlicer: a function that was told of the work failed")

    def _tick(self):
        if not self._ticking:
            self._ticking = True
            self._timer.start(POLL_MILLISECONDS)

    def _stopTicking(self):
        self._ticking = False
        self._timer.stop()
