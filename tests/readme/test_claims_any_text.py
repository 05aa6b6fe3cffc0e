"""Any text may be a README: claims never raise, stay inside the text, and take time linear in its length."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hubkit.readme.claims import import_grammar, read_claims
from hubkit.readme.claims.kinds import Claim
from hubkit.readme.code import faults_of
from hubkit.readme.disclosure import discloses, missing_sections
from hubkit.readme.document import parse_readme
from hubkit.readme.fetches import fetches
from hubkit.readme.page import LONGEST_QUOTE, Page
from hubkit.readme.saelens_api import release_for

PIECES = [
    "57", "SAEs", "sparse autoencoders", "across", "6 layers", "(L4, L8", ")", "L12", "(39% depth)", "2/57", "(3%)", "+8.68pp", "beating", "71.4%", "|", "\n", "- ",
    "# ", "```", "```python\n", "d_in=", "8192", "expansion", "hook_name format:", "blocks.{layer}.hook_resid_post", 'sae_id = "', "threshold", "1.88B parameter",
    "GPT-NeoX", "arXiv:2509.20393", '"A Title Of Some Length"', "---", "| --- | --- |", "SAE ID", "{model}", "TODO", "~", "x", "×", "=", "—", "β€”", "Original", "d_max",
    "bits/parameter", "nf4", "peak layer", "<!--", "-->", "\x00", "\u2028", "[", "](", "**", "`", "from sae_lens import SAE\n", "SAE.from_pretrained(", "| Architecture | TopK |\n", "- **Base model:** ", "Hook point: ", "All SAEs have ", "32k width", "This repository contains one", "JumpReLU SAE", "on layer ",
    "<table>", "<tr><th>Layer</th>", "<td>9</td></tr>", "**Layer** 9", "the ninth layer", "sixty-four", "layers 6-9", "every other layer", "16_384 latents", "2^14", "before the block", "    layer: 9\n", "====\n", "```bash\n", "hf download a/b ", "sae.cfg.hook_name\n", "sae, c, s = ", "sae-lens<6",
]  # fmt: skip
import_grammar()  # its patterns are compiled once, which is no example's time
TEXTS = st.one_of(
    st.text(max_size=400),
    st.lists(st.sampled_from(PIECES), max_size=60).map(" ".join),
    st.lists(st.sampled_from(PIECES), max_size=60).map("".join),
)


@given(TEXTS)
@example("---\n---\n| a |\n|-|\n")
@example("```\n```python")
def test_any_text_is_read(text: str) -> None:
    readme = parse_readme(text)
    lines = readme.text.split("\n")
    page = Page(readme)
    for claim in read_claims(page).found:
        assert isinstance(claim, Claim)
        assert 1 <= claim.line <= len(lines)
        assert len(claim.quote) <= LONGEST_QUOTE
        assert "\n" not in claim.quote
    assert isinstance(discloses(page, "threshold"), bool)
    assert isinstance(missing_sections(page), list)
    for fault in faults_of(readme.code_blocks, release_for(text)):
        assert 1 <= fault.line <= len(lines)
    for one in fetches(readme.code_blocks):
        assert 1 <= one.line <= len(lines)


HOSTILE = {
    "digits": "1",
    "spaces": " ",
    "bars": "|",
    "words": "57 SAEs across 6 layers (L4, L8, ",
    "brackets": "[",
    "comments": "<!--",
    "orders": "L0 rises with depth, layer 6 has the lowest L0, all SAEs have an L0 above 3 and ",
    "orders without end": "at layers 2, 6, 10, 12, ",
    "numbers of a model": "GPT-2 small (12 layers, 12 heads, ",
    "citations": "JumpReLU, cite Doe and Roe et al., introduced by ",
    "shapes": "W_enc has the shape (1, ",
    "versions": "loads with sae lens ",
    "printed": "TopKSAE(d_in=",
    "underscores": "a_",
    "dashes": "-",
    "slashes": "1/",
    "stars": "*",
    "quotes": '"A ',
    "fences": "```\n",
    "rows": "| `lab_L2_mixed` | 64 | 0.99 |\n",
    "table": "| SAE | L0 |\n|---|---|\n",
    "percent": "12% ",
    "parentheses": "(",
    "names": "lab_topk_L2_mixed ",
    "equals": "d_in=",
    "dots": "a.",
    "heads": "# a\n",
    "layers": "Layers: L1, ",
    "lists": "L1, ",
    "products": "6 x ",
    "models": "a/b (1.88B ",
    "titles": '"Title That Is Long Enough',
    "properties": "- **Base model:** gpt2, ",
    "rows of properties": "| Hidden size (d_model) | 768 |\n",
    "HTML rows": "<tr><th>Layer</th><td>9</td></tr>",
    "HTML tables": "<table><tr><td>",
    "cells that never end": "<table><td>a",
    "terms": "<dl><dt>k<dd>9",
    "columns": "| Layer | Width | k |\n|---|---|---|\n| 9 | 16k | 64 |\n",
    "titles of two": "| Layer | 9 |\n|---|---|\n",
    "keys in bold": "**Layer** 9 ",
    "pairs": "layer: 9, ",
    "layers named": "on layer nine, ",
    "layers listed": "layers 6, 9, ",
    "ordinals": "the ninth layer ",
    "numbers in words": "sixty-four ",
    "loose sentences": "The dictionary has 16 features, ",
    "widths of the input": "activations of dimension ",
    "tags": "<b>a</b>",
    "indented": "\n    layer: 9\n",
    "sentences": "All TopK SAEs have 64 width and ",
    "widths": "matryoshka layers of width 1, ",
    "amounts": "1 000 ",
    "hooks": "blocks.1.",
    "kinds": "batch topk ",
    "keys": 'sae_id = "a"\n# keys,\n',
}


def seconds(text: str) -> float:
    begun = time.process_time()  # not of the clock on the wall: others may be busy
    page = Page(parse_readme(text))
    read_claims(page)
    discloses(page, "threshold")
    missing_sections(page)
    return time.process_time() - begun


@pytest.mark.parametrize("name", sorted(HOSTILE))
@pytest.mark.parametrize("end", ["", "\n"])
def test_time_is_linear_in_the_length(name: str, end: str) -> None:
    """Four times the text takes at most about four times as long; quadratic would be sixteen times."""
    piece = HOSTILE[name] + end
    small, large = (piece * (size // len(piece)) for size in (16_000, 64_000))
    first = min(seconds(small) for _ in range(3))
    assert min(seconds(large) for _ in range(3)) < 10 * first + 0.05, "the best of three: others may be busy"


def test_a_long_table() -> None:
    """A table of 5,000 SAEs."""
    text = "| SAE ID | layer | width | L0 |\n|---|---|---|---|\n" + "".join(
        f"| `snap/blocks.{number % 26}.hook_resid_post/{number}` | {number % 26} | 32768 | 40 |\n"
        for number in range(5_000)
    )
    assert seconds(text) < 10
