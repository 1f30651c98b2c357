"""slicer.i18n: texts stay as they are, since no translation is loaded."""

import slicer


def translate(context, text):
    return slicer.app.translate(context, text)


def tr(text):
    return translate("", text)
