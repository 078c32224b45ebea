/**
 * What a configuration is read with: who connects, from where, and what the caller allows.
 *
 * @module
 */

import type { AlgorithmNames } from "../../protocol/transport/algorithms.ts";
import type { MaybePromise } from "../../crypto/types.ts";
import type { SshConfigOptions } from "./options.ts";

/** A file of `ssh_config(5)`. */
export interface ConfigFile {
  /** Its path, for messages. */
  readonly path: string;
  /** What it says. */
  readonly text: string;
  /** Whether it is the system's: what it includes is looked for in `/etc/ssh`, not `~/.ssh`. */
  readonly isSystem?: boolean;
}

/** The options by which names are made canonical. */
export type CanonicalOptions =
  & Pick<
    SshConfigOptions,
    | "canonicalizeHostname"
    | "canonicalDomains"
    | "canonicalizeMaxDots"
    | "canonicalizeFallbackLocal"
    | "proxyJump"
  >
  & { readonly proxyCommand?: string };

/** What a configuration is read with. */
export interface SshConfigContext {
  /** The host that the user asks for, as they call it. */
  readonly host: string;
  /** Who is to log in, if the user says so: no file says otherwise then. */
  readonly user?: string;
  /** The port, likewise. */
  readonly port?: number;
  /**
   * Options that the user gives, as `ssh -o` takes them, such as `Compression=yes`: of them the
   * first counts, and all count before those of files.
   */
  readonly options?: readonly string[];
  /** The path of the file whose text is given, for messages: `ssh_config`, unless given. */
  readonly path?: string;
  /** The user here: for `Match localuser` and `%u`, and for `Match user` where nobody says. */
  readonly localUser?: string;
  /** The number of the user here, for `%i`. */
  readonly localUserId?: string | number;
  /** The name of this machine, with its domain: for `%l`, and up to its first dot for `%L`. */
  readonly localHostname?: string;
  /** The user's home directory, for `~` and `%d`. Without it a `~` stays. */
  readonly homeDirectory?: string;
  /** Environment variables, for `${NAME}`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /**
   * Reads what Include names.
   *
   * @param pattern A path, which may have `*`, `?` and `[…]`; an absolute one, or below `~`, if
   *   there is no `homeDirectory`.
   * @returns The files that there are, none if there are none. They count in the order of their
   *   paths.
   */
  readonly include?: (pattern: string) => MaybePromise<readonly ConfigFile[]>;
  /**
   * Runs what Match exec names. Without it such a line is an error: a file is not to run commands
   * where nobody has meant it to. `() => false` has such lines match nothing.
   *
   * @param command For a shell; its tokens are expanded, and nothing in them is quoted: names that
   *   a shell would not take as they are have been refused.
   * @returns Whether it succeeds.
   */
  readonly exec?: (command: string) => MaybePromise<boolean>;
  /**
   * Makes a name canonical, if CanonicalizeHostname asks for it. Without it names stay.
   *
   * @returns Null if it is found under none of the domains.
   */
  readonly canonicalize?: (
    hostname: string,
    options: CanonicalOptions,
  ) => MaybePromise<string | null>;
  /** The algorithms that there are, in the default order: those of this library, unless given. */
  readonly supported?: AlgorithmNames;
}
