"""The apps: which are shared, and which are the tenants'."""

# Who the users and the tenants are: one set of tables for all.
SHARED_APPS = [
    # First, so that its commands (migrate, flush) come before those of the same name.
    "apps.isolation",
    "apps.api",
    "apps.audit",
    "apps.tenants",
    "apps.memberships",
    "apps.authentication",
    # Before the next one, which takes its pages out of the admin.
    "procrastinate.contrib.django",
    "apps.tasks",
    "apps.privacy",
    "apps.pages",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_filters",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
]

TENANT_MODEL = "tenants.Tenant"

# The product: everything in these apps belongs to a tenant. Your apps go here.
TENANT_APPS = [
    "apps.projects",
]

# Functions of the database that run with their owner's rights (SECURITY DEFINER), which bypass
# isolation. List those that you have reviewed: "public.name(integer, text)".
SECURITY_DEFINER_FUNCTIONS: list[str] = []

# Tables that belong to no model, like that of Django's cache in the database. List those that you
# have reviewed, since isolation knows nothing of their rows: "public.name".
TABLES_WITHOUT_MODELS: list[str] = []

# Powers of the run-time role that your PostgreSQL cannot withhold, in the words of the check: a
# hosted one lets every role make large objects, "may make large objects" (docs/postgresql.md).
ACCEPTED_POWERS: list[str] = []

# Further checks of `tenant_health_check`. Each is called with tenants' ids, and returns problems in
# words by id.
TENANT_HEALTH_CHECKS: list[str] = []
