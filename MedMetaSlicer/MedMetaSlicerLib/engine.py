"""The engine behind the module, loaded when it is first needed."""


class Engine:
    """`adapt` and `predict` of medmeta; torch is imported at the first call, not with the module."""

    def adapt(self, cases, forOtherVolumes=True, cleanUp=True, **options):
        """medmeta.adaptation.adapt; what is not needed for other volumes is left out where there are none."""
        from medmeta.adaptation import AdaptationSettings, adapt

        settings = AdaptationSettings(for_other_volumes=forOtherVolumes, clean_up=cleanUp)
        return adapt(cases, settings=settings, **options)

    def predict(self, task, volume, cleanUp=True, **options):
        """medmeta.adaptation.prediction"""
        from medmeta.adaptation import predict

        return predict(task, volume, clean_up=cleanUp, **options)
