"""Pictures of what a transform returned, on axes of one's own or in a new figure.

Every function takes a frame and `ax=None` and returns the `Axes`; none calls `show` or touches a
global style. matplotlib is imported by the call.
"""

from __future__ import annotations

from falusage.plotting._anomalies import plot_anomalies
from falusage.plotting._bridge import plot_bridge
from falusage.plotting._forecast import plot_forecast
from falusage.plotting._heatmap import plot_heatmap
from falusage.plotting._palette import colors_of
from falusage.plotting._share import plot_share
from falusage.plotting._stack import plot_stack
from falusage.plotting._trend import plot_trend

__all__ = [
    "colors_of",
    "plot_anomalies",
    "plot_bridge",
    "plot_forecast",
    "plot_heatmap",
    "plot_share",
    "plot_stack",
    "plot_trend",
]
