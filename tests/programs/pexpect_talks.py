"""pexpect, whose spawn() waits with select(), talks to a shell."""

import sys

import descriptors
import pexpect

if "beyond" in sys.argv:
    descriptors.take()

shell = pexpect.spawn("/bin/sh", ["-c", "read a; echo got $a; read b; echo last $b"])
shell.sendline("one")
shell.expect("got one")
shell.sendline("two")
shell.expect("last two")
shell.expect(pexpect.EOF)
shell.close()
assert shell.exitstatus == 0

silent = pexpect.spawn("/bin/cat", timeout=0.05)
assert silent.expect([pexpect.TIMEOUT, "never"]) == 0
silent.close(force=True)
