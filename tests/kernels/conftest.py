"""How many examples the kernels' tests draw: `--hypothesis-profile=few` where each costs more, as with sanitizers."""

from hypothesis import settings

settings.register_profile("few", max_examples=8, derandomize=True)
