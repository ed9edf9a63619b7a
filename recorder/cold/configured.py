"""The bucket that the settings name."""

from __future__ import annotations

import os
from functools import lru_cache

from django.conf import settings

from recorder.cold.bucket import Bucket, Credentials, open_bucket


def cold_bucket() -> Bucket | None:
    """The bucket of `IG_COLD_STORE`, None if that is unset; one for this process."""
    config = settings.CONFIG
    if config.cold_store is None:
        return None
    own = Credentials(
        config.aws_access_key_id, config.aws_secret_access_key, config.aws_session_token, config.aws_region
    )
    return _opened(config.cold_store, own, os.getpid())


@lru_cache(maxsize=8)
def _opened(url: str, credentials: Credentials, process: int) -> Bucket:
    """By process, because a fork must not use what another one opened."""
    return open_bucket(url, credentials)
