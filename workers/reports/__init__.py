"""Reports: what became of a batch, in words that say what to do next."""

from __future__ import annotations

from workers.reports.advice import Advice, advice_on
from workers.reports.gathering import gather
from workers.reports.report import Report

__all__ = ["Advice", "Report", "advice_on", "gather"]
