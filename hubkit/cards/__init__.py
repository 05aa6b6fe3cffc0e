"""The model card: facts from files, sections from facts, README from sections; and its code, run."""
