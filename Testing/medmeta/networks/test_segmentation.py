import torch

from medmeta.episodes import SEGMENT_CHANNELS
from medmeta.networks import create_network


def test_the_default_network_has_half_a_million_to_two_million_parameters():
    assert 5e5 <= sum(p.numel() for p in create_network().parameters()) <= 2e6


def test_logits_have_the_inputs_size_for_any_multiple_of_eight():
    network = create_network()
    channels = len(SEGMENT_CHANNELS)
    for height, width in ((32, 40), (64, 48)):
        logits = network(torch.randn(2, 5, height, width), torch.randn(2, channels, height, width))
        assert logits.shape == (2, 1, height, width)


def test_a_fresh_network_repeats_the_interpolated_shape():
    network = create_network()
    segment = torch.randn(1, len(SEGMENT_CHANNELS), 32, 32)
    logits = network(torch.randn(1, 5, 32, 32), segment)
    assert torch.equal(logits > 0, segment[:, :1] > 0)


def test_segments_share_the_image_encoders_features():
    network = create_network().eval()
    image = torch.randn(1, 5, 32, 32)
    segments = torch.randn(2, len(SEGMENT_CHANNELS), 32, 32)
    features = network.encoder(image)
    for segment in segments:
        torch.testing.assert_close(network.branch(features, segment[None]), network(image, segment[None]))
