import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { generateKey, type Signer } from "../../keys/mod.ts";
import { keyboardInteractive, none, password, publicKey } from "../../protocol/mod.ts";
import {
  decodeUserauthRequest,
  encodePasswordChangeRequest,
  encodePublicKeyOk,
} from "../../wire/auth_messages.ts";
import { AuthenticationError, ProtocolError } from "../../wire/errors.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { Reader } from "../../wire/reader.ts";
import { Writer } from "../../wire/writer.ts";
import { testHostKey } from "../helpers/engine_pair.ts";
import {
  challenge,
  clientTrying,
  closedBecause,
  EMPTY,
  failure,
  fieldsOf,
  methodsOf,
  SUCCESS,
} from "../helpers/auth_messages.ts";
import type { RawConnection, RawOptions } from "../helpers/raw_channel_peer.ts";

const HOSTBOUND = "publickey-hostbound-v00@openssh.com";

const ed25519 = await generateKey("ed25519", { seed: "ada's key" });
const other = await generateKey("ed25519", { seed: "another key" });
const rsa = await generateKey("rsa", { bits: 2048 });

function passwordIn(payload: Uint8Array | undefined): string {
  const fields = fieldsOf(payload);
  assert.equal(fields.boolean(), false);
  return fields.text();
}

describe("auth: public keys at the client", () => {
  const extensions = (entries: Record<string, string>): RawOptions => ({
    extensions: new Map(Object.entries(entries)),
  });

  /** What a request with a signature says, if the signature is right. */
  async function proofOf(
    connection: RawConnection,
    payload: Uint8Array | undefined,
    signer: Signer,
  ): Promise<{ method: string; algorithm: string }> {
    const { user, service, method, fields } = decodeUserauthRequest(payload ?? EMPTY);
    assert.deepEqual([user, service], ["ada", "ssh-connection"]);
    const reader = new Reader(fields, "fields");
    assert.equal(reader.boolean(), true);
    const algorithm = reader.name();
    assert.deepEqual(reader.string(), signer.publicKey.blob);
    if (method === HOSTBOUND) {
      assert.deepEqual(reader.string(), (await testHostKey()).publicKey.blob);
    }
    const signed = new Writer().string(connection.peer.transport.kex.sessionId ?? EMPTY)
      .raw((payload ?? EMPTY).subarray(0, (payload ?? EMPTY).length - reader.remaining)).finish();
    const signature = reader.string();
    reader.end();
    assert.equal(await signer.publicKey.verify(algorithm, signed, signature), true);
    return { method, algorithm };
  }

  it("are proven with a signature over the session and the request", async () => {
    const connection = await clientTrying([publicKey(ed25519)]);
    assert.deepEqual(
      await proofOf(connection, connection.first[0], ed25519),
      { method: "publickey", algorithm: "ssh-ed25519" },
    );
  });

  it("are bound to the host where the server can have it", async () => {
    const connection = await clientTrying(
      [publicKey(ed25519)],
      extensions({ "publickey-hostbound@openssh.com": "0" }),
    );
    assert.deepEqual(
      await proofOf(connection, connection.first[0], ed25519),
      { method: HOSTBOUND, algorithm: "ssh-ed25519" },
    );
  });

  it("are not bound to the host in a version that does not exist yet", async () => {
    const connection = await clientTrying(
      [publicKey(ed25519)],
      extensions({ "publickey-hostbound@openssh.com": "1" }),
    );
    assert.deepEqual(methodsOf(connection.first), ["publickey"]);
  });

  const listed: [string, string | null][] = [
    ["rsa-sha2-256,rsa-sha2-512", "rsa-sha2-512"],
    ["ssh-ed25519,rsa-sha2-256", "rsa-sha2-256"],
    ["ssh-rsa", null],
    ["", null],
  ];
  for (const [names, algorithm] of listed) {
    it(`sign with ${algorithm ?? "nothing"} where the server lists "${names}"`, async () => {
      const connection = await clientTrying(
        [publicKey(rsa), none()],
        extensions({ "server-sig-algs": names }),
      );
      if (algorithm === null) {
        assert.deepEqual(methodsOf(connection.first), ["none"]);
        await connection.exchange([failure([])]);
        assert.match(closedBecause(connection).message, /verifies no signature of ssh-rsa keys/);
      } else {
        const proof = await proofOf(connection, connection.first[0], rsa);
        assert.deepEqual(proof, { method: "publickey", algorithm });
      }
    });
  }

  it("sign with the only algorithm they have, whatever the server lists", async () => {
    const connection = await clientTrying(
      [publicKey(ed25519)],
      extensions({ "server-sig-algs": "rsa-sha2-256" }),
    );
    const proof = await proofOf(connection, connection.first[0], ed25519);
    assert.deepEqual(proof, { method: "publickey", algorithm: "ssh-ed25519" });
  });

  it("sign with what is preferred where the server lists nothing", async () => {
    const connection = await clientTrying([publicKey(rsa)]);
    const proof = await proofOf(connection, connection.first[0], rsa);
    assert.deepEqual(proof, { method: "publickey", algorithm: "rsa-sha2-512" });
  });

  it("are asked about first, if that is wanted", async () => {
    const connection = await clientTrying([publicKey(ed25519, { probe: true })]);
    const fields = fieldsOf(connection.first[0]);
    assert.equal(fields.boolean(), false);
    const algorithm = fields.name();
    const blob = fields.string();
    fields.end();
    const [proof] = await connection.exchange([encodePublicKeyOk(algorithm, blob)]);
    await proofOf(connection, proof, ed25519);
  });

  it("that the server would not take are not signed with", async () => {
    let signed = 0;
    const signer: Signer = {
      publicKey: ed25519.publicKey,
      sign: (algorithm, data) => {
        signed++;
        return ed25519.sign(algorithm, data);
      },
    };
    const connection = await clientTrying([publicKey(signer, { probe: true }), none()]);
    await connection.exchange([failure(["none"])]);
    assert.equal(signed, 0);
  });

  const oks: [string, Uint8Array][] = [
    ["another key", encodePublicKeyOk("ssh-ed25519", other.publicKey.blob)],
    ["another algorithm", encodePublicKeyOk("rsa-sha2-512", ed25519.publicKey.blob)],
    ["no key", encodePublicKeyOk("ssh-ed25519", EMPTY)],
    [
      "more than a key",
      Uint8Array.of(
        ...encodePublicKeyOk("ssh-ed25519", ed25519.publicKey.blob),
        0,
      ),
    ],
  ];
  for (const [what, ok] of oks) {
    it(`are not signed with after PK_OK for ${what}`, async () => {
      const connection = await clientTrying([publicKey(ed25519, { probe: true })]);
      assert.deepEqual(await connection.exchange([ok]), []);
      assert.ok(closedBecause(connection) instanceof ProtocolError);
    });
  }

  it("are not asked about twice", async () => {
    const connection = await clientTrying([publicKey(ed25519, { probe: true })]);
    const ok = encodePublicKeyOk("ssh-ed25519", ed25519.publicKey.blob);
    await connection.exchange([ok, ok]);
    assert.ok(closedBecause(connection) instanceof ProtocolError);
  });

  it("whose agent refuses leave the other methods their turn", async () => {
    const signer: Signer = {
      publicKey: ed25519.publicKey,
      sign: () => Promise.reject(new Error("the agent refused")),
    };
    const connection = await clientTrying([publicKey(signer), none()]);
    assert.deepEqual(methodsOf(connection.first), ["none"]);
    await connection.exchange([failure([])]);
    assert.match(closedBecause(connection).message, /did not sign: the agent refused/);
  });
});

describe("auth: passwords at the client", () => {
  it("that are given are tried once", async () => {
    const connection = await clientTrying([password("a"), none()]);
    assert.equal(passwordIn(connection.first[0]), "a");
    assert.deepEqual(methodsOf(await connection.exchange([failure(["password", "none"])])), [
      "none",
    ]);
  });

  it("are asked for three times", async () => {
    let asked = 0;
    const connection = await clientTrying([password(() => `guess ${++asked}`)]);
    assert.equal(passwordIn(connection.first[0]), "guess 1");
    for (const guess of ["guess 2", "guess 3"]) {
      assert.equal(passwordIn((await connection.exchange([failure(["password"])]))[0]), guess);
    }
    await connection.exchange([failure(["password"])]);
    assert.equal(asked, 3);
    assert.ok(closedBecause(connection) instanceof AuthenticationError);
  });

  it("are not asked for again when the server takes no more, or the user stops", async () => {
    for (const stop of [true, false]) {
      let asked = 0;
      const connection = await clientTrying([password(() => ++asked === 1 || !stop ? "a" : null)]);
      await connection.exchange([failure(stop ? ["password"] : ["publickey"])]);
      assert.equal(asked, stop ? 2 : 1);
      assert.ok(closedBecause(connection) instanceof AuthenticationError);
    }
  });

  it("that nobody gives are not sent", async () => {
    const connection = await clientTrying([password(() => null), none()]);
    assert.deepEqual(methodsOf(connection.first), ["none"]);
    await connection.exchange([failure([])]);
    assert.match(closedBecause(connection).message, /no password was given/);
  });

  it("are changed when the server wants it", async () => {
    const prompts: string[] = [];
    const connection = await clientTrying([
      password("old", {
        change: (prompt) => {
          prompts.push(prompt);
          return `new ${prompts.length}`;
        },
      }),
    ]);
    for (const [i, prompt] of ["Too old", "Too short"].entries()) {
      const [request] = await connection.exchange([encodePasswordChangeRequest(prompt)]);
      const fields = fieldsOf(request);
      assert.equal(fields.boolean(), true);
      assert.deepEqual([fields.text(), fields.text()], ["old", `new ${i + 1}`]);
      fields.end();
    }
    assert.deepEqual(prompts, ["Too old", "Too short"]);
    await connection.exchange([SUCCESS]);
    assert.notEqual(connection.sink.user, null);
  });

  it("are not changed for ever", async () => {
    let asked = 0;
    const connection = await clientTrying([password("old", { change: () => `new ${++asked}` })]);
    for (let i = 0; i < 4; i++) await connection.exchange([encodePasswordChangeRequest("No")]);
    assert.equal(asked, 3);
    assert.match(closedBecause(connection).message, /took none of 3 new passwords/);
  });

  it("are not changed if nobody can, and the next method follows", async () => {
    for (const options of [{}, { change: () => null }]) {
      const connection = await clientTrying([password("old", options), none()]);
      const next = await connection.exchange([encodePasswordChangeRequest("Too old")]);
      assert.deepEqual(methodsOf(next), ["none"]);
    }
  });
});

describe("auth: keyboard-interactive at the client", () => {
  it("answers any number of questions and rounds", async () => {
    const connection = await clientTrying([
      keyboardInteractive(({ prompts }) => prompts.map(({ prompt }) => prompt.toUpperCase()), {
        submethods: ["pam", "otp"],
      }),
    ]);
    const fields = fieldsOf(connection.first[0]);
    assert.deepEqual([fields.text(), fields.text()], ["", "pam,otp"]);
    fields.end();
    for (const prompts of [["a", "b", "c"], [], ["d"]]) {
      const [reply] = await connection.exchange([challenge(...prompts)]);
      const reader = new Reader(reply ?? EMPTY, "INFO_RESPONSE");
      assert.equal(reader.uint8(), Msg.USERAUTH_INFO_RESPONSE);
      assert.equal(reader.uint32(), prompts.length);
      for (const prompt of prompts) assert.equal(reader.text(), prompt.toUpperCase());
      reader.end();
    }
    await connection.exchange([SUCCESS]);
    assert.notEqual(connection.sink.user, null);
  });

  it("stops when the user does", async () => {
    const connection = await clientTrying([keyboardInteractive(() => null), none()]);
    assert.deepEqual(methodsOf(await connection.exchange([challenge("?")])), ["none"]);
  });

  it("a flood of questions is left after a hundred", async () => {
    let asked = 0;
    const connection = await clientTrying([
      keyboardInteractive(() => {
        asked++;
        return [];
      }),
      none(),
    ]);
    const replies = await connection.exchange(Array.from({ length: 100 }, () => challenge()));
    assert.equal(asked, 100);
    assert.deepEqual(methodsOf(replies.slice(100)), ["none"]);
    await connection.exchange([challenge()]);
    assert.ok(closedBecause(connection) instanceof ProtocolError);
  });

  const head = (count: number): Writer =>
    new Writer().uint8(Msg.USERAUTH_INFO_REQUEST).string("").string("").string("").uint32(count);
  const challenges: [string, Uint8Array][] = [
    ["101 questions", challenge(...Array(101).fill("?"))],
    ["2^32 - 1 questions", head(2 ** 32 - 1).finish()],
    ["a question that is not there", head(1).finish()],
    ["a question without its echo", head(1).string("?").finish()],
    ["something behind the questions", head(0).uint8(0).finish()],
    ["a question of 10,000 bytes", challenge("?".repeat(10_000))],
    ["nothing", Uint8Array.of(Msg.USERAUTH_INFO_REQUEST)],
  ];
  for (const [what, payload] of challenges) {
    it(`${what} is a protocol error, and nobody is asked`, async () => {
      let asked = 0;
      const connection = await clientTrying([
        keyboardInteractive(() => {
          asked++;
          return null;
        }),
      ]);
      assert.deepEqual(await connection.exchange([payload]), []);
      assert.ok(closedBecause(connection) instanceof ProtocolError);
      assert.equal(asked, 0);
    });
  }

  it("a wrong number of answers is the application's mistake, and is not sent", async () => {
    const connection = await clientTrying([keyboardInteractive(() => ["hunter2"])]);
    assert.deepEqual(await connection.exchange([challenge("a", "b")]), []);
    const error = closedBecause(connection);
    assert.ok(error instanceof TypeError);
    assert.match(error.message, /2 prompts with 1 responses/);
    assert.equal(connection.peer.disconnect?.description, "The connection cannot go on");
  });
});
