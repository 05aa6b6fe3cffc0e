"""The way in for a card that was written by hand: taken apart, held against the files, built again with the author's words in it."""
