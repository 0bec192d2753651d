"""Checks letters with programs that this project did not write: Python's e-mail parser and dkimpy.

usage: check_letters.py PUBLIC_KEY_PEM ED25519_PUBLIC LETTER.eml ...
Prints a line for each fault; exits 3 where dkimpy is missing.
"""
import email
import email.policy
import re
import sys

try:
    import dkim
    import nacl  # noqa: F401, dkimpy needs it for Ed25519
except ImportError:
    sys.exit(3)

pem = open(sys.argv[1]).read()
records = {
    "rsa": "v=DKIM1; k=rsa; p=" + re.sub(r"\s", "", pem.split("-----")[2]),
    "ed": "v=DKIM1; k=ed25519; p=" + sys.argv[2],
}


def txt(name, timeout=5):
    return records[name.decode().split(".")[0]].encode()


faults = 0
for path in sys.argv[3:]:
    raw = open(path, "rb").read()
    found = []
    message = email.message_from_bytes(raw, policy=email.policy.default)
    found += [f"{part.get_content_type()}: {defect!r}" for part in message.walk() for defect in part.defects]
    found += [f"header {name}: {value.defects}" for name, value in message.items() if getattr(value, "defects", None)]
    found += [f"{name} stands more than once" for name in set(message.keys()) if len(message.get_all(name)) > 1 and name != "DKIM-Signature"]
    try:
        email.message_from_bytes(raw, policy=email.policy.strict)
    except Exception as error:
        found.append(f"strict parser: {error!r}")
    found += [f"line of {len(line)} octets" for line in raw.split(b"\r\n") if len(line) > 998]
    if b"\n" in raw.replace(b"\r\n", b""):
        found.append("a bare line feed")
    for index in (0, 1):
        if not dkim.DKIM(raw).verify(idx=index, dnsfunc=txt):
            found.append(f"DKIM signature {index} does not verify")
    changed = raw.replace(b"Subject: ", b"Subject: x", 1)
    if dkim.DKIM(changed).verify(dnsfunc=txt):
        found.append("DKIM verifies a changed subject")
    for fault in found:
        print(f"{path}: {fault}")
    faults += len(found)
print(f"{len(sys.argv) - 3} letters checked")
sys.exit(1 if faults else 0)
