"""OpenTelemetry: the store's metrics go to an OTLP endpoint, once for the whole deployment."""
