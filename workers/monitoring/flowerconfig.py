"""How Flower shows us: the defaults of `rushes flower`, each of which an option after it overrides.

`celery -A workers flower --conf=.../workers/monitoring/flowerconfig.py` takes them too. Flower runs this file as it
stands, and takes the names that are options of its own.
"""

from __future__ import annotations

from typing import Any

# Flower's buttons end workers and revoke tasks. Messages are only doorbells here, so revoking one would stop nothing.
read_only = True

# About 5 KB each, of which a take makes about a dozen: some 110 MB, however large the batch (280 MB after they were
# read back). Flower's own 100,000 come to half a gigabyte.
max_tasks = 20_000

# Milliseconds. Flower answers nobody while it writes them down, which takes 2 seconds for as many.
state_save_interval = 300_000

# A worker that was started anew has another name; the old one is of interest for a day (in seconds).
purge_offline_workers = 86_400

# What a step or a take is called stands in its uuid (`first/opening/0007-wheat-seed3:submit:1.12`).
tasks_columns = "uuid,name,state,args,result,exception,received,started,runtime,worker"
natural_time = True


def format_task(task: Any) -> Any:
    """Make a row of the task list readable. It is given a copy; the API shows what the workers sent."""
    called, _, ordinal = str(task.uuid).rpartition(":")
    if task.name == "submit" and called:
        task.name = f"submit · attempt {ordinal.partition('.')[0]}"
    if task.result == "None":
        task.result = ""
    return task
