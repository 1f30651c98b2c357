"""Objects and classes of Qt with PythonQt's manners."""

import functools
import inspect
import weakref
from types import FunctionType

from PySide6.QtCore import Property
from shiboken6 import Shiboken
from shiboken6.Shiboken import getCppPointer, isValid

from slicer_stand_ins import api
from slicer_stand_ins.python_qt.conversion import isObject, unwrapped, wrapped
from slicer_stand_ins.python_qt.interception import interception
from slicer_stand_ins.python_qt.signals import Connections, Signal, signatureOf

_classes = {}
_instances = weakref.WeakValueDictionary()
RENAMED = {"exec_": "exec", "print_": "print"}


def classFor(native):
    """The class that stands for one of PySide's, with the same bases."""
    if native not in _classes:
        bases = tuple(classFor(base) for base in native.__bases__ if issubclass(base, Shiboken.Object))
        if native is Shiboken.Object:
            return Instance
        _classes[native] = ClassType(
            native.__name__, bases or (Instance,), {"_nativeClass": native, "_ofPython": False}
        )
    return _classes[native]


class ClassType(type):
    """A Qt class: static methods, values of enumerations, methods that are called with an object."""

    def __new__(mcs, name, bases, members):
        if members.get("_ofPython", True) and bases:
            members["_ofPython"] = True
            members["_nativeClass"] = _overriding(name, bases[0]._nativeClass, members)
        return super().__new__(mcs, name, bases, members)

    def __getattr__(cls, name):
        if name.startswith("_"):
            raise AttributeError(name)
        native = cls.__dict__.get("_nativeClass") or cls._nativeClass
        api.check(native, name)
        intercepted = interception(native, name)
        if intercepted:
            return functools.partial(intercepted, None)
        try:
            value = getattr(native, RENAMED.get(name, name))
        except AttributeError:
            raise AttributeError(f"type object '{cls.__name__}' has no attribute '{name}'") from None
        return _called(value, name) if callable(value) and not isinstance(value, type) else wrapped(value)

    def __repr__(cls):
        return f"<class '{cls.__name__}' of Qt>"


def _overriding(name, native, members):
    """A class of PySide's whose virtual methods call those that a Python class has of the same names."""

    def forward(method):
        def call(self, *arguments):
            return unwrapped(getattr(self._instance, method)(*(wrapped(argument) for argument in arguments)))

        return call

    virtual = {
        key: forward(key) for key, value in members.items() if isinstance(value, FunctionType) and hasattr(native, key)
    }
    return type(native)(name, (native,), {key: value for key, value in virtual.items() if not key.startswith("_")})


def _called(function, name):
    @functools.wraps(function, assigned=("__doc__",), updated=())
    def call(*arguments, **named):
        if named:
            raise TypeError(f"{name}() takes no keyword arguments: PythonQt has none")
        return wrapped(function(*(unwrapped(argument) for argument in arguments)))

    call.__name__ = name
    return call


class Instance(metaclass=ClassType):
    """An object of Qt: properties are attributes, the rest is called; nothing else can be set.

    Classes that Python derives may have attributes of their own, as in PythonQt.
    """

    _nativeClass = Shiboken.Object
    _ofPython = False

    def __init__(self, *arguments, **named):
        cls = type(self)
        # Slicer's own examples set properties in the call: qt.QLabel(text="x") is not among what PythonQt can do.
        if named:
            raise TypeError(f"{cls.__name__}() takes no keyword arguments: PythonQt has none")
        native = cls._nativeClass(*(unwrapped(argument) for argument in arguments))
        self._take(native)
        if cls._ofPython:
            native._instance = self

    @classmethod
    def of(cls, native):
        """The one instance that stands for an object of PySide's."""
        known = getattr(native, "_instance", None) or (_instances.get(_key(native)) if isObject(native) else None)
        if known is not None and known._native is native:
            return known
        self = object.__new__(classFor(type(native)))
        self._take(native)
        return self

    def _take(self, native):
        object.__setattr__(self, "_native", native)
        if isObject(native):
            object.__setattr__(self, "_connections", Connections(native))
            _instances[_key(native)] = self

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        native = self._native
        if not isValid(native):
            raise ValueError(f"{name} of a {type(self).__name__} that is destroyed")
        api.check(type(native), name)
        if isObject(native):
            found = _propertyOf(native, name)
            if found:
                return _read(native, found)
            signature = signatureOf(native, name)
            if signature:
                return Signal(self._connections, signature)
        intercepted = interception(type(native), name)
        if intercepted:
            return functools.partial(intercepted, native)
        try:
            value = getattr(native, RENAMED.get(name, name))
        except AttributeError:
            api.missing(type(native), name)
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'") from None
        return _called(value, name) if callable(value) else wrapped(value)

    def __setattr__(self, name, value):
        if isObject(self._native):
            found = _propertyOf(self._native, name)
            if found:
                api.check(type(self._native), name)
                _write(self._native, found, value)
                return
        if not type(self)._ofPython:
            raise AttributeError(
                f"'{name}' does not exist on {type(self).__name__}, and attributes cannot be added to objects of Qt"
            )
        object.__setattr__(self, name, value)

    def connect(self, signal, receiver, slot=None):
        """connect("clicked()", function) or connect("clicked()", object, "slot()")."""
        return self._connections.connect(signal, _slot(receiver, slot))

    def disconnect(self, signal, receiver=None, slot=None):
        return self._connections.disconnect(signal, _slot(receiver, slot) if receiver is not None else None)

    def className(self):
        return self._native.metaObject().className() if isObject(self._native) else type(self).__name__

    def delete(self):
        Shiboken.delete(self._native)

    def __bool__(self):
        return isValid(self._native)

    def __eq__(self, other):
        if self is other:
            return True
        return isinstance(other, Instance) and not isObject(self._native) and self._native == other._native

    def __hash__(self):
        return hash(_key(self._native)) if isObject(self._native) else id(self)

    def __repr__(self):
        return f"{type(self).__name__} (Qt object)"


def _key(native):
    return getCppPointer(native)[0]


def _slot(receiver, slot):
    if slot is None:
        return receiver
    return getattr(receiver, slot.split("(")[0])


def _propertyOf(native, name):
    """The meta property of a name; `name` itself is objectName, as in PythonQt."""
    meta = native.metaObject()
    index = meta.indexOfProperty("objectName" if name == "name" and meta.indexOfProperty("name") < 0 else name)
    return meta.property(index) if index >= 0 else None


def _read(native, found):
    name = found.name()
    capital = name[0].upper() + name[1:]
    for getter in (name, f"is{capital}", f"has{capital}"):
        method = getattr(native, getter, None)
        if callable(method) and _takesNothing(method):
            return wrapped(method())
    return wrapped(native.property(name))


def _takesNothing(method):
    return not inspect.isfunction(getattr(method, "__func__", None)) or method.__func__.__code__.co_argcount == 1


def _write(native, found, value):
    name, value = found.name(), unwrapped(value)
    if not found.isWritable():
        raise AttributeError(f"property '{name}' of {type(native).__name__} is read only")
    setter = getattr(native, f"set{name[0].upper()}{name[1:]}", None)
    ofStandIn = isinstance(getattr(type(native), name, None), Property)
    if ofStandIn and not isinstance(value, bool | int | float | str | list):
        setattr(native, name, value)
    elif isinstance(value, bool | int | float | str | list) or setter is None:
        if not native.setProperty(name, value) and native.property(name) != value:
            raise ValueError(f"property '{name}' of {type(native).__name__} cannot be set to {value!r}")
    else:
        setter(value)
