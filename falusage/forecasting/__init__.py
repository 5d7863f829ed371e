"""Forecasts: what usage will cost, how sure that is, and whether the budget lasts.

Every number has a track record: each candidate forecasts the series' own past from many earlier
days, and its errors there choose the model and draw the bands.
"""

from falusage.forecasting._backtest import backtest
from falusage.forecasting._forecast import forecast
from falusage.forecasting._month_outlook import month_outlook
from falusage.forecasting._runway import runway
from falusage.forecasting._runway_result import Runway

__all__ = ["Runway", "backtest", "forecast", "month_outlook", "runway"]
