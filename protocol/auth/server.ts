/**
 * The server's side of user authentication (RFC 4252): reads and verifies, and asks a policy.
 *
 * @module
 */

import type { MaybePromise } from "../../crypto/types.ts";
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
import { DisconnectCode, ProtocolError } from "../../wire/errors.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { decodeService, encodeService } from "../../wire/transport_messages.ts";
import type { Conversation } from "../conversation.ts";
import { CONNECTION_SERVICE, USERAUTH_SERVICE } from "./client.ts";
import { KEYBOARD_INTERACTIVE, readKeyboardInteractiveRequest } from "./keyboard_interactive.ts";
import { PASSWORD, readPasswordRequest } from "./password.ts";
import { PUBLICKEY, PUBLICKEY_HOSTBOUND, readPublicKeyRequest } from "./publickey.ts";

/** One attempt to authenticate, as a policy sees it. */
export type AuthAttempt =
  | { readonly method: "none"; readonly user: string }
  | {
    readonly method: "publickey";
    readonly user: string;
    readonly key: PublicKey;
    /** The signature algorithm. */
    readonly algorithm: string;
    /**
     * Whether the client has proven to hold the key. If not, it only asks whether the key would
     * do: nothing may follow from that but the answer.
     */
    readonly proven: boolean;
  }
  | {
    readonly method: "password";
    readonly user: string;
    readonly password: string;
    /** What the user wants it changed to; null if it is not being changed. */
    readonly newPassword: string | null;
  }
  | {
    readonly method: "keyboard-interactive";
    readonly user: string;
    /** What the client would like to be asked. */
    readonly submethods: readonly string[];
    /** Asks one round of questions; gives as many answers as there are prompts. */
    readonly ask: (challenge: Challenge) => Promise<readonly string[]>;
  };

/**
 * What a policy decides: yes; no; yes, but one of these methods has to follow; or that the
 * password has to be changed first, with what is said to the user.
 */
export type AuthDecision =
  | boolean
  | { readonly partial: readonly string[] }
  | { readonly changePassword: string };

/** How a server authenticates. */
export interface ServerAuthOptions {
  /** The methods that are offered. */
  readonly methods: readonly AuthAttempt["method"][];
  /** Decides on an attempt. Signatures have been verified when it is asked. */
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
  readonly sessionId: Uint8Array;
  readonly hostKey: Uint8Array;
  readonly now: () => number;
  readonly sleepUntil: (time: number) => Promise<void>;
  /** Told when the service has been asked for. */
  readonly onServiceAccepted: () => void;
}

/** Who came in, and how. */
export interface AuthenticatedUser {
  readonly user: string;
  /** The method that was accepted last. */
  readonly method: AuthAttempt["method"];
  /** The key that was proven, if that was by a key. */
  readonly key: PublicKey | null;
}

/** The client has dropped a round of questions for a new request (RFC 4256 section 3.1). */
class AbandonedError extends Error {}

/** Answers requests until one is accepted; the caller sends USERAUTH_SUCCESS. */
export async function authenticateServer(
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
  /** A request that came in place of answers. */
  #pending: Uint8Array | null = null;
  #user: string | null = null;
  #offered: readonly string[];
  #failures = 0;
  #askedForMethods = false;

  constructor(
    conversation: Conversation,
    options: ServerAuthOptions,
    context: ServerAuthContext,
  ) {
    this.#conversation = conversation;
    this.#options = options;
    this.#context = context;
    this.#offered = options.methods.filter((method) => method !== "none");
  }

  async run(): Promise<AuthenticatedUser> {
    while (true) {
      const payload = this.#pending ?? await this.#conversation.next(Msg.USERAUTH_REQUEST);
      this.#pending = null;
      const startedAt = this.#context.now();
      const request = decodeUserauthRequest(payload);
      this.#check(request);
      const accepted = await this.#answer(request, startedAt);
      if (accepted !== null) return accepted;
    }
  }

  #check({ user, service }: UserauthRequest): void {
    if (service !== CONNECTION_SERVICE) {
      throw new ProtocolError(`Cannot authenticate for the service ${service}`, {
        code: DisconnectCode.SERVICE_NOT_AVAILABLE,
      });
    }
    // deno-lint-ignore no-control-regex
    if (/[\u0000-\u001f\u007f]/.test(user)) {
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

  async #answer(request: UserauthRequest, startedAt: number): Promise<AuthenticatedUser | null> {
    let attempt: AuthAttempt | null = null;
    let decision: AuthDecision = false;
    let ok: Uint8Array | null = null;
    switch (request.method) {
      case "none":
        attempt = { method: "none", user: request.user };
        break;
      case PUBLICKEY:
      case PUBLICKEY_HOSTBOUND: {
        if (!this.#offered.includes(PUBLICKEY)) break;
        const read = await readPublicKeyRequest(
          {
            user: request.user,
            service: request.service,
            sessionId: this.#context.sessionId,
            hostKey: this.#context.hostKey,
          },
          request.method,
          request.fields,
          this.#options.signatureAlgorithms,
        );
        if (read === null) break;
        const { key, algorithm, proven } = read;
        attempt = { method: PUBLICKEY, user: request.user, key, algorithm, proven };
        if (!proven) ok = read.ok;
        break;
      }
      case PASSWORD:
        if (!this.#offered.includes(PASSWORD)) break;
        attempt = { method: PASSWORD, user: request.user, ...readPasswordRequest(request.fields) };
        break;
      case KEYBOARD_INTERACTIVE:
        if (!this.#offered.includes(KEYBOARD_INTERACTIVE)) break;
        attempt = {
          method: KEYBOARD_INTERACTIVE,
          user: request.user,
          submethods: readKeyboardInteractiveRequest(request.fields),
          ask: (challenge) => this.#ask(challenge),
        };
        break;
    }
    try {
      if (attempt !== null) decision = await this.#options.authenticate(attempt);
    } catch (error) {
      if (!(error instanceof AbandonedError)) throw error;
    }
    // A round that was abandoned is not decided on, whatever the policy made of it.
    if (this.#pending !== null) return null;
    if (attempt === null || decision === false) {
      await this.#refuse(request.method, startedAt);
      return null;
    }
    if (ok !== null) {
      this.#conversation.send(ok);
      return null;
    }
    if (decision === true) {
      const key = attempt.method === "publickey" ? attempt.key : null;
      return { user: attempt.user, method: attempt.method, key };
    }
    if ("changePassword" in decision) {
      this.#conversation.send(encodePasswordChangeRequest(decision.changePassword));
      return null;
    }
    this.#offered = decision.partial;
    this.#conversation.send(encodeUserauthFailure({ remaining: this.#offered, partial: true }));
    return null;
  }

  async #ask(challenge: Challenge): Promise<readonly string[]> {
    if (this.#pending !== null) throw new AbandonedError("The client has made another request");
    this.#conversation.send(encodeChallenge(challenge));
    const payload = await this.#conversation.next(
      Msg.USERAUTH_INFO_RESPONSE,
      Msg.USERAUTH_REQUEST,
    );
    if (payload[0] === Msg.USERAUTH_REQUEST) {
      this.#pending = payload;
      throw new AbandonedError("The client has made another request");
    }
    return decodeResponses(payload, challenge.prompts.length);
  }

  async #refuse(method: string, startedAt: number): Promise<void> {
    // A client learns the methods by asking for `none`: the first time that is no attempt.
    if (method === "none" && !this.#askedForMethods) {
      this.#askedForMethods = true;
    } else {
      this.#failures++;
      const { now, sleepUntil } = this.#context;
      const step = this.#options.failureDelayMs;
      if (step > 0) {
        const steps = Math.floor((now() - startedAt) / step) + 1;
        await sleepUntil(startedAt + steps * step);
      }
      if (this.#failures >= this.#options.maxAttempts) {
        throw new ProtocolError(`Too many authentication failures: ${this.#failures}`, {
          code: DisconnectCode.NO_MORE_AUTH_METHODS_AVAILABLE,
        });
      }
    }
    this.#conversation.send(encodeUserauthFailure({ remaining: this.#offered, partial: false }));
  }
}
