import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { Eof, type Flow, flowPair } from "../../flow/mod.ts";
import {
  AgentMessageReader,
  type AgentRequest,
  type AgentResponse,
  AgentStore,
  decodeAgentResponse,
  encodeAgentRequest,
  frameAgentMessage,
  generateKey,
} from "../../keys/mod.ts";
import { serveAgent, type ServeAgentOptions } from "../../server/mod.ts";
import { deferred } from "../../wire/deferred.ts";
import { KeyFormatError, ProtocolError } from "../../wire/errors.ts";
import { Writer } from "../../wire/writer.ts";
import { concat, utf8 } from "../helpers/bytes.ts";

const LIST = encodeAgentRequest({ type: "list" });

/** An agent, and a peer of it that can send anything. */
function hosted(store: AgentStore = new AgentStore(), options: ServeAgentOptions = {}) {
  const [peer, flow] = flowPair();
  const errors: unknown[] = [];
  const serving = serveAgent(flow, store, { onError: (error) => errors.push(error), ...options });
  serving.catch(() => {});
  return { peer, serving, errors };
}

/** Sends messages, in pieces of some bytes, and gives as many answers. */
async function ask(
  peer: Flow,
  messages: readonly Uint8Array[],
  pieceBytes: number = Infinity,
): Promise<AgentResponse[]> {
  const sent = concat(messages.map(frameAgentMessage));
  for (let at = 0; at < sent.length; at += pieceBytes) {
    await peer.write(sent.slice(at, at + pieceBytes));
  }
  const reader = new AgentMessageReader();
  const answers: AgentResponse[] = [];
  while (answers.length < messages.length) {
    const message = reader.next();
    if (message !== null) {
      answers.push(decodeAgentResponse(message));
      continue;
    }
    const chunk = await peer.read();
    assert.notEqual(chunk, Eof);
    if (chunk !== Eof) reader.push(chunk);
  }
  return answers;
}

describe("serveAgent", () => {
  it("answers requests in order, however they are cut", async () => {
    const key = await generateKey("ed25519");
    const requests: AgentRequest[] = [
      { type: "list" },
      { type: "add", key, certificate: null, comment: "ada", constraints: {} },
      { type: "list" },
      { type: "sign", key: key.publicKey.blob, data: utf8("x"), flags: 0 },
      { type: "unknown", number: 200 },
      { type: "remove-all" },
    ];
    for (const pieceBytes of [1, 7, Infinity]) {
      const { peer, serving } = hosted();
      const answers = await ask(peer, requests.map(encodeAgentRequest), pieceBytes);
      assert.deepEqual(answers.map(({ type }) => type), [
        "identities",
        "success",
        "identities",
        "signature",
        "failure",
        "success",
      ]);
      const signed = answers[3];
      assert.ok(signed?.type === "signature");
      assert.ok(await key.publicKey.verify("ssh-ed25519", utf8("x"), signed.signature));
      await peer.close();
      await serving;
    }
  });

  it("keeps a key that it was given, though the message is wiped", async () => {
    const store = new AgentStore();
    const { peer } = hosted(store);
    for (const key of [await generateKey("rsa", { bits: 2048 }), await generateKey("ecdsa")]) {
      const constraints = { lifetimeSeconds: 60 };
      const add = { type: "add", key, certificate: null, comment: "ada", constraints } as const;
      const sign = { type: "sign", key: key.publicKey.blob, data: utf8("x"), flags: 4 } as const;
      const ecdsa = { ...sign, flags: 0 };
      const isRsa = key.publicKey.type === "ssh-rsa";
      const [, signed] = await ask(peer, [
        encodeAgentRequest(add),
        encodeAgentRequest(isRsa ? sign : ecdsa),
      ]);
      assert.ok(signed?.type === "signature");
      const [algorithm = ""] = key.publicKey.algorithms;
      assert.ok(await key.publicKey.verify(algorithm, utf8("x"), signed.signature));
    }
    assert.deepEqual(store.keys.map(({ comment }) => comment), ["ada", "ada"]);
  });

  it("refuses what throws, tells why only here, and goes on", async () => {
    const key = await generateKey("ed25519");
    const broken = {
      publicKey: key.publicKey,
      sign: () => {
        throw new Error("the card is gone");
      },
    };
    const store = new AgentStore();
    store.add(broken);
    const { peer, errors } = hosted(store);
    const sign = { type: "sign", key: key.publicKey.blob, data: utf8("x"), flags: 0 } as const;
    const answers = await ask(peer, [encodeAgentRequest(sign), LIST]);
    assert.deepEqual(answers.map(({ type }) => type), ["failure", "identities"]);
    assert.deepEqual(errors.map(String), ["Error: the card is gone"]);
  });

  it("answers with failure what would be too long to be read", async () => {
    const store = new AgentStore();
    for (let i = 0; i < 2; i++) {
      store.add(await generateKey("ed25519"), { comment: "x".repeat(150_000) });
    }
    const { peer, errors } = hosted(store);
    const answers = await ask(peer, [LIST]);
    assert.deepEqual(answers.map(({ type }) => type), ["failure"]);
    assert.equal(errors.length, 1);
  });

  it("ends by a signal, also while the user is asked", async () => {
    const stop = new AbortController();
    const asked = deferred<void>();
    const store = new AgentStore({
      confirm: () => {
        asked.resolve();
        return new Promise(() => {});
      },
    });
    const key = await generateKey("ed25519");
    store.add(key, { confirm: true });
    const { peer, serving } = hosted(store, { signal: stop.signal });
    const sign = { type: "sign", key: key.publicKey.blob, data: utf8("x"), flags: 0 } as const;
    await peer.write(frameAgentMessage(encodeAgentRequest(sign)));
    await asked.promise;
    stop.abort(new Error("enough"));
    await assert.rejects(serving, { message: "enough" });
    await assert.rejects(peer.read());
    const late = hosted(store, { signal: stop.signal });
    await assert.rejects(late.serving, { message: "enough" });
  });
});

describe("an agent's peer that breaks the rules", () => {
  const key = new Writer().string("ssh-ed25519").string(new Uint8Array(32)).finish();
  const malformed: Readonly<Record<string, Uint8Array>> = {
    "a signature over data that is longer than the message": new Writer().uint8(13).string(key)
      .uint32(0xfffffff0).finish(),
    "a signature without flags": new Writer().uint8(13).string(key).string("x").finish(),
    "a key whose halves differ": new Writer().uint8(17).string("ssh-ed25519")
      .string(new Uint8Array(32)).string(new Uint8Array(64).fill(1)).string("").finish(),
    "a key of a type that nobody knows": new Writer().uint8(17).string("ssh-x").finish(),
    "a number of 100,000 bytes in an RSA key": new Writer(200_000).uint8(17).string("ssh-rsa")
      .mpint(new Uint8Array(100_000).fill(1)).mpint(Uint8Array.of(3)).mpint(Uint8Array.of(3))
      .mpint(Uint8Array.of(3)).mpint(Uint8Array.of(3)).mpint(Uint8Array.of(5)).string("").finish(),
    "a passphrase of 100,000 bytes": new Writer().uint8(22).string(new Uint8Array(100_000))
      .finish(),
    "a list with something behind it": Uint8Array.of(11, 0),
    "an answer": new Writer().uint8(14).string("x").finish(),
    "an extension whose name is not text": new Writer().uint8(27).string(Uint8Array.of(0xff))
      .finish(),
  };
  for (const [name, message] of Object.entries(malformed)) {
    it(`sends ${name}: a failure, and the agent lives`, async () => {
      const store = new AgentStore();
      const { peer, errors } = hosted(store);
      const answers = await ask(peer, [message.slice(), LIST.slice()]);
      assert.deepEqual(answers, [{ type: "failure" }, { type: "identities", identities: [] }]);
      for (const error of errors) {
        assert.ok(error instanceof ProtocolError || error instanceof KeyFormatError, `${error}`);
      }
      assert.deepEqual(store.keys, []);
      assert.equal(store.isLocked, false);
    });
  }

  for (const length of [0, 256 * 1024 + 1, 2 ** 31, 2 ** 32 - 1]) {
    it(`sends a length of ${length}: it is left`, async () => {
      const { peer, serving } = hosted();
      await peer.write(new Writer().uint32(length).finish());
      await assert.rejects(serving, ProtocolError);
      await assert.rejects(peer.read());
    });
  }

  it("leaves within a message: the agent ends, with an error", async () => {
    const { peer, serving } = hosted();
    await peer.write(new Writer().uint32(5).uint8(11).finish());
    await peer.closeWrite();
    await assert.rejects(serving, {
      name: "ProtocolError",
      message: "Cannot read agent message: the flow ended within it",
    });
  });

  it("asks for ever and reads nothing: no more is read than can be answered", async () => {
    const [peer, flow] = flowPair({ capacity: 1024 });
    let asked = 0;
    const store = new AgentStore();
    const respond = store.respond.bind(store);
    store.respond = (request) => {
      asked++;
      return respond(request);
    };
    const serving = serveAgent(flow, store);
    let written = 0;
    const flood = async (): Promise<void> => {
      for (; written < 10_000; written++) await peer.write(frameAgentMessage(LIST.slice()));
    };
    const flooding = flood().catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(asked < 1000, `${asked} were answered`);
    assert.ok(written < 1000, `${written} were taken`);
    peer.abort();
    await flooding;
    await assert.rejects(serving);
  });
});
