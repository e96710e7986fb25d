//! The `dodona` command: hands over to [`dodona::cli`] and turns its answer into an exit status.

use std::process::ExitCode;

fn main() -> ExitCode {
    dodona::cli::run(std::env::args_os())
}
