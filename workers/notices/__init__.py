"""Telling people who don't watch: a webhook, Slack, e-mail. Nothing of a batch ever waits for it.

What is to be told is found by `events`, kept in Redis by `outbox` until it is delivered, and brought by `channels`.
"""
