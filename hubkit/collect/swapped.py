"""The committing word of a completion changed for the one of the other label. Torch-free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubkit.inference.tokens import decode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hubkit.collect.completions import Completion


def other_word(one: Completion, words: Mapping[str, tuple[str, ...]]) -> str | None:
    """The word of the other label that stands at the same place of its list, else the first; written large as the word that is there is.

    None where the other label has no word. `words` are label to words.
    """
    said = one.label_unflipped or one.label
    others = [label for label in words if label != said]
    if one.commit_span is None or len(others) != 1 or not words[others[0]]:
        return None
    there, other = one.text[slice(*one.commit_span)], words[others[0]]
    own = [word.casefold() for word in words.get(str(said), ())]
    place = own.index(there.casefold()) if there.casefold() in own else 0
    return _as_large_as(there, other[place] if place < len(other) else other[0])


def _as_large_as(there: str, word: str) -> str:
    if len(there) > 1 and there.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if there[:1].isupper() else word


def replacement(
    tokenizer: Any, token_ids: Sequence[int], word: tuple[int, int], span: tuple[int, int], other: str
) -> tuple[int, ...] | None:
    """Token ids to put in place of the tokens `word` (start, end) so that the text has `other` where the characters `span` were.

    What else those tokens hold, such as the space before the word, stays. None where the tokenizer has no tokens that read so there.
    """
    before = decode(tokenizer, token_ids[: word[0]])
    through = decode(tokenizer, token_ids[: word[1]])
    wanted = through[len(before) : span[0]] + other + through[span[1] :]
    for text in (wanted, wanted.lstrip(" ")):  # some tokenizers put a space before whatever they are given
        ids = tuple(int(token) for token in tokenizer(text, add_special_tokens=False).input_ids)
        if decode(tokenizer, [*token_ids[: word[0]], *ids]) == before + wanted:
            return ids
    return None
