"""Two tenants whose rows can be told apart at a glance, and what is asked of them."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from apps.isolation import tenant_context
from apps.projects.models import Project, Task


def run[T](coroutine: Coroutine[Any, Any, T]) -> T:
    """Run asynchronous code to its end, and close what it opened in its own thread."""

    async def main() -> T:
        try:
            return await coroutine
        finally:
            await sync_to_async(connections.close_all)()

    return asyncio.run(main())


@dataclass
class Side:
    """One tenant with a project, a task in it, and a member's client."""

    tenant: Any
    project: Project
    task: Task
    client: Any


@pytest.fixture
def sides(acme: Any, globex: Any, client_of: Callable[..., Any]) -> tuple[Side, Side]:
    """Return ours and theirs."""
    ours, theirs = (_side(tenant, client_of) for tenant in (acme, globex))
    return ours, theirs


def _side(tenant: Any, client_of: Callable[..., Any]) -> Side:
    with tenant_context(tenant):
        project = Project.objects.create(name=f"CANARY {tenant.slug}")
        task = Task.objects.create(project=project, title=f"CANARY {tenant.slug}")
    return Side(tenant, project, task, client_of(tenant, "member"))
