import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  type Certificate,
  type CertificateRequest,
  formatPublicKeyLine,
  generateKey,
  issueCertificate,
  type PublicKey,
  RevocationList,
  type Signer,
  withCertificate,
} from "../../keys/mod.ts";
import { password, publicKey } from "../../protocol/mod.ts";
import {
  authenticateUsers,
  type KeyAttempt,
  type ServerSession,
  type UserOptions,
  type Users,
} from "../../server/mod.ts";
import { encodePtyRequest } from "../../wire/channel_requests.ts";
import { AuthenticationError, RequestError } from "../../wire/errors.ts";
import { softwareSecurityKey } from "../helpers/software_security_key.ts";
import { execute, type Hosting, type HostingOptions, meet } from "./_hosting.ts";

const NOW = Date.parse("2025-06-07T08:09:10Z");
const HOUR = 3_600_000;

const ca = await generateKey("ed25519", { seed: "the authority" });
const otherCa = await generateKey("ed25519", { seed: "another authority" });
const key = await generateKey("ed25519", { seed: "ada's key" });

function issue(request: Partial<CertificateRequest> = {}): Promise<Certificate> {
  return issueCertificate({
    key: key.publicKey,
    ca,
    role: "user",
    keyId: "ada's laptop",
    principals: ["ada"],
    validAfter: new Date(NOW - HOUR),
    validBefore: new Date(NOW + HOUR),
    ...request,
  });
}

interface Attempt extends HostingOptions {
  readonly certificate?: Certificate;
  readonly signer?: Signer;
  readonly users?: Users;
  readonly policy?: UserOptions;
}

/** Has somebody try to log in. */
async function attempt(options: Attempt): Promise<Hosting & { readonly reasons: string[] }> {
  const reasons: string[] = [];
  const { certificate, signer = key, users = { ada: {} }, policy, ...hosting } = options;
  const authenticate = authenticateUsers(users, {
    trustedUserCas: [ca.publicKey],
    now: () => NOW,
    onCertificateRefused: (reason) => reasons.push(reason),
    ...policy,
  });
  const result = await meet({
    authMethods: ["publickey", "password"],
    authenticate,
    methods: [publicKey(certificate ? withCertificate(signer, certificate) : signer)],
    ...hosting,
  });
  return Object.assign(result, { reasons });
}

/** Whether they are let in; if not, why. */
async function isLetIn(options: Attempt): Promise<true | string[]> {
  await using hosting = await attempt(options);
  try {
    await hosting.client.authenticated;
    await hosting.server.authenticated;
    return true;
  } catch (error) {
    assert.ok(error instanceof AuthenticationError, String(error));
    await hosting.server.closed.catch(() => {});
    return hosting.reasons;
  }
}

describe("a user's certificate", () => {
  it("lets the user in by its authority, given as a key or as a line", async () => {
    const certificate = await issue();
    assert.equal(await isLetIn({ certificate }), true);
    const trustedUserCas = [`${formatPublicKeyLine(ca.publicKey)} the authority`];
    assert.equal(await isLetIn({ certificate, policy: { trustedUserCas } }), true);
  });

  const policies: readonly (readonly [string, UserOptions, string])[] = [
    ["no authority", { trustedUserCas: undefined }, "its authority is not trusted"],
    [
      "another authority",
      { trustedUserCas: [otherCa.publicKey] },
      "its authority is not trusted",
    ],
    ["a revoked authority", { revokedKeys: [ca.publicKey] }, "its authority has been revoked"],
    ["a revoked key", { revokedKeys: [key.publicKey] }, "it has been revoked"],
    [
      "a revoked certificate's id",
      { revokedKeys: (key: PublicKey) => "keyId" in key && key.keyId === "ada's laptop" },
      "it has been revoked",
    ],
    [
      "a key id on a list",
      {
        revokedKeys: new RevocationList({
          certificates: [{ ca: null, serials: [], keyIds: ["ada's laptop"] }],
        }),
      },
      "it has been revoked",
    ],
    [
      "another algorithm of authorities",
      { caSignatureAlgorithms: ["rsa-sha2-512"] },
      "its authority signed with ssh-ed25519, which is not allowed",
    ],
    ["a later time", { now: () => NOW + HOUR }, "it was valid before 2025-06-07T09:09:10.000Z"],
    [
      "an earlier time",
      { now: () => NOW - HOUR - 1 },
      "it is not valid before 2025-06-07T07:09:10.000Z",
    ],
  ];
  for (const [what, policy, reason] of policies) {
    it(`lets nobody in with ${what}`, async () => {
      assert.deepEqual(await isLetIn({ certificate: await issue(), policy }), [reason]);
    });
  }

  it("lets nobody in by the clock, unless another is given", async () => {
    const certificate = await issue();
    const expired = "it was valid before 2025-06-07T09:09:10.000Z";
    assert.deepEqual(await isLetIn({ certificate, policy: { now: undefined } }), [expired]);
    const lasting = await issue({ validBefore: null });
    assert.equal(await isLetIn({ certificate: lasting, policy: { now: undefined } }), true);
  });

  const requests: readonly (readonly [string, Partial<CertificateRequest>, string])[] = [
    ["for another user", { principals: ["eve"] }, "it is for eve, and not for ada"],
    ["for a host", { role: "host" }, "it is a host's certificate, not a user's"],
    [
      "bound to a condition that is not known",
      { criticalOptions: { "only@example.com": "x" } },
      "its critical option only@example.com is not known",
    ],
    [
      "bound to no address",
      { criticalOptions: { "source-address": "" } },
      'its source-address "" is not a list of networks',
    ],
    [
      "bound to an address, where none is known",
      { criticalOptions: { "source-address": "192.0.2.0/24" } },
      "it is bound to an address, and the user's is not known",
    ],
  ];
  for (const [what, request, reason] of requests) {
    it(`lets nobody in if it is ${what}`, async () => {
      assert.deepEqual(await isLetIn({ certificate: await issue(request) }), [reason]);
    });
  }

  it("lets in from its addresses, and from no other", async () => {
    const certificate = await issue({ criticalOptions: { "source-address": "192.0.2.0/24" } });
    const from = (hostname: string) =>
      isLetIn({ certificate, peerAddress: { hostname, port: 4000 } });
    assert.equal(await from("192.0.2.9"), true);
    assert.deepEqual(await from("192.0.3.9"), ["it is for 192.0.2.0/24, and not for 192.0.3.9"]);
  });

  it("lets nobody in who is not known, or for whom it is not", async () => {
    const certificate = await issue();
    assert.deepEqual(await isLetIn({ certificate, users: { bob: {} } }), []);
    assert.deepEqual(
      await isLetIn({ certificate, user: "bob", users: { bob: {} } }),
      ["it is for ada, and not for bob"],
    );
  });

  it("lets in by other names than the user's, where those are given", async () => {
    const certificate = await issue({ principals: ["admins", "ada"] });
    const lets = (principals: readonly string[]) =>
      isLetIn({ certificate, users: { ada: { principals } } });
    assert.equal(await lets(["staff", "admins"]), true);
    assert.deepEqual(await lets(["staff"]), ["it is for admins, ada, and not for staff"]);
    assert.deepEqual(await lets([]), ["it is for admins, ada, and not for "]);
  });

  it("is no key of a user's: neither it, nor its own key for it", async () => {
    const certificate = await issue();
    const users = { ada: { keys: [key.publicKey, formatPublicKeyLine(certificate)] } };
    const policy = { trustedUserCas: [] };
    const reason = "its authority is not trusted";
    assert.deepEqual(await isLetIn({ certificate, users, policy }), [reason]);
    assert.equal(await isLetIn({ users, policy }), true);
    assert.deepEqual(
      await isLetIn({ certificate, users: { ada: { keys: [ca.publicKey] } }, policy }),
      [
        reason,
      ],
    );
  });

  it("may be needed beside a password, and its conditions hold in the end", async () => {
    const certificate = await issue({ extensions: [] });
    await using hosting = await attempt({
      users: { ada: { password: "sesame", require: ["publickey", "password"] } },
      methods: [publicKey(withCertificate(key, certificate)), password("sesame")],
    });
    await hosting.server.authenticated;
    assert.equal(hosting.server.user?.method, "password");
    assert.equal(hosting.server.user?.permissions.pty, false);
  });

  it("of a security key demands a touch, and a PIN, as it says", async () => {
    const lets = async (flags: number, request: Partial<CertificateRequest>) => {
      const signer = softwareSecurityKey(key, { flags });
      const certificate = await issue({ ...request, key: signer.publicKey });
      return await isLetIn({ signer, certificate });
    };
    assert.equal(await lets(1, {}), true);
    assert.deepEqual(await lets(0, {}), []);
    assert.equal(await lets(0, { extensions: ["no-touch-required"] }), true);
    const criticalOptions = { "verify-required": true } as const;
    assert.deepEqual(await lets(1, { criticalOptions }), []);
    assert.equal(await lets(5, { criticalOptions }), true);
  });

  it("limits the sessions to what it allows", async () => {
    const seen: unknown[] = [];
    const session = ({ command, env }: ServerSession): void => {
      seen.push([command, env.get("SSH_ORIGINAL_COMMAND")]);
    };
    const certificate = await issue({
      extensions: ["permit-pty"],
      criticalOptions: { "force-command": "backup" },
    });
    await using hosting = await attempt({
      certificate,
      session,
      onChannelOpen: (open) => void open.accept(),
    });
    await hosting.client.authenticated;
    await (await execute(hosting.client, "rm -rf /")).closed;
    assert.deepEqual(seen, [["backup", "rm -rf /"]]);
    await assert.rejects(hosting.client.openChannel("direct-tcpip"), /may not forward/);

    await using bare = await attempt({ certificate: await issue({ extensions: [] }), session });
    await bare.client.authenticated;
    const channel = await bare.client.openChannel("session");
    const pty = { term: "vt100", columns: 80, rows: 24, width: 0, height: 0, modes: {} };
    await assert.rejects(channel.request("pty-req", encodePtyRequest(pty)), RequestError);
  });

  it("is told of with why it was refused, and by whom it was shown", async () => {
    const told: [string, KeyAttempt][] = [];
    await isLetIn({
      certificate: await issue({ principals: ["eve"] }),
      policy: { onCertificateRefused: (...args) => told.push(args) },
    });
    const [[reason, { user, key }] = ["", {} as KeyAttempt]] = told;
    assert.equal(reason, "it is for eve, and not for ada");
    assert.equal(user, "ada");
    assert.equal(key.type, "ssh-ed25519-cert-v01@openssh.com");
  });
});

describe("a key that has been revoked", () => {
  it("lets nobody in, though it is a user's", async () => {
    const users = { ada: { keys: [key.publicKey] } };
    assert.equal(await isLetIn({ users }), true);
    const revokedKeys = [formatPublicKeyLine(key.publicKey)];
    assert.deepEqual(await isLetIn({ users, policy: { revokedKeys } }), []);
    assert.deepEqual(await isLetIn({ users, policy: { revokedKeys: () => true } }), []);
    assert.equal(await isLetIn({ users, policy: { revokedKeys: () => false } }), true);
  });
});

describe("an authority", () => {
  it("that has a certificate itself, or cannot be read, is refused when the server is made", async () => {
    const certificate = await issue();
    assert.throws(() => authenticateUsers({}, { trustedUserCas: [certificate] }), {
      name: "TypeError",
      message: "Cannot trust an authority: its key is a certificate itself",
    });
    assert.throws(() => authenticateUsers({}, { trustedUserCas: ["nonsense"] }), {
      name: "KeyFormatError",
    });
  });
});
