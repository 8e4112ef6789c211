"""What rendering a batch takes in time, polls and bytes, before anything of it is rendered."""

from __future__ import annotations

from jobs.forecasting.assumed import RenderTimes, Spread
from jobs.forecasting.forecast import Forecast, Lane, Polling, Stage, forecast
from jobs.forecasting.groups import Kind, kinds_of

__all__ = ["Forecast", "Kind", "Lane", "Polling", "RenderTimes", "Spread", "Stage", "forecast", "kinds_of"]
