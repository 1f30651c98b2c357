import torch

from medmeta.adaptation.decision import Decision


def test_the_most_probable_segment_has_the_voxel_and_background_where_none_is_likely():
    logits = torch.tensor([[[[2.0, -1.0, 0.5]]], [[[1.0, -3.0, 4.0]]]])
    found = Decision.of(torch.sigmoid(logits), [3, 7])
    assert found.labels.flatten().tolist() == [3, 0, 7]
    background = torch.sigmoid(torch.tensor(1.0)) * torch.sigmoid(torch.tensor(3.0))
    expected = [torch.sigmoid(torch.tensor(2.0)), background, torch.sigmoid(torch.tensor(4.0))]
    torch.testing.assert_close(found.confidence.flatten(), torch.stack(expected))


def test_no_gap_opens_between_two_segments_that_are_both_likely():
    logits = torch.logit(torch.tensor([0.45, 0.4]))[:, None, None, None]
    found = Decision.of(torch.sigmoid(logits), [3, 7])
    assert found.labels.item() == 3
    assert abs(found.confidence.item() - 0.45) < 1e-6
