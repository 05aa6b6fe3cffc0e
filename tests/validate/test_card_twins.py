"""Every CARD rule that reads claims fires on the bad card, with its words and its line, and is silent on the good one."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import pytest

from hubkit.repo.memory import MemoryView
from hubkit.repo.view import Entry
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.rule import REGISTRY
from hubkit.validate.run import Selection, validate


def load() -> ModuleType:
    """The table beside this file: tests are imported by path, without packages."""
    spec = importlib.util.spec_from_file_location(
        "hubkit_test_card_twins", Path(__file__).with_name("card_twins.py")
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


twins = load()
PAIRS = {**twins.CARD_TWINS, **twins.MORE_CARD_TWINS}


def ask(name: str, which: int) -> list[Finding]:
    view = PAIRS[name][which]()
    report = validate(view, Selection(select=(name.partition(" ")[0],)))
    assert not report.crashes, report.crashes[0].traceback
    return report.findings


def plain(text: str) -> str:
    """Without Markdown's marks."""
    return " ".join(text.replace("*", "").replace("`", "").split())


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_a_wrong_card_is_found_with_its_line(name: str) -> None:
    found = ask(name, 0)
    assert found
    text = {
        path: data.decode().split("\n")
        for path, data in PAIRS[name][0]().files.items()
        if path.endswith("README.md")
    }
    for finding in found:
        assert finding.hint
        assert finding.path in text
        assert finding.line is not None
        if '"' in finding.message and not finding.message.endswith('..."'):
            whole = plain(text[finding.path][finding.line - 1])
            assert plain(finding.message.split(': "', 1)[1].removesuffix('"')) in whole
    assert len({finding.fingerprint for finding in found}) == len(found)


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_the_right_card_is_left_alone(name: str) -> None:
    assert [finding.message for finding in ask(name, 1)] == []


def test_every_card_rule_has_its_twins() -> None:
    ours = {
        code
        for code, rule in REGISTRY.items()
        if rule.check.__module__.startswith("hubkit.validate.rules.card_")
    }
    assert ours == set(twins.CARD_TWINS)


@dataclass
class ListedView(MemoryView):
    """With a checksum for every file of weights, as the Hub's listing gives it."""

    sha256: str = ""

    def _list(self) -> list[Entry]:
        return [
            replace(one, sha256=self.sha256 if one.path.endswith(".safetensors") else None)
            for one in super()._list()
        ]


def test_weights_that_changed_make_a_card_stale_where_their_checksums_are_known() -> None:
    card = twins.recorded()
    path = next(path for path in card.files if path.endswith(".safetensors"))
    true = hashlib.sha256(card.files[path]).hexdigest()
    for sha256, expected in ((true, []), ("0" * 64, ["the card was written for other weights than these"])):
        report = validate(
            ListedView(name="memory", files=card.files, sha256=sha256), Selection(select=("CARD013",))
        )
        assert [finding.message for finding in report.findings] == expected


def test_names_of_another_repository_are_not_this_ones() -> None:
    code = '```python\nsae = SAE.from_pretrained("other/saes", "some_L9")\n```'
    here = twins.card(code)
    here.repository = "owner/name"
    assert validate(here, Selection(select=("CARD006",))).findings == []
    here = twins.card(code.replace("other/saes", "owner/name"))
    here.repository = "owner/name"
    assert len(validate(here, Selection(select=("CARD006",))).findings) == 1


@pytest.mark.parametrize(
    ("repo_id", "sae_id", "words"),
    [
        ("other/saes", "lab_L9_mixed", "the code loads 'lab_L9_mixed' from other/saes, a name as this repository's SAEs have"),
        ("other/name", "lab_L9_mixed", "the code loads 'lab_L9_mixed' from other/name"),
        ("other/saes", "lab_L2_mixed", "the code loads 'lab_L2_mixed' from other/saes; this repository is owner/name"),
        ("other/saes", "layer_9", None),
        ("other/saes", "gemma_L9_mixed", None),
    ],
)  # fmt: skip
def test_code_of_an_earlier_name_of_this_repository_is_told(
    repo_id: str, sae_id: str, words: str | None
) -> None:
    """A card that was copied or whose repository was renamed; what another repository calls its own is left alone."""
    load = f'sae = SAE.from_pretrained("{repo_id}", "{sae_id}")'
    here = twins.card(f"```python\n{load}\n```")
    here.repository = "owner/name"
    messages = [one.message for one in validate(here, Selection(select=("CARD006",))).findings]
    assert [words in one for one in messages if words] == ([True] if words else [])
    assert bool(messages) is bool(words)
    beside = twins.card(f'```python\n{load}\nown = SAE.from_pretrained("owner/name", "lab_L2_mixed")\n```')
    beside.repository = "owner/name"
    assert validate(beside, Selection(select=("CARD006",))).findings == []


def test_flat_files_of_weights_are_not_counted() -> None:
    one = twins.card("This repository contains 24 SAEs", files={"layer0.sae.pt": b"", "layer1.sae.pt": b""})
    assert validate(one, Selection(select=("CARD004", "CARD006"))).findings == []


def test_the_example_cards_have_no_other_finding() -> None:
    for name, (_, good) in twins.CARD_TWINS.items():
        others = [
            f for f in validate(good(), Selection(select=("CARD",))).findings if f.code in twins.CARD_TWINS
        ]
        assert [f.message for f in others] == [], name


@pytest.mark.parametrize(
    ("name", "codes"),
    [("CARD010", {"THR001"}), ("CARD010 pickle", {"WTS014"}), ("CARD010 quantized", set())],
)
def test_a_defect_that_is_kept_quiet_is_never_more_severe_than_itself(name: str, codes: set[str]) -> None:
    report = validate(PAIRS[name][0]())
    (undisclosed,) = [finding for finding in report.findings if finding.code == "CARD010"]
    itself = [finding.severity for finding in report.findings if finding.code in codes]
    assert undisclosed.severity <= max(itself, default=Severity.WARNING)
