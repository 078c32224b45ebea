import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { plainSealer } from "../../crypto/plaintext.ts";
import type { Role } from "../../protocol/gate.ts";
import { type Algorithms, selectAlgorithms } from "../../protocol/transport/algorithms.ts";
import { DisconnectCode, ProtocolError } from "../../wire/errors.ts";
import { type HostilePeer, hostilePeer, plainAlgorithms } from "../helpers/hostile_peer.ts";
import { ignore, openSession } from "../helpers/messages.ts";
import { craft, protections } from "../helpers/protections.ts";
import { assertNothingPends, refuses } from "../helpers/script.ts";

/** Where a length is encrypted, a wrong key shows there first. */
const lengthInTheClear = {
  algorithms: {
    ...plainAlgorithms,
    ciphers: selectAlgorithms({ ciphers: ["aes128-ctr"] }).ciphers,
  },
};

describe("engine, refuses a packet when", () => {
  refuses([
    ...[0, 1, 4, 5, 35_001, 2 ** 31, 2 ** 32 - 1].map((length) => ({
      name: `says that it is ${length} bytes long, before there are keys`,
      stage: "identified" as const,
      send: (peer: HostilePeer) =>
        peer.sendRaw(craft(plainSealer, { length, paddingLength: 4, rest: 27 })),
      message: /^Cannot read packet 0: /,
    })),
    ...[-4, 4].map((off) => ({
      name: `is ${off} bytes off with its length, before there are keys`,
      stage: "identified" as const,
      send: (peer: HostilePeer) =>
        peer.sendRaw(craft(plainSealer, { length: 28 + off, paddingLength: 4, rest: 27 })),
      message: /a length of \d+ bytes does not fit blocks of 8/,
    })),
    {
      name: "pads it with less than four bytes",
      stage: "identified",
      send: (peer) => peer.sendRaw(craft(plainSealer, { paddingLength: 3, rest: 27 })),
      message: /3 bytes of padding in a packet of 28/,
    },
    {
      name: "pads it with more than it has",
      stage: "identified",
      send: (peer) => peer.sendRaw(craft(plainSealer, { paddingLength: 27, rest: 27 })),
      message: /27 bytes of padding in a packet of 28/,
    },
    {
      name: "sends it in the clear when there are keys",
      stage: "connected",
      options: lengthInTheClear,
      send: (peer) =>
        peer.sendRaw(craft(plainSealer, { paddingLength: 4, rest: 47 }), new Uint8Array(40)),
      code: DisconnectCode.MAC_ERROR,
      message: /^Cannot open packet \d+: its authentication tag is wrong/,
    },
    {
      name: "sends it again",
      stage: "connected",
      options: lengthInTheClear,
      send: (peer) => {
        const packet = peer.seal(ignore);
        peer.sendRaw(packet, packet);
      },
      code: DisconnectCode.MAC_ERROR,
      message: /^Cannot open packet \d+: its authentication tag is wrong/,
    },
    {
      name: "keeps one back",
      stage: "connected",
      options: lengthInTheClear,
      send: (peer) => {
        peer.seal(ignore);
        peer.send(ignore);
      },
      code: DisconnectCode.MAC_ERROR,
      message: /^Cannot open packet \d+: its authentication tag is wrong/,
    },
    {
      name: "sends two in the wrong order",
      stage: "connected",
      options: lengthInTheClear,
      send: (peer) => {
        const first = peer.seal(ignore);
        peer.send(ignore);
        peer.sendRaw(first);
      },
      code: DisconnectCode.MAC_ERROR,
      message: /^Cannot open packet \d+: its authentication tag is wrong/,
    },
  ]);

  for (const { name, cipher, mac } of protections) {
    it(`somebody flips a bit of it: ${name}`, async () => {
      const algorithms: Algorithms = {
        ...plainAlgorithms,
        ...selectAlgorithms({
          ciphers: [cipher?.name ?? ""],
          macs: mac === null ? [] : [mac.name],
        }),
        kex: plainAlgorithms.kex,
      };
      for (const role of ["client", "server"] as const) {
        for (const at of [0, 3, 4, 20, -17, -1]) await assertFlipRefused(role, algorithms, at);
      }
    });
  }

  it("any byte of it is another", async () => {
    for (let at = 0; at < 200; at++) {
      if (!(await assertFlipRefused("client", plainAlgorithms, at))) return;
    }
    assert.fail("the packet is longer than it should be");
  });
});

/** @returns Whether there is such a byte. */
async function assertFlipRefused(
  role: Role,
  algorithms: Algorithms,
  at: number,
): Promise<boolean> {
  const peer = await hostilePeer({ role, algorithms });
  await peer.reach("connected");
  const heard = [...peer.application.calls];
  const packet = peer.seal(openSession);
  if (at >= packet.length) return false;
  const index = at < 0 ? packet.length + at : at;
  packet[index] = (packet[index] ?? 0) ^ (1 << (index % 8));
  // A length that became larger is waited for.
  peer.sendRaw(packet, new Uint8Array(270_000));
  const { closed } = peer.engine;
  assert.ok(closed instanceof ProtocolError);
  assert.match(closed.message, /^Cannot (open|read) packet /);
  assert.equal((await peer.disconnect())?.code, closed.code);
  assert.deepEqual(peer.application.calls, heard);
  assertNothingPends(peer);
  return true;
}
