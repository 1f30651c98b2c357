"""Connections: by a signal's signature or by its attribute, as PythonQt has both."""

import functools

from PySide6.QtCore import SIGNAL, QMetaMethod, QMetaObject, QObject
from shiboken6.Shiboken import getCppPointer

from slicer_stand_ins import api
from slicer_stand_ins.python_qt.conversion import wrapped
from slicer_stand_ins.python_qt.faults import guarded


def declared(native):
    """{signature: signal instance} of signals that PySide cannot name itself: those with VTK classes in them."""
    signatures = {}
    for cls in reversed(type(native).__mro__):
        for signature, attribute in vars(cls).get("SIGNATURES", ()):
            signatures[normalized(signature)] = getattr(native, attribute)
    return signatures


def normalized(signature):
    """A signature without spaces, const and references, as Qt compares them."""
    return bytes(QMetaObject.normalizedSignature(signature).data()).decode("ascii")


def signatureOf(native, name):
    """The first declared signature of a signal's name, the one an attribute stands for; None where there is none."""
    for signature in declared(native):
        if signature.split("(")[0] == name:
            return signature
    if getattr(type(native), name, None) is None:
        return None
    meta, ours = native.metaObject(), {s.split("(")[0] for s in declared(native)}
    for index in range(meta.methodCount()):
        method = meta.method(index)
        if method.methodType() == QMetaMethod.MethodType.Signal and bytes(method.name().data()).decode() == name:
            return None if name in ours else bytes(method.methodSignature().data()).decode("ascii")
    return None


_made = {}
"""{address of an object: [(signature, function, slot)]}: connections live as long as the object, whoever knows it."""


class Connections:
    """The connections of one object; those that are made can be taken back."""

    def __init__(self, native):
        self.native = native
        address = getCppPointer(native)[0]
        if address not in _made:
            _made[address] = []
            native.destroyed.connect(functools.partial(_made.pop, address, None))
        self.made = _made[address]

    def connect(self, signature, function):
        if not callable(function):
            raise TypeError(f"{signature} cannot be connected to {function!r}: it is not callable")
        signature = self._existing(signature)
        guard = guarded(function)

        def slot(*arguments):
            return guard(*(wrapped(argument) for argument in arguments))

        self.made.append((signature, function, slot))
        signal = declared(self.native).get(signature)
        if signal is not None:
            signal.connect(slot)
        else:
            QObject.connect(self.native, SIGNAL(signature), slot)
        return True

    def disconnect(self, signature, function=None):
        """False where there is no such connection, which PythonQt does not mind either."""
        signature = self._existing(signature)
        found = [made for made in self.made if made[0] == signature and (function is None or made[1] == function)]
        for made in found:
            self.made.remove(made)
            signal = declared(self.native).get(signature)
            if signal is not None:
                signal.disconnect(made[2])
            else:
                QObject.disconnect(self.native, SIGNAL(signature), made[2])
        return bool(found)

    def restore(self, count):
        """Takes back all connections but the first ones."""
        for signature, function, _ in self.made[count:]:
            self.disconnect(signature, function)

    def emit(self, signature, arguments):
        signature = self._existing(signature)
        signal = declared(self.native).get(signature)
        (signal if signal is not None else getattr(self.native, signature.split("(")[0])).emit(*arguments)

    def _existing(self, signature):
        # PythonQt only returns False here, and a button that does nothing is found by a user.
        signature = normalized(signature)
        if signature in declared(self.native) or self.native.metaObject().indexOfSignal(signature) >= 0:
            return signature
        api.missing(type(self.native), signature.split("(")[0])
        raise ValueError(f"{type(self.native).__name__} has no signal {signature}")


class Signal:
    """A signal as an attribute: connect, disconnect; a call emits it."""

    def __init__(self, connections, signature):
        self._connections = connections
        self._signature = signature

    def connect(self, function):
        return self._connections.connect(self._signature, function)

    def disconnect(self, function=None):
        return self._connections.disconnect(self._signature, function)

    def emit(self, *arguments):
        self._connections.emit(self._signature, arguments)

    __call__ = emit
