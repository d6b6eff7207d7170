"""The HTTP interface.

https://www.django-rest-framework.org/api-guide/settings/
https://drf-spectacular.readthedocs.io/en/latest/settings.html
"""

from typing import Any

from config.env import env

# Requests in a second, minute, hour or day. An empty variable lifts the limit.
THROTTLE_RATES = {
    "member": env.str("THROTTLE_MEMBER", default="600/minute") or None,
    # All members of a tenant together.
    "tenant": env.str("THROTTLE_TENANT", default="6000/minute") or None,
    # Mails with an invitation, of all members of a tenant together.
    "invitations": env.str("THROTTLE_INVITATIONS", default="60/hour") or None,
    # All that comes from one address without a token, log-ins included.
    "anonymous": env.str("THROTTLE_ANONYMOUS", default="60/minute") or None,
}

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.authentication.backends.TenantJWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["apps.authentication.permissions.HasRole"],
    "DEFAULT_PAGINATION_CLASS": "apps.api.pagination.TimeOrderedPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.api.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": [
        "apps.authentication.throttling.MemberThrottle",
        "apps.authentication.throttling.TenantThrottle",
        "apps.authentication.throttling.InvitationThrottle",
        "apps.authentication.throttling.AnonymousThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": THROTTLE_RATES,
    # How many proxies add to X-Forwarded-For before a request gets here: so many of its addresses,
    # from the end, are true. With none, the header is whatever the client says, and is not read.
    "NUM_PROXIES": env.int("TRUSTED_PROXY_COUNT", default=0),
    "EXCEPTION_HANDLER": "apps.api.exception_handlers.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    # Otherwise every response waits for a user of Django's own authentication.
    "UNAUTHENTICATED_USER": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "API",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_URLCONF": "config.urls.shared",
    # Fields of one name with several sets of choices, and sets that several bodies have.
    "ENUM_NAME_OVERRIDES": {
        "RoleEnum": "apps.memberships.roles.Role",
        "InvitedRoleEnum": "apps.memberships.roles.INVITED_ROLES",
        "TenantStatusEnum": "apps.tenants.models.Status",
        "PrivacyRequestStatusEnum": "apps.privacy.models.RequestStatus",
    },
    "ENFORCE_NON_BLANK_FIELDS": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "apps.api.schema.describe_errors",
    ],
    # Served by the project itself, so that the page works without the internet.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
