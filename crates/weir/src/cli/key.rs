//! `weir key`: keys for callers.

use std::process::ExitCode;

use clap::Subcommand;
use ring::rand::{SecureRandom, SystemRandom};

use super::prices::tell;
use crate::config::{KEY_PREFIX, Scope, hex, sha256};

/// Letters and digits of a key: 62 of them, so that 43 hold 256 bits.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH: usize = 43;

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make a key for a caller, and what to write into weir.toml for it.
    New {
        /// The caller's name on Records.
        #[arg(long, default_value = "NAME")]
        name: String,
        /// What a token for the operators' side is for; may be given more than once. Without it the key is a caller's.
        #[arg(long, value_enum)]
        scope: Vec<Scope>,
    },
}

pub(super) fn run(command: &KeyCommand) -> ExitCode {
    let KeyCommand::New { name, scope } = command;
    let Some(key) = make() else {
        crate::log::say("the system gives no random numbers");
        return ExitCode::FAILURE;
    };
    let (name, digest) = (toml::Value::from(name.as_str()), hex(&sha256(key.as_bytes())));
    if !scope.is_empty() {
        let scopes: Vec<String> = scope.iter().map(|scope| format!("\"{}\"", scope.name())).collect();
        tell(format_args!("The token. It is shown once and kept nowhere:\n\n    {key}\n"));
        tell("Its entry in weir.toml, which is of no use to anybody else:\n");
        let scopes = scopes.join(", ");
        tell(format_args!("[[admin.tokens]]\nname = {name}\nsha256 = \"{digest}\"\nscopes = [{scopes}]"));
        return ExitCode::SUCCESS;
    }
    tell(format_args!("The key, for the caller. It is shown once and kept nowhere:\n\n    {key}\n"));
    tell("Its entry in weir.toml, which is of no use to anybody else:\n");
    tell(format_args!("[[keys]]\nname = {name}\nsha256 = \"{digest}\""));
    ExitCode::SUCCESS
}

fn make() -> Option<String> {
    let random = SystemRandom::new();
    let mut key = String::from(KEY_PREFIX);
    while key.len() < KEY_PREFIX.len() + LENGTH {
        let mut byte = [0];
        random.fill(&mut byte).ok()?;
        // Only what is spread evenly over the alphabet: 248 is four times 62.
        if byte[0] < 248 {
            key.push(ALPHABET[usize::from(byte[0] % 62)] as char);
        }
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_long_and_differ() {
        let (one, other) = (make().unwrap(), make().unwrap());
        assert_ne!(one, other);
        assert!(one.len() == 51 && one.starts_with("sk-weir-"), "{one}");
        assert!(one[8..].bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}
