"""Rows of text in a QTableWidget, brought up to date without losing the user's selection."""

import qt


def item(text, tip="", checked=None, colour=None):
    """A cell.

    :param text: what it shows
    :param tip: tool tip
    :param checked: True or False for a check box, None for none
    :param colour: qt.QColor of a small square before the text, or None
    :return: qt.QTableWidgetItem
    """
    cell = qt.QTableWidgetItem(text)
    flags = qt.Qt.ItemIsSelectable | qt.Qt.ItemIsEnabled
    if checked is not None:
        flags = flags | qt.Qt.ItemIsUserCheckable
        cell.setCheckState(qt.Qt.Checked if checked else qt.Qt.Unchecked)
    cell.setFlags(flags)
    if tip:
        cell.setToolTip(tip)
    if colour is not None:
        cell.setData(qt.Qt.DecorationRole, colour)
    return cell


class Table:
    """Keeps a QTableWidget in line with a list of rows.

    :param widget: qt.QTableWidget with its columns named
    :param wide: the column that takes the room that the others leave, and is cut off where there is none
    """

    def __init__(self, widget, wide=0):
        self.widget = widget
        self._rows = None
        widget.verticalHeader().setVisible(False)
        header = widget.horizontalHeader()
        for column in range(widget.columnCount):
            mode = qt.QHeaderView.Stretch if column == wide else qt.QHeaderView.ResizeToContents
            header.setSectionResizeMode(column, mode)

    def show(self, rows):
        """Shows rows; does nothing where they are what is shown.

        :param rows: list of tuples of dictionaries, the arguments of `item`
        """
        if rows == self._rows:
            return
        chosen = self.chosen
        self._rows = rows
        blocked = self.widget.blockSignals(True)
        self.widget.setRowCount(len(rows))
        for row, cells in enumerate(rows):
            for column, arguments in enumerate(cells):
                self.widget.setItem(row, column, item(**arguments))
        if chosen is not None and chosen < len(rows):
            self.widget.selectRow(chosen)
        self.widget.blockSignals(blocked)

    @property
    def chosen(self):
        """The selected row, or None."""
        row = self.widget.currentRow()
        return row if self._rows and 0 <= row < len(self._rows) else None

    def isChecked(self, row, column):
        """True where a cell's box is checked."""
        return self.widget.item(row, column).checkState() == qt.Qt.Checked
