"""The HTTP API.

https://www.django-rest-framework.org/api-guide/settings/
https://drf-spectacular.readthedocs.io/en/latest/settings.html
"""

from typing import Any

from config.reading import read

env = read()

# None means no limit.
THROTTLE_RATES = {
    "member": env.THROTTLE_MEMBER,
    # Requests of all members of a tenant.
    "tenant": env.THROTTLE_TENANT,
    # Invitations that all members of a tenant send.
    "invitations": env.THROTTLE_INVITATIONS,
    # Requests without a token from one IP address, log-ins included.
    "anonymous": env.THROTTLE_ANONYMOUS,
}

# Origins whose scripts may call the API: "https://app.example.com". By default browsers allow none.
# Such scripts authenticate by token; cookies are neither accepted nor set.
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
    # The number of proxies that append to X-Forwarded-For: as many of its last addresses can be
    # trusted. With 0 the client controls the header, so it is ignored.
    "NUM_PROXIES": env.TRUSTED_PROXY_COUNT or 0,
    # Django REST framework copies the field of this name into the header Location after a POST. The
    # default, "url", is a common name of fields whose text may not be valid in a header.
    "URL_FIELD_NAME": "self_url",
    "EXCEPTION_HANDLER": "apps.api.exception_handlers.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    # No AnonymousUser: the API does not use Django's own authentication.
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
    # Names for choices that several fields share, or whose field's name is ambiguous.
    "ENUM_NAME_OVERRIDES": {
        "RoleEnum": "apps.memberships.roles.Role",
        "InvitedRoleEnum": "apps.memberships.roles.INVITED_ROLES",
        "TenantStatusEnum": "apps.tenants.models.Status",
        "ExportStatusEnum": "apps.exports.models.ExportStatus",
        "PrivacyRequestStatusEnum": "apps.privacy.models.RequestStatus",
    },
    "ENFORCE_NON_BLANK_FIELDS": True,
    # The manager "objects" of a shared model demands a tenant.
    "DEFAULT_QUERY_MANAGER": "_default_manager",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "apps.api.schema.describe_errors",
    ],
    # The project serves these files itself, so the page works offline.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
