"""Background work (docs/tasks.md).

https://docs.djangoproject.com/en/6.1/ref/settings/#tasks
"""

from config.reading import read
from config.settings.isolation import SHARED_DB

env = read()

TASKS = {
    "default": {"BACKEND": "apps.tasks.backends.TaskBackend", "QUEUES": ["default", "owner"]},
}

# All slots of the workers serve this many open tasks of a tenant; half of them serve the others.
TENANT_TASKS_AT_ONCE = env.TENANT_TASKS_AT_ONCE

# A worker keeps storage ready for this many future tenants (apps.tenants.tasks).
PENDING_TENANTS = env.PENDING_TENANTS

# Procrastinate stores the queue in shared tables. It need not discover tasks by itself.
PROCRASTINATE_DATABASE_ALIAS = SHARED_DB
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = ""
