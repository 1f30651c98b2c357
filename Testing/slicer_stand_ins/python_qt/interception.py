"""Methods that are not Qt's own here: those that would wait for a user, and those that PythonQt gives another form."""

_methods = {}


def intercept(native, name):
    """A decorator: the function is called in place of a method, with the object (None for a static call) first."""

    def register(function):
        _methods[native, name] = function
        return function

    return register


def interception(native, name):
    """What is called in place of a class's method; None where it is Qt's own."""
    for base in native.__mro__:
        if (base, name) in _methods:
            return _methods[base, name]
    return None
