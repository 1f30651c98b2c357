"""A checkout of the extension: its files, and what its CMake files say."""

import re
import subprocess
from pathlib import Path


class Tree:
    """Reads a checkout; the paths it gives are relative to it and have forward slashes.

    :param root: folder with the top-level CMakeLists.txt
    """

    def __init__(self, root):
        self.root = Path(root)

    def files(self):
        """Every file that belongs to the repository or could be added to it, sorted; without git, every file."""
        command = ["git", "-C", str(self.root), "ls-files", "-co", "--exclude-standard", "-z"]
        if (self.root / ".git").exists():
            out = subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8")
            return sorted(name for name in set(out.split("\0")) if name and self.exists(name))
        skipped = {"__pycache__", ".git"}
        paths = (path for path in self.root.rglob("*") if path.is_file() and not skipped & set(path.parts))
        return sorted(path.relative_to(self.root).as_posix() for path in paths)

    def history_bytes(self):
        """Bytes that the history takes in a clone; 0 without git."""
        if not (self.root / ".git").exists():
            return 0
        command = ["git", "-C", str(self.root), "count-objects", "-v"]
        out = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        kibibytes = dict(re.findall(r"^([\w-]+): (\d+)$", out, flags=re.MULTILINE))
        return 1024 * (int(kibibytes["size"]) + int(kibibytes["size-pack"]))

    def exists(self, name):
        """True where there is such a file."""
        return (self.root / name).is_file()

    def bytes(self, name):
        """The content of a file."""
        return (self.root / name).read_bytes()

    def text(self, name):
        """The text of a file; empty where there is none, so that a check can go on and name it."""
        if not self.exists(name):
            return ""
        try:
            return self.bytes(name).decode("utf-8").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            raise OSError(f"{name}: is no text in UTF-8") from error

    def variable(self, name):
        """A variable that the top-level CMakeLists.txt sets to a quoted text on one line, as the index reads it."""
        found = re.search(rf'^set\({name} "([^"\n]*)"\)$', self.text("CMakeLists.txt"), flags=re.MULTILINE)
        return found[1].strip() if found else ""

    def project(self):
        """The name in project() of the top-level CMakeLists.txt, or ""."""
        found = re.search(r"^project\(\s*(\w+)", self.text("CMakeLists.txt"), flags=re.MULTILINE)
        return found[1] if found else ""

    def modules(self):
        """Folders of modules: those that the top-level CMakeLists.txt adds."""
        return re.findall(r"^add_subdirectory\((\w+)\)$", self.text("CMakeLists.txt"), flags=re.MULTILINE)

    def listed(self, module, variable):
        """Files that a module's CMakeLists.txt lists in MODULE_PYTHON_SCRIPTS or MODULE_PYTHON_RESOURCES."""
        text = self.text(f"{module}/CMakeLists.txt")
        name = re.search(r"set\(MODULE_NAME (\w+)\)", text)
        found = re.search(rf"set\({variable}\s+(.*?)\)", text, flags=re.DOTALL)
        # A bracket in ${MODULE_NAME} is no round one: the first ")" ends the list.
        names = found[1].split() if found else []
        return [item.replace("${MODULE_NAME}", name[1] if name else "") for item in names]
