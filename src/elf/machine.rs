//! Names of machines.

/// The name of an `e_machine`, as targets.toml and messages use it.
///
/// The numbers are the ELF registry's; those of all architectures that musl 1.2.6 has are here.
pub fn machine_name(machine: u16) -> String {
    let name = match machine {
        3 => "386",
        4 => "m68k",
        8 => "mips",
        20 => "ppc",
        21 => "ppc64",
        22 => "s390",
        40 => "arm",
        42 => "superh",
        62 => "x86-64",
        92 => "openrisc",
        183 => "aarch64",
        189 => "microblaze",
        243 => "riscv",
        247 => "bpf",
        258 => "loongarch",
        _ => return format!("machine {machine}"),
    };
    name.to_owned()
}
