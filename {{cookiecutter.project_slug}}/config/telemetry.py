"""What is sent to other machines, each by its own variable: traces, and reports of errors.

The libraries for it are the dependency group ``telemetry``. Without a variable, its library is not
even loaded.
"""

from config.env import env


def start(*, serves: bool) -> None:
    """Turn on what the environment asks for. Only a process that serves is traced."""
    if dsn := env.str("SENTRY_DSN", default=""):
        from config.error_reports import report_errors  # noqa: PLC0415 - loads the library

        report_errors(dsn)
    if serves and env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default=""):
        from config.tracing import trace_requests  # noqa: PLC0415 - loads the library

        trace_requests(service=env.str("OTEL_SERVICE_NAME", default="web"))
