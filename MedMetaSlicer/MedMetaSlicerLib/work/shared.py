"""One warm worker for all that ask in this Slicer: panel, Segment Editor effect and scripts."""

from contextlib import suppress

from medmeta.errors import MedMetaError

REQUESTS = ("adapt", "predict", "suggest", "match", "save", "load", "forget", "status")
"""Methods of a client that return a Pending."""


class SharedClient:
    """A client that is lent to several; requests are worked on in the order in which they were made.

    :param makeClient: returns a medmeta.worker.client.WorkerClient; called when one is first needed, and again after
        the last who had it gave it back, with which it ends
    """

    def __init__(self, makeClient):
        self._makeClient = makeClient
        self._leases = []
        self.client = None

    def lend(self):
        """A Lease, to be used as a client of one's own; close() gives it back.

        :raises MedMetaError: no client can be made
        """
        if self.client is None:
            self.client = self._makeClient()
        lease = Lease(self)
        self._leases.append(lease)
        return lease

    def takeBack(self, lease, seconds):
        """Ends the client where nobody else has it, or else what the lease is behind."""
        if lease in self._leases:
            self._leases.remove(lease)
            if self._leases:
                lease.leave()
            else:
                client, self.client = self.client, None
                client.close(seconds)


class Lease:
    """What one of them has: a WorkerClient, but that it ends only its own requests.

    :param shared: the SharedClient
    """

    def __init__(self, shared):
        self._shared = shared
        self._client = shared.client
        self._own = []
        self._tasks = set()

    def __getattr__(self, name):
        found = getattr(self._client, name)
        if name not in REQUESTS:
            return found

        def ask(*arguments, **options):
            pending = found(*arguments, **options)
            self._settle()
            self._own.append(pending)
            return pending

        return ask

    def kill(self):
        """Ends a worker that does not give way. One's own requests are cancelled, those of others Interrupted."""
        self._client.kill(self._own)

    def close(self, seconds=5.0):
        """Gives it back: one's own requests are cancelled, one's tasks forgotten.

        :param seconds: how long the worker has to go by itself, where nobody else needs it
        """
        self._shared.takeBack(self, seconds)

    def leave(self):
        """Cancels one's own requests and forgets one's tasks."""
        self._settle()
        for pending in self._own:
            pending.cancel()
        with suppress(MedMetaError):  # where no worker can be started any more, they go with the client
            for task in self._tasks:
                self._client.forget(task)

    def _settle(self):
        """Takes down which tasks the answers so far have made."""
        for pending in self._own:
            if pending.done and pending.error is None:
                self._tasks |= {getattr(pending.answer, "task", None)} - {None}
        self._own = [pending for pending in self._own if not pending.done]
