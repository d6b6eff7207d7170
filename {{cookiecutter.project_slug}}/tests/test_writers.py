"""Only one service writes each fact: an address, a role, a membership, a status.

The service also updates everything that depends on the fact: verified addresses, invitations,
sessions, tokens. Code that writes a fact elsewhere fails these tests; move it into the service.
"""

import ast
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_user_model
from rest_framework.serializers import ModelSerializer

from apps.memberships.models import Invitation, Membership
from apps.tenants.models import Tenant
from config.env import BASE_DIR

FACTS = {
    "accepted_at",
    "credentials_version",
    "email",
    "invited_by",
    "is_active",
    "password",
    "revoked_at",
    "role",
    "status",
    "verified",
}
ANY = "any field, by its name"
OTHERS = {
    "set_password": "password",
    "setattr": ANY,
    "bulk_create": ANY,
    "bulk_update": ANY,
}
BY_KEYWORD = {"create", "get_or_create", "update", "update_or_create", "aupdate", "acreate"}

PRODUCT = {name.rpartition(".")[2] for name in settings.TENANT_APPS}
LEFT_OUT = {"isolation", "tests", "testing", "migrations"} | PRODUCT
MODELS: list[Any] = [get_user_model(), EmailAddress, Membership, Invitation, Tenant]

USERS, ADDRESSES = "apps/authentication/services.py", "apps/memberships/addresses.py"
INVITATIONS, MEMBERS = "apps/memberships/invitations.py", "apps/memberships/services.py"
MODEL, TENANTS = "apps/authentication/models.py", "apps/tenants/services.py"
DEMO, REQUESTS = "devtools/seeding.py", "apps/privacy/services.py"
EXPORTS = "apps/exports/services.py"
IMPORTED = "apps/portability/people.py"

WRITERS: dict[str, set[str]] = {
    "accepted_at": {f"{INVITATIONS}::accept"},
    "credentials_version": {f"{MODEL}::end_log_ins", f"{ADDRESSES}::change_address"},
    "email": {
        f"{ADDRESSES}::change_address",
        f"{ADDRESSES}::address_of",
        f"{USERS}::forget",  # locks the user, and deletes what depends on the address
        # New rows, and one of an import that is repeated:
        f"{IMPORTED}::create_accounts",
        f"{MODEL}::create_user",
        f"{USERS}::new_or_known_user",
        f"{INVITATIONS}::_invitee",
        f"{INVITATIONS}::invite",
        f"{INVITATIONS}::invite_owner",
        f"{DEMO}::_user",
        f"{IMPORTED}::_create",
    },
    "invited_by": {
        f"{INVITATIONS}::invite",
        f"{INVITATIONS}::resend",
        f"{INVITATIONS}::_join",
        f"{MEMBERS}::forget",
    },
    "is_active": {
        f"{USERS}::forget",
        "apps/memberships/selectors.py::membership_or_new",
        # New rows:
        f"{IMPORTED}::_create",
        f"{IMPORTED}::_join",
    },
    "password": {
        "apps/authentication/adapter.py::set_password",
        f"{USERS}::change_password",
        f"{IMPORTED}::set_passwords",  # of accounts that nobody has used yet
        f"{USERS}::reset_password",
        # New rows:
        f"{MODEL}::create_user",
        f"{USERS}::new_or_known_user",
        f"{INVITATIONS}::_invitee",
        f"{DEMO}::_user",
    },
    "revoked_at": {"apps/memberships/revocation.py::revoke"},
    # Of memberships, `_store` writes it.
    "role": {
        f"{INVITATIONS}::invite",
        f"{INVITATIONS}::invite_owner",
        f"{IMPORTED}::_join",  # a new row
    },
    # Of tenants, `change_status` and `open_tenant` write it; the others are requests' or exports'.
    "status": {
        f"{TENANTS}::open_tenant",
        f"{REQUESTS}::_carry_out",
        f"{REQUESTS}::_end",
        f"{EXPORTS}::_expire",
        f"{EXPORTS}::_store",
        f"{EXPORTS}::fail_lost",
        f"{EXPORTS}::_write",
        "apps/offboarding/services.py::_finish",
        "apps/portability/importing.py::prepared",  # a new row
    },
    "verified": {f"{ADDRESSES}::mark_verified"},
    ANY: {
        f"{MEMBERS}::_store",
        "apps/tenants/lifecycle.py::change_status",
        "apps/tenants/settings.py::change_tenant",
        f"{MODEL}::create_user",  # a new row
        "apps/privacy/data_subject.py::erase",  # of tenants' models
    },
}


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Yield the platform's code with its paths, without the product and apps.isolation."""
    for folder in ("apps", "devtools"):
        for path in sorted((BASE_DIR / folder).rglob("*.py")):
            inside = path.relative_to(BASE_DIR)
            if not LEFT_OUT & {*inside.parts, inside.stem}:
                yield inside.as_posix(), ast.parse(path.read_text("utf-8"))


def functions(tree: ast.AST, name: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Yield each node with the name of its function."""
    for node in ast.iter_child_nodes(tree):
        within = node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else name
        yield within, node
        yield from functions(node, within)


def written(node: ast.AST) -> Iterator[str]:
    """Yield the field names that a statement or call may write."""
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        yield node.attr
    if not isinstance(node, ast.Call):
        return
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if name in BY_KEYWORD | {"User", "Membership", "Invitation", "Tenant", "EmailAddress", "model"}:
        for keyword in node.keywords:
            yield keyword.arg or ANY
            keys = keyword.value.keys if isinstance(keyword.value, ast.Dict) else []
            yield from (str(key.value) for key in keys if isinstance(key, ast.Constant))
    if name in OTHERS:
        yield OTHERS[name]


def test_writers_are_listed() -> None:
    found: dict[str, set[str]] = {}
    for path, tree in sources():
        for function, node in functions(tree):
            names = {str(name).removesuffix("_id") for name in written(node)}
            for name in (FACTS | {ANY}) & names:
                found.setdefault(name, set()).add(f"{path}::{function}")
    assert found == WRITERS


@pytest.mark.parametrize(
    "line",
    [
        "def f(user): user.email = 'x'",
        "def f(rows): rows.update(role='owner')",
        "def f(rows): rows.filter(pk=1).update(is_active=True, joined_at=None)",
        "def f(rows): rows.update_or_create(pk=1, defaults={'verified': True})",
        "def f(member, name): setattr(member, name, 'owner')",
        "def f(row): row.invited_by_id = None",
        "def f(rows, values): rows.update(**values)",
        "async def f(rows): await rows.aupdate(status='active')",
        "def f(a, b): a.role, b.role = b.role, a.role",
    ],
)
def test_writers_are_detected(line: str) -> None:
    found = [name for _, node in functions(ast.parse(line)) for name in written(node)]
    assert {str(name).removesuffix("_id") for name in found} & (FACTS | {ANY})


def test_admin_uses_the_services() -> None:
    """Each ModelAdmin overrides save_model, or is read-only."""
    registered = [model for model in MODELS if admin.site.is_registered(model)]
    assert registered == [get_user_model(), Membership, Tenant]
    for model in registered:
        shown = admin.site.get_model_admin(model)
        assert type(shown).save_model is not admin.ModelAdmin.save_model, model
        assert not shown.list_editable, model


def test_serializers_write_no_facts() -> None:
    """Only invitations have an address and a role in the body, which the service validates."""
    writable = {
        (serializer.__name__, name)
        for serializer in subclasses(ModelSerializer)
        if getattr(getattr(serializer, "Meta", None), "model", None) in MODELS
        for name, field in serializer().fields.items()
        if name in FACTS and not field.read_only
    }
    assert writable == {("InvitationSerializer", "email"), ("InvitationSerializer", "role")}


def subclasses(of: Any) -> Iterator[Any]:
    for each in of.__subclasses__():
        yield each
        yield from subclasses(each)
