import { it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { connect, publicKey } from "../../client/mod.ts";
import {
  cryptoKeySigner,
  fingerprint,
  formatPublicKeyLine,
  issueCertificate,
  parseAllowedSigners,
  signMessage,
  verifyMessage,
  withCertificate,
} from "../../keys/mod.ts";
import { makeCryptoKeys, webKeyKinds } from "../helpers/crypto_keys.ts";
import { listeningServer } from "../helpers/listening_server.ts";
import { OpenSshClient } from "../helpers/openssh_client.ts";
import { describePeer } from "../helpers/peers.ts";
import { programOutput } from "../helpers/program_output.ts";
import { keyOf, startSshd } from "../helpers/sshd.ts";

const self = Deno.env.get("USER") || "root";

describePeer("sshd", "keys of WebCrypto's that cannot be exported, and sshd", () => {
  for (const { title, algorithm } of webKeyKinds) {
    it(`${title}: logs in, by itself and with a certificate`, async () => {
      const signer = await cryptoKeySigner(await makeCryptoKeys(title));
      const ca = await keyOf("nistp521");
      const certificate = await issueCertificate({
        key: signer.publicKey,
        ca,
        role: "user",
        keyId: "not exported",
        principals: [self],
        validBefore: new Date(Date.now() + 3_600_000),
      });
      const folder = await Deno.makeTempDir({ prefix: "sshflow-crypto-keys-" });
      try {
        await Deno.chmod(folder, 0o755);
        await Deno.writeTextFile(`${folder}/ca`, `${formatPublicKeyLine(ca.publicKey)}\n`);
        await Deno.writeTextFile(`${folder}/keys`, `${formatPublicKeyLine(signer.publicKey)}\n`);
        await using sshd = await startSshd({
          hostKeys: ["ed25519"],
          config: [
            `AuthorizedKeysFile ${folder}/keys`,
            `TrustedUserCAKeys ${folder}/ca`,
            `PubkeyAcceptedAlgorithms ${algorithm},*-cert-v01@openssh.com`,
          ],
        });
        for (const shown of [signer, withCertificate(signer, certificate)]) {
          await using ssh = await connect(await sshd.connect(), {
            user: self,
            auth: [publicKey(shown)],
            insecureAcceptAnyHostKey: true,
          });
          assert.equal((await ssh.command("true").output()).code, 0);
        }
        const print = fingerprint(signer.publicKey).replaceAll("+", "\\+");
        await sshd.logged(new RegExp(`Accepted publickey for ${self} .* ${print}`));
        await sshd.logged(/Accepted certificate ID "not exported"/);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
});

describePeer("ssh", "keys of WebCrypto's that cannot be exported, and ssh", (ssh) => {
  for (const { title, algorithm } of webKeyKinds) {
    it(`${title}: ssh knows our server by it`, async () => {
      const directory = await Deno.makeTempDir({ prefix: "sshflow-crypto-keys-" });
      try {
        const hostKey = await cryptoKeySigner(await makeCryptoKeys(title));
        await using server = listeningServer({
          hostKeys: [hostKey],
          authMethods: ["none"],
          authenticate: () => true,
          session: (session) => session.exit(7),
        });
        const client = new OpenSshClient({ ssh, sshpass: "" }, directory);
        const hostKeys = [formatPublicKeyLine(hostKey.publicKey)];
        const target = { port: server.port, hostKeys, user: "ada", method: "publickey" } as const;
        const args = await client.args({ ...target, keyFile: "none" }, [
          ...["-o", "BatchMode=yes"],
        ]);
        const { code, stderr } = await new Deno.Command(ssh, {
          args: [...args, "true"],
          stdin: "null",
        }).output();
        assert.equal(code, 7, new TextDecoder().decode(stderr));
        assert.equal(server.last.info?.algorithms.hostKey, algorithm);
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    });
  }
});

describePeer(
  "ssh-keygen",
  "keys of WebCrypto's that cannot be exported, and ssh-keygen",
  (keygen) => {
    for (const { title } of webKeyKinds) {
      it(`${title}: it verifies what they sign`, async () => {
        const directory = await Deno.makeTempDir({ prefix: "sshflow-crypto-keys-" });
        try {
          const signer = await cryptoKeySigner(await makeCryptoKeys(title));
          const allowed = `ada ${formatPublicKeyLine(signer.publicKey)}\n`;
          const signature = await signMessage(signer, "the news", { namespace: "file" });
          await Deno.writeTextFile(`${directory}/allowed`, allowed);
          await Deno.writeTextFile(`${directory}/signature`, signature);
          const verify = ["-Y", "verify", "-n", "file", "-I", "ada", "-f", `${directory}/allowed`];
          const args = [...verify, "-s", `${directory}/signature`];
          assert.match(await programOutput(keygen, args, "the news"), /Good "file" signature/);
          const expected = { namespace: "file", identity: "ada" };
          const allowedSigners = parseAllowedSigners(allowed);
          const ours = await verifyMessage(signature, "the news", { ...expected, allowedSigners });
          assert.equal(ours.accepted, true);
        } finally {
          await Deno.remove(directory, { recursive: true });
        }
      });
    }
  },
);
