#!/usr/bin/env python
"""Django's command line for Market Camera."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "igsite.settings")
    os.umask(os.umask(0) | 0o077)  # database, secret key and recording are their owner's alone
    from django.core.management import execute_from_command_line

    from igsite.config import ConfigError

    try:
        execute_from_command_line(sys.argv)
    except ConfigError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
