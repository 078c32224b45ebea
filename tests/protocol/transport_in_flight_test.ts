import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { chacha20Poly1305 } from "../../crypto/chacha20_poly1305.ts";
import type { CipherAlgorithm, RandomSource } from "../../crypto/types.ts";
import { ProtocolError } from "../../wire/mod.ts";
import { channelPair, connectionPair } from "../helpers/connection_pair.ts";
import { seededRandom } from "../helpers/seeded_random.ts";
import { supportedAlgorithms } from "../../protocol/mod.ts";

/** A cipher that answers some packets at once, and others late and in no order. */
function lateCipher(random: RandomSource, log: { most: number }): CipherAlgorithm {
  let atWork = 0;
  const late = async <T>(result: T): Promise<T> => {
    log.most = Math.max(log.most, ++atWork);
    for (let turns = random(1)[0] ?? 0; turns > 0; turns -= 16) {
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    atWork--;
    return result;
  };
  const isLate = (packet: Uint8Array): boolean => packet.length > 200 || (random(1)[0] ?? 0) > 128;
  return {
    ...chacha20Poly1305,
    createSealer(keys) {
      const sealer = chacha20Poly1305.createSealer(keys);
      return {
        ...sealer,
        seal(packet, sequence) {
          if (!isLate(packet)) return sealer.seal(packet, sequence);
          const sealed = packet.slice();
          sealer.seal(sealed, sequence);
          // Whoever takes it too early gets what is no packet at all.
          packet.fill(0);
          return late(undefined).then(() => packet.set(sealed));
        },
      };
    },
    createOpener(keys) {
      const opener = chacha20Poly1305.createOpener(keys);
      return {
        ...opener,
        open(packet, sequence) {
          if (!isLate(packet)) return opener.open(packet, sequence);
          const body = opener.open(packet, sequence);
          // It is another packet's place by now.
          packet.fill(0);
          return Promise.resolve(body).then(late);
        },
      };
    },
  };
}

describe("packets in flight", () => {
  it("keep their order both ways, also when keys are exchanged between them", async () => {
    const log = { most: 0 };
    const algorithms = {
      ...supportedAlgorithms,
      ciphers: [lateCipher(seededRandom(7), log)],
    };
    await using pair = await connectionPair({
      client: { algorithms, rekey: { bytes: 300_000 } },
      server: { algorithms, rekey: { bytes: 500_000 } },
    });
    const { near, far } = await channelPair(pair);
    const data = new Uint8Array(2_000_000).map((_, index) => index % 253);
    const echoed = far.readable.pipeTo(far.writable);
    const writing = (async () => {
      for (let at = 0, step = 1; at < data.length; at += step, step = (step * 7) % 90_001) {
        await near.send(data.subarray(at, at + step));
      }
      await near.sendEof();
    })();
    let at = 0;
    for await (const chunk of near.readable) {
      for (const byte of chunk) assert.equal(byte, data[at++]);
    }
    assert.equal(at, data.length);
    await Promise.all([echoed, writing]);
    assert.ok(log.most > 4, `${log.most} packets were in flight at once`);
  });

  it("are all delivered before a peer's end is told", async () => {
    const algorithms = {
      ...supportedAlgorithms,
      ciphers: [lateCipher(seededRandom(8), { most: 0 })],
    };
    const pair = await connectionPair({ client: { algorithms }, server: { algorithms } });
    const { near, far } = await channelPair(pair);
    await far.send(new Uint8Array(1_000_000));
    await far.sendEof();
    await pair.server.close();
    let received = 0;
    for await (const chunk of near.readable) received += chunk.length;
    assert.equal(received, 1_000_000);
    await pair.client.closed;
  });

  it("end the connection when one is altered, and what is behind it is not delivered", async () => {
    const random = seededRandom(9);
    const algorithms = { ...supportedAlgorithms, ciphers: [lateCipher(random, { most: 0 })] };
    let altered = false;
    const spoiling: CipherAlgorithm = {
      ...algorithms.ciphers[0] ?? chacha20Poly1305,
      createOpener(keys) {
        const opener = (algorithms.ciphers[0] ?? chacha20Poly1305).createOpener(keys);
        return {
          ...opener,
          open(packet, sequence) {
            if (!altered && packet.length > 10_000) {
              altered = true;
              packet[5000] = (packet[5000] ?? 0) ^ 1;
            }
            return opener.open(packet, sequence);
          },
        };
      },
    };
    const pair = await connectionPair({
      client: { algorithms: { ...algorithms, ciphers: [spoiling] } },
      server: { algorithms },
    });
    const { near, far } = await channelPair(pair);
    await far.send(new Uint8Array(300_000)).catch(() => {});
    const reading = (async () => {
      for await (const chunk of near.readable) assert.fail(`${chunk.length} bytes`);
    })();
    await assert.rejects(reading, ProtocolError);
    await assert.rejects(pair.client.closed, /authentication tag is wrong/);
    await pair.server.closed.catch(() => {});
  });
});
