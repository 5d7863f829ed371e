"""Looking ahead: what usage will cost, how sure that is, and whether the budget lasts.

Every number comes with its own track record: each candidate is put to the series' own past, again
and again from an earlier day, and the errors made there choose the model and draw the bands.
"""

from falusage.forecasting._backtest import backtest
from falusage.forecasting._forecast import forecast
from falusage.forecasting._month_outlook import month_outlook

__all__ = ["backtest", "forecast", "month_outlook"]
