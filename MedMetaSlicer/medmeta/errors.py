"""Every failure that a user can act on. Messages name the input and say what to do."""

from __future__ import annotations


class MedMetaError(Exception):
    """A failure that the user can act on; the message fits one line."""


class VolumeError(MedMetaError):
    """A volume cannot be read, written or used."""


class GeometryError(VolumeError):
    """Two inputs that must share their geometry do not."""


class AnnotationError(MedMetaError):
    """An annotation is empty, ambiguous or does not fit its volume."""


class CheckpointError(MedMetaError):
    """Weights or an adapted task are missing, corrupt or of another version."""


class CohortError(MedMetaError):
    """A cohort's folder, manifest, ledger or cluster cannot be used."""


class DeviceError(MedMetaError):
    """The device that was asked for is not there."""


class Cancelled(MedMetaError):
    """The user cancelled; nothing was changed."""


class Interrupted(MedMetaError):
    """Another request of the same worker did not give way, and the worker was ended: ask again."""
