//! Real programs, libraries and objects of the host's compiler, whose C library is glibc.

use std::process::Command;

use serde_json::json;

use crate::{Checks, findings, run};

const HELLO: &str = "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n";

/// The port of this machine.
fn port() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "linux/amd64",
        "aarch64" => "linux/arm64",
        other => panic!("no port is known for {other}"),
    }
}

#[test]
fn a_static_program_passes_and_a_dynamic_one_does_not() {
    let checks = Checks::new();
    checks.compile("static", HELLO, &["-static"]);
    checks.compile("dynamic", HELLO, &[]);

    let ran = checks.check(&["static", "--port", port()]).succeeds();
    assert!(ran.stdout.starts_with(&format!("static: ok, runs on any {}\n", port())), "{}", ran.stdout);
    assert!(ran.stdout.contains("libc     glibc") && ran.stderr.is_empty(), "{ran:#?}");

    let ran = checks.check(&["dynamic"]).says(&["muslchain: dynamic did not pass the check"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.starts_with("dynamic: will not do: dynamic\n"), "{}", ran.stdout);
    for part in ["ld-linux", "libc.so.6", "or newer: ", "not on: ", "Alpine", "muslchain env linux/"] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    assert!(ran.stdout.lines().count() <= 24, "{}", ran.stdout);
}

#[test]
fn what_the_program_needs_is_told() {
    let checks = Checks::new();
    checks.compile("dynamic", HELLO, &["-Wl,-rpath,/opt/lib", "-lm", "-Wl,--no-as-needed"]);
    let document = checks.document(&["dynamic"]);
    assert_eq!((&document["ok"], &document["libc"]), (&json!(false), &json!("glibc")));
    let facts = &document["facts"]["elf"];
    assert_eq!((&facts["library_path"], &facts["class"]), (&json!("/opt/lib"), &json!(64)));
    assert!(facts["libraries"].as_array().unwrap().contains(&json!("libc.so.6")), "{facts:#}");
    assert!(facts["interpreter"].as_str().unwrap().contains("/ld-linux"), "{facts:#}");
    assert!(facts["glibc"].as_str().unwrap().starts_with("2."), "{facts:#}");
    let distributions = &document["distributions"];
    assert!(distributions["without"].as_array().unwrap().contains(&json!("Alpine")), "{distributions:#}");
    assert!(!facts["compilers"].as_array().unwrap().is_empty(), "{facts:#}");
}

#[test]
fn static_pie_library_and_object_are_told_apart() {
    let checks = Checks::new();
    checks.compile("pie", HELLO, &["-static-pie", "-fPIE"]);
    checks.compile("library.so", "int f(void) { return 1; }\n", &["-shared", "-fPIC"]);
    checks.compile("object.o", HELLO, &["-c"]);

    let document = checks.document(&["pie"]);
    assert_eq!(document["facts"]["elf"]["kind"], "position-independent-program");
    assert!(checks.check(&["pie"]).succeeds().stdout.contains("static-pie"));

    let document = checks.document(&["library.so"]);
    assert_eq!(document["facts"]["elf"]["kind"], "shared-library");
    assert_eq!(findings(&document), ["fails shared-library"]);

    let ran = checks.check(&["object.o", "--port", port()]).succeeds();
    assert!(ran.stdout.starts_with(&format!("object.o: ok, an object for {}\n", port())), "{}", ran.stdout);
}

#[test]
fn another_port_is_refused_with_what_was_found() {
    let checks = Checks::new();
    checks.compile("static", HELLO, &["-static"]);
    let document = checks.document(&["static", "--port", "linux/s390x"]);
    assert_eq!(findings(&document)[0], "fails wrong-port");
    let what = document["findings"][0]["what"].as_str().unwrap();
    assert!(what.contains("64-bit little-endian") && what.contains("not 64-bit big-endian s390"), "{what}");
    assert_eq!(document["ports"], json!([port()]));
    checks.check(&["static", "--port", "linux/amr64"]).refuses(&["did you mean `linux/arm64`"]);
}

#[test]
fn an_executable_stack_warns() {
    let checks = Checks::new();
    checks.compile("static", HELLO, &["-static", "-Wl,-z,execstack"]);
    assert_eq!(findings(&checks.document(&["static"])), ["warns executable-stack"]);
    checks.check(&["static"]).succeeds();
    let ran = checks.check(&["static", "--strict"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.starts_with("static: will not do: executable stack\n"), "{}", ran.stdout);
}

#[test]
fn what_static_glibc_cannot_do_alone_warns() {
    let checks = Checks::new();
    let source = "#include <pwd.h>\nint main(void) { return getpwuid(0) == 0; }\n";
    checks.compile("static", source, &["-static", "-s"]);
    let document = checks.document(&["static"]);
    assert_eq!((findings(&document), &document["libc"]), (vec!["warns static-glibc".to_owned()], &json!("glibc")));
}

#[test]
fn an_archive_compiled_for_glibc_is_found_out() {
    let checks = Checks::new();
    let copies =
        "#include <string.h>\nvoid f(char *to, const char *from) { char b[9]; strcpy(b, from); strcpy(to, b); }\n";
    let archive = |name: &str, flags: &[&str]| {
        checks.compile("object_with_a_long_name.o", copies, &[&["-c", "-O2"], flags].concat());
        let project = &checks.place.project;
        run(Command::new("ar").args(["rcs", name, "object_with_a_long_name.o"]).current_dir(project));
    };
    archive("plain.a", &["-U_FORTIFY_SOURCE"]);
    archive("fortified.a", &["-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"]);

    let ran = checks.check(&["plain.a", "--port", port()]).succeeds();
    assert!(ran.stdout.starts_with(&format!("plain.a: ok, an archive for {}\n", port())), "{}", ran.stdout);
    let ran = checks.check(&["fortified.a"]);
    assert_eq!(ran.code, 1);
    for part in ["will not do: compiled for glibc", "cpy_chk, which musl has not"] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    let document = checks.document(&["plain.a", "--port", "linux/s390x"]);
    let what = document["findings"][0]["what"].as_str().unwrap();
    assert!(what.starts_with("object_with_a_long_name.o: it is not for linux/s390x"), "{what}");
}
