"""The HTTP service: OpenAI's and text-embeddings-inference's APIs over one queue a model.

Needs the extra ``server``: ``pip install ortembed[server]``.
"""

from ortembed.server.app import create_app
from ortembed.server.run import serve
from ortembed.server.service import ModelSource
from ortembed.server.settings import Limits, Settings

__all__ = ["Limits", "ModelSource", "Settings", "create_app", "serve"]
