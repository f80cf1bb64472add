"""OpenTelemetry: the store's metrics and, if wanted, log records go to an OTLP endpoint, once for the deployment."""
