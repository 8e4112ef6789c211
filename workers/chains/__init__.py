"""Chains at work: which takes the engine is told that a take hangs on, and their files as inputs of its submission."""
