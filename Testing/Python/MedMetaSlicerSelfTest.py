import unittest

import slicer


class MedMetaSlicerSelfTest(unittest.TestCase):
    """The module as a script uses it: getModuleLogic(...).process(...)."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def test_processMakesANewSegmentationAndLeavesTheDrawingAlone(self):
        from MedMetaSlicerLib.selftest import ballInAVolume, sharesOfBall

        volumeNode, segmentationNode, ball = ballInAVolume()
        segmentId = segmentationNode.GetSegmentation().GetNthSegmentID(0)
        before = slicer.util.arrayFromSegmentBinaryLabelmap(segmentationNode, segmentId, volumeNode)
        logic = slicer.util.getModuleLogic("MedMetaSlicer")
        (result,) = logic.process(volumeNode, segmentationNode, device="cpu")
        after = slicer.util.arrayFromSegmentBinaryLabelmap(segmentationNode, segmentId, volumeNode)
        self.assertTrue((before == after).all())
        self.assertIsNot(result, segmentationNode)
        self.assertGreater(sharesOfBall(result, volumeNode, ball), 0.8)


if __name__ == "__main__":
    unittest.main()
