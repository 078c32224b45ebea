import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  type AgentRequest,
  type AgentResponse,
  AgentStore,
  generateKey,
  issueCertificate,
  type PrivateKey,
  withCertificate,
} from "../../keys/mod.ts";
import { utf8 } from "../helpers/bytes.ts";

const DATA = utf8("a message");

function sign({ publicKey }: Pick<PrivateKey, "publicKey">, flags: number = 0): AgentRequest {
  return { type: "sign", key: publicKey.blob, data: DATA, flags };
}

function add(key: PrivateKey, constraints = {}): AgentRequest {
  return { type: "add", key, certificate: null, comment: "ada", constraints };
}

async function comments(store: AgentStore): Promise<readonly string[]> {
  const answer = await store.respond({ type: "list" });
  assert.ok(answer.type === "identities");
  return answer.identities.map(({ comment }) => comment);
}

function types(store: AgentStore, requests: readonly AgentRequest[]): Promise<string[]> {
  return Promise.all(requests.map(async (request) => (await store.respond(request)).type));
}

async function verifies(
  { publicKey }: PrivateKey,
  algorithm: string,
  answer: AgentResponse,
): Promise<boolean> {
  return answer.type === "signature" && await publicKey.verify(algorithm, DATA, answer.signature);
}

describe("an agent's store", () => {
  it("lists keys, signs with them, and forgets them", async () => {
    const [one, other] = [await generateKey("ed25519"), await generateKey("ecdsa", { bits: 384 })];
    const store = new AgentStore();
    assert.deepEqual(await types(store, [add(one), add(other)]), ["success", "success"]);
    assert.deepEqual(await comments(store), ["ada", "ada"]);
    assert.ok(await verifies(one, "ssh-ed25519", await store.respond(sign(one))));
    assert.ok(await verifies(other, "ecdsa-sha2-nistp384", await store.respond(sign(other))));
    const remove = { type: "remove", key: one.publicKey.blob } as const;
    assert.equal((await store.respond(remove)).type, "success");
    assert.equal((await store.respond(remove)).type, "failure");
    assert.equal((await store.respond(sign(one))).type, "failure");
    assert.equal((await store.respond({ type: "remove-all" })).type, "success");
    assert.deepEqual(await comments(store), []);
  });

  it("signs with RSA by the hash that the flags ask for, and never by SHA-1", async () => {
    const key = await generateKey("rsa", { bits: 2048 });
    const store = new AgentStore();
    store.add(key);
    assert.ok(await verifies(key, "rsa-sha2-256", await store.respond(sign(key, 2))));
    assert.ok(await verifies(key, "rsa-sha2-512", await store.respond(sign(key, 4))));
    for (const flags of [0, 1, 8, 0xffffffff]) {
      assert.equal((await store.respond(sign(key, flags))).type, "failure", `${flags}`);
    }
  });

  it("signs for a certificate with the key in it, and only where it has the certificate", async () => {
    const key = await generateKey("rsa", { bits: 2048 });
    const certificate = await issueCertificate({
      key: key.publicKey,
      ca: key,
      role: "user",
      keyId: "ada",
      principals: ["ada"],
      validBefore: null,
    });
    const store = new AgentStore();
    await store.respond({ type: "add", key, certificate, comment: "", constraints: {} });
    const shown = withCertificate(key, certificate);
    assert.ok(await verifies(key, "rsa-sha2-512", await store.respond(sign(shown, 4))));
    assert.equal((await store.respond(sign(key, 4))).type, "failure");
  });

  it("forgets a key when its lifetime is over, by the clock that it is given", async () => {
    let now = 1_000_000;
    const key = await generateKey("ed25519");
    const store = new AgentStore({ now: () => now });
    await store.respond(add(key, { lifetimeSeconds: 60 }));
    assert.deepEqual(store.keys[0]?.expiresAt, new Date(1_060_000));
    now += 59_999;
    assert.equal((await store.respond(sign(key))).type, "signature");
    now += 1;
    assert.equal((await store.respond(sign(key))).type, "failure");
    assert.deepEqual(await comments(store), []);
    await store.respond(add(key, { lifetimeSeconds: 60 }));
    await store.respond(add(key));
    now += 61_000;
    assert.deepEqual(await comments(store), ["ada"], "the later constraints count");
  });

  it("asks before it signs, where a key wants it, and looks again afterwards", async () => {
    const key = await generateKey("ed25519");
    const asked: string[] = [];
    let answer: (store: AgentStore) => boolean | Promise<boolean> = () => true;
    const store: AgentStore = new AgentStore({
      confirm: ({ comment }) => {
        asked.push(comment);
        return answer(store);
      },
    });
    await store.respond(add(key, { confirm: true }));
    assert.equal((await store.respond(sign(key))).type, "signature");
    answer = () => false;
    assert.equal((await store.respond(sign(key))).type, "failure");
    answer = (store) => store.lock("meanwhile");
    assert.equal((await store.respond(sign(key))).type, "failure");
    assert.ok(await store.unlock("meanwhile"));
    answer = (store) => store.remove(key.publicKey);
    assert.equal((await store.respond(sign(key))).type, "failure");
    assert.deepEqual(asked, ["ada", "ada", "ada", "ada"]);
  });

  it("does not sign with a key that wants to be asked for, where nobody can be asked", async () => {
    const key = await generateKey("ed25519");
    const store = new AgentStore();
    await store.respond(add(key, { confirm: true }));
    assert.equal((await store.respond(sign(key))).type, "failure");
  });

  it("does nothing while it is locked, and shows nothing", async () => {
    const key = await generateKey("ed25519");
    const store = new AgentStore({ unlockDelayMs: 0 });
    store.add(key);
    const passphrase = utf8("sesame");
    assert.equal((await store.respond({ type: "unlock", passphrase })).type, "failure");
    assert.equal((await store.respond({ type: "lock", passphrase })).type, "success");
    assert.deepEqual(await comments(store), []);
    const refused: AgentRequest[] = [
      sign(key),
      add(key),
      { type: "remove", key: key.publicKey.blob },
      { type: "remove-all" },
      { type: "lock", passphrase },
      { type: "extension", name: "query", payload: new Uint8Array(0) },
      { type: "unlock", passphrase: utf8("sesam") },
      { type: "unlock", passphrase: new Uint8Array(0) },
    ];
    assert.deepEqual(await types(store, refused), refused.map(() => "failure"));
    assert.equal((await store.respond({ type: "unlock", passphrase })).type, "success");
    assert.equal((await store.respond(sign(key))).type, "signature");
  });

  it("takes only so many keys, and none with a constraint that it does not know", async () => {
    const [one, other] = [await generateKey("ed25519"), await generateKey("ed25519")];
    const store = new AgentStore({ maxKeys: 1 });
    const extension = { name: "restrict-destination-v00@openssh.com", details: new Uint8Array(4) };
    assert.equal((await store.respond(add(one, { extension }))).type, "failure");
    assert.deepEqual(await types(store, [add(one), add(one), add(other)]), [
      "success",
      "success",
      "failure",
    ]);
    assert.throws(() => store.add(other), RangeError);
    assert.throws(() => store.add(one, { lifetimeSeconds: 0 }), RangeError);
  });

  it("answers the extensions that it is given, and tells which", async () => {
    const store = new AgentStore({
      extensions: { "echo@example": (payload) => payload, "no@example": () => null },
    });
    const ask = (name: string): Promise<AgentResponse> =>
      store.respond({ type: "extension", name, payload: DATA });
    assert.deepEqual(await ask("echo@example"), {
      type: "extension",
      name: "echo@example",
      payload: DATA,
    });
    assert.equal((await ask("no@example")).type, "extension-failure");
    assert.equal((await ask("constructor")).type, "failure");
    const query = await ask("query");
    assert.ok(query.type === "extension");
    assert.match(new TextDecoder().decode(query.payload), /query.+echo@example.+no@example/s);
    assert.equal((await store.respond({ type: "unknown", number: 9 })).type, "failure");
  });
});
