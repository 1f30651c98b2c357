from dataclasses import replace

import pytest

from medmeta.adaptation import AdaptationSettings
from medmeta.errors import MedMetaError
from medmeta.evaluation.benchmark import read_changes


def test_settings_are_read_as_json_and_lists_become_tuples():
    found = read_changes(["batch=4", "by_image={}", "reaches=[4, 8]", "margin=0.5", "walk=null"])
    assert found == {"batch": 4, "by_image": {}, "reaches": (4, 8), "margin": 0.5, "walk": None}
    assert AdaptationSettings(**found).reaches == (4, 8)


def test_parts_of_settings_are_changed_by_their_own_names_and_the_rest_stays():
    walk = read_changes(["walk.share=0.5", "walk.many=3"])["walk"]
    assert walk == replace(AdaptationSettings().walk, share=0.5, many=3)


def test_what_is_set_to_what_it_is_changes_nothing():
    assert read_changes(["clean_up=true", "walk.share=0.7", "batch=null"]) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("margin", "give NAME=VALUE"),
        ("wlak=null", "one of after_walk"),
        ("for_other_volumes=true", "one of after_walk"),
        ("by_image=siamese", "'siamese' is not JSON"),
        ("walk=3", "same kind as RandomWalk"),
        ("walk.edges=3", "walk.edge"),
        ("walk.many=3.5", "same kind as 10"),
        ("walk.share=null", "same kind as 0.7"),
        ("after_walk=null", "same kind as Calibration"),
        ("region.zoom=[]", "same kind as \\(0.2, 2.5\\)"),
        ("few=[3]", "same kind as \\(3, 4\\)"),
        ("margin=true", "same kind as 0.01"),
        ("clean_up=1", "same kind as True"),
        ("folds=2.5", "same kind as 5"),
        ('by_image={"siamese": "much"}', "same kind as {'siamese': 0.3}"),
        ("reaches=4", "same kind as \\(4.0"),
    ],
)
def test_what_is_no_setting_is_refused_with_the_reason(text, message):
    with pytest.raises(MedMetaError, match=message):
        read_changes([text])
