import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  connect,
  type HostKeysContext,
  knownHosts,
  type KnownHostsOptions,
  type SshClient,
} from "../../client/mod.ts";
import type { GlobalRequest } from "../../connection/mod.ts";
import {
  addKnownHost,
  generateKey,
  issueCertificate,
  type PrivateKey,
  type PublicKey,
  type Signer,
} from "../../keys/mod.ts";
import {
  decodeProofStrings,
  encodeProofStrings,
  HOST_KEYS_PROVE_REQUEST,
  HOST_KEYS_REQUEST,
  hostKeyProofData,
} from "../../keys/host_key_proof.ts";
import { utf8 } from "../helpers/bytes.ts";
import { testHostKey } from "../helpers/engine_pair.ts";
import { ada, type TestServer, testServer } from "./_server.ts";

const address = { hostname: "db.example", port: 2222 };
const hostKey = await testHostKey();
const [nextKey, ecdsaKey, rsaKey, strangerKey] = await Promise.all([
  generateKey("ed25519"),
  generateKey("ecdsa"),
  generateKey("rsa", { bits: 2048 }),
  generateKey("ed25519"),
]);

/** What the server proves keys with; null denies the proof. */
type Prove = (
  blobs: readonly Uint8Array[],
  sessionId: Uint8Array,
) => Promise<readonly Uint8Array[] | null>;

const signers: readonly Signer[] = [hostKey, nextKey, ecdsaKey, rsaKey];

/** A proper proof. */
const prove: Prove = (blobs, sessionId) =>
  Promise.all(blobs.map((blob) => proofOf(signerOf(blob), sessionId, blob)));

async function proofOf(
  signer: Signer,
  sessionId: Uint8Array,
  blob: Uint8Array = signer.publicKey.blob,
): Promise<Uint8Array> {
  const [algorithm = ""] = signer.publicKey.algorithms;
  return await signer.sign(algorithm, hostKeyProofData(sessionId, blob));
}

function signerOf(blob: Uint8Array): Signer {
  const signer = signers.find(({ publicKey }) => `${publicKey.blob}` === `${blob}`);
  assert.ok(signer, "a proof was asked for that cannot be given");
  return signer;
}

/** A server that takes announcements and proofs from the test. */
interface Rotation extends AsyncDisposable {
  readonly ssh: SshClient;
  readonly server: TestServer;
  /** What has been asked to be proven, each time. */
  readonly asked: readonly (readonly Uint8Array[])[];
  /** What the client has been told. */
  readonly told: readonly (readonly PublicKey[])[];
  readonly contexts: readonly HostKeysContext[];
  announce(...keys: readonly (Pick<PrivateKey, "publicKey"> | Uint8Array)[]): void;
  /** Waits until the client has dealt with all that was announced: told of it, or let it be. */
  settled(toldTimes: number): Promise<void>;
}

/** A client that is told of host keys, and its server. */
async function rotation(proving: Prove = prove, options: object = {}): Promise<Rotation> {
  const server = await testServer({ hostKeys: [hostKey] });
  const asked: (readonly Uint8Array[])[] = [];
  const told: (readonly PublicKey[])[] = [];
  const contexts: HostKeysContext[] = [];
  server.connection.takeRequests(HOST_KEYS_PROVE_REQUEST, async (request) => {
    const blobs = decodeProofStrings(request.payload, "test");
    asked.push(blobs);
    await answer(request, blobs);
  });
  async function answer(request: GlobalRequest, blobs: readonly Uint8Array[]): Promise<void> {
    const { sessionId } = server.connection.info ?? {};
    assert.ok(sessionId);
    const proofs = await proving(blobs, sessionId);
    if (proofs === null) request.fail();
    else request.succeed(encodeProofStrings(proofs));
  }
  const ssh = await connect(server.flow, {
    ...ada,
    ...address,
    insecureAcceptAnyHostKey: true,
    onHostKeys: (keys: readonly PublicKey[], context: HostKeysContext) => {
      told.push(keys);
      contexts.push(context);
    },
    ...options,
  });
  return {
    ssh,
    server,
    asked,
    told,
    contexts,
    announce(...keys) {
      const blobs = keys.map((key) => "publicKey" in key ? key.publicKey.blob : key);
      server.connection.notify(HOST_KEYS_REQUEST, encodeProofStrings(blobs));
    },
    async settled(toldTimes) {
      // The requests of both ends are answered in order; the rest takes some turns.
      await server.connection.request("ping@test").catch(() => {});
      await ssh.connection.request("ping@test").catch(() => {});
      if (toldTimes === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      else await until(() => told.length >= toldTimes);
    },
    async [Symbol.asyncDispose]() {
      await ssh.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Waits for what takes some turns; fails after five seconds. */
async function until(isSo: () => boolean): Promise<void> {
  for (const end = performance.now() + 5000; !isSo();) {
    assert.ok(performance.now() < end, "it has not come about");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function blobsOf(keys: readonly { readonly blob: Uint8Array }[] | undefined): Uint8Array[] {
  return (keys ?? []).map(({ blob }) => blob);
}

describe("a server's other host keys", () => {
  it("are told once it has proven them, all in one, with where they are from", async () => {
    await using pair = await rotation();
    pair.announce(hostKey, nextKey, ecdsaKey, rsaKey);
    await pair.settled(1);
    const keys = [hostKey, nextKey, ecdsaKey, rsaKey].map(({ publicKey }) => publicKey);
    assert.equal(pair.told.length, 1);
    assert.deepEqual(blobsOf(pair.told[0]), blobsOf(keys));
    // The key exchange has proven the first one.
    assert.deepEqual(pair.asked, [blobsOf(keys.slice(1))]);
    const [context] = pair.contexts;
    assert.deepEqual([context?.hostname, context?.port], ["db.example", 2222]);
    assert.deepEqual(context?.hostKey.blob, hostKey.publicKey.blob);
  });

  it("need no proof if there is none but that which the connection was made by", async () => {
    await using pair = await rotation();
    pair.announce(hostKey);
    await pair.settled(1);
    assert.deepEqual(pair.asked, []);
    assert.deepEqual(pair.told.map(blobsOf), [[hostKey.publicKey.blob]]);
  });

  it("are not told of where their type is not supported, or they are certificates", async () => {
    await using pair = await rotation();
    const certificate = await issueCertificate({
      key: hostKey.publicKey,
      ca: strangerKey,
      role: "host",
      keyId: "",
      principals: ["db.example"],
      validBefore: null,
    });
    const strange = encodeProofStrings([utf8("ssh-strange"), utf8("x")]);
    pair.announce(hostKey, strange, utf8(""), certificate.blob, nextKey);
    await pair.settled(1);
    assert.deepEqual(pair.told.map(blobsOf), [blobsOf([hostKey.publicKey, nextKey.publicKey])]);
    assert.deepEqual(pair.asked, [[nextKey.publicKey.blob]]);
  });

  const wrong: readonly [what: string, prove: Prove][] = [
    ["denies to prove them", () => Promise.resolve(null)],
    ["proves fewer", async (blobs, id) => (await prove(blobs, id))?.slice(1) ?? null],
    ["proves more", async (blobs, id) => [...await prove(blobs, id) ?? [], utf8("x")]],
    ["proves none", () => Promise.resolve([])],
    [
      "proves in another order",
      async (blobs, id) => (await prove(blobs, id))?.toReversed() ?? null,
    ],
    [
      "proves one with another key",
      async (blobs, id) => [
        await proofOf(strangerKey, id, blobs[0]),
        ...(await prove(blobs.slice(1), id)) ?? [],
      ],
    ],
    ["proves them for another session", (blobs) => prove(blobs, new Uint8Array(32))],
    [
      "proves by what is no signature",
      (blobs) => Promise.resolve(blobs.map(() => encodeProofStrings([utf8("x"), utf8("y")]))),
    ],
    ["proves by empty strings", (blobs) => Promise.resolve(blobs.map(() => utf8("")))],
    [
      "proves by signing something else",
      async (blobs) =>
        await Promise.all(
          blobs.map(async (blob) =>
            await signerOf(blob).sign(signerOf(blob).publicKey.algorithms[0] ?? "", blob)
          ),
        ),
    ],
  ];
  for (const [what, proving] of wrong) {
    it(`are not told if it ${what}, and the connection goes on`, async () => {
      await using pair = await rotation(proving);
      pair.announce(hostKey, nextKey, ecdsaKey);
      await pair.settled(0);
      assert.equal(pair.asked.length, 1);
      assert.deepEqual(pair.told, []);
      await pair.ssh.ping();
    });
  }

  const unreadable: readonly [what: string, payload: Uint8Array][] = [
    ["that is cut off", encodeProofStrings([hostKey.publicKey.blob]).subarray(0, 20)],
    ["with a key twice", encodeProofStrings([nextKey, nextKey].map((key) => key.publicKey.blob))],
    ["of more keys than anybody has", encodeProofStrings(new Array(33).fill(utf8("x")))],
    ["of a length that lies", Uint8Array.of(255, 255, 255, 255, 0)],
  ];
  for (const [what, payload] of unreadable) {
    it(`are not told by an announcement ${what}`, async () => {
      await using pair = await rotation();
      pair.server.connection.notify(HOST_KEYS_REQUEST, payload);
      await pair.settled(0);
      assert.deepEqual([pair.asked, pair.told], [[], []]);
      await pair.ssh.ping();
    });
  }

  it("are told once: only the first announcement counts", async () => {
    await using pair = await rotation();
    for (let i = 0; i < 3; i++) pair.announce(hostKey, nextKey);
    await pair.settled(1);
    assert.deepEqual([pair.asked.length, pair.told.length], [1, 1]);
  });

  it("are not asked about where nobody wants to know them", async () => {
    await using pair = await rotation(prove, { onHostKeys: undefined });
    pair.announce(hostKey, nextKey);
    await pair.settled(0);
    assert.deepEqual(pair.asked, []);
  });
});

describe("known hosts that are kept up to date", () => {
  async function updated(
    text: string | null,
    announced: readonly PrivateKey[],
    options: KnownHostsOptions = {},
    proving: Prove = prove,
  ): Promise<string | null> {
    let file = text;
    const verifyHostKey = knownHosts({
      read: () => file,
      write: (text) => void (file = text),
    }, { updateHostKeys: true, ...options });
    await using pair = await rotation(proving, {
      insecureAcceptAnyHostKey: undefined,
      verifyHostKey,
    });
    pair.announce(...announced);
    // What is written is written before anybody else is told.
    await pair.settled(proving === prove ? 1 : 0);
    return file;
  }

  const known = (...keys: readonly PrivateKey[]): string =>
    keys.reduce((text, { publicKey }) => addKnownHost(text, address, publicKey), "# mine\n");

  it("gain keys that have been proven, and lose those that are used no more", async () => {
    assert.equal(
      await updated(known(hostKey, rsaKey), [hostKey, nextKey, ecdsaKey]),
      known(hostKey, nextKey, ecdsaKey),
    );
    assert.equal(await updated(known(hostKey), [nextKey]), known(nextKey));
    assert.equal(await updated(known(hostKey), [hostKey]), known(hostKey));
  });

  it("gain the keys of a server that has just been accepted", async () => {
    const text = await updated(null, [hostKey, nextKey], { policy: "accept-new" });
    assert.equal(text, known(hostKey, nextKey).replace("# mine\n", ""));
  });

  it("stay as they are where a proof is wrong", async () => {
    const file = known(hostKey);
    const text = await updated(file, [hostKey, nextKey], {}, () => Promise.resolve([utf8("x")]));
    assert.equal(text, file);
  });

  it("stay as they are where the server is known by a pattern only", async () => {
    const file = known(hostKey).replace("[db.example]:2222", "*");
    assert.equal(await updated(file, [hostKey, nextKey]), file);
  });

  it("stay as they are where the server is not known by the key that it has shown", async () => {
    const file = known(nextKey);
    let text: string = file;
    const book = knownHosts({
      read: () => text,
      write: (changed) => void (text = changed),
    }, { updateHostKeys: true });
    await book.update?.([hostKey.publicKey, ecdsaKey.publicKey], hostKey.publicKey, address);
    assert.equal(text, file);
    await book.update?.([], nextKey.publicKey, address);
    assert.equal(text, file);
    await book.update?.([nextKey.publicKey, ecdsaKey.publicKey], nextKey.publicKey, address);
    assert.equal(text, known(nextKey, ecdsaKey));
  });

  it("gain no key that has been revoked", async () => {
    const { publicKey } = nextKey;
    const revoked = addKnownHost("", address, publicKey).replace(/^/, "@revoked ");
    const file = known(hostKey) + revoked;
    assert.equal(
      await updated(file, [hostKey, nextKey, ecdsaKey]),
      addKnownHost(file, address, ecdsaKey.publicKey),
    );
  });

  it("keep keys of types that are not supported", async () => {
    const strange = encodeProofStrings([utf8("ssh-strange"), utf8("x")]);
    const file = `${known(hostKey)}[db.example]:2222 ssh-strange ${
      btoa(
        String.fromCharCode(...strange),
      )
    }\n`;
    const text = await updated(file, [hostKey, nextKey]);
    assert.equal(text, addKnownHost(file, address, nextKey.publicKey));
  });
});
