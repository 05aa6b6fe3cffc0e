"""Texts that readers find hard, of any size: long runs, dense marks, tables, nests, bombs. Generic ones, and those for one language."""

from __future__ import annotations

from collections.abc import Callable

Text = Callable[[int], str]
"""A text of about so many characters."""

ALONE = "\"'\\|-`~0a[](){}<>*_#:=.,;!&@/%+?^$ \t\n\u00c3\u00e9\u202e\x1b"
"""Characters in long runs."""
TOGETHER = (
    '"\\', '\\"', "\\[", "[]", "[a](b)", "[[", "![", "](", "{{", "{}", "{{ a }}", "${", "<!--", "-->", "<a>", "</a>", "<a ", "<br>", "&lt;",
    "**", "**a", "*a ", "_a", "a_", "__a__", "`a", "`` ", "~~", "|-", "| ", "a|", ": ", "- ", "> ", "1.", "1,", "1,111 ", "1 000 ", "0.5%",
    "a.", "A", "a. A", "a b ", "a\u0301", "\u00c3\u00a9", "\u00c3\u00a9 ", "\u00e2\u20ac\u201c ", "hf_", "sk-", "/home/a ", "C:\\Users\\b ", "http://a", "@a", "x=",
    "x = (", "L1, ", "L1 ", "layers ", "SAE ", "SAEs (", "not ", "no-", "threshold ", "trained ", "uses ", "d_in=1 ", "k=1 ", "n=1 ", "(n=1) ",
    "models, ", "from ", "import a", "def a(", 'cfg["hook_name"] ', "blocks.1.", "a/", "a/b ", "a_b_c ", 'sae_id="a" ', "arxiv 1234.", '"Aaaaaaaaaaaaaaaaaaaa ',
    "1/2 (5%) ", "5 pp ", "5% vs 4% ", "5 x 5 = ", "TODO ", "hf.co/", "sae-lens==6.1 ", "<td>", "<tr><td>a", "<table>", "layer nine ", "layers 1, ", "layer 1, k=1, ", "16 latents ", "sixty-four ", "the ninth layer ", "2^1", "every layer ",
)  # fmt: skip
"""Short pieces, again and again on one line."""
LINES = (
    "| a | b |", "|---|---|", "| a ", "a | b", "- a", "  - a", "> a", "# a", "## Layers", "---", "...", "```", "```python", "~~~", "    a", "[a]: b", "[^1]: a",
    "<div>", "</div>", "<details>", "1. a", "* * *", "a: b", "a:", "- - -", "a  ", "<table><tr><td>Layer</td><td>9</td></tr></table>", "<td>", "| Layer | 9 |", "**Layer** 9", "This SAE reads layer 9.", "    layer: 9", "\\", "<!-- a", "54 SAEs: 30 a + 9 b", "5/10 (50%)", "TODO", "hf_" + "a" * 34,
    "/home/someone/x", "\u00c3\u00a9\u00c3\u00a9 \u00c3\u00a9\u00c3\u00a9", "L3 (50% depth)", "x = 1", "import a", "`a_1_b`", "Layers: L1, L2", 'sae_id = "a/b"', "**a**", "====",
)  # fmt: skip
"""Lines, again and again."""


def repeated(piece: str) -> Text:
    """`piece` until the size is reached."""
    return lambda size: (piece * (size // len(piece) + 1))[:size]


def plain() -> dict[str, Text]:
    """For every reader of text."""
    found: dict[str, Text] = {f"run of {c!r}": repeated(c) for c in ALONE}
    found |= {f"again {piece!r}": repeated(piece) for piece in TOGETHER}
    found |= {f"lines {line!r}": repeated(line + "\n") for line in LINES}
    return found | {
        "a wide table": lambda n: f"| {'a | ' * (n // 12)}\n| {'- | ' * (n // 12)}\n| {'1 | ' * (n // 12)}",
        "a long table": lambda n: "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * (n // 10),
        "a table of many titles": lambda n: "".join(f"| t{i} |\n|---|\n" for i in range(n // 16)),
        "ten words a line": lambda n: "the quick brown fox jumps over a lazy dog, twice.\n" * (n // 50),
        "a deep list": lambda n: "".join("  " * min(i, 200) + "- a\n" for i in range(n // 400)),
        "a deep quote": lambda n: ">" * min(n // 2, 5000) + " a\n" + "a\n" * (n // 4),
        "open brackets": lambda n: "[" * (n // 2) + "a" + "]" * (n // 2),
        "open emphasis": lambda n: "**a *b " * (n // 7),
        "ticks of every length": lambda n: " ".join("`" * (i % 500 + 1) for i in range(max(2, n // 250))),
        "one word": lambda n: "word" * (n // 4),
        "distinct words": lambda n: " ".join(f"w{i}_a_b" for i in range(n // 10)),
        "distinct links": lambda n: "\n".join(f"[r{i}]: /u{i}\n[r{i}]" for i in range(n // 22)),
        "distinct paths": lambda n: "\n".join(f"/home/u{i}x/data" for i in range(n // 18)),
        "distinct tokens": lambda n: "\n".join(f"hf_{i:034d}" for i in range(n // 38)),
        "distinct mojibake": lambda n: "\n".join(f"\u00c3\u00a9{chr(0xC3)}{chr(0xA0 + i % 32)} {i}" for i in range(n // 10)),
        "claims": lambda n: "".join(f"- {i} SAEs: {i} a + 1 b\n- Layers: L{i % 100}, L1\n- {i}/10 (5%)\n" for i in range(n // 60)),
        "code blocks": lambda n: "```python\nfrom sae_lens import SAE\nSAE.foo()\n```\n" * (n // 52),
        "one block of code": lambda n: "```python\n" + "SAE.foo(a=1)\n" * (n // 13) + "```\n",
        "one deep expression": lambda n: "```python\nx = " + "(" * 150 + "1" + ")" * 150 + "\n" + "x = -x\n" * (n // 8) + "```\n",
        "names in code": lambda n: "```python\nfrom sae_lens import SAE\n" + "a = lambda a: a.b(a)\n" * (n // 22) + "```\n",
        "comments that never end": lambda n: "<!--" * (n // 4),
        "html": lambda n: "<a href='x'>" * (n // 12),
        "half a tag": lambda n: "<a b='" * (n // 6),
        "attributes": lambda n: "<img " + "a='b' " * (n // 6) + ">",
        "long attribute": lambda n: "<img alt='" + "a" * n,
    }  # fmt: skip


def front_matter() -> dict[str, Text]:
    """Heads of YAML, each a card."""

    def head(body: Text) -> Text:
        return lambda size: f"---\n{body(size)}\n---\n# A card\n"

    return {f"head: {name}": head(body) for name, body in yamls().items()}


def yamls() -> dict[str, Text]:
    """YAML texts: what a careless parser or constructor would choke on."""
    return {
        "a run of a": repeated("a"),
        "many keys": lambda n: "".join(f"k{i}: v\n" for i in range(n // 9)),
        "one key again": repeated("a: b\n"),
        "a long list": lambda n: "tags:\n" + "- a\n" * (n // 4),
        "a flow list": lambda n: "tags: [" + "a, " * (n // 3) + "a]",
        "flow brackets": lambda n: "[" * n,
        "flow braces": lambda n: "{" * n,
        "closed flow brackets": lambda n: "a: " + "[" * (n // 2) + "]" * (n // 2),
        "flow maps": lambda n: "a: {" + "b: c, " * (n // 6) + "}",
        "open quotes": lambda n: 'a: "' + "b" * n,
        "quotes": repeated('"'),
        "escapes": lambda n: 'a: "' + "\\x41" * (n // 4) + '"',
        "doubled quotes": lambda n: "a: '" + "''" * (n // 2) + "'",
        "a folded text": lambda n: "a: >\n" + "  b\n" * (n // 4),
        "question marks": repeated("? "),
        "dashes": repeated("- "),
        "deep block": lambda n: "".join(" " * i + "a:\n" for i in range(min(900, int((2 * n) ** 0.5)))),
        "comments": repeated("# a\n"),
        "blank lines": repeated("\n"),
        "anchors": lambda n: "".join(f"k{i}: &a{i} v\n" for i in range(n // 14)),
        "aliases of one": lambda n: "a: &a x\nb: [" + "*a, " * (n // 4) + "*a]",
        "a bomb": lambda n: "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, max(2, min(n // 50, 3000)))),
        "a bomb of maps": lambda n: "a0: &a0 {b: c}\n" + "".join(f"a{i}: &a{i} {{b: *a{i - 1}, c: *a{i - 1}}}\n" for i in range(1, max(2, min(n // 40, 3000)))),
        "merge keys": lambda n: "a0: &a0 {k: v}\n" + "".join(f"a{i}: &a{i}\n  <<: [*a{i - 1}, *a{i - 1}]\n" for i in range(1, max(2, min(n // 40, 400)))),
        "a merge of all": lambda n: "b: &b {" + ", ".join(f"k{i}: v" for i in range(n // 20)) + "}\nc:\n" + "- <<: *b\n" * (n // 20),
        "a ring": lambda n: "a: &a [*a" + ", *a" * (n // 4) + "]",
        "tags": repeated("- !!str a\n"),
        "odd tags": lambda n: "a: !!bool maybe\nb: !!timestamp x\nc: !!int ''\n" + "# b\n" * (n // 4),
        "digits": lambda n: "a: " + "1" * n,
        "sexagesimal": lambda n: "a: 1" + ":11" * (n // 3),
        "underscores": lambda n: "a: 1" + "_" * n,
        "hex": lambda n: "a: 0x" + "f" * n,
        "dots": lambda n: "a: " + "." * n,
        "a long number": lambda n: "a: 1." + "1" * n + "e",
        "a long date": lambda n: "a: 2001-12-14t21:59:43." + "1" * n,
        "licences": lambda n: "license:\n" + "- Made-up Licence\n" * (n // 18),
        "data sets": lambda n: "datasets:\n" + "- a/b/c\n" * (n // 8),
        "model index": lambda n: "model-index:\n" + "- name: a\n  results: [{}]\n" * (n // 28),
        "odd tags in a list": lambda n: "tags: [" + "1, " * (n // 3) + "]",
    }  # fmt: skip


def jsons() -> dict[str, Text]:
    """JSON texts, right and wrong."""
    return {
        "ones": lambda n: "[" + "1," * (n // 2) + "1]",
        "ones under a long key": lambda n: '{"' + "k" * (n // 2) + '":[' + "1," * (n // 4) + "1]}",
        "ones under long keys": lambda n: '{"' + "k" * (n // 4) + '":{"' + "m" * (n // 4) + '":[' + "1," * (n // 4) + "1]}}",
        "empty lists": lambda n: "[" + "[]," * (n // 3) + "[]]",
        "deep lists": lambda n: "[" + ("[" * 50 + "]" * 50 + ",") * (n // 101) + "1]",
        "too deep": lambda n: "[" * n,
        "too deep, closed": lambda n: "[" * (n // 2) + "]" * (n // 2),
        "too deep, objects": repeated('{"a":'),
        "many keys": lambda n: "{" + ",".join(f'"k{i}":1' for i in range(n // 11)) + "}",
        "a key twice at the end": lambda n: "{" + ",".join(f'"k{i}":1' for i in range(n // 11)) + ',"k0":1}',
        "wrong at the end": lambda n: "[" + "1," * (n // 2) + "]",
        "wrong at the end, keys": lambda n: '{"' + "k" * (n // 2) + '":[' + "1," * (n // 4) + "]}",
        "cut": lambda n: '{"a": "' + "b" * n,
        "escaped quotes": lambda n: '"' + '\\"' * (n // 2),
        "escaped quotes, closed": lambda n: '"' + '\\"' * (n // 2) + '"',
        "quotes": repeated('"'),
        "backslashes": lambda n: '"' + "\\" * n,
        "escapes": lambda n: '"' + "\\u00e9" * (n // 6) + '"',
        "digits": lambda n: "1" * n,
        "many digits": lambda n: "[" + ("1" * 399 + ",") * (n // 400) + "1]",
        "a long fraction": lambda n: "0." + "1" * n,
        "an exponent": lambda n: "1e" + "9" * n,
        "minus signs": repeated("-"),
        "spaces": lambda n: " " * n + "1",
        "lines": lambda n: "[\n" + "1,\n" * (n // 3) + "1]",
        "a long name of a constant": lambda n: "[" + "N" * n + "]",
        "NaN at the end": lambda n: "[" + "1," * (n // 2) + "NaN]",
        "one long key": lambda n: '{"' + "k" * n + '": 1}',
        "one long key twice": lambda n: '{"' + "k" * (n // 2) + '": 1, "' + "k" * (n // 2) + '": 1}',
        "a tensor with many dimensions": lambda n: '{"a":{"dtype":"F32","shape":[' + "1," * (n // 2) + '1],"data_offsets":[0,4]}}',
        "tensors": lambda n: "{" + ",".join(f'"t{i}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for i in range(n // 60)) + "}",
        "metadata": lambda n: '{"__metadata__":{"a":"' + "b" * n + '"}}',
    }  # fmt: skip


def tomls() -> dict[str, Text]:
    """TOML texts."""
    return {
        "a run of a": repeated("a"),
        "brackets": repeated("["),
        "an array": lambda n: "a = [" + "1," * (n // 2) + "1]",
        "deep arrays": lambda n: "a = " + "[" * n,
        "inline tables": lambda n: "a = " + "{a=" * (n // 3),
        "tables": lambda n: "".join(f"[t{i}]\n" for i in range(n // 8)),
        "dotted keys": lambda n: ".".join("a" * (n // 2)) + " = 1",
        "many dotted tables": lambda n: "".join(f"[{'.'.join('abcdefgh')}.t{i}]\n" for i in range(n // 24)),
        "keys": lambda n: "".join(f"k{i} = 1\n" for i in range(n // 10)),
        "quotes": repeated('"'),
        "an open text": lambda n: 'a = "' + "b" * n,
        "escapes": lambda n: 'a = "' + "\\u0041" * (n // 6) + '"',
        "digits": lambda n: "a = " + "1" * n,
        "underscored digits": lambda n: "a = 1" + "_1" * (n // 2),
        "ignores": lambda n: "[[tool]]\nignore = [" + '{code = "CFG001", reason = "x"},' * (n // 33) + "]",
        "rules": lambda n: "select = [" + '"CFG",' * (n // 6) + "]",
    }  # fmt: skip
