/**
 * What X11 forwarding needs at its two ends, without an X server: something that listens for X
 * clients, a program in the place of `xauth`, and an X client's first words.
 *
 * @module
 */

import { Reader } from "../../wire/reader.ts";
import { utf8 } from "./bytes.ts";

const PROTOCOL = "MIT-MAGIC-COOKIE-1";
/** What the server knows; `ssh` shows a cookie of its own making to the other end. */
const COOKIE = "00112233445566778899aabbccddeeff";
/** The X protocol, chapter 8: byte order, version, and the lengths of what follows. */
const HEADER_BYTES = 12;
const FIRST_PORT = 6000;

/** What a client asks for by `x11-req`. */
export interface X11Request {
  readonly protocol: string;
  /** In hexadecimal digits. */
  readonly cookie: string;
}

/** A display. */
export interface FakeXServer extends AsyncDisposable {
  /** For the variable DISPLAY. */
  readonly display: string;
  /** What `ssh` is to run as `xauth`. */
  readonly xauth: string;
}

/** Listens as an X server does: answers `welcome` to whoever has the cookie, `refused` to others. */
export async function fakeXServer(directory: string): Promise<FakeXServer> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const display = `127.0.0.1:${listener.addr.port - FIRST_PORT}`;
  const xauth = `${directory}/xauth`;
  await Deno.writeTextFile(
    xauth,
    `#!/bin/sh\ncase "$*" in *list*) echo "${display} ${PROTOCOL} ${COOKIE}" ;; esac\n`,
    { mode: 0o755 },
  );
  const expected = x11Setup({ protocol: PROTOCOL, cookie: COOKIE });
  const accepting = (async () => {
    for await (const conn of listener) {
      const setup = new Uint8Array(expected.length);
      for (let filled = 0; filled < setup.length;) {
        const count = await conn.read(setup.subarray(filled));
        if (count === null) break;
        filled += count;
      }
      const isKnown = expected.every((byte, index) => byte === setup[index]);
      await conn.write(utf8(isKnown ? "welcome" : "refused"));
      conn.close();
    }
  })();
  return {
    display,
    xauth,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
    },
  };
}

/** Reads `x11-req` (RFC 4254 section 6.3.1). */
export function readX11Request(payload: Uint8Array): X11Request {
  const reader = new Reader(payload, "x11-req");
  reader.boolean("single connection");
  const request = { protocol: reader.text("protocol"), cookie: reader.text("cookie") };
  reader.uint32("screen");
  reader.end();
  return request;
}

/** What an X client says first (the X protocol, chapter 8). */
export function x11Setup({ protocol, cookie }: X11Request): Uint8Array {
  const name = utf8(protocol);
  const data = Uint8Array.from(cookie.match(/../g) ?? [], (digits) => parseInt(digits, 16));
  const padded = (length: number): number => (length + 3) & ~3;
  const setup = new Uint8Array(HEADER_BYTES + padded(name.length) + padded(data.length));
  const view = new DataView(setup.buffer);
  setup[0] = "l".charCodeAt(0);
  view.setUint16(2, 11, true);
  view.setUint16(6, name.length, true);
  view.setUint16(8, data.length, true);
  setup.set(name, HEADER_BYTES);
  setup.set(data, HEADER_BYTES + padded(name.length));
  return setup;
}
