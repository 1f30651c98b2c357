"""Python packages that the engine needs: looked up without importing them, installed only after the user agreed.

torch comes through the extension PyTorch, which knows the build that fits the GPU; the rest through
slicer.packaging.pip_ensure (Slicer 5.11 and later) or slicer.util.pip_install. In Slicer's Python console:

    from MedMetaSlicerLib.installation import install, installFromFolder
    install()                               # what is missing, from the network
    installFromFolder("/path/to/wheels")    # what is missing, without a network
"""

import importlib
import importlib.metadata
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import InvalidVersion

REQUIREMENTS = Path(__file__).resolve().parents[1] / "Resources" / "requirements.txt"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
"""Builds of torch without CUDA, for all systems."""
WITHOUT_TORCH = ("monai",)
"""What would bring a torch of its own, and with it perhaps one that does not fit the GPU."""
IMPORT_NAMES = {"pillow": "PIL"}
"""Import names of packages that have another one than on PyPI."""
REQUESTER = "MedMetaSlicer"


def readRequirements(path=REQUIREMENTS):
    """Requirements of a pip file, in its order; comments are left out.

    :return: list of packaging.requirements.Requirement
    """
    lines = (line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def installedVersion(name):
    """Version of an installed package; None where it, or all but its description, is missing. Imports nothing."""
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    return version if find_spec(IMPORT_NAMES.get(name, name)) else None


class Installer:
    """Finds what is missing or too old, and installs it once the user agreed. Main thread only.

    :param confirm: text -> True where the user agrees
    :param pipInstall: list of pip's arguments -> None (slicer.util.pip_install)
    :param pipEnsure: slicer.packaging.pip_ensure, or None where Slicer has none yet
    :param torchLogic: PyTorchUtils.PyTorchUtilsLogic, or None where the extension PyTorch is not installed
    :param showError: text -> None
    :param find: name -> version of the installed package, or None
    :param report: text -> None; told what is being done
    :param dialogs: False where nobody is there to close a dialog of Slicer's own
    :param translate: text -> translated text
    :param requirements: packaging.requirements.Requirement of each package
    """

    def __init__(
        self,
        confirm,
        pipInstall,
        pipEnsure=None,
        torchLogic=None,
        showError=print,
        find=installedVersion,
        report=lambda text: None,
        dialogs=True,
        translate=str,
        requirements=None,
    ):
        self.confirm = confirm
        self.pipInstall = pipInstall
        self.pipEnsure = pipEnsure
        self.torchLogic = torchLogic
        self.showError = showError
        self.find = find
        self.report = report
        self.dialogs = dialogs
        self.tr = translate
        self.requirements = readRequirements() if requirements is None else list(requirements)
        self._complete = False

    def missing(self):
        """Requirements that no installed package meets: it is absent or too old. Cheap once all is there."""
        if self._complete:
            return []
        missing = [requirement for requirement in self.requirements if not self._met(requirement)]
        self._complete = not missing
        return missing

    def ensure(self, device="auto"):
        """True where all is there, or was installed. Never installs unasked, and asks one question for all.

        :param device: "cpu" takes the small build of torch, without CUDA
        :return: False where the user declined, or where installing failed; the user was then told what to do
        """
        missing = self.missing()
        if not missing:
            return True
        if not self.confirm(self._question(missing)):
            return False
        return self._attempt(lambda: self._install(missing, device))

    def installFromFolder(self, folder):
        """Installs what is missing from a folder of wheels, without a network and without a question.

        :return: True where all is there in the end
        :raises FileNotFoundError: there is no such folder, or it holds no wheel
        """
        folder = Path(folder).expanduser()
        if not any(folder.glob("*.whl")):
            raise FileNotFoundError(f"{folder}: no wheels (*.whl) there. Name the folder that `pip download` wrote.")
        missing = self.missing()
        source = ["--no-index", "--find-links", str(folder)]

        def work():
            plain = [str(requirement) for requirement in missing if requirement.name not in WITHOUT_TORCH]
            alone = [str(requirement) for requirement in missing if requirement.name in WITHOUT_TORCH]
            if plain:
                self.pipInstall([*source, *plain])
            if alone:
                self.pipInstall([*source, "--no-deps", *alone])

        return self._attempt(work)

    def _met(self, requirement):
        version = self.find(requirement.name)
        try:
            # A development version, as Slicer brings of some packages, counts as what it is.
            return version is not None and requirement.specifier.contains(version, prereleases=True)
        except InvalidVersion:
            return False

    def _attempt(self, work):
        try:
            work()
        except Exception as error:  # pip, the extension PyTorch and the file system each have their own kinds
            self.showError(self._advice(error))
            return False
        importlib.invalidate_caches()
        if self.missing():
            self.showError(self._advice())
            return False
        return True

    def _install(self, missing, device):
        byName = {requirement.name: requirement for requirement in missing}
        torch = byName.pop("torch", None)
        if torch is not None:
            self.report(self.tr("Installing PyTorch ..."))
            self._installTorch(torch, device)
        alone = [str(byName.pop(name)) for name in WITHOUT_TORCH if name in byName]
        others = [str(requirement) for requirement in byName.values()]
        self.report(self.tr("Installing Python packages ..."))
        if self.pipEnsure is None:
            if alone:
                self.pipInstall(["--no-deps", *alone])
            if others:
                self.pipInstall(others)
            return
        # Slicer's question is not asked: ours was. Its offer to restart comes after the last step only.
        options = {"prompt_install": False, "show_progress": self.dialogs, "requester": REQUESTER}
        if alone:
            self.pipEnsure(alone, skip_packages=["torch"], prompt_restart=self.dialogs and not others, **options)
        if others:
            self.pipEnsure(others, prompt_restart=self.dialogs, **options)

    def _installTorch(self, requirement, device):
        if self.torchLogic is not None:
            self.torchLogic.installTorch(
                askConfirmation=False,
                forceComputationBackend="cpu" if device == "cpu" else None,
                torchVersionRequirement=str(requirement.specifier),
            )
            return
        try:
            self.pipInstall([str(requirement), "--index-url", CPU_INDEX])
        except Exception:  # where only PyPI, or a mirror of it, can be reached: larger, and works too
            self.pipInstall([str(requirement)])

    def _question(self, missing):
        text = self.tr("MedMetaSlicer needs Python packages that are not installed yet:")
        text += "\n\n" + self._list(missing) + "\n\n"
        if self.torchLogic is None and any(requirement.name == "torch" for requirement in missing):
            text += self.tr(
                "The extension PyTorch is not installed, so PyTorch comes for the processor (CPU) only. To compute on "
                "a GPU, press Cancel and install PyTorch from the Extensions Manager first."
            )
            text += "\n\n"
        text += self.tr(
            "They are downloaded into Slicer's own Python: some hundred megabytes, with an NVIDIA GPU several "
            "gigabytes. This takes minutes, once. Install them now?"
        )
        return text

    def _list(self, requirements):
        lines = []
        for requirement in requirements:
            version = self.find(requirement.name)
            too_old = self.tr("{version} is installed").format(version=version) if version else ""
            lines.append(f"- {requirement}" + (f" ({too_old})" if too_old else ""))
        return "\n".join(lines)

    def _advice(self, error=None):
        heading = self.tr("Not all Python packages could be installed. Still missing:")
        parts = [heading + "\n" + self._list(self.missing())]
        if error is not None:
            parts.append(f"{type(error).__name__}: {error}")
        parts.append(self.tr("What was installed stays. When you try again, it goes on from there."))
        parts.append(
            self.tr(
                "Behind a proxy: set the environment variable HTTPS_PROXY, for example to "
                "http://proxy.example.org:8080, and start Slicer again."
            )
        )
        parts.append(
            self.tr("Without a network: run this in a terminal of a computer that has one, and the same Slicer:")
            + f'\nPythonSlicer -m pip download -d wheels --extra-index-url {CPU_INDEX} -r "{REQUIREMENTS}"\n'
            + self.tr("Copy the folder wheels to this computer, and run this in Slicer's Python console:")
            + '\nfrom MedMetaSlicerLib.installation import installFromFolder\ninstallFromFolder("/path/to/wheels")'
        )
        parts.append(
            self.tr(
                "Files in use, or access denied: another module has loaded a package already. Restart Slicer and try "
                "again before anything else."
            )
        )
        parts.append(self.tr("pip's own messages are in the Python console."))
        return "\n\n".join(parts)


def makeInstaller(confirm=None, showError=None, translate=str):
    """The Installer that works in the running Slicer. In a test run of Slicer the answer is no: nothing is installed.

    :param confirm: text -> True where the user agrees; by default Slicer's dialog
    :param showError: text -> None; by default Slicer's dialog
    """
    import slicer

    try:
        from slicer.packaging import pip_ensure
    except ImportError:  # Slicer 5.10
        pip_ensure = None
    try:
        from PyTorchUtils import PyTorchUtilsLogic

        torchLogic = PyTorchUtilsLogic()
    except ImportError:
        torchLogic = None

    def ask(text):
        return slicer.util.confirmOkCancelDisplay(text, windowTitle=REQUESTER)

    def show(text):
        slicer.util.errorDisplay(text, windowTitle=REQUESTER)

    return Installer(
        confirm=(lambda text: False) if slicer.app.testingEnabled() else confirm or ask,
        pipInstall=slicer.util.pip_install,
        pipEnsure=pip_ensure,
        torchLogic=torchLogic,
        showError=showError or show,
        report=lambda text: slicer.util.showStatusMessage(text, 3000),
        dialogs=slicer.util.mainWindow() is not None,
        translate=translate,
    )


def install(device="auto"):
    """Installs what is missing without a question, for the Python console and scripts; prints what went wrong.

    :param device: "cpu" takes the small build of torch, without CUDA
    :return: True where all is there in the end
    """
    return makeInstaller(confirm=lambda text: True, showError=print).ensure(device)


def installFromFolder(folder):
    """Installs what is missing from a folder of wheels, for the Python console and scripts; prints what went wrong.

    :return: True where all is there in the end
    """
    return makeInstaller(showError=print).installFromFolder(folder)
