"""`python -m rushes.reference docs/reference` writes the pages of the reference there."""

from __future__ import annotations

import sys

from rushes.reference import main

if __name__ == "__main__":
    main(sys.argv[1:])
