"""The loss while the engine adapts, as one of Slicer's plots."""

import slicer
import vtk

CHART = "MedMetaSlicer.LossPlot"
"""Attribute of the chart, its tables and its series: they are found again, and never made twice."""
COLOURS = ((0.12, 0.47, 0.71), (1.0, 0.50, 0.05), (0.17, 0.63, 0.17), (0.84, 0.15, 0.16), (0.58, 0.40, 0.74))
"""Taken in turn by the curves."""


def lossPlot(losses, title="Adaptation", xTitle="Step", yTitle="Loss", show=False):
    """Shows a curve for each label in one chart, in place of those that it showed before.

    :param losses: {label: [(step, loss), ...]}
    :param title, xTitle, yTitle: translated text
    :param show: True to bring the chart up in the layout, where the application has plots
    :return: vtkMRMLPlotChartNode
    """
    chart = _node("vtkMRMLPlotChartNode", "", title)
    chart.SetTitle(title)
    chart.SetXAxisTitle(xTitle)
    chart.SetYAxisTitle(yTitle)
    kept = []
    for number, (label, points) in enumerate(losses.items()):
        table = _node("vtkMRMLTableNode", label, f"{title}: {label}")
        _fill(table, points, xTitle, yTitle)
        series = _node("vtkMRMLPlotSeriesNode", label, label)
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetXColumnName(xTitle)
        series.SetYColumnName(yTitle)
        series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
        series.SetMarkerStyle(slicer.vtkMRMLPlotSeriesNode.MarkerStyleNone)
        series.SetColor(*COLOURS[number % len(COLOURS)])
        kept += [table, series]
        if not chart.HasPlotSeriesNodeID(series.GetID()):
            chart.AddAndObservePlotSeriesNodeID(series.GetID())
    for node in _ours():
        if node is not chart and node not in kept:
            if node.IsA("vtkMRMLPlotSeriesNode"):
                chart.RemovePlotSeriesNodeID(node.GetID())
            slicer.mrmlScene.RemoveNode(node)
    plots = getattr(slicer.modules, "plots", None)
    if show and plots is not None:
        plots.logic().ShowChartInLayout(chart)
    return chart


def _fill(table, points, xTitle, yTitle):
    """Puts the points into a table in one go: the chart is drawn once."""
    columns = []
    for index, title in enumerate((xTitle, yTitle)):
        column = vtk.vtkDoubleArray()
        column.SetName(title)
        for point in points:
            column.InsertNextValue(float(point[index]))
        columns.append(column)
    found = vtk.vtkTable()
    for column in columns:
        found.AddColumn(column)
    table.SetAndObserveTable(found)


def _node(className, label, name):
    """The node of this kind for a label: the one that is there, or a new one."""
    for node in _ours(className):
        if node.GetAttribute(CHART) == label:
            node.SetName(name)
            return node
    node = slicer.mrmlScene.AddNewNodeByClass(className, name)
    node.SetAttribute(CHART, label)
    return node


def _ours(*classNames):
    kinds = classNames or ("vtkMRMLPlotChartNode", "vtkMRMLPlotSeriesNode", "vtkMRMLTableNode")
    nodes = [node for kind in kinds for node in slicer.util.getNodesByClass(kind)]
    return [node for node in nodes if node.GetAttribute(CHART) is not None]
