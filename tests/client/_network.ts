/**
 * A network in memory, of servers that can be jumped through.
 *
 * @module
 */

import { ChannelOpenReason } from "../../wire/errors.ts";
import { asFlow } from "../../flow/as_flow.ts";
import { type Flow, flowPair, proxy } from "../../flow/mod.ts";
import { formatPublicKeyLine } from "../../keys/mod.ts";
import { serve, type ServeOptions } from "../../server/mod.ts";
import { Reader } from "../../wire/reader.ts";
import { testHostKey } from "../helpers/engine_pair.ts";

/** Servers by `host:port`, and what has been dialed. */
export class Network {
  readonly servers: Record<string, Partial<ServeOptions>> = {};
  /** Who has connected to what: from `here`, or from another server. */
  readonly dialed: string[] = [];
  /** The attempts to log in, as `user@host:port method`. */
  readonly attempts: string[] = [];
  /** How many flows have not ended. */
  open = 0;

  async dial(where: string, from: string = "here"): Promise<Flow> {
    this.dialed.push(`${from} > ${where}`);
    const options = this.servers[where];
    if (options === undefined) throw new Error(`nobody is at ${where}`);
    const [near, far] = flowPair();
    const { authenticate } = options;
    const connection = serve(far, {
      hostKeys: [await testHostKey()],
      authMethods: ["publickey", "password"],
      authFailureDelayMs: 0,
      session: (session) => session.exit(7),
      onChannelOpen: async (open) => {
        const target = new Reader(open.extra, "direct-tcpip");
        const next = `${target.text("host", 1000)}:${target.uint32("port")}`;
        try {
          const flow = await this.dial(next, where);
          proxy(asFlow(open.accept()), flow).catch(() => {});
        } catch {
          open.reject(ChannelOpenReason.CONNECT_FAILED, "nobody is there");
        }
      },
      ...options,
      authenticate: (attempt) => {
        this.attempts.push(`${attempt.user}@${where} ${attempt.method}`);
        return authenticate?.(attempt) ??
          (attempt.method === "password" && attempt.password === "sesame");
      },
    });
    this.open++;
    connection.closed.catch(() => {}).then(() => this.open--);
    return near;
  }

  /** The text of known hosts, in which all names have the key of tests. */
  async knownHosts(): Promise<string> {
    const line = formatPublicKeyLine((await testHostKey()).publicKey);
    return Object.keys(this.servers).map((where) => {
      const colon = where.lastIndexOf(":");
      const [host, port] = [where.slice(0, colon), where.slice(colon + 1)];
      return `${port === "22" ? host : `[${host}]:${port}`} ${line}\n`;
    }).join("");
  }
}
