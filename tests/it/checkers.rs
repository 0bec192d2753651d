//! Checks the example's letters with third-party mail checkers; prints a clear notice if they are missing.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::sandbox::Sandbox;

const ED25519_PUBLIC: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

#[test]
fn letters_have_no_defects_and_their_signatures_verify() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let keys = root.join("src/compose/dkim/test-keys");
    let club = Sandbox::example("stockholm");
    for key in ["rsa-2048-pkcs8.pem", "ed25519.pem"] {
        club.write(key, std::fs::read(keys.join(key)).unwrap());
    }
    let config = club.read("medlemsbrev.toml");
    let dkim = "\n[[dkim]]\nselector = \"rsa\"\nkey_file = \"rsa-2048-pkcs8.pem\"\n\n[[dkim]]\nselector = \"ed\"\nkey_file = \"ed25519.pem\"\n";
    club.write("medlemsbrev.toml", config + dkim);
    club.run("send 2026-1 --yes").code(78).stderr_has("run chmod 600 on it");
    for key in ["rsa-2048-pkcs8.pem", "ed25519.pem"] {
        std::fs::set_permissions(club.path(key), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    club.run("send 2026-1 --yes").code(0);
    let letters = club.files("outbox/2026-1");
    assert_eq!(letters.len(), 52);
    let checked = Command::new("/usr/bin/python3")
        .arg(root.join("tests/it/support/check_letters.py"))
        .arg(keys.join("rsa-2048-public.pem"))
        .arg(ED25519_PUBLIC)
        .args(letters.iter().map(|name| club.path("outbox/2026-1").join(name)))
        .output();
    match checked {
        Ok(output) if output.status.code() != Some(3) => {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
            assert!(said.contains("52 letters checked"), "{said}");
        }
        _ => {
            assert!(
                std::env::var_os("MEDLEMSBREV_SERVERS").is_none(),
                "MEDLEMSBREV_SERVERS asks for python3-dkim and python3-nacl"
            );
            eprintln!(
                "\n*** SKIPPED: no /usr/bin/python3 with dkimpy (Debian: python3-dkim python3-nacl) ***\n"
            );
        }
    }
}
