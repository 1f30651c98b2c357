"""Python packages that the engine needs, installed only after the user agreed."""

from importlib.util import find_spec

PACKAGES = {
    "torch": "torch",
    "monai": "monai",
    "SimpleITK": "SimpleITK",
    "scipy": "scipy",
    "safetensors": "safetensors",
    "msgspec": "msgspec",
}
"""Import name -> what pip installs."""


def missingPackages(find=find_spec):
    """Names of packages that are not installed.

    :param find: importlib.util.find_spec, or a stand-in
    """
    return [name for name in PACKAGES if find(name) is None]


class DependencyInstaller:
    """Installs what is missing, once the user agreed.

    :param confirm: text -> True where the user agrees
    :param install: pip requirement -> None
    :param installTorch: installs torch the way the PyTorch extension does, or None where that is not there
    :param find: importlib.util.find_spec, or a stand-in
    """

    def __init__(self, confirm, install, installTorch=None, find=find_spec):
        self.confirm = confirm
        self.install = install
        self.installTorch = installTorch
        self.find = find

    def ensure(self):
        """True where all is there, or was installed; False where the user declined. Never installs unasked."""
        missing = missingPackages(self.find)
        if not missing:
            return True
        names = ", ".join(missing)
        if not self.confirm(
            f"MedMetaSlicer needs these Python packages: {names}. Install them now? This takes minutes."
        ):
            return False
        if "torch" in missing:
            if self.installTorch is not None:
                self.installTorch()
            else:
                self.install(PACKAGES["torch"])
        for name in missing:
            if name == "monai":
                self.install("--no-deps monai")  # its own pin of torch would replace the one that fits the GPU
            elif name != "torch":
                self.install(PACKAGES[name])
        return True
