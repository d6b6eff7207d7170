"""Callbacks of a transaction run in the tenant that registered them."""

from collections.abc import Callable
from functools import wraps

from django.db.backends.base.base import BaseDatabaseWrapper

from apps.isolation.context import activate_tenant, current_tenant

AFTER_COMMIT = "Raised by a callback of on_commit(): the transaction was committed before."
"""Note that is added to exceptions of such callbacks."""


class OnCommitMixin(BaseDatabaseWrapper):
    """Makes a database wrapper run ``on_commit`` callbacks in the tenant that registered them."""

    def on_commit(self, func: Callable[[], object], robust: bool = False) -> None:
        """Call ``func`` after COMMIT, whichever tenant is active then."""
        super().on_commit(_bind_tenant(func), robust)


def _bind_tenant(work: Callable[[], object]) -> Callable[[], object]:
    tenant = current_tenant()

    @wraps(work)
    def work_in_tenant() -> object:
        with activate_tenant(tenant):
            try:
                return work()
            except Exception as error:
                error.add_note(AFTER_COMMIT)
                raise

    return work_in_tenant
