"""Memberships and invitations of tenants."""

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Lower
from django.utils.functional import cached_property

from apps.isolation.context import ActiveTenant, require_active
from apps.isolation.fields import new_id
from apps.isolation.managers import PerTenantManager, PlatformManager
from apps.memberships.managers import MembershipManager
from apps.memberships.roles import INVITED_ROLES, Role
from apps.memberships.validators import validate_mailable
from apps.profiles.models import Profile
from apps.profiles.selectors import profile_of
from apps.tenants.models import Tenant


class Membership(models.Model):
    """The membership of a user in a tenant."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # The constraint and the index below begin with them.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="memberships", db_index=False
    )
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="memberships", db_index=False)
    role = models.CharField(max_length=6, choices=Role, default=Role.MEMBER)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(auto_now_add=True)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="invited_memberships",
    )

    objects: ClassVar[MembershipManager[Self]] = MembershipManager()
    platform = PlatformManager()

    class Meta:
        default_manager_name = "platform"
        base_manager_name = "platform"
        constraints = [
            UniqueConstraint(fields=["user", "tenant"], name="membership_once_per_tenant"),
            CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_is_known"),
        ]
        indexes = [models.Index(fields=["tenant", "role"], name="membership_by_tenant_role")]

    def __str__(self) -> str:
        return f"{self.user} - {self.tenant} ({self.role})"

    @cached_property
    def profile(self) -> Profile:
        """Return the user's profile in the active tenant.

        For many members, `with_profiles` reads the profiles by one query.
        """
        require_active(ActiveTenant(self.tenant_id), "The membership")
        return profile_of(self.user_id)

    @property
    def display_name(self) -> str:
        """Return the user's name in the active tenant: the profile's, or else the account's."""
        name: str = self.profile.display_name or self.user.get_full_name()
        return name


class Invitation(models.Model):
    """An invitation of an address to a tenant. The mailed token admits one user, once.

    Only the token's hash is stored.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="invitations")
    email = models.EmailField(validators=[validate_mailable])
    role = models.CharField(max_length=6, choices=Role, default=Role.MEMBER)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="sent_invitations"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[PerTenantManager[Self]] = PerTenantManager()
    platform = PlatformManager()

    class Meta:
        default_manager_name = "platform"
        base_manager_name = "platform"
        constraints = [
            UniqueConstraint(
                fields=["tenant", "email"],
                condition=Q(accepted_at=None, revoked_at=None),
                name="invitation_one_open_per_address",
            ),
            CheckConstraint(
                condition=Q(role__in=[role for role, _ in INVITED_ROLES])
                | Q(role=Role.OWNER, invited_by=None),
                name="invitation_role_is_known_and_no_members_owner",
            ),
            CheckConstraint(
                condition=Q(email=Lower("email")), name="invitation_email_is_lower_case"
            ),
            CheckConstraint(
                condition=Q(accepted_at=None) | Q(revoked_at=None),
                name="invitation_accepted_or_revoked",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tenant}: {self.role}, until {self.expires_at:%Y-%m-%d}"
