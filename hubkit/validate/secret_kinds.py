"""What secrets look like: tokens and keys by their own form, and values by the name that a file of settings gives them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from hubkit.validate.plain_text import Reading, plain, readings
from hubkit.validate.secret_services import SERVICES
from hubkit.validate.secret_settings import of_settings

GAP = r"[\"'\s:=\\,\]]{1,12}"
"""Between a name and its value, in code and in every file of settings."""
ALONE = r"(?<![A-Za-z0-9_-]{40})"
"""Not within the run of letters that base64 for URLs is. What stands before a token otherwise may be anything: `%3D`, `\\n`, a colour."""

SECRETS = {
    "a Hugging Face token": (("hf_",), re.compile(ALONE + r"hf_(?![0-9a-f]{30,64}\b)[A-Za-z0-9]{30,}\b")),
    "a Hugging Face OAuth or organisation token": (
        ("api_org_", "hf_oauth_", "hf_jwt_"), re.compile(ALONE + r"(?:api_org|hf_oauth|hf_jwt)_[A-Za-z0-9]{30,}\b"),
    ),
    "an OpenAI or Anthropic key": (
        ("sk-",), re.compile(r"\bsk-(?:(?:proj|svcacct|admin|None|ant|or|lf)-[A-Za-z0-9_-]{24,400}|[A-Za-z0-9]{32,400}(?![A-Za-z0-9-]))"),
    ),
    "a GitHub token": (
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        re.compile(ALONE + r"(?:gh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{50,})\b"),
    ),
    "a GitLab token": (
        ("glpat-", "gldt-", "glrt-", "glsoat-", "glcbt-", "glptt-", "glft-", "glagent-"),
        re.compile(r"\bgl(?:pat|dt|rt|soat|cbt|ptt|ft|agent)-[A-Za-z0-9_-]{20,300}"),
    ),
    "a Slack token": (
        ("xox", "xapp-"),
        re.compile(r"\b(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{20,300}"),
    ),
    "a webhook, which lets anybody post": (
        ("hooks.slack.com/", "discord.com/api/webhooks/", "discordapp.com/api/webhooks/"),
        re.compile(r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9_]{6,40}/[A-Za-z0-9_]{6,40}/[A-Za-z0-9_/]{16,120}"
                   r"|discord(?:app)?\.com/api/webhooks/\d{10,24}/[A-Za-z0-9_-]{50,120}"),
    ),
    "an AWS access key": (("AKIA", "ASIA"), re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    "an AWS secret key": (
        ("secret_access_key", "secretaccesskey", "aws_secret_key"),
        re.compile(rf"(?i)(?:secret_?access_?key|aws_secret_key){GAP}([A-Za-z0-9/+]{{40}})(?![A-Za-z0-9/+=])"),
    ),
    "a Google key": (
        ("AIza", "GOCSPX-", "ya29."), re.compile(r"\b(?:AIza[A-Za-z0-9_-]{35}\b|GOCSPX-[A-Za-z0-9_-]{28}|ya29\.[A-Za-z0-9_-]{40,400})"),
    ),
    "an Azure key": (
        ("accountkey=", "sharedaccesskey=", "?sig=", "&sig="),
        re.compile(r"(?i)(?:AccountKey|SharedAccessKey|[?&]sig)=([A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==)(?![A-Za-z0-9+/=])"),
    ),
    "a wandb key": (
        ("wandb", "api.wandb.ai"),
        re.compile(rf"(?i)(?:wandb[a-z_]{{0,12}}key{GAP}|wandb\.login\([^)\n]{{0,120}}?[\"']|wandb\s{{1,4}}login\s{{1,4}}(?:--\w{{1,20}}\s{{1,4}})?"
                   r"|api\.wandb\.ai\s{1,20}login\s{1,20}\S{1,64}\s{1,20}(?:account\s{1,20}\S{1,64}\s{1,20})?password\s{1,20})([0-9a-f]{40})\b"
                   r"|(wandb_v\d_[A-Za-z0-9_]{30,400})"),
    ),
    "a Vast.ai key": (("vast",), re.compile(rf"(?i)vast(?:\.?ai\s{{1,4}}set\s{{1,4}}api-key\s{{1,4}}|(?:\.?ai)?[a-z_]{{0,8}}_key{GAP})([0-9a-f]{{64}})\b")),
    "a private key": (
        ("-----BEGIN ", "PuTTY-User-Key-File-"),
        re.compile(r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:[ \t]{0,8}[\r\n][\s\"'+,]{0,64}[A-Za-z0-9+/][A-Za-z0-9+/_ -]{2,40}"
                   r"|\s?[A-Za-z0-9+/]{40})|PuTTY-User-Key-File-\d: "),
    ),
    "a Telegram bot's token": ((":AA",), re.compile(r"(?<=[0-9]{8}):AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])")),
    "a Mailchimp key": (("-us",), re.compile(r"(?<=[0-9a-f]{32})-us[0-9]{1,2}(?![\w-])")),
    "a Discord bot's token": (
        ("MT", "Mj", "Mz", "ND", "NT", "Nj", "Nz", "OD", "OT"),
        re.compile(r"(?<![\w.-])(?:M[Tjz]|N[DTjz]|O[DT])[A-Za-z0-9]{21,26}\.[\w-]{6}\.[\w-]{27,38}(?![\w-])"),
    ),
    "an Azure client secret": (("Q~",), re.compile(r"(?<=[A-Za-z0-9_~.-]{3}[0-9])Q~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~.-])")),
    "a Terraform token": ((".atlasv1.",), re.compile(r"(?<=[A-Za-z0-9]{14})\.atlasv1\.[A-Za-z0-9_=-]{60,70}(?![A-Za-z0-9_=-])")),
    "a signed token (JWT)": (("eyJ",), re.compile(r"(?<![\w-])eyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,1000}")),
    "a URL with a password": (("://",), re.compile(r"://[^\s:/@\"'<>]{0,80}:([^\s:/@\"'<>]{4,200})@[\w.\[-]")),
}  # fmt: skip
"""Kind to what such a secret begins with (in lower case where the pattern takes either), and the pattern, which is tried there only: a text without is
searched a hundred times as fast. Its group is the secret, where it has one. The forms are those that the services publish for scanners of secrets."""
MEMBERS = r"""(?:\s{0,40},\s{0,40}"\w{1,12}"\s{0,8}:\s{0,8}(?:"[^"\\\s]{0,1400}"|\[[^\[\]{}]{0,200}\])){0,14}?\s{0,40},\s{0,40}"""
"""What stands between two members of a key in JSON."""
KTY = r'"kty"\s{0,8}:\s{0,8}"(?:RSA|EC|OKP|oct)"'
SECRETS |= {
    "a private key in JSON (JWK)": (
        ('"kty"', '"d"', '"k"'),
        re.compile(
            rf'{KTY}{MEMBERS}"[dk]"\s{{0,8}}:\s{{0,8}}"([\w-]{{20,1400}})"|"[dk]"\s{{0,8}}:\s{{0,8}}"([\w-]{{20,1400}})"{MEMBERS}{KTY}'
        ),
    ),
    "a Sentry DSN": (("://",), re.compile(r"://([0-9a-f]{32})@[\w.-]{1,100}(?::\d{1,5})?/\d{1,16}\b")),
}
HEADER, BASIC, CURL = "a key in a header", "a password in a header", "a password for curl"
SSHPASS, MYSQL = "a password for sshpass", "a password for MySQL"
OPTION, CONNECTION = "a password as an option", "a password in a connection string"
KEY_OPTION, DOCKER = "a key as an option", "a password in docker's form"
COMMANDS = {BASIC, CURL, SSHPASS, MYSQL, OPTION, CONNECTION, DOCKER}
ENCODED = {BASIC, DOCKER}
"""Of them, those that hold `name:password` in base64."""
"""Kinds that any word may stand for."""
BY_WORDS = {
    HEADER: (
        ("authorization",),
        re.compile(r"(?i)authorization[\"']?\s{0,8}[:=,]\s{0,8}[rbuf]?[\"']?(?:bearer|token)\s{1,4}([A-Za-z0-9._~+/-]{16,400}=*)(?![A-Za-z0-9._~+/-])"),
    ),
    BASIC: (("authorization",), re.compile(r"(?i)authorization[\"']?\s{0,8}[:=,]\s{0,8}[rbuf]?[\"']?basic\s{1,4}([A-Za-z0-9+/]{8,400}={0,2})(?![A-Za-z0-9+/=])")),
    CURL: (
        ("curl",),
        re.compile(r"(?i)\bcurl\b[^\n]{0,400}?\s(?:-u|--(?:proxy-)?user)[ =]{0,2}[\"']?[^\s:\"']{1,64}:([^\s\"'@]{4,200})"),
    ),
    SSHPASS: (("sshpass",), re.compile(r"(?i)\bsshpass\s{1,4}(?:-[ve]\s{1,4}){0,2}-p[ \t]{0,4}([\"']?)(?P<secret>[^\s\"']{4,200})")),
    MYSQL: (
        ("mysql", "mariadb"),
        re.compile(r"\b(?i:mysql|mariadb)(?:[ -]?(?:dump|admin|import|check|show|slap))?\b[^\n|;]{0,120}?\s-p([\"']?)(?P<secret>[^\s\"'=]{4,200})"),
    ),
    OPTION: (("--pass",), re.compile(r"(?i)(?<=[\s\"'])--pass(?:word|wd|phrase)?(?:=|[ \t]{1,2}|[\"'],\s?(?=[\"']))[\"']?(?P<secret>[^\s\"',]{4,200})")),
    KEY_OPTION: (
        ("--api", "--token", "--secret", "--access", "--auth", "--hf"),
        re.compile(r"(?i)(?<=[\s\"'\[])--(?:(?:hf|access|auth|api)[-_]?token|token|api[-_]?key|(?:secret|access|auth)[-_]?key|secret)(?:=|[ \t]{1,2}|[\"'],\s?(?=[\"']))[\"']?"
                   r"(?P<secret>[A-Za-z0-9_~+-]{16,200})(?![\w~+/.-])"),
    ),
    DOCKER: (('"auth"',), re.compile(r'"auth"\s{0,8}:\s{0,8}"(?P<secret>[A-Za-z0-9+/]{8,400}={0,2})"')),
    CONNECTION: ((";password=", ";pwd=", "; password=", "; pwd="), re.compile(r"(?i);\s?(?:password|pwd)=(?P<secret>[^\s;\"'<>&]{4,200})(?=[;\"'\s<]|$)")),
}  # fmt: skip
"""What only the words around it make a secret: where it has a form of its own, that names it better."""
CALLED = re.compile(
    r"(?:token|jwt|bearer|authorization|key|secret)[\"'\s:=\\,\]]{1,12}(?:(?:bearer|token|jwt)\s{1,4})?",
    re.IGNORECASE,
)
"""What stands before a signed token that is one, and no example of the form."""
SHORTEST_SIGNATURE = 40
"""Characters of a signed token's last part: HS256 has 43."""
NOBODYS = ("John Doe", "example", "your")
"""What stands in tokens that show what one looks like, as that of jwt.io."""
FORMS = (
    *((kind, marks, one, bool(one.flags & re.IGNORECASE)) for kind, (marks, one) in SECRETS.items()),
    *((one.kind, (one.mark,), one.pattern, False) for one in SERVICES),
    *((kind, marks, one, True) for kind, (marks, one) in BY_WORDS.items()),
)
"""Kind, marks, pattern, and whether the marks are looked for in the text in lower case."""
MIXED = {
    HEADER,
    KEY_OPTION,
    "an OpenAI or Anthropic key",
    "a GitLab token",
    "a Slack token",
    *(one.kind for one in SERVICES),
}
"""Kinds whose form words with hyphens have as well: a key has letters and digits."""

TOKENIZER = re.compile(
    r"(?:.*[\W_])?(?:[eb]os|eo[tmd]|pad|padding|unk|unknown|sep|separator|cls|mask|special|added|image|video|audio|vision|stop|start|end|begin|(?:start|begin|beginning|end)_of_\w+"
    r"|prefix|suffix|middle|fim|delimiter|newline|vocab)[_-]?",
    re.IGNORECASE,
)
"""What stands before `token` where a tokenizer's is meant: a piece of text."""
SHORTEST_ALONE = 20
"""Characters of the value of a bare `token` or `access_key`: both are words of other things too, whose values are names with a number."""
OF_SETTINGS = "a password or key, by the name it has in a file of settings"
STAND_IN = re.compile(
    r"x{6}|\*{3}|\.{3}|…|_your_|your[_-]?(?:hf|api|token|key|secret|password|own|access|wandb|openai)|example|placeholder|change_?me|change-me|replace[_-]?(?:me|with)"
    r"|insert[_-]|redacted|\$[{(]|os\.environ|getenv|secrets\.|process\.env|<[a-z_ -]*>|to[_-]?be[_-]?set",
    re.IGNORECASE,
)
NO_PASSWORD = {
    "password", "passwd", "pass", "pwd", "secret", "token", "test", "testing", "postgres", "mysql", "root", "admin", "none", "null", "true", "false",
    "empty", "dummy", "fake", "todo", "unset", "default", "foobar", "user", "username", "guest", "undefined", "optional", "required", "hf_token", "mypassword",
    "my_password", "api_key", "key", "string", "str", "os.environ", "xxxx", "xxxxx", "nil",
}  # fmt: skip
"""Words that only stand for one."""
VERSION = re.compile(r"v?[\d.:/-]+\w{0,8}")
SIGN = re.compile(r"[!#$%^&*+?=~|]")
SHORTEST_KEY = 16
"""Characters of a key in a program: shorter ones are names of things."""
SHORTEST_SHORT = 8
"""Of one in quotes under a telling name, where its letters are of both cases."""
PATH = re.compile(r"[/\\]|\.\w{1,5}$")
NAME_OF_PARTS = re.compile(r"[_-]")
LOOSE = re.compile(r"[A-Za-z0-9+_=-]+")
NO_PASSWORDS = ("github", "gitlab", "hf")
"""Schemes whose `owner:name@revision` looks like a user with a password."""
CODE_BEGINS = ("$", "<", "{", "[", "(", "`", "%", "/", "./", "../", "~", "!", "@", "\\", ":")
"""What begins so is a variable, a call, a path."""


class Hit(NamedTuple):
    """One secret of a text."""

    kind: str
    line: int
    last: int
    """Lines of what the pattern fits, 1-based."""
    whole: str
    secret: str


def find_secrets(text: str, name: str = "") -> list[Hit]:
    """Every secret of a text, in order, none inside another and none twice; `name` is the file's, without its folder."""
    found: list[Hit] = []
    known: set[str] = set()
    for number, reading in enumerate(readings(text)):
        fresh = [
            one for one in _kept(reading, name.lower()) if not number or one.secret.rstrip("=") not in known
        ]
        known |= {hit.secret.rstrip("=") for hit in fresh}
        found += fresh
    return found


def _kept(reading: Reading, name: str) -> Iterator[Hit]:
    """The secrets of one reading: of two that share characters the first."""
    end = 0
    for start, stop, hit in sorted(_hits(reading, name), key=lambda one: one[0]):
        if start >= end:
            yield hit
            end = stop


def _hits(reading: Reading, name: str) -> Iterator[tuple[int, int, Hit]]:
    """(start, end of the secret itself, hit); of two that begin at one place the first has the better name."""
    text, small = reading.text, reading.text.lower()
    for kind, marks, pattern, folded in FORMS:
        end = 0
        for at in _places(small if folded else text, marks):
            if at >= end and (match := pattern.match(text, at)):
                group, end = "secret" if "secret" in pattern.groupindex else match.lastindex or 0, match.end()
                if not _stands_in(kind, match[group], text[max(0, at - 40) : at]):
                    yield (
                        *match.span(group),
                        Hit(kind, *reading.lines(*match.span()), match.group(), match[group]),
                    )
    for pattern, strict in of_settings(name, small):
        for match in pattern.finditer(text):
            value, named = match["value"], match.groupdict()
            word = named.get("word") is not None
            if (
                _is_set(value, word=word)
                and not _is_other(named, value)
                and (not strict or _is_written_out(value, word=word) or _is_short_key(named, value))
                and _is_no_path(named, value)
            ):
                lines = reading.lines(*match.span("value"))
                yield *match.span("value"), Hit(OF_SETTINGS, *lines, match.group(), value)


def _places(text: str, marks: tuple[str, ...]) -> list[int]:
    """Where one of `marks` stands."""
    found = []
    for mark in marks:
        at = text.find(mark)
        while at >= 0:
            found.append(at)
            at = text.find(mark, at + 1)
    return sorted(found)


def _stands_in(kind: str, secret: str, before: str) -> bool:
    """Whether it is what a text writes where a reader is to put a secret of this kind."""
    if kind == "a URL with a password":
        return not _is_set(secret, word=True) or secret.isupper() or before.endswith(NO_PASSWORDS)
    if kind in COMMANDS:
        password = _password(secret) if kind in ENCODED else secret
        return not (_is_set(password, word=True) and _is_written_out(password, word=True))
    if kind == "a signed token (JWT)" and not (
        any(one.end() == len(before) for one in CALLED.finditer(before)) or _is_signed(secret)
    ):
        return True
    if kind in MIXED and not _is_mixed(secret):
        return True
    return len(set(secret[-24:])) < 3 or STAND_IN.search(secret) is not None


def _is_signed(token: str) -> bool:
    """Whether a signed token is one by itself, whatever stands before it: its parts say how it is signed, and what; nobody's name is in it."""
    head, said, signature = token.split(".")
    try:
        parts = [
            base64.urlsafe_b64decode(one + "=" * (-len(one) % 4)).decode("utf-8") for one in (head, said)
        ]
        values = [json.loads(one) for one in parts]
    except (ValueError, RecursionError):
        return False
    return (
        all(isinstance(one, dict) for one in values)
        and "alg" in values[0]
        and len(signature) >= SHORTEST_SIGNATURE
        and not any(word in parts[1] for word in NOBODYS)
    )


def _password(basic: str) -> str:
    """That of `name:password` in base64; empty where it is none."""
    try:
        return base64.b64decode(basic + "=" * (-len(basic) % 4)).decode("utf-8").partition(":")[2]
    except ValueError:
        return ""


def _is_set(value: str, *, word: bool) -> bool:
    """Whether a value is one, and no variable, path or word in its place. A password may be a word; a key has letters and digits."""
    if value.startswith(CODE_BEGINS) or "://" in value or STAND_IN.search(value):
        return False
    bare = value.rstrip(",;)}]").lower()
    if bare in NO_PASSWORD or len(set(bare)) < 3:
        return False
    return word or (len(bare) >= 8 and _is_mixed(bare))


def _is_other(named: dict[str, str | None], value: str) -> bool:
    """Whether the name that a value is set by is that of something else: of a tokenizer's token, or of any token at all."""
    if not named.get("weak"):
        return False
    of = named["of"] or ""
    return TOKENIZER.fullmatch(of) is not None or (not of and len(value) < SHORTEST_ALONE)


def _is_written_out(value: str, *, word: bool) -> bool:
    """Whether a literal of a program is a password or key, and no word or name: a password has a digit or a sign in it, a key is long, too."""
    if VERSION.fullmatch(value):
        return False
    return (
        _is_mixed(value) or bool(SIGN.search(value))
        if word
        else len(value) >= SHORTEST_KEY and _is_mixed(value)
    )


def _is_short_key(named: dict[str, str | None], value: str) -> bool:
    """Whether a quoted literal that is shorter than a key is one all the same: letters of both cases and digits, or a sign beside letters and digits."""
    if named.get("quote") is None or named.get("word") is not None or len(value) < SHORTEST_SHORT:
        return False
    return _is_mixed(value) and (_has_both_cases(value) or SIGN.search(value) is not None)


def _is_no_path(named: dict[str, str | None], value: str) -> bool:
    """Whether what a bare `pwd` or `credentials` names is a password or key, and no folder, file or name of one."""
    if named.get("folder") is not None:
        return PATH.search(value) is None and (
            _has_both_cases(value)
            or SIGN.search(value) is not None
            or (named.get("quote") is not None and NAME_OF_PARTS.search(value) is None)
        )
    return named.get("loose") is None or (
        len(value) >= SHORTEST_ALONE
        and LOOSE.fullmatch(value) is not None
        and _is_mixed(value)
        and _has_both_cases(value)
    )


def _has_both_cases(text: str) -> bool:
    return text != text.lower() and text != text.upper()


def _is_mixed(text: str) -> bool:
    return any(c.isdigit() for c in text) and any(c.isalpha() for c in text)


def holds_secret(*values: Any) -> bool:
    """Whether one of some values of JSON is a secret, or has one in it."""
    return any(find_secrets(json.dumps(value, ensure_ascii=False, default=str)) for value in values)


def masked(text: str) -> str:
    """`text`, of whose secrets only the first four characters are left: for names of files."""
    shown = plain(text)
    for hit in find_secrets(text):
        shown = shown.replace(hit.secret, f"{hit.secret[: min(4, len(hit.secret) // 4)]}...")
    return shown
