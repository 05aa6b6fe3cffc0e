"""`docs/study.md`: the guide to the study file, its tables from the schema: `python -m hubkit.study.guide > docs/study.md`."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from hubkit.study.several import study_schema
from hubkit.study.starter import starter_text

Schema = dict[str, Any]
LONGEST_DEFAULT = 40
HEAD = """# The study file

<!-- Written by `python -m hubkit.study.guide > docs/study.md`: the tables are those of the schema, the words stand in hubkit/study/guide.py. -->

A study file says what to collect from a base model, which SAEs to train on it, and what their card says. It is YAML; unknown keys are refused. `hubkit init --study FOLDER` writes this one, which
runs as it is:

```yaml
{starter}```

`hubkit run STUDY --dry-run` says what it will be, `--scale tiny` tries every stage of it in minutes, and [running.md](running.md) says what the stages leave. Editors that know JSON Schema complete and
check the file as you type: `hubkit schema study > study.schema.json`, and as its first line `# yaml-language-server: $schema=study.schema.json`. The studies in `studies/` are longer examples.

A mistake is told with its line and what would be right. Three that YAML makes easy: `1e-3` is text (write `1.0e-3`), so is `1,000`, and `yes`, `no`, `on` and `off` are booleans (put a label of that
name in quotes).

In the tables *needed* marks the keys without which the file is refused; of all others the value that holds without them is given, *none* where that is no value.
"""
SECTIONS: tuple[tuple[str, str, str], ...] = (
    ("Study", "The file", "A study of one base model: one release, one repository."),
    (
        "SeveralReleases",
        "Several releases in one file",
        "A file with `releases` in place of `collect`, `grid` and `card` is a study of several base models: one release, and one repository, for each. `hubkit run STUDY --release NAME` takes one.",
    ),
    ("FolderRelease", "A release that is there already", "SAEs that were trained elsewhere take part in the index, the collection and the push."),
    ("CollectPlan", "collect", "What the pool is made of ([collect.md](collect.md))."),
    ("Situation", "A scenario", "`scenarios` is `builtin:NAME`, a file beside the study file, or a list of these."),
    ("SituationSet", "A file of scenarios", "A file is a list of scenarios, or this, with what holds for all of them."),
    ("Message", "A message", "A turn of `messages` or `turned`."),
    ("Also", "also", "Kept beside the pool, and no rows of it."),
    ("Precision", "precision", "A word (`float32`, `bfloat16`, `float16`, `int8`, `nf4`, `fp4`, `Q4_0`, `Q4_1`, `Q5_0`, `Q8_0`), or these:"),
    ("KeywordJudge", "Judge: keyword", "A word near the start decides. `judge` decides, `second_judges` are asked beside; each is one of the following, by its `kind`."),
    ("LlmJudge", "Judge: llm", "A language model behind a chat endpoint decides ([collect.md](collect.md#a-language-model))."),
    ("HumanJudge", "Judge: human", "A person fills in a table ([collect.md](collect.md#a-person))."),
    ("ColumnJudge", "Judge: column", "A column of imported completions decides ([collect.md](collect.md#what-is-there-already))."),
    ("ConsortiumJudge", "Judge: consortium", "Several judges vote."),
    ("NoisyJudge", "Judge: noisy", "A judge that errs at a known rate, for trials whose ceiling should be known."),
    ("GridPlan", "grid", "Which SAEs: every architecture at every layer under every condition. A list of grids takes what no product of them says."),
    ("Settings", "Settings of an architecture", "Each of `architectures` has these. Settings that are another architecture's own change nothing; what each architecture is stands in [training.md](training.md)."),
    ("SaeGrid", "grid, by axes", "A grid whose axes are any of the settings: `k`, `seed`, `d_sae`, ... The SAEs are every combination of their values."),
    ("Override", "An exception", "Of a grid by axes."),
    ("CardSettings", "card", "What only the author knows ([cards.md](cards.md)). What the files say themselves (layers, counts, numbers, precision) has no key."),
    ("Paper", "A paper", ""),
    ("Link", "A link", ""),
    ("OwnSection", "A section of your own", ""),
    ("ExpectedTransfer", "An expected transfer", ""),
    ("Withdrawn", "What an earlier card said wrongly", "Written by `hubkit adopt`."),
    ("Restated", "What an earlier card said too", "Written by `hubkit adopt`."),
    ("Experiments", "experiments", "What is asked beside the measures: of the pool, and of the base model once the SAEs are there ([experiments.md](experiments.md))."),
    ("SteeringPlan", "steering", ""),
    ("Publication", "publish", "Where the releases go ([publish.md](publish.md)). Without it, to `card.repo_id`. Nothing is sent by `hubkit run` without `--push`."),
    ("IndexSettings", "index", "The repository that lists the others."),
    ("CollectionPlan", "collection", ""),
    ("PoolPublication", "pool", "Both keys are asked for, since what is published cannot be taken back ([running.md](running.md#a-release-that-can-be-computed-again))."),
)  # fmt: skip
"""Definition of the schema, heading, and what is said above its table; in the order of the guide."""
HEADINGS = {name: heading for name, heading, _ in SECTIONS}


def as_markdown() -> str:
    """The whole guide."""
    definitions = study_schema()["$defs"]
    parts = [HEAD.format(starter=starter_text())]
    for name, heading, words in SECTIONS:
        mapping = _mapping(definitions[name])
        parts.append(
            "\n".join(filter(None, [f"## {heading}\n", f"{words}\n" if words else "", _table(mapping)]))
        )
    return "\n".join(parts)


def keys_of(schema: Schema) -> dict[str, set[str]]:
    """Definition to its keys: what the guide must have, and no more."""
    return {name: set(_mapping(one).get("properties", {})) for name, one in schema["$defs"].items()}


def _mapping(definition: Schema) -> Schema:
    """The form of a definition that has keys: some are a word or a mapping."""
    several = definition.get("anyOf", [])
    return next((one for one in several if "properties" in one), definition)


def _table(mapping: Schema) -> str:
    needed = set(mapping.get("required", ()))
    rows = [
        f"| `{key}` | {_words(one)} | {_kind(one)} | {'*needed*' if key in needed else _default(one)} |"
        for key, one in mapping["properties"].items()
    ]
    return "\n".join(["| key | what it is | value | without it |", "|---|---|---|---|", *rows, ""])


def _words(one: Schema) -> str:
    said = " ".join(str(one.get("description", "")).split())
    return said.replace("|", "\\|")


def _kind(one: Schema) -> str:
    """What a value may be, in words."""
    if "$ref" in one:
        name = one["$ref"].rpartition("/")[2]
        heading = HEADINGS[name]
        return f"[{heading}](#{anchor(heading)})"
    if "discriminator" in one:
        return "one of " + ", ".join(_kind(form).replace("[Judge: ", "[") for form in one["oneOf"])
    forms = one.get("anyOf") or one.get("oneOf")
    if forms:
        found = [_kind(form) for form in forms if form.get("type") != "null"]
        return ", or ".join(dict.fromkeys(found))
    if "const" in one:
        return f"`{one['const']}`"
    if "enum" in one:
        return ", ".join(
            f"`{json.dumps(value) if isinstance(value, bool) else value}`" for value in one["enum"]
        )
    return _plain(one)


def _plain(one: Schema) -> str:
    kind = one.get("type")
    if kind == "array":
        return f"list: {_kind(one['items'])}" if "items" in one else f"list of {one['minItems']}"
    if kind == "object":
        inner, names = one.get("additionalProperties"), one.get("propertyNames", {}).get("enum", [])
        of = f"mapping of {', '.join(f'`{name}`' for name in names)}" if names else "mapping"
        return f"{of}: {_kind(inner)}" if isinstance(inner, dict) and inner else of
    if kind in {"integer", "number"}:
        return f"{'whole number' if kind == 'integer' else 'number'}{_bounds(one)}"
    return {"boolean": "`true`, `false`", "string": "text"}.get(str(kind), "any value")


def _bounds(one: Schema) -> str:
    names = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    return "".join(f" {word} {one[key]:g}" for key, word in names.items() if key in one)


def _default(one: Schema) -> str:
    value = one.get("default")
    if value is None or value in ([], {}, ""):
        return "*none*"
    if isinstance(value, dict):
        return "its own"
    text = value if isinstance(value, str) else json.dumps(value)
    return f"`{text}`" if len(text) <= LONGEST_DEFAULT else "hubkit's own"


def anchor(heading: str) -> str:
    """As the Hub and GitHub make it of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
    sys.stdout.write(as_markdown())
