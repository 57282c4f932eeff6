"""Prints the JSON Schema of the configuration, for editors that complete and check as one types."""

import argparse
import json
import sys

HELP = "print the JSON Schema of the configuration, for editors"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none of its own."""


def main(_args: argparse.Namespace) -> int:
    from config.schema import schema

    sys.stdout.write(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n")
    return 0
