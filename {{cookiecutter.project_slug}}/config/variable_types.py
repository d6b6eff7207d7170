"""Types of environment variables, with descriptions for errors and documentation."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parseaddr
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import SplitResult, unquote, urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import core_schema

from apps.tenants.hosts import normalised
from config.env import BASE_DIR

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
VISIBLE = re.compile(r"[!-~]+")
LARGEST_PORT = 65_535
STANDARD_PORTS = {"https": ":443", "http": ":80"}
MOST_DIGITS = 18
FEWEST_DIFFERENT = 5  # as in Django's check security.W009
SSL_MODES = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}


class Group(BaseModel):
    """Variables of one concern."""

    model_config = ConfigDict(use_attribute_docstrings=True, frozen=True)

    def __repr__(self) -> str:
        """Show no value, since many are secrets."""
        return f"<{type(self).__name__}>"

    __str__ = __repr__


class Mark(Enum):
    """Further properties of a variable."""

    REQUIRED = "required in production"
    RANDOM = "scripts/bootstrap-env.sh gives it a random value"


@dataclass(frozen=True)
class Otherwise:
    """The behaviour without the variable, if its default does not show it."""

    text: str


@dataclass(frozen=True)
class Rule:
    """The description of a valid text, and its parser, which raises ValueError."""

    must_be: str
    parse: Callable[[str], Any]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Parse the text before pydantic checks the type and its bounds."""
        return core_schema.no_info_before_validator_function(self._parse, handler(source))

    def _parse(self, text: str) -> Any:
        try:
            return self.parse(text)
        except (ValueError, ProgrammingError, ValidationError):
            raise ValueError(f"must be {self.must_be}") from None


def _require(good: object) -> None:
    if not good:
        raise ValueError


def _matching(pattern: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        _require(re.fullmatch(pattern, text, re.ASCII))
        return text

    return parse


def _number(text: str) -> int:
    _require(re.fullmatch(r"-?[0-9]+", text.strip(), re.ASCII) and len(text) < MOST_DIGITS)
    return int(text)


def _switch(text: str) -> bool:
    words = {"on": True, "true": True, "yes": True, "1": True}
    words |= {"off": False, "false": False, "no": False, "0": False}
    _require(text.strip().lower() in words)
    return words[text.strip().lower()]


def _secret(fewest: int) -> Callable[[str], str]:
    def parse(text: str) -> str:
        _require(text == text.strip() and text.isprintable())
        _require(len(text.encode()) >= fewest and len(set(text)) >= FEWEST_DIFFERENT)
        _require(not re.match(r"(django-)?insecure", text))
        return text

    return parse


def _listed(parse: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    return lambda text: list(dict.fromkeys(parse(each.strip()) for each in text.split(",")))


def _secrets(text: str) -> list[str]:
    return list(_listed(_secret(32))(text)) if text else []


def _rate(text: str) -> str | None:
    if not text:
        return None
    pattern = r"[1-9][0-9]{0,8}/(s|sec|second|m|min|minute|h|hour|d|day)"
    return _matching(pattern)(text.strip())


def _host(text: str) -> str:
    """Return a host, normalised like the hosts of requests."""
    host = normalised(text.strip())
    labels = host.split(".")
    if ":" in host or labels[-1].isdigit():
        ip_address(host)
    else:
        _require(all(LABEL.fullmatch(label) for label in labels))
    return host


def _domain(text: str) -> str:
    host = _host(text)
    # Leave room for a slug of 63 characters and a dot.
    _require(":" not in host and not host[-1].isdigit() and len(host) <= 253 - 64)
    return host


def _url(text: str, *schemes: str) -> SplitResult:
    """Return the parts of an address with a valid host and port."""
    _require(VISIBLE.fullmatch(text))
    url = urlsplit(text)
    _require(url.scheme in schemes and url.hostname)
    _host(url.hostname or "")
    _require(url.port is None or url.port > 0)
    _require(not url.netloc.endswith(":"))
    return url


def _origin(text: str) -> str:
    url = _url(text.strip().removesuffix("/"), "https", "http")
    _require(not (url.path or url.query or url.fragment) and "@" not in url.netloc)
    # The form that browsers send.
    return url.geturl().lower().removesuffix(STANDARD_PORTS[url.scheme])


def _origins(text: str) -> list[str]:
    return list(_listed(_origin)(text)) if text else []


def _tenant_url(text: str) -> str:
    before, field, after = text.strip().removesuffix("/").partition("{domain}")
    _require(field and before in {"https://", "http://"} and re.fullmatch(r"(:[0-9]+)?", after))
    _origin(f"{before}a.example{after}")
    return f"{before}{field}{after}"


def _postgres(text: str) -> str:
    """Validate an address with libpq's own parser, without quoting it in an error."""
    text = text.strip()
    _require(text.isprintable() and re.match(r"postgres(ql)?://", text))
    given = {name: str(value) for name, value in conninfo_to_dict(text).items()}
    # An unescaped slash or @ in a password would move the rest of it into the database's name.
    _require(re.fullmatch(r"[^/@]{1,63}", given.get("dbname", "")))
    for host in given.get("host", "").split(","):
        _require(not host or host.startswith("/") or _host(host))
    for port in given.get("port", "").split(","):
        _require(not port or 0 < _number(port) <= LARGEST_PORT)
    _require(given.get("sslmode", "prefer") in SSL_MODES)
    _number(given.get("connect_timeout", "5"))
    return text


def _redis(text: str) -> str:
    from redis.connection import parse_url  # noqa: PLC0415 - a library that only this needs

    text = text.strip()
    url = _url(text, "redis", "rediss")
    _require(re.fullmatch(r"/?|/[0-9]+", url.path) and not url.fragment)
    parse_url(text)  # type: ignore[no-untyped-call]
    return text


def _smtp(text: str) -> str:
    text = text.strip()
    url = _url(text, "smtp", "smtp+tls", "smtp+ssl")
    _require(url.path in {"", "/"} and not url.query and not url.fragment)
    _require(bool(url.username) == bool(url.password))
    unquote(f"{url.username}{url.password}", errors="strict")
    return text


def _sentry(text: str) -> str:
    url = _url(text.strip(), "https", "http")
    _require(url.username and re.fullmatch(r"(/[\w-]+)*/[0-9]+", url.path, re.ASCII))
    return text.strip()


def _http(text: str) -> str:
    _require(not _url(text.strip(), "https", "http").fragment)
    return text.strip()


def _mailbox(text: str) -> str:
    _require(text.isprintable() and text.strip())
    address = parseaddr(text)[1]
    validate_email(address)
    _require(re.fullmatch(rf"{re.escape(address)}|[^<>]*<{re.escape(address)}>", text.strip()))
    _require(address.isascii())
    return text.strip()


def _folder(text: str) -> Path:
    path = Path(text.strip())
    _require(text.isprintable() and re.match(r"/[^/]", text.strip()) and ".." not in path.parts)
    _require(not BASE_DIR.is_relative_to(path))
    there = next(each for each in (path, *path.parents) if each.exists())
    _require(there.is_dir())
    return path


ENCODED = "; names and passwords in it are percent-encoded"


def _optional(must_be: str, parse: Callable[[str], Any]) -> Rule:
    """Return a rule that treats an empty text like an unset variable."""
    return Rule(must_be, lambda text: parse(text) if text else text)


def _such_as(example: str) -> str:
    return f"an address such as {example}"


NUMBER, SWITCH = Rule("a whole number", _number), Rule("on or off", _switch)
Number = Annotated[int, NUMBER]
Switch = Annotated[bool, SWITCH]
OptionalNumber = Annotated[int | None, NUMBER]
OptionalSwitch = Annotated[bool | None, SWITCH]
Rate = Annotated[
    str | None, Rule("a rate such as 600/minute (or second, hour, day), or empty: no limit", _rate)
]

Secret32 = Annotated[str, _optional("32 random characters or more", _secret(32))]
Secret50 = Annotated[str, _optional("50 random characters or more", _secret(50))]
Secrets = Annotated[
    list[str], Rule("secrets of 32 characters or more, separated by commas", _secrets)
]
Token = Annotated[
    str, _optional("16 or more letters, digits and - . _ ~ + /", _matching(r"[\w.~+/-]{16,}=*"))
]
Password = Annotated[
    str, _optional("12 or more letters, digits and - . _ ~", _matching(r"[\w.~-]{12,}"))
]
TypedPassword = Annotated[str, _optional("8 or more ASCII characters", _matching(r"[ -~]{8,}"))]

Hosts = Annotated[
    list[str],
    Rule("host names or IP addresses, separated by commas, without ports", _listed(_host)),
]
Domain = Annotated[str, Rule("a domain name such as example.com", _domain)]
Origin = Annotated[str, Rule(_such_as("https://example.com"), _origin)]
Origins = Annotated[
    list[str], Rule("addresses such as https://app.example.com, separated by commas", _origins)
]
TenantURL = Annotated[str, Rule("https://{domain}, with a port or without", _tenant_url)]
PostgresURL = Annotated[
    str,
    _optional(_such_as("postgres://user:password@host:5432/database") + ENCODED, _postgres),
]
RedisURL = Annotated[str, _optional(_such_as("redis://host:6379/0") + ENCODED, _redis)]
SMTPURL = Annotated[str, _optional(_such_as("smtp+tls://user:password@host:587") + ENCODED, _smtp)]
SentryURL = Annotated[str, _optional(_such_as("https://key@sentry.example.com/1"), _sentry)]
HTTPURL = Annotated[str, _optional(_such_as("https://collector.example.com:4318"), _http)]

Mailbox = Annotated[str, Rule("a mail address, with a name or without", _mailbox)]
Folder = Annotated[Path, Rule("the absolute path of a folder without the project in it", _folder)]
Name = Annotated[str, Rule("1 to 63 letters, digits and - . _", _matching(r"[\w.-]{1,63}"))]
Bucket = Annotated[
    str, _optional("the name of a bucket", _matching(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"))
]
Image = Annotated[str, _optional("the name of an image", _matching(r"[a-zA-Z0-9][\w./:@-]{0,254}"))]
