"""Local files as inputs of a batch: looked at, held against what the provider takes, and named by their content."""

from __future__ import annotations

from jobs.inputs.inspection import LocalInput, UnfitFile, inspect

__all__ = ["LocalInput", "UnfitFile", "inspect"]
