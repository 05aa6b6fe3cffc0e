"""Cards: facts in, the same bytes out; nothing stated that no file says; nobody's text lost."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NoReturn

import pytest
import yaml
from builders import cfg, tensors, view
from cards.reading import section
from huggingface_hub import ModelCard
from safetensors.numpy import save

from hubkit.cards import sections
from hubkit.cards.build import EditedError, build_card, draft_card, recorded_digest
from hubkit.cards.checksums import Checksums
from hubkit.cards.settings import CardSettings, load_settings, save_settings
from hubkit.errors import NothingFound, UsageError
from hubkit.readme.document import parse_readme
from hubkit.release.digests import sha256_of_json
from hubkit.repo.local import open_folder
from hubkit.validate.run import validate

SETTINGS = CardSettings(repo_id="owner/release", base_model="lab/tiny", license="mit", citation="@misc{x}")
GPT2 = SETTINGS.model_copy(update={"base_model": "openai-community/gpt2"})
"""A model whose shape hubkit's table has."""


def written(folder: Path, repository: object, settings: CardSettings = SETTINGS) -> Path:
    for path, data in repository.files.items():  # type: ignore[attr-defined]
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    save_settings(settings, folder / "card.yaml")
    return folder


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A third party's folder: two SAEs, no metrics, no provenance; one of them never learned."""
    zero = tensors()
    zero["threshold"] = zero["threshold"] * 0
    files = {
        "lab_topk_L3_mixed/cfg.json": json.dumps(
            cfg("topk", metadata={"hook_name": "blocks.3.hook_resid_post"})
        ).encode()
    }
    files["lab_topk_L3_mixed/sae_weights.safetensors"] = save(tensors("topk"))
    return written(tmp_path / "release", view(weights=zero, readme=None, files=files))


def test_golden(release: Path) -> None:
    """The whole card; when it changes on purpose: HUBKIT_WRITE_GOLDENS=1 pytest tests/cards"""
    import os

    text = build_card(release).text
    golden = Path(__file__).with_name("golden_third_party.md")
    body = re.sub(r"[0-9a-f]{64}", "<digest>", text)
    if os.environ.get("HUBKIT_WRITE_GOLDENS"):
        golden.write_text(body, encoding="utf-8", newline="\n")
    assert body == golden.read_text(encoding="utf-8")


def test_same_inputs_same_bytes_and_a_second_build_writes_nothing(release: Path) -> None:
    first = build_card(release)
    assert first.changed
    stamp = first.path.stat().st_mtime_ns
    second = build_card(release)
    assert (second.changed, second.text) == (False, first.text)
    assert first.path.stat().st_mtime_ns == stamp


def test_the_card_passes_the_hubs_own_parser_and_ours(release: Path) -> None:
    card = build_card(release)
    data = ModelCard(card.text).data
    assert (data.library_name, data.base_model, data.license) == ("saelens", "lab/tiny", "mit")
    assert not [f for f in validate(open_folder(release)).findings if f.code.startswith("CARD")]


def test_a_successor_is_told_to_the_hub_and_to_the_reader(release: Path) -> None:
    card = build_card(release, SETTINGS.model_copy(update={"new_version": "owner/next"}))
    assert ModelCard(card.text).data.to_dict()["new_version"] == "owner/next"
    assert "> **Superseded** by [owner/next](https://huggingface.co/owner/next)." in card.text


@pytest.mark.parametrize(
    ("metadata", "packages"),
    [
        ({}, '"sae-lens>=6.14.0" transformers'),
        ({"model_class_name": "HookedTransformer", "model_name": "gpt2"}, '"sae-lens>=6.14.0" transformer-lens'),
        ({"model_from_pretrained_kwargs": {"quantization_config": {"load_in_4bit": True}}}, '"sae-lens>=6.14.0" transformers bitsandbytes accelerate'),
        ({"model_from_pretrained_kwargs": {"gguf_file": "x.gguf"}}, '"sae-lens>=6.14.0" transformers gguf'),
    ],
)  # fmt: skip
def test_what_to_install_is_what_loads_these_saes(
    tmp_path: Path, metadata: dict[str, object], packages: str
) -> None:
    folder = written(tmp_path, view(cfg("topk", metadata=metadata), tensors("topk"), readme=None), GPT2)
    assert f"\npip install {packages}\n" in build_card(folder).text


def test_the_version_to_install_is_the_first_that_loads_all_of_them(tmp_path: Path) -> None:
    older = view(folder="b", readme=None).files
    folder = written(tmp_path, view(cfg("abstopk"), tensors("abstopk"), readme=None, files=older), GPT2)
    assert '\npip install "sae-lens>=6.53.0" transformers\n' in build_card(folder).text


def test_the_names_of_sections_are_a_contract() -> None:
    """Prose in card.yaml and regions in published cards go by them: one may come, none may go."""
    assert {
        "summary", "caveat", "uses", "contents", "research", "key_findings", "stated", "sae_table", "labels", "training", "precision", "architecture",
        "quality", "effect_sizes", "stability", "steering", "top_features", "probes", "limitations", "loading", "versions", "citation", "license",
        "provenance",
    } <= sections.ALL.keys()  # fmt: skip


def test_counts_are_the_folders(release: Path) -> None:
    text = build_card(release).text
    assert "**2 SAEs**: 1 jumprelu, 1 topk" in text
    assert "**Layers**: 2, 3" in text
    assert section(text, "The SAEs").count("\n| `lab_") == 2


def test_defects_are_disclosed_by_construction(release: Path) -> None:
    text = build_card(release).text
    strip = "**Every threshold is 0: this JumpReLU computes a plain ReLU.** Every jumprelu SAE: see [Limitations](#limitations)"
    assert strip in text
    assert "1 of 2 SAEs, every jumprelu SAE: `lab_L2_mixed` (THR001)." in section(text, "Limitations")
    assert "- **Avoid** every jumprelu SAE: it has defects (THR001)." in text


def test_what_was_not_measured_says_so(release: Path) -> None:
    text = build_card(release).text
    assert "Not measured by hubkit: 2 of 2 SAEs." in section(text, "Limitations")
    assert "There is no provenance.json" in text
    assert re.search(
        r"^- Key findings, SAE quality, What the label means, Effect sizes, Latents from other seeds: not computed by hubkit\.$",
        text,
        re.MULTILINE,
    )
    assert re.search(
        r"^- Stability .*Probe comparison: not computed by hubkit, and stated in no file beside this card\.$",
        text,
        re.MULTILINE,
    )
    assert "## Key findings" not in text


def test_the_loading_code_parses_and_names_what_is_there(release: Path) -> None:
    import ast

    blocks = [
        block for block in parse_readme(build_card(release).text).code_blocks if block.language == "python"
    ]
    assert blocks
    code = "\n".join(block.text for block in blocks)
    ast.parse(code)
    assert '"owner/release"' in code
    assert 'sae_id = "lab_topk_L3_mixed"' in code  # the one without findings


def test_the_digest_moves_with_the_files_and_not_with_the_card(release: Path) -> None:
    card = build_card(release)
    assert recorded_digest(card.text) == sha256_of_json(Checksums.of(release).get())
    (release / "lab_topk_L3_mixed" / "cfg.json").write_bytes(json.dumps(cfg("topk", k=5)).encode())
    assert recorded_digest(card.text) != sha256_of_json(Checksums.of(release).get())


def test_nobodys_text_is_lost(release: Path) -> None:
    path = release / "README.md"
    path.write_text("# My own words\n", encoding="utf-8")

    def never(*_: object) -> NoReturn:
        raise AssertionError("the card's code was run before the card was refused")

    with pytest.raises(UsageError, match="not written by hubkit"):
        build_card(release, run=never)
    assert path.read_text(encoding="utf-8") == "# My own words\n"
    build_card(release, force=True)
    path.write_text(path.read_text(encoding="utf-8").replace("# Sparse", "# My sparse"), encoding="utf-8")
    with pytest.raises(EditedError, match="edited by hand") as error:
        build_card(release, run=never)
    assert "-# My sparse" in error.value.diff
    assert "+# Sparse" in error.value.diff
    assert error.value.exit_code == 2
    assert "# My sparse" in path.read_text(encoding="utf-8")


def test_hostile_names_stay_inside_their_cell(tmp_path: Path) -> None:
    evil = "lab_L2_<script>alert(1)</script>"
    folder = written(
        tmp_path / "evil",
        view(
            cfg(metadata={"training_condition": "a|b\n<img src=x>"}),
            folder="lab_L2",
            readme=None,
            files=view(folder="lab_L3", readme=None).files,
        ),
    )
    text = build_card(folder).text
    assert "a\\|b &lt;img" in text
    assert evil not in text


def test_settings_round_trip_and_name_every_mistake(tmp_path: Path) -> None:
    save_settings(SETTINGS, tmp_path / "card.yaml")
    assert load_settings(tmp_path / "card.yaml") == SETTINGS
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump({"repo_id": "x", "licence": "mit"}), encoding="utf-8")
    with pytest.raises(UsageError) as error:
        load_settings(tmp_path / "bad.yaml")
    for word in ("repo_id", "base_model", "license", "licence"):
        assert word in error.value.message


def test_a_folder_without_saes_has_no_card(tmp_path: Path) -> None:
    save_settings(SETTINGS, tmp_path / "card.yaml")
    with pytest.raises(NothingFound, match="no SAE"):
        build_card(tmp_path)


def test_an_edit_of_the_front_matter_is_an_edit(release: Path) -> None:
    path = build_card(release).path
    path.write_text(path.read_text(encoding="utf-8").replace("license: mit", "license: apache-2.0"), "utf-8")
    with pytest.raises(EditedError, match="edited by hand") as error:
        build_card(release)
    assert "+license: mit" in error.value.diff


def test_a_draft_writes_nothing(release: Path) -> None:
    card = draft_card(release)
    assert card.changed
    assert not (release / "README.md").exists()
    assert not (release / "figures").exists()


def test_the_digests_are_those_that_a_validation_computes(release: Path) -> None:
    build_card(release)
    assert "CARD013" not in codes_of(release)
    path = release / "lab_topk_L3_mixed" / "cfg.json"
    path.write_bytes(path.read_bytes().replace(b'"k": 4', b'"k": 5'))
    assert "CARD013" in codes_of(release)


def codes_of(folder: Path) -> set[str]:
    return {finding.code for finding in validate(open_folder(folder)).findings}


def test_a_sound_release_with_its_card_is_clean(tmp_path: Path) -> None:
    folder = written(tmp_path / "sound", view(readme=None))
    save_settings(SETTINGS.model_copy(update={"recommended": ["A."], "not_recommended": ["B."]}), folder / "card.yaml")  # fmt: skip
    build_card(folder)
    assert codes_of(folder) == set()


@pytest.mark.parametrize(
    ("width", "hook", "block"),
    [
        (768, "blocks.2.hook_resid_post", "transformer.h.2"),
        (768, "blocks.2.hook_mlp_out", None),
        (768, "blocks.12.hook_resid_post", None),
        (8, "blocks.2.hook_resid_post", None),
    ],
)
def test_the_loading_code_hooks_the_block_of_the_base_model_where_the_configuration_names_none(
    tmp_path: Path, width: int, hook: str, block: str | None
) -> None:
    one = view(
        cfg("topk", d_in=width, metadata={"hook_name": hook, "model_name": "gpt2"}),
        tensors("topk", d_in=width),
        readme=None,
    )
    written(tmp_path, one, GPT2)
    card = build_card(tmp_path).text
    assert ("get_submodule(block)" in card) == (block is not None)
    assert f'block = "{block}"' in card or block is None
    assert f"hook_name: `{hook}`; " in card
    assert (f": `{block}`." if block else "hf_hook_name: not recorded.") in card


def test_a_card_yaml_with_nothing_in_it_says_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "card.yaml"
    with pytest.raises(UsageError) as absent:
        load_settings(path)
    assert absent.value.hint == f"hubkit init {tmp_path} writes one"
    path.write_text("repo_id:\nbase_model: gpt2\nlicense:\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"repo_id: is missing; license: is missing$"):
        load_settings(path)
    path.write_text("# nothing yet\n", encoding="utf-8")
    with pytest.raises(UsageError, match="repo_id: is missing; license: is missing; base_model: is missing"):
        load_settings(path)


@pytest.mark.parametrize("model", ["google/gemma-2-9b", "gemma-2b", "EleutherAI/pythia-70m"])
def test_a_card_of_another_model_than_the_saes_is_not_built(tmp_path: Path, model: str) -> None:
    settings = SETTINGS.model_copy(update={"base_model": "google/gemma-2-2b"})
    folder = written(tmp_path, view(cfg(metadata={"model_name": model}), readme=None), settings)
    with pytest.raises(UsageError, match="base_model is google/gemma-2-2b") as refused:
        build_card(folder)
    assert model in refused.value.message
    assert "write base_model: " in str(refused.value.hint)
    assert not (folder / "README.md").exists()


@pytest.mark.parametrize(
    "model", ["gemma-2-2b", "google/gemma-2-2b-it", "unsloth/gemma-2-2b-bnb-4bit", "/data/my-own", "unknown"]
)
def test_a_card_of_the_same_model_or_of_one_that_may_be_related_is_built(tmp_path: Path, model: str) -> None:
    settings = SETTINGS.model_copy(update={"base_model": "google/gemma-2-2b"})
    written(tmp_path, view(cfg(metadata={"model_name": model}), readme=None), settings)
    assert build_card(tmp_path).changed


def test_a_width_that_the_base_model_has_not_is_told_in_the_card(tmp_path: Path) -> None:
    folder = written(tmp_path, view(cfg(metadata={"model_name": "gpt2"}), readme=None), GPT2)
    text = build_card(folder).text
    assert "HOOK003" in text
    assert "found no defect" not in text
