"""A warm process behind the panel and the console: it holds the network, and its client never waits.

`python -m medmeta.worker` computes; `medmeta.worker.client.WorkerClient` starts it, asks and listens, without torch.
"""
