import fc from "fast-check";
import { beforeAll, describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { AgentMessageReader, frameAgentMessage } from "../../keys/agent_framing.ts";
import {
  type AgentRequest,
  type AgentResponse,
  decodeAgentRequest,
  decodeAgentResponse,
  encodeAgentRequest,
  encodeAgentResponse,
} from "../../keys/agent_protocol.ts";
import { generateKey, issueCertificate, type PrivateKey } from "../../keys/mod.ts";
import { KeyFormatError, ProtocolError } from "../../wire/errors.ts";
import { Writer } from "../../wire/writer.ts";
import { concat } from "../helpers/bytes.ts";

const bytes = fc.uint8Array({ maxLength: 100 });
const text = fc.string({ unit: "grapheme", maxLength: 30 });
const name = fc.stringMatching(/^[a-z0-9@.-]{1,30}$/);

/** A copy without views, so that what is compared is what stands in them. */
function plain<T extends object>(value: T): unknown {
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      key,
      field instanceof Uint8Array ? Array.from(field) : field,
    ]),
  );
}

describe("an agent's messages", () => {
  const keys: PrivateKey[] = [];
  beforeAll(async () => {
    keys.push(
      await generateKey("ed25519"),
      await generateKey("ecdsa", { bits: 256 }),
      await generateKey("ecdsa", { bits: 521 }),
      await generateKey("rsa", { bits: 2048 }),
    );
  });

  it("are the same when they have been encoded and decoded: requests", () => {
    const requests: fc.Arbitrary<AgentRequest> = fc.oneof(
      fc.constantFrom<AgentRequest>({ type: "list" }, { type: "remove-all" }),
      fc.record({
        type: fc.constant("sign" as const),
        key: bytes,
        data: bytes,
        flags: fc.integer({ min: 0, max: 0xffffffff }),
      }),
      fc.record({ type: fc.constant("remove" as const), key: bytes }),
      fc.record({ type: fc.constantFrom("lock" as const, "unlock" as const), passphrase: bytes }),
      fc.record({ type: fc.constant("extension" as const), name, payload: bytes }),
      fc.record({ type: fc.constant("unknown" as const), number: fc.constantFrom(1, 9, 20, 200) }),
    );
    fc.assert(fc.property(requests, (request) => {
      assert.deepEqual(plain(decodeAgentRequest(encodeAgentRequest(request))), plain(request));
    }));
  });

  it("are the same when they have been encoded and decoded: answers", () => {
    const answers: fc.Arbitrary<AgentResponse> = fc.oneof(
      fc.constantFrom<AgentResponse>({ type: "failure" }, { type: "extension-failure" }),
      fc.record({ type: fc.constant("success" as const), payload: bytes }),
      fc.record({ type: fc.constant("signature" as const), signature: bytes }),
      fc.record({ type: fc.constant("extension" as const), name, payload: bytes }),
    );
    fc.assert(fc.property(answers, (answer) => {
      assert.deepEqual(plain(decodeAgentResponse(encodeAgentResponse(answer))), plain(answer));
    }));
    const lists = fc.array(fc.record({ blob: bytes, comment: text }), { maxLength: 5 });
    fc.assert(fc.property(lists, (identities) => {
      const answer = decodeAgentResponse(encodeAgentResponse({ type: "identities", identities }));
      assert.ok(answer.type === "identities");
      assert.deepEqual(answer.identities.map(plain), identities.map(plain));
    }));
  });

  it("carry a key of each type, with its constraints", () => {
    const details = Uint8Array.of(1, 2, 3);
    for (const key of keys) {
      for (
        const constraints of [
          {},
          { lifetimeSeconds: 60 },
          { confirm: true },
          { lifetimeSeconds: 1, confirm: true, extension: { name: "x@example", details } },
        ]
      ) {
        const request = {
          type: "add",
          key,
          certificate: null,
          comment: "ada",
          constraints,
        } as const;
        const decoded = decodeAgentRequest(encodeAgentRequest(request));
        assert.ok(decoded.type === "add");
        assert.deepEqual(decoded.key.parts(), key.parts());
        assert.deepEqual(decoded.key.publicKey.blob, key.publicKey.blob);
        assert.equal(decoded.comment, "ada");
        assert.deepEqual(decoded.constraints, constraints);
      }
    }
  });

  it("carry a key of each type, with its certificate", async () => {
    const [ca] = keys;
    assert.ok(ca);
    for (const key of keys) {
      const certificate = await issueCertificate({
        key: key.publicKey,
        ca,
        role: "user",
        keyId: "ada",
        principals: ["ada"],
        validBefore: null,
      });
      const constraints = { lifetimeSeconds: 5 };
      const request = { type: "add", key, certificate, comment: "c", constraints } as const;
      const encoded = encodeAgentRequest(request);
      const decoded = decodeAgentRequest(encoded);
      assert.ok(decoded.type === "add");
      assert.deepEqual(decoded.key.parts(), key.parts());
      assert.deepEqual(decoded.certificate?.blob, certificate.blob);
      assert.deepEqual(decoded.constraints, constraints);
    }
  });

  it("refuse a certificate that is that of another key", async () => {
    const [ca, key] = [await generateKey("ed25519"), await generateKey("ed25519")];
    const certificate = await issueCertificate({
      key: ca.publicKey,
      ca,
      role: "user",
      keyId: "ada",
      principals: ["ada"],
      validBefore: null,
    });
    const request = { type: "add", key, certificate, comment: "", constraints: {} } as const;
    assert.throws(() => decodeAgentRequest(encodeAgentRequest(request)), {
      name: "KeyFormatError",
      message: /its certificate is that of another key/,
    });
  });

  it("are refused where they are cut short, or too long, naming the place", () => {
    const [key] = keys;
    assert.ok(key);
    const requests: AgentRequest[] = [
      { type: "list" },
      { type: "sign", key: key.publicKey.blob, data: new Uint8Array(9), flags: 4 },
      { type: "add", key, certificate: null, comment: "c", constraints: { lifetimeSeconds: 7 } },
      { type: "remove", key: key.publicKey.blob },
      { type: "lock", passphrase: new Uint8Array(4) },
    ];
    for (const request of requests) {
      const message = encodeAgentRequest(request);
      for (let length = 0; length < message.length; length++) {
        // A key without its constraints is whole; what says that there are some is not looked at.
        if (request.type === "add" && length === message.length - 5) continue;
        assert.throws(
          () => decodeAgentRequest(message.subarray(0, length)),
          (error) => isFormatError(error) && /\(at byte \d+\)$/.test(error.message),
          `${request.type} of ${length} bytes`,
        );
      }
      assert.throws(() => decodeAgentRequest(concat([message, Uint8Array.of(0)])), isFormatError);
    }
  });

  it("are refused where their lengths and counts lie", () => {
    const lies = [
      new Writer().uint8(12).uint32(0xffffffff),
      new Writer().uint8(12).uint32(2049),
      new Writer().uint8(12).uint32(1),
      new Writer().uint8(12).uint32(1).uint32(0xfffffff0),
      new Writer().uint8(14).uint32(0x7fffffff),
      new Writer().uint8(29).string("x".repeat(257)),
      new Writer().uint8(5).uint8(0),
      new Writer().uint8(99),
      new Writer(),
    ];
    for (const lie of lies) assert.throws(() => decodeAgentResponse(lie.finish()), ProtocolError);
  });

  it("refuse lifetimes of nothing, constraints that come twice, and unknown ones", () => {
    const [key] = keys;
    assert.ok(key);
    const add = { type: "add", key, certificate: null, comment: "", constraints: {} } as const;
    for (const lifetimeSeconds of [0, -1, 1.5, 2 ** 32, NaN]) {
      const request = { ...add, constraints: { lifetimeSeconds } };
      assert.throws(() => encodeAgentRequest(request), RangeError);
    }
    const whole = encodeAgentRequest({ ...add, constraints: { confirm: true } });
    const unconstrained = whole.subarray(0, whole.length - 1);
    for (const tail of [[2, 2], [1, 0, 0, 0, 0], [1, 0, 0, 0, 1, 1, 0, 0, 0, 1], [3, 0, 0, 0, 1]]) {
      const message = concat([unconstrained, Uint8Array.from(tail)]);
      assert.throws(() => decodeAgentRequest(message), isFormatError, `${tail}`);
    }
  });
});

describe("an agent's stream", () => {
  it("gives the same messages, however it is cut", () => {
    const messages = fc.array(fc.uint8Array({ minLength: 1, maxLength: 3000 }), { maxLength: 5 });
    fc.assert(fc.property(messages, fc.integer({ min: 1, max: 1500 }), (sent, size) => {
      const stream = concat(sent.map(frameAgentMessage));
      const reader = new AgentMessageReader();
      const seen: Uint8Array[] = [];
      for (let at = 0; at < stream.length; at += size) {
        reader.push(stream.slice(at, at + size));
        for (let message = reader.next(); message !== null; message = reader.next()) {
          seen.push(message.slice());
        }
      }
      assert.deepEqual(seen, sent.map((message) => message.slice()));
      assert.equal(reader.isWithin, false);
    }));
  });

  it("refuses lengths of nothing, and beyond 256 KiB, before what follows has come", () => {
    for (const length of [0, 256 * 1024 + 1, 2 ** 31, 2 ** 32 - 1]) {
      const reader = new AgentMessageReader();
      reader.push(new Writer().uint32(length).finish());
      assert.throws(() => reader.next(), {
        name: "ProtocolError",
        message: `Cannot read agent message: its length is ${length}, and 1 to 262144 are allowed`,
      });
    }
    const reader = new AgentMessageReader();
    reader.push(frameAgentMessage(new Uint8Array(256 * 1024)));
    assert.equal(reader.next()?.length, 256 * 1024);
  });
});

function isFormatError(error: unknown): error is Error {
  return error instanceof ProtocolError || error instanceof KeyFormatError;
}
