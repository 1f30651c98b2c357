"""`python -m medmeta.worker FOLDER`: a worker for the client at its standard input and output."""

import signal
import sys


def _engine():
    from medmeta.worker.engine import Engine

    return Engine()


if __name__ == "__main__":
    from medmeta.worker.server import serve

    if len(sys.argv) != 2:
        sys.exit("usage: python -m medmeta.worker FOLDER (started by medmeta.worker.client.WorkerClient)")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the client's terminal is the client's
    serve(_engine, sys.argv[1])
