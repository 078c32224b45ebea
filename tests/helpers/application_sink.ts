/**
 * An application that only keeps account of what it is asked and told.
 *
 * @module
 */

import type { ClientEngineOptions, ServerEngineOptions } from "../../protocol/engine_options.ts";
import type { AuthenticatedUser } from "../../protocol/auth/server.ts";
import type { ChannelSink, IncomingChannelRequest } from "../../protocol/connection/channel.ts";
import type {
  IncomingChannelOpen,
  IncomingGlobalRequest,
} from "../../protocol/connection/multiplexer.ts";
import { RecordingSink } from "./engine_pair.ts";

/** Records each call of the application's handlers, by a short name. */
export class ApplicationSink extends RecordingSink {
  /** What was called, in order. */
  readonly calls: string[] = [];
  /** How often the application was told that the connection has ended. */
  timesClosed = 0;
  /** What DEBUG messages said. */
  readonly debugs: string[] = [];

  override onAuthenticated(user: AuthenticatedUser): void {
    super.onAuthenticated(user);
    this.calls.push(`authenticated ${user.user}`);
  }

  override onChannelOpen(open: IncomingChannelOpen): void {
    super.onChannelOpen(open);
    this.calls.push(`open ${open.type}`);
  }

  override onGlobalRequest(request: IncomingGlobalRequest): void {
    super.onGlobalRequest(request);
    this.calls.push(`request ${request.name}`);
  }

  onDebug({ message }: { message: string }): void {
    this.debugs.push(message);
  }

  override onClosed(reason: Error): void {
    super.onClosed(reason);
    this.timesClosed++;
  }

  /** Records the decisions that a server's policy is asked for. */
  watchServer(options: ServerEngineOptions): ServerEngineOptions {
    return {
      ...options,
      auth: {
        ...options.auth,
        authenticate: (attempt) => {
          this.calls.push(`authenticate ${attempt.method}`);
          return options.auth.authenticate(attempt);
        },
      },
    };
  }

  /** Records the decisions on host keys that a client's user is asked for. */
  watchClient(options: ClientEngineOptions): ClientEngineOptions {
    return {
      ...options,
      verifyHostKey: (key) => {
        this.calls.push("verify host key");
        return options.verifyHostKey(key);
      },
    };
  }
}

/** What a channel told, by a short name each. */
export class RecordingChannelSink implements ChannelSink {
  readonly calls: string[] = [];
  readonly data: Uint8Array[] = [];
  readonly requests: IncomingChannelRequest[] = [];

  onOpen(): void {
    this.calls.push("open");
  }
  onOpenFailure(reason: number): void {
    this.calls.push(`open failure ${reason}`);
  }
  onData(data: Uint8Array, type: number): void {
    this.calls.push(`data ${type} ${data.length}`);
    this.data.push(data);
  }
  onEof(): void {
    this.calls.push("eof");
  }
  onRequest(request: IncomingChannelRequest): void {
    this.calls.push(`request ${request.name}`);
    this.requests.push(request);
  }
  onWindow(): void {
    this.calls.push("window");
  }
  onClosed(): void {
    this.calls.push("closed");
  }
}
