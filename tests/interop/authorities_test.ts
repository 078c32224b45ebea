import { afterAll, beforeAll, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { connect, publicKey } from "../../client/mod.ts";
import {
  Certificate,
  certifiedBy,
  formatPrivateKey,
  formatPublicKeyLine,
  issueCertificate,
  parsePublicKeyLine,
  type PublicKey,
  type Signer,
  verifyCertificate,
  withCertificate,
} from "../../keys/mod.ts";
import { listeningServer } from "../helpers/listening_server.ts";
import { OpenSshClient } from "../helpers/openssh_client.ts";
import { describePeer } from "../helpers/peers.ts";
import { softwareSecurityKey } from "../helpers/software_security_key.ts";
import { type KeyKind, keyKinds, keyOf, type Sshd, startSshd } from "../helpers/sshd.ts";

const self = Deno.env.get("USER") || "root";
const HOST = "db.example.com";
const validBefore = new Date(Date.now() + 3_600_000);
const leaves = [...keyKinds, "sk-ed25519", "sk-ecdsa"] as const;
type LeafKind = (typeof leaves)[number];

/** A kind of authority, and the algorithm that it signs with. */
interface Authority {
  readonly kind: LeafKind;
  readonly algorithm: string;
}

const authorities: readonly Authority[] = [
  { kind: "ed25519", algorithm: "ssh-ed25519" },
  { kind: "nistp256", algorithm: "ecdsa-sha2-nistp256" },
  { kind: "nistp384", algorithm: "ecdsa-sha2-nistp384" },
  { kind: "nistp521", algorithm: "ecdsa-sha2-nistp521" },
  { kind: "rsa", algorithm: "rsa-sha2-512" },
  { kind: "rsa", algorithm: "rsa-sha2-256" },
  { kind: "sk-ed25519", algorithm: "sk-ssh-ed25519@openssh.com" },
  { kind: "sk-ecdsa", algorithm: "sk-ecdsa-sha2-nistp256@openssh.com" },
];

async function signerOf(kind: LeafKind): Promise<Signer> {
  if (kind === "sk-ed25519") return softwareSecurityKey(await keyOf("ed25519"));
  if (kind === "sk-ecdsa") return softwareSecurityKey(await keyOf("nistp256"));
  return await keyOf(kind);
}

async function certified(
  leaf: LeafKind,
  { kind, algorithm }: Authority,
  role: "user" | "host",
): Promise<Signer & { readonly publicKey: Certificate }> {
  const signer = await signerOf(leaf);
  const certificate = await issueCertificate({
    key: signer.publicKey,
    ca: await signerOf(kind),
    role,
    keyId: `${leaf} by ${algorithm}`,
    principals: [role === "user" ? self : HOST],
    validBefore,
    signatureAlgorithm: algorithm,
  });
  assert.equal(certificate.signatureAlgorithm, algorithm);
  return withCertificate(signer, certificate);
}

let directory = "";
beforeAll(async () => {
  directory = await Deno.makeTempDir({ prefix: "sshflow-authorities-" });
  await Deno.chmod(directory, 0o755);
});
afterAll(() => Deno.remove(directory, { recursive: true }));

describePeer("sshd", "authorities of every kind, and sshd", () => {
  let sshd: Sshd;
  beforeAll(async () => {
    const lines = await Promise.all(
      leaves.map(async (kind) => `${formatPublicKeyLine((await signerOf(kind)).publicKey)}\n`),
    );
    await Deno.writeTextFile(`${directory}/cas`, lines.join(""));
    sshd = await startSshd({
      hostKeys: ["ed25519"],
      config: [`TrustedUserCAKeys ${directory}/cas`, "MaxStartups 100"],
    });
  });
  afterAll(async () => await sshd[Symbol.asyncDispose]());

  for (const authority of authorities) {
    it(`${authority.algorithm}: users of every kind of key are let in by its certificates`, async () => {
      for (const leaf of leaves) {
        const signer = await certified(leaf, authority, "user");
        const ssh = await connect(await sshd.connect(), {
          user: self,
          auth: [publicKey(signer)],
          insecureAcceptAnyHostKey: true,
        });
        await ssh.close();
        await sshd.logged(
          new RegExp(`Accepted certificate ID "${leaf} by ${authority.algorithm}"`),
        );
      }
    });
  }
});

describePeer("ssh", "authorities of every kind, and ssh", (ssh) => {
  for (const authority of authorities) {
    it(`${authority.algorithm}: our server is known to it, and to us, by its certificate`, async () => {
      const hostKey = await certified("nistp384", authority, "host");
      const { publicKey: ca } = await signerOf(authority.kind);
      await using server = listeningServer({
        hostKeys: [hostKey],
        authMethods: ["none"],
        authenticate: () => true,
        session: (session) => session.exit(7),
      });
      const known = `${directory}/known_hosts`;
      await Deno.writeTextFile(known, `@cert-authority *.example.com ${formatPublicKeyLine(ca)}\n`);
      const client = new OpenSshClient({ ssh, sshpass: "" }, directory);
      const target = { port: server.port, hostKeys: [], user: "ada", method: "none" } as const;
      const args = await client.args({ ...target, method: "publickey", keyFile: "none" }, [
        ...["-o", `UserKnownHostsFile=${known}`, "-o", `HostKeyAlias=${HOST}`],
        ...["-o", "BatchMode=yes"],
      ]);
      const { code, stderr } = await new Deno.Command(ssh, {
        args: [...args, "true"],
        stdin: "null",
      }).output();
      assert.equal(code, 7, new TextDecoder().decode(stderr));
      const { port } = server;
      await using ours = await connect(await Deno.connect({ hostname: "127.0.0.1", port }), {
        user: "ada",
        auth: [],
        hostname: HOST,
        verifyHostKey: certifiedBy([ca]),
      });
      assert.deepEqual(ours.info.hostKey.blob, hostKey.publicKey.blob);
    });
  }
});

describePeer("ssh-keygen", "authorities of every kind, and ssh-keygen", (keygen) => {
  /** Has it certify a key. */
  async function theirs(
    key: PublicKey,
    kind: KeyKind,
    ...own: readonly string[]
  ): Promise<Certificate> {
    const [ca, path] = [`${directory}/ca`, `${directory}/leaf`];
    await Deno.writeTextFile(ca, await formatPrivateKey(await keyOf(kind)), { mode: 0o600 });
    await Deno.writeTextFile(`${path}.pub`, `${formatPublicKeyLine(key)}\n`);
    const { success, stderr } = await new Deno.Command(keygen, {
      args: ["-q", "-s", ca, "-I", "id", "-n", "ada", ...own, `${path}.pub`],
      stdin: "null",
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const certificate = parsePublicKeyLine(await Deno.readTextFile(`${path}-cert.pub`));
    assert.ok(certificate instanceof Certificate);
    return certificate;
  }

  for (const { kind, algorithm } of authorities) {
    if (kind === "sk-ed25519" || kind === "sk-ecdsa") continue;
    it(`${algorithm}: its certificates for every kind of key hold`, async () => {
      const { publicKey: ca } = await keyOf(kind);
      const own = kind === "rsa" ? ["-t", algorithm] : [];
      for (const leaf of leaves) {
        const certificate = await theirs((await signerOf(leaf)).publicKey, kind, ...own);
        assert.equal(certificate.signatureAlgorithm, algorithm);
        const expected = { role: "user", principals: "ada", trustedCas: [ca] } as const;
        assert.equal((await verifyCertificate(certificate, expected)).accepted, true);
      }
    });
  }

  it("ssh-rsa: those that it signs with SHA-1 do not", async () => {
    const { publicKey: ca } = await keyOf("rsa");
    const certificate = await theirs((await keyOf("ed25519")).publicKey, "rsa", "-t", "ssh-rsa");
    const expected = { role: "user", principals: "ada", trustedCas: [ca] } as const;
    assert.deepEqual(await verifyCertificate(certificate, expected), {
      accepted: false,
      reason: "its authority signed with ssh-rsa, which is not allowed",
    });
    const lenient = { ...expected, signatureAlgorithms: ["ssh-rsa"] };
    assert.equal((await verifyCertificate(certificate, lenient)).accepted, false);
  });
});
