from types import SimpleNamespace

import pytest


@pytest.fixture
def plots(scene):
    from MedMetaSlicerLib.scene import plots

    return plots


def curves(chart):
    """{name: points} that a chart shows."""
    found = {}
    for n in range(chart.GetNumberOfPlotSeriesNodes()):
        series = chart.GetNthPlotSeriesNode(n)
        table = series.GetTableNode().GetTable()
        x, y = (table.GetColumnByName(name) for name in (series.GetXColumnName(), series.GetYColumnName()))
        found[series.GetName()] = [(x.GetValue(row), y.GetValue(row)) for row in range(x.GetNumberOfValues())]
    return found


def test_each_label_gets_a_curve(plots):
    chart = plots.lossPlot({"maml": [(0, 0.9), (10, 0.4)], "siamese": [(0, 0.8)]}, "Liver", "Step", "Loss")
    assert curves(chart) == {"maml": [(0, 0.9), (10, 0.4)], "siamese": [(0, 0.8)]}
    assert (chart.GetTitle(), chart.GetXAxisTitle(), chart.GetYAxisTitle()) == ("Liver", "Step", "Loss")


def test_more_points_come_into_the_same_nodes(scene, plots):
    first = plots.lossPlot({"maml": [(0, 0.9)]})
    nodes = scene.GetNumberOfNodes()
    again = plots.lossPlot({"maml": [(0, 0.9), (1, 0.7), (2, 0.5)]})
    assert again is first
    assert scene.GetNumberOfNodes() == nodes
    assert len(curves(again)["maml"]) == 3


def test_curves_of_the_run_before_go(scene, plots):
    plots.lossPlot({"maml": [(0, 0.9)], "lstm": [(0, 0.5)]})
    chart = plots.lossPlot({"maml": [(0, 0.6)]})
    assert list(curves(chart)) == ["maml"]
    assert scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 1
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotSeriesNode") == 1
    assert curves(plots.lossPlot({})) == {}


def test_tables_and_charts_of_others_stay(scene, plots):
    table = scene.AddNewNodeByClass("vtkMRMLTableNode", "Measurements")
    scene.AddNewNodeByClass("vtkMRMLPlotChartNode", "Other")
    plots.lossPlot({"maml": [(0, 0.9)]})
    plots.lossPlot({})
    assert table.GetScene() is scene
    assert scene.GetFirstNodeByName("Other") is not None


def test_a_deleted_chart_is_made_anew(scene, plots):
    scene.RemoveNode(plots.lossPlot({"maml": [(0, 0.9)]}))
    assert list(curves(plots.lossPlot({"maml": [(0, 0.9)]}))) == ["maml"]
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotSeriesNode") == 1


def test_the_chart_is_brought_up_where_the_application_has_plots(plots):
    import slicer

    shown = []
    slicer.modules.plots = SimpleNamespace(logic=lambda: SimpleNamespace(ShowChartInLayout=shown.append))
    chart = plots.lossPlot({"maml": [(0, 0.9)]}, show=True)
    assert shown == [chart]
    plots.lossPlot({"maml": [(0, 0.9)]})
    assert len(shown) == 1
