import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { plainSealer } from "../../crypto/plaintext.ts";
import type { Role } from "../../protocol/gate.ts";
import { selectAlgorithms } from "../../protocol/transport/algorithms.ts";
import { PacketWriter } from "../../protocol/transport/packet_writer.ts";
import { DisconnectCode, ProtocolError } from "../../wire/errors.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { decodeKexInit, encodeExtInfo } from "../../wire/transport_messages.ts";
import { Writer } from "../../wire/writer.ts";
import { concat } from "../helpers/bytes.ts";
import { type EngineEnd, enginePair, settle } from "../helpers/engine_pair.ts";
import { type HostilePeer, hostilePeer } from "../helpers/hostile_peer.ts";
import { debug, ignore, unimplemented } from "../helpers/messages.ts";
import { refuses } from "../helpers/script.ts";
import { seededRandom } from "../helpers/seeded_random.ts";

/** The ciphers that Terrapin breaks, and one that it does not. */
const CIPHERS = [
  { name: "ChaCha20-Poly1305", algorithms: { ciphers: ["chacha20-poly1305@openssh.com"] } },
  {
    name: "encrypt-then-MAC",
    algorithms: { ciphers: ["aes256-ctr"], macs: ["hmac-sha2-256-etm@openssh.com"] },
  },
  { name: "AES-GCM", algorithms: { ciphers: ["aes128-gcm@openssh.com"] } },
];

const NOISE = [ignore, debug, unimplemented];

/** A packet as anybody can make one who has no keys. */
function plainPacket(payload: Uint8Array): Uint8Array {
  const writer = new PacketWriter(seededRandom(0), plainSealer, { onOutput() {}, onError() {} });
  writer.writePacket(payload);
  return concat(writer.takeOutput());
}

/** What one engine sends, cut by somebody who sits between the two and has no keys. */
class Tapped {
  readonly #from: EngineEnd;
  readonly #to: EngineEnd;

  constructor(from: EngineEnd, to: EngineEnd) {
    this.#from = from;
    this.#to = to;
  }

  /** What is under way, passed on as it is. */
  pass(): void {
    this.inject(...this.#from.engine.takeOutput());
  }

  inject(...chunks: Uint8Array[]): void {
    for (const chunk of chunks) this.#to.engine.receive(chunk.slice());
  }

  /** What is under way: an identification, if it is the first, and packets without a cipher. */
  take(): Uint8Array[] {
    let bytes = concat(this.#from.engine.takeOutput());
    const pieces: Uint8Array[] = [];
    if (bytes[0] === 0x53) {
      const end = bytes.indexOf(0x0a) + 1;
      pieces.push(bytes.subarray(0, end));
      bytes = bytes.subarray(end);
    }
    while (bytes.length > 0) {
      const isLast = bytes[5] === Msg.NEWKEYS;
      const length = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
      pieces.push(bytes.subarray(0, length));
      bytes = bytes.subarray(length);
      if (isLast) break;
    }
    // What is behind NEWKEYS is sealed: one piece.
    if (bytes.length > 0) pieces.push(bytes);
    return pieces;
  }
}

interface Tap {
  readonly client: EngineEnd;
  readonly server: EngineEnd;
  readonly fromClient: Tapped;
  readonly fromServer: Tapped;
}

async function tap(algorithms: Parameters<typeof selectAlgorithms>[0]): Promise<Tap> {
  const selected = selectAlgorithms({ kex: ["curve25519-sha256"], ...algorithms });
  const { client, server } = await enginePair({
    client: { algorithms: selected, random: seededRandom(1) },
    server: { algorithms: selected, random: seededRandom(2) },
  });
  return {
    client,
    server,
    fromClient: new Tapped(client, server),
    fromServer: new Tapped(server, client),
  };
}

async function parked({ client, server }: Tap): Promise<void> {
  for (const { engine } of [client, server]) {
    while (engine.parked !== null) await engine.parked;
  }
}

/** Up to where each side's NEWKEYS is under way, with what it has sealed behind it. */
async function upToNewKeys(tapped: Tap): Promise<{ server: Uint8Array[]; client: Uint8Array[] }> {
  tapped.fromClient.pass();
  tapped.fromServer.pass();
  await parked(tapped);
  tapped.fromClient.pass();
  await parked(tapped);
  const server = tapped.fromServer.take();
  assert.equal(server.length, 3, "the reply, NEWKEYS, EXT_INFO");
  const [reply = new Uint8Array(0)] = server;
  tapped.fromServer.inject(reply);
  await parked(tapped);
  const client = tapped.fromClient.take();
  assert.equal(client.length, 2, "NEWKEYS, EXT_INFO");
  return { server: server.slice(1), client };
}

function assertRefused({ engine }: EngineEnd, message: RegExp): void {
  assert.ok(engine.closed instanceof ProtocolError, String(engine.closed));
  assert.match(engine.closed.message, message);
}

describe("strict key exchange, with somebody in the middle", () => {
  for (const { name, algorithms } of CIPHERS) {
    it(`${name}: holds when nothing is done`, async () => {
      const { client, server } = await tap(algorithms);
      await settle(client.engine, server.engine);
      assert.equal(client.engine.user?.user, "ada");
      assert.equal(client.engine.info?.strictKex, true);
      assert.equal(server.engine.info?.strictKex, true);
      assert.ok(client.engine.peerExtensions.has("server-sig-algs"));
    });

    it(`${name}: refuses that a message is inserted and EXT_INFO cut off`, async () => {
      for (const noise of NOISE) {
        const toClient = await tap(algorithms);
        const [newKeys] = (await upToNewKeys(toClient)).server;
        assert.ok(newKeys);
        toClient.fromServer.inject(plainPacket(noise), newKeys);
        await parked(toClient);
        assertRefused(toClient.client, /a client may not be sent it before the first keys/);

        const toServer = await tap(algorithms);
        const { client: [clientNewKeys] } = await upToNewKeys(toServer);
        assert.ok(clientNewKeys);
        toServer.fromClient.inject(plainPacket(noise), clientNewKeys);
        await parked(toServer);
        assertRefused(toServer.server, /a server may not be sent it before the first keys/);
      }
    });

    it(`${name}: refuses a message inserted before, or right after, a KEXINIT`, async () => {
      for (const noise of NOISE) {
        for (const place of [1, 2]) {
          for (const towards of ["client", "server"] as const) {
            const tapped = await tap(algorithms);
            const wire = towards === "client" ? tapped.fromServer : tapped.fromClient;
            const pieces = wire.take();
            assert.equal(pieces.length, 2, "identification, KEXINIT");
            pieces.splice(place, 0, plainPacket(noise));
            wire.inject(...pieces);
            await parked(tapped);
            const message = place === 1
              ? /something came before the first KEXINIT/
              : /may not be sent it before the first keys, during a key exchange/;
            assertRefused(tapped[towards], message);
          }
        }
      }
    });

    it(`${name}: notices that the first packet under the new keys is missing`, async () => {
      const tapped = await tap(algorithms);
      const pieces = await upToNewKeys(tapped);
      const [serverNewKeys] = pieces.server;
      assert.ok(serverNewKeys);
      tapped.fromServer.inject(serverNewKeys);
      tapped.fromClient.inject(...pieces.client);
      await parked(tapped);
      // The client's request, and the server's answer, which follows the packet that is missing.
      tapped.fromClient.pass();
      await parked(tapped);
      tapped.fromServer.pass();
      assertRefused(tapped.client, /^Cannot open packet 0: |claims|does not fit/);
    });
  }

  it("notices that the markers were taken out", async () => {
    const tapped = await tap({});
    for (const wire of [tapped.fromClient, tapped.fromServer]) {
      const [identification, kexInit] = wire.take();
      assert.ok(identification && kexInit);
      const text = new TextDecoder("latin1").decode(kexInit);
      const at = text.indexOf("kex-strict-");
      assert.ok(at > 0);
      const altered = kexInit.slice();
      altered[at] = 0x4b;
      wire.inject(identification, altered);
    }
    await settle(tapped.client.engine, tapped.server.engine);
    assertRefused(tapped.client, /signature of the key exchange is wrong/);
    assert.equal(tapped.client.engine.user, null);
  });

  it("is what keeps EXT_INFO: to an old peer the attack is not seen", async () => {
    const peer = await hostilePeer({
      role: "server",
      strict: false,
      wantsExtInfo: true,
      algorithms: selectAlgorithms({
        kex: ["curve25519-sha256"],
        ciphers: ["chacha20-poly1305@openssh.com"],
      }),
    });
    await peer.reach("agreed");
    // Inserted by somebody else: the peer does not count it.
    peer.sendRaw(plainPacket(ignore));
    peer.sendNewKeys();
    // Sent, and cut off by somebody else.
    peer.seal(encodeExtInfo(new Map([["server-sig-algs", "ssh-ed25519"]])));
    await peer.receiveNewKeys();
    await peer.until(Msg.SERVICE_REQUEST);
    peer.send(new Writer().uint8(Msg.SERVICE_ACCEPT).string("ssh-userauth").finish());
    await peer.until(Msg.USERAUTH_REQUEST);
    assert.equal(peer.engine.closed, null);
    assert.equal(peer.engine.info?.strictKex, false);
    assert.equal(peer.engine.peerExtensions.size, 0);
  });
});

describe("strict key exchange, refuses to go on when", () => {
  refuses([
    ...NOISE.map((noise) => ({
      name: `sends message ${noise[0]} before its KEXINIT`,
      stage: "identified" as const,
      send: (peer: HostilePeer) => {
        peer.send(noise);
        peer.sendKexInit();
      },
      message: /something came before the first KEXINIT/,
    })),
    {
      name: "is not strict, and sends more packets than any exchange has",
      stage: "exchanging",
      options: { strict: false },
      send: (peer) => {
        for (let i = 0; i < 1000; i++) peer.send(ignore);
      },
      message: /1001 packets came before the first keys/,
    },
  ]);
});

describe("strict key exchange", () => {
  for (const role of ["client", "server"] as const) {
    it(`lets a ${role} that is not strict say what it likes in between`, async () => {
      const peer = await hostilePeer({ role, strict: false });
      peer.sendRaw(new TextEncoder().encode(`${peer.identification}\r\n`));
      for (const stage of ["exchanging", "agreed"] as const) {
        for (const noise of NOISE) peer.send(noise);
        if (stage === "exchanging") {
          await peer.beginExchange();
          for (const noise of NOISE) peer.send(noise);
          await peer.agree();
        }
      }
      await peer.useNewKeys();
      assert.equal(peer.engine.closed, null);
      assert.equal(peer.engine.info?.strictKex, false);
    });

    it(`counts a ${role}'s packets anew under each keys, if both are strict`, async () => {
      const peer = await hostilePeer({ role });
      await peer.reach("connected");
      for (let i = 0; i < 3; i++) {
        await peer.rekey();
        assert.equal(await sequenceOfNext(peer), 0);
        assert.equal(await sequenceOfNext(peer), 1);
      }
    });

    it(`goes on counting a ${role}'s packets if it is not strict`, async () => {
      const peer = await hostilePeer({ role, strict: false });
      await peer.reach("connected");
      for (let i = 0; i < 3; i++) {
        await peer.rekey();
        assert.equal(await sequenceOfNext(peer), peer.writer.sequence - 1);
        assert.ok(peer.writer.sequence > 5);
      }
    });

    it(`heeds the marker of a ${role}'s first KEXINIT alone`, async () => {
      for (const strict of [true, false]) {
        let first = true;
        const peer = await hostilePeer({
          role,
          strict,
          kexInit(honest) {
            if (first) {
              first = false;
              return honest;
            }
            // Now that it is encrypted: the other way round.
            const marker = role === "client" ? "kex-strict-c" : "kex-strict-s";
            const kex = honest.kex.filter((name) => !name.startsWith("kex-strict-"));
            return { ...honest, kex: strict ? kex : [...kex, `${marker}-v00@openssh.com`] };
          },
        });
        await peer.reach("connected");
        await peer.beginExchange();
        // In a later exchange there is nothing to confuse.
        for (const noise of NOISE) peer.send(noise);
        await peer.agree();
        await peer.useNewKeys();
        assert.equal(await sequenceOfNext(peer), strict ? 0 : peer.writer.sequence - 1);
        assert.equal(peer.engine.info?.strictKex, strict);
      }
    });

    it(`puts its markers into its first KEXINIT alone, to a ${role}`, async () => {
      const peer = await hostilePeer({ role });
      await peer.reach("connected");
      await peer.rekey();
      const [first, second] = peer.received.filter(([number]) => number === Msg.KEXINIT);
      assert.ok(first && second);
      assert.deepEqual(markersOf(first), markersFor(role));
      assert.deepEqual(markersOf(second), []);
    });
  }
});

/** The number that the engine gives to the next packet: it says it of a message it does not know. */
async function sequenceOfNext(peer: HostilePeer): Promise<number> {
  peer.send(Uint8Array.of(255));
  const payload = await peer.until(Msg.UNIMPLEMENTED);
  assert.equal(payload.length, 5);
  return new DataView(payload.buffer, payload.byteOffset).getUint32(1);
}

function markersOf(kexInit: Uint8Array): string[] {
  return decodeKexInit(kexInit).kex.filter((name) => /^(ext-info|kex-strict)-/.test(name));
}

/** The markers that an engine sends to a peer. */
function markersFor(peer: Role): string[] {
  const end = peer === "client" ? "s" : "c";
  return [`ext-info-${end}`, `kex-strict-${end}-v00@openssh.com`];
}

describe("a wrong MAC", () => {
  it("ends the connection with its own code", async () => {
    for (const role of ["client", "server"] as const) {
      const peer = await hostilePeer({ role });
      await peer.reach("service");
      const packet = peer.seal(ignore);
      packet[packet.length - 1] = (packet[packet.length - 1] ?? 0) ^ 1;
      peer.sendRaw(packet);
      assert.equal((await peer.disconnect())?.code, DisconnectCode.MAC_ERROR);
    }
  });
});
