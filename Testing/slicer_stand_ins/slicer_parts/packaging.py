"""slicer.packaging: what a module asks to be installed is written down; nothing is."""

installed = []
"""(name of the function, arguments, named arguments) of each call."""


def load_requirements(path):
    lines = open(path, encoding="utf-8").read().splitlines()  # noqa: SIM115
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def pip_check(requirements):
    return True


def pip_ensure(requirements, **options):
    installed.append(("pip_ensure", list(requirements), options))


def pip_install(requirements, **options):
    installed.append(("pip_install", requirements, options))
