/**
 * Authentication by questions and answers (RFC 4256).
 *
 * @module
 */

import type { MaybePromise } from "../../crypto/types.ts";
import { type Challenge, decodeChallenge, encodeResponses } from "../../wire/auth_messages.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { Reader } from "../../wire/reader.ts";
import { Writer } from "../../wire/writer.ts";
import { type ClientAuthMethod, outcomeOf } from "./client.ts";

/** The method's name. */
export const KEYBOARD_INTERACTIVE = "keyboard-interactive";
/** A server that goes on asking is not going to let anybody in. */
const MAX_ROUNDS = 100;

/**
 * Authenticates by answering the server's questions, in any number of rounds.
 *
 * @param respond Gives as many answers as there are prompts, or null to stop.
 * @param options.submethods Hints for the server (RFC 4256 section 3.1).
 */
export function keyboardInteractive(
  respond: (challenge: Challenge) => MaybePromise<readonly string[] | null>,
  options: { submethods?: readonly string[] } = {},
): ClientAuthMethod {
  return {
    name: KEYBOARD_INTERACTIVE,
    async authenticate(context) {
      const submethods = (options.submethods ?? []).join(",");
      context.request(KEYBOARD_INTERACTIVE, new Writer().string("").string(submethods).finish());
      for (let round = 0; round < MAX_ROUNDS; round++) {
        const reply = await context.reply(Msg.USERAUTH_INFO_REQUEST);
        if (reply[0] !== Msg.USERAUTH_INFO_REQUEST) return outcomeOf(reply);
        const challenge = decodeChallenge(reply);
        const count = challenge.prompts.length;
        const responses = await respond(challenge);
        if (responses === null) return { outcome: "skipped", why: "no answers were given" };
        if (responses.length !== count) {
          throw new TypeError(
            `Cannot answer ${count} prompts with ${responses.length} responses`,
          );
        }
        context.send(encodeResponses(responses));
      }
      return { outcome: "skipped", why: `the server asked more than ${MAX_ROUNDS} times` };
    },
  };
}

/** Reads what a keyboard-interactive request adds: the submethods. */
export function readKeyboardInteractiveRequest(fields: Uint8Array): string[] {
  const reader = new Reader(fields, "a keyboard-interactive authentication request");
  reader.string("language tag");
  const submethods = reader.text("submethods", 1024);
  reader.end();
  return submethods === "" ? [] : submethods.split(",");
}
