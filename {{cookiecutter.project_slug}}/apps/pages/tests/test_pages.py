"""Pages: permissions, refused input, and response headers."""

import re
import sys
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.signals import post_save
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory, TestCase, override_settings
from django.urls import include, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from rest_framework.exceptions import PermissionDenied
from rest_framework.exceptions import ValidationError as APIValidationError

from apps.authentication import decorators
from apps.isolation import tenant_context
from apps.isolation.app_registry import SHARED_DB
from apps.isolation.testing import make_member
from apps.isolation.testing.people import PASSWORD
from apps.memberships.exceptions import LastOwner
from apps.memberships.models import Invitation, Membership
from apps.memberships.roles import Role
from apps.pages import navigation
from apps.pages.rendering import render_page
from apps.pages.testing import Visit, browser
from apps.tasks.testing import run_enqueued_tasks
from apps.tenants.models import Tenant
from tests.isolation.routes import routes
from tests.support import mailed_token

PAGES = [route for route in routes() if route.is_page]

# The lowest role for GET and for POST. None: the page refuses the method.
ROLES: dict[str, tuple[Role | None, Role | None]] = {
    "/members/": (Role.VIEWER, Role.ADMIN),
    "/members/leave/": (Role.VIEWER, Role.VIEWER),
    "/members/transfer/": (Role.OWNER, Role.OWNER),
    "/members/<uuid:membership_id>/role/": (Role.ADMIN, Role.ADMIN),
    "/members/<uuid:membership_id>/remove/": (Role.ADMIN, Role.ADMIN),
    "/invitations/<uuid:invitation_id>/resend/": (None, Role.ADMIN),
    "/invitations/<uuid:invitation_id>/revoke/": (None, Role.ADMIN),
    "/activity/": (Role.ADMIN, None),
    "/activity/export/": (Role.ADMIN, None),
    "/settings/": (Role.ADMIN, Role.ADMIN),
    "/settings/exports/": (Role.OWNER, Role.OWNER),
    "/settings/exports/<uuid:export_id>/": (Role.OWNER, None),
    "/settings/archive/": (Role.OWNER, Role.OWNER),
    "/profile/": (Role.VIEWER, Role.VIEWER),
    "/profile/photo/": (Role.VIEWER, Role.VIEWER),
    "/profile/photo/remove/": (None, Role.VIEWER),
    "/photos/<uuid:user_id>/": (Role.VIEWER, None),
    "/profile/password/": (Role.VIEWER, Role.VIEWER),
    "/profile/second-factor/": (Role.VIEWER, Role.VIEWER),
    "/switch/": (Role.VIEWER, None),
}
OF_MEMBERS = [route for route in PAGES if route.is_members_page]
OPEN = [route for route in PAGES if not route.is_members_page]


def url_of(route: Any) -> str:
    """Return the page's URL with unknown ids."""
    return str(route.url({name: uuid4() for name in route.parameters}))


# Roles


def roles_of(route: Any) -> tuple[Role | None, Role | None]:
    """Return the required roles of a page, in the form of `ROLES`."""
    view = route.callback
    return (
        view.read_role if "GET" in route.methods else None,
        view.write_role if "POST" in route.methods else None,
    )


def test_ct13_required_roles_of_pages() -> None:
    found = {str(route): roles_of(route) for route in OF_MEMBERS}
    assert {path_: found[path_] for path_ in ROLES} == ROLES
    others = [route.callback.__module__ for route in OF_MEMBERS if str(route) not in {*ROLES, "/"}]
    assert not [module for module in others if module.startswith("apps.pages.")]


@pytest.mark.parametrize("route", OF_MEMBERS, ids=str)
def test_ct13_page_requires_its_role(route: Any, acme: Tenant, visit: Visit) -> None:
    for role in Role:
        client = visit(role)
        read, write = roles_of(route)
        for method, taken, wanted in (("GET", read, read or write), ("POST", write, write or read)):
            status = client.generic(method, url_of(route)).status_code
            assert wanted
            assert (status == 403) == (not role.reaches(wanted)), (role, method)
            assert (status == 405) == (taken is None and role.reaches(wanted)), (role, method)
            assert status < 500


@pytest.mark.parametrize("route", OF_MEMBERS, ids=str)
def test_anonymous_user_is_redirected_to_log_in(route: Any, acme: Tenant) -> None:
    url = url_of(route)
    for method in route.methods:
        response = browser().generic(method, url)
        wanted = url if method == "GET" else "/"
        assert (response.status_code, response["Location"]) == (302, f"/login/?next={wanted}")


@pytest.mark.parametrize("route", OF_MEMBERS, ids=str)
def test_ct07_removal_and_demotion_apply_to_the_next_request(
    route: Any, acme: Tenant, visit: Visit
) -> None:
    client = visit("owner")
    method = "GET" if str(route) == "/members/leave/" else route.methods[-1]
    rows = Membership.objects.for_tenant(acme)
    rows.update(role="viewer")
    wanted = route.callback.read_role if method == "GET" else route.callback.write_role
    status = client.generic(method, url_of(route)).status_code
    assert (status == 403) == (wanted != Role.VIEWER)
    rows.update(is_active=False)
    response = client.generic(method, url_of(route))
    assert response.status_code == 403
    assert "You have no access here." in response.content.decode()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("suspended", (403, "suspended")),
        ("archived", (403, "suspended")),
        ("moved", (421, "moved")),
    ],
)
@pytest.mark.parametrize("route", [each for each in PAGES if not each.only_on_shared_host], ids=str)
def test_ct16_pages_of_a_suspended_tenant_are_visible_to_members_only(
    route: Any, status: str, expected: tuple[int, str], acme: Tenant, visit: Visit
) -> None:
    code, word = expected
    member, stranger = visit("owner"), visit("owner", "stranger@acme.test")
    Membership.objects.for_tenant(acme).filter(user__email__startswith="str").delete()
    Tenant.objects.filter(pk=acme.pk).update(status=status)
    for method in route.methods:
        if route.is_members_page:
            answer = member.generic(method, url_of(route))
            assert (answer.status_code, word in answer.content.decode()) == (code, True)
        for client in (stranger, browser()):
            if (str(route), method) != ("/logout/", "POST"):
                answer = client.generic(method, url_of(route))
                assert answer.status_code == 404
                assert word not in answer.content.decode()


def test_ct16_log_in_reveals_a_suspended_tenant_to_members_only(acme: Tenant) -> None:
    make_member(acme, "member")
    Tenant.objects.filter(pk=acme.pk).update(status="suspended")
    for password, status in ((PASSWORD, 403), ("wrong", 404)):
        body = {"email": "member@acme.test", "password": password}
        assert browser().post("/login/", body).status_code == status


@pytest.mark.parametrize("host", ["nobody.localhost", "a_b.localhost"])
def test_unknown_host_answers_with_a_page_or_json(host: str, db: None) -> None:
    page = browser(host).get("/")
    assert (page.status_code, page["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "There is no such workspace" in page.content.decode()
    for path_, accept in (("/", "application/json"), ("/api/v1/me/", "text/html")):
        answer = browser(host).get(path_, headers={"Accept": accept})
        assert (answer.status_code, answer.json()["code"]) == (404, "tenant_not_found")


# The decorators


@decorators.tenant_member_required
def members_only(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


@method_decorator(decorators.require_role("admin"), name="dispatch")
class AdminsOnly(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("in")


def undecorated(request: HttpRequest) -> HttpResponse:
    return HttpResponse(Tenant.objects.count())


urlpatterns = [
    path("function/", members_only),
    path("class/", AdminsOnly.as_view()),
    path("stacked/", decorators.require_tenant_access(members_only)),
    path("undecorated/", undecorated),
    path("", include("apps.pages.urls")),
]


@pytest.fixture
def own_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.authentication.middleware.TENANT_URLCONF", __name__)


def test_decorator_works_for_views_of_every_kind(
    own_routes: None, acme: Tenant, visit: Visit
) -> None:
    for role in Role:
        make_member(acme, role)
        with tenant_context(acme):
            client = browser()
            client.force_login(get_user_model()._default_manager.get(email=f"{role}@acme.test"))
        for path_, wanted in (
            ("function", Role.MEMBER),
            ("stacked", Role.MEMBER),
            ("class", Role.ADMIN),
        ):
            status = client.get(f"/{path_}/").status_code
            assert status == (200 if role.reaches(wanted) else 403), (role, path_)


def test_view_without_a_decorator_is_closed(own_routes: None, acme: Tenant) -> None:
    response = browser().get("/undecorated/")
    assert (response.status_code, "You have no access here." in response.content.decode()) == (
        403,
        True,
    )


def test_decorator_requires_a_tenant(rf: RequestFactory) -> None:
    with pytest.raises(PermissionDenied, match="You have no access here"):
        members_only(rf.get("/"))


def test_unknown_role_is_an_error() -> None:
    with pytest.raises(ValueError, match="is not a valid Role"):
        decorators.require_role("boss")


# Pages of other apps


@decorators.require_role("viewer")
def notes(request: HttpRequest) -> HttpResponse:
    return render_page(request, "notes.html", title="Notes")


@pytest.fixture
def notes_app(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Add a page of a new app, and a link to it."""
    (engine,) = settings.TEMPLATES
    page = '{% extends "pages/base.html" %}{% block main %}<h1>{{ may.admin }}</h1>{% endblock %}'
    loaders = [
        ("django.template.loaders.locmem.Loader", {"notes.html": page}),
        "django.template.loaders.app_directories.Loader",
    ]
    options = {**engine["OPTIONS"], "loaders": loaders}
    settings.TEMPLATES = [{**engine, "APP_DIRS": False, "OPTIONS": options}]
    routes = SimpleNamespace(
        urlpatterns=[path("notes/", notes, name="notes"), path("", include("config.urls.tenant"))]
    )
    monkeypatch.setitem(sys.modules, "notes_urls", routes)
    monkeypatch.setattr("apps.authentication.middleware.TENANT_URLCONF", "notes_urls")
    monkeypatch.setattr(navigation, "_PRODUCT", [*navigation._PRODUCT])
    navigation.register("Notes", "notes")
    navigation.register("Drafts", "notes", role=Role.ADMIN)


@pytest.mark.parametrize(("role", "is_admin"), [("viewer", False), ("admin", True)])
def test_page_of_a_new_app_has_the_sites_layout(
    role: str, is_admin: bool, acme: Tenant, visit: Visit, notes_app: None
) -> None:
    client = visit(role)
    text = client.get("/notes/").content.decode()
    assert "<title>Notes · Acme</title>" in text
    assert '<a class="brand" href="/">Acme</a>' in text
    assert f"<h1>{is_admin}</h1>" in text
    labels = re.findall(r'<a href="[^"]*"(?: aria-current="page")?>(\w+)</a>', text)
    assert ("Drafts" in labels, "Settings" in labels) == (is_admin, is_admin)
    assert labels.index("Notes") < labels.index("Members")
    assert '<a href="/notes/">Notes</a>' in client.get("/members/").content.decode()


def test_start_page_without_a_product(
    acme: Tenant, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = visit("admin")
    monkeypatch.setattr("apps.authentication.middleware.TENANT_URLCONF", "apps.pages.urls")
    monkeypatch.setattr(navigation, "_PRODUCT", [])
    text = client.get("/").content.decode()
    assert "<h1>Welcome to Acme</h1>" in text
    assert text.count('href="/members/"') == 2


# Forms


BAD: dict[str, tuple[str, dict[str, str], str]] = {
    "no name": ("/settings/", {"name": ""}, "This field is required."),
    "A member already has": ("/members/", {"email": "owner@acme.test", "role": "member"}, "member"),
    "an owner by invitation": ("/members/", {"email": "x@acme.test", "role": "owner"}, "owner"),
    "no time zone": ("/settings/", {"timezone": "Mars/Base"}, "Unknown time zone"),
    "no colour": ("/settings/", {"brand_color": "red;}"}, "Enter a color"),
    "too short a session": ("/settings/", {"session_hours": "0"}, "greater than or equal to 1"),
    "a wrong password": (
        "/profile/password/",
        {"current_password": "x", "new_password": "a much better horse"},
        "Incorrect password.",
    ),
    "a bad password": (
        "/profile/password/",
        {"current_password": PASSWORD, "new_password": "password"},
        "too common",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_invalid_input_is_shown_in_the_form(name: str, acme: Tenant, visit: Visit) -> None:
    url, body, message = BAD[name]
    client = visit("owner")
    if url == "/settings/":
        good = {"name": "Acme", "timezone": "UTC", "locale": "de", "brand_color": "#000000"}
        body = {**good, "session_hours": "5", **body}
    response = client.post(url, body)
    assert response.status_code == 400
    assert 'class="errorlist' in (text := response.content.decode())
    assert message in text
    acme.refresh_from_db()
    assert acme.settings == {}


def test_settings_take_effect(acme: Tenant, visit: Visit) -> None:
    client = visit("owner")
    body = {
        "name": "Acme & Sons",
        "brand_name": "The Acme",
        "brand_color": "#123456",
        "locale": "de",
        "timezone": "Asia/Tokyo",
        "session_hours": "2",
    }
    assert client.post("/settings/", body).status_code == 302
    assert "#123456" in client.get("/theme.css").content.decode()
    Membership.objects.for_tenant(acme).update(joined_at="2020-02-29T20:00:00Z")
    text = client.get("/members/").content.decode()
    assert "<title>Members · The Acme</title>" in text
    assert "1. März 2020" in text
    assert browser().get("/login/").content.decode().count("The Acme") == 2
    again = visit("owner")
    assert again.cookies["sessionid"]["max-age"] == 7200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [ValidationError("no"), APIValidationError("no"), LastOwner()])
def test_failure_after_commit_is_no_form_error(
    error: Exception, acme: Tenant, visit: Visit
) -> None:
    def fail() -> None:
        raise error

    def fail_later(**kwargs: Any) -> None:
        transaction.on_commit(fail, using=SHARED_DB)

    client = visit("owner")
    client.raise_request_exception = False
    body = {"brand_name": "The Acme", "brand_color": "#123456", "locale": "de"}
    body |= {"name": "Acme & Sons", "timezone": "Asia/Tokyo", "session_hours": "2"}
    post_save.connect(fail_later, sender=Tenant)
    try:
        response = client.post("/settings/", body)
    finally:
        post_save.disconnect(fail_later, sender=Tenant)
    assert response.status_code == 500
    acme.refresh_from_db()
    assert acme.name == "Acme & Sons"


def test_last_owner_sees_why_leaving_is_refused(acme: Tenant, visit: Visit) -> None:
    client = visit("owner")
    own = Membership.objects.for_tenant(acme).get()
    response = client.post(f"/members/{own.pk}/role/", {"role": "admin"})
    assert response.status_code == 400
    assert "At least one Owner must remain" in response.content.decode()
    own.refresh_from_db()
    assert own.role == "owner"


def test_owner_transfers_ownership_and_leaves(acme: Tenant, visit: Visit) -> None:
    client, successor = visit("owner"), make_member(acme, "member")
    own = Membership.objects.for_tenant(acme).get(role="owner")
    assert "Leave this workspace" in client.get("/members/").content.decode()
    stays = client.post("/members/leave/")
    assert (stays.status_code, "At least one Owner must remain" in stays.content.decode()) == (
        400,
        True,
    )
    page = client.get("/members/transfer/").content.decode()
    assert f'value="{successor.pk}"' in page
    assert f'value="{own.pk}"' not in page
    for nobody in (own.pk, uuid4(), "x"):
        assert client.post("/members/transfer/", {"member": str(nobody)}).status_code == 400
    done = client.post("/members/transfer/", {"member": str(successor.pk)})
    assert done["Location"] == "/members/"
    assert client.get("/members/transfer/").status_code == 403
    gone = client.post("/members/leave/", follow=True)
    assert "You have left this workspace." in gone.content.decode()
    assert client.get("/")["Location"] == "/login/?next=/"
    rows = Membership.objects.for_tenant(acme).order_by("role")
    assert list(rows.values_list("role", "is_active")) == [("admin", False), ("owner", True)]


def test_ct14_invitation_is_accepted_in_the_browser(
    acme: Tenant, globex: Tenant, visit: Visit, caplog: pytest.LogCaptureFixture
) -> None:
    owner = visit("owner")
    with TestCase.captureOnCommitCallbacks(using=SHARED_DB, execute=True):
        owner.post("/members/", {"email": "new@acme.test", "role": "viewer"})
    url = f"/invitations/{mailed_token()}/"
    joining = {"password": "a much better horse", "full_name": "New"}
    assert browser("globex.localhost").post(url, joining).status_code == 400
    assert browser().post(url, joining | {"password": "short"}).status_code == 400
    # Another logged-in user cannot accept it.
    assert owner.post(url, joining).status_code == 403
    client = browser()
    assert client.get(url).status_code == 200
    assert client.post(url, joining)["Location"] == "/"
    assert client.get("/").status_code == 200
    assert client.post("/members/", {"email": "x@acme.test", "role": "viewer"}).status_code == 403
    assert browser().post(url, joining).status_code == 400
    assert "Bad Request: /invitations/-/" in caplog.text
    assert url not in caplog.text
    assert Invitation.objects.for_tenant(acme).get().accepted_at


@pytest.mark.parametrize(
    "next_",
    [
        *("//evil.test/", "https://evil.test/", "javascript:x", "/\\evil.test", "///evil.test"),
        *("/\t/evil.test", "\n//evil.test", " //evil.test", "\x00/", "http:///evil.test", "//[x"),
        # Names of views are not paths, whether such a view exists or not.
        *(
            "foo",
            "members",
            "login",
            "project",
            "settings/",
            "a.b",
            ".",
            "..",
            "",
            " ",
            "é",
            "?a=b",
        ),
        *(
            "#x",
            "apps.pages.views.members",
            "{}",
            "%2Fmembers%2F",
            "\ud83d\udc22"[:0] + "\U0001f422",
        ),
        f"/{'x' * 1000}",
    ],
)
def test_ct24_log_in_does_not_redirect_elsewhere(next_: str, acme: Tenant) -> None:
    make_member(acme, "member")
    body = {"email": "member@acme.test", "password": PASSWORD}
    assert browser().post("/login/", body, query_params={"next": next_})["Location"] == "/"


@pytest.mark.parametrize(
    ("next_", "location"),
    [
        *(
            (path, path)
            for path in ("/", "/members/?a=b", "/nothing", "/a/../b", "/?next=foo", "/:")
        ),
        ("/é?x=ü", "/%C3%A9?x=%C3%BC"),
        ("/a\r\nSet-Cookie: a=b", "/a%0D%0ASet-Cookie:%20a=b"),
    ],
)
def test_log_in_redirects_to_a_path_of_this_host(next_: str, location: str, acme: Tenant) -> None:
    make_member(acme, "member")
    body = {"email": "member@acme.test", "password": PASSWORD}
    there = browser().post("/login/", body, query_params={"next": next_})
    assert (there.status_code, there["Location"]) == (302, location)


@pytest.mark.parametrize("length", [100, 900, 1000, 4000])
def test_too_long_next_path_is_dropped(length: int, acme: Tenant) -> None:
    path_ = f"/members/?a={'x' * length}"
    there = browser().get(path_)
    assert there.status_code == 302
    assert (there["Location"] == "/login/?next=/") == (length > 900)


def test_failed_log_ins_get_the_same_response(acme: Tenant, globex: Tenant) -> None:
    make_member(acme, "member")
    make_member(globex, "member")
    gone = make_member(acme, "member", "gone@acme.test")
    Membership.platform.filter(pk=gone.pk).update(is_active=False)
    answers = {
        re.sub(r'value="[^"]*"', "", browser().post("/login/", body).content.decode())
        for body in (
            {"email": "member@acme.test", "password": "wrong"},
            {"email": "nobody@acme.test", "password": PASSWORD},
            {"email": "member@globex.test", "password": PASSWORD},
            {"email": "gone@acme.test", "password": PASSWORD},
        )
    }
    assert len(answers) == 1
    assert "No active account with these credentials." in answers.pop()


def test_log_in_is_throttled_as_in_the_api(acme: Tenant, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login": "2/m/key"}
    body = {"email": "member@acme.test", "password": "wrong"}
    answers = [browser().post("/login/", body) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400, 400, 429]
    assert answers[-1]["Retry-After"]
    api = browser().post("/api/v1/auth/token/", body, content_type="application/json")
    assert api.status_code == 429


def test_pages_and_api_share_counters(
    acme: Tenant, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = visit("owner")
    rates = {"tenant": None, "anonymous": None, "member": "4/minute", "invitations": "1/minute"}
    monkeypatch.setattr("apps.authentication.throttling.Throttle.THROTTLE_RATES", rates)
    bodies = [{"email": f"{name}@acme.test", "role": "viewer"} for name in "ab"]
    assert [client.post("/members/", body).status_code for body in bodies] == [302, 429]
    assert [client.get("/").status_code for _ in range(3)] == [200, 200, 429]


# Browsers


@pytest.mark.parametrize("route", [each for each in PAGES if "POST" in each.methods], ids=str)
def test_ct24_form_of_another_origin_is_refused(route: Any, acme: Tenant, visit: Visit) -> None:
    client = visit("owner")
    client.handler.enforce_csrf_checks = True
    host = "localhost" if route.only_on_shared_host else "acme.localhost"
    response = client.post(url_of(route), headers={"Host": host})
    assert response.status_code == 403
    assert "This form has expired or came from another site." in response.content.decode()


@pytest.mark.parametrize("route", PAGES, ids=str)
def test_ct24_pages_have_no_inline_scripts_frames_or_caching(
    route: Any, acme: Tenant, visit: Visit
) -> None:
    host = "localhost" if route.only_on_shared_host else "acme.localhost"
    response = visit("owner").get(url_of(route), headers={"Host": host})
    policy = response["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert response["X-Frame-Options"] == "DENY"
    text = response.getvalue().decode()
    assert not re.search(r"<style|<script(?! src=)| on\w+=| style=|javascript:", text)
    if route.is_members_page and response.status_code == 200:
        assert "no-store" in response["Cache-Control"]


def test_ct24_session_cookie_is_for_one_tenant_and_hidden_from_scripts(
    acme: Tenant, globex: Tenant, visit: Visit
) -> None:
    make_member(globex, "owner", "owner@acme.test")
    client = visit("owner")
    for name in ("sessionid", "csrftoken"):
        cookie = client.cookies[name]
        assert (cookie["domain"], cookie["samesite"]) == ("", "Lax")
    assert client.cookies["sessionid"]["httponly"]
    assert client.get("/", headers={"Host": "globex.localhost"}).status_code == 302
    assert client.get("/api/v1/me/").status_code == 401


@pytest.mark.parametrize("end", ["log out", "password", "deactivated"])
def test_ct24_session_ends(end: str, acme: Tenant, visit: Visit) -> None:
    client, key = visit("member"), "sessionid"
    stolen = browser()
    stolen.cookies[key] = client.cookies[key].value
    assert stolen.get("/").status_code == 200
    user = Membership.objects.for_tenant(acme).get().user
    if end == "log out":
        assert client.post("/logout/")["Location"] == "/login/"
    elif end == "password":
        body = {"current_password": PASSWORD, "new_password": "a much better horse"}
        assert client.post("/profile/password/", body).status_code == 302
        assert client.get("/").status_code == 200
    else:
        user.is_active = False
        user.save()
    assert stolen.get("/").status_code == 302


# The shared host


NEW = {
    "email": "new@example.test",
    "password": "a much better horse",
    "full_name": "New",
    "tenant_name": "Initech",
    "tenant_slug": "initech",
}


@pytest.mark.django_db(transaction=True)
def test_sign_up_redirects_to_the_new_tenant(provisioning: None) -> None:
    body, client = NEW, browser("localhost")
    assert client.post("/signup/", body | {"tenant_slug": "admin"}).status_code == 400
    with override_settings(SIGN_UP_OPEN=False):
        assert client.post("/signup/", body).status_code == 403
    there = client.post("/signup/", body)["Location"]
    run_enqueued_tasks()
    page = client.get(there, follow=True).content.decode()
    assert "Your workspace is ready." in page
    assert 'href="https://initech.localhost/"' in page
    _log_in_at_the_new_tenant(body)
    link = re.search(r"https://localhost(/verify-email/\S+)", str(mail.outbox[0].body))
    assert link
    assert client.post(link[1], follow=True).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_page_waits_while_a_worker_prepares_the_tenant(provisioning: None) -> None:
    client = browser("localhost")
    there = client.post("/signup/", NEW)["Location"]
    if Tenant.objects.get().is_usable:
        pytest.skip("A tenant's tables are there.")
    waiting = client.get(there).content.decode()
    assert "being prepared" in waiting
    assert "longer than usual" not in waiting
    Tenant.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    assert "longer than usual" in client.get(there).content.decode()
    (run,) = run_enqueued_tasks()
    assert run.state == "done"
    polled = client.get(there, headers={"HX-Request": "true"})
    assert polled["HX-Redirect"] == "/switch/?tenant=initech"
    assert "Your workspace is ready." in client.get(there, follow=True).content.decode()
    _log_in_at_the_new_tenant(NEW)


@pytest.mark.parametrize("token", ["x", "01900000-0000-7000-8000-000000000000:1:x"])
def test_forged_token_of_a_sign_up_is_not_found(db: None, token: str) -> None:
    assert browser("localhost").get(f"/signup/{token}/").status_code == 404


def _log_in_at_the_new_tenant(body: dict[str, str]) -> None:
    login = {"email": body["email"], "password": body["password"]}
    assert browser("initech.localhost").post("/login/", login)["Location"] == "/"


def test_forgotten_password_is_reset_by_mail(acme: Tenant) -> None:
    make_member(acme, "member")
    client = browser("localhost")
    assert client.post("/password-reset/", {"email": "member@acme.test"}).status_code == 302
    link = re.search(r"https://localhost(/password-reset/\S+)", str(mail.outbox[0].body))
    assert link
    for password, status in (("short", 400), ("a much better horse", 302), ("once more", 400)):
        assert client.post(link[1], {"password": password}).status_code == status
    login = {"email": "member@acme.test", "password": "a much better horse"}
    assert browser().post("/login/", login).status_code == 302


@pytest.mark.parametrize("slug", ["acme", "nobody"])
def test_shared_host_does_not_reveal_tenants(slug: str, acme: Tenant) -> None:
    client = browser("localhost")
    for response in (
        client.get("/switch/", {"tenant": slug}),
        client.post("/switch/", {"tenant_slug": slug}),
    ):
        assert f'href="https://{slug}.localhost/"' in response.content.decode()
    for bad in ("evil.test/", "a.b", "", "-"):
        assert "Go to https" not in client.get("/switch/", {"tenant": bad}).content.decode()


def test_users_see_their_own_tenants_only(
    acme: Tenant, globex: Tenant, new_tenant: Callable[..., Tenant], visit: Visit
) -> None:
    make_member(globex, "viewer", "owner@acme.test")
    make_member(new_tenant("initech"), "owner")
    text = visit("owner").get("/switch/").content.decode()
    assert 'href="https://globex.localhost/"' in text
    assert "initech" not in text.lower()
