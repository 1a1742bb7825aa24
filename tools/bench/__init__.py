"""The benchmark: PyWren's local executor beside its peers, on one machine, in one run.

Run it as `hatch run bench` or `python tools/bench/run.py`; `--help` lists the options.

A *scenario* says what is measured, a *peer* is a library that is measured, and a *cell* is one
scenario with one peer in a fresh Python process. The launcher (`rounds`) runs the cells one after
the other, all peers in turn, then all peers again, and reports medians and ratios.
"""
