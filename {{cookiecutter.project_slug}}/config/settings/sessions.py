"""Sessions and cookies. Each cookie stays on the host that set it, since no domain is named.

https://docs.djangoproject.com/en/6.1/ref/settings/#sessions
"""

SESSION_ENGINE = "apps.isolation.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
# Not in a cookie of their own, which would be signed for every tenant at once.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
