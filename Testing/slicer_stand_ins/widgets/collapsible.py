"""ctkCollapsibleButton and ctkCollapsibleGroupBox: parts of a panel that can be folded away."""

from PySide6.QtCore import QEvent, QRect, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractButton,
    QGroupBox,
    QSizePolicy,
    QStyle,
    QStyleOptionButton,
    QStylePainter,
    QWidget,
)

from slicer_stand_ins.widgets.properties import Property, stored


class Folding:
    """Hides the widgets inside, and shows again those that were not hidden before; what is shown meanwhile waits."""

    def _startFolding(self):
        self._folded, self._forcing, self._hiddenByFolding = False, False, set()

    def _fold(self, on):
        if on == self._folded:
            return
        children = [child for child in self.children() if isinstance(child, QWidget) and not child.isWindow()]
        if on:
            for child in children:
                self._take(child)
            self._folded = True
        else:
            self._folded = False
            for child in children:
                if child in self._hiddenByFolding:
                    child.show()
            self._hiddenByFolding.clear()
        self.updateGeometry()
        self.update()

    def _take(self, child):
        if not child.isHidden():
            self._hide(child)

    def _hide(self, child):
        self._hiddenByFolding.add(child)
        self._forcing = True
        child.hide()
        self._forcing = False
        # As in CTK: without it Qt would not tell of a later hide() of what is hidden already.
        child.setAttribute(Qt.WidgetAttribute.WA_WState_ExplicitShowHide, False)

    def childEvent(self, event):
        child = event.child()
        if event.type() == QEvent.Type.ChildAdded and isinstance(child, QWidget):
            child.installEventFilter(self)
        super().childEvent(event)

    def eventFilter(self, child, event):
        if self._folded and not self._forcing and child.parent() is self:
            if event.type() == QEvent.Type.ShowToParent:
                self._hide(child)
            elif event.type() == QEvent.Type.HideToParent:
                self._hiddenByFolding.discard(child)
        return super().eventFilter(child, event)


class ctkCollapsibleButton(Folding, QAbstractButton):
    contentsCollapsed = Signal(bool)

    def __init__(self, *arguments):
        text = arguments[0] if arguments and isinstance(arguments[0], str) else ""
        super().__init__(*arguments[1:] if text else arguments)
        self._startFolding()
        self.setText(text)
        self.setCheckable(True)
        self.setChecked(True)
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Preferred)
        self.setContentsMargins(0, self._header(), 0, 0)
        self.toggled.connect(lambda on: self._setCollapsed(not on))

    flat = stored(bool, False)
    collapsedHeight = stored(int, 14)
    contentsLineWidth = stored(int, 1)
    contentsMidLineWidth = stored(int, 0)

    def _collapsed(self):
        return self._folded

    def _setCollapsed(self, on):
        if on == self._folded:
            return
        self._fold(on)
        self.setChecked(not on)
        self.setSizePolicy(self.sizePolicy().horizontalPolicy(), self._policy(on))
        self.setMaximumHeight(self._header() if on else 16777215)
        self.contentsCollapsed.emit(on)

    def _policy(self, on):
        return QSizePolicy.Policy.Fixed if on else QSizePolicy.Policy.Preferred

    collapsed = Property(bool, _collapsed, _setCollapsed)

    def _header(self):
        return self.fontMetrics().height() + 8

    def hitButton(self, position):
        return position.y() < self._header()

    def sizeHint(self):
        if self._folded or self.layout() is None:
            width = self.fontMetrics().horizontalAdvance(self.text()) + 40
            return QSize(width, self._header())
        return QWidget.sizeHint(self)

    def minimumSizeHint(self):
        return QSize(60, self._header()) if self._folded else QWidget.minimumSizeHint(self)

    def paintEvent(self, event):
        painter, option = QStylePainter(self), QStyleOptionButton()
        option.initFrom(self)
        option.rect = self.rect().adjusted(0, 0, 0, self._header() - self.height())
        option.state |= QStyle.StateFlag.State_Raised
        painter.drawControl(QStyle.ControlElement.CE_PushButtonBevel, option)
        arrow = QStyle.PrimitiveElement.PE_IndicatorArrowRight if self._folded else None
        whole = QRect(option.rect)
        option.rect = whole.adjusted(6, 6, 6 + 12 - whole.width(), -6)
        painter.drawPrimitive(arrow or QStyle.PrimitiveElement.PE_IndicatorArrowDown, option)
        painter.setPen(self.palette().buttonText().color())
        painter.drawText(whole.adjusted(26, 0, -6, 0), Qt.AlignmentFlag.AlignVCenter, self.text())


class ctkCollapsibleGroupBox(Folding, QGroupBox):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._startFolding()
        self.setCheckable(True)
        self.toggled.connect(lambda on: self._fold(not on))

    def _collapsed(self):
        return not self.isChecked()

    def _setCollapsed(self, on):
        self.setChecked(not on)

    collapsed = Property(bool, _collapsed, _setCollapsed)
    collapsedHeight = stored(int, 14)

    def sizeHint(self):
        size = super().sizeHint()
        return QSize(size.width(), self.fontMetrics().height() + 8) if self._folded else size
