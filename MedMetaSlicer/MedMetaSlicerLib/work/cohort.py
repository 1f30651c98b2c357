"""Many volumes of the scene by one adapted task, one after the other."""

import logging
from dataclasses import dataclass

from medmeta.errors import CohortError, MedMetaError

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
ACCEPTED, REJECTED = "accepted", "rejected"

JUDGED = (DONE, ACCEPTED, REJECTED)
"""Of items that have a result."""


@dataclass
class CohortItem:
    """A volume of a cohort.

    :param key: what it is found by, a node's ID or a case's name
    :param name: what the user calls it
    :param status: "waiting", "running", "done", "failed", "accepted" or "rejected"
    :param fraction: share of its prediction that is done, 0 to 1
    :param expected: Dice to expect, of the segment with the lowest; None where it is not known
    :param similarity: (distance, threshold) to the annotated volumes; None where it is not known
    :param message: why it failed, for the user
    :param result: what became of it, whatever the cohort's owner made of its prediction
    """

    key: object
    name: str
    status: str = WAITING
    fraction: float = 0.0
    expected: float | None = None
    similarity: tuple | None = None
    message: str = ""
    result: object = None

    @property
    def inRange(self):
        """False where it does not look like the annotated volumes; None where that is not known."""
        return None if self.similarity is None else self.similarity[0] <= self.similarity[1]

    def reset(self):
        """It waits, and nothing is known of it."""
        self.status, self.fraction, self.message = WAITING, 0.0, ""
        self.expected = self.similarity = self.result = None


class Judged:
    """What cohorts have in common: items with a result, which the user accepts or rejects; listeners.

    items: list of CohortItem
    onChanged: functions without arguments that are called after something has changed
    """

    def __init__(self, items=()):
        self.items = list(items)
        self.onChanged = []

    def item(self, key):
        """The item of a key.

        :raises KeyError: there is none
        """
        for item in self.items:
            if item.key == key:
                return item
        raise KeyError(key)

    def count(self, *statuses):
        """How many items have one of these statuses."""
        return sum(item.status in statuses for item in self.items)

    def accept(self, key):
        """The user takes a result over."""
        self._judge(key, ACCEPTED)

    def reject(self, key):
        """The user does not want a result."""
        self._judge(key, REJECTED)

    def _judge(self, key, status):
        item = self.item(key)
        if item.status not in JUDGED:
            raise CohortError(f"{item.name} has no result yet: wait until it is done.")
        item.status = status
        self._changed()

    def _changed(self):
        for function in list(self.onChanged):
            try:
                function()
            except Exception:
                logging.exception("MedMetaSlicer: a function that was told of a cohort failed")


class SceneCohort(Judged):
    """Predicts volumes one after the other; what fails is marked and stops nothing else.

    The arrays of one volume are in memory at a time: it is read when the one before is stored.

    :param session: MedMetaSlicerLib.work.session.Session
    :param read: key -> medmeta.volumes.Volume; called on the main thread, may raise
    :param store: (key, medmeta.adaptation.results.Prediction) -> result, kept in the item; main thread, may raise
    :param items: of CohortItem
    """

    def __init__(self, session, read, store, items=()):
        super().__init__(items)
        self.running = False
        self._session = session
        self._read = read
        self._store = store
        self._task = None
        self._options = {}
        self._left = []  # items of this run that have not begun
        self._present = None
        self._activity = None

    @property
    def fraction(self):
        """Share of all items that is done, 0 to 1."""
        parts = (1.0 if item.status in (*JUDGED, FAILED) else item.fraction for item in self.items)
        return sum(parts) / len(self.items) if self.items else 0.0

    def start(self, task, **options):
        """Begins, or goes on: items that are done stay, those that failed are tried again.

        :param task: its name
        :param options: of Session.predict: checkpoint, device, clean_up
        :raises CohortError: it runs already, or has no items
        """
        if self.running:
            raise CohortError("The cohort is being predicted: cancel it, or wait until it is done.")
        if not self.items:
            raise CohortError("The cohort has no volumes: choose some first.")
        self._task, self._options = task, options
        self._left = [item for item in self.items if item.status in (WAITING, FAILED)]
        for item in self._left:
            item.reset()
        self.running = True
        self._session.onChanged.append(self._follow)
        self._changed()
        self._session.soon(self._next)

    def cancel(self):
        """Stops; the item that is predicted waits again, within a second. Those done stay done."""
        if not self.running:
            return
        self._left.clear()
        if self._activity is not None:
            self._session.cancel(self._activity)
        else:  # between two items
            self._stop()

    def _stop(self):
        if self._present is not None:
            self._present.reset()
        self._present = self._activity = None
        self._left.clear()
        self.running = False
        if self._follow in self._session.onChanged:
            self._session.onChanged.remove(self._follow)
        self._changed()

    def _next(self):
        if not self.running:  # cancelled meanwhile
            return
        if not self._left:
            self._stop()
            return
        item = self._present = self._left.pop(0)
        item.status = RUNNING
        try:
            volume = self._read(item.key)
        except Exception as error:
            self._failed(error)
            return
        self._activity = self._session.predict(
            self._task, volume, self._predicted, self._failed, self._stop, **self._options
        )
        self._changed()

    def _predicted(self, prediction):
        item = self._present
        try:
            item.result = self._store(item.key, prediction)
        except Exception as error:
            self._failed(error)
            return
        known = [dice for dice in prediction.expected.cases if dice is not None] if prediction.expected else []
        item.expected = min(known) if known else None
        if prediction.similarity is not None:
            item.similarity = prediction.similarity.distance, prediction.similarity.threshold
        item.status, item.fraction = DONE, 1.0
        self._goOn()

    def _failed(self, error):
        item = self._present
        item.reset()
        item.status = FAILED
        item.message = str(error) if isinstance(error, MedMetaError) else f"{type(error).__name__}: {error}"
        if not isinstance(error, MedMetaError):
            logging.error("MedMetaSlicer: an item of a cohort failed", exc_info=error)
        self._goOn()

    def _goOn(self):
        self._present = self._activity = None
        self._changed()
        self._session.soon(self._next)

    def _follow(self):
        if self._activity is not None and self._present is not None:
            before, self._present.fraction = self._present.fraction, self._activity.fraction
            if before != self._present.fraction:
                self._changed()
