"""`python -m namesrv` is `namesrv`."""

from namesrv.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
