//! The command line: one file per command. The only part that prints and reads the environment.
