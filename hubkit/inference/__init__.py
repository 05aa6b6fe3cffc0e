"""Running a base model: load it, put a prompt to it, generate from it, hook its modules. Needs torch and transformers, and knows no study.

`hubkit/models` is what is known of base models without running one.
"""
