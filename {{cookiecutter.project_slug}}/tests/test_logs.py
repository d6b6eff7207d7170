"""Log lines say which tenant the work was for."""

import pytest

from tests.support import manage

TENANT = "01900000-0000-7000-8000-000000000007"
SCRIPT = f"""
import logging, types, uuid
from apps.isolation import tenant_context
tenant = types.SimpleNamespace(id=uuid.UUID("{TENANT}"), is_usable=True)
with tenant_context(tenant):
    logging.getLogger("some.module").warning("inside")
logging.getLogger("some.module").warning("outside")
"""


@pytest.mark.django_db
def test_every_line_carries_the_tenants_id() -> None:
    done = manage("shell", "--verbosity=0", f"--command={SCRIPT}")
    inside, outside = done.stderr.splitlines()
    assert inside.endswith(f" WARNING tenant={TENANT} request=- some.module: inside")
    assert outside.endswith(" WARNING tenant=- request=- some.module: outside")
