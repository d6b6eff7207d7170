"""The host names that the project serves."""

from config.reading import read

env = read()

# Hosts that belong to no tenant: for sign-up, log-in to a named tenant, the admin, and API clients
# that name their tenant by header or token. Every other host must be the domain of a tenant.
SHARED_HOSTS = env.SHARED_HOSTS

# A new tenant gets the domain <slug>.<this>.
TENANT_BASE_DOMAIN = env.TENANT_BASE_DOMAIN

# The base URL of links in mails about accounts: the platform's own host, since users belong to no
# tenant. On its own domain, a tenant could capture their tokens.
FIRST_HOST = f"[{SHARED_HOSTS[0]}]" if ":" in SHARED_HOSTS[0] else SHARED_HOSTS[0]
PLATFORM_ORIGIN = env.PLATFORM_ORIGIN or f"https://{FIRST_HOST}"

# The base URL of links in mails about a tenant: the tenant's own domain.
TENANT_URL = env.TENANT_URL or "https://{domain}"

# Tenants may have their own domains, so no list can contain all hosts. The tenant middleware
# answers 404 for a host that is neither in SHARED_HOSTS nor the domain of a tenant.
ALLOWED_HOSTS = ["*"]
