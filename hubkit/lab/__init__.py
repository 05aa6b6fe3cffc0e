"""The embedded default: a tiny behaviour model trained in seconds, whose truth is known. Imports torch inside functions.

`lab.model.build` makes it, `lab.study.plan` says what to collect from it, `lab.text` is what it knows.
"""
