import { it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { generateKey } from "../../keys/mod.ts";
import { demoServer } from "../helpers/demo_server.ts";
import { describePeer } from "../helpers/peers.ts";

/**
 * What ssh-audit 2.5 (Debian 12) does not know, for it is newer: each is a "warning" that says so
 * and nothing else. Later versions know all three.
 */
const NEWER_THAN_AUDIT = [
  "kex-strict-s-v00@openssh.com",
  "mlkem768x25519-sha256",
  "sntrup761x25519-sha512",
];

/** A line about an algorithm, such as `(kex) curve25519-sha256 -- [info] available since …`. */
const REMARK = /^\((\w+)\) (\S+)?\s*(?:--|`-) \[(\w+)\] (.*)$/;

describePeer("ssh-audit", "ssh-audit", (sshAudit) => {
  it("has nothing against a server as it comes, with each type of host key that it may have", async () => {
    const hostKeys = await Promise.all([
      generateKey("ed25519"),
      generateKey("rsa", { bits: 3072 }),
    ]);
    await using server = demoServer({ hostKeys });
    const { stdout } = await new Deno.Command(sshAudit, {
      args: ["--no-colors", "--batch", "--port", `${server.port}`, "127.0.0.1"],
      stderr: "null",
    }).output();
    const report = new TextDecoder().decode(stdout).split("\n");
    const unknown: string[] = [];
    let algorithm = "";
    let remarks = 0;
    for (const line of report) {
      const match = REMARK.exec(line);
      if (match === null) continue;
      const [, , name = algorithm, level, text] = match;
      algorithm = name;
      remarks++;
      if (text === "unknown algorithm") unknown.push(name);
      else assert.equal(level, "info", line);
    }
    assert.ok(remarks >= 15, report.join("\n"));
    assert.deepEqual(unknown.filter((name) => !NEWER_THAN_AUDIT.includes(name)), []);
    // It recommends to remove what is weak, and nothing is.
    assert.deepEqual(report.filter((line) => /^\(rec\) [-!]/.test(line)), []);
  });
});
