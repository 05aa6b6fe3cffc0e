"""One function per fix: plan, prove, replace. The only room that changes somebody's SAE.

A fix looks at facts and returns the files as they should be (`registry.Change`); `proof` holds that against the validator and against what the
SAE computes; `replace` writes. Nothing here is written before it is proven.
"""
