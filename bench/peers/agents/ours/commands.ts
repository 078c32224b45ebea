/**
 * The commands of the server.
 *
 * @module
 */

import type { ServerSession } from "../../../../mod.ts";

/** What is written at a time: as much as a file's stream gives. */
export const CHUNK_BYTES: number = 64 * 1024;
/** What all that write use: a chunk for each of a thousand commands would be what is measured. */
const zeros = new Uint8Array(CHUNK_BYTES);

/**
 * Runs a command: `source N` writes N zeros; `sink` reads all and says how much it was; `echo` gives
 * back what it gets.
 */
export async function runCommand(session: ServerSession): Promise<void> {
  const [name, argument] = (session.command ?? "").split(" ");
  if (name === "source") await writeZeros(session.stdout, Number(argument));
  else if (name === "sink") {
    const bytes = await countBytes(session.stdin);
    const writer = session.stdout.getWriter();
    await writer.write(new TextEncoder().encode(`${bytes}\n`));
  } else if (name === "echo") await session.stdin.pipeTo(session.stdout);
  else await session.exit(127);
}

/** Writes zeros, and closes the stream. */
export async function writeZeros(
  stream: WritableStream<Uint8Array>,
  bytes: number,
): Promise<void> {
  const writer = stream.getWriter();
  for (let left = bytes; left > 0; left -= zeros.length) {
    await writer.ready;
    // What fails is told by `ready` and by `close`.
    writer.write(left < zeros.length ? zeros.subarray(0, left) : zeros).catch(() => {});
  }
  await writer.close();
}

/** Reads a stream to its end. */
export async function countBytes(
  stream: ReadableStream<Uint8Array>,
  onChunk: (chunk: Uint8Array) => void = () => {},
): Promise<number> {
  const reader = stream.getReader();
  let bytes = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    bytes += next.value.length;
    onChunk(next.value);
  }
  return bytes;
}
