"""The HTTP API.

https://www.django-rest-framework.org/api-guide/settings/
https://drf-spectacular.readthedocs.io/en/latest/settings.html
"""

from typing import Any

from config.reading import read

env = read()

# None lifts a limit.
THROTTLE_RATES = {
    "member": env.THROTTLE_MEMBER,
    # All members of a tenant together.
    "tenant": env.THROTTLE_TENANT,
    # Mails with an invitation, of all members of a tenant together.
    "invitations": env.THROTTLE_INVITATIONS,
    # All that comes from one address without a token, log-ins included.
    "anonymous": env.THROTTLE_ANONYMOUS,
}

# The web pages of other origins whose scripts may ask the API: "https://app.example.com". Without
# one, browsers let none. Such scripts send a token: cookies are neither taken nor given.
# https://github.com/adamchainz/django-cors-headers
CORS_ALLOWED_ORIGINS = env.CORS_ALLOWED_ORIGINS
CORS_URLS_REGEX = "^/api/"
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "x-request-id", "x-tenant"]
CORS_EXPOSE_HEADERS = ["Content-Disposition", "Retry-After", "WWW-Authenticate", "X-Request-ID"]

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.authentication.backends.TenantJWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["apps.authentication.permissions.HasRole"],
    "DEFAULT_PAGINATION_CLASS": "apps.api.pagination.TimeOrderedPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_RENDERER_CLASSES": ["apps.api.renderers.JSONRenderer"],
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
    "NUM_PROXIES": env.TRUSTED_PROXY_COUNT or 0,
    # What a serializer has under this name becomes the header Location of the answer to a POST. By
    # default it is "url", as people call fields of their own: any text, which a header cannot hold.
    "URL_FIELD_NAME": "self_url",
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
