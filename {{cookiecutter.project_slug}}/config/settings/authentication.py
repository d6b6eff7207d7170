"""Users, passwords and tokens.

https://django-rest-framework-simplejwt.readthedocs.io/en/latest/settings.html
https://docs.allauth.org/en/latest/account/configuration.html
https://docs.allauth.org/en/latest/mfa/configuration.html
"""

from datetime import timedelta
from typing import Any

from django.conf import global_settings

from config.reading import read
from config.settings.isolation import CAN_PROVISION

env = read()

AUTH_USER_MODEL = "authentication.User"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# The first makes new hashes; the others read old ones.
PASSWORD_HASHERS = [
    "apps.authentication.hashers.PBKDF2PasswordHasher",
    *global_settings.PASSWORD_HASHERS[1:],
]

SIMPLE_JWT: dict[str, Any] = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": env.JWT_SIGNING_KEY,
    "AUTH_TOKEN_CLASSES": ["apps.authentication.tokens.TenantAccessToken"],
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "UPDATE_LAST_LOGIN": False,
    # Seconds by which the clocks of two servers may differ. A token is valid this much earlier and
    # this much longer.
    "LEEWAY": env.JWT_LEEWAY_SECONDS,
}

# Old keys whose tokens are still accepted during a key rotation (docs/accounts.md).
JWT_VERIFICATION_KEYS = env.JWT_VERIFICATION_KEYS

# True if anybody may sign up and so create a tenant.
SIGN_UP_OPEN = CAN_PROVISION if env.SIGN_UP_OPEN is None else env.SIGN_UP_OPEN

ACCOUNT_ADAPTER = "apps.authentication.adapter.AccountAdapter"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
# allauth's own generator also queries a user's other addresses; here a user has one address.
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "django.contrib.auth.tokens.PasswordResetTokenGenerator"  # noqa: S105 - the name of a class

MFA_ADAPTER = "apps.authentication.second_factor.MFAAdapter"
# Accept the previous and the next code too, since clocks differ and typing takes time.
MFA_TOTP_TOLERANCE = 1

# Limits of attempts: by the client's IP address ("ip"), and by the e-mail address ("key") or the
# user whose password could be guessed or whose mailbox could be flooded.
ACCOUNT_RATE_LIMITS: dict[str, str] | bool = {
    # Failed log-ins: here "key" is an e-mail address from one IP address in one tenant, ...
    "login": "30/m/ip,10/m/key",
    "login_everywhere": "60/h/key",
    # ... and here an e-mail address from all IP addresses that its user has not logged in from.
    # Strangers cannot lock a user out: known IP addresses, and a reset by mail, still work.
    "login_by_strangers": "300/h/key",
    "signup": "10/m/ip",
    "change_password": "5/m/user",
    # Attempts at codes, after a correct password. Three of a million codes are valid at any time.
    "second_factor": "10/5m/key,50/d/key",
    "reset_password": "20/m/ip,2/m/key",
    "reset_password_from_key": "20/m/ip",
    "confirm_email": "20/m/ip,1/m/key",
    # Failed log-ins that are recorded in a tenant's audit log. Further ones are refused without a
    # record, so that nobody can flood the log.
    "failed_login": "60/m/key",
}

# The number of proxies that append to X-Forwarded-For. With 0 the header is ignored.
ALLAUTH_TRUSTED_PROXY_COUNT = env.TRUSTED_PROXY_COUNT or 0
