import { afterAll, beforeAll, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { type AlgorithmChoice, connect, publicKey } from "../../client/mod.ts";
import { supportedAlgorithms } from "../../protocol/mod.ts";
import { negotiated } from "../helpers/negotiated.ts";
import { describePeer, peer } from "../helpers/peers.ts";
import { keyKinds, keyOf, type Sshd, startSshd } from "../helpers/sshd.ts";

const self = Deno.env.get("USER") || "root";
/** More than a window and than many packets, and no multiple of a block. */
const LENGTH = 300_001;

/** What this machine's OpenSSH knows of a kind of algorithm. */
function known(kind: string): readonly string[] {
  const ssh = peer("ssh");
  if (ssh === null) return [];
  const { stdout } = new Deno.Command(ssh, { args: ["-Q", kind], stdin: "null" }).outputSync();
  return new TextDecoder().decode(stdout).trim().split("\n");
}

/** A server that takes every algorithm of ours that it has. */
async function permissive(): Promise<Sshd> {
  const both = (names: readonly { readonly name: string }[], kind: string): string =>
    names.map(({ name }) => name).filter((name) => known(kind).includes(name)).join();
  return await startSshd({
    authorizedKeys: [await keyOf("ed25519")],
    config: [
      `KexAlgorithms ${both(supportedAlgorithms.kex, "kex")}`,
      `Ciphers ${both(supportedAlgorithms.ciphers, "cipher")}`,
      `MACs ${both(supportedAlgorithms.macs, "mac")}`,
      `HostKeyAlgorithms ${
        supportedAlgorithms.hostKeys.filter((name) => known("sig").includes(name))
      }`,
    ],
  });
}

/** Sends data through `cat`, exchanging keys once on the way, with the only algorithms offered. */
async function roundTrip(sshd: Sshd, algorithms: AlgorithmChoice): Promise<void> {
  const expected = await Promise.all(keyKinds.map(keyOf));
  await using ssh = await connect(await sshd.connect(), {
    user: self,
    auth: [publicKey(await keyOf("ed25519"))],
    verifyHostKey: ({ blob }) =>
      expected.some(({ publicKey }) => blob.toString() === publicKey.blob.toString()),
    algorithms,
  });
  const agreed = negotiated(ssh.info);
  const names = { ...agreed, hostKeys: agreed.hostKey, ciphers: agreed.cipher, macs: agreed.mac };
  for (const list of ["kex", "hostKeys", "ciphers", "macs", "compression"] as const) {
    if (algorithms[list] !== undefined) assert.deepEqual([names[list]], algorithms[list]);
  }
  const input = crypto.getRandomValues(new Uint8Array(65536));
  await using child = ssh.command("cat").spawn();
  const sending = (async () => {
    const writer = child.stdin.getWriter();
    for (let left = LENGTH; left > 0; left -= input.length) {
      await writer.write(input.subarray(0, left));
      if (left === LENGTH) ssh.rekey();
    }
    await writer.close();
  })();
  const { stdout, code } = await child.output();
  await sending;
  assert.equal(code, 0);
  assert.equal(stdout.length, LENGTH);
  assert.ok(stdout.every((byte, i) => byte === input[i % input.length]));
}

/** A suite with a server of its own. */
function describeWithServer(title: string, body: (testEach: TestEach) => void): void {
  describePeer(["sshd", "ssh"], title, () => {
    let sshd: Sshd | undefined;
    beforeAll(async () => {
      sshd = await permissive();
    });
    afterAll(async () => await sshd?.[Symbol.asyncDispose]());
    body((name, available, choice) => {
      // What this OpenSSH has not cannot be tried with it: that is no test, and so none is skipped.
      if (!available) return;
      it(name, async () => {
        assert.ok(sshd);
        await roundTrip(sshd, choice);
      });
    });
  });
}

/** A test for an algorithm, if the server has it. */
type TestEach = (name: string, available: boolean, choice: AlgorithmChoice) => void;

describeWithServer("client and sshd: each key exchange alone", (testEach) => {
  for (const { name } of supportedAlgorithms.kex) {
    testEach(name, known("kex").includes(name), { kex: [name] });
  }
});

describeWithServer("client and sshd: each host key algorithm alone", (testEach) => {
  for (const name of supportedAlgorithms.hostKeys) {
    if (name.includes("-cert-") || name.startsWith("sk-")) continue;
    testEach(name, known("sig").includes(name), { hostKeys: [name] });
  }
});

describeWithServer(
  "client and sshd: each cipher alone, with each MAC that it needs",
  (testEach) => {
    const ciphers = known("cipher");
    for (const cipher of supportedAlgorithms.ciphers) {
      const { name } = cipher;
      if (cipher.aead) {
        testEach(name, ciphers.includes(name), { ciphers: [name] });
        continue;
      }
      for (const mac of supportedAlgorithms.macs) {
        const available = ciphers.includes(name) && known("mac").includes(mac.name);
        testEach(`${name} with ${mac.name}`, available, { ciphers: [name], macs: [mac.name] });
      }
    }
  },
);

describeWithServer("client and sshd: each compression alone", (testEach) => {
  const names = known("compression");
  for (const { name } of supportedAlgorithms.compression) {
    testEach(name, names.includes(name), { compression: [name] });
  }
});
