from medmeta.evaluation.model_card import model_card
from medmeta.learners.checkpoint import load_checkpoint
from medmeta.learners.weights import find_weights


def test_a_card_names_every_stage_and_holds_the_table():
    _, header = load_checkpoint(find_weights())
    card = model_card("maml.safetensors", header, "| the | table |", "medmeta meta-test this --card")
    assert header["sha256"] in card
    assert "| the | table |" in card
    assert "medmeta meta-test this --card" in card
    stages = [*header["provenance"]["history"], header["provenance"]]
    for number, stage in enumerate(stages, 1):
        assert f"{number}. `{stage['command']}`" in card
        assert f"{stage['steps']} steps" in card
