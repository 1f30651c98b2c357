"""Checks of what the extension index reads: its entry, the top-level CMakeLists.txt, licence and README.

Every check takes a Tree and gives a list of problems, each a text that names the file.
"""

import json
import re
from urllib.parse import urlsplit

CMAKE = "CMakeLists.txt"
VARIABLES = ("HOMEPAGE", "CATEGORY", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS")
SCHEMA = (
    "https://raw.githubusercontent.com/Slicer/Slicer/main/Schemas/slicer-extension-catalog-entry-schema-v1.0.2.json#"
)
FIELDS = {
    "$schema": str,
    "build_dependencies": list,
    "build_subdirectory": str,
    "category": str,
    "dicom_support_rule": str,
    "enabled": bool,
    "scm_revision": str,
    "scm_type": str,
    "scm_url": str,
    "tier": int,
}
"""Every field of the schema, with its type."""
REQUIRED = ("$schema", "category", "scm_url", "scm_revision", "build_dependencies", "tier")
LICENSES = ("LICENSE", "LICENCE", "License.txt", "license.txt", "LICENSE.txt", "COPYING", "COPYING.txt")
SIGNATURES = {".png": b"\x89PNG\r\n\x1a\n", ".jpg": b"\xff\xd8\xff", ".jpeg": b"\xff\xd8\xff", ".gif": b"GIF8"}


def entry_name(tree):
    """Path of the entry in the repository; it goes to the root of the index."""
    return f"Resources/ExtensionsIndex/{tree.project()}.json"


def entry(tree):
    """The entry's fields; none where it cannot be read."""
    try:
        found = json.loads(tree.text(entry_name(tree)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def check_name(tree):
    """project() in CMake, entry, module folder and module file have one name, which does not begin with Slicer."""
    name, problems = tree.project(), []
    if not name:
        return [f"{CMAKE}: has no project(Name)"]
    if name.lower().startswith("slicer"):
        problems.append(f"{CMAKE}: the extension's name {name} must not begin with Slicer")
    entries = [file for file in tree.files() if file.startswith("Resources/ExtensionsIndex/")]
    if entries != [entry_name(tree)]:
        problems.append(
            f"{CMAKE}: project({name}) wants {entry_name(tree)}, and there is {', '.join(entries) or 'none'}"
        )
    problems += [
        f"{module}/{module}.py: is missing" for module in tree.modules() if not tree.exists(f"{module}/{module}.py")
    ]
    if name not in tree.modules():
        problems.append(f"{CMAKE}: no add_subdirectory({name})")
    return problems


def check_schema(tree):
    """The entry has the schema's fields, and is written as the index writes its files."""
    name, text = entry_name(tree), tree.text(entry_name(tree))
    try:
        fields = json.loads(text)
    except ValueError as error:
        return [f"{name}: is no JSON: {error}"]
    if not isinstance(fields, dict):
        return [f"{name}: is no JSON object"]
    problems = [f"{name}: {field} is missing" for field in REQUIRED if field not in fields]
    for field, value in fields.items():
        wanted = FIELDS.get(field)
        if wanted is None:
            problems.append(f"{name}: {field} is no field of the schema")
        elif type(value) is not wanted:  # True is an int to isinstance, and not to JSON
            problems.append(f"{name}: {field} must be of type {wanted.__name__}")
    if fields.get("$schema", SCHEMA) != SCHEMA:
        problems.append(f"{name}: $schema must be {SCHEMA}")
    if type(fields.get("tier")) is int and not 1 <= fields["tier"] <= 5:
        problems.append(f"{name}: tier must be 1 to 5")
    dependencies = fields.get("build_dependencies")
    if isinstance(dependencies, list) and not all(isinstance(item, str) for item in dependencies):
        problems.append(f"{name}: build_dependencies must be names")
    if not problems and text != json.dumps(fields, indent=2, sort_keys=True) + "\n":
        problems.append(f"{name}: indent by two, sort the fields, one item a line, one line end at the end")
    return problems


def check_metadata(tree):
    """Every EXTENSION_ variable is set, on one line and in quotes, as the index reads it."""
    names = [f"EXTENSION_{name}" for name in VARIABLES]
    problems = [f'{CMAKE}: set({name} "...") is missing or empty' for name in names if not tree.variable(name)]
    description = tree.variable("EXTENSION_DESCRIPTION")
    sentences = [part for part in re.split(r"[.!?](?:\s|$)", description) if part.strip()]
    if len(sentences) > 2 or len(description) > 300:
        problems.append(f"{CMAKE}: EXTENSION_DESCRIPTION must be one or two sentences, of 300 characters at most")
    return problems


def check_category(tree):
    """CMake and the entry name the category Segmentation."""
    found = {CMAKE: tree.variable("EXTENSION_CATEGORY"), entry_name(tree): entry(tree).get("category", "")}
    return [
        f"{name}: category {value!r} must be 'Segmentation'" for name, value in found.items() if value != "Segmentation"
    ]


def check_dependencies(tree):
    """CMake and the entry name the same extensions, PyTorch among them."""
    name, wanted = entry_name(tree), tree.variable("EXTENSION_DEPENDS").split()
    listed, problems = entry(tree).get("build_dependencies", []), []
    if "PyTorch" not in wanted:
        problems.append(f"{CMAKE}: EXTENSION_DEPENDS must have PyTorch")
    if listed != wanted:
        problems.append(f"{name}: build_dependencies {listed} are not CMake's EXTENSION_DEPENDS {wanted}")
    return problems


def repository(tree):
    """(owner, name) of the repository that the entry names; empty texts where it names none."""
    parts = urlsplit(str(entry(tree).get("scm_url", ""))).path.strip("/").split("/")
    return (parts[0], parts[1].removesuffix(".git")) if len(parts) == 2 else ("", "")


def check_repository(tree):
    """The entry's address is one that the index takes, and the homepage is there."""
    name, fields, problems = entry_name(tree), entry(tree), []
    url = urlsplit(str(fields.get("scm_url", "")))
    if url.scheme not in ("https", "git") or not url.netloc or "" in repository(tree):
        problems.append(f"{name}: scm_url must be https://host/owner/repository.git")
    if not fields.get("scm_revision"):
        problems.append(f"{name}: scm_revision must be a branch")
    homepage = tree.variable("EXTENSION_HOMEPAGE")
    if homepage.rstrip("/") != f"https://{url.netloc}/{'/'.join(repository(tree))}":
        problems.append(f"{CMAKE}: EXTENSION_HOMEPAGE {homepage} is not the repository of {name}")
    return problems


def check_pictures(tree):
    """Icon and screenshots are addresses of raw pictures, each of which lies in this repository."""
    raw = f"https://raw.githubusercontent.com/{'/'.join(repository(tree))}/{entry(tree).get('scm_revision', '')}/"
    problems = []
    for variable in ("EXTENSION_ICONURL", "EXTENSION_SCREENSHOTURLS"):
        urls = tree.variable(variable).split()
        if variable == "EXTENSION_ICONURL" and len(urls) != 1:
            problems.append(f"{CMAKE}: {variable} must be one address")
        for url in urls:
            file = url.removeprefix(raw)
            suffix = re.search(r"(\.\w+)?$", file)[0].lower()
            if file == url:
                problems.append(f"{CMAKE}: {variable} {url} does not begin with {raw}")
            elif file not in tree.files():
                problems.append(f"{CMAKE}: {variable} names {file}, which is not in the repository")
            elif suffix not in SIGNATURES or not tree.bytes(file).startswith(SIGNATURES[suffix]):
                problems.append(f"{file}: is no picture of its kind (PNG, JPEG or GIF)")
    return problems


def check_licence(tree):
    """A licence file lies at the top, and the README names the licence."""
    found = [name for name in LICENSES if tree.exists(name)]
    if not found:
        return ["LICENSE.txt: is missing"]
    text = " ".join(tree.text(found[0]).split())
    if "Apache License Version 2.0" not in text:
        return [f"{found[0]}: is not the Apache License 2.0 that README.md and pyproject.toml name"]
    problems = []
    if "Apache-2.0" not in tree.text("README.md"):
        problems.append("README.md: does not name the licence, Apache-2.0")
    if 'license = "Apache-2.0"' not in tree.text("pyproject.toml"):
        problems.append("pyproject.toml: does not name the licence, Apache-2.0")
    return problems


def check_readme(tree):
    """The homepage has the extension's name, a picture, each module, and how to install it in Slicer."""
    text, problems = tree.text("README.md"), []
    wanted = {f"# {tree.project()}\n": "a heading with the extension's name", "](Resources/": "a picture"}
    wanted |= {f"**{module}**": f"the module **{module}**" for module in tree.modules()}
    wanted["Install in Slicer"] = "a section 'Install in Slicer'"
    problems += [f"README.md: has not {what}" for part, what in wanted.items() if part not in text]
    return problems


def notes(tree):
    """What the index asks for besides, and cannot be seen from the files."""
    owner, name = repository(tree)
    found = [
        f"the GitHub repository {owner}/{name} must have the topic 3d-slicer-extension",
        "every address must answer: home page, icon, screenshots",
    ]
    if not name.startswith("Slicer"):
        found.insert(
            0,
            f"the index wants the repository's name ({name}) to begin with Slicer; ask for an exception when the "
            "entry is submitted, as the repository can be used without Slicer, or rename it",
        )
    return found


CHECKS = {
    "names agree": check_name,
    "index entry": check_schema,
    "extension metadata": check_metadata,
    "category": check_category,
    "dependencies": check_dependencies,
    "repository address": check_repository,
    "icon and screenshots": check_pictures,
    "licence": check_licence,
    "README": check_readme,
}
