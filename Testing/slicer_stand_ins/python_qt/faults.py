"""What went wrong where no caller can catch it: in a slot, a timer, a virtual method."""

import inspect
import traceback

recorded = []
"""Exceptions of callbacks since the last clear(); Slicer prints them and goes on."""


def guarded(function):
    """Calls a function as PythonQt calls a slot: with as many arguments as it takes; an exception is recorded."""
    limit = _positional(function)

    def call(*arguments):
        try:
            return function(*arguments[:limit])
        except Exception as fault:
            traceback.print_exc()
            recorded.append(fault)
            return None

    return call


def _positional(function):
    """How many arguments a Python function or method takes; None for any number, or where PythonQt does not look."""
    if inspect.ismethod(function) and inspect.isfunction(function.__func__):
        code, bound = function.__func__.__code__, 1
    elif inspect.isfunction(function):
        code, bound = function.__code__, 0
    else:
        return None
    if code.co_flags & inspect.CO_VARARGS:
        return None
    return code.co_argcount - bound
