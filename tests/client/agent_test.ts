import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { agentAuth, type AgentClient, agentClient, password, publicKey } from "../../client/mod.ts";
import { Eof, type Flow, flowPair } from "../../flow/mod.ts";
import {
  AgentBindings,
  AgentMessageReader,
  type AgentRequest,
  type AgentResponse,
  AgentStore,
  decodeAgentRequest,
  decodeSessionBinding,
  encodeAgentResponse,
  fingerprint,
  frameAgentMessage,
  generateKey,
  issueCertificate,
  parsePublicKey,
  type SessionBinding,
  withCertificate,
} from "../../keys/mod.ts";
import {
  AuthenticationError,
  FlowClosedError,
  ProtocolError,
  RequestError,
} from "../../wire/errors.ts";
import { Writer } from "../../wire/writer.ts";
import { connect } from "../../client/mod.ts";
import { staysPending } from "../flow/conformance.ts";
import { concat, utf8 } from "../helpers/bytes.ts";
import { serveAgent } from "../../server/mod.ts";
import { testHostKey } from "../helpers/engine_pair.ts";
import { adaTrusting, testServer } from "./_server.ts";

const DATA = utf8("a message");
const DONE: AgentResponse = { type: "success", payload: new Uint8Array(0) };

/** An agent that does as a test says: what it has been asked, and its end of the flow. */
interface ScriptedAgent extends AsyncDisposable {
  readonly agent: AgentClient;
  readonly flow: Flow;
  readonly asked: AgentRequest[];
  /** The next request. */
  next(): Promise<AgentRequest>;
  send(...answers: AgentResponse[]): Promise<void>;
}

function scripted(
  answer?: (request: AgentRequest) => AgentResponse | Promise<AgentResponse>,
): ScriptedAgent {
  const [near, flow] = flowPair();
  const agent = agentClient(near);
  const asked: AgentRequest[] = [];
  const messages = new AgentMessageReader();
  const next = async (): Promise<AgentRequest> => {
    while (true) {
      const message = messages.next();
      if (message !== null) {
        const request = decodeAgentRequest(message.slice());
        asked.push(request);
        return request;
      }
      const chunk = await flow.read();
      if (chunk === Eof) throw new FlowClosedError("The client has left");
      messages.push(chunk);
    }
  };
  const send = async (...answers: AgentResponse[]): Promise<void> => {
    await flow.write(concat(answers.map((one) => frameAgentMessage(encodeAgentResponse(one)))));
  };
  const answerAll = async (): Promise<void> => {
    while (answer !== undefined) await send(await answer(await next()));
  };
  const answering = answerAll().catch(() => {});
  return {
    agent,
    flow,
    asked,
    next,
    send,
    async [Symbol.asyncDispose]() {
      flow.abort();
      await answering;
      await agent.close();
    },
  };
}

describe("an agent's client", () => {
  it("gives keys that sign at the agent, and leaves out those that it does not know", async () => {
    const key = await generateKey("ed25519");
    const unknown = new Writer().string("ssh-x@example").string("?").finish();
    await using peer = scripted(async (request) => {
      if (request.type !== "sign") {
        return {
          type: "identities",
          identities: [{ blob: unknown, comment: "x" }, {
            blob: key.publicKey.blob,
            comment: "ada",
          }],
        };
      }
      return { type: "signature", signature: await key.sign("ssh-ed25519", request.data) };
    });
    assert.equal((await peer.agent.identities()).length, 2);
    const [found, ...others] = await peer.agent.keys();
    assert.ok(found);
    assert.deepEqual(others, []);
    assert.equal(found.comment, "ada");
    assert.equal(found.publicKey.comment, "ada");
    const signature = await found.sign("ssh-ed25519", DATA);
    assert.ok(await key.publicKey.verify("ssh-ed25519", DATA, signature));
    await assert.rejects(async () => await found.sign("ssh-rsa", DATA), RangeError);
  });

  it("asks for RSA's hashes by flags, with a certificate too", async () => {
    const key = await generateKey("rsa", { bits: 2048 });
    const certificate = await issueCertificate({
      key: key.publicKey,
      ca: key,
      role: "user",
      keyId: "ada",
      principals: ["ada"],
      validBefore: null,
    });
    const shown = withCertificate(key, certificate);
    await using peer = scripted(async (request) => {
      assert.ok(request.type === "sign");
      const algorithm = request.flags === 4 ? "rsa-sha2-512" : "rsa-sha2-256";
      return { type: "signature", signature: await key.sign(algorithm, request.data) };
    });
    for (
      const [signer, algorithm, flags] of [
        [key, "rsa-sha2-256", 2],
        [key, "rsa-sha2-512", 4],
        [shown, "rsa-sha2-256-cert-v01@openssh.com", 2],
        [shown, "rsa-sha2-512-cert-v01@openssh.com", 4],
      ] as const
    ) {
      const signature = await peer.agent.sign(signer.publicKey, DATA, { algorithm });
      assert.ok(await signer.publicKey.verify(algorithm, DATA, signature), algorithm);
      const request = peer.asked.at(-1);
      assert.ok(request?.type === "sign");
      assert.equal(request.flags, flags);
    }
  });

  it("does not take a signature of another algorithm than was asked for", async () => {
    const key = await generateKey("rsa", { bits: 2048 });
    const sha1 = new Writer().string("ssh-rsa").string(new Uint8Array(256)).finish();
    const answers = [sha1, new Uint8Array(0), utf8("xxxx")];
    await using peer = scripted(() => ({
      type: "signature",
      signature: answers.shift() ?? new Uint8Array(0),
    }));
    await assert.rejects(peer.agent.sign(key.publicKey, DATA), {
      name: "ProtocolError",
      message: "Cannot sign: the agent was to use rsa-sha2-512, and used ssh-rsa",
    });
    await assert.rejects(peer.agent.sign(key.publicKey, DATA), ProtocolError);
    await assert.rejects(peer.agent.sign(key.publicKey, DATA), ProtocolError);
  });

  it("adds keys with constraints, removes them, locks and unlocks", async () => {
    await using peer = scripted(() => DONE);
    const { agent } = peer;
    const key = await generateKey("ed25519", { comment: "its own" });
    await agent.add(key);
    await agent.add(key, { lifetimeSeconds: 60, confirm: true, comment: "another" });
    await agent.remove(key.publicKey);
    await agent.removeAll();
    await agent.lock("sesame");
    await agent.unlock("sesame");
    const [plain, constrained, removed, ...others] = peer.asked;
    assert.ok(plain?.type === "add" && constrained?.type === "add" && removed?.type === "remove");
    assert.deepEqual([plain.comment, plain.constraints], ["its own", {}]);
    assert.equal(constrained.comment, "another");
    assert.deepEqual(constrained.constraints, { lifetimeSeconds: 60, confirm: true });
    assert.deepEqual(parsePublicKey(removed.key).blob, key.publicKey.blob);
    assert.deepEqual(others, [
      { type: "remove-all" },
      { type: "lock", passphrase: new Uint8Array(utf8("sesame")) },
      { type: "unlock", passphrase: new Uint8Array(utf8("sesame")) },
    ]);
    await assert.rejects(agent.add(key, { lifetimeSeconds: 0 }), RangeError);
  });

  it("makes vendors' requests, and asks which there are", async () => {
    const names = new Writer().string("query").string("echo@example").finish();
    await using peer = scripted((request) => {
      assert.ok(request.type === "extension");
      const { name, payload } = request;
      if (name === "query") return { type: "extension", name, payload: names };
      if (name === "done@example") return DONE;
      if (name === "other@example") return { type: "extension", name: "x", payload };
      return name === "echo@example"
        ? { type: "extension", name, payload }
        : { type: "extension-failure" };
    });
    assert.deepEqual(await peer.agent.extensions(), ["query", "echo@example"]);
    assert.deepEqual(await peer.agent.extension("echo@example", DATA), new Uint8Array(DATA));
    assert.equal((await peer.agent.extension("done@example")).length, 0);
    await assert.rejects(peer.agent.extension("no@example"), {
      name: "RequestError",
      message: "Cannot do no@example: the agent refused",
    });
    await assert.rejects(peer.agent.extension("other@example"), ProtocolError);
  });

  it("gives the answers of requests in flight to those who asked, in order", async () => {
    await using peer = scripted();
    const key = await generateKey("ed25519");
    const removed = peer.agent.remove(key.publicKey);
    const locked = peer.agent.lock("x");
    const listed = peer.agent.identities();
    for (const type of ["remove", "lock", "list"]) assert.equal((await peer.next()).type, type);
    await peer.send(DONE, { type: "failure" }, { type: "identities", identities: [] });
    await removed;
    await assert.rejects(locked, RequestError);
    assert.deepEqual(await listed, []);
  });

  it("leaves the answer of a wait that was given up to nobody else", async () => {
    await using peer = scripted();
    const giveUp = new AbortController();
    const locked = peer.agent.lock("x", { signal: giveUp.signal });
    const unlocked = peer.agent.unlock("y");
    await peer.next();
    giveUp.abort(new Error("enough"));
    await assert.rejects(locked, { message: "enough" });
    await peer.next();
    await peer.send({ type: "failure" });
    await staysPending(unlocked);
    await peer.send(DONE);
    await unlocked;
    await assert.rejects(peer.agent.lock("z", { signal: giveUp.signal }), { message: "enough" });
    assert.equal(peer.asked.length, 2, "what is given up before is not asked");
  });

  it("sends no request that agents do not take", async () => {
    await using peer = scripted(() => DONE);
    const key = await generateKey("ed25519");
    const data = new Uint8Array(256 * 1024);
    await assert.rejects(peer.agent.sign(key.publicKey, data), RangeError);
    await peer.agent.lock("x");
  });

  it("rejects what waits, and all that follows, when the agent leaves or is left", async () => {
    const key = await generateKey("ed25519");
    {
      await using peer = scripted();
      const waiting = peer.agent.sign(key.publicKey, DATA);
      await peer.next();
      await peer.flow.closeWrite();
      await assert.rejects(waiting, { message: "Cannot ask the agent: it has closed the flow" });
      await assert.rejects(peer.agent.keys(), FlowClosedError);
    }
    await using peer = scripted();
    const waiting = peer.agent.keys();
    await peer.next();
    const closing = peer.agent.close();
    await assert.rejects(waiting, { message: "Cannot ask the agent: the client was closed" });
    await assert.rejects(peer.agent.keys(), FlowClosedError);
    await peer.flow.close();
    await closing;
  });
});

describe("an agent that breaks the rules", () => {
  const attacks: Readonly<Record<string, Uint8Array>> = {
    "answers with a length of 0": new Writer().uint32(0).finish(),
    "answers with a length of 2^32-1": new Writer().uint32(0xffffffff).uint8(5).finish(),
    "answers with more than 256 KiB": new Writer().uint32(256 * 1024 + 1).uint8(12).finish(),
    "answers to another question": frameAgentMessage(encodeAgentResponse(DONE)),
    "answers with a request": frameAgentMessage(Uint8Array.of(11)),
    "counts 2^32-1 keys": frameAgentMessage(new Writer().uint8(12).uint32(0xffffffff).finish()),
    "lists a key that is longer than the message": frameAgentMessage(
      new Writer().uint8(12).uint32(1).uint32(0x7fffffff).finish(),
    ),
    "puts something behind a list": frameAgentMessage(
      new Writer().uint8(12).uint32(0).uint8(1).finish(),
    ),
  };
  for (const [name, bytes] of Object.entries(attacks)) {
    it(`${name}: it is left, and nothing hangs`, async () => {
      await using peer = scripted();
      const listed = peer.agent.keys();
      const behind = peer.agent.lock("x");
      // Whichever is looked at first.
      behind.catch(() => {});
      await peer.next();
      await peer.flow.write(bytes);
      await assert.rejects(listed, ProtocolError);
      await assert.rejects(behind, ProtocolError);
      await assert.rejects(peer.agent.keys(), ProtocolError);
      await assert.rejects(peer.flow.read(), "the flow is aborted");
    });
  }

  it("answers what it was not asked: the answer is not taken for the next one's", async () => {
    await using peer = scripted();
    await peer.send(DONE);
    await new Promise((resolve) => setTimeout(resolve, 0));
    await assert.rejects(peer.agent.unlock("x"), {
      name: "ProtocolError",
      message: "Cannot read agent's answer: message 6 came, and nothing was asked",
    });
    await using twice = scripted();
    const removed = twice.agent.removeAll();
    await twice.next();
    await twice.send(DONE, DONE);
    await removed;
    await new Promise((resolve) => setTimeout(resolve, 0));
    await assert.rejects(twice.agent.unlock("x"), ProtocolError);
  });
});

describe("authentication by an agent", () => {
  it("tries each key, asks first, and signs only with the one that is wanted", async () => {
    const keys = [await generateKey("ed25519"), await generateKey("ed25519")];
    const [stranger, known] = keys;
    assert.ok(stranger && known);
    await using peer = scripted(async (request) => {
      if (request.type === "sign") {
        const key = parsePublicKey(request.key);
        const signer = keys.find(({ publicKey }) =>
          key.blob.every((b, i) => b === publicKey.blob[i])
        );
        assert.ok(signer);
        return { type: "signature", signature: await signer.sign("ssh-ed25519", request.data) };
      }
      if (request.type === "extension") return { type: "failure" };
      const identities = keys.map(({ publicKey: { blob } }) => ({ blob, comment: "" }));
      return { type: "identities", identities };
    });
    await using server = await testServer({
      auth: {
        authenticate: (attempt) =>
          attempt.method === "publickey" &&
          attempt.key.blob.every((b, i) => b === known.publicKey.blob[i]),
      },
    });
    const auth = agentAuth(peer.agent);
    await using _ssh = await connect(server.flow, { ...adaTrusting, auth });
    assert.deepEqual(peer.asked.map(({ type }) => type), ["extension", "list", "sign"]);
    const signed = peer.asked[2];
    assert.ok(signed?.type === "sign");
    assert.deepEqual(signed.key, known.publicKey.blob);
  });

  it("goes on with the next key where the agent refuses to sign", async () => {
    const keys = [await generateKey("ed25519"), await generateKey("ed25519")];
    await using peer = scripted((request) =>
      request.type !== "list" ? { type: "failure" } : {
        type: "identities",
        identities: keys.map(({ publicKey: { blob } }) => ({ blob, comment: "" })),
      }
    );
    await using server = await testServer({ auth: { authenticate: () => true } });
    const auth = agentAuth(peer.agent);
    await assert.rejects(connect(server.flow, { ...adaTrusting, auth }), (error) => {
      assert.ok(error instanceof AuthenticationError);
      const why = "publickey (the key did not sign: Cannot sign: the agent refused)";
      assert.ok(error.message.includes(`tried ${why}, ${why};`), error.message);
      return true;
    });
  });

  it("connects anew for each login, tells of the session first, and leaves when that is over", async () => {
    const key = await generateKey("ed25519");
    const store = new AgentStore();
    const serving: Promise<void>[] = [];
    const bound: SessionBinding[] = [];
    const auth = agentAuth(() => {
      const [near, far] = flowPair();
      const bindings = new AgentBindings();
      const respond: AgentStore["respond"] = async (request) => {
        if (request.type === "extension") bound.push(decodeSessionBinding(request.payload.slice()));
        return await store.respond(request, bindings);
      };
      serving.push(serveAgent(far, Object.assign(Object.create(store), { respond })));
      return near;
    });
    store.add(key);
    for (const index of [0, 1]) {
      await using server = await testServer({ auth: { authenticate: () => true } });
      await using ssh = await connect(server.flow, { ...adaTrusting, auth });
      const { hostKey, sessionId, hostKeySignature } = ssh.info;
      assert.deepEqual(bound[index], {
        hostKey: new Uint8Array(hostKey.blob),
        sessionId: new Uint8Array(sessionId),
        signature: new Uint8Array(hostKeySignature),
        forwarding: false,
      });
      await serving[index];
    }
    assert.equal(bound.length, 2);
    // Where nobody is let in, it leaves too.
    await using server = await testServer({ auth: { authenticate: () => false } });
    await assert.rejects(connect(server.flow, { ...adaTrusting, auth }), AuthenticationError);
    await serving[2];
  });

  it("uses keys that are restricted to destinations, whoever chose them", async () => {
    const [key, hostKey] = [await generateKey("ed25519"), await testHostKey()];
    for (const allowed of [true, false]) {
      const store = new AgentStore();
      const { blob } = (allowed ? hostKey : key).publicKey;
      const keys = [{ blob, isCa: false }];
      store.add(key, { destinations: [{ from: null, to: { hostname: "host", keys } }] });
      for (const choose of [true, false]) {
        const [near, far] = flowPair();
        const serving = serveAgent(far, store);
        const agent = agentClient(near);
        const auth = choose
          ? (await agent.keys()).map((one) => publicKey(one, { probe: true }))
          : agentAuth(agent);
        await using server = await testServer({ auth: { authenticate: () => true } });
        const connecting = connect(server.flow, { ...adaTrusting, auth });
        if (allowed) {
          await using _ssh = await connecting;
        } else {
          const why = choose ? "the key did not sign" : "the agent has no keys";
          await assert.rejects(connecting, new RegExp(`publickey \\(${why}`));
        }
        await agent.close();
        await serving;
      }
    }
  });

  it("goes on with other methods where the agent is out of reach, or has no keys", async () => {
    const [near, far] = flowPair();
    far.abort();
    const sources: readonly (readonly [ReturnType<typeof agentAuth>, string])[] = [
      [
        agentAuth(() => Promise.reject(new Error("no socket"))),
        "the agent cannot be reached: no socket",
      ],
      [agentAuth(agentClient(near)), "the agent gave no keys: "],
    ];
    for (const [auth, why] of sources) {
      await using server = await testServer({
        auth: { authenticate: (attempt) => attempt.method === "password" },
      });
      const both = [...auth, password("sesame")];
      await using _ssh = await connect(server.flow, { ...adaTrusting, auth: both });
      await using other = await testServer({ auth: { authenticate: () => false } });
      await assert.rejects(connect(other.flow, { ...adaTrusting, auth }), (error) => {
        assert.ok(error instanceof AuthenticationError);
        assert.ok(error.message.includes(why), error.message);
        return true;
      });
    }
  });

  it("shows two keys where a server wants two", async () => {
    const store = new AgentStore();
    for (let i = 0; i < 3; i++) store.add(await generateKey("ed25519"));
    const [near, far] = flowPair();
    const serving = serveAgent(far, store);
    const agent = agentClient(near);
    const wanted = [store.keys[2], store.keys[0]].map((key) => key && fingerprint(key.publicKey));
    await using server = await testServer({
      auth: {
        authenticate: (attempt) => {
          if (attempt.method !== "publickey") return false;
          if (fingerprint(attempt.key) !== wanted[attempt.accepted.length]) return false;
          return attempt.accepted.length === 1 || { partial: ["publickey"] };
        },
      },
    });
    {
      await using _ssh = await connect(server.flow, { ...adaTrusting, auth: agentAuth(agent) });
    }
    await agent.close();
    await serving;
  });
});
