"""What goes with what is withdrawn: code that needs withdrawn code, headings above nothing, sentences that point at it; and what stays."""

from __future__ import annotations

import pytest
from adopt.handmade import CARD
from adopt.sentences import lost
from adopt.test_adopt import adopted

from hubkit.adopt.difference import RULE
from hubkit.adopt.outcome import Adoption

START = CARD.index("## Usage")
END = CARD.index("Braces such as")
WRONG = (
    'cfg = {"hook_name": "blocks.4.hook_resid_pre"}\nsae = SAE.from_pretrained("owner/gpt2-saes", "layer_9")'
)
STEPS = """## Usage

### 1. Load

```python
from sae_lens import SAE

{first}
```

### 2. Hook

The hook_name format is in cfg.json.

```python
{second}
```

### 3. Read

```python
{third}
```

"""


def with_steps(
    first: str = WRONG, second: str = 'hook = cfg["hook_name"]', third: str = "print(hook)", more: str = ""
) -> str:
    steps = STEPS.format(first=first, second=second, third=third)
    return (
        CARD[:START]
        + steps
        + CARD[END:].replace("The SAEs saw English only.", f"{more or 'The SAEs saw English only.'}")
    )


def out(found: Adoption) -> dict[str, str]:
    """Text to reason of what was withdrawn for the sake of something else."""
    return {
        one["text"]: one["reason"] for one in found.settings["withdrawn"] if not RULE.match(one["reason"])
    }


def test_code_that_needs_withdrawn_code_goes_with_it_and_so_do_headings_above_nothing() -> None:
    text = with_steps()
    found = adopted(text)
    gone = out(found)
    line = text.split("\n").index("```python") + 1
    assert gone["#### 1. Load"] == "nothing is left below it"
    assert (
        gone['```python\nhook = cfg["hook_name"]\n```']
        == f"uses `cfg`, which the withdrawn code on line {line} defines"
    )
    assert gone["```python\nprint(hook)\n```"].startswith("uses `hook`, which the withdrawn code on line ")
    loading = found.settings["prose"]["loading"]
    assert "1. Load" not in loading
    assert "### 2. Hook\n\nThe hook_name format is in cfg.json." in loading
    assert lost(text, found) == []


@pytest.mark.parametrize(
    "second",
    [
        "print(sae.cfg)",  # the new card's own code defines it
        "cfg = {}\nhook = cfg",
        "def hook(cfg):\n    return cfg",
        "hook = [cfg for cfg in (1, 2)]",
        "hook = 'cfg'",
        "other = undefined_from_the_start",
        "import json as cfg\nhook = cfg",
        "def hook():\n    return cfg\n\ncfg = 1",
    ],
)
def test_code_that_needs_none_of_it_stays(second: str) -> None:
    found = adopted(with_steps(second=second, third="x = 1"))
    assert second in (found.built.card or "")
    assert list(out(found)) == ["#### 1. Load"]


@pytest.mark.parametrize(
    "second",
    [
        "cfg = cfg | {}",
        "def hook():\n    return cfg\n\nhook()",
        "x = [cfg[key] for key in 'ab']",
        "with open(cfg) as file:\n    pass",
        "cfg['a'] = 1",
        "class A(cfg): ...",
    ],
)
def test_a_use_is_found_wherever_it_stands(second: str) -> None:
    assert any("uses `cfg`" in why for why in out(adopted(with_steps(second=second, third="x = 1"))).values())


def test_what_kept_code_defines_before_is_there() -> None:
    text = with_steps(first="cfg = {}", second=WRONG, third="print(cfg)")
    found = adopted(text)
    assert "print(cfg)" in (found.built.card or "")


def test_code_that_does_not_parse_defines_names_too() -> None:
    found = adopted(with_steps(first=f"{WRONG}\nprint("))
    assert any("uses `cfg`" in why for why in out(found).values())


@pytest.mark.parametrize(
    "sentence",
    [
        "It will not work, so use the manual forward-hook pattern above instead.",
        "The code above needs a GPU.",
        "See the preceding example.",
    ],
)
def test_a_sentence_that_points_at_withdrawn_code_goes(sentence: str) -> None:
    found = adopted(with_steps(more=sentence))
    assert "points at the code on line" in out(found)[sentence]
    kept = adopted(with_steps(first="cfg = {}", more=sentence))
    assert sentence in (kept.built.card or "")


@pytest.mark.parametrize(
    "sentence",
    [
        "Values above 0.5 are rare.",
        "For example, above 0.5 nothing is left.",
        "The example in the code is short.",
        "The table above says it.",
    ],
)
def test_a_sentence_that_points_elsewhere_stays(sentence: str) -> None:
    assert sentence in (adopted(with_steps(more=sentence)).built.card or "")


def test_a_sentence_that_only_leads_to_withdrawn_code_goes() -> None:
    text = (
        with_steps()
        .replace("### 1. Load\n", "Install it.\n\nThen type:\n")
        .replace("### 2. Hook\n\n", "It is so:\n\n")
    )
    found = adopted(text)
    assert "leads to the code" in out(found)["Then type:"]
    assert "Install it." in (found.built.card or "")
    assert "It is so:" in (found.built.card or "")


def test_a_step_without_its_code_goes_and_one_with_it_stays() -> None:
    text = (
        with_steps()
        .replace("### 1. Load\n", "1. Load it\n")
        .replace("### 2. Hook\n\n", "2. It is hooked\n\n")
    )
    found = adopted(text)
    assert "leads to the code" in out(found)["Load it"]
    assert "2. It is hooked" in (found.built.card or "")
    kept = adopted(text.replace(WRONG, "cfg = {}"))
    assert "1. Load it" in (kept.built.card or "")


def test_the_lines_and_the_counts_are_those_of_card_yaml() -> None:
    text = with_steps()
    found = adopted(text)
    rows = [row for row in found.differences if row.outcome == "withdrawn"]
    entries = found.settings["withdrawn"]
    assert {row.line for row in rows} == {one["line"] for one in entries}
    assert found.withdrawn == len(entries)
    assert found.contradicted == len(entries) - len(out(found))
    code = next(row for row in rows if row.code == "CARD006")
    assert code.says == '4 lines of code, with: sae = SAE.from_pretrained("owner/gpt2-saes", "layer_9")'


def test_what_only_hubkit_may_say_is_withdrawn() -> None:
    """Kept, it would stand under hubkit's digest, and the next build-cards would refuse it."""
    said = "All numbers were checked by hubkit."
    found = adopted(CARD.replace("The SAEs saw English only.", f"The SAEs saw English only. {said}"))
    assert said not in (found.built.card or "")
    assert "The SAEs saw English only." in (found.built.card or "")
    reasons = {one["text"]: one["reason"] for one in found.settings["withdrawn"]}
    assert reasons[said].startswith("CARD017")
