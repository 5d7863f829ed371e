"""The series on which forecasts are measured, and how.

There are two sets, and they share no series. The constants of `falusage.forecasting` were chosen
on `choosing`. The set `blind` is only measured: nothing is chosen by what it shows. The package
imports neither.
"""
