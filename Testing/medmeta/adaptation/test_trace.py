import torch

from medmeta.adaptation.trace import LossTrace


def test_on_the_cpu_a_loss_is_there_at_once():
    trace = LossTrace()
    assert trace.latest() is None
    trace.add(torch.tensor(0.5))
    assert trace.latest() == 0.5
    assert trace.latest() == 0.5
    assert trace.waiting == 0


def test_a_loss_on_another_device_is_read_once_it_has_arrived_and_never_waited_for():
    arrived = []
    values = iter((0.5, 0.25, 0.125))

    def sender(loss):
        number, value = len(sent), next(values)
        sent.append(loss)
        return torch.tensor(value), lambda: number in arrived

    sent = []
    trace = LossTrace(sender)
    for _ in range(3):
        trace.add(torch.empty((), device="meta"))  # whose value cannot be read at all
        assert trace.latest() is None
    assert trace.waiting == 3
    arrived += [0, 1]
    assert trace.latest() == 0.25
    assert trace.waiting == 1
    arrived += [2]
    assert trace.latest() == 0.125
    assert len(sent) == 3
