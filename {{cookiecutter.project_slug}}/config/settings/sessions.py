"""Browsers: sessions, cookies, and what a page may do.

https://docs.djangoproject.com/en/6.1/ref/settings/#sessions
https://docs.djangoproject.com/en/6.1/ref/csp/
"""

from typing import Any

from django.utils.csp import CSP

# Each cookie stays on the host that set it, since no domain is named.
SESSION_ENGINE = "apps.isolation.integrations.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
# Not in a cookie of their own, which would be signed for every tenant at once.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# Only what the project itself serves, in files: nothing inside of a page is a script or a style.
SECURE_CSP: dict[str, Any] = {
    "default-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "object-src": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
}
X_FRAME_OPTIONS = "DENY"

LOGIN_URL = "/login/"
CSRF_FAILURE_VIEW = "apps.api.error_views.csrf_failure"
