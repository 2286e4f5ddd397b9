"""How generated tests run: at random where people work, always the same where CI=true."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("random", deadline=None)
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady" if os.environ.get("CI") else "random")
