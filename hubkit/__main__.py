"""`python -m hubkit`"""

from hubkit.cli.main import main

if __name__ == "__main__":
    main()
