"""Every reader of a text that somebody else may have written, as a function of the text, and the nasty texts for each."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bounded import nasty
from bounded.nasty import Text
from builders import cfg, view

from hubkit import plain_yaml
from hubkit.adopt.adoption import adopt
from hubkit.adopt.source import MOST_CHARACTERS
from hubkit.cards.settings import load_settings
from hubkit.errors import HubkitError
from hubkit.fix.render import diff
from hubkit.fix.run import planned
from hubkit.formats.strict_json import JsonFault, parse
from hubkit.localhub.pages import CardPage
from hubkit.readme.document import parse_readme
from hubkit.readme.page import MOST_LINES
from hubkit.readme.regions import generated_text, read_regions
from hubkit.release.metrics import Evaluation
from hubkit.release.provenance import Provenance
from hubkit.repo.view import SMALL_FILE
from hubkit.study.several import load_study_file
from hubkit.tensors.header import HeaderError
from hubkit.tensors.npz import parse_npy
from hubkit.tensors.safetensors import parse_header
from hubkit.texts import json_text, printable, visible
from hubkit.validate.baseline import read_baseline
from hubkit.validate.code_exports import is_arithmetic
from hubkit.validate.code_templates import LONGEST_PARSED, template_reach
from hubkit.validate.config import load_config
from hubkit.validate.reporters import render
from hubkit.validate.reporters import text as terminal
from hubkit.validate.run import validate
from hubkit.validate.secret_kinds import find_secrets


@dataclass(frozen=True)
class Reader:
    """One reader."""

    read: Callable[[str], object]
    texts: dict[str, Text]
    largest: int = 1 << 20
    """Characters: its limit, or that of the file it is given."""
    small: int = 24_000
    """Characters of the largest text of the quick form; quadratic time shows from some thousand on."""


def _validated(**files: object) -> None:
    """The whole way of a text: facts, all rules with whole weights, every reporter. A rule that crashes fails."""
    report = validate(view(**files), deep=True)  # type: ignore[arg-type]
    assert not report.crashes, report.crashes[0].traceback
    for name in ("json", "sarif", "markdown", "github"):
        render(report, name, notes=True)
    terminal.render(report, notes=True)


def _field(name: str, *, metadata: bool) -> Callable[[str], object]:
    def read(text: str) -> None:
        def made() -> bytes:
            return json.dumps(cfg(metadata={name: text}) if metadata else cfg(**{name: text})).encode()

        while (size := len(made())) > SMALL_FILE:  # escapes: a longer file is no configuration
            text = text[: len(text) * SMALL_FILE // size - 1]
        _validated(configuration=made())

    return read


def _in_file(load: Callable[[Path], object], name: str) -> Callable[[str], object]:
    def read(text: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_text(text, encoding="utf-8")
            try:
                load(path)
            except HubkitError as error:
                assert len(error.message) < 20_000, "a message as long as the file"

    return read


def _json(text: str) -> None:
    try:
        lines = parse(text.encode("utf-8", "replace")).lines
    except JsonFault as fault:
        assert len(fault.message) + len(fault.pointer) < 1000
    else:
        for number in range(300):
            lines.get(f"/{number}")
            lines.get(f"/k{number}")


def _header(text: str) -> None:
    try:
        parse_header(text.encode("utf-8", "replace"), 1 << 40)
    except HeaderError as error:
        assert len(str(error)) < 1000


def _npy(text: str) -> None:
    raw = text.encode("utf-8", "replace")
    try:
        parse_npy(b"\x93NUMPY\x03\x00" + len(raw).to_bytes(4, "little") + raw, "a")
    except HeaderError as error:
        assert len(str(error)) < 1000


def _yaml(text: str) -> None:
    try:
        plain_yaml.load(text)
    except plain_yaml.YamlFault as fault:
        assert len(fault.message) < 1000


def _regions(text: str) -> None:
    generated_text(text)
    try:
        read_regions(text, {"a", "b"}, "README.md")
    except HubkitError as error:
        assert error.message


def _shown(text: str) -> None:
    for show in (
        printable,
        visible,
        json_text,
        terminal.escape,
        lambda one: terminal.wrapped(one[:100_000], 100),
    ):
        show(text)


def _adopted(text: str) -> None:
    """The whole of `hubkit adopt`, of as many lines as it takes."""
    text = "\n".join(text.split("\n")[: MOST_LINES + 1])
    try:
        adopt(view(readme=text), {"license": "mit", "base_model": "gpt2", "repo_id": "a/b"})
    except HubkitError as error:
        assert len(error.message) < 1000


def _fixed(text: str) -> None:
    """The whole of `hubkit fix --diff`."""
    with planned(view(readme=text), unsafe=True) as plan:
        for one in plan.fixes:
            diff(view(readme=text), one)


REGIONS: dict[str, Text] = {
    "openings": nasty.repeated("<!-- hubkit:author:a\na\n -->\n"),
    "openings without a comment's end": nasty.repeated("<!-- hubkit:author:a\n"),
    "ends": nasty.repeated("<!-- /hubkit:author:a -->"),
    "names": lambda n: "".join(
        f"<!-- hubkit:author:{'ab'[i % 2] * (i % 50 + 1)} -->" for i in range(n // 50)
    ),
    "pairs": nasty.repeated("<!-- hubkit:author:a -->\nx\n<!-- /hubkit:author:a -->\n"),
}
HEADERS: dict[str, Text] = {
    "a value of blanks": lambda n: "{'descr':" + " " * n + "}",
    "a list that never ends well": lambda n: "{'shape': [" + "]  " * (n // 3) + "}",
    "a long shape": lambda n: "{'shape':(" + "1," * (n // 2) + "}",
    "quotes and blanks": lambda n: "{" + "  '" * (n // 3) + "}",
}
CARD = "repo_id: o/n\nbase_model: gpt2\nlicense: mit\n"
CARDS = nasty.yamls() | {
    "unknown keys": lambda n: CARD + "".join(f"k{i}: v\n" for i in range(n // 9)),
    "wrong tags": lambda n: f"{CARD}tags: [" + "1, " * (n // 3) + "]",
    "long prose": lambda n: f"{CARD}prose: {{uses: '" + "a" * n + "'}",
}  # fmt: skip
LAYERS: dict[str, Text] = {
    "digits": lambda n: "blocks." + "1" * n,
    "parts": lambda n: "a." * (n // 2) + "hook_",
    "layers": lambda n: "layers.1." * (n // 9),
    "a version": lambda n: "1" * n,
    "dots": lambda n: "1." * (n // 2) + "1",
}
BEGINNINGS: dict[str, Text] = {
    f"again {one!r}": nasty.repeated(one)
    for one in (
        "sk-ant-", "sk-" + "a" * 31 + "-", "hf_" + "aB3" * 12 + " ", "hf_aB3", "ghp_" + "aB3" * 12, "xoxb-1", "-----BEGIN PRIVATE KEY-----\n", "-----BEGIN A B C ",
        "wandb", "wandb_key=", "wandb.login(", "wandb.login(a'", "api.wandb.ai login a ", "api.wandb.ai ", "secret_access_key=", "AccountKey=", "?sig=", "eyJ", "eyJ" + "a" * 20 + ".",
        "token=eyJaaaaaaaaaaa.eyJaaaaaaaaaaa.aaaaaaaaaaa ", "://", "://a:", "://a:bcde", "://a:bcde@c ", "\\", "\\u0068", "%68", "&#104;", "&#", "\\x", "\\n", "\x1b[", "\0",
        "export ", "export A_TOKEN=abc123def456\n", "{token", ",password", "a_token=\n", "vastai set api-key ", "vast_key=", "secret_a_", "password ", "machine a login b password cdefg ", "'token': '", "\u0130", "a:1:b:c:",
        "aGZfYUIzYUIzYUIzYUIzYUIz ", "aGZfYUIzYUIzYUIzYUIzYUIz\n", "aGZf", "=5F", "a=5F=\n", "&amp;", "&amp;#", "%25", "&lowbar", "\\\\\\u", "-", "A", "sk_", "password = '", "password='abc12' ", "<password>",
        "sshpass -p ", "mysql ", "mysql -p", '"kty":"RSA",', '"kty":"oct","a":"b",', '"d":"' + "aB3" * 9 + '",', "--password ", ";password=", "; pwd=", ' password="', "<key>password</key> ", "pwd = '", "://" + "0a1b" * 8 + "@",
    )
}  # fmt: skip
"""What secrets begin with."""
OF_TEMPLATES: dict[str, Text] = {
    f"again {one!r}": nasty.repeated(one)
    for one in ("{{", "{{ a[b] }}", "{% set a = a ~ 'x' %}", "{% for x in y %}{{ x }}{% endfor %}", "{% macro m(a) %}{{ m(a ~ 'x') }}{% endmacro %}", "{% set d = {'a': 'b'} %}", "{#", "{% raw %}", "{%- ", "{{ '", "__", "\n")
} | {
    "one text of many": lambda n: "{{ x[" + "'a' ~ " * (n // 6) + "'b'] }}",
    "brackets": lambda n: "{{ " + "(" * (n // 2) + "a" + ")" * (n // 2) + " }}",
    "in many sets": lambda n: "{% set a %}" * 50 + "{{ a ~ 'x' }}" * (n // 12) + "{% endset %}" * 50,
    "in many loops": lambda n: "{% for a in a %}" * 50 + "{% set b = a ~ 'x' %}" * (n // 21) + "{% endfor %}" * 50,
    "sets in sets": lambda n: "{% set a %}" * (n // 24) + "{{ a }}" + "{% endset %}" * (n // 24),
}  # fmt: skip
TEXTS = nasty.plain()
HARD = {
    name: TEXTS[name]
    for name in (
        "claims",
        "lines '54 SAEs: 30 a + 9 b'",
        "lines '|---|---|'",
        "lines '| Layer | 9 |'",
        "again '1/2 (5%) '",
    )
}
"""Of a card that is judged again and again."""


def _ours(schema: str, key: str) -> dict[str, Text]:
    """JSON that says that it is hubkit's, and has many items of a wrong form."""
    head = f'{{"$schema": "urn:hubkit:{schema}", "{key}": ['
    return {
        f"{schema} {key} of {item}": lambda n, item=item: (
            head + ",".join([item] * max(1, (n - 60) // (len(item) + 1))) + "]}"
        )
        for item in ("{}", "[]", "1", "[[[]]]", '{"sae_id":1}', '{"values":[{}]}')
    }


EVALUATIONS = _ours("evaluation:2", "saes") | _ours("evaluation:1", "layers")
PROVENANCES = _ours("provenance:2", "saes") | _ours("provenance:1", "scenarios")
READERS: dict[str, Reader] = {
    "README.md": Reader(lambda text: _validated(readme=text), TEXTS | nasty.front_matter() | REGIONS, small=6_000),
    "adopt": Reader(_adopted, HARD | {"many headings": lambda n: "".join(f"{'#' * (2 + i % 3)} a{i}\n" for i in range(n // 6))}, largest=MOST_CHARACTERS, small=4_000),
    "adopt, any card": Reader(_adopted, TEXTS | nasty.front_matter() | REGIONS, largest=MOST_CHARACTERS, small=4_000),
    "fix": Reader(_fixed, HARD | {name: text for name, text in nasty.front_matter().items() if name in {"head: a long list", "head: many keys"}}, small=4_000),
    "cfg.json": Reader(lambda text: _validated(configuration=text.encode("utf-8", "replace")), nasty.jsons()),
    "evaluation.json": Reader(lambda text: _validated(files={"evaluation.json": text.encode()}), nasty.jsons() | EVALUATIONS),
    "provenance.json": Reader(lambda text: _validated(files={"provenance.json": text.encode()}), nasty.jsons() | PROVENANCES),
    "hook_name": Reader(_field("hook_name", metadata=True), TEXTS | LAYERS, small=8_000),
    "model_name": Reader(_field("model_name", metadata=True), TEXTS | LAYERS, small=8_000),
    "sae_lens_version": Reader(_field("sae_lens_version", metadata=True), TEXTS | LAYERS, small=8_000),
    "architecture": Reader(_field("architecture", metadata=False), TEXTS | LAYERS, small=8_000),
    "JSON": Reader(_json, nasty.jsons() | TEXTS),
    "YAML": Reader(_yaml, nasty.yamls() | TEXTS),
    "safetensors header": Reader(_header, nasty.jsons() | TEXTS),
    "npy header": Reader(_npy, HEADERS | nasty.jsons() | TEXTS),
    "parse_readme": Reader(parse_readme, nasty.front_matter() | TEXTS),
    "regions": Reader(_regions, REGIONS | TEXTS),
    "card.yaml": Reader(_in_file(load_settings, "card.yaml"), CARDS),
    "study.yaml": Reader(_in_file(load_study_file, "study.yaml"), CARDS),
    "hubkit.toml": Reader(_in_file(load_config, "hubkit.toml"), nasty.tomls()),
    "baseline": Reader(_in_file(read_baseline, "baseline.json"), nasty.jsons()),
    "evaluation.json of a build": Reader(_in_file(Evaluation.load_ours, "evaluation.json"), nasty.jsons() | EVALUATIONS),
    "provenance.json of a build": Reader(_in_file(Provenance.load, "provenance.json"), nasty.jsons() | PROVENANCES),
    "the page of a card": Reader(lambda text: CardPage("a/b", "/f/", [], text).html(), TEXTS | nasty.front_matter(), small=5_000),
    "templates": Reader(template_reach, OF_TEMPLATES, largest=LONGEST_PARSED),
    "sizes of a graph": Reader(is_arithmetic, {name: nasty.repeated(one) for name, one in {"sums": "s0+", "calls": "a(", "brackets": "(", "names": "Symbol('a')+", "minus": "-"}.items()}),
    "what is shown": Reader(_shown, TEXTS),
    "secrets": Reader(find_secrets, BEGINNINGS),
    "secrets of settings": Reader(lambda text: [find_secrets(text, name) for name in (".env", ".pgpass", "a.py", "a.xml", "Dockerfile")], BEGINNINGS, largest=1 << 18),
}  # fmt: skip
