/**
 * Packets on Node, by what is fastest there: `node:crypto`, at once, and Node's sockets.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import {
  type CipherGCMTypes,
  createCipheriv,
  createDecipheriv,
  createHmac,
  timingSafeEqual,
} from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Bare, BareListener } from "../jobs.ts";
import {
  CTR_START,
  DONE,
  GCM_NONCE,
  GCM_TAG_BYTES,
  LENGTH_BYTES,
  lengthField,
  MAC_BYTES,
  makeCipherKey,
  makeMacKey,
  PAYLOAD_BYTES,
  SEQUENCE_NUMBER,
  Splitter,
} from "./bare_packets.ts";

const HOST = "127.0.0.1";

interface Cipher {
  readonly tagBytes: number;
  /** Gives a packet in parts. */
  seal(payload: Uint8Array): readonly Uint8Array[];
  /**
   * Gives a packet's payload, in a buffer of its own.
   *
   * @throws {Error} If the tag is wrong.
   */
  open(packet: Uint8Array): Uint8Array;
}

/** Listens for one connection, and moves packets over it. */
export async function listenOnNode(job: Bare): Promise<BareListener> {
  const create = job.mac === null ? createGcm : createCtr;
  const cipher = create(job);
  const packet = Buffer.concat(cipher.seal(new Uint8Array(PAYLOAD_BYTES)));
  const server = createServer({ noDelay: true }, (socket) => {
    server.close();
    // The other end sees for itself that the connection ends too early.
    socket.on("error", () => {});
    if (job.way === "down") sendPackets(socket, cipher, job.packets);
    else receivePackets(socket, cipher, job.packets);
  }).listen(0, HOST);
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, packet: packet.toString("base64") };
}

/** Writes for as long as the socket takes it, and then waits. */
function sendPackets(socket: Socket, cipher: Cipher, packets: number): void {
  const payload = new Uint8Array(PAYLOAD_BYTES);
  let sealed = 0;
  const send = (): void => {
    for (let ready = true; ready && sealed < packets; sealed++) {
      const parts = cipher.seal(payload);
      socket.cork();
      for (const part of parts) ready = socket.write(part);
      socket.uncork();
    }
    if (sealed < packets) socket.once("drain", send);
    else socket.end();
  };
  send();
}

function receivePackets(socket: Socket, cipher: Cipher, packets: number): void {
  const splitter = new Splitter(cipher.tagBytes);
  let opened = 0;
  socket.on("data", (chunk: Uint8Array) => {
    try {
      for (const packet of splitter.split(chunk)) {
        if (cipher.open(packet).length === PAYLOAD_BYTES) opened++;
      }
      if (opened === packets) socket.end(DONE);
    } catch {
      socket.destroy();
    }
  });
}

function createGcm(job: Bare): Cipher {
  const name: CipherGCMTypes = job.cipher.startsWith("aes128") ? "aes-128-gcm" : "aes-256-gcm";
  const key = makeCipherKey(job);
  const length = lengthField();
  return {
    tagBytes: GCM_TAG_BYTES,
    seal(payload) {
      const cipher = createCipheriv(name, key, GCM_NONCE).setAAD(length);
      const encrypted = cipher.update(payload);
      cipher.final();
      return [length, encrypted, cipher.getAuthTag()];
    },
    open(packet) {
      const end = packet.length - GCM_TAG_BYTES;
      const decipher = createDecipheriv(name, key, GCM_NONCE)
        .setAAD(packet.subarray(0, LENGTH_BYTES))
        .setAuthTag(packet.subarray(end));
      const payload = decipher.update(packet.subarray(LENGTH_BYTES, end));
      decipher.final();
      return payload;
    },
  };
}

/**
 * One stream each way. The packet that comes again and again is decrypted to something else each
 * time, which takes as long; its MAC, over what is encrypted, is right each time.
 */
function createCtr(job: Bare): Cipher {
  const [key, macKey] = [makeCipherKey(job), makeMacKey()];
  const cipher = createCipheriv("aes-256-ctr", key, CTR_START);
  const decipher = createDecipheriv("aes-256-ctr", key, CTR_START);
  const length = lengthField();
  const hmac = () => createHmac("sha256", macKey).update(SEQUENCE_NUMBER);
  return {
    tagBytes: MAC_BYTES,
    seal(payload) {
      const encrypted = cipher.update(payload);
      return [length, encrypted, hmac().update(length).update(encrypted).digest()];
    },
    open(packet) {
      const end = packet.length - MAC_BYTES;
      const digest = hmac().update(packet.subarray(0, end)).digest();
      if (!timingSafeEqual(digest, packet.subarray(end))) {
        throw new Error("A packet has a wrong MAC");
      }
      return decipher.update(packet.subarray(LENGTH_BYTES, end));
    },
  };
}
