"""`python -m rushes`."""

from rushes.command import main

if __name__ == "__main__":
    main()
