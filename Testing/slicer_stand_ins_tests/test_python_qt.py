"""Qt has PythonQt's manners: a module that works here does not fail in Slicer for how it speaks to Qt."""

import sys

import pytest


@pytest.fixture
def qt(slicerPython):
    import qt

    return qt


def test_a_property_is_an_attribute_and_not_called(qt):
    label = qt.QLabel("a")
    label.text = "b"
    assert label.text == "b"
    with pytest.raises(TypeError):
        label.text()
    label.setText("c")
    assert label.text == "c"


def test_getters_that_are_no_properties_are_called(qt):
    button = qt.QPushButton("a")
    assert button.isVisible() is False
    assert button.visible is False
    assert button.parent() is None


def test_a_property_is_converted_as_pythonqt_converts_it(qt):
    box = qt.QSpinBox()
    box.value = 3.7
    assert box.value in (3, 4)
    with pytest.raises(ValueError, match="cannot be set to 'many'"):
        box.value = "many"


def test_a_property_of_a_qt_type_goes_in_and_out(qt):
    label = qt.QLabel()
    label.alignment = qt.Qt.AlignRight | qt.Qt.AlignTop
    assert label.alignment & qt.Qt.AlignRight
    label.minimumSize = qt.QSize(20, 30)
    assert label.minimumSize.height() == 30


def test_nothing_that_does_not_exist_can_be_set(qt):
    label = qt.QLabel()
    with pytest.raises(AttributeError, match="does not exist on QLabel"):
        label.txt = "a"
    with pytest.raises(AttributeError, match="does not exist on QTableWidgetItem"):
        qt.QTableWidgetItem("a").node = 1
    with pytest.raises(AttributeError, match="read only"):
        label.width = 100


def test_a_class_derived_in_python_may_have_attributes_and_is_called_by_qt(qt):
    class Filter(qt.QObject):
        def __init__(self):
            qt.QObject.__init__(self)
            self.seen = []

        def eventFilter(self, watched, event):
            self.seen.append(event.type())
            return False

    label, watcher = qt.QLabel(), Filter()
    label.installEventFilter(watcher)
    label.enabled = False
    assert qt.QEvent.EnabledChange in watcher.seen


def test_the_name_is_the_object_name(qt):
    label = qt.QLabel()
    label.name = "here"
    assert label.objectName == "here"


def test_keyword_arguments_are_refused(qt):
    with pytest.raises(TypeError, match="no keyword arguments"):
        qt.QLabel(text="a")
    with pytest.raises(TypeError, match="no keyword arguments"):
        qt.QVBoxLayout().addWidget(qt.QLabel(), stretch=1)


def test_enumerations_are_numbers_in_their_class(qt):
    assert qt.Qt.Checked == 2
    assert qt.QMessageBox.Ok | qt.QMessageBox.Cancel == 1024 | 4194304
    with pytest.raises(AttributeError, match=r"qt.Qt.CheckState.Checked|qt\.Qt\.Checked"):
        _ = qt.Qt.CheckState.Checked


def test_a_signal_is_connected_by_its_signature_or_by_its_attribute(qt):
    button, seen = qt.QPushButton(), []
    button.connect("clicked()", lambda: seen.append("signature"))
    button.clicked.connect(lambda: seen.append("attribute"))
    button.connect("clicked(bool)", lambda on: seen.append(on))
    button.click()
    assert seen == ["signature", "attribute", False]


def test_a_slot_gets_as_many_arguments_as_it_takes(qt):
    box, seen = qt.QSpinBox(), []
    box.valueChanged.connect(lambda: seen.append("none"))
    box.valueChanged.connect(lambda *all: seen.append(all))
    box.value = 4
    assert seen == ["none", (4,)]


def test_what_is_disconnected_is_not_called(qt):
    class Listener:
        count = 0

        def listen(self):
            self.count += 1

    button, listener = qt.QPushButton(), Listener()
    button.connect("clicked()", listener.listen)
    assert button.disconnect("clicked()", listener.listen)
    assert not button.disconnect("clicked()", listener.listen)
    button.click()
    assert listener.count == 0


def test_connections_stay_when_python_forgets_the_widget(qt):
    parent, seen = qt.QWidget(), []
    qt.QPushButton("a", parent).connect("clicked()", lambda: seen.append(1))
    parent.children()[0].click()
    assert seen == [1]


def test_a_signal_that_does_not_exist_is_refused(qt):
    with pytest.raises(ValueError, match="no signal pressed"):
        qt.QPushButton().connect("pressed(int)", print)
    with pytest.raises(AttributeError, match="no attribute 'textChanged'"):
        _ = qt.QLabel().textChanged


def test_a_slot_that_fails_fails_the_test(qt):
    from slicer_stand_ins.python_qt import faults

    def fail():
        raise KeyError("in a slot")

    button = qt.QPushButton()
    button.connect("clicked()", fail)
    button.click()
    with pytest.raises(ExceptionGroup, match="in slots"):
        faults.complain()


def test_an_object_is_the_same_wherever_it_comes_from(qt):
    parent = qt.QWidget()
    layout = qt.QVBoxLayout(parent)
    label = qt.QLabel("a")
    layout.addWidget(label)
    assert parent.layout() is layout
    assert label.parent() is parent
    assert isinstance(parent.findChildren(qt.QWidget)[0], qt.QLabel)
    assert type(label) is qt.QLabel


def test_a_destroyed_object_is_false_and_says_so(qt):
    label = qt.QLabel()
    label.delete()
    assert not label
    with pytest.raises(ValueError, match="destroyed"):
        _ = label.text


def test_a_timer_runs_in_the_event_loop(qt):
    import slicer

    seen = []
    timer = qt.QTimer()
    timer.connect("timeout()", lambda: seen.append(1))
    timer.start(1)
    while not seen:
        slicer.app.processEvents()
    timer.stop()
    assert not timer.active


def test_tables_hold_items_and_widgets(qt):
    table = qt.QTableWidget(1, 2)
    table.setHorizontalHeaderLabels(["A", "B"])
    item = qt.QTableWidgetItem("text")
    item.setFlags(item.flags() & ~qt.Qt.ItemIsEditable)
    item.setData(qt.Qt.UserRole, 5)
    table.setItem(0, 0, item)
    box = qt.QCheckBox()
    table.setCellWidget(0, 1, box)
    assert table.item(0, 0).text() == "text"
    assert table.item(0, 0).data(qt.Qt.UserRole) == 5
    assert not table.item(0, 0).flags() & qt.Qt.ItemIsEditable
    assert table.cellWidget(0, 1) is box
    assert table.rowCount == 1


def test_what_is_pyside_alone_is_not_there(qt):
    for name in ("Signal", "Slot", "Property"):
        with pytest.raises(AttributeError):
            getattr(qt, name)


def test_qt_takes_no_references_of_none(qt):
    """PySide 6.12 does on Python 3.11, and the interpreter crashes after some thousand calls, or when it ends."""
    table = qt.QTableWidget(1, 1)
    before = sys.getrefcount(None)
    for _ in range(500):
        table.parent()
        table.item(0, 0)
    assert sys.getrefcount(None) > before - 500
