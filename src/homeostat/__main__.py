"""`python -m homeostat` is the command `homeostat`."""

from homeostat.cli.main import main

if __name__ == "__main__":
    main()
