"""The run: selection, isolation, what could not be read, exit codes, the report's schema."""

from __future__ import annotations

from collections.abc import Iterator

import jsonschema
import pytest
from builders import FOLDER, cfg, tensors, view

from hubkit.errors import ExitCode, UsageError
from hubkit.formats.shipped import shipped_schema
from hubkit.repo.memory import MemoryView
from hubkit.validate import catalogue
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.reporters import json as json_reporter
from hubkit.validate.reporters import text
from hubkit.validate.rule import REGISTRY, Rule
from hubkit.validate.run import Selection, validate


def broken() -> MemoryView:
    return view(cfg("topk", k="8"), tensors("topk"), readme=None)


def test_select_and_ignore_take_codes_and_prefixes() -> None:
    assert {f.code for f in validate(broken()).findings} == {"CFG003", "CARD001"}
    assert {f.code for f in validate(broken(), Selection(select=("CARD",))).findings} == {"CARD001"}
    report = validate(broken(), Selection(ignore=("CFG003",)))
    assert {f.code for f in report.findings} == {"CARD001"}
    assert [i.code for i in report.ignored] == ["CFG003"]


def test_an_unknown_code_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="ZZZ"):
        validate(broken(), Selection(select=("ZZZ",)))


def test_only_what_the_selected_rules_need_is_read() -> None:
    whole, cheap = view(), view()
    validate(whole)
    validate(cheap, Selection(select=("CFG002",)))
    assert cheap.bytes_read == len(cheap.files[f"{FOLDER}/cfg.json"]) < whole.bytes_read
    assert cheap.requests == 1


def test_a_crashed_rule_is_a_finding_and_the_others_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_: object) -> Iterator[Found]:
        """Crashes."""
        raise ZeroDivisionError("by design")

    monkeypatch.setitem(REGISTRY, "CFG999", Rule("CFG999", Severity.ERROR, Need.CFG, "sae", crash, None))
    report = validate(broken())
    assert {"RUN001", "CFG003", "CARD001"} == {f.code for f in report.findings}
    assert "by design" in report.crashes[0].traceback
    assert report.exit_code(Severity.ERROR) is ExitCode.INCOMPLETE


def test_what_cannot_be_read_is_never_clean() -> None:
    repository = view()
    weights = f"{FOLDER}/sae_weights.safetensors"
    repository.unreadable[weights] = len(repository.files.pop(weights))
    report = validate(repository)
    assert not report.complete
    assert report.exit_code(Severity.ERROR) is ExitCode.INCOMPLETE
    assert {"THR001", "WTS004"} <= {s.code for s in report.skipped}
    assert [f.code for f in report.findings] == ["RUN002"]


def test_exit_codes() -> None:
    assert validate(view()).exit_code(Severity.NOTE) is ExitCode.CLEAN
    assert validate(broken()).exit_code(Severity.ERROR) is ExitCode.FINDINGS
    warned = view(readme=None)
    assert validate(warned).exit_code(Severity.ERROR) is ExitCode.CLEAN
    assert validate(warned).exit_code(Severity.WARNING) is ExitCode.FINDINGS
    assert validate(MemoryView(name="empty")).exit_code(Severity.ERROR) is ExitCode.NOTHING_FOUND


@pytest.mark.parametrize(
    "repository",
    [view(), broken(), MemoryView(name="empty"), MemoryView(name="x", unreadable={"a/cfg.json": 9})],
)
def test_the_json_report_keeps_its_schema(repository: MemoryView) -> None:
    import json

    report = json.loads(json_reporter.render(validate(repository)))
    jsonschema.validate(report, shipped_schema("report"))


def test_text_folds_the_same_finding_on_many_saes_and_escapes_what_it_shows() -> None:
    import json

    files = {f"sae_{i}/cfg.json": json.dumps(cfg("topk", k="8")).encode() for i in range(9)}
    files |= {
        f"sae_{i}/sae_weights.safetensors": broken().files[f"{FOLDER}/sae_weights.safetensors"]
        for i in range(9)
    }
    shown = text.render(validate(MemoryView(name="[red]evil[/]\x1b[2J", files=files)))
    assert "and 5 more" in shown
    assert shown.count("k is '8'") == 1
    assert "\\[red]" in shown
    assert "\x1b" not in shown


def test_every_rule_explains_itself() -> None:
    for rule in catalogue.all_rules():
        assert len(rule.title) > 20, rule.code
        assert rule.title.endswith((".", '"', "]")) or rule.title[-1].isalnum(), rule.code
        assert rule.code in catalogue.explain(rule.code)
    with pytest.raises(UsageError, match="THR999"):
        catalogue.explain("THR999")


def test_a_foreign_family_is_named_and_its_broken_weights_are_still_found() -> None:
    sparsify = {
        "expansion_factor": 32,
        "normalize_decoder": True,
        "num_latents": 0,
        "k": 32,
        "multi_topk": False,
        "d_in": 768,
    }
    import json

    repository = MemoryView(
        name="x",
        files={"layers.5/cfg.json": json.dumps(sparsify).encode(), "layers.5/sae.safetensors": b"x" * 20},
    )
    report = validate(repository, Selection(ignore=("CARD",)))
    assert [(f.code, f.severity) for f in report.findings] == [
        ("WTS003", Severity.ERROR),
        ("WTS015", Severity.NOTE),
    ]
    assert report.saes[0].family.name == "sparsify"
    assert (report.saes[0].d_in, report.saes[0].d_sae, report.saes[0].k) == (768, 32 * 768, 32)
