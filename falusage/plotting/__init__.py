"""Pictures of what a transform returned, on given axes or in a new figure.

Every function takes a frame and `ax=None` and returns the `Axes`. None calls `show` or changes a
global style. The call imports matplotlib.
"""

from __future__ import annotations

from falusage.plotting._anomalies import plot_anomalies
from falusage.plotting._bridge import plot_bridge
from falusage.plotting._forecast import plot_forecast
from falusage.plotting._heatmap import plot_heatmap
from falusage.plotting._month import MonthEnd, plot_month
from falusage.plotting._palette import colors_of
from falusage.plotting._panels import TOP
from falusage.plotting._share import plot_share
from falusage.plotting._stack import plot_stack
from falusage.plotting._style import roles
from falusage.plotting._trend import plot_trend

__all__ = [
    "TOP",
    "MonthEnd",
    "colors_of",
    "plot_anomalies",
    "plot_bridge",
    "plot_forecast",
    "plot_heatmap",
    "plot_month",
    "plot_share",
    "plot_stack",
    "plot_trend",
    "roles",
]
