"""The OpenAPI description of this app."""

from typing import Any

from tests.test_openapi import schema

__all__ = ["schema"]  # a fixture


def test_it_describes_filters(schema: Any) -> None:
    tasks = schema["paths"]["/api/v1/tasks/"]
    names = {parameter["name"] for parameter in tasks["get"]["parameters"]}
    assert names == {
        *("assignee", "cursor", "due_before", "ordering", "page_size", "project", "search"),
        "status",
    }
    projects = schema["paths"]["/api/v1/projects/"]["get"]["parameters"]
    assert {"ordering", "search", "status"} <= {parameter["name"] for parameter in projects}
    assert tasks["post"]["security"] == [{"jwtAuth": []}]


def test_it_describes_files(schema: Any) -> None:
    files = schema["paths"]["/api/v1/tasks/{id}/attachments/"]
    names = {parameter["name"] for parameter in files["get"]["parameters"]}
    assert names == {"cursor", "id", "page_size"}
    assert set(files["post"]["requestBody"]["content"]) == {"multipart/form-data"}
    body = schema["components"]["schemas"]["Attachment"]["properties"]
    assert body["file"] == {"type": "string", "format": "binary", "writeOnly": True}
    assert {name for name, field in body.items() if not field.get("readOnly")} == {"file"}
    content = schema["paths"]["/api/v1/attachments/{id}/content/"]["get"]["responses"]["200"]
    assert content["content"] == {"*/*": {"schema": {"type": "string", "format": "binary"}}}
