"""What went wrong where no caller can catch it: in a slot, a timer, a virtual method."""

import inspect
import sys
import traceback
from contextlib import contextmanager

recorded = []
"""Exceptions of callbacks; Slicer prints them and goes on, a test fails by them."""


def complain():
    """:raises ExceptionGroup: exceptions in slots, timers and observers since the last call"""
    found = list(recorded)
    recorded.clear()
    if found:
        raise ExceptionGroup("in slots, timers or observers", found)


@contextmanager
def watched():
    """Records what VTK and Qt could only print, and complains at the end."""
    printed = sys.excepthook

    def take(kind, fault, trace):
        recorded.append(fault)
        printed(kind, fault, trace)

    recorded.clear()
    sys.excepthook = take
    try:
        yield
    finally:
        sys.excepthook = printed
    complain()


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
