import importlib.metadata
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from subprocess import CalledProcessError
from types import ModuleType, SimpleNamespace

import pytest
from packaging.requirements import Requirement

from MedMetaSlicerLib import installation
from MedMetaSlicerLib.installation import REQUIREMENTS, Installer, readRequirements

ROOT = Path(__file__).resolve().parents[2]
NAMES = [requirement.name for requirement in readRequirements()]
EVERYTHING = dict.fromkeys(NAMES, "99")


class Machine:
    """Installed packages, and all that installs more: nothing real is touched.

    :param installed: {name: version}
    :param fails: text in a pip command at which that command fails
    """

    def __init__(self, installed=(), agrees=True, extension=False, ensures=False, fails=None):
        self.installed = dict(installed)
        self.agrees = agrees
        self.fails = fails
        self.questions, self.errors, self.commands, self.torch = [], [], [], []
        self.installer = Installer(
            confirm=lambda text: self.questions.append(text) or self.agrees,
            pipInstall=self.pipInstall,
            pipEnsure=self.pipEnsure if ensures else None,
            torchLogic=self if extension else None,
            showError=self.errors.append,
            find=self.installed.get,
        )

    def pipInstall(self, requirements):
        command = " ".join(requirements)
        if self.fails and self.fails in command:
            raise CalledProcessError(1, ["pip", "install", *requirements])
        self.commands.append(command)
        self._add(requirements)

    # The parameters of Slicer 5.11's slicer.packaging.pip_ensure.
    def pipEnsure(
        self,
        requirements,
        constraints=None,
        skip_packages=None,
        prompt_install=True,
        prompt_restart=True,
        requester=None,
        skip_in_testing=True,
        show_progress=True,
    ):
        assert not prompt_install, "the user would be asked a second time"
        assert requester == "MedMetaSlicer"
        dialogs = f"restart {prompt_restart} progress {show_progress}"
        self.commands.append(f"ensure {' '.join(requirements)} skipping {skip_packages} {dialogs}")
        self._add(requirements)

    # The parameters of PyTorchUtilsLogic.installTorch.
    def installTorch(
        self,
        askConfirmation=False,
        forceComputationBackend=None,
        torchVersionRequirement=None,
        torchvisionVersionRequirement=None,
    ):
        assert not askConfirmation, "the user would be asked a second time"
        self.torch.append((forceComputationBackend, torchVersionRequirement))
        self._add([f"torch{torchVersionRequirement}"])

    def _add(self, requirements):
        for text in requirements:
            name = text.split(">=")[0]
            if name in NAMES:
                self.installed[name] = text.split(">=")[1]


def test_the_requirements_are_those_of_the_engine():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert [str(requirement) for requirement in readRequirements()] == project["dependencies"]


def test_the_requirements_are_installed_with_the_module():
    assert "  Resources/requirements.txt\n" in (ROOT / "MedMetaSlicer/CMakeLists.txt").read_text(encoding="utf-8")


def test_nothing_is_asked_where_all_is_there():
    machine = Machine(EVERYTHING)
    assert machine.installer.ensure()
    assert not machine.questions
    assert not machine.commands


def test_once_all_is_there_nothing_is_looked_up_again():
    # The panel asks whenever it shows what can be done.
    machine = Machine({**EVERYTHING, "rich": None})
    lookedUp = []
    machine.installer.find = lambda name: lookedUp.append(name) or machine.installed[name]
    assert machine.installer.missing()
    machine.installed["rich"] = "14"
    assert not machine.installer.missing()
    lookedUp.clear()
    assert not machine.installer.missing()
    assert not lookedUp


def test_a_package_that_is_too_old_is_a_missing_one_and_the_question_says_what_is_there():
    machine = Machine({**EVERYTHING, "monai": "1.3.0"})
    assert [requirement.name for requirement in machine.installer.missing()] == ["monai"]
    assert machine.installer.ensure()
    assert "monai>=1.5 (1.3.0 is installed)" in machine.questions[0]


@pytest.mark.parametrize("version", ["2.5.0.dev117", "2.5.2.post1", "2.4"])
def test_a_development_version_that_is_new_enough_is_left_alone(version):
    # Replacing the SimpleITK that a Slicer was built with would break others.
    assert not Machine({**EVERYTHING, "SimpleITK": version}).installer.missing()


def test_a_version_that_is_none_counts_as_missing():
    assert Machine({**EVERYTHING, "rich": "unknown"}).installer.missing()


def test_nothing_is_installed_where_the_user_declines():
    machine = Machine(agrees=False, extension=True, ensures=True)
    assert not machine.installer.ensure()
    assert all(name in machine.questions[0] for name in NAMES)
    assert not machine.commands
    assert not machine.torch
    assert not machine.errors


def test_one_question_is_asked_for_everything_and_none_afterwards():
    machine = Machine(extension=True, ensures=True)
    assert machine.installer.ensure()
    assert machine.installer.ensure()
    assert len(machine.questions) == 1


def test_torch_comes_through_the_pytorch_extension_in_a_version_that_will_do():
    machine = Machine(extension=True)
    assert machine.installer.ensure()
    assert machine.torch == [(None, ">=2.8")]
    assert not any("torch" in command for command in machine.commands)


def test_on_the_cpu_the_pytorch_extension_takes_the_build_for_the_cpu():
    machine = Machine(extension=True)
    assert machine.installer.ensure(device="cpu")
    assert machine.torch == [("cpu", ">=2.8")]


def test_without_the_pytorch_extension_torch_for_the_cpu_comes_and_the_question_says_so():
    machine = Machine()
    assert machine.installer.ensure()
    assert machine.commands[0] == "torch>=2.8 --index-url https://download.pytorch.org/whl/cpu"
    assert "PyTorch comes for the processor (CPU) only" in machine.questions[0]
    assert "CPU" not in Machine({"torch": "2.8"}).installer._question([Requirement("monai>=1.5")])


def test_where_only_pypi_can_be_reached_torch_comes_from_there():
    machine = Machine(fails="download.pytorch.org")
    assert machine.installer.ensure()
    assert machine.commands[0] == "torch>=2.8"


def test_slicer_with_pip_ensure_installs_monai_without_its_torch_and_offers_to_restart_once_at_the_end():
    machine = Machine({**EVERYTHING, "monai": None, "msgspec": None, "rich": "1"}, ensures=True)
    assert machine.installer.ensure()
    assert machine.commands == [
        "ensure monai>=1.5 skipping ['torch'] restart False progress True",
        "ensure msgspec>=0.19 rich>=13 skipping None restart True progress True",
    ]


def test_without_a_window_nothing_waits_for_somebody_to_close_a_dialog():
    machine = Machine({**EVERYTHING, "monai": None, "msgspec": None}, ensures=True)
    machine.installer.dialogs = False
    assert machine.installer.ensure()
    assert all(command.endswith("restart False progress False") for command in machine.commands)


def test_slicer_without_pip_ensure_installs_monai_without_its_torch():
    machine = Machine({**EVERYTHING, "monai": None, "msgspec": None})
    assert machine.installer.ensure()
    assert machine.commands == ["--no-deps monai>=1.5", "msgspec>=0.19"]


def test_what_failed_half_way_goes_on_from_there_when_it_is_tried_again():
    machine = Machine(extension=True, fails="msgspec")
    assert not machine.installer.ensure()
    assert len(machine.torch) == 1
    machine.fails = None
    assert machine.installer.ensure()
    assert len(machine.torch) == 1
    assert "monai" not in machine.commands[-1]
    assert "msgspec>=0.19" in machine.commands[-1]


def test_without_a_network_the_message_says_what_is_missing_and_what_to_do():
    machine = Machine({**EVERYTHING, "msgspec": None}, fails="msgspec")
    assert not machine.installer.ensure()
    (message,) = machine.errors
    assert "Still missing:\n- msgspec>=0.19\n" in message
    assert "HTTPS_PROXY" in message
    assert f'pip download -d wheels --extra-index-url {installation.CPU_INDEX} -r "{REQUIREMENTS}"' in message
    assert 'installFromFolder("/path/to/wheels")' in message
    assert REQUIREMENTS.is_file()


def test_an_installer_that_does_nothing_is_not_believed():
    # pip_ensure returns without a word in a test run of Slicer, and where a dependency of a package failed.
    machine = Machine({**EVERYTHING, "msgspec": None}, ensures=True)
    machine._add = lambda requirements: None
    assert not machine.installer.ensure()
    assert "msgspec>=0.19" in machine.errors[0]


def test_a_package_of_which_only_the_description_is_left_is_missing(monkeypatch):
    assert installation.installedVersion("pillow") == importlib.metadata.version("pillow")
    assert installation.installedVersion("no-such-package-at-all") is None
    monkeypatch.setattr(installation, "find_spec", lambda name: None)
    assert installation.installedVersion("pillow") is None


def test_looking_for_packages_imports_none_of_them():
    code = (
        "import sys; from MedMetaSlicerLib.installation import Installer; Installer(None, None).missing();"
        "print([name for name in ('torch', 'monai', 'SimpleITK', 'scipy', 'msgspec', 'PIL') if name in sys.modules])"
    )
    environment = {"PYTHONPATH": str(ROOT / "MedMetaSlicer")}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert out.stdout.strip() == "[]"


def wheel(folder, name, version, requires=""):
    """A wheel with one empty module."""
    info = f"{name}-{version}.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", "")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: me\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")


def test_real_pip_installs_from_a_folder_of_wheels_without_a_network(tmp_path):
    wheels, target = tmp_path / "wheels", tmp_path / "packages"
    wheels.mkdir()
    wheel(wheels, "torch", "2.8.0")
    wheel(wheels, "monai", "1.5.1", requires="torch>=99")  # would fail with its dependencies

    def pip(arguments):
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target), *arguments]
        subprocess.run(command, check=True, capture_output=True)

    def find(name):
        found = [d.version for d in importlib.metadata.distributions(path=[str(target)]) if d.name == name]
        return found[0] if found else None

    wanted = [Requirement("torch>=2.8"), Requirement("monai>=1.5")]
    installer = Installer(None, pip, showError=print, find=find, requirements=wanted)
    assert [r.name for r in installer.missing()] == ["torch", "monai"]
    assert installer.installFromFolder(wheels)
    assert find("monai") == "1.5.1"
    assert installer.installFromFolder(wheels), "with nothing missing, nothing is done"


def test_a_folder_without_wheels_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no wheels \(\*\.whl\) there"):
        Machine().installer.installFromFolder(tmp_path)


@pytest.fixture
def slicer(monkeypatch):
    """The parts of the slicer package that installing touches, as of Slicer 5.10 without the extension PyTorch."""
    shown = SimpleNamespace(questions=[], errors=[], testing=False, answer=True, window=object())
    module = ModuleType("slicer")
    module.app = SimpleNamespace(testingEnabled=lambda: shown.testing)
    module.util = SimpleNamespace(
        confirmOkCancelDisplay=lambda text, windowTitle=None: shown.questions.append(text) or shown.answer,
        pip_install=lambda requirements: None,
        errorDisplay=lambda text, windowTitle=None: shown.errors.append(text),
        showStatusMessage=lambda message, duration=0: None,
        mainWindow=lambda: shown.window,
    )
    module.shown = shown
    monkeypatch.setitem(sys.modules, "slicer", module)
    monkeypatch.setitem(sys.modules, "slicer.packaging", None)
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    monkeypatch.setattr(Installer, "missing", lambda self: [Requirement("msgspec>=0.19")])
    return module


def test_in_slicer_without_pip_ensure_and_pytorch_extension_pip_install_is_used(slicer):
    installer = installation.makeInstaller()
    assert installer.pipEnsure is None
    assert installer.torchLogic is None
    assert installer.pipInstall is slicer.util.pip_install
    assert not installer.ensure()
    assert len(slicer.shown.questions) == len(slicer.shown.errors) == 1


def test_in_newer_slicer_pip_ensure_and_the_pytorch_extension_are_found(slicer, monkeypatch):
    def ensure(requirements, **options):
        return None

    class Logic:
        pass

    monkeypatch.setitem(sys.modules, "slicer.packaging", SimpleNamespace(pip_ensure=ensure))
    monkeypatch.setitem(sys.modules, "PyTorchUtils", SimpleNamespace(PyTorchUtilsLogic=Logic))
    installer = installation.makeInstaller()
    assert installer.pipEnsure is ensure
    assert isinstance(installer.torchLogic, Logic)


def test_a_test_run_of_slicer_installs_nothing(slicer):
    slicer.shown.testing = True
    installed = []
    slicer.util.pip_install = installed.append
    assert not installation.makeInstaller().ensure()
    assert not installation.install()
    assert installed == slicer.shown.questions == []


def test_in_the_python_console_install_asks_nothing_and_prints_what_went_wrong(slicer, capsys):
    installed = []
    slicer.util.pip_install = installed.append
    assert not installation.install()
    assert slicer.shown.questions == slicer.shown.errors == []
    assert installed == [["msgspec>=0.19"]]
    assert "Still missing:\n- msgspec>=0.19" in capsys.readouterr().out


def test_dialogs_need_a_main_window(slicer):
    assert installation.makeInstaller().dialogs
    slicer.shown.window = None
    assert not installation.makeInstaller().dialogs
