"""Users: people, who may be members of many tenants."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models import CheckConstraint, Q, QuerySet
from django.db.models.functions import Lower

from apps.isolation.fields import new_id


class EmailUserManager(UserManager["User"]):
    """Makes users who are known by their e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":  # type: ignore[override]
        """Make a user."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":  # type: ignore[override]
        """Make a member of the platform's staff who may do everything in the admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def find(self, email: str | None) -> "QuerySet[User]":
        """Return the user with this address, or none; upper and lower case are the same."""
        return self.filter(email=self.normalize_email(email))

    def get_by_natural_key(self, email: str | None) -> "User":
        """Return the user with this address, as Django's log-in asks for it."""
        return self.find(email).get()

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """Return the form in which an address is stored; Django's forms ask for it too."""
        return (email or "").strip().lower()


class User(AbstractUser):
    """A person. Never deleted: what they did stays theirs; their data is anonymised instead."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(unique=True)
    full_name = models.CharField(max_length=255, blank=True)
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

    def get_full_name(self) -> str:
        """Return the name, or the address if there is none."""
        return self.full_name or self.email

    def get_short_name(self) -> str:
        """Return the same: one name is all that is asked for."""
        return self.get_full_name()
