import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from MedMetaSlicerLib.sample_data import SAMPLES, registerSampleData

# Name, file, node and SHA-256 as in Slicer's Modules/Scripted/SampleData/SampleData.py.
OFFERED_BY_SLICER = {
    ("MR-head.nrrd", "MRHead"): "cc211f0dfd9a05ca3841ce1141b292898b2dd2d3f08286affadf823a7e58df93",
    ("CT-chest.nrrd", "CTChest"): "4507b664690840abb6cb9af2d919377ffc4ef75b167cb6fd0f747befdb12e38e",
}


class SampleDataLogic:
    """Takes what Slicer's does, and nothing else."""

    def __init__(self):
        self.sources = []

    # The parameters of Slicer 5.8 to 5.11 (where loadFileTypes is added).
    def registerCustomSampleDataSource(
        self,
        category="Custom",
        sampleName=None,
        uris=None,
        fileNames=None,
        nodeNames=None,
        customDownloader=None,
        thumbnailFileName=None,
        loadFileType="VolumeFile",
        loadFiles=None,
        loadFileProperties=None,
        checksums=None,
    ):
        self.sources.append(SimpleNamespace(**{k: v for k, v in locals().items() if k != "self"}))


@pytest.fixture
def sources():
    logic = SampleDataLogic()
    registerSampleData(logic.registerCustomSampleDataSource)
    return logic.sources


def test_two_volumes_are_offered_under_our_name(sources):
    assert [source.category for source in sources] == ["MedMetaSlicer", "MedMetaSlicer"]
    assert len({source.sampleName for source in sources}) == 2


def test_they_are_what_slicer_offers_with_its_checksums(sources):
    found = {(source.fileNames, source.nodeNames): source.checksums for source in sources}
    assert found == {key: f"SHA256:{digest}" for key, digest in OFFERED_BY_SLICER.items()}


def test_the_address_of_each_names_its_checksum(sources):
    for source in sources:
        address = r"https://github\.com/Slicer/SlicerTestingData/releases/download/SHA256/([0-9a-f]{64})"
        assert f"SHA256:{re.fullmatch(address, source.uris)[1]}" == source.checksums


def test_their_names_are_none_of_slicers_own_which_come_first(sources):
    # Slicer looks a sample up by its name in one category after the other.
    assert not {source.sampleName for source in sources} & {"MRHead", "CTChest"}


def test_each_has_a_thumbnail_that_is_installed_with_the_module(sources):
    listed = (Path(__file__).parents[2] / "MedMetaSlicer/CMakeLists.txt").read_text(encoding="utf-8")
    for source, sample in zip(sources, SAMPLES, strict=True):
        assert Path(source.thumbnailFileName).is_file()
        assert f"  Resources/Icons/{sample.thumbnail}\n" in listed


def test_in_slicer_the_module_sample_data_is_told(monkeypatch):
    logic = SampleDataLogic()
    monkeypatch.setitem(sys.modules, "SampleData", SimpleNamespace(SampleDataLogic=logic))
    registerSampleData()
    assert len(logic.sources) == 2
