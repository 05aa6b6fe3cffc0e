"""What people hold of other libraries' SAEs, as folders that SAELens loads; and the proof that both compute the same.

A folder is read by its family (`formats`), its facts and what a person states make a plan (`plan.py`); the new folder lies aside (`place.py`), is loaded
from there by SAELens's own class in a process apart (`saelens_runner.py`), and compared with the source's own definition on random and boundary inputs
(`inputs.py`, `compare.py`). What is not equal is refused, and nothing of it is left.
"""
