def names(panel):
    table = panel.ui.tasksTable
    return [table.item(row, 0).text() for row in range(table.rowCount)]


def save(panel, name):
    panel.expand("tasksCollapsibleButton")
    panel.desktop.answers.append(name)
    panel.click("saveTaskButton")
    panel.wait(lambda: not panel.logic.bench.busy, 20)


def test_a_task_is_saved_under_the_name_that_is_typed(adapted):
    save(adapted, "My ball")
    assert names(adapted) == ["My ball"]
    adapted.ui.tasksTable.selectRow(0)
    adapted.settle()
    assert "My ball" in adapted.ui.taskLabel.text


def test_a_name_that_is_taken_is_refused(adapted):
    save(adapted, "My ball")
    adapted.click("adaptButton")
    adapted.wait(lambda: not adapted.logic.bench.busy, 20)
    save(adapted, "My ball")
    assert len(adapted.desktop.errors) == 1
    assert "My ball" in adapted.desktop.errors[0]


def test_renaming_and_deleting(adapted):
    save(adapted, "My ball")
    adapted.ui.tasksTable.selectRow(0)
    adapted.settle()
    adapted.desktop.answers.append("Her ball")
    adapted.click("renameTaskButton")
    assert names(adapted) == ["Her ball"]
    adapted.ui.tasksTable.selectRow(0)
    adapted.desktop.answers.append("Ok")
    adapted.click("deleteTaskButton")
    assert names(adapted) == []


def test_a_file_from_elsewhere_is_added_and_rubbish_is_refused(adapted, workplace, tmp_path):
    save(adapted, "My ball")
    (saved,) = (workplace / "tasks").glob("*.safetensors")
    sent = tmp_path / "From a colleague.safetensors"
    sent.write_bytes(saved.read_bytes())
    adapted.desktop.answers.append(str(sent))
    adapted.click("addTaskButton")
    assert names(adapted) == ["From a colleague", "My ball"]
    rubbish = tmp_path / "rubbish.safetensors"
    rubbish.write_bytes(b"no task")
    adapted.desktop.answers.append(str(rubbish))
    adapted.click("addTaskButton")
    assert len(names(adapted)) == 2
    assert "rubbish" in adapted.desktop.errors[0]


def test_no_file_chosen_adds_nothing(adapted):
    adapted.expand("tasksCollapsibleButton")
    adapted.desktop.answers.append("")
    adapted.click("addTaskButton")
    assert names(adapted) == []
