"""Users, passwords and tokens.

https://django-rest-framework-simplejwt.readthedocs.io/en/latest/settings.html
https://docs.allauth.org/en/latest/account/configuration.html
https://docs.allauth.org/en/latest/mfa/configuration.html
"""

from datetime import timedelta
from typing import Any

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

SIMPLE_JWT: dict[str, Any] = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": env.JWT_SIGNING_KEY,
    "AUTH_TOKEN_CLASSES": ["apps.authentication.tokens.TenantAccessToken"],
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "UPDATE_LAST_LOGIN": False,
    # Seconds by which the clocks of two servers may differ: one's new token is not too new for the
    # other, and an old one lives for that much longer.
    "LEEWAY": env.JWT_LEEWAY_SECONDS,
}

# Further keys whose tokens are accepted while one key takes over from another (docs/accounts.md).
JWT_VERIFICATION_KEYS = env.JWT_VERIFICATION_KEYS

# Whether anybody may sign up, which makes a tenant.
SIGN_UP_OPEN = CAN_PROVISION if env.SIGN_UP_OPEN is None else env.SIGN_UP_OPEN

ACCOUNT_ADAPTER = "apps.authentication.adapter.AccountAdapter"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
# allauth's own looks for further addresses of a user; here there is one.
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "django.contrib.auth.tokens.PasswordResetTokenGenerator"  # noqa: S105 - the name of a class

MFA_ADAPTER = "apps.authentication.second_factor.MFAAdapter"
# Half a minute to either side: clocks differ, and people type.
MFA_TOTP_TOLERANCE = 1

# How often one may try, for each source that a request comes from ("ip"), and for each e-mail
# address ("key") or user whose password is guessed or whose mailbox is filled.
ACCOUNT_RATE_LIMITS: dict[str, str] | bool = {
    # Of log-ins, those that fail are counted: for one address from one source in one tenant, and
    # over all tenants together;
    "login": "30/m/ip,10/m/key",
    "login_everywhere": "60/h/key",
    # and for one address from all sources by which its user has not come in before. So the user
    # comes in, however many strangers try: by such a source, or after a reset by mail.
    "login_by_strangers": "300/h/key",
    "signup": "10/m/ip",
    "change_password": "5/m/user",
    # Codes, of who gave the right password: at any time three of a million are good.
    "second_factor": "10/5m/key,50/d/key",
    "reset_password": "20/m/ip,2/m/key",
    "reset_password_from_key": "20/m/ip",
    "confirm_email": "20/m/ip,1/m/key",
    # Failed log-ins to a tenant that are written into its audit log; more are only refused, so
    # that nobody can fill it up.
    "failed_login": "60/m/key",
}

# Proxies before the server that add to X-Forwarded-For. With none, nobody is believed who sends it.
ALLAUTH_TRUSTED_PROXY_COUNT = env.TRUSTED_PROXY_COUNT or 0
