"""Who is told how the product fares. Each variable turns one thing on; without it nothing is.

Logs need none: config/settings/logging.py.
"""

from config.env import env

# Prometheus: /metrics, on the shared hosts, for whoever sends this as a bearer token.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
# How many tenants have series of their own. Those of all others are one, named "other".
METRICS_TENANTS = env.int("METRICS_TENANTS", default=100)
