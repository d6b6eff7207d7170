"""The platform's admin of tenants. It shows no tenant data.

Saving uses the services of commands and the API, which validate and record changes.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Model, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from rest_framework.exceptions import APIException

from apps.isolation.strategy.naming import physical_name
from apps.tenants import lifecycle
from apps.tenants.models import Domain, Tenant
from apps.tenants.services import remove_domain, save_domain
from apps.tenants.settings import change_tenant


class ServiceAdmin[M: Model](admin.ModelAdmin[M]):
    """Shows the errors of services beside the form."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Save the whole form, or nothing."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except (APIException, ValidationError) as refusal:
            self.message_user(request, _sentence(refusal), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def has_delete_permission(self, request: object, obj: M | None = None) -> bool:
        """Refuse: deletion would orphan the storage, and former memberships must remain known."""
        return False


def staff(request: HttpRequest) -> Model:
    """Return the request's user, who is staff: the admin admits nobody else."""
    if not request.user.is_authenticated:
        raise PermissionDenied
    return request.user


def _action(
    change: Callable[..., None], *, name: str
) -> Callable[[ServiceAdmin[Tenant], HttpRequest, QuerySet[Tenant]], None]:
    """Return an admin action that changes the status of the selected tenants."""

    @admin.action(description=name, permissions=["change"])
    def action(of: ServiceAdmin[Tenant], request: HttpRequest, tenants: QuerySet[Tenant]) -> None:
        for tenant in tenants:
            try:
                change(tenant, actor=staff(request))
            except ValidationError as refusal:
                of.message_user(request, f"{tenant}: {_sentence(refusal)}", messages.ERROR)

    action.__name__ = name.lower()
    return action


class DomainInline(admin.TabularInline[Domain, Tenant]):
    """A tenant's domains."""

    model = Domain
    extra = 0


@admin.register(Tenant)
class TenantAdmin(ServiceAdmin[Tenant]):
    """Tenants. ``create_tenant`` creates them with their storage."""

    list_display = ["name", "slug", "status", "created_at", "members"]
    list_filter = ["status", "created_at"]
    search_fields = ["name", "slug"]
    readonly_fields = [
        *("id", "slug", "status", "archived_at", "purge_after", "hold_reason"),
        *("storage", "created_at", "updated_at"),
    ]
    fields = ["name", "settings", *readonly_fields]
    inlines = [DomainInline]
    actions = [
        _action(lifecycle.suspend, name="Suspend"),
        _action(lifecycle.resume, name="Resume"),
        _action(lifecycle.archive, name="Archive"),
        _action(lifecycle.restore, name="Restore"),
    ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Explain how to create tenants, since there is no button for it."""
        hint = {
            "subtitle": "manage.py create_tenant creates tenants; rename_tenant changes a slug."
        }
        return super().changelist_view(request, hint | (extra_context or {}))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        """Annotate the number of members in the same query."""
        active = Count("memberships", filter=Q(memberships__is_active=True))
        return super().get_queryset(request).annotate(active_members=active)

    @admin.display(ordering="active_members")
    def members(self, tenant: Any) -> int:
        """Return the number of active members."""
        return int(tenant.active_members)

    @admin.display
    def storage(self, tenant: Tenant) -> str:
        """Return the name of the tenant's storage, which never changes."""
        return physical_name(tenant.pk)

    def has_add_permission(self, request: object) -> bool:
        """Refuse: a row alone would be a tenant without storage."""
        return False

    def save_model(
        self, request: HttpRequest, obj: Tenant, form: ModelForm[Tenant], change: bool
    ) -> None:
        """Store the changed fields only, since others may change concurrently."""
        given = {name: form.cleaned_data[name] for name in form.changed_data}
        shown, settings = form.initial["settings"], given.get("settings", {})
        settings = {name: value for name, value in settings.items() if shown.get(name) != value}
        fields = {name: value for name, value in given.items() if name == "name"}
        change_tenant(
            Tenant.objects.locked(obj.pk), actor=staff(request), settings=settings, **fields
        )

    def save_formset(self, request: HttpRequest, form: object, formset: Any, change: bool) -> None:
        """Store the domains."""
        for domain in formset.save(commit=False):
            save_domain(domain, actor=staff(request))
        for domain in formset.deleted_objects:
            remove_domain(domain, actor=staff(request))


def _sentence(refusal: Exception) -> str:
    return " ".join(refusal.messages) if isinstance(refusal, ValidationError) else str(refusal)
