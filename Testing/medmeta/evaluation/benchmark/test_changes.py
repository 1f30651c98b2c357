import pytest

from medmeta.adaptation import AdaptationSettings
from medmeta.errors import MedMetaError
from medmeta.evaluation.benchmark import read_changes


def test_settings_are_read_as_json_and_lists_become_tuples():
    found = read_changes(["partner=null", "by_image={}", "reaches=[4, 8]", "margin=0.5", "walk=null"])
    assert found == {"partner": None, "by_image": {}, "reaches": (4, 8), "margin": 0.5, "walk": None}
    assert AdaptationSettings(**found).reaches == (4, 8)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("partner", "give NAME=VALUE"),
        ("wlak=null", "one of after_walk"),
        ("for_other_volumes=true", "one of after_walk"),
        ("partner=maml", "'maml' is not JSON"),
        ("walk=3", "walk can be nothing but null"),
    ],
)
def test_what_is_no_setting_is_refused_with_the_reason(text, message):
    with pytest.raises(MedMetaError, match=message):
        read_changes([text])
