"""`python -m reactorlite …`: what can be done with a Twisted program from the command line."""

from reactorlite.porting.commands import main

if __name__ == "__main__":
    main()
