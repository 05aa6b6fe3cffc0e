"""SEC004 over files that run code and are no pickles: each bad one beside good ones that look like it."""

from __future__ import annotations

import gzip
import io
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest
import yaml
from builders import check, view
from tensors.hostile import tarred, zipped
from validate.test_pickle_search import far

from hubkit.repo.local import open_folder
from hubkit.repo.memory import MemoryView
from hubkit.repo.view import Entry
from hubkit.validate.code_files import BLOCK, LONGEST_YAML, search_code
from hubkit.validate.finding import Severity
from hubkit.validate.run import Selection, validate
from hubkit.validate.secret_texts import LONGEST_OTHER
from hubkit.validate.yaml_tags import LONGEST_SLOW, python_tags

CALLS = [
    "a: !!python/object/apply:os.getpid []",
    "a: !!python/object/new:os.system [x]",
    "- {b: [1, !!python/object/apply:os.getpid []]}",
    "a: !<tag:yaml.org,2002:python/object/apply:os.getpid> []",
    "%TAG !p! tag:yaml.org,2002:python/\n---\na: !p!object/apply:os.getpid []",
    "%TAG ! tag:yaml.org,2002:python/\n---\na: !object/apply:os.getpid []",
    "a: !!p%79thon/object/apply:os.getpid []",
    "a: 1\n---\nb: !!python/object/apply:os.getpid []",
    "!!python/object/apply:os.getpid []",
    "? !!python/object/apply:os.getpid []\n: 1",
]
OTHERS = {
    "a: !!python/object/apply:mymod.thing [1]": Severity.WARNING,
    "a: !!python/object:mymod.Thing {b: 1}": Severity.NOTE,
    "a: !!python/name:os.system ''": Severity.WARNING,
    "a: !!python/module:mymod ''": Severity.NOTE,
}
QUIET = [
    "a: !!python/tuple [1, 2]", "a: !!python/str x", "a: !!python/complex 1j", "a: !!python/object/apply:collections.OrderedDict [[]]",
    "# !!python/object/apply:os.system", "a: '!!python/object/apply:os.system'", "a: |\n  !!python/object/apply:os.system []", "a: !!str x", "a: !Ref b", "a: 100%!",
    "a: [1, 2", "a: b: !!python/object/apply:os.system []", "a: !!binary aGk=", "",
]  # fmt: skip


@pytest.mark.parametrize("text", CALLS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["a.yaml", "b/c.YML"])
def test_yaml_that_calls_is_an_error(text: str, encoding: str, name: str) -> None:
    assert yaml.unsafe_load_all(text)
    (finding,) = check(view(files={name: text.encode(encoding)}), "SEC004").findings
    assert (finding.severity, finding.path) == (Severity.ERROR, name)
    assert finding.line == text[: text.index("object/")].count("\n") + 1


@pytest.mark.parametrize("text", OTHERS)
def test_yaml_that_imports_is_told(text: str) -> None:
    (finding,) = check(view(files={"a.yaml": text.encode()}), "SEC004").findings
    assert finding.severity is OTHERS[text]


@pytest.mark.parametrize("text", QUIET)
def test_yaml_that_does_neither_is_left_alone(text: str) -> None:
    report = check(
        view(files={"a.yaml": text.encode(), "b.txt": b"a: !!python/object/apply:os.system []"}), "SEC004"
    )
    assert report.findings == []
    assert report.complete


def test_the_calls_are_real() -> None:
    import os

    for text in CALLS:
        if "new:" not in text:
            assert str(os.getpid()) in str(list(yaml.unsafe_load_all(text)))


def test_long_yaml_is_searched_for_words() -> None:
    padding = "b: 1\n" * (LONGEST_YAML // 5)
    for text, found in ((padding + CALLS[0], 1), (padding, 0)):
        findings = check(view(files={"a.yaml": text.encode()}), "SEC004").findings
        assert [f.severity for f in findings if f.code == "SEC004"] == [Severity.WARNING] * found


@pytest.mark.parametrize(
    "piece", ["[", "{a: ", "!!python/name:a.b ''\n- ", "%TAG !a! b\n", "!", "a: !!python/none\n", "'"]
)
def test_any_yaml_takes_little_time(piece: str) -> None:
    times = []
    for size in (1 << 17, 1 << 19):
        text = "#python\n- !a b\n- " + piece * (size // len(piece))
        begun = time.process_time()
        python_tags(text)
        times.append(time.process_time() - begun)
    assert times[1] < max(8 * times[0], 0.5)
    assert times[1] < 3


ONLY_PYTHONS_PARSER = [
    "%YAML 1.3\n--- !!python/object/apply:os.getpid []",
    'a: "\\ud800"\nb: !!python/object/apply:os.getpid []',
]


@pytest.mark.parametrize("text", ONLY_PYTHONS_PARSER)
def test_what_libyaml_refuses_and_pythons_parser_takes_is_an_error(text: str) -> None:
    assert yaml.load(text, Loader=yaml.UnsafeLoader)
    (finding,) = check(view(files={"a.yaml": text.encode()}), "SEC004").findings
    assert (finding.severity, finding.line) == (Severity.ERROR, 2)
    (finding,) = check(view(files={"a.yaml": f"{text}\n{'# b' * LONGEST_SLOW}".encode()}), "SEC004").findings
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be"])
@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.getpid",
        "!!%70ython/object/apply:os.getpid",
        "!<tag:yaml.org,2002:%70ython/object/apply:os.getpid>",
    ],
)
def test_words_of_long_yaml_are_found_however_they_are_written(tag: str, encoding: str) -> None:
    bom = "\ufeff" if encoding == "utf-16-be" else ""
    for name, alarms in (("a.yaml", 1), ("hparams", 0)):
        data = (bom + "b: 1\n" * LONGEST_YAML + f"a: {tag} []").encode(encoding)
        report = check(view(files={name: data}), "SEC004")
        assert sum(one.code == "SEC004" for one in report.findings) == alarms
        assert alarms or any("hparams" in remark for remark in report.remarks)


@pytest.mark.parametrize(
    "name", ["model.yml.dvc", "MLmodel", "CITATION.cff", "hparams.conf", "run.json", "hparams", ".yamllint"]
)
def test_yaml_is_yaml_whatever_it_is_called(name: str) -> None:
    for text in CALLS:
        (finding,) = check(view(files={name: text.encode()}), "SEC004").findings
        assert (finding.severity, finding.path) == (Severity.ERROR, name)
    for text in (*QUIET, '{"text": "a: !!python/object/apply:os.system []"}'):
        assert check(view(files={name: text.encode()}), "SEC004").findings == []


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"#x\rimport os\n", 2), (b"#\0\nimport os\n", 2), (b"\xef\xbb\xbfimport os", 1), (b"a\r\n#x\x0cimport\tos", 3),
        ("#\u2028import os".encode(), 2), ("#\x85import os".encode(), 2), (b"PK\x03\x04\nimport os\n", 2), (b"#\xff\nimport os", 2),
        (b"#" * 999 + b"\n" + b"x\n" * BLOCK + b"import os\n", BLOCK + 2), (b"#" * (BLOCK - 3) + b"\nimport os", 2),
    ],
)  # fmt: skip
def test_an_import_line_is_found_wherever_a_line_begins(data: bytes, line: int) -> None:
    (finding,) = check(view(files={"a.pth": data}), "SEC004").findings
    assert (finding.severity, finding.line) == (Severity.WARNING, line)
    quiet = data.replace(b"import", b"_import")
    assert check(view(files={"a.pth": quiet}), "SEC004").findings == []


@pytest.mark.parametrize("piece", ["[", "{a: ", "[[\n", "? ", "- ", "'a' ", "a: b\n", "'a': {"])
def test_the_slow_parser_takes_little_time(piece: str) -> None:
    text = ("#!!python/name\n" + piece * LONGEST_SLOW)[:LONGEST_SLOW]
    begun = time.process_time()
    python_tags(text)
    assert time.process_time() - begun < 2


def test_a_deep_text_that_libyaml_refuses_is_told_by_its_words() -> None:
    deep = f"%YAML 1.3\n--- {'[' * 99}!!python/object/apply:os.getpid []{']' * 99}"
    assert [one[::2] for one in python_tags(deep)] == [(Severity.WARNING, 2)]


def test_path_files_are_told_and_checkpoints_are_not() -> None:
    bad = {"a.pth": b"import os; os.getpid()\n", "b/c.pth": b"/usr/lib\nimport\tsys\n"}
    good = {
        "d.pth": b"\x80\x02}.",
        "e.pth": b"/usr/lib/python\n",
        "f.pth": b"PK\x03\x04\0\xff\nimport os\n",
        "g.txt": b"import os\n",
    }
    report = check(view(files=bad | good), "SEC004")
    assert [(f.path, f.severity, f.line) for f in report.findings] == [
        ("a.pth", Severity.WARNING, 1),
        ("b/c.pth", Severity.WARNING, 2),
    ]


def test_compiled_code_is_told_by_kind() -> None:
    report = check(
        view(
            files=dict.fromkeys(
                ("a.so", "lib/b.so.1.2", "c.pyd", "d.dll", "x.pyc", "p-1.0.whl", "so.txt", "a.sound"), b"x"
            )
        ),
        "SEC004",
    )
    assert [(f.path, f.severity) for f in report.findings] == [
        ("a.so", Severity.WARNING), ("x.pyc", Severity.WARNING), ("p-1.0.whl", Severity.NOTE),
    ]  # fmt: skip
    assert "lib/b.so.1.2" in report.findings[0].message
    (finding,) = check(view(files={"__pycache__/a.cpython-311.pyc": b"x"}), "SEC004").findings
    assert finding.severity is Severity.NOTE


def test_code_in_archives_is_told() -> None:
    path = b"import os\n"
    bad = {
        "model.pt2": zipped(("model/data/aotinductor/model/c.wrapper.so", b"\x7fELF")),
        "a.tar": tarred(("b/x.pth", b"#\r" + path)),
        "b.tar.gz": gzip.compress(tarred(("lib.DLL", b"MZ"))),
    }
    good = {
        "c.zip": zipped(
            ("so.txt", b"x"), ("w.pth", b"\x80\x02}."), ("p.pth", b"/usr/lib\n"), ("x.txt", path)
        ),
        "d.tar": tarred(("w.pth", zipped(("w/data.pkl", b"\x80\x02}.")))),
    }
    report = check(view(files=bad | good), "SEC004")
    assert [(f.path, f.severity) for f in report.findings] == [
        (name, Severity.WARNING) for name in sorted(bad)
    ]
    assert "c.wrapper.so" in next(f.message for f in report.findings if f.path == "model.pt2")
    (finding,) = check(view(files={"p-1.0.whl": zipped(("p/_c.so", b"\x7fELF"))}), "SEC004").findings
    assert finding.severity is Severity.NOTE


def test_shelves_and_torchs_oldest_form_are_named() -> None:
    report = check(view(files={"a/s.dat": b"x", "a/s.dir": b"x", "b.dat": b"x", "c.dir": b"x"}), "SEC005")
    (finding,) = report.findings
    assert finding.measured == {"files": ["a/s.dat"]}
    for name, told in (("tensors", 1), ("tensors.txt", 0)):
        data = tarred((name, b"\x80\x02K\x00." + bytes(9)))
        findings = check(view(files={"old.tar": data}), "SEC001").findings
        assert sum("oldest form" in one.message for one in findings) == told


def keras(config: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", config)
    return file.getvalue()


def test_lambda_layers_of_keras_are_told() -> None:
    bad, good = b'{"class_name": "Lambda", "config": {}}', b'{"class_name": "Dense", "name": "Lambda"}'
    head = b"\x89HDF\r\n\x1a\n" + bytes((1 << 20) - 20)
    files = {
        "a.h5": head + bad,
        "b.hdf5": head + good,
        "c.keras": keras(bad),
        "d.keras": keras(good),
        "e.keras": b"PK no zip",
    }
    report = check(view(files=files), "SEC004")
    assert [(f.path, f.severity) for f in report.findings] == [
        ("a.h5", Severity.WARNING),
        ("c.keras", Severity.WARNING),
    ]
    assert any("b.hdf5" in remark and "nothing else" in remark for remark in report.remarks)


def test_what_is_not_looked_into_is_named(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"x")
    (finding,) = validate(open_folder(tmp_path), Selection(select=("SEC005",))).findings
    assert finding.path == "saved_model.pb"


def test_of_a_far_repository_nothing_more_is_brought() -> None:
    files = {"a.yaml": CALLS[0].encode(), "b.yaml": CALLS[0].encode(), "c.h5": b"x", "d.gguf": b"x"}
    files |= {"e.json": b"{}", "f.csv": b"x", "g/router_config.json": b"{}"}
    found = search_code(view_ := far(files, "a.yaml"))
    assert [one.path for one in found.found] == ["a.yaml"]
    assert {path for path, _, _ in view_.hand} == {"a.yaml"}
    assert [remark.partition(":")[0] for remark in found.remarks if "not brought" in remark] == [
        "c.h5",
        "e.json",
        "d.gguf",
    ]
    (unread,) = found.unread
    assert unread.startswith("b.yaml, g/router_config.json: not brought"), "what a loader opens by its name"


@dataclass
class Brought(MemoryView):
    """A repository on the Hub, of which a file is at hand once it was read."""

    near: ClassVar[bool] = False
    whole: set[str] = field(default_factory=set)

    def _read_range(self, entry: Entry, start: int, stop: int) -> bytes:
        if stop >= entry.size:
            self.whole.add(entry.path)
        return super()._read_range(entry, start, stop)

    def at_hand(self, path: str, start: int, stop: int) -> bool:
        del start, stop
        return path in self.whole


def test_of_a_far_repository_what_names_code_for_a_loader_is_brought() -> None:
    long = b" " * 2000
    files = {
        "model_index.json": b'{"_class_name": ["p", "P"]}' + long,
        "adapter_config.json": b'{"parent_library": "antigravity"}' + long,
        "preprocessor_config.json": b'{"auto_map": {"AutoProcessor": "p.P"}}' + long,
        "chat_template.jinja": b"{{ cycler.__init__.__globals__ }}" + long,
        "rows.json": b'{"auto_map": {"AutoModel": "p.P"}}' + long,
        "vocab.json": b'{"auto_map": {"AutoModel": "p.P"}}' + b" " * LONGEST_OTHER,
    }
    report = check(Brought(name="o/r", repository="o/r", files=view(files=files).files), "SEC002,SEC004")
    assert {finding.path for finding in report.findings} == files.keys() - {"vocab.json"}


def test_of_a_far_repository_settings_come_before_other_texts() -> None:
    """150 tokenizers and notes hide no router; where there are more than are brought the report is incomplete."""
    router = b'{"types": {"query_0": "os.system"}, "structure": {"query": ["query_0"]}}'
    notes = {f"a{n:03}/notes.txt": b"x" for n in range(150)}
    report = check(
        Brought(name="o/r", repository="o/r", files=view().files | notes | {"z/router_config.json": router}),
        "SEC004",
    )
    assert [(one.path, one.severity) for one in report.findings] == [("z/router_config.json", Severity.ERROR)]
    settings = {f"a{n:03}/tokenizer_config.json": b"{}" for n in range(150)}
    report = check(
        Brought(
            name="o/r", repository="o/r", files=view().files | settings | {"z/router_config.json": router}
        ),
        "SEC004",
    )
    assert not report.complete
    assert any("not brought here" in one.message for one in report.findings)


APPLY = "!!python/object/apply:os.system [id]"


@pytest.mark.parametrize(
    ("path", "text", "severity"),
    [
        ("notes.md", f"---\nx: {APPLY}\n---\n# Words\n", Severity.ERROR),
        ("README.md", f"---\r\nx: {APPLY}\r\n---\r\n# Words\r\n", Severity.ERROR),
        ("a.txt", f"\ufeff---\nx: {APPLY}\n...\nWords\n", Severity.ERROR),
        ("post.html", "---\nx: !!python/name:os.system\n---\n", Severity.WARNING),
        ("notes.md", f"# YAML\n\n---\nx: {APPLY}\n---\n", None),  # what a text shows
        ("notes.md", f"---\ntitle: a\n---\n```yaml\nx: {APPLY}\n```\n", None),
        ("notes.md", f"---\nx: '{APPLY}'\n---\n", None),
        ("notes.md", f"---\nx: {APPLY}\n", None),  # it never ends: a rule, and words
    ],
)
def test_front_matter_is_yaml_whatever_stands_behind_it(
    path: str, text: str, severity: Severity | None
) -> None:
    found = check(view(files={path: text.encode()}, readme=None), "SEC004").findings
    assert [(one.path, one.severity) for one in found] == ([(path, severity)] if severity else [])


@pytest.mark.parametrize(
    ("path", "severity"),
    [
        ("sitecustomize.py", Severity.WARNING),
        ("a/usercustomize.py", Severity.WARNING),
        ("a.egg-link", Severity.NOTE),
        ("x-1.0.dist-info/entry_points.txt", Severity.NOTE),
        ("__editable___x_finder.txt", Severity.NOTE),
        ("entry_points.txt", None),
        ("customize.txt", None),
    ],
)
def test_what_tells_python_to_load_something_is_named(path: str, severity: Severity | None) -> None:
    found = check(view(files={path: b"x\n"}), "SEC004").findings
    assert [one.severity for one in found if one.message.partition(":")[0] != "Python files"] == (
        [severity] if severity else []
    )


def test_python_files_in_archives_are_named_as_loose_ones_are() -> None:
    files = {"a.zip": zipped(("pkg/x.py", b"print()\n"), ("b.txt", b"x")), "b.zip": zipped(("x.txt", b"x"))}
    (finding,) = check(view(files=files), "SEC004").findings
    assert (finding.path, finding.severity) == ("a.zip", Severity.NOTE)
    assert "pkg/x.py" in finding.message
