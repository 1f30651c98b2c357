from dataclasses import replace

import numpy as np
import pytest
import torch

from medmeta.errors import Cancelled
from medmeta.postprocessing.walk import RandomWalk

EXACT = RandomWalk(share=1.0, margin=50, iterations=1000, tolerance=1e-6)


def rod(size: int = 24, depth: int = 9, side: int = 8) -> torch.Tensor:
    """(Z, H, W) boolean, a square rod through all slices."""
    mask = torch.zeros(depth, size, size, dtype=torch.bool)
    low = (size - side) // 2
    mask[:, low : low + side, low : low + side] = True
    return mask


def noisy(mask: torch.Tensor, seed: int = 0) -> torch.Tensor:
    return mask.float() + 0.05 * torch.randn(mask.shape, generator=torch.Generator().manual_seed(seed))


def test_it_solves_the_equations_that_its_docstring_states():
    mask = rod(6, 3, 3)
    logits, image, pitch = torch.randn(3, 6, 6, generator=torch.Generator().manual_seed(1)), noisy(mask), 2.0
    found = torch.sigmoid(EXACT(logits, image, pitch, [1], mask[1:2])).double().numpy()
    # The same system, written down entry by entry.
    step, pull = (float(v) for v in EXACT._fit(logits, image, [1], mask[1:2])[:2])
    p = torch.sigmoid(logits).double().numpy().ravel()
    grey, index = (image / step).double().numpy().ravel(), np.arange(108).reshape(3, 6, 6)
    matrix = np.diag(pull / 4 / (p * (1 - p) + EXACT.variance))
    right = matrix @ p
    for axis, distance in enumerate((pitch, 1, 1)):
        ones, others = index.take(range(index.shape[axis] - 1), axis), np.delete(index, 0, axis)
        for i, j in zip(ones.ravel(), others.ravel(), strict=True):
            edge = EXACT.few_edge * (grey[i] - grey[j]) ** 2 + EXACT.disagreement * (p[i] - p[j]) ** 2
            weight = (np.exp(-edge) + 1e-4) / distance
            matrix[i, i] += weight
            matrix[j, j] += weight
            matrix[i, j] -= weight
            matrix[j, i] -= weight
    seeds, free = index[1].ravel(), np.delete(index, 1, 0).ravel()
    drawn = mask[1].numpy().ravel().astype(float)
    exact = np.linalg.solve(matrix[np.ix_(free, free)], right[free] - matrix[np.ix_(free, seeds)] @ drawn)
    np.testing.assert_allclose(found.ravel()[free], exact.clip(1e-4, 1 - 1e-4), atol=1e-4)


def test_where_the_network_is_unsure_the_walk_ends_at_the_edge_of_the_grey_values():
    mask = rod()
    unsure = torch.full(mask.shape, -0.4)
    found = RandomWalk()(unsure, noisy(mask), 1.0, [1, 7], mask[[1, 7]]) > 0
    assert (found[4] == mask[4]).float().mean() > 0.99


def test_where_the_network_is_sure_grey_values_do_not_turn_it_over():
    mask = rod()
    sure = torch.where(mask, 8.0, -8.0)
    shifted = noisy(mask.roll(6, dims=2))
    found = RandomWalk()(sure, shifted, 1.0, [0], mask[:1]) > 0
    assert (found[4:] == mask[4:]).all()


def test_annotated_slices_keep_their_logits_and_an_empty_one_is_a_seed_too():
    mask = rod()
    logits = torch.where(mask, 0.3, -3.0)
    drawn = torch.stack([mask[2], torch.zeros_like(mask[6])])
    found = RandomWalk()(logits, noisy(mask), 1.0, [2, 6], drawn)
    assert torch.equal(found[[2, 6]], logits[[2, 6]])
    inside = torch.sigmoid(found)[:, mask[0]].mean(1)
    assert inside[3] > inside[4] > inside[5]


def test_beyond_many_drawn_slices_it_counts_half_and_beyond_few_as_everywhere():
    mask = rod(depth=23)
    mask[[0, 1, 21, 22]] = False
    logits = torch.where(rod(depth=23), 0.5, -3.0)

    def share(positions, **changed):
        """Of the walk in the result, on every slice."""
        walk = replace(RandomWalk(), share=1.0, **changed)
        walked = replace(walk, many=99)(logits, noisy(mask), 1.0, positions, mask[positions])
        mixed = walk(logits, noisy(mask), 1.0, positions, mask[positions])
        apart = (walked - logits).abs().flatten(1)
        at = apart.argmax(1)[:, None]
        return ((mixed - logits).flatten(1).gather(1, at) / (walked - logits).flatten(1).gather(1, at))[:, 0]

    many = list(range(3, 20, 2))
    found = share(many, beyond=0.5, many=len(many))
    torch.testing.assert_close(found[[0, 1, 2, 20, 21, 22]], torch.full((6,), 0.5))
    torch.testing.assert_close(found[4:20:2], torch.ones(8))
    few = share(many, beyond=0.5, many=len(many) + 1)
    torch.testing.assert_close(few[[0, 1, 2, 20, 21, 22]], torch.ones(6))


def test_far_from_the_structure_nothing_changes_and_a_volume_without_it_stays_as_it_is():
    mask = rod(64)
    logits = torch.where(mask, 1.0, -9.0)
    found = RandomWalk()(logits, noisy(mask), 1.0, [4], mask[4:5])
    assert torch.equal(found[:, :16], logits[:, :16])
    nothing = torch.full((3, 8, 8), -9.0)
    assert torch.equal(RandomWalk()(nothing, torch.zeros(3, 8, 8), 1.0), nothing)


def test_a_thin_structure_does_not_vanish():
    away = torch.arange(32.0) - 15.5
    logits = 1.2 - 0.8 * torch.hypot(*torch.meshgrid(away, away, indexing="ij"))
    logits = logits.expand(17, 32, 32).contiguous()
    mask = logits > 0  # two pixels across
    arguments = logits, torch.zeros(mask.shape), 1.0, [0, 16], mask[[0, 16]]
    kept = (RandomWalk()(*arguments)[1:-1] > 0) & mask[1:-1]
    shrunk = (replace(RandomWalk(), thickness=0.0)(*arguments)[1:-1] > 0) & mask[1:-1]
    assert kept.sum() > 0.9 * mask[1:-1].sum()
    assert kept.sum() > 2 * shrunk.sum()


def test_between_few_drawn_slices_the_network_counts_less_and_other_settings_hold_than_between_many():
    mask = rod(depth=13)
    larger = torch.where(rod(depth=13, side=12), 3.0, -3.0)  # what the network says, sure of itself

    def wrong(positions, **changed):
        found = replace(RandomWalk(), share=1.0, disagreement=0.0, **changed)(
            larger, noisy(mask), 1.0, positions, mask[positions]
        )
        free = [z for z in range(13) if z not in positions]
        return int(((found > 0) != mask)[free].sum())

    few, many = [3, 9], list(range(0, 13, 2))
    assert wrong(few) < 0.1 * wrong(few, few_pull=RandomWalk.pull)
    assert wrong(few, few_edge=RandomWalk.edge) != wrong(few)
    assert wrong([6]) < wrong([6], few=(2, 7))
    usual = {"few_edge": RandomWalk.edge, "few_pull": RandomWalk.pull, "few_power": RandomWalk.power, "clear": 0.0}
    assert wrong(many, few=(2, 6)) == wrong(many, **usual)
    assert wrong([], few=(1, 7)) == wrong([], few=(9, 9))


def test_between_few_drawn_slices_a_border_that_the_image_does_not_show_is_the_networks():
    mask = rod(depth=13)
    logits = torch.where(mask, 1.5, -1.5)

    def moved(image, **changed):
        found = replace(RandomWalk(), **changed)(logits, image, 1.0, [2, 10], mask[[2, 10]])
        return float((torch.sigmoid(found) - torch.sigmoid(logits)).abs().mean())

    faint = noisy(rod(depth=13, side=14))  # the edge lies beside the border
    assert moved(faint) < 0.5 * moved(faint, clear=0.0)
    assert moved(noisy(mask)) == moved(noisy(mask), clear=0.0)


def test_walks_of_a_single_slice_are_upheld_as_far_as_the_structure_is_expected():
    mask = rod(depth=25)
    unsure, image = torch.full(mask.shape, -0.2), torch.zeros(mask.shape)
    unsure[~rod(depth=25, side=14)] = -6.0
    areas = torch.full((25,), int(mask[0].sum()))
    areas[20:] = 0

    def sizes(upheld, areas):
        found = replace(RandomWalk(), upheld=upheld)(unsure, image, 1.0, [12], mask[12:13], areas=areas)
        return (found > 0).sum((1, 2))

    fallen, upheld = sizes(0.0, areas), sizes(1.0, areas)
    near = [8, 9, 10, 14, 15, 16]
    assert fallen[6] < 0.7 * mask[0].sum()  # flat as the image is, nothing but distance takes it away
    assert (upheld[near] - mask[0].sum()).abs().sum() < (fallen[near] - mask[0].sum()).abs().sum()
    assert torch.equal(upheld[20:], fallen[20:])
    assert torch.equal(sizes(1.0, None), fallen)


def test_walks_are_upheld_only_where_the_border_is_clear():
    mask = rod(40, 25, 16)
    unsure = torch.where(rod(40, 25, 24), -0.2, -6.0)
    areas = torch.full((25,), int(mask[0].sum()))

    def upheld(image):
        walk = RandomWalk()
        assert walk._fit(unsure, image, [12], mask[12:13])[1] < walk.pull  # that alone does not keep it from it
        one, other = (
            replace(walk, upheld=share)(unsure, image, 1.0, [12], mask[12:13], areas=areas) for share in (0.6, 0.0)
        )
        return not torch.equal(one, other)

    assert upheld(noisy(mask))
    assert not upheld(noisy(0.2 * rod(40, 25, 20)))  # the edge lies beside the border


def test_a_structure_that_fills_every_slice_has_no_border_and_still_comes_out():
    full = torch.ones(5, 16, 16, dtype=torch.bool)
    found = RandomWalk()(torch.full(full.shape, 2.0), noisy(full), 1.0, [2], full[2:3])
    assert bool((found > 0).all())  # not so where it is not a number


def test_a_large_volume_is_walked_through_in_slabs_with_the_same_result(monkeypatch):
    mask = rod(24, 40)
    logits = torch.where(mask, 0.4, -2.0) + 0.5 * torch.randn(mask.shape, generator=torch.Generator().manual_seed(3))
    arguments = logits, noisy(mask), 1.0, [5, 34], mask[[5, 34]]
    sizes, solve = [], RandomWalk._solve
    monkeypatch.setattr(RandomWalk, "_solve", lambda *all, **more: sizes.append(all[3].numel()) or solve(*all, **more))
    whole = RandomWalk()(*arguments)
    monkeypatch.setattr("medmeta.postprocessing.walk.LARGEST", 10 * 24 * 24)
    parts = RandomWalk()(*arguments)
    assert sizes[0] == mask.numel()
    assert len(sizes) > 2
    assert max(sizes[1:]) < mask.numel()
    assert float((torch.sigmoid(whole) - torch.sigmoid(parts)).abs().max()) < 0.03


def test_where_nothing_is_drawn_a_thin_structure_does_not_vanish_either():
    away = torch.arange(32.0) - 15.5
    logits = 1.2 - 0.8 * torch.hypot(*torch.meshgrid(away, away, indexing="ij"))
    logits = logits.expand(17, 32, 32).contiguous()
    found = RandomWalk()(logits, torch.zeros(logits.shape), 1.0) > 0
    assert found[logits > 0].float().mean() > 0.9


def test_it_works_without_any_drawing():
    mask = rod()
    logits = torch.where(mask, 0.2, -3.0)
    logits[:, 12:14, 8:10] = -0.1  # a notch that the grey values do not have
    found = RandomWalk()(logits, noisy(mask), 1.0) > 0
    assert found[4, 12:14, 9].all()


def test_it_stops_when_told_to():
    mask = rod()

    def stop():
        raise Cancelled

    with pytest.raises(Cancelled):
        RandomWalk()(torch.where(mask, 1.0, -1.0), noisy(mask), 1.0, [0], mask[:1], stop)
