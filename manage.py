#!/usr/bin/env python
"""Django's command line for Market Camera."""

import os
import sys

#: The status of a program that Ctrl-C ended, as shells know it.
INTERRUPTED = 130


def main() -> None:
    try:
        run()
    except KeyboardInterrupt:  # what is half done is as after a kill, which every command bears
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)


def run() -> None:
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
