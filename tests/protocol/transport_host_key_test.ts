import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { parsePrivateKey, type PrivateKey } from "../../keys/mod.ts";
import { selectAlgorithms } from "../../protocol/transport/algorithms.ts";
import { DisconnectCode, HostKeyError } from "../../wire/errors.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { Reader } from "../../wire/reader.ts";
import { Writer } from "../../wire/writer.ts";
import { testHostKey } from "../helpers/engine_pair.ts";
import { hostilePeer, type HostilePeerOptions, plainAlgorithms } from "../helpers/hostile_peer.ts";
import { assertEnded, assertNothingPends } from "../helpers/script.ts";
import { privateKeys } from "../keys/fixtures.ts";

type Options = Omit<HostilePeerOptions, "role">;

const rsa = (): Promise<PrivateKey> => parsePrivateKey(privateKeys.rsa);
const ecdsa = (): Promise<PrivateKey> => parsePrivateKey(privateKeys.ecdsa256);
const otherEd25519 = (): Promise<PrivateKey> => parsePrivateKey(privateKeys.ed25519);

function withHostKeys(...hostKeys: string[]): Pick<HostilePeerOptions, "algorithms"> {
  return { algorithms: { ...plainAlgorithms, hostKeys } };
}

/** A server that proves its host key wrongly is not believed, and nobody is asked about its key. */
async function assertNotBelieved(options: Options, message: RegExp): Promise<void> {
  const peer = await hostilePeer({ ...options, role: "server" });
  await peer.tryToReach("agreed");
  await peer.settle();
  await assertEnded(peer, DisconnectCode.KEY_EXCHANGE_FAILED, message);
  assert.deepEqual(peer.application.calls, []);
  assert.equal(peer.engine.info, null);
  assert.ok(peer.received.every(([number]) => number !== Msg.NEWKEYS));
}

/** A signature whose algorithm is called otherwise. */
function renamed(signature: Uint8Array, algorithm: string): Uint8Array {
  const reader = new Reader(signature, "signature");
  reader.string();
  return new Writer().string(algorithm).raw(reader.rest()).finish();
}

describe("host key", () => {
  const wrong = /^Cannot verify the server: its .* signature of the key exchange is wrong/;

  for (const hostKey of ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256"]) {
    it(`is proven with ${hostKey}`, async () => {
      const keys = { "ssh-ed25519": testHostKey, "ecdsa-sha2-nistp256": ecdsa };
      const key = await (keys[hostKey as keyof typeof keys] ?? rsa)();
      const peer = await hostilePeer({ role: "server", hostKey: key, ...withHostKeys(hostKey) });
      await peer.reach("connected");
      await peer.rekey();
      await peer.settle();
      assert.equal(peer.engine.closed, null);
      assert.equal(peer.engine.info?.algorithms.hostKey, hostKey);
      assert.deepEqual(peer.engine.info?.hostKey.blob, key.publicKey.blob);
      // Once: what holds for the first exchange holds for all.
      assert.deepEqual(peer.application.calls, ["verify host key", "authenticated ada"]);
    });
  }

  it("is not believed if the signature is over something else", async () => {
    await assertNotBelieved({
      sign: (key, algorithm, digest) => key.sign(algorithm, digest.map((byte) => byte ^ 1)),
    }, wrong);
    await assertNotBelieved({
      sign: (key, algorithm) => key.sign(algorithm, new Uint8Array(0)),
    }, wrong);
  });

  it("is not believed if the signature is empty, cut short, or followed by something", async () => {
    for (
      const alter of [
        () => new Uint8Array(0),
        (signature: Uint8Array) => signature.subarray(0, -1),
        (signature: Uint8Array) => new Writer().raw(signature).uint8(0).finish(),
        () => new Writer().string("ssh-ed25519").string("").finish(),
        () => new Writer().string("ssh-ed25519").string(new Uint8Array(64)).finish(),
        () => new Writer().uint32(2 ** 32 - 1).finish(),
      ]
    ) {
      const sign: Options["sign"] = async (key, algorithm, digest) =>
        alter(await key.sign(algorithm, digest));
      await assertNotBelieved({ sign }, wrong);
    }
  });

  it("is not believed if another key has signed", async () => {
    const other = await otherEd25519();
    await assertNotBelieved({
      sign: (_key, algorithm, digest) => other.sign(algorithm, digest),
    }, wrong);
  });

  it("is not believed if it signs with another algorithm than was agreed on", async () => {
    const hostKey = await rsa();
    const algorithms = withHostKeys("rsa-sha2-512");
    const sign: Options["sign"] = (key, _, digest) => key.sign("rsa-sha2-256", digest);
    await assertNotBelieved({ hostKey, ...algorithms, sign }, wrong);
    for (const name of ["rsa-sha2-512", "ssh-rsa", "rsa-sha2-256", ""]) {
      await assertNotBelieved({
        hostKey,
        ...algorithms,
        sign: async (key, _, digest) => renamed(await key.sign("rsa-sha2-256", digest), name),
      }, wrong);
    }
  });

  it("is not believed if it is of another type than was agreed on", async () => {
    const message = /its host key is of type .*, but .* was agreed on/;
    await assertNotBelieved({
      hostKey: await ecdsa(),
      sign: (key, _, digest) => key.sign("ecdsa-sha2-nistp256", digest),
    }, message);
    await assertNotBelieved({
      hostKey: await rsa(),
      ...withHostKeys("ecdsa-sha2-nistp256"),
      sign: (key, _, digest) => key.sign("rsa-sha2-512", digest),
    }, message);
  });

  it("is not believed if it is none", async () => {
    const { blob } = (await testHostKey()).publicKey;
    const wrongs = [
      new Uint8Array(0),
      blob.subarray(0, -1),
      new Writer().raw(blob).uint8(0).finish(),
      new Writer().string("ssh-ed25519").string(new Uint8Array(31)).finish(),
      new Writer().string("ssh-dss").string(new Uint8Array(32)).finish(),
      new Writer().string("ssh-ed25519\0").string(new Uint8Array(32)).finish(),
      new Writer().uint32(2 ** 31).finish(),
      new Writer().string("ssh-rsa").mpint(Uint8Array.of(1)).mpint(new Uint8Array(256).fill(255))
        .finish(),
      new Writer().string("ssh-rsa").mpint(Uint8Array.of(1, 0, 1))
        .mpint(new Uint8Array(64).fill(255)).finish(),
    ];
    for (const claimedHostKey of wrongs) {
      await assertNotBelieved({ claimedHostKey }, /its host key is not a valid one \(/);
    }
  });

  it("has to be the same at a re-key", async () => {
    const keys = [await testHostKey(), await otherEd25519()];
    const hostKey = keys[0] ?? assert.fail();
    let exchanges = 0;
    const proxy: PrivateKey = {
      comment: "",
      parts: () => hostKey.parts(),
      get publicKey() {
        return (keys[exchanges] ?? hostKey).publicKey;
      },
      sign: (algorithm, data) => (keys[exchanges] ?? hostKey).sign(algorithm, data),
    };
    const peer = await hostilePeer({ role: "server", hostKey: proxy });
    await peer.reach("connected");
    await peer.beginExchange();
    exchanges = 1;
    await peer.agree();
    await peer.settle();
    const message = /^Cannot verify the server: it has another host key than before/;
    await assertEnded(peer, DisconnectCode.KEY_EXCHANGE_FAILED, message);
    assert.deepEqual(peer.application.calls, ["verify host key", "authenticated ada"]);
  });

  it("is proven at a re-key as at first", async () => {
    let exchanges = 0;
    const peer = await hostilePeer({
      role: "server",
      sign: (key, algorithm, digest) =>
        key.sign(algorithm, exchanges++ === 0 ? digest : digest.map((byte) => byte ^ 1)),
    });
    await peer.reach("connected");
    await peer.beginExchange();
    await peer.agree();
    await peer.settle();
    await assertEnded(peer, DisconnectCode.KEY_EXCHANGE_FAILED, wrong);
  });
});

describe("host key, as the user sees it", () => {
  it("is refused before anything of the user is sent", async () => {
    const { blob } = (await testHostKey()).publicKey;
    const refusal = new HostKeyError("Unknown host", { status: "not-known", key: blob });
    const peer = await hostilePeer({
      role: "server",
      engine: { client: { verifyHostKey: () => Promise.reject(refusal) } },
    });
    await peer.tryToReach("agreed");
    const code = DisconnectCode.HOST_KEY_NOT_VERIFIABLE;
    await assertEnded(peer, code, /^Unknown host$/);
    assert.equal(peer.engine.closed, refusal);
    assert.equal((await peer.disconnect())?.description, "The host key is not trusted");
    const numbers = peer.received.map(([number]) => number);
    assert.deepEqual(numbers, [Msg.KEXINIT, Msg.KEXDH_INIT, Msg.DISCONNECT]);
  });

  it("is refused by any other error too, whose text the server is not told", async () => {
    const failure = new Error("cannot read /home/ada/.ssh/known_hosts");
    const peer = await hostilePeer({
      role: "server",
      engine: { client: { verifyHostKey: () => Promise.reject(failure) } },
    });
    await peer.tryToReach("agreed");
    await peer.settle();
    assert.equal(peer.engine.closed, failure);
    const disconnect = await peer.disconnect();
    assert.equal(disconnect?.code, DisconnectCode.BY_APPLICATION);
    assert.equal(disconnect?.description, "The connection cannot go on");
  });

  it("is decided on while nothing more is taken, and nothing is sent", async () => {
    let decide = (): void => {};
    const decision = new Promise<void>((resolve) => decide = resolve);
    const peer = await hostilePeer({
      role: "server",
      engine: { client: { verifyHostKey: () => decision } },
    });
    await peer.reach("agreed");
    peer.sendNewKeys();
    peer.send(new Writer().uint8(Msg.SERVICE_ACCEPT).string("ssh-userauth").finish());
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.notEqual(peer.engine.parked, null);
    assert.deepEqual(peer.application.calls, ["verify host key"]);
    assert.equal(peer.engine.outputBytes, 0);
    decide();
    await peer.receiveNewKeys();
    await peer.until(Msg.SERVICE_REQUEST);
    await peer.until(Msg.USERAUTH_REQUEST);
    assert.equal(peer.engine.closed, null);
  });

  it("may be decided on too late: then nothing follows from it", async () => {
    for (const end of ["eof", "disconnect", "timeout"] as const) {
      let decide = (): void => {};
      const decision = new Promise<void>((resolve) => decide = resolve);
      const peer = await hostilePeer({
        role: "server",
        engine: { client: { verifyHostKey: () => decision, loginTimeoutMs: 1000 } },
      });
      await peer.reach("agreed");
      while (peer.application.calls.length === 0) {
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      if (end === "eof") peer.engine.receiveEof();
      if (end === "disconnect") peer.engine.disconnect();
      if (end === "timeout") peer.engine.advance(1000);
      decide();
      await new Promise((resolve) => setTimeout(resolve, 0));
      assert.deepEqual(peer.application.calls, ["verify host key"]);
      await peer.rest();
      assert.ok(peer.received.every(([number]) => number !== Msg.NEWKEYS));
      assertNothingPends(peer);
    }
  });
});

describe("a server's host keys", () => {
  it("are offered by what they can sign, and the one that was agreed on signs", async () => {
    const hostKeys = [await testHostKey(), await rsa(), await ecdsa()];
    for (const name of ["rsa-sha2-256", "ecdsa-sha2-nistp256", "ssh-ed25519"]) {
      const peer = await hostilePeer({
        role: "client",
        engine: { server: { hostKeys } },
        algorithms: {
          ...plainAlgorithms,
          hostKeys: selectAlgorithms({ hostKeys: [name] }).hostKeys,
        },
      });
      await peer.reach("connected");
      assert.ok(peer.engine.info?.hostKey.algorithms.includes(name));
      assert.deepEqual(peer.exchange?.hostKey, peer.engine.info?.hostKey.blob);
    }
  });

  it("may fail to sign: the client is not told why", async () => {
    const key = await testHostKey();
    const failure = new Error("no such card in the reader");
    const peer = await hostilePeer({
      role: "client",
      engine: {
        server: {
          hostKeys: [{ publicKey: key.publicKey, sign: () => Promise.reject(failure) }],
        },
      },
    });
    await peer.tryToReach("agreed");
    assert.equal(peer.engine.closed, failure);
    assert.equal((await peer.disconnect())?.description, "The connection cannot go on");
    assertNothingPends(peer);
  });
});
