"""Installed apps: shared apps and tenant apps."""

# Shared data, such as users and tenants: one set of tables for all tenants.
SHARED_APPS = [
    # First, so that its commands (migrate, flush) override those of Django.
    "apps.isolation",
    "apps.api",
    "apps.audit",
    "apps.tenants",
    "apps.memberships",
    "apps.authentication",
    # Before apps.tasks, which unregisters this app's models from the admin.
    "procrastinate.contrib.django",
    "apps.tasks",
    "apps.portability",
    "apps.exports",
    "apps.privacy",
    "apps.offboarding",
    "apps.moves",
    "apps.adoption",
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

# All rows of these apps belong to a tenant. Add your apps here.
TENANT_APPS = [
    "apps.profiles",
    "apps.projects",
]

# Reviewed database functions that run with their owner's rights (SECURITY DEFINER) and so bypass
# isolation. All others are a violation. Format: "public.name(integer, text)".
SECURITY_DEFINER_FUNCTIONS: list[str] = []

# Reviewed tables that belong to no model, such as the one of Django's database cache. Isolation
# does not cover their rows. All others are a violation. Format: "public.name".
TABLES_WITHOUT_MODELS: list[str] = []

# Privileges of the run-time role that your PostgreSQL server cannot revoke, in the words of the
# check, such as "may make large objects" on some hosted servers (docs/postgresql.md).
ACCEPTED_POWERS: list[str] = []

# Dotted paths of further checks for `tenant_health_check`. Each is called with tenants' ids and
# returns sentences about problems by id.
TENANT_HEALTH_CHECKS: list[str] = []
