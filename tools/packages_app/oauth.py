"""Tokens of OAuth, looked up without a join to the user."""

import hashlib
from typing import Any

from oauth2_provider.models import AccessToken
from oauth2_provider.oauth2_validators import OAuth2Validator


class Validator(OAuth2Validator):
    """Reads the user by a query of its own."""

    def _load_access_token(self, token: str) -> Any:
        checksum = hashlib.sha256(token.encode()).hexdigest()
        rows = AccessToken.objects.select_related("application")
        return rows.filter(token_checksum=checksum).first()
