"""Invalid values of variables, fifty for each type, and some valid ones."""

from typing import Any

from config import variable_types as types

# No type accepts control characters.
NOISE = [f"a{chr(code)}b" for code in (*range(1, 32), 127, 0x85)]

_HOSTS = """
*|.example.com|*.example.com|example.com.evil/|example..com|-a.example|a-.example|a_b.example
https://example.com|example.com:8000|user@example.com|example.com/path|256.1.1.1|1.2.3|10.0.0
[::1|::1]|fd00::g|1:2|ex ample.com|example.com?|#|{domain}|$HOST|a.123
"""
_URLS = """
x|example.com|//example.com|http:|http://|https:///path|ftp://example.com|file:///etc/passwd|://a
javascript:alert(1)|https://exa mple.com|https://example.com:port|https://example.com:99999
https://example.com:0|https://example.com:|https://[::1|https://-a.example|https://a_b.example
https://example..com|https://*.example.com|HTTPS//example.com|https:example.com
"""
_SERVERS = """
x|{0}|{0}:|{0}:/|{0}://|{0}:///|{0}://:1|{0}://host:|{0}://host:port|{0}://host:0|{0}://host:99999
{0}://user:pa/ss@host/0|{0}://user:12/34@host/0|{0}://user:pa#ss@host|{0}://user:pa?ss@host
{0}://ho st|{0}://ho_st|{0}://*.host|{0}://[::1|{0}://host..b|{0}://host/x/y|http://host|{0}//host
"""


def _words(text: str) -> list[str]:
    return text.strip().replace("\n", "|").split("|")


def _urls(more: str = "") -> list[str]:
    return _words(_URLS) + [word for word in _words(more) if word]


def _servers(scheme: str, more: str = "") -> list[str]:
    return [text.replace("{0}", scheme) for text in [*_words(_SERVERS), *_words(more)] if text]


_NUMBERS = _words("x|1.5|1e3|0x10|1_000|1,5|+1|--1|-1|1-|one|None|true|٣|1 2|9" + "9" * 20)
_NUMBERS += [" ", "", "-", "9" * 17, "-99999999999", "½", "²", "1\u00a0000", "NaN", "inf"]
_SECRETS = ["x", "short", "x" * 80, "ab" * 40, "insecure-" + "0123456789" * 8, " ", "abc,def"]
_SECRETS += ["django-insecure-" + "0123456789" * 8, " " + "0123456789" * 8, "0123456789" * 8 + "\n"]
_SECRETS += [f"0123456789{'a' * size}" for size in range(10)]
_SECRETS += ["0123456789" * 8 + "\t", "\ufeff" + "0123456789" * 8]
_TEXTS = ["é", "a b", "a/b c", "ü" * 20, "{}", "$HOME", "a;b", "a'b", 'a"b', "`id`", "a|b", "a\\b"]
_TEXTS += [
    "<a>",
    "a&b",
    "(a)",
    "a*b",
    "a?b",
    "a#b",
    "a\u00a0b",
    "a\u200bb",
    "x" * 300 + "\N{BULLET}",
]
_MAIL = """
x|@|a@|@example.com|a@@example.com|a b@example.com|a@exa mple.com|a@example..com|a@-a.example
a@example.com,b@example.com|a@example.com;b@example.com|Name|Name <>|Name <a>|<a@example.com
a@example.com>|ü@example.com|a@b_c.example|.a@example.com|a.@example.com|a@1|mailto:a@example.com
"""


def _is_trimmed(text: str) -> bool:
    """Return whether a text has no surrounding blanks, which are valid in lists."""
    return text == text.strip()


_SWITCHES = _words("x|2|-1|maybe|onn|of|ja|nein|enabled|TRUE!|0.0|00|11|yes no|None|t|f|y|n")
_RATES = _words(
    "60|60/|/minute|x/minute|60/fortnight|60/minutes|60 / minute|-1/minute|0/minute|1.5/minute|60/M"
    "|60/minute/hour|60\\minute|60:minute|1e3/hour|60/m60|060/minute|60,60/minute|٣/minute"
)
_POSTGRES = """
sqlite:///x|mysql://host/x|{0}://user@ss:word@host/x|{0}://host/x?sslmode=on|{0}://host/x?no=1
{0}://u:%zz@host/x|{0}://host/x?connect_timeout=soon
"""
_FOLDERS = """
.|..|/|//|~|media|media/|./media|~/media|$HOME/media|a/../b|/srv/../etc|file:///srv|C:\\media
/dev/null|/dev/null/media
"""

WRONG: dict[Any, list[str]] = {
    types.Number: _NUMBERS,
    types.OptionalNumber: _NUMBERS,
    types.OptionalSwitch: [*_SWITCHES, "", " ", "on,off", "\N{CHECK MARK}"],
    types.Rate: [*_RATES, " ", f"{'1' * 12}/hour"],
    types.Secret32: _SECRETS,
    types.Secret50: _SECRETS,
    types.Secrets: [
        *filter(_is_trimmed, _SECRETS),
        ",",
        f"{'0123456789' * 8},",
        f",{'0123456789' * 8}",
    ],
    types.Token: [*_TEXTS, "short", "=" * 20, "0123456789 abcdefgh"],
    types.Password: [*_TEXTS, "short", "0123456789/abc", "0123456789@abc", "0123456789:abc"],
    types.TypedPassword: [*(text[:7] for text in _TEXTS), "short", "pässwörter"],
    types.Hosts: ["", " ", ",", "example.com,", ",example.com", "a.b,,c.d", *_words(_HOSTS)],
    types.Domain: [*_words(_HOSTS), "", "127.0.0.1", "::1", "a,b", "a." * 100 + "example"],
    types.Origin: _urls("https://example.com/path|https://a@example.com|https://example.com?x|"),
    types.Origins: _urls(
        "*|null|https://app.example.com,|https://app.example.com/path|https://a@example.com"
        "|https://app.example.com https://b.example.com|https://*.example.com"
    ),
    types.TenantURL: _urls(
        "https://{tenant}|https://{}|https://{0}|{domain}|https://{domain}.x|https://x.{domain}"
        "|https://{domain}/path|https://{domain!r}|https://{domain.x}|https://{domain}{domain}"
        "|https://{domain}:x|https://{domain}:0|https://{domain}:99999|ftp://{domain}"
    ),
    types.PostgresURL: _servers("postgres", _POSTGRES),
    types.RedisURL: _servers("redis", "memcached://host|locmemcache://|valkey://host"),
    types.SMTPURL: _servers(
        "smtp", "smtps://host|smtp+starttls://host|mail.example.com|smtp://a@host"
    ),
    types.SentryURL: _urls("https://sentry.example.com/1|https://key@sentry.example.com"),
    types.HTTPURL: _urls("grpc://host:4317|host:4318"),
    types.Mailbox: ["", " ", *_words(_MAIL)],
    types.Folder: ["", " ", *_words(_FOLDERS)],
    types.Name: [*_TEXTS, "", " ", "x" * 64],
    types.Bucket: [*_TEXTS, "ab", "A-bucket", "-bucket", "bucket-", "a/bucket", "s3://a-bucket"],
    types.Image: [*_TEXTS, "-a", "/a", " "],
}
