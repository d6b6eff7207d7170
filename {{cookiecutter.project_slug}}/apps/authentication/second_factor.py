"""The second factor: codes of an app (TOTP), and recovery codes.

https://docs.allauth.org/en/latest/mfa/index.html
"""

from base64 import urlsafe_b64encode
from urllib.parse import quote, urlsplit
from uuid import UUID

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth
from allauth.mfa.utils import decrypt, encrypt
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from rest_framework.exceptions import ValidationError

from apps.audit.services import Action, record
from apps.authentication.exceptions import SecondFactorRequired
from apps.authentication.models import User
from apps.isolation.app_registry import SHARED_DB
from apps.memberships.addresses import is_verified
from apps.memberships.attempts import throttle

SECRETS = {"secret", "seed"}
"""Keys in allauth's data of the app's secret and of the recovery codes."""


class MFAAdapter(DefaultMFAAdapter):
    """Stores secrets encrypted, with a key derived from ``SECRET_KEY``."""

    def get_totp_issuer(self) -> str:
        """Return the issuer shown in the app: the platform, to which users belong."""
        return urlsplit(settings.PLATFORM_ORIGIN).netloc

    def encrypt(self, text: str) -> str:
        """Return the encrypted secret."""
        return _keys().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return the secret; raise InvalidToken if its key has been removed."""
        return _keys().decrypt(encrypted_text).decode()


def new_secret() -> str:
    """Return a secret for an app."""
    return str(auth.generate_totp_secret())


def qr_of(user: User, secret: str) -> str:
    """Return a data URL with the QR code of a secret."""
    adapter = MFAAdapter()
    picture = adapter.build_totp_svg(adapter.build_totp_url(user, secret))
    return f"data:image/svg+xml,{quote(picture)}"


def is_on(user: User) -> bool:
    """Return whether a user has a second factor."""
    return bool(Authenticator.objects.filter(user=user).exists())


def require_code(request: HttpRequest, user: User, code: str, *, tenant: UUID | None) -> None:
    """Require and use up a code, if the user has a second factor.

    Raises `SecondFactorRequired`, and `Throttled` for too many attempts.
    """
    if not is_on(user):
        return
    if not code:
        raise SecondFactorRequired
    throttle(request, "second_factor", key=str(user.pk))
    with transaction.atomic(using=SHARED_DB):
        # Locked, so that only one of two concurrent log-ins can use a code.
        factors = list(Authenticator.objects.select_for_update().filter(user=user).order_by("pk"))
        for factor in factors:
            _encrypt_anew(factor)
        is_good = any(_use(factor, code) for factor in factors)
        if not is_good:
            why = "second factor"
            record(Action.LOG_IN_FAILED, user, tenant=tenant, actor=None, reason=why)
    if not is_good:
        raise SecondFactorRequired


def switch_on(user: User, secret: str, code: str, *, tenant: UUID) -> list[str]:
    """Switch on a user's second factor; return the recovery codes, which are shown once.

    This ends the user's log-ins, which required no code.

    Raises ValidationError unless ``code`` belongs to ``secret``, and if the user already has a
    factor or an unverified address: its owner could not recover an account that a stranger created.
    """
    if not is_verified(user):
        raise ValidationError("Verify your address first, or reset your password by mail.")
    with transaction.atomic(using=SHARED_DB):
        User.objects.select_for_update().get(pk=user.pk)
        if is_on(user):
            raise ValidationError("The second factor is already on.")
        if not _use(auth.TOTP.activate(user, secret).instance, code):
            raise ValidationError({"code": ["Incorrect code."]})
        record(Action.SECOND_FACTOR_ON, user, tenant=tenant, actor=user)
        user.end_log_ins()
        codes: list[str] = RecoveryCodes.activate(user).generate_codes()
    return codes


def switch_off(user: User, *, tenant: UUID | None, actor: Model | None) -> None:
    """Switch off a user's second factor with its recovery codes; this ends the user's log-ins."""
    with transaction.atomic(using=SHARED_DB):
        User.objects.select_for_update().get(pk=user.pk)
        deleted, _ = Authenticator.objects.filter(user=user).delete()
        if deleted:
            record(Action.SECOND_FACTOR_OFF, user, tenant=tenant, actor=actor)
            user.end_log_ins()


def _use(factor: Authenticator, code: str) -> bool:
    """Use up a valid code; the caller must have locked the factor's row."""
    if factor.type == Authenticator.Type.RECOVERY_CODES:
        return bool(RecoveryCodes(factor).validate_code(code))
    # Stored in the row, not in a cache as in allauth, since each process may have its own cache.
    secret, last = decrypt(factor.data["secret"]), factor.data.get("step", 0)
    for step in auth.yield_hotp_counters_from_time():
        expected = auth.format_hotp_value(auth.hotp_value(secret, step))
        if step > last and compare_user_code(actual=code, expected=expected):
            factor.data["step"] = step
            factor.save()
            return True
    return False


def _encrypt_anew(factor: Authenticator) -> None:
    """Encrypt secrets with the newest key, so that older keys can be removed."""
    secrets = {name: encrypt(decrypt(factor.data[name])) for name in SECRETS & factor.data.keys()}
    factor.data |= secrets
    factor.save()


def _keys() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [salted_hmac(__name__, "", secret=key, algorithm="sha256").digest() for key in keys]
    return MultiFernet(Fernet(urlsafe_b64encode(digest)) for digest in digests)
