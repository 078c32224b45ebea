/** What a whole connection costs, both ends in one process over a pair of flows in memory. */

import {
  channelPair,
  type ConnectionPair,
  connectionPair,
} from "../tests/helpers/connection_pair.ts";
import { selectAlgorithms } from "../protocol/mod.ts";

const STREAM_BYTES = 8 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;

async function stream(pair: ConnectionPair): Promise<void> {
  const { near, far } = await channelPair(pair);
  const writing = (async () => {
    for (let sent = 0; sent < STREAM_BYTES; sent += CHUNK_BYTES) {
      await near.send(new Uint8Array(CHUNK_BYTES));
    }
    await near.sendEof();
  })();
  let received = 0;
  for await (const chunk of far.readable) received += chunk.length;
  await writing;
  await near.close();
  if (received !== STREAM_BYTES) throw new Error(`${received} bytes arrived`);
}

const pairs: ConnectionPair[] = [];
for (
  const [cipher, mac] of [
    ["chacha20-poly1305@openssh.com"],
    ["aes256-gcm@openssh.com"],
    ["aes128-gcm@openssh.com"],
    ["aes256-ctr", "hmac-sha2-256-etm@openssh.com"],
  ] as const
) {
  const algorithms = selectAlgorithms({ ciphers: [cipher], ...(mac ? { macs: [mac] } : {}) });
  let pair: ConnectionPair | null = null;
  Deno.bench(`stream 8 MiB: ${cipher}`, { group: "stream" }, async () => {
    if (pair === null) {
      pair = await connectionPair({ client: { algorithms }, server: { algorithms } });
      pairs.push(pair);
    }
    await stream(pair);
  });
}

for (const kex of ["mlkem768x25519-sha256", "curve25519-sha256", "ecdh-sha2-nistp256"]) {
  const algorithms = selectAlgorithms({ kex: [kex] });
  Deno.bench(`connect, authenticate and close: ${kex}`, { group: "handshake" }, async () => {
    await using pair = await connectionPair({ client: { algorithms }, server: { algorithms } });
    if (pair.client.info === null) throw new Error("there are no keys");
  });
}

globalThis.addEventListener("unload", () => {
  for (const pair of pairs) pair.client.abort();
});
