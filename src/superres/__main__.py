"""``python -m superres``."""

from superres.cli.main import run

if __name__ == "__main__":
    run()
