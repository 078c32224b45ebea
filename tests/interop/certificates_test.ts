import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { connect, publicKey } from "../../client/mod.ts";
import {
  Certificate,
  type CertificateRequest,
  certifiedBy,
  describeKey,
  fingerprint,
  formatPrivateKey,
  formatPublicKeyLine,
  issueCertificate,
  parsePublicKeyLine,
  type PrivateKey,
  type PublicKey,
  type Signer,
  withCertificate,
} from "../../keys/mod.ts";
import {
  authenticateUsers,
  type GlobalRequest,
  serve,
  type ServeOptions,
  type ServerSession,
} from "../../server/mod.ts";
import { AuthenticationError, HostKeyError } from "../../wire/errors.ts";
import { utf8 } from "../helpers/bytes.ts";
import { describePeer } from "../helpers/peers.ts";
import { softwareSecurityKey } from "../helpers/software_security_key.ts";
import { type KeyKind, keyKinds, keyOf, type Sshd, startSshd } from "../helpers/sshd.ts";

const self = Deno.env.get("USER") || "root";
const DAY = 24 * 3_600_000;
const securityKeys = ["sk-ed25519", "sk-ecdsa"] as const;
type Kind = KeyKind | (typeof securityKeys)[number];

/** A key that certifies others, and is certified by none. */
let ca: PrivateKey;
let dir = "";
let files = 0;

beforeAll(async () => {
  ca = await keyOf("nistp384");
  dir = await Deno.makeTempDir({ prefix: "sshflow-certificates-" });
  await Deno.chmod(dir, 0o755);
});
afterAll(() => Deno.remove(dir, { recursive: true }));

const newPath = (): string => `${dir}/${files++}`;

async function save(text: string, path: string = newPath()): Promise<string> {
  await Deno.writeTextFile(path, text, { mode: 0o600 });
  return path;
}

async function signerOf(kind: Kind): Promise<Signer> {
  if (kind === "sk-ed25519") return softwareSecurityKey(await keyOf("ed25519"));
  if (kind === "sk-ecdsa") return softwareSecurityKey(await keyOf("nistp256"));
  return await keyOf(kind);
}

async function run(program: string, ...args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    env: { TZ: "UTC" },
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${program} failed: ${decoder.decode(stderr).trim()}`);
  return decoder.decode(stdout);
}

/** Has `ssh-keygen` certify a key with the authority's. */
async function certifiedByThem(
  keygen: string,
  key: PublicKey,
  ...args: readonly string[]
): Promise<Certificate> {
  const authority = await save(await formatPrivateKey(ca));
  const path = newPath();
  await save(`${formatPublicKeyLine(key)}\n`, `${path}.pub`);
  await run(keygen, "-q", "-s", authority, "-I", "theirs", ...args, `${path}.pub`);
  const certificate = parsePublicKeyLine(await Deno.readTextFile(`${path}-cert.pub`));
  assert.ok(certificate instanceof Certificate);
  return certificate;
}

async function certifiedByUs(
  signer: Signer,
  request: Partial<CertificateRequest> = {},
): Promise<Signer & { readonly publicKey: Certificate }> {
  const certificate = await issueCertificate({
    key: signer.publicKey,
    ca,
    role: "user",
    keyId: "ours",
    principals: [self],
    validBefore: new Date(Date.now() + DAY),
    ...request,
  });
  return withCertificate(signer, certificate);
}

describePeer("ssh-keygen", "certificates and ssh-keygen", (keygen) => {
  /** What `ssh-keygen -L` says of a certificate, line by line. */
  async function shown(certificate: Certificate): Promise<string[]> {
    const path = await save(`${formatPublicKeyLine(certificate)}\n`);
    return (await run(keygen, "-L", "-f", path)).split("\n").slice(1).map((line) => line.trim());
  }

  for (const kind of [...keyKinds, ...securityKeys]) {
    it(`it shows one of ours, of ${kind}, as it is meant`, async () => {
      const { publicKey: key } = await signerOf(kind);
      const certificate = await issueCertificate({
        key,
        ca,
        role: "user",
        keyId: "ada's laptop",
        serial: 2n ** 64n - 1n,
        principals: ["ada", "admins"],
        validAfter: new Date("2024-01-01T00:00:00Z"),
        validBefore: new Date("2034-01-01T00:00:00Z"),
        criticalOptions: {
          "verify-required": true,
          "source-address": "192.0.2.0/24",
          "force-command": "echo hi",
        },
        extensions: ["permit-pty", "no-touch-required"],
      });
      const authority = `ECDSA ${fingerprint(ca.publicKey)} (using ecdsa-sha2-nistp384)`;
      assert.deepEqual(await shown(certificate), [
        `Type: ${certificate.type} user certificate`,
        `Public key: ${describeKey(certificate).kind} ${fingerprint(key)}`,
        `Signing CA: ${authority}`,
        'Key ID: "ada\'s laptop"',
        "Serial: 18446744073709551615",
        "Valid: from 2024-01-01T00:00:00 to 2034-01-01T00:00:00",
        "Principals:",
        "ada",
        "admins",
        "Critical Options:",
        "force-command echo hi",
        "source-address 192.0.2.0/24",
        "verify-required",
        "Extensions:",
        "no-touch-required",
        "permit-pty",
        "",
      ]);
    });
  }

  for (const kind of [...keyKinds, ...securityKeys]) {
    it(`it finds the signature right of one of ours that ${kind} signed`, async () => {
      // It reads no certificate whose signature is wrong.
      const { publicKey: key } = await keyOf("ed25519");
      const signer = await signerOf(kind);
      const request = { role: "host", keyId: "", principals: ["*.example.com"] } as const;
      const certificate = await issueCertificate({
        ...request,
        key,
        ca: signer,
        validBefore: null,
      });
      const lines = await shown(certificate);
      assert.equal(lines[0], "Type: ssh-ed25519-cert-v01@openssh.com host certificate");
      assert.ok(lines.includes("Valid: forever"));
      assert.ok(lines.includes("Critical Options: (none)"));
      const forged = certificate.blob.slice();
      forged[60] = (forged[60] ?? 0) ^ 1;
      await assert.rejects(shown(new Certificate(forged)), /ssh-keygen failed/);
    });
  }

  it("we read what it makes, with a signature that is right", async () => {
    for (const kind of keyKinds) {
      const { publicKey: key } = await keyOf(kind);
      const certificate = await certifiedByThem(keygen, key, "-n", "ada", "-O", "clear");
      assert.equal(certificate.type, (await certifiedByUs(await keyOf(kind))).publicKey.type);
      assert.equal(await certificate.isSigned(), true);
      assert.equal(certificate.extensions.size, 0);
    }
  });
});

/** What came of a run of `ssh`. */
interface Visit {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Has `ssh` visit a server of ours, with settings, of which the first of a name counts. */
async function visit(
  ssh: string,
  server: ServeOptions,
  settings: Readonly<Record<string, string>>,
  options: readonly string[] = [],
): Promise<Visit> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    for await (const conn of listener) await serve(conn, server).closed.catch(() => {});
  })();
  const { port } = listener.addr;
  const own = {
    ...settings,
    GlobalKnownHostsFile: "/dev/null",
    IdentitiesOnly: "yes",
    IdentityAgent: "none",
    BatchMode: "yes",
    LogLevel: "ERROR",
  };
  const { code, stdout, stderr } = await new Deno.Command(ssh, {
    args: [
      ...["-F", "none", "-p", `${port}`, "-l", "ada"],
      ...Object.entries(own).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
      ...options,
      ...["127.0.0.1", "ls -l"],
    ],
    stdin: "null",
  }).output();
  listener.close();
  await served;
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Says what it was asked to run, and for what. */
async function tell(session: ServerSession): Promise<void> {
  const writer = session.stdout.getWriter();
  const original = session.env.get("SSH_ORIGINAL_COMMAND") ?? null;
  const told = { command: session.command, original, pty: session.pty !== null };
  await writer.write(utf8(`${JSON.stringify(told)}\n`));
  await writer.close();
}

describePeer(["ssh", "ssh-keygen"], "ssh, by a certificate of ssh-keygen's", (ssh, keygen) => {
  /** Logs in to our server, which trusts the authority. */
  async function logIn(
    certificate: Certificate,
    key: PrivateKey,
    options: readonly string[] = [],
    revokedKeys: readonly PublicKey[] = [],
  ): Promise<Visit & { readonly reasons: readonly string[] }> {
    const reasons: string[] = [];
    const hostKey = await keyOf("ed25519");
    const [known, identity, shown] = [
      await save(`* ${formatPublicKeyLine(hostKey.publicKey)}\n`),
      await save(await formatPrivateKey(key)),
      await save(`${formatPublicKeyLine(certificate)}\n`),
    ];
    const server = {
      hostKeys: [hostKey],
      authenticate: authenticateUsers({ ada: {} }, {
        trustedUserCas: [formatPublicKeyLine(ca.publicKey)],
        revokedKeys,
        onCertificateRefused: (reason) => reasons.push(reason),
      }),
      authFailureDelayMs: 1,
      session: tell,
      onGlobalRequest: (request: GlobalRequest) => request.succeed(),
    };
    const result = await visit(ssh, server, {
      UserKnownHostsFile: known,
      IdentityFile: identity,
      CertificateFile: shown,
    }, options);
    return { ...result, reasons };
  }

  const theirs = async (kind: KeyKind, ...args: readonly string[]): Promise<Certificate> =>
    await certifiedByThem(keygen, (await keyOf(kind)).publicKey, "-n", "ada", ...args);

  for (const kind of keyKinds) {
    it(`logs in to our server with ${kind}`, async () => {
      const { code, stdout } = await logIn(await theirs(kind), await keyOf(kind));
      assert.equal(code, 0);
      assert.deepEqual(JSON.parse(stdout), { command: "ls -l", original: null, pty: false });
    });
  }

  it("runs what the certificate forces, without a terminal that it does not allow", async () => {
    const key = await keyOf("ed25519");
    const forced = await theirs("ed25519", "-O", "force-command=backup");
    const told = await logIn(forced, key, ["-tt"]);
    assert.equal(told.code, 0);
    assert.deepEqual(JSON.parse(told.stdout), { command: "backup", original: "ls -l", pty: true });
    const noPty = await logIn(await theirs("ed25519", "-O", "no-pty"), key, ["-tt"]);
    assert.match(noPty.stderr, /PTY allocation request failed/);
  });

  it("forwards nothing that the certificate does not allow", async () => {
    const key = await keyOf("ed25519");
    const options = ["-R", "4000:127.0.0.1:9", "-o", "ExitOnForwardFailure=yes"];
    const denied = await logIn(await theirs("ed25519", "-O", "no-port-forwarding"), key, options);
    assert.equal(denied.code, 255);
    assert.match(denied.stderr, /remote port forwarding failed/);
    assert.equal((await logIn(await theirs("ed25519"), key, options)).code, 0);
  });

  const refusals: readonly (readonly [string, readonly string[], string])[] = [
    ["for another user", ["-n", "eve"], "it is for eve, and not for ada"],
    ["from another address", ["-O", "source-address=192.0.2.0/24"], "it is for 192.0.2.0/24, and "],
    ["that has expired", ["-V", "20200101Z:20210101Z"], "it was valid before 2021-01-01T00:00:00"],
    ["that is not valid yet", ["-V", "20900101Z:20910101Z"], "it is not valid before 2090-01-01"],
    [
      "with a condition that is not known",
      ["-O", "critical:only@example.com=x"],
      "its critical option only@example.com is not known",
    ],
  ];
  for (const [what, args, reason] of refusals) {
    it(`is refused with one ${what}`, async () => {
      const certificate = await theirs("ed25519", ...args);
      const { code, stderr, reasons } = await logIn(certificate, await keyOf("ed25519"));
      assert.equal(code, 255);
      assert.match(stderr, /Permission denied/);
      assert.ok(reasons[0]?.startsWith(reason), reasons[0]);
    });
  }

  it("is refused with one that has been revoked, or whose authority has", async () => {
    const key = await keyOf("ed25519");
    const certificate = await theirs("ed25519");
    for (const revoked of [certificate, key.publicKey, ca.publicKey]) {
      const { code, stderr } = await logIn(certificate, key, [], [revoked]);
      assert.equal(code, 255);
      assert.match(stderr, /Permission denied/);
    }
  });

  it("is let in from an address that the certificate names", async () => {
    const certificate = await theirs("ed25519", "-O", "source-address=127.0.0.0/8");
    assert.equal((await logIn(certificate, await keyOf("ed25519"))).code, 0);
  });
});

describePeer(["ssh", "ssh-keygen"], "ssh, and a host's certificate", (ssh, keygen) => {
  /** Runs `ssh`, which trusts the authority, against our server. */
  async function judge(hostKey: Signer): Promise<Visit> {
    const known = await save(`@cert-authority * ${formatPublicKeyLine(ca.publicKey)}\n`);
    const server: ServeOptions = {
      hostKeys: [hostKey],
      authMethods: ["none"],
      authenticate: () => true,
      session: tell,
    };
    return await visit(ssh, server, {
      UserKnownHostsFile: known,
      StrictHostKeyChecking: "yes",
      IdentityFile: "none",
      HostKeyAlias: "db.example.com",
    });
  }

  for (const kind of keyKinds) {
    it(`takes ours of ${kind}, issued by us or by ssh-keygen`, async () => {
      const key = await keyOf(kind);
      const role = { role: "host", principals: ["db.example.com"] } as const;
      assert.equal((await judge(await certifiedByUs(key, role))).code, 0);
      const args = ["-h", "-n", "db.example.com"];
      const theirs = await certifiedByThem(keygen, key.publicKey, ...args);
      assert.equal((await judge(withCertificate(key, theirs))).code, 0);
    });
  }

  it("takes none for another host, nor a key alone", async () => {
    const key = await keyOf("ed25519");
    const other = await certifiedByUs(key, { role: "host", principals: ["www.example.com"] });
    for (const hostKey of [other, key]) {
      const { code, stderr } = await judge(hostKey);
      assert.equal(code, 255);
      assert.match(stderr, /Host key verification failed/);
    }
  });
});

describePeer(["sshd", "ssh-keygen"], "sshd and certificates", (_sshd, keygen) => {
  let sshd: Sshd;
  let hostCertificate: Certificate;

  describe("that trusts our authority", () => {
    beforeAll(async () => {
      const { publicKey: key } = await keyOf("ed25519");
      const host = { key, ca, role: "host", keyId: "host", validBefore: null } as const;
      hostCertificate = await issueCertificate({ ...host, principals: ["db.example.com"] });
      const [cas, certificate] = [
        await save(`${formatPublicKeyLine(ca.publicKey)}\n`),
        await save(`${formatPublicKeyLine(hostCertificate)}\n`),
      ];
      sshd = await startSshd({
        hostKeys: ["ed25519"],
        config: [`TrustedUserCAKeys ${cas}`, `HostCertificate ${certificate}`],
      });
    });
    afterAll(async () => await sshd[Symbol.asyncDispose]());

    const logIn = async (signer: Signer, hostname = "db.example.com") => {
      await using ssh = await connect(await sshd.connect(), {
        user: self,
        auth: [publicKey(signer)],
        hostname,
        verifyHostKey: certifiedBy([ca.publicKey]),
      });
      assert.deepEqual(ssh.info.hostKey.blob, hostCertificate.blob);
      const { stdout } = await ssh.command("echo $SSH_ORIGINAL_COMMAND").output();
      return new TextDecoder().decode(stdout);
    };

    for (const kind of keyKinds) {
      it(`lets our client in with a certificate of ${kind}, which knows it by its own`, async () => {
        assert.equal(await logIn(await certifiedByUs(await keyOf(kind))), "\n");
      });
    }

    it("runs what our certificate forces", async () => {
      const criticalOptions = { "force-command": "echo forced: $SSH_ORIGINAL_COMMAND" };
      const signer = await certifiedByUs(await keyOf("nistp256"), { criticalOptions });
      assert.equal(await logIn(signer), "forced: echo $SSH_ORIGINAL_COMMAND\n");
    });

    const wrong: Readonly<Record<string, Partial<CertificateRequest>>> = {
      "for another user": { principals: ["somebody"] },
      "for a host": { role: "host" },
      "that has expired": { validAfter: new Date(0), validBefore: new Date(Date.now() - DAY) },
      "for another address": { criticalOptions: { "source-address": "192.0.2.0/24" } },
      "with a condition that is not known": { criticalOptions: { "x@example.com": "y" } },
    };
    for (const [what, request] of Object.entries(wrong)) {
      it(`refuses one of ours ${what}`, async () => {
        const signer = await certifiedByUs(await keyOf("ed25519"), request);
        await assert.rejects(logIn(signer), AuthenticationError);
      });
    }

    for (const kind of securityKeys) {
      it(`lets a security key in that was touched: ${kind}`, async () => {
        assert.equal(await logIn(await certifiedByUs(await signerOf(kind))), "\n");
      });

      it(`refuses one that was not, unless its certificate allows that: ${kind}`, async () => {
        const secret = await keyOf(kind === "sk-ed25519" ? "ed25519" : "nistp256");
        const untouched = softwareSecurityKey(secret, { flags: 0 });
        await assert.rejects(logIn(await certifiedByUs(untouched)), AuthenticationError);
        const request = { extensions: ["no-touch-required"] };
        assert.equal(await logIn(await certifiedByUs(untouched, request)), "\n");
      });
    }

    it("is not known to our client by another name, nor by another authority", async () => {
      const signer = await certifiedByUs(await keyOf("ed25519"));
      await assert.rejects(logIn(signer, "www.example.com"), HostKeyError);
      const connecting = connect(await sshd.connect(), {
        user: self,
        auth: [publicKey(signer)],
        hostname: "db.example.com",
        verifyHostKey: certifiedBy([(await keyOf("rsa")).publicKey]),
      });
      await assert.rejects(connecting, HostKeyError);
    });
  });

  it("with a certificate of ssh-keygen's is known to our client", async () => {
    for (const kind of keyKinds) {
      const { publicKey: key } = await keyOf(kind);
      const args = ["-h", "-n", "db.example.com"];
      const certificate = await certifiedByThem(keygen, key, ...args);
      await using sshd = await startSshd({
        hostKeys: [kind],
        config: [`HostCertificate ${await save(`${formatPublicKeyLine(certificate)}\n`)}`],
        authorizedKeys: [await keyOf("ed25519")],
      });
      await using ssh = await connect(await sshd.connect(), {
        user: self,
        auth: [publicKey(await keyOf("ed25519"))],
        hostname: "db.example.com",
        verifyHostKey: certifiedBy([ca.publicKey]),
      });
      assert.deepEqual(ssh.info.hostKey.blob, certificate.blob);
    }
  });
});

describePeer("sshd", "sshd and security keys", () => {
  for (const kind of securityKeys) {
    it(`${kind}: are let in as the options of their lines say`, async () => {
      const secret = await keyOf(kind === "sk-ed25519" ? "ed25519" : "nistp256");
      const application = { any: "ssh:any", untouched: "ssh:untouched", verified: "ssh:verified" };
      const line = (application: string): string =>
        formatPublicKeyLine(softwareSecurityKey(secret, { application }).publicKey);
      const keys = await save([
        line(application.any),
        `no-touch-required ${line(application.untouched)}`,
        `verify-required ${line(application.verified)}`,
        "",
      ].join("\n"));
      await Deno.chmod(keys, 0o644);
      await using sshd = await startSshd({
        hostKeys: ["ed25519"],
        config: [`AuthorizedKeysFile ${keys}`],
      });
      const lets = async (application: string, flags: number): Promise<boolean> => {
        try {
          await using _ssh = await connect(await sshd.connect(), {
            user: self,
            auth: [publicKey(softwareSecurityKey(secret, { application, flags }))],
            insecureAcceptAnyHostKey: true,
          });
          return true;
        } catch (error) {
          if (error instanceof AuthenticationError) return false;
          throw error;
        }
      };
      assert.deepEqual([await lets(application.any, 1), await lets(application.any, 0)], [
        true,
        false,
      ]);
      assert.equal(await lets(application.untouched, 0), true);
      assert.equal(await lets(application.verified, 1), false);
      assert.equal(await lets(application.verified, 5), true);
      assert.equal(await lets("ssh:unknown", 1), false);
    });
  }
});
