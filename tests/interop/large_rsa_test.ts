import { invert } from "@noble/curves/abstract/modular.js";
import { numberToBytesBE } from "@noble/curves/utils.js";
import { it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  describeKey,
  formatPrivateKey,
  formatPublicKeyLine,
  parseAllowedSigners,
  parsePrivateKey,
  RsaPrivateKey,
  signMessage,
  verifyMessage,
} from "../../keys/mod.ts";
import { describePeer } from "../helpers/peers.ts";
import { programOutput } from "../helpers/program_output.ts";

const message = "a message";

/** As large as it can be without looking for primes for minutes: 2^p - 1 is prime for both p. */
function largeKey(): RsaPrivateKey {
  const [p, q] = [11_213n, 4423n].map((exponent) => 2n ** exponent - 1n) as [bigint, bigint];
  const e = 65_537n;
  const bytes = (number: bigint): Uint8Array => numberToBytesBE(number, 2048);
  return new RsaPrivateKey({
    modulus: bytes(p * q),
    publicExponent: bytes(e),
    privateExponent: bytes(invert(e, (p - 1n) * (q - 1n))),
    prime1: bytes(p),
    prime2: bytes(q),
  });
}

describePeer("ssh-keygen", "an RSA key of 15,636 bits and ssh-keygen", (keygen) => {
  it("is read by both, and what the one signs the other verifies, in seconds", async () => {
    const started = performance.now();
    const key = largeKey();
    const line = formatPublicKeyLine(key.publicKey);
    const allowed = `ada ${line}\n`;
    const directory = await Deno.makeTempDir({ prefix: "sshflow-large-rsa-" });
    const run = (...args: readonly string[]) => programOutput(keygen, args, message);
    try {
      assert.deepEqual(describeKey(key.publicKey), { kind: "RSA", bits: 15_636 });
      const path = `${directory}/key`;
      await Deno.writeTextFile(path, await formatPrivateKey(key), { mode: 0o600 });
      assert.equal(await run("-y", "-P", "", "-f", path), `${line}\n`);
      await run("-p", "-q", "-P", "", "-N", "", "-f", path);
      const again = await parsePrivateKey(await Deno.readTextFile(path));
      assert.deepEqual(again.parts(), key.parts());

      await Deno.writeTextFile(`${directory}/allowed`, allowed);
      const ours = await signMessage(key, message, { namespace: "file" });
      await Deno.writeTextFile(`${directory}/ours`, ours);
      const verify = ["-Y", "verify", "-f", `${directory}/allowed`, "-I", "ada", "-n", "file"];
      assert.match(await run(...verify, "-s", `${directory}/ours`), /Good "file" signature/);
      const theirs = await run("-Y", "sign", "-q", "-n", "file", "-f", path);
      const expected = { namespace: "file", identity: "ada" };
      const allowedSigners = parseAllowedSigners(allowed);
      const verdict = await verifyMessage(theirs, message, { ...expected, allowedSigners });
      assert.equal(verdict.accepted, true);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
    assert.ok(performance.now() - started < 60_000);
  });
});
