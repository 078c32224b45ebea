import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import {
  Certificate,
  generateKey,
  issueCertificate,
  parsePrivateKey,
  type Permissions,
  type Signer,
  withCertificate,
} from "../../keys/mod.ts";
import {
  type AuthAttempt,
  type AuthDecision,
  PUBLICKEY,
  publicKey,
  supportedAlgorithms,
} from "../../protocol/mod.ts";
import { decodePublicKeyOk } from "../../wire/auth_messages.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { Writer } from "../../wire/writer.ts";
import { privateKeys } from "../keys/fixtures.ts";
import {
  clientTrying,
  failure,
  failureIn,
  fieldsOf,
  methodsOf,
  passwordRequest,
} from "../helpers/auth_messages.ts";
import type { PairOptions } from "../helpers/engine_pair.ts";
import {
  namesOf,
  rawClientInService,
  type RawConnection,
  userauthRequest,
} from "../helpers/raw_channel_peer.ts";
import { type SecurityKeySettings, softwareSecurityKey } from "../helpers/software_security_key.ts";

const FAILURE = ["USERAUTH_FAILURE (51)"];
const SUCCESS = ["USERAUTH_SUCCESS (52)"];
const CERTIFICATE = "ssh-ed25519-cert-v01@openssh.com";
const WEBAUTHN = "webauthn-sk-ecdsa-sha2-nistp256@openssh.com";

const ca = await generateKey("ed25519", { seed: "the authority" });
const ada = await generateKey("ed25519", { seed: "ada's key" });
const eve = await generateKey("ed25519", { seed: "eve's key" });
const p256 = await parsePrivateKey(privateKeys.ecdsa256);
const rsa = await parsePrivateKey(privateKeys.rsa);

async function certified(signer: Signer): Promise<Signer & { publicKey: Certificate }> {
  const certificate = await issueCertificate({
    key: signer.publicKey,
    ca,
    role: "user",
    keyId: "id",
    principals: ["ada"],
    validBefore: null,
  });
  return withCertificate(signer, certificate);
}

type KeyAttempt = Extract<AuthAttempt, { method: "publickey" }>;

/** A server, a raw client of it, and what the policy was asked of keys. */
async function connect(
  decide: (attempt: AuthAttempt) => AuthDecision = () => true,
  options: PairOptions["serverAuth"] = {},
): Promise<RawConnection & { readonly attempts: KeyAttempt[] }> {
  const attempts: KeyAttempt[] = [];
  const connection = await rawClientInService({
    serverAuth: {
      authenticate: (attempt) => {
        if (attempt.method === "publickey") attempts.push(attempt);
        return decide(attempt);
      },
      ...options,
    },
  });
  return Object.assign(connection, { attempts });
}

/** What a client sends of a key, up to the signature. */
function head(signed: boolean, algorithm: string, blob: Uint8Array): Writer {
  return new Writer().boolean(signed).string(algorithm).string(blob);
}

function offered(blob: Uint8Array): Uint8Array {
  return head(false, CERTIFICATE, blob).finish();
}

async function prove(
  connection: RawConnection,
  signer: Signer,
  changes: { readonly algorithm?: string; readonly blob?: Uint8Array } = {},
): Promise<string[]> {
  const own = signer.publicKey.algorithms[0] ?? "";
  const { algorithm = own, blob = signer.publicKey.blob } = changes;
  const fields = head(true, algorithm, blob);
  const data = new Writer().string(connection.peer.transport.kex.sessionId ?? new Uint8Array(0))
    .raw(userauthRequest(PUBLICKEY, head(true, algorithm, blob).finish())).finish();
  const name = signer.publicKey.algorithms.includes(algorithm) ? algorithm : own;
  fields.string(await signer.sign(name, data));
  return namesOf(await connection.exchange([userauthRequest(PUBLICKEY, fields.finish())]));
}

describe("auth: certificates at the server", () => {
  for (const signer of [ada, p256, rsa]) {
    const { type } = signer.publicKey;
    it(`the policy is shown one of an ${type} key when its key is proven`, async () => {
      const connection = await connect();
      const user = await certified(signer);
      assert.deepEqual(await prove(connection, user), SUCCESS);
      const [attempt] = connection.attempts;
      assert.ok(attempt?.key instanceof Certificate);
      assert.deepEqual(attempt.key.blob, user.publicKey.blob);
      assert.equal(attempt.algorithm, user.publicKey.algorithms[0]);
      assert.equal(attempt.securityKey, null);
      assert.deepEqual(connection.sink.user?.key?.blob, user.publicKey.blob);
    });
  }

  it("one that is offered is answered with itself, and nobody is let in", async () => {
    const connection = await connect();
    const { publicKey: { blob } } = await certified(ada);
    const fields = head(false, CERTIFICATE, blob).finish();
    const [ok] = await connection.exchange([userauthRequest(PUBLICKEY, fields)]);
    assert.deepEqual(decodePublicKeyOk(ok ?? new Uint8Array(0)), {
      algorithm: CERTIFICATE,
      key: blob,
    });
    assert.deepEqual(connection.attempts.map(({ proven }) => proven), [false]);
    assert.equal(connection.sink.user, null);
  });

  it("one whose key another holds is refused, and nobody is asked", async () => {
    const connection = await connect();
    const { blob } = (await certified(ada)).publicKey;
    assert.deepEqual(await prove(connection, await certified(eve), { blob }), FAILURE);
    assert.deepEqual(connection.attempts, []);
  });

  it("one is refused by the name of the plain key's algorithm, and a key by a certificate's", async () => {
    const connection = await connect();
    const user = await certified(ada);
    assert.deepEqual(await prove(connection, user, { algorithm: "ssh-ed25519" }), FAILURE);
    assert.deepEqual(await prove(connection, ada, { algorithm: CERTIFICATE }), FAILURE);
    assert.deepEqual(connection.attempts, []);
    assert.deepEqual(await prove(connection, user), SUCCESS);
  });

  it("one that cannot be read is refused, offered or proven, and nobody is asked", async () => {
    const user = await certified(ada);
    const { blob, ca: { blob: authority } } = user.publicKey;
    const start = blob.subarray(0, -(4 + authority.length + 4 + 83));
    const weak = new Writer().string("ssh-rsa").mpint(Uint8Array.of(1, 0, 1))
      .mpint(new Uint8Array(64).fill(0xff)).finish();
    const by = (authority: Uint8Array): Uint8Array =>
      new Writer().raw(start).string(authority).raw(blob.subarray(-87)).finish();
    assert.deepEqual(by(authority), blob);
    const broken: readonly (readonly [string, Uint8Array])[] = [
      ["signed by a certificate", by(blob)],
      ["signed by a key that is too weak", by(weak)],
      ["signed by nobody", by(new Uint8Array(0))],
      ["cut short", blob.subarray(0, -1)],
      ["with a byte too many", Uint8Array.of(...blob, 0)],
    ];
    for (const [what, changed] of broken) {
      const connection = await connect();
      const fields = offered(changed);
      const replies = await connection.exchange([userauthRequest(PUBLICKEY, fields)]);
      assert.deepEqual(namesOf(replies), FAILURE, what);
      assert.deepEqual(await prove(connection, user, { blob: changed }), FAILURE, what);
      assert.deepEqual(connection.attempts, []);
      assert.equal(connection.sink.closed, null);
    }
  });

  it("one is refused where its algorithm is not accepted, though its key's is", async () => {
    const connection = await connect(() => true, { signatureAlgorithms: ["ssh-ed25519"] });
    assert.deepEqual(await prove(connection, await certified(ada)), FAILURE);
    assert.deepEqual(await prove(connection, ada), SUCCESS);
  });
});

describe("auth: security keys at the server", () => {
  const signers: readonly (readonly [string, (settings: SecurityKeySettings) => Signer])[] = [
    ["an Ed25519 one", (settings) => softwareSecurityKey(ada, settings)],
    ["an ECDSA one", (settings) => softwareSecurityKey(p256, settings)],
  ];
  for (const [what, make] of signers) {
    it(`${what} has to be touched, whatever the policy has decided`, async () => {
      const connection = await connect();
      assert.deepEqual(await prove(connection, make({ flags: 4 })), FAILURE);
      assert.equal(connection.sink.user, null);
      assert.deepEqual(await prove(connection, make({ flags: 1, counter: 9 })), SUCCESS);
      assert.deepEqual(connection.attempts.map(({ securityKey }) => securityKey), [
        { userPresent: false, userVerified: true, counter: 7 },
        { userPresent: true, userVerified: false, counter: 9 },
      ]);
    });

    const cases: readonly (readonly [Permissions, readonly number[], readonly number[]])[] = [
      [{}, [1, 5], [0, 4]],
      [{ touchRequired: true }, [1, 5], [0, 4]],
      [{ touchRequired: false }, [0, 1, 4, 5], []],
      [{ verifyRequired: true }, [5], [0, 1, 4]],
      [{ verifyRequired: true, touchRequired: false }, [4, 5], [0, 1]],
    ];
    for (const [permissions, enough, tooLittle] of cases) {
      it(`${what} has to say what ${JSON.stringify(permissions)} demands`, async () => {
        for (const flags of [...enough, ...tooLittle]) {
          for (const signer of [make({ flags }), await certified(make({ flags }))]) {
            const connection = await connect(() => ({ permissions }));
            const expected = enough.includes(flags) ? SUCCESS : FAILURE;
            assert.deepEqual(await prove(connection, signer), expected, `${flags}`);
          }
        }
      });
    }

    it(`${what} that is offered need not be touched yet`, async () => {
      const connection = await connect(() => ({ permissions: { verifyRequired: true } }));
      const { type, blob } = make({}).publicKey;
      const fields = head(false, type, blob).finish();
      const [ok] = await connection.exchange([userauthRequest(PUBLICKEY, fields)]);
      assert.equal(ok?.[0], Msg.USERAUTH_PK_OK);
      assert.equal(connection.sink.user, null);
    });
  }

  it("a browser's signatures are accepted where they are asked for", async () => {
    const signer = softwareSecurityKey(p256, { application: "https://example.com" });
    const usual = await connect();
    assert.deepEqual(await prove(usual, signer, { algorithm: WEBAUTHN }), FAILURE);
    const asked = await connect(() => true, { signatureAlgorithms: [WEBAUTHN] });
    assert.deepEqual(await prove(asked, signer, { algorithm: WEBAUTHN }), SUCCESS);
  });
});

describe("auth: permissions", () => {
  const backup: AuthDecision = { permissions: { forceCommand: "backup", pty: false } };

  it("go with the login that they were decided for", async () => {
    const connection = await connect(() => backup);
    assert.deepEqual(await prove(connection, ada), SUCCESS);
    assert.deepEqual(connection.sink.user?.permissions, { forceCommand: "backup", pty: false });
    const other = await connect();
    assert.deepEqual(await prove(other, ada), SUCCESS);
    assert.deepEqual(other.sink.user?.permissions, {});
  });

  it("of a key that was only offered, or was refused, do not go with another", async () => {
    const connection = await connect((attempt) => {
      if (attempt.method !== "publickey") return true;
      return attempt.proven ? false : backup;
    });
    const fields = head(false, "ssh-ed25519", ada.publicKey.blob).finish();
    const [ok] = await connection.exchange([userauthRequest(PUBLICKEY, fields)]);
    assert.equal(ok?.[0], Msg.USERAUTH_PK_OK);
    assert.deepEqual(await prove(connection, ada), FAILURE);
    assert.deepEqual(namesOf(await connection.exchange([passwordRequest("secret")])), SUCCESS);
    assert.deepEqual(connection.sink.user?.permissions, {});
  });

  /** What a login by a key and then a password may do. */
  async function both(key: Permissions | undefined, password: Permissions | undefined) {
    const seen: Permissions[] = [];
    const connection = await connect((attempt) => {
      if (attempt.method === "publickey") {
        return { partial: ["password"], ...(key && { permissions: key }) };
      }
      seen.push(...attempt.accepted.map(({ permissions }) => permissions));
      return password === undefined ? true : { permissions: password };
    });
    assert.deepEqual(await prove(connection, ada), FAILURE);
    const [reply] = await connection.exchange([passwordRequest("secret")]);
    return { reply, seen, permissions: connection.sink.user?.permissions ?? null };
  }

  it("of several methods that were needed all hold", async () => {
    const { seen, permissions } = await both({ pty: false }, { portForwarding: false });
    assert.deepEqual(seen, [{ pty: false }]);
    assert.deepEqual(permissions, { pty: false, portForwarding: false });
    assert.deepEqual((await both({ pty: false }, undefined)).permissions, { pty: false });
    assert.deepEqual((await both(undefined, { pty: false })).permissions, { pty: false });
    assert.deepEqual((await both(undefined, undefined)).permissions, {});
  });

  it("that do not go together let nobody in", async () => {
    const { reply, permissions } = await both({ forceCommand: "a" }, { forceCommand: "b" });
    assert.deepEqual(failureIn(reply), { remaining: ["password"], partial: false });
    assert.equal(permissions, null);
  });

  it("that are none are no decision: nobody is let in", async () => {
    for (const permissions of [undefined, null, "all"]) {
      const connection = await connect(() => ({ permissions }) as unknown as AuthDecision);
      assert.deepEqual(await prove(connection, ada), []);
      assert.ok(connection.sink.closed instanceof TypeError);
      assert.equal(connection.sink.user, null);
    }
  });
});

describe("auth: certificates at the client", () => {
  it("are shown, and their key is proven, by the name of the certificate's algorithm", async () => {
    for (const signer of [ada, p256, rsa]) {
      const user = await certified(signer);
      const { first } = await clientTrying([publicKey(user)]);
      assert.deepEqual(methodsOf(first), ["publickey"]);
      const fields = fieldsOf(first[0]);
      assert.equal(fields.boolean(), true);
      assert.equal(fields.name(), user.publicKey.algorithms[0]);
      assert.deepEqual(fields.string(), user.publicKey.blob);
    }
  });

  it("of RSA keys are used as the server's list of plain names allows", async () => {
    const listed = async (names: string): Promise<string> => {
      const extensions = new Map([["server-sig-algs", names]]);
      const { first } = await clientTrying([publicKey(await certified(rsa))], { extensions });
      const fields = fieldsOf(first[0]);
      fields.boolean();
      return fields.name();
    };
    assert.equal(await listed("ssh-ed25519,rsa-sha2-256"), "rsa-sha2-256-cert-v01@openssh.com");
    assert.equal(await listed("rsa-sha2-256,rsa-sha2-512"), "rsa-sha2-512-cert-v01@openssh.com");
    const name = "rsa-sha2-256-cert-v01@openssh.com";
    assert.equal(await listed(name), name);
  });

  it("go before the key alone, if both are to be tried", async () => {
    const user = await certified(ada);
    const connection = await clientTrying([publicKey(user), publicKey(ada)]);
    const [second] = await connection.exchange([failure(["publickey"])]);
    const fields = fieldsOf(second);
    fields.boolean();
    assert.equal(fields.name(), "ssh-ed25519");
  });
});

describe("auth: what a server tells of its algorithms", () => {
  it("are the names of plain keys, as OpenSSH's servers tell them", async () => {
    const connection = await connect();
    const told = connection.peer.transport.peerExtensions.get("server-sig-algs");
    const names = new TextDecoder().decode(told).split(",");
    assert.deepEqual(names, supportedAlgorithms.hostKeys.filter((name) => !/-cert-/.test(name)));
    assert.ok(names.includes("sk-ssh-ed25519@openssh.com"));
  });
});
