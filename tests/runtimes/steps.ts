/**
 * What a client does once it is logged in. Each step throws if anything is not as it should be.
 *
 * @module
 */

import type { CommandOutput, SshClient, SshProcess } from "../../client/mod.ts";

/** What is sent, and has to come back. */
const TRANSFER_BYTES = 10 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;

/**
 * Throws unless both are the same in JSON.
 *
 * @param what Names what is compared.
 */
export function expect(what: string, actual: unknown, expected: unknown): void {
  const [found, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (found !== wanted) throw new Error(`${what}: ${found}, and ${wanted} was expected`);
}

/** Runs a command to its end. */
export async function runCommand(
  ssh: SshClient,
  command: string,
  input: string,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const process = ssh.command(command).spawn();
  const [output] = await Promise.all([process.output(), writeAll(process.stdin, input)]);
  const { code, stdout, stderr }: CommandOutput = output;
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Writes a text, and ends the stream. */
export async function writeAll(stream: WritableStream<Uint8Array>, text: string): Promise<void> {
  const writer = stream.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
}

/** How many bytes went each way, and what that took. */
export interface Transfer {
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly milliseconds: number;
}

/** Sends so much to a command that sends all back, and compares; keys change in the middle. */
export async function transfer(
  ssh: SshClient,
  command: string,
  bytes: number = TRANSFER_BYTES,
): Promise<Transfer> {
  const startedAt = performance.now();
  const process = ssh.command(command).spawn();
  const [sentBytes, receivedBytes] = await Promise.all([
    send(process.stdin, bytes, () => ssh.rekey()),
    receive(process.stdout),
  ]);
  expect("the transfer's status", (await process.status).code, 0);
  expect("bytes sent", sentBytes, bytes);
  expect("bytes received", receivedBytes, bytes);
  return { sentBytes, receivedBytes, milliseconds: performance.now() - startedAt };
}

async function send(
  stream: WritableStream<Uint8Array>,
  bytes: number,
  onHalf: () => void,
): Promise<number> {
  const writer = stream.getWriter();
  for (let sent = 0; sent < bytes; sent += CHUNK_BYTES) {
    if (sent === bytes / 2) onHalf();
    const chunk = new Uint8Array(CHUNK_BYTES);
    for (let i = 0; i < CHUNK_BYTES; i++) chunk[i] = byteAt(sent + i);
    await writer.ready;
    writer.write(chunk).catch(() => {});
  }
  await writer.close();
  return bytes;
}

async function receive(stream: ReadableStream<Uint8Array>): Promise<number> {
  const reader = stream.getReader();
  let received = 0;
  while (true) {
    const { done, value } = await reader.read();
    if (done) return received;
    for (const byte of value) {
      if (byte !== byteAt(received)) {
        throw new Error(`Byte ${received} of the transfer is wrong`);
      }
      received++;
    }
  }
}

/** Bytes that look different wherever they are cut: 32 bits of a linear congruence. */
function byteAt(offset: number): number {
  return Math.imul(offset, 0x9e3779b1) >>> 24;
}

/** A shell's screen, as text. */
export class Screen {
  readonly #reader: ReadableStreamDefaultReader<string>;
  /** All that has come so far. */
  text = "";

  constructor(process: SshProcess) {
    const decoder = new TextDecoderStream() as TransformStream<Uint8Array, string>;
    this.#reader = process.stdout.pipeThrough(decoder).getReader();
  }

  /** Waits until a text has come, or everything has. */
  async until(text?: string): Promise<string> {
    while (text === undefined || !this.text.includes(text)) {
      const { done, value } = await this.#reader.read();
      if (!done) {
        this.text += value;
      } else if (text === undefined) {
        break;
      } else {
        const screen = JSON.stringify(this.text);
        throw new Error(`The shell has ended before it showed ${text}: ${screen}`);
      }
    }
    return this.text;
  }
}
