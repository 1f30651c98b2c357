"""What is computed, in words for the user."""


def timeText(activity, tr):
    """How long it takes.

    :param activity: MedMetaSlicerLib.work.activity.Activity
    :param tr: text -> translated text
    """
    text = tr("{seconds:.0f} s").format(seconds=activity.elapsed)
    if activity.remaining is not None:
        text += tr(", about {seconds:.0f} s left").format(seconds=activity.remaining)
    return text


def phaseText(phase, tr):
    """What is done in a phase of the engine.

    :param phase: of medmeta.progress.Progress
    :param tr: text -> translated text
    """
    texts = {
        "start": tr("Starting the engine ..."),
        "check": tr("Checking on held-out slices ..."),
        "adapt": tr("Adapting ..."),
        "predict": tr("Predicting ..."),
        "refine": tr("Refining along edges ..."),
        "register": tr("Finding the place in the volume ..."),
        "cohort": tr("Adapting for other volumes ..."),
    }
    return texts.get(phase, tr("Working ..."))


def keptBackText(accepted, tr):
    """What of a result was not written, and why; empty where all was.

    :param accepted: MedMetaSlicerLib.scene.writing.Accepted
    :param tr: text -> translated text
    """
    texts = []
    if accepted.locked:
        names = ", ".join(accepted.locked)
        texts.append(tr("Left alone, since marked as completed: {names}.").format(names=names))
    if accepted.protected:
        count = sum(accepted.protected.values())
        texts.append(tr("{count} voxels stay with segments that are marked as completed.").format(count=count))
    if accepted.outside:
        count = sum(accepted.outside.values())
        texts.append(tr("{count} voxels outside of the editable area were left as they are.").format(count=count))
    return " ".join(texts)
