/**
 * The client's side of user authentication (RFC 4252): methods are tried in order until the
 * server is content.
 *
 * @module
 */

import { decodeUserauthFailure, encodeUserauthRequest } from "../../wire/auth_messages.ts";
import { EMPTY } from "../../wire/empty.ts";
import { AuthenticationError, printable, ProtocolError } from "../../wire/errors.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { decodeService, encodeService } from "../../wire/transport_messages.ts";
import type { Conversation } from "../conversation.ts";

/** The service that authentication is for (RFC 4254). */
export const CONNECTION_SERVICE = "ssh-connection";
/** The service that authenticates (RFC 4252). */
export const USERAUTH_SERVICE = "ssh-userauth";

/** What a method works with. */
export interface ClientAuthContext {
  /** Who wants in. */
  readonly user: string;
  /** The name of the service that is wanted. */
  readonly service: string;
  /** The first exchange hash: what signatures are bound to. */
  readonly sessionId: Uint8Array;
  /** The server's host key, in the encoding of RFC 4253 section 6.6. */
  readonly hostKey: Uint8Array;
  /** The host key's signature of the session id, likewise: what agents are shown. */
  readonly hostKeySignature: Uint8Array;
  /** What the server told of itself in EXT_INFO. */
  readonly extensions: ReadonlyMap<string, Uint8Array>;
  /** Aborted when authentication is over, whatever came of it: to let go of what was opened. */
  readonly over: AbortSignal;
  /** Sends SSH_MSG_USERAUTH_REQUEST. */
  request(method: string, fields: Uint8Array): void;
  /** Sends a message of the method. */
  send(payload: Uint8Array): void;
  /** Waits for success, failure, or one of the method's own messages. */
  reply(...numbers: number[]): Promise<Uint8Array>;
}

/** What came of a method. */
export type ClientAuthOutcome =
  | { readonly outcome: "success" }
  | {
    readonly outcome: "failure";
    /** The methods that can continue. */
    readonly remaining: readonly string[];
    /** Whether this method was accepted, and another is wanted too. */
    readonly partial: boolean;
  }
  | {
    /** There was nothing that could have been sent. */
    readonly outcome: "skipped";
    readonly why: string;
  }
  | {
    /** The method only stands for others, which have been found now: they take its place. */
    readonly outcome: "replaced";
    readonly by: readonly ClientAuthMethod[];
  };

/** A way to authenticate, such as a key or a password. */
export interface ClientAuthMethod {
  /** The method's name on the wire, as servers list it. */
  readonly name: string;
  /** Tries it. */
  authenticate(context: ClientAuthContext): Promise<ClientAuthOutcome>;
}

/** How a client authenticates. */
export interface ClientAuthOptions {
  /** The name of the user. */
  readonly user: string;
  /** The methods, in the order in which they are tried. Without any, `none` is. */
  readonly methods: readonly ClientAuthMethod[];
}

/** Reads the reply that ends a method: success or failure. */
export function outcomeOf(payload: Uint8Array): ClientAuthOutcome {
  if (payload[0] !== Msg.USERAUTH_SUCCESS) {
    return { outcome: "failure", ...decodeUserauthFailure(payload) };
  }
  if (payload.length !== 1) throw new ProtocolError("Cannot read USERAUTH_SUCCESS: it has a body");
  return { outcome: "success" };
}

/** The method that asks to be let in as one is (RFC 4252 section 5.2). */
export function none(): ClientAuthMethod {
  return {
    name: "none",
    async authenticate(context) {
      context.request("none", EMPTY);
      return outcomeOf(await context.reply());
    },
  };
}

/**
 * Asks for the service, then tries the methods.
 *
 * @param onAccepted Told when the server has accepted the request for the service.
 * @returns The name of the method that was accepted last.
 * @throws {AuthenticationError} If none is left that the server would take.
 */
export async function authenticateClient(
  conversation: Conversation,
  options: ClientAuthOptions,
  bound: Pick<ClientAuthContext, "sessionId" | "hostKey" | "hostKeySignature"> & {
    extensions: () => ReadonlyMap<string, Uint8Array>;
  },
  onAccepted: () => void,
): Promise<string> {
  let isAccepted = false;
  const takeAcceptance = (payload: Uint8Array): void => {
    const accepted = decodeService(payload);
    if (accepted !== USERAUTH_SERVICE) {
      throw new ProtocolError(`Cannot authenticate: the server accepted the service ${accepted}`);
    }
    isAccepted = true;
    onAccepted();
  };
  conversation.send(encodeService(Msg.SERVICE_REQUEST, USERAUTH_SERVICE));
  // What a server tells of itself, if it does, it tells first. All is known then that a request is
  // made of, and it need not wait for the service to be accepted (RFC 4253 section 10).
  const first = await conversation.next(Msg.EXT_INFO, Msg.SERVICE_ACCEPT);
  if (first[0] === Msg.SERVICE_ACCEPT) takeAcceptance(first);

  const context = Object.assign(new Undertaking(), {
    user: options.user,
    service: CONNECTION_SERVICE,
    sessionId: bound.sessionId,
    hostKey: bound.hostKey,
    hostKeySignature: bound.hostKeySignature,
    extensions: bound.extensions(),
    request: (method: string, fields: Uint8Array) =>
      conversation.send(
        encodeUserauthRequest({
          user: options.user,
          service: CONNECTION_SERVICE,
          method,
          fields,
        }),
      ),
    send: (payload: Uint8Array) => conversation.send(payload),
    async reply(...numbers: number[]) {
      if (!isAccepted) takeAcceptance(await conversation.next(Msg.SERVICE_ACCEPT));
      return await conversation.next(Msg.USERAUTH_SUCCESS, Msg.USERAUTH_FAILURE, ...numbers);
    },
  });
  try {
    return await tryMethods(context, options.methods.length > 0 ? options.methods : [none()]);
  } finally {
    context.end();
  }
}

/**
 * Tells methods when all is over. Most of them open nothing, and a signal is dear. A getter of a
 * literal would have V8 keep all that it refers to until it collects what is old.
 */
class Undertaking {
  #controller: AbortController | null = null;
  #isOver = false;

  get over(): AbortSignal {
    if (this.#isOver) return AbortSignal.abort();
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  end(): void {
    this.#isOver = true;
    this.#controller?.abort();
  }
}

async function tryMethods(
  context: ClientAuthContext,
  given: readonly ClientAuthMethod[],
): Promise<string> {
  let methods = given;
  const accepted = new Set<ClientAuthMethod>();
  const notes: string[] = [];
  let pending = [...methods];
  let remaining: readonly string[] | null = null;
  while (true) {
    const method = pending.find(({ name }) => remaining === null || remaining.includes(name));
    if (method === undefined) throw failure(context.user, notes, remaining ?? [], accepted.size);
    pending = pending.filter((other) => other !== method);

    const result = await method.authenticate(context);
    if (result.outcome === "success") return method.name;
    if (result.outcome === "replaced") {
      const { by } = result;
      methods = methods.flatMap((one) => one === method ? by : one);
      pending = methods.filter((one) => by.includes(one) || pending.includes(one));
      continue;
    }
    if (result.outcome === "skipped") {
      notes.push(`${method.name} (${result.why})`);
      continue;
    }
    remaining = result.remaining;
    notes.push(result.partial ? `${method.name} (accepted, but not enough)` : method.name);
    if (result.partial) {
      // What was refused before may be what is wanted now.
      accepted.add(method);
      pending = methods.filter((other) => !accepted.has(other));
    }
  }
}

function failure(
  user: string,
  notes: readonly string[],
  remaining: readonly string[],
  accepted: number,
): AuthenticationError {
  return new AuthenticationError(
    `Cannot authenticate as ${JSON.stringify(user)}: tried ${notes.join(", ")}; ` +
      `the server would take ${printable(remaining.join(", "), 1000) || "nothing more"}`,
    { remaining, partial: accepted > 0 },
  );
}
