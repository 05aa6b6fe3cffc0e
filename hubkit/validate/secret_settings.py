"""Passwords and keys by the name that a file gives them: in files of settings, in programs, and in the files of one program each."""

from __future__ import annotations

import re
from collections.abc import Iterator

TELLING = ("pass", "pwd", "secret", "key", "token", "credential")
"""One of these stands in every such name: a text without is not searched for them."""
LONGEST_NAME = 255
"""Characters, as file systems have it: the patterns take time with longer ones."""
SETTINGS = re.compile(
    r"""(?:.*\.)?env(?:\..*|rc)?|[._]netrc|netrc|settings|\.(?:npmrc|pypirc|my\.cnf|s3cfg|boto|bashrc|zshrc|profile|bash_profile|renviron|pgpass|mylogin\.cnf)
    |.*\.(?:sh|bash|zsh|slurm|sbatch|ps1|bat|cmd|ini|cfg|conf|properties|tfvars|dockerfile)|(?:docker|container)file(?:\..*)?|(?:gnu)?makefile|justfile|.*\.mk
    |(?:docker-)?compose[^/]*\.ya?ml|\.?[^.]*(?:secret|credential)[^.]*(?:\.(?:json|ya?ml|toml|txt))?""",
    re.VERBOSE | re.IGNORECASE,
)
"""Files in which a name with `=` or `:` sets a value."""
WORD = r"(?:passw(?:or)?d|passphrase|(?<![A-Za-z])(?:db|database|smtp|e?mail|mysql|pg|postgres|redis|mongo|ftp|ldap|user|admin|root)_?(?:pass|pwd))"
"""Names of passwords in programs, where `pass` and `pwd` alone are words of other things."""
ASSIGNED = re.compile(
    r"""(?im)(?:^|[{,;]|\b(?:set|export|env|arg)[ ])[ \t]{0,32}(?:-[ \t]{1,4})?["']?(?:\$env:)?(?P<of>[\w./:@-]{0,64}?)
    (?:(?P<word>passw(?:or)?d|passphrase|[_-]pass|pwd)|(?P<weak>token|access[_-]?key)|secret|api[_-]?key|(?:secret|private|auth|account)[_-]?key)["']?
    [ \t]{0,8}[:?+]{0,2}[:=][ \t]{0,8}["']?(?P<value>[^\s"'#]{4,200})""",
    re.VERBOSE,
)
DOCKER = re.compile(r"(?:docker|container)file(?:\..*)?|.*\.dockerfile", re.IGNORECASE)
ENV = re.compile(
    r"(?im)^[ \t]{0,32}env[ \t]{1,8}\w{0,64}(?:passw(?:or)?d|passphrase|_pass)(?P<word>)[ \t]{1,8}[\"']?(?P<value>[^\s\"'#=]{4,200})"
)
"""The older form of ENV, with a blank between name and value."""
PROGRAMS = re.compile(
    r".*\.(?:py|pyi|ipynb|r|rmd|jl|js|mjs|ts|tsx|jsx|go|rb|php|lua|pl|java|kt|scala|cs|rs|c|cc|cpp|h|swift|toml|ya?ml|json|jsonnet|hcl|tf|tfstate(?:\.backup)?|gradle|groovy)",
    re.IGNORECASE,
)
QUOTED = re.compile(
    rf"(?i)(?:(?P<word>{WORD}|(?P<folder>(?<![A-Za-z])pwd))"
    r"""|(?P<loose>(?<![A-Za-z])credentials?)|(?:api|secret|auth|access|private)[_-]?key|(?:client|app|api)[_-]?secret|(?<![A-Za-z0-9])secret|(?:auth|access|refresh|bearer)[_-]?token)["'\]]{0,2}
    (?:[ ]?:[ ]?str)?[ \t]{0,4}(?::=|=>|<-|[:=])[ \t]{0,4}[rbu]?(?P<quote>["'])(?P<value>[^\s"'{}<>()$]{6,200})(?P=quote)""",
    re.VERBOSE,
)
"""A literal in a program: whatever stands without quotes is a variable there."""
YAML = re.compile(r".*\.ya?ml", re.IGNORECASE)
UNQUOTED = re.compile(
    r"""(?im)^[ \t]{0,64}(?:-[ \t]{1,4})?["']?(?P<of>[\w.-]{0,64}?)"""
    rf"(?:(?P<word>{WORD}|(?P<folder>(?<![A-Za-z])pwd))"
    r"""|(?P<loose>(?<![A-Za-z])credentials?)|(?P<weak>token)|(?:api|secret|auth|access|private)[_-]?key|(?:(?:client|app|api)[_-]?|(?<![A-Za-z0-9]))secret|(?:auth|access|refresh|bearer)[_-]?token)["']?
    [ \t]{0,8}:[ \t]{1,8}(?P<value>[^\s"'{}\[\],]{6,200})[ \t]{0,64}(?:[ ]\#.*)?\r?$""",
    re.VERBOSE,
)
"""A scalar of YAML without quotes, alone on its line."""
PASS_FILES = re.compile(r".*\.(?:ini|cfg|conf|cnf|properties)", re.IGNORECASE)
PASS = re.compile(
    r"""(?im)^[ \t]{0,32}(?P<word>pass)[ \t]{0,8}[:=][ \t]{0,8}["']?(?P<value>[^\s"'#]{6,200})["']?[ \t]{0,64}$"""
)
"""A word of other things too: counters, stages."""
XML = (".xml", ".config", ".xaml", ".plist", ".jmx", ".csproj", ".props", ".xcconfig")
OF_XML = r"(?:(?P<word>passw(?:or)?d|passphrase)|(?:api|secret|access|private|auth)[_.-]?key|(?:client|app)?[_.-]?secret|(?:auth|access|bearer)[_.-]?token)"
ELEMENTS = re.compile(
    r"(?i)<(?:\w{1,20}:)?(?P<word>password|passphrase|privateKeyPassword)>\s{0,9}(?P<value>[^\s<>]{4,200})\s{0,9}</"
)
NAMED_ELEMENTS = re.compile(rf"(?i)<[\w.:-]{{0,60}}?{OF_XML}>\s{{0,9}}(?P<value>[^\s<>]{{4,200}})\s{{0,9}}</")
ATTRIBUTES = re.compile(
    rf"(?i)(?:\s(?:name|key)=[\"']|<key>)[\w.:-]{{0,40}}?{OF_XML}(?:[\"']\s{{1,40}}value=[\"']|</key>\s{{0,40}}<string>)(?P<value>[^\s\"'<>]{{4,200}})[\"'<]"
)
OWN_ATTRIBUTE = re.compile(
    r"(?i)\s[\w.:-]{0,40}?(?P<word>passw(?:or)?d|passphrase)=[\"'](?P<value>[^\s\"'<>]{4,200})[\"']"
)
"""`<add key="password" value="..."/>`, `<key>password</key><string>...`, `password="..."`."""
NETRC = re.compile(r"\bpassword\s{1,20}(?P<word>)(?P<value>[^\s#]{4,200})")
PGPASS = re.compile(
    r"(?m)^[^:#\n]{1,100}:[\d*]{1,5}:[^:\n]{1,100}:[^:\n]{1,100}:(?P<word>)(?P<value>[^\s]{4,200})"
)
HTPASSWD = re.compile(
    r"(?m)^[^:\s]{1,64}:(?P<word>)(?:\$(?:apr1|2[abxy]|1|5|6|y)\$|\{SHA\})(?P<value>[^\s:]{8,200})"
)
NAMED = {
    "kaggle.json": re.compile(r'"key"\s{0,8}:\s{0,8}"(?P<value>[0-9a-f]{32})"'),
    ".pgpass": PGPASS,
    "pgpass.conf": PGPASS,
    ".netrc": NETRC,
    "_netrc": NETRC,
    "netrc": NETRC,
    ".htpasswd": HTPASSWD,
    "htpasswd": HTPASSWD,
    "shadow": HTPASSWD,
}
"""Files of one program each, by name: what in them is the secret."""


def of_settings(name: str, text: str) -> Iterator[tuple[re.Pattern[str], bool]]:
    """The patterns for a file of this name and text (both in lower case), each with whether a value counts only where it is no word: in programs many are."""
    if len(name) > LONGEST_NAME:
        return
    if any(word in text for word in TELLING):
        yield from _by_names(name)
    if name in NAMED:
        yield NAMED[name], False


def _by_names(name: str) -> Iterator[tuple[re.Pattern[str], bool]]:
    if SETTINGS.fullmatch(name):
        yield ASSIGNED, False
    if DOCKER.fullmatch(name):
        yield ENV, False
    if PROGRAMS.fullmatch(name):
        yield QUOTED, True
    if YAML.fullmatch(name):
        yield UNQUOTED, True
    if PASS_FILES.fullmatch(name):
        yield PASS, True
    if name.endswith(XML):
        yield ELEMENTS, False
        for pattern in (NAMED_ELEMENTS, ATTRIBUTES, OWN_ATTRIBUTE):
            yield pattern, True
