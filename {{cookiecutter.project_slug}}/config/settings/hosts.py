"""Under which names the project answers."""

from config.reading import read

env = read()

# The names that belong to no tenant: sign-up, log-in for a named tenant, the admin, API clients
# that name their tenant by header or token. Every other name must be the domain of a tenant.
SHARED_HOSTS = env.SHARED_HOSTS

# A new tenant gets the domain <slug>.<this>.
TENANT_BASE_DOMAIN = env.TENANT_BASE_DOMAIN

# Where links in the mails about accounts lead: to the platform's own host, since users belong to
# no tenant, and a tenant that brings a domain of its own shall not get hold of their tokens.
FIRST_HOST = f"[{SHARED_HOSTS[0]}]" if ":" in SHARED_HOSTS[0] else SHARED_HOSTS[0]
PLATFORM_ORIGIN = env.PLATFORM_ORIGIN or f"https://{FIRST_HOST}"

# Where links in the mails about a tenant lead: to its own, stored domain.
TENANT_URL = env.TENANT_URL or "https://{domain}"

# Customers bring domains of their own, so no list can name all hosts. The tenant middleware
# answers 404 to every host that is neither above nor the domain of a tenant.
ALLOWED_HOSTS = ["*"]
