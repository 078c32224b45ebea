/**
 * A server, made before there is any connection, and what it says first.
 *
 * @module
 */

import { platformRandom } from "../crypto/random.ts";
import { DEFAULT_IDENTIFICATION } from "../protocol/engine.ts";
import { checkIdentification } from "../protocol/transport/identification.ts";
import { kexInitOf } from "../protocol/transport/negotiation.ts";
import type { KexInit } from "../wire/transport_messages.ts";
import { algorithmsOf } from "./_engine_options.ts";
import type { Authenticate, ServerOptions } from "./serve_options.ts";
import { authenticateUsers, type UserOptions, type Users } from "./users.ts";

export type { KexInit } from "../wire/transport_messages.ts";

/** What goes with {@linkcode makeServer}: who is let in is said by either of two. */
export type MakeServerOptions =
  & ServerOptions
  & (
    | (UserOptions & { readonly users: Users; readonly authenticate?: undefined })
    | { readonly authenticate: Authenticate; readonly users?: undefined }
  );

/** What a server says first: both messages go out before anything has been read. */
export interface Hello {
  /** The identification, without CR LF (RFC 4253 section 4.2). */
  readonly identification: string;
  /** SSH_MSG_KEXINIT (RFC 4253 section 7.1): what the server offers. */
  readonly kexInit: KexInit;
}

/** A server that can be spawned over any number of flows. */
export interface Server {
  /** How it was made. */
  readonly options: ServerOptions;
  /** Decides on attempts to authenticate. */
  readonly authenticate: Authenticate;
}

const serverOf = new WeakMap<Hello, Server>();
const sent = new WeakSet<Hello>();

/**
 * Makes a server, for `spawnServer`.
 *
 * @returns The server, and its first messages. They are frozen, and are sent as they are on the
 * first flow that they are used for. The cookie in them must not serve twice (RFC 4253 section
 * 7.1): if they are used for other flows too, as they may be, a fresh one takes its place there.
 * @throws {TypeError} If neither users nor `authenticate` are given, or both; if there is no host
 * key that could be used; or if the identification cannot be sent.
 *
 * @example
 * ```ts
 * import { makeServer } from "@sshflow/ssh/server";
 * import { generateKey } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const { server, hello } = makeServer({
 *   hostKeys: [await generateKey("ed25519")],
 *   users: { ada: { password: "sesame" } },
 * });
 * assert.match(hello.identification, /^SSH-2\.0-sshflow/);
 * assert.deepEqual(hello.kexInit.hostKeys, ["ssh-ed25519"]);
 * ```
 */
export function makeServer(options: MakeServerOptions): { server: Server; hello: Hello } {
  const { users, authenticate } = options;
  if ((users === undefined) === (authenticate === undefined)) {
    throw new TypeError("Cannot make a server: it needs either users or authenticate");
  }
  const algorithms = algorithmsOf(options);
  const identification = checkIdentification(options.identification ?? DEFAULT_IDENTIFICATION);
  const server: Server = Object.freeze({
    options: { ...options, hostKeys: [...options.hostKeys], algorithms },
    authenticate: users === undefined ? authenticate : authenticateUsers(users, options),
  });
  const kexInit = kexInitOf(algorithms, {
    cookie: platformRandom(16),
    role: "server",
    first: true,
  });
  for (const list of Object.values(kexInit)) {
    if (Array.isArray(list)) Object.freeze(list);
  }
  const hello: Hello = Object.freeze({
    identification,
    kexInit: Object.freeze(kexInit),
  });
  serverOf.set(hello, server);
  return { server, hello };
}

/**
 * The first messages of one more connection.
 *
 * @throws {TypeError} If they are not the server's own.
 */
export function nextHello(server: Server, hello: Hello): Hello {
  if (serverOf.get(hello) !== server) {
    throw new TypeError("Cannot spawn the server: hello is not what it was made with");
  }
  if (!sent.has(hello)) {
    sent.add(hello);
    return hello;
  }
  return { ...hello, kexInit: { ...hello.kexInit, cookie: platformRandom(16) } };
}
