"""Validation of new passwords."""

from allauth.account.adapter import get_adapter
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError


def require_good_password(
    user: AbstractBaseUser, password: str, *, field: str = "password"
) -> None:
    """Raise ValidationError for ``field`` if the password violates the policy."""
    try:
        get_adapter().clean_password(password, user)
    except ValidationError as error:
        raise ValidationError({field: error.messages}) from error
