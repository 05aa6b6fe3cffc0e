"""SEC004 over JSON and YAML that name code for a loader to run, however they write it; beside texts that only look so."""

from __future__ import annotations

import json
import time

import pytest
from builders import check, view

from hubkit.validate.code_files import LONGEST_YAML
from hubkit.validate.finding import Severity

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
TOLD: dict[str, tuple[str, str, Severity]] = {
    "tokenizer": ("tokenizer_config.json", '{"auto_map": {"AutoTokenizer": ["a--b.C", null]}}', WARNING),
    "processor": ("sub/preprocessor_config.json", '{"auto_map": {"AutoProcessor": "p.P"}}', WARNING),
    "deep": ("model.json", '{"a": [{"b": {"auto_map": {"AutoModel": "p.P"}}}]}', WARNING),
    "pipelines": ("config.json", '{"custom_pipelines": {"x": {"impl": "m.P"}}}', WARNING),
    "escaped": ("config.json", '{"\\u0061uto_map": {"AutoModel": "p.P"}}', WARNING),
    "twice": ("config.json", '{"auto_map": {"AutoModel": "p.P"}, "auto_map": null}', WARNING),
    "BOM": ("config.json", '\ufeff{"auto_map": {"AutoModel": "p.P"}}', WARNING),
    "yaml": ("config.yaml", "a: 1\nauto_map:\n  AutoModel: p.P\n", WARNING),
    "hydra": ("conf/model.yaml", "model:\n  _target_: os.system\n  command: id\n", ERROR),
    "hydra in flow": ("a.yml", "{model: {'_target_': builtins.eval}}", ERROR),
    "hydra, escaped": ("a.yml", '"\\x5ftarget_": subprocess.run\n', ERROR),
    "hydra in JSON": ("a.json", '{"_target_": "os.system"}', ERROR),
    "hydra, harmless": ("a.yaml", "_target_: mypackage.model.SAE\n", NOTE),
    "jsonpickle": ("a.json", '{"py/reduce": [{"py/function": "os.system"}, {"py/tuple": ["id"]}]}', ERROR),
    "jsonpickle's type": ("a.json", '{"py/object": "mypackage.Thing", "x": 1}', NOTE),
    "jsonpickle's expression": ("a.json", '{"py/repr": "os/os.getpid()"}', ERROR),
    "keras": ("model.json", '{"config": {"layers": [{"class_name": "Lambda", "config": {"function": ["4wEA"]}}]}}', WARNING),
    "keras 3": ("config.json", '{"class_name": "__lambda__", "config": {"value": "4wEA"}}', WARNING),
    "keras, escaped": ("config.json", '{"class\\u005fname": "\\u004cambda"}', WARNING),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
def test_code_that_a_text_names_is_told(name: str) -> None:
    path, text, severity = TOLD[name]
    (finding,) = check(view(files={path: text.encode()}), "SEC004").findings
    assert (finding.path, finding.severity) == (path, severity)
    if name == "yaml":
        assert finding.line == 2


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "tokenizer.json",
            '{"model": {"vocab": {"auto_map": 1, "_target_": 2, "Lambda": 3, "py/object": 4}}}',
        ),
        ("config.json", '{"auto_map": null, "class_name": "Dense", "name": "Lambda"}'),
        ("notes.json", '{"text": "set auto_map: {} and _target_: os.system in the configuration"}'),
        ("a.json", '["auto_map", "_target_", "os.system"]'),
        ("a.json", '{"auto_map": {"AutoModel": "p.P"}'),
        ("a.yaml", "# _target_: os.system\na: '_target_: os.system'\n"),
        ("README.md", '`{"auto_map": {"AutoModel": "p.P"}}`'),
        ("b.json", '{"path": "C:\\\\u0061", "happy/object": "x", "Lambda": 0.5}'),
    ],
)
def test_what_only_looks_so_is_left_alone(path: str, text: str) -> None:
    report = check(view(readme="# x" if path == "README.md" else None, files={path: text.encode()}), "SEC004")
    assert report.findings == []


def test_a_long_text_is_searched_by_its_words() -> None:
    filling = {f"k{n}": "v" for n in range(LONGEST_YAML // 10)}
    files = {
        "a.json": json.dumps(filling | {"auto_map": {"A": "b.C"}}).encode(),
        "b.json": json.dumps(filling | {"vocab": {"auto_map": 1}}).encode(),
    }
    (finding,) = check(view(files=files), "SEC004").findings
    assert (finding.path, finding.severity) == ("a.json", WARNING)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 500_000,
        '{"_target_": ' * 70_000,
        '{"_target_":"a",' * 60_000,
        "\\u0061" * 150_000,
        "- _target_\n" * 80_000,
    ],
)
def test_time_is_bounded(text: str) -> None:
    for path in ("a.json", "a.yaml"):
        begun = time.process_time()
        check(view(files={path: text.encode()}), "SEC004")
        assert time.process_time() - begun < 3
