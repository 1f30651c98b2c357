"""The engine behind the module, loaded when it is first needed."""


class Engine:
    """`adapt` and `predict` of medmeta; torch is imported at the first call, not with the module."""

    def adapt(self, cases, **options):
        """medmeta.adaptation.adapt"""
        from medmeta.adaptation import adapt

        return adapt(cases, **options)

    def predict(self, task, volume, **options):
        """medmeta.adaptation.predict"""
        from medmeta.adaptation import predict

        return predict(task, volume, **options)
