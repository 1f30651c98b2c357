import sys


def pythonExecutable():
    return sys.executable
