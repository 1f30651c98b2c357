"""Two public volumes of Slicer's own testing data, offered in the module Sample Data under our name.

They are downloaded when the user asks for them; address and SHA-256 are those of Slicer's own offer, so that a file
which Slicer has in its cache already is not loaded twice.
"""

from dataclasses import dataclass
from pathlib import Path

ICONS = Path(__file__).resolve().parents[1] / "Resources" / "Icons"
CATEGORY = "MedMetaSlicer"
STORE = "https://github.com/Slicer/SlicerTestingData/releases/download/SHA256/"


@dataclass(frozen=True)
class Sample:
    """One volume.

    :param name: unique among all that Sample Data offers
    :param fileName: as Slicer calls it in its cache
    :param nodeName: of the volume in the scene
    :param sha256: of the file, in hexadecimal digits; its address follows from it
    :param thumbnail: file in Resources/Icons
    """

    name: str
    fileName: str
    nodeName: str
    sha256: str
    thumbnail: str


SAMPLES = (
    Sample(
        "MedMetaSlicer MR head",
        "MR-head.nrrd",
        "MRHead",
        "cc211f0dfd9a05ca3841ce1141b292898b2dd2d3f08286affadf823a7e58df93",
        "MedMetaHead.png",
    ),
    Sample(
        "MedMetaSlicer CT chest",
        "CT-chest.nrrd",
        "CTChest",
        "4507b664690840abb6cb9af2d919377ffc4ef75b167cb6fd0f747befdb12e38e",
        "MedMetaChest.png",
    ),
)


def registerSampleData(register=None):
    """Adds the samples to the module Sample Data; nothing is downloaded.

    :param register: SampleData.SampleDataLogic.registerCustomSampleDataSource, or a stand-in
    """
    if register is None:
        import SampleData

        register = SampleData.SampleDataLogic.registerCustomSampleDataSource
    for sample in SAMPLES:
        register(
            category=CATEGORY,
            sampleName=sample.name,
            uris=STORE + sample.sha256,
            fileNames=sample.fileName,
            nodeNames=sample.nodeName,
            checksums=f"SHA256:{sample.sha256}",
            thumbnailFileName=str(ICONS / sample.thumbnail),
        )
