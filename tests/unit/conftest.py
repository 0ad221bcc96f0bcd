"""Property tests: as many examples as a busy machine manages quickly, and no time limit for one of them."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unit", deadline=None, max_examples=40)
settings.load_profile("unit")
