"""Descriptions of errors in the OpenAPI document."""

from typing import Any

# Possible errors of every route. A route may describe its own in more detail.
ERRORS = {
    "400": ("Error400", "The request is malformed, or one of its fields is invalid."),
    "401": ("Error", "The token is missing or invalid here."),
    "403": ("Error", "The role is insufficient, or the tenant is suspended."),
    "404": ("Error", "There is no such row, page, or tenant."),
    "409": ("Error", "Other rows refer to it, or the tenant would be left without an Owner."),
    "411": ("Error", "The body has no length, and the server cannot determine its end."),
    "413": ("Error", "The body is too large; the message names the limit."),
    "415": ("Error", "The body is not JSON, or not in UTF-8."),
    "429": ("Error", "Too many requests; Retry-After gives the time to wait."),
    "503": ("Error", "The tenant is being prepared, or the request exceeds a limit."),
}
ERROR_SCHEMAS = {
    "Error": {
        "type": "object",
        "properties": {"detail": {"type": "string"}, "code": {"type": "string"}},
        "required": ["detail"],
    },
    "Error400": {
        "type": "object",
        "description": "An Error, or lists of messages by field name.",
        "additionalProperties": {},
    },
}


def describe_errors(result: dict[str, Any], **kwargs: object) -> dict[str, Any]:
    """Add the possible error responses to every operation."""
    result["components"]["schemas"] |= ERROR_SCHEMAS
    for path in result["paths"].values():
        for operation in path.values():
            for status, (name, description) in ERRORS.items():
                schema = {"$ref": f"#/components/schemas/{name}"}
                content = {"application/json": {"schema": schema}}
                error = {"description": description, "content": content}
                operation["responses"].setdefault(status, error)
    return result
