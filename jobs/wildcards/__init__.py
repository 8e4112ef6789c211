"""The wildcards that people bring along: `{a|b}`, `{2::a|1::b}`, `{2$$ and $$a|b|c}`, `__colours__`.

They are read when the manifest is, and become axes of the shot's sweep: what is frozen has none left in it.
"""

from jobs.wildcards.axes import has_wildcards, without_wildcards
from jobs.wildcards.files import WildcardFiles
from jobs.wildcards.grammar import WildcardError

__all__ = ["WildcardError", "WildcardFiles", "has_wildcards", "without_wildcards"]
