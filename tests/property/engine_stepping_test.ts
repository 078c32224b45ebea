import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { CipherAlgorithm } from "../../crypto/types.ts";
import { type Algorithms, supportedAlgorithms } from "../../protocol/transport/algorithms.ts";
import { plainAlgorithms } from "../helpers/hostile_peer.ts";
import { quickAlgorithms } from "../helpers/quick_kex.ts";
import { run, type RunOptions, type RunResult } from "../helpers/stepper.ts";

/** Runs, and says with which seed it went wrong. */
async function runSeed(options: RunOptions): Promise<RunResult> {
  try {
    return await run(options);
  } catch (cause) {
    throw new Error(`With the seed ${options.seed}: ${cause}`, { cause });
  }
}

/** A cipher, another one for each seed. */
function pick(seed: number): CipherAlgorithm {
  const { ciphers } = supportedAlgorithms;
  return ciphers[seed % ciphers.length] ?? assert.fail();
}

function seeds(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

describe("two engines, stepped from a seed", () => {
  it("come to the same end as they would at once", async () => {
    for (const seed of seeds(100, 10)) {
      const { exchanges } = await runSeed({ seed, algorithms: plainAlgorithms, bytes: 5000 });
      assert.equal(exchanges, 1);
    }
  });

  it("do the same again with the same seed", async () => {
    const options = { seed: 150, algorithms: plainAlgorithms, bytes: 2000, noise: 20, rekeys: 10 };
    const result = await runSeed({ ...options, slowCiphers: true });
    assert.deepEqual(await runSeed({ ...options, slowCiphers: true }), result);
  });

  it("take one byte at a time", async () => {
    for (const seed of seeds(200, 3)) {
      await runSeed({ seed, algorithms: quickAlgorithms, bytes: 500, mostAtOnce: 1 });
    }
  });

  it("take noise between any two packets", async () => {
    for (const seed of seeds(300, 10)) {
      await runSeed({ seed, algorithms: quickAlgorithms, bytes: 5000, noise: 50 });
    }
  });

  it("exchange keys all the time, from either end and both at once, and lose nothing", async () => {
    let exchanges = 0;
    for (const seed of seeds(400, 8)) {
      const options = { seed, algorithms: quickAlgorithms, bytes: 5000, noise: 20, rekeys: 20 };
      exchanges += (await runSeed(options)).exchanges;
    }
    assert.ok(exchanges > 60, `${exchanges}`);
  });

  it("exchange keys after every so many bytes or packets, and lose nothing", async () => {
    let exchanges = 0;
    for (const seed of seeds(500, 4)) {
      const rekey = seed % 2 === 0 ? { bytes: 4000 + seed } : { packets: 20 + (seed % 10) };
      const options = { seed, algorithms: quickAlgorithms, bytes: 20_000, noise: 10, rekey };
      exchanges += (await runSeed(options)).exchanges;
    }
    assert.ok(exchanges > 15, `${exchanges}`);
  });

  it("may have many packets at the cipher, which come back in any order", async () => {
    let exchanges = 0;
    for (const seed of seeds(700, 20)) {
      exchanges += (await runSeed({
        seed,
        algorithms: { ...quickAlgorithms, ciphers: [pick(seed)] },
        slowCiphers: true,
        // Larger packets might go to WebCrypto, which knows of no seed.
        bytes: 3500,
        noise: 20,
        rekeys: 10,
        ...(seed % 2 === 0 ? { rekey: { bytes: 10_000 } } : {}),
      })).exchanges;
    }
    assert.ok(exchanges > 60, `${exchanges}`);
  });

  for (const who of ["client", "server", "both"] as const) {
    it(`exchange keys at each point of a conversation: ${who}`, async () => {
      const options = { seed: 600, algorithms: quickAlgorithms, bytes: 100, channels: 1 };
      const { steps } = await runSeed(options);
      let exchanges = 0;
      for (let step = 0; step < steps; step++) {
        const rekeyAt = new Map([[step, who]]);
        exchanges += (await runSeed({ ...options, rekeyAt })).exchanges - 1;
      }
      assert.ok(exchanges > steps / 4, `${exchanges} of ${steps}`);
    });
  }
});

/** These take long: once with each compression is enough. */
const SLOW = [
  "sntrup761x25519-sha512",
  "sntrup761x25519-sha512@openssh.com",
  "ecdh-sha2-nistp384",
  "ecdh-sha2-nistp521",
  "diffie-hellman-group-exchange-sha256",
  "diffie-hellman-group16-sha512",
  "diffie-hellman-group18-sha512",
  "diffie-hellman-group14-sha256",
];

describe("two engines, stepped from a seed, with each algorithm", () => {
  for (const kex of supportedAlgorithms.kex) {
    it(`${kex.name}, with each cipher, MAC and compression in turn`, async () => {
      const suites = allSuites();
      const chosen = SLOW.includes(kex.name)
        ? suites.filter((_, i) => i % 14 === SLOW.indexOf(kex.name))
        : suites;
      for (const [i, suite] of chosen.entries()) {
        const algorithms: Algorithms = { ...plainAlgorithms, ...suite, kex: [kex] };
        await runSeed({ seed: 1000 + i, algorithms, bytes: 1000, channels: 1, noise: 20 });
      }
    });
  }

  it("each cipher, MAC and compression, exchanging keys all the time", async () => {
    let exchanges = 0;
    for (const [i, suite] of allSuites().entries()) {
      const algorithms: Algorithms = { ...quickAlgorithms, ...suite };
      const options = { seed: 2000 + i, algorithms, bytes: 2000, noise: 20, rekeys: 20 };
      exchanges += (await runSeed(options)).exchanges;
    }
    assert.ok(exchanges > 90, `${exchanges}`);
  });
});

/** Each cipher with each MAC that it can go with, with each compression. */
function allSuites(): Pick<Algorithms, "ciphers" | "macs" | "compression">[] {
  return supportedAlgorithms.ciphers.flatMap((cipher) =>
    (cipher.aead ? [null] : supportedAlgorithms.macs).flatMap((mac) =>
      supportedAlgorithms.compression.map((compression) => ({
        ciphers: [cipher],
        macs: mac === null ? [] : [mac],
        compression: [compression],
      }))
    )
  );
}
