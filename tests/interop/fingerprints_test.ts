import { afterAll, beforeAll, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  describeKey,
  fingerprint,
  formatPublicKeyLine,
  issueCertificate,
  parsePublicKey,
  type PublicKey,
  randomart,
} from "../../keys/mod.ts";
import { describePeer } from "../helpers/peers.ts";
import { softwareSecurityKey } from "../helpers/software_security_key.ts";
import { keyKinds, keyOf } from "../helpers/sshd.ts";

describePeer("ssh-keygen", "fingerprints and pictures, and ssh-keygen -lv", (keygen) => {
  let directory = "";
  beforeAll(async () => {
    directory = await Deno.makeTempDir({ prefix: "sshflow-fingerprints-" });
  });
  afterAll(() => Deno.remove(directory, { recursive: true }));

  async function assertSame(key: PublicKey, comment: string): Promise<void> {
    const path = `${directory}/key.pub`;
    await Deno.writeTextFile(path, `${formatPublicKeyLine(key)}\n`);
    for (const hash of ["sha256", "md5"] as const) {
      const { stdout } = await new Deno.Command(keygen, {
        args: ["-lv", "-E", hash, "-f", path],
        stdin: "null",
      }).output();
      const { kind, bits } = describeKey(key);
      assert.equal(
        new TextDecoder().decode(stdout),
        `${bits} ${fingerprint(key, hash)} ${comment} (${kind})\n${randomart(key, hash)}\n`,
      );
    }
  }

  async function check(key: PublicKey): Promise<void> {
    await assertSame(parsePublicKey(key.blob, { comment: "ada's key" }), "ada's key");
    const certificate = await issueCertificate({
      key: parsePublicKey(key.blob),
      ca: await keyOf("ed25519"),
      role: "user",
      keyId: "id",
      principals: ["ada"],
      validBefore: null,
    });
    await assertSame(certificate, "no comment");
  }

  for (const kind of keyKinds) {
    it(`${kind}: are the same, with a certificate too`, async () => {
      await check((await keyOf(kind)).publicKey);
    });
  }

  for (const kind of ["ed25519", "nistp256"] as const) {
    it(`${kind} of a security key: are the same, with a certificate too`, async () => {
      await check(softwareSecurityKey(await keyOf(kind)).publicKey);
    });
  }
});
