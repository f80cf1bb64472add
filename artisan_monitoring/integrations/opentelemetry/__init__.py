"""OpenTelemetry: the store's metrics and, if wanted, log records go to an OTLP endpoint, once for the deployment."""

KIND = "log"
"""The kind of records under which lines travel."""
