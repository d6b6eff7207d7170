"""How the OpenAPI document describes errors."""

from typing import Any

# What any route may answer, whoever wrote it. A route may describe its own in more words.
ERRORS = {
    "400": ("Error400", "The request is malformed, or a field of it is not valid."),
    "401": ("Error", "There is no token, or it is no good here."),
    "403": ("Error", "The role does not reach that far, or the tenant is suspended."),
    "404": ("Error", "There is no such row, page, or tenant."),
    "409": ("Error", "Other rows refer to it, or the tenant would be left without an Owner."),
    "411": ("Error", "The body has no length, and the server does not say where it ends."),
    "413": ("Error", "The body is too large; the message says how large it may be."),
    "415": ("Error", "The body is not JSON, or not in UTF-8."),
    "429": ("Error", "Too many requests; Retry-After says when to come again."),
    "503": ("Error", "The tenant is being prepared, or the request costs more than one may."),
}
ERROR_SCHEMAS = {
    "Error": {
        "type": "object",
        "properties": {"detail": {"type": "string"}, "code": {"type": "string"}},
        "required": ["detail"],
    },
    "Error400": {
        "type": "object",
        "description": "Like Error, or lists of messages by the names of fields.",
        "additionalProperties": {},
    },
}


def describe_errors(result: Any, **kwargs: Any) -> Any:
    """Add to every operation the errors that it may answer with."""
    result["components"]["schemas"] |= ERROR_SCHEMAS
    for path in result["paths"].values():
        for operation in path.values():
            for status, (name, description) in ERRORS.items():
                schema = {"$ref": f"#/components/schemas/{name}"}
                content = {"application/json": {"schema": schema}}
                error = {"description": description, "content": content}
                operation["responses"].setdefault(status, error)
    return result
