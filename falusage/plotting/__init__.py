"""Pictures of what a transform returned, on axes of one's own or in a new figure.

Every function takes a frame and `ax=None` and returns the `Axes`; none calls `show` or touches a
global style. matplotlib is imported by the call.
"""

from __future__ import annotations

from falusage.plotting.anomalies import plot_anomalies
from falusage.plotting.bridge import plot_bridge
from falusage.plotting.forecast import plot_forecast
from falusage.plotting.heatmap import plot_heatmap
from falusage.plotting.palette import colors_of
from falusage.plotting.share import plot_share
from falusage.plotting.stack import plot_stack
from falusage.plotting.trend import plot_trend

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
