"""Users are identified by their e-mail address."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client

from apps.authentication.models import User
from apps.isolation.app_registry import SHARED_DB

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"


def test_address_is_stored_in_lower_case() -> None:
    user = User.objects.create_user(" Who@Example.TEST ", PASSWORD)
    assert user.email == "who@example.test"
    assert User.objects.get_by_natural_key("WHO@example.test") == user
    assert user.check_password(PASSWORD)
    assert not user.is_staff


def test_database_refuses_upper_case_and_duplicate_addresses() -> None:
    User.objects.create_user("who@example.test")
    for email, constraint in (
        ("Other@example.test", "user_email_is_lower_case"),
        ("who@example.test", "email"),
    ):
        with (
            pytest.raises(IntegrityError, match=constraint),
            transaction.atomic(using=SHARED_DB),
        ):
            User(email=email).save()


def test_user_without_password_cannot_log_in() -> None:
    assert not User.objects.create_user("who@example.test").has_usable_password()


def test_names() -> None:
    user = User(email="who@example.test", full_name="Who Ever")
    assert [str(user), user.get_full_name(), user.get_short_name()] == [
        "who@example.test",
        "Who Ever",
        "Who Ever",
    ]
    assert User(email="who@example.test").get_full_name() == "who@example.test"


def test_createsuperuser_creates_platform_staff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command(
        "createsuperuser", interactive=False, email="Staff@example.test", stdout=StringIO()
    )
    user = User.objects.get(email="staff@example.test")
    assert user.is_staff
    assert user.is_superuser
    assert user.check_password(PASSWORD)


@pytest.fixture
def admin() -> Client:
    User.objects.create_superuser("staff@example.test", PASSWORD)
    client = Client(headers={"Host": "localhost"})
    client.post("/admin/login/", {"username": "Staff@example.test", "password": PASSWORD})
    return client


def test_staff_adds_a_user_who_can_log_in(admin: Client) -> None:
    response = admin.post(
        "/admin/authentication/user/add/",
        {
            "email": "New@example.test",
            "full_name": "New",
            "usable_password": "true",
            "password1": PASSWORD,
            "password2": PASSWORD,
        },
    )
    assert response.status_code == 302
    user = User.objects.get(full_name="New")
    assert (user.email, user.check_password(PASSWORD)) == ("new@example.test", True)


def test_taken_address_is_reported_to_staff(admin: Client) -> None:
    body = {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    for email in ("staff@example.test", "STAFF@example.test"):
        response = admin.post("/admin/authentication/user/add/", body | {"email": email})
        assert response.status_code == 200
        assert b"already exists" in response.content
    assert User.objects.count() == 1


def test_staff_can_deactivate_but_not_delete_users(admin: Client) -> None:
    user = User.objects.create_user("who@example.test", PASSWORD)
    page = f"/admin/authentication/user/{user.pk}"
    assert admin.get(f"{page}/change/").status_code == 200
    body = {
        "email": user.email,
        "full_name": "",
        "last_login_0": "",
        "last_login_1": "",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00:00",
    }
    assert admin.post(f"{page}/change/", body).status_code == 302
    user.refresh_from_db()
    assert not user.is_active
    assert admin.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=user.pk).exists()
