/**
 * The server's side of user authentication (RFC 4252): reads and verifies, and asks a policy.
 *
 * @module
 */

import type { MaybePromise } from "../../crypto/types.ts";
import { mergePermissions, type Permissions } from "../../keys/permissions.ts";
import type { SecurityKeyDetails } from "../../keys/security_key.ts";
import type { PublicKey } from "../../keys/types.ts";
import {
  type Challenge,
  decodeResponses,
  decodeUserauthRequest,
  encodeBanner,
  encodeChallenge,
  encodePasswordChangeRequest,
  encodeUserauthFailure,
  type UserauthRequest,
} from "../../wire/auth_messages.ts";
import { DisconnectCode, printable, ProtocolError, SshError } from "../../wire/errors.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { decodeService, encodeService } from "../../wire/transport_messages.ts";
import type { Conversation } from "../conversation.ts";
import { CONNECTION_SERVICE, USERAUTH_SERVICE } from "./client.ts";
import { type AuthConsent, type AuthDecision, permissionsOf, saysEnough } from "./decision.ts";
import { HOSTBASED, readHostbasedRequest } from "./hostbased.ts";
import { KEYBOARD_INTERACTIVE, readKeyboardInteractiveRequest } from "./keyboard_interactive.ts";
import { PASSWORD, readPasswordRequest } from "./password.ts";
import { PUBLICKEY, PUBLICKEY_HOSTBOUND, readPublicKeyRequest } from "./publickey.ts";

/** One attempt to authenticate, as a policy sees it. */
export type AuthAttempt =
  & {
    readonly user: string;
    /** What has been accepted on this connection before, in order, and was not enough. */
    readonly accepted: readonly AuthenticatedUser[];
  }
  & AttemptByMethod;

/** What an attempt brings, by its method. */
export type AttemptByMethod =
  | { readonly method: "none" }
  | {
    readonly method: "publickey";
    /**
     * The key. It may be a `Certificate`, of which nothing has been checked but that the client
     * holds its key: `verifyCertificate` does that.
     */
    readonly key: PublicKey;
    /** The signature algorithm. */
    readonly algorithm: string;
    /**
     * Whether the client has proven to hold the key. If not, it only asks whether the key would
     * do: nothing may follow from that but the answer.
     */
    readonly proven: boolean;
    /**
     * What a security key says of its signature; null if it is no such key, or not proven. What is
     * required of it is checked against the permissions that are decided on: touch, unless they
     * say otherwise.
     */
    readonly securityKey: SecurityKeyDetails | null;
  }
  | {
    readonly method: "hostbased";
    /**
     * The key of the client's host, which has proven to hold it. Whether it is that host's, and
     * whether the host may vouch for the user, is for the policy to say; so is whether the name is
     * that of the peer's address.
     */
    readonly key: PublicKey;
    /** The signature algorithm. */
    readonly algorithm: string;
    /** The name that the client gives its host, without a dot at its end. */
    readonly clientHostname: string;
    /** The name of the user there. */
    readonly clientUser: string;
  }
  | {
    readonly method: "password";
    readonly password: string;
    /** What the user wants it changed to; null if it is not being changed. */
    readonly newPassword: string | null;
  }
  | {
    readonly method: "keyboard-interactive";
    /** What the client would like to be asked. */
    readonly submethods: readonly string[];
    /**
     * Asks one round of questions; gives as many answers as there are prompts. It rejects if the
     * client gives others, or makes another request instead: the attempt has then failed, whatever
     * is decided.
     */
    readonly ask: (challenge: Challenge) => Promise<readonly string[]>;
  };

/** How a server authenticates. */
export interface ServerAuthOptions {
  /** The methods that are offered. Of others the policy is not asked, `none` included. */
  readonly methods: readonly AuthAttempt["method"][];
  /**
   * Decides on an attempt. Signatures have been verified when it is asked. If it throws, the
   * connection ends, and the peer is not told why.
   */
  readonly authenticate: (attempt: AuthAttempt) => MaybePromise<AuthDecision>;
  /** The signature algorithms that are accepted. */
  readonly signatureAlgorithms: readonly string[];
  /** Shown to the user before authentication. */
  readonly banner?: string | undefined;
  /** How many failures end the connection. */
  readonly maxAttempts: number;
  /** Failures are answered after a multiple of this many milliseconds, whatever their cause. */
  readonly failureDelayMs: number;
}

/** What the engine around it gives. */
export interface ServerAuthContext {
  /** The first exchange hash: what signatures are bound to. */
  readonly sessionId: Uint8Array;
  /** The server's host key, in the encoding of RFC 4253 section 6.6. */
  readonly hostKey: Uint8Array;
  /** The time in milliseconds. */
  readonly now: () => number;
  /** Waits until a time, in milliseconds. */
  readonly sleepUntil: (time: number) => Promise<void>;
  /** Told when the service has been asked for. */
  readonly onServiceAccepted: () => void;
}

/**
 * How a server authenticates, together with what does it. It is made by {@linkcode serverAuth}: an
 * engine that is a client's then has nothing of it.
 */
export interface ServerAuth extends ServerAuthOptions {
  /**
   * Answers requests until one is accepted.
   *
   * @param conversation With the client, from its request for the service on.
   * @param options How.
   * @param context What the engine gives.
   * @returns Who came in, and is to be told by USERAUTH_SUCCESS.
   * @throws {ProtocolError} If nobody does.
   */
  readonly run: (
    conversation: Conversation,
    options: ServerAuthOptions,
    context: ServerAuthContext,
  ) => Promise<AuthenticatedUser>;
}

/** Who came in, and how. */
export interface AuthenticatedUser {
  /** The name of the user. */
  readonly user: string;
  /** The name of the method that was accepted last. */
  readonly method: string;
  /** At the server's end: the key that was proven, if that was by a key. */
  readonly key: PublicKey | null;
  /** At the server's end: what the login may do. Where there is nothing said, it may. */
  readonly permissions: Permissions;
}

/**
 * How many messages a client may send. Failures have a tighter limit; this one is for whatever
 * else could go on for ever: keys that are asked about, passwords changed, questions answered.
 */
const MAX_MESSAGES = 256;

/** Says how the engine of a server authenticates. */
export function serverAuth(options: ServerAuthOptions): ServerAuth {
  return { ...options, run: authenticateServer };
}

/** Answers requests until one is accepted; the caller sends USERAUTH_SUCCESS. */
async function authenticateServer(
  conversation: Conversation,
  options: ServerAuthOptions,
  context: ServerAuthContext,
): Promise<AuthenticatedUser> {
  const service = decodeService(await conversation.next(Msg.SERVICE_REQUEST));
  if (service !== USERAUTH_SERVICE) {
    throw new ProtocolError(`Cannot start the service ${service}: only ${USERAUTH_SERVICE} is`, {
      code: DisconnectCode.SERVICE_NOT_AVAILABLE,
    });
  }
  conversation.send(encodeService(Msg.SERVICE_ACCEPT, service));
  context.onServiceAccepted();
  return await new ServerAuthentication(conversation, options, context).run();
}

class ServerAuthentication {
  readonly #conversation: Conversation;
  readonly #options: ServerAuthOptions;
  readonly #context: ServerAuthContext;
  readonly #accepted: AuthenticatedUser[] = [];
  #offered: readonly string[];
  #user: string | null = null;
  #messages = 0;
  #failures = 0;
  #askedForMethods = false;
  /** When the last message came: what the time of a failure is counted from. */
  #receivedAt = 0;
  /** The attempt that is being decided on; questions can be asked for no other. */
  #attempt: AuthAttempt | null = null;
  /** The message that has to answer a round of questions, while it is waited for. */
  #answers: Promise<Uint8Array> | null = null;
  /** Whether the answers of the attempt were not what was asked for. */
  #spoiled = false;
  /** A request that came in place of answers (RFC 4256 section 3.1). */
  #pending: Uint8Array | null = null;

  constructor(
    conversation: Conversation,
    options: ServerAuthOptions,
    context: ServerAuthContext,
  ) {
    this.#conversation = conversation;
    this.#options = options;
    this.#context = context;
    this.#offered = options.methods;
  }

  async run(): Promise<AuthenticatedUser> {
    while (true) {
      const request = decodeUserauthRequest(await this.#nextRequest());
      this.#check(request);
      const accepted = await this.#answer(request);
      if (accepted !== null) return accepted;
    }
  }

  async #nextRequest(): Promise<Uint8Array> {
    // A policy that decides without the answers does not keep them from coming.
    if (this.#answers !== null) await this.#answers;
    const pending = this.#pending;
    this.#pending = null;
    if (pending !== null) return pending;
    const payload = await this.#conversation.next(Msg.USERAUTH_REQUEST);
    this.#countMessage();
    return payload;
  }

  #countMessage(): void {
    this.#receivedAt = this.#context.now();
    if (++this.#messages <= MAX_MESSAGES) return;
    throw tooMany(`Cannot authenticate in ${MAX_MESSAGES} messages`);
  }

  #check({ user, service }: UserauthRequest): void {
    if (service !== CONNECTION_SERVICE) {
      throw new ProtocolError(`Cannot authenticate for the service ${service}`, {
        code: DisconnectCode.SERVICE_NOT_AVAILABLE,
      });
    }
    if (printable(user, Infinity) !== user) {
      throw new ProtocolError("Cannot authenticate: the user name has a control character", {
        code: DisconnectCode.ILLEGAL_USER_NAME,
      });
    }
    if (this.#user !== null && this.#user !== user) {
      // What was proven for one user must never count for another.
      throw new ProtocolError("Cannot authenticate: the user name has been changed");
    }
    if (this.#user === null && this.#options.banner !== undefined) {
      this.#conversation.send(encodeBanner({ message: this.#options.banner, language: "" }));
    }
    this.#user = user;
  }

  async #answer(request: UserauthRequest): Promise<AuthenticatedUser | null> {
    const { attempt, ok } = await this.#read(request);
    this.#conversation.throwIfEnded();
    const decision = attempt !== null && await this.#decide(attempt);
    this.#conversation.throwIfEnded();
    if (this.#pending !== null) {
      this.#countFailure();
      return null;
    }
    const accepted = attempt !== null && decision !== false
      ? this.#accept(attempt, decision)
      : null;
    if (attempt === null || decision === false || accepted === null) {
      await this.#refuse(request.method);
      return null;
    }
    if (ok !== null) {
      this.#conversation.send(ok);
      return null;
    }
    if (decision !== true && "changePassword" in decision) {
      if (attempt.method !== PASSWORD) {
        throw new TypeError(`Cannot have a password changed: the method is ${attempt.method}`);
      }
      this.#conversation.send(encodePasswordChangeRequest(decision.changePassword));
      return null;
    }
    if (decision === true || !("partial" in decision)) return accepted;
    this.#accepted.push({ ...accepted, permissions: permissionsOf(decision) });
    this.#offered = decision.partial;
    this.#sendFailure(true);
    return null;
  }

  /**
   * Who comes in by an attempt that the policy consents to; null if the attempt does not meet its
   * own conditions, or those do not go together with what was accepted before.
   */
  #accept(attempt: AuthAttempt, decision: AuthConsent): AuthenticatedUser | null {
    const own = permissionsOf(decision);
    const key = attempt.method === PUBLICKEY ? attempt.key : null;
    const details = attempt.method === PUBLICKEY ? attempt.securityKey : null;
    if (details !== null && !saysEnough(details, own)) return null;
    const permissions = this.#accepted.reduce<Permissions | null>(
      (merged, { permissions }) => merged && mergePermissions(merged, permissions),
      own,
    );
    return permissions && { user: attempt.user, method: attempt.method, key, permissions };
  }

  /** Makes an attempt of a request; null if there is nothing in it that could be accepted. */
  async #read(
    { user, service, method, fields }: UserauthRequest,
  ): Promise<{ attempt: AuthAttempt | null; ok: Uint8Array | null }> {
    const nothing = { attempt: null, ok: null };
    const name = method === PUBLICKEY_HOSTBOUND ? PUBLICKEY : method;
    if (!this.#offered.includes(name)) return nothing;
    const head = { user, accepted: [...this.#accepted] };
    switch (method) {
      case "none":
        return { attempt: { ...head, method }, ok: null };
      case PUBLICKEY:
      case PUBLICKEY_HOSTBOUND: {
        const { sessionId, hostKey } = this.#context;
        const bound = { user, service, sessionId, hostKey };
        const algorithms = this.#options.signatureAlgorithms;
        const read = await readPublicKeyRequest(bound, method, fields, algorithms);
        if (read === null) return nothing;
        const { key, algorithm, proven, securityKey, ok } = read;
        return {
          attempt: { ...head, method: PUBLICKEY, key, algorithm, proven, securityKey },
          ok,
        };
      }
      case HOSTBASED: {
        const bound = { user, service, sessionId: this.#context.sessionId };
        const algorithms = this.#options.signatureAlgorithms;
        const read = await readHostbasedRequest(bound, fields, algorithms);
        return read === null ? nothing : { attempt: { ...head, method, ...read }, ok: null };
      }
      case PASSWORD:
        return { attempt: { ...head, method, ...readPasswordRequest(fields) }, ok: null };
      case KEYBOARD_INTERACTIVE: {
        const submethods = readKeyboardInteractiveRequest(fields);
        const attempt: AuthAttempt = {
          ...head,
          method,
          submethods,
          ask: (challenge) => this.#ask(attempt, challenge),
        };
        return { attempt, ok: null };
      }
    }
    return nothing;
  }

  async #decide(attempt: AuthAttempt): Promise<AuthDecision> {
    this.#attempt = attempt;
    this.#spoiled = false;
    try {
      const decision = await this.#options.authenticate(attempt);
      // Without the answers that it asked for, a policy cannot accept.
      return this.#spoiled || this.#answers !== null ? false : decision;
    } catch (error) {
      if (this.#spoiled) return false;
      // Errors of SSH are described to the peer; one that is the policy's own must not be.
      if (!(error instanceof SshError)) throw error;
      throw new SshError(`Cannot decide on an authentication: ${error.message}`, { cause: error });
    } finally {
      this.#attempt = null;
    }
  }

  async #ask(attempt: AuthAttempt, challenge: Challenge): Promise<readonly string[]> {
    if (this.#attempt !== attempt) throw new TypeError("Cannot ask: the attempt is over");
    if (this.#answers !== null) {
      throw new TypeError("Cannot ask: the last questions wait for answers");
    }
    if (this.#spoiled) throw new SshError("Cannot ask: the client has given up the attempt");
    this.#conversation.send(encodeChallenge(challenge));
    this.#answers = this.#conversation.next(Msg.USERAUTH_INFO_RESPONSE, Msg.USERAUTH_REQUEST);
    const payload = await this.#answers;
    this.#answers = null;
    // Until the answers have been found to be what was asked for.
    this.#spoiled = true;
    this.#countMessage();
    if (payload[0] === Msg.USERAUTH_REQUEST) {
      this.#pending = payload;
      throw new SshError("The client has made another request");
    }
    // RFC 4256 section 3.4: to a wrong number of answers, failure is the answer.
    const responses = decodeResponses(payload, challenge.prompts.length);
    this.#spoiled = false;
    return responses;
  }

  async #refuse(method: string): Promise<void> {
    // A client learns the methods by asking for `none`: the first time that is no attempt.
    if (method === "none" && !this.#askedForMethods) {
      this.#askedForMethods = true;
    } else {
      const { now, sleepUntil } = this.#context;
      const start = this.#receivedAt;
      const step = this.#options.failureDelayMs;
      if (step > 0) {
        const steps = Math.floor((now() - start) / step) + 1;
        await sleepUntil(start + steps * step);
      }
      this.#countFailure();
    }
    this.#sendFailure(false);
  }

  #countFailure(): void {
    this.#failures++;
    if (this.#failures < this.#options.maxAttempts) return;
    throw tooMany(`Too many authentication failures: ${this.#failures}`);
  }

  #sendFailure(partial: boolean): void {
    // RFC 4252 section 5.2: `none` is never listed.
    const remaining = this.#offered.filter((method) => method !== "none");
    this.#conversation.send(encodeUserauthFailure({ remaining, partial }));
  }
}

function tooMany(message: string): ProtocolError {
  return new ProtocolError(message, { code: DisconnectCode.NO_MORE_AUTH_METHODS_AVAILABLE });
}
