"""The entry point, also of ``python -m kube_dns_conformance``: can be interrupted before the rest is loaded."""

from __future__ import annotations

import sys

from kube_dns_conformance import signals


def main() -> None:
    """Run the command line."""
    signals.clean_up_when_terminated()
    try:
        from kube_dns_conformance import cli  # noqa: PLC0415 - this takes a while
    except KeyboardInterrupt:
        sys.exit(signals.exit_status())
    cli.main()


if __name__ == "__main__":
    main()
