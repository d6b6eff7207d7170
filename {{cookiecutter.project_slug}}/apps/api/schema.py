"""How the OpenAPI document describes errors."""

from typing import Any

# What any route may answer, whoever wrote it. A route may describe its own in more words.
ERRORS = {
    "400": ("Error400", "The request is malformed, or a field of it is not valid."),
    "401": ("Error", "There is no token, or it is no good here."),
    "403": ("Error", "The role does not reach that far, or the tenant is suspended."),
    "404": ("Error", "There is no such row, page, or tenant."),
    "409": ("Error", "The tenant would be left without an Owner."),
    "415": ("Error", "The body is not JSON."),
    "429": ("Error", "Too many requests; Retry-After says when to come again."),
    "503": ("Error", "The tenant is being prepared; Retry-After says when to come again."),
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
