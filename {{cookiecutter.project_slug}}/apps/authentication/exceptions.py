"""Error responses of log-in, sign-up and tokens."""

from http import HTTPStatus

from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied


class TokenTenantMismatch(AuthenticationFailed):
    """A token of one tenant was sent to another."""

    default_detail = "The token belongs to another tenant."
    default_code = "token_tenant_mismatch"


class NoActiveAccount(AuthenticationFailed):
    """User, password or membership is wrong. The response is the same for all reasons."""

    default_detail = "No active account with these credentials."
    default_code = "no_active_account"


class SecondFactorRequired(AuthenticationFailed):
    """The password alone is not enough."""

    default_detail = "An unused code of the second factor is required."
    default_code = "second_factor_required"


class SignUpClosed(PermissionDenied):
    """The platform does not offer sign-up."""

    default_detail = "Sign-up is closed."
    default_code = "sign_up_closed"


class SignUpFailed(APIException):
    """The tenant's storage could not be created."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_detail = "The tenant could not be created. Try again later."
    default_code = "sign_up_failed"
