"""`python -m ws_dsl`."""

from ws_dsl.cli.main import main

main()
