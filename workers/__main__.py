"""`python -m workers worker ...`: the Celery command on our app, without the working folder on the import path."""

from __future__ import annotations

import sys

from workers.celery import app

if __name__ == "__main__":
    app.start(argv=sys.argv[1:])
