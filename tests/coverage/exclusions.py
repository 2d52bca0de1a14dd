"""What no test can reach, and why: by file and text of the line, whose number may change.

An excluded line is excluded with its branches, even where the line itself runs.
"""

EXCLUDED: dict[tuple[str, str], str] = {}
