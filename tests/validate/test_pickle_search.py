"""SEC001 and WTS014 over whole repositories: on disk every file, of a far one what its allowance lets through; the gate sees the same."""

from __future__ import annotations

import json
import pickle
import re
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from builders import FOLDER, GONE, cfg, check, codes, tensors, view
from safetensors.numpy import save
from tensors.hostile import HEALTHY, HOSTILE, NAMES, NEW_CALL, TEXTS, npy, npz, objects, torch_zip, zipped

from hubkit.errors import ExitCode
from hubkit.publish.conditions_of_files import no_pickle
from hubkit.publish.files import hash_release
from hubkit.publish.subject import Subject
from hubkit.repo.local import open_folder
from hubkit.repo.memory import MemoryView
from hubkit.repo.part import part_of
from hubkit.repo.view import Entry
from hubkit.tensors.endings import PICKLES, packed_text, promise
from hubkit.tensors.kinds import HEAD
from hubkit.validate import gather, pickle_search
from hubkit.validate.finding import Severity
from hubkit.validate.imports import is_harmless, is_known, plain, runs_code
from hubkit.validate.need import Need
from hubkit.validate.pickle_search import SHORT
from hubkit.validate.reporters.verdict import closing
from hubkit.validate.run import validate


def strange() -> bytes:
    """It imports what nobody knows."""
    return b"\x80\x02cnobody.knows\nthis\n)R."


@pytest.mark.parametrize("name", HOSTILE)
def test_a_repository_with_a_disguise_is_not_clean(name: str) -> None:
    report = check(view(files={f"data/{name}": HOSTILE[name]}), "SEC001")
    assert Severity.ERROR in {finding.severity for finding in report.findings}
    assert report.exit_code(Severity.ERROR) is ExitCode.FINDINGS


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["protocol 0", "torch", "npz of objects", "byte 8 is a brace", "gzip"])
def test_a_name_hides_nothing(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_bytes(HOSTILE[kind])
    (finding,) = [f for f in validate(open_folder(tmp_path)).findings if f.code == "SEC001"]
    assert (finding.severity, finding.path) == (Severity.ERROR, name)


def test_healthy_files_are_left_alone() -> None:
    files = {f"{number}/{name}": data for number, (name, data) in enumerate(HEALTHY.values())}
    files |= {f"texts/{number}": data for number, data in enumerate(TEXTS)}
    report = check(view(files=files), "SEC001")
    assert report.findings == []
    assert report.complete


def test_the_201st_pickle_is_looked_at() -> None:
    files = {f"{number:03}.pkl": pickle.dumps(number) for number in range(300)} | {"zzz.pkl": NEW_CALL}
    (finding,) = check(view(files=files), "SEC001").findings
    assert finding.path == "zzz.pkl"


def test_an_unknown_import_is_a_warning_and_its_place_is_told() -> None:
    (finding,) = check(view(files={"w.zip": zipped(("a/b.bin", strange()))}), "SEC001").findings
    assert finding.severity is Severity.WARNING
    assert "the pickle a/b.bin imports nobody.knows.this" in finding.message
    assert finding.measured == {"imports": ["nobody.knows.this"], "inside": ["a/b.bin"]}


def test_what_was_not_read_to_its_end_is_a_warning() -> None:
    for data, words in (
        (NEW_CALL[:-1].replace(b"os", b"ab") + b"X\xff", "cut"),
        (b"PK\x03\x04 no zip", "directory"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
    ):
        found = check(view(files={"w.bin": data}), "SEC001").findings
        assert {finding.severity for finding in found} == {Severity.WARNING}
        assert any(words in finding.message for finding in found)
    (finding,) = check(view(files={"rows.jsonl.zst": b"\x28\xb5\x2f\xfd"}), "SEC001").findings
    assert finding.severity is Severity.NOTE


def test_a_pickle_that_says_so_and_breaks_off_is_told() -> None:
    for data in (b"\x80\x02Npx\n0", b"\x80\x04\x8c\x01a\x940h\x07.", b"\x80\x05N0}\xff"):
        (finding,) = check(view(files={"state.dat": data}), "SEC001").findings
        assert finding.severity is Severity.WARNING
        assert "was not read to its end" in finding.message
    numbers = np.array([0x0280, 0xFFFF, 7], "<u2").tobytes()
    assert check(view(files={"tokens.bin": numbers, "a.bin": b"\x80\x03"}), "SEC001").findings == []


def test_code_of_torch_itself_is_a_warning() -> None:
    script = torch_zip(
        b"\x80\x02}.", ("archive/constants.pkl", b"\x80\x02)."), ("archive/code/__torch__.py", b"pass")
    )
    (finding,) = check(view(files={"m.pt": script}), "SEC001").findings
    assert finding.severity is Severity.WARNING
    assert "code of its own" in finding.message


def test_what_was_found_stays_where_something_could_not_be_read() -> None:
    repository = view(files={"a.pkl": NEW_CALL})
    repository.unreadable["b.pkl"] = 100
    report = check(repository, "SEC001")
    assert [finding.code for finding in report.findings if finding.code != "RUN002"] == ["SEC001"]
    assert not report.complete
    assert report.exit_code(Severity.ERROR) is ExitCode.INCOMPLETE
    assert "b.pkl" in report.skipped[0].reason


def test_objects_in_the_weights_themselves() -> None:
    for meta, sec in ((objects("harmless"), []), (objects(json.loads), ["SEC001"])):
        weights = npz(meta=meta, **tensors("standard"))
        repository = view(cfg("standard"), GONE, files={f"{FOLDER}/sae_weights.npz": weights})
        assert codes(repository, "SEC001,WTS014") == [*sec, "WTS014"]
    plain_npz = view(cfg("standard"), GONE, files={f"{FOLDER}/sae_weights.npz": npz(**tensors("standard"))})
    assert codes(plain_npz, "SEC001,WTS014") == []


def test_weights_that_are_a_pickle_under_the_name_of_safetensors() -> None:
    assert codes(view(weights=NEW_CALL), "SEC001,WTS003,WTS014") == ["SEC001", "WTS003", "WTS014"]
    assert codes(view(), "SEC001,WTS003,WTS014") == []


@dataclass
class FarView(MemoryView):
    """A repository of which every range costs a request, once."""

    near: ClassVar[bool] = False
    hand: list[tuple[str, int, int]] = field(default_factory=list)
    """What was brought."""

    def at_hand(self, path: str, start: int, stop: int) -> bool:
        entry = self.entry(path)
        stop = min(stop, entry.size if entry else 0)
        return any(name == path and low <= start and stop <= high for name, low, high in self.hand)

    def _read_range(self, entry: Entry, start: int, stop: int) -> bytes:
        self.hand.append((entry.path, start, stop))
        return super()._read_range(entry, start, stop)

    @property
    def asked(self) -> int:
        """Requests: ranges that no earlier one holds."""
        return len(
            [
                one
                for n, one in enumerate(self.hand)
                if not any(o[0] == one[0] and o[1] <= one[1] and one[2] <= o[2] for o in self.hand[:n])
            ]
        )


def far(files: dict[str, bytes], *brought: str) -> FarView:
    return FarView(name="far", files=files, hand=[(path, 0, len(files[path])) for path in brought])


@pytest.mark.parametrize("letter", b"PVXTBCGJKMN(]})hcI\x80\x8a\x8c")
def test_of_a_far_release_the_search_asks_for_nothing_more(
    letter: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the first byte of its headers, which is their length."""
    weights = save(tensors())
    length = int.from_bytes(weights[:8], "little")
    more = (letter - length) % 256
    weights = (
        (length + more).to_bytes(8, "little") + weights[8 : 8 + length] + b" " * more + weights[8 + length :]
    )
    assert weights[0] == letter
    files = view(weights=weights).files | {".gitattributes": b"*.bin filter=lfs\n", "a.svg": b"<svg/>"}
    after, before = far(files), far(files)
    report = validate(after)
    monkeypatch.setattr(gather, "find_pickles", lambda _: None)
    validate(before)
    assert report.complete
    assert [finding for finding in report.findings if finding.code == "SEC001"] == []
    assert after.asked == before.asked + 1 + (letter in b"PVcI"), (
        "the picture; and a line may end in the header: that is looked at"
    )


@pytest.mark.parametrize("name", ["sae_weights.pt", "sae_weights.npz"])
def test_of_far_weights_in_torch_or_numpy_the_search_asks_for_little_more(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    storages = ("archive/data/0", bytes(300_000))
    data = torch_zip(b"\x80\x02}.", storages) if name.endswith("pt") else npz(**tensors("standard", 64, 4096))
    files = view(cfg("standard"), GONE, files={f"{FOLDER}/{name}": data}).files
    after, before = far(files), far(files)
    validate(after)
    monkeypatch.setattr(gather, "find_pickles", lambda _: None)
    validate(before)
    assert after.asked <= before.asked + 1


ELF = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\0\x3e\0\x01\0\0\0" + bytes(600)
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(600)


def test_of_a_far_repository_texts_and_pictures_are_asked_for_their_first_bytes() -> None:
    names = ("README.md", "a/notes.json", "x.svg", "y.png", "LICENSE", "z.parquet")
    files = dict.fromkeys(names, b"We\n" * SHORT)
    unasked = dict.fromkeys((".gitattributes", "sparsity.safetensors", "a/metrics.json"), b"cat\n")
    found = pickle_search.search(view_ := far(files | unasked))
    assert view_.asked == len(files)
    assert view_.bytes_read == len(files) * HEAD
    assert [entry.path for entry in found.by_name] == sorted(unasked)
    assert (found.pickles, found.failed, found.unknown) == ({}, {}, [])


@pytest.mark.parametrize("name", ["a.yaml", "a.json", "t.arrow", "x.cbor", "unnamed"])
def test_what_is_short_comes_whole_and_is_looked_into_as_on_disk(name: str) -> None:
    coded = b64encode(NEW_CALL + bytes(300))
    data = coded if name.endswith(("yaml", "json")) else b"\xa1\x01" + bytes(700) + NEW_CALL
    here = pickle_search.search(MemoryView(name="x", files={name: data}))
    found = pickle_search.search(view_ := far({name: data}))
    assert view_.asked == 1
    assert {path: one.executors for path, one in found.pickles.items()} == {
        path: one.executors for path, one in here.pickles.items()
    }
    assert found.pickles[name].executors == ["os.getpid"]


@pytest.mark.parametrize("name", ["notes.md", "a.csv", "x.jpg", "t.parquet", "LICENSE"])
def test_of_a_far_repository_a_pickle_is_found_behind_any_name(name: str) -> None:
    found = pickle_search.search(far({name: NEW_CALL + bytes(5000)}))
    assert found.pickles[name].executors == ["os.getpid"]


def test_of_a_far_repository_a_program_is_found_behind_the_name_of_a_picture() -> None:
    found = pickle_search.search(far({"x.jpg": ELF}))
    assert [one.path for one in found.code] == ["x.jpg"]


def test_of_many_far_pictures_a_few_are_asked_for_and_the_others_told() -> None:
    files = {f"{number:03}.png": PNG for number in range(40)}
    facts = gather.gather(view_ := far(files), Need.PICKLES)
    assert view_.asked == pickle_search.MOST_BY_HEAD
    assert facts.unlooked == []
    [told] = [one for one in facts.remarks if "by their names" in one]
    assert told.startswith("016.png, 017.png, ")
    assert "and 18 more" in told


def test_of_a_far_repository_what_is_at_hand_is_judged_whatever_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pickle_search, "MOST_BY_HEAD", 0)
    found = pickle_search.search(far({"cfg.json": NEW_CALL, "a.json": NEW_CALL}, "cfg.json"))
    assert list(found.pickles) == ["cfg.json"]
    assert [entry.path for entry in found.by_name] == ["a.json"]


@pytest.mark.parametrize("name", ["w", "w.dat", "w.npz", "w.pt", "w.model", "w.distcp"])
@pytest.mark.parametrize(
    "kind",
    ["protocol 0", "torch", "npz of objects", "byte 8 is a brace", "torch, two data.pkl", "npy of objects"],
)
def test_of_a_far_repository_the_rest_is_looked_at_in_few_requests(name: str, kind: str) -> None:
    found = pickle_search.search(view_ := far({name: HOSTILE[kind]}))
    assert found.pickles[name].executors
    assert view_.asked <= 2


def test_of_a_far_repository_archives_are_told_and_not_brought() -> None:
    found = pickle_search.search(
        view_ := far({"w.tar.gz": HOSTILE["tar.gz with torch"], "rows.jsonl.gz": b"\x1f\x8b"})
    )
    assert view_.asked == 0
    assert all("not brought here" in pickle.unread[0] for pickle in found.pickles.values())
    assert len(found.pickles) == 2


def test_of_a_far_repository_hdf5_is_told_and_not_brought() -> None:
    hdf5 = b"\x89HDF\r\n\x1a\n" + bytes(SHORT) + NEW_CALL
    found = pickle_search.search(view_ := far({"a/W.H5": hdf5, "b.hdf5": b"", "c.hdf5": hdf5}))
    assert view_.asked == 0
    assert list(found.pickles) == ["a/W.H5", "c.hdf5"]
    report = check(far(view().files | {"c.hdf5": hdf5, "unnamed": hdf5}), "SEC001")
    assert [(one.path, one.severity) for one in report.findings] == [
        ("c.hdf5", Severity.WARNING), ("unnamed", Severity.WARNING),
    ]  # fmt: skip
    assert all("not brought here" in one.message for one in report.findings)


def test_of_a_far_repository_the_configuration_of_keras_is_brought() -> None:
    layer = b'{"class_name": "Lambda", "config": {}}'
    for text, severities in ((layer, [Severity.WARNING]), (b'{"class_name": "Dense"}', [])):
        files = {"m.keras": zipped(("config.json", text), ("model.weights.h5", bytes(200_000)))}
        found = check(far(view().files | files), "SEC004").findings
        assert [one.severity for one in found] == severities


def test_of_a_far_checkpoint_the_numbers_are_not_asked_for() -> None:
    storages = [(f"archive/data/{number}", bytes(200_000)) for number in range(20)]
    found = pickle_search.search(view_ := far({"w.pt": torch_zip(NEW_CALL, *storages)}))
    assert found.pickles["w.pt"].executors == ["os.getpid"]
    assert view_.asked <= 2


def test_the_allowance_of_a_far_repository_ends_and_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickle_search, "MAX_REQUESTS", 10)
    files = {f"{number:02}.joblib": pickle.dumps(number) for number in range(20)}
    repository = far(files | {"zz.joblib": NEW_CALL})
    found = pickle_search.search(repository)
    assert repository.asked == 10
    assert len(found.failed) == 11
    report = validate(far(files | view().files))
    assert not report.complete
    assert "used up" in report.skipped[0].reason


def test_the_gate_and_the_validator_call_the_same_files_pickles(tmp_path: Path) -> None:
    for number, name in enumerate(NAMES):
        (tmp_path / f"{number}{name}").write_bytes(HOSTILE["torch"])
    (tmp_path / "sae.npz").write_bytes(npz(a=np.ones(2)))
    (tmp_path / "objects.npz").write_bytes(npz(a=objects(1)))
    (tmp_path / "README.md").write_text("# Text\n", encoding="utf-8")
    (tmp_path / "w.safetensors").write_bytes(save({"a": np.ones(2, np.float32)}))
    report = validate(open_folder(tmp_path))
    (problem,) = no_pickle(Subject(tmp_path, hash_release(tmp_path), report))
    assert problem.code == "PICKLE"
    assert f"and {len(NAMES)} more" in problem.message
    errors = {finding.path for finding in report.findings if finding.code == "SEC001"}
    assert errors == {f"{number}{name}" for number, name in enumerate(NAMES)}


@pytest.mark.parametrize(
    ("data", "said"),
    [(torch_zip(NEW_CALL), "can run code when it is loaded: it imports os.getpid"), (torch_zip(b"\x80\x04cnobody.knows\nthis\n."), r"does not know what they do \(nobody.knows.this\)"),
     (torch_zip(b"\x80\x02}."), "imports nothing that runs code"), (pickle.dumps([1, 2]), "imports nothing that runs code"),
     (b"\x80\x04]\x94", "not read to its end"), (b"PK\x03\x04", "called as pickles are")],
)  # fmt: skip
def test_the_gate_says_what_a_pickle_may_do(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "w.pt").write_bytes(data)
    (problem,) = no_pickle(Subject(tmp_path, hash_release(tmp_path), validate(open_folder(tmp_path))))
    assert problem.code == "PICKLE"
    assert re.search(said, problem.message)
    assert ("can run code" in problem.message) == (b"getpid" in data)


def test_the_gate_names_the_worst_pickle(tmp_path: Path) -> None:
    for name, data in (
        ("a.pt", torch_zip(b"\x80\x02}.")),
        ("b.pt", torch_zip(NEW_CALL)),
        ("c.pt", b"PK\x03\x04"),
    ):
        (tmp_path / name).write_bytes(data)
    (problem,) = no_pickle(Subject(tmp_path, hash_release(tmp_path), validate(open_folder(tmp_path))))
    assert problem.message.startswith("b.pt and 2 more: a pickle that can run code")


def test_the_gate_lets_healthy_files_through(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(npy(np.ones(3)))
    (tmp_path / "cache.txt").write_bytes(b"cache\nbuild\n.venv\n")
    assert no_pickle(Subject(tmp_path, hash_release(tmp_path), validate(open_folder(tmp_path)))) == []


EXECUTORS = """
os.system posix.system nt.system subprocess.Popen builtins.eval __builtin__.eval builtins.getattr builtins.__import__ pydoc.pipepager pydoc.locate
torch.storage._load_from_bytes torch.hub.load torch.jit.load torch.jit._pickle.nobody torch.package.PackageImporter torch.serialization.load torch.load torch._dynamo.optimize
torch._inductor.codecache.compile_file numpy.f2py.crackfortran.getlincoef numpy.testing._private.utils.runstring numpy.load platform._syscmd_uname
site.execsitecustomize doctest.debug_script unittest.main test.support.script_helper.assert_python_ok linecache.getline ensurepip._run_pip venv.create
zipimport.zipimporter imaplib.IMAP4_stream joblib.load joblib.numpy_pickle.load pickle.loads _pickle.loads cPickle.loads dill.loads cloudpickle.loads
functools.partial _functools.partial operator.attrgetter _operator.methodcaller types.CodeType io.open _io.FileIO uuid._get_command_stdout
torch.serialization.os.system collections.OrderedDict.__init__.__globals__ numpy.lib.os.system torch.utils.cpp_extension.load commands.getoutput
urllib2.urlopen importlib.import_module pkgutil.resolve_name asyncio.run webbrowser.open logging.config.dictConfig shelve.open code.interact
dataclasses.make_dataclass typing.get_type_hints pandas.read_pickle torch.distributed.rpc.rpc_sync numpy.memmap gc.get_objects inspect.getsource
""".split()  # noqa: SIM905
UNKNOWN = """
nobody.knows.this __main__.Config sklearn.linear_model._logistic.LogisticRegression torch.nn.modules.linear.Linear networkx.classes.digraph.DiGraph
torch.distributed.checkpoint.metadata.Metadata scipy.sparse._csc.csc_matrix __torch__.torch.nn.modules.linear.Linear joblib.numpy_pickle.NDArrayWrapper
builtins.print builtins.type enum.Enum re._compile pandas.core.frame.DataFrame ray.rllib.policy.Policy
""".split()  # noqa: SIM905
HARMLESS = """
collections.OrderedDict torch._utils._rebuild_tensor_v2 numpy.core.multiarray._reconstruct numpy._core.numeric._frombuffer __builtin__.set copy_reg._reconstructor
numpy.dtype pathlib.PosixPath uuid.UUID torch.FloatStorage torch.serialization._get_layout joblib.numpy_pickle.NumpyArrayWrapper datetime.datetime
numpy.random._pickle.__generator_ctor decimal.Decimal numpy.random._mt19937.MT19937 torch.jit._pickle.build_intlist torch.jit._pickle.restore_type_tag
torch._utils._rebuild_meta_tensor_no_storage torch.per_tensor_affine torch.QInt8Storage
""".split()  # noqa: SIM905


METHODS = """
pathlib.Path.write_text pathlib.PosixPath.unlink torch.UntypedStorage.from_file torch.FloatStorage.from_file torch.distributed.FileStore argparse.FileType
transformers.AutoModel.from_pretrained dictionary_learning.dictionary.AutoEncoder.from_pretrained pandas.DataFrame.to_pickle
torch.fx.graph_module.reduce_graph_module torch.ops.load_library
""".split()  # noqa: SIM905


@pytest.mark.parametrize("name", METHODS)
def test_what_reads_or_writes_files_for_its_caller_runs_code(name: str) -> None:
    assert runs_code(name)


def test_names_are_known_by_kind() -> None:
    assert [
        name
        for name in EXECUTORS
        if not runs_code(name) or (not is_known(name) and "__" not in name and "os." not in name)
    ] == []
    assert [name for name in UNKNOWN if runs_code(name) or is_harmless(name)] == []
    assert [name for name in HARMLESS if not is_harmless(name) or runs_code(name)] == []
    assert plain("__builtin__.xrange") == "builtins.range"
    assert plain("cPickle.loads") == "pickle.loads"


@pytest.mark.parametrize("kind", ["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"])
def test_states_of_numpy_s_generators_are_data(kind: str) -> None:
    bits = getattr(np.random, kind)(1)
    for state in (
        bits,
        np.random.Generator(bits),
        np.random.RandomState(np.random.MT19937(2)),
        np.random.SeedSequence(3),
    ):
        assert codes(view(files={"random.pkl": pickle.dumps(state)}), "SEC001") == []


def test_what_is_said_of_a_pickle_fits_what_is_known_of_it() -> None:
    """Only of what runs code is it said that it does; of the rest, what is unknown, and how to decide."""
    bad, odd = check(view(files={"a.pkl": HOSTILE["torch"], "b.pkl": strange()}), "SEC001").findings
    assert (bad.severity, odd.severity) == (Severity.ERROR, Severity.WARNING)
    assert "do not load it, and remove it" in (bad.hint or "")
    assert "not known here: load it only if you trust its author; or publish the tensors as safetensors" in (
        odd.hint or ""
    )
    assert (
        closing(check(view(files={"a.pkl": HOSTILE["torch"]}), "SEC001"))
        == "a pickle runs code when it is loaded"
    )
    for name, data, said in (
        ("b.pkl", strange(), odd.message),
        ("a.tar.gz", b"\x1f\x8b broken", "nobody looked for pickles in it: "),
    ):
        sentence = closing(check(view(files={name: data}), "SEC001"))
        assert sentence.startswith(said[:100])
        assert "runs code when it is loaded" not in sentence


def test_the_list_of_endings() -> None:
    assert [promise(name) for name in ("a.PT", "a.pth.tar", "cfg.json", "LICENSE", "a.png", "a.tgz", "a", "a.npz", "a.safetensors")] == [
        "pickle", "pickle", "text", "text", "picture", "packed", "unknown", "unknown", "table",
    ]  # fmt: skip
    assert packed_text("rows.jsonl.gz")
    assert not packed_text("w.pkl.gz")
    assert all(promise(f"a{ending}") == "pickle" for ending in PICKLES)


@pytest.mark.parametrize(
    ("length", "leads_on"),
    [
        (344, False),
        (0x1058, True),
        (0x47, True),
        (0x480, False),
        (0x0A63, False),
        (0x2E, False),
        (10_000, False),
    ],
)
def test_the_length_of_a_far_safetensors_is_looked_at_as_opcodes(length: int, leads_on: bool) -> None:
    data = length.to_bytes(8, "little")
    assert pickle_search._is_a_beginning(data) is leads_on
    if not leads_on:
        with pytest.raises(Exception):  # noqa: B017, PT011 - an unpickler raises whatever it meets
            pickle.loads(data + b"}" * 100)


PASSED_OVER = [".cache", "__pycache__", ".venv", "node_modules", ".tox", "a/.mypy_cache/3.11", "env"]


@pytest.mark.parametrize("folder", PASSED_OVER)
@pytest.mark.parametrize("kind", ["protocol 0", "torch", "gzip"])
def test_folders_of_tools_are_named_and_searched(tmp_path: Path, folder: str, kind: str) -> None:
    """Whoever uploads the folder with another tool publishes them."""
    (tmp_path / folder / "deep").mkdir(parents=True)
    if folder == "env":
        (tmp_path / folder / "pyvenv.cfg").write_text("home = /usr\n", encoding="utf-8")
    (tmp_path / folder / "deep" / "w.dat").write_bytes(HOSTILE[kind])
    report = validate(open_folder(tmp_path))
    (finding,) = [f for f in report.findings if f.code == "SEC001"]
    assert (finding.severity, finding.path) == (Severity.ERROR, f"{folder}/deep/w.dat")
    top = "/".join(folder.split("/")[:2])
    assert any(f"{top}/: made by tools and not judged" in remark for remark in report.remarks)


def test_what_nobody_sends_is_named_and_not_searched(tmp_path: Path) -> None:
    for folder in (".git", ".cache/huggingface/download", "sub/.git"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "w.pkl").write_bytes(NEW_CALL)
    report = validate(open_folder(tmp_path))
    assert [f for f in report.findings if f.code == "SEC001"] == []
    assert any(".git/" in remark and "not looked into" in remark for remark in report.remarks)
    assert any(".cache/" in remark for remark in report.remarks)


def test_healthy_folders_of_tools_are_only_named(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "data").mkdir(parents=True)
    (tmp_path / ".venv" / "data" / "a.pkl").write_bytes(strange())
    (tmp_path / ".venv" / "data" / "b.npy").write_bytes(npy(np.ones(3)))
    report = validate(open_folder(tmp_path))
    assert [f for f in report.findings if f.code.startswith("SEC")] == []
    assert report.complete
    assert any("a.pkl and in all 1 pickle in folders" in remark for remark in report.remarks)


def test_the_gate_sends_nothing_of_the_folders_of_tools(tmp_path: Path) -> None:
    for name in (".cache/w.pkl", "__pycache__/w.pkl", "README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(NEW_CALL if name.endswith("pkl") else b"# Text\n")
    assert [file.path for file in hash_release(tmp_path)] == ["README.md"]


@pytest.mark.parametrize("name", ["w.zip", "w.whl", "w.egg", "w.keras"])
def test_of_a_far_zip_behind_something_the_end_is_asked_for(name: str) -> None:
    data = b"# A text\n" * 9000 + zipped(("x.pkl", NEW_CALL))
    found = pickle_search.search(view_ := far({name: data}))
    assert found.pickles[name].executors == ["os.getpid"]
    assert view_.asked <= 3


def test_a_part_of_a_far_repository_is_far() -> None:
    whole = far({"a/w.dat": NEW_CALL, "a/README.md": b"cat\n", "b/x.dat": NEW_CALL})
    part = part_of(whole, "a")
    assert not part.near
    found = pickle_search.search(part)
    assert (list(found.pickles), found.by_name) == (["w.dat"], [])
    assert whole.asked == 2
