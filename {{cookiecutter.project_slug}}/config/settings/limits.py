"""Limits on what one request and one tenant may cost (docs/limits.md)."""

from config.reading import read

env = read()

# Limits on statements of the run-time role, in PostgreSQL's units (milliseconds, kilobytes).
# PostgreSQL enforces them; `migrate` sets them. 0: no limit.
DATABASE_LIMITS = {
    "statement_timeout": 1000 * env.DATABASE_STATEMENT_SECONDS,
    "lock_timeout": 1000 * env.DATABASE_LOCK_SECONDS,
    "idle_in_transaction_session_timeout": 1000 * env.DATABASE_IDLE_SECONDS,
    "temp_file_limit": 1024 * env.DATABASE_TEMP_FILE_MB,
}

# Seconds that a statement, or the pause between two, may take in long work: exports and erasures of
# personal data, and commands that read whole tables.
DATABASE_LONG_SECONDS = env.DATABASE_LONG_SECONDS

# Concurrent requests of one tenant in a process; a download counts until its last byte. The default
# is two fewer than a process has threads (gunicorn.conf.py): one more request may wait, and one
# thread stays free for other tenants. 0: no limit.
TENANT_REQUESTS_IN_FLIGHT = env.TENANT_REQUESTS_IN_FLIGHT

# Total size of a tenant's attachments, in bytes. 0: no limit.
TENANT_STORAGE_BYTES = env.TENANT_STORAGE_BYTES

# Days between the archiving of a tenant and its purge, and days for which backups are kept: the
# certificate of a purge says until when backups contain the tenant's data.
TENANT_GRACE_DAYS = env.TENANT_GRACE_DAYS
BACKUP_KEEP_DAYS = env.BACKUP_KEEP_DAYS

# Hours between two orders of a tenant's archive. 0: only one that is being written delays another.
TENANT_EXPORT_HOURS = env.TENANT_EXPORT_HOURS

# Hours between two exports of one person's data. 0: only an open export delays the next.
PRIVACY_EXPORT_HOURS = env.PRIVACY_EXPORT_HOURS
