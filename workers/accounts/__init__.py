"""Reports on money: what a batch has cost, what it may have cost besides, and what was expected.

They are made from the store alone, by its receipts and its ledger, so they hold on any machine and after Redis is lost.
"""

from __future__ import annotations

from workers.accounts.attempts import AttemptCost, Outcome, attempt_costs
from workers.accounts.report import CostLine, CostReport, Sums

__all__ = ["AttemptCost", "CostLine", "CostReport", "Outcome", "Sums", "attempt_costs"]
