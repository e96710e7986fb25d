//! `dodona completions` and `dodona man`: what a shell and a reader of manuals need, made from the same description as the help.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Command, CommandFactory as _, ValueEnum};
use clap_complete::Shell;
use clap_mangen::Man;

use super::Cli;
use super::output::print;

/// `dodona completions`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  source <(dodona completions bash)\n  dodona completions zsh > ~/.zfunc/_dodona\n  dodona completions fish > ~/.config/fish/completions/dodona.fish"
)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: KnownShell,
}

/// The shells that completions are made for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum KnownShell {
    Bash,
    Zsh,
    Fish,
}

/// `dodona man`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  dodona man | man -l -\n  dodona man --dir /usr/local/share/man/man1")]
pub(crate) struct ManArgs {
    /// Write a page for each command into this folder, instead of printing the first one
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

/// Prints the completions of a shell.
pub(crate) fn completions(arguments: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    let shell = match arguments.shell {
        KnownShell::Bash => Shell::Bash,
        KnownShell::Zsh => Shell::Zsh,
        KnownShell::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "dodona", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the manual page, or writes all of them.
pub(crate) fn man(arguments: &ManArgs) -> anyhow::Result<ExitCode> {
    // Flags that the short help leaves out are not left out here.
    let root = unhidden(Cli::command().disable_help_subcommand(true));
    match &arguments.dir {
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("failed to make {}", folder.display()))?;
            clap_mangen::generate_to(root, folder)
                .with_context(|| format!("failed to write manual pages into {}", folder.display()))?;
        }
        None => print(&page(root)?)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn page(command: Command) -> anyhow::Result<String> {
    let mut text = Vec::new();
    Man::new(command).render(&mut text).context("failed to make a manual page")?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The tree of commands is as deep as its definition.
fn unhidden(command: Command) -> Command {
    command.mut_args(|argument| argument.hide_short_help(false)).mut_subcommands(unhidden)
}
