"""From scenarios to labelled completions and pooled activations on disk. Imports torch when it works, and no other stage.

`collect.plan.CollectPlan` says what, `collect.run.collect` does it; scenarios, judges, folds and plan need no torch.
"""
