"""Every JSON Schema that ships, from the models it is generated from: `python -m hubkit.study.schemas FOLDER` writes them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from hubkit.cards.settings import CardSettings
from hubkit.formats.cfg_schema import cfg_schema
from hubkit.release.agreement import Agreement
from hubkit.release.evidence import Evidence
from hubkit.release.metrics import Evaluation, SaeMetrics
from hubkit.release.pool import PoolManifest
from hubkit.release.pool_extras import PoolExtras
from hubkit.release.pool_report import PoolReport
from hubkit.release.provenance import Provenance
from hubkit.release.writing import to_json, write_text
from hubkit.study.retrain import PublishedSpecs
from hubkit.study.several import study_schema
from hubkit.validate.report_schema import Report

DRAFT = "https://json-schema.org/draft/2020-12/schema"
MODELS: dict[str, type[BaseModel]] = {
    "report": Report,
    "metrics": SaeMetrics,
    "evaluation": Evaluation,
    "evidence": Evidence,
    "provenance": Provenance,
    "pool": PoolManifest,
    "pool-extras": PoolExtras,
    "pool-report": PoolReport,
    "specs": PublishedSpecs,
    "agreement": Agreement,
    "card": CardSettings,
}


def all_schemas() -> dict[str, dict[str, Any]]:
    """Name to schema."""
    found = {
        name: {"$schema": DRAFT, "$id": _identity(name, model)} | model.model_json_schema(by_alias=True)
        for name, model in MODELS.items()
    }
    study = {"$schema": DRAFT, "$id": "urn:hubkit:study:1"} | study_schema()
    return {"cfg": cfg_schema(), "study": study} | found


def _identity(name: str, model: type[BaseModel]) -> str:
    """What the files carry as `$schema`; of those that carry none, the first form."""
    field = model.model_fields.get("schema_")
    return str(field.default) if field is not None else f"urn:hubkit:{name}:1"


def write_schemas(folder: Path) -> None:
    """Write `<name>.schema.json` for each."""
    for name, schema in all_schemas().items():
        write_text(folder / f"{name}.schema.json", to_json(schema))


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]))
