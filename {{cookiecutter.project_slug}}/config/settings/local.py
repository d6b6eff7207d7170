"""Settings for development on one's own machine."""

from config.settings.base import *

DEBUG = True
# A clone without .env works at once; production settings accept no such default.
SECRET_KEY = SECRET_KEY or "insecure-key-for-development-only-0123456789abcdef"
SIMPLE_JWT["SIGNING_KEY"] = SIMPLE_JWT["SIGNING_KEY"] or SECRET_KEY
