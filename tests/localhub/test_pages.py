"""The page of a card: what the Hub shows is shown, and whatever a README holds, nothing but harmless tags come out."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubkit.localhub.card_html import LONGEST, card_html
from hubkit.localhub.pages import CardPage, FileRow
from hubkit.localhub.raw_html import ALLOWED, ATTRIBUTES, VOID, safe_link

OURS = {("div", "class"), ("td", "style"), ("th", "style"), ("a", "rel"), ("pre", "class"), ("code", "class"), ("span", "class"), ("p", "class"),
        *((f"h{i}", "id") for i in range(1, 7))}  # fmt: skip
"""What the renderer itself writes."""


def html(text: str) -> str:
    return card_html(text, lambda path: "/files/" + path)


class Reader(HTMLParser):
    """Every tag as a browser would read it, and whether ends match."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ALLOWED:
            self.wrong.append(f"<{tag}>")
        for name, value in attrs:
            if name not in ATTRIBUTES.get(tag, ()) and (tag, name) not in OURS:
                self.wrong.append(f"{tag} {name}")
            if (
                name in {"href", "src"}
                and ":" in (value or "").split("/")[0]
                and not (value or "").lower().startswith(("http:", "https:", "mailto:"))
            ):
                self.wrong.append(f"{name}={value}")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass
        else:
            self.wrong.append(f"</{tag}>")


def wrong_in(rendered: str) -> list[str]:
    reader = Reader()
    reader.feed(rendered)
    reader.close()
    return reader.wrong + [f"open {tag}" for tag in reader.open]


PIECES = st.sampled_from([
    "<script>", "</script>", "<img src=x onerror=alert(1)>", "<a href='javascript:alert(1)'>", "</a>", "<details>", "</details>", "<summary>", "</div>", "<div ",
    "<b", ">", "<", '"', "'", "`", "```\n", "\n\n", "\n", "> ", "- ", "| a | b |\n|---|---|\n| c | d |\n", "<table><tr><td>", "</table>", "<!--", "-->", "&lt;script&gt;",
    "&#60;", "[x](", ")", "![y](", "javascript:", "data:text/html,", "//evil", "../", "# ", "<p align=center>", "</p>", "style=", "onload=", "\x00", "<svg/onload=x>", " ", "é", "*", "**", "~~", "<b>", "<i>", "[",
])  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*<table><tr><td>*", '<em><div class="wide"><table><tr><td></td></tr></table></div></em>'),
        ("a *<i>x* b", "a <em><i>x</i></em> b"),
        ("[<b>](x)", "<b></b></a>"),
        ("*<b>*</b>", "<em><b></b></em></p>"),
        ("a <b>x *y* z</b> *<i>v</i>*", "a <b>x <em>y</em> z</b> <em><i>v</i></em>"),
    ],
)
def test_html_inside_of_emphasis_ends_before_it_does(text: str, expected: str) -> None:
    assert wrong_in(html(text)) == []
    assert expected in html(text)


@given(st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=30).map("".join))
@settings(max_examples=300, deadline=None)
def test_nothing_but_harmless_tags_come_out_of_any_text(text: str) -> None:
    assert wrong_in(html(text)) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<details open><summary>More</summary>\n\n| a |\n|---|\n| 1 |\n\n</details>", '<details open=""><summary>More</summary>'),
        ("H<sub>2</sub>O<br>x", "<p>H<sub>2</sub>O<br>x</p>"),
        ('<p align="center"><img src="figures/a.svg" width="40" alt="x"></p>', '<p align="center"><img src="/files/figures/a.svg" width="40" alt="x"></p>'),
        ("![a](./figures/a.svg)", '<img alt="a" src="/files/figures/a.svg" />'),
        ("[x](https://example.org)", '<a href="https://example.org" rel="noopener noreferrer nofollow">x</a>'),
        ("a &amp; b &lt;i&gt; <!-- gone -->c", "<p>a &amp; b &lt;i&gt; c</p>"),
        ("~~x~~", "<s>x</s>"),
        ("| a |\n|--:|\n| 1 |", '<div class="wide"><table>'),
        ("```python\nimport os\n```", '<span class="k-kn">import</span>'),
        ("```made-up\n<b>\n```", "&lt;b&gt;"),
        ("# A b, c\n\n# A b, c", 'id="a-b-c-1"'),
        ("<blink>x</blink>", "&lt;blink&gt;x&lt;/blink&gt;"),
    ],
)  # fmt: skip
def test_what_the_hub_shows_is_shown(text: str, expected: str) -> None:
    assert expected in html(text)


@pytest.mark.parametrize(
    ("target", "leads"),
    [
        ("figures/a.svg", "/files/figures/a.svg"), ("./a", "/files/a"), ("#top", "#top"), ("https://a.b/c", "https://a.b/c"), ("mailto:a@b.c", "mailto:a@b.c"),
        ("javascript:alert(1)", None), ("JAVA\tSCRIPT:alert(1)", None), ("&#106;avascript:x", None), ("vbscript:x", None), ("data:text/html,x", None),
        ("file:///etc/passwd", None), ("//evil.example/x", None), ("/absolute", None), ("\\\\evil", None), ("a/../../b", None), ("%2e%2e/b", None), ("http://[bad", None), ("", None),
    ],
)  # fmt: skip
def test_where_links_lead(target: str, leads: str | None) -> None:
    assert safe_link(target, lambda path: "/files/" + path) == leads


def test_a_tag_that_is_never_closed_ends_with_the_card() -> None:
    page = CardPage(
        "o/r", "/f/", [FileRow("README.md", 3)], "<details>\n\n<div><b>x\n\n> <div>inside a quote\n\nafter"
    )
    rendered = page.html()
    article = rendered.split("<article>")[1].split("</article>")[0]
    assert article.endswith("</div></details>")
    assert article.index("</div></blockquote>") < article.index("after")


@pytest.mark.parametrize("size", [LONGEST + 1, 5_000_000])
def test_a_card_too_long_to_lay_out_is_text(size: int) -> None:
    begun = time.monotonic()
    rendered = html("| <b>x</b> |\n" * (size // 13 + 1))
    assert "<table>" not in rendered
    assert "&lt;b&gt;x&lt;/b&gt;" in rendered
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "text",
    [
        "[" * 50_000,
        '<a b="' * 20_000,
        "![x](" * 20_000,
        "*a " * 30_000,
        "<details>\n\n" * 2_000,
        "<!--" * 20_000,
        "<a " + "b " * 50_000,
    ],
)
def test_no_text_takes_long(text: str) -> None:
    begun = time.monotonic()
    assert wrong_in(html(text)) == []
    assert time.monotonic() - begun < 15


def test_the_front_matter_is_chips_results_and_the_hubs_verdict() -> None:
    head = "---\nlicense: Not A Licence\ntags: [a, '<b>']\nbase_model: o/m\nmodel-index:\n- name: m\n  results:\n  - dataset: {name: '<i>rows'}\n    metrics: [{type: l0, value: 3.25}]\n---\n"
    rendered = CardPage("o/r", "/f/", [], head + "# x").html()
    assert '<span class="chip tags">&lt;b&gt;</span>' in rendered
    assert "<b>base model</b> o/m" in rendered
    assert "&lt;i&gt;rows" in rendered
    assert "3.25" in rendered
    assert "The Hub would refuse this card" in rendered
    assert wrong_in(rendered.split("<article>")[1].split("</article>")[0]) == []
