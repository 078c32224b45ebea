/**
 * How an agent's messages follow each other in a stream of bytes (draft-ietf-sshm-ssh-agent
 * section 3): each has its length before it.
 *
 * @module
 */

import { ByteQueue } from "../wire/byte_queue.ts";
import { ProtocolError } from "../wire/errors.ts";
import { Writer } from "../wire/writer.ts";

/** How long an agent's message may be, in bytes: as with OpenSSH. */
export const maxAgentMessageBytes: number = 256 * 1024;

/** A message with its length before it. */
export function frameAgentMessage(message: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Writer(message.length + 4).string(message).finish();
}

/** Takes chunks of a stream, and gives the messages in them. */
export class AgentMessageReader {
  readonly #queue = new ByteQueue();

  /** Whether what has come so far ends within a message. */
  get isWithin(): boolean {
    return this.#queue.length > 0;
  }

  /** Adds a chunk, which belongs to the reader from now on. */
  push(chunk: Uint8Array): void {
    this.#queue.push(chunk);
  }

  /**
   * The next message: its type, and what follows.
   *
   * @returns A view, or null if the message has not come whole.
   * @throws {ProtocolError} If the message is empty or longer than {@linkcode maxAgentMessageBytes}.
   */
  next(): Uint8Array | null {
    const queue = this.#queue;
    if (queue.length < 4) return null;
    const header = queue.peek(4);
    const length = new DataView(header.buffer, header.byteOffset, 4).getUint32(0);
    if (length === 0 || length > maxAgentMessageBytes) {
      throw new ProtocolError(
        `Cannot read agent message: its length is ${length}, ` +
          `and 1 to ${maxAgentMessageBytes} are allowed`,
      );
    }
    if (queue.length < length + 4) return null;
    const message = queue.peek(length + 4).subarray(4);
    queue.skip(length + 4);
    return message;
  }
}
