"""Makes the database of an old project with its library: ``python make.py KIND FOLDER``.

``LEGACY_URL`` names an empty database. FOLDER gets the migrations.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from shutil import copytree
from urllib.parse import unquote, urlsplit

import django
from django.conf import settings
from django.core.management import call_command

PASSWORD = "an old password 1"  # noqa: S105 - of a test
DJANGO = ["django.contrib.contenttypes", "django.contrib.auth"]
SETTINGS = {
    "todo": {"INSTALLED_APPS": [*DJANGO, "todo"], "ENGINE": "django.db.backends.postgresql"},
    "tracker": {
        "INSTALLED_APPS": ["django_multitenant", *DJANGO, "tracker"],
        "ENGINE": "django_multitenant.backends.postgresql",
        "CITUS_EXTENSION_INSTALLED": False,
    },
    "board": {
        "INSTALLED_APPS": ["django_tenants", "customers", *DJANGO, "board"],
        "SHARED_APPS": ["django_tenants", "customers"],
        "TENANT_APPS": [*DJANGO, "board"],
        "ENGINE": "django_tenants.postgresql_backend",
        "DATABASE_ROUTERS": ["django_tenants.routers.TenantSyncRouter"],
        "TENANT_MODEL": "customers.Client",
        "TENANT_DOMAIN_MODEL": "customers.Domain",
    },
}


def main(kind: str, folder: Path) -> None:
    """Migrate the database, and create rows."""
    copytree(Path(__file__).parent, folder)
    sys.path.insert(0, str(folder))
    values = dict(SETTINGS[kind])
    address = urlsplit(os.environ["LEGACY_URL"])
    database = {
        "ENGINE": values.pop("ENGINE"),
        "NAME": address.path[1:],
        "USER": unquote(address.username or ""),
        "PASSWORD": unquote(address.password or ""),
        "HOST": unquote(address.hostname or ""),
        "PORT": address.port,
    }
    settings.configure(
        DATABASES={"default": database},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        **values,
    )
    django.setup()
    apps = [name for name in settings.INSTALLED_APPS if (folder / name).is_dir()]
    call_command("makemigrations", *apps, verbosity=0)
    FILL[kind]()


def fill_todo() -> None:
    """Create two people, and a list of each."""
    from todo.models import Item, List  # noqa: PLC0415 - once there are settings

    call_command("migrate", verbosity=0)
    for name, is_superuser in (("ann", True), ("bob", False)):
        user = make_user(name, is_superuser=is_superuser)
        todo = List.objects.create(title=f"List of {name}", owner=user)
        for number in range(50):
            Item.objects.create(list=todo, text=f"{name} {number}", assigned_to=user)


def fill_tracker() -> None:
    """Create two accounts with equal names of projects."""
    from django_multitenant.utils import set_current_tenant  # noqa: PLC0415
    from tracker.models import Account, Employee, Project, Task  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    names = ("North", "South")
    accounts = [Account.objects.create(name=name, subdomain=name.lower()) for name in names]
    for name, account in zip(names, accounts, strict=True):
        set_current_tenant(account)
        user = make_user(name.lower())
        employee = Employee.objects.create(account=account, user=user, is_manager=True)
        project = Project.objects.create(account=account, name="Move")
        for number in range(50):
            Task.objects.create(
                account=account, project=project, name=f"{name} {number}", employee=employee
            )


def fill_board() -> None:
    """Create two schemas with equal numbers of rows, and a person in both."""
    from board.models import Project, Task  # noqa: PLC0415
    from customers.models import Client, Domain  # noqa: PLC0415
    from django_tenants.utils import tenant_context  # noqa: PLC0415

    call_command("migrate_schemas", shared=True, verbosity=0)
    Client.objects.create(schema_name="public", name="The platform")
    for name in ("East", "West"):
        client = Client(schema_name=name.lower(), name=name)
        client.save(verbosity=0)
        Domain.objects.create(domain=f"{name.lower()}.old.test", tenant=client, is_primary=True)
        with tenant_context(client):
            user = make_user(name.lower(), is_superuser=True)
            make_user("both")
            project = Project.objects.create(name="Move", lead=user)
            for number in range(50):
                Task.objects.create(project=project, title=f"{name} {number}", state=number % 3)


def make_user(name: str, **values: object) -> object:
    """Create a user of Django, with a password."""
    from django.contrib.auth.models import User  # noqa: PLC0415

    address = f"{name}@old.test"
    return User.objects.create_user(name, address, PASSWORD, first_name=name.title(), **values)


FILL = {"todo": fill_todo, "tracker": fill_tracker, "board": fill_board}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
