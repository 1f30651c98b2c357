import pytest
import torch

from medmeta.learners.contrastive import RandomPairs, contrastive_loss


def test_the_loss_is_that_of_the_equation_in_both_forms():
    distances, same = torch.tensor([0.4, 0.4, 1.7]), torch.tensor([1.0, 0.0, 0.0])
    assert contrastive_loss(distances, same, margin=1.0).item() == pytest.approx(0.4 + 0.6 + 0.0)
    assert contrastive_loss(distances, same, margin=2.0, squared=True).item() == pytest.approx(0.16 + 2.56 + 0.09)


def masks():
    support, query = torch.zeros(2, 1, 30, 30), torch.zeros(3, 1, 30, 30)
    support[0, 0, 3:9, 3:9] = 1
    query[1, 0, 12:20, 12:20] = 1
    return support, query


def test_pairs_start_inside_and_their_label_says_whether_they_end_inside():
    support, query = masks()
    mine, theirs, same = RandomPairs(count=400)(support, query)
    assert len(mine) == len(theirs) == len(same) == 400
    assert (support.flatten()[mine] == 1).all()
    assert torch.equal(query.flatten()[theirs], same)
    assert same.mean() == 0.5


@pytest.mark.parametrize(("hard", "expected"), [(0.0, 0.06), (1.0, 1.0)])
def test_hard_negatives_lie_near_the_boundary(hard, expected):
    support, query = masks()
    _, theirs, same = RandomPairs(count=2000, hard=hard, ring=3)(support, query)
    outside = theirs[same == 0]
    rows, columns = outside % 900 // 30, outside % 30
    near = (outside // 900 == 1) & (rows >= 9) & (rows < 23) & (columns >= 9) & (columns < 23)
    assert near.float().mean().item() == pytest.approx(expected, abs=0.04)


def test_of_several_classes_each_has_its_share_of_pairs_that_start_in_it():
    labels = torch.tensor([0, 1, 1, 2, 2, 2])
    targets = torch.nn.functional.one_hot(labels).float()[:, :, None, None]
    mine, theirs, same = RandomPairs(count=300)(targets, targets)
    assert labels[mine].bincount().tolist() == [100, 100, 100]
    assert torch.equal((labels[mine] == labels[theirs]).float(), same)
    assert same.mean() == 0.5


def test_a_class_that_the_support_does_not_show_has_no_pairs():
    support = torch.eye(3)[[0, 1, 1]][:, :, None, None]
    query = torch.eye(3)[[0, 1, 2]][:, :, None, None]
    mine, theirs, same = RandomPairs(count=300)(support, query)
    assert len(mine) == len(theirs) == len(same) == 200


def test_without_the_structure_in_the_support_there_are_no_pairs_and_without_it_in_the_query_none_alike():
    support, query = masks()
    assert RandomPairs()(torch.zeros_like(support), query) is None
    assert RandomPairs()(support, torch.zeros_like(query))[2].sum() == 0
