"""Vomma: an options market in Vyper, its keeper in Python, and the markets they are tested in."""
