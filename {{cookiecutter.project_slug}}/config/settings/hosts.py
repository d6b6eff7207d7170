"""Under which names the project answers."""

from config.env import env

# The names that belong to no tenant: sign-up, log-in for a named tenant, the admin, API clients
# that name their tenant by header or token. Every other name must be the domain of a tenant.
SHARED_HOSTS = env.list("SHARED_HOSTS", default=["localhost", "127.0.0.1"])

# A new tenant gets the domain <slug>.<this>.
TENANT_BASE_DOMAIN = env.str("TENANT_BASE_DOMAIN", default="localhost")

# Where links in the mails about accounts lead: to the platform's own host, since users belong to
# no tenant, and a tenant that brings a domain of its own shall not get hold of their tokens.
PLATFORM_ORIGIN = env.str("PLATFORM_ORIGIN", default=f"https://{next(iter(SHARED_HOSTS), '')}")

# Where links in the mails about a tenant lead: to its own, stored domain.
TENANT_URL = env.str("TENANT_URL", default="https://{domain}")

# Customers bring domains of their own, so no list can name all hosts. The tenant middleware
# answers 404 to every host that is neither above nor the domain of a tenant.
ALLOWED_HOSTS = ["*"]
