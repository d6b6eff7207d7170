"""Exporting and erasing what a tenant holds of one user (docs/privacy.md)."""

from config.env import env

# Days until a request is to be done.
PRIVACY_DUE_DAYS = env.int("PRIVACY_DUE_DAYS", default=30)

# Days for which an export can be fetched; `privacy_requests --purge` deletes it afterwards.
PRIVACY_CONTENT_DAYS = env.int("PRIVACY_CONTENT_DAYS", default=7)
