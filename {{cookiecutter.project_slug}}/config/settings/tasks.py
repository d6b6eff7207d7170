"""Background work (docs/tasks.md).

https://docs.djangoproject.com/en/6.1/ref/settings/#tasks
"""

from config.reading import read
from config.settings.isolation import SHARED_DB

env = read()

TASKS = {"default": {"BACKEND": "apps.tasks.backends.TaskBackend"}}

# So many open tasks of a tenant are served by all workers, the others by half of them.
TENANT_TASKS_AT_ONCE = env.TENANT_TASKS_AT_ONCE

# Procrastinate keeps the queue; its tables are among the shared data, and it looks for no tasks.
PROCRASTINATE_DATABASE_ALIAS = SHARED_DB
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = ""
