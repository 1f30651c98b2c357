import pytest


@pytest.fixture
def dependencies(application):
    from MedMetaSlicerLib import dependencies

    return dependencies


def installer(dependencies, agrees, present=(), torch=None):
    asked, installed = [], []

    def confirm(text):
        asked.append(text)
        return agrees

    find = lambda name: object() if name in present else None  # noqa: E731
    return dependencies.DependencyInstaller(confirm, installed.append, torch, find), asked, installed


def test_nothing_is_asked_where_all_is_there(dependencies):
    ensure, asked, installed = installer(dependencies, True, present=dependencies.PACKAGES)
    assert ensure.ensure()
    assert not asked
    assert not installed


def test_nothing_is_installed_where_the_user_declines(dependencies):
    ensure, asked, installed = installer(dependencies, False)
    assert not ensure.ensure()
    assert "torch" in asked[0]
    assert not installed


def test_only_what_is_missing_is_installed_and_monai_without_its_torch(dependencies):
    ensure, _, installed = installer(dependencies, True, present=("torch", "SimpleITK", "scipy"))
    assert ensure.ensure()
    assert installed == ["--no-deps monai", "safetensors", "msgspec"]


def test_torch_comes_through_the_pytorch_extension_where_that_is_there(dependencies):
    calls = []
    ensure, _, installed = installer(dependencies, True, torch=lambda: calls.append("torch"))
    assert ensure.ensure()
    assert calls == ["torch"]
    assert "torch" not in installed
