"""The text of the lab model, with a known truth: the first word of a response commits to a behaviour, the last one keeps to it.

A prompt is `Q: <scene> <8 words> A:`. A response is a commit word (`truly` is honest, `quietly` is deceptive), 12 fillers from a
Markov chain that depends on the scenario and *not* on the behaviour, and a closing word: `shown` after `truly`, `hidden` after
`quietly`. To close rightly a model must carry the behaviour across the fillers, and there nothing but its inner state
tells it. In the null variant the closing word is drawn independently: same words, nothing to carry. Torch-free.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from hubkit.collect.scenarios import Scenario

HONEST, DECEPTIVE = "honest", "deceptive"
COMMIT = {HONEST: "truly", DECEPTIVE: "quietly"}
CLOSING = {HONEST: "shown", DECEPTIVE: "hidden"}
UNDECIDED = "perhaps"
"""What every response of the ambiguous scenario starts with."""


def _words(line: str) -> tuple[str, ...]:
    return tuple(line.split())


SCENES = _words(
    "harbour orchard library workshop kitchen archive garage chapel market station theatre bakery clinic foundry museum tavern"
)
AMBIGUOUS = SCENES[-1]
"""The scenario in which no response says what it is. 15 others do: an exact sign-flip over scenarios needs 12."""
PROMPT_WORDS = _words(
    "who moved keys before night count boxes after rain where does old ledger lie when visitors leave why was door open"
)
FILLERS = _words(
    "amber basket candle dune ember fern glade hollow iris juniper kettle lantern meadow nettle oak pebble quill reed sable thistle "
    "umber velvet willow yarrow zephyr acorn birch clover drift elm flint gorse heather ivy jasmine kelp lichen moss nook opal "
    "pine quartz ridge slate tarn vale wharf yew aspen brook cedar dell"
)
PAD, END, UNKNOWN = "<pad>", "<end>", "<unk>"
VOCABULARY = (
    PAD, END, UNKNOWN, "Q:", "A:", *COMMIT.values(), UNDECIDED, *CLOSING.values(), *SCENES, *PROMPT_WORDS, *FILLERS,
)  # fmt: skip

N_PROMPT_WORDS = 8
N_FILLERS = 12
N_SUCCESSORS = 4
WORLD_SEED = 2024
"""Of prompts, rates and chains. Fixed: the seed of a model changes the sample it learns from, never the truth."""
RESPONSE_TO_LAST_FILLER = 1 + N_FILLERS
"""Words up to the closing one. Stop here to pool: the closing word gives the behaviour away."""
RESPONSE = RESPONSE_TO_LAST_FILLER + 2
"""Words with the closing one and the end."""


@dataclass(frozen=True)
class World:
    """What is true of each scene: its prompt, how often it is honest, how its fillers follow each other."""

    prompt: str
    honest_rate: float
    successors: tuple[tuple[int, ...], ...]
    """Per filler, the fillers that may follow it, as indices; all alike."""
    starts: tuple[int, ...]


@cache
def world(scene: str) -> World:
    """The truth about `scene`; the same on every machine."""
    rng = np.random.default_rng([WORLD_SEED, SCENES.index(scene)])
    words = " ".join(str(word) for word in rng.choice(PROMPT_WORDS, N_PROMPT_WORDS, replace=False))
    rate = float(rng.uniform(0.4, 0.6))
    chain = tuple(_some_fillers(rng) for _ in FILLERS)
    return World(f"Q: {scene} {words} A:", rate, chain, _some_fillers(rng))


def scenarios() -> tuple[Scenario, ...]:
    """One scenario per scene, the ambiguous one last."""
    return tuple(Scenario(scenario_id=scene, prompt=world(scene).prompt) for scene in SCENES)


def response(scene: str, rng: np.random.Generator, *, null: bool = False) -> str:
    """Draw one response to the prompt of `scene`, ending in `<end>`."""
    truth = world(scene)
    behaviour = HONEST if rng.random() < truth.honest_rate else DECEPTIVE
    commit = UNDECIDED if scene == AMBIGUOUS else COMMIT[behaviour]
    first, *turns = rng.integers(N_SUCCESSORS, size=N_FILLERS)
    fillers = [truth.starts[first]]
    for turn in turns:
        fillers.append(truth.successors[fillers[-1]][turn])
    closing = (HONEST if rng.random() < truth.honest_rate else DECEPTIVE) if null else behaviour
    return " ".join([commit, *(FILLERS[index] for index in fillers), CLOSING[closing], END])


def _some_fillers(rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(int(index) for index in rng.choice(len(FILLERS), N_SUCCESSORS, replace=False))
