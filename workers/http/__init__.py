"""HTTP to the providers: one loop thread a process, requests answered whole, finished videos fetched.

    wire = Wire(user_agent="rushes/0.1")
    response = wire.send(request, timeout=60.0)         # raises NotSent or Broken, and says which is which
    fetched = Download(wire).fetch(url, path, timeout=600.0)

Nothing in here sends a request a second time by itself, except a download's GET.
"""

from workers.http.download import Download, Fetched
from workers.http.errors import Broken, NotSent
from workers.http.wire import Wire

__all__ = ["Broken", "Download", "Fetched", "NotSent", "Wire"]
