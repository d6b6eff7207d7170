"""Permissions of views outside the API. In a tenant, a view without one is not shown.

For a class-based view: ``@method_decorator(require_role("admin"), name="dispatch")``. A view of
Django REST framework sets ``read_role`` and ``write_role`` (`permissions.HasRole`).
"""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import add_never_cache_headers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.views import APIView

from apps.authentication.access import admit, require_writable
from apps.authentication.error_throttling import count_request
from apps.authentication.exceptions import NoActiveAccount
from apps.authentication.sessions import has_session_ended
from apps.isolation import current_tenant, require_tenant
from apps.memberships.models import Membership
from apps.memberships.roles import Role
from apps.tenants.middleware import activate_locale

LONGEST_PATH = 1000
"""Maximum length of a path to which a log-in returns: servers limit addresses."""

NO_ACCESS = "You have no access here."

type View = Callable[..., HttpResponseBase]


class MemberRequest(HttpRequest):
    """A request of a member; ``auth`` is the membership, as in the API."""

    auth: Membership


def require_role(read: str, *, write: str = "", scope: str = "") -> Callable[[View], View]:
    """Admit members with at least the named role; ``write`` may require a higher one for writing.

    Anonymous users are redirected to the log-in; others get 403. Responses to members are not
    cached. Writing also counts for the rate named by ``scope``.
    """
    read_role, write_role = Role(read), Role(write or read)

    def decorator(view: View) -> View:
        @wraps(view)
        def guarded(request: MemberRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            if current_tenant() is None:
                raise PermissionDenied(NO_ACCESS)
            is_safe = request.method in SAFE_METHODS
            member = _member(request)
            if member is None:
                vars(request).update(auth=None)
                count_request(request, guarded)
                place = request.get_full_path()
                return redirect_to_login(place if is_safe and len(place) <= LONGEST_PATH else "/")
            request.auth = member
            if not Role(request.auth.role).reaches(read_role if is_safe else write_role):
                raise PermissionDenied("Insufficient permissions.")
            count_request(request, guarded)
            activate_locale(request.auth.tenant)
            response = view(request, *args, **kwargs)
            add_never_cache_headers(response)
            return response

        vars(guarded).update(read_role=read_role, write_role=write_role, throttle_scope=scope)
        return guarded

    return decorator


require_tenant_access = require_role(Role.VIEWER)
tenant_viewer_required = require_tenant_access
tenant_member_required = require_role(Role.MEMBER)
tenant_admin_required = require_role(Role.ADMIN)
tenant_owner_required = require_role(Role.OWNER)


def open_to_all(view: View) -> View:
    """Admit everybody, within the rates of the API."""

    @wraps(view)
    def counted(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        request.auth = None  # type: ignore[attr-defined] # as the API has it
        count_request(request, view)
        return view(request, *args, **kwargs)

    return unguarded(counted)


def unguarded(view: View) -> View:
    """Mark a view that shows no tenant data, or checks permissions itself."""
    vars(view).update(is_unguarded=True)
    return view


def identifies_members(view: View) -> View:
    """Mark an open page whose POST may identify its sender as a member, by its body or session."""
    vars(view).update(identifies_members=True)
    return view


def is_guarded(view: View) -> bool:
    """Return whether a view declares its permissions; views of the API have their own way."""
    return is_of_api(view) or hasattr(view, "read_role") or hasattr(view, "is_unguarded")


def is_of_api(view: View) -> bool:
    """Return whether a view is one of Django REST framework."""
    return issubclass(getattr(view, "cls", object), APIView)


def _member(request: MemberRequest) -> Membership | None:
    """Return the membership of a session's user, or None; raise PermissionDenied without access."""
    if not request.user.is_authenticated:
        return None
    try:
        member = admit(request.user.pk, require_tenant().id)
    except NoActiveAccount:
        raise PermissionDenied(NO_ACCESS) from None
    if has_session_ended(request, member):
        logout(request)
        return None
    require_writable(member, request.method)
    return member
