import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { generateKey, type PrivateKey } from "../../keys/mod.ts";
import { type AuthAttempt, PUBLICKEY, PUBLICKEY_HOSTBOUND } from "../../protocol/mod.ts";
import { decodePublicKeyOk } from "../../wire/auth_messages.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { Writer } from "../../wire/writer.ts";
import { testHostKey } from "../helpers/engine_pair.ts";
import {
  namesOf,
  rawClientInService,
  type RawConnection,
  userauthRequest,
} from "../helpers/raw_channel_peer.ts";

const FAILURE = ["USERAUTH_FAILURE (51)"];
const SUCCESS = ["USERAUTH_SUCCESS (52)"];
const PK_OK = ["USERAUTH_PK_OK/USERAUTH_PASSWD_CHANGEREQ/USERAUTH_INFO_REQUEST (60)"];

const ada = await generateKey("ed25519", { seed: "ada's key" });
const eve = await generateKey("ed25519", { seed: "eve's key" });
const p256 = await generateKey("ecdsa", { seed: "a key on a curve" });

/** A server that lets in whoever proves a key, and a raw client of it. */
async function connect(
  authenticate: (attempt: AuthAttempt) => boolean = () => true,
): Promise<RawConnection & { attempts: AuthAttempt[] }> {
  const attempts: AuthAttempt[] = [];
  const connection = await rawClientInService({
    serverAuth: {
      methods: ["publickey"],
      authenticate: (attempt) => {
        attempts.push(attempt);
        return authenticate(attempt);
      },
    },
  });
  return Object.assign(connection, { attempts });
}

/** What a signature covers, and what is sent of it. */
interface Signed {
  readonly sessionId: Uint8Array;
  readonly user: string;
  readonly service: string;
  readonly method: string;
  readonly flag: boolean;
  readonly algorithm: string;
  readonly blob: Uint8Array;
  readonly hostKey: Uint8Array | null;
}

function fieldsOf({ flag, algorithm, blob, hostKey }: Signed): Writer {
  const fields = new Writer().boolean(flag).string(algorithm).string(blob);
  return hostKey === null ? fields : fields.string(hostKey);
}

async function signedOf(
  connection: RawConnection,
  key: PrivateKey,
  method: string = PUBLICKEY,
): Promise<Signed> {
  return {
    sessionId: connection.peer.transport.kex.sessionId ?? new Uint8Array(0),
    user: "ada",
    service: "ssh-connection",
    method,
    flag: true,
    algorithm: key.publicKey.algorithms[0] ?? "",
    blob: key.publicKey.blob,
    hostKey: method === PUBLICKEY ? null : (await testHostKey()).publicKey.blob,
  };
}

async function sign(key: PrivateKey, signed: Signed, algorithm?: string): Promise<Uint8Array> {
  const data = new Writer().string(signed.sessionId).uint8(Msg.USERAUTH_REQUEST)
    .string(signed.user).string(signed.service).string(signed.method)
    .raw(fieldsOf(signed).finish()).finish();
  return await key.sign(algorithm ?? key.publicKey.algorithms[0] ?? "", data);
}

/** Sends one thing, with a signature over another. */
async function prove(
  connection: RawConnection,
  key: PrivateKey,
  options: {
    readonly method?: string;
    readonly sent?: Partial<Signed>;
    readonly signed?: Partial<Signed>;
    readonly signature?: (right: Uint8Array) => Uint8Array;
  } = {},
): Promise<string[]> {
  const right = await signedOf(connection, key, options.method);
  const sent = { ...right, ...options.sent };
  const signature = await sign(key, { ...right, ...options.signed });
  const fields = fieldsOf(sent).string(options.signature?.(signature) ?? signature).finish();
  return namesOf(await connection.exchange([userauthRequest(sent.method, fields, sent)]));
}

async function probe(connection: RawConnection, key: PrivateKey): Promise<Uint8Array[]> {
  const signed = { ...await signedOf(connection, key), flag: false };
  return await connection.exchange([userauthRequest(PUBLICKEY, fieldsOf(signed).finish())]);
}

describe("auth: public keys at the server", () => {
  for (const method of [PUBLICKEY, PUBLICKEY_HOSTBOUND]) {
    for (const key of [ada, p256]) {
      it(`${method}: a client that proves an ${key.publicKey.type} key is let in`, async () => {
        const connection = await connect();
        assert.deepEqual(await prove(connection, key, { method }), SUCCESS);
        assert.equal(connection.sink.user?.method, "publickey");
        assert.deepEqual(connection.sink.user?.key?.blob, key.publicKey.blob);
      });
    }

    const wrong: [string, Parameters<typeof prove>[2]][] = [
      ["over another session", { signed: { sessionId: new Uint8Array(32) } }],
      ["over another user", { signed: { user: "eve" } }],
      ["sent by another user", { sent: { user: "eve" } }],
      ["over another service", { signed: { service: "ssh-userauth" } }],
      ["over another method", { signed: { method: "password" } }],
      ["over another algorithm", { signed: { algorithm: "ssh-rsa" } }],
      ["over another key", { signed: { blob: eve.publicKey.blob } }],
      ["over a request that is not signed", { signed: { flag: false } }],
      ["by another key", { sent: { blob: eve.publicKey.blob } }],
      ["with no bytes", { signature: () => new Uint8Array(0) }],
      ["with nothing behind its type", {
        signature: () => new Writer().string("ssh-ed25519").string("").finish(),
      }],
      ["of another type", {
        signature: (right) => new Writer().string("ssh-dss").raw(right.slice(15)).finish(),
      }],
      ["with a byte behind it", {
        signature: (right) => Uint8Array.of(...right, 0),
      }],
      ["with one bit flipped", {
        signature: (right) => right.map((byte, i) => i === right.length - 40 ? byte ^ 1 : byte),
      }],
    ];
    for (const [what, options] of wrong) {
      it(`${method}: a signature ${what} is refused, and nobody is asked`, async () => {
        const connection = await connect();
        assert.deepEqual(await prove(connection, ada, { method, ...options }), FAILURE);
        assert.deepEqual(connection.attempts, []);
        assert.equal(connection.sink.closed, null);
      });
    }
  }

  it("a signature of one variant is refused as one of the other", async () => {
    const connection = await connect();
    const hostKey = (await testHostKey()).publicKey.blob;
    assert.deepEqual(
      await prove(connection, ada, {
        method: PUBLICKEY_HOSTBOUND,
        signed: { method: PUBLICKEY, hostKey: null },
      }),
      FAILURE,
    );
    assert.deepEqual(
      await prove(connection, ada, { signed: { method: PUBLICKEY_HOSTBOUND, hostKey } }),
      FAILURE,
    );
    assert.deepEqual(connection.attempts, []);
  });

  it("a signature for another host is refused, though it is right", async () => {
    const connection = await connect();
    const hostKey = eve.publicKey.blob;
    assert.deepEqual(
      await prove(connection, ada, {
        method: PUBLICKEY_HOSTBOUND,
        sent: { hostKey },
        signed: { hostKey },
      }),
      FAILURE,
    );
    assert.deepEqual(connection.attempts, []);
  });

  it("a key that is offered is answered with itself, and nobody is let in", async () => {
    const connection = await connect();
    const [ok, ...rest] = await probe(connection, ada);
    assert.deepEqual(rest, []);
    assert.deepEqual(decodePublicKeyOk(ok ?? new Uint8Array(0)), {
      algorithm: "ssh-ed25519",
      key: ada.publicKey.blob,
    });
    assert.equal(connection.sink.user, null);
    assert.deepEqual(connection.attempts.map((a) => a.method === "publickey" && a.proven), [false]);
  });

  it("a key that is offered and allowed counts for nothing when another is proven", async () => {
    const isAdas = (attempt: AuthAttempt) =>
      attempt.method === "publickey" && attempt.key.blob.join() === ada.publicKey.blob.join();
    const connection = await connect(isAdas);
    assert.deepEqual(namesOf(await probe(connection, ada)), PK_OK);
    assert.deepEqual(await prove(connection, eve), FAILURE);
    const seen = connection.attempts.map((a) => a.method === "publickey" && [a.key.blob, a.proven]);
    assert.deepEqual(seen, [[ada.publicKey.blob, false], [eve.publicKey.blob, true]]);
    assert.equal(connection.sink.user, null);
  });

  it("who comes in holds the key that was proven, not the one that was offered", async () => {
    const connection = await connect();
    assert.deepEqual(namesOf(await probe(connection, ada)), PK_OK);
    assert.deepEqual(await prove(connection, eve), SUCCESS);
    assert.deepEqual(connection.sink.user?.key?.blob, eve.publicKey.blob);
  });

  it("a key that is not allowed is refused without its signature", async () => {
    const connection = await connect(() => false);
    assert.deepEqual(namesOf(await probe(connection, ada)), FAILURE);
  });

  it("a signature behind a request that says it has none is a protocol error", async () => {
    const connection = await connect();
    assert.deepEqual(await prove(connection, ada, { sent: { flag: false } }), []);
    assert.match(connection.sink.closed?.message ?? "", /bytes too many/);
    assert.deepEqual(connection.attempts, []);
  });

  it("a request that says it has a signature and has none is a protocol error", async () => {
    const connection = await connect();
    const fields = fieldsOf(await signedOf(connection, ada)).finish();
    assert.deepEqual(await connection.exchange([userauthRequest(PUBLICKEY, fields)]), []);
    assert.match(connection.sink.closed?.message ?? "", /signature/);
    assert.deepEqual(connection.attempts, []);
  });

  it("algorithms that the server does not accept are refused", async () => {
    const attempts: AuthAttempt[] = [];
    const connection = await rawClientInService({
      serverAuth: {
        signatureAlgorithms: ["ssh-ed25519"],
        authenticate: (attempt) => attempts.push(attempt) > 0,
      },
    });
    assert.deepEqual(await prove(connection, p256), FAILURE);
    assert.deepEqual(await prove(connection, ada), SUCCESS);
    assert.equal(attempts.length, 1);
  });

  it("keys are refused where the method is not offered", async () => {
    const connection = await rawClientInService({ serverAuth: { methods: ["password"] } });
    assert.deepEqual(await prove(connection, ada), FAILURE);
    assert.deepEqual(await prove(connection, ada, { method: PUBLICKEY_HOSTBOUND }), FAILURE);
  });
});

describe("auth: keys that are no good", () => {
  const rsa = (exponent: Uint8Array, modulusBytes: number): Uint8Array =>
    new Writer().string("ssh-rsa").mpint(exponent).mpint(new Uint8Array(modulusBytes).fill(0xff))
      .finish();
  const F4 = Uint8Array.of(1, 0, 1);
  // With an exponent of 1 the padded digest is its own signature.
  const signature = new Writer().string("rsa-sha2-512").string(new Uint8Array(256).fill(1))
    .finish();
  const bad: [string, string, Uint8Array][] = [
    ["an RSA key with an exponent of 1", "rsa-sha2-512", rsa(Uint8Array.of(1), 256)],
    ["an RSA key with an even exponent", "rsa-sha2-512", rsa(Uint8Array.of(2), 256)],
    ["an RSA key with a huge exponent", "rsa-sha2-512", rsa(new Uint8Array(256).fill(0xff), 256)],
    ["an RSA key of 512 bits", "rsa-sha2-512", rsa(F4, 64)],
    ["an RSA key of 100,000 bits", "rsa-sha2-512", rsa(F4, 12_500)],
    ["an RSA key for SHA-1", "ssh-rsa", rsa(F4, 256)],
    ["a key whose blob is of another type", "ssh-ed25519", p256.publicKey.blob],
    ["a key whose blob is of no type", "ssh-ed25519", new Writer().string("ssh-none").finish()],
    ["a key without a blob", "ssh-ed25519", new Uint8Array(0)],
    ["a key a byte short", "ssh-ed25519", ada.publicKey.blob.slice(0, -1)],
    ["a key a byte long", "ssh-ed25519", Uint8Array.of(...ada.publicKey.blob, 0)],
    [
      "a key of 31 bytes",
      "ssh-ed25519",
      new Writer().string("ssh-ed25519")
        .string(new Uint8Array(31)).finish(),
    ],
    ["a certificate", "ssh-ed25519-cert-v01@openssh.com", ada.publicKey.blob],
    ["an algorithm that does not exist", "ssh-none", ada.publicKey.blob],
  ];
  for (const [what, algorithm, blob] of bad) {
    it(`${what} is refused, offered or proven, and nobody is asked`, async () => {
      const connection = await connect();
      const signed = { ...await signedOf(connection, ada), algorithm, blob };
      const offered = fieldsOf({ ...signed, flag: false }).finish();
      const proven = fieldsOf(signed).string(signature).finish();
      for (const fields of [offered, proven]) {
        const replies = await connection.exchange([userauthRequest(PUBLICKEY, fields)]);
        assert.deepEqual(namesOf(replies), FAILURE);
      }
      assert.deepEqual(connection.attempts, []);
      assert.equal(connection.sink.closed, null);
    });
  }
});
