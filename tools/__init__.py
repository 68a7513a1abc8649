"""What the Makefile calls: sets up, builds, tests and checks this repository.

Needs nothing but Python 3.11 and a C compiler to start; everything else goes
into virtual environments (.venv*) and build trees (build/) inside the
repository.
"""
