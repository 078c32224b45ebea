import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { selectAlgorithms } from "../../protocol/transport/algorithms.ts";
import { DisconnectCode, NegotiationError } from "../../wire/errors.ts";
import { encodeKexShare } from "../../wire/kex_messages.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { decodeKexInit, encodeKexInit, type KexInit } from "../../wire/transport_messages.ts";
import { Writer } from "../../wire/writer.ts";
import { hostilePeer, type HostilePeerOptions, plainAlgorithms } from "../helpers/hostile_peer.ts";
import { wellFormed } from "../helpers/messages.ts";
import { assertEnded, assertLives, refuses, type Script } from "../helpers/script.ts";

const LISTS = [
  "kex",
  "hostKeys",
  "ciphersClientToServer",
  "ciphersServerToClient",
  "macsClientToServer",
  "macsServerToClient",
  "compressionClientToServer",
  "compressionServerToClient",
] as const;

const OFFER: KexInit = {
  cookie: new Uint8Array(16),
  kex: ["curve25519-sha256"],
  hostKeys: ["ssh-ed25519"],
  ciphersClientToServer: ["aes128-ctr"],
  ciphersServerToClient: ["aes128-ctr"],
  macsClientToServer: ["hmac-sha2-256"],
  macsServerToClient: ["hmac-sha2-256"],
  compressionClientToServer: ["none"],
  compressionServerToClient: ["none"],
  firstKexPacketFollows: false,
};

/** Two of what a guess is about. */
const BOTH = selectAlgorithms({
  kex: ["curve25519-sha256", "ecdh-sha2-nistp256"],
  hostKeys: ["ssh-ed25519", "rsa-sha2-512"],
});

/** A KEXINIT whose first list is these bytes. */
function withFirstList(list: Uint8Array | string): Uint8Array {
  const rest = encodeKexInit({ ...OFFER, kex: [] }).subarray(1 + 16 + 4);
  return new Writer().uint8(Msg.KEXINIT).raw(new Uint8Array(16)).string(list).raw(rest).finish();
}

describe("KEXINIT, refused when", () => {
  const names = Array.from({ length: 10_000 }, (_, i) => `k${i}`);
  const stages: Pick<Script, "stage">[] = [{ stage: "identified" }, { stage: "connected" }];
  refuses(stages.flatMap(({ stage }) => [
    {
      name: `sends one of 260 kB: ${stage}`,
      stage,
      send: [withFirstList("x,".repeat(130 * 1024))],
      message: /^Cannot read packet \d+: it claims \d+ bytes, but at most/,
    },
    {
      name: `claims a name of a megabyte: ${stage}`,
      stage,
      send: [
        new Writer().uint8(Msg.KEXINIT).raw(new Uint8Array(16)).uint32(2 ** 20)
          .raw(new Uint8Array(100)).finish(),
      ],
      message: /^Cannot read KEXINIT: kex_algorithms of 1048576 bytes/,
    },
    {
      name: `sends ten thousand names: ${stage}`,
      stage,
      send: [withFirstList(names.slice(0, stage === "connected" ? undefined : 5000).join(","))],
      message: /kex_algorithms has more than 1000 names/,
    },
    ...["", ",", "a,", ",a", "a,,b"].slice(1).map((list) => ({
      name: `sends a list with empty names, ${JSON.stringify(list)}: ${stage}`,
      stage,
      send: [withFirstList(list)],
      message: /kex_algorithms has an empty name/,
    })),
    {
      name: `sends names that are no names: ${stage}`,
      stage,
      send: [withFirstList(Uint8Array.of(0x61, 0, 0xff))],
      message: /kex_algorithms is not printable US-ASCII/,
    },
    {
      name: `says more than there is to say: ${stage}`,
      stage,
      send: [new Writer().raw(encodeKexInit(OFFER)).uint8(0).finish()],
      message: /^Cannot read KEXINIT: 1 bytes too many/,
    },
  ]));

  it("it is cut off anywhere", async () => {
    const whole = encodeKexInit(OFFER);
    for (let length = 1; length < whole.length; length += 3) {
      const peer = await hostilePeer({ role: "client" });
      await peer.reach("identified");
      peer.send(whole.subarray(0, length));
      await assertEnded(peer, DisconnectCode.PROTOCOL_ERROR, /^Cannot read KEXINIT: /);
    }
  });
});

describe("negotiation", () => {
  for (const role of ["client", "server"] as const) {
    for (const list of LISTS) {
      it(`fails if a ${role} has nothing in common: ${list}`, async () => {
        for (const names of [[], ["none"], ["x@example.com", "y"]]) {
          if (list.startsWith("compression") && names[0] === "none") continue;
          const peer = await hostilePeer({ role });
          await peer.reach("identified");
          peer.send(encodeKexInit({ ...OFFER, [list]: names }));
          const theirs = names.join(", ") || "nothing";
          const message = new RegExp(`^Cannot agree on the .*; the peer offers ${theirs}$`);
          await assertEnded(peer, DisconnectCode.KEY_EXCHANGE_FAILED, message);
          const { closed } = peer.engine;
          assert.ok(closed instanceof NegotiationError);
          assert.deepEqual(closed.theirs, names);
          assert.ok(closed.ours.length > 0);
          assert.deepEqual(peer.application.calls, []);
        }
      });
    }

    it(`needs no MAC for a cipher that has its own, and one for any other: a ${role}`, async () => {
      const lists = { macsClientToServer: [], macsServerToClient: [] };
      const aead = ["aes256-gcm@openssh.com"];
      const peer = await hostilePeer({
        role,
        algorithms: { ...plainAlgorithms, ...selectAlgorithms({ ciphers: aead }), macs: [] },
      });
      await peer.reach("connected");
      await assertLives(peer);
      assert.equal(peer.engine.info?.algorithms.clientToServer.mac, null);

      const other = await hostilePeer({ role });
      await other.reach("identified");
      other.send(encodeKexInit({ ...OFFER, ...lists, ciphersClientToServer: aead }));
      const message = /^Cannot agree on the MAC from server to client/;
      await assertEnded(other, DisconnectCode.KEY_EXCHANGE_FAILED, message);
    });

    it(`takes what a ${role} wants in either direction`, async () => {
      const peer = await hostilePeer({
        role,
        algorithms: { ...selectAlgorithms({}), kex: plainAlgorithms.kex },
        kexInit: (honest) => ({
          ...honest,
          ciphersClientToServer: ["aes256-gcm@openssh.com"],
          ciphersServerToClient: ["aes192-ctr"],
          macsClientToServer: [],
          macsServerToClient: ["hmac-sha2-512"],
        }),
      });
      await peer.reach("connected");
      await assertLives(peer);
      const { clientToServer, serverToClient } = peer.engine.info?.algorithms ?? assert.fail();
      assert.equal(clientToServer.cipher.name, "aes256-gcm@openssh.com");
      assert.equal(serverToClient.cipher.name, "aes192-ctr");
      assert.equal(serverToClient.mac?.name, "hmac-sha2-512");
    });

    it(`offers a ${role} no compression that begins before the user is known`, async () => {
      const peer = await hostilePeer({ role });
      await peer.reach("exchanging");
      const [kexInit] = peer.received.filter(([number]) => number === Msg.KEXINIT);
      const offer = decodeKexInit(kexInit ?? new Uint8Array(0));
      assert.deepEqual(offer.compressionClientToServer, ["none", "zlib@openssh.com"]);
      assert.deepEqual(offer.compressionServerToClient, ["none", "zlib@openssh.com"]);
      assert.ok(!offer.macsClientToServer.includes("none"));
      assert.ok(!offer.ciphersClientToServer.includes("none"));
    });
  }

  it("prefers what the client prefers", async () => {
    const ciphers = ["aes128-ctr", "aes256-ctr"];
    const options: Omit<HostilePeerOptions, "role"> = {
      engine: {
        client: { algorithms: { ...plainAlgorithms, ...selectAlgorithms({ ciphers }) } },
        server: { algorithms: { ...plainAlgorithms, ...selectAlgorithms({ ciphers }) } },
      },
      algorithms: {
        ...selectAlgorithms({ ciphers: ciphers.toReversed() }),
        kex: plainAlgorithms.kex,
      },
    };
    const client = await hostilePeer({ ...options, role: "client" });
    await client.reach("service");
    assert.equal(client.engine.info?.algorithms.clientToServer.cipher.name, "aes256-ctr");
    const server = await hostilePeer({ ...options, role: "server" });
    await server.reach("service");
    assert.equal(server.engine.info?.algorithms.clientToServer.cipher.name, "aes128-ctr");
  });

  it("offers of a server's host keys only what it has", async () => {
    const peer = await hostilePeer({ role: "client" });
    await peer.reach("exchanging");
    const [kexInit] = peer.received;
    assert.deepEqual(decodeKexInit(kexInit ?? new Uint8Array(0)).hostKeys, ["ssh-ed25519"]);
  });
});

describe("a guessed key exchange packet", () => {
  const guess = (changes: Partial<KexInit>): Omit<HostilePeerOptions, "role"> => ({
    engine: { server: { algorithms: BOTH }, client: { algorithms: BOTH } },
    algorithms: BOTH,
    kexInit: (honest) => ({ ...honest, ...changes, firstKexPacketFollows: true }),
  });
  const right = guess({});
  const wrongs = [
    guess({ kex: ["ecdh-sha2-nistp256", "curve25519-sha256"] }),
    guess({ kex: ["x@example.com", "curve25519-sha256"] }),
    guess({ hostKeys: ["rsa-sha2-512", "ssh-ed25519"] }),
  ];
  const junk = encodeKexShare(Msg.KEXDH_INIT, new Uint8Array(65), "string");

  for (const role of ["client", "server"] as const) {
    it(`of a ${role} counts, if it was right`, async () => {
      const peer = await hostilePeer({ ...right, role });
      await peer.reach("connected");
      await assertLives(peer);
    });

    it(`of a ${role} is dropped, if it was wrong, and no other`, async () => {
      for (const wrong of wrongs) {
        const peer = await hostilePeer({ ...wrong, role });
        await peer.reach("exchanging");
        peer.send(junk);
        await peer.agree();
        await peer.useNewKeys();
        assert.equal(peer.engine.closed, null);

        const again = await hostilePeer({ ...wrong, role });
        await again.reach("exchanging");
        again.send(junk, junk);
        // The second is taken for what was agreed on, and is not.
        const { KEY_EXCHANGE_FAILED, PROTOCOL_ERROR } = DisconnectCode;
        const code = role === "client" ? KEY_EXCHANGE_FAILED : PROTOCOL_ERROR;
        await assertEnded(again, code, /^Cannot agree on a key with|was expected/);
      }
    });

    it(`of a ${role} is no NEWKEYS`, async () => {
      for (const wrong of wrongs) {
        const peer = await hostilePeer({ ...wrong, role });
        await peer.reach("exchanging");
        peer.send(wellFormed(Msg.NEWKEYS));
        await assertEnded(peer, DisconnectCode.PROTOCOL_ERROR, /NEWKEYS \(21\) came, but/);
      }
    });
  }
});
