"""From character spans to tokens, with a byte-level vocabulary where a token is not a word."""

from __future__ import annotations

import pytest

from hubkit.collect.spans import tokens_outside


class Pieces:
    """A tokenizer of given byte pieces, decoded as byte-level vocabularies are."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces

    def decode(self, ids: list[int], **_: object) -> str:
        return b"".join(self.pieces[token] for token in ids).decode("utf-8", errors="replace")


@pytest.mark.parametrize(
    ("pieces", "word", "outside"),
    [
        (
            (b"I", b" am", b" truly", b" here"),
            "truly",
            (0, 1, 3),
        ),  # the space before the word comes with its token
        ((b"tr", b"ul", b"y", b",", b" yes"), "truly", (3, 4)),
        ((b"truly, ", b"yes"), "truly", (1,)),  # a token that holds more than the word is left out whole
        (
            ("schö".encode()[:-1], "ö".encode()[1:], b"n", b" da"),
            "schön",
            (3,),
        ),  # a character split between two tokens
        ((b"so ", b"truly", b"", b" da"), "truly", (0, 3)),
        ((b"truly",), "truly", ()),
    ],
)
def test_tokens_outside_the_word(pieces: tuple[bytes, ...], word: str, outside: tuple[int, ...]) -> None:
    tokenizer = Pieces(*pieces)
    ids = list(range(len(pieces)))
    start = tokenizer.decode(ids).index(word)
    assert tokens_outside(tokenizer, ids, (start, start + len(word))) == outside
