"""Properties that only have to be remembered."""

from PySide6.QtCore import Property


def stored(kind, initial, changed=None):
    """A property with a value of its own.

    :param kind: as Qt knows it, e.g. bool, str, "QStringList"
    :param initial: its value in a new widget
    :param changed: name of the method that is called once it is set to another value
    """
    key = object()

    def get(self):
        return self.__dict__.setdefault("_stored", {}).get(key, initial)

    def put(self, value):
        if get(self) != value:
            self._stored[key] = value
            if changed:
                getattr(self, changed)()

    return Property(kind, get, put)
