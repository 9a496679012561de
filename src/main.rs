//! The `muslchain` command.

fn main() {}
