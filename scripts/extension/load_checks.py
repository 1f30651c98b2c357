"""Checks of what happens when Slicer loads a module at its start: nothing heavy is imported, and nothing is installed.

Files are read, not run: the imports at load of the module file are followed through the files of the module.
"""

import ast
import sys

AT_HAND = {
    "PythonQt",
    "SegmentEditorEffects",
    "ctk",
    "numpy",
    "packaging",
    "qt",
    "slicer",
    "vtk",
    *sys.stdlib_module_names,
}
"""What Slicer has loaded, or loads in no time; all else waits until it is needed."""
INSTALLING = {"pip_install", "pip_ensure", "installTorch", "pipInstall", "pipEnsure"}
BLOCKING = {"Popen", "check_call", "check_output", "system", "urlopen", "urlretrieve"}
INSTALLER = "installation.py"
"""The file that may install, inside its functions."""


def at_load(body):
    """Nodes that run when a file is loaded: all but what is in functions and in `if TYPE_CHECKING`."""
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from at_load(node.orelse)
            continue
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        yield node
        yield from at_load(ast.iter_child_nodes(node))


def imports(tree, module, name):
    """(module, line) of everything that a file imports at load; for `from a import b` both a and a.b."""
    package = name.removesuffix(".py").split("/")[:-1]
    for node in at_load(ast.parse(tree.text(f"{module}/{name}"), f"{module}/{name}").body):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base, node.lineno
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)


def files_of(dotted, present):
    """Files of the module that importing a dotted name runs: every package's __init__.py on the way, and its own."""
    parts = dotted.split(".")
    paths = ["/".join(parts[: i + 1]) for i in range(len(parts))]
    return [file for path in paths for file in (f"{path}/__init__.py", f"{path}.py") if file in present]


def check_imports(tree):
    """The module file, and all that it imports at load, needs nothing that Slicer does not have at hand."""
    found = []
    for module in tree.modules():
        names = [name.removeprefix(f"{module}/") for name in tree.files() if name.startswith(f"{module}/")]
        present = {name for name in names if name.endswith(".py")}
        own = {name.split("/")[0].removesuffix(".py") for name in present}
        waiting, seen = [f"{module}.py"] if f"{module}.py" in present else [], set()
        # All of the library counts: what one file does not import at load, another part of Slicer may.
        waiting += sorted(name for name in present if name.startswith(f"{module}Lib/"))
        while waiting:
            name = waiting.pop(0)
            if name in seen:
                continue
            seen.add(name)
            reported = set()
            for dotted, line in imports(tree, module, name):
                top = dotted.split(".")[0]
                if top in own:
                    waiting += files_of(dotted, present)
                elif top not in AT_HAND and not top.startswith("vtk") and top not in reported:
                    reported.add(top)
                    found.append(
                        f"{module}/{name}, line {line}: imports {top} when Slicer starts; import it where it is used"
                    )
    return found


def check_installing(tree):
    """Packages are installed by one file alone, and nothing is installed, run or downloaded at load."""
    found = []
    for module in tree.modules():
        prefix = f"{module}/"
        library = (f"{prefix}{module}.py", f"{prefix}{module}Lib/")
        for name in tree.files():
            if not name.endswith(".py") or not name.startswith(library):
                continue
            code = ast.parse(tree.text(name), name)
            running = [node for node in at_load(code.body) if isinstance(node, ast.Call)]
            inside = [
                node for scope in _constructors(code, module) for node in ast.walk(scope) if isinstance(node, ast.Call)
            ]
            for call in (*running, *inside):
                if _called(call) in INSTALLING | BLOCKING:
                    found.append(f"{name}, line {call.lineno}: calls {_called(call)} when Slicer starts")
            if not name.endswith(INSTALLER):
                calls = [node for node in ast.walk(code) if isinstance(node, ast.Call) and _called(node) in INSTALLING]
                found += [f"{name}, line {c.lineno}: calls {_called(c)}; {INSTALLER} is there for that" for c in calls]
    return found


def _called(call):
    """The last part of the name of what a call calls."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _constructors(code, module):
    """Methods that Slicer runs at its start: the module class's own."""
    for node in code.body:
        if isinstance(node, ast.ClassDef) and node.name == module:
            yield from (item for item in node.body if isinstance(item, ast.FunctionDef))


CHECKS = {"imports at start-up": check_imports, "nothing installed at start-up": check_installing}
