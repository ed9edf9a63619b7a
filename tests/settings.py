"""Django's settings for the tests: those of the site, with nothing of the developer's environment in them."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

for name in [*os.environ]:
    if name.startswith(("IG_", "AWS_")) or name in ("DATABASE_URL", "REDIS_URL", "PORT"):
        del os.environ[name]

_directory = Path(tempfile.mkdtemp(prefix="market-camera-tests-"))
atexit.register(shutil.rmtree, _directory, ignore_errors=True)
os.environ["IG_CAM_STORE_DIR"] = str(_directory / "store")
os.environ["DATABASE_URL"] = f"sqlite:///{_directory}/tests.sqlite3"
os.environ["IG_SECRET_KEY"] = "only for tests"
os.environ["IG_HEAD_START"] = "0"

from igsite.settings import *  # noqa: E402, F403
from igsite.settings import DATABASES  # noqa: E402

# On disk and not in memory: several threads write to it, as in real life.
DATABASES["default"]["TEST"] = {"NAME": str(_directory / "test_tests.sqlite3")}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
