"""CARD016 of code that changes activations before an SAE gets them, and of hooks whose names are put together."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from builders import README, cfg
from safetensors.numpy import save

from hubkit.readme.code_inputs import changes_of
from hubkit.readme.code_models import use_of
from hubkit.readme.document import parse_readme
from hubkit.repo.memory import MemoryView
from hubkit.validate.finding import Severity
from hubkit.validate.run import Selection, validate

LOADS = 'from sae_lens import SAE\n\nsae = SAE.from_pretrained("lab/saes", "L12")\n'


def card(code: str, *, loads: str = LOADS) -> str:
    return f"{README}```python\n{loads}{code}\n```\n"


def told(code: str, *, loads: str = LOADS, **changes: object) -> list[tuple[Severity, str]]:
    metadata = {
        "model_name": "google/gemma-2-2b",
        "hook_name": "blocks.12.hook_resid_post",
        "prepend_bos": True,
    }
    configuration = cfg("standard", d_in=2304, metadata=metadata, **changes)
    text = card(code, loads=loads).replace("lab/tiny", "google/gemma-2-2b")
    files = {
        "README.md": text.encode(),
        "L12/cfg.json": json.dumps(configuration).encode(),
        "L12/sae_weights.safetensors": b"",
    }
    report = validate(MemoryView(name="lab/saes", files=files), Selection(select=("CARD016",)))
    assert not report.crashes, report.crashes[0].traceback
    return [(one.severity, one.message) for one in report.findings if one.code == "CARD016"]


@pytest.mark.parametrize(
    "code",
    [
        "f = sae.encode(x / x.norm(dim=-1, keepdim=True))",
        "x = x / x.norm(dim=-1, keepdim=True)\nf = sae.encode(x)",
        "n = x.norm(dim=-1, keepdim=True)\nx = x / n\nf = sae.encode(x)",
        "x /= torch.linalg.vector_norm(x, dim=-1, keepdim=True)\nf = sae(x)",
        "f = sae.encode(F.layer_norm(x, (2304,)))",
        "x = F.normalize(x, dim=-1)\nf = sae.encode(x.to('cuda'))",
        "x = torch.nn.LayerNorm(2304)(x)\nf = sae.encode(x)",
        "def scaled(x):\n    n = x.norm()\n    return x / n\n\n\nf = sae.encode(scaled(x))",
        "x = (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-6)\nf = sae.encode(x)",
    ],
)
def test_code_that_normalizes_is_told_where_the_configuration_says_none(code: str) -> None:
    ((severity, message),) = told(code)
    assert severity is Severity.WARNING
    assert "normalize_activations of L12 is none" in message
    assert "SAELens does it itself" in told(code, normalize_activations="layer_norm")[0][1]
    assert told(code, normalize_activations="expected_average_only_in") == []


@pytest.mark.parametrize(
    "code",
    [
        "f = sae.encode(x)\nf = f / f.norm(dim=-1, keepdim=True)",
        "d = sae.W_dec / sae.W_dec.norm(dim=-1, keepdim=True)\nf = sae.encode(x)",
        "x = x / 2\nf = sae.encode(x)",
        "tokens = tokenizer.encode(text / text.norm())",
        "def scaled(x):\n    return x / x.norm()\n\n\nf = sae.encode(x)",
        "f = sae.encode(x)\nx = x / x.norm()",
        "x_hat = sae.decode(f) - x",
        "x = x\nf = sae.encode(x)",
    ],
)
def test_what_is_done_elsewhere_is_not(code: str) -> None:
    assert told(code) == []


def test_the_decoders_bias_is_taken_once() -> None:
    code = "x = x - sae.b_dec\nf = sae.encode(x)"
    ((_, message),) = told(code)
    assert "apply_b_dec_to_input of L12 is true, so SAELens does it itself" in message
    assert "apply_b_dec_to_input of L12 is false" in told(code, apply_b_dec_to_input=False)[0][1]
    assert told("direction = sae.b_dec - x.mean(0)\nf = sae.encode(x)") == []


def test_activations_that_the_code_makes_are_as_wide_as_the_saes() -> None:
    for code in (
        "f = sae.encode(torch.randn(4, 768))",
        "x = np.zeros((4, 768))\nf = sae.encode(x)",
        "x = torch.ones([768])\nf = sae(x)",
    ):
        ((severity, message),) = told(code)
        assert severity is Severity.WARNING
        assert "of width 768 for the SAE; d_in of L12 is 2304" in message
        assert told(code.replace("768", "2304")) == told(code.replace("768", "width")) == []
    assert (
        told("x = torch.randn(4, 768) @ W\nf = sae.encode(x)")
        == told("w = torch.zeros(5)\nf = sae.encode(x)")
        == []
    )


def test_a_bos_token_is_there_as_in_the_training() -> None:
    run = 'logits, cache = model.run_with_cache("text", prepend_bos={})\nf = sae.encode(cache["blocks.12.hook_resid_post"])'
    assert "puts no BOS token before the text; prepend_bos of L12 is true" in told(run.format(False))[0][1]
    assert told(run.format(True)) == told('ids = model.to_tokens(" yes", prepend_bos=False)') == []


@pytest.mark.parametrize(
    "name",
    [
        'f"blocks.{layer}.hook_resid_post"', '"blocks.{}.hook_resid_post".format(layer)', '"blocks.{n}.hook_resid_post".format(n=layer)',
        '"blocks.%d.hook_resid_post" % layer', '"blocks." + str(layer) + ".hook_resid_post"', '"{1}.{0}.hook_resid_post".format(layer, "blocks")',
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "way",
    [
        "layer = {}\nf = sae.encode(cache[NAME])",
        "for layer in ({}, {}):\n    f = sae.encode(cache[NAME])",
        "for layer in range({}, {} + 1):\n    x = cache[NAME]",
    ],
)
def test_a_hook_whose_name_is_put_together_is_read(name: str, way: str) -> None:
    code = way.replace("NAME", name)
    wrong = told(code.replace("{}", "5").replace("5 + 1", "7") if "range" in way else _filled(code, 5))
    assert [severity for severity, _ in wrong] == [Severity.ERROR]
    assert "reads blocks.5.hook_resid_post" in wrong[0][1]
    assert (
        told(code.replace("range({}, {} + 1)", "range(0, 13)") if "range" in way else _filled(code, 12)) == []
    )


def _filled(code: str, layer: int) -> str:
    return code.replace("= {}", f"= {layer}").replace("({}, {})", f"({layer}, {layer})")


def test_what_nobody_can_follow_is_left_alone() -> None:
    for name in (
        'f"blocks.{layer}.hook_resid_post"',
        'f"blocks.{5:02d}.hook_resid_post"',
        '"blocks.{:>3}.hook_resid_post".format(5)',
        '"blocks.{}.hook_resid_post".format()',
    ):
        assert told(f"for layer in layers:\n    x = cache[{name}]") == []


def test_code_of_any_length_and_depth_is_read_in_time() -> None:
    chain = (
        "x0 = x\n" + "".join(f"x{n} = x{n - 1} + x{n - 1}\n" for n in range(1, 400)) + "f = sae.encode(x399)"
    )
    assert changes_of(parse_readme(card(chain)).code_blocks) == []
    long = "f = sae.encode(" + " + ".join(["x"] * 2_000) + ")\ny = " + " + ".join(['"a"'] * 900)
    assert use_of(parse_readme(card(long)).code_blocks).reads == []
    many = "".join(card("x = x + y\nf = sae.encode(x)", loads="").replace(README, "") for _ in range(3_000))
    loops = "".join(
        card("for n in range(200):\n    c[f'blocks.{n}.hook_resid_post']", loads="").replace(README, "")
        for _ in range(1_000)
    )
    begun = time.process_time()
    for text in (many, loops):
        blocks = parse_readme(README + text).code_blocks
        assert changes_of(blocks) == []
        use_of(blocks)
    assert time.process_time() - begun < 6


WEIGHTS = 'from safetensors.torch import load_file\n\nw = load_file("L12/sae_weights.safetensors")\n'


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("z = sae.encode(x)\nprint(z[:, 24576])", "takes latent 24576"),
        ("z = sae.encode(x)\nprint(z[..., 30_000])", "takes latent 30000"),
        ("ids = [12, 881, 24_999]\nprint(sae.W_dec[ids])", "takes latent 24999"),
        ("z = sae.encode(x)\nassert z.shape == (1, 3072)", "encode gives 3072"),
        ("z = sae.encode(x)\nassert z.shape[-1] == 3072", "encode gives 3072"),
    ],
)
def test_latents_that_the_sae_has_not_are_told(code: str, word: str) -> None:
    ((severity, message),) = told(code, d_sae=24576)
    assert severity is Severity.WARNING
    assert word in message


@pytest.mark.parametrize(
    "code",
    [
        "z = sae.encode(x)\nprint(z[:, 24575])",
        "z = sae.encode(x)\nprint(z[30_000])",
        "z = tokens.encode(x)\nprint(z[:, 30_000])",
        "ids = [12, 881]\nprint(sae.W_dec[ids])",
        "ids = [12, 99_999]\nids = ids[:1]\nprint(sae.W_dec[ids])",
        "z = sae.encode(x)\nassert z.shape == (1, 24576)",
        "z = sae.encode(x)\nassert z.shape == x.shape",
        "y = model(x)\nassert y.shape == (1, 3072)",
    ],
)
def test_latents_that_it_has_are_left_alone(code: str) -> None:
    assert told(code, d_sae=24576) == []


def test_a_tensor_that_the_file_lacks_is_told() -> None:
    tensors = {"W_enc": np.zeros((4, 8), np.float32), "b_enc": np.zeros(8, np.float32), "W_dec": np.zeros((8, 4), np.float32), "b_dec": np.zeros(4, np.float32)}  # fmt: skip
    for name, alarms in (("threshold", 1), ("encoder.weight", 1), ("W_enc", 0)):
        files = {
            "README.md": card(f'{WEIGHTS}print(w["{name}"].shape)').encode(),
            "L12/cfg.json": json.dumps(cfg("standard", d_in=4, d_sae=8)).encode(),
            "L12/sae_weights.safetensors": save(tensors),
        }
        found = validate(MemoryView(name="lab/saes", files=files)).findings
        assert [f"reads the tensor {name}" in one.message for one in found if "tensor" in one.message] == [
            True
        ] * alarms


FILE = 'from safetensors.torch import load_file\n\nw = load_file("L12/sae_weights.safetensors")\n'
TOKENS = 'model = HookedTransformer.from_pretrained("gemma-2-2b")\n'


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("z = sae.encode(x)\ny = z @ sae.W_dec.T", "multiplies d_sae and d_out values; d_sae of L12 is 32, d_out 2,304"),
        ("y = sae.encode(x) @ sae.W_enc", "multiplies d_sae and d_in values"),
        ("y = torch.matmul(sae.encode(x), sae.W_dec.t())", "multiplies d_sae and d_out values"),
        ("y = z @ sae.W_dec.T + sae.b_dec", "adds d_sae and d_out values"),
        (f"{FILE}z = torch.relu(x @ w['W_enc'].T + w['b_enc'])", "adds d_in and d_sae values"),
        (f"{FILE}pre = x @ w['W_enc']\ny = pre.float() - w['b_dec']", "adds d_sae and d_out values"),
        ("z = sae.encode(sae(x) + sae.b_enc)", "adds d_out and d_sae values"),
        ("direction = sae.W_dec[:, 7]", "takes number 7 along the inputs; W_dec of L12 is [32, 2304]"),
        ("feature_vec = sae.W_enc[7]", "takes number 7 along the inputs; W_enc of L12 is [2304, 32]"),
        ('sae = JumpReLUSAE.from_pretrained("lab/saes", "L12")', "loads the SAE as a JumpReLUSAE; L12 is a standard, of the class StandardSAE"),
        (f"{TOKENS}tokens = model.to_tokens('a', prepend_bos=False)\n_, cache = model.run_with_cache(tokens)\nf = sae.encode(cache['blocks.12.hook_resid_post'])", "puts no BOS token before the text"),
    ],
)  # fmt: skip
def test_code_that_joins_what_does_not_fit_is_told(code: str, words: str) -> None:
    ((severity, message),) = told(code)
    assert severity is Severity.WARNING
    assert words in message


@pytest.mark.parametrize(
    "code",
    [
        "z = sae.encode(x)\ny = z @ sae.W_dec + sae.b_dec",
        "y = (x - m) @ sae.W_enc + sae.b_enc",
        "similar = sae.W_dec @ sae.W_dec.T",
        "similar = sae.W_enc.T @ sae.W_dec.T",
        "scores = x @ sae.W_dec.T",
        "scores = sae.W_dec @ direction\nscores = scores + sae.b_enc",
        "y = sae.W_dec.T @ sae.encode(x).T",
        "y = sae.decode(sae.encode(x)) - x",
        "error = x - sae(x) + sae.b_dec",
        "z = torch.relu(sae.encode(x)) * sae.threshold",
        "unit = sae.W_dec / sae.W_dec.norm(dim=-1, keepdim=True)",
        "direction = sae.W_dec[7]",
        "direction = sae.W_enc[:, 7]",
        "on_neuron = sae.W_dec[:, 7]",
        "inputs = sae.W_enc[7]",
        "row = sae.W_dec[7] + sae.b_dec",
        f"{FILE}z = torch.relu((x - w['b_dec']) @ w['W_enc'] + w['b_enc'])",
        'sae = StandardSAE.from_pretrained("lab/saes", "L12")',
        'sae = MySAE.from_pretrained("lab/saes", "L12")',
        f"{TOKENS}answer = model.to_tokens(' Paris', prepend_bos=False)[0]\n_, cache = model.run_with_cache('a')",
        f"{TOKENS}tokens = model.to_tokens('a', prepend_bos=True)\n_, cache = model.run_with_cache(tokens)",
        "for _ in range(3):\n    y = y @ y.T\n    y = y + y",
    ],
)  # fmt: skip
def test_code_that_joins_what_fits_is_left_alone(code: str) -> None:
    assert told(code) == []


def test_of_a_square_sae_nothing_misfits() -> None:
    assert told("y = sae.encode(x) @ sae.W_dec.T", d_sae=2304) == []
