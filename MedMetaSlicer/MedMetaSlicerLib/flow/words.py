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
