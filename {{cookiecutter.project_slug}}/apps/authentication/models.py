"""Users, who may be members of many tenants."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import CheckConstraint, F, Index, Q, QuerySet
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac

from apps.isolation.fields import new_id
from apps.isolation.integrations.sessions import SessionStore
from apps.memberships.validators import validate_mailable


class EmailUserManager(UserManager["User"]):
    """Manager of users, who are identified by their e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":  # type: ignore[override]
        """Create a user."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":  # type: ignore[override]
        """Create a member of the platform's staff with all permissions in the admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def find(self, email: str | None) -> "QuerySet[User]":
        """Return the user with this address, or None; the comparison ignores case."""
        return self.filter(email=self.normalize_email(email))

    def get_by_natural_key(self, email: str | None) -> "User":
        """Return the user with this address, for Django's log-in."""
        return self.find(email).get()

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """Return the stored form of an address; Django's forms use it too."""
        return (email or "").strip().lower()


class User(AbstractUser):
    """A person. Users are anonymised and never deleted, since audit events refer to them."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(unique=True, validators=[validate_mailable])
    full_name = models.CharField(max_length=255, blank=True)
    credentials_version = models.PositiveIntegerField(
        default=0,
        editable=False,
        help_text="Sessions and mailed links of earlier versions are invalid.",
    )
    username = None  # type: ignore[assignment]
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[EmailUserManager] = EmailUserManager()

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(email=Lower("email")), name="user_email_is_lower_case"),
        ]

    def __str__(self) -> str:
        return self.email

    def end_log_ins(self) -> None:
        """End all sessions and tokens of the user, as a new password does.

        The caller must have locked the row.
        """
        self.credentials_version = F("credentials_version") + 1
        self.save(update_fields=["credentials_version"])
        self.refresh_from_db(fields=["credentials_version"])

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Return the stamp of sessions and tokens; Django needs one for each of its keys."""
        stamped = f"{self.credentials_version}:{self.password}"
        return salted_hmac(__name__, stamped, secret=secret, algorithm="sha256").hexdigest()

    def get_full_name(self) -> str:
        """Return the name, or the address if there is none."""
        return self.full_name or self.email

    def get_short_name(self) -> str:
        """Return the same name: users have only one."""
        return self.get_full_name()


class Session(AbstractBaseSession):
    """A session with its tenant and user in columns, so that an index finds a user's sessions.

    Both are plain ids: sessions protect no rows from deletion, and are deleted in bulk.
    """

    user_id = models.UUIDField(null=True)
    tenant_id = models.UUIDField(null=True, help_text="Null on the shared host.")

    class Meta:
        indexes = [Index(fields=["user_id", "tenant_id"], name="session_by_user")]

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        """Return the store that ``SESSION_ENGINE`` names."""
        return SessionStore
