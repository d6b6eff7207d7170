"""Statements that PostgreSQL refuses to go on with, as answers of the API."""

import logging
import re
from http import HTTPStatus
from typing import NamedTuple

from django.db import Error
from psycopg_pool import PoolTimeout
from rest_framework.exceptions import APIException

logger = logging.getLogger(__name__)


class Limit(NamedTuple):
    """A limit that was reached: its code, a sentence, and when to come again, if that may help."""

    code: str
    detail: str
    wait: int | None = None


LIMITS = {
    "57014": Limit("statement_timeout", "The request exceeds the time limit. Request less data."),
    "55P03": Limit("lock_timeout", "Another request is changing the same data. Try again.", wait=1),
    "25P03": Limit("transaction_timeout", "The request exceeds the time limit."),
    "53400": Limit("statement_too_large", "The request exceeds the limit on temporary files."),
    "53300": Limit(
        "too_many_connections", "Too many requests are being served. Try again.", wait=1
    ),
}
"""By PostgreSQL's codes of errors. https://www.postgresql.org/docs/current/errcodes-appendix.html"""

NO_CONNECTION = re.compile("too many (connections|clients)|connection slots|query_wait_timeout")
"""Messages with which PostgreSQL or a pooler refuses a connection, without a code of their own."""


class DatabaseLimitReached(APIException):
    """A statement was cancelled, or not begun, because it costs more than it may."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit.detail, limit.code)
        self.wait = limit.wait


def as_api_error(error: BaseException | None) -> APIException | None:
    """Return what to answer an exception with, if the API or a limit of the database raised it.

    A limit that was reached is logged, once.
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
