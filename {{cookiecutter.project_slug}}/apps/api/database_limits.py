"""Answers for statements that PostgreSQL cancels at a limit."""

import logging
import re
from http import HTTPStatus
from typing import NamedTuple

from django.db import Error
from psycopg_pool import PoolTimeout
from rest_framework.exceptions import APIException

logger = logging.getLogger(__name__)


class Limit(NamedTuple):
    """An exceeded limit: its code, a message, and the seconds after which a retry may succeed."""

    code: str
    detail: str
    wait: int | None = None


LIMITS = {
    "57014": Limit("statement_timeout", "The request exceeds the time limit. Request less data."),
    "55P03": Limit("lock_timeout", "Another request is changing the same data. Try again.", wait=1),
    "25P03": Limit("transaction_timeout", "The request exceeds the time limit."),
    "53400": Limit("statement_too_large", "The request exceeds the limit on temporary files."),
    # The code of apps.isolation.strategy.write_fence.
    "TM001": Limit("tenant_moving", "This tenant is being moved. Try again.", wait=5),
    "53300": Limit(
        "too_many_connections", "Too many requests are being served. Try again.", wait=1
    ),
}
"""Limits by PostgreSQL's error codes. https://www.postgresql.org/docs/current/errcodes-appendix.html"""

NO_CONNECTION = re.compile("too many (connections|clients)|connection slots|query_wait_timeout")
"""Messages with which PostgreSQL or a pooler refuses a connection, without a code of their own."""


class DatabaseLimitReached(APIException):
    """A statement was cancelled or not started, because it exceeds a limit."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit.detail, limit.code)
        self.wait = limit.wait


def as_api_error(error: BaseException | None) -> APIException | None:
    """Return the API's exception for an error of the API or of a database limit.

    An exceeded limit is logged once.
    """
    if isinstance(error, APIException):
        return error
    if not isinstance(error, Error):
        return None
    limit = LIMITS.get(_code_of(error))
    if limit is None:
        return None
    logger.warning("A statement exceeded a limit of the database: %s.", limit.code)
    return DatabaseLimitReached(limit)


def _code_of(error: Error) -> str:
    cause = error.__cause__
    if isinstance(cause, PoolTimeout) or NO_CONNECTION.search(str(cause)):
        return "53300"
    return getattr(cause, "sqlstate", None) or ""
