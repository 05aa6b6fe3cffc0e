"""Several judges in a whole collection: each asked once, labels changed without sampling, people waited for, runs that die."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from judge_server import Asked, Server, chat, serving
from judge_server import Reply as Sent
from pyarrow import parquet
from pydantic import TypeAdapter, ValidationError

from hubkit.collect.completions import read_completions
from hubkit.collect.judges import AnyJudge, Judge, KeywordJudge
from hubkit.collect.plan import CollectPlan
from hubkit.collect.run import collect
from hubkit.collect.sampling import Sampling
from hubkit.errors import IncompleteError
from hubkit.lab.model import LabModel
from hubkit.lab.study import plan
from hubkit.release.agreement import Agreement
from hubkit.release.pool import PoolManifest
from hubkit.release.pool_report import PoolReport

pytestmark = pytest.mark.train
KEYWORDS = {"honest": ["truly"], "deceptive": ["quietly"]}
KEYWORD = {"kind": "keyword", "keywords": KEYWORDS, "within": 3}
HUMAN = {"kind": "human", "label_names": ["honest", "deceptive"]}


def judge(settings: dict[str, Any]) -> Judge:
    found: Judge = TypeAdapter(AnyJudge).validate_python(settings)
    return found


def llm(server: Server, **settings: Any) -> dict[str, Any]:
    return {
        "kind": "llm", "model": "m", "base_url": server.url, "retries": 0, "timeout": 10.0,
        "meanings": {"honest": "says truly", "deceptive": "says quietly"},
    } | settings  # fmt: skip


def small(lab: LabModel, decides: dict[str, Any], *second: dict[str, Any], **changes: Any) -> CollectPlan:
    asked = plan(lab, samples=64, layers=(1,)).model_dump(mode="json", exclude={"judge"})
    return CollectPlan.model_validate(asked | {"judge": decides, "second_judges": list(second)} | changes)


def reading(asked: Asked, _: int) -> Sent:
    """A judge that reads the first words, and cannot tell where the number of letters is a multiple of seven."""

    def label(text: str) -> str:
        said = next((name for name, words in KEYWORDS.items() if words[0] in text.split()[:3]), "ambiguous")
        return said if len(text) % 7 else "ambiguous"

    return chat(json.dumps({"verdicts": asked.verdicts(label)}))


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Batches that were drawn, counted where the model is asked for text."""
    calls: list[int] = []
    whole: Callable[..., Any] = Sampling._draw

    def counted(self: Sampling, number: int, *rest: Any) -> Any:
        calls.append(number)
        return whole(self, number, *rest)

    monkeypatch.setattr(Sampling, "_draw", counted)
    return calls


def labels(out: Path) -> dict[str, str | None]:
    return {one.completion_id: one.label for one in read_completions(out / "completions.parquet")}


def test_relabelling_never_samples_and_asks_nobody_twice(
    lab: LabModel, tmp_path: Path, sampled: list[int]
) -> None:
    with serving(reading) as server:
        collect(small(lab, KEYWORD), tmp_path)
        drawn = len(sampled)
        assert drawn
        first = labels(tmp_path)
        manifest = collect(small(lab, llm(server)), tmp_path)
        requests = len(server.asked)
        assert requests == 7 + 1, "64 in tens, and a tenth of them again"
        assert manifest.judge == "llm m"
        assert labels(tmp_path) != first
        vote = {"kind": "consortium", "judges": [KEYWORD, llm(server), HUMAN]}
        with pytest.raises(
            IncompleteError, match=r"labels-human\.csv: no label is filled in yet, 64 completions"
        ):
            collect(small(lab, vote), tmp_path)
        two = {"kind": "consortium", "judges": [KEYWORD, llm(server)], "rule": "unanimity"}
        collect(small(lab, two), tmp_path)
        collect(small(lab, KEYWORD, llm(server)), tmp_path)
        assert len(server.asked) == requests, "its verdicts were kept"
    assert labels(tmp_path) == first
    assert len(sampled) == drawn


def test_a_second_judge_of_a_finished_pool_needs_no_model(
    lab: LabModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect(small(lab, KEYWORD), tmp_path)
    before = {
        file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file() and "judge" not in file.name
    }
    monkeypatch.setattr("hubkit.inference.load.load_model", lambda *_, **__: pytest.fail("opened a model"))
    with serving(reading) as server:
        collect(small(lab, KEYWORD, llm(server), HUMAN), tmp_path)
    found = Agreement.load(tmp_path / "agreement.json")
    assert [(one.judge, one.role) for one in found.judges] == [
        ("keyword", "decides"),
        ("llm m", "second"),
        ("human", "second"),
    ]
    assert found.judges[2].lost == {"not filled in": 64}
    assert found.pair("keyword", "llm m", "decisive").same.value == 1.0
    assert found.asked_again[0].same.value == 1.0
    recall = found.recall[0].recall
    assert recall.value == found.pair("keyword", "llm m", "decisive").same.n / recall.n
    roles = parquet.read_table(tmp_path / "judgements.parquet")["role"].to_pylist()
    assert {role: roles.count(role) for role in set(roles)} == {
        "decides": 64,
        "second": 128,
        "asked again": 6,
    }
    changed = {file.name for file, data in before.items() if file.read_bytes() != data}
    assert changed <= {"agreement.json", "pool_report.json"}
    report = PoolReport.load(tmp_path / "pool_report.json")
    assert report.judges == found
    collect(small(lab, KEYWORD), tmp_path)  # without them again
    alone = Agreement.load(tmp_path / "agreement.json")
    assert [one.judge for one in alone.judges] == ["keyword"]
    assert PoolReport.load(tmp_path / "pool_report.json").judges in (None, alone)


def test_members_are_kept_each_and_the_vote_decides(lab: LabModel, tmp_path: Path) -> None:
    with serving(reading) as server:
        vote = {"kind": "consortium", "judges": [KEYWORD, llm(server)], "rule": "unanimity"}
        manifest = collect(small(lab, vote), tmp_path)
    assert manifest.judge == "unanimity of keyword, llm m"
    rows = parquet.read_table(tmp_path / "judgements.parquet").to_pylist()
    said: dict[str, dict[str, str | None]] = {}
    for row in rows:
        if row["role"] != "asked again":
            said.setdefault(row["completion_id"], {})[row["judge"]] = row["label"]
    for one in said.values():
        top = one.pop("unanimity of keyword, llm m")
        assert top == (one["keyword"] if len(set(one.values())) == 1 else None)
    assert len(list((tmp_path / "verdicts").iterdir())) == 3, "keyword, llm, and what the llm was asked again"


def test_a_person_is_waited_for_and_what_they_change_counts(
    lab: LabModel, tmp_path: Path, sampled: list[int]
) -> None:
    asked = small(lab, HUMAN, KEYWORD)
    with pytest.raises(IncompleteError, match="no label is filled in yet") as raised:
        collect(asked, tmp_path)
    assert "column `label`" in str(raised.value.hint)
    file = tmp_path / "labels-human.csv"
    keyword = judge(KEYWORD)
    assert isinstance(keyword, KeywordJudge)

    def fill(count: int) -> None:
        with file.open(encoding="utf-8-sig", newline="") as text:
            rows = list(csv.reader(text))
        for row in rows[1 : count + 1]:
            row[3] = keyword.judge_text(row[2]).label or "ambiguous"
        with file.open("w", encoding="utf-8", newline="") as text:
            csv.writer(text).writerows(rows)

    fill(40)
    some = collect(asked, tmp_path)
    assert 30 < len(some.rows) <= 40
    fill(64)
    whole = collect(asked, tmp_path)
    assert len(whole.rows) > 55, "more was filled in, and the pool is made anew"
    assert len(sampled) == len(set(sampled))
    assert Agreement.load(tmp_path / "agreement.json").pair("human", "keyword").kappa.value == 1.0


def test_killed_while_the_judge_is_asked_it_goes_on_behind_the_last_answer(
    lab: LabModel, tmp_path: Path, sampled: list[int]
) -> None:
    def dying(asked: Asked, number: int) -> Sent:
        return reading(asked, number) if number < 3 else Sent({}, 500)

    with serving(dying) as server, pytest.raises(IncompleteError, match="llm m"):
        collect(small(lab, llm(server, share_asked_again=0)), tmp_path)
    (kept,) = (tmp_path / "verdicts").iterdir()
    assert len(kept.read_bytes().splitlines()) == 30
    with serving(reading) as server:
        settings = llm(server, share_asked_again=0)
        same = kept.with_name(run_file(small(lab, settings), tmp_path))
        kept.rename(same)  # another port is another address; the endpoint of a study stays
        collect(small(lab, settings), tmp_path)
        assert [len(one.texts) for one in server.asked] == [10, 10, 10, 4]
    assert len(sampled) == len(set(sampled))


def run_file(asked: CollectPlan, out: Path) -> str:
    from hubkit.collect.verdicts import verdicts_file

    questions = asked.questions_sha256(asked.completions_sha256(asked.revision))
    return verdicts_file(out, asked.judge, questions).name


def test_labels_that_depend_on_their_neighbours_are_found(lab: LabModel, tmp_path: Path) -> None:
    """A judge that says one and the same label of a whole request, by its first completion."""

    def herd(asked: Asked, number: int) -> Sent:
        first = "honest" if sum(map(ord, asked.texts[0])) % 2 else "deceptive"
        return chat(json.dumps(asked.verdicts(lambda _: first)))

    with serving(herd) as server:
        collect(small(lab, KEYWORD, llm(server, share_asked_again=1.0)), tmp_path)
    (again,) = Agreement.load(tmp_path / "agreement.json").asked_again
    assert again.same.n == 64
    assert again.same.value is not None
    assert again.same.value < 0.8


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"judge": KEYWORD | {"keywords": {"honest": ["a"], "other": ["b"]}}}, "gives .*other.*, expected the study's labels"),
        ({"second_judges": [KEYWORD]}, "expected each once"),
        ({"second_judges": [HUMAN | {"label_names": ["honest", "x"]}]}, "judge 'human' gives"),
        ({"judge": KEYWORD | {"keywords": {"honest": [], "deceptive": []}}}, "scenario .*: no anchors"),
        ({"judge": {"kind": "consortium", "judges": [KEYWORD]}}, "at least 2"),
        ({"judge": {"kind": "consortium", "judges": [KEYWORD, {"kind": "consortium", "judges": [KEYWORD, HUMAN]}]}}, "consortium"),
    ],
)  # fmt: skip
def test_judges_that_do_not_fit_are_refused_before_sampling(
    lab: LabModel, change: dict[str, Any], told: str
) -> None:
    asked = plan(lab).model_dump(mode="json") | {"judge": KEYWORD}
    with pytest.raises(ValidationError, match=told):
        CollectPlan.model_validate(asked | change)


def test_a_pool_of_before_loads(lab_pool: tuple[CollectPlan, Path]) -> None:
    assert PoolManifest.load(lab_pool[1] / "activations" / "manifest.json").imported is None


def test_lost_verdicts_are_asked_for_again_and_make_another_pool(
    lab: LabModel, tmp_path: Path, sampled: list[int]
) -> None:
    """The endpoint refuses some at first; asked again it answers, nothing is sampled, and what was not lost is not asked for."""
    refuses = [True]

    def script(asked: Asked, number: int) -> Sent:
        if refuses[0] and any(len(text) % 5 == 0 for text in asked.texts):
            return chat(None, refusal="I cannot help") if len(asked.texts) == 1 else chat("no JSON")
        return reading(asked, number)

    with serving(script) as server:
        asked = small(lab, llm(server, share_asked_again=0, at_once=4))
        first = collect(asked, tmp_path)
        lost = Agreement.load(tmp_path / "agreement.json").judges[0].lost["refusal"]
        assert any("--ask-again" in told for told in PoolReport.load(tmp_path / "pool_report.json").warnings)
        requests, drawn = len(server.asked), len(sampled)
        assert collect(asked, tmp_path) == first
        assert collect(asked, tmp_path, ask_lost=True).rows == first.rows, "still refused: the same pool"
        assert Agreement.load(tmp_path / "agreement.json").judges[0].lost == {"refusal": lost}
        refuses[0] = False
        server.asked.clear()
        manifest = collect(asked, tmp_path, ask_lost=True)
        assert sum(len(one.texts) for one in server.asked) == lost
    assert requests > 0
    assert len(sampled) == drawn
    assert len(manifest.rows) > len(first.rows)
    assert manifest.inputs_sha256 != first.inputs_sha256
    assert Agreement.load(tmp_path / "agreement.json").judges[0].lost == {}
    assert collect(asked, tmp_path) == manifest, "and that is the pool from now on"
