/**
 * What another implementation does for the tests, in either role.
 *
 * @module
 */

/** The user that is logged in as, in either role. */
export const USER = "demo";
/** The user's password. */
export const PASSWORD = "correct horse";
/** The same as crypt(3) makes it, for servers that take it from the system's table of shadows. */
export const PASSWORD_HASH =
  "$6$sshflow$LxWAEW7mDYxzDeqHu8n/avC3xvjWtQJYx7Pe6roJOuWp2T5D/kzgaSEEQPE0/wQPXOr8ys10IHXLUStKrb6Kc.";

/** After how many bytes keys are exchanged anew where that is tested: several times in a command. */
export const REKEY_BYTES = 2_000_000;

/** A way to authenticate. */
export type Method = "password" | "publickey" | "keyboard-interactive";

/** What a client is to do: to log in, and to run a command. */
export interface RunRequest {
  readonly port: number;
  /** The lines of the host keys that are right. */
  readonly hostKeys: readonly string[];
  readonly user: string;
  readonly method: Method;
  readonly password: string;
  /** The file of the private key, in OpenSSH's format. */
  readonly keyFile: string;
  readonly command: string;
  /** The file of what the command gets: nothing, unless given. */
  readonly inputFile?: string;
  /** After how many bytes the client is to exchange keys anew. */
  readonly rekeyBytes?: number;
}

/** What came of a command. */
export interface RunResult {
  readonly status: number | null;
  /** The signal that ended it, without `SIG`; null too where the peer does not tell. */
  readonly signal: string | null;
  /** The first 1000 bytes of what it wrote, a character each. */
  readonly stdout: string;
  /** The hash of all that it wrote, in hexadecimal. */
  readonly stdoutSha256: string;
  /** The first 1000 bytes of its standard error, a character each. */
  readonly stderr: string;
}

/** Another implementation's client. */
export interface PeerClient extends AsyncDisposable {
  /** Logs in to a server on the loopback interface, and runs a command. */
  run(request: RunRequest): Promise<RunResult>;
}

/** What a server is to do: to run commands in a shell. */
export interface ListenRequest {
  readonly hostKeyFiles: readonly string[];
  readonly user: string;
  readonly password: string;
  readonly authorizedKeysFile: string;
  /** After how many bytes the server is to exchange keys anew. */
  readonly rekeyBytes?: number;
}

/** Another implementation's server. */
export interface PeerServer extends AsyncDisposable {
  /**
   * Listens on the loopback interface until it is disposed.
   *
   * @returns The port, which nobody else has.
   */
  listen(request: ListenRequest): Promise<number>;
}
