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
