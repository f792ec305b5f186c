"""The command line: verbs are functions, their signatures are the flags."""
