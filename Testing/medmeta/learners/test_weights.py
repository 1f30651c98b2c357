import pytest

from medmeta.errors import CheckpointError
from medmeta.learners.checkpoint import load_checkpoint
from medmeta.learners.factory import IMAGE_LEVEL
from medmeta.learners.weights import find_weights


def test_without_a_name_the_bundled_weights_are_found():
    assert find_weights().name == "maml.safetensors"
    assert find_weights("maml") == find_weights("maml.safetensors") == find_weights()


def test_a_path_is_taken_as_it_is(tmp_path):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(b"")
    assert find_weights(path) == path


def test_a_folder_can_be_named_by_the_environment(tmp_path, monkeypatch):
    (tmp_path / "maml.safetensors").write_bytes(b"")
    monkeypatch.setenv("MEDMETA_WEIGHTS", str(tmp_path))
    assert find_weights("maml") == tmp_path / "maml.safetensors"


@pytest.mark.parametrize("name", ["no-such-weights", "folder/none.safetensors", "weights.pt"])
def test_what_is_not_there_is_named(name):
    with pytest.raises(CheckpointError, match=name.split("/")[-1]):
        find_weights(name)


@pytest.mark.parametrize("path", sorted(find_weights().parent.glob("*.safetensors")), ids=lambda p: p.stem)
def test_every_bundled_checkpoint_loads_says_where_it_comes_from_and_has_a_model_card(path):
    learner, header = load_checkpoint(path)
    assert path.stat().st_size < 20e6
    # The image-level network is an encoder alone, without a segment branch.
    smallest = 0.2e6 if learner.name == IMAGE_LEVEL else 0.5e6
    assert smallest < sum(p.numel() for p in (*learner.module.parameters(), *learner.backbone.parameters())) < 2e6
    for stage in (header["provenance"], *header["provenance"]["history"]):
        assert stage["command"].startswith(("scripts/meta_train ", "medmeta meta-train "))
        assert stage["steps"] > 0
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    assert header["sha256"][:12] in card
    assert header["provenance"]["command"] in card
