"""Limits on what one request and one tenant may cost (docs/limits.md)."""

from config.reading import read

env = read()

# What a statement of the run-time role may cost: kept by PostgreSQL, which `migrate` tells, in its
# own units (milliseconds, kilobytes). 0 lifts a limit.
DATABASE_LIMITS = {
    "statement_timeout": 1000 * env.DATABASE_STATEMENT_SECONDS,
    "lock_timeout": 1000 * env.DATABASE_LOCK_SECONDS,
    "idle_in_transaction_session_timeout": 1000 * env.DATABASE_IDLE_SECONDS,
    "temp_file_limit": 1024 * env.DATABASE_TEMP_FILE_MB,
}

# Seconds that a statement, and the time between two of them, may take in work that is no page and
# no list: exports and erasures of somebody's data, and commands that walk over whole tables.
DATABASE_LONG_SECONDS = env.DATABASE_LONG_SECONDS

# Requests of one tenant that a process serves at a time, downloads until their last byte included:
# two fewer than it has threads (gunicorn.conf.py), since one more may wait, and one thread is left
# for the others. 0: no limit.
TENANT_REQUESTS_IN_FLIGHT = env.TENANT_REQUESTS_IN_FLIGHT

# Bytes of all files that a tenant may have attached; 0: no limit.
TENANT_STORAGE_BYTES = env.TENANT_STORAGE_BYTES

# Hours after a request for an export of one person's data in which there is no other; 0: only one
# that is still open keeps the next one back.
PRIVACY_EXPORT_HOURS = env.PRIVACY_EXPORT_HOURS
