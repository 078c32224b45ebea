import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "@std/testing/bdd";
import { bytesToNumberBE, hexToBytes } from "@noble/curves/utils.js";
import {
  dhGroup14,
  ecdhP256,
  type KeyAgreement,
  type RandomSource,
  rfc3526Group,
  x25519Agreement,
} from "../../crypto/mod.ts";
import type { Role } from "../../protocol/gate.ts";
import { selectAlgorithms } from "../../protocol/transport/algorithms.ts";
import { DisconnectCode } from "../../wire/errors.ts";
import {
  decodeKexReply,
  decodeKexShare,
  encodeGroup,
  encodeGroupRequest,
  encodeKexReply,
  encodeKexShare,
  type ShareEncoding,
} from "../../wire/kex_messages.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { Writer } from "../../wire/writer.ts";
import { concat } from "../helpers/bytes.ts";
import { hostilePeer, type HostilePeerOptions, plainAlgorithms } from "../helpers/hostile_peer.ts";
import { assertEnded } from "../helpers/script.ts";
import { seededRandom } from "../helpers/seeded_random.ts";

type Alter = (share: Uint8Array) => Uint8Array;

/** A peer that does one key exchange method, and puts other shares in place of its own. */
function method(
  name: string,
  encoding: ShareEncoding,
  alter: Alter,
): Omit<HostilePeerOptions, "role"> {
  return {
    algorithms: { ...plainAlgorithms, kex: selectAlgorithms({ kex: [name] }).kex },
    alter(payload) {
      switch (payload[0]) {
        case Msg.KEXDH_INIT:
        case Msg.KEX_DH_GEX_INIT:
          return [encodeKexShare(payload[0], alter(decodeKexShare(payload, encoding)), encoding)];
        case Msg.KEX_DH_GEX_REPLY:
        case Msg.KEXDH_REPLY: {
          if (name.includes("group-exchange") && payload[0] === Msg.KEXDH_REPLY) return [payload];
          const reply = decodeKexReply(payload, encoding);
          const altered = { ...reply, share: alter(reply.share) };
          return [encodeKexReply(payload[0], altered, encoding)];
        }
      }
      return [payload];
    },
  };
}

async function assertRefused(
  role: Role,
  options: Omit<HostilePeerOptions, "role">,
  message: RegExp,
  code: number = DisconnectCode.KEY_EXCHANGE_FAILED,
): Promise<void> {
  const peer = await hostilePeer({ ...options, role });
  await peer.tryToReach("agreed");
  await assertEnded(peer, code, message);
  assert.deepEqual(peer.application.calls, [], "nobody is asked about such a server");
}

/** The points of low order: RFC 7748's curve has these, and their twins beyond the prime. */
const LOW_ORDER = [
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
].map(hexToBytes);

const resized = (length: number): Alter => (share) => {
  const bytes = new Uint8Array(length).fill(1);
  bytes.set(share.subarray(0, length));
  return bytes;
};

const { p } = rfc3526Group(2048);
const plus = (bytes: Uint8Array, n: number): Uint8Array => {
  const copy = bytes.slice();
  const last = copy.length - 1;
  copy[last] = (copy[last] ?? 0) + n;
  return copy;
};
const doubled = hexToBytes((bytesToNumberBE(p) * 2n).toString(16).padStart(514, "0"));

const METHODS: {
  readonly name: string;
  readonly encoding: ShareEncoding;
  readonly bad: readonly (readonly [what: string, alter: Alter])[];
}[] = [
  {
    name: "curve25519-sha256",
    encoding: "string",
    bad: [
      ...LOW_ORDER.map((point, i): [string, Alter] => [`of low order (${i})`, () => point]),
      ...[0, 1, 31, 33, 64, 30_000].map((n): [string, Alter] => [`of ${n} bytes`, resized(n)]),
    ],
  },
  ...[["ecdh-sha2-nistp256", 65], ["ecdh-sha2-nistp384", 97], ["ecdh-sha2-nistp521", 133]].map(
    ([name, length]) => ({
      name: `${name}`,
      encoding: "string" as const,
      bad: [
        ["off the curve", (share) => plus(share, 1)],
        ["at infinity", () => Uint8Array.of(0)],
        ["that is compressed", (share) => concat([Uint8Array.of(2), share.subarray(1, 33)])],
        ["of zeros", (share) => new Uint8Array(share.length)],
        [
          "whose coordinates are too large",
          (share) => new Uint8Array(share.length).fill(255).fill(4, 0, 1),
        ],
        ["in the hybrid form", (share) => concat([Uint8Array.of(6), share.subarray(1)])],
        ["a byte short", (share) => share.subarray(0, Number(length) - 1)],
        ["a byte long", (share) => concat([share, Uint8Array.of(0)])],
        ["that is empty", () => new Uint8Array(0)],
      ] satisfies [string, Alter][],
    }),
  ),
  {
    name: "diffie-hellman-group14-sha256",
    encoding: "mpint",
    bad: [
      ["of 0", () => new Uint8Array(0)],
      ["of 1", () => Uint8Array.of(1)],
      ["of p - 1", () => plus(p, -1)],
      ["of p", () => p],
      ["of p + 1", () => concat([p.subarray(0, -8), new Uint8Array(8).fill(255)])],
      ["of 2p", () => doubled],
      ["of 30,000 bytes", () => new Uint8Array(30_000).fill(1)],
    ],
  },
  {
    name: "diffie-hellman-group-exchange-sha256",
    encoding: "mpint",
    bad: [
      ["of 0", () => new Uint8Array(0)],
      ["of 1", () => Uint8Array.of(1)],
      ["that is too large", () => new Uint8Array(384).fill(255)],
    ],
  },
];

describe("key exchange, refuses a share", () => {
  for (const { name, encoding, bad } of METHODS) {
    for (const role of ["client", "server"] as const) {
      for (const [what, alter] of bad) {
        it(`${what}: ${name}, from a ${role}`, () =>
          assertRefused(role, method(name, encoding, alter), /^Cannot agree on a key with /));
      }
    }
  }

  const hybrid = (name: string, alter: Alter) => method(name, "string", alter);
  const changed = (at: number, ...bytes: number[]): Alter => (share) => {
    const copy = share.slice();
    copy.set(bytes, at);
    return copy;
  };
  const withoutX25519: Alter = (share) => changed(share.length - 32, ...new Uint8Array(32))(share);

  for (const name of ["mlkem768x25519-sha256", "sntrup761x25519-sha512"]) {
    for (const role of ["client", "server"] as const) {
      it(`a byte short or long, empty, or without X25519: ${name}, from a ${role}`, async () => {
        const short: Alter = (share) => share.subarray(1);
        const long: Alter = (share) => concat([share, Uint8Array.of(0)]);
        for (const alter of [short, long, resized(0), resized(32), withoutX25519]) {
          await assertRefused(role, hybrid(name, alter), /^Cannot agree on a key with /);
        }
      });
    }
  }

  it("whose ML-KEM coefficients are out of range, from a client", async () => {
    for (const at of [0, 600, 1148]) {
      const options = hybrid("mlkem768x25519-sha256", changed(at, 0xff, 0xff, 0xff));
      await assertRefused("client", options, /encapsulation key is not a valid one/);
    }
  });

  it("that another was encapsulated in, from a server: the secret is not the same", async () => {
    for (const name of ["mlkem768x25519-sha256", "sntrup761x25519-sha512"]) {
      const options = hybrid(name, (share) => changed(10, (share[10] ?? 0) ^ 1)(share));
      await assertRefused("server", options, /signature of the key exchange is wrong/);
    }
  });

  for (const role of ["client", "server"] as const) {
    it(`that is no number, or cut short: from a ${role}`, async () => {
      const raw = (body: Uint8Array): Omit<HostilePeerOptions, "role"> => ({
        ...method("diffie-hellman-group14-sha256", "mpint", (share) => share),
        alter: ([number = 0]) => {
          const writer = new Writer().uint8(number);
          if (number === Msg.KEXDH_REPLY) writer.string("key");
          return [writer.raw(body).string("signature").finish()];
        },
      });
      const bad: [Uint8Array, RegExp][] = [
        [new Writer().string(Uint8Array.of(0x80, 1)).finish(), /share is negative/],
        [new Writer().string(Uint8Array.of(0, 1)).finish(), /unnecessary leading zeros/],
        [new Writer().uint32(2 ** 32 - 1).finish(), /share of 4294967295 bytes/],
      ];
      for (const [body, message] of bad) {
        await assertRefused(role, raw(body), message, DisconnectCode.PROTOCOL_ERROR);
      }
    });
  }
});

describe("group exchange", () => {
  const name = "diffie-hellman-group-exchange-sha256";
  const algorithms = { ...plainAlgorithms, kex: selectAlgorithms({ kex: [name] }).kex };

  it("refuses sizes of nothing, of far too much, and that contradict each other", async () => {
    const sizes = [
      [0, 0, 0],
      [1, 1, 1],
      [1024, 1024, 1024],
      [2 ** 20, 2 ** 20, 2 ** 20],
      [2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1],
      [3072, 2048, 8192],
      [2048, 8193, 8192],
      [8192, 4096, 2048],
    ];
    for (const [min = 0, preferred = 0, max = 0] of sizes) {
      const alter = () => [encodeGroupRequest({ min, preferred, max })];
      await assertRefused("client", { algorithms, alter }, /^Cannot choose a group: /);
    }
  });

  it("takes sizes as they are, if a group is between them", async () => {
    const alter = (payload: Uint8Array) =>
      payload[0] === Msg.KEX_DH_GEX_REQUEST
        ? [encodeGroupRequest({ min: 0, preferred: 2048, max: 2 ** 32 - 1 })]
        : [payload];
    const peer = await hostilePeer({ role: "client", algorithms, alter });
    await peer.tryToReach("agreed");
    assert.equal(peer.engine.closed, null);
  });

  it("refuses groups that are too small or large, and numbers that make none", async () => {
    const number = (bits: number) => new Uint8Array(bits / 8).fill(255);
    const two = Uint8Array.of(2);
    const groups: [Uint8Array, Uint8Array, RegExp, number?][] = [
      [number(1024), two, /the modulus has 1024 bits/],
      [number(2040), two, /the modulus has 2040 bits/],
      [number(8200), two, /p of 1026 bytes/, DisconnectCode.PROTOCOL_ERROR],
      [number(2 ** 17), two, /p of 16385 bytes/, DisconnectCode.PROTOCOL_ERROR],
      [new Uint8Array(0), two, /the modulus has 0 bits/],
      [plus(p, -1), two, /the modulus is even/],
      [p, new Uint8Array(0), /the generator is not in 2..p-2/],
      [p, Uint8Array.of(1), /the generator is not in 2..p-2/],
      [p, plus(p, -1), /the generator is not in 2..p-2/],
      [p, p, /the generator is not in 2..p-2/],
    ];
    for (const [modulus, g, message, code] of groups) {
      const alter = () => [encodeGroup({ p: modulus, g })];
      await assertRefused("server", { algorithms, alter }, message, code);
    }
  });
});

/** Makes ephemeral keys from a seed of their own, whatever else has been drawn. */
function keysFrom(seed: number): RandomSource {
  const other = seededRandom(seed);
  const isKey = (length: number): boolean => length > 16 && length < 100;
  return (length) => isKey(length) ? seededRandom(seed)(length) : other(length);
}

/** Seeds of two keys, found by trying, whose secret begins with a zero, and then maybe a one bit. */
const LEADING_ZEROS: readonly [string, KeyAgreement, number[]][] = [
  ["curve25519-sha256", x25519Agreement, [47, 444]],
  ["ecdh-sha2-nistp256", ecdhP256, [165, 734]],
  ["diffie-hellman-group14-sha256", dhGroup14, [125, 232]],
];

describe("key exchange, with a secret that begins with zeros", () => {
  for (const [name, agreement, seeds] of LEADING_ZEROS) {
    for (const role of ["client", "server"] as const) {
      it(`works: ${name}, with a ${role}`, async () => {
        for (const seed of seeds) {
          const [clientRandom, serverRandom] = [keysFrom(0), keysFrom(seed)];
          const { share, finish } = await agreement.start(clientRandom);
          const other = await agreement.respond(share, serverRandom);
          const secret = await finish(other.share);
          assert.equal(secret[0], 0);

          const peer = await hostilePeer({
            role,
            algorithms: { ...plainAlgorithms, kex: selectAlgorithms({ kex: [name] }).kex },
            random: role === "client" ? clientRandom : serverRandom,
            engine: { client: { random: clientRandom }, server: { random: serverRandom } },
          });
          await peer.reach("connected");
          const { sessionId } = peer.engine.info ?? assert.fail();
          assert.deepEqual(
            sessionId,
            hashOf(peer.exchange ?? assert.fail(), agreement, {
              client: share,
              server: other.share,
              secret,
            }),
          );
        }
      });
    }
  }
});

/** The exchange hash, written down once more from RFC 4253 section 8. */
function hashOf(
  exchange: {
    clientVersion: Uint8Array;
    serverVersion: Uint8Array;
    clientKexInit: Uint8Array;
    serverKexInit: Uint8Array;
    hostKey: Uint8Array;
  },
  agreement: KeyAgreement,
  { client, server, secret }: { client: Uint8Array; server: Uint8Array; secret: Uint8Array },
): Uint8Array {
  const string = (bytes: Uint8Array): Uint8Array => {
    const { length } = bytes;
    return concat([Uint8Array.of(length >> 24, length >> 16, length >> 8, length), bytes]);
  };
  const mpint = (bytes: Uint8Array): Uint8Array => {
    const hex = BigInt(`0x${[...bytes].map((b) => b.toString(16).padStart(2, "0")).join("")}`)
      .toString(16);
    const even = hex.length % 2 === 0 ? hex : `0${hex}`;
    return string(hexToBytes(/^[89a-f]/.test(even) ? `00${even}` : even));
  };
  const share = agreement.shareEncoding === "mpint" ? mpint : string;
  const data = concat([
    string(exchange.clientVersion),
    string(exchange.serverVersion),
    string(exchange.clientKexInit),
    string(exchange.serverKexInit),
    string(exchange.hostKey),
    share(client),
    share(server),
    mpint(secret),
  ]);
  return new Uint8Array(createHash("sha256").update(data).digest());
}
