"""The errors of the camera."""


class CameraError(Exception):
    """Base of the camera's errors."""


class OrderError(CameraError, ValueError):
    """A tick that does not come after the last one."""

    def __init__(self, t: int, last_t: int) -> None:
        super().__init__(f"tick {t} does not come after tick {last_t}")
