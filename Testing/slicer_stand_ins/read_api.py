"""Writes api/*.json from the headers of Slicer and CTK.

    python Testing/slicer_stand_ins/read_api.py SLICER_SOURCE CTK_SOURCE

Only names and signatures are read: public properties, slots, signals, invokable methods, enumeration values.
"""

import json
import re
import sys
from pathlib import Path

HEADERS = [
    "Slicer/Base/QTCore/qSlicerAbstractCoreModule.h",
    "Slicer/Base/QTCore/qSlicerAbstractModuleFactoryManager.h",
    "Slicer/Base/QTCore/qSlicerCoreApplication.h",
    "Slicer/Base/QTCore/qSlicerModuleFactoryManager.h",
    "Slicer/Base/QTCore/qSlicerModuleManager.h",
    "Slicer/Base/QTGUI/qSlicerAbstractModule.h",
    "Slicer/Base/QTGUI/qSlicerAbstractModuleWidget.h",
    "Slicer/Base/QTGUI/qSlicerApplication.h",
    "Slicer/Base/QTGUI/qSlicerLayoutManager.h",
    "Slicer/Base/QTGUI/qSlicerLoadableModule.h",
    "Slicer/Base/QTGUI/qSlicerScriptedLoadableModule.h",
    "Slicer/Base/QTGUI/qSlicerScriptedLoadableModuleWidget.h",
    "Slicer/Base/QTGUI/qSlicerWidget.h",
    "Slicer/Libs/MRML/Widgets/qMRMLAbstractViewWidget.h",
    "Slicer/Libs/MRML/Widgets/qMRMLCheckableNodeComboBox.h",
    "Slicer/Libs/MRML/Widgets/qMRMLCollapsibleButton.h",
    "Slicer/Libs/MRML/Widgets/qMRMLLayoutManager.h",
    "Slicer/Libs/MRML/Widgets/qMRMLNodeComboBox.h",
    "Slicer/Libs/MRML/Widgets/qMRMLRangeWidget.h",
    "Slicer/Libs/MRML/Widgets/qMRMLSegmentSelectorWidget.h",
    "Slicer/Libs/MRML/Widgets/qMRMLSliceControllerWidget.h",
    "Slicer/Libs/MRML/Widgets/qMRMLSliceWidget.h",
    "Slicer/Libs/MRML/Widgets/qMRMLSliderWidget.h",
    "Slicer/Libs/MRML/Widgets/qMRMLSpinBox.h",
    "Slicer/Libs/MRML/Widgets/qMRMLThreeDWidget.h",
    "Slicer/Libs/MRML/Widgets/qMRMLWidget.h",
    "Slicer/Modules/Loadable/Segmentations/EditorEffects/qSlicerSegmentEditorAbstractEffect.h",
    "Slicer/Modules/Loadable/Segmentations/EditorEffects/qSlicerSegmentEditorEffectFactory.h",
    "Slicer/Modules/Loadable/Segmentations/EditorEffects/qSlicerSegmentEditorScriptedEffect.h",
    "Slicer/Modules/Loadable/Segmentations/Widgets/qMRMLSegmentEditorWidget.h",
    "Slicer/Modules/Loadable/Segmentations/Widgets/qMRMLSegmentsTableView.h",
    "Slicer/Modules/Loadable/SubjectHierarchy/Widgets/qMRMLSubjectHierarchyComboBox.h",
    "Slicer/Modules/Loadable/SubjectHierarchy/Widgets/qMRMLSubjectHierarchyTreeView.h",
    "CTK/Libs/Widgets/ctkCheckBox.h",
    "CTK/Libs/Widgets/ctkCheckablePushButton.h",
    "CTK/Libs/Widgets/ctkCollapsibleButton.h",
    "CTK/Libs/Widgets/ctkCollapsibleGroupBox.h",
    "CTK/Libs/Widgets/ctkColorPickerButton.h",
    "CTK/Libs/Widgets/ctkComboBox.h",
    "CTK/Libs/Widgets/ctkDirectoryButton.h",
    "CTK/Libs/Widgets/ctkDoubleSlider.h",
    "CTK/Libs/Widgets/ctkDoubleSpinBox.h",
    "CTK/Libs/Widgets/ctkExpandButton.h",
    "CTK/Libs/Widgets/ctkLayoutManager.h",
    "CTK/Libs/Widgets/ctkMenuButton.h",
    "CTK/Libs/Widgets/ctkMessageBox.h",
    "CTK/Libs/Widgets/ctkPathLineEdit.h",
    "CTK/Libs/Widgets/ctkPushButton.h",
    "CTK/Libs/Widgets/ctkRangeWidget.h",
    "CTK/Libs/Widgets/ctkSearchBox.h",
    "CTK/Libs/Widgets/ctkSliderWidget.h",
    "CTK/Libs/Widgets/ctkTreeComboBox.h",
]

# Functions that PythonQt adds to classes: the first argument is the object.
DECORATORS = [
    "Slicer/Base/QTApp/qSlicerBaseQTAppPythonQtDecorators.h",
    "Slicer/Base/QTCore/qSlicerBaseQTCorePythonQtDecorators.h",
    "Slicer/Base/QTGUI/qSlicerBaseQTGUIPythonQtDecorators.h",
    "Slicer/Modules/Loadable/Segmentations/EditorEffects/qSlicerSegmentationsEditorEffectsPythonQtDecorators.h",
]


def read(text, name, source):
    """The declaration of class `name` in a header's text."""
    # Texts go with the comments: an address in quotes is not one.
    text = re.sub(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/|//[^\n]*', " ", text, flags=re.DOTALL)
    text = _withoutDirectives(text)
    head = re.search(rf"class\s+(?:\w+\s+)?{name}\b[^;{{]*\{{", text)
    base = re.search(r":\s*public\s+(?:virtual\s+)?([\w:]+)", head[0])
    body = _body(text, head.end())
    found = {"source": source, "base": base[1] if base else "", "properties": {}}
    for kind, prop in re.findall(r"Q_PROPERTY\(\s*([\w:<>, ]+?[\s*]+)(\w+)\s+READ", body):
        found["properties"][prop] = kind.strip()
    body = re.sub(r"\b(?!Q_INVOKABLE|Q_SIGNALS|Q_SLOTS)(?:Q|QVTK|CTK)_[A-Z_]+\b\s*(?:\([^()]*\))?;?", " ", body)
    found.update({"slots": [], "signals": [], "methods": [], "constants": []})
    for access, part in _sections(body):
        if access == "public":
            for values in re.findall(r"enum\s+(?:class\s+)?\w*\s*(?::\s*\w+\s*)?\{([^}]*)\}", part):
                found["constants"] += re.findall(r"(?:^|,)\s*(\w+)", values)
        kind = {"public slots": "slots", "signals": "signals"}.get(access)
        for statement in _statements(part):
            if kind:
                _add(found[kind], statement)
            elif access == "public" and "Q_INVOKABLE" in statement:
                _add(found["methods"], statement.replace("Q_INVOKABLE", ""))
    return found


def _withoutDirectives(text):
    return re.sub(r"^[ \t]*#(?:\\\n|[^\n])*", " ", text, flags=re.MULTILINE)


def _body(text, start):
    depth, end = 1, start
    while depth and end < len(text):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        end += 1
    return text[start : end - 1]


def _sections(body):
    """(access, text) of each part of a class: "public", "public slots", "signals" ..."""
    pattern = r"\b(?:(public|protected|private)(?:\s+(slots|Q_SLOTS))?|(signals|Q_SIGNALS))\s*:(?!:)"
    access, start = "private", 0
    for found in re.finditer(pattern, body):
        yield access, body[start : found.start()]
        access = "signals" if found[3] else f"{found[1]} slots" if found[2] else found[1]
        start = found.end()
    yield access, body[start:]


def _statements(part):
    """Declarations, function bodies left out."""
    flat, depth = [], 0
    for character in part:
        if character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            flat.append(";")
        elif not depth:
            flat.append(character)
    return "".join(flat).split(";")


def _add(signatures, statement):
    found = re.search(r"(~?\w+)\s*\(((?:[^()]|\([^()]*\))*)\)", statement)
    if not found or found[1].startswith("~"):
        return
    arguments = [_type(argument) for argument in _split(found[2]) if argument.strip()]
    least = sum("=" not in argument for argument in _split(found[2]) if argument.strip())
    # A default argument declares the shorter forms too, as Qt's own compiler sees it.
    for count in range(len(arguments), least - 1, -1):
        signature = f"{found[1]}({','.join(arguments[:count])})"
        if signature not in signatures:
            signatures.append(signature)


def _split(arguments):
    depth, parts = 0, [""]
    for character in arguments:
        depth += {"<": 1, ">": -1, "(": 1, ")": -1}.get(character, 0)
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _type(argument):
    argument = argument.split("=")[0].strip()
    argument = re.sub(r"\bconst\b", "", argument).replace("&", " ").strip()
    named = re.match(r"(.+?[\s*>])\s*\w+$", argument)
    kind = named[1] if named and named[1].strip() not in ("unsigned", "long") else argument
    return re.sub(r"\s*([*,<>])\s*", r"\1", kind.strip())


def decorated(text):
    """{class: [signature]} of the functions that a header of decorators adds."""
    found = {}
    for declaration in _slots(text):
        head, _, arguments = declaration.rstrip(")").partition("(")
        first, _, rest = arguments.partition(",")
        if head.startswith("static_"):
            owner, _, head = head.removeprefix("static_").partition("_")
            found.setdefault(owner, []).append(f"{head}({arguments})")
        elif first.endswith("*"):
            found.setdefault(first.rstrip("*"), []).append(f"{head}({rest})")
    return found


def _slots(text):
    name = re.search(r"class\s+(?:\w+\s+)?(\w+PythonQtDecorators)\s*:", text)[1]
    return read(text, name, "")["slots"]


def main(slicer, ctk):
    added = {}
    for header in DECORATORS:
        text = (Path(slicer) / header.partition("/")[2]).read_text(encoding="utf-8")
        for owner, signatures in decorated(text).items():
            added.setdefault(owner, {})[header] = signatures
    folder = Path(__file__).parent / "api"
    folder.mkdir(exist_ok=True)
    for header in HEADERS:
        project, _, path = header.partition("/")
        text = (Path(slicer if project == "Slicer" else ctk) / path).read_text(encoding="utf-8")
        name = Path(path).stem
        declaration = read(text, name, header)
        declaration["decorators"] = added.get(name, {})
        content = json.dumps(declaration, indent=1, ensure_ascii=False) + "\n"
        (folder / f"{name}.json").write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
