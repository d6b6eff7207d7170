"""The pool resets a session before the next request gets it."""

import json

import pytest

from tests.support import run

pytestmark = pytest.mark.django_db(transaction=True)

# State of a session, and the id of its server process.
SESSION = """
SELECT pg_backend_pid(), current_user, current_setting('statement_timeout'),
    coalesce(current_setting('anything.at_all', true), ''), current_setting('TimeZone'),
    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),
    (SELECT count(*) FROM pg_class WHERE relpersistence = 't'),
    (SELECT count(*) FROM pg_listening_channels()), (SELECT count(*) FROM pg_cursors)
"""
LEFTOVERS = [
    "SET statement_timeout = 7777",
    "SET anything.at_all = 'somebody'",
    "SET TIME ZONE 'Asia/Tokyo'",
    "SELECT pg_advisory_lock(1)",
    "LISTEN somebody",
    "DECLARE held CURSOR WITH HOLD FOR SELECT 1",
    # Only if the role may create temporary tables.
    "DO $$ BEGIN CREATE TEMP TABLE kept (); EXCEPTION WHEN insufficient_privilege THEN END $$",
]
LEAVE = """
import json
import django
django.setup()
from django.db import connections
from apps.isolation.app_registry import SHARED_DB
from tests.test_pool import LEFTOVERS, SESSION

def request(*statements):
    with connections[SHARED_DB].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        answer = [str(value) for value in cursor.fetchone()] if cursor.description else None
    connections.close_all()  # as Django does at its end
    return answer

print(json.dumps(request(SESSION)))
for leftover in LEFTOVERS:
    request(leftover)
    print(json.dumps(request(SESSION)))
"""


def test_pool_resets_sessions() -> None:
    done = run("-c", LEAVE, DATABASE_POOL_SIZE="1")
    first, *others = [json.loads(line) for line in done.stdout.splitlines()]
    assert dict(zip(LEFTOVERS, others, strict=True)) == dict.fromkeys(LEFTOVERS, first), done.stderr
