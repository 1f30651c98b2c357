"""The module SampleData: what is registered is written down in slicer.modules.sampleDataSources, as in Slicer."""

from types import SimpleNamespace

import slicer


class SampleDataLogic:
    @staticmethod
    def registerCustomSampleDataSource(
        category="Custom",
        sampleName=None,
        uris=None,
        fileNames=None,
        nodeNames=None,
        customDownloader=None,
        thumbnailFileName=None,
        loadFileTypes=None,
        loadFiles=None,
        loadFileProperties=None,
        checksums=None,
        loadFileType=None,
    ):
        """:raises ValueError: lists that belong together have not the same length"""
        if loadFileType is not None and loadFileTypes is not None:
            raise ValueError("loadFileType and loadFileTypes cannot both be given")
        lists = [value for value in (uris, fileNames, nodeNames, checksums) if isinstance(value, list)]
        if len({len(value) for value in lists}) > 1:
            raise ValueError(f"{sampleName}: uris, fileNames, nodeNames and checksums are not of the same length")
        if not hasattr(slicer.modules, "sampleDataSources"):
            slicer.modules.sampleDataSources = {}
        source = SimpleNamespace(
            sampleName=sampleName,
            uris=uris,
            fileNames=fileNames,
            nodeNames=nodeNames,
            customDownloader=customDownloader,
            thumbnailFileName=thumbnailFileName,
            loadFileTypes=loadFileTypes or loadFileType,
            loadFiles=loadFiles,
            loadFileProperties=loadFileProperties or {},
            checksums=checksums,
        )
        slicer.modules.sampleDataSources.setdefault(category, []).append(source)
