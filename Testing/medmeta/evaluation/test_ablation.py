import pytest

from medmeta.evaluation.ablation import ALL, NONE, ingredients_of, meta_train
from medmeta.learners.checkpoint import load_checkpoint
from medmeta.synthesis.ingredients import INGREDIENTS


def test_a_variant_lacks_the_ingredient_that_it_is_named_after_and_no_other():
    for name in INGREDIENTS:
        assert set(INGREDIENTS) - set(ingredients_of(name)) == {name}
    assert set(ingredients_of(ALL)) == set(INGREDIENTS)
    assert ingredients_of(NONE) == ()
    with pytest.raises(ValueError, match="no ingredient: choose from all, none"):
        ingredients_of("salt")


def test_variants_take_the_same_number_of_steps_from_the_same_weights_on_cohorts_of_their_own(tmp_path):
    found = {}
    for variant in (ALL, NONE):
        out = meta_train(variant, None, tmp_path / f"{variant}.safetensors", steps=2, seed=0, log=lambda _: None)
        learner, header = load_checkpoint(out)
        found[variant] = header["provenance"] | {"weights": sum(float(p.abs().sum()) for p in learner.parameters())}
    assert found[ALL]["steps"] == found[NONE]["steps"] == 2
    assert found[ALL]["tasks"]["sha256"] != found[NONE]["tasks"]["sha256"]
    assert found[ALL]["weights"] != found[NONE]["weights"]


def test_weights_that_are_there_are_not_trained_again(tmp_path):
    out = tmp_path / "all.safetensors"
    out.write_bytes(b"kept")
    meta_train(ALL, None, out, steps=1, seed=0, log=lambda _: None)
    assert out.read_bytes() == b"kept"
