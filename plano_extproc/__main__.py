"""`python -m plano_extproc`."""

from plano_extproc.main import main

main()
