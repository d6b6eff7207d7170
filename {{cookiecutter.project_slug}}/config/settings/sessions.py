"""Sessions, cookies and the content security policy.

https://docs.djangoproject.com/en/6.1/ref/settings/#sessions
https://docs.djangoproject.com/en/6.1/ref/csp/
"""

from typing import Any

from django.utils.csp import CSP

# No cookie has a domain, so each is sent only to the host that set it.
SESSION_ENGINE = "apps.isolation.integrations.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
# In the session: a cookie with messages would have a signature that is valid for every tenant.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# Only files that the project itself serves; pages contain no inline scripts or styles.
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
