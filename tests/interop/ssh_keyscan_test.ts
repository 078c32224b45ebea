import { it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { demoServer } from "../helpers/demo_server.ts";
import { fileOf, type KeyName, peerFiles } from "../helpers/peer_files.ts";
import { describePeer } from "../helpers/peers.ts";

describePeer("ssh-keyscan", (keyscan) => {
  it("reads our host keys, one of each type", async () => {
    await using files = await peerFiles();
    const names: KeyName[] = ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa"];
    const hostKeys = names.map((name) => fileOf(files.hostKeys, name).key);
    await using server = demoServer({ hostKeys });
    const { stdout, success } = await new Deno.Command(keyscan, {
      args: ["-T", "20", "-t", "ed25519,ecdsa,rsa", "-p", `${server.port}`, "127.0.0.1"],
      stdin: "null",
      stderr: "null",
    }).output();
    assert.ok(success);
    const scanned = new TextDecoder().decode(stdout).trimEnd().split("\n").sort();
    const expected = server.hostKeys.map((line) => {
      const [type, blob] = line.split(" ");
      return `[127.0.0.1]:${server.port} ${type} ${blob}`;
    });
    assert.deepEqual(scanned, expected.sort());
  });
});
