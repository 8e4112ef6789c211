"""Traces of takes for OpenTelemetry: `steps` is what the steps call, `sending` what sends spans, if it is installed."""
