/**
 * What a login may reach and whom it may ask: files, the agent, the user. All of it is the
 * caller's.
 *
 * @module
 */

import type { MaybePromise } from "../../crypto/types.ts";
import type { FlowLike } from "../../flow/flow.ts";
import type { Challenge } from "../../wire/auth_messages.ts";
import type { HostKeyQuestion } from "../known_hosts.ts";
import type { SshConfig } from "./parse_ssh_config.ts";

/** The files that a configuration names: keys, certificates, known hosts. */
export interface ConfigFiles {
  /**
   * Reads a file.
   *
   * @returns Null if there is none; an error whose `code` is `ENOENT` says the same.
   */
  read(path: string): MaybePromise<string | null>;
  /**
   * Reads a file that is no text: a key revocation list, which keeps every host out without this.
   *
   * @returns Null if there is none; an error whose `code` is `ENOENT` says the same.
   */
  readBytes?(path: string): MaybePromise<Uint8Array | null>;
  /** Writes a file, the whole of it. Without this method no host is ever written down. */
  write?(path: string, text: string): MaybePromise<void>;
}

/** The questions that only the user can answer. What nobody answers is not done. */
export interface LoginQuestions {
  /** Whether a host may have a key that is not known. Without this it may not. */
  hostKey?(question: HostKeyQuestion): MaybePromise<boolean>;
  /** The passphrase of a file; null to leave that key. */
  passphrase?(path: string, config: SshConfig): MaybePromise<string | null>;
  /** The user's password; null to stop. */
  password?(config: SshConfig): MaybePromise<string | null>;
  /**
   * The answers to what the server asks by `keyboard-interactive`; null to stop. Without this, the
   * password answers the one hidden question of servers that ask for it so.
   */
  answers?(challenge: Challenge, config: SshConfig): MaybePromise<readonly string[] | null>;
}

/** What a login may reach, and whom it may ask. */
export interface LoginAccess {
  /** The files that the configuration names. */
  readonly files?: ConfigFiles;
  /** Connects to an agent, by the path of its socket. It is closed after the login. */
  readonly openAgent?: (path: string) => MaybePromise<FlowLike>;
  /** The user. With `BatchMode yes` nobody is asked. */
  readonly ask?: LoginQuestions;
  /** Told of what was left out, and why: a file that is not there, an agent that is gone. */
  readonly onNotice?: (text: string) => void;
}

/**
 * Reads a file.
 *
 * @returns Null if there is none, or no file can be read at all.
 */
export function readFile({ files }: LoginAccess, path: string): Promise<string | null> {
  return orNull(() => files?.read(path));
}

/** Reads a file as {@linkcode readFile} does, but as bytes where that is possible. */
export function readBytes(
  { files }: LoginAccess,
  path: string,
): Promise<Uint8Array | string | null> {
  return orNull<Uint8Array | string>(() =>
    files?.readBytes === undefined ? files?.read(path) : files.readBytes(path)
  );
}

async function orNull<T>(read: () => MaybePromise<T | null | undefined>): Promise<T | null> {
  try {
    return await read() ?? null;
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code === "ENOENT") return null;
    throw error;
  }
}

/** The questions that may be asked. */
export function questionsOf(config: SshConfig, { ask = {} }: LoginAccess): LoginQuestions {
  return config.batchMode ? {} : ask;
}
