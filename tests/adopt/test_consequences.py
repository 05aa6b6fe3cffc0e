"""What goes with what is withdrawn: code that needs withdrawn code, headings above nothing, sentences that point at it; and what stays."""

from __future__ import annotations

import pytest
from adopt.handmade import CARD
from adopt.sentences import lost
from adopt.test_adopt import adopted

from hubkit.adopt.difference import RULE
from hubkit.adopt.outcome import Adoption
from hubkit.adopt.pieces import Group, group_text, sentences

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
    assert "### Hook\n\nThe hook_name format is in cfg.json." in loading
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
    assert "\nIt is hooked" in (found.built.card or "")
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


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (
            "**JumpReLU threshold not learned (57 SAEs):** All non-STE SAEs have threshold = 0. L0 is high.",
            "**JumpReLU threshold not learned:** All non-STE SAEs have threshold = 0. L0 is high.",
        ),
        ("Threshold not learned (57 SAEs): it never moved.", "Threshold not learned: it never moved."),
    ],
)
def test_a_wrong_number_in_brackets_does_not_take_the_disclosure_with_it(said: str, left: str) -> None:
    text = CARD.replace("Dense latents were not looked at.", said)
    found = adopted(text)
    assert left in (found.built.card or "")
    assert "(57 SAEs)" in {one["text"] for one in found.settings["withdrawn"]}
    assert lost(text, found) == []


@pytest.mark.parametrize(
    ("clauses", "gone", "left"),
    [
        ("A threshold is 0 (57 SAEs): All of them. More.", {1}, "A threshold is 0: All of them. More."),
        ("A threshold is 0 (57 SAEs): All of them. More.", {1, 2}, "A threshold is 0: More."),
        ("A threshold is 0 (57 SAEs): All of them.", {1, 2}, "A threshold is 0."),
        ("**The threshold is 0 (all):** All of them.", {1, 2}, "**The threshold is 0.**"),
        ("It will not work — use the code above. More.", {1}, "It will not work. More."),
        ("Thresholds are all 0; 57 of them; so it is. More.", {2}, "Thresholds are all 0; 57 of them. More."),
        ("The code is read. nanochat is GPT-2. More.", {1}, "The code is read. More."),
    ],
)
def test_what_is_left_of_a_sentence_reads_as_one(clauses: str, gone: set[int], left: str) -> None:
    pieces = list(sentences(clauses, 1))
    assert group_text(Group(pieces), set()) == clauses
    assert group_text(Group(pieces), {pieces[number] for number in gone}) == left


def test_what_leads_to_a_list_of_which_nothing_is_left_goes_with_it() -> None:
    lead = "Every folder holds:\n\n- `layer_9/weights.pt`\n- `layer_9/cfg.json`\n\n"
    text = CARD.replace("## Limitations", f"## Files\n\n{lead}## Limitations")
    found = adopted(text)
    line = text.split("\n").index("- `layer_9/weights.pt`") + 1
    assert out(found)["Every folder holds:"] == f"leads to line {line}, which is withdrawn"
    assert "## Files" not in (found.built.card or "")
    kept = adopted(text.replace("layer_9/weights.pt", "layer_4/cfg.json"))
    assert "Every folder holds:" in (kept.built.card or "")


def test_a_heading_above_nothing_is_withdrawn() -> None:
    found = adopted(CARD.replace("## Citation", "## Key links:\n\n## Citation"))
    assert "Key links" not in (found.built.card or "")
    assert out(found)["## Key links:"] == "nothing stands below it"


def test_what_leads_to_a_table_stands_above_it_under_the_heading_of_the_table() -> None:
    table = "This repository has these:\n\n### Snap loss\n\n| layer | loss |\n|---|---|\n| one | snap |\n\n"
    card = adopted(CARD.replace("## What's in", f"{table}## What's in")).built.card or ""
    assert "## Snap loss\n\nThis repository has these:\n\n| layer | loss |" in card


def test_what_asks_to_be_read_first_stands_above_the_code() -> None:
    caveat = "## Training-data caveat — please read before use\n\nLabels come from role play.\n\n#### Why\n\nSo it was.\n\n"
    card = adopted(CARD.replace("## What's in", f"{caveat}## What's in")).built.card or ""
    assert card.index("## Training-data caveat — please read before use\n\nLabels come") < card.index(
        "## Load"
    )


def test_what_only_hubkit_may_say_is_withdrawn() -> None:
    """Kept, it would stand under hubkit's digest, and the next build-cards would refuse it."""
    said = "All numbers were checked by hubkit."
    found = adopted(CARD.replace("The SAEs saw English only.", f"The SAEs saw English only. {said}"))
    assert said not in (found.built.card or "")
    assert "The SAEs saw English only." in (found.built.card or "")
    reasons = {one["text"]: one["reason"] for one in found.settings["withdrawn"]}
    assert reasons[said].startswith("CARD017")
