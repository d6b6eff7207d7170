"""Reports of errors to Sentry, or to whatever speaks its protocol.

https://docs.sentry.io/platforms/python/integrations/django/
"""

from typing import Any

import sentry_sdk
from sentry_sdk.types import Event

# Of a request; all else of it can hold what somebody wrote.
TOLD = ("method", "url")


def report_errors(dsn: str) -> None:
    """Report what nobody caught, and what is logged as an error."""
    sentry_sdk.init(
        dsn,
        before_send=_cleaned,
        send_default_pii=False,
        include_local_variables=False,  # passwords are among them
        max_request_body_size="never",
        auto_session_tracking=False,
    )


def _cleaned(event: Event, hint: dict[str, Any]) -> Event | None:
    """Say of whom it was by ids, and take away what nobody may read."""
    # Not before the apps are loaded.
    from apps.audit.requests import current_request  # noqa: PLC0415
    from config.logs import ids_of  # noqa: PLC0415

    ids = {name: str(value) for name, value in ids_of(current_request.get()).items()}
    event["tags"] = {**dict(event.get("tags", {})), **ids}
    request = event.get("request", {})
    event["request"] = {name: request[name] for name in TOLD if name in request}
    cleaned: Event = _scrubbed(event)
    return cleaned


def _scrubbed(value: Any) -> Any:
    from config.logs import scrubbed  # noqa: PLC0415

    if isinstance(value, dict):
        return {name: _scrubbed(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_scrubbed(each) for each in value]
    return scrubbed(value) if isinstance(value, str) else value
